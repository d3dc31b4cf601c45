"""How long a run will take: a few training steps of each network, timed, times the steps there are to do.

A rough number before a long run. What is timed is what the run spends its time on: steps of the encoders and of
the MobileNet, the features of a few chunks, steps of the head; the start of each notebook is added.
"""

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from torch import Tensor, nn

from lib.controls import find
from lib.controls.peers import folder_of_learner
from lib.display.screen import counted, minutes
from lib.encoders import training
from lib.encoders.encoder import BLOCK, Encoder
from lib.encoders.fast import in_stream
from lib.encoders.heads import HeadPlan
from lib.encoders.peers import Wanted, wanted
from lib.encoders.peers.learner import schedule_of, schedule_of_teacher, settings_of
from lib.encoders.step import Loss
from lib.encoders.transformer import classifier
from lib.evaluation.frozen import MOST_CHUNKS
from lib.representations import kind, names
from lib.settings import Chunking, Settings, Training
from lib.sounds.arrays import Rows
from lib.sounds.corpora.base import Corpus
from lib.study import Request, Study

NOTEBOOK_S = 20.0  # a notebook's own time: its kernel, its imports, its pictures
FORKED_S = 9.0  # the same where its kernel is forked: what it imports is there
TABLES_S = 0.09  # a chunk after the training: measured on its sound, through untrained encoders, resampled
SAMPLED = 2000  # clips whose length is read from their headers; more are taken to be like these
TIMED_S = 0.2  # one network is timed for as long, and for two steps at least
# Items of a step on a processor at most: a larger batch takes about as long an item, and more of our time.
TIMED_BATCH = 64


def estimate(planned: Mapping[str, Any], jobs: int, forked: bool = False) -> tuple[str, list[str]]:
    """The estimate as a line of text, and the encoders that wait to be trained, those that take longest first.

    forked: whether kernels are (lib.cli.forking).
    """
    study = Study.of(Request(**planned["request"]))
    in_all, each = seconds(study, jobs, FORKED_S if forked else NOTEBOOK_S)
    line = f"this will take about {minutes(max(60, in_all))} ({counted(jobs, 'notebook')} at a time)"
    if costly := [name for name in study.settings.controls if find(name).costly]:
        line += f"; the encoders of the controls {', '.join(costly)} come on top, each about as long as the study's"
        if {"crossfit", "stacked", "seeds"} & {*costly}:
            line += ", and once five copies of each for crossfit, stacked and seeds"
    if frozen := [peer.name for peer in wanted(study.request.peers) if not peer.learner]:
        line += f"; the embeddings of {', '.join(frozen)} come on top"
    if study.request.robust:
        line += "; ROBUST comes on top"
    return line, sorted(each, key=lambda name: -each[name])


def seconds(study: Study, jobs: int, notebook_s: float = NOTEBOOK_S) -> tuple[float, dict[str, float]]:
    """Seconds for what is left to do, `jobs` notebooks running at a time, and of them each encoder's own."""
    torch.set_num_threads(study.settings.threads)
    device = training.device_of(study.request.device)
    corpus = study.read_corpus()
    per_clip = chunks_of_clips(corpus, study.settings.chunking)
    n_chunks = float(per_clip.sum())
    waiting = {name: left(study, Study.checkpoint, name, "encoder.json") for name in names()}
    each = {}
    for name in [name for name, parts in waiting.items() if parts]:
        of_step, of_feature = time_encoder(name, study.settings, len(corpus.classes), device)
        n_times = len(waiting[name]) if kind(name).learns else 1  # features that are not learned are shared
        each[name] = of_feature * n_chunks * n_times
        each[name] += sum(of_step * training_chunks(part, corpus, per_clip) for part in waiting[name])
    beside = []  # seconds of each training from scratch
    for peer in [peer for peer in wanted(study.request.peers) if peer.learner]:
        parts = left(study, folder_of_learner, peer.name, "learner.safetensors")
        of_chunk = time_learner(peer, study.settings, len(corpus.classes), device) if parts else 0.0
        beside += [of_chunk * training_chunks(part, corpus, per_clip) for part in parts]
    n_notebooks = sum(map(len, waiting.values()))
    together = min(jobs, max(1, n_notebooks + len(beside)))
    training_s = max((sum(each.values()) + sum(beside)) / together, *beside, 0)
    heads = sum(head_seconds(part, corpus, per_clip, device) for part in study.parts) * len(study.request.seeds)
    tables_s = TABLES_S * min(n_chunks, 2 * MOST_CHUNKS)
    return training_s + heads + tables_s + notebook_s * (math.ceil(n_notebooks / jobs) + 4), each


def left(study: Study, folder: Callable[[Study, str, int], Path], name: str, file: str) -> list[Study]:
    """The part of each training, by fold and seed, that has not left this file in its folder yet."""
    return [
        part for part in study.parts for seed in study.request.seeds if not (folder(part, name, seed) / file).exists()
    ]


def chunks_of_clips(corpus: Corpus, chunking: Chunking) -> np.ndarray:
    """Chunks [clip] that each clip gives, from the lengths in the headers; for a large corpus their mean."""
    paths = corpus.clips["path"].to_numpy()
    sampled = paths if len(paths) <= SAMPLED else np.random.default_rng(0).choice(paths, SAMPLED, replace=False)
    full, rest_s = np.divmod([length_s(path) for path in sampled], chunking.length_s)
    counts = np.maximum(1, full + (rest_s >= chunking.min_remainder_s))
    return counts if len(sampled) == len(paths) else np.full(len(paths), counts.mean())


def length_s(path: str) -> float:
    """Seconds of a sound file, 0 where it cannot be read (it will be left out)."""
    try:
        return soundfile.info(path).duration
    except (OSError, RuntimeError):
        return 0.0


def training_chunks(study: Study, corpus: Corpus, per_clip: np.ndarray) -> float:
    """Chunks that one encoder of this study is trained on."""
    roles = corpus.with_fold(study.request.fold, study.settings.validation).clips["role"]
    return float(per_clip[roles.isin(study.settings.train_roles).to_numpy()].sum())


def time_encoder(name: str, settings: Settings, n_classes: int, device: torch.device) -> tuple[float, float]:
    """Seconds that a training chunk costs over all epochs, what is learned first included, and its features once."""
    chunks = 0.1 * torch.randn(BLOCK, round(settings.chunking.rate_hz * settings.chunking.length_s))
    encoder = Encoder(name, n_classes, settings).to(device)
    representation = encoder.representation
    first = []

    def train(what: str, model: nn.Module, inputs: Rows, targets: np.ndarray) -> None:
        schedule, items = settings.schedule(what), torch.from_numpy(inputs[slice(None)]).to(device)
        of_item = time_step(model.to(device), items, schedule, device)
        first.append(of_item * schedule.epochs * len(inputs) / len(chunks))

    representation.fit(
        Rows(chunks.numpy(), np.arange(len(chunks))), np.zeros((len(chunks), n_classes), np.uint8), train
    )
    chunks, of_feature = chunks.to(device), 0.0
    features = chunks
    if representation.stored:
        with torch.no_grad():
            features = representation.compute(chunks[:8])
            of_feature = timed(lambda: representation.compute(chunks[:8]), device) / 8
    schedule = settings.schedule(name)
    return schedule.epochs * time_step(encoder, features, schedule, device) + sum(first), of_feature


def time_learner(peer: Wanted, settings: Settings, n_classes: int, device: torch.device) -> float:
    """Seconds that a training chunk costs over all epochs in a system trained from scratch, its teacher included."""
    kind, schedule = peer.learner, schedule_of(peer.learner, settings)
    model = kind(settings_of(kind, settings), n_classes).to(device)
    with torch.no_grad():
        features = model.features(
            0.1 * torch.randn(16, round(settings.chunking.length_s * model.rate_hz), device=device)
        )
    own = schedule.epochs * time_step(model, features, schedule, device, model.loss(schedule))
    if not (teacher := model.teacher()):
        return own
    first = schedule_of_teacher(teacher, schedule)
    return own + first.epochs * time_step(teacher.to(device), features, first, device)


def time_step(
    model: nn.Module, inputs: Tensor, schedule: Training, device: torch.device, loss: Loss | None = None
) -> float:
    """Seconds an item of one training step, as the training takes it; loss: by default that of the schedule."""
    model.train()
    batch = schedule.batch if device.type == "cuda" else min(schedule.batch, TIMED_BATCH)
    inputs = inputs[torch.arange(batch) % len(inputs)]
    with torch.no_grad():
        targets = torch.zeros_like(model(inputs))
    with training.training_steps(model, training.make_optimiser(model, schedule), schedule, loss) as step:
        with in_stream(step.stream):
            return timed(lambda: step.step(inputs, targets), device) / batch


def timed(work: Callable, device: torch.device) -> float:
    """Seconds that a call of `work` takes, after one to warm up; the fastest, as other work only slows it."""
    work()
    taken: list[float] = []
    while len(taken) < 2 or sum(taken) < TIMED_S:
        wait_for(device)
        start = time.perf_counter()
        work()
        wait_for(device)
        taken.append(time.perf_counter() - start)
    return min(taken)


def wait_for(device: torch.device) -> None:
    """Wait until the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def head_seconds(study: Study, corpus: Corpus, per_clip: np.ndarray, device: torch.device) -> float:
    """Seconds of both heads on every subset for one seed; 0 where the table of subsets is there."""
    if (study.folder / "tables" / "subsets.csv").exists():
        return 0.0
    settings, schedule = study.settings, study.settings.schedule("head")
    n_subsets, n_dims = 2 ** len(names()) - 1, len(names()) * settings.body.width // 2
    n_classes, total = len(corpus.classes), 0.0
    for reading in settings.heads.kinds:
        if HeadPlan.of(settings, reading).closed_form:
            continue  # a second or two in all
        head = classifier(reading, n_dims, n_classes, settings.heads.hidden).to(device)
        total += time_step(head, torch.zeros(1, n_dims, device=device), schedule, device)
    return total * n_subsets * schedule.epochs * training_chunks(study, corpus, per_clip)
