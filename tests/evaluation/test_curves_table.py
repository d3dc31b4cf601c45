"""Shares against budget and data: numbers of hand-made games, and sentences that follow from paired differences."""

import re

import made_up
import numpy as np
import pandas as pd
import pytest

from lib.encoders.heads import subsets
from lib.evaluation import contributions, curves
from lib.evaluation.contributions import Played
from lib.evaluation.games import Game, Point, paper4
from lib.evaluation.intervals import Sampling
from lib.evaluation.results import SHARED
from lib.representations import PAPER

RESAMPLES = 200


def played(worth, name="paper4", level="clip", head="paper", noise=0.005, seed=0):
    """An additive game: each player adds what it is worth to whoever is there, above a chance of 0.1; noise is shared."""
    rng = np.random.default_rng(seed)
    spread = noise * rng.normal(size=(RESAMPLES, len(PAPER)))
    spread = np.vstack([spread, np.zeros((1, len(PAPER)))])
    values = {(): np.full((RESAMPLES + 1, 1), 0.1)}
    for subset in subsets(PAPER):
        columns = [PAPER.index(player) for player in subset]
        values[subset] = (0.1 + sum(worth[player] for player in subset) + spread[:, columns].sum(1))[:, None]
    return Played(Game(name, PAPER), level, head, Sampling(RESAMPLES, 50), {SHARED: values}, {SHARED: ["all"]}, 1)


def point(part, curve="data", name="paper4", epochs=None):
    return Point(curve, part, Game(name, PAPER), epochs or dict.fromkeys(PAPER, 10), 40 * part, 80 * part)


MUCH = {"pitch": 0.1, "timbre": 0.1, "neuralogram": 0.2, "waveform": 0.3}
FEW = {"pitch": 0.15, "timbre": 0.12, "neuralogram": 0.05, "waveform": 0.05}


def curve(few=FEW, seed=0):
    return [(point(1 / 8, name="data8"), played(few, "data8", seed=seed)), (point(1.0), played(MUCH))]


def test_in_an_additive_game_every_number_of_a_player_is_its_worth():
    table = curves.table(curve())
    assert list(table) == curves.COLUMNS
    for what in ("share", "alone", "added_last"):
        rows = table[(table["what"] == what) & (table["part"] == 1 / 8)].set_index("encoder")
        assert list(rows.index) == list(PAPER)
        np.testing.assert_allclose(rows["value"], [FEW[name] for name in PAPER], atol=1e-12)
        assert (rows["low"] < rows["value"]).all() and (rows["high"] > rows["value"]).all()
    values = table[(table["what"] == "value") & (table["part"] == 1)].set_index("encoder")["value"]
    assert values["all four"] == pytest.approx(0.8) and values["waveform"] == pytest.approx(0.4)
    assert set(table["n_groups"]) == {5, 40} and set(table["n_clips"]) == {10, 80}


def test_epochs_stand_where_they_are_one_number():
    uneven = dict(zip(PAPER, (2, 4, 4, 3), strict=True))
    table = curves.table([(point(1 / 8, epochs=uneven), played(FEW))])
    epochs = table.groupby("encoder")["n_epochs"].first()
    assert {name: epochs[name] for name in PAPER} == uneven and np.isnan(epochs["all four"])
    assert set(curves.table([(point(1.0), played(FEW))])["n_epochs"]) == {10}


def test_more_where_data_are_few_is_said_only_where_the_paired_interval_says_so():
    (told,) = curves.sentences(curves.ends(curve()), "clip", "paper")
    assert told.startswith("Do features help most where data are few?") and "at 1/8 of the training groups" in told
    assert (
        "share +27.0 against +20.0, difference +7.0" in told
        and told.count("significantly more where there is less") == 3
    )
    (told,) = curves.sentences(curves.ends(curve(seed=3)), "clip", "paper")  # with other draws the interval has a width
    low, high = map(float, re.search(r"difference \+7.0 \((\S+) to (\S+)\)", told).groups())
    assert 0 < low < 7 < high
    same = {**MUCH, "pitch": 0.1, "timbre": 0.101}
    (told,) = curves.sentences(curves.ends(curve(same, seed=1)), "clip", "paper")
    assert told.count("not significantly different") == 3
    (told,) = curves.sentences(curves.ends(curve({**FEW, "pitch": 0.02, "timbre": 0.02})), "clip", "paper")
    assert told.count("significantly less where there is less") == 2
    assert (
        "above chance +28.6 against +28.6, difference -0.0" in told
        or "above chance +28.6 against +28.6, difference +0.0" in told
    )


def test_the_difference_is_paired():
    """With the same draws the noise of both falls out; with others it does not."""
    few = {**FEW, "pitch": 0.11, "timbre": 0.101}
    noisy = [(point(1 / 8), played(few, noise=0.1)), (point(1.0), played(MUCH, noise=0.1))]
    assert "significantly more" in curves.sentences(curves.ends(noisy), "clip", "paper")[0]
    unpaired = [(point(1 / 8), played(few, noise=0.1, seed=5)), (point(1.0), played(MUCH, noise=0.1))]
    assert "significantly more" not in curves.sentences(curves.ends(unpaired), "clip", "paper")[0]


def test_added_last_is_that_of_the_pair():
    """Pitch and timbre are copies: each adds nothing to the other, both together what one has."""
    values = {(): np.zeros(201)}
    for subset in subsets(PAPER):
        values[subset] = np.full(201, 0.2 * bool({"pitch", "timbre"} & set(subset)) + 0.1 * ("waveform" in subset))
    np.testing.assert_allclose(curves.added_last(values), 0.2)
    np.testing.assert_allclose(curves.shares_of(values), 0.2)


def test_games_that_are_played_are_not_played_again(tmp_path, monkeypatch):
    """On stored scores; the study's own game is taken from what the notebook has, and gives what playing it gives."""
    study = made_up.study(tmp_path, monkeypatch)
    for part in study.parts:
        for subset in subsets(PAPER):
            for head in study.settings.heads.kinds:
                for seed in study.request.seeds:
                    own = paper4().file(part, subset, head, seed)
                    copy = Game("data8", PAPER, "data8", frozenset(PAPER)).file(part, subset, head, seed)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    copy.write_bytes(own.read_bytes())
    there = [
        contributions.play(study, paper4(), level, head, [SHARED])
        for level in ("chunk", "clip")
        for head in ("paper", "linear")
    ]
    points = [
        Point("data", 1 / 8, Game("data8", PAPER, "data8", frozenset(PAPER)), dict.fromkeys(PAPER, 16), 2, 4),
        Point("data", 1.0, paper4(), dict.fromkeys(PAPER, 2), 10, 33),
    ]
    real, asked = contributions.play, []
    monkeypatch.setattr(contributions, "play", lambda *given: asked.append(given[1].name) or real(*given))
    made = curves.play(study, points, there)
    assert asked == ["data8"] * 4 and len(made) == 8
    table = curves.table(made)
    few, whole = (table[table["part"] == part].reset_index(drop=True) for part in (1 / 8, 1.0))
    pd.testing.assert_frame_equal(
        few[["encoder", "what", "value", "low", "high"]], whole[["encoder", "what", "value", "low", "high"]]
    )
    told = curves.sentences(curves.ends(made), "clip", "linear")[0]
    assert "difference +0.0" in told and told.count("not significantly different") == 3


def test_without_an_interval_nothing_is_claimed():
    few, whole = played(FEW), played(MUCH)
    alone = Sampling(RESAMPLES, 0)
    made = [(point(1 / 8), one_group(few, alone)), (point(1.0), one_group(whole, alone))]
    assert curves.sentences(curves.ends(made), "clip", "paper")[0].count("no interval to compare") == 3


def one_group(one, of):
    return Played(one.game, one.level, one.head, of, one.values, one.groups, one.seeds)
