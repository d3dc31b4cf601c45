"""What a subset of encoders adds to another in log-loss: how many bits better its calibrated scores name the labels.

Scores of a head are no probabilities. Each class' are brought there by Platt's method, a logistic regression of the
label on the score, learned on other groups of the test clips than those it is applied to (five folds by group), so that
neither the subset with more encoders nor an encoder that memorised its training clips is at an advantage. The gain is

    mean over items of the sum over classes of (log-loss without - log-loss with), in bits

Mean average precision asks for the order of items alone, log-loss also for how sure a score may be. The interval is
paired, and resamples groups of test clips; the calibration is not learned anew in it.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib.encoders.heads import label
from lib.evaluation import frozen, ridge
from lib.evaluation.games import CONSTANT
from lib.evaluation.intervals import Sampling, holm
from lib.evaluation.results import LEVELS, Scores, sampling
from lib.representations import PAPER
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
    wanted = np.where(targets > 0, (positives + 1) / (positives + 2), 1 / (n - positives + 2))
    slope, intercept = np.zeros(scores.shape[1]), np.log(wanted.mean(0) / (1 - wanted.mean(0)))
    for _ in range(STEPS):
        p = _probability(scores * slope + intercept)
        error, weight = p - wanted, np.maximum(p * (1 - p), 1e-9)
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
    found = np.full(scores.shape, np.nan)
    for learn, applied in ridge.folds_by_group(groups):
        mean, spread = scores[learn].mean(0), scores[learn].std(0)
        scaled = (scores - mean) / np.where(spread > 1e-9, spread, 1.0)
        slope, intercept = _by_class(scaled[learn], targets[learn])
        found[applied] = _probability(scaled[applied] * slope + intercept)
    return found


def _by_class(scores: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope and intercept [class]; classes with few positives or negatives share those of all of their pairs."""
    positives = targets.sum(0)
    few = np.minimum(positives, len(targets) - positives) < FEW
    slope, intercept = platt(scores, targets)
    if few.any():
        slope[few], intercept[few] = platt(scores[:, few].reshape(-1, 1), targets[:, few].reshape(-1, 1))
    return slope, intercept


def log_loss_bits(scores: np.ndarray, targets: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Log-loss [item] of the calibrated scores [item, class], summed over classes, in bits."""
    p = np.clip(calibrated(scores.astype(np.float64), targets, groups), 1e-12, 1 - 1e-12)
    return -np.log2(np.where(targets > 0, p, 1 - p)).sum(1)


def asked() -> list[tuple[str, str]]:
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
    parts = [Scores(part) for part in study.parts]
    rows = [row for level in LEVELS for head in study.settings.heads.kinds for row in _rows(study, parts, head, level)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(study: Study, parts: Sequence[Scores], head: str, level: str) -> list[dict]:
    of, seeds = sampling(parts, level), study.request.seeds
    weights = [frozen.draws(part.study, part.tests[level].groups) for part in parts]
    subsets = list(dict.fromkeys(subset for pair in asked() for subset in pair))
    each = {
        subset: [[losses(part, subset, head, seed, level) for part in parts] for seed in seeds] for subset in subsets
    }
    rows = []
    for without, more in asked():
        saved = [
            [first - second for first, second in zip(*pair, strict=True)]
            for pair in zip(each[without], each[more], strict=True)
        ]
        rows.append(
            {"without": without, "with": more, "head": head, "level": level, **_gain(study, of, saved, weights)}
        )
    for row, corrected in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = corrected
    return rows


def _gain(study: Study, of: Sampling, saved: list[list[np.ndarray]], weights: list[np.ndarray]) -> dict[str, float]:
    """The mean of what is saved, by seed and fold [item], with its interval and p."""
    resampled = np.mean(
        [w @ bits / w.sum(1) for folds in saved for w, bits in zip(weights, folds, strict=True)], axis=0
    )
    rows = np.concatenate([resampled, [np.mean([bits.mean() for bits in folds]) for folds in saved]])
    low, high = of.interval(rows, study.settings.scoring.level)
    return {
        "gain_bits": float(of.value(rows)), "low": float(low), "high": float(high), "p": float(of.p_value(rows)),
        "seeds": len(saved),
    }  # fmt: skip
