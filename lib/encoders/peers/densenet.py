"""DenseNet-121, the best baseline of FSD50K's authors: log-mel patches of 1 s at 22,050 Hz, timm's network with one channel.

E. Fonseca et al., FSD50K: an open dataset of human-labeled sound events, TASLP 2022; their code was never published. The front
end and the schedule are those of an independent rebuild that reaches their number (SarthakYadav/fsd50k-pytorch, 43.2 beside 42.5).
"""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from lib.encoders.peers.base import NO, About
from lib.encoders.peers.learner import Learner
from lib.settings import Frozen, choice

N_FFT, WINDOW, HOP, N_MELS = 1920, 661, 220, 96  # samples at 22,050 Hz; 96 x 101 of 1 s


class DenseNetSettings(Frozen):
    """What the paper and the rebuild do not agree on."""

    variant: Literal["densenet121", "densenet169"] = choice(
        "densenet121",
        "densenet169 (12.8 million parameters)",
        "the paper's table says 121 and 12.5 million parameters, which 121 has not (7.15 million)",
    )


class DenseNet(Learner):
    """timm's DenseNet on log-mel patches [batch, 1, mel, frame], each less its own mean."""

    name, Settings = "densenet", DenseNetSettings
    about = About(
        "DenseNet-121", "the study's labels, from scratch", "Apache-2.0 (timm)", NO, NO, "validation by its authors; here the last",
        published=0.425, by_others=0.432, source="E. Fonseca et al., FSD50K; by others: SarthakYadav/fsd50k-pytorch",
    )  # fmt: skip
    rate_hz, size, stored = 22050, 1024, True
    schedule: ClassVar = {"loss": "bce", "output": "sigmoid", "lr": 1e-3, "lr_min": 1e-5, "batch": 64}

    def __init__(self, settings: DenseNetSettings, n_classes: int) -> None:
        super().__init__(settings, n_classes)
        import timm
        from torchaudio.transforms import AmplitudeToDB, MelSpectrogram

        self.mel = MelSpectrogram(self.rate_hz, N_FFT, WINDOW, HOP, n_mels=N_MELS)
        self.decibel = AmplitudeToDB("power")
        self.net = timm.create_model(settings.variant, in_chans=1, num_classes=n_classes)
        self.size = self.net.num_features

    def features(self, audio: Tensor) -> Tensor:
        """Log-mel [batch, mel, frame] in dB of sound [batch, sample], less its own mean."""
        decibel = self.decibel(self.mel(audio))
        return decibel - decibel.mean((1, 2), keepdim=True)

    def represent(self, features: Tensor) -> Tensor:
        return self.net.forward_head(
            self.net.forward_features(features[:, None].contiguous(memory_format=torch.channels_last)), True
        )

    def classify(self, embedding: Tensor) -> Tensor:
        return self.net.classifier(embedding)
