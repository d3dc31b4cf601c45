"""Similarity of embeddings: 1 for the same but for rotation, 0 for unrelated ones, and shares of variance by design."""

import numpy as np
import pandas as pd
import pytest

from lib.evaluation import frozen, probe_sentences, similarity
from lib.evaluation.similarity import cka, hsic, linear_draws
from lib.study import Request, Study


def normal(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def by_definition(first, second):
    """Unbiased HSIC from the kernel matrices, as Song et al. (2012) write it, up to 1 / (n (n - 3))."""
    k, m = first @ first.T, second @ second.T
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    n, ones = len(k), np.ones(len(k))
    middle = (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
    return np.trace(k @ m) + middle - 2 / (n - 2) * (ones @ k @ m @ ones)


def test_hsic_is_the_unbiased_one_of_the_kernel_matrices():
    first = normal(25, 6) + 3
    second = first @ normal(6, 9, 1) + normal(25, 9, 2)
    assert hsic(first, second) == pytest.approx(by_definition(first, second), rel=1e-9)
    assert hsic(first, first) == pytest.approx(by_definition(first, first), rel=1e-9)


def test_cka_of_an_embedding_with_itself_rotated_scaled_and_moved_is_one():
    first = normal(50, 8)
    rotation = np.linalg.qr(normal(8, 8, 1))[0]
    assert cka(first, -3 * first @ rotation + 7) == pytest.approx(1)
    assert cka(first, first @ np.diag([1, 1, 1, 1, 9, 9, 9, 9])) < 0.99  # a stretch is no rotation


def test_cka_of_independent_noise_is_zero_where_the_plain_one_is_not():
    pairs = [(normal(60, 64, seed), normal(60, 64, 1000 + seed)) for seed in range(40)]
    assert abs(np.mean([cka(*pair) for pair in pairs])) < 0.02

    def plain(first, second):
        first, second = first - first.mean(0), second - second.mean(0)
        over = ((first.T @ second) ** 2).sum()
        return over / np.sqrt(((first.T @ first) ** 2).sum() * ((second.T @ second) ** 2).sum())

    assert np.mean([plain(*pair) for pair in pairs]) > 0.4


def test_cka_of_what_does_not_move_or_of_too_few_is_missing():
    assert np.isnan(cka(np.ones((9, 3)), normal(9, 3)))
    assert np.isnan(cka(normal(3, 2), normal(3, 2)))


def test_linear_draws_of_a_mean_spread_as_its_resamples():
    values, groups = normal(40, 1)[:, 0], np.arange(40)
    weights = np.random.default_rng(1).multinomial(40, np.full(40, 1 / 40), 20000)
    without = np.array([np.delete(values, place).mean() for place in range(40)])
    found = linear_draws(values.mean(), without, groups, weights)
    assert found.mean() == pytest.approx(values.mean(), abs=0.01)
    assert found.std() == pytest.approx(values.std(ddof=1) / np.sqrt(40), rel=0.02)  # the standard error of a mean
    assert np.corrcoef(found, weights @ values / 40)[0, 1] == pytest.approx(1, abs=1e-9)
    assert np.isnan(linear_draws(1.0, np.array([np.nan]), np.zeros(5), np.ones((3, 5)))).all()


def test_what_is_asked():
    asked = similarity.predicted_pairs(("pitch", "timbre", "neuralogram", "waveform"))
    assert ("waveform", "pitch") in asked and ("pitch+timbre", "waveform") in asked
    assert ("timbre+neuralogram+waveform", "pitch") in asked
    assert len(asked) == len(set(asked)) == 12 + 2 + 4
    assert all(second not in first.split("+") for first, second in asked)
    assert similarity.predicted_pairs(("pitch", "timbre")) == [("pitch", "timbre"), ("timbre", "pitch")]


@pytest.fixture
def table(home, small_corpus, monkeypatch):
    """Waveform is half pitch and half its own, timbre a rotation of pitch, neuralogram unrelated."""
    study = Study.of(Request(preset="tiny", device="cpu", root=str(small_corpus), set="scoring.resamples=200"))
    rows = np.concatenate([one.rows for one in frozen.sides(study)])

    def trained(part, seed, asked):
        n = len(part.chunks)
        pitch, own, other = (normal(n, 4, 10 * seed + number) for number in range(3))
        turn = np.linalg.qr(normal(4, 4, 5))[0]
        made = {"pitch": pitch, "timbre": 2 * pitch @ turn, "neuralogram": other, "waveform": pitch + own}
        return {name: values[asked] for name, values in made.items()}

    monkeypatch.setattr(frozen, "trained", trained)
    assert len(rows) > 60
    return similarity.similarity_table(study).set_index(["first", "second", "what"])


def test_the_table_finds_what_was_put_into_the_embeddings(table):
    assert table.loc[("pitch", "timbre", "cka"), "value"] == pytest.approx(1)
    assert table.loc[("pitch", "timbre", "predicted"), "value"] > 0.99
    assert table.loc[("pitch", "waveform", "predicted"), "value"] == pytest.approx(0.5, abs=0.15)
    assert table.loc[("waveform", "pitch", "predicted"), "value"] == pytest.approx(0.5, abs=0.15)
    for name in ("pitch", "waveform"):
        assert table.loc[("neuralogram", name, "predicted"), "value"] < 0.1
        low, high = (
            table.loc[pair, end]
            for end in ("low", "high")
            for pair in [(*sorted((name, "neuralogram"), key=["pitch", "neuralogram", "waveform"].index), "cka")]
        )
        assert low < 0 < high
    assert table.loc[("pitch+timbre+neuralogram", "waveform", "predicted"), "value"] < 0.65
    assert isinstance(table, pd.DataFrame) and (table["low"] <= table["value"]).all() and len(table) == 6 + 18


def test_what_the_others_leave_unexplained_is_said_of_the_model_and_may_be_more_than_one_of_them_leaves():
    others = "timbre+neuralogram+waveform"
    rows = [("waveform", "pitch", 0.127, 0.08, 0.175), (others, "pitch", 0.088, -0.01, 0.181)]
    table = pd.DataFrame(rows, columns=["first", "second", "value", "low", "high"]).assign(what="predicted", seeds=1)
    assert probe_sentences.similarity(table) == [
        "What of pitch can be had from waveform: 12.7 % (8.0 to 17.5).",
        "A linear model of the three others leaves unexplained of pitch: 91.2 % of its variance (81.9 to 100.0).",
    ]
