"""Influence functions: equal to derivatives, to the bootstrap's own draws, and intervals made of them cover."""

import numpy as np
import pytest
from scipy import stats

from lib.evaluation import influence, measures, resampling, shapley
from lib.evaluation.intervals import Sampling

N_CLASSES = 12
LEAVES = np.arange(N_CLASSES) < 11


def made(n_groups, seed=0, per_group=3, ties=True, dtype=np.float32):
    """Targets, scores and groups of items: classes from common to rare, items of a group alike, many ties."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_groups), rng.integers(1, 2 * per_group, n_groups))
    of_group = rng.random((n_groups, N_CLASSES)) < np.geomspace(0.3, 0.03, N_CLASSES)
    targets = of_group[group]
    targets[np.arange(len(group)), rng.integers(3, size=len(group))] |= ~targets.any(1)
    scores = 0.8 * targets + rng.normal(size=targets.shape) + 0.5 * rng.normal(size=of_group.shape)[group]
    return targets.astype(np.uint8), (np.round(scores, 1) if ties else scores).astype(dtype), group.astype(str)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", measures.NAMES)
def test_an_influence_is_the_derivative_by_the_weight_of_a_group(name, dtype):
    """Against measures' own weighted values: all items 10,000 times, one group once more or less."""
    targets, scores, groups = made(20, dtype=dtype)
    found = influence.Influences(targets, scores, groups, LEAVES)
    number, n_groups = resampling.group_numbers(groups)
    changed = 10_000 + np.array([[1], [-1]]) * np.eye(n_groups, dtype=int)[:, None, :]  # [group, more or less, group]
    weights = changed.reshape(-1, n_groups)[:, number].astype(np.int32)
    matrix, of_classes = measures.Matrix(targets, scores, LEAVES), name in measures.BY_CLASS
    values = measures.BY_CLASS[name](matrix, weights) if of_classes else measures.MEASURES[name].values(matrix, weights)
    more, less = values.reshape(n_groups, 2, *values.shape[1:]).swapaxes(0, 1)
    wanted, psi = (more - less) / 2 * 10_000, (found.of_classes[name] if of_classes else found.of(name)).psi
    if of_classes:
        n_having = np.array([len(set(number[column > 0])) for column in targets.T])
        psi = psi / np.sqrt(n_having / np.maximum(n_having - 1, 1))
    assert psi == pytest.approx(wanted, abs=2e-5, nan_ok=True)
    expected = measures.evaluate(targets, scores, LEAVES, [name])[name].value
    assert float(found.of(name).value) == pytest.approx(expected, abs=1e-12)
    assert np.nanmax(np.abs(psi)) > 1e-3


def test_places_of_float16_rise_as_the_numbers_fall_and_zeros_tie():
    numbers = np.arange(2**16, dtype=np.uint16).view(np.float16)
    numbers = numbers[np.isfinite(numbers)]
    places = measures.places_of_float16(numbers).astype(int)
    assert (stats.rankdata(-numbers.astype(float), "dense") == stats.rankdata(places, "dense")).all()


def test_a_d_prime_at_its_limit_moves_with_the_number_of_items_alone():
    targets = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 1]])
    found = influence.Influences(targets, targets.astype(float), ["a", "a", "b", "c", "c"])
    area = stats.norm.cdf(found.of_classes["d_prime"].value / np.sqrt(2))
    assert area == pytest.approx([0.9, 0.9])
    slope = np.sqrt(2) / stats.norm.pdf(stats.norm.ppf(0.9)) * 0.5 / 25
    two = np.sqrt(2)  # wider, of two groups that have the second class; the first has one alone
    assert found.of_classes["d_prime"].psi == pytest.approx(slope * np.array([[2, 2 * two], [1, two], [2, 2 * two]]))


def test_rows_are_the_bootstraps_own_draws_made_straight():
    """From 200 groups on every measure moves as in the full bootstrap, draw by draw, and its standard error agrees."""
    targets, scores, groups = made(220)
    found = influence.measure(targets, scores, groups, 400, 3, LEAVES)
    drawn = resampling.Bootstrap(targets, scores, groups, 400, 3, LEAVES)
    for name in measures.NAMES:
        rows = drawn.of(name)[1]
        assert found.rows[name].std() == pytest.approx(rows.std(), rel=0.07), name
        assert np.corrcoef(found.rows[name], rows)[0, 1] > 0.94, name
    for name in measures.BY_CLASS:
        values, each = drawn.of_classes(name)
        assert found.class_values[name] == pytest.approx(values)
        common = targets.sum(0) > 60
        assert found.class_rows[name].std(0)[common] == pytest.approx(np.nanstd(each, axis=0)[common], rel=0.15)
        assert common.sum() > 5


def test_a_class_without_positives_has_no_value_and_counts_nowhere():
    targets, scores, groups = made(200)
    targets[:, 5] = 0
    found = influence.measure(targets, scores, groups, 20, 0)
    assert np.isnan(found.class_values["map_macro"][5]) and np.isnan(found.class_rows["map_macro"][:, 5]).all()
    assert np.isfinite(found.rows["map_macro"]).all()
    assert found.values["map_macro"].left_out == 1
    assert found.values["leaf_recall@5"].reason == "which classes are leaves is not given"
    assert np.isnan(found.rows["leaf_recall@5"]).all()


# Coverage

STRENGTH = {"a": 0.6, "b": 1.0, "c": 1.4}
SUBSETS = [(), ("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c")]


def draw(n_groups, rng):
    """Targets [item, class], group [item] and every coalition's scores: two items a group, alike in part; rare classes."""
    group = np.repeat(np.arange(n_groups), 2)
    frequency = np.geomspace(0.4, 0.04, 8)
    targets = np.eye(8, dtype=np.uint8)[rng.choice(8, size=n_groups, p=frequency / frequency.sum())][group]
    alike = 0.5 * rng.normal(size=(n_groups, 8))[group]
    heard = {name: s * targets + alike + 0.8 * rng.normal(size=targets.shape) for name, s in STRENGTH.items()}
    return targets, group, {
        subset: sum((STRENGTH[name] * heard[name] for name in subset), start=np.zeros(targets.shape)) for subset in SUBSETS
    }  # fmt: skip


def numbers(game):
    """All together, the shares, and their differences [number, ...] of a game of rows."""
    shares = shapley.shapley(game)
    return np.stack([game["a", "b", "c"], *shares.values(), shares["c"] - shares["a"], shares["b"] - shares["a"]])


def coverage(n_groups, trials, resamples, of_truth):
    """Share of trials [number] whose interval holds the expectation at this number of groups."""
    rng, name = np.random.default_rng(n_groups), "map_macro"

    def value(targets, scores):
        return np.atleast_1d(measures.evaluate(targets, scores, names=[name])[name].value)

    worlds = (draw(n_groups, rng) for _ in range(of_truth))
    wanted = np.mean(
        [numbers({s: value(targets, one) for s, one in game.items()})[:, 0] for targets, _, game in worlds], axis=0
    )
    inside, of = [], Sampling(resamples, n_groups - 1)
    for trial in range(trials):
        targets, group, game = draw(n_groups, rng)
        drawn = resampling.draws_of_groups(n_groups, resamples, trial) - 1
        each = {s: influence.Influences(targets, one, group).of(name) for s, one in game.items()}
        rows = numbers({s: np.append(one.value + drawn @ one.psi, one.value) for s, one in each.items()})
        low, high = of.interval(rows.T)
        inside.append((low <= wanted) & (wanted <= high))
    return np.mean(inside, axis=0)


def test_intervals_from_influence_cover_in_a_few_trials():
    found = coverage(200, trials=100, resamples=150, of_truth=300)
    assert 0.93 <= found.mean() <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("n_groups", [200, 400, 1500])
def test_intervals_from_influence_cover(large, n_groups):
    found = coverage(n_groups, trials=1000, resamples=200, of_truth=4000)
    assert 0.93 <= found.mean() <= 0.97
    assert (found > 0.92).all()
