"""Rows of an array that may lie on disk, without copying them; samples in half the bytes."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rows:
    """The rows `index` [row] of `array` [item, ...]; indexing reads only what is wanted."""

    array: "np.ndarray | Scaled"
    index: np.ndarray

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, which: slice | np.ndarray) -> np.ndarray:
        return np.asarray(self.array[self.index[which]])

    def split(self, parts: int) -> "Rows":
        """Each row cut into `parts` of equal length: [row * parts, length / parts], without a copy."""
        array = self.array.reshape(len(self.array) * parts, -1)
        return Rows(array, (self.index[:, None] * parts + np.arange(parts)).ravel())


FULL = 2**15  # of 16 bits


@dataclass(frozen=True, eq=False)
class Scaled:
    """An array [item, sample] of float32 kept as whole numbers of 16 bits, [item, sample], and their scale [item]."""

    codes: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, samples: np.ndarray) -> "Scaled":
        """Exact where all samples [item, sample] are 16 bit numbers of full scale; else within half a step of their peak."""
        codes = np.rint(samples * FULL)
        if (codes == samples * FULL).all() and codes.min(initial=0) >= -FULL and codes.max(initial=0) < FULL:
            scale = np.full(len(samples), 1 / FULL, np.float32)
        else:
            scale = np.maximum(np.abs(samples).max(axis=1), 1e-30).astype(np.float32) / (FULL - 1)
        return cls(np.rint(samples / scale[:, None]).clip(-FULL, FULL - 1).astype("<i2"), scale)

    @property
    def shape(self) -> tuple[int, ...]:
        """As of the array that it stands for."""
        return self.codes.shape

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, which: int | slice | np.ndarray) -> np.ndarray:
        return self.codes[which] * self.scale[which][..., None]

    def reshape(self, n: int, _: int = -1) -> "Scaled":
        """Each item cut into parts of equal length, n parts in all."""
        return Scaled(self.codes.reshape(n, -1), np.repeat(self.scale, n // len(self)))


def batched_slices(n: int, size: int) -> list[slice]:
    """Slices of at most `size` that cover range(n)."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]
