"""What chance is expected to have: the average over every order of small cases, and over random scores of larger ones."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy.special import comb
from sklearn import metrics

from lib.evaluation import chance, measures
from lib.evaluation.resampling import Bootstrap, resampled


def mean_over_orders(targets):
    """Average precision by scikit-learn, the mean over every order of the items."""
    places = permutations(range(len(targets)))
    return np.mean([metrics.average_precision_score(targets, np.array(order)) for order in places])


@pytest.mark.parametrize(("n", "positives"), [(n, p) for n in range(1, 7) for p in range(1, n + 1)])
def test_average_precision_is_the_mean_over_all_orders(n, positives):
    targets = np.arange(n) < positives
    assert chance.average_precision(n, positives) == pytest.approx(mean_over_orders(targets), abs=1e-12)


def test_no_positive_is_no_value_and_harmonic_numbers_are_sums():
    assert np.isnan(chance.average_precision(5, 0))
    sums = np.cumsum(1 / np.arange(1, 2001))
    np.testing.assert_allclose(chance.harmonic(np.arange(1, 2001)), sums, rtol=1e-13)


def test_a_constant_that_ties_lies_below_chance():
    """The share of positives, which ties give, is less than what an order by chance is expected to have."""
    assert chance.average_precision(80, 8) == pytest.approx(0.145, abs=5e-4)  # ten classes on 80 clips: not 0.1
    targets = np.eye(4, dtype=int)[np.arange(40) % 4]
    tied = measures.evaluate(targets, np.zeros((40, 4)), names=["map_macro"])["map_macro"].value
    assert tied == pytest.approx(0.25)
    assert chance.evaluate(targets, names=["map_macro"])["map_macro"].value > 0.29


def test_micro_takes_all_pairs_as_one_ranking():
    targets = np.array([[1, 0], [1, 1], [0, 0]])
    found = chance.evaluate(targets, names=["map_micro"])["map_micro"]
    assert found.value == pytest.approx(mean_over_orders(targets.ravel()), abs=1e-12)
    assert found.n == 6


def test_lwlrap_is_the_mean_over_all_orders_of_the_classes():
    targets = np.array([[1, 0, 0, 1, 0], [1, 1, 1, 0, 0], [0, 0, 0, 0, 0], [0, 0, 1, 0, 0]])
    each = []
    for row in targets[targets.any(1)]:
        orders = permutations(range(5))
        mean = np.mean([metrics.label_ranking_average_precision_score([row], [order]) for order in orders])
        each.append((row.sum(), mean))
    expected = sum(m * value for m, value in each) / sum(m for m, _ in each)
    assert chance.evaluate(targets, names=["lwlrap"])["lwlrap"].value == pytest.approx(expected, abs=1e-12)


@pytest.fixture(scope="module")
def many():
    """30 items in 10 groups, 12 classes, 0 to 4 labels each, one class without a positive."""
    rng = np.random.default_rng(3)
    targets = (rng.random((30, 12)) < rng.uniform(0.05, 0.35, 12)).astype(int)
    targets[:, 7], targets[4] = 0, 0
    return targets, np.arange(30) % 10, np.arange(12) > 1


def test_every_measure_is_the_mean_of_random_scores(many):
    targets, _, leaves = many
    rng, runs = np.random.default_rng(0), 1000
    expected = chance.evaluate(targets, leaves)
    assert tuple(expected) == measures.NAMES == tuple(chance.EXPECTED)
    drawn = [measures.evaluate(targets, rng.random(targets.shape), leaves) for _ in range(runs)]
    for name in measures.NAMES:
        each = np.array([one[name].value for one in drawn])
        error = each.std(ddof=1) / np.sqrt(runs)
        assert abs(each.mean() - expected[name].value) < 4 * error, name
        assert (expected[name].n, expected[name].left_out) == (drawn[0][name].n, drawn[0][name].left_out)


def test_scikit_learn_agrees_on_random_scores(many):
    targets = many[0][:, many[0].any(0)]
    rng = np.random.default_rng(1)
    each = [metrics.average_precision_score(targets, rng.random(targets.shape)) for _ in range(1000)]
    error = np.std(each, ddof=1) / np.sqrt(1000)
    assert abs(np.mean(each) - chance.evaluate(targets, names=["map_macro"])["map_macro"].value) < 4 * error


def test_five_of_k_is_counted_as_by_hand():
    targets = np.zeros((2, 10), int)
    targets[0, :2] = targets[1, :3] = 1
    found = {name: value.value for name, value in chance.evaluate(targets, np.ones(10)).items()}
    assert found["recall@5"] == found["leaf_recall@5"] == pytest.approx(0.5)
    hits = [1 - comb(10 - m, 5, exact=True) / comb(10, 5, exact=True) for m in (2, 3)]
    assert found["hit@5"] == pytest.approx(np.mean(hits))
    assert found["precision@5"] == found["top1"] == pytest.approx(0.25)
    assert found["d_prime"] == 0


@pytest.mark.parametrize("width", [9, 12])
def test_what_has_no_value_has_the_same_reason_as_any_scores(width):
    cases = [np.zeros((4, width), int), np.ones((3, width), int), np.eye(width, dtype=int)]
    for targets, leaves in product(cases, (None, np.zeros(width), np.ones(width), np.arange(width) > 1)):
        if leaves is not None and not leaves.any() and width == 12:
            leaves = np.arange(width) < 3
        ours, theirs = chance.evaluate(targets, leaves), measures.evaluate(targets, targets, leaves)
        for name in measures.NAMES:
            assert (ours[name].n, ours[name].left_out, ours[name].reason) == (
                theirs[name].n, theirs[name].left_out, theirs[name].reason,
            )  # fmt: skip
            assert np.isnan(ours[name].value) == np.isnan(theirs[name].value), name


def test_resampled_is_the_expectation_of_the_items_drawn(many):
    targets, groups, leaves = many
    found = chance.Chance(targets, groups, 40, 5, leaves)
    weights = np.concatenate(list(resampled(groups, 40, 5)))
    for row in (0, 17, 39):
        repeated = chance.evaluate(np.repeat(targets, weights[row], axis=0), leaves)
        for name in measures.NAMES:
            assert found.of(name)[1][row] == pytest.approx(repeated[name].value, abs=1e-12), name


def test_class_by_class_averages_to_the_measure_in_every_resample(many):
    targets, groups, _ = many
    whole, found = chance.evaluate(targets), chance.Chance(targets, groups, 40, 5)
    for name in chance.BY_CLASS:
        values, draws = found.of_classes(name)
        assert draws.shape == (40, 12) and np.isnan(values[7]) and np.isnan(draws[:, 7]).all()
        assert np.nanmean(values) == pytest.approx(whole[name].value)
        np.testing.assert_allclose(np.nanmean(draws, axis=1), found.of(name)[1])
    assert set(chance.BY_CLASS) == set(measures.BY_CLASS)


def test_a_resample_is_missing_a_class_where_its_scores_are(many):
    targets, groups, _ = many
    _, draws = chance.Chance(targets, groups, 200, 1).of_classes("map_macro")
    _, scored = Bootstrap(targets, targets, groups, 200, 1).of_classes("map_macro")
    assert np.isnan(draws[:, :7]).any()
    np.testing.assert_array_equal(np.isnan(draws), np.isnan(scored))


def test_one_group_alone_cannot_be_resampled(many):
    targets = many[0]
    lone = chance.Chance(targets, np.zeros(30, int), 5, 0)
    assert np.isnan(lone.of("top1")[1]).all()
    values, draws = lone.of_classes("map_macro")
    assert np.isfinite(values).sum() == 11 and np.isnan(draws).all()
