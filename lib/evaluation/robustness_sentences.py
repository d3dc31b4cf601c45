"""Sentences about what breaks a study, made from the tables of `robustness`."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lib.encoders.heads import ALL_FOUR
from lib.evaluation.intervals import holm
from lib.evaluation.sentences import SIGNIFICANT, estimate, listed, number, points, short
from lib.files.cells import rows_with
from lib.sounds.perturb import PERTURBATIONS

MANY = 0.9  # of the gain of the whole clip: enough heard


def breaks(half: pd.DataFrame, level: str, head: str) -> list[str]:
    """Of each perturbation which encoder loses half of its gain first, where, and where all four do."""
    rows = rows_with(half, level=level, head=head, group="all")
    return [_breaks(name, own.set_index("subset")) for name, own in rows.groupby("perturbation", sort=False)]


def _breaks(name: str, rows: pd.DataFrame) -> str:
    single = rows[[("+" not in subset) for subset in rows.index]].sort_values("step", kind="stable")
    whole, title = rows.loc[ALL_FOUR] if ALL_FOUR in rows.index else rows.iloc[-1], PERTURBATIONS[name].title
    without, single = single[single["step"].isna()], single.dropna(subset="step")
    also = f" Not above chance to begin with: {listed(without.index)}." if len(without) else ""
    if not len(single) or np.isnan(whole["step"]):
        return f"{title}: all four, or all encoders alone, have no gain above chance to lose.{also}"
    lost, kept = single[np.isfinite(single["step"])], single[~np.isfinite(single["step"])]
    if not len(lost):
        worst = single["kept_at_end"].idxmin()
        ends = f"{worst} keeps least, {_percent(single.loc[worst, 'kept_at_end'])} at the strongest"
        return f"{title}: no encoder alone loses half of its gain ({ends}); all four keep {_percent(whole['kept_at_end'])}.{also}"
    each = ", ".join(f"{encoder} at {row['half_at']}" for encoder, row in lost.iterrows())
    unsure = len(single) > 1 and not single["high_step"].iloc[0] < single["low_step"].iloc[1:].min()
    doubt = " (the intervals overlap, so that which is first is not shown)" if unsure else ""
    never = f"; {listed(kept.index)} never" if len(kept) else ""
    together = "never lose it" if np.isinf(whole["step"]) else f"lose it at {whole['half_at']}"
    return f"{title}: half of the gain is gone first for {each}{never}{doubt}. All four {together} and keep {_percent(whole['kept_at_end'])} at the strongest.{also}"


def _percent(part: float) -> str:
    return f"{100 * part:.0f} %" if np.isfinite(part) else "no value"


def strength(value: object) -> str:
    """A strength as a table has it: a number without needless digits, or the name of a resampler."""
    try:
        return f"{float(value):g}"
    except ValueError:
        return str(value)


def moved(shares: pd.DataFrame, level: str, head: str) -> list[str]:
    """Of each perturbation whether an encoder's part of the gain moves, at the strongest step where it does significantly."""
    rows = rows_with(shares, level=level, head=head)
    return [_moved(name, own) for name, own in rows.groupby("perturbation", sort=False)]


def _moved(name: str, rows: pd.DataFrame) -> str:
    sure = rows[rows["p_holm"] < SIGNIFICANT].sort_values("step").groupby("encoder", sort=False).last()
    unit, title = PERTURBATIONS[name].unit, PERTURBATIONS[name].title
    if not len(sure):
        return f"{title}: no encoder's part of the gain moves significantly."
    each = (
        f"{encoder} {points(row['difference'], row['difference_low'], row['difference_high'])} at {strength(row['strength'])} {unit}".strip()
        for encoder, row in sure.iterrows()
    )
    return f"{title}: the part of the gain moves for {'; '.join(each)}."


def robust(features: pd.DataFrame, level: str, head: str) -> str:
    """Whether features make the whole more robust: how often their margin grows or shrinks as clips are made worse.

    The verdict is over all conditions: of a dozen perturbations, each corrected by itself, one or two grow by chance.
    """
    rows = rows_with(features, level=level, head=head)
    tried, whole = rows[rows["step"] > 0], rows[rows["step"] == 0].iloc[0]
    tried = tried.assign(p_all=holm(tried["p"]))
    (up, down), (grown, shrunk) = (
        [
            [
                PERTURBATIONS[name].title
                for name in dict.fromkeys(tried[(tried[p] < SIGNIFICANT) & moved]["perturbation"])
            ]
            for moved in (tried["moved"] > 0, tried["moved"] < 0)
        ]
        for p in ("p_holm", "p_all")
    )
    above, below = (tried["low"] > 0).sum(), (tried["high"] < 0).sum()
    behind, ahead = tried[tried["ahead_high"] < 0], tried[tried["ahead_low"] > 0]
    who = f" ({listed(dict.fromkeys(behind['best_single']))})" if len(behind) else ""
    verdict = (
        f"is borne out under {listed(grown)} alone"
        if grown
        else "is not borne out: no growth is left after the correction for all of them"
    )
    return (
        f"Does learning pitch and timbre apart make the set robust ({level}s, {head} head)? On clean clips the two add "
        f"{points(whole['margin'], whole['low'], whole['high'])} to the learned encoders. Of {len(tried)} conditions all four lie "
        f"significantly above the learned encoders alone in {above} and below in {below}, each by itself. Corrected for the "
        f"strengths of one perturbation, what they add grows under {listed(up)} and shrinks under {listed(down)}; corrected for all "
        f"conditions, it grows under {listed(grown)} and shrinks under {listed(shrunk)}. Here the word 'robust' {verdict}. A single "
        f"encoder lies significantly above all four in {len(behind)} conditions{who}, all four above the best single one in {len(ahead)}."
    )


def heard(lengths: pd.DataFrame, head: str) -> list[str]:
    """How long one must listen: what the shortest excerpt and a second give, and from where on most of the gain is there."""
    rows = rows_with(lengths, head=head, subset=ALL_FOUR)
    return (
        [line for place, own in rows.groupby("place", sort=False) for line in _heard(place, own)] if len(rows) else []
    )


def _heard(place: str, rows: pd.DataFrame) -> Iterator[str]:
    where = {"start": "from the start", "random": "from anywhere"}[place]
    long = rows[rows["fill"].isin(["", "repeat"])].sort_values("length_s")
    enough = long[long["kept"][::-1].cummin()[::-1] >= MANY]  # there, and at every longer one
    first = f"from {enough['length_s'].iloc[0]:g} s on" if len(enough) else "at no length below the whole clip's"
    one = long[long["length_s"] == 1]
    at_one = (
        f"one second gives {estimate(one.iloc[0])}, {_percent(one['kept'].iloc[0])} of the gain; " if len(one) else ""
    )
    yield f"Heard {where}, all four: {at_one}{_percent(MANY)} of the whole clip's gain are there {first}."
    for length_s, own in rows[rows["fill"] != ""].groupby("length_s"):
        each = own.set_index("fill")["value"]
        if length_s == rows["length_s"].min() and {"repeat", "zeros", "context"} <= set(each.index):
            yield (
                f"Of {length_s:g} s {where}: repeated {number(each['repeat'])}, with zeros {number(each['zeros'])}; the second around it "
                f"gives {number(each['context'])}."
            )


def inputs(table: pd.DataFrame, level: str, head: str) -> list[str]:
    """What a network inside an encoder loses where it is shown its input otherwise than it was trained."""
    rows = rows_with(table, level=level, head=head)
    found = []
    for encoder, own in rows.groupby("encoder", sort=False):
        alone = own[own["subset"] == encoder]
        trained = alone[alone["input"] == "as trained"].iloc[0]
        each = ", ".join(
            f"{row['input']} {number(row['value'])}{' (clearly other)' if row['p_holm'] < SIGNIFICANT else ''}"
            for _, row in alone.iterrows()
            if row["input"] != "as trained"
        )
        found.append(
            f"{short(encoder)} with its network's input as trained {estimate(trained)}; not retrained, {each}."
        )
    return found
