"""Whether descent has reached the optimum of linear heads, which scikit-learn knows."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss

from lib.encoders.heads import HeadData, HeadPlan, label, subsets, train_subsets
from lib.evaluation.convergence import COLUMNS, EXCESS, convergence, warning
from lib.settings import Heads, Training

N, CLASSES, NAMES = 120, 3, ("a", "b")
ROWS = np.arange(N)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    embeddings = {
        name: rng.normal(size=(N, width)).astype(np.float32) for name, width in zip(NAMES, (4, 2), strict=True)
    }
    targets = embeddings["a"][:, :CLASSES] + rng.normal(0, 1.5, (N, CLASSES)) > 0.3
    return HeadData(embeddings, targets.astype(np.uint8), ROWS.astype(str))


def rows_of(data, epochs, **schedule):
    plan = HeadPlan(
        "linear", Heads(linear_fit="descent", scaling="none"), Training(epochs=epochs, lr=2e-2, batch=40, **schedule)
    )
    (trained,) = train_subsets(data, ROWS, plan, 7, torch.device("cpu"))
    return convergence(trained, data.targets, ROWS, plan, 7)


@pytest.mark.parametrize("loss", ["huber", "bce"])
def test_one_epoch_has_not_converged_and_many_have(data, loss):
    early, late = rows_of(data, 1, loss=loss), rows_of(data, 300, loss=loss)
    assert [row["subset"] for row in early] == [label(subset) for subset in subsets(NAMES)]
    assert all(list(row) == COLUMNS and row["head"] == "linear" and row["seed"] == 7 for row in early)
    for before, after in zip(early, late, strict=True):
        assert not before["converged"] and before["excess"] > 0.05
        assert after["converged"] and 0 <= after["excess"] <= EXCESS
        assert before["optimum"] == pytest.approx(after["optimum"], rel=1e-5)
        assert before["excess"] == pytest.approx(before["loss"] / before["optimum"] - 1)


def inputs_of(data, subset):
    return np.concatenate([data.embeddings[name] for name in subset], axis=1).astype(float)


def test_the_optimum_is_that_of_least_squares(data):
    for row, subset in zip(rows_of(data, 2), subsets(NAMES), strict=True):
        x = inputs_of(data, subset)
        rest = data.targets - LinearRegression().fit(x, data.targets).predict(x)
        assert np.abs(rest).max() < 1.2
        huber = np.where(np.abs(rest) < 1, rest**2 / 2, np.abs(rest) - 0.5).mean()
        assert row["optimum"] == pytest.approx(huber, rel=2e-3) and row["optimum"] <= huber + 1e-12


def test_the_optimum_is_that_of_logistic_regression(data):
    for row, subset in zip(rows_of(data, 2, loss="bce"), subsets(NAMES), strict=True):
        x = inputs_of(data, subset)
        each = [
            log_loss(y, LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(x, y).predict_proba(x)[:, 1])
            for y in data.targets.T
        ]
        assert row["optimum"] == pytest.approx(np.mean(each), rel=1e-5)


def test_the_line_says_how_many_by_how_much_and_what_to_do(data):
    rows = rows_of(data, 1)
    told = warning(rows)
    assert "3 of 3 subsets" in told and "\n" not in told
    assert f"{100 * max(row['excess'] for row in rows):.3g} %" in told
    assert "schedules.head.epochs" in told and "heads.linear_fit=ridge" in told
    assert warning([row | {"converged": True} for row in rows]) == "" == warning([])
