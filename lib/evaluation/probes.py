"""Linear probes: what a ridge reads of each property of a sound off a frozen embedding.

A probe learns from training chunks, its penalty chosen by groups of them, and is scored on test chunks. Beside it stand

    untrained  the same probe of encoders before their training: what front end and architecture give for nothing
    shuffled   the same probe where the values of the training chunks are exchanged between clips: what chance gives
    unseen     a probe that learns from test chunks, of other groups than it is scored on (five folds by group). The
               encoders have memorised their training chunks, whose embeddings can lie elsewhere than those of new sounds:
               where this probe reads much more, the embedding of new sounds holds what the other could not learn. Not of
               the classes, whose precision would rank scores of different probes against each other.

    r2         1 - (squared error of the probe) / (squared error of the mean of the training chunks), of test chunks
               where the property is defined: the share of its variance that is explained; below 0 it is worse than
               that mean. Of a circle: of cosine and sine together.
    map_macro  macro mean average precision, of the classes of the corpus as one more property.

Intervals resample groups of test clips, the same draws for every property and encoder, and have the spread of the seeds
in them. Folds are averaged.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.encoders.heads import ALL_FOUR
from lib.evaluation import frozen, ridge
from lib.evaluation.frozen import Side
from lib.evaluation.properties import PROPERTIES, of_chunks
from lib.evaluation.resampling import Bootstrap
from lib.evaluation.results import SHARED
from lib.evaluation.scores import resampling_seed
from lib.representations import names
from lib.study import Study

FEWEST = 10  # training chunks with a value: fewer teach nothing
CLASSES = "classes"  # the name of the property that is the corpus' classes
CONTROLS = ("", "untrained", "shuffled", "unseen")
COLUMNS = [
    "property", "unit", "encoder", "control", "measure", "value", "low", "high", "n_train", "n", "groups", "seeds",
]  # fmt: skip

Key = tuple[str, str, str]  # property, encoder and control


@dataclass(frozen=True)
class Target:
    """A property as a linear model predicts it; values of both sides [item, coordinate], NaN where not defined."""

    name: str
    unit: str
    measure: str
    train: np.ndarray
    test: np.ndarray

    @property
    def defined(self) -> tuple[np.ndarray, np.ndarray]:
        """Of both sides [item] bool: where the property is defined."""
        return np.isfinite(self.train).all(1), np.isfinite(self.test).all(1)


@dataclass(frozen=True)
class Fold:
    """One part of a study, measured and ready to be probed; weights [resample, test item]."""

    part: Study
    train: Side
    test: Side
    targets: list[Target]
    weights: np.ndarray

    @classmethod
    def of(cls, part: Study) -> "Fold":
        """Choose the chunks and measure them."""
        train, test = frozen.sides(part)
        return cls(part, train, test, list(targets_of(part, train, test)), frozen.draws(part, test.groups))

    @property
    def rows(self) -> np.ndarray:
        """Rows of the corpus [item]: those of the training side, then those of the test side."""
        return np.concatenate([self.train.rows, self.test.rows])

    def groups(self, target: Target) -> np.ndarray:
        """The groups [item] of the test chunks that the property is defined in."""
        return self.test.groups[target.defined[1]]

    @property
    def none(self) -> np.ndarray:
        """No value [1 + resample]."""
        return np.full(1 + len(self.weights), np.nan)


def targets_of(part: Study, train: Side, test: Side) -> Iterator[Target]:
    """Every property, measured on the chunks of both sides, and the classes."""
    seconds: list[float] = []
    sides = [of_chunks(part.chunks, one.rows, seconds) for one in (train, test)]
    if seconds:
        part.note_time("properties of chunks", sum(seconds), len(train.rows) + len(test.rows), "chunks")
    for one in PROPERTIES:
        yield Target(one.name, one.unit, "r2", *(one.coordinates(values[one.name]) for values in sides))
    classes = (part.chunks.targets[one.rows].astype(float) for one in (train, test))
    yield Target(CLASSES, "macro mAP", SHARED, *classes)


def shuffled(clips: np.ndarray, seed: int) -> np.ndarray:
    """Another order [item] of items, clip by clip: each clip's chunks get the values of another clip's chunks."""
    number = np.unique(clips, return_inverse=True)[1]
    moved = np.random.default_rng([seed, 6]).permutation(number.max() + 1)[number]
    order = np.empty(len(clips), int)
    order[np.argsort(number, kind="stable")] = np.argsort(moved, kind="stable")
    return order


def probe_table(study: Study) -> pd.DataFrame:
    """Rows of probes.csv: every property, encoder and control; n, n_train and groups are summed over folds."""
    folds, seeds = [Fold.of(part) for part in study.parts], study.request.seeds
    numbers = [[probed(fold, seed) for fold in folds] for seed in seeds]
    rows = []
    for each in zip(*(fold.targets for fold in folds), strict=True):
        name, unit, measure = each[0].name, each[0].unit, each[0].measure
        groups = [fold.groups(one) for fold, one in zip(folds, each, strict=True)]
        counts = {"n_train": sum(int(one.defined[0].sum()) for one in each), "n": sum(map(len, groups))}
        counts |= {"groups": sum(len(set(own)) for own in groups), "seeds": len(seeds)}
        of_groups, ends = sum(map(frozen.freedom, groups)), (0, 1) if measure == SHARED else (-np.inf, 1)
        for encoder in (*names(), ALL_FOUR):
            for control in CONTROLS:
                by_seed = [[one[name, encoder, control] for one in by_fold] for by_fold in numbers]
                start = {"property": name, "unit": unit, "encoder": encoder, "control": control, "measure": measure}
                rows.append(start | frozen.summary(study, by_seed, of_groups, ends) | counts)
    return pd.DataFrame(rows, columns=COLUMNS)


def probed(fold: Fold, seed: int) -> dict[Key, np.ndarray]:
    """By property, encoder and control: the measure, and under each resample [1 + resample]."""
    own = frozen.trained(fold.part, seed, fold.rows)
    before = frozen.untrained(fold.part, seed, fold.rows, fold.train.rows)
    order, numbers = shuffled(fold.train.clips, seed), {}
    for encoder in (*names(), ALL_FOUR):
        inputs, first = (frozen.joined(embeddings, encoder) for embeddings in (own, before))
        for target in fold.targets:
            numbers[target.name, encoder, ""] = probe(fold, target, target.train, inputs)
            numbers[target.name, encoder, "untrained"] = probe(fold, target, target.train, first)
            numbers[target.name, encoder, "shuffled"] = probe(fold, target, target.train[order], inputs)
            numbers[target.name, encoder, "unseen"] = unseen(fold, target, inputs)
    return numbers


def probe(fold: Fold, target: Target, learned: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """[1 + resample] of a ridge that learns `learned` [train item, coordinate] from inputs [train and test item, d].

    All NaN where too few chunks have a value.
    """
    train, test = np.split(inputs, [len(learned)])
    known, tested = np.isfinite(learned).all(1), target.defined[1]
    if known.sum() < FEWEST or not tested.any():
        return fold.none
    model = ridge.fit(train[known], learned[known], fold.train.groups[known])
    predicted, truth = model.predict(test[tested]), target.test[tested]
    if target.measure == "r2":
        return ridge.explained(truth, predicted, model.intercept, fold.weights[:, tested])
    resamples, seed = fold.part.settings.scoring.resamples, resampling_seed(fold.part)
    value, rows = Bootstrap(truth, predicted, fold.test.groups, resamples, seed).of(SHARED)
    return np.append(value.value, rows)


def unseen(fold: Fold, target: Target, inputs: np.ndarray) -> np.ndarray:
    """[1 + resample] of ridges that learn from test chunks of other groups; inputs as for `probe`. NaN of few groups."""
    test, known = inputs[len(target.train) :], target.defined[1]
    few = known.sum() < FEWEST or len(set(fold.groups(target))) < ridge.FOLDS
    if few or target.measure != "r2":
        return fold.none
    truth = target.test[known]
    predicted, mean = ridge.out_of_fold(test[known], truth, fold.test.groups[known])
    return ridge.explained(truth, predicted, mean, fold.weights[:, known])
