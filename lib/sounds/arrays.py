"""Rows of an array that may lie on disk, without copying them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rows:
    """The rows `index` [row] of `array` [item, ...]; indexing reads only what is asked for."""

    array: np.ndarray
    index: np.ndarray

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, which: slice | np.ndarray) -> np.ndarray:
        return np.asarray(self.array[self.index[which]])

    def split(self, parts: int) -> "Rows":
        """Each row cut into `parts` of equal length: [row * parts, length / parts], without a copy."""
        array = self.array.reshape(len(self.array) * parts, -1)
        return Rows(array, (self.index[:, None] * parts + np.arange(parts)).ravel())


def blocks(n: int, size: int) -> list[slice]:
    """Slices of at most `size` that cover range(n)."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]
