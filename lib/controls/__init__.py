"""Controls: games that could refute that different representations each add something.

A control plays the same game as the study with one thing changed: its players, their labels, what they are made of or
what their heads learn from. It trains what is missing, writes test scores [chunk, class] where its `Game` looks for
them, and loads what is there the next time:

    checkpoints/controls/<control>/<player>-seed<n>/     its own encoders and embeddings
    scores/controls/<control>/<subset>-<head>-seed<n>.npy

What was made from other clips, labels, settings or another seed is never read: each file stands beside the key of what
it was made from. The study's own encoders and scores are read and never changed.

work         the work of each control; seeds, crossfit, classical: of those that take more than a few lines
curves       points of the curves of budget and of data
peers        the games that another system plays beside the study
keeping      what all of them save and load
constructed, careless_protocols  games with a known answer; what nobody should do
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import torch

from lib import files
from lib.controls import classical, crossfit, curves, seeds, work
from lib.controls.keeping import OWN, ControlError, checkpoints
from lib.encoders.encoder import PARTS
from lib.encoders.heads import Subset
from lib.evaluation.games import Game, Point, paper4
from lib.settings import Settings
from lib.study import Study


@dataclass(frozen=True)
class Control:
    """One control: what it asks, who plays, and what leaves its scores."""

    name: str
    title: str  # a few words for figures
    asks: str  # the question that it answers
    players: Callable[[Settings], Subset]
    play: Callable[[Study, Game, int], None]  # makes its players and writes its scores
    adds: bool = False  # whether it adds a player to the study's four, instead of playing with its own
    trains_heads: bool = True
    costly: bool = False
    trains: float = 0  # about so many encoders that no other control trains: then it is a job of the graph
    curve: str = ""  # of a point of a curve, its curve: it is no competitor of the study
    part: float = 1.0  # of the epochs or the training groups

    def game(self, study: Study) -> Game:
        """The game: `noise5` is the control `noise` with five players; a point of a curve is named like its control."""
        players = self.players(study.settings)
        own = frozenset(players) - (frozenset(paper4().players) if self.adds else frozenset())
        return Game(self.name if self.curve else f"{self.name}{len(players)}", players, self.name, own)

    def heads(self, study: Study) -> tuple[str, ...]:
        """The heads that the game is played with."""
        return study.settings.heads.kinds if self.trains_heads else (OWN,)

    def run(self, study: Study, seed: int) -> None:
        """Make the scores of one seed, or leave those that the same inputs made; `study` is one part.

        ControlError where this corpus does not allow it, StudyError where the study's own results are missing.
        """
        torch.set_num_threads(study.settings.threads)
        with files.locked(checkpoints(study, self.name) / f"seed{seed}", f"control {self.name}, seed {seed}"):
            self.play(study, self.game(study), seed)


def find(name: str) -> Control:
    """The control of this name; ControlError with the names there are if it is unknown."""
    there = CONTROLS | CURVES
    if name not in there:
        raise ControlError(f"control {name!r} does not exist; there are {', '.join(there)}")
    return there[name]


def own_jobs(names: Iterable[str]) -> list[str]:
    """Of controls those that train encoders of their own, those that train most first."""
    return sorted((name for name in names if find(name).trains), key=lambda name: -find(name).trains)


def ready(study: Study, control: Control) -> bool:
    """Whether all scores that the game asks for are there, the study's own included, in every part and seed."""
    return control.game(study).is_scored(study, control.heads(study))


def games(study: Study) -> list[Game]:
    """The games of all controls that are ready, in the order of CONTROLS; points of curves are none of them."""
    return [control.game(study) for control in CONTROLS.values() if ready(study, control)]


def points(study: Study) -> list[Point]:
    """The points of the curves that are ready, the smallest part first, each curve with the study itself as its last."""
    found = []
    for curve in dict.fromkeys(control.curve for control in CURVES.values()):
        there = [control for control in CURVES.values() if control.curve == curve and ready(study, control)]
        games = [(control.part, control.game(study)) for control in there]
        for part, game in [*games, (1.0, paper4())] if there else []:
            found.append(Point(curve, part, game, *curves.trained_with(study, curve, round(1 / part))))
    return found


CONTROLS: dict[str, Control] = {
    control.name: control
    for control in (
        Control(
            "noise", "Noise as a fifth", "Does a player that knows nothing get a share?",
            lambda settings: (*work.four(settings), "noise"), work.play_noise, adds=True,
        ),
        Control(
            "untrained", "Untrained encoders", "How much of it do the front ends and the heads do, without any training?",
            work.four, work.play_untrained,
        ),
        Control(
            "shuffled", "Shuffled labels", "Is anything learned where the labels say nothing about the sound?",
            work.four, work.play_shuffled, costly=True, trains=4,
        ),
        Control(
            "seeds", "Four seeds of the best", "Is it diversity, or would four models of the best representation do as well?",
            seeds.four_seeds, seeds.play_seeds, costly=True,
        ),
        Control(
            "wide", "One wide waveform", "Would one encoder with an embedding as wide as all four do as well?",
            lambda settings: (f"waveform{work.wider(settings).body.width}",), work.play_wide, costly=True, trains=2,
        ),
        Control(
            "logmel", "Log-mel as a fifth", "Is it pitch and timbre, or would any decent spectrogram do?",
            lambda settings: (*work.four(settings), "logmel"), work.play_logmel, adds=True, trains=1,
        ),
        Control(
            "mobilenet", "MobileNet alone", "What does the Transformer add to the MobileNet that it reads?",
            lambda settings: ("mobilenet",), work.play_mobilenet, trains_heads=False,
        ),
        Control(
            "mean", "Mean of own scores", "Does a head on the embeddings do more than averaging the encoders' answers?",
            work.four, work.play_mean, trains_heads=False,
        ),
        Control(
            "raw", "Raw, averaged over time",
            "What do heads get from the representations alone, those that need no trained network, without any encoder?",
            work.without_a_network, work.play_raw,
        ),
        Control(
            "classical", "Forest, SVM or ridge",
            "Would statistics over time and scikit-learn do as well? (The neuralogram's are of its trained MobileNet.)",
            work.four, classical.play_classical, trains_heads=False,
        ),
        Control(
            "crossfit", "Cross-fitted heads",
            "Do the shares stay where heads learn from clips that the encoders were not trained on?",
            work.four, crossfit.play_crossfit, costly=True, trains=20,
        ),
        Control(
            "stacked", "Stacked own scores", "Do heads on the encoders' own scores of unseen clips do as well?",
            work.four, crossfit.play_stacked, trains_heads=False, costly=True,
        ),
    )
}  # fmt: skip

# Points of curves, by name: beside the study as it would be with less, not against it
CURVES: dict[str, Control] = {
    control.name: control
    for curve, what, asks, play, costly in (
        ("budget", "epochs", "Do the shares stay where encoders train for less long?", curves.play_budget, False),
        ("data", "training groups", "Do features help most where data are few?", curves.play_data, True),
    )
    for n in PARTS
    for control in (
        Control(
            f"{curve}{n}", f"1/{n} of the {what}", asks, work.four, partial(play, one_in=n), costly=costly, trains=4 * costly / n,
            curve=curve, part=1 / n,
        ),
    )
}  # fmt: skip
