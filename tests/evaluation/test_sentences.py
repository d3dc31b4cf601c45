"""Sentences on made-up results of each kind: they say what the numbers say, and change with them."""

import numpy as np
import pandas as pd
import pytest

from lib.display.screen import counted
from lib.encoders.heads import ALL_FOUR
from lib.evaluation import sentences

ROWS = ("pitch", "timbre", "neuralogram", "waveform", "all four")


def table1(values, low=None):
    rows = [
        {"row": name, "measure": "top1", "own": None if name == "all four" else value, "retrained": value,
         "low": value - 0.05 if low is None else low, "high": value + 0.05, "constant": 0.1, "oracle": 1.0,
         "chance": 0.12}
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
    assert "This is the paper's order" in sentences.order(table1([0.2, 0.3, 0.5, 0.4, 0.6]))
    told = sentences.order(table1([0.2, 0.3, 0.4, 0.5, 0.6]))
    assert "neuralogram 40.0 < waveform 50.0" in told
    assert "order is another" in told
    assert "timbre 30.0 = neuralogram 30.0 < waveform 50.0" in sentences.order(table1([0.2, 0.3, 0.3, 0.5, 0.6]))
    none = sentences.order(table1([0.2, 0.3, 0.4, 0.5, 0.6]).assign(published=np.nan))
    assert "The paper" not in none and "60.0. All are above chance" in none


def test_chance_is_told():
    assert "All are above chance (12.0; the constant predictor has 10.0)" in sentences.order(
        table1([0.2, 0.3, 0.5, 0.4, 0.6])
    )
    told = sentences.order(table1([0.2, 0.3, 0.5, 0.4, 0.6], low=0.11))  # above the constant, not above chance
    assert "Not clearly above chance (12.0; the constant predictor has 10.0): pitch, timbre," in told


@pytest.mark.parametrize(("value", "ends", "p_holm", "said"), [
    (0.03, (0.01, 0.05), 0.004, "(+1.0 to +5.0) points: clearly higher, p = 0.004 after Holm ("),
    (-0.03, (-0.05, -0.01), 0.004, "clearly lower, p = 0.004 after Holm ("),
    (0.03, (0.01, 0.05), 0.08, "not significantly different, p = 0.080 after Holm, though p = 0.040 by itself ("),
    (0.03, (-0.01, 0.05), 0.2, "not significantly different, p = 0.200 after Holm ("),
    (0.0, (0.0, 0.0), np.nan, "includes zero"), (0.03, (np.nan, np.nan), np.nan, "no interval"),
])  # fmt: skip
def test_all_four_against_one_is_clear_after_the_correction_for_all_pairs_alone(value, ends, p_holm, said):
    told = sentences.all_against(differences(value, *ends, p_holm), "neuralogram", "clip")
    assert said in told and ("clearly" in told) == (p_holm == 0.004)


def test_without_an_interval_nothing_is_claimed():
    bare = differences(0.03, np.nan, np.nan, np.nan)
    told = sentences.all_against(bare, "neuralogram", "clip")
    assert "includes zero" not in told and "significant" not in told
    assert sentences.significance(bare.assign(groups=1)).startswith(
        "By clips nothing can be tested: one group alone cannot be resampled."
    )
    assert sentences.significance(bare).startswith("By clips nothing can be tested: no difference changes when")
    told = sentences.order(table1([0.2, 0.3, 0.5, 0.4, 0.6], low=np.nan))
    assert "Whether any is above chance (12.0; the constant predictor has 10.0) cannot be tested" in told
    assert "Not clearly" not in told


def test_nothing_significant_comes_out_of_the_numbers():
    told = sentences.significance(differences(0.03, -0.02, 0.08))
    assert "With 80 clips in 40 groups nothing is significant" in told
    assert "One seed" in told and "groups of test clips" not in told
    told = sentences.significance(differences(0.03, 0.02, 0.08, p_holm=0.01))
    assert "nothing" not in told
    assert "2 of 2" in told
    assert "all four > neuralogram" in told


@pytest.mark.parametrize(("groups", "told"), [
    (29, "Only 29 groups of test clips can be drawn anew"), (2, "Only 2 groups of test clips can"), (1, ""), (30, ""),
])  # fmt: skip
def test_few_groups_are_told(groups, told):
    assert sentences.few_groups(groups).startswith(told) and bool(sentences.few_groups(groups)) == bool(told)
    said = sentences.significance(differences(0.03, -0.02, 0.08).assign(groups=groups))
    assert f"in {counted(groups, 'group')} nothing" in said and (sentences.few_groups(groups) in said)
    assert ("can be drawn anew" in said) == bool(told)


def test_the_best_of_the_subsets_is_told_with_and_without_an_interval():
    rows = pd.DataFrame([
        {"subset": name, "measure": "top1", "level": "chunk", "head": "paper", "seed": "mean", "n_encoders": n,
         "value": value, "low": value - 0.1, "high": value + 0.1}
        for name, n, value in (("chance", 0, 0.9), ("pitch", 1, 0.5), ("pitch+timbre", 2, 0.6))
    ])  # fmt: skip
    assert sentences.best(rows, "top1").endswith("(paper head): pitch+timbre, 60.0 (50.0 to 70.0).")
    more = pd.concat([rows, rows.iloc[2:].assign(subset="pitch+waveform")], ignore_index=True)
    assert sentences.best(more, "top1").endswith(
        "pitch+timbre, 60.0 (50.0 to 70.0); pitch+waveform has the same value."
    )
    more = pd.concat([more, rows.iloc[2:].assign(subset="waveform")], ignore_index=True)
    assert sentences.best(more, "top1").endswith("60.0 (50.0 to 70.0); 2 others have the same value.")
    lone = rows.assign(low=np.nan, high=np.nan)  # one group in the test role
    assert "pitch+timbre, 60.0 (no interval" in sentences.best(lone, "top1")
    assert sentences.best(rows.assign(value=np.nan), "top1") == "There is no top 1 of chunks on this corpus."


def test_the_planted_truth_shows_or_not():
    row = {"family": "pitch", "better": "pitch", "worse": "timbre", "value": 0.5, "of_worse": 0.3, "difference": 0.2,
           "low": 0.1, "high": 0.3, "shows": True, "chance": 0.25}  # fmt: skip
    assert "pitch 50.0, timbre 30.0, chance 25.0" in sentences.planted(pd.DataFrame([row]))[0]
    assert "truth shows" in sentences.planted(pd.DataFrame([row]))[0]
    assert "does NOT show" in sentences.planted(pd.DataFrame([row | {"shows": False}]))[0]


@pytest.mark.parametrize(("shares", "told"), [
    ((0.3, 0.1), "as planted."), ((0.3, 0.28), "as planted, though the intervals of the first two overlap."),
    ((0.1, 0.3), "NOT as planted."),
])  # fmt: skip
def test_shares_of_a_planted_family_are_told_with_whether_intervals_are_apart(shares, told):
    row = {"game": "paper4", "measure": "map_macro", "level": "chunk", "head": "paper"}
    rows = [
        row | {"group": f"branch:{family}", "encoder": name, "share": share, "low": share - 0.02, "high": share + 0.02}
        for family, names in (("pitch", ("pitch", "timbre")), ("timbre", ("timbre", "pitch")))
        for name, share in zip(names, shares, strict=True)
    ]
    assert all(line.endswith(told) for line in sentences.planted_shares(pd.DataFrame(rows), "paper"))


def test_the_exclusive_or_is_told_with_intervals_where_there_are_some():
    copies = pd.DataFrame(columns=["head", "share", "with_copy"])
    xor = pd.DataFrame([{"head": "paper", "subset": "pitch", "value": 0.592, "chance": 0.507}])
    assert sentences.constructed(copies, xor) == ["Exclusive-or (paper head, chance 50.7): pitch 59.2 (no interval)."]
    told = sentences.constructed(copies, xor.assign(low=0.55, high=0.63))
    assert told == ["Exclusive-or (paper head, chance 50.7): pitch 59.2 (55.0 to 63.0)."]


def test_percent_for_the_screen_leaves_d_prime():
    table = pd.DataFrame({"measure": ["top1", "d_prime", "hit@5"], "value": [0.123, 1.234, np.nan]})
    assert list(sentences.in_percent(table, "value")["value"]) == ["12.3", "1.23", ""]


@pytest.mark.parametrize(
    ("left_out", "fold", "told"),
    [
        (0, "", "All 38 classes"),
        (162, "", "162 of 200 classes have no test clip"),
        (0, "mean", "All classes stand in the test clips of every fold"),
        (2, "mean", "left out of the means over classes: 2 times, of 40 pairs of a fold and a class."),
    ],
)
def test_classes_that_cannot_count_are_told(left_out, fold, told):
    row = {
        "subset": "constant",
        "measure": "map_macro",
        "level": "chunk",
        "seed": "mean",
        "fold": fold,
        "n": 38,
        "left_out": left_out,
    }
    assert told in sentences.left_out(pd.DataFrame([row]))


@pytest.mark.parametrize(("paper", "said"), [
    ((0.5, 0.4), "on 0 of 2 subsets, on average 20.0 points below it (macro mAP of chunks; counted, not tested)."),
    ((0.9, 0.6), "on 1 of 2 subsets, on average 10.0 points above it"),
    ((0.7, 0.6), "on 0 of 2 subsets, on average level with it"),
])  # fmt: skip
def test_the_two_heads_are_told_with_which_lies_above(paper, said):
    rows = [
        {"subset": subset, "head": head, "value": value, "measure": "map_macro", "level": "chunk", "seed": "mean", "n_encoders": 1}
        for head, values in (("paper", paper), ("linear", (0.7, 0.6)))
        for subset, value in zip("ab", values, strict=True)
    ]  # fmt: skip
    assert said in sentences.heads(pd.DataFrame(rows), "map_macro")
