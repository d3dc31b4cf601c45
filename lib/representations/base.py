"""What every representation offers, and the pieces of a front end that they share.

Letters for shapes: c chunk, s sample, t token (a frame in time), d dimension of a token, w width of the Transformer.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor, nn

from lib.representations.kernels.portable import Chain
from lib.settings import Chunking, Frozen
from lib.sounds.arrays import Rows, batched_slices

# train(what, model, inputs [item, ...], targets [item, class]): trains `model` in place by the schedule named `what`.
Train = Callable[[str, nn.Module, Rows, np.ndarray], None]
Padding = Literal["zeros", "reflect"]  # what stands beyond the ends of a chunk
PAD_MODES = {"zeros": "constant", "reflect": "reflect"}  # librosa's and torchaudio's words for them
Scaling = Literal["standardise", "none", "batch"]

PEAK = 0.9  # no sound goes above: an MP3 overshoots a little
LEVEL = 0.1  # root mean square of sounds whose representation has dropped the loudness
N_NEAREST = 3  # training chunks that stand for features which cannot be turned back into sound


@dataclass(frozen=True)
class ReferenceChunks:
    """Training chunks that a sound may be made of: audio [c, s] and features [c, d, t] of the same chunks."""

    audio: Rows
    features: Rows

    @cached_property
    def spread(self) -> np.ndarray:
        """Standard deviation [d, 1] of each dimension, measured once: it takes all features."""
        return moments(self.features)[1][:, None]

    def nearest(self, features: np.ndarray, n: int = N_NEAREST) -> np.ndarray:
        """Which chunks [at most n] have the features nearest to those given [d, t], each dimension by its own spread.

        The nearest first, of equally near ones the first; distances are taken block by block, as all may not fit.
        """
        parts = (self.features[part] for part in batched_slices(len(self.features), 512))
        away = [np.square((part.astype(np.float32) - features) / self.spread).sum((1, 2)) for part in parts]
        return np.concatenate(away).argsort(kind="stable")[:n]


class Representation(nn.Module, ABC):
    """What one encoder is given of a chunk, and the front end that brings it to tokens of the Transformer's width.

    A file of this folder defines one, in a class with the file's name. It is built from its own Settings, the chunk
    rule and the width; `fit` learns what `compute` needs, `standardise` what `forward` needs, both from training
    chunks alone; everything learned is in its state_dict.
    """

    Settings: ClassVar[type[Frozen]]
    title: ClassVar[str]  # a word or two for axes and legends
    keeps: ClassVar[str]  # what of a sound it keeps, in a few words
    colour: ClassVar[str]
    sound_caption: ClassVar[str] = "the nearest training chunks, one after another"  # what `sonify` gives, for captions
    first: ClassVar[str] = ""  # what the front end does before it projects, in a few words
    front: FrontEnd  # brings the features of a frame to a token
    learns: ClassVar[dict[str, str]] = {}  # what `fit` trains: name of its schedule -> attribute that holds the network
    libraries: ClassVar[tuple[str, ...]] = ("librosa",)  # whose versions the features depend on, besides torch
    version: ClassVar[int] = 1  # of the rule: raised when the same settings would give other features
    otherwise: ClassVar[tuple[str, ...]] = ()  # other ways to give a trained network its input, for `compute_otherwise`
    stored: ClassVar[bool] = True  # whether features are worth storing (False where they are the chunks themselves)

    def __init__(self, settings: Frozen, chunking: Chunking, width: int) -> None:
        super().__init__()
        self.settings, self.rate_hz, self.width = settings, chunking.rate_hz, width
        self.n_samples = round(chunking.rate_hz * chunking.length_s)

    @property
    def name(self) -> str:
        """The name of its file."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def learned(self) -> list[nn.Module]:
        """The networks that `fit` trains, which are frozen afterwards."""
        return [getattr(self, attribute) for attribute in self.learns.values()]

    def fit(self, chunks: Rows, targets: np.ndarray, train: Train) -> None:
        """Learn what `compute` needs from training chunks [c, s] and their labels [c, class]; most need nothing."""

    @abstractmethod
    def compute(self, chunks: Tensor) -> Tensor:
        """Features [c, d, t] of chunks [c, s] (float, -1..1), the chunks themselves where `stored` is False.

        A chunk's do not depend on its neighbours.
        """

    def compute_otherwise(self, chunks: Tensor, how: str) -> Tensor:
        """Features [c, d, t] of chunks [c, s], a network in it given its input in one of the ways `otherwise`, trained as it is.

        Those of `compute` where it has no such way.
        """
        return self.compute(chunks)

    def standardise(self, features: Rows) -> None:
        """Take mean and spread of each dimension from training features [c, d, t], where the front end scales."""
        self.front.standardise(features)

    def forward(self, features: Tensor) -> Tensor:
        """Tokens [c, t, w] of features [c, d, t]: what the Transformer reads."""
        return self.front(features.float())

    def portable(self) -> nn.Module:
        """Samples [c, s] to tokens [c, t, w] by operations that other runtimes have, for export."""
        return Chain(self.compute, self.forward, owned=[self])

    def over_time(self, features: np.ndarray) -> np.ndarray:
        """Means [c, d] over the frames of features [c, d, t]."""
        return np.asarray(features, np.float32).mean(2)

    def summary(self, features: np.ndarray) -> np.ndarray:
        """What classical classifiers are given of features [c, d, t]: statistics over time [c, 3 d]."""
        return statistics_over_time(np.asarray(features, np.float32))

    @abstractmethod
    def draw(self, axis: Axes, features: np.ndarray) -> None:
        """Draw the features [d, t] of one chunk, axes with units."""

    def draw_learned(self, axis: Axes) -> None:
        """Draw what the front end learned: here the projection from a frame's dimensions to a token's."""
        weights = self.front.project.weight.detach().cpu().numpy()  # [w, d]
        most = float(np.abs(weights).max())
        how = {"aspect": "auto", "interpolation": "nearest", "origin": "lower", "rasterized": True}
        picture = axis.imshow(weights, cmap="PuOr", vmin=-most, vmax=most, **how)
        axis.set(xlabel="dimension of a frame", ylabel="dimension of a token")
        axis.set_title("Which dimensions of a frame reach the tokens")
        axis.figure.colorbar(picture, ax=axis, label="weight")

    def sonify(self, features: np.ndarray, reference: ReferenceChunks | None = None) -> np.ndarray:
        """What the features [d, t] of one chunk keep of it, as samples [s] float32 of at most 0.9.

        Here the three nearest training chunks, one after another, in their own loudness: s is 3 n_samples. Where a
        representation can be turned back into sound, s is n_samples, and silence gives silence.
        """
        if reference is None:
            why = "is heard by its nearest training chunks: pass reference=ReferenceChunks(audio, features)"
            raise ValueError(f"{self.name} {why}")
        return playable(reference.audio[reference.nearest(features)].ravel())

    def learned_sounds(self) -> np.ndarray:
        """What the front end learned, as sounds [n, s] float32 of at most 0.9; most have none."""
        return np.zeros((0, 0), np.float32)

    def draw_learned_sound(self, axis: Axes, number: int) -> None:
        """Draw the spectrum of one of the learned sounds, in dB below its highest, smoothed to some 30 Hz."""
        samples = self.learned_sounds()[number]
        size = min(len(samples), round(self.rate_hz / 30))
        frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: size // 2] * np.hanning(size)
        draw_response(axis, np.sqrt(np.square(np.abs(np.fft.rfft(frames))).mean(0)), self.rate_hz)
        axis.set_title(f"Spectrum of learned sound {number + 1}")


class FrontEnd(nn.Module):
    """Scaling, linear projection of each frame and sinusoidal position (paper section 3): [c, d, t] to [c, t, w]."""

    def __init__(self, n_dims: int, n_tokens: int, width: int, scaling: Scaling = "none") -> None:
        super().__init__()
        self.scaling = scaling
        self.register_buffer("mean", torch.zeros(n_dims, 1))
        self.register_buffer("spread", torch.ones(n_dims, 1))
        self.batch_norm = nn.BatchNorm1d(n_dims) if scaling == "batch" else nn.Identity()
        self.project = nn.Linear(n_dims, width)
        self.register_buffer("position", sinusoids(n_tokens, width), persistent=False)

    def standardise(self, features: Rows) -> None:
        """Set mean and spread of each dimension from features [c, d, t]; does nothing unless scaling asks for it."""
        if self.scaling == "standardise":
            mean, spread = moments(features)
            self.mean.copy_(torch.from_numpy(mean)[:, None])
            self.spread.copy_(torch.from_numpy(spread)[:, None])

    def forward(self, features: Tensor) -> Tensor:
        scaled = self.batch_norm((features - self.mean) / self.spread)
        return self.project(scaled.transpose(1, 2)) + self.position


def playable(samples: np.ndarray, level: float | None = None) -> np.ndarray:
    """Samples [s] as float32 of at most 0.9: as loud as they are, or at a root mean square; silence stays silence."""
    samples = np.asarray(samples, np.float64)
    if level is not None:
        samples = samples * (level / max(float(np.sqrt(np.mean(samples**2))), 1e-12))
    return (samples * min(1.0, PEAK / max(float(np.abs(samples).max(initial=0)), 1e-12))).astype(np.float32)


def draw_response(axis: Axes, magnitude: np.ndarray, rate_hz: int) -> None:
    """Draw a magnitude [frequency], from 0 to half the rate, in dB: 0 at its highest."""
    level_db = 20 * np.log10(np.maximum(magnitude / max(float(magnitude.max()), 1e-12), 1e-4))
    axis.plot(np.linspace(0, rate_hz / 2, len(magnitude)), level_db, color="#444444", linewidth=0.8)
    axis.set(xlabel="frequency (Hz)", ylabel="level (dB)", xlim=(0, rate_hz / 2), ylim=(-60, 3))


def sinusoids(n_tokens: int, width: int) -> Tensor:
    """Positions [t, w]: sines in the first half of the columns, cosines in the second ("Attention is all you need")."""
    half = (width + 1) // 2
    rate = torch.exp(-math.log(10000.0) * torch.arange(half) / half)
    angle = torch.arange(n_tokens)[:, None] * rate
    return torch.cat([angle.sin(), angle.cos()], dim=1)[:, :width]


def statistics_over_time(values: np.ndarray) -> np.ndarray:
    """Mean, standard deviation and that of the frame-to-frame differences [c, 3 d], over time, of values [c, d, t]."""
    return np.concatenate([values.mean(2), values.std(2), np.diff(values, axis=2).std(2)], axis=1)


def moments(features: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation [d] over chunks and frames of features [c, d, t]; a constant dimension gets 1."""
    count, total, square = 0, 0.0, 0.0
    for part in batched_slices(len(features), 512):
        values = features[part].astype(np.float64)
        count += values.shape[0] * values.shape[2]
        total, square = total + values.sum((0, 2)), square + (values**2).sum((0, 2))
    mean = total / count
    spread = np.sqrt(np.maximum(square / count - mean**2, 0))
    return mean.astype(np.float32), np.where(spread > 1e-6, spread, 1).astype(np.float32)
