"""One encoder from a representation: trained, scored, and its embeddings kept.

What is left in a checkpoint folder:

    encoder.safetensors   all weights, those of a MobileNet and of a standardisation included
    mobilenet.safetensors the MobileNet with the output layer that it was trained with
    encoder.json          settings, key, seed, history, number of parameters
    embeddings.npy        [chunk, width] float32 of every chunk of the corpus, in the order of the chunks
    embeddings.json       key of the weights and the sounds that the embeddings were made from
    encoder-epoch<k>.safetensors  all weights as they were after epoch k, an eighth, a quarter and a half of the way;
                          a MobileNet in them is finished, as it is trained before
    *.state.safetensors   while it is being trained: where an interrupted run goes on
"""

import math
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lib import files
from lib.encoders import speed, training
from lib.encoders.fast import products
from lib.encoders.step import in_halves
from lib.encoders.training import Examples, History
from lib.encoders.transformer import Transformer, classifier, n_parameters
from lib.files import digests, locked
from lib.representations import kind, make, settings_of
from lib.settings import Settings
from lib.sounds.arrays import Rows, batched_slices
from lib.sounds.chunks import Chunks

# Chunks that go through a network at once when nothing is trained. Fixed, and the last block is filled up with silence,
# so that a chunk's numbers do not depend on how many came with it.
BLOCK = 64
FEW = 8  # the same for the chunks of one sound, which may be one alone
PARTS = (8, 4, 2)  # of the epochs: after an eighth, a quarter and a half of them the study keeps the weights
VERSION = 3  # of body and loop: raised when the same settings would give other numbers


@dataclass(frozen=True)
class Stage:
    """Something that took time: seconds for so many chunks, and the arithmetic that was in it, where it is known."""

    what: str
    seconds: float
    chunks: int
    flops: float | None = None


class Encoder(nn.Module):
    """Representation, Transformer and the encoder's own classifier."""

    def __init__(self, name: str, n_classes: int, settings: Settings) -> None:
        super().__init__()
        self.name, self.settings = name, settings
        self.timings: list[Stage] = []  # of what was done for it since it was made
        self.representation = make(name, settings)
        self.body = Transformer(settings.body)
        self.classifier = classifier("paper", settings.body.width, n_classes, settings.heads.hidden)

    def embed(self, features: Tensor) -> Tensor:
        """Embeddings [chunk, width] of features as the representation computes them."""
        return self.body(self.representation(features))

    def forward(self, features: Tensor) -> Tensor:
        """Outputs [chunk, class] of features."""
        return self.classifier(self.embed(features))


@dataclass(frozen=True)
class Trained:
    """A trained encoder with its embeddings [chunk, width], its own test scores [chunk, class] and what happened."""

    encoder: Encoder
    embeddings: np.ndarray
    scores: np.ndarray
    histories: dict[str, History]
    timings: list[Stage]  # of what was done in this call: none where everything was there


def train_encoder(
    name: str, chunks: Chunks, settings: Settings, seed: int, folder: Path, device: str = "auto", *,
    keep_epochs: Collection[int] = (),
) -> Trained:  # fmt: skip
    """Train one encoder on the training chunks, or resume from its checkpoint, or load the finished one.

    Its embeddings and test scores are computed from its weights at each call, and the embeddings are written.
    keep_epochs: after these epochs (from 1) the weights are saved beside the finished ones, where it is trained now.
    Raises files.Locked where another process is at it.
    """
    target = training.device_of(device)
    torch.set_num_threads(settings.threads)
    with locked(folder, f"{name}, seed {seed}"):
        key = key_of(name, chunks, settings, seed)
        torch.manual_seed(seed)
        encoder = Encoder(name, len(chunks.corpus.classes), settings)
        histories = digests.or_again(lambda: load_finished(encoder, folder, key))
        if not histories:
            (folder / "embeddings.json").unlink(missing_ok=True)  # of other weights
            histories = _train(encoder, chunks, seed, folder, key, target, keep_epochs)
        encoder.to(target)
        embeddings, outputs = predictions(encoder, features_of(encoder, chunks, target), target)
        save_embeddings(embeddings, folder, key, chunks)
        scores = training.activate(torch.from_numpy(outputs[chunks.rows("test")]), settings.schedule(name)).numpy()
        return Trained(encoder, embeddings, scores, histories, list(encoder.timings))


def _train(
    encoder: Encoder, chunks: Chunks, seed: int, folder: Path, key: str, device: torch.device,
    keep_epochs: Collection[int],
) -> dict[str, History]:  # fmt: skip
    settings, representation, histories = encoder.settings, encoder.representation, {}
    rows = chunks.rows(*settings.train_roles)
    paths = {epoch: epoch_path(folder, epoch) for epoch in keep_epochs}

    def train(
        what: str, model: nn.Module, inputs: Rows, targets: np.ndarray, validation: Examples | None = None
    ) -> None:
        schedule = settings.schedule(what)
        history = training.fit(
            model, Examples(inputs, targets, settings.trained_on), schedule, seed,
            state=folder / f"{what}.state.safetensors", key=key, device=device, validation=validation,
            report=training.progress(f"{what}, seed {seed}"),
            keep=paths if model is encoder else None,  # a MobileNet is finished before the first of these epochs
        )  # fmt: skip
        some = (torch.from_numpy(values[slice(0, 16)]).to(device) for values in (inputs, targets))
        flops = speed.flops_an_item(model, *some, schedule) * len(inputs) * len(history.rows)
        stage = Stage(f"train {what}, seed {seed}", history.seconds, len(rows) * len(history.rows), flops)
        encoder.timings.append(stage)
        histories[what] = history
        if model is not encoder:
            training.save_weights(model, folder / f"{what}.safetensors", key)

    representation.fit(Rows(chunks.audio, rows), chunks.targets[rows], train)
    features = features_of(encoder, chunks, device)
    representation.standardise(Rows(features, rows))
    validation = validation_of(features, chunks, settings) if settings.checkpoint == "best" else None
    train(encoder.name, encoder, Rows(features, rows), chunks.targets[rows], validation)
    save_finished(encoder, folder, key, seed, histories)
    return histories


def validation_of(features: np.ndarray, chunks: Chunks, settings: Settings) -> Examples:
    """The validation chunks with their features [chunk, ...]; ValueError where there are none or they are trained on."""
    rows = chunks.rows("validation")
    if not len(rows) or "validation" in settings.trained_on:
        raise ValueError(
            "checkpoint=best needs validation clips that are not trained on: "
            "set validation=next for a corpus with folds, and trained_on=train"
        )
    return Examples(Rows(features, rows), chunks.targets[rows], "validation")


def key_of(name: str, chunks: Chunks, settings: Settings, seed: int) -> str:
    """Changes with whatever the weights depend on, and with nothing else.

    These are the samples and labels of the chunks that are trained on (or selected on), all settings that reach the
    network or its training with their values now, the seed, and the versions of the rules and of the libraries in use.
    """
    learned_from = [chunks.content(chunks.rows(*settings.train_roles))]
    if settings.checkpoint == "best":
        learned_from.append(chunks.content(chunks.rows("validation")))
    schedules = [settings.schedule(what) for what in (name, *kind(name).learns)]
    return files.key(
        name, learned_from, settings.body, settings.checkpoint, settings.threads, settings.heads.hidden, schedules,
        seed, *of_features(name, settings),
    )  # fmt: skip


def of_features(name: str, settings: Settings) -> tuple[Any, ...]:
    """What features depend on besides the samples: the representation's settings, and versions of rules and libraries."""
    chosen = kind(name)
    versions = [version(library) for library in ("torch", *chosen.libraries)]
    chunking = settings.chunking
    return settings_of(name, settings), chunking.rate_hz, chunking.length_s, VERSION, chosen.version, versions


def features_of(encoder: Encoder, chunks: Chunks, device: torch.device) -> np.ndarray:
    """Features of every chunk [chunk, ...], on disk under what they were computed from; the chunks where not stored.

    What computing them took is noted in the encoder's timings.
    """
    name, representation = encoder.name, encoder.representation
    if not representation.stored:
        return chunks.audio
    weights = (value for part in representation.learned for value in part.state_dict().values())
    learned = [files.digest(value.cpu().numpy()) for value in weights]
    key = files.key(name, chunks.key, learned, *of_features(name, encoder.settings))
    path = files.cache() / "features" / f"{name}-{key}.npy"
    with locked(path.with_suffix(""), f"features of {name}", wait=True):
        features = digests.reread(path, mapped)
        if features is None:
            start = time.perf_counter()
            compute_features(representation.to(device), chunks.audio, path, device)
            encoder.timings.append(Stage(f"features of {name}", time.perf_counter() - start, len(chunks)))
            features = mapped(path)
    return features


mapped = partial(np.load, mmap_mode="r")


def compute_features(representation: nn.Module, audio: np.ndarray, path: Path, device: torch.device) -> None:
    """Write the features [chunk, ...] of all chunks [chunk, sample] to `path`, block by block, whole or not at all."""
    stored = None
    with digests.sealed(path) as temporary:
        for part, values in in_blocks(lambda x: representation.compute(x), audio, device):
            if stored is None:
                stored = np.lib.format.open_memmap(temporary, "w+", values[0].dtype, (len(audio), *values[0].shape[1:]))
                with files.room_for(path, stored.nbytes):
                    files.reserve(temporary)
            stored[part] = values[0]
        stored.flush()


def predictions(encoder: Encoder, features: np.ndarray, device: torch.device) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings [chunk, width] and outputs [chunk, class], float32, of all features, in evaluation mode."""
    return _predictions(encoder, encoder.embed, features, device, BLOCK)


def embed_chunks(
    encoder: Encoder, chunks: np.ndarray, size: int = FEW, otherwise: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings [chunk, width] and outputs [chunk, class] of chunks [chunk, sample], `size` at once, in evaluation mode.

    otherwise: a way to give a network in its representation the input, other than it was trained; nothing changes where it has none.
    """
    device, of = next(encoder.parameters()).device, encoder.representation
    features = partial(of.compute_otherwise, how=otherwise) if otherwise else of.compute
    return _predictions(encoder, lambda x: encoder.embed(features(x)), chunks, device, size)


def _predictions(
    encoder: Encoder, embed: Callable[[Tensor], Tensor], inputs: np.ndarray, device: torch.device, size: int
) -> tuple[np.ndarray, np.ndarray]:
    def both(x: Tensor) -> tuple[Tensor, Tensor]:
        embedding = embed(x)
        return embedding, encoder.classifier(embedding)

    encoder.eval()
    embeddings, outputs = zip(*(values for _, values in in_blocks(both, inputs, device, size)), strict=True)
    return np.concatenate(embeddings), np.concatenate(outputs)


@torch.inference_mode()
def in_blocks(
    function: Callable, array: np.ndarray, device: torch.device, size: int = BLOCK
) -> Iterator[tuple[slice, tuple[np.ndarray, ...]]]:
    """Where and what: `function` of blocks of `size` rows of the array [item, ...], each a tensor or several, [row, ...]."""
    for part in batched_slices(len(array), size):
        rows = np.array(array[part])
        filled = np.concatenate([rows, np.zeros((size - len(rows), *rows.shape[1:]), rows.dtype)])
        with products("float32"):  # left to itself a GPU takes convolutions in TF32
            values = in_halves(function, torch.from_numpy(filled).to(device))
        values = values if isinstance(values, tuple) else (values,)
        yield part, tuple(value[: len(rows)].cpu().numpy() for value in values)


def save_finished(encoder: Encoder, folder: Path, key: str, seed: int, histories: dict[str, History]) -> None:
    """Write the finished encoder and what was done; the states of the way there are no longer needed."""
    training.save_weights(encoder, folder / "encoder.safetensors", key)
    digests.write_json(folder / "encoder.json", {
        "key": key, "seed": seed, "finished": time.strftime("%Y-%m-%dT%H:%M:%S"),
        "settings": encoder.settings.model_dump(), "n_parameters": n_parameters(encoder),
        "history": {what: history.rows for what, history in histories.items()},
    })  # fmt: skip
    for state in folder.glob("*.state.safetensors"):
        digests.remove(state)


def parts_of_epochs(epochs: int) -> dict[int, int]:
    """After which epoch (from 1) an eighth, a quarter and a half of them are done, rounded up: {8: .., 4: .., 2: ..}."""
    return {part: math.ceil(epochs / part) for part in PARTS}


def epoch_path(folder: Path, epoch: int) -> Path:
    """File of the weights of an encoder as they were after an epoch (from 1)."""
    return folder / f"encoder-epoch{epoch}.safetensors"


def load_finished(encoder: Encoder, folder: Path, key: str) -> dict[str, History] | None:
    """Load finished weights and history into `encoder`; None where there are none of this key.

    Raises digests.Damaged where they are not what was written.
    """
    manifest, weights = folder / "encoder.json", folder / "encoder.safetensors"
    if not (manifest.exists() and weights.exists()):
        return None
    stored = digests.read(manifest, digests.load_json)
    if stored["key"] != key:
        return None
    encoder.load_state_dict(digests.read(weights, load_file))
    return {what: History(rows) for what, rows in stored["history"].items()}


def save_embeddings(embeddings: np.ndarray, folder: Path, key: str, chunks: Chunks) -> None:
    """Write embeddings [chunk, width], and beside them the key of the weights and sounds that they were made from."""
    (folder / "embeddings.json").unlink(missing_ok=True)  # the two must not disagree if this is stopped in between
    digests.write_array(folder / "embeddings.npy", embeddings)
    digests.write_json(folder / "embeddings.json", {"key": files.key(key, chunks.key)})


def stored_embeddings(
    name: str, chunks: Chunks, settings: Settings, seed: int, folder: Path, device: str = "auto"
) -> np.ndarray | None:
    """Embeddings [chunk, width] of an encoder that is finished; None where there is none of these sounds and settings.

    Damaged ones are made again from the encoder.
    """
    manifest, path = folder / "embeddings.json", folder / "embeddings.npy"
    if not (manifest.exists() and path.exists()):
        return None
    stored = digests.reread(manifest, digests.load_json)
    if stored and stored["key"] != files.key(key_of(name, chunks, settings, seed), chunks.key):
        return None
    embeddings = digests.reread(path, np.load) if stored else None
    return train_encoder(name, chunks, settings, seed, folder, device).embeddings if embeddings is None else embeddings
