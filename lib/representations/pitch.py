"""Pitch: where the constant-Q spectrum has its peaks, and nothing else (paper section 3.1).

The constant-Q transform of a chunk is linear, and moving the chunk by one hop moves its frames by one, so each bin is
one filter. The filters are librosa's own, measured once by its answers to impulses. An octave of them needs half the
rate of the octave above: the chunk is slowed down in the spectrum, and all frames of an octave are one product.
"""

from importlib.metadata import version

import numpy as np
import torch
from matplotlib.axes import Axes
from pydantic import Field
from torch import Tensor, nn

from lib import files
from lib.plots import frequency_axis
from lib.representations.base import FrontEnd, Representation, in_parts
from lib.settings import Chunking, Frozen, choice


class PitchSettings(Frozen):
    """The constant-Q transform and what counts as a peak of it."""

    hop_s: float = Field(0.025, gt=0)
    f_min_hz: float = Field(40.0, gt=0)
    n_bins: int = Field(80, ge=1)
    bins_per_octave: int = Field(12, ge=1)
    sparsity: float = Field(0.01, ge=0, lt=1)
    neighbours: int = Field(2, ge=1, description="bins on either side that a peak must exceed")
    strict: bool = choice(True, "False: a peak may equal its neighbours", "a flat top is told neither way")
    floor_db: float = choice(
        120.0, "any", "cells so far below the chunk's loudest are rounding; they count as equal, so they hold no peaks"
    )


class Pitch(Representation):
    """Binary map of spectral peaks [c, bin, frame]."""

    Settings = PitchSettings
    title, keeps, colour = "Pitch", "where the peaks of the constant-Q spectrum lie", "#0072B2"

    def __init__(self, settings: PitchSettings, chunking: Chunking, width: int) -> None:
        super().__init__(settings, chunking, width)
        self.hop = round(settings.hop_s * self.rate_hz)
        self.n_frames = self.n_samples // self.hop
        filters = constant_q_filters(settings, self.rate_hz)  # [bin, lag], lag 0 in the middle
        self.margin = filters.shape[1] // 2
        self.octaves = []
        for bins in octaves(settings):
            factor = decimation(len(self.octaves), self.hop)
            first_lag, taps = shorten(filters[bins], factor)
            self.register_buffer(f"octave{len(self.octaves)}", taps, persistent=False)
            self.octaves.append((bins, factor, first_lag))
        self.front = FrontEnd(settings.n_bins, self.n_frames, width)

    def magnitude(self, chunks: Tensor) -> Tensor:
        """Constant-Q magnitude [c, bin, frame] of chunks [c, s]: |librosa.cqt|, first frames of its centred ones."""
        padded = nn.functional.pad(chunks, (self.margin, self.margin))
        spectrum = torch.fft.rfft(padded)
        n = padded.shape[1]
        magnitude = chunks.new_empty(len(chunks), self.n_frames, self.settings.n_bins)
        for number, (bins, factor, first_lag) in enumerate(self.octaves):
            slower = padded if factor == 1 else torch.fft.irfft(spectrum[:, : n // factor // 2 + 1], n // factor)
            taps = getattr(self, f"octave{number}")  # [lag, real or imaginary x bin]
            start = self.margin // factor + first_lag
            frames = slower[:, start:].unfold(1, len(taps), self.hop // factor)[:, : self.n_frames]
            real, imaginary = (frames @ taps).chunk(2, dim=2)
            magnitude[:, :, bins] = (real * real).addcmul_(imaginary, imaginary).sqrt_()
        return magnitude.transpose(1, 2)

    def compute(self, chunks: Tensor) -> Tensor:
        return in_parts(lambda part: peaks(self.magnitude(part), self.settings).to(torch.uint8), chunks)

    def forward(self, features: Tensor) -> Tensor:
        return self.front(features.float())

    def draw(self, axis: Axes, features: np.ndarray) -> None:
        edges_hz = self.settings.f_min_hz * 2 ** ((np.arange(len(features) + 1) - 0.5) / self.settings.bins_per_octave)
        times_s = (np.arange(features.shape[1] + 1) - 0.5) * self.settings.hop_s
        axis.pcolormesh(times_s, edges_hz, features, cmap="Greys", vmin=0, vmax=1, rasterized=True)
        frequency_axis(axis)
        axis.set(xlabel="time (s)")


def peaks(magnitude: Tensor, settings: PitchSettings) -> Tensor:
    """Peaks [c, bin, frame] bool: above the bins within reach, and at or above the median of the chunk.

    Decided on magnitudes, since the logarithm keeps their order. With an even number of cells the median lies between
    the two in the middle, and what reaches it reaches the higher one.
    """
    floor = magnitude.amax((1, 2), keepdim=True) * 10 ** (-settings.floor_db / 20)
    floored = magnitude.maximum(floor)
    cells = floored.transpose(1, 2).flatten(1)
    found = floored >= cells.kthvalue(cells.shape[1] // 2 + 1, dim=1).values[:, None, None]
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


def decimation(octave: int, hop: int) -> int:
    """How many samples become one for an octave (0 the highest): 2 an octave, as long as the hop stays whole."""
    factor = 2**octave
    while hop % factor:
        factor //= 2
    return factor


def shorten(filters: np.ndarray, factor: int) -> tuple[int, Tensor]:
    """Filters [bin, lag] at a rate `factor` times lower: the first lag kept, and taps [lag, real then imaginary x bin].

    Exact where a filter passes nothing above the new Nyquist frequency; lags under 1e-6 of a filter's highest are cut.
    """
    n = filters.shape[1]
    middle = n // 2
    answer = np.fft.fft(np.roll(filters, -middle, axis=1))
    kept = n // factor
    answer = np.concatenate([answer[:, : kept // 2], answer[:, n - (kept - kept // 2) :]], axis=1)
    slower = np.roll(np.fft.ifft(answer), kept // 2, axis=1) / factor  # the slowed sound comes factor times too loud
    size = np.abs(slower)
    used = np.flatnonzero((size > 1e-6 * size.max(1, keepdims=True)).any(0))
    low, high = used[0], used[-1] + 1
    taps = np.concatenate([slower.real, slower.imag])[:, low:high]
    return int(low - kept // 2), torch.from_numpy(np.ascontiguousarray(taps.T, dtype=np.float32))


def constant_q_filters(settings: PitchSettings, rate_hz: int) -> np.ndarray:
    """librosa.cqt as filters [bin, lag] complex128: frame t of bin k is sum over lag of x[t hop + lag] filter[k, lag].

    Lags run from -n to n - 1. Measured by an impulse at each position within a hop and kept on disk, since librosa
    itself takes seconds to load.
    """
    path = files.cache() / "filters" / f"{files.key(settings, rate_hz, version('librosa'), version('soxr'))}.npy"
    if not path.exists():
        with files.whole(path) as temporary:
            np.save(temporary, _measure(settings, rate_hz))
    return np.load(path)


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
