"""Temporal knowledge distillation: a small recurrent student that learns from a Transformer where in time to look.

K. Choi, M. Kersner, J. Morton, B. Chang, Temporal knowledge distillation for on-device audio classification, arXiv:2110.14131,
and its authors' blog; no code was published. The student is Att-RNN, whose structure and front end are those of Google's
keyword spotting (google-research: kws_streaming, att_rnn). What neither says is a setting.
"""

from dataclasses import replace
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from lib.encoders.peers.base import NO, About
from lib.encoders.peers.learner import Learner
from lib.encoders.peers.teachers import FineTuned, FromScratch, Teacher, over_frames, rolled_out
from lib.encoders.step import Loss
from lib.encoders.training import loss_of
from lib.settings import Frozen, Training, choice

N_FFT, WINDOW, HOP, N_MELS = 1024, 640, 320, 40  # samples at 16 kHz: 40 ms every 20


class DistilledSettings(Frozen):
    """Of the teacher, of what is learned from it, and of the student."""

    teacher: Literal["scratch", "wav2vec"] = choice(
        "scratch",
        "wav2vec (fine-tuned here, weights in peers.distilled.teacher_weights)",
        "the authors' is wav2vec 2.0 pretrained on speech, whose weights are yours to bring; without them an Audio Transformer "
        "without pooling is trained first, on the same chunks",
    )
    teacher_weights: str = Field(
        "", description="of wav2vec 2.0: a folder, or a name that transformers finds; empty: its base model"
    )
    weight: float = choice(
        0.1,
        "0.25, 0.5; 0: no teacher",
        "of the divergence in the loss; the best of the three that its authors tried",
        ge=0,
    )
    identity: float = choice(
        0.5,
        "any share",
        "not specified for the roll-out, nor the mean of heads; both are those of Abnar and Zuidema",
        ge=0,
        lt=1,
    )
    units: int = Field(128, ge=1)
    dropout: float = choice(0.1, "any", "of Att-RNN for keywords; not specified for FSD50K", ge=0, lt=1)
    coefficients: int = choice(
        20, "10 to 40", "of Att-RNN for keywords; its authors do not say what FSD50K was given", ge=1
    )
    highest_hz: float = choice(7000.0, "8000", "of Att-RNN for keywords; not specified for FSD50K", gt=0)


class Distilled(Learner):
    """Att-RNN: two convolutions along time, two bidirectional GRUs, attention by the frame in the middle; and a learned query
    over the frames, in training alone, whose distribution is drawn to the teacher's."""

    name, Settings = "distilled", DistilledSettings
    about = About(
        "Temporal distillation (Att-RNN)", "the study's labels, from scratch; its teacher too", "none published (Att-RNN: Apache-2.0)",
        NO, NO, "validation by its authors; here the last", published=0.347,
        source="K. Choi et al., arXiv:2110.14131, blog: the best student, of a teacher pretrained on speech (itself 54.98); here trained from scratch",
    )  # fmt: skip
    rate_hz, size = 16000, 256
    schedule: ClassVar = {"loss": "bce", "output": "sigmoid", "lr": 1e-3, "lr_min": 2e-5, "batch": 64}

    def __init__(self, settings: DistilledSettings, n_classes: int) -> None:
        super().__init__(settings, n_classes)
        from torchaudio.transforms import MFCC

        mel = {"n_fft": N_FFT, "win_length": WINDOW, "hop_length": HOP, "n_mels": N_MELS, "f_min": 20.0}
        mel |= {"f_max": settings.highest_hz}
        self.mfcc = MFCC(self.rate_hz, settings.coefficients, log_mels=True, melkwargs=mel)
        self.convolutions = nn.Sequential(*_convolution(1, 10), *_convolution(10, 1))
        self.recurrent = nn.GRU(settings.coefficients, settings.units, 2, batch_first=True, bidirectional=True)
        self.size = 2 * settings.units
        self.middle = nn.Linear(self.size, self.size)
        self.query = nn.Parameter(torch.randn(self.size) / self.size)
        layers = nn.Linear(self.size, 64), nn.ReLU(), nn.Linear(64, 32), nn.Linear(32, n_classes)
        self.classifier = nn.Sequential(nn.Dropout(settings.dropout), *layers)

    @classmethod
    def about_of(cls, settings: DistilledSettings) -> About:
        if settings.teacher == "scratch":
            return cls.about
        source = cls.about.source.replace("here trained from scratch", "here fine-tuned from the user's weights")
        trained_for, extra_data = "the study's labels; its teacher by wav2vec 2.0", "yes (speech, its teacher)"
        return replace(cls.about, trained_for=trained_for, extra_data=extra_data, source=source)

    @classmethod
    def needs(cls, settings: DistilledSettings) -> tuple[str, ...]:
        return ("transformers",) if settings.teacher == "wav2vec" else ()

    def frames(self, audio: Tensor) -> Tensor:
        """Features [batch, frame, size] of sound [batch, sample], before they are pooled."""
        x = self.convolutions(self.mfcc(audio).mT[:, None])[:, 0]
        return self.recurrent(x.float())[0]

    def pooled(self, frames: Tensor) -> Tensor:
        """The mean of frames [batch, frame, size], weighted by how well each answers the one in the middle."""
        query = self.middle(frames[:, frames.shape[1] // 2]).float()
        weights = torch.einsum("btd,bd->bt", frames, query).softmax(1)
        return torch.einsum("bt,btd->bd", weights, frames)

    def represent(self, features: Tensor) -> Tensor:
        return self.pooled(self.frames(features))

    def forward(self, features: Tensor) -> Tensor:
        """Outputs [batch, class]; in training, beside them the logarithm of its distribution over frames [batch, frame]."""
        frames = self.frames(features)
        outputs = self.classify(self.pooled(frames))
        return torch.cat([outputs, (frames @ self.query).log_softmax(1)], 1) if self.training else outputs

    def teacher(self) -> Teacher | None:
        if not self.settings.weight:
            return None
        if self.settings.teacher == "scratch":
            return FromScratch(self.n_classes)
        return FineTuned(self.n_classes, self.settings.teacher_weights)

    def lesson(self, teacher: Teacher, features: Tensor) -> Tensor:
        """Where the teacher looks [batch, frame], each row a distribution over the student's frames."""
        return over_frames(rolled_out(teacher.maps(features), self.settings.identity), 1 + features.shape[1] // HOP)

    def loss(self, schedule: Training) -> Loss:
        """Of the classes, and by `weight` the divergence of its distribution over frames from the teacher's."""
        n, weight = self.n_classes, self.settings.weight

        def loss(outputs: Tensor, targets: Tensor) -> Tensor:
            task = loss_of(outputs[:, :n], targets[:, :n], schedule)
            if not weight:
                return task
            return task + weight * nn.functional.kl_div(outputs[:, n:], targets[:, n:], reduction="batchmean")

        return loss


def _convolution(into: int, out: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(into, out, (5, 1), padding="same"), nn.ReLU(), nn.BatchNorm2d(out)
