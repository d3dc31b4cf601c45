"""Sentences on made-up results of each kind: they say what the numbers say, and change with them."""

import numpy as np
import pandas as pd
import pytest

from lib import findings
from lib.results import ALL_FOUR

ROWS = ("pitch", "timbre", "neuralogram", "waveform", "all four")


def table1(values, low=None):
    rows = [
        {"row": name, "measure": "top1", "own": None if name == "all four" else value, "retrained": value,
         "low": value - 0.05 if low is None else low, "high": value + 0.05, "constant": 0.1, "oracle": 1.0}
        for name, value in zip(ROWS, values, strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def differences(value, low, high):
    row = {
        "first": ALL_FOUR, "second": "neuralogram", "level": "clip", "measure": "top1", "difference": value, "low": low,
        "high": high, "items": 80, "groups": 40, "seeds": 1,
    }  # fmt: skip
    return pd.DataFrame([row, row | {"second": "waveform"}])


def test_the_papers_order_and_another():
    assert "This is the paper's order" in findings.order(table1([0.2, 0.3, 0.5, 0.4, 0.6]))
    told = findings.order(table1([0.2, 0.3, 0.4, 0.5, 0.6]))
    assert "neuralogram 40.0 < waveform 50.0" in told
    assert "order is another" in told


def test_chance_is_told():
    assert "All are above chance" in findings.order(table1([0.2, 0.3, 0.5, 0.4, 0.6]))
    assert "Not clearly above chance" in findings.order(table1([0.2, 0.3, 0.5, 0.4, 0.6], low=0.05))


@pytest.mark.parametrize(("ends", "said"), [
    ((0.01, 0.05), "clearly higher"), ((-0.01, 0.05), "includes zero"), ((np.nan, np.nan), "no interval"),
])  # fmt: skip
def test_all_four_against_one(ends, said):
    assert said in findings.all_against(differences(0.03, *ends), "neuralogram", "clip")


def test_clearly_lower():
    assert "clearly lower" in findings.all_against(differences(-0.03, -0.05, -0.01), "waveform", "clip")


def test_nothing_significant_comes_out_of_the_numbers():
    told = findings.significance(differences(0.03, -0.02, 0.08))
    assert "With 80 clips in 40 groups nothing is significant" in told
    assert "One seed" in told
    told = findings.significance(differences(0.03, 0.02, 0.08))
    assert "nothing" not in told
    assert "2 of 2" in told
    assert "all four > neuralogram" in told


def test_shares_say_which_interval_includes_zero():
    rows = [
        {"encoder": name, "group": "all", "measure": "map_macro", "level": "clip", "head": "paper", "share": 0.1, "low": low,
         "high": 0.2} for name, low in (("pitch", -0.01), ("timbre", 0.05))
    ]  # fmt: skip
    assert "includes zero for: pitch." in findings.shares(pd.DataFrame(rows), "clip", "paper")
    assert "No interval includes zero" in findings.shares(pd.DataFrame(rows[1:]), "clip", "paper")


def test_added_last_tells_nothing_from_harm():
    rows = [
        {
            "kind": "leave_one_out",
            "encoder": name,
            "level": "clip",
            "head": "paper",
            "value": 0.0,
            "low": low,
            "high": high,
        }
        for name, low, high in (("pitch", -0.01, 0.02), ("timbre", -0.05, -0.01), ("waveform", 0.01, 0.02))
    ]
    told = findings.redundancy(pd.DataFrame(rows))
    assert "nothing clear: pitch" in told
    assert "away: timbre" in told
    assert "waveform" not in told
    assert "Every encoder adds" in findings.redundancy(pd.DataFrame(rows[2:]))


def test_the_planted_truth_shows_or_not():
    row = {"family": "pitch", "better": "pitch", "worse": "timbre", "value": 0.5, "of_worse": 0.3, "difference": 0.2,
           "low": 0.1, "high": 0.3, "shows": True}  # fmt: skip
    assert "truth shows" in findings.planted(pd.DataFrame([row]))[0]
    assert "does NOT show" in findings.planted(pd.DataFrame([row | {"shows": False}]))[0]


def test_percent_for_the_screen_leaves_d_prime():
    table = pd.DataFrame({"measure": ["top1", "d_prime", "hit@5"], "value": [0.123, 1.234, np.nan]})
    assert list(findings.in_percent(table, "value")["value"]) == ["12.3", "1.23", ""]


@pytest.mark.parametrize(("left_out", "told"), [(0, "All 38 classes"), (162, "162 of 200 classes have no test clip")])
def test_classes_that_cannot_count_are_told(left_out, told):
    row = {
        "subset": "constant",
        "measure": "map_macro",
        "level": "chunk",
        "seed": "mean",
        "n": 38,
        "left_out": left_out,
    }
    assert told in findings.left_out(pd.DataFrame([row]))
