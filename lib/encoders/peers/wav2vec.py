"""wav2vec 2.0: a Transformer trained on speech alone to tell what was masked; transformers' model.

A. Baevski et al., wav2vec 2.0: a framework for self-supervised learning of speech representations, NeurIPS 2020.
"""

from torch import Tensor

from lib.encoders.peers.base import NO, About
from lib.encoders.peers.brought import OfTransformers


class Wav2Vec(OfTransformers):
    """The mean over time of its last layer, at 16 kHz, of any length."""

    about = About(
        "wav2vec 2.0", "masked speech", "Apache-2.0", "yes (960 hours of read English)", NO, by_others=0.342,
        source="by others: the HEAR leaderboard, frozen (hearbenchmark/hear-leaderboard: leaderboard.csv)",
    )  # fmt: skip
    name, weights, size_text = "wav2vec", "facebook/wav2vec2-base", "380 MB"
    kinds = "Wav2Vec2Model", "Wav2Vec2FeatureExtractor"
    rate_hz, size = 16000, 768

    def embed(self, audio: Tensor) -> Tensor:
        return self.model(**self.prepared(audio)).last_hidden_state.mean(1)
