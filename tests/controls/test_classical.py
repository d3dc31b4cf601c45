"""Classical classifiers: equal to scikit-learn's, chosen on training groups alone, for any labels; what is summarised."""

from dataclasses import replace

import librosa
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from lib.controls import CONTROLS, ControlError, classical, keeping
from lib.controls.classical import Task, by_groups, candidates, names_of
from lib.encoders.heads import label, subsets
from lib.encoders.ridge import group_folds
from lib.evaluation.games import control_scores
from lib.representations import PAPER, make
from lib.representations.base import statistics_over_time
from lib.settings import Settings
from lib.study import Request, Study

RNG = np.random.default_rng(0)


def task(n=120, k=6, seed=0):
    """A clip's classes by the first two of k numbers: one by the sign of their product, one by the sign of the first."""
    rng = np.random.default_rng(seed)
    learned, scored = (rng.normal(size=(n, k)).astype(np.float32) * [1, 1, *[3] * (k - 2)] for _ in range(2))
    return Task(learned, labels_of(learned), scored, seed), labels_of(scored)


def labels_of(x):
    return np.stack([x[:, 0] * x[:, 1] > 0, x[:, 0] > 0], axis=1).astype(np.uint8)


# What is summarised


def test_statistics_by_hand():
    found = statistics_over_time(np.array([[[1.0, 3, 1, 3], [2, 2, 2, 2]]]))
    np.testing.assert_allclose(found, [[2, 2, 1, 0, np.std([2, -2, 2]), 0]])


@pytest.mark.parametrize("name", ["pitch", "timbre", "logmel"])
def test_a_summary_has_three_statistics_of_each_dimension(name):
    built = make(name, Settings())
    features = RNG.integers(0, 2, (5, 12, 40)).astype(np.uint8)
    found = built.summary(features)
    assert found.shape == (5, 36) and found.dtype == np.float32
    np.testing.assert_allclose(found[:, 12:24], features.std(2), atol=1e-6)
    np.testing.assert_allclose(built.over_time(features), features.mean(2), atol=1e-6)


def test_the_waveform_is_summarised_as_librosas_log_mel_of_its_patches():
    built, audio = make("waveform", Settings()), RNG.normal(size=(3, 16000)).astype(np.float32)
    audio[2] = 0
    bands_db = np.zeros((3, 64, 40))
    for number, chunk in enumerate(audio):
        power = librosa.feature.melspectrogram(
            y=chunk, sr=16000, n_fft=400, hop_length=400, n_mels=64, center=False, window=np.hanning(400)
        )
        bands_db[number] = librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=None)
    found = built.summary(audio)
    assert found.shape == (3, 192) and found.dtype == np.float32
    np.testing.assert_allclose(found, statistics_over_time(bands_db), atol=1e-3)
    np.testing.assert_allclose(built.over_time(audio), audio.reshape(3, 40, 400).mean(1), atol=1e-6)


# Classifiers


def test_svm_and_ridge_are_scikit_learns():
    given, _ = task()
    of_ten, of_hundred = candidates(given, ["SVM, C = 10", "ridge, alpha = 100"])
    for column, y in enumerate(given.labels.T):
        for found, theirs, answer in (
            (of_ten, SVC(C=10), "decision_function"),
            (of_hundred, Ridge(100), "predict"),
        ):
            model = make_pipeline(StandardScaler(), theirs).fit(given.learned, y)
            np.testing.assert_allclose(found[:, column], getattr(model, answer)(given.scored), atol=1e-3)


def test_the_forest_is_as_scikit_learns_classifier():
    """The same rule with other random numbers: two forests of many trees differ by a few hundredths."""
    given, _ = task()
    (found,) = candidates(given, ["forest"])
    model = RandomForestClassifier(300, random_state=1).fit(given.learned, given.labels)
    theirs = np.stack([one[:, 1] for one in model.predict_proba(given.scored)], axis=1)
    assert found.min() >= 0 and found.max() <= 1
    assert np.abs(found - theirs).max() < 0.15 and np.abs(found - theirs).mean() < 0.03


def test_all_of_them_score_every_class_where_one_has_no_positive_or_no_negative():
    given, _ = task()
    odd = np.column_stack([given.labels, np.zeros(120), np.ones(120)]).astype(np.uint8)
    for scores in candidates(Task(given.learned, odd, given.scored, 0), names_of(120)):
        assert scores.shape == (120, 4) and np.isfinite(scores).all()
        assert np.ptp(scores[:, 2]) < 1e-6 and np.ptp(scores[:, 3]) < 1e-6
        assert (scores[:, 3] > scores[:, 2]).all()


def test_a_rare_class_that_a_fold_lacks_breaks_nothing():
    given, _ = task()
    rare = np.column_stack([given.labels, np.arange(120) < 3]).astype(np.uint8)
    values, _ = by_groups(Task(given.learned, rare, given.scored, 0), np.repeat(np.arange(40), 3))
    assert np.isfinite(list(values.values())).all()


# The choice


def test_a_product_is_left_to_the_svm_and_a_line_to_the_ridge():
    groups = np.arange(400)
    given, _ = task(400, 2)
    values, _ = by_groups(Task(given.learned, given.labels[:, :1], given.scored, 0), groups)
    assert max(values, key=values.get).startswith(("SVM", "forest")) and values["ridge, alpha = 10"] < 0.7
    x = RNG.normal(size=(400, 60)).astype(np.float32)
    line = (x @ RNG.normal(size=60) > 0)[:, None].astype(np.uint8)
    values, _ = by_groups(Task(x, line, x, 0), groups)
    assert max(values, key=values.get).startswith("ridge")


def test_groups_are_held_out_whole():
    """Two numbers give the group away and nothing else: by chunks all would know the labels, by groups nobody does."""
    groups = np.repeat(np.arange(40), 5)
    labels = (RNG.random(40) > 0.5).astype(np.uint8)[groups][:, None]
    place = RNG.normal(size=(40, 2))[groups] + 0.01 * RNG.normal(size=(200, 2))
    given = Task(place, labels, place, 0)
    assert max(by_groups(given, groups)[0].values()) < 0.8
    assert by_groups(given, np.arange(200))[0]["forest"] > 0.95


def test_held_out_scores_are_of_classifiers_that_did_not_learn_from_them():
    given, _ = task(60)
    groups = np.arange(60) // 2
    _, held_out = by_groups(given, groups)
    fold = group_folds(groups, classical.FOLDS)
    for name in ("SVM, C = 1", "ridge, alpha = 10"):
        (expected,) = candidates(given.part(fold != 1, fold == 1), [name])
        np.testing.assert_allclose(held_out[name][fold == 1], expected)


def test_probabilities_are_platts():
    """Distances whose log odds are known: 3 d - 1; a constant class stays constant; one label each sums to one."""
    rng = np.random.default_rng(0)
    held = rng.normal(size=(20_000, 2))
    labels = (rng.random(held.shape) < 1 / (1 + np.exp(1 - 3 * held))).astype(np.uint8)
    labels[:, 1] = 1
    distances = np.linspace(-2, 2, 9)[:, None] * [1, 1]
    found = classical.probabilities(held, labels, distances)
    np.testing.assert_allclose(found[:, 0], 1 / (1 + np.exp(1 - 3 * distances[:, 0])), atol=0.02)
    assert (found[:, 1] == 1).all()
    one = np.column_stack([labels[:, 0], 1 - labels[:, 0]])
    np.testing.assert_allclose(classical.probabilities(held, one, distances).sum(1), 1)


def test_one_group_is_one_line():
    with pytest.raises(ControlError, match="one group"):
        by_groups(task()[0], np.zeros(120))


def test_where_there_are_many_chunks_there_is_no_svm_and_it_is_said(monkeypatch):
    assert [name for name in names_of(200) if "SVM" in name] == ["SVM, C = 1", "SVM, C = 10"]
    monkeypatch.setattr(classical, "MANY", 100)
    assert names_of(101) == ["forest", *(f"ridge, alpha = {alpha:g}" for alpha in classical.ALPHAS)]
    values = {"forest": 0.5, "ridge, alpha = 10": 0.7, "ridge, alpha = 100": 0.6}
    row = classical.choice(("pitch", "timbre"), values, 101)
    assert row["what"].startswith("pitch+timbre: ") and "above 100 training chunks there is no SVM" in row["what"]
    assert (row["chosen"], row["runner_up"]) == ("ridge, alpha = 10", "ridge, alpha = 100")
    assert (row["value"], row["runner_up_value"]) == (0.7, 0.6)
    assert "SVM" not in classical.choice(("pitch",), values, 100)["what"]
    assert candidates(task(150)[0], ["forest"])[0].shape == (150, 2)  # each tree is given a part


# The control


@pytest.fixture
def study(home, small_corpus, monkeypatch):
    """An untrained study whose representations are made-up numbers, and few trees."""
    made = Study.of(Request(preset="tiny", device="cpu", root=str(small_corpus)))
    rng, n = np.random.default_rng(0), len(made.chunks)
    numbers = {name: rng.normal(size=(n, 4)).astype(np.float32) for name in PAPER}
    numbers["timbre"][:, 0] = made.chunks.targets[:, 0] + 0.1 * rng.normal(size=n)
    monkeypatch.setattr(classical, "summaries", lambda part, name, seed: numbers[name])
    monkeypatch.setattr(classical, "TREES", 6)
    made.__dict__["numbers"] = numbers
    return made


TWO = replace(CONTROLS["classical"], players=lambda settings: ("pitch", "timbre"))


def chosen_by(study):
    """What is written of the choices."""
    return pd.read_csv(study.folder / "tables" / "chosen.csv", keep_default_na=False, dtype=str)


def read(study, subset):
    return np.load(control_scores(study, "classical", label(subset), "own", 0))


def test_every_subset_is_scored_and_every_choice_written(study):
    whole = CONTROLS["classical"]
    assert (
        whole.game(study).name == "classical4" and whole.game(study).players == PAPER and whole.heads(study) == ("own",)
    )
    TWO.run(study, 0)
    shape = len(study.chunks.rows("test")), len(study.chunks.corpus.classes)
    assert all(read(study, subset).shape == shape for subset in subsets(("pitch", "timbre")))
    chosen = chosen_by(study)
    assert list(chosen) == keeping.CHOSEN_COLUMNS and len(chosen) == 3
    assert set(chosen["control"]) == {"classical"} and set(chosen["seed"]) == {"0"}
    assert [what.split(":")[0] for what in chosen["what"]] == ["pitch", "timbre", "pitch+timbre"]
    assert (chosen["value"].astype(float) >= chosen["runner_up_value"].astype(float)).all()
    assert not chosen["what"].str.contains("SVM").any()
    before = control_scores(study, "classical", "pitch", "own", 0).stat().st_mtime_ns
    TWO.run(study, 0)
    assert control_scores(study, "classical", "pitch", "own", 0).stat().st_mtime_ns == before


def test_a_choice_without_the_svm_says_so(study, monkeypatch):
    monkeypatch.setattr(classical, "MANY", 10)
    replace(TWO, players=lambda settings: ("timbre",)).run(study, 0)
    (row,) = chosen_by(study).itertuples()
    assert row.what.endswith("; above 10 training chunks there is no SVM")
    assert "SVM" not in row.chosen + row.runner_up and row.chosen != row.runner_up


def test_nothing_of_the_test_clips_reaches_choice_or_fit(study, monkeypatch):
    """With one test chunk's numbers and all test labels changed, the other test chunks are scored as before."""
    TWO.run(study, 0)
    chosen = (study.folder / "tables" / "chosen.csv").read_text()
    before, test = read(study, ("timbre",)), study.chunks.rows("test")
    study.numbers["timbre"][test[0]] += 50
    study.chunks.targets[test] = 1 - study.chunks.targets[test]
    TWO.run(study, 0)
    after = read(study, ("timbre",))
    np.testing.assert_array_equal(after[1:], before[1:])
    assert not np.array_equal(after[0], before[0])
    assert (study.folder / "tables" / "chosen.csv").read_text() == chosen


@pytest.mark.parametrize("what", ["labels", "groups"])
def test_other_training_labels_or_groups_are_fitted_anew(what, study):
    TWO.run(study, 0)
    before = control_scores(study, "classical", "pitch", "own", 0).stat().st_mtime_ns
    rows = study.chunks.rows("train")
    if what == "labels":
        study.chunks.targets[rows[0]] = 1 - study.chunks.targets[rows[0]]
    else:
        study.chunks.groups[rows] = study.chunks.ids[rows]
    TWO.run(study, 0)
    assert control_scores(study, "classical", "pitch", "own", 0).stat().st_mtime_ns > before


def test_what_is_learned_is_asked_of_the_trained_study(home, small_corpus):
    made = Study.of(Request(preset="tiny", device="cpu", root=str(small_corpus), name="fresh"))
    assert classical.summaries(made, "pitch", 0).shape == (len(made.chunks), 240)
    with pytest.raises(keeping.StudyError, match="02_train_encoder"):
        classical.summaries(made, "neuralogram", 0)
