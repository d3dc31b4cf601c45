"""Log-mel: the spectrogram that most networks for sound are given, with nothing taken away and nothing learned.

Equal to librosa's melspectrogram in dB, chunk by chunk. Bands and window are those of the timbre, so that only what
the cepstrum drops stands between the two.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from pydantic import Field
from torch import Tensor

from lib.representations.base import FrontEnd, Padding, Representation, Scaling
from lib.representations.kernels import in_parts
from lib.representations.neuralogram import LogMel, NeuralogramSettings
from lib.settings import Chunking, Frozen


class LogmelSettings(Frozen):
    """The log-mel spectrogram."""

    hop_s: float = Field(0.025, gt=0)
    window_s: float = Field(0.128, gt=0)
    n_mels: int = Field(128, ge=1)
    padding: Padding = "zeros"
    scaling: Scaling = "standardise"


class Logmel(Representation):
    """Log-mel spectrogram [c, mel, frame] in dB."""

    Settings = LogmelSettings
    libraries = ("torchaudio",)
    title, keeps, colour = "Log-mel", "the whole spectrum, as dB in mel bands", "#777777"

    def __init__(self, settings: LogmelSettings, chunking: Chunking, width: int) -> None:
        super().__init__(settings, chunking, width)
        picture = NeuralogramSettings(
            piece_s=chunking.length_s, n_mels=settings.n_mels, window_s=settings.window_s, hop_s=settings.hop_s,
            padding=settings.padding,
        )  # fmt: skip
        self.picture = LogMel(picture, self.rate_hz)
        self.front = FrontEnd(settings.n_mels, self.picture.n_frames, width, settings.scaling)

    def compute(self, chunks: Tensor) -> Tensor:
        return in_parts(self.picture, chunks, 16)

    def draw(self, axis: Axes, features: np.ndarray) -> None:
        times_s = (np.arange(features.shape[1] + 1) - 0.5) * self.settings.hop_s
        axis.pcolormesh(times_s, np.arange(len(features) + 1) + 0.5, features, cmap="magma", rasterized=True)
        axis.set(ylabel="mel band", xlabel="time (s)")
