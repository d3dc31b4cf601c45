"""Shares against the orders themselves: every way of building a coalition, walked one by one."""

from itertools import combinations, permutations

import numpy as np
import pytest

from lib.evaluation.shapley import add_one_in, interactions, leave_one_out, shapley

PLAYERS = ("a", "b", "c", "d")
SUBSETS = [subset for size in range(5) for subset in combinations(PLAYERS, size)]


def random_game(seed, *shape):
    rng = np.random.default_rng(seed)
    return {subset: rng.normal(size=shape) for subset in SUBSETS}


def by_orders(game):
    """The mean over all 24 orders of what a player adds to those before it."""
    shares = dict.fromkeys(PLAYERS, 0.0)
    for order in permutations(PLAYERS):
        for place, player in enumerate(order):
            before = tuple(sorted(order[:place]))
            shares[player] += (game[tuple(sorted((*before, player)))] - game[before]) / 24
    return shares


@pytest.mark.parametrize("seed", range(5))
def test_shares_are_the_mean_over_all_orders(seed):
    game = random_game(seed, 7)
    for player, share in by_orders(game).items():
        np.testing.assert_allclose(shapley(game)[player], share, atol=1e-12)


def test_shares_sum_to_all_less_nobody():
    game = random_game(0, 100)
    np.testing.assert_allclose(sum(shapley(game).values()), game[PLAYERS] - game[()], atol=1e-9)


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_a_package_finds_the_same_shares_and_interactions(n):
    """shapiq is another implementation, by other people, of both indices."""
    from shapiq import ExactComputer

    everyone = tuple("abcdefgh"[:n])
    subsets = [subset for size in range(n + 1) for subset in combinations(everyone, size)]
    game = dict(zip(subsets, np.random.default_rng(n).normal(size=len(subsets)), strict=True))

    def theirs(coalitions):
        rows = np.atleast_2d(coalitions)
        return np.array([game[tuple(np.array(everyone)[row.astype(bool)].tolist())] for row in rows])

    computer = ExactComputer(theirs, n_players=n)
    values, pairs = computer("SV"), computer("SII", order=2)
    for number, player in enumerate(everyone):
        assert shapley(game)[player] == pytest.approx(values[(number,)], abs=1e-9)
    for (a, b), index in interactions(game).items():
        assert index == pytest.approx(pairs[(everyone.index(a), everyone.index(b))], abs=1e-9)


def test_copies_share_alike_and_replace_each_other():
    """b is a copy of a: whoever comes second adds nothing."""
    rng = np.random.default_rng(0)
    alone = {frozenset(subset): rng.random() for size in range(4) for subset in combinations("acd", size)}
    game = {s: alone[frozenset(s) - {"b"} | ({"a"} if "b" in s else set())] for s in SUBSETS}
    shares, pairs = shapley(game), interactions({s: v + ("a" in s or "b" in s) for s, v in game.items()})
    assert shares["a"] == pytest.approx(shares["b"], abs=1e-12)
    assert pairs["a", "b"] < 0


def test_players_that_only_help_together_complement_each_other():
    game = {subset: float({"a", "b"} <= set(subset)) for subset in SUBSETS}
    found = interactions(game)
    assert found["a", "b"] == pytest.approx(1)
    assert all(value == pytest.approx(0) for pair, value in found.items() if pair != ("a", "b"))
    assert shapley(game)["a"] == pytest.approx(0.5)


def test_alike_players_share_alike():
    game = {subset: float(len(subset)) ** 2 for subset in SUBSETS}
    np.testing.assert_allclose(list(shapley(game).values()), 4.0, atol=1e-12)


def test_a_dummy_gets_nothing_and_a_soloist_all():
    game = {subset: 3.0 * ("b" in subset) for subset in SUBSETS}
    assert {name: round(float(share), 12) for name, share in shapley(game).items()} == {"a": 0, "b": 3, "c": 0, "d": 0}


def test_the_two_simple_answers():
    game = random_game(1)
    assert add_one_in(game)["c"] == game["c",] - game[()]
    assert leave_one_out(game)["c"] == game[PLAYERS] - game["a", "b", "d"]


@pytest.mark.parametrize("kind", [shapley, interactions, add_one_in, leave_one_out])
@pytest.mark.parametrize(("gone", "told"), [(("a", "c"), r"a\+c"), ((), "nobody")])
def test_a_missing_subset_is_refused(kind, gone, told):
    game = random_game(2)
    del game[gone]
    with pytest.raises(ValueError, match=told):
        kind(game)
