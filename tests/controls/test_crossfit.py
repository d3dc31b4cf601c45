"""Cross-fitting: no clip is embedded by a copy that was trained on its group; folds, keys, alignment and stacking."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from lib import stages
from lib.controls import CONTROLS, ControlError, crossfit, keeping
from lib.encoders import encoder as encoders
from lib.encoders.encoder import Rows
from lib.evaluation.frozen import read_embeddings
from lib.files import digests
from lib.representations import PAPER
from lib.settings import Settings
from lib.study import Request, Study

SHORT = "training.epochs=2 body.layers=2 body.pool_after=[1] schedules.head.epochs=2"
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def study(tmp_path_factory, small_corpus, with_filters):
    """A study with trained pitch and timbre."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDY_HOME", str(with_filters(tmp_path_factory.mktemp("crossfit"))))
        made = Study.of(Request(preset="tiny", device="cpu", set=SHORT, root=str(small_corpus)))
        for name in ("pitch", "timbre"):
            stages.train(made, name, 0)
        yield made


@pytest.fixture(scope="module")
def folds(study):
    return crossfit.folds(study.chunks, study.settings)


def test_folds_are_of_whole_groups_of_training_chunks(study, folds):
    chunks, train = study.chunks, study.chunks.rows("train")
    n_groups = len(np.unique(chunks.groups[train]))
    assert set(folds[train]) == set(range(min(5, n_groups))) and n_groups > 2 and (np.delete(folds, train) == -1).all()
    for group in np.unique(chunks.groups[train]):
        assert len(set(folds[train][chunks.groups[train] == group])) == 1
    both = study.settings.model_copy(update={"trained_on": "train+validation"})
    rows = chunks.rows("train", "validation")
    assert (crossfit.folds(chunks, both)[rows] >= 0).all() and len(rows) > len(train)


@pytest.mark.parametrize("n_groups", [1, 2, 3])
def test_few_groups_give_few_folds_and_one_gives_none(study, n_groups):
    chunks, train = study.chunks, study.chunks.corpus.clips["role"] == "train"
    clips = chunks.corpus.clips.assign(group=[f"g{row % n_groups}" for row in range(len(train))])
    few = replace(chunks, corpus=replace(chunks.corpus, clips=clips))
    if n_groups == 1:
        with pytest.raises(ControlError, match="are one group") as told:
            crossfit.folds(few, study.settings)
        assert "\n" not in str(told.value)
    else:
        assert set(crossfit.folds(few, study.settings)) == {-1, *range(n_groups)}


def test_a_copy_is_trained_on_no_clip_of_the_groups_that_are_held_out(study, folds):
    chunks = study.chunks
    for number in range(folds.max() + 1):
        held = np.flatnonzero(folds == number)
        copy = crossfit.without(chunks, study.settings, held)
        assert set(copy.rows("train")) == set(chunks.rows("train")) - set(held)
        assert np.array_equal(copy.rows("test"), chunks.rows("test"))
        assert np.array_equal(copy.rows("validation"), chunks.rows("validation"))
        assert not set(copy.groups[copy.rows("train")]) & set(chunks.groups[held])
    assert chunks.roles[held[0]] == "train"  # the study's own chunks are as they were


def copies(study, name, folds):
    """Each copy trained again by itself, from the training chunks of the other folds."""
    for number in range(folds.max() + 1):
        held = np.flatnonzero(folds == number)
        chunks = crossfit.without(study.chunks, study.settings, held)
        folder = study.folder / "again" / f"{name}{number}"
        yield held, encoders.train_encoder(name, chunks, study.settings, 0, folder, "cpu")


def test_training_chunks_are_embedded_and_scored_by_the_copy_that_has_not_seen_them(study, folds):
    found, scores = crossfit.embeddings(study, "timbre", 0), crossfit.scores(study, "timbre", 0)
    whole, chunks = read_embeddings(study, "timbre", 0), study.chunks
    others = folds < 0
    np.testing.assert_array_equal(found[others], whole[others])
    own = np.load(study.scores("timbre", "own", 0))
    np.testing.assert_allclose(scores[chunks.rows("test")], own, atol=1e-6)
    for held, copy in copies(study, "timbre", folds):
        seen = np.setdiff1d(chunks.rows("train"), held)
        np.testing.assert_array_equal(found[held], crossfit.aligned(copy.embeddings, whole, chunks.groups, seen)[held])
        features = encoders.features_of(copy.encoder, chunks, torch.device("cpu"))
        outputs = encoders.predictions(copy.encoder, Rows(features, held), torch.device("cpu"))[1]
        np.testing.assert_allclose(scores[held], outputs, atol=1e-6)
        assert not np.allclose(found[held], whole[held], atol=1e-3)
    folder = keeping.checkpoints(study, "crossfit") / "timbre-seed0"
    assert np.array_equal(np.load(folder / "folds.npy"), folds)


def test_what_is_made_is_read_back_unless_it_was_made_of_something_else(study, monkeypatch):
    first = crossfit.embeddings(study, "pitch", 0)

    def refused(*given, **more):
        raise AssertionError("trained again")

    with monkeypatch.context() as patched:
        patched.setattr(crossfit, "train_encoder", refused)
        assert np.array_equal(crossfit.embeddings(study, "pitch", 0), first)
        told = keeping.checkpoints(study, "crossfit") / "pitch-seed0" / "made.json"
        kept = told.read_text()
        digests.write_json(told, {"key": "of other folds"})
        with pytest.raises(AssertionError, match="trained again"):
            crossfit.embeddings(study, "pitch", 0)
        assert not told.exists()
    assert np.array_equal(crossfit.embeddings(study, "pitch", 0), first) and told.read_text() == kept


def test_features_that_only_a_copy_learned_do_not_stay_in_the_cache(study, monkeypatch):
    path = study.folder / "features.npy"
    np.save(path, np.array(study.chunks.audio[:4]))
    features = np.load(path, mmap_mode="r")
    monkeypatch.setattr(crossfit, "features_of", lambda *given: features)
    monkeypatch.setattr(crossfit, "predictions", lambda *given: (None, np.zeros((4, 2), np.float32)))
    learned = encoders.Encoder("neuralogram", 2, study.settings)
    for name, keep, stays in (("timbre", False, True), ("neuralogram", True, True), ("neuralogram", False, False)):
        encoder = learned if name == "neuralogram" else encoders.Encoder(name, 2, study.settings)
        crossfit.own_scores(study, encoder, np.arange(4), keep=keep)
        assert path.exists() == stays


def test_the_map_finds_a_turned_and_shifted_copy_from_the_chunks_that_both_have_seen():
    rng = np.random.default_rng(0)
    copy = (rng.normal(size=(60, 5)) @ np.diag([3, 2, 1, 0.5, 0.1])).astype(np.float32)
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    whole = (copy @ turn + rng.normal(size=5)).astype(np.float32)
    rows, groups = np.arange(40), (np.arange(60) // 2).astype(str)
    found = crossfit.aligned(copy, whole, groups, rows)
    np.testing.assert_allclose(found, whole, atol=1e-3)  # of values up to 10; a penalty of 1e-6 is left
    other = whole.copy()
    other[40:] = rng.normal(size=(20, 5))  # what is not given teaches nothing
    np.testing.assert_array_equal(crossfit.aligned(copy, other, groups, rows), found)


# The games, with embeddings that are made up


@pytest.fixture
def pretended(study, monkeypatch):
    """Scores [chunk, class] in place of cross-fitted ones, of four encoders."""
    rng, shape = np.random.default_rng(0), study.chunks.targets.shape
    each = {name: (study.chunks.targets * 0.3 + rng.normal(size=shape)).astype(np.float32) for name in PAPER}
    for what in ("scores", "embeddings"):
        monkeypatch.setattr(crossfit, what, lambda part, name, seed: each[name])
    return each


def test_stacked_heads_are_ridge_on_scores_whatever_the_studys_heads_are(study, pretended):
    settings = Settings.preset("tiny", {"heads.linear_fit": "descent", "heads.scaling": "none", "heads.ridge": 7.0})
    other = replace(study, settings=settings, folder=study.folder / "other")
    CONTROLS["stacked"].run(other, 0)
    game = CONTROLS["stacked"].game(other)
    train, test, targets = study.chunks.rows("train"), study.chunks.rows("test"), study.chunks.targets
    for subset in keeping.own_subsets(game):
        x = np.concatenate([pretended[name] for name in subset], axis=1)
        found = np.load(game.file(other, subset, "own", 0))
        fits = [
            Ridge(alpha=penalty * len(train)).fit(x[train], targets[train]).predict(x[test])
            for penalty in np.logspace(1, -6, 15)
        ]
        assert min(np.abs(found - fit).max() for fit in fits) < 1e-3
        assert found.std() > 1e-3
    assert CONTROLS["stacked"].heads(other) == ("own",)


def test_heads_of_the_control_learn_from_as_many_chunks_as_the_studys(study, pretended, monkeypatch):
    asked = []
    monkeypatch.setattr(keeping, "score_subsets", lambda data, train, *more, **only: asked.append((data, train)) or [])
    with pytest.raises(FileNotFoundError):
        CONTROLS["crossfit"].run(study, 0)
        np.load(CONTROLS["crossfit"].game(study).file(study, PAPER, "paper", 0))
    (data, train), *_ = asked
    assert np.array_equal(train, study.chunks.rows("train"))
    assert all(data.embeddings[name] is pretended[name] for name in PAPER)


def test_the_study_itself_may_learn_so_and_then_the_control_says_that_it_is_the_same(study, pretended):
    heads = study.settings.heads.model_copy(update={"learn_from": "cross_fitted"})
    crossed = replace(study, settings=study.settings.model_copy(update={"heads": heads}))
    assert stages.learned_from(crossed, "pitch", 0) is pretended["pitch"]
    np.testing.assert_array_equal(stages.learned_from(study, "pitch", 0), read_embeddings(study, "pitch", 0))
    with pytest.raises(ControlError, match="learn so already"):
        CONTROLS["crossfit"].run(crossed, 0)
