"""What a ranking by chance is expected to have: every measure of lib.evaluation.measures in closed form.

By chance: all orders of what is ranked are alike, without ties. Axes, degenerate cases, what is left out and why a value
is NaN are those of lib.evaluation.measures. With n items of which P are positive the expected average precision is

    AP(n, P) = (H_n + (P - 1) / (n - 1) * (n - H_n)) / n        AP(1, 1) = 1        H_n = 1 + 1/2 + ... + 1/n

since an item stands at rank k with chance 1/n, and where it is a positive each of the k - 1 above it is one with chance
(P - 1) / (n - 1). (It lies above the share of positives, P / n, and far above it where there are few of them: a tied
constant has P / n.) Of K classes and an item with m labels:

    map_macro      mean over classes of AP(items, positives of the class)
    map_micro      AP(pairs of item and class, labels of all items)
    lwlrap         mean over labels of AP(K, m of the label's item)
    recall@5       5 / K, leaf_recall@5 the same of the leaf classes
    hit@5          mean over items of 1 - C(K - m, 5) / C(K, 5)
    precision@5    mean over items of m / K, and so top1
    d_prime        0, since AUC lies around 1/2 evenly

Under weights [resample, item] n and P count what was drawn. This is a plug-in: an item that was drawn twice counts as two
that are ranked apart, where a ranking of the items would have both at one place. So the expectation moves with a resample
as the study's own values do, whose ties are real; what is subtracted as v(empty) is drawn by the very same groups.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lib.evaluation.intervals import special
from lib.evaluation.measures import FIVE, MEASURES, NAMES, Array, Leaves, Names, Value, mean_of_known, ratio, validate
from lib.evaluation.resampling import Resampled, draws_of_groups, group_numbers


def harmonic(n: Array) -> Array:
    """H_n = 1 + 1/2 + ... + 1/n [...] of whole numbers n >= 0 [...], by digamma (scipy.special.digamma(n + 1) + Euler's gamma)."""
    return special().digamma(np.asarray(n, float) + 1) + np.euler_gamma


def average_precision(items: Array, positives: Array) -> Array:
    """Expected average precision [...] of `positives` among `items`, whole numbers [...]; NaN where there is no positive."""
    n, p = np.broadcast_arrays(np.asarray(items, float), np.asarray(positives, float))
    h = harmonic(n)
    others = np.divide(p - 1, n - 1, out=np.zeros(n.shape), where=n > 1)
    return np.where(p > 0, (h + others * (n - h)) / np.maximum(n, 1), np.nan)


@dataclass(frozen=True)
class _Labels:
    """Targets [item, class] as the measures read them; no scores."""

    targets: Array
    leaves: Leaves = None

    @classmethod
    def of(cls, targets: Array, leaves: Leaves = None) -> "_Labels":
        validate(targets, targets)
        return cls(np.asarray(targets).astype(bool), None if leaves is None else np.asarray(leaves).astype(bool))

    @property
    def width(self) -> int:
        return self.targets.shape[1]

    @property
    def leaf(self) -> "_Labels":
        return _Labels(self.targets[:, self.leaves])

    @cached_property
    def count(self) -> Array:
        """Labels [item] of each item, float64."""
        return self.targets.sum(axis=1, dtype=float)

    @cached_property
    def as_float(self) -> Array:
        return self.targets.astype(float)


def _of_classes(labels: _Labels, weights: Array) -> Array:
    """Average precision [resample, class]."""
    return average_precision(weights.sum(axis=1, keepdims=True), weights @ labels.as_float)


def _no_distance(labels: _Labels, weights: Array) -> Array:
    """d' [resample, class]: 0 where there is a positive and a negative."""
    positives = weights @ labels.as_float
    return np.where((positives > 0) & (positives < weights.sum(axis=1, keepdims=True)), 0.0, np.nan)


def _of_pairs(labels: _Labels, weights: Array) -> Array:
    return average_precision(weights.sum(axis=1) * labels.width, weights @ labels.count)


def _items(value: Callable[[_Labels], Array]) -> Callable[[_Labels, Array], Array]:
    """The mean of value [item] over the items that have a label."""
    return lambda labels, weights: ratio(weights @ (value(labels) * (labels.count > 0)), weights @ (labels.count > 0))


def _hit(labels: _Labels) -> Array:
    binom = special().binom
    return 1 - binom(labels.width - labels.count, FIVE) / binom(labels.width, FIVE)


def _of_labels(labels: _Labels, weights: Array) -> Array:
    precision = np.nan_to_num(average_precision(labels.width, labels.count))
    return ratio(weights @ (labels.count * precision), weights @ labels.count)


_RECALL = _items(lambda x: np.full(len(x.targets), FIVE / x.width))
_SHARE = _items(lambda x: x.count / x.width)

# Of each measure: labels and weights [resample, item] float64 -> [resample].
EXPECTED: dict[str, Callable[[_Labels, Array], Array]] = {
    "map_macro": lambda x, weights: mean_of_known(_of_classes(x, weights)),
    "map_micro": _of_pairs,
    "recall@5": _RECALL,
    "hit@5": _items(_hit),
    "precision@5": _SHARE,
    "leaf_recall@5": _RECALL,
    "top1": _SHARE,
    "lwlrap": _of_labels,
    "d_prime": lambda x, weights: mean_of_known(_no_distance(x, weights)),
}
# The measures that are means over classes, before the mean is taken (as measures.BY_CLASS).
BY_CLASS: dict[str, Callable[[_Labels, Array], Array]] = {"map_macro": _of_classes, "d_prime": _no_distance}


def _expected(labels: _Labels, name: str, weights: Array) -> Array:
    """One measure under each row of weights, [resample]; NaN where lib.evaluation.measures has no value."""
    measure = MEASURES[name]
    if measure.count(labels)[-1]:
        return np.full(len(weights), np.nan)
    return EXPECTED[name](labels.leaf if measure.leaf else labels, weights)


def evaluate(targets: Array, leaves: Leaves = None, names: Names = NAMES) -> dict[str, Value]:
    """Each measure that a ranking by chance of targets [item, class] is expected to have (measures.evaluate)."""
    labels, once = _Labels.of(targets, leaves), np.ones((1, len(targets)))
    return {name: Value(float(_expected(labels, name, once)[0]), *MEASURES[name].count(labels)) for name in names}


@dataclass(frozen=True, eq=False)
class _GroupWeights:
    """Weights [resample, item] of items whose groups were drawn: sums over items are sums over groups of their sums."""

    draws: Array  # [resample, group] float64
    order: Array  # [item] items group by group
    starts: Array  # [group] where in `order` each group starts

    def __len__(self) -> int:
        return len(self.draws)

    def __matmul__(self, of_items: Array) -> Array:
        return self.draws @ np.add.reduceat(of_items[self.order], self.starts, axis=0, dtype=float)

    def sum(self, axis: int, keepdims: bool = False) -> Array:
        """Weights of all items together, [resample] or [resample, 1]."""
        return (self @ np.ones(len(self.order))).reshape((-1, 1) if keepdims else -1)


class Chance(Resampled):
    """What a ranking by chance of targets [item, class] is expected to have, with the draws of resampling.Bootstrap."""

    def __init__(self, targets: Array, groups: Names, resamples: int, seed: int, leaves: Leaves = None) -> None:
        self.labels, self.once = _Labels.of(targets, leaves), np.ones((1, len(targets)))
        number, n_groups = group_numbers(groups)
        order, size = np.argsort(number, kind="stable"), np.bincount(number)
        draws = draws_of_groups(n_groups, resamples, seed) * (1.0 if n_groups > 1 else np.nan)  # one has no spread
        self.weights = _GroupWeights(draws, order, np.cumsum(size) - size)

    def of(self, name: str) -> tuple[Value, Array]:
        value = float(_expected(self.labels, name, self.once)[0])
        return Value(value, *MEASURES[name].count(self.labels)), _expected(self.labels, name, self.weights)

    def of_classes(self, name: str) -> tuple[Array, Array]:
        return BY_CLASS[name](self.labels, self.once)[0], BY_CLASS[name](self.labels, self.weights)
