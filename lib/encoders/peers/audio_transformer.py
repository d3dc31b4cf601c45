"""Audio Transformer: 40 patches of 25 ms of the waveform, a learned front end of two dense layers, tokens pooled between layers.

P. Verma, J. Berger, Audio Transformers: Transformer architectures for large scale audio understanding, arXiv:2105.00335 v1,
and the author's lecture on it; no code was published. What neither says is a setting.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from lib.encoders.peers.base import NO, About
from lib.encoders.peers.learner import Learner
from lib.encoders.transformer import ACTIVATIONS, Block
from lib.settings import Body, Frozen, choice

PATCH, N_PATCHES = 400, 40


class AudioTransformerSettings(Frozen):
    """The large model of its paper."""

    width: int = Field(64, ge=1)
    front: int = Field(2048, ge=1)
    layers: int = Field(6, ge=1)
    head_hidden: int = choice(
        2048, "any", "said of its successor; with 8 heads of 64 it comes nearest to the published 2.3 million", ge=1
    )
    heads: int = Field(8, ge=1)
    head_width: int = choice(
        64,
        "8",
        "the size of a head is not specified; 64 comes nearest to the published parameters (8: 1.70 million)",
        ge=1,
    )
    inner: int = choice(128, "256", "not specified; 128 comes nearest to the published parameters", ge=1)
    front_activation: Literal["relu", "gelu", "none"] = choice("relu", "gelu, none", "not specified for the front end")
    dropout: float = choice(0.3, "any", "said of its successor alone", ge=0, lt=1)
    pooling: Literal["mean", "max", "haar", "none"] = choice(
        "mean",
        "max (as its successor), haar (half of the dimensions averaged over 2, 4, ... tokens), none",
        "53.7 with pooling between layers, 52.5 without; the lecture says mean",
    )
    pool_after: tuple[int, ...] = choice(
        (2, 4), "2,4,6", "after which layers is not specified; its successor says every two"
    )


class AudioTransformer(Learner):
    """Tokens of the waveform through a Transformer whose tokens are pooled on the way."""

    name, Settings = "audio_transformer", AudioTransformerSettings
    about = About(
        "Audio Transformer", "the study's labels, from scratch", "none published", NO, NO,
        "no validation clips in sight; here the last", published=0.537, source="P. Verma, J. Berger, arXiv:2105.00335 v1",
    )  # fmt: skip
    rate_hz, size = 16000, 64

    def __init__(self, settings: AudioTransformerSettings, n_classes: int) -> None:
        super().__init__(settings, n_classes)
        activation = ACTIVATIONS.get(settings.front_activation, nn.Identity)
        self.size = settings.width
        self.front = nn.Sequential(
            nn.Linear(PATCH, settings.front), activation(), nn.Linear(settings.front, settings.width)
        )
        self.register_buffer("position", sinusoids(N_PATCHES, settings.width), persistent=False)
        body = Body(
            width=settings.width, layers=settings.layers, heads=settings.heads, head_width=settings.head_width,
            mlp=settings.inner, dropout=settings.dropout,
        )  # fmt: skip
        self.blocks = nn.ModuleList(Block(body) for _ in range(settings.layers))
        self.classifier = nn.Sequential(
            nn.Linear(settings.width, settings.head_hidden), nn.ReLU(), nn.Linear(settings.head_hidden, n_classes)
        )

    def tokens(self, features: Tensor) -> Tensor:
        """Tokens [batch, patch, width] of sound [batch, sample]."""
        return self.front(features[:, : PATCH * N_PATCHES].unflatten(1, (N_PATCHES, PATCH)))

    def represent(self, features: Tensor) -> Tensor:
        x = self.tokens(features) + self.position
        for layer, block in enumerate(self.blocks, 1):
            x = block(x)
            if layer in self.settings.pool_after:
                x = pooled(x, self.settings.pooling, 2 ** (1 + self.settings.pool_after.index(layer)))
        return x.mean(1)


def sinusoids(n_tokens: int, width: int) -> Tensor:
    """Sines and cosines [token, width] that say where a token stands (A. Vaswani et al., 2017)."""
    place = torch.arange(n_tokens)[:, None] / 10000 ** (torch.arange(0, width, 2) / width)
    return torch.stack([place.sin(), place.cos()], 2).flatten(1)


def pooled(x: Tensor, how: str, span: int) -> Tensor:
    """Tokens [batch, token, width] with half as many left, or for "haar" as many, half of their dimensions averaged over `span`."""
    if how == "none" or x.shape[1] < 2:
        return x
    if how == "haar":
        half, n = x.shape[2] // 2, x.shape[1] // span * span
        means = x[:, :n, half:].unflatten(1, (-1, span)).mean(2).repeat_interleave(span, 1)
        return torch.cat([x[..., :half], torch.cat([means, x[:, n:, half:]], 1)], 2)
    pairs = x[:, : x.shape[1] // 2 * 2].unflatten(1, (-1, 2))
    return pairs.mean(2) if how == "mean" else pairs.amax(2)
