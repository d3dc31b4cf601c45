"""Numbers in, shares out: what each encoder adds, by all subsets at once.

A game is a value for every subset of its players, the empty one included (here: a measure of the head on a subset, and
of the constant predictor for the empty one). The Shapley value of a player is what it adds to a coalition, averaged
over all orders in which the coalition can be built; the shares sum to the value of all less that of none.
"""

from collections.abc import Mapping
from itertools import combinations
from math import factorial

import numpy as np

Subset = tuple[str, ...]
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


def add_one_in(game: Game) -> dict[str, np.ndarray]:
    """What each player brings alone: its value less that of nobody."""
    everyone = players(game)
    return {player: _added(game, everyone, (), player) for player in everyone}


def leave_one_out(game: Game) -> dict[str, np.ndarray]:
    """What is lost when a player is missing: the value of all less that of all others."""
    everyone = players(game)
    return {player: _added(game, everyone, tuple(p for p in everyone if p != player), player) for player in everyone}


def _added(game: Game, everyone: Subset, subset: Subset, player: str) -> np.ndarray:
    with_player = tuple(name for name in everyone if name in subset or name == player)
    return np.asarray(game[with_player]) - np.asarray(game[subset])
