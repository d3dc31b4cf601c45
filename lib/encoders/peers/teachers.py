"""Teachers of the distilled student: networks that attend, and where in time their first output looks, rolled out over all layers.

S. Abnar, W. Zuidema, Quantifying attention flow in Transformers, ACL 2020.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lib.encoders.peers.audio_transformer import AudioTransformer, AudioTransformerSettings
from lib.encoders.peers.wav2vec import Wav2Vec


class Teacher(nn.Module, ABC):
    """A network that classifies sound [batch, sample] at 16 kHz by its first output. schedule: laid over its student's."""

    schedule: ClassVar[dict[str, Any]] = {}

    @abstractmethod
    def maps(self, audio: Tensor) -> Tensor:
        """Attention [batch, layer, head, token, token], each row a distribution over the tokens that are looked at."""


class FromScratch(Teacher):
    """The Audio Transformer without pooling, whose first output alone is classified."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.net = AudioTransformer(AudioTransformerSettings(pooling="none"), n_classes)

    def _walk(self, audio: Tensor) -> tuple[Tensor, list[Tensor]]:
        x, maps = self.net.tokens(audio) + self.net.position, []
        for block in self.net.blocks:
            if not self.training:
                maps.append(block.attention.weights(block.norm1(x)))
            x = block(x)
        return x, maps

    def maps(self, audio: Tensor) -> Tensor:
        return torch.stack(self._walk(audio)[1], 1)

    def forward(self, audio: Tensor) -> Tensor:
        return self.net.classify(self._walk(audio)[0][:, 0])


class FineTuned(Teacher):
    """wav2vec 2.0 with the user's weights, fine-tuned but for its convolutions."""

    draws_on_host = True  # which layers are left out and what is masked, in Python and NumPy
    schedule: ClassVar = {"lr": 1e-5, "lr_min": 1e-7, "batch": 16}

    def __init__(self, n_classes: int, weights: str) -> None:
        super().__init__()
        self.peer = Wav2Vec.load(weights)
        self.peer.model.set_attn_implementation("eager")  # the one that hands out its weights
        self.peer.model.freeze_feature_encoder()
        self.classifier = nn.Linear(self.peer.size, n_classes)

    def maps(self, audio: Tensor) -> Tensor:
        return torch.stack(self.peer.model(**self.peer.prepared(audio), output_attentions=True).attentions, 1)

    def forward(self, audio: Tensor) -> Tensor:
        return self.classifier(self.peer.model(**self.peer.prepared(audio)).last_hidden_state[:, 0])


def rolled_out(maps: Tensor, identity: float = 0.5) -> Tensor:
    """How much of the first output comes from each token [batch, token]: the mean of the heads of maps
    [batch, layer, head, token, token], mixed with `identity` for the residual, multiplied over layers."""
    mixed = (1 - identity) * maps.mean(2) + identity * torch.eye(maps.shape[-1], device=maps.device)
    row = mixed[:, -1, :1]
    for layer in reversed(range(maps.shape[1] - 1)):
        row = row @ mixed[:, layer]
    return row[:, 0]


def over_frames(row: Tensor, n_frames: int) -> Tensor:
    """A distribution over tokens [batch, token] as one over frames [batch, frame], linear in between."""
    spread = nn.functional.interpolate(row[:, None], n_frames, mode="linear")[:, 0]
    return spread / spread.sum(1, keepdim=True)
