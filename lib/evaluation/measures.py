"""The nine measures of the study: scores in, values out.

Axes. targets [item, class] are 0 or 1, scores [item, class] any finite numbers, higher for more certain; an item is a
chunk or a clip. weights [resample, item] are whole numbers: w counts an item, in every measure, as if it stood there w
times. Values are fractions, except d'. Definitions, with the function of scikit-learn that each equals, ties included:

    map_macro      mean over classes of average precision (average_precision_score)
    map_micro      average precision of all pairs of item and class (the same with average="micro")
    recall@5       mean over items: labels among the five highest / labels of the item
    hit@5          mean over items: 1 where some label is among the five highest
    precision@5    mean over items: labels among the five highest / 5
    leaf_recall@5  recall@5 among leaf classes alone: labels and scores of the other classes are taken away
    top1           mean over items: 1 where the highest is a label
    lwlrap         mean over labels of the precision at the label's rank in its item, all tied classes above it
                   (label_ranking_average_precision_score with the number of labels as an item's weight)
    d_prime        mean over classes of sqrt(2) * Phi^-1(AUC) (roc_auc_score); AUC is kept 1/(2n) away from 0 and 1,
                   where n is the number of items (of a resample: the sum of its weights)

Highest: of equal scores the class of lower index stands first, whatever the labels are. Left out and counted: classes
without a positive (for d' also without a negative), items without a label (for leaf_recall@5: a leaf label). Where
nothing is left, an `@5` measure ranks fewer than ten classes, or the leaves are not given, the value is NaN with a
reason. A resample leaves out what it lost; one group alone cannot be resampled: NaN. A pair of item and class takes
8 bytes once sorted, twice that if map_micro is asked for; the blocks of resamples on top stay under 256 MB.
"""

from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lib.evaluation.intervals import special
from lib.sounds.arrays import batched_slices

FIVE, FEWEST_CLASSES = 5, 10  # of fewer classes five guesses are more than half, and say little
WEIGHTS_BYTES = 2**26  # a block of resamples: its weights of 4 bytes; as float64, for items, twice that
GATHER_BYTES = 2**20  # of these, what is gathered at once (or one resample): little enough for a core's cache
Array, Names = np.ndarray, Sequence[str]
Leaves = Array | None  # bool [class]: which classes have no children


def validate(targets: Array, scores: Array) -> None:
    """ValueError of one line that guesses the mistake, unless both are [item, class], 0 or 1 and finite."""
    targets, scores = np.asarray(targets), np.asarray(scores)
    if guess := _odd_shape(targets.shape, scores.shape):
        raise ValueError(f"targets {targets.shape}, scores {scores.shape}: {guess}")
    for name, array, wrong, guess in (
        ("targets", targets, (targets != 0) & (targets != 1), "expected 0 or 1, were targets and scores swapped?"),
        ("scores", scores, ~np.isfinite(scores), "did training diverge, or was an item not scored?"),
    ):
        for row, column in np.argwhere(wrong)[:1]:
            place = f"{array[row, column]} at item {row}, class {column} ({wrong.sum()} such in all)"
            raise ValueError(f"{name}: {place}: {guess}")


def _odd_shape(targets: tuple[int, ...], scores: tuple[int, ...]) -> str:
    if len(targets) != 2 or len(scores) != 2:
        return "are these class numbers, or one constant row, instead of [item, class]?"
    if 0 in targets:
        return f"there are no {'classes' if targets[0] else 'items'}"
    if targets[1] != scores[1]:
        return "is one of them transposed?" if targets == scores[::-1] else "are they of different corpora?"
    return "" if targets == scores else "is one of chunks, the other of clips?"


def one_each(what: str, values: Sequence, axis: str, expected: int) -> Array:
    """`values` as an array; ValueError unless there is one for each of the `expected` items, classes or chunks of an axis."""
    if np.shape(values) != (expected,):
        raise ValueError(f"{what}: shape {np.shape(values)} for {expected} {axis}: one entry for each is expected")
    return np.asarray(values)


def ratio(over: Array, under: Array) -> Array:
    """over / under [...] in float64, NaN where `under` is 0."""
    return np.divide(over, under, out=np.full(np.shape(over), np.nan), where=np.asarray(under) != 0)


def mean_of_known(values: Array) -> Array:
    """Mean [row] of each row of values [row, column] without its NaN; NaN, without a warning, where all are."""
    return ratio(np.nansum(values, axis=1, dtype=float), np.isfinite(values).sum(axis=1))


@dataclass(frozen=True)
class _Ranking:
    """Pairs of item and class, highest score first, cut at both ends of each tie that holds a positive: only there do
    average precision and AUC change, so a resample needs the weight of each piece between cuts and nothing finer.
    """

    items: Array  # [pair] item of each pair
    cuts: Array  # [piece] where in `items` each piece starts
    above: Array  # [tie] number of pieces above each tie that holds a positive
    reached: Array  # [tie] the same, with those of the tie
    positives: Array  # [positive] items of the positives
    ties: Array  # [tie] where in `positives` each tie starts

    @classmethod
    def of(cls, targets: Array, places: Array, items: Array) -> "_Ranking":
        """Sort targets, places (the lower, the higher the score) and items, [pair] each."""
        order = np.argsort(places, kind="stable")
        falling, positive, items = places[order], targets[order], items[order]
        own, ties = np.unique(falling[positive], return_index=True)
        start, end = np.searchsorted(falling, own, "left"), np.searchsorted(falling, own, "right")
        edges = np.unique(np.concatenate([[0, len(order)], start, end]))
        return cls(items, edges[:-1], *np.searchsorted(edges, [start, end]), items[positive], ties)

    def apply(self, formula: Callable[..., Array], weights: Array) -> Array:
        """formula(gain, above, reached, total) [resample] of the weights of a tie's positives, all above, with it."""
        if not len(self.positives):
            return np.full(len(weights), np.nan)
        pieces = np.add.reduceat(np.take(weights, self.items, axis=1), self.cuts, axis=1, dtype=weights.dtype)
        summed = np.zeros((len(weights), len(self.cuts) + 1))
        np.cumsum(pieces, axis=1, out=summed[:, 1:])
        gain = np.add.reduceat(np.take(weights, self.positives, axis=1), self.ties, axis=1, dtype=float)
        return formula(gain, summed[:, self.above], summed[:, self.reached], summed[:, -1])


def _apply(formula: Callable[..., Array], rankings: Sequence[_Ranking], weights: Array) -> Array:
    """formula of each ranking under each row of weights, [resample, ranking]."""
    values = np.empty((len(weights), len(rankings)))
    for block in batched_slices(len(weights), max(1, GATHER_BYTES // (4 * len(rankings[0].items)))):
        for column, ranking in enumerate(rankings):
            values[block, column] = ranking.apply(formula, weights[block])
    return values


def _precision(gain: Array, above: Array, reached: Array, total: Array) -> Array:
    """Average precision: each positive counts the precision at the end of its tie."""
    positives = np.cumsum(gain, axis=1)
    return ratio((gain * positives / np.maximum(reached, 1)).sum(axis=1), positives[:, -1])


def _area(gain: Array, above: Array, reached: Array, total: Array) -> Array:
    """Area under the ROC curve: of the negatives, those below a positive count 1, those tied with it 1/2."""
    positives = np.cumsum(gain, axis=1)
    negatives = total - positives[:, -1]
    passed = (above - (positives - gain) + reached - positives) / 2  # negatives above, and half of the tied ones
    return ratio((gain * (negatives[:, None] - passed)).sum(axis=1), positives[:, -1] * negatives)


def places_of_float16(scores: Array) -> Array:
    """Of each float16 how many of the 65,536 there are lie above it, as uint16: these sort fast, and need not be."""
    bits = scores.view(np.uint16)
    return np.where(bits > 0x8000, bits, 0x7FFF - (bits & 0x7FFF))  # below 0 the bits rise as the numbers fall; -0 is 0


def _places(targets: Array, scores: Array, own: Array) -> tuple[Array, Array]:
    """Place from 0 (of equal scores the lower index first) and precision of class own [row, 1] in each row."""
    mine = np.take_along_axis(scores, own, axis=1)
    higher, reached = scores > mine, scores >= mine
    place = np.where(np.arange(scores.shape[1]) < own, reached, higher).sum(axis=1)
    return place, (reached & targets).sum(axis=1) / reached.sum(axis=1)


# Of each item: its labels, those among five highest, those highest (0 or 1), the sum of precisions at their ranks.
_Labels = namedtuple("_Labels", "count found first precision")


class Matrix:
    """Targets and scores, valid; each way of sorting them is done when first asked for, and once."""

    def __init__(self, targets: Array, scores: Array, leaves: Leaves = None):
        validate(targets, scores)
        self.targets, scores = np.asarray(targets).astype(bool), np.asarray(scores)
        self.halves = scores if scores.dtype == np.float16 else None
        # float16 sorts slowly, and unsigned numbers have no negatives; both fit into what they become
        self.scores = scores.astype(np.float32 if scores.dtype in (np.float16, np.float32) else np.float64)
        self.items, self.width = np.arange(len(scores)), scores.shape[1]
        self.leaves = None if leaves is None else one_each("leaves", leaves, "classes", self.width).astype(bool)

    @cached_property
    def places(self) -> Array:
        """What falls as the scores rise [item, class]: uint16 of float16, which sort at once; else the scores turned over."""
        return -self.scores if self.halves is None else places_of_float16(self.halves)

    @cached_property
    def classes(self) -> list[_Ranking]:
        """A ranking of the items for each class."""
        columns = zip(*(np.ascontiguousarray(each.T) for each in (self.targets, self.places)), strict=True)
        return [_Ranking.of(targets, places, self.items) for targets, places in columns]

    @cached_property
    def pairs(self) -> _Ranking:
        """One ranking of all pairs of item and class."""
        return _Ranking.of(self.targets.ravel(), self.places.ravel(), np.repeat(self.items, self.width))

    @cached_property
    def labels(self) -> _Labels:
        """What the measures of one item need of each item."""
        item, own = np.nonzero(self.targets)
        place, precision = np.empty(len(item), int), np.empty(len(item))
        for block in batched_slices(len(item), max(1, WEIGHTS_BYTES // (16 * self.width))):
            part = self.targets[item[block]], self.scores[item[block]], own[block, None]
            place[block], precision[block] = _places(*part)
        return _Labels(*(np.bincount(item, w, len(self.items)) for w in (None, place < FIVE, place == 0, precision)))

    @cached_property
    def leaf(self) -> "Matrix":
        """The same of the leaf classes alone."""
        return Matrix(self.targets[:, self.leaves], self.scores[:, self.leaves])


def _precisions(matrix: Matrix, weights: Array) -> Array:
    """Average precision [resample, class]."""
    return _apply(_precision, matrix.classes, weights)


def _d_primes(matrix: Matrix, weights: Array) -> Array:
    """d' [resample, class]."""
    area, margin = _apply(_area, matrix.classes, weights), 0.5 / np.maximum(weights.sum(axis=1, keepdims=True), 1)
    area = np.clip(area, margin, 1 - margin)
    defined = np.isfinite(area)
    area[defined] = special().ndtri(area[defined])
    return np.sqrt(2) * area


# The measures that are means over classes, before the mean is taken.
BY_CLASS: dict[str, Callable[[Matrix, Array], Array]] = {"map_macro": _precisions, "d_prime": _d_primes}


def _items(name: str) -> Callable[..., Array]:
    """The measure of ITEM_SUMS of this name."""
    over, under = ITEM_SUMS[name]
    return lambda matrix, weights: ratio(weights @ (over(matrix.labels) * 1.0), weights @ (under(matrix.labels) * 1.0))


_POSITIVE = (lambda x: x.targets.any(axis=0), "no class has a positive")
_BOTH = (lambda x: x.targets.any(axis=0) & ~x.targets.all(axis=0), "no class has a positive and a negative")
_PAIRS = (lambda x: np.full(x.targets.size, x.targets.any()), "no class has a positive")
_LABELLED = (lambda x: x.targets.any(axis=1), "no item has a label")
_RECALL = (lambda x: x.found / np.maximum(x.count, 1), lambda x: x.count > 0)
# The measures that are (sum of weight * first) / (sum of weight * second), both [item].
ITEM_SUMS: dict[str, tuple[Callable[[_Labels], Array], Callable[[_Labels], Array]]] = {
    "recall@5": _RECALL,
    "hit@5": (lambda x: x.found > 0, lambda x: x.count > 0),
    "precision@5": (lambda x: x.found / FIVE, lambda x: x.count > 0),
    "leaf_recall@5": _RECALL,
    "top1": (lambda x: x.first, lambda x: x.count > 0),
    "lwlrap": (lambda x: x.precision, lambda x: x.count),
}


@dataclass(frozen=True)
class Measure:
    """A measure: how it is computed, what it is a mean over, and what is said where there is none of that."""

    compute: Callable[[Matrix, Array], Array]  # of weights [resample, item]: [resample]
    counted: Callable[[Matrix], Array]  # which classes, pairs or items count: bool [unit]
    none: str
    five: bool = False
    leaf: bool = False

    def count(self, matrix: Matrix) -> tuple[int, int, str]:
        """How many count, how many are left out, and why there is no value (empty if there is one)."""
        if self.leaf and matrix.leaves is None:
            return 0, 0, "which classes are leaves is not given"
        ranked = matrix.leaves.sum() if self.leaf else matrix.width
        if self.five and ranked < FEWEST_CLASSES:
            return 0, 0, f"only {ranked} {'leaf ' * self.leaf}classes, {FEWEST_CLASSES} are needed"
        counted = self.counted(matrix.leaf if self.leaf else matrix)
        return int(counted.sum()), int((~counted).sum()), "" if counted.any() else self.none

    def values(self, matrix: Matrix, weights: Array) -> Array:
        """The measure under each row of weights, [resample]."""
        if self.count(matrix)[-1]:
            return np.full(len(weights), np.nan)
        return self.compute(matrix.leaf if self.leaf else matrix, weights)


MEASURES: dict[str, Measure] = {
    "map_macro": Measure(lambda x, weights: mean_of_known(_precisions(x, weights)), *_POSITIVE),
    "map_micro": Measure(lambda x, weights: _apply(_precision, [x.pairs], weights)[:, 0], *_PAIRS),
    "recall@5": Measure(_items("recall@5"), *_LABELLED, five=True),
    "hit@5": Measure(_items("hit@5"), *_LABELLED, five=True),
    "precision@5": Measure(_items("precision@5"), *_LABELLED, five=True),
    "leaf_recall@5": Measure(_items("leaf_recall@5"), _LABELLED[0], "no item has a leaf label", five=True, leaf=True),
    "top1": Measure(_items("top1"), *_LABELLED),
    "lwlrap": Measure(_items("lwlrap"), *_LABELLED),
    "d_prime": Measure(lambda x, weights: mean_of_known(_d_primes(x, weights)), *_BOTH),
}
NAMES = tuple(MEASURES)


@dataclass(frozen=True)
class Value:
    """A measure's value, of how many classes, pairs or items, how many were left out, and why it is NaN if it is."""

    value: float
    n: int
    left_out: int
    reason: str = ""


def evaluate(targets: Array, scores: Array, leaves: Leaves = None, names: Names = NAMES) -> dict[str, Value]:
    """Each measure of scores [item, class]; leaves [class] is needed by leaf_recall@5 alone."""
    matrix, once = Matrix(targets, scores, leaves), np.ones((1, len(targets)), np.int32)
    return {name: Value(float(x.values(matrix, once)[0]), *x.count(matrix)) for name, x in chosen(names).items()}


def chosen(names: Names) -> dict[str, Measure]:
    """The measures of these names; ValueError where there is none."""
    for name in names:
        if name not in MEASURES:
            raise ValueError(f"there is no measure {name!r}; there are {', '.join(MEASURES)}")
    return {name: MEASURES[name] for name in names}


def average_precision(targets: Array, scores: Array, weights: Array) -> Array:
    """Average precision [resample, class] under each row of weights [resample, item]; NaN without a positive."""
    whole = np.asarray(weights).astype(np.int32)
    if whole.shape[1:] != (len(targets),) or (whole != weights).any() or (whole < 0).any():
        raise ValueError(f"weights {whole.shape}, {len(targets)} items: not whole numbers >= 0 [resample, item]")
    return _apply(_precision, Matrix(targets, scores).classes, whole)


def clip_means(scores: Array, clip: Names) -> tuple[Array, Array]:
    """Clips in the order they first appear, and the float64 means [clip, class] of their chunks' scores."""
    ids, _, index = _clips(clip, len(scores))
    order, count = np.argsort(index, kind="stable"), np.bincount(index)
    sums = np.add.reduceat(scores[order], np.cumsum(count) - count, axis=0, dtype=float)
    return ids, sums / count[:, None]


def clip_targets(targets: Array, clip: Names) -> tuple[Array, Array]:
    """Clips in the order they first appear, and their targets [clip, class]; ValueError if a clip's chunks differ."""
    ids, first, index = _clips(clip, len(targets))
    if (differing := (targets != targets[first][index]).any(axis=1)).any():
        raise ValueError(f"targets: the chunks of clip {clip[int(differing.argmax())]} differ: are rows out of order?")
    return ids, targets[first]


def _clips(clip: Names, chunks: int) -> tuple[Array, Array, Array]:
    ids, first, index = np.unique(one_each("clip", clip, "chunks", chunks), return_index=True, return_inverse=True)
    order = np.argsort(first)
    return ids[order], first[order], np.argsort(order)[index]


def constant_scores(targets: Array) -> Array:
    """Share [class] of the training items [item, class] with each label; its five highest are the five commonest."""
    return np.asarray(targets).mean(axis=0, dtype=float)


def oracle(targets: Array, leaves: Leaves = None, names: Names = NAMES) -> dict[str, Value]:
    """The best that scores of targets [item, class] could reach: all nine are highest where labels stand above the rest."""
    return evaluate(targets, targets, leaves, names)


def ends(measure: str) -> tuple[float, float]:
    """The lowest and the highest value that a measure can have."""
    return (-np.inf, np.inf) if measure == "d_prime" else (0, 1)
