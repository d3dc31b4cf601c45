"""Log-mel as a substitute: does any subset of the encoders do without it what the best one does with it?

All numbers are of the game `logmel5`, whose 31 subsets are scored on the same test clips with the same draws: differences
are paired. The best subsets are picked by these same scores, so that their difference is a description and its p that of
the two as they stand; the sentence says how many of the subsets without log-mel are significantly above the best with it, by
intervals that hold for all of them at once.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lib.encoders.heads import label
from lib.evaluation.contributions import Played
from lib.evaluation.intervals import difference
from lib.evaluation.sentences import clear, number, points
from lib.evaluation.shapley import Subset

GAME, LOGMEL = "logmel5", "logmel"
WITH, WITHOUT = "the best with log-mel", "the best without"
COLUMNS = [
    "level", "head", "measure", "what", "subset", "value", "low", "high", "against", "difference", "diff_low",
    "diff_high", "p",
]  # fmt: skip


def table(played: Sequence[Played]) -> pd.DataFrame:
    """Rows of substitutes.csv [COLUMNS]; none where the control `logmel` was not played.

    what: "instead of <encoder>", the three others and log-mel less all four; and the best subset with and without it, of
    which the first has the difference to the second. p is that of this difference alone.
    """
    return pd.DataFrame([row for one in _games(played) for row in _rows(one)], columns=COLUMNS)


def _games(played: Sequence[Played]) -> list[Played]:
    return [one for one in played if one.game.name == GAME]


def _rows(one: Played) -> Iterator[dict[str, Any]]:
    four = tuple(name for name in one.game.players if name != LOGMEL)
    for name in four:
        yield _row(one, f"instead of {name}", (*(other for other in four if other != name), LOGMEL), four)
    best, without = best_of(one, with_it=True), best_of(one, with_it=False)
    yield _row(one, WITH, best, without)
    yield _row(one, WITHOUT, without, None)


def best_of(one: Played, with_it: bool) -> Subset:
    """The subset with the highest value among those with log-mel, or those without; of equal ones the smallest."""
    game = one.over_all()
    there = [subset for subset in sorted(game, key=len) if subset and (LOGMEL in subset) == with_it]
    values = [float(one.of.value(game[subset])) for subset in there]
    return there[int(np.nanargmax(values))] if np.isfinite(values).any() else there[-1]


def _row(one: Played, what: str, subset: Subset, against: Subset | None) -> dict[str, Any]:
    game = one.over_all()
    row = one.row(what=what, subset=label(subset), **one.of.cells(game[subset]))
    if against is None:
        return row | {"against": ""}
    less = difference(one.of, game[subset] - game[against], "difference", "diff_low", "diff_high")
    return row | less | {"against": label(against)}


def sentences(played: Sequence[Played], level: str, head: str) -> list[str]:
    """Whether log-mel can stand for any of the four, and whether any subset without it wins."""
    games = [one for one in _games(played) if (one.level, one.head) == (level, head)]
    if not games:
        return ["Log-mel was not played (`CONTROLS=logmel`)."]
    rows = table(games).set_index("what")
    each = "; ".join(f"{what} {_points(row)}" for what, row in rows.iterrows() if what.startswith("instead of"))
    best, without = rows.loc[WITH], rows.loc[WITHOUT]
    n_above, n_without = above(games[0])
    wins = f"{n_above or 'none'} of the {n_without} subsets without it {'are' if n_above else 'is'}"
    with_it = f"The best subset with log-mel is {best['subset']}, {number(best['value'])}"
    without_it = f"the best without it {without['subset']}, {number(without['value'])}"
    picked = f"Both were picked by their test scores; {wins} significantly above the best with it"
    return [
        f"Log-mel in the place of one of the four, less all four ({level}s, {head} head): {each}.",
        f"{with_it}; {without_it}: difference {_points(best)}. {picked} (intervals that hold for all at once).",
    ]


def _points(row: pd.Series) -> str:
    """A paired difference, and whether its own interval leaves out zero: no correction for how many there are."""
    if not np.isfinite([row["difference"], row["diff_low"], row["diff_high"]]).all():
        return "no interval"
    verdict = "significant by itself" if clear(row["diff_low"], row["diff_high"]) else "not significant"
    return f"{points(row['difference'], row['diff_low'], row['diff_high'])}, {verdict}"


def above(one: Played) -> tuple[int, int]:
    """How many subsets without log-mel are above the best with it, by intervals that hold for all at once; of how many."""
    game, best = one.over_all(), best_of(one, with_it=True)
    without = [rows - game[best] for subset, rows in game.items() if subset and LOGMEL not in subset]
    return sum(low > 0 for low, _ in one.of.simultaneous(without)), len(without)
