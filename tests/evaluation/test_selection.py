"""The best subset and the owners of classes, on games made by hand: what is paired, what is chosen, what is corrected."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from lib.evaluation import selection
from lib.evaluation.contributions import Played
from lib.evaluation.games import Game
from lib.evaluation.intervals import Sampling, benjamini_hochberg
from lib.evaluation.resampling import Bootstrap

RESAMPLES = 200


def additive(shares):
    """A game whose Shapley shares are these rows [resample + seed, group] of each player: v(S) is their sum."""
    names = tuple(shares)
    subsets = [subset for size in range(len(names) + 1) for subset in combinations(names, size)]
    nothing = np.zeros_like(next(iter(shares.values())))
    return {subset: sum((shares[name] for name in subset), nothing) for subset in subsets}


def rows(value, spread, rng):
    """Resamples around value [group] with this spread, and the value itself as the one seed."""
    value = np.asarray(value, float)
    return np.concatenate([value + spread * rng.standard_normal((RESAMPLES, len(value))), value[None]])


def played(game, classes=(), measure="map_macro", freedom=100):
    players = max(game, key=len)
    groups = {measure: ["all", *(f"class:{name}" for name in classes)]}
    of = Sampling(RESAMPLES, freedom)
    return Played(Game("paper4", players), "clip", "paper", of, {measure: game}, groups, 1, freedom + 1)


def owners(values, spread=0.01, seed=0):
    """owned.csv of the values [class] of each player, `spread` a number or one for each player."""
    rng = np.random.default_rng(seed)
    spreads = spread if isinstance(spread, dict) else dict.fromkeys(values, spread)
    shares = {name: rows([np.mean(v), *v], spreads[name], rng) for name, v in values.items()}
    classes = [f"c{k}" for k in range(len(next(iter(values.values()))))]
    return selection.owner_table([played(additive(shares), classes)]).set_index("class")


# Owned classes


def test_a_hair_above_the_runner_up_is_not_owned():
    table = owners({"pitch": [0.234, 0.400], "timbre": [0.232, 0.100], "waveform": [0.05, 0.02]})
    assert list(table["encoder"]) == ["pitch", "pitch"] and list(table["runner_up"]) == ["timbre", "timbre"]
    assert list(table["owned"]) == [False, True]
    assert table["share"].tolist() == pytest.approx([0.234, 0.4])
    assert table["difference"].tolist() == pytest.approx([0.002, 0.3])
    assert (table["low"] < table["difference"]).all() and (table["difference"] < table["high"]).all()
    assert list(table.reset_index()) != [] and set(selection.OWNER_COLUMNS) == {*table.columns, "class"}


def test_it_must_be_above_every_other_and_not_the_second_alone():
    """The second is surely below, the third may be above: its spread is large."""
    table = owners({"a": [0.30], "b": [0.20], "c": [0.15]}, {"a": 0.001, "b": 0.001, "c": 0.3})
    row = table.iloc[0]
    assert (row["encoder"], row["runner_up"]) == ("a", "b")
    assert row["low"] > 0
    assert row["p"] > 0.3 and not row["owned"]


def test_two_alike_differ_seldom_in_a_class_of_three_clips():
    """What two equal encoders make of 3 positives among 80 clips: 5 % of the p values are below 0.05, or fewer."""
    rng, p = np.random.default_rng(0), []
    targets = np.zeros((80, 1), int)
    targets[:3] = 1
    for seed in range(200):
        each = {}
        for name in "ab":
            scores = rng.normal(size=(80, 1)) + 1.5 * targets
            value, draws = Bootstrap(targets, scores, np.arange(80), RESAMPLES, seed).of_classes("map_macro")
            each[name] = np.repeat(np.concatenate([draws, value[None]]), 2, axis=1)
        game = replace(played(additive(each), ["rare"], freedom=79), class_freedom={"class:rare": 2})
        p.append(selection.owner_table([game])["p"].iloc[0])
    assert np.mean(np.array(p) < 0.05) <= 0.05
    assert np.mean(np.array(p) < 0.5) > 0.2  # and not because nothing is ever found


def test_a_loss_a_tie_and_a_lone_player_own_nothing():
    assert not owners({"a": [-0.1], "b": [-0.4]})["owned"].any()
    assert not owners({"a": [0.2], "b": [0.2]})["owned"].any()
    assert not owners({"a": [0.2]})["owned"].any()
    assert owners({"a": [0.1], "b": [-0.4]})["owned"].all()


def test_a_class_without_value_or_interval_is_told_and_not_owned():
    shares = {
        name: rows([v] * 3, 0.01, np.random.default_rng(k)) for k, (name, v) in enumerate({"a": 0.5, "b": 0.1}.items())
    }
    for each in shares.values():
        each[:, 1] = np.nan  # no test clip
        each[:RESAMPLES, 2] = np.nan  # test clips in one group
    table = selection.owner_table([played(additive(shares), ("none", "one"))]).set_index("class")
    assert table.loc["none", "encoder"] == "" and np.isnan(table.loc["none", "share"])
    assert table.loc["one", "encoder"] == "a" and table.loc["one", "share"] == pytest.approx(0.5)
    assert table[["p", "q"]].isna().all(axis=None) and not table["owned"].any()


def test_q_is_corrected_over_the_classes_that_have_a_p():
    gaps = np.array([0.045, 0.04, 0.035, 0.03, 0.02, 0.0])
    table = owners({"a": list(0.2 + gaps), "b": [0.2] * 6}, seed=3)
    np.testing.assert_allclose(table["q"], false_discovery_control(table["p"]))
    assert (table["q"] >= table["p"]).all()
    assert list(table["owned"]) == list(table["q"] <= 0.05)
    assert 0 < table["owned"].sum() < (table["p"] < 0.05).sum() + 1


def test_the_correction_by_hand():
    """Five p values: q is the smallest p * 5 / rank from there upwards; what has no p stays so and counts for none."""
    found = benjamini_hochberg([0.04, 0.005, np.nan, 0.13, 0.011, 0.02])
    np.testing.assert_allclose(found, [0.05, 0.025, np.nan, 0.13, 0.0275, 0.1 / 3])
    assert np.isnan(benjamini_hochberg([np.nan])).all() and len(benjamini_hochberg([])) == 0


def test_where_no_encoder_is_better_classes_are_owned_in_few_of_the_cases():
    """20 classes, four players alike: with a frame around the highest all 20 would be owned, here none in most runs."""
    rng, wrong = np.random.default_rng(1), 0
    for seed in range(60):
        drawn = rng.normal(0.2, 0.02, (4, 20))
        wrong += owners(dict(zip("abcd", drawn, strict=True)), 0.02, seed)["owned"].any()
    assert wrong <= 6


def test_false_owners_are_few_among_those_found():
    """Half of the classes have an owner by five standard errors: most are found, few false ones among them."""
    rng, false, found = np.random.default_rng(2), 0, 0
    for seed in range(20):
        truth = np.full((4, 20), 0.2)
        truth[0, :10] += 0.02 * np.sqrt(2) * 5
        table = owners(dict(zip("abcd", rng.normal(truth, 0.02), strict=True)), 0.02, seed)
        false += table["owned"].iloc[10:].sum() + (table["owned"] & (table["encoder"] != "a")).iloc[:10].sum()
        found += table["owned"].sum()
    assert found > 150
    assert false / found < 0.05


# The best subset


def game(values, common=0.0, own=0.0):
    """Rows of each subset: a spread that all share, which pairing takes away, and one of its own."""
    rng = np.random.default_rng(0)
    shared = np.append(common * rng.standard_normal(RESAMPLES), 0)
    each = {subset: np.append(own * rng.standard_normal(RESAMPLES), 0) for subset in values}
    return {subset: (value + shared + each[subset])[:, None] for subset, value in values.items()}


VALUES = {(): 0.1, ("a",): 0.50, ("b",): 0.30, ("a", "b"): 0.52}


def best(*given, **asked):
    return selection.best_subset_table([played(*given, **asked)]).iloc[0]


def test_the_smallest_is_as_good_by_the_paired_difference():
    row = best(game(VALUES, own=0.02))
    assert (row["best"], row["smallest"], row["subsets"]) == ("a+b", "a", 3)
    assert (row["value"], row["smallest_value"]) == pytest.approx((0.52, 0.50))
    assert row["difference"] == pytest.approx(0.02) and row["diff_low"] < 0 < row["diff_high"]
    assert row["rest"] == pytest.approx(0.02)
    assert row["groups"] == 101


def test_overlapping_intervals_do_not_make_two_subsets_alike():
    """Each value is uncertain by 10 points, their difference by a tenth of one: the smaller is significantly worse."""
    row = best(game(VALUES, common=0.1, own=0.001))
    assert row["low"] < 0.50
    assert (row["best"], row["smallest"]) == ("a+b", "a+b")
    assert (row["difference"], row["diff_low"], row["rest"]) == (0, 0, 0)


def test_a_single_one_may_be_the_best_and_the_rest_take_away():
    row = best(game(VALUES | {("a", "b"): 0.40}, own=0.01))
    assert (row["best"], row["smallest"]) == ("a", "a")
    assert row["rest"] == pytest.approx(-0.1) and row["rest_high"] < 0


def test_of_several_of_one_size_the_highest_stands():
    assert best(game({(): 0, ("a",): 0.50, ("b",): 0.51, ("a", "b"): 0.52}, own=0.05))["smallest"] == "b"


def test_one_group_alone_tells_of_no_smaller_subset():
    lone = {subset: each.copy() for subset, each in game(VALUES).items()}
    for each in lone.values():
        each[:RESAMPLES] = np.nan
    row = best(lone, freedom=0)
    assert (row["best"], row["smallest"]) == ("a+b", "a+b")
    assert row[["low", "high", "diff_low", "rest_low"]].isna().all()


def test_a_measure_without_values_has_no_row():
    nothing = {subset: np.full_like(each, np.nan) for subset, each in game(VALUES).items()}
    table = selection.best_subset_table([played(nothing)])
    assert list(table) == selection.BEST_COLUMNS and not len(table)
