"""Sentences of claims on made-up results of each kind: they say what the numbers say, in the order that is safe."""

import numpy as np
import pandas as pd
import pytest

from lib.encoders.heads import ALL_FOUR
from lib.evaluation import claims

FOUR = ("pitch", "timbre", "neuralogram", "waveform")
UP, OPEN, DOWN, NONE = (0.01, 0.2), (-0.05, 0.1), (-0.2, -0.01), (np.nan, np.nan)
HERE = {"game": "paper4", "group": "all", "measure": "map_macro", "level": "clip", "head": "paper", "seeds": 1}


def share_rows(values, half=0.02, **other):
    return pd.DataFrame([
        HERE | {"encoder": name, "share": value, "low": value - half, "high": value + half} | other
        for name, value in zip(FOUR, values, strict=True)
    ])  # fmt: skip


def added(*ends):
    """marginals.csv: alone 30 points each, added last these intervals around their middle."""
    kinds = {"add_one_in": [(0.29, 0.31)] * 4, "leave_one_out": ends}
    return pd.DataFrame([
        HERE | {"kind": kind, "encoder": name, "value": (low + high) / 2, "low": low, "high": high}
        for kind, each in kinds.items() for name, (low, high) in zip(FOUR, each, strict=True)
    ])  # fmt: skip


def best_row(smallest="pitch+waveform", difference=(0.02, -0.01, 0.05), rest=(0.02, -0.01, 0.05), **other):
    row = HERE | {
        "subsets": 15, "best": ALL_FOUR, "value": 0.9, "low": 0.85, "high": 0.95, "smallest": smallest,
        "smallest_value": 0.9 - difference[0], "groups": 40,
    } | dict(zip(("difference", "diff_low", "diff_high"), difference, strict=True))  # fmt: skip
    return pd.DataFrame([row | dict(zip(("rest", "rest_low", "rest_high"), rest, strict=True)) | other])


def pair_rows(*p_holm, low=np.nan):
    names = [("pitch", "timbre"), ("pitch", "neuralogram"), ("timbre", "waveform")]
    return pd.DataFrame([
        HERE | {"first": a, "second": b, "difference": -0.1, "low": low, "p_holm": p}
        for (a, b), p in zip(names, p_holm, strict=True)
    ])  # fmt: skip


def together_rows(*ends, p_all=0.025, groups=40):
    return pd.DataFrame([
        HERE | {"first": ALL_FOUR, "second": name, "measure": "top1", "low": low, "high": high, "p_all": p_all, "groups": groups}
        for name, (low, high) in zip(FOUR, ends, strict=True)
    ])  # fmt: skip


def conclude(
    values=(0.1, 0.2, 0.3, 0.25),
    last=(UP, OPEN, DOWN, UP),
    best=None,
    p_holm=(0.01, 0.02, 0.03),
    together=None,
    families=None,
):
    best = best_row() if best is None else best
    together = together_rows(*[UP] * 4) if together is None else together
    return concluded(share_rows(values), added(*last), best, pair_rows(*p_holm), together, families)


def concluded(*tables):
    names = ("contributions", "marginals", "best_subsets", "tests", "simultaneous", "branches")
    given = {name: table for name, table in zip(names, tables, strict=False) if table is not None}
    return " ".join(claims.conclusion(given, "clip", "paper", "esc50"))


def in_order(text, *parts):
    """Whether the parts stand in this order."""
    places = [text.find(part) for part in parts]
    return min(places) >= 0 and places == sorted(places)


# Shares beside what is added last


def test_the_best_subset_comes_first_and_added_last_beside_each_share():
    told = conclude()
    assert in_order(
        told, "On esc50: Best of the 15 subsets by macro mAP of clips (paper head): all four, 90.0 (85.0 to 95.0).",
        "The smallest that is not significantly worse: pitch+waveform, 88.0 (paired difference +2.0 (-1.0 to +5.0) points).",
        "Shares of the +85.0 points of macro mAP that all have above chance:",
        "neuralogram +30.0 (+28.0 to +32.0), added last -10.5 (-20.0 to -1.0);",
        "pitch +10.0 (+8.0 to +12.0), added last +10.5 (+1.0 to +20.0).",
        "A positive share is nearly automatic (even an exact copy",
        "above zero for pitch, waveform; below zero for neuralogram; not significantly different from zero: timbre.",
        "Shares that differ clearly (3 of 3 pairs, Holm's correction): timbre > pitch",
        "All four together beat every single encoder by top 1", "One seed was trained",
    )  # fmt: skip
    assert "adding the rest" not in told.lower()  # it is the difference that was just told


def test_nothing_significant():
    told = conclude(
        [0.01, 0.0, -0.01, 0.0], [OPEN] * 4, p_holm=(0.5, 1.0, 0.9), together=together_rows(*[OPEN] * 4, p_all=0.2)
    )
    assert "The interval of the share is not above zero for: pitch, timbre, waveform, neuralogram." in told
    assert (
        "no interval is above zero; not significantly different from zero: pitch, timbre, neuralogram, waveform" in told
    )
    assert "No two shares differ significantly (3 pairs, Holm's correction)" in told
    assert "That all four together beat every single encoder is not shown by top 1: p = 0.200" in told


def test_a_share_below_zero_is_no_open_one():
    told = conclude([0.3, 0.0, -0.3, 0.2])
    assert "not above zero for: timbre. It is below zero, so on average it takes away: neuralogram." in told


def test_without_intervals_nothing_is_claimed():
    bare = best_row(low=np.nan, high=np.nan, difference=(0.02, np.nan, np.nan), rest=(0.02, np.nan, np.nan))
    alone = together_rows(*[NONE] * 4, p_all=np.nan, groups=1)
    shares = share_rows((0.1, 0.2, 0.3, 0.25), half=np.nan)
    told = concluded(shares, added(*[NONE] * 4), bare, pair_rows(*[np.nan] * 3), alone)
    assert "cannot be tested" in told and "Which shares differ cannot be tested: one group alone" in told
    for claim in ("not significantly different", "above zero", "below zero", "No two shares", "clearly"):
        assert claim not in told


def test_where_no_difference_changes_with_the_clips_that_is_why_nothing_can_be_tested():
    same = together_rows(*[(0.0, 0.0)] * 4, p_all=np.nan, groups=3)
    shares = share_rows((0.25, 0.25, 0.25, 0.25), half=0.0)
    told = concluded(shares, added(*[(0.0, 0.0)] * 4), best_row(), pair_rows(*[np.nan] * 3, low=0.0), same)
    assert told.count("cannot be tested") == told.count("no difference changes when other clips are drawn") == 2
    assert "one group" not in told


def test_no_value_at_all():
    assert conclude([np.nan] * 4) == "On esc50 there is no macro mAP to share out."
    told = claims.shares(share_rows([np.nan] * 4), added(*[NONE] * 4), best_row(), "clip", "paper")
    assert told == "Clips, paper head: there is no macro mAP to share out."


def test_shares_of_another_game_measure_or_level_are_not_mixed_in():
    table = pd.concat([share_rows([0.1] * 4), *(
        share_rows([0.9] * 4, **{column: other})
        for column, other in (("game", "noise5"), ("measure", "top1"), ("level", "chunk"), ("group", "class:dog"))
    )])  # fmt: skip
    told = claims.shares(table, added(*[UP] * 4), best_row(), "clip", "paper")
    assert "Shares of the +40.0 points" in told and "90.0 (88" not in told
    assert told.startswith("Best of the 15")


def test_side_by_side_has_alone_share_and_last_with_intervals():
    table = claims.side_by_side(share_rows([0.1, 0.2, 0.3, 0.25]), added(UP, NONE, UP, DOWN))
    assert list(table) == ["level", "head", "encoder", "alone", "share", "added last"]
    rows = table.set_index("encoder")
    assert rows.loc["pitch", ["alone", "share", "added last"]].tolist() == [
        "+30.0 (+29.0 to +31.0)", "+10.0 (+8.0 to +12.0)", "+10.5 (+1.0 to +20.0)",
    ]  # fmt: skip
    assert rows.loc["timbre", "added last"] == "no value"


# Subsets


@pytest.mark.parametrize(("row", "said"), [
    (best_row(ALL_FOUR, (0, 0, 0), (0, 0, 0)), "Every smaller subset is significantly worse (paired differences)."),
    (best_row("pitch", (0.0, 0, 0), (-0.1, -0.2, -0.05), best="pitch"),
     "None is smaller. Adding the rest to it: -10.0 (-20.0 to -5.0) points."),
    (best_row("pitch+timbre", (0.0, 0, 0), (-0.1, -0.2, -0.05), best="pitch+timbre"),
     "significantly worse (paired differences). Adding the rest to it: -10.0 (-20.0 to -5.0) points."),
    (best_row("pitch", (0.03, -0.01, 0.07), (0.01, -0.02, 0.04), best="pitch+timbre"),
     "pitch, 87.0 (paired difference +3.0 (-1.0 to +7.0) points). Adding the rest to it: +1.0 (-2.0 to +4.0) points."),
    (best_row(ALL_FOUR, (0, *NONE), (0, *NONE), low=np.nan, high=np.nan),
     "all four, 90.0 (no interval). Whether a smaller one is as good cannot be said"),
])  # fmt: skip
def test_the_smallest_subset_and_what_the_rest_does(row, said):
    assert said in claims.best_subset(row, "map_macro", "clip", "paper")


def test_a_measure_that_is_missing_has_no_best_subset():
    assert (
        claims.best_subset(best_row(), "recall@5", "clip", "paper") == "There is no recall@5 of clips on this corpus."
    )


# All four against every single one


def test_the_claim_that_all_beat_every_single_one_has_its_p():
    told = conclude(together=together_rows(UP, UP, OPEN, UP))
    assert (
        "All four together beat every single encoder by top 1: p = 0.025, the largest of 4 one-sided p values "
        "(intersection-union test); the intervals that hold for all at once are above zero for pitch, timbre, waveform, "
        "not for neuralogram."
    ) in told
    assert "p < 0.001, the largest" in conclude(together=together_rows(*[UP] * 4, p_all=0.0001))
    assert "clearly below timbre alone" in conclude(together=together_rows(UP, DOWN, UP, UP, p_all=0.99))
    assert "cannot be tested (top 1)" in conclude(together=together_rows(*[NONE] * 4, p_all=np.nan))


def test_few_groups_are_told_with_the_intervals():
    assert "Only 17 groups of test clips can be drawn anew" in conclude(together=together_rows(*[UP] * 4, groups=17))
    assert "drawn anew" not in conclude()


# Classes


def owned_rows(*classes):
    start = {"game": "paper4", "level": "clip", "head": "paper", "measure": "map_macro"}
    return pd.DataFrame([
        start | {"class": name, "encoder": encoder, "share": 0.2, "p": p, "q": p, "owned": owned}
        for name, encoder, p, owned in classes
    ])  # fmt: skip


def test_how_many_classes_are_owned_after_the_correction():
    table = owned_rows(
        ("dog", "pitch", 0.01, True), ("rain", "timbre", 0.4, False), ("bell", "pitch", 0.02, True), ("sea", "pitch", np.nan, False),
    )  # fmt: skip
    empty = table.iloc[[0]].assign(
        **{"class": "empty", "encoder": np.nan, "share": np.nan, "p": np.nan, "owned": False}
    )
    table = pd.concat([table, empty])
    told = claims.owned(pd.concat([table, table.assign(level="chunk", owned=True)]), "clip", "paper")
    assert told[0].startswith("2 of 4 classes are owned (clips, paper head)")
    assert "over 3 classes (Benjamini-Hochberg). 1 more cannot be tested" in told[0]
    assert told[1:] == ["pitch owns: dog, bell"]


def test_no_class_is_owned():
    told = claims.owned(owned_rows(("dog", "pitch", 0.5, False)), "clip", "paper")
    assert len(told) == 1 and told[0].startswith("0 of 1 classes are owned")


# Controls


def control_row(ends, p_holm, level="clip", **other):
    return {"control": "seeds", "game": "seeds4", "level": level, "head": "paper", "study_head": "paper", "value": 0.8,
            "study": 0.8 + sum(ends) / 2, "difference": sum(ends) / 2, "low": ends[0], "high": ends[1], "p": p_holm / 3,
            "p_holm": p_holm} | other  # fmt: skip


NOTHING = share_rows([0.0] * 4).iloc[:0]


@pytest.mark.parametrize(("ends", "p", "said"), [
    (UP, 0.01, "clips 90.5 less 80.0, +10.5 (+1.0 to +20.0) points, clearly above it (p = 0.010 after Holm)."),
    (UP, 0.09, "not significantly different (p = 0.090 after Holm, though p = 0.030 by itself)."),
    (OPEN, 0.6, "+2.5 (-5.0 to +10.0) points, not significantly different (p = 0.600 after Holm)."),
    (DOWN, 0.01, "clips 69.5 less 80.0, -10.5 (-20.0 to -1.0) points, clearly BELOW it (p = 0.010 after Holm)."),
    (NONE, np.nan, "clips: there is no value to compare."),
])  # fmt: skip
def test_a_control_is_compared_after_holm(ends, p, said):
    told = claims.controls(pd.DataFrame([control_row(ends, p)]), NOTHING, {"seeds": "Four seeds of one"}, "paper")
    assert told[0].startswith("Four seeds of one, study less control: ") and told[0].endswith(said)


def test_a_control_is_told_by_chunks_and_by_clips():
    rows = pd.DataFrame([
        control_row(DOWN, 0.01, "chunk", control="mean", head="own"), control_row(UP, 0.02, control="mean", head="own"),
        control_row(UP, 0.02, control="mean", head="own", study_head="linear"),
    ])  # fmt: skip
    told = claims.controls(rows, NOTHING, {}, "paper")
    assert len(told) == 1
    assert in_order(told[0], "mean, study less control: chunks", "clearly BELOW it", "; clips", "clearly above it")


def test_no_control():
    assert claims.controls(pd.DataFrame(), NOTHING, {}, "paper") == ["No control was run."]


@pytest.mark.parametrize(("ends", "said"), [
    (OPEN, "not significantly different from zero, as it should be"), (UP, "something is WRONG"),
    (DOWN, "noise takes away: the head overfits on so few clips"), (NONE, "cannot be tested, one group alone"),
])  # fmt: skip
def test_noise_gets_nothing_or_takes_away(ends, said):
    row = HERE | {"game": "noise5", "encoder": "noise", "share": sum(ends) / 2, "low": ends[0], "high": ends[1]}
    told = claims.controls(pd.DataFrame(), pd.DataFrame([row, row | {"measure": "top1"}]), {}, "paper")
    assert (
        len(told) == 2 and said in told[1] and told[1].startswith("Noise, played as a fifth encoder, gets a share of")
    )


def test_families_of_labels_stand_before_the_shares_with_the_best_single_encoder_and_all_four():
    def row(branch, encoder, value, n_classes):
        return {
            "branch": branch,
            "level": "clip",
            "head": "paper",
            "encoder": encoder,
            "value": value,
            "low": value - 0.1,
            "high": value + 0.1,
            "n_classes": n_classes,
        }

    families = pd.DataFrame([
        row("timbre", "pitch", 0.3, 2), row("timbre", "timbre", 0.9, 2), row("timbre", ALL_FOUR, 0.8, 2),
        row("pitch", "pitch", 0.48, 3), row("pitch", "timbre", 0.2, 3), row("pitch", ALL_FOUR, 0.292, 3),
    ])  # fmt: skip
    told = conclude(families=families)
    said = (
        "By family of labels (paper head), the best single encoder and all four: pitch: pitch 48.0 (38.0 to 58.0), all four 29.2 (19.2 to "
        "39.2); timbre: timbre 90.0 (80.0 to 100.0), all four 80.0 (70.0 to 90.0)."
    )
    assert said in told and told.index("Best of the") < told.index(said) < told.index("Shares of the")
    assert "By family" not in conclude(families=families[:0])
