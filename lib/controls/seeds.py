"""Four seeds of one encoder: is it that representations differ, or would four models of the best of them do as well?

Replicates share no encoder: player k of study seed s is trained with the seed s + k * 1,000,000 (a study's seeds have six
digits at most). With replicates that share encoders the spread between them is too small, and so is any interval.
"""

import numpy as np

from lib.controls import crossfit, keeping
from lib.controls.work import four
from lib.display.screen import measure_name
from lib.encoders.encoder import stored_embeddings
from lib.encoders.heads import Subset
from lib.evaluation.games import Game
from lib.evaluation.results import SHARED, macro_map
from lib.representations import kind
from lib.settings import Settings
from lib.study import Study

N_SEEDS = 4  # as many as the paper has encoders
APART = 1_000_000
BEST = "best"


def four_seeds(settings: Settings) -> Subset:
    """Four players that differ in nothing but their seed: single1 to single4, or named after the one that is set."""
    if settings.seeds_of != BEST:
        kind(settings.seeds_of)  # an unknown representation is refused here
    name = "single" if settings.seeds_of == BEST else settings.seeds_of
    return tuple(f"{name}{number}" for number in range(1, N_SEEDS + 1))


def replicate(seed: int) -> list[int]:
    """The seeds of the four players for one seed of the study: its own, and three that no other has."""
    return [seed + number * APART for number in range(N_SEEDS)]


def play_seeds(part: Study, game: Game, seed: int) -> None:
    """Train what is missing of the four, and score the study's heads on them."""
    name = best_single(part) if part.settings.seeds_of == BEST else part.settings.seeds_of
    each = (one_of_seeds(part, name, number) for number in replicate(seed))
    keeping.score_heads(part, game, seed, dict(zip(game.players, each, strict=True)))


def one_of_seeds(part: Study, name: str, seed: int) -> np.ndarray:
    """Embeddings [chunk, width] of one encoder: the study's where it has trained this seed, else the control's."""
    stored = stored_embeddings(name, part.chunks, part.settings, seed, part.checkpoint(name, seed))
    return keeping.trained(part, "seeds", name, seed) if stored is None else stored


def best_single(part: Study) -> str:
    """The encoder whose own classifier is best on training groups that it was not trained on, over all folds and seeds.

    Macro mAP of chunks, from out-of-fold scores; written to tables/chosen.csv. ControlError where a fold of the run is not
    trained yet: all folds play the same one.
    """
    run = part.whole
    if run is not part and not all(_is_trained(each) for each in run.parts):
        raise keeping.ControlError(
            "seeds: the best single encoder is chosen over all folds: it is played once all are trained"
        )
    values = {name: _value(run, name) for name in four(part.settings)}
    found, what = keeping.highest_and_next(values), f"best single, {measure_name(SHARED)} of chunks by training groups"
    over = {"seed": "mean", "fold": "mean" if len(run.parts) > 1 else run.fold}
    keeping.note_choice(part, [{"control": "seeds", "what": what, **found, **over}])
    return found["chosen"]


def _is_trained(part: Study) -> bool:
    return all(
        stored_embeddings(name, part.chunks, part.settings, seed, part.checkpoint(name, seed)) is not None
        for name in four(part.settings)
        for seed in part.request.seeds
    )


def _value(run: Study, name: str) -> float:
    """Mean over folds and seeds of the macro mAP of out-of-fold scores on training chunks."""
    each = []
    for part in run.parts:
        rows = part.train_rows
        scores = (crossfit.scores(part, name, seed)[rows] for seed in run.request.seeds)
        each += [macro_map(part.chunks.targets[rows], found) for found in scores]
    return float(np.mean(each))
