"""Measures with groups of items drawn anew: the draws, a plain bootstrap, and how results of any kind are kept.

A draw takes as many groups as there are, with replacement; an item counts as often as its group was drawn. The draws follow
from the number of groups and a seed, so that everything with the same groups and seed is paired.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from lib import files
from lib.evaluation import measures
from lib.evaluation.measures import BY_CLASS, NAMES, Array, Leaves, Matrix, Names, Value
from lib.files import digests
from lib.sounds.arrays import batched_slices

VERSION = 1  # raised when the same scores would give other rows


def group_numbers(groups: Names) -> tuple[Array, int]:
    """The number [item] of each item's group, from 0 in the order of their names, and how many groups there are."""
    numbers = np.unique(np.asarray(groups), return_inverse=True)[1]
    return numbers, int(numbers.max()) + 1


@lru_cache(maxsize=8)  # of a few folds: all models of a study take the same
def draws_of_groups(n_groups: int, resamples: int, seed: int) -> Array:
    """How often [resample, group] int32 each group was drawn: as many as there are, with replacement."""
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(n_groups, size=n_groups) for _ in range(resamples))
    return np.stack([np.bincount(each, minlength=n_groups).astype(np.int32) for each in drawn])


def resampled(groups: Names, resamples: int, seed: int) -> Iterator[Array]:
    """Blocks of weights [resample, item] int32: how often the group [item] of each was drawn."""
    group, n_groups = group_numbers(groups)
    draws = draws_of_groups(n_groups, resamples, seed)
    at_once = max(1, measures.WEIGHTS_BYTES // (4 * len(group)))
    return (draws[block][:, group] for block in batched_slices(resamples, at_once))


class Resampled(ABC):
    """The measures of one model: values, and the same with groups of items drawn anew."""

    @abstractmethod
    def of(self, name: str) -> tuple[Value, Array]:
        """One measure: its value, and its values under the draws [resample]."""

    @abstractmethod
    def of_classes(self, name: str) -> tuple[Array, Array]:
        """A mean over classes, class by class: [class] and [resample, class]; NaN where a class lacks what it needs."""

    def over(self, name: str, columns: Sequence[int]) -> tuple[float, Array]:
        """The mean over these classes alone, and its values under the draws [resample]; NaN where none has a value."""
        values, rows = self.of_classes(name)
        return float(measures.mean_of_known(values[None, columns])[0]), measures.mean_of_known(rows[:, columns])


class Bootstrap(Resampled):
    """Of scores [item, class] on groups [item], each measure computed when it is asked for; paired by groups and seed."""

    def __init__(
        self, targets: Array, scores: Array, groups: Names, resamples: int, seed: int, leaves: Leaves = None
    ) -> None:
        self.matrix = Matrix(targets, scores, leaves)
        self.groups = measures.one_each("groups", groups, "items", len(targets))
        self.resamples, self.seed, self.by_class = resamples, seed, {}

    def of(self, name: str) -> tuple[Value, Array]:
        measure = measures.chosen([name])[name]
        value = float(measure.values(self.matrix, self._once)[0])
        rows = measures.mean_of_known(self.of_classes(name)[1]) if name in BY_CLASS else self._drawn(measure.values)
        return Value(value, *measure.count(self.matrix)), rows

    def of_classes(self, name: str) -> tuple[Array, Array]:
        if name not in self.by_class:
            formula = BY_CLASS[name]
            self.by_class[name] = formula(self.matrix, self._once)[0], self._drawn(formula)
        return self.by_class[name]

    @property
    def _once(self) -> Array:
        return np.ones((1, len(self.groups)), np.int32)

    def _drawn(self, formula: Callable[[Matrix, Array], Array]) -> Array:
        """formula under each draw [resample, ...]; NaN where one group alone cannot be resampled."""
        if len(set(self.groups.tolist())) == 1:
            return np.full((self.resamples, *formula(self.matrix, self._once).shape[1:]), np.nan)
        return np.concatenate([formula(self.matrix, w) for w in resampled(self.groups, self.resamples, self.seed)])


@dataclass(frozen=True)
class Stored(Resampled):
    """All measures of one model at once, as they are kept in data/cache/measured.

    values, rows: of each measure, [resample]; class_values, class_rows: of each mean over classes, [class] and
    [resample, class] float32.
    """

    values: Mapping[str, Value]
    rows: Mapping[str, Array]
    class_values: Mapping[str, Array]
    class_rows: Mapping[str, Array]

    def of(self, name: str) -> tuple[Value, Array]:
        return self.values[name], self.rows[name]

    def of_classes(self, name: str) -> tuple[Array, Array]:
        return self.class_values[name], self.class_rows[name]

    @classmethod
    def of_all(cls, found: Resampled) -> "Stored":
        """Everything that another kind computes when it is asked for."""
        plain, each = (
            {name: one(name) for name in of} for one, of in ((found.of, NAMES), (found.of_classes, BY_CLASS))
        )
        return cls(*({name: pair[at] for name, pair in of.items()} for of in (plain, each) for at in (0, 1)))

    def write(self, path: Path) -> None:
        """As .npz: each field as one array, in the order of NAMES and BY_CLASS."""
        fields = {name: np.array(list(getattr(self, name).values())) for name in ("rows", "class_values", "class_rows")}
        with digests.sealed(path) as temporary:
            np.savez(temporary, values=np.array([astuple(one) for one in self.values.values()], str), **fields)

    @classmethod
    def read(cls, path: Path) -> "Stored":
        """What `write` left."""
        with np.load(path) as stored:
            values = [Value(float(value), int(n), int(out), why) for value, n, out, why in stored["values"].tolist()]
            of_classes = (dict(zip(BY_CLASS, stored[name], strict=True)) for name in ("class_values", "class_rows"))
            return cls(*(dict(zip(NAMES, given, strict=True)) for given in (values, stored["rows"])), *of_classes)


def measured_once(made_from: tuple, make: Callable[[], Stored]) -> Stored:
    """What `make` gives, made once for what it is made from and then read from data/cache/measured."""
    path = files.cache() / "measured" / f"{files.key(VERSION, *made_from)}.npz"
    stored = digests.reread(path, Stored.read)
    if stored is None:
        make().write(path)
        stored = Stored.read(path)
    return stored
