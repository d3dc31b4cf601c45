"""Numbers in, shares out: what each encoder adds, by all subsets at once.

A game is a value for every subset of its players, the empty one included (here: a measure of the head on a subset, and
for the empty one what a ranking by chance is expected to have of it). The Shapley value of a player is what it adds to a coalition, averaged
over all orders in which the coalition can be built; the shares sum to the value of all less that of none.
"""

from collections.abc import Mapping
from itertools import combinations
from math import factorial

import numpy as np

from lib.encoders.heads import Subset

Game = Mapping[Subset, np.ndarray]  # value [...] of every subset; the players in one order throughout


def players(game: Game) -> Subset:
    """The largest coalition; ValueError where a subset of it has no value."""
    everyone = max(game, key=len)
    wanted = {subset for size in range(len(everyone) + 1) for subset in combinations(everyone, size)}
    if lacking := sorted(wanted - set(game)):
        raise ValueError(
            f"the game has no value for {'+'.join(lacking[0]) or 'nobody'}; all {len(wanted)} subsets are needed"
        )
    return everyone


def shapley(game: Game) -> dict[str, np.ndarray]:
    """The share [...] of each player; they sum to the value of all less that of none."""
    everyone = players(game)
    n = len(everyone)
    shares = {}
    for player in everyone:
        others = [name for name in everyone if name != player]
        shares[player] = sum(
            factorial(size) * factorial(n - size - 1) / factorial(n) * _added(game, everyone, subset, player)
            for size in range(n)
            for subset in combinations(others, size)
        )
    return shares


def interactions(game: Game) -> dict[tuple[str, str], np.ndarray]:
    """The Shapley interaction index [...] of each pair (Grabisch and Roubens 1999).

    What the two add together beyond what each adds alone, averaged over what may be there already: above zero they
    complement each other, below zero one replaces the other.
    """
    everyone = players(game)
    n = len(everyone)
    found = {}
    for pair in combinations(everyone, 2):
        others = [name for name in everyone if name not in pair]
        found[pair] = sum(
            factorial(size)
            * factorial(n - size - 2)
            / factorial(n - 1)
            * (
                _added(game, everyone, _join(everyone, subset, pair[:1]), pair[1])
                - _added(game, everyone, subset, pair[1])
            )
            for size in range(n - 1)
            for subset in combinations(others, size)
        )
    return found


def add_one_in(game: Game) -> dict[str, np.ndarray]:
    """What each player brings alone: its value less that of nobody."""
    everyone = players(game)
    return {player: _added(game, everyone, (), player) for player in everyone}


def leave_one_out(game: Game) -> dict[str, np.ndarray]:
    """What is lost when a player is missing: the value of all less that of all others."""
    everyone = players(game)
    return {player: _added(game, everyone, tuple(p for p in everyone if p != player), player) for player in everyone}


def _added(game: Game, everyone: Subset, subset: Subset, player: str) -> np.ndarray:
    return np.asarray(game[_join(everyone, subset, (player,))]) - np.asarray(game[subset])


def _join(everyone: Subset, subset: Subset, more: Subset) -> Subset:
    """Both together, in the players' order."""
    return tuple(name for name in everyone if name in subset or name in more)
