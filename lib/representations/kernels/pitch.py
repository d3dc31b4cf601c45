"""The map of constant-Q peaks of many chunks at once, equal to `pitch.plain`: an eighth of the time of librosa's batch.

The constant-Q transform of a chunk is linear, and moving the chunk by one hop moves its frames by one, so each bin is
one filter. The filters are librosa's own, measured once by its responses to impulses. They are applied in two ways, each
where it is cheap. The highest octave's filters are short: frames of samples times filters, one product. All others are
long but narrow in frequency: there a frame a hop is wanted and nothing between, and taking every hop-th value of a
signal folds its spectrum, so that products with the few folds that a filter reaches, and a transform as long as there
are frames, give the response of each bin.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from lib import files
from lib.files import digests
from lib.representations.kernels import reflection

if TYPE_CHECKING:
    from lib.representations.pitch import PitchSettings

NOTHING = 1e-12  # a magnitude that counts as none: what a plain form adds before it takes the logarithm
PART = 64  # chunks at a time: many enough for one product an octave, few enough for a processor's cache
TAILS_S = 0.15  # how long librosa's resampler rings on either side


class ConstantQ(nn.Module):
    """Constant-Q magnitude [c, bin, frame] of chunks [c, s]: |librosa.cqt|, first frames of its centred ones.

    With padding "reflect" it is that of the chunk continued by reflection at its first and last sample. librosa
    reflects each octave after it has resampled it, whose last sample lies up to 2 ms before the chunk's last: in the
    last frames its low notes differ from these.
    """

    def __init__(self, settings: PitchSettings, rate_hz: int, n_samples: int) -> None:
        super().__init__()
        from scipy.fft import next_fast_len

        self.n_bins, self.hop = settings.n_bins, round(settings.hop_s * rate_hz)
        self.n_frames = n_samples // self.hop
        filters = constant_q_filters(settings, rate_hz)  # [bin, lag], lag 0 in the middle
        tops = range(settings.n_bins, 0, -settings.bins_per_octave)
        high, *low = (slice(max(0, top - settings.bins_per_octave), top) for top in tops)  # bins of each octave
        self.first_lag, taps = short_filters(filters[high])
        self.register_buffer("taps", taps, persistent=False)
        self.n_low = high.start
        far = -(-reach(filters) // self.hop)  # frames
        self.before = far if settings.padding == "reflect" else 0  # frames of a continued chunk that are not its own
        self.own = slice(self.before, self.before + self.n_frames)
        self.register_buffer("places", reflection(n_samples, self.before * self.hop), persistent=False)
        # frames of a chunk, continued or not, and of silence after it
        self.period = next_fast_len(-(-(len(self.places) + reach(filters)) // self.hop), real=True)
        self.folds = []  # of each lower octave the folds of the spectrum that it reaches
        for number, bins in enumerate(low):
            first, folded = folded_filters(filters[bins], self.hop, self.period)
            self.register_buffer(f"folded{number}", folded, persistent=False)
            self.folds.append((first, first + folded.shape[1]))

    def forward(self, chunks: Tensor) -> Tensor:
        if self.before:
            chunks = chunks[:, self.places]
        magnitude = chunks.new_empty(len(chunks), self.n_frames, self.n_bins)
        magnitude[:, :, self.n_low :] = self._high(chunks)
        if self.n_low:
            magnitude[:, :, : self.n_low] = self._low(chunks).abs().transpose(0, 1)
        return magnitude.transpose(1, 2)

    def _high(self, chunks: Tensor) -> Tensor:
        """Magnitudes [c, frame, bin] of the highest octave."""
        n_taps = len(self.taps)
        frames = nn.functional.pad(chunks, (-self.first_lag, n_taps)).unfold(1, n_taps, self.hop)[:, self.own]
        real, imaginary = (frames @ self.taps).chunk(2, dim=2)
        return (real * real).addcmul_(imaginary, imaginary).sqrt_()

    def _low(self, chunks: Tensor) -> Tensor:
        """Responses [frame, c, bin], complex, of the octaves below."""
        lowest, highest = min(first for first, _ in self.folds), max(end for _, end in self.folds)
        spectrum = torch.fft.rfft(chunks, self.period * self.hop)
        below = spectrum[:, 1 : 1 - lowest * self.period].flip(1).conj().resolve_conj()  # of frequencies under 0
        folds = torch.cat([below, spectrum[:, : highest * self.period]], dim=1).unflatten(1, (-1, self.period))
        folds = folds.permute(2, 0, 1).contiguous()  # [frequency, c, fold]
        responses = [
            folds[:, :, first - lowest : end - lowest] @ getattr(self, f"folded{number}")
            for number, (first, end) in enumerate(self.folds)
        ]
        return torch.fft.ifft(torch.cat(responses[::-1], dim=2), dim=0, norm="forward")[self.own]


def peaks(magnitude: Tensor, settings: PitchSettings, median: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Peaks [c, bin, frame] bool of magnitudes: the rule of `pitch.plain`, since the logarithm keeps their order."""
    floor = (magnitude.amax((1, 2), keepdim=True) * 10 ** (-settings.floor_db / 20)).clamp(min=NOTHING)
    floored = magnitude.maximum(floor)
    is_peak = floored >= (median or upper_median)(floored.transpose(1, 2).flatten(1))[:, None, None]
    if not settings.strict:
        is_peak &= floored > floor
    for step in range(1, settings.neighbours + 1):
        low, high = floored[:, :-step], floored[:, step:]
        is_peak[:, :-step] &= low > high if settings.strict else low >= high
        is_peak[:, step:] &= high > low if settings.strict else high >= low
    return is_peak


def upper_median(cells: Tensor) -> Tensor:
    """Of each row of cells [c, cell] the middle one in order; of two in the middle the higher, which is what reaches
    the mean of the two."""
    half = cells.shape[1] // 2
    if cells.device.type == "cpu":  # numpy looks for it ten times as fast as torch
        return torch.from_numpy(np.partition(cells.numpy(), half, axis=1)[:, half])
    return cells.kthvalue(half + 1, dim=1).values


# librosa's constant-Q transform as filters


def constant_q_filters(settings: PitchSettings, rate_hz: int) -> np.ndarray:
    """librosa.cqt as filters [bin, lag] complex128: frame t of bin k is sum over lag of x[t hop + lag] filter[k, lag].

    Lags run from -n to n - 1. Measured by an impulse at each position within a hop and kept on disk, since librosa
    itself takes seconds to load.
    """
    of_filters = settings.model_dump(mode="json", exclude={"padding"})
    path = files.cache() / "filters" / f"{files.key(of_filters, rate_hz, version('librosa'), version('soxr'))}.npy"
    return digests.array(path, lambda: _measured(settings, rate_hz))


def _measured(settings: PitchSettings, rate_hz: int) -> np.ndarray:
    hop = round(settings.hop_s * rate_hz)
    longest_s = 1 / (2 ** (1 / settings.bins_per_octave) - 1) / settings.f_min_hz
    before = -(-round((longest_s / 2 + TAILS_S) * rate_hz) // hop)  # frames
    impulses = np.zeros((hop, 2 * before * hop))
    impulses[np.arange(hop), before * hop + np.arange(hop)] = 1
    response = settings.constant_q(impulses, rate_hz, dtype=np.complex128)
    # [position in a hop, bin, frame]: the lag of a frame is position + (before - frame) hop
    ordered = response[:, :, 2 * before : 0 : -1]
    return ordered.transpose(1, 2, 0).reshape(settings.n_bins, -1)


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
    n, middle, used = hop * period, filters.shape[1] // 2, reach(filters)
    turned = np.zeros((len(filters), n), complex)
    turned[:, -np.arange(-used, used) % n] = filters[:, middle - used : middle + used]
    response = np.roll(np.fft.fft(turned) / n, hop // 2 * period, axis=1)
    response = response.reshape(len(filters), hop, period)  # [bin, fold, frequency], fold 0 at hop // 2
    size = np.abs(response)
    folds = np.flatnonzero((size > 1e-5 * size.max((1, 2), keepdims=True)).any((0, 2)))
    first, end = min(folds[0], hop // 2), folds[-1] + 1
    folded = np.ascontiguousarray(response[:, first:end].transpose(2, 1, 0), dtype=np.complex64)
    return int(first - hop // 2), torch.from_numpy(folded)
