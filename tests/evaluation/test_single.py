"""One encoder's tables: chance stands beside the constant predictor, by the test labels alone."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lib.evaluation import single

CLASSES = [f"c{k}" for k in range(10)]


@pytest.fixture(scope="module")
def study():
    """20 training and 12 test chunks of 6 test clips, one label each; the last class is never tested."""
    roles, label = np.repeat(["train", "test"], [20, 12]), np.r_[np.arange(20) % 10, np.repeat([0, 1, 2, 3, 4, 8], 2)]
    corpus = SimpleNamespace(classes=CLASSES, leaves=np.ones(10, bool))
    chunks = SimpleNamespace(
        targets=np.eye(10, dtype=np.uint8)[label], ids=np.array([f"clip{k // 2}" for k in range(32)]), corpus=corpus,
        rows=lambda *wanted: np.flatnonzero(np.isin(roles, wanted)),
    )  # fmt: skip
    return SimpleNamespace(chunks=chunks, train_rows=chunks.rows("train"))


def expected(n, positives):
    return (sum(1 / k for k in range(1, n + 1)) * (1 - (positives - 1) / (n - 1)) + n * (positives - 1) / (n - 1)) / n


def test_chance_stands_beside_every_value(study):
    scores = np.random.default_rng(0).random((12, 10))
    table = single.own_table(study, scores).set_index(["level", "measure"])
    assert table.loc[("chunk", "map_macro"), "chance"] == pytest.approx(expected(12, 2))
    assert table.loc[("clip", "map_macro"), "chance"] == pytest.approx(expected(6, 1))
    assert table.loc[("chunk", "recall@5"), "chance"] == 0.5
    assert table.loc[("chunk", "d_prime"), "chance"] == 0
    assert list(table)[-1] == "chance"
    classes = single.class_table(study, scores)
    np.testing.assert_allclose(classes["chance"].dropna(), expected(12, 2))
    assert list(classes["class"][classes["chance"].isna()]) == ["c5", "c6", "c7", "c9"]
    told = single.own_summary(single.own_table(study, scores), classes, "Pitch")
    assert f"where chance has {100 * expected(12, 2):.1f} %" in told
    assert list(classes["trained_on"]) == [2] * 10


def test_the_constant_predictor_is_constant_over_clips_of_any_length():
    """Means of 3 and of 1 equal numbers differ in the last bit, which ranked the clips by their length."""
    label, length = np.array([0, 1, 0, 1]), np.array([1, 3, 1, 3])
    ids, targets = np.repeat(["a", "b", "c", "d"], length), np.eye(10, dtype=np.uint8)[np.repeat(label, length)]
    targets = np.concatenate([targets, np.eye(10, dtype=np.uint8)])  # training: each class once, 0.1 of the chunks
    corpus = SimpleNamespace(classes=CLASSES, leaves=np.ones(10, bool))
    chunks = SimpleNamespace(
        targets=targets, ids=np.r_[ids, np.arange(10)], corpus=corpus, rows=lambda role: np.arange(8)
    )
    study = SimpleNamespace(chunks=chunks, train_rows=np.arange(8, 18))
    table = single.own_table(study, np.random.default_rng(0).random((8, 10))).set_index(["level", "measure"])
    assert table.loc[("clip", "map_macro"), "constant"] == pytest.approx(0.5)
    assert table.loc[("clip", "d_prime"), "constant"] == 0


def told_of(*classes):
    """own_summary of classes of (name, precision, constant, training chunks)."""
    own = pd.DataFrame([{"measure": "map_macro", "level": "chunk", "value": 0.5, "chance": 0.25}])
    rows = pd.DataFrame(classes, columns=["class", "precision", "constant", "trained_on"])
    return single.own_summary(own, rows, "Pitch")


def test_a_class_that_nothing_can_be_known_of_is_neither_best_nor_worst():
    known = ("dog", 0.4, 0.2, 9), ("cat", 0.6, 0.2, 9)
    beside = (
        ("everywhere", 1.0, 1.0, 9),
        ("untrained", 0.9, 0.1, 0),
        ("untested", np.nan, np.nan, 9),
        ("tied", 0.1, 0.1, 9),
    )
    assert "Best known class: cat; least: dog. Not compared" in told_of(*known, *beside)
    assert told_of(*known, *beside).endswith("equal scores: everywhere, untrained, tied.")
    assert told_of(*known).endswith("Best known class: cat; least: dog.")
    assert len(told_of(known[0], ("so long" * 1000, 0.6, 0.2, 9))) < 200
    assert "No two classes can be compared." in told_of(known[0], *beside)
    assert told_of(("untested", np.nan, np.nan, 9)).endswith("No two classes can be compared.")


def test_scores_that_are_all_equal_have_the_constants_precision(study):
    classes = single.class_table(study, np.zeros((12, 10)))
    tested = classes.dropna(subset="precision")
    np.testing.assert_allclose(tested["precision"], tested["constant"], rtol=0, atol=1e-12)
