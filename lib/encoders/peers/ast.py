"""AST: a vision Transformer on 10.24 s of kaldi's filter banks, trained on AudioSet; transformers' model.

Y. Gong, Y.-A. Chung, J. Glass, AST: Audio Spectrogram Transformer, Interspeech 2021.
"""

from typing import Any

from torch import Tensor, nn

from lib.encoders.peers.base import NO, About
from lib.encoders.peers.brought import OfTransformers

FRAME_S, WINDOW_S = 0.01, 0.025


class Ast(OfTransformers):
    """The pooled output at 16 kHz."""

    about = About("AST", "AudioSet's labels", "BSD-3", "yes (ImageNet, AudioSet)", NO, "AudioSet's evaluation clips")
    name, weights, size_text = "ast", "MIT/ast-finetuned-audioset-10-10-0.4593", "346 MB"
    kinds = "ASTModel", "ASTFeatureExtractor"
    rate_hz, size, window_s, own_window = 16000, 768, 10.24, True

    def __init__(self, model: nn.Module, front: Any) -> None:
        super().__init__(model, front)
        # as many frames as the model has places, so that no silence is filled in
        self.window_s = (model.config.max_length - 1) * FRAME_S + WINDOW_S

    @classmethod
    def front_of(cls, kind: Any, model: nn.Module, place: str) -> Any:
        front = super().front_of(kind, model, place)
        front.max_length, front.num_mel_bins = model.config.max_length, model.config.num_mel_bins
        return front

    def embed(self, audio: Tensor) -> Tensor:
        return self.model(**self.prepared(audio)).pooler_output
