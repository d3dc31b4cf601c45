"""Ridge regression in closed form, its penalty chosen by groups of the rows that it learns from.

Equal to scikit-learn's Ridge, and to its search over GroupKFold, but all penalties share one eigendecomposition, and all
regressions that read columns of the same inputs share their products. A penalty is a row's: scikit-learn's alpha is
penalty * rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lib.sounds.arrays import batched_slices

FOLDS = 5  # of the groups, by which a penalty is chosen
SUMMED = 2**15  # rows whose products are summed at a time, in float64


def solve(x: Tensor, y: Tensor, columns: Tensor, penalties: Sequence[float]) -> Tensor:
    """Weights [h, in, target] of h regressions of y [row, target] on columns [h, in] of x [row, d], both centred."""
    gram, moment = 0, 0  # once for all: each reads its part
    for part in batched_slices(len(x), SUMMED):
        a, b = x[part].double(), y[part].double()
        gram, moment = gram + a.mT @ a, moment + a.mT @ b
    alphas = len(x) * torch.as_tensor(penalties, dtype=gram.dtype)[:, None, None]
    system = gram[columns[:, :, None], columns[:, None]] + alphas * torch.eye(columns.shape[1], dtype=gram.dtype)
    # by Cholesky: several LU solves at once are wrong in some builds of torch where it has more than one thread
    return torch.cholesky_solve(moment[columns], torch.linalg.cholesky(system))


def group_folds(groups: np.ndarray, most: int = FOLDS) -> np.ndarray:
    """The fold [item] of each item by its group [item], as scikit-learn's GroupKFold: `most` folds, or one a group."""
    from sklearn.model_selection import GroupKFold

    fold = np.empty(len(groups), int)
    for number, (_, held_out) in enumerate(GroupKFold(min(most, len(np.unique(groups)))).split(groups, groups=groups)):
        fold[held_out] = number
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
        """Of inputs [row, d], targets [row, target] and folds [row]; in float64, a fold at a time: all may not fit."""
        middle = x.mean(0, dtype=torch.float64), y.mean(0, dtype=torch.float64)
        held = [torch.from_numpy(np.flatnonzero(fold == number)) for number in range(fold.max() + 1)]
        n = torch.tensor([len(x) - len(rows) for rows in held], dtype=torch.float64)

        def parts(of_x: Tensor, of_y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
            for rows, less_x, less_y in zip(held, of_x, of_y, strict=True):
                yield x[rows].double() - less_x, y[rows].double() - less_y

        def stacked(found: Iterator[tuple[Tensor, ...]]) -> Iterator[Tensor]:
            return map(torch.stack, zip(*found, strict=True))

        # about the means of all, which changes nothing but the rounding: then all folds together sum to nothing
        about_all = parts(*(mean.expand(len(held), -1) for mean in middle))
        sum_x, sum_y, gram, moment = stacked((a.sum(0), b.sum(0), a.mT @ a, a.mT @ b) for a, b in about_all)
        mean_x, mean_y = -sum_x / n[:, None], -sum_y / n[:, None]  # of the others

        def of_others(each: Tensor, mean: Tensor) -> Tensor:
            return each.sum(0) - each - n[:, None, None] * mean_x[:, :, None] * mean[:, None]

        about_others = parts(middle[0] + mean_x, middle[1] + mean_y)
        out = stacked((a.mT @ a, a.mT @ b, b.square().sum()) for a, b in about_others)
        return cls(n, of_others(gram, mean_x), of_others(moment, mean_y), *out)

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
