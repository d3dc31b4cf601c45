"""Shares against budget and against data: the points of a curve in, a table and a sentence out.

A point is the study's game with encoders that had a part of their epochs, or that were trained (as the heads were) on a
part of the training groups; the last point of a curve is the study itself. All points are scored on the same test clips
with the same draws, so their differences are paired.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lib.evaluation import contributions, shapley
from lib.evaluation.contributions import Played
from lib.evaluation.games import Point
from lib.evaluation.results import SHARED
from lib.evaluation.sentences import clear, number, points, which_way
from lib.files.cells import rows_with
from lib.sounds.chunks import LEVELS
from lib.study import Study

TOGETHER = "all four"
FEATURES = ("pitch", "timbre")  # those that are computed by a rule, and not learned
COLUMNS = [
    "curve", "part", "n_epochs", "n_groups", "n_clips", "encoder", "what", "level", "head", "measure", "value", "low",
    "high", "seeds",
]  # fmt: skip
ENDS = ["curve", "part", "level", "head", "what", "at_part", "at_all", "difference", "low", "high"]
QUESTIONS = {
    "budget": ("Do features help most where training is short?", "of the epochs"),
    "data": ("Do features help most where data are few?", "of the training groups"),
}

Curve = list[tuple[Point, Played]]


def play(study: Study, points: Sequence[Point], played: Sequence[Played] = ()) -> Curve:
    """Every point with its game at each level with each head; games that are among `played` are not played again."""
    there = {(one.game.name, one.level, one.head): one for one in played}
    curve: Curve = []
    for point in points:
        for level in LEVELS:
            for head in study.settings.heads.kinds:
                key = (point.game.name, level, head)
                if key not in there:
                    there[key] = contributions.play(study, point.game, level, head, [SHARED])
                curve.append((point, there[key]))
    return curve


def table(curve: Curve) -> pd.DataFrame:
    """Rows of curves.csv [COLUMNS]: share, alone and added last of each encoder, and the value of each and of all four."""
    return pd.DataFrame([row for point, one in curve for row in _rows(point, one)], columns=COLUMNS)


def _rows(point: Point, one: Played) -> Iterator[dict[str, Any]]:
    game = one.over_all()
    everyone = max(game, key=len)
    numbers = {
        "share": shapley.shapley(game),
        "alone": shapley.add_one_in(game),
        "added_last": shapley.leave_one_out(game),
        "value": {name: game[name,] for name in everyone} | {TOGETHER: game[everyone]},
    }
    for what, each in numbers.items():
        for name, rows in each.items():
            at = {"curve": point.curve, "part": point.part, "n_groups": point.groups, "n_clips": point.clips}
            yield one.row(**at, n_epochs=_epochs(point, name), encoder=name, what=what, **one.of.cells(rows))


def _epochs(point: Point, name: str) -> float:
    """Epochs of one encoder; of all four where they have the same."""
    if name in point.epochs:
        return point.epochs[name]
    each = set(point.epochs.values())
    return each.pop() if len(each) == 1 else np.nan


def ends(curve: Curve) -> pd.DataFrame:
    """Rows of curve_ends.csv [ENDS]: pitch and timbre together at a curve's smallest part, at all, the paired difference."""
    rows = []
    for name, level, head in dict.fromkeys((point.curve, one.level, one.head) for point, one in curve):
        mine = [(point, one) for point, one in curve if (point.curve, one.level, one.head) == (name, level, head)]
        (few, least), (_, whole) = (pick(mine, key=lambda each: each[0].part) for pick in (min, max))
        for what, of in NUMBERS.items():
            at_few, at_all = of(least.over_all()), of(whole.over_all())
            values = {"at_part": float(whole.of.value(at_few)), "at_all": float(whole.of.value(at_all))}
            cells = whole.of.cells(at_few - at_all, "difference", "low", "high")
            rows.append(whole.row(curve=name, part=few.part, what=what, **values, **cells))
    return pd.DataFrame(rows, columns=ENDS)


def sentences(rows: pd.DataFrame, level: str, head: str) -> list[str]:
    """Of each curve whether pitch and timbre together get more at its smallest part than at its end; rows of `ends`.

    In points, and as a part of what all four have there: points may fall while the part rises.
    """
    says = []
    for name, mine in rows_with(rows, level=level, head=head).groupby("curve", sort=False):
        (question, of_what), part = QUESTIONS[name], f"1/{round(1 / mine['part'].iloc[0])}"
        each = "; ".join(_gained(row) for _, row in mine.iterrows())
        together = f"Pitch and timbre together at {part} {of_what} against all ({level}s, {head} head)"
        says.append(f"{question} {together}: {each}.")
    return says


def _gained(row: pd.Series) -> str:
    """One number of pitch and timbre at the smallest part, at all, and their paired difference."""
    if not np.isfinite(row[["at_part", "at_all", "difference", "low", "high"]].to_numpy(float)).all():
        return f"{row['what']}: no interval to compare"
    ways = (f"significantly {way} where there is less" for way in ("more", "less"))
    verdict = which_way(row["difference"], clear(row["low"], row["high"]), *ways)
    both = f"{number(row['at_part'], sign='+')} against {number(row['at_all'], sign='+')}"
    return f"{row['what']} {both}, difference {points(row['difference'], row['low'], row['high'])}: {verdict}"


def shares_of(game: shapley.ValueFunction) -> np.ndarray:
    """Rows [resample + seed] of the shares of pitch and timbre together."""
    each = shapley.shapley(game)
    return sum(each[name] for name in FEATURES)


def part_of_all(game: shapley.ValueFunction) -> np.ndarray:
    """Rows [resample + seed] of the shares of pitch and timbre, by what all four have above chance.

    With less training or less data everybody has less.
    """
    return shares_of(game) / (game[max(game, key=len)] - game[()])


def added_last(game: shapley.ValueFunction) -> np.ndarray:
    """Rows [resample + seed] of what pitch and timbre together add to the two others."""
    everyone = max(game, key=len)
    return game[everyone] - game[tuple(name for name in everyone if name not in FEATURES)]


NUMBERS = {"share": shares_of, "part of what all four have above chance": part_of_all, "added last": added_last}
