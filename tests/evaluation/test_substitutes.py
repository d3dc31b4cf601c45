"""Log-mel as a substitute: rows of a hand-made game of five, and sentences that follow from paired differences."""

import numpy as np
import pytest

from lib.encoders.heads import label, subsets
from lib.evaluation import substitutes
from lib.evaluation.contributions import Played
from lib.evaluation.games import Game
from lib.evaluation.intervals import Sampling
from lib.evaluation.results import SHARED
from lib.representations import PAPER

FIVE = (*PAPER, "logmel")
RESAMPLES = 200


def played(worth, name="logmel5", level="clip", noise=0.005):
    """A subset is as good as its best player and a tenth of the others; each resample moves each player by itself."""
    spread = np.vstack([noise * np.random.default_rng(0).normal(size=(RESAMPLES, 5)), np.zeros((1, 5))])
    values = {(): np.full((RESAMPLES + 1, 1), 0.05)}
    for subset in subsets(FIVE):
        each = np.stack([worth[name] + spread[:, FIVE.index(name)] for name in subset], axis=1)
        values[subset] = (0.9 * each.max(1) + 0.1 * each.sum(1))[:, None]
    game = Game(name, FIVE, "logmel", frozenset({"logmel"}))
    return Played(game, level, "paper", Sampling(RESAMPLES, 50), {SHARED: values}, {SHARED: ["all"]}, 1)


BETTER = {"pitch": 0.3, "timbre": 0.35, "neuralogram": 0.4, "waveform": 0.45, "logmel": 0.6}
WORSE = BETTER | {"logmel": 0.02, "waveform": 0.5}


def test_each_of_the_four_is_replaced_and_the_best_are_named():
    table = substitutes.table([played(BETTER)]).set_index("what")
    assert list(table.reset_index().columns.sort_values()) == sorted(substitutes.COLUMNS)
    assert list(table.index) == [*(f"instead of {name}" for name in PAPER), substitutes.WITH, substitutes.WITHOUT]
    assert table.loc["instead of timbre", "subset"] == "pitch+neuralogram+waveform+logmel"
    assert (table.loc[[f"instead of {name}" for name in PAPER], "against"] == label(PAPER)).all()
    of = {name: table.loc[f"instead of {name}"] for name in PAPER}
    four, timbre = 0.9 * 0.45 + 0.15, 0.9 * 0.6 + 0.175
    assert of["timbre"]["value"] == pytest.approx(timbre) and of["timbre"]["difference"] == pytest.approx(timbre - four)
    assert (
        of["timbre"]["diff_low"] < of["timbre"]["difference"] < of["timbre"]["diff_high"] and of["timbre"]["p"] < 1e-6
    )
    best, without = table.loc[substitutes.WITH], table.loc[substitutes.WITHOUT]
    assert (best["subset"], without["subset"]) == (label(FIVE), label(PAPER)) and best["against"] == label(PAPER)
    assert best["difference"] == pytest.approx(best["value"] - without["value"]) and np.isnan(without["difference"])


def test_whether_a_subset_without_it_wins():
    told = substitutes.sentences([played(BETTER)], "clip", "paper")
    assert "instead of pitch" in told[0] and "significant by itself" in told[0]
    assert (
        f"The best subset with log-mel is {label(FIVE)}" in told[1]
        and "none of the 15 subsets without it is significantly above" in told[1]
    )
    harmful = played(WORSE | {"logmel": -2.0}, noise=1e-5)
    table = substitutes.table([harmful]).set_index("what")
    assert table.loc[substitutes.WITH, "difference"] < 0
    without = [rows for subset, rows in harmful.values[SHARED].items() if subset and "logmel" not in subset]
    n_higher = sum(float(rows[-1, 0]) > table.loc[substitutes.WITH, "value"] + 1e-3 for rows in without)
    n_above, n = substitutes.above(harmful)
    assert n == 15 and 0 < n_above == n_higher < 15
    assert (
        f"{n_above} of the 15 subsets without it are significantly above"
        in substitutes.sentences([harmful], "clip", "paper")[1]
    )


def test_of_equally_good_subsets_the_smallest_is_taken():
    same = played(dict.fromkeys(FIVE, 0.0) | {"logmel": 0.5}, noise=0)
    assert substitutes.best_of(same, with_it=True) == ("logmel",)


def test_other_games_and_levels_are_left_out():
    other = played(BETTER, name="noise5")
    assert len(substitutes.table([other])) == 0 and list(substitutes.table([])) == substitutes.COLUMNS
    assert substitutes.sentences([other], "clip", "paper") == ["Log-mel was not played (`CONTROLS=logmel`)."]
    both = [played(BETTER), played(WORSE, level="chunk")]
    assert len(substitutes.table(both)) == 12
    assert substitutes.sentences(both, "chunk", "paper") != substitutes.sentences(both, "clip", "paper")
