"""Other systems as further encoders, one file each: frozen with the weights they bring, or trained here from scratch.

`base` says what a frozen peer is, `embeddings` runs one over a corpus, `hear` lets in any module with HEAR's three functions;
`learner` says what is trained from scratch, `scratch` trains one.
"""

import re
from dataclasses import dataclass

from lib.encoders.peers import hear
from lib.encoders.peers.aisfx import AiSfx
from lib.encoders.peers.ast import Ast
from lib.encoders.peers.audio_transformer import AudioTransformer
from lib.encoders.peers.base import Named, Peer, PeerError
from lib.encoders.peers.beats import Beats
from lib.encoders.peers.clap import Clap
from lib.encoders.peers.crepe import Crepe
from lib.encoders.peers.dasheng import Dasheng
from lib.encoders.peers.densenet import DenseNet
from lib.encoders.peers.distilled import Distilled
from lib.encoders.peers.filterbanks import FilterBanks
from lib.encoders.peers.learner import Learner, settings_of
from lib.encoders.peers.msclap import MsClap
from lib.encoders.peers.passt import Passt
from lib.encoders.peers.psla import Psla
from lib.encoders.peers.silero import Silero
from lib.encoders.peers.wav2clip import Wav2Clip
from lib.encoders.peers.wav2vec import Wav2Vec
from lib.settings import Settings

PEERS: dict[str, type[Named]] = {each.name: each for each in (
    Silero, Crepe, AiSfx, Clap, Ast, Wav2Vec, Passt, Wav2Clip, MsClap, Beats, Dasheng,
)}  # fmt: skip
IMPOSSIBLE = {
    "onepeace": "ONE-PEACE cannot run here: 4 billion parameters (16 GB), and code that needs a fairseq of its own and Python 3.10",
}
LEARNERS: dict[str, type[Learner]] = {
    each.name: each for each in (DenseNet, AudioTransformer, FilterBanks, Psla, Distilled)
}


@dataclass(frozen=True)
class Wanted:
    """A peer as it is asked for: its name, or that of a module, and where its weights lie if the user brings them."""

    name: str
    weights: str = ""

    @property
    def word(self) -> str:
        """As it is asked for."""
        return f"{self.name}:{self.weights}" if self.weights else self.name

    def needs(self, settings: Settings) -> tuple[str, ...]:
        """Modules of packages that are installed for it."""
        if kind := self.learner:
            return kind.needs(settings_of(kind, settings))
        return PEERS[self.name].needs if self.name in PEERS else ()

    def check(self, settings: Settings) -> None:
        """PeerError, in one line, where it, or the teacher of what is trained here, cannot be had."""
        if not (kind := self.learner):
            self.load()
        elif self.needs(settings):
            kind(settings_of(kind, settings), 2).teacher()

    @property
    def learner(self) -> type[Learner] | None:
        """What is trained here, if it is trained here."""
        return LEARNERS.get(self.name)

    def load(self) -> Peer:
        """The frozen peer with its weights; PeerError, in one line, where it cannot be had."""
        if self.name not in PEERS:
            return hear.load(self.name, self.weights)
        try:
            return PEERS[self.name].load(self.weights)
        except ModuleNotFoundError as error:
            raise PeerError(
                f"{self.name}: the package {error.name} is not installed: make study PEERS={self.name} installs it"
            ) from None


def wanted(text: str) -> list[Wanted]:
    """The peers of "silero,clap:/folder,my.module"; PeerError where one is neither known nor a module that can be imported."""
    found = []
    for word in filter(None, text.split(",")):
        name, _, weights = word.partition(":")
        if not re.fullmatch(r"[A-Za-z_][\w.]*", name):
            raise PeerError(
                f"{name!r} is no name of a peer; there are {', '.join([*PEERS, *LEARNERS])}, and modules with HEAR's functions"
            )
        if name in IMPOSSIBLE:
            raise PeerError(IMPOSSIBLE[name])
        if name in LEARNERS and weights:
            raise PeerError(f"{name} is trained here from scratch: it takes no weights, so PEERS={name}")
        if name not in PEERS and name not in LEARNERS:
            try:
                hear.module_of(name)
            except PeerError as error:
                raise PeerError(f"{error}; known here are {', '.join([*PEERS, *LEARNERS])}") from None
        found.append(Wanted(name, weights))
    return list(dict.fromkeys(found))
