"""Ridge regression on standardised inputs, its penalty chosen by groups of the rows that it learns from."""

from dataclasses import dataclass

import numpy as np
import torch

from lib.encoders.ridge import FOLDS, Folds, group_folds, solve

PENALTIES = 10.0 ** np.arange(-4, 1.5, 0.5)  # a row of the inputs, which are standardised
WITHOUT_GROUPS = 1e-1  # the penalty where there is one group alone, so that nothing can be chosen


@dataclass(frozen=True)
class Ridge:
    """A fitted model: predictions [row, target] = (inputs - mean) / spread @ weights + intercept."""

    mean: np.ndarray
    spread: np.ndarray
    weights: np.ndarray
    intercept: np.ndarray
    penalty: float

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Predictions [row, target] of inputs [row, d]."""
        return (inputs - self.mean) / self.spread @ self.weights + self.intercept


def fit(inputs: np.ndarray, targets: np.ndarray, groups: np.ndarray) -> Ridge:
    """The ridge of targets [row, target] on inputs [row, d], one penalty for all targets; groups [row]."""
    inputs, targets = np.asarray(inputs, np.float64), np.asarray(targets, np.float64)
    mean, spread, level = inputs.mean(0), inputs.std(0), targets.mean(0)
    spread = np.where(spread > 1e-6, spread, 1.0)
    scaled = (inputs - mean) / spread
    penalty = choose(scaled, targets, groups)
    columns = torch.arange(inputs.shape[1])[None]
    weights = solve(torch.from_numpy(scaled), torch.from_numpy(targets - level), columns, [penalty])[0].numpy()
    return Ridge(mean, spread, weights, level, penalty)


def choose(inputs: np.ndarray, targets: np.ndarray, groups: np.ndarray) -> float:
    """The penalty a row with the least squared error over folds of groups [row], the mean over folds and targets.

    Inputs [row, d], standardised; targets [row, target].
    """
    if len(np.unique(groups)) < 2:
        return WITHOUT_GROUPS
    fold, columns = group_folds(groups, FOLDS), torch.arange(inputs.shape[1])
    folds = Folds.of(torch.from_numpy(inputs), torch.from_numpy(targets), fold)
    errors = folds.errors(columns, PENALTIES).numpy() / np.bincount(fold)
    return float(PENALTIES[errors.mean(1).argmin()])


def folds_by_group(groups: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to learn from and rows held out, of up to FOLDS folds of groups [row], no group in both; none of one group."""
    fold = group_folds(groups, FOLDS) if len(np.unique(groups)) > 1 else np.zeros(0, int)
    return [
        (np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(fold.max(initial=-1) + 1)
    ]


def explained(truth: np.ndarray, predicted: np.ndarray, mean: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """R squared [1 + resample] of predictions [item, target] against always saying `mean` [target].

    All targets together, each by its variance; under equal weights first, then under each of weights [resample, item].
    NaN where there is nothing to explain.
    """
    error, total = ((truth - predicted) ** 2).sum(1), ((truth - mean) ** 2).sum(1)
    both = np.stack([error, total], axis=1)
    sums = np.concatenate([both.sum(0)[None], weights @ both])
    return 1 - np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), np.nan), where=sums[:, 1] > 0)


def out_of_fold(inputs: np.ndarray, targets: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and means [row, target] of every row, both learned from the other groups; NaN where there is one."""
    predicted, mean = np.full(targets.shape, np.nan), np.full(targets.shape, np.nan)
    for learn, held_out in folds_by_group(groups):
        model = fit(inputs[learn], targets[learn], groups[learn])
        predicted[held_out], mean[held_out] = model.predict(inputs[held_out]), model.intercept
    return predicted, mean
