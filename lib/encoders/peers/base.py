"""What a peer is: another system that hears the same sounds, as a further encoder.

A peer takes sound at its own rate, resampled from the clip itself, and gives one embedding for each window. Every peer
is run twice: on the study's chunks, so that it hears what the study's encoders hear, and on its own windows of each clip,
with the mean over them, so that it hears as its authors meant it to.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from torch import Tensor, nn

from lib.files import PlainError

NONE, NO = "none", "no"


class PeerError(PlainError):
    """A peer does not exist or cannot run here; the message is one line."""


@dataclass(frozen=True)
class About:
    """What Table 2 says of a system beside its numbers; published, by_others: its macro mAP on FSD50K as a fraction."""

    title: str
    trained_for: str
    licence: str
    extra_data: str
    fsd50k_in_pretraining: str
    selected_on: str = "does not say"
    published: float | None = None
    source: str = ""
    by_others: float | None = None


class Peer(nn.Module, ABC):
    """A system with its weights.

    rate_hz: of the sound it takes. size: of an embedding. window_s: the length it was made for; 0: any, then a clip is one
    window. own_window: it takes no other length, so a chunk is repeated until it is that long (never followed by silence). chunks_only: nothing is
    computed of its own windows.
    needs: modules of packages that are installed for it. version: raised when the same sound would get other numbers.
    """

    about: About
    rate_hz: int
    size: int
    window_s: float = 0.0
    own_window: bool = False
    chunks_only: bool = False
    needs: tuple[str, ...] = ()
    version: int | str = 1

    @abstractmethod
    def embed(self, audio: Tensor) -> Tensor:
        """Embeddings [batch, size] of sound [batch, sample] at rate_hz, -1..1, all of one length."""

    @property
    def crop(self) -> str:
        """What it hears of a clip on its own windows."""
        return f"windows of {self.window_s:g} s, mean" if self.window_s else "the whole clip"


class Named(Peer):
    """A peer with a file of its own here, by its name: it finds its weights by itself."""

    name: str

    @classmethod
    @abstractmethod
    def load(cls, weights: str = "") -> "Named":
        """The peer with its weights, from `weights` where the user brings them; PeerError where there are none."""


def package_file(package: str, path: str) -> Path:
    """A file inside an installed package, which is not imported for it; PeerError where it is not installed."""
    spec = find_spec(package)
    places = list(spec.submodule_search_locations or []) if spec else []
    if not places or not (Path(places[0]) / path).exists():
        raise PeerError(f"the package {package} with its weights is not installed: make study PEERS=... installs it")
    return Path(places[0]) / path


def frames(audio: Tensor, size: int, hop: int) -> Tensor:
    """Frames [batch, frame, size] of sound [batch, sample], every `hop` samples."""
    return audio.unfold(1, size, hop)
