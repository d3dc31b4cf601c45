"""What is done to the test clips of a study to see what it withstands, and where the scores of each condition lie."""

from collections.abc import Sequence
from dataclasses import dataclass

from lib.evaluation.games import Game, paper4
from lib.files import digests
from lib.representations import kind, names
from lib.sounds.excerpts import Excerpt, excerpts
from lib.sounds.perturb import PERTURBATIONS, Strength
from lib.study import Study

LENGTH, INPUT = "length", "input"  # what can be asked for beside the perturbations


@dataclass(frozen=True)
class Condition:
    """One thing that is done to all test clips; step: from 1, of a perturbation the milder first."""

    kind: str  # sound, length or input
    name: str
    step: int
    strength: Strength
    excerpt: Excerpt | None = None

    @property
    def game(self) -> Game:
        """The study's players with their scores in this condition."""
        players = paper4().players
        what = self.excerpt.name if self.excerpt else str(self.strength)
        return Game(f"{self.name} {what}", players, f"robust/{self.name}/{what}", frozenset(players))


def conditions(part: Study, name: str) -> list[Condition]:
    """All conditions of one name; excerpts no longer than the part's longest test clip."""
    if name in PERTURBATIONS:
        steps = enumerate(PERTURBATIONS[name].strengths, 1)
        return [Condition("sound", name, step, strength) for step, strength in steps]
    if name == INPUT:
        ways = [how for each in names() for how in kind(each).otherwise]
        return [Condition(INPUT, name, step, how) for step, how in enumerate(dict.fromkeys(ways), 1)]
    chunk_s = part.settings.chunking.length_s
    start_s = digests.read(part.folder / "scores" / "test.npz", digests.load_arrays)["start_s"]
    found = excerpts(float(start_s.max()) + chunk_s, chunk_s)
    return [Condition(LENGTH, name, step, each.name, each) for step, each in enumerate(found, 1)]


def ready(study: Study, asked: Sequence[str]) -> dict[str, list[Condition]]:
    """The conditions by name that are scored in every part with every seed and head."""
    whole, heads = [paper4().players], study.settings.heads.kinds  # of one condition all coalitions are written at once
    found = {
        name: [each for each in conditions(study.parts[0], name) if each.game.is_scored(study, heads, whole)]
        for name in asked
    }
    return {name: each for name, each in found.items() if each}
