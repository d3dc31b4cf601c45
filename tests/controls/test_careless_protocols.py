"""Careless protocols: what they would have given, against the careful ones, where the truth is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_up import CLASSES, study
from pictures import drawn, inside
from sklearn import metrics

from lib.controls import careless_protocols
from lib.encoders import encoder
from lib.evaluation import measures
from lib.evaluation.scores import Scores, models, write_test_set
from lib.files import digests
from lib.plots.definitions import careless_figure
from lib.representations import PAPER
from lib.settings import Chunking
from lib.sounds.chunks import Chunks
from lib.sounds.corpora.base import Corpus
from lib.study import StudyError


def chunked(found, n_clips=80, n_chunks=5, groups=2):
    """Give the study chunks of clips with one random label each: the first half train, the others test."""
    labels = np.random.default_rng(3).integers(len(CLASSES), size=n_clips)
    clips = pd.DataFrame({
        "id": [f"c{n}" for n in range(n_clips)], "path": "", "role": np.repeat(["train", "test"], n_clips // 2),
        "fold": 0, "labels": [(CLASSES[n],) for n in labels], "group": [f"g{n // groups}" for n in range(n_clips)],
    })  # fmt: skip
    of_chunk = np.repeat(np.arange(n_clips), n_chunks)
    silent = np.zeros(len(of_chunk), bool)
    corpus = Corpus("table", found.folder, clips, CLASSES)
    chunks = Chunks(np.zeros((len(of_chunk), 1)), of_chunk, 0.0 * of_chunk, silent, corpus, Chunking(), "made")
    found.__dict__["chunks"] = chunks
    write_test_set(found)
    return chunks


def embed(found, embeddings):
    """Write the encoders' embeddings [chunk, width], each a part of these."""
    for name, columns in zip(PAPER, np.array_split(embeddings, len(PAPER), axis=1), strict=True):
        key = encoder.key_of(name, found.chunks, found.settings, 0)
        encoder.save_embeddings(columns.astype(np.float32), found.checkpoint(name, 0), key, found.chunks)


def write_noise(found, chunks):
    """Write scores of every model that know nothing."""
    rng, shape = np.random.default_rng(5), chunks.targets[chunks.rows("test")].shape
    for subset, head in models(found):
        digests.write_array(found.scores(subset, head, 0), rng.random(shape, np.float32))


@pytest.fixture(scope="module")
def remembered(tmp_path_factory):
    """A study whose embeddings tell one clip from another and nothing of its label, with its careless table."""
    with pytest.MonkeyPatch.context() as patch:
        found = study(
            tmp_path_factory.mktemp("home"), patch, seeds="0", fold=1, set="training.epochs=15 training.lr=0.02"
        )
        chunks = chunked(found)
        rng = np.random.default_rng(0)
        embed(found, rng.normal(size=(80, 64))[chunks.clip] + 0.05 * rng.normal(size=(len(chunks), 64)))
        write_noise(found, chunks)
        yield found, careless_protocols.careless_table(found, 0)


def test_careless_rows_are_marked(remembered):
    table = remembered[1]
    assert list(table) == careless_protocols.COLUMNS
    assert len(table) == 3
    assert table["protocol"].str.startswith("DO NOT: ").all()
    assert table["protocol"].is_unique
    assert table[["careful", "careless"]].to_numpy().min() > 0
    assert table["warning"].str.len().min() > 20


def test_clips_known_by_heart_look_like_skill(remembered):
    """The labels are random, so a careful split finds chance; chunks of the same clips find nearly everything."""
    values = remembered[1].iloc[0]
    assert values["careful"] < 0.35
    assert values["careless"] > 0.75


def test_a_split_by_chunk_is_harmless_where_clips_are_not_known(tmp_path, monkeypatch):
    """Noise that differs from chunk to chunk: no gap, so what the rows above show is the clip and not the split."""
    found = study(tmp_path, monkeypatch, seeds="0", fold=1, set="training.epochs=5 training.lr=0.01")
    chunks = chunked(found)
    embed(found, np.random.default_rng(0).normal(size=(len(chunks), 64)))
    fresh = careless_protocols.FreshHead.of(found, 0)
    row = careless_protocols.split_test_chunks(fresh)
    assert row["careless"] - row["careful"] < 0.06


def test_as_many_chunks_to_train_on(remembered, monkeypatch):
    """Either split trains on the same number of chunks, and never score one that they trained on."""
    asked = []

    def noted(self, train, scored, seed):
        asked.append((train, scored))
        return 0.5

    monkeypatch.setattr(careless_protocols.FreshHead, "value", noted)
    fresh = careless_protocols.FreshHead.of(remembered[0], 0)
    careless_protocols.split_test_chunks(fresh)
    assert len(asked) == 2 * careless_protocols.SPLITS
    groups = fresh.part.chunks.groups
    for (train, scored), (careless_train, careless_scored) in zip(asked[::2], asked[1::2], strict=True):
        assert (len(train), len(scored)) == (len(careless_train), len(careless_scored))
        assert not set(careless_train) & set(careless_scored)
        assert set(np.concatenate([train, scored])) == set(np.concatenate([careless_train, careless_scored]))
        assert not set(groups[train]) & set(groups[scored])
        assert set(groups[careless_train]) & set(groups[careless_scored])
        assert not set(fresh.part.train_rows) & {*train, *scored}  # no encoder has seen them


def test_the_careful_head_is_the_study_s_own(remembered):
    """Trained alone on all four embeddings, it scores as the one that the study trains beside fourteen others."""
    from lib.encoders.heads import HeadData, HeadPlan, score_subsets
    from lib.encoders.training import device_of

    found = remembered[0]
    fresh, settings = careless_protocols.FreshHead.of(found, 0), found.settings
    embeddings = {name: np.load(found.checkpoint(name, 0) / "embeddings.npy") for name in PAPER}
    data = HeadData(embeddings, found.chunks.targets, found.chunks.groups)
    plan = HeadPlan.of(settings, settings.heads.kinds[-1])
    every = score_subsets(data, fresh.part.train_rows, fresh.part.chunks.rows("test"), plan, 0, device_of("cpu"))
    scores = dict(every)[PAPER]
    test = Scores(found).tests["chunk"]
    expected = measures.evaluate(test.targets, scores, names=["map_macro"])["map_macro"].value
    assert fresh.value(fresh.part.train_rows, fresh.part.chunks.rows("test"), 0) == pytest.approx(expected, abs=1e-3)


def test_choosing_by_test_score_flatters_noise(remembered):
    """Of models that know nothing the careful choice finds what their mean has; the careless one finds more."""
    found = remembered[0]
    row = careless_protocols.chosen_on_test(Scores(found), 0)
    assert row["careless"] > row["careful"] + 0.02
    part, test = Scores(found), Scores(found).tests["chunk"]
    rng, groups = np.random.default_rng(1), np.unique(test.groups)
    halves = [np.isin(test.groups, rng.choice(groups, len(groups) // 2, replace=False)) for _ in range(4)]
    average = np.mean([
        metrics.average_precision_score(test.targets[half][:, kept], scores[half][:, kept])
        for subset, head in models(found) if head in ("paper", "linear")
        for scores in [part.read(subset, head, 0)["chunk"]]
        for half in halves for kept in [test.targets[half].any(axis=0)]
    ])  # fmt: skip
    assert row["careful"] == pytest.approx(average, abs=0.01)


def test_a_choice_by_hand():
    """Model 0 is best on the first half, model 2 on the second: each choice is reported on the other half."""
    values = np.array([[0.9, 0.2], [0.5, 0.5], [0.3, 0.8]])
    careful, careless = careless_protocols.chosen(values)
    assert careful == pytest.approx((0.3 + 0.2) / 2)
    assert careless == pytest.approx((0.9 + 0.8) / 2)


def test_the_best_seed_is_above_the_mean(remembered, monkeypatch):
    values = {0: 0.5, 1: 0.3, 2: 0.4, 3: 0.9, 4: 0.4}
    monkeypatch.setattr(careless_protocols.FreshHead, "value", lambda self, train, scored, seed: values[seed])
    row = careless_protocols.best_seed(careless_protocols.FreshHead.of(remembered[0], 0))
    assert (row["careful"], row["careless"]) == (pytest.approx(0.5), 0.9)


def test_seeds_differ_where_the_studys_heads_have_none(remembered):
    fresh = careless_protocols.FreshHead.of(remembered[0], 0)
    assert fresh.plan.closed_form
    assert fresh.value(fresh.part.train_rows, fresh.part.chunks.rows("test"), 0) == fresh.value(
        fresh.part.train_rows, fresh.part.chunks.rows("test"), 1
    )
    row = careless_protocols.best_seed(fresh)
    assert row["careless"] > row["careful"]


def test_one_group_alone_has_no_value(tmp_path, monkeypatch):
    found = study(tmp_path, monkeypatch, seeds="0", fold=1)
    chunks = chunked(found, n_clips=8, groups=8)
    write_noise(found, chunks)
    row = careless_protocols.chosen_on_test(Scores(found), 0)
    assert np.isnan(row["careful"]) and np.isnan(row["careless"])
    assert "one group" in row["warning"]


def test_same_seed_same_table(remembered):
    fresh = careless_protocols.FreshHead.of(remembered[0], 0)
    assert careless_protocols.split_test_chunks(fresh) == remembered[1].iloc[0].to_dict()


def test_missing_embeddings_name_their_notebook(tmp_path, monkeypatch):
    found = study(tmp_path, monkeypatch, seeds="0", fold=1)
    chunked(found)
    with pytest.raises(StudyError, match=r"embeddings.npy is missing: run notebooks/02_train_encoder"):
        careless_protocols.careless_table(found, 0)
    embed(found, np.zeros((3, 8)))
    found.__dict__["chunks"] = replace(found.chunks, key="other sounds")
    with pytest.raises(StudyError, match="its embeddings are of other sounds"):
        careless_protocols.careless_table(found, 0)


def test_careless_is_drawn_beside_careful(remembered):
    table = remembered[1]
    figure = careless_figure(table)
    np.testing.assert_allclose(drawn(figure, "o"), sorted(100 * table["careful"]))
    np.testing.assert_allclose(drawn(figure, "D"), sorted(100 * table["careless"]))
    said = inside(figure)
    assert sum(text.startswith("DO NOT") for text in said) == 3
    assert sum("points" in text for text in said) == 3
    empty = table.assign(careful=np.nan, careless=np.nan, warning="no value: one group alone cannot be split")
    assert sum("one group" in text for text in inside(careless_figure(empty))) == 3


def test_where_a_clip_is_a_chunk_what_is_split_is_its_group(tmp_path, monkeypatch):
    found = study(tmp_path, monkeypatch, seeds="0", fold=1, set="training.epochs=1")
    chunks = chunked(found, n_clips=40, n_chunks=1)
    embed(found, np.random.default_rng(0).random((len(chunks), 8)))
    row = careless_protocols.split_test_chunks(careless_protocols.FreshHead.of(found, 0))
    assert "split the clips of one group over training and test" in row["protocol"]
    assert row["warning"].startswith("the head knows a group again by other clips")
