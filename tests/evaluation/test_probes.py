"""Probes of embeddings that hold what the test put into them, on chunks of real sounds."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lib.controls import work
from lib.encoders.heads import ALL_FOUR
from lib.evaluation import frozen, probe_sentences, probes
from lib.evaluation.probes import Fold, probe_table, shuffled
from lib.evaluation.properties import PROPERTIES, of_chunks
from lib.representations import PAPER
from lib.study import Request, Study, StudyError

CIRCLE = next(one for one in PROPERTIES if one.period)


def noise(part, name, seed, width=6):
    number = PAPER.index(name)
    return np.random.default_rng([seed, number]).standard_normal((len(part.chunks), width))


def put_in(monkeypatch):
    """Pitch holds the pitch class, timbre centroid and slope, waveform the loudness; neuralogram and untrained nothing."""

    def trained(part, seed, rows):
        values = of_chunks(part.chunks, np.arange(len(part.chunks)))
        found = {name: noise(part, name, seed) for name in PAPER}
        found["pitch"][:, :2] = np.nan_to_num(CIRCLE.coordinates(values["pitch_class"]))
        found["timbre"][:, :2] = np.nan_to_num(np.stack([values["centroid"], values["slope"]], axis=1))
        found["waveform"][:, 0] = np.nan_to_num(values["loudness"])
        return {name: one[rows] for name, one in found.items()}

    monkeypatch.setattr(frozen, "trained", trained)
    monkeypatch.setattr(
        frozen, "untrained", lambda part, seed, rows, train: {n: noise(part, n, seed + 99)[rows] for n in PAPER}
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory, small_corpus, with_filters):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDY_HOME", str(with_filters(tmp_path_factory.mktemp("home"))))
        yield Study.of(Request(preset="tiny", device="cpu", root=str(small_corpus), set="scoring.resamples=100"))


@pytest.fixture
def table(study, monkeypatch):
    put_in(monkeypatch)
    return probe_table(study)


def value(table, name, encoder, control=""):
    row = table[(table["property"] == name) & (table["encoder"] == encoder) & (table["control"] == control)]
    return row["value"].item()


def test_what_was_put_into_an_embedding_is_read_off_it_and_nothing_else(table):
    assert list(table) == probes.COLUMNS
    assert len(table) == (len(PROPERTIES) + 1) * 5 * 4
    for name, encoder in (
        ("pitch_class", "pitch"),
        ("centroid", "timbre"),
        ("slope", "timbre"),
        ("loudness", "waveform"),
    ):
        assert value(table, name, encoder) > 0.95
        assert value(table, name, ALL_FOUR) > 0.6
        others = [
            value(table, name, other) for other in PAPER if other != encoder and (name, other) != ("loudness", "timbre")
        ]
        assert max(others) < 0.5
        for control in ("untrained", "shuffled"):
            assert value(table, name, encoder, control) < 0.2


def test_a_probe_that_learns_from_unseen_groups_reads_the_same(study, monkeypatch):
    put_in(monkeypatch)
    whole = frozen.side

    def by_clip(part, *roles):
        one = whole(part, *roles)
        return frozen.Side(one.rows, one.clips, one.clips)

    assert np.isnan(value(probe_table(study), "loudness", "waveform", "unseen"))  # of two groups nothing can be learned
    monkeypatch.setattr(frozen, "side", by_clip)
    table = probe_table(study)
    assert value(table, "loudness", "waveform", "unseen") > 0.9
    assert value(table, "slope", "timbre", "unseen") > 0.9
    assert value(table, "loudness", "neuralogram", "unseen") < 0.2


def test_unseen_chunks_are_of_other_groups(study):
    """An embedding that names the clip: known clips have their value, new ones do not."""
    fold = Fold.of(study)
    clips = np.unique(fold.test.clips, return_inverse=True)[1]
    fold = replace(fold, test=frozen.Side(fold.test.rows, fold.test.clips, fold.test.clips))
    values = np.random.default_rng(0).normal(size=clips.max() + 1)[clips][:, None]
    question = probes.Target("of the clip", "", "r2", np.zeros((len(fold.train.rows), 1)), values)
    names = np.concatenate([np.zeros((len(fold.train.rows), clips.max() + 1)), np.eye(clips.max() + 1)[clips]])
    assert probes.unseen(fold, question, names)[0] < 0.2


def test_intervals_hold_the_value_and_counts_are_of_what_is_defined(table, study):
    shown = table.dropna(subset="value")
    assert (shown["low"] <= shown["value"]).all() and (shown["value"] <= shown["high"]).all()
    assert shown["high"].max() == 1  # of two groups: wide, and no share is above all
    test, train = study.chunks.rows("test"), study.chunks.rows("train")
    tones, all_chunks = (table[table["property"] == name].iloc[0] for name in ("f0", "loudness"))
    assert (all_chunks["n"], all_chunks["n_train"]) == (len(test), len(train))
    assert tones["n"] == np.isfinite(of_chunks(study.chunks, test)["f0"]).sum() < len(test)
    assert all_chunks["groups"] == len(set(study.chunks.groups[test]))


def test_the_classes_are_a_property_whose_shuffled_value_is_chance(table, study):
    targets = study.chunks.targets[study.chunks.rows("test")]
    chance = targets[:, targets.any(0)].mean()
    assert value(table, probes.CLASSES, "neuralogram", "shuffled") == pytest.approx(chance, abs=0.2)
    assert np.isnan(value(table, probes.CLASSES, "pitch", "unseen"))
    assert value(table, probes.CLASSES, "pitch") > value(table, probes.CLASSES, "neuralogram") - 0.05


def test_a_property_that_is_nowhere_defined_is_a_row_without_value(study, monkeypatch):
    put_in(monkeypatch)

    def unvoiced(chunks, rows, spent=None):
        return of_chunks(chunks, rows) | {"f0": np.full(len(rows), np.nan), "pitch_class": np.full(len(rows), np.nan)}

    monkeypatch.setattr(probes, "of_chunks", unvoiced)
    table = probe_table(study)
    rows = table[table["property"].isin(["f0", "pitch_class"])]
    assert len(rows) == 40 and rows[["value", "low", "high"]].isna().all(axis=None) and (rows["n"] == 0).all()
    assert "no probe" in probe_sentences.known_best(table)[0]
    assert "cannot be checked" in probe_sentences.planted(table)[0]


def test_one_group_of_test_clips_has_values_without_intervals(study, monkeypatch):
    put_in(monkeypatch)
    whole = frozen.side

    def alone(part, *roles):
        one = whole(part, *roles)
        return one if roles != ("test",) else frozen.Side(one.rows, np.full(len(one.rows), "one"), one.clips)

    monkeypatch.setattr(frozen, "side", alone)
    table = probe_table(study)
    assert table[["low", "high"]].isna().all(axis=None)
    assert value(table, "loudness", "waveform") > 0.9
    assert np.isnan(value(table, "loudness", "waveform", "unseen"))
    assert "no interval" in " ".join(probe_sentences.known_best(table))


def test_folds_and_seeds_are_averaged(home, folds_corpus, monkeypatch):
    put_in(monkeypatch)
    asked = {"corpus": "esc50", "root": str(folds_corpus), "preset": "tiny", "device": "cpu"}
    both = probe_table(Study.of(Request(**asked, fold="all", seeds="0,1")))
    each = [probe_table(Study.of(Request(**asked, fold=fold, seeds=seed))) for fold in (1, 2, 3) for seed in "01"]
    keys = ["property", "encoder", "control"]
    mean = pd.concat(each).groupby(keys, sort=False)["value"].apply(lambda one: one.mean(skipna=False))
    np.testing.assert_allclose(both.set_index(keys)["value"], mean.loc[both.set_index(keys).index], atol=1e-9)
    assert (both["seeds"] == 2).all() and both["n"].max() == 18


def test_untrained_embeddings_are_those_of_the_control(study, monkeypatch):
    monkeypatch.setattr(frozen, "names", lambda: ("timbre", "waveform"))
    train, test = frozen.sides(study)
    rows = np.concatenate([train.rows, test.rows])[::-1]
    found = frozen.untrained(study, 0, rows, train.rows)
    assert set(found) == {"timbre", "waveform"}
    for name in found:
        np.testing.assert_allclose(found[name], work.untrained(study, name, 0)[rows], atol=1e-6)


def test_of_many_chunks_some_groups_are_taken_and_untrained_embeddings_stay(study, monkeypatch):
    monkeypatch.setattr(frozen, "names", lambda: ("timbre", "waveform"))
    whole = frozen.side(study, "train")
    before = frozen.untrained(study, 0, whole.rows, whole.rows)
    monkeypatch.setattr(frozen, "MOST_CHUNKS", 20)
    some = frozen.side(study, "train")
    assert 0 < len(some.rows) <= 20 and set(some.rows) <= set(whole.rows)
    assert not set(some.groups) & set(whole.groups[~np.isin(whole.rows, some.rows)])
    few = frozen.untrained(study, 0, some.rows, some.rows)
    kept = np.isin(whole.rows, some.rows)
    np.testing.assert_allclose(few["waveform"], before["waveform"][kept], atol=1e-6)


def test_without_trained_encoders_it_is_said_what_to_run(study):
    with pytest.raises(StudyError, match="run notebooks/02_train_encoder"):
        frozen.trained(study, 7, np.arange(3))


def test_shuffling_moves_values_between_clips_and_keeps_them_together():
    clips = np.repeat(np.array(list("dacbfe")), 3)
    order = shuffled(clips, 0)
    assert sorted(order) == list(range(18))
    moved = clips[order]
    assert all(len(set(moved[clips == name])) == 1 for name in "abcdef")
    assert (moved != clips).any() and (shuffled(clips, 1) != order).any()
    assert sorted(shuffled(np.array(list("aabccc")), 3)) == list(range(6))


def test_test_values_are_not_learned_from(study, monkeypatch):
    put_in(monkeypatch)
    fold = Fold.of(study)
    question = next(one for one in fold.targets if one.name == "loudness")
    inputs = frozen.joined(frozen.trained(study, 0, fold.rows), "waveform")
    shifted = probes.Target("loudness", "dB", "r2", question.train, question.test + 50)
    before, after = (probes.probe(fold, one, one.train, inputs)[0] for one in (question, shifted))
    assert after < 0.2 < before


def test_sentences_say_who_knows_best(table):
    told = probe_sentences.known_best(table)
    assert len(told) == len(PROPERTIES) + 1
    assert told[1].startswith("Pitch class of tones: pitch has most") and "overlap" not in told[1]
    assert probe_sentences.planted(table)[0].startswith("As planted")
    swapped = table.assign(encoder=table["encoder"].replace({"pitch": "timbre", "timbre": "pitch"}))
    assert probe_sentences.planted(swapped)[0].startswith("NOT as planted")
    assert "shuffled values no probe explains more than" in probe_sentences.checked(table)[0]


def test_training_is_told_to_add_nothing_where_the_untrained_encoder_has_as_much(table):
    best = probe_sentences.ranked(table, table["property"].iloc[0]).iloc[0]
    untrained = (
        (table["property"] == best["property"])
        & (table["encoder"] == best["encoder"])
        & (table["control"] == "untrained")
    )
    for value, said in ((best["low"] - 0.01, False), (best["low"], True), (best["value"] + 0.01, True)):
        sentence = probe_sentences.known_best(table.assign(value=table["value"].where(~untrained, value)))[0]
        assert ("it is not shown that training adds to it" in sentence) == said
