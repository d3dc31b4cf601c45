"""One learner trained from scratch: by the study's loop on the study's chunks, resumed where it stopped, read back when done.

What is left in a checkpoint folder: learner.safetensors (weights), outputs.npz (embeddings [chunk, size] and outputs
[chunk, class] of all chunks) beside their key in outputs.json, and while it is trained learner.state.safetensors.
"""

import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from lib import files
from lib.encoders import training
from lib.encoders.encoder import in_blocks, validation_of
from lib.encoders.peers.base import Peer
from lib.encoders.peers.embeddings import Cost, embedded, measured_cost
from lib.encoders.peers.learner import Learner, schedule_of, schedule_of_teacher, settings_of
from lib.encoders.step import Loss
from lib.encoders.training import Examples
from lib.files import digests
from lib.settings import Settings, Training
from lib.sounds.arrays import Rows
from lib.sounds.chunks import Chunks

VERSION = 1  # of the rules below
TIMED = 32  # chunks by which a learner is timed


@dataclass(frozen=True, eq=False)
class Learned:
    """A learner's embeddings [chunk, size] and test scores [chunk, class], what it costs, and seconds of training (0: read back)."""

    embeddings: np.ndarray
    scores: np.ndarray
    cost: Cost
    seconds: float


class Features(Peer):
    """What a learner computes once, in the place of embeddings: at its own rate, from the clips, kept."""

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        self.learner, self.chunks_only = learner, True
        self.rate_hz, self.size, self.version = learner.rate_hz, 0, f"{type(learner).__name__} {learner.version}"

    def state_dict(self, *args: object, **kwargs: object) -> dict[str, Tensor]:
        return {}  # nothing that is learned

    def embed(self, audio: Tensor) -> Tensor:
        return self.learner.features(audio)


def learn(
    kind: type[Learner], chunks: Chunks, settings: Settings, seed: int, folder: Path, device: torch.device
) -> Learned:
    """Train it now, take up where an earlier call stopped, or read back its result."""
    with files.locked(folder, f"{kind.name}, seed {seed}", wait=True):
        torch.manual_seed(seed)
        model = kind(settings_of(kind, settings), len(chunks.corpus.classes))
        key = key_of(kind, chunks, settings, seed)
        seconds = 0.0
        if not digests.or_again(lambda: training.load_weights(model, folder / "learner.safetensors", key)):
            seconds = _train(model, features_of(model, chunks, device), chunks, settings, seed, folder, key, device)
        model.to(device).eval()
        embeddings, outputs = _outputs(model, chunks, folder, files.key(key, chunks.key), device)
        scores = training.activate(torch.from_numpy(outputs[chunks.rows("test")]), schedule_of(kind, settings)).numpy()
        return Learned(embeddings, scores, cost_of(model, chunks, device), seconds)


def key_of(kind: type[Learner], chunks: Chunks, settings: Settings, seed: int) -> str:
    """Changes with whatever the weights depend on."""
    roles = (*settings.train_roles, *(("validation",) if settings.checkpoint == "best" else ()))
    learned_from = [chunks.content(chunks.rows(role)) for role in roles]
    own, schedule = settings_of(kind, settings), schedule_of(kind, settings)
    rules = [VERSION, kind.version, settings.chunking, settings.checkpoint, settings.threads]
    return files.key(
        kind.name, learned_from, own, schedule, seed, rules, [version(library) for library in ("torch", "timm")]
    )


def features_of(model: Learner, chunks: Chunks, device: torch.device) -> np.ndarray:
    """Its features [chunk, ...] of all chunks: kept on disk where it stores them, else their samples [chunk, s]."""
    if model.stored or model.rate_hz != chunks.settings.rate_hz:
        return embedded(f"{model.name}-features", Features(model), chunks, device).chunks
    return chunks.audio


def _train(
    model: Learner, features: np.ndarray, chunks: Chunks, settings: Settings, seed: int, folder: Path, key: str,
    device: torch.device,
) -> float:  # fmt: skip
    rows, start = chunks.rows(*settings.train_roles), time.perf_counter()
    validation = validation_of(features, chunks, settings) if settings.checkpoint == "best" else None
    inputs, targets, schedule = Rows(features, rows), chunks.targets[rows], schedule_of(type(model), settings)

    def fit(what: str, module: nn.Module, file: str, targets: np.ndarray, schedule: Training, loss: Loss) -> None:
        training.fit(
            module, Examples(inputs, targets, settings.trained_on), schedule, seed, state=folder / f"{file}.state.safetensors",
            key=key, device=device, validation=validation, report=training.progress(f"{what}, seed {seed}"), loss=loss,
        )  # fmt: skip
        training.save_weights(module, folder / f"{file}.safetensors", key)
        digests.remove(folder / f"{file}.state.safetensors")

    torch.manual_seed(seed)
    if teacher := model.teacher():
        if not digests.or_again(lambda: training.load_weights(teacher, folder / "teacher.safetensors", key)):
            own = schedule_of_teacher(teacher, schedule)
            fit(f"{model.name}'s teacher", teacher, "teacher", targets, own, training.loss_by(own))
        targets = np.concatenate([targets, lessons(model, teacher.to(device).eval(), inputs, device)], 1)
    fit(model.name, model, "learner", targets, schedule, model.loss(schedule))
    digests.remove(folder / "teacher.safetensors")
    return time.perf_counter() - start


def lessons(model: Learner, teacher: nn.Module, inputs: Rows, device: torch.device) -> np.ndarray:
    """What a teacher says of each input [item, more] float32."""
    each = in_blocks(lambda x: model.lesson(teacher, x).float(), inputs, device)
    return np.concatenate([values for _, (values,) in each])


def _outputs(
    model: Learner, chunks: Chunks, folder: Path, key: str, device: torch.device
) -> tuple[np.ndarray, np.ndarray]:
    manifest, path = folder / "outputs.json", folder / "outputs.npz"
    there = digests.reread(manifest, digests.load_json) == {"key": key}
    found = digests.reread(path, digests.load_arrays) if there else None
    if found is None:
        manifest.unlink(missing_ok=True)
        both = in_blocks(lambda x: (model.represent(x), model(x)), features_of(model, chunks, device), device)
        each = [np.concatenate(parts) for parts in zip(*(values for _, values in both), strict=True)]
        found = dict(zip(("embeddings", "outputs"), each, strict=True))
        with digests.sealed(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **found)
        digests.write_json(manifest, {"key": key})
    return found["embeddings"], found["outputs"]


def cost_of(model: Learner, chunks: Chunks, device: torch.device) -> Cost:
    """What it costs, features included, on noise as long as the chunks."""
    heard_s = TIMED * chunks.settings.length_s
    n_samples = round(chunks.settings.length_s * model.rate_hz)
    audio = torch.randn(TIMED, n_samples, generator=torch.Generator().manual_seed(0)).to(device)
    # .cpu() waits for a GPU, which else is only told what to do
    return measured_cost(lambda: model(model.features(audio)).cpu(), [model], heard_s, device)
