"""What a system is that is trained here from scratch, on the study's chunks and by the study's loop.

Its authors' code was mostly never published. What they say nowhere is a setting with its reason, as the study's own open
points are, and stands in decisions.csv beside them: SET="peers.densenet.augment=..." changes it.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from lib.encoders.peers.base import About
from lib.encoders.step import Loss
from lib.encoders.training import loss_by
from lib.settings import Frozen, Settings, Training, validated


class Learner(nn.Module, ABC):
    """A system with its own classifier, on features of 1 s of sound.

    name: as it is asked for. rate_hz: of the sound; another than the study's is resampled from the clips.
    size: of its embedding. stored: whether its features are worth keeping on disk; if not they are made anew in each step. schedule: what its authors train by, laid over
    the study's schedule. version: raised when the same settings would give other numbers.
    """

    name: ClassVar[str]
    Settings: type[Frozen] = Frozen
    about: About
    rate_hz: int = 16000
    size: int
    stored: bool = False
    schedule: ClassVar[dict[str, Any]] = {}
    version: int = 1

    def __init__(self, settings: Frozen, n_classes: int) -> None:
        super().__init__()
        self.settings, self.n_classes = settings, n_classes

    def features(self, audio: Tensor) -> Tensor:
        """What is computed once of sound [batch, sample] at rate_hz; by default the sound itself."""
        return audio

    @abstractmethod
    def represent(self, features: Tensor) -> Tensor:
        """Embeddings [batch, size] of features."""

    def classify(self, embedding: Tensor) -> Tensor:
        """Outputs [batch, class] of embeddings."""
        return self.classifier(embedding)

    def forward(self, features: Tensor) -> Tensor:
        return self.classify(self.represent(features))

    @classmethod
    def about_of(cls, settings: Frozen) -> About:
        """What Table 2 says of it with these settings."""
        return cls.about

    @classmethod
    def needs(cls, settings: Frozen) -> tuple[str, ...]:
        """Modules of packages that are installed for it with these settings."""
        return ()

    def teacher(self) -> nn.Module | None:
        """A network that is trained first, on the same features, and then says something of each chunk; None: no teacher."""
        return None

    def lesson(self, teacher: nn.Module, features: Tensor) -> Tensor:
        """What its teacher says of features [batch, ...], by default its outputs: targets [batch, more] beside the classes."""
        return teacher(features)

    def loss(self, schedule: Training) -> Loss:
        """Of what `forward` gives in training, and the targets [batch, class] with its teacher's beside them."""
        return loss_by(schedule)


def schedule_of_teacher(teacher: nn.Module, schedule: Training) -> Training:
    """What a teacher is trained by: its own values over the schedule of its learner."""
    return validated(Training, schedule.model_dump() | teacher.schedule, "teacher")


def settings_of(kind: type[Learner], settings: Settings) -> Frozen:
    """The settings of a learner with the run's own on top; SettingsError where one does not exist."""
    return validated(kind.Settings, settings.peers.get(kind.name, {}), f"peers.{kind.name}")


def schedule_of(kind: type[Learner], settings: Settings) -> Training:
    """Its schedule: the study's, what its authors say over it, and schedules.<name> on top.

    The epochs are the study's, so that each system sees every chunk as often.
    """
    given = {**settings.training.model_dump(), **kind.schedule, **settings.schedules.get(kind.name, {})}
    return validated(Training, given, f"schedules.{kind.name}")
