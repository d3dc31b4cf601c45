"""Which scores play which game: the players, and the file of every coalition of them.

The game of the study is `paper4`, the paper's four encoders. A control is a game of its own: it keeps its scores under
scores/controls/<control>, and shares with the study the coalitions in which nothing of its own takes part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from lib.encoders.heads import Subset, label, subsets
from lib.representations import PAPER, names
from lib.study import Study

CONSTANT = "constant"
CHANCE = "chance"  # the empty coalition: what a ranking by chance is expected to have; it has no file


@dataclass(frozen=True)
class Game:
    """A game: its name, its players in order, and for a control which of them are its own."""

    name: str
    players: Subset
    control: str = ""  # empty for the study itself
    own: frozenset[str] = frozenset()
    only: tuple[Subset, ...] = ()  # the coalitions that are scored, where not all of them are

    @property
    def coalitions(self) -> list[Subset]:
        """The coalitions of one player or more that are scored."""
        return list(self.only) or subsets(self.players)

    def file(self, part: Study, subset: Subset, head: str, seed: int) -> Path:
        """Test scores [chunk, class] of one coalition of one player or more."""
        if not self.own & set(subset):
            return part.scores(label(subset), head, seed)
        return control_scores(part, self.control, label(subset), head, seed)

    def is_scored(self, study: Study, heads: Sequence[str], coalitions: Sequence[Subset] = ()) -> bool:
        """Whether scores of these coalitions (none named: of all) with these heads are there, in every part and seed."""
        which = product(study.parts, study.request.seeds, heads, coalitions or self.coalitions)
        return all(self.file(part, subset, head, seed).exists() for part, seed, head, subset in which)

    def heads(self, part: Study) -> tuple[str, ...]:
        """The heads that there are scores of: the study's, or `own` where the control trains none."""
        kinds, seed = part.settings.heads.kinds, part.request.seeds[0]
        return kinds if self.file(part, self.coalitions[-1], kinds[0], seed).exists() else ("own",)


@dataclass(frozen=True)
class Point:
    """A point of a curve: a game whose encoders had only a part of their epochs, or of the training groups.

    part: 1/8, 1/4, 1/2, or 1 for the study itself. epochs: of each encoder; groups, clips: trained on, the mean over folds
    and seeds.
    """

    curve: str
    part: float
    game: Game
    epochs: Mapping[str, int]
    groups: float
    clips: float


def control_scores(part: Study, control: str, subset: str, head: str, seed: int) -> Path:
    """File of the test scores [chunk, class] of one head on one subset of a control."""
    return part.folder / "scores" / "controls" / control / f"{subset}-{head}-seed{seed}.npy"


def paper4() -> Game:
    """The paper's four encoders, or those of them that there are."""
    return Game("paper4", tuple(name for name in names() if name in PAPER))
