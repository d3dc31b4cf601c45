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


def differences(value, low, high, p_holm=0.2):
    row = {
        "first": ALL_FOUR, "second": "neuralogram", "level": "clip", "measure": "top1", "difference": value, "low": low,
        "high": high, "items": 80, "groups": 40, "seeds": 1, "p": p_holm / 2, "p_holm": p_holm,
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
    told = findings.significance(differences(0.03, 0.02, 0.08, p_holm=0.01))
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


# The sentences that end the notebook of contributions

FOUR = ("pitch", "timbre", "neuralogram", "waveform")


def share_rows(values, half=0.02, game="paper4", encoders=FOUR):
    return pd.DataFrame([
        {"game": game, "encoder": name, "group": "all", "measure": "map_macro", "level": "clip", "head": "paper",
         "share": value, "low": value - half, "high": value + half, "seeds": 1}
        for name, value in zip(encoders, values, strict=True)
    ])  # fmt: skip


def pair_rows(*p_holm):
    names = [("pitch", "timbre"), ("pitch", "neuralogram"), ("timbre", "waveform")]
    return pd.DataFrame([
        {"game": "paper4", "first": a, "second": b, "difference": -0.1, "p_holm": p}
        for (a, b), p in zip(names, p_holm, strict=True)
    ])  # fmt: skip


def together_rows(*ends):
    return pd.DataFrame([
        {"first": ALL_FOUR, "second": name, "low": low, "high": high} for name, (low, high) in zip(FOUR, ends, strict=True)
    ])  # fmt: skip


UP, OPEN, DOWN = (0.01, 0.2), (-0.05, 0.1), (-0.2, -0.01)


def test_everything_clear():
    told = findings.conclusion(
        share_rows([0.1, 0.2, 0.3, 0.25]), pair_rows(0.01, 0.02, 0.03), together_rows(*[UP] * 4), "esc50"
    )
    assert "On esc50, clips, paper head: all four together stand +85.0 points of map_macro above" in told
    assert "neuralogram +30.0, waveform +25.0, timbre +20.0, pitch +10.0" in told
    assert "Every one of them contributes something clear" in told
    assert "3 of 3 pairs" in told and "timbre > pitch, neuralogram > pitch, waveform > timbre" in told
    assert "clearly above each single encoder" in told
    assert "One seed was trained" in told


def test_nothing_significant():
    told = findings.conclusion(
        share_rows([0.01, 0.0, -0.01, 0.0]), pair_rows(0.5, 1.0, 0.9), together_rows(*[OPEN] * 4), "my sounds"
    )
    assert "None clearly contributes; not told from nothing: pitch, timbre, waveform, neuralogram" in told
    assert "No share is told apart from another (3 pairs, Holm's correction)" in told
    assert "beat even one single encoder is not shown" in told


def test_some_clear_some_not_and_harm():
    told = findings.conclusion(
        share_rows([0.1, 0.0, -0.1, 0.0]), pair_rows(0.01, 1.0, 0.9), together_rows(UP, OPEN, OPEN, UP), "esc50"
    )
    assert (
        "Clearly contributing: pitch; clearly taking away: neuralogram; not told from nothing: timbre, waveform" in told
    )
    assert "clearly above pitch, waveform; above timbre, neuralogram it is not shown" in told
    told = findings.conclusion(share_rows([0.1] * 4), pair_rows(1, 1, 1), together_rows(UP, DOWN, UP, UP), "esc50")
    assert "clearly below timbre alone" in told


def test_no_value_at_all():
    told = findings.conclusion(share_rows([np.nan] * 4), pair_rows(*[np.nan] * 3), together_rows(*[OPEN] * 4), "esc50")
    assert told == "On esc50 there is no map_macro to share out."


@pytest.mark.parametrize(("ends", "said"), [
    (UP, "clearly above it"), (OPEN, "not told apart from it"), (DOWN, "clearly BELOW it"), ((np.nan, np.nan), "no value to compare"),
])  # fmt: skip
def test_a_control_is_compared(ends, said):
    row = {"control": "seeds", "game": "seeds4", "level": "clip", "head": "paper", "value": 0.8, "study": 0.85,
           "difference": sum(ends) / 2, "low": ends[0], "high": ends[1]}  # fmt: skip
    noise = share_rows([0.0], game="noise5", encoders=("noise",))
    told = findings.controls(pd.DataFrame([row]), noise, {"seeds": "Four seeds of one encoder"}, "clip", "paper")
    assert told[0].startswith("Four seeds of one encoder: 80.0 together") and said in told[0]
    assert "as it should be, nothing" in told[1]
    told = findings.controls(pd.DataFrame([row]), noise.assign(low=0.001), {}, "clip", "paper")
    assert "WRONG" in told[1]
