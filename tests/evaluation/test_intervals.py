"""Intervals: what varies is in them, they cover, and several at once hold together."""

import numpy as np
import pytest
from scipy import stats

from lib.evaluation.intervals import Sampling, holm


def rows(draws, seeds):
    return np.concatenate([draws, seeds])


def test_with_one_seed_the_spread_of_the_resamples_and_t():
    draws = np.random.default_rng(0).normal(0.5, 0.1, 400)
    of = Sampling(400, 29)
    low, high = of.interval(rows(draws, [0.55]))
    reach = stats.t.ppf(0.975, 29) * draws.std(ddof=1)
    assert (low, high) == pytest.approx((0.55 - reach, 0.55 + reach))
    assert of.p_value(rows(draws, [0.55])) == pytest.approx(2 * stats.t.sf(0.55 / draws.std(ddof=1), 29))


def test_seeds_add_to_the_error_and_few_of_them_make_t_wide():
    draws = np.random.default_rng(0).normal(0, 0.1, 1000)
    of, seeds = Sampling(1000, 200), np.array([0.0, 0.4, -0.4])
    error, freedom = of.error(rows(draws, seeds))
    assert error == pytest.approx(np.sqrt(draws.var(ddof=1) + seeds.var(ddof=1) / 3))
    assert 2 < freedom < 4  # nearly all of it comes from three seeds
    assert of.error(rows(draws, [0.1, 0.1, 0.1]))[0] == pytest.approx(draws.std(ddof=1))


def test_a_seed_interval_is_the_t_interval_where_clips_do_not_vary():
    seeds = np.array([0.30, 0.34, 0.35, 0.41])
    low, high = Sampling(50, 20, 0.9).interval(rows(np.full(50, 0.35), seeds))
    assert (low, high) == pytest.approx(stats.t.interval(0.9, 3, seeds.mean(), stats.sem(seeds)))


def test_columns_are_numbers_of_their_own():
    draws = np.random.default_rng(1).normal(size=(100, 3))
    draws[:10, 1] = np.nan  # lost in some resamples
    seeds = np.array([[1.0, 2.0, 3.0]])
    of = Sampling(100, 9)
    low, high = of.interval(rows(draws, seeds))
    assert low.shape == (3,)
    assert (low[0], high[0]) == pytest.approx(of.interval(rows(draws[:, 0], seeds[:, 0])))
    assert high[1] - 2 == pytest.approx(stats.t.ppf(0.975, 9) * draws[10:, 1].std(ddof=1))


def test_each_column_may_have_degrees_of_freedom_of_its_own():
    draws, seeds = np.random.default_rng(1).normal(size=(100, 2)), np.array([[1.0, 2.0]])
    both = Sampling(100, np.array([2, 50])).interval(rows(draws, seeds))
    for column, freedom in enumerate((2, 50)):
        alone = Sampling(100, freedom).interval(rows(draws[:, column], seeds[:, column]))
        assert [end[column] for end in both] == pytest.approx([float(end) for end in alone])


def test_one_group_has_no_interval():
    assert np.isnan(Sampling(5, 0).interval(rows(np.full(5, np.nan), [0.5]))).all()
    assert np.isnan(Sampling(5, 0).interval(rows(np.zeros(5), [0.5]))).all()


def test_several_at_once_are_wider_than_each_and_cover_together():
    rng, of = np.random.default_rng(0), Sampling(300, 500)
    together = alone = 0
    for _ in range(300):
        errors = rng.normal(size=(4, 300))
        several = [rows(one, [shift]) for one, shift in zip(errors, rng.normal(size=4), strict=True)]
        both = of.simultaneous(several)
        single = [of.interval(one) for one in several]
        assert all(a[0] <= b[0] and a[1] >= b[1] for a, b in zip(both, single, strict=True))
        together += all(low < 0 < high for low, high in both)
        alone += all(low < 0 < high for low, high in single)
    assert 0.92 <= together / 300 <= 0.98
    assert alone / 300 < 0.88  # 0.95 to the fourth: why they are needed


def test_numbers_that_move_together_need_no_correction():
    draws = np.random.default_rng(0).normal(size=500)
    of = Sampling(500, 10**6)
    (low, high), _ = of.simultaneous([rows(draws, [0.0]), rows(draws * 2, [0.0])])
    assert high - low == pytest.approx(2 * 1.96 * draws.std(ddof=1), rel=0.05)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    found = holm([np.nan, 0.02])
    assert np.isnan(found[0]) and found[1] == 0.02
    assert holm([]) == []


def test_intervals_over_groups_cover_where_items_of_a_group_are_alike():
    """Three alike items a group: whoever resamples items covers 74 in 100."""
    from lib.evaluation.resampling import Bootstrap

    rng, inside = np.random.default_rng(0), 0
    for seed in range(200):
        hits = np.repeat(rng.random(40) < 0.5, 3)
        targets, groups = np.stack([hits, ~hits], axis=1).astype(np.uint8), np.repeat(np.arange(40), 3).astype(str)
        scores = np.tile([1.0, 0.0], (120, 1))
        drawn = Bootstrap(targets, scores, groups, 200, seed).of("top1")[1]
        low, high = Sampling(200, 39).interval(rows(drawn, [hits.mean()]))
        inside += low <= 0.5 <= high
    assert 0.91 <= inside / 200 <= 0.99
