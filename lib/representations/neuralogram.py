"""Neuralogram: each 100 ms through a MobileNet that was trained on the same labels, stacked (paper section 3.4)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import torch
from matplotlib.axes import Axes
from pydantic import Field
from torch import Tensor, nn

from lib.representations.base import PAD_MODES, FrontEnd, Padding, Representation, Scaling, Train
from lib.representations.kernels.neuralogram import fast
from lib.representations.kernels.portable import Chain, Filtered, fourier
from lib.settings import Chunking, Frozen, choice
from lib.sounds.arrays import Rows

WIDE = 4  # pieces as wide as the picture in which the network is shown one, where it is not shown it alone


class NeuralogramSettings(Frozen):
    """The MobileNet and the picture of sound that it looks at."""

    later: ClassVar[dict[str, Any]] = {"stored_as": "float32"}

    piece_s: float = Field(0.1, gt=0)
    n_mels: int = choice(
        64, "any", "the network is said to be given waveform chunks; a picture is what it was made for", ge=1
    )
    window_s: float = choice(0.025, "any", gt=0)
    hop_s: float = choice(0.01, "any", gt=0)
    padding: Padding = choice(
        "zeros",
        "reflect",
        "not specified in the paper; zeros colour 2 of the 10 frames of a piece at its start and 1 at its end",
    )
    map: Literal["timm", "keep_time", "repeat"] = choice(
        "timm",
        "keep_time (first stride in frequency only), repeat (the piece four times over)",
        "the last map of a 10 x 64 picture is 1 x 2, so that padding dominates",
    )
    train_on: Literal["pieces"] = choice(
        "pieces",
        "nothing else here: pieces of 100 ms with the labels of their chunk",
        "said to be trained like the baseline, which sees 1 s",
    )
    scaling: Scaling = choice("standardise", "none, batch (batch norm)")
    stored_as: Literal["float32", "float16"] = choice(
        "float32",
        "float16: half the disk and, where features lie on a device, half its memory",
        "not in the paper; float16 rounds each value by up to 0.05 %: tried on a few sounds, scores of the same weights moved by "
        "1 % of their spread at most, those of a training of its own by 5 %",
    )


class Neuralogram(Representation):
    """Stacked embeddings [c, dimension, piece]."""

    Settings = NeuralogramSettings
    title, keeps, colour = "Neuralogram", "what a network learned to see in each 100 ms", "#CC79A7"
    learns: ClassVar[dict[str, str]] = {"mobilenet": "network"}
    libraries: ClassVar[tuple[str, ...]] = ("torchaudio", "timm")
    otherwise: ClassVar[tuple[str, ...]] = ("repeat", "zeros", "context")

    def __init__(self, settings: NeuralogramSettings, chunking: Chunking, width: int) -> None:
        super().__init__(settings, chunking, width)
        self.n_pieces = round(chunking.length_s / settings.piece_s)
        self.network = PieceNet(settings, self.rate_hz)
        self.front = FrontEnd(self.network.n_dims, self.n_pieces, width, settings.scaling)

    def fit(self, chunks: Rows, targets: np.ndarray, train: Train) -> None:
        classifier = PieceClassifier(self.network, targets.shape[1])
        train("mobilenet", classifier, chunks.split(self.n_pieces), targets.repeat(self.n_pieces, axis=0))
        self.network.requires_grad_(False)  # from here on it only projects

    def compute(self, chunks: Tensor) -> Tensor:
        return self._of_pieces(chunks.reshape(len(chunks) * self.n_pieces, -1))

    def compute_otherwise(self, chunks: Tensor, how: str) -> Tensor:
        """Each piece in a picture of WIDE pieces: repeated, in the middle of zeros, or of the sound around it (`context`)."""
        length = self.n_samples // self.n_pieces
        pieces = chunks.reshape(-1, length)
        before = (WIDE - 1) * length // 2
        around = (before, (WIDE - 1) * length - before)
        if how == "repeat":
            return self._of_pieces(pieces.repeat(1, WIDE))
        if how == "zeros":
            return self._of_pieces(nn.functional.pad(pieces, around))
        return self._of_pieces(nn.functional.pad(chunks, around).unfold(1, WIDE * length, length).flatten(0, 1))

    @torch.no_grad()
    def _of_pieces(self, pieces: Tensor) -> Tensor:
        self.network.eval()
        kept = getattr(torch, self.settings.stored_as)
        return self.network(pieces).unflatten(0, (-1, self.n_pieces)).transpose(1, 2).to(kept)

    def portable(self) -> nn.Module:
        network, length = self.network, self.n_samples // self.n_pieces
        mel, times = network.picture.mel, 4 if self.settings.map == "repeat" else 1
        filters, bands = fourier(mel.spectrogram.window.double().numpy()), mel.mel_scale.fb.T
        kept = getattr(torch, self.settings.stored_as)
        power = Filtered(filters, mel.hop_length, length, network.picture.n_frames, self.settings.padding == "reflect")
        return Chain(
            lambda x: x.reshape(-1, length), power, lambda x: 10 * (bands @ x).clamp(min=1e-10).log10()[:, None],
            network.norm, lambda x: x.repeat(1, 1, 1, times), network.body,
            lambda x: x.unflatten(0, (-1, self.n_pieces)).mT.to(kept).float(), self.front,
        )  # fmt: skip

    def draw(self, axis: Axes, features: np.ndarray) -> None:
        times_s = np.arange(features.shape[1] + 1) * self.settings.piece_s
        features = features.astype(np.float32)  # float16 is not drawn
        high = np.percentile(features, 99) + 1e-6
        axis.pcolormesh(
            times_s, np.arange(len(features) + 1), features, cmap="magma", vmin=0, vmax=high, rasterized=True
        )
        axis.set(ylabel="dimension", xlabel="time (s)")


class PieceNet(nn.Module):
    """Pieces [p, s] to the last convolutional layer of timm's MobileNetV1, averaged over its map: [p, dimension]."""

    def __init__(self, settings: NeuralogramSettings, rate_hz: int) -> None:
        super().__init__()
        import timm

        self.settings = settings
        self.picture = LogMel(settings, rate_hz)
        self.norm = nn.BatchNorm2d(1)  # the log-mel's own level and spread, learned with the rest
        self.layout = torch.channels_last  # with it a 1 x 1 convolution is one product
        self.body = fast(timm.create_model("mobilenetv1_100", in_chans=1, num_classes=0).to(memory_format=self.layout))
        if settings.map == "keep_time":
            self.body.conv_stem.stride = (2, 1)
        self.n_dims = self.body.num_features

    def forward(self, pieces: Tensor) -> Tensor:
        picture = self.norm(self.picture(pieces)[:, None])
        if self.settings.map == "repeat":
            picture = picture.repeat(1, 1, 1, 4)
        return self.body(picture.contiguous(memory_format=self.layout))


class PieceClassifier(nn.Module):
    """The MobileNet while it is trained: its embedding and one output layer."""

    def __init__(self, network: PieceNet, n_classes: int) -> None:
        super().__init__()
        self.network = network
        self.output = nn.Linear(network.n_dims, n_classes)

    def forward(self, pieces: Tensor) -> Tensor:
        return self.output(self.network(pieces))


class LogMel(nn.Module):
    """Log-mel picture [p, mel, frame] in dB of pieces [p, s] alone: torchaudio's, Slaney scale and norm, as librosa's."""

    def __init__(self, settings: NeuralogramSettings, rate_hz: int) -> None:
        super().__init__()
        from torchaudio.transforms import MelSpectrogram

        self.n_frames, self.n_samples = round(settings.piece_s / settings.hop_s), round(settings.piece_s * rate_hz)
        n_fft = round(settings.window_s * rate_hz)
        self.mel = MelSpectrogram(
            rate_hz, n_fft, hop_length=round(settings.hop_s * rate_hz), n_mels=settings.n_mels,
            pad_mode=PAD_MODES[settings.padding], norm="slaney", mel_scale="slaney",
        )  # fmt: skip
        for name, value in list(self.mel.named_buffers()):  # constants: not part of what is learned
            owner = self.mel.get_submodule(name.rpartition(".")[0])
            owner.register_buffer(name.rpartition(".")[2], value, persistent=False)

    def forward(self, pieces: Tensor) -> Tensor:
        n_frames = self.n_frames * max(1, pieces.shape[-1] // self.n_samples)
        return 10 * self.mel(pieces)[..., :n_frames].clamp(min=1e-10).log10()
