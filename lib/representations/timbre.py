"""Timbre: the spectral envelope as MFCC without the first (paper section 3.2).

`plain` is the paper's rule, chunk by chunk, as a batch has no common loudness floor; `Timbre.compute` gives the same for
many chunks, its mel energies by `kernels/timbre.py`.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from matplotlib.axes import Axes
from pydantic import Field
from torch import Tensor, nn

from lib.representations.base import (
    LEVEL,
    PAD_MODES,
    FrontEnd,
    Padding,
    ReferenceChunks,
    Representation,
    Scaling,
    playable,
)
from lib.representations.kernels.portable import Chain, Filtered, fourier
from lib.representations.kernels.timbre import MelEnergy
from lib.settings import Chunking, Frozen, choice

FLAT = 0.01  # coefficients below are rounding: no band differs from another, as where the floor has cut all


class TimbreSettings(Frozen):
    """The mel-frequency cepstrum."""

    hop_s: float = Field(0.025, gt=0)
    n_mfcc: int = Field(13, ge=2, description="the first, which is loudness, is dropped")
    n_fft: int = choice(2048, "any", "the window is not specified in the paper; this is librosa's", ge=2)
    n_mels: int = choice(128, "any", "not specified in the paper; this is librosa's", ge=1)
    top_db: float = choice(80.0, "any", "not specified in the paper; librosa's, below the maximum of each chunk", gt=0)
    padding: Padding = choice(
        "zeros",
        "reflect",
        "not specified in the paper; zeros, as librosa's centred frames have it, colour 2 of 40 frames at each end",
    )
    scaling: Scaling = choice(
        "standardise", "none, batch (batch norm)", "coefficients spread 10 to 52 against positions of size 1"
    )


def plain(chunk: np.ndarray, settings: TimbreSettings, rate_hz: int) -> np.ndarray:
    """The rule of the paper by librosa: MFCC without the first [coefficient, frame] of a chunk [s]."""
    import librosa

    hop, pad_mode = round(settings.hop_s * rate_hz), PAD_MODES[settings.padding]
    power = librosa.feature.melspectrogram(
        y=chunk, sr=rate_hz, n_fft=settings.n_fft, hop_length=hop, n_mels=settings.n_mels, pad_mode=pad_mode
    )
    level_db = librosa.power_to_db(power, top_db=settings.top_db)
    return librosa.feature.mfcc(S=level_db, n_mfcc=settings.n_mfcc)[1:, : len(chunk) // hop]


class Timbre(Representation):
    """MFCC 2 to 13 [c, coefficient, frame]."""

    Settings = TimbreSettings
    libraries = ("torchaudio",)
    title, keeps, colour = "Timbre", "the spectral envelope, as 12 MFCC", "#D55E00"
    sound_caption = "noise through its spectral envelope"

    def __init__(self, settings: TimbreSettings, chunking: Chunking, width: int) -> None:
        super().__init__(settings, chunking, width)
        self.energy = MelEnergy(settings, self.rate_hz, self.n_samples)
        self.hop = self.energy.hop
        self.n_frames = self.n_samples // self.hop
        self.register_buffer("cosines", cosines(settings.n_mels, settings.n_mfcc)[1:], persistent=False)
        self.front = FrontEnd(settings.n_mfcc - 1, self.n_frames, width, settings.scaling)

    def compute(self, chunks: Tensor) -> Tensor:
        return self.cepstrum(self.energy(chunks))

    def cepstrum(self, energy: Tensor) -> Tensor:
        """Features [c, coefficient, frame] of energies [c, frame, band]: one frame more, since the floor looks at all."""
        floor = (energy.amax((1, 2), keepdim=True) * 10 ** (-self.settings.top_db / 10)).clamp_(min=1e-10)
        level = energy.maximum(floor)[:, : self.n_frames].log10()  # in bels: the cosines make dB of them
        return (level @ (10 * self.cosines.T)).transpose(1, 2).contiguous()

    def portable(self) -> nn.Module:
        from torchaudio.functional import melscale_fbanks

        settings = self.settings
        filters = fourier(torch.hann_window(settings.n_fft).double().numpy())
        power = Filtered(filters, self.hop, self.n_samples, self.n_frames + 1, settings.padding == "reflect")
        bands = melscale_fbanks(
            settings.n_fft // 2 + 1, 0, self.rate_hz / 2, settings.n_mels, self.rate_hz, "slaney", "slaney"
        )
        return Chain(power, lambda x: self.cepstrum(x.mT @ bands), self.front)

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
