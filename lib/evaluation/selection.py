"""What is chosen by looking, and so needs care: the best subset of a game, and the encoder that owns a class.

Both are read off the very clips that tell how good they are. So the best subset stands beside the smallest that is not
significantly worse, and a class is owned only where the highest share passes a test against every other, corrected for
the number of classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from lib.encoders.heads import label
from lib.evaluation import measures, shapley
from lib.evaluation.contributions import Played
from lib.evaluation.intervals import benjamini_hochberg

FALSE_DISCOVERIES = 0.05  # the share of classes called owned that may be so by luck
BEST_COLUMNS = [
    "game", "level", "head", "measure", "subsets", "best", "value", "low", "high", "smallest", "smallest_value", "difference",
    "diff_low", "diff_high", "rest", "rest_low", "rest_high", "groups", "seeds",
]  # fmt: skip
OWNER_COLUMNS = [
    "game", "level", "head", "measure", "class", "encoder", "share", "runner_up", "difference", "low", "high", "p", "q",
    "owned",
]  # fmt: skip


def best_subset_table(played: Sequence[Played]) -> pd.DataFrame:
    """The rows of best_subsets.csv: the best subset of each game by each measure, and the smallest not significantly worse.

    difference: best less smallest, with its paired interval (diff_low to diff_high), which includes zero; NaN where
    there is no interval, and then no smaller subset is offered. Of several of one size the highest stands. rest: all
    players less the smallest, what adding the others to it does. The best is chosen on these very clips, so its value
    is a little lucky; differences to it too. No row for a measure that has no value here.
    """
    rows = [_best(one, measure) for one in played for measure in one.values]
    return pd.DataFrame(filter(None, rows), columns=BEST_COLUMNS)


def _best(played: Played, measure: str) -> dict[str, Any] | None:
    of, values = played.of, {subset: each for subset, each in played.over_all(measure).items() if subset}
    point = {subset: float(of.value(each)) for subset, each in values.items()}
    if not np.isfinite(list(point.values())).all():
        return None
    best = max(point, key=point.__getitem__)
    near = [subset for subset in values if of.interval(values[best] - values[subset])[0] <= 0]
    smallest = min([best, *near], key=lambda subset: (len(subset), -point[subset]))
    lost, rest = (values[subset] - values[smallest] for subset in (best, played.game.players))
    return {
        **played.row(measure, subsets=len(values), best=label(best), smallest=label(smallest), groups=played.n_groups),
        **of.cells(values[best], ends=measures.ends(measure)), "smallest_value": point[smallest],
        **of.cells(lost, "difference", "diff_low", "diff_high"), **of.cells(rest, "rest", "rest_low", "rest_high"),
    }  # fmt: skip


def owner_table(played: Sequence[Played]) -> pd.DataFrame:
    """The rows of owned.csv, by game, level, head, measure and class; of measures that are means over classes."""
    return pd.DataFrame([row for one in played for row in _owner_rows(one)], columns=OWNER_COLUMNS)


def _owner_rows(played: Played) -> list[dict[str, Any]]:
    """Rows of owned.csv, one a class: whose share is highest, and whether it owns the class.

    It does where its share lies above zero and significantly above every other's: p is the largest of the paired p
    values against the others, two-sided since the highest was picked by looking; q corrects it for the number of
    classes (Benjamini and Hochberg) and is at most FALSE_DISCOVERIES. difference: to the second highest. A class without test
    clips has no encoder and no numbers.
    """
    rows = []
    for measure in [name for name in played.values if name in measures.BY_CLASS]:
        shares = shapley.shapley(played.values[measure])
        owners = [
            _owner(_by_groups_of(group, played), {name: each[:, column] for name, each in shares.items()})
            | {"class": group.removeprefix("class:"), "measure": measure}
            for column, group in enumerate(played.groups[measure])
            if group.startswith("class:")
        ]
        for row, q in zip(owners, benjamini_hochberg([row["p"] for row in owners]), strict=True):
            owned = bool(q <= FALSE_DISCOVERIES and row["share"] > 0)
            rows.append(played.row(**row, q=float(q), owned=owned))
    return rows


def _by_groups_of(group: str, played: Played) -> Played:
    """The game with the degrees of freedom of the groups that have this class: its positives carry all of the spread.

    With those of all groups, two encoders that are alike differ "significantly" (5 %) in 12 of 100 classes of three
    positives among 80 clips, and in 9 of eight positives; so in 1 and 5 (500 simulations each).
    """
    return replace(played, of=replace(played.of, freedom=played.class_freedom.get(group, played.of.freedom)))


def _owner(played: Played, shares: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The highest of these shares [resample + seed], the second, their difference, and p against all others."""
    ranked = sorted(shares, key=lambda name: -float(played.of.value(shares[name])))
    first, others = ranked[0], ranked[1:]
    if not np.isfinite(played.of.value(shares[first])):
        return {"encoder": "", "runner_up": "", "share": np.nan, "p": np.nan}
    cells, p = dict.fromkeys(("difference", "low", "high"), np.nan), np.nan
    if others:
        cells = played.of.cells(shares[first] - shares[others[0]], *cells)
        p = float(np.max([played.of.p_value(shares[first] - shares[name]) for name in others]))
    names = {"encoder": first, "runner_up": others[0] if others else ""}
    return {**names, "share": float(played.of.value(shares[first])), **cells, "p": p}
