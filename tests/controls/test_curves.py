"""Points of curves: a part of the epochs is the weights of that epoch, a part of the data is less data and no less training."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from made_up import short_study

from lib import stages
from lib.controls import CONTROLS, CURVES, ControlError, curves, find, games, keeping, points, ready
from lib.encoders import encoder as encoders
from lib.encoders import training
from lib.encoders.heads import HeadPlan, label, subsets
from lib.evaluation.frozen import read_embeddings
from lib.evaluation.games import Game, control_scores, paper4
from lib.representations import PAPER
from lib.settings import Settings, Training

SHORT = "training.epochs=3 body.layers=2 body.pool_after=[1] schedules.head.epochs=2 schedules.mobilenet.epochs=1"
study_of = partial(short_study, SHORT)
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def home(shared_home):
    return shared_home


@pytest.fixture(scope="module")
def study(home, small_corpus):
    """A study of which only the pitch encoder is trained; each clip is a group."""
    made = study_of(small_corpus)
    clips = made.chunks.corpus.clips
    by_clip = replace(made.chunks.corpus, clips=clips.assign(group=clips["id"]))
    made.__dict__["chunks"] = replace(made.chunks, corpus=by_clip)
    stages.train(made, "pitch", 0)
    return made


def game(name, players=("pitch",)):
    return Game(name, players, name, frozenset(players))


# Which there are


def test_six_points_that_are_no_competitors():
    assert list(CURVES) == ["budget8", "budget4", "budget2", "data8", "data4", "data2"]
    assert not set(CURVES) & set(CONTROLS) and all(not control.curve for control in CONTROLS.values())
    assert [control.part for control in CURVES.values()] == [1 / 8, 1 / 4, 1 / 2] * 2
    assert all(control.costly == (control.curve == "data") for control in CURVES.values())
    assert find("data4") is CURVES["data4"] and find("data4").game(study_of("x", corpus="fsd50k")).name == "data4"


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("budget", ("budget8", "budget4", "budget2")),
        ("noise,data", ("noise", "data8", "data4", "data2")),
        ("data2,data", ("data2", "data8", "data4")),
    ],
)
def test_a_curve_stands_for_its_points(asked, named):
    assert Settings.preset("tiny", {"controls": asked}).controls == named
    assert set(Settings.preset("tiny", {"controls": "all"}).controls) == {*CONTROLS, *CURVES}


# A part of the epochs


def test_embeddings_on_the_way_are_those_of_the_weights_then(study):
    """Of three epochs an eighth and a quarter end with the first, a half with the second."""
    assert curves.epochs_on_the_way(study.settings, 4)["pitch"] == 1
    assert curves.epochs_on_the_way(study.settings, 2)["pitch"] == 2
    early, later = (curves.embedded_on_the_way(study, game(f"budget{n}"), "pitch", 0, n) for n in (8, 2))
    end = read_embeddings(study, "pitch", 0)
    assert early.shape == end.shape and not np.allclose(early, later) and not np.allclose(later, end)
    encoder, key = (
        keeping.load_study_encoder(study, "pitch", 0),
        encoders.key_of("pitch", study.chunks, study.settings, 0),
    )
    assert training.load_weights(encoder, encoders.epoch_path(study.checkpoint("pitch", 0), 2), key)
    features = encoders.features_of(encoder, study.chunks, torch.device("cpu"))
    np.testing.assert_array_equal(later, encoders.predictions(encoder, features, torch.device("cpu"))[0])


def test_weights_that_were_not_kept_are_one_line(study, tmp_path):
    path = encoders.epoch_path(study.checkpoint("pitch", 0), 1)
    away = path.rename(tmp_path / path.name)
    try:
        with pytest.raises(ControlError, match="budget4: pitch-seed0 holds no weights of epoch 1") as told:
            curves.embedded_on_the_way(study, game("budget4"), "pitch", 0, 4)
        assert "remove runs/planted-tiny/checkpoints/pitch-seed0 and run notebooks/02" in str(told.value)
        assert "\n" not in str(told.value)
    finally:
        away.rename(path)


# A part of the data


@pytest.mark.parametrize("seed", range(5))
def test_the_first_groups_hold_every_class(seed):
    rng = np.random.default_rng(seed)
    targets = np.eye(8, dtype=np.uint8)[rng.permutation(np.repeat(np.arange(8), 10))]
    groups = np.char.add("g", (np.arange(80) // 2).astype(str))
    order = curves.covering_order(groups, targets, seed)
    assert sorted(order) == sorted(set(groups))
    assert targets[np.isin(groups, order[:8])].any(0).all()
    assert order == curves.covering_order(groups, targets, seed) != curves.covering_order(groups, targets, seed + 1)


def test_after_the_first_the_order_is_random():
    """One class: whichever group comes first, each of the others is as likely to be second."""
    groups, targets = np.array(list("abcd")), np.ones((4, 1), np.uint8)
    firsts = ["".join(curves.covering_order(groups, targets, seed)[:2]) for seed in range(600)]
    _, counts = np.unique(firsts, return_counts=True)
    assert len(counts) == 12 and counts.min() > 25


def test_a_class_of_one_group_comes_first():
    groups = np.array([f"g{n:02}" for n in range(40)])
    targets = np.zeros((40, 3), np.uint8)
    targets[:, 0], targets[7, 1], targets[31, 2] = 1, 1, 1
    assert set(curves.covering_order(groups, targets, 3)[:2]) == {"g07", "g31"}


def test_parts_lie_inside_each_other_and_touch_nothing_but_training_clips(study):
    whole, roles = study.chunks, study.settings
    parts = {n: curves.part_of_groups(whole, roles, 0, n) for n in (8, 4, 2)}
    trained = {n: set(part.groups[part.rows("train")]) for n, part in parts.items()}
    n_groups = len(set(whole.groups[whole.rows("train")]))
    assert {n: len(groups) for n, groups in trained.items()} == {n: -(-n_groups // n) for n in (8, 4, 2)}
    assert trained[8] < trained[4] < trained[2]
    for part in parts.values():
        for role in ("test", "validation"):
            assert np.array_equal(part.rows(role), whole.rows(role))
        left = np.setdiff1d(whole.rows("train"), part.rows("train"))
        assert set(part.roles[left]) == {""} and np.array_equal(part.targets, whole.targets)
        assert part.corpus.hash != whole.corpus.hash
    other = curves.part_of_groups(whole, roles, 1, 4)
    assert set(other.groups[other.rows("train")]) != trained[4]


def test_silent_chunks_are_dropped_from_a_part_as_from_all(study):
    chunks = replace(
        study.chunks,
        silent=np.arange(len(study.chunks)) % 2 == 0,
        settings=study.chunks.settings.model_copy(update={"silent": "drop_train"}),
    )
    part = curves.part_of_groups(chunks, study.settings, 0, 2)
    assert len(part.rows("train")) and not chunks.silent[part.rows("train")].any()
    assert set(part.rows("train")) < set(chunks.rows("train"))


def test_too_few_groups_are_one_line(home, folds_corpus):
    fold = study_of(folds_corpus, corpus="esc50", fold=1)
    clips = fold.chunks.corpus.clips
    few = replace(fold.chunks, corpus=replace(fold.chunks.corpus, clips=clips.assign(group=clips["fold"].astype(str))))
    with pytest.raises(ControlError, match="data8: .* has 2 training groups here, and 1/8 of them is one") as told:
        curves.part_of_groups(few, fold.settings, 0, 8)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("epochs", "batch", "n_all", "n", "found"),
    [(16, 64, 800, 100, 104), (10, 100, 800, 100, 80), (25, 64, 64, 8, 25), (3, 16, 160, 80, 6)],
)
def test_as_many_steps_on_a_part_as_on_all(epochs, batch, n_all, n, found):
    assert curves.same_steps(Training(epochs=epochs, batch=batch), n_all, n) == found


def test_all_schedules_get_their_steps_and_nothing_else_changes(study):
    part = curves.part_of_groups(study.chunks, study.settings, 0, 8)
    settings = curves.of_same_steps(study, part)
    n_all, n = len(study.chunks.rows("train")), len(part.rows("train"))
    for what in (*PAPER, "head"):
        was, now = study.settings.schedule(what), settings.schedule(what)
        assert now == was.model_copy(update={"epochs": curves.same_steps(was, n_all, n)}) and now.epochs > was.epochs
    assert settings.schedule("mobilenet").epochs == round(n_all / n)
    assert settings.model_copy(update={"schedules": study.settings.schedules}) == study.settings


def test_heads_learn_from_the_same_part_with_as_many_steps(study, monkeypatch):
    asked = []
    monkeypatch.setattr(keeping, "trained", lambda *given, **more: np.zeros((len(study.chunks), 4), np.float32))
    monkeypatch.setattr(
        keeping, "score_subsets", lambda data, train, scored, plan, *_, **__: asked.append((plan, train)) or []
    )
    curves.play_data(study, game("data4", PAPER), 0, one_in=4)
    part = curves.part_of_groups(study.chunks, study.settings, 0, 4)
    assert [plan.head for plan, _ in asked] == ["paper", "linear"]
    for plan, train in asked:
        np.testing.assert_array_equal(train, part.rows("train"))
        assert plan == HeadPlan.of(curves.of_same_steps(study, part), plan.head)


def test_an_encoder_of_a_part_has_seen_nothing_else(study):
    """With other sounds in the clips that are left out it is the same encoder, with others in those that are kept not."""
    part = curves.part_of_groups(study.chunks, study.settings, 0, 2)
    rows = {"out": np.setdiff1d(study.chunks.rows("train"), part.rows("train")), "in": part.rows("train")}
    settings = curves.of_same_steps(study, part)
    keys = {}
    for which, changed in rows.items():
        audio = np.array(part.audio)
        audio[changed] *= 0.5
        keys[which] = encoders.key_of("pitch", replace(part, audio=audio, digest=None, key=which), settings, 0)
    assert keys["out"] == encoders.key_of("pitch", part, settings, 0) != keys["in"]


def test_the_parts_of_a_point_are_told(study):
    groups = study.chunks.corpus.clips.query("role == 'train'")["group"].nunique()
    assert curves.trained_with(study, "data", 1) == (dict.fromkeys(PAPER, 3), groups, 24)
    epochs, n_groups, n_clips = curves.trained_with(study, "budget", 2)
    assert (epochs, n_groups, n_clips) == (dict.fromkeys(PAPER, 2), groups, 24)
    epochs, n_groups, n_clips = curves.trained_with(study, "data", 4)
    part = curves.part_of_groups(study.chunks, study.settings, 0, 4)
    assert n_groups == -(-groups // 4) and n_clips == len(set(part.ids[part.rows("train")]))
    assert epochs["pitch"] == curves.of_same_steps(study, part).schedule("pitch").epochs > 3


# All of it


@slow
def test_points_are_made_once_and_stand_beside_the_study(home, small_corpus):
    made = study_of(small_corpus, name="whole", set=f"{SHORT} training.epochs=2")
    for name in PAPER:
        stages.train(made, name, 0)
    stages.score(made)
    assert points(made) == []
    before = set((home / "data" / "cache" / "features").glob("neuralogram-*.npy"))
    for name in ("budget2", "data2"):
        find(name).run(made, 0)
        assert ready(made, find(name)) and games(made) == []
        there = {
            path.name: path.stat().st_mtime_ns for path in control_scores(made, name, "", "", 0).parent.glob("*.npy")
        }
        assert set(there) == {f"{label(s)}-{head}-seed0.npy" for s in subsets(PAPER) for head in ("paper", "linear")}
        find(name).run(made, 0)
        assert all(
            control_scores(made, name, "", "", 0).with_name(path).stat().st_mtime_ns == t for path, t in there.items()
        )
    assert (
        set((home / "data" / "cache" / "features").glob("neuralogram-*.npy")) == before
    )  # 40 kB a chunk are not left behind
    found = points(made)
    assert [(point.curve, point.part, point.game.name) for point in found] == [
        ("budget", 0.5, "budget2"), ("budget", 1.0, "paper4"), ("data", 0.5, "data2"), ("data", 1.0, "paper4"),
    ]  # fmt: skip
    assert found[1].game == paper4() and found[1].epochs == dict.fromkeys(PAPER, 2)
    assert len(pd.read_csv(made.folder / "tables" / "curves_left_out.csv")) == 0
