"""Numbers in, shares out: what each encoder adds, by all subsets at once.

A game is a value for every subset of its players, the empty one included (here: a measure of the head on a subset, and
for the empty one what a ranking by chance is expected to have of it). The Shapley value of a player is what it adds to a coalition, averaged
over all orders in which the coalition can be built; the shares sum to the value of all less that of none.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from math import factorial

import numpy as np

from lib.encoders.heads import Subset

ValueFunction = Mapping[Subset, np.ndarray]  # value [...] of every subset; the players in one order throughout


def players(game: ValueFunction) -> Subset:
    """The largest coalition; ValueError where a subset of it has no value."""
    everyone = max(game, key=len)
    wanted = set(_coalitions(everyone))
    if lacking := sorted(wanted - set(game)):
        missing = "+".join(lacking[0]) or "nobody"
        raise ValueError(f"the game has no value for {missing}; all {len(wanted)} subsets are needed")
    return everyone


def shapley(game: ValueFunction) -> dict[str, np.ndarray]:
    """The share [...] of each player; they sum to the value of all less that of none."""
    everyone = players(game)
    n, shares = len(everyone), {}
    for player in everyone:
        shares[player] = sum(
            factorial(len(before))
            * factorial(n - len(before) - 1)
            / factorial(n)
            * _added(game, everyone, before, player)
            for before in _coalitions(name for name in everyone if name != player)
        )
    return shares


def interactions(game: ValueFunction) -> dict[tuple[str, str], np.ndarray]:
    """The Shapley interaction index [...] of each pair (Grabisch and Roubens 1999).

    What the two add together beyond what each adds alone, averaged over what may be there already: above zero they
    complement each other, far below zero one replaces the other (a little below zero even noise can lie).
    """
    everyone = players(game)
    n, indices = len(everyone), {}
    for first, second in combinations(everyone, 2):
        indices[first, second] = sum(
            factorial(len(before)) * factorial(n - len(before) - 2) / factorial(n - 1)
            * (_added(game, everyone, (*before, first), second) - _added(game, everyone, before, second))
            for before in _coalitions(name for name in everyone if name not in (first, second))
        )  # fmt: skip
    return indices


def add_one_in(game: ValueFunction) -> dict[str, np.ndarray]:
    """What each player brings alone [...]: its value less that of nobody."""
    everyone = players(game)
    return {player: _added(game, everyone, (), player) for player in everyone}


def leave_one_out(game: ValueFunction) -> dict[str, np.ndarray]:
    """What is lost when a player is missing [...]: the value of all less that of all others."""
    everyone = players(game)
    return {player: _added(game, everyone, tuple(p for p in everyone if p != player), player) for player in everyone}


def _coalitions(names: Iterable[str]) -> Iterator[Subset]:
    """All subsets of these players, the empty one first."""
    names = tuple(names)
    return (subset for size in range(len(names) + 1) for subset in combinations(names, size))


def _added(game: ValueFunction, everyone: Subset, before: Iterable[str], player: str) -> np.ndarray:
    """What a player adds to those who are there before."""
    without, with_it = (tuple(name for name in everyone if name in some) for some in (before, (*before, player)))
    return np.asarray(game[with_it]) - np.asarray(game[without])
