"""LAION's CLAP: a network whose embedding of 10 s of sound lies near that of a text which describes it; transformers' audio half.

Y. Wu et al., Large-scale contrastive language-audio pretraining with feature fusion and keyword-to-caption augmentation, ICASSP 2023.
"""

from typing import Any

from torch import Tensor, nn

from lib.encoders.peers.base import About
from lib.encoders.peers.brought import OfTransformers


class Clap(OfTransformers):
    """The projected embedding at 48 kHz."""

    about = About(
        "CLAP (LAION)", "pairs of sounds and texts", "see its card", "yes (LAION-Audio-630K, AudioSet)",
        "YES by its training script, evaluation clips included", "the best epoch over validation, test and evaluation",
        published=0.649, by_others=0.499,
        source="Y. Wu et al., ICASSP 2023, supervised, not the paper's CLAP; by others: LAION-AI/CLAP issue 156",
    )  # fmt: skip
    name, weights, size_text = "clap", "laion/clap-htsat-unfused", "0.6 GB"
    kinds = "ClapAudioModelWithProjection", "ClapFeatureExtractor"
    rate_hz, size, window_s, own_window = 48000, 512, 10.0, True

    def __init__(self, model: nn.Module, front: Any) -> None:
        super().__init__(model, front)
        self.size = model.config.projection_dim
        self.window_s = float(front.max_length_s)

    def embed(self, audio: Tensor) -> Tensor:
        # of exactly its window, so that nothing is cropped at random
        return self.model(**self.prepared(audio, truncation="rand_trunc", padding="repeatpad")).audio_embeds
