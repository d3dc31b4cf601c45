"""Wav2CLIP: a ResNet-18 whose embedding of a sound lies near CLIP's of the picture that it came with; the package wav2clip.

H.-H. Wu et al., Wav2CLIP: learning robust audio representations from CLIP, ICASSP 2022. Weights: its release v0.1.0-alpha on GitHub.
"""

import torch
from torch import Tensor

from lib.encoders.peers.base import NO, About
from lib.encoders.peers.brought import Brought, filled, state_of


class Wav2Clip(Brought):
    """The embedding of a whole clip at 16 kHz. It normalises by its batch, so each clip goes through alone."""

    about = About(
        "Wav2CLIP", "CLIP's embedding of the picture", "MIT", "yes (CLIP's images, VGGSound)", NO, published=0.431, by_others=0.362,
        source="H.-H. Wu et al., ICASSP 2022; by others: the HEAR leaderboard, frozen",
    )  # fmt: skip
    name, weights, size_text = "wav2clip", "Wav2CLIP.pt of descriptinc/lyrebird-wav2clip's releases", "47 MB"
    command = "a download of https://github.com/descriptinc/lyrebird-wav2clip/releases/download/v0.1.0-alpha/Wav2CLIP.pt and PEERS=wav2clip:/path/to/Wav2CLIP.pt"
    needs = ("wav2clip",)
    rate_hz, size = 16000, 512

    def __init__(self) -> None:
        super().__init__()
        from wav2clip.model.encoder import MLPLayers, ResNetExtractor

        self.audio_encoder, self.audio_transform = ResNetExtractor(scenario="supervise").encoder, MLPLayers()

    @classmethod
    def load(cls, weights: str = "") -> "Wav2Clip":
        state, peer = state_of(cls, weights), cls()
        return filled(peer, peer, {name: value for name, value in state.items() if name.startswith("audio_")}, weights)

    def embed(self, audio: Tensor) -> Tensor:
        return torch.cat([self.audio_transform(self.audio_encoder(clip[None])) for clip in audio])
