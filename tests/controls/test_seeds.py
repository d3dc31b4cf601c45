"""Four seeds of one encoder: replicates share none, their intervals hold, and the best single is chosen once for all."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from made_up import SHORT, short_study

from lib import stages
from lib.controls import CONTROLS, ControlError, crossfit, keeping, seeds
from lib.encoders import encoder
from lib.evaluation.intervals import Sampling
from lib.representations import PAPER
from lib.settings import SettingsError

study_of = partial(short_study, SHORT)
ROUNDING = 2e-5
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def home(trained_home):
    return trained_home


@pytest.fixture(scope="module")
def folds(home, folds_corpus):
    """A run over three folds with two seeds."""
    return study_of(folds_corpus, corpus="esc50", fold="all", seeds="0,1")


def test_no_two_replicates_share_an_encoder():
    each = [seeds.replicate(seed) for seed in (0, 1, 2, 999_999)]
    assert [one[0] for one in each] == [0, 1, 2, 999_999]  # the first is the study's own
    assert all(len(one) == 4 for one in each) and len(set().union(*each)) == 16


def covered(players, n_trials=2000, n_seeds=3):
    """How often an interval from the spread of replicates holds the expectation: a replicate is the mean of its players."""
    rng, of = np.random.default_rng(0), Sampling(resamples=2, freedom=100)
    held = 0
    for _ in range(n_trials):
        skill: dict[int, float] = {}
        values = [np.mean([skill.setdefault(one, rng.normal()) for one in players(seed)]) for seed in range(n_seeds)]
        low, high = of.interval(np.array([0.0, 0.0, *values]))  # the clips do not vary here
        held += low <= 0 <= high
    return held / n_trials


def test_intervals_of_replicates_that_share_nothing_hold_in_95_of_100_trials_and_of_overlapping_ones_do_not():
    assert covered(seeds.replicate) == pytest.approx(0.95, abs=0.015)
    assert covered(lambda seed: range(seed, seed + 4)) < 0.8


def test_players_are_named_after_what_was_asked_for(home, small_corpus):
    assert CONTROLS["seeds"].game(study_of(small_corpus)).players == ("single1", "single2", "single3", "single4")
    other = study_of(small_corpus, set=f"{SHORT} seeds_of=timbre", name="timbres")
    assert CONTROLS["seeds"].game(other).players == ("timbre1", "timbre2", "timbre3", "timbre4")
    with pytest.raises(SettingsError, match="does not exist"):
        CONTROLS["seeds"].game(study_of(small_corpus, set="seeds_of=loudness"))


@pytest.fixture
def skilled(monkeypatch):
    """Out-of-fold scores that know the labels of training chunks as told: (fold, seed, encoder) -> how well."""
    skill: dict[tuple, float] = {}

    def scores(part, name, seed):
        targets, train = part.chunks.targets, part.chunks.rows("train")
        found = 10.0 * (1 - targets)  # of test chunks all wrong for all, so that whoever looks there is wrong
        noise = np.random.default_rng([part.request.fold, seed]).normal(size=targets.shape)
        found[train] = targets[train] * skill[part.request.fold, seed, name] + noise[train]
        return found

    monkeypatch.setattr(crossfit, "scores", scores)
    monkeypatch.setattr(seeds, "stored_embeddings", lambda *given: np.zeros((1, 1)))
    return skill


def test_the_best_single_is_chosen_by_the_mean_of_all_folds_and_seeds_and_is_one_for_all(folds, skilled):
    for part in folds.parts:
        for seed in (0, 1):
            first = part.request.fold == 1 and seed == 0
            for name in PAPER:  # pitch is best in one fold and seed, timbre in all the others
                skilled[part.request.fold, seed, name] = {"pitch": 9.0 * first, "timbre": 1.5}.get(name, 0.0)
    chosen = [seeds.best_single(part) for part in (folds, *folds.parts)]
    assert chosen == ["timbre"] * 4
    table = pd.read_csv(folds.folder / "tables" / "chosen.csv", keep_default_na=False)
    assert list(table) == keeping.CHOSEN_COLUMNS and len(table) == 1
    row = table.iloc[0]
    assert (row["control"], row["chosen"], row["runner_up"]) == ("seeds", "timbre", "pitch")
    assert (row["seed"], row["fold"]) == ("mean", "mean") and 0 < row["runner_up_value"] < row["value"] < 1


def test_before_all_folds_are_trained_nothing_is_chosen(folds, skilled, monkeypatch):
    lacking = folds.parts[2].folder
    monkeypatch.setattr(
        seeds, "stored_embeddings", lambda *given: None if given[-1].is_relative_to(lacking) else np.zeros((1, 1))
    )
    with pytest.raises(ControlError, match="over all folds") as told:
        seeds.best_single(folds.parts[0])
    assert "\n" not in str(told.value)


def test_choices_of_other_controls_seeds_and_folds_stay(folds):
    def note(part, chosen, **more):
        keeping.note_choice(part, [{"control": "pretended", "what": "x", "chosen": chosen, "value": 0.1 + 0.2, **more}])

    note(folds.parts[0], "a", seed=0)
    note(folds.parts[0], "b", seed=1)
    note(folds.parts[1], "c", seed=0)
    note(folds.parts[0], "d", seed=0)
    table = pd.read_csv(folds.folder / "tables" / "chosen.csv", dtype=str, keep_default_na=False)
    mine = table[table["control"] == "pretended"]
    assert mine[["fold", "seed", "chosen"]].to_numpy().tolist() == [["1", "1", "b"], ["2", "0", "c"], ["1", "0", "d"]]
    assert set(mine["value"]) == {"0.30000000000000004"} and set(mine["runner_up"]) == {""}


@slow
def test_four_seeds_read_back_what_the_study_trained(home, small_corpus, monkeypatch):
    study = study_of(small_corpus)
    monkeypatch.setattr(seeds, "best_single", lambda part: "timbre")
    CONTROLS["seeds"].run(study, 0)
    folder = keeping.checkpoints(study, "seeds")
    made = sorted(path.name for path in folder.iterdir() if path.is_dir())
    assert made == [f"timbre-seed{k}000000" for k in (1, 2, 3)]
    assert json.loads((folder / made[0] / "encoder.json").read_text())["seed"] == 1_000_000
    for head in ("paper", "linear"):
        each = [np.load(CONTROLS["seeds"].game(study).file(study, (f"single{k}",), head, 0)) for k in (1, 2, 3, 4)]
        np.testing.assert_allclose(each[0], np.load(study.scores("timbre", head, 0)), atol=ROUNDING)
        assert all(not np.allclose(one, other, atol=1e-4) for one in each for other in each if one is not other)


def test_a_study_that_trained_this_seed_of_it_is_read_and_not_trained_again(home, small_corpus, monkeypatch):
    study = study_of(small_corpus, name="own")
    made = stages.train(study, "timbre", 5)
    monkeypatch.setattr(keeping, "trained", lambda *given: pytest.fail("trained again"))
    np.testing.assert_array_equal(seeds.one_of_seeds(study, "timbre", 5), made.embeddings)
    assert (
        encoder.stored_embeddings("timbre", study.chunks, study.settings, 5, study.checkpoint("timbre", 5)) is not None
    )
    monkeypatch.setattr(keeping, "trained", lambda part, control, name, seed: (control, name, seed))
    other = replace(study, folder=study.folder / "elsewhere")
    assert seeds.one_of_seeds(other, "timbre", 1_000_005) == ("seeds", "timbre", 1_000_005)
