"""Encoders beside classical learning: paired differences of hand-made games."""

import numpy as np
import pytest

from lib.encoders.heads import ALL_FOUR, subsets
from lib.evaluation import baselines
from lib.evaluation.contributions import Played
from lib.evaluation.games import Game, paper4
from lib.evaluation.intervals import Sampling, holm
from lib.evaluation.results import SHARED
from lib.representations import PAPER

RESAMPLES = 400
FOUR = dict(zip(PAPER, (0.5, 0.6, 0.7, 0.65), strict=True))


def played(worth, control="", head="paper", noise=0.01, seed=0, level="clip"):
    """A subset is as good as its best player; how hard the clips of a resample are is common to all who share a seed."""
    hard = np.append(noise * np.random.default_rng(seed).normal(size=RESAMPLES), 0)[:, None]
    values = {subset: max(worth[name] for name in subset) + hard for subset in subsets(PAPER)}
    game = Game("classical4", PAPER, control) if control else paper4()
    return Played(game, level, head, Sampling(RESAMPLES, 50), {SHARED: values}, {SHARED: ["all"]}, 1)


def classical(by, **more):
    return played({name: value + by for name, value in FOUR.items()}, "classical", "own", **more)


def test_each_encoder_stands_beside_the_same_input():
    theirs = played(FOUR | {"pitch": 0.58, "waveform": 0.72}, "classical", "own")
    table = baselines.table([played(FOUR), played(FOUR, head="linear"), theirs]).set_index(["head", "subset"])
    assert list(table.reset_index()) and sorted(table.reset_index()) == sorted(baselines.COLUMNS)
    for head in ("paper", "linear"):
        assert list(table.loc[head].index) == [*PAPER, ALL_FOUR]
        np.testing.assert_allclose(table.loc[head, "difference"], [-0.08, 0, 0, -0.07, -0.02], atol=1e-12)
        np.testing.assert_allclose(table.loc[head, "classical"], [0.58, 0.6, 0.7, 0.72, 0.72], atol=1e-12)
        np.testing.assert_allclose(table.loc[head, "p_holm"], holm(table.loc[head, "p"]))


def test_the_difference_is_paired():
    """How hard the clips are is common to both: it widens each one's interval and not that of the difference."""
    (row,) = (
        baselines.table([played(FOUR, noise=0.1), classical(0.02, noise=0.1)]).query("subset == 'pitch'").itertuples()
    )
    assert row.high - row.low < 1e-9 and row.difference == pytest.approx(-0.02)
    other = baselines.table([played(FOUR, noise=0.1), classical(0.02, noise=0.1, seed=1)]).query("subset == 'pitch'")
    assert other["low"].item() < -0.2 < 0.1 < other["high"].item()
    assert "pitch 50.0 against 52.0, -2.0 (" in (told := baselines.sentences(other, "clip", "paper")[0])
    assert told.endswith("not significantly different.")


def test_below_and_above_are_said_where_the_test_says_so():
    rows = baselines.table([played(FOUR), classical(0.1)])
    assert baselines.sentences(rows, "clip", "paper")[0].count("significantly below") == 5
    rows = baselines.table([played(FOUR), classical(-0.1)])
    assert baselines.sentences(rows, "clip", "paper")[0].count("significantly above") == 5


def test_what_holm_alone_makes_not_significant_is_said_beside_an_interval_that_leaves_out_zero():
    rows = baselines.table([played(FOUR), classical(0.1)]).assign(p=0.03, p_holm=0.09)
    told = baselines.sentences(rows, "clip", "paper")[0]
    assert told.count("not significantly different (p = 0.090 after Holm, though p = 0.030 by itself)") == 5


def test_without_the_control_there_is_nothing():
    rows = baselines.table([played(FOUR)])
    assert list(rows) == baselines.COLUMNS and rows.empty
    assert baselines.sentences(rows, "clip", "paper") == ["Classical learners were not played (`CONTROLS=classical`)."]
    assert baselines.table([played(FOUR), classical(0.1, level="chunk")]).empty
