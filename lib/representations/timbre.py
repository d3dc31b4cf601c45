"""Timbre: the spectral envelope as MFCC without the first (paper section 3.2).

Equal to librosa.feature.mfcc taken chunk by chunk: a batch has no common loudness floor.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from matplotlib.axes import Axes
from pydantic import Field
from torch import Tensor

from lib.representations.base import (
    LEVEL,
    FrontEnd,
    Padding,
    ReferenceChunks,
    Representation,
    Scaling,
    parts_of,
    playable,
    reflection,
)
from lib.settings import Chunking, Frozen, choice
from lib.sounds.arrays import Rows

FLAT = 0.01  # coefficients below are rounding: no band differs from another, as where the floor has cut all
GROUP = 16  # mel bands that are summed in one product: each group needs but a part of the spectrum
PART = 10  # chunks at a time, of which frames and spectra fit into a processor's cache


class TimbreSettings(Frozen):
    """The mel-frequency cepstrum."""

    hop_s: float = Field(0.025, gt=0)
    n_mfcc: int = Field(13, ge=2, description="the first, which is loudness, is dropped")
    n_fft: int = choice(2048, "any", "the window is not told; this is librosa's")
    n_mels: int = choice(128, "any", "the number of bands is not told; this is librosa's")
    top_db: float = choice(80.0, "any", "the floor is not told; librosa's, below the maximum of each chunk")
    padding: Padding = choice(
        "zeros",
        "reflect",
        "not specified in the paper; zeros, as librosa's centred frames have it, colour 2 of 40 frames at each end",
    )
    scaling: Scaling = choice(
        "standardise", "none, batch (batch norm)", "coefficients spread 10 to 52 against positions of size 1"
    )


class Timbre(Representation):
    """MFCC 2 to 13 [c, coefficient, frame]."""

    Settings = TimbreSettings
    libraries = ("torchaudio",)
    title, keeps, colour = "Timbre", "the spectral envelope, as 12 MFCC", "#D55E00"
    sound_caption = "noise through its spectral envelope"

    def __init__(self, settings: TimbreSettings, chunking: Chunking, width: int) -> None:
        super().__init__(settings, chunking, width)
        from torchaudio.functional import melscale_fbanks

        self.hop = round(settings.hop_s * self.rate_hz)
        self.n_frames = self.n_samples // self.hop
        bands = melscale_fbanks(
            settings.n_fft // 2 + 1, 0, self.rate_hz / 2, settings.n_mels, self.rate_hz, "slaney", "slaney"
        )
        self.register_buffer("window", torch.hann_window(settings.n_fft), persistent=False)
        edge = settings.n_fft // 2 if settings.padding == "reflect" else 0
        self.register_buffer("places", reflection(self.n_samples, edge), persistent=False)
        self.ranges = []
        for number, part in enumerate(bands.split(GROUP, dim=1)):
            used = part.any(1).nonzero()
            low, high = (int(used.min()), int(used.max()) + 1) if len(used) else (0, 1)
            self.ranges.append((2 * low, 2 * high))
            # each twice: once for the square of the real part, once for that of the imaginary part beside it
            self.register_buffer(f"bands{number}", part[low:high].repeat_interleave(2, dim=0), persistent=False)
        self.register_buffer("cosines", cosines(settings.n_mels, settings.n_mfcc)[1:], persistent=False)
        self.front = FrontEnd(settings.n_mfcc - 1, self.n_frames, width, settings.scaling)

    def compute(self, chunks: Tensor) -> Tensor:
        energy = self.energy(chunks)
        floor = (energy.amax((1, 2), keepdim=True) * 10 ** (-self.settings.top_db / 10)).clamp_(min=1e-10)
        level = energy.maximum(floor)[:, : self.n_frames].log10()  # in bels: the cosines make dB of them
        return (level @ (10 * self.cosines.T)).transpose(1, 2).contiguous()

    @torch.inference_mode()
    def energy(self, chunks: Tensor) -> Tensor:
        """Mel energies [c, frame, band] of all centred frames: one more than is kept, since the floor looks at all.

        Every part writes into the same memory: getting new from the system took longer than the arithmetic.
        """
        n_fft, edge, parts = self.settings.n_fft, self.settings.n_fft // 2, parts_of(chunks, PART)
        padded = chunks.new_zeros(len(parts[0]), self.n_samples + 2 * edge)
        framed = padded.unfold(1, n_fft, self.hop)
        frames = framed.new_empty(framed.shape)
        energy = chunks.new_empty(len(chunks), framed.shape[1], self.settings.n_mels)
        for part, sums in zip(parts, parts_of(energy, PART), strict=True):
            n = len(part)
            if self.settings.padding == "reflect":
                torch.index_select(part, 1, self.places, out=padded[:n])
            else:
                padded[:n, edge : edge + self.n_samples] = part
            spectrum = torch.fft.rfft(torch.mul(framed[:n], self.window, out=frames[:n]))
            squares = torch.view_as_real(spectrum).square_().flatten(2).flatten(0, 1)  # added up by the products
            for number, of_bands in enumerate(sums.flatten(0, 1).split(GROUP, dim=1)):
                low, high = self.ranges[number]
                torch.mm(squares[:, low:high], getattr(self, f"bands{number}"), out=of_bands)
        return energy

    def standardise(self, features: Rows) -> None:
        self.front.standardise(features)

    def forward(self, features: Tensor) -> Tensor:
        return self.front(features)

    def draw(self, axis: Axes, features: np.ndarray) -> None:
        # each coefficient by its own spread, since the low ones are ten times the high ones
        shown = (features - features.mean(1, keepdims=True)) / (features.std(1, keepdims=True) + 1e-6)
        times_s = (np.arange(features.shape[1] + 1) - 0.5) * self.settings.hop_s
        axis.pcolormesh(
            times_s, np.arange(len(features) + 1) + 1.5, shown, cmap="PuOr", vmin=-3, vmax=3, rasterized=True
        )
        axis.set(ylabel="coefficient", xlabel="time (s)")
        axis.yaxis.get_major_locator().set_params(integer=True)

    def sonify(self, features: np.ndarray, reference: ReferenceChunks | None = None) -> np.ndarray:
        """Noise [s], always the same, through the envelope of each frame of features [coefficient, frame].

        All frames are equally loud, as loudness was dropped, but for those that hold no envelope: where all coefficients
        are 0 there was digital silence, or what the floor has cut flat, and they are silent. So is a click of one sample,
        whose spectrum is as flat: the coefficients cannot tell the two.
        """
        size = 2 * self.hop
        window = np.sqrt(np.hanning(size + 1)[:-1])  # applied twice, and twice overlapping they add up to one
        noise = np.random.default_rng(0).standard_normal((self.n_frames + 1) * self.hop)
        frames = np.lib.stride_tricks.sliding_window_view(noise, size)[:: self.hop] * window  # [t, 2 hop]
        shaped = np.fft.irfft(np.fft.rfft(frames) * self.envelope(features, size).T)
        shaped *= window * (np.abs(features).max(0) > FLAT)[:, None]
        shaped /= np.maximum(np.sqrt(np.square(shaped).mean(1, keepdims=True)), 1e-12)
        total = shaped[:, self.hop :]  # frame t has its middle at t hops: its second half, and the first of the next
        total[:-1] += shaped[1:, : self.hop]
        return playable(np.pad(total.ravel(), (0, self.n_samples - total.size)), LEVEL)

    def envelope(self, features: np.ndarray, n_fft: int) -> np.ndarray:
        """Magnitude [frequency, frame] that features [coefficient, frame] keep, from 0 to half the rate, up to a factor.

        The inverse of the cosine transform, with 0 as first coefficient, gives the level of each band in dB. A Slaney band
        is a mean, so that its level is that of the spectrum at its centre. Between two centres bands without the norm
        are a linear interpolation; beyond the first and the last the level stays.
        """
        from torchaudio.functional import melscale_fbanks

        rate_hz, n_mels = self.rate_hz, self.settings.n_mels
        share = melscale_fbanks(n_fft // 2 + 1, 0, rate_hz / 2, n_mels, rate_hz, None, "slaney").double().numpy()
        share[0, 0] = share[-1, -1] = 1  # the two ends, which no band reaches
        level_db = self.cosines.cpu().double().numpy().T @ features
        return 10 ** (share @ level_db / share.sum(1, keepdims=True) / 20)


def cosines(n_bands: int, n_coefficients: int) -> Tensor:
    """The orthonormal discrete cosine transform [coefficient, band], as scipy.fft.dct(type=2, norm="ortho")."""
    angle = math.pi / n_bands * torch.outer(torch.arange(n_coefficients), torch.arange(n_bands) + 0.5)
    transform = math.sqrt(2 / n_bands) * angle.cos()
    transform[0] /= math.sqrt(2)
    return transform
