"""Heads one after another, a loop over scikit-learn, and real time: what comes after training."""

import itertools
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from bench import plain
from bench.case import CPU, N_CLASSES, Case
from lib.encoders.encoder import Encoder, embed_chunks
from lib.encoders.heads import HeadData, HeadPlan, score_subsets, subsets
from lib.encoders.transformer import classifier
from lib.evaluation.resampling import Bootstrap, resampled
from lib.settings import Heads, Settings, Training
from lib.sounds.chunks import cut_clip
from lib.sounds.decode import decode


def head_cases(chunks: Tensor, settings: Settings) -> Iterator[Case]:
    """All fifteen subsets, three seeds, a few epochs of each head."""
    rng = np.random.default_rng(0)
    targets = (rng.random((512, N_CLASSES)) < 0.06).astype(np.uint8)
    embeddings = {name: rng.normal(size=(512, 64)).astype(np.float32) + targets[:, :1] for name in plain.NAMES}
    rows, schedule = np.arange(512), Training(epochs=3, lr=1e-3, batch=64)
    heads = Heads(scaling="none", linear_fit="descent")  # step for step what torch does
    data = HeadData(embeddings, targets, rows.astype(str))

    def ours(head: str) -> list:
        plan = HeadPlan(head, heads, schedule)
        return [list(score_subsets(data, rows, rows, plan, seed, CPU)) for seed in range(3)]

    def theirs(head: str) -> None:
        for subset, seed in itertools.product(subsets(plain.NAMES), range(3)):
            torch.manual_seed(seed)
            inputs = np.concatenate([embeddings[name] for name in subset], axis=1)
            model = classifier(head, inputs.shape[1], N_CLASSES, heads.hidden)
            plain.fit(model, inputs, targets.astype(np.float32), schedule)
            plain.apply(model, inputs)

    for head in ("linear", "paper"):
        sides = partial(ours, head), partial(theirs, head)
        agreement = "equality with torch's own steps is under test in tests/encoders/test_heads.py"
        yield Case(f"heads_{head}", "one head after another", *sides, (45, 45), lambda agreement=agreement: agreement)


def bootstrap_cases(chunks: Tensor, settings: Settings) -> Iterator[Case]:
    """Intervals of macro mAP, against a loop over scikit-learn."""
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(0)
    targets = (rng.random((400, N_CLASSES)) < 0.06).astype(np.uint8)
    targets[rng.integers(0, 400, N_CLASSES), np.arange(N_CLASSES)] = 1
    scores = np.round(targets + rng.normal(size=targets.shape), 2)
    groups = np.arange(400).astype(str)
    drawn = np.concatenate(list(resampled(groups, 200, 0)))

    def ours() -> np.ndarray:
        return Bootstrap(targets, scores, groups, 200, 0).of("map_macro")[1]

    def theirs(n: int = 20) -> np.ndarray:
        found = []
        for weights in drawn[:n]:
            rows = np.repeat(np.arange(400), weights)
            there = targets[rows].any(0)
            found.append(average_precision_score(targets[rows][:, there], scores[rows][:, there], average="macro"))
        return np.array(found)

    def agreement() -> str:
        return f"{np.abs(ours()[:20] - theirs()).max():.1e} between the same resamples"

    yield Case("bootstrap", "a loop over scikit-learn", ours, theirs, (200, 20), agreement)


def embed_cases(chunks: Tensor, settings: Settings) -> Iterator[Case]:
    """A sound file of ten seconds to four embeddings and tags, decoding included; weights do not change the time."""
    encoders = [Encoder(name, N_CLASSES, settings) for name in plain.NAMES]
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / "ten.wav"
    soundfile.write(path, chunks[:10].flatten().numpy(), 16000)

    def ours() -> list:
        assert folder  # the file lives as long as the case
        seconds, _ = cut_clip(decode(path, settings.chunking.rate_hz, settings.chunking.resampler), settings.chunking)
        return [embed_chunks(encoder, seconds) for encoder in encoders]

    def agreement() -> str:
        return f"{sum(embeddings.shape[1] for embeddings, _ in ours())} numbers and {N_CLASSES} tags a second"

    yield Case("embed_realtime", "real time", ours, lambda: time.sleep(1), (10, 1), agreement)
