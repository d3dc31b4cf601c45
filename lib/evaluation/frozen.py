"""The chunks and the frozen embeddings that probes and similarities are made from, and how their numbers are averaged.

Of a large corpus a part is taken, on either side by groups, the same whatever the fold: what is measured on sounds takes
some 10 ms a chunk.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from lib import files
from lib.encoders.encoder import Encoder, features_of, in_blocks, of_features, predictions, stored_embeddings
from lib.encoders.threads import cores, side_by_side
from lib.encoders.training import device_of
from lib.evaluation.intervals import Sampling, stacked
from lib.evaluation.resampling import resampled
from lib.evaluation.scores import resampling_seed
from lib.files import digests
from lib.representations import names
from lib.sounds.arrays import Rows
from lib.study import Study, StudyError, missing

MOST_CHUNKS = 4000  # of either side

Embeddings = Mapping[str, np.ndarray]  # of each encoder [item, width]


@dataclass(frozen=True)
class Side:
    """The chunks that a model learns from, or is scored on: their rows of the corpus, groups and clips, [item] each."""

    rows: np.ndarray
    groups: np.ndarray
    clips: np.ndarray


def sides(part: Study) -> tuple[Side, Side]:
    """The training and the test chunks of one part of a study."""
    return side(part, *part.settings.train_roles), side(part, "test")


def side(part: Study, *roles: str) -> Side:
    """The chunks of these roles; of more than MOST_CHUNKS those of some groups, the same whatever the fold."""
    chunks = part.chunks
    rows = chunks.rows(*roles)
    if len(rows) > MOST_CHUNKS:
        rows = rows[np.isin(chunks.groups[rows], drawn(chunks.groups[rows], MOST_CHUNKS))]
    return Side(rows, chunks.groups[rows], chunks.ids[rows])


def drawn(groups: np.ndarray, most: int) -> list[str]:
    """The first of the groups [item], in an order that follows from their names alone: together at most `most` items."""
    each, counts = np.unique(groups, return_counts=True)
    order = sorted(range(len(each)), key=lambda place: files.key("probes", str(each[place])))
    fits = int((np.cumsum(counts[order]) <= most).sum())
    return [str(each[place]) for place in order[: max(1, fits)]]


def draws(part: Study, groups: np.ndarray) -> np.ndarray:
    """Weights [resample, item] of this fold: groups [item] drawn anew."""
    return np.concatenate(list(resampled(groups, part.settings.scoring.resamples, resampling_seed(part))))


def read_embeddings(study: Study, name: str, seed: int) -> np.ndarray:
    """Embeddings [chunk, width] of one trained encoder; StudyError where they are missing or made from something else."""
    folder = study.checkpoint(name, seed)
    embeddings = stored_embeddings(name, study.chunks, study.settings, seed, folder, study.request.device)
    if embeddings is not None:
        return embeddings
    if not (folder / "embeddings.npy").exists():
        raise missing(study, folder / "embeddings.npy", "02_train_encoder", representation=name, seed=seed)
    raise StudyError(
        f"{name}, seed {seed}: its embeddings are of other sounds, labels, settings or library versions: "
        f"run {study.call('02_train_encoder', representation=name, seed=seed)} again"
    )


def trained(part: Study, seed: int, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Embeddings [row, width] of all trained encoders of one seed; StudyError where one is not there."""
    return {name: read_embeddings(part, name, seed)[rows] for name in names()}


def untrained(part: Study, seed: int, rows: np.ndarray, train: np.ndarray) -> dict[str, np.ndarray]:
    """Embeddings [row, width] of the encoders as their training starts, a MobileNet included; kept in data/cache.

    train: rows of the corpus that mean and spread of the features are taken from. Equal to the control `untrained`
    where these are all training chunks.
    """
    device = device_of(part.request.device)
    workers = cores() if device.type == "cpu" else 1
    torch.set_num_threads(part.settings.threads)
    encoders = {}
    for name in names():  # one by one: what is drawn here hangs on the seed alone
        torch.manual_seed(seed)
        encoders[name] = Encoder(name, len(part.chunks.corpus.classes), part.settings).to(device).eval()
    each, place = np.unique(rows, return_inverse=True)

    def embed(name: str) -> np.ndarray:
        return _untrained(part, name, encoders[name], each, train)[place]

    return dict(zip(encoders, side_by_side(embed, encoders, workers), strict=True))


def _untrained(part: Study, name: str, encoder: Encoder, rows: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Embeddings [row, width] of an encoder with its first weights, of ascending rows."""
    chunks, device, index = part.chunks, device_of(part.request.device), rows
    if not encoder.representation.stored or len(chunks) <= 2 * MOST_CHUNKS:
        features = features_of(encoder, chunks, device)
    else:
        computed = in_blocks(encoder.representation.compute, Rows(chunks.audio, rows), device)
        features, index = np.concatenate([values for _, (values,) in computed]), np.arange(len(rows))
    encoder.representation.standardise(Rows(features, index[np.searchsorted(rows, train)]))
    weights = [files.digest(value.cpu().numpy()) for value in encoder.state_dict().values()]
    made_from = chunks.key, files.digest(rows), weights, part.settings.body, *of_features(name, part.settings)
    path = files.cache() / "untrained" / f"{name}-{files.key(*made_from)}.npy"
    return digests.array(path, lambda: predictions(encoder, Rows(features, index), device)[0])


def joined(embeddings: Embeddings, encoder: str) -> np.ndarray:
    """Inputs [item, d] float64: the embedding of an encoder, or of several joined by "+" side by side."""
    return np.concatenate([embeddings[name] for name in encoder.split("+")], axis=1).astype(np.float64)


def freedom(groups: np.ndarray) -> int:
    """Groups [item] less one."""
    return max(len(set(groups.tolist())) - 1, 0)


def summary(
    part: Study, by_seed: list[list[np.ndarray]], of_groups: int, ends: tuple[float, float] = (-np.inf, 1)
) -> dict[str, float]:
    """value, low and high of a number known by seed and fold, each as [1 + resample]: itself, and with groups drawn anew.

    of_groups: degrees of freedom, summed over folds; ends: what the interval cannot go beyond.
    """
    rows = stacked([[(each[0], each[1:]) for each in folds] for folds in by_seed])
    return Sampling(part.settings.scoring.resamples, of_groups, part.settings.scoring.level).cells(rows, ends=ends)
