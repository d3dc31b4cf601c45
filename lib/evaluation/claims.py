"""What may be claimed of shares, subsets, classes and controls, in sentences made from the tables.

First comes what is hard to reach: the best subset, the smallest that is not significantly worse, and what an encoder adds
last, to all others. A positive share is nearly automatic, even an exact copy of another encoder gets one, so it never stands alone.
"Clearly" is said of what is significant after the correction for how many were tested; an interval of one number is told
as it is. The tables are those that lib/evaluation/contributions.py and lib/evaluation/comparisons.py write.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib.display.screen import measure_name
from lib.encoders.heads import ALL_FOUR
from lib.evaluation.results import SHARED
from lib.evaluation.sentences import NO_GROUPS, between, few_groups, number, seeds, short
from lib.sounds.chunks import LEVELS

STUDY = "paper4"  # the game of the study itself
LEVEL = 0.05  # of a test
FAMILIES = 8  # of labels in a sentence, at most
COPY = "A positive share is nearly automatic (even an exact copy of another encoder gets one, and adds nothing last); what the others lack shows in added last"


def points(value: float, low: float, high: float, measure: str = "") -> str:
    """A difference with its interval, in points; d' as it is."""
    return (
        f"{number(value, measure, '+')} {between(low, high, measure, '+')}{'' if measure == 'd_prime' else ' points'}"
    )


def p_value(p: float) -> str:
    """A p value in a sentence."""
    if not np.isfinite(p):
        return "no p value"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _of(table: pd.DataFrame, level: str, head: str, measure: str = SHARED) -> pd.DataFrame:
    """The study's own rows of all classes by one measure, level and head."""
    wanted = {"game": STUDY, "group": "all", "measure": measure, "level": level, "head": head}
    return table[np.logical_and.reduce([table[name] == value for name, value in wanted.items() if name in table])]


# Shares


def side_by_side(shares: pd.DataFrame, marginals: pd.DataFrame) -> pd.DataFrame:
    """Alone, share and added last of each encoder with intervals, as text in points of SHARED: what a reader is shown.

    [level, head, encoder, alone, share, added last] from contributions.csv and marginals.csv.
    """
    keys = ["level", "head", "encoder"]
    mine = shares.query("game == @STUDY and group == 'all' and measure == @SHARED")
    shown = mine[keys].assign(share=_with_interval(mine, "share"))
    added = marginals.query("game == @STUDY and group == 'all' and measure == @SHARED")
    for column, kind in (("alone", "add_one_in"), ("added last", "leave_one_out")):
        rows = added[added["kind"] == kind]
        shown = shown.merge(rows[keys].assign(**{column: _with_interval(rows, "value")}), on=keys)
    return shown[[*keys, "alone", "share", "added last"]]


def _with_interval(rows: pd.DataFrame, column: str) -> list[str]:
    each = zip(rows[column], rows["low"], rows["high"], strict=True)
    return [
        number(value, sign="+") + (f" {between(low, high, sign='+')}" if np.isfinite([low, high]).all() else "")
        for value, low, high in each
    ]


def shares(table: pd.DataFrame, marginals: pd.DataFrame, best: pd.DataFrame, level: str, head: str) -> str:
    """The best and the smallest good subset, then who has which share and adds what last; of SHARED.

    Tables: contributions.csv, marginals.csv and best_subsets.csv.
    """
    rows = _of(table, level, head).sort_values("share", ascending=False)
    if not len(rows) or not np.isfinite(rows["share"]).all():
        return f"{level.capitalize()}s, {head} head: there is no {measure_name(SHARED)} to share out."
    return f"{best_subset(best, SHARED, level, head)} {_each_share(rows, _of(marginals, level, head))}"


def _each_share(rows: pd.DataFrame, marginals: pd.DataFrame) -> str:
    """Every share with what the encoder adds last beside it, and which of the latter are more than nothing."""
    last = marginals[marginals["kind"] == "leave_one_out"].set_index("encoder")
    each = [
        f"{row.encoder} {number(row.share, sign='+')} {between(row.low, row.high, sign='+')}, added last "
        f"{number(last.value[row.encoder], sign='+')} {between(last.low[row.encoder], last.high[row.encoder], sign='+')}"
        for row in rows.itertuples()
    ]
    total = f"Shares of the {number(rows['share'].sum(), sign='+')} points of {measure_name(SHARED)} that all have above chance"
    idle = [row.encoder for row in rows.itertuples() if row.low <= 0]
    doubt = f" The interval of the share is not above zero for: {', '.join(idle)}." if idle else ""
    return f"{total}: {'; '.join(each)}.{doubt} {COPY}: {_added_last(last)}."


def _added_last(last: pd.DataFrame) -> str:
    """Which encoders add something to all others, by each one's own interval."""
    if not np.isfinite(last[["low", "high"]].to_numpy(float)).any():
        return f"but without intervals that cannot be tested, {NO_GROUPS}"
    up, down = list(last.index[last["low"] > 0]), list(last.index[last["high"] < 0])
    open_ = [name for name in last.index if name not in (*up, *down)]
    told = [f"the interval is above zero for {', '.join(up)}" if up else "no interval is above zero"]
    told += [f"below zero for {', '.join(down)}"] if down else []
    told += [f"not significantly different from zero: {', '.join(open_)}"] if open_ else []
    return "; ".join(told)


def redundancy(table: pd.DataFrame, level: str = "clip", head: str = "paper") -> str:
    """Whom the others can replace: what each encoder adds to the three others, from marginals.csv."""
    rows = table.query("kind == 'leave_one_out' and level == @level and head == @head")
    each = ", ".join(
        f"{row.encoder} {number(row.value, sign='+')} {between(row.low, row.high, sign='+')}"
        for row in rows.itertuples()
    )
    return f"Added last, to the three others ({level}s, {head} head): {each}; {_added_last(rows.set_index('encoder'))}."


# Subsets


def best_subset(best: pd.DataFrame, measure: str, level: str, head: str) -> str:
    """The best subset, the smallest that is not significantly worse, and what adding the rest does; best_subsets.csv."""
    rows = _of(best, level, head, measure)
    if not len(rows):
        return f"There is no {measure_name(measure)} of {level}s on this corpus."
    row = rows.iloc[0]
    value = f"{number(row['value'], measure)} {between(row['low'], row['high'], measure)}"
    told = f"Best of the {row['subsets']} subsets by {measure_name(measure)} of {level}s ({head} head): {short(row['best'])}, {value}."
    return f"{told} {_smaller(row, measure)}"


def _smaller(row: pd.Series, measure: str) -> str:
    if not np.isfinite(row["low"]):
        return "Whether a smaller one is as good cannot be said: one group alone cannot be resampled."
    rest = f"{points(row['rest'], row['rest_low'], row['rest_high'], measure)}"
    everyone = short(row["smallest"]) == "all four"
    if row["smallest"] == row["best"]:
        several = "+" in row["best"]
        told = "Every smaller subset is significantly worse (paired differences)." if several else "None is smaller."
        return told if everyone else f"{told} Adding the rest to it: {rest}."
    lost = points(row["difference"], row["diff_low"], row["diff_high"], measure)
    told = f"The smallest that is not significantly worse: {row['smallest']}, {number(row['smallest_value'], measure)} (paired difference {lost})."
    return told if row["rest"] == row["difference"] else f"{told} Adding the rest to it: {rest}."


# All of it


def conclusion(
    shares: pd.DataFrame, marginals: pd.DataFrame, best: pd.DataFrame, pairs: pd.DataFrame, together: pd.DataFrame,
    corpus: str, families: pd.DataFrame | None = None,
) -> str:  # fmt: skip
    """What was found on this corpus: the best subset, the shares with what is added last, who more than whom, the best beaten?

    Rows of one level and head of contributions.csv, marginals.csv, best_subsets.csv, tests.csv and simultaneous.csv, and of
    branches.csv where labels come in families.
    """
    first = shares.iloc[0]
    level, head = first["level"], first["head"]
    rows = _of(shares, level, head).sort_values("share", ascending=False)
    if not np.isfinite(rows["share"]).all():
        return f"On {corpus} there is no {measure_name(SHARED)} to share out."
    told = [
        f"On {corpus}:",
        best_subset(best, SHARED, level, head),
        "" if families is None else _by_family(families),
        _each_share(rows, _of(marginals, level, head)),
        _who_more(pairs.query("game == @STUDY")),
        _beats_the_best(together),
        few_groups(int(together["groups"].iloc[0])),
        seeds(int(first["seeds"])),
    ]
    return " ".join(filter(None, told))


def _by_family(rows: pd.DataFrame) -> str:
    """The best single encoder on each family of labels, the largest first, and all four beside it: the same fresh head."""
    told = []
    for name, of in sorted(rows.groupby("branch", sort=False), key=lambda family: -family[1]["n_classes"].iloc[0]):
        every, singles = of[of["encoder"] == ALL_FOUR], of[of["encoder"] != ALL_FOUR].dropna(subset="value")
        if len(every) and len(singles):
            pair = (singles.loc[singles["value"].idxmax()], every.iloc[0])
            each = ", ".join(
                f"{short(row['encoder'])} {number(row['value'])} {between(row['low'], row['high'])}" for row in pair
            )
            told.append(f"{name}: {each}")
    return f"By family of labels, the best single encoder and all four: {'; '.join(told[:FAMILIES])}." if told else ""


def _who_more(pairs: pd.DataFrame) -> str:
    """Which shares differ after Holm's correction."""
    found = [
        f"{row.first} > {row.second}" if row.difference > 0 else f"{row.second} > {row.first}"
        for row in pairs.itertuples()
        if row.p_holm < LEVEL
    ]
    if not np.isfinite(pairs["p_holm"].astype(float)).any():
        return f"Which shares differ cannot be tested: {NO_GROUPS}."
    if not found:
        return f"No two shares differ significantly ({len(pairs)} pairs, Holm's correction)."
    return f"Shares that differ clearly ({len(found)} of {len(pairs)} pairs, Holm's correction): {', '.join(found)}."


def _beats_the_best(together: pd.DataFrame) -> str:
    """Whether all four beat every single one: an intersection-union test, beside intervals that hold together."""
    measure, p = together["measure"].iloc[0], together["p_all"].iloc[0]
    above = [row.second for row in together.itertuples() if row.low > 0]
    worse = [row.second for row in together.itertuples() if row.high < 0]
    test = f"{p_value(p)}, the largest of {len(together)} one-sided p values (intersection-union test)"
    if worse:
        return f"By {measure_name(measure)} all four together are clearly below {', '.join(worse)} alone (intervals that hold for all at once)."
    if not np.isfinite(p):
        return f"Whether all four together beat every single encoder cannot be tested ({measure_name(measure)}): one group alone cannot be resampled."
    verdict = (
        "All four together beat every single encoder"
        if p < LEVEL
        else "That all four together beat every single encoder is not shown"
    )
    missing = [row.second for row in together.itertuples() if row.second not in above]
    ends = f"above zero for {', '.join(above) or 'none'}" + (f", not for {', '.join(missing)}" if missing else "")
    return f"{verdict} by {measure_name(measure)}: {test}; the intervals that hold for all at once are {ends}."


# Classes


def owned(table: pd.DataFrame, level: str, head: str) -> list[str]:
    """How many classes are owned after the correction, and which by whom, from owned.csv."""
    wanted = {"game": STUDY, "measure": SHARED, "level": level, "head": head}
    rows = table[np.logical_and.reduce([table[name] == value for name, value in wanted.items()])].dropna(subset="share")
    mine, tested = rows[rows["owned"].astype(bool)], rows["p"].notna().sum()
    told = (
        f"{len(mine)} of {len(rows)} classes are owned ({level}s, {head} head): the highest share is significantly above every "
        f"other encoder's, with false discoveries kept at 5 % over {tested} classes (Benjamini-Hochberg)."
    )
    if lacking := len(rows) - tested:
        told += f" {lacking} more cannot be tested: their test clips lie in one group, or all encoders rank them alike."
    return [told, *(f"{name} owns: {', '.join(of['class'])}" for name, of in mine.groupby("encoder", sort=False))]


# Controls


def controls(
    table: pd.DataFrame, shares: pd.DataFrame, titles: dict[str, str], head: str, levels: Sequence[str] = LEVELS
) -> list[str]:
    """What the controls say at these levels, one sentence each; `titles` is what each control is, by name.

    Tables: controls.csv, whose p are corrected for the controls of one level and head, and contributions.csv.
    """
    told = [] if len(table) else ["No control was run."]
    mine = table[(table["study_head"] == head) & table["level"].isin(levels)] if len(table) else table
    for control, rows in mine.groupby("control", sort=False) if len(mine) else ():
        each = "; ".join(_beside(row) for row in rows.itertuples())
        told.append(f"{titles.get(control, control)}, study less control: {each}.")
    return [*told, *_noise(shares, head, levels)]


def _beside(row: tuple) -> str:
    """The study against a control at one level; "clearly" only after Holm's correction."""
    start = f"{row.level}s {number(row.study)} less {number(row.value)}"
    if not np.isfinite(row.difference):
        return f"{row.level}s: there is no value to compare"
    difference = f"{start}, {points(row.difference, row.low, row.high)}"
    if not np.isfinite(row.p_holm):
        return f"{difference}, not tested: {NO_GROUPS}"
    if row.p_holm < LEVEL:
        return (
            f"{difference}, clearly {'above' if row.difference > 0 else 'BELOW'} it ({p_value(row.p_holm)} after Holm)"
        )
    alone = f", though {p_value(row.p)} by itself" if row.p < LEVEL else ""
    return f"{difference}, not significantly different ({p_value(row.p_holm)} after Holm{alone})"


def _noise(shares: pd.DataFrame, head: str, levels: Sequence[str]) -> list[str]:
    """What a player of noise gets: nothing, or less than nothing."""
    rows = shares.query(
        "game == 'noise5' and encoder == 'noise' and group == 'all' and head == @head and measure == @SHARED and level in @levels"
    )
    told = []
    for row in rows.itertuples():
        if row.low > 0:
            verdict = "something is WRONG, noise cannot contribute"
        elif row.high < 0:
            verdict = "noise takes away: the head overfits on so few clips"
        elif not np.isfinite([row.low, row.high]).all():
            verdict = f"whether that is more than nothing cannot be tested, {NO_GROUPS}"
        else:
            verdict = "not significantly different from zero, as it should be"
        told.append(
            f"Noise, played as a fifth encoder, gets a share of {points(row.share, row.low, row.high)} by {row.level}s: {verdict}."
        )
    return told


def not_run(titles: dict[str, str], beside: pd.DataFrame, left_out: pd.DataFrame) -> list[str]:
    """Which controls are missing, and why: they could not be run here, or nobody asked for them."""
    there = set(beside["control"]) if len(beside) else set()
    reasons = dict(zip(left_out["control"], left_out["reason"], strict=True))
    told = [f"Not run: {titles[name]} ({reason})." for name, reason in reasons.items() if name not in there]
    if absent := [name for name in titles if name not in there and name not in reasons]:
        told.append(
            f"Not asked for: {', '.join(absent)} (`CONTROLS={','.join(absent)}` runs them, `CONTROLS=all` all)."
        )
    return told
