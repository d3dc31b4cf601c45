"""Waveform: learned filters on raw samples, the end-to-end representation (paper section 3.3).

`plain` is the paper's front end; `Waveform.forward` gives the same, and the same gradients, by `kernels/waveform.py`.
"""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from pydantic import Field
from torch import Tensor, nn

from lib.representations.base import (
    LEVEL,
    FrontEnd,
    ReferenceChunks,
    Representation,
    draw_response,
    playable,
    statistics_over_time,
)
from lib.representations.kernels.portable import Chain
from lib.representations.kernels.waveform import FilterMaxima, highest, padding
from lib.settings import Chunking, Frozen, choice

LEARNED_S = 0.5  # how long a learned filter is heard
N_MELS, FLOOR = 64, 1e-10  # of the summary: mel bands, and the power that counts as none


class WaveformSettings(Frozen):
    """The bank of learned filters."""

    patch_s: float = Field(0.025, gt=0)
    n_filters: int = Field(128, ge=1)
    filter_length: int = choice(
        200, "any; an even length has one zero more after the patch than before", "equal length needs 199 zeros", ge=1
    )


def plain(patches: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The front end of the paper: each filter [f, l] over zero-padded patches [p, s], its maximum in each patch [p, f]."""
    padded = nn.functional.pad(patches, padding(weight.shape[1]))
    return nn.functional.conv1d(padded[:, None], weight[:, None], bias).amax(2)


class Waveform(Representation):
    """The samples themselves [c, s]; the front end cuts them into patches."""

    Settings = WaveformSettings
    title, keeps, colour = "Waveform", "the raw samples, heard by learned filters", "#009E73"
    sound_caption = "each learned filter where it answered highest"
    first = "filter, take maxima"
    libraries = ()
    stored = False

    def __init__(self, settings: WaveformSettings, chunking: Chunking, width: int) -> None:
        super().__init__(settings, chunking, width)
        self.patch = round(settings.patch_s * self.rate_hz)
        self.n_patches = self.n_samples // self.patch
        self.filters = nn.Conv1d(1, settings.n_filters, settings.filter_length)
        self.front = FrontEnd(settings.n_filters, self.n_patches, width)

    def compute(self, chunks: Tensor) -> Tensor:
        return chunks

    def forward(self, features: Tensor) -> Tensor:
        patches = features[:, : self.n_patches * self.patch].reshape(-1, self.patch)
        maxima = FilterMaxima.apply(patches, self.filters.weight[:, 0], self.filters.bias)
        return self.front(maxima.unflatten(0, (-1, self.n_patches)).transpose(1, 2))

    def portable(self) -> nn.Module:
        def maxima(samples: Tensor) -> Tensor:
            patches = samples[:, : self.n_patches * self.patch].reshape(-1, self.patch)
            return plain(patches, self.filters.weight[:, 0], self.filters.bias).unflatten(0, (-1, self.n_patches)).mT

        return Chain(maxima, self.front, owned=[self.filters])

    def draw(self, axis: Axes, features: np.ndarray) -> None:
        axis.plot(np.arange(len(features)) / self.rate_hz, features, color=self.colour, linewidth=0.5, rasterized=True)
        axis.set(ylabel="amplitude (full: 1)", xlabel="time (s)", xlim=(0, len(features) / self.rate_hz))
        for patch in range(1, self.n_patches) if len(features) <= self.n_samples else ():
            axis.axvline(patch * self.patch / self.rate_hz, color="#DDDDDD", linewidth=0.3, zorder=0)

    def draw_learned(self, axis: Axes) -> None:
        """Draw the magnitude of each filter's frequency response, the filters in order of where it is highest."""
        filters = self.filters.weight[:, 0].detach().cpu().numpy()
        answer = np.abs(np.fft.rfft(filters, 1024, axis=1))  # [f, frequency]
        answer_db = 20 * np.log10(np.maximum(answer / answer.max(1, keepdims=True), 1e-3))
        ordered = answer_db[np.argsort(answer.argmax(1), kind="stable")].T
        picture = axis.imshow(
            ordered, cmap="cividis", vmin=-30, vmax=0, aspect="auto", interpolation="nearest", origin="lower",
            extent=(0.5, len(filters) + 0.5, 0, self.rate_hz / 2), rasterized=True,
        )  # fmt: skip
        axis.set(
            xlabel="filter, in order of its highest answer",
            ylabel="frequency (Hz)",
            title="What each filter lets through",
        )
        axis.figure.colorbar(picture, ax=axis, label="magnitude (dB below the filter's highest)")

    def over_time(self, features: np.ndarray) -> np.ndarray:
        """Means [c, sample] over the patches of samples [c, s]: the features have no frames."""
        return np.asarray(self._patches(features), np.float32).mean(1)

    def summary(self, features: np.ndarray) -> np.ndarray:
        """Statistics over time [c, 3 band] of the log-mel energies of the patches: of samples themselves they say nothing.

        librosa's mel bands of the power spectrum of each patch by itself (Hann window), in dB, not below -100.
        """
        from librosa.filters import mel

        bands = mel(sr=self.rate_hz, n_fft=self.patch, n_mels=N_MELS)
        power = np.abs(np.fft.rfft(self._patches(features) * np.hanning(self.patch), axis=2)) ** 2  # [c, t, frequency]
        levels_db = 10 * np.log10(np.maximum(power @ bands.T, FLOOR))
        return statistics_over_time(levels_db.swapaxes(1, 2)).astype(np.float32)

    def _patches(self, samples: np.ndarray) -> np.ndarray:
        """The patches [c, t, sample] of samples [c, s]."""
        return np.asarray(samples)[:, : self.n_patches * self.patch].reshape(len(samples), self.n_patches, self.patch)

    @torch.no_grad()
    def sonify(self, features: np.ndarray, reference: ReferenceChunks | None = None) -> np.ndarray:
        """What the maxima keep of samples [s], as loud as they were: the adjoint of the forward without its bias.

        In each patch every filter is put back where its answer was highest, times that answer, and what would lie in
        the padding is cut.
        """
        weight = self.filters.weight.cpu()
        patches = torch.as_tensor(np.array(features[: self.n_patches * self.patch])).view(-1, self.patch)
        before, after = padding(weight.shape[2])
        answers = nn.functional.conv1d(nn.functional.pad(patches, (before, after))[:, None], weight)  # [p, f, s]
        value, where = highest(answers)
        strongest = torch.zeros_like(answers).scatter_(2, where[:, :, None], value[:, :, None])
        total = nn.functional.conv_transpose1d(strongest, weight)[:, 0, before : before + self.patch].numpy()
        rest = len(features) - total.size
        return playable(np.pad(total.ravel(), (0, rest)), float(np.sqrt(np.mean(np.square(features)))))

    @torch.no_grad()
    def learned_sounds(self) -> np.ndarray:
        """Each learned filter's answer to the same noise [filter, s], half a second of equal loudness."""
        weight = self.filters.weight.cpu()
        n_samples = round(LEARNED_S * self.rate_hz) + weight.shape[2] - 1
        noise = torch.from_numpy(np.random.default_rng(0).standard_normal((1, n_samples)).astype(np.float32))
        return np.stack([playable(each, LEVEL) for each in nn.functional.conv1d(noise, weight).numpy()])

    def draw_learned_sound(self, axis: Axes, number: int) -> None:
        """Draw the magnitude of one filter's frequency response, in dB below its highest."""
        weight = self.filters.weight[number, 0].detach().cpu().numpy()
        draw_response(axis, np.abs(np.fft.rfft(weight, 4096)), self.rate_hz)
        axis.set_title(f"What filter {number + 1} lets through")
