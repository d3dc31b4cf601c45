"""How sure a number is: its interval, whether it differs from zero, and several of them at once.

Everything here works on rows: the number in each resample of the test clips, and below them the number of each seed (mean
over folds). Numbers that were resampled by the same draws are paired, so any sum or difference of their rows is again
such a number. What is estimated is the expectation at this number of clips: average precision is biased with few, and a
larger test set would give another value.

An interval is value +- t * standard error. Two things vary: the clips (the spread of the resamples, over groups of clips)
and the training (the spread of the seeds, where there are two or more: three seeds cannot be bootstrapped, so they enter as
a random effect). Their squares add up, and t has the degrees of freedom of the sum (Welch, Satterthwaite). On simulated
games of ten classes such intervals of shares and of differences covered in 93 to 96 of 100 trials at 80 clips (1,000 trials) and
91 to 96 at 400 (600 trials), where basic intervals covered down to 86 and BCa down to 87. Few seeds that differ much are the weak
spot: with a variance five times that of the clips three seeds cover in 93 of 100 trials and two in 89, with as much as the clips'
94 and 93. tests/evaluation/test_coverage.py holds them to it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Sampling:
    """How rows [resample + seed, ...] were made: of how many resamples, of how many groups less one for each fold.

    freedom: one number, or one for each column [...] of the rows. confidence: how often an interval is to hold the number.
    """

    resamples: int
    freedom: int | Array
    confidence: float = 0.95

    def value(self, rows: Array) -> Array:
        """The number itself [...]: the mean of the seeds."""
        return rows[self.resamples :].mean(0)

    def error(self, rows: Array) -> tuple[Array, Array]:
        """Standard error [...] and degrees of freedom [...]; NaN where one group alone cannot be resampled."""
        clips, seeds = rows[: self.resamples], rows[self.resamples :]
        known = np.isfinite(clips)
        n_known = known.sum(0)
        mean = np.where(known, clips, 0).sum(0) / np.maximum(n_known, 1)
        of_clips = np.where(known, (clips - mean) ** 2, 0).sum(0) / np.maximum(n_known - 1, 1)
        of_clips = np.where((n_known > 1) & (self.freedom > 0), of_clips, np.nan)
        n_seeds = len(seeds)
        of_seeds = seeds.var(0, ddof=1) / n_seeds if n_seeds > 1 else np.zeros_like(of_clips)
        under = of_clips**2 / np.maximum(self.freedom, 1) + of_seeds**2 / max(n_seeds - 1, 1)
        freedom = np.divide((of_clips + of_seeds) ** 2, under, out=np.full_like(under, self.freedom), where=under > 0)
        return np.sqrt(of_clips + of_seeds), np.maximum(freedom, 1)

    def interval(self, rows: Array) -> tuple[Array, Array]:
        """Low and high end [...] of the interval."""
        error, freedom = self.error(rows)
        reach = special().stdtrit(freedom, (1 + self.confidence) / 2) * error
        return self.value(rows) - reach, self.value(rows) + reach

    def cells(self, rows: Array, *names: str, ends: tuple[float, float] = (-np.inf, np.inf)) -> dict[str, float]:
        """One number [resample + seed] and its interval, cut at `ends`, as cells: value, low and high, or called by `names`."""
        low, high = np.clip(self.interval(rows), *ends)
        return dict(zip(names or ("value", "low", "high"), map(float, (self.value(rows), low, high)), strict=True))

    def p_value(self, rows: Array) -> Array:
        """How often a number whose expectation is zero would lie as far from it [...]; two-sided."""
        error, freedom = self.error(rows)
        with np.errstate(divide="ignore", invalid="ignore"):
            return 2 * special().stdtr(freedom, -np.abs(self.value(rows)) / error)

    def p_above(self, rows: Array) -> Array:
        """How often a number whose expectation is zero would lie as high or higher [...]; one-sided."""
        error, freedom = self.error(rows)
        with np.errstate(divide="ignore", invalid="ignore"):
            return special().stdtr(freedom, -self.value(rows) / error)

    def simultaneous(self, several: Sequence[Array]) -> list[tuple[float, float]]:
        """Intervals of several numbers, [resample + seed] each, that cover all of them together in `confidence` of cases.

        They are as long as it takes for the largest deviation of the resamples, in standard errors, to lie inside; so
        a choice among them, such as the highest, needs no further care.
        """
        spread = np.stack([rows[: self.resamples] for rows in several])
        spread = spread[:, np.isfinite(spread).all(0)]
        if not spread.shape[1]:
            return [(np.nan, np.nan)] * len(several)
        width = np.maximum(spread.std(1, ddof=1, keepdims=True), 1e-300)
        largest = np.quantile(np.abs((spread - spread.mean(1, keepdims=True)) / width).max(0), self.confidence)
        ends = []
        for rows in several:
            error, freedom = self.error(rows)
            at = (1 + self.confidence) / 2
            normal, alone = special().ndtri(at), special().stdtrit(freedom, at)
            reach = alone * max(1.0, largest / normal) * error  # t in place of the normal, as for one interval
            ends.append((float(self.value(rows) - reach), float(self.value(rows) + reach)))
        return ends


def special() -> ModuleType:
    """scipy.special, whose functions are those of scipy.stats, loaded where it is needed: it takes as long as pandas."""
    from scipy import special

    return special


def benjamini_hochberg(p_values: Sequence[float]) -> Array:
    """Benjamini and Hochberg's q values [...]: those up to q hold a share of false findings of q at most; NaN stays.

    scipy.stats.false_discovery_control of those that are there.
    """
    from scipy.stats import false_discovery_control

    p = np.asarray(p_values, float)
    known, q = np.isfinite(p), np.full(p.shape, np.nan)
    if known.any():
        q[known] = false_discovery_control(p[known], method="bh")
    return q


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction of several p values: the chance of one false finding among all stays under the level."""
    p = np.asarray(p_values, float)
    adjusted, order = np.full(len(p), np.nan), np.argsort(p, kind="stable")[: np.isfinite(p).sum()]  # NaN stands last
    adjusted[order] = np.maximum.accumulate(np.minimum(1, np.arange(len(order), 0, -1) * p[order]))
    return adjusted.tolist()


def stacked(by_seed: Sequence[Sequence[tuple[Array | float, Array]]]) -> Array:
    """Rows [resample + seed, ...] of a number, the mean over folds: its value [...] and its draws [resample, ...] by seed and fold."""
    draws = np.mean([drawn for folds in by_seed for _, drawn in folds], axis=0)
    return np.concatenate([draws, [np.mean([value for value, _ in folds], axis=0) for folds in by_seed]])


def difference(of: Sampling, rows: Array, *names: str) -> dict[str, float]:
    """A paired difference [resample + seed] as cells: difference, low and high, or called by `names`; and p."""
    return of.cells(rows, *(names or ("difference", "low", "high"))) | {"p": float(of.p_value(rows))}


def with_holm(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows with p_holm, their p corrected for how many they are."""
    rows = list(rows)
    return [{**row, "p_holm": p} for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True)]
