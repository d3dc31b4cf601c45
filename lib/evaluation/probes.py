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
from lib.evaluation.properties import PROPERTIES, measured
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
class Question:
    """A property as a linear model is asked for it; values of both sides [item, coordinate], NaN where not defined."""

    name: str
    unit: str
    measure: str
    train: np.ndarray
    test: np.ndarray

    @property
    def known(self) -> tuple[np.ndarray, np.ndarray]:
        """Of both sides [item] bool: where the property is defined."""
        return np.isfinite(self.train).all(1), np.isfinite(self.test).all(1)


@dataclass(frozen=True)
class Fold:
    """One part of a study, measured and ready to be probed; weights [resample, test item]."""

    part: Study
    train: Side
    test: Side
    questions: list[Question]
    weights: np.ndarray

    @classmethod
    def of(cls, part: Study) -> "Fold":
        """Choose the chunks and measure them."""
        train, test = frozen.sides(part)
        return cls(part, train, test, list(questions(part, train, test)), frozen.draws(part, test.groups))

    @property
    def rows(self) -> np.ndarray:
        """Rows of the corpus [item]: those of the training side, then those of the test side."""
        return np.concatenate([self.train.rows, self.test.rows])

    def groups(self, question: Question) -> np.ndarray:
        """The groups [item] of the test chunks that the property is defined in."""
        return self.test.groups[question.known[1]]


def questions(part: Study, train: Side, test: Side) -> Iterator[Question]:
    """Every property, measured on the chunks of both sides, and the classes."""
    spent: list[float] = []
    learned, asked = (measured(part.chunks, one.rows, spent) for one in (train, test))
    if spent:
        part.note_time("properties of chunks", sum(spent), len(train.rows) + len(test.rows), "chunks")
    for one in PROPERTIES:
        yield Question(one.name, one.unit, "r2", *(one.coordinates(each[one.name]) for each in (learned, asked)))
    targets = part.chunks.targets.astype(float)
    yield Question(CLASSES, "macro mAP", SHARED, targets[train.rows], targets[test.rows])


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
    found = [[probed(fold, seed) for fold in folds] for seed in seeds]
    rows = []
    for each in zip(*(fold.questions for fold in folds), strict=True):
        counts = _counts(folds, each) | {"seeds": len(seeds)}
        of_groups = sum(frozen.freedom(fold.groups(one)) for fold, one in zip(folds, each, strict=True))
        for encoder in (*names(), ALL_FOUR):
            for control in CONTROLS:
                key = each[0].name, encoder, control
                ends = (0, 1) if each[0].measure == SHARED else (-np.inf, 1)
                number = frozen.summary(study, [[one[key] for one in by_fold] for by_fold in found], of_groups, ends)
                start = {"property": each[0].name, "unit": each[0].unit, "encoder": encoder, "control": control}
                rows.append(start | {"measure": each[0].measure} | number | counts)
    return pd.DataFrame(rows, columns=COLUMNS)


def _counts(folds: list[Fold], each: tuple[Question, ...]) -> dict[str, int]:
    """n_train, n and groups of one property in all folds."""
    return {
        "n_train": sum(int(one.known[0].sum()) for one in each),
        "n": sum(int(one.known[1].sum()) for one in each),
        "groups": sum(len(set(fold.groups(one))) for fold, one in zip(folds, each, strict=True)),
    }


def probed(fold: Fold, seed: int) -> dict[Key, np.ndarray]:
    """By property, encoder and control: the measure, and under each resample [1 + resample]."""
    own = frozen.trained(fold.part, seed, fold.rows)
    before = frozen.untrained(fold.part, seed, fold.rows, fold.train.rows)
    order = shuffled(fold.train.clips, seed)
    found = {}
    for encoder in (*names(), ALL_FOUR):
        inputs, first = (frozen.joined(embeddings, encoder) for embeddings in (own, before))
        for question in fold.questions:
            found[question.name, encoder, ""] = probe(fold, question, question.train, inputs)
            found[question.name, encoder, "untrained"] = probe(fold, question, question.train, first)
            found[question.name, encoder, "shuffled"] = probe(fold, question, question.train[order], inputs)
            found[question.name, encoder, "unseen"] = unseen(fold, question, inputs)
    return found


def probe(fold: Fold, question: Question, learned: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """[1 + resample] of a ridge that learns `learned` [train item, coordinate] from inputs [train and test item, d].

    All NaN where too few chunks have a value.
    """
    train, test = np.split(inputs, [len(learned)])
    known, asked = np.isfinite(learned).all(1), question.known[1]
    if known.sum() < FEWEST or not asked.any():
        return np.full(1 + len(fold.weights), np.nan)
    model = ridge.fit(train[known], learned[known], fold.train.groups[known])
    predicted, truth = model.predict(test[asked]), question.test[asked]
    if question.measure == "r2":
        return ridge.explained(truth, predicted, model.intercept, fold.weights[:, asked])
    return _precision(fold, truth, predicted)


def unseen(fold: Fold, question: Question, inputs: np.ndarray) -> np.ndarray:
    """[1 + resample] of ridges that learn from test chunks of other groups; inputs as for `probe`. NaN of few groups."""
    test, known = inputs[len(question.train) :], question.known[1]
    few = known.sum() < FEWEST or len(set(fold.groups(question))) < ridge.FOLDS
    if few or question.measure != "r2":
        return np.full(1 + len(fold.weights), np.nan)
    truth = question.test[known]
    predicted, mean = ridge.out_of_fold(test[known], truth, fold.test.groups[known])
    return ridge.explained(truth, predicted, mean, fold.weights[:, known])


def _precision(fold: Fold, targets: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Macro mAP [1 + resample] of scores [item, class]."""
    resamples, seed = fold.part.settings.scoring.resamples, resampling_seed(fold.part)
    value, rows = Bootstrap(targets, scores, fold.test.groups, resamples, seed).of(SHARED)
    return np.append(value.value, rows)
