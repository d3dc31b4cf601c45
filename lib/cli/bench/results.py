"""Heads one after another, a loop over scikit-learn, and real time: what comes after training."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from lib.cli.bench.case import CPU, N_CLASSES, Case
from lib.encoders import training
from lib.encoders.encoder import Encoder, embed_file
from lib.encoders.heads import HeadData, HeadPlan, label, score_subsets, subsets
from lib.encoders.transformer import classifier
from lib.evaluation.resampling import Bootstrap, resampled
from lib.settings import Heads, Settings, Training


def alone(
    embeddings: dict[str, Tensor], targets: Tensor, head: str, heads: Heads, schedule: Training, seed: int
) -> dict[str, Tensor]:
    """Scores of each subset's head, trained one after another with torch's own layers and optimiser."""
    scores = {}
    for subset in subsets(list(embeddings)):
        torch.manual_seed(seed)
        inputs = torch.cat([embeddings[name] for name in subset], dim=1)
        model = classifier(head, inputs.shape[1], targets.shape[1], heads.hidden)
        optimiser = torch.optim.Adam(model.parameters(), lr=schedule.lr)
        n_batches = -(-len(inputs) // schedule.batch)
        for epoch in range(schedule.epochs):
            order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
            for number, which in enumerate(order.tensor_split(n_batches)):
                optimiser.param_groups[0]["lr"] = training.learning_rate(
                    schedule, epoch * n_batches + number, schedule.epochs * n_batches
                )
                optimiser.zero_grad(set_to_none=True)
                training.loss_of(model(inputs[which]), targets[which], schedule).backward()
                optimiser.step()
        scores[label(subset)] = model(inputs).detach()
    return scores


def head_cases(chunks: Tensor, settings: Settings) -> Iterator[Case]:
    """All fifteen subsets, three seeds, a few epochs of each head."""
    rng = np.random.default_rng(0)
    targets = (rng.random((512, N_CLASSES)) < 0.06).astype(np.uint8)
    names = ("pitch", "timbre", "neuralogram", "waveform")
    embeddings = {name: rng.normal(size=(512, 64)).astype(np.float32) + targets[:, :1] for name in names}
    rows, schedule = np.arange(512), Training(epochs=3, lr=1e-3, batch=64)
    heads = Heads(scaling="none", linear_fit="descent")  # step for step what torch does
    data = HeadData(embeddings, targets, rows.astype(str))
    tensors, labels = {k: torch.from_numpy(v) for k, v in embeddings.items()}, torch.from_numpy(targets).float()
    for head in ("linear", "paper"):

        def ours(head: str = head) -> dict[str, np.ndarray]:
            found = {}
            for seed in range(3):
                scored = score_subsets(data, rows, rows, HeadPlan(head, heads, schedule), seed, CPU)
                found |= {f"{label(subset)} {seed}": scores for subset, scores in scored}
            return found

        def theirs(head: str = head) -> dict[str, Tensor]:
            each = [alone(tensors, labels, head, heads, schedule, seed) for seed in range(3)]
            return {f"{subset} {seed}": scores for seed, found in enumerate(each) for subset, scores in found.items()}

        agreement = lambda: "same batches and start; equality is under test in tests/encoders/test_heads.py"  # noqa: E731
        yield Case(f"heads_{head}", "one head after another", ours, theirs, (45, 45), agreement)


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
    encoders = [Encoder(name, N_CLASSES, settings) for name in ("pitch", "timbre", "neuralogram", "waveform")]
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / "ten.wav"
    soundfile.write(path, chunks[:10].flatten().numpy(), 16000)

    def ours() -> list:
        assert folder  # the file lives as long as the case
        return [embed_file(path, encoder, settings.chunking) for encoder in encoders]

    def agreement() -> str:
        return f"{sum(embeddings.shape[1] for _, embeddings, _ in ours())} numbers and {N_CLASSES} tags a second"

    yield Case("embed_realtime", "real time", ours, lambda: time.sleep(1), (10, 1), agreement)
