"""What each group of test clips does to a measure: standard errors from one sort, where a bootstrap sorts and sums a thousand times.

A measure of weighted items is smooth in the weights, and what it is made of is known: its influence on a group g,

    psi[g] = sum over items i of g of d(measure) / d(weight of i)        at weights 1,

comes from the same sort as its value (the infinitesimal jackknife; Efron 1982, chapter 6). Groups that are drawn anew, w[g]
times each, move the measure by the sum over g of (w[g] - 1) psi[g] and little more, so that the resamples of
a bootstrap become one matrix product: the same draws, with the measure's own curve left out. What is added,
subtracted or shared out of such rows is linear as they are. Agreement with the bootstrap from some 200 groups on, and coverage,
are in tests/evaluation/test_influence.py.

Every measure of lib.evaluation.measures has one. Of the means over classes it is that of each class (average precision; AUC, from which
d' follows by the chain rule, its clipped ends included); of `map_micro` that of all pairs; of the measures that are a ratio of
sums over items that of the ratio. Of a class it is made wider by sqrt(n / (n - 1)), where n groups have the class: so few
numbers lie closer to their own mean than to that of all. What it cannot see: that a resample may lose a class and leave it out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from lib.evaluation.intervals import special
from lib.evaluation.measures import BY_CLASS, ITEM_SUMS, MEASURES, NAMES, Array, Leaves, Matrix, Names, Value
from lib.evaluation.resampling import Stored, draws_of_groups, group_numbers
from lib.sounds.arrays import batched_slices

PAIRS_AT_ONCE = 2**21  # of item and class, whose places are looked up together


@dataclass(frozen=True)
class Levels:
    """Distinct scores, the highest first, and at which of them each item lies: all that measures of an order can see.

    at [item]: the level of each item; positive [item] bool; n_positive, n [level]: weights of positives and of all.
    """

    at: Array
    positive: Array
    n_positive: Array
    n: Array

    @classmethod
    def of(cls, positive: Array, places: Array) -> "Levels":
        """Levels of places [item] (Matrix.places), for the labels positive [item] bool."""
        at, count = _levels_of(places)
        return cls(at, positive, *(np.bincount(which, minlength=count).astype(float) for which in (at[positive], at)))

    def average_precision(self) -> tuple[float, Array, Array]:
        """The value, and its derivative by the weight of an item [level], with what is added to it for a positive."""
        total, positives, reached = self.n_positive.sum(), np.cumsum(self.n_positive), np.maximum(np.cumsum(self.n), 1)
        value = (self.n_positive * positives / reached).sum() / total
        lowers, raises = (_from_here_on(self.n_positive * by) for by in (positives / reached**2, 1 / reached))
        return value, -lowers / total, (positives / reached + raises - value) / total

    def area(self) -> tuple[float, Array, Array]:
        """The same of the area under the ROC curve, ties counted half: value, [level] and [level]."""
        negatives = self.n - self.n_positive
        # positives above a negative, and half of the tied ones
        above = np.cumsum(self.n_positive) - self.n_positive / 2
        below = _from_here_on(negatives) - negatives / 2
        n_pos, n_neg = self.n_positive.sum(), negatives.sum()
        value = (self.n_positive * below).sum() / (n_pos * n_neg)
        of_negative, of_positive = (above / n_pos - value) / n_neg, (below / n_neg - value) / n_pos
        return value, of_negative, of_positive - of_negative


def _levels_of(places: Array) -> tuple[Array, int]:
    """Level [item] of each place, and how many levels there may be: uint16 are levels as they are."""
    if places.dtype == np.uint16:
        return places.astype(np.intp), 2**16
    values, at = np.unique(places, return_inverse=True)
    return at.ravel(), len(values)


def _from_here_on(values: Array) -> Array:
    """Sum [level] of the values of this level and of all below it."""
    return np.cumsum(values[::-1])[::-1]


@dataclass(frozen=True)
class Influence:
    """A measure's value [...], and its influence psi [group, ...] on each group of items."""

    value: Array
    psi: Array

    @classmethod
    def stacked(cls, each: Sequence["Influence"]) -> "Influence":
        """Several as one: values [class], psi [group, class]."""
        return cls(np.array([one.value for one in each]), np.stack([one.psi for one in each], axis=1))

    def mean(self) -> "Influence":
        """Of the mean over the classes that have a value."""
        known = np.isfinite(self.value)
        return Influence(self.value[known].mean(), self.psi[:, known].mean(1))


class Influences:
    """Influences of all measures of targets and scores [item, class] on groups [item], each when it is asked for."""

    def __init__(self, targets: Array, scores: Array, groups: Names, leaves: Leaves = None):
        self.matrix = Matrix(targets, scores, leaves)
        self.group, self.n_groups = group_numbers(groups)

    @cached_property
    def of_classes(self) -> dict[str, Influence]:
        """Of the measures that are means over classes, class by class: values [class], psi [group, class]."""
        columns = (np.ascontiguousarray(each.T) for each in (self.matrix.targets, self.matrix.places))
        each = [self._of_class(positive, places) for positive, places in zip(*columns, strict=True)]
        return {name: Influence.stacked([one[name] for one in each]) for name in BY_CLASS}

    def of(self, name: str) -> Influence:
        """Of one measure: a value, psi [group]; NaN where lib.evaluation.measures has none."""
        if MEASURES[name].count(self.matrix)[-1]:
            return self._unknown()
        if name in BY_CLASS:
            return self.of_classes[name].mean()
        return self._of_pairs() if name == "map_micro" else self._of_items(name)

    def _unknown(self) -> Influence:
        return Influence(np.array(np.nan), np.full(self.n_groups, np.nan))

    def _of_class(self, positive: Array, places: Array) -> dict[str, Influence]:
        if not positive.any():
            return dict.fromkeys(BY_CLASS, self._unknown())
        levels = Levels.of(positive, places)
        precision = self._by_group(levels, *levels.average_precision())
        area = self._unknown() if positive.all() else self._d_prime(self._by_group(levels, *levels.area()))
        n_having = len(np.unique(self.group[positive]))
        wider = np.sqrt(n_having / max(n_having - 1, 1))
        return {
            name: Influence(one.value, one.psi * wider) for name, one in (("map_macro", precision), ("d_prime", area))
        }

    def _by_group(self, levels: Levels, value: float, of_any: Array, more: Array) -> Influence:
        """The sums by group of what each item does: of_any [level], and more [level] where it is a positive."""
        own = levels.positive
        psi = np.bincount(self.group, of_any[levels.at], self.n_groups)
        return Influence(value, psi + np.bincount(self.group[own], more[levels.at[own]], self.n_groups))

    def _d_prime(self, area: Influence) -> Influence:
        """d' of AUC, which is kept 1/(2n) away from 0 and 1: there it moves with the number of items alone."""
        n = len(self.group)
        kept = np.clip(area.value, 0.5 / n, 1 - 0.5 / n)
        psi = area.psi
        if kept != area.value:
            psi = np.bincount(self.group) * np.sign(kept - 0.5) * 0.5 / n**2
        value = special().ndtri(kept)
        return Influence(np.sqrt(2) * value, np.sqrt(2) * psi * np.sqrt(2 * np.pi) * np.exp(value**2 / 2))

    def _of_pairs(self) -> Influence:
        """Of the average precision of all pairs of item and class."""
        targets = self.matrix.targets
        levels = Levels.of(targets.ravel(), self.matrix.places.ravel())
        value, of_any, more = levels.average_precision()
        of_item, at = np.empty(len(targets)), levels.at.reshape(targets.shape)
        for rows in batched_slices(len(targets), max(1, PAIRS_AT_ONCE // targets.shape[1])):
            of_item[rows] = (of_any[at[rows]] + np.where(targets[rows], more[at[rows]], 0)).sum(1)
        return Influence(value, np.bincount(self.group, of_item, self.n_groups))

    def _of_items(self, name: str) -> Influence:
        """Of a ratio of sums over items."""
        matrix = self.matrix.leaf if MEASURES[name].leaf else self.matrix
        over, under = (of(matrix.labels) * 1.0 for of in ITEM_SUMS[name])
        value = over.sum() / under.sum()
        return Influence(value, np.bincount(self.group, (over - value * under) / under.sum(), self.n_groups))


def measure(targets: Array, scores: Array, groups: Names, resamples: int, seed: int, leaves: Leaves = None) -> Stored:
    """Every measure of scores [item, class] with the draws of a bootstrap for these groups and this seed."""
    influences = Influences(targets, scores, groups, leaves)
    plain, each = {name: influences.of(name) for name in NAMES}, influences.of_classes
    together = np.column_stack([one.psi for one in (*plain.values(), *each.values())])
    moved = _deviations(influences.n_groups, resamples, seed) @ together.astype(np.float32)
    of_plain, *of_classes = np.split(moved, len(NAMES) + influences.matrix.width * np.arange(len(each)), axis=1)
    values = {name: Value(float(one.value), *MEASURES[name].count(influences.matrix)) for name, one in plain.items()}
    return Stored(
        values,
        {name: one.value + moved for (name, one), moved in zip(plain.items(), of_plain.T, strict=True)},
        {name: one.value for name, one in each.items()},
        {
            name: (one.value + moved).astype(np.float32)
            for (name, one), moved in zip(each.items(), of_classes, strict=True)
        },
    )


@lru_cache(maxsize=2)  # of chunks and of clips: all models of a study take the same
def _deviations(n_groups: int, resamples: int, seed: int) -> Array:
    """How much more often than once [resample, group] each group was drawn."""
    return draws_of_groups(n_groups, resamples, seed).astype(np.float32) - 1
