"""Pitch: where the constant-Q spectrum has its peaks, and nothing else (paper section 3.1).

`plain` is the paper's rule, chunk by chunk; `Pitch.compute` gives the same for many chunks, by `kernels/pitch.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from pydantic import Field
from torch import Tensor, nn

from lib.display.figures import frequency_axis
from lib.representations.base import LEVEL, PAD_MODES, FrontEnd, Padding, ReferenceChunks, Representation, playable
from lib.representations.kernels import in_parts, portable
from lib.representations.kernels.pitch import PART, ConstantQ, constant_q_filters, peaks, reach
from lib.representations.kernels.portable import Chain, Filtered
from lib.settings import Chunking, Frozen, choice


class PitchSettings(Frozen):
    """The constant-Q transform and what counts as a peak of it."""

    hop_s: float = Field(0.025, gt=0)
    f_min_hz: float = Field(40.0, gt=0)
    n_bins: int = Field(80, ge=1)
    bins_per_octave: int = Field(12, ge=1)
    sparsity: float = Field(0.01, ge=0, lt=1)
    neighbours: int = Field(2, ge=1, description="bins on either side that a peak must exceed")
    strict: bool = choice(True, "False: a peak may equal its neighbours", "a flat top is not specified in the paper")
    padding: Padding = choice(
        "zeros",
        "reflect",
        "not specified in the paper; zeros, as librosa's centred frames have it, "
        "colour 2 of 40 frames at each end, for the lowest notes 8",
    )
    floor_db: float = choice(
        120.0,
        "any",
        "cells so far below the chunk's loudest are rounding; they count as equal, so they hold no peaks",
        gt=0,
    )

    def constant_q(self, samples: np.ndarray, rate_hz: int, **how: Any) -> np.ndarray:
        """librosa's constant-Q transform [..., bin, frame], complex, of samples [..., s]."""
        import librosa

        return librosa.cqt(
            samples, sr=rate_hz, hop_length=round(self.hop_s * rate_hz), fmin=self.f_min_hz, n_bins=self.n_bins,
            bins_per_octave=self.bins_per_octave, sparsity=self.sparsity, **how,
        )  # fmt: skip


def plain(chunk: np.ndarray, settings: PitchSettings, rate_hz: int) -> np.ndarray:
    """The rule of the paper: peaks [bin, frame] bool of a chunk [s], above all bins within reach and the median."""
    import librosa

    spectrum = settings.constant_q(chunk, rate_hz, pad_mode=PAD_MODES[settings.padding])
    magnitude = np.abs(spectrum)[:, : len(chunk) // round(settings.hop_s * rate_hz)]
    level_db = librosa.amplitude_to_db(magnitude, amin=1e-12, top_db=settings.floor_db)
    around = np.pad(level_db, [(settings.neighbours, settings.neighbours), (0, 0)], constant_values=-np.inf)
    around = np.lib.stride_tricks.sliding_window_view(around, 2 * settings.neighbours + 1, axis=0)
    others = np.delete(around, settings.neighbours, axis=2)  # [bin, frame, neighbour]
    higher = level_db[:, :, None] > others if settings.strict else level_db[:, :, None] >= others
    return higher.all(2) & (level_db >= np.median(level_db)) & (level_db > level_db.min())


class Pitch(Representation):
    """Binary map of spectral peaks [c, bin, frame]."""

    Settings = PitchSettings
    libraries = ("librosa", "soxr")
    title, keeps, colour = "Pitch", "where the peaks of the constant-Q spectrum lie", "#0072B2"
    sound_caption = "its peaks as sine tones"

    def __init__(self, settings: PitchSettings, chunking: Chunking, width: int) -> None:
        super().__init__(settings, chunking, width)
        self.magnitude = ConstantQ(settings, self.rate_hz, self.n_samples)
        self.hop = self.magnitude.hop
        self.front = FrontEnd(settings.n_bins, self.magnitude.n_frames, width)

    def compute(self, chunks: Tensor) -> Tensor:
        return in_parts(lambda part: peaks(self.magnitude(part), self.settings).to(torch.uint8), chunks, PART)

    def portable(self) -> nn.Module:
        filters = constant_q_filters(self.settings, self.rate_hz)
        middle, used = filters.shape[1] // 2, reach(filters)
        power = Filtered(
            filters[:, middle - used : middle + used], self.hop, self.n_samples, self.magnitude.n_frames,
            self.settings.padding == "reflect",
        )  # fmt: skip
        return Chain(power, torch.sqrt, lambda x: peaks(x, self.settings, portable.upper_median).float(), self.front)

    def draw(self, axis: Axes, features: np.ndarray) -> None:
        edges_hz = self.settings.f_min_hz * 2 ** ((np.arange(len(features) + 1) - 0.5) / self.settings.bins_per_octave)
        times_s = (np.arange(features.shape[1] + 1) - 0.5) * self.settings.hop_s
        axis.pcolormesh(times_s, edges_hz, features, cmap="Greys", vmin=0, vmax=1, rasterized=True)
        frequency_axis(axis)
        axis.set(xlabel="time (s)")

    def sonify(self, features: np.ndarray, reference: ReferenceChunks | None = None) -> np.ndarray:
        """The peaks of a map [bin, frame] as sine tones [s]: all equally loud, as a peak has no level."""
        total = np.zeros(self.n_samples)
        for first, bins in partials(features):
            start, tone = self._tone(first, bins)
            total[start : start + len(tone)] += tone
        return playable(total, LEVEL)

    def _tone(self, first: int, bins: list[int]) -> tuple[int, np.ndarray]:
        """Where a partial begins, and its samples: it glides from bin to bin, and is faded over a hop at either end.

        What begins with the chunk is not faded, since it may have lasted before; it begins with phase 0.
        """
        frames = np.arange(first - 1, first + len(bins) + 1)
        sample = np.arange(max(frames[0], 0) * self.hop, frames[-1] * self.hop)
        octaves_up = np.interp(sample / self.hop, frames, np.pad(bins, 1, "edge")) / self.settings.bins_per_octave
        turns = np.cumsum(self.settings.f_min_hz * 2**octaves_up) / self.rate_hz
        level = np.interp(sample / self.hop, frames, np.pad(np.ones(len(bins)), 1))
        return int(sample[0]), level * np.sin(2 * np.pi * (turns - turns[0]))


def partials(found: np.ndarray) -> list[tuple[int, list[int]]]:
    """The partials in a map of peaks [bin, frame]: the first frame of each, and its bin in that frame and those after.

    A peak goes on in the next frame in the same bin or else in a neighbouring one; each peak belongs to one partial.
    """
    every, now = [], {}  # bin -> the partial that is there in this frame
    for frame, column in enumerate(found.T):
        before, now, left = now, {}, set(np.flatnonzero(column))
        for step in (0, -1, 1):
            for place in left & {place + step for place in before}:
                now[place] = before.pop(place - step)
            left -= now.keys()
        born = {place: (frame, []) for place in sorted(left)}
        every += born.values()
        now |= born
        for place, (_, bins) in now.items():
            bins.append(int(place))
    return every
