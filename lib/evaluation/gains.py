"""What a subset of encoders adds to another in log-loss: how many bits better its calibrated scores name the labels.

Scores of a head are no probabilities. Each class' are brought there by Platt's method, a logistic regression of the
label on the score, learned on other groups of the test clips than those it is applied to (five folds by group), so that
neither the subset with more encoders nor an encoder that memorised its training clips is at an advantage. The gain is

    mean over items of the sum over classes of (log-loss without - log-loss with), in bits

Mean average precision asks for the order of items alone, log-loss also for how sure a score may be. The interval is
paired, and resamples groups of test clips; the calibration is not learned anew in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lib.encoders.heads import label
from lib.encoders.threads import cores, side_by_side
from lib.evaluation import measures, ridge
from lib.evaluation.games import CONSTANT
from lib.evaluation.intervals import difference, with_holm
from lib.evaluation.resampling import draws_of_groups, group_numbers
from lib.evaluation.scores import Scores, parts_of, rows_of, sampling
from lib.representations import PAPER
from lib.sounds.chunks import LEVELS
from lib.study import Study

FEW = 10  # positives, or negatives, to learn from: classes with fewer share one regression
STEPS = 50  # of Newton's method, which needs about eight
PENALTY = 1e-3  # on the slope of standardised scores, so that separable classes have one
BASE = "waveform"
COLUMNS = ["without", "with", "head", "level", "gain_bits", "low", "high", "p", "p_holm", "seeds"]


def platt(scores: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope and intercept [class] of Platt's regression of targets on scores, [item, class] both, each class by itself.

    Targets are drawn in by his rule, (positives + 1) / (positives + 2) and 1 / (negatives + 2): a class that the items
    lack has a probability all the same. Newton's method, all classes at once.
    """
    positives, n = targets.sum(0), len(targets)
    high, low = (positives + 1) / (positives + 2), 1 / (n - positives + 2)
    return _newton(scores, np.where(targets > 0, high, low), np.ones((1, 1)))


def platt_of_levels(scores: np.ndarray, n: np.ndarray, positives: np.ndarray) -> tuple[float, float]:
    """The same of one class whose items share few scores: each score [level] once, with its items and its positives."""
    total, n_positive = n.sum(), positives.sum()
    high, low = (n_positive + 1) / (n_positive + 2), 1 / (total - n_positive + 2)
    wanted = (positives * high + (n - positives) * low) / n
    slope, intercept = _newton(scores[:, None], wanted[:, None], n[:, None].astype(float))
    return float(slope[0]), float(intercept[0])


def _newton(scores: np.ndarray, wanted: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope and intercept [class] for wanted probabilities [item, class], each item counted n times."""
    mean = wanted.mean(0) if n.size == 1 else (wanted * n).sum(0) / n.sum(0)
    slope, intercept = np.zeros(scores.shape[1]), np.log(mean / (1 - mean))
    for _ in range(STEPS):
        p = _probability(scores * slope + intercept)
        error, weight = n * (p - wanted), n * np.maximum(p * (1 - p), 1e-9)
        first = np.stack([(error * scores).sum(0) + PENALTY * slope, error.sum(0)])
        a, b, c = (weight * scores**2).sum(0) + PENALTY, (weight * scores).sum(0), weight.sum(0)
        step = np.stack([c * first[0] - b * first[1], a * first[1] - b * first[0]]) / (a * c - b**2)
        step = step * np.minimum(1, 2 / np.maximum(np.abs(step).max(0), 1e-12))  # far from the end steps overshoot
        slope, intercept = slope - step[0], intercept - step[1]
        if np.abs(step).max() < 1e-9:
            break
    return slope, intercept


def _probability(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logit, -500, 500)))


def calibrated(scores: np.ndarray, targets: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Out-of-fold probabilities [item, class] of scores [item, class]; NaN where there is one group alone."""
    if scores.dtype == np.float16:
        return _calibrated_halves(scores, targets, groups)
    probability = np.full(scores.shape, np.nan)
    for learn, applied in ridge.folds_by_group(groups):
        mean, spread = scores[learn].mean(0), scores[learn].std(0)
        scaled = (scores - mean) / np.where(spread > 1e-9, spread, 1.0)
        slope, intercept = by_class(scaled[learn], targets[learn])
        probability[applied] = _probability(scaled[applied] * slope + intercept)
    return probability


def _calibrated_halves(scores: np.ndarray, targets: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The same of float16, of which there are no more than 65,536: counted at each, and looked up."""
    places = np.ascontiguousarray(measures.places_of_float16(scores).T)  # [class, item]
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    every, value = every[np.isfinite(every)], np.zeros(2**16)
    value[measures.places_of_float16(every)] = every
    probability = np.full(scores.shape, np.nan)
    for learn, applied in ridge.folds_by_group(groups):
        fits = [_fit_levels(at[learn], own[learn] > 0, value) for at, own in zip(places, targets.T, strict=True)]
        few = [column for column, fit in enumerate(fits) if fit.few]
        if few:
            scaled = np.stack([fits[column].scaled(value[places[column][learn]]) for column in few], axis=1)
            slope, intercept = platt(scaled.reshape(-1, 1), targets[learn][:, few].reshape(-1, 1))
            for column in few:
                fits[column] = replace(fits[column], slope=float(slope[0]), intercept=float(intercept[0]))
        for column, fit in enumerate(fits):
            probability[applied, column] = fit.probability(value)[places[column][applied]]
    return probability


@dataclass(frozen=True)
class _Fit:
    """Platt's regression of one class, on scores less `mean` by `spread`; few: whether it had too little to learn from."""

    mean: float
    spread: float
    few: bool
    slope: float
    intercept: float

    def scaled(self, scores: np.ndarray) -> np.ndarray:
        return (scores - self.mean) / self.spread

    def probability(self, scores: np.ndarray) -> np.ndarray:
        return _probability(self.scaled(scores) * self.slope + self.intercept)


def _fit_levels(at: np.ndarray, positive: np.ndarray, value: np.ndarray) -> _Fit:
    """The regression of one class from the places of its scores [item]."""
    counts = np.bincount(at, minlength=len(value))
    there = np.flatnonzero(counts)
    n, positives, scores = counts[there], np.bincount(at[positive], minlength=len(value))[there], value[there]
    mean = (n * scores).sum() / n.sum()
    spread = np.sqrt((n * (scores - mean) ** 2).sum() / n.sum())
    spread = spread if spread > 1e-9 else 1.0
    few = min(positive.sum(), (~positive).sum()) < FEW
    return _Fit(mean, spread, few, *platt_of_levels((scores - mean) / spread, n, positives))


def by_class(scores: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope and intercept [class]; classes with few positives or negatives share those of all of their pairs."""
    positives = targets.sum(0)
    few = np.minimum(positives, len(targets) - positives) < FEW
    slope, intercept = platt(scores, targets)
    if few.any():
        slope[few], intercept[few] = platt(scores[:, few].reshape(-1, 1), targets[:, few].reshape(-1, 1))
    return slope, intercept


def log_loss_bits(scores: np.ndarray, targets: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Log-loss [item] of the calibrated scores [item, class], summed over classes, in bits."""
    exact = scores if scores.dtype == np.float16 else scores.astype(np.float64)
    p = np.clip(calibrated(exact, targets, groups), 1e-12, 1 - 1e-12)
    return -np.log2(np.where(targets > 0, p, 1 - p)).sum(1)


def compared() -> list[tuple[str, str]]:
    """What is held against what: without and with."""
    four = label(PAPER)
    more = [("pitch",), ("timbre",), ("pitch", "timbre"), ("neuralogram",)]
    added = [(BASE, label(tuple(name for name in PAPER if name in (*one, BASE)))) for one in more]
    others = [(label(tuple(name for name in PAPER if name != last)), four) for last in PAPER]
    return [(CONSTANT, BASE), *added, *others]


def losses(part: Scores, subset: str, head: str, seed: int, level: str) -> np.ndarray:
    """Log-loss [item] in bits of the stored scores of one model."""
    test, kind = part.tests[level], "none" if subset == CONSTANT else head
    return log_loss_bits(part.read(subset, kind, seed)[level], test.targets, test.groups)


def gain_table(study: Study) -> pd.DataFrame:
    """Rows of gains.csv: bits an item that the encoders of `with` save against those of `without`.

    p is that of the gain alone, p_holm is corrected for the rows of one head and level.
    """
    parts = parts_of(study)
    rows = [row for level in LEVELS for head in study.settings.heads.kinds for row in _rows(study, parts, head, level)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(study: Study, parts: Sequence[Scores], head: str, level: str) -> list[dict]:
    of, seeds = sampling(parts, level), study.request.seeds
    subsets = list(dict.fromkeys(subset for pair in compared() for subset in pair))
    models = [(part, subset, head, seed, level) for subset in subsets for seed in seeds for part in parts]
    found = side_by_side(lambda model: losses(*model), models, cores())
    each = {model[:4]: bits for model, bits in zip(models, found, strict=True)}

    def gain(without: str, more: str) -> dict[str, float]:
        def number(part: Scores, seed: int) -> tuple[float, np.ndarray]:
            saved = each[part, without, head, seed] - each[part, more, head, seed]
            group, n = group_numbers(part.tests[level].groups)
            drawn = draws_of_groups(n, part.study.settings.scoring.resamples, part.seed).astype(float)
            return saved.mean(), drawn @ np.bincount(group, saved) / (drawn @ np.bincount(group))

        rows = rows_of(parts, number)
        return difference(of, rows, "gain_bits", "low", "high") | {"seeds": len(seeds)}

    return with_holm(
        {"without": without, "with": more, "head": head, "level": level, **gain(without, more)}
        for without, more in compared()
    )
