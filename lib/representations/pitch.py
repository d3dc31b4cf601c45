"""Pitch: where the constant-Q spectrum has its peaks, and nothing else (paper section 3.1).

The constant-Q transform of a chunk is linear, and moving the chunk by one hop moves its frames by one, so each bin is
one filter. The filters are librosa's own, measured once by its answers to impulses. They are applied in two ways, each
where it is cheap. The highest octave's filters are short: frames of samples times filters, one product. All others are
long but narrow in frequency: there a frame a hop is wanted and nothing between, and taking every hop-th value of a
signal folds its spectrum, so that products with the few folds that a filter reaches, and a transform as long as there
are frames, give the answer of each bin.
"""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
import torch
from matplotlib.axes import Axes
from pydantic import Field
from torch import Tensor, nn

from lib import files
from lib.display.figures import frequency_axis
from lib.files import digests
from lib.representations.base import (
    LEVEL,
    FrontEnd,
    Padding,
    ReferenceChunks,
    Representation,
    in_parts,
    playable,
    reflection,
)
from lib.settings import Chunking, Frozen, choice

NOTHING = 1e-12  # a magnitude that counts as none: what a plain form adds before it takes the logarithm
PART = 64  # chunks at a time: many enough for one product an octave, few enough for a processor's cache


class PitchSettings(Frozen):
    """The constant-Q transform and what counts as a peak of it."""

    hop_s: float = Field(0.025, gt=0)
    f_min_hz: float = Field(40.0, gt=0)
    n_bins: int = Field(80, ge=1)
    bins_per_octave: int = Field(12, ge=1)
    sparsity: float = Field(0.01, ge=0, lt=1)
    neighbours: int = Field(2, ge=1, description="bins on either side that a peak must exceed")
    strict: bool = choice(True, "False: a peak may equal its neighbours", "a flat top is told neither way")
    padding: Padding = choice(
        "zeros", "reflect",
        "not specified in the paper; zeros, as librosa's centred frames have it, "
        "colour 2 of 40 frames at each end, for the lowest notes 8",
    )  # fmt: skip
    floor_db: float = choice(
        120.0, "any", "cells so far below the chunk's loudest are rounding; they count as equal, so they hold no peaks"
    )


class Pitch(Representation):
    """Binary map of spectral peaks [c, bin, frame]."""

    Settings = PitchSettings
    libraries = ("librosa", "soxr")
    title, keeps, colour = "Pitch", "where the peaks of the constant-Q spectrum lie", "#0072B2"
    sound_caption = "its peaks as sine tones"

    def __init__(self, settings: PitchSettings, chunking: Chunking, width: int) -> None:
        super().__init__(settings, chunking, width)
        self.hop = round(settings.hop_s * self.rate_hz)
        self.n_frames = self.n_samples // self.hop
        filters = constant_q_filters(settings, self.rate_hz)  # [bin, lag], lag 0 in the middle
        high, *low = octaves(settings)
        self.first_lag, taps = short_filters(filters[high])
        self.register_buffer("taps", taps, persistent=False)
        far = -(-reach(filters) // self.hop)  # frames
        self.before = far if settings.padding == "reflect" else 0  # frames of a continued chunk that are not its own
        self.register_buffer("places", reflection(self.n_samples, self.before * self.hop), persistent=False)
        # frames of a chunk, continued or not, and of silence after it
        self.period = smooth(-(-(len(self.places) + reach(filters)) // self.hop))
        self.low = []  # of each octave: its bins and the folds of the spectrum that it reaches
        for bins in low:
            first, folded = folded_filters(filters[bins], self.hop, self.period)
            self.register_buffer(f"folded{len(self.low)}", folded, persistent=False)
            self.low.append((bins, first, first + folded.shape[1]))
        self.front = FrontEnd(settings.n_bins, self.n_frames, width)

    def magnitude(self, chunks: Tensor) -> Tensor:
        """Constant-Q magnitude [c, bin, frame] of chunks [c, s]: |librosa.cqt|, first frames of its centred ones.

        With padding "reflect" it is that of the chunk continued by reflection at its first and last sample. librosa
        reflects each octave after it has resampled it, whose last sample lies up to 2 ms before the chunk's last: in the
        last frames its low notes differ from these.
        """
        if self.before:
            chunks = chunks[:, self.places]
        magnitude = chunks.new_empty(len(chunks), self.n_frames, self.settings.n_bins)
        n_low = self.settings.n_bins - self.taps.shape[1] // 2
        magnitude[:, :, n_low:] = self._high(chunks)
        if self.low:
            magnitude[:, :, :n_low] = self._low(chunks).abs().transpose(0, 1)
        return magnitude.transpose(1, 2)

    def _high(self, chunks: Tensor) -> Tensor:
        """Magnitudes [c, frame, bin] of the highest octave."""
        n_taps = len(self.taps)
        frames = nn.functional.pad(chunks, (-self.first_lag, n_taps)).unfold(1, n_taps, self.hop)[:, self._own]
        real, imaginary = (frames @ self.taps).chunk(2, dim=2)
        return (real * real).addcmul_(imaginary, imaginary).sqrt_()

    def _low(self, chunks: Tensor) -> Tensor:
        """Answers [frame, c, bin], complex, of the octaves below."""
        lowest, highest = min(first for _, first, _ in self.low), max(end for _, _, end in self.low)
        spectrum = torch.fft.rfft(chunks, self.period * self.hop)
        below = spectrum[:, 1 : 1 - lowest * self.period].flip(1).conj().resolve_conj()  # of frequencies under 0
        folds = torch.cat([below, spectrum[:, : highest * self.period]], dim=1).unflatten(1, (-1, self.period))
        folds = folds.permute(2, 0, 1).contiguous()  # [frequency, c, fold]
        answers = [
            folds[:, :, first - lowest : end - lowest] @ getattr(self, f"folded{number}")
            for number, (_, first, end) in enumerate(self.low)
        ]
        return torch.fft.ifft(torch.cat(answers[::-1], dim=2), dim=0, norm="forward")[self._own]

    @property
    def _own(self) -> slice:
        """Which of the frames are the chunk's own."""
        return slice(self.before, self.before + self.n_frames)

    def compute(self, chunks: Tensor) -> Tensor:
        return in_parts(lambda part: peaks(self.magnitude(part), self.settings).to(torch.uint8), chunks, PART)

    def forward(self, features: Tensor) -> Tensor:
        return self.front(features.float())

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


def peaks(magnitude: Tensor, settings: PitchSettings) -> Tensor:
    """Peaks [c, bin, frame] bool: above the bins within reach, and at or above the median of the chunk.

    Decided on magnitudes, since the logarithm keeps their order. With an even number of cells the median lies between
    the two in the middle, and what reaches it reaches the higher one.
    """
    floor = (magnitude.amax((1, 2), keepdim=True) * 10 ** (-settings.floor_db / 20)).clamp(min=NOTHING)
    floored = magnitude.maximum(floor)
    found = floored >= upper_median(floored.transpose(1, 2).flatten(1))[:, None, None]
    if not settings.strict:
        found &= floored > floor
    for step in range(1, settings.neighbours + 1):
        low, high = floored[:, :-step], floored[:, step:]
        found[:, :-step] &= low > high if settings.strict else low >= high
        found[:, step:] &= high > low if settings.strict else high >= low
    return found


def octaves(settings: PitchSettings) -> list[slice]:
    """Bins of each octave, the highest octave first."""
    tops = range(settings.n_bins, 0, -settings.bins_per_octave)
    return [slice(max(0, top - settings.bins_per_octave), top) for top in tops]


def upper_median(cells: Tensor) -> Tensor:
    """Of each row of cells [c, cell] the middle one in order, of two in the middle the higher."""
    half = cells.shape[1] // 2
    if cells.device.type == "cpu":  # numpy looks for it ten times as fast as torch
        return torch.from_numpy(np.partition(cells.numpy(), half, axis=1)[:, half])
    return cells.kthvalue(half + 1, dim=1).values


def reach(filters: np.ndarray) -> int:
    """How many samples on either side of a frame reach it; what is under 1e-6 of a filter's highest is cut."""
    size = np.abs(filters)
    used = np.flatnonzero((size > 1e-6 * size.max(1, keepdims=True)).any(0))
    middle = filters.shape[1] // 2
    return int(max(middle - used[0], used[-1] + 1 - middle))


def short_filters(filters: np.ndarray) -> tuple[int, Tensor]:
    """Filters [bin, lag] without the lags that they do not use: the first lag, and taps [lag, real then imaginary x bin]."""
    middle, used = filters.shape[1] // 2, reach(filters)
    taps = np.concatenate([filters.real, filters.imag])[:, middle - used : middle + used]
    return -used, torch.from_numpy(np.ascontiguousarray(taps.T, dtype=np.float32))


def folded_filters(filters: np.ndarray, hop: int, period: int) -> tuple[int, Tensor]:
    """Filters [bin, lag] in the spectrum of `period` frames: the first fold that is used, and [frequency, fold, bin].

    Fold a holds the frequencies a period to (a + 1) period; those under 1e-5 of a filter's highest are cut.
    """
    n, middle = hop * period, filters.shape[1] // 2
    used = reach(filters)
    turned = np.zeros((len(filters), n), complex)
    turned[:, -np.arange(-used, used) % n] = filters[:, middle - used : middle + used]
    answer = np.roll(np.fft.fft(turned) / n, hop // 2 * period, axis=1)
    answer = answer.reshape(len(filters), hop, period)  # [bin, fold, frequency], fold 0 at hop // 2
    size = np.abs(answer)
    folds = np.flatnonzero((size > 1e-5 * size.max((1, 2), keepdims=True)).any((0, 2)))
    first, end = min(folds[0], hop // 2), folds[-1] + 1
    kept = np.ascontiguousarray(answer[:, first:end].transpose(2, 1, 0), dtype=np.complex64)
    return int(first - hop // 2), torch.from_numpy(kept)


def smooth(at_least: int) -> int:
    """The first number from `at_least` on that has no prime factor over 5: transforms of such lengths are fast."""
    rest = at_least
    for factor in (2, 3, 5):
        while rest % factor == 0:
            rest //= factor
    return at_least if rest == 1 else smooth(at_least + 1)


def constant_q_filters(settings: PitchSettings, rate_hz: int) -> np.ndarray:
    """librosa.cqt as filters [bin, lag] complex128: frame t of bin k is sum over lag of x[t hop + lag] filter[k, lag].

    Lags run from -n to n - 1. Measured by an impulse at each position within a hop and kept on disk, since librosa
    itself takes seconds to load.
    """
    of_filters = settings.model_dump(mode="json", exclude={"padding"})
    path = files.cache() / "filters" / f"{files.key(of_filters, rate_hz, version('librosa'), version('soxr'))}.npy"
    return digests.array(path, lambda: _measure(settings, rate_hz))


def _measure(settings: PitchSettings, rate_hz: int) -> np.ndarray:
    import librosa

    hop = round(settings.hop_s * rate_hz)
    longest_s = 1 / (2 ** (1 / settings.bins_per_octave) - 1) / settings.f_min_hz
    before = -(-round((longest_s / 2 + 0.15) * rate_hz) // hop)  # frames; 0.15 s for the tails of librosa's resampler
    impulses = np.zeros((hop, 2 * before * hop))
    impulses[np.arange(hop), before * hop + np.arange(hop)] = 1
    answer = librosa.cqt(
        impulses, sr=rate_hz, hop_length=hop, fmin=settings.f_min_hz, n_bins=settings.n_bins,
        bins_per_octave=settings.bins_per_octave, sparsity=settings.sparsity, dtype=np.complex128,
    )  # fmt: skip
    # [position in a hop, bin, frame]: the lag of a frame is position + (before - frame) hop
    ordered = answer[:, :, 2 * before : 0 : -1]
    return ordered.transpose(1, 2, 0).reshape(settings.n_bins, -1)
