"""Ridge regression in closed form, its penalty chosen by groups of the rows that it learns from.

Equal to scikit-learn's Ridge, and to its search over GroupKFold, but all penalties share one eigendecomposition, and all
regressions that read columns of the same inputs share their products. A penalty is a row's: scikit-learn's alpha is
penalty * rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

FOLDS = 5  # of the groups, by which a penalty is chosen


def solve(x: Tensor, y: Tensor, columns: Tensor, penalties: Sequence[float]) -> Tensor:
    """Weights [h, in, target] of h regressions of y [row, target] on columns [h, in] of x [row, d], both centred, float64."""
    gram, moment = x.mT @ x, x.mT @ y  # once for all: each reads its part
    alphas = len(x) * torch.as_tensor(penalties, dtype=x.dtype)[:, None, None]
    system = gram[columns[:, :, None], columns[:, None]] + alphas * torch.eye(columns.shape[1], dtype=x.dtype)
    # by Cholesky: several LU solves at once are wrong in some builds of torch where it has more than one thread
    return torch.cholesky_solve(moment[columns], torch.linalg.cholesky(system))


def group_folds(groups: np.ndarray, most: int = FOLDS) -> np.ndarray:
    """The fold [item] of each item by its group [item], as scikit-learn's GroupKFold: `most` folds, or one a group."""
    from sklearn.model_selection import GroupKFold

    fold = np.empty(len(groups), int)
    for number, (_, held) in enumerate(GroupKFold(min(most, len(np.unique(groups)))).split(groups, groups=groups)):
        fold[held] = number
    return fold


@dataclass(frozen=True, eq=False)
class Folds:
    """Products of inputs and targets: of what each of k folds is fitted on, and of what it holds out.

    gram [k, d, d], moment [k, d, target], both about the means of what is fitted on; n [k] rows fitted on; held_square
    [k]: squared targets held out, about the same means.
    """

    n: Tensor
    gram: Tensor
    moment: Tensor
    held_gram: Tensor
    held_moment: Tensor
    held_square: Tensor

    @classmethod
    def of(cls, x: Tensor, y: Tensor, fold: np.ndarray) -> Folds:
        """Of inputs [row, d], targets [row, target], both float64, and folds [row]."""
        x, y = x - x.mean(0), y - y.mean(0)  # which changes nothing but the rounding
        held = [torch.from_numpy(np.flatnonzero(fold == number)) for number in range(fold.max() + 1)]
        n = torch.tensor([len(x) - len(rows) for rows in held], dtype=x.dtype)
        # of the others, since all together sum to nothing
        mean_x, mean_y = (torch.stack([-values[rows].sum(0) for rows in held]) / n[:, None] for values in (x, y))

        def of_others(values: Tensor, mean: Tensor) -> Tensor:
            each = torch.stack([x[rows].mT @ values[rows] for rows in held])
            return each.sum(0) - each - n[:, None, None] * mean_x[:, :, None] * mean[:, None]

        out = [(x[rows] - of_x, y[rows] - of_y) for rows, of_x, of_y in zip(held, mean_x, mean_y, strict=True)]
        gram, moment = (torch.stack(each) for each in zip(*((a.mT @ a, a.mT @ b) for a, b in out), strict=True))
        square = torch.stack([b.square().sum() for _, b in out])
        return cls(n, of_others(x, mean_x), of_others(y, mean_y), gram, moment, square)

    def errors(self, columns: Tensor, penalties: np.ndarray) -> Tensor:
        """Squared error [penalty, fold] on what a fold holds out, summed over its rows and targets, by these columns.

        With gram = V diag(e) V' the weights are V diag(1 / (e + alpha)) V' moment, so a penalty changes only the middle.
        """
        there = (slice(None), columns[:, None], columns)
        values, vectors = torch.linalg.eigh(self.gram[there])
        turned = vectors.mT @ self.moment[:, columns]
        linear = ((vectors.mT @ self.held_moment[:, columns]) * turned).sum(2)
        square = (vectors.mT @ self.held_gram[there] @ vectors) * (turned @ turned.mT)
        alphas = torch.from_numpy(penalties)[:, None] * self.n
        shrunk = 1 / (values.clamp(min=0) + alphas[:, :, None])  # [penalty, k, d]
        squared = torch.einsum("pki,kij,pkj->pk", shrunk, square, shrunk) - 2 * (shrunk * linear).sum(2)
        return squared + self.held_square
