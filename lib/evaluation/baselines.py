"""Every encoder beside the best classical learner on its own input: paired differences, on the same clips and draws."""

from collections.abc import Iterator, Sequence

import pandas as pd

from lib.encoders.heads import label
from lib.evaluation.contributions import Played
from lib.evaluation.intervals import difference, holm
from lib.evaluation.sentences import SIGNIFICANT, number, only_alone, points, short, which_way
from lib.files.cells import rows_with

CLASSICAL = "classical"  # the control
COLUMNS = [
    "level", "head", "measure", "subset", "value", "classical", "difference", "low", "high", "p", "p_holm", "seeds",
]  # fmt: skip


def table(played: Sequence[Played]) -> pd.DataFrame:
    """Rows of baselines.csv [COLUMNS]: each encoder and all of them; none where the control `classical` was not played.

    difference is the encoder with the study's head less the classical learner; p_holm is corrected over the rows of one
    level and head.
    """
    theirs = {one.level: one for one in played if one.game.control == CLASSICAL}
    own = [one for one in played if not one.game.control and one.level in theirs]
    rows = pd.DataFrame([row for one in own for row in _rows(one, theirs[one.level])], columns=COLUMNS)
    rows["p_holm"] = rows.groupby(["level", "head"])["p"].transform(holm) if len(rows) else rows["p"]
    return rows


def _rows(ours: Played, theirs: Played) -> Iterator[dict]:
    for subset in [*((name,) for name in ours.game.players), ours.game.players]:
        mine, classical = (one.over_all()[subset] for one in (ours, theirs))
        values = {"value": float(ours.of.value(mine)), "classical": float(ours.of.value(classical))}
        yield ours.row(subset=label(subset), **values, **difference(ours.of, mine - classical))


def sentences(rows: pd.DataFrame, level: str, head: str) -> list[str]:
    """Which encoders are below or above the classical learner on their own input, and by how much."""
    mine = rows_with(rows, level=level, head=head)
    if mine.empty:
        return ["Classical learners were not played (`CONTROLS=classical`)."]
    each = "; ".join(f"{short(row['subset'])} {against(row)}" for _, row in mine.iterrows())
    return [f"A fresh {head} head on the encoder less the classical learner on the same input ({level}s): {each}."]


def against(row: pd.Series) -> str:
    """Two values, their paired difference in points, and whether it is significant after Holm's correction."""
    less = points(row["difference"], row["low"], row["high"])
    doubt = only_alone(row["p"], row["p_holm"])
    return f"{number(row['value'])} against {number(row['classical'])}, {less}, {verdict(row)}{doubt}"


def verdict(row: pd.Series) -> str:
    """Below, above, or not significantly different; "no interval" where there is none."""
    side = which_way(row["difference"], row["p_holm"] < SIGNIFICANT, "significantly above", "significantly below")
    return "no interval" if pd.isna(row["p_holm"]) else side
