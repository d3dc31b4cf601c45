"""Representations from samples to tokens by operations that every runtime has: gather, convolution, product, maximum.

For export: what the fast forms do by Fourier transforms and in place stands here as a convolution with all filters, and
tests hold the two equal.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn


class Chain(nn.Module):
    """Steps one after another, modules or functions of tensors; `owned`: modules whose weights the functions use."""

    def __init__(self, *steps: nn.Module | Callable[[Tensor], Tensor], owned: Sequence[nn.Module] = ()) -> None:
        super().__init__()
        self.steps = steps
        self.owned = nn.ModuleList([*(step for step in steps if isinstance(step, nn.Module)), *owned])

    def forward(self, x: Tensor) -> Tensor:
        for step in self.steps:
            x = step(x)
        return x


class Filtered(nn.Module):
    """Squared magnitudes [c, filter, frame] of complex filters [filter, lag] on samples [c, s], a frame every hop.

    Frame t is the sum over lag of x[t hop + lag] filter[lag], lag 0 at the filters' middle; beyond the ends of the samples
    there are zeros, or their reflection.
    """

    def __init__(self, filters: np.ndarray, hop: int, n_samples: int, n_frames: int, reflect: bool) -> None:
        super().__init__()
        self.hop, self.n_frames, self.edge = hop, n_frames, filters.shape[1] // 2
        both = np.concatenate([filters.real, filters.imag])[:, None]
        self.register_buffer("filters", torch.from_numpy(both.astype(np.float32)))
        beyond = {"mode": "reflect"} if reflect else {"constant_values": n_samples}  # the place after the last
        self.register_buffer("places", torch.from_numpy(np.pad(np.arange(n_samples), self.edge, **beyond)))

    def forward(self, samples: Tensor) -> Tensor:
        around = nn.functional.pad(samples, (0, 1))[:, self.places]  # after the last sample stands a zero
        answers = nn.functional.conv1d(around[:, None], self.filters, stride=self.hop)[:, :, : self.n_frames]
        return answers.unflatten(1, (2, -1)).square().sum(1)


def fourier(window: np.ndarray) -> np.ndarray:
    """Filters [frequency, lag] whose answers are the Fourier transform of windowed frames, from 0 to half the rate."""
    n_fft = len(window)
    angle = 2 * math.pi / n_fft * (np.outer(np.arange(n_fft // 2 + 1), np.arange(n_fft)) % n_fft)
    return window * np.exp(-1j * angle)


def upper_median(cells: Tensor) -> Tensor:
    """Of each row of cells [c, cell] the middle one in order, of two in the middle the higher."""
    return cells.topk(cells.shape[1] - cells.shape[1] // 2, dim=1).values[:, -1]
