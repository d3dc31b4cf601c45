"""What may be claimed of shares, subsets, classes and controls, in sentences made from the tables.

First comes what is hard to reach: the best subset, the smallest that is not significantly worse, and what an encoder adds
last, to all others. A positive share is nearly automatic, even an exact copy of another encoder gets one, so it never stands alone.
"Clearly" is said of what is significant after the correction for how many were tested; an interval of one number is given
as it is. The tables are those that lib/evaluation/contributions.py, comparisons.py and selection.py write.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.display.screen import measure_name
from lib.encoders.heads import ALL_FOUR
from lib.evaluation import sentences
from lib.evaluation.results import SHARED
from lib.evaluation.sentences import (
    NO_CHANGE,
    NO_GROUPS,
    SIGNIFICANT,
    corrected,
    estimate,
    higher_first,
    measured,
    number,
    p_text,
    points,
)
from lib.files.cells import rows_with
from lib.sounds.chunks import LEVELS

STUDY = "paper4"  # the game of the study itself
FAMILIES = 8  # of labels in a sentence, at most
COPY = (
    "A positive share is nearly automatic (even an exact copy of another encoder gets one, and adds nothing last); "
    "what the others lack shows in added last"
)
KINDS = {"alone": "add_one_in", "added last": "leave_one_out"}  # column of a table -> kind in marginals.csv


def _of(table: pd.DataFrame, level: str, head: str, measure: str = SHARED) -> pd.DataFrame:
    """The study's own rows of all classes by one measure, level and head."""
    wanted = {"game": STUDY, "group": "all", "measure": measure, "level": level, "head": head}
    return rows_with(table, **{name: value for name, value in wanted.items() if name in table})


# Shares


def side_by_side(shares: pd.DataFrame, marginals: pd.DataFrame) -> pd.DataFrame:
    """Alone, share and added last of each encoder with intervals, as text in points of SHARED: what a reader is shown.

    [level, head, encoder, alone, share, added last] from contributions.csv and marginals.csv.
    """
    keys, of = ["level", "head", "encoder"], {"game": STUDY, "group": "all", "measure": SHARED}
    shown = rows_with(shares, **of)
    shown = shown[keys].assign(share=with_intervals(shown, "share", "+"))
    for column, kind in KINDS.items():
        rows = rows_with(marginals, **of, kind=kind)
        shown = shown.merge(rows[keys].assign(**{column: with_intervals(rows, "value", "+")}), on=keys)
    return shown[[*keys, "alone", "share", "added last"]]


def with_intervals(rows: pd.DataFrame, column: str = "value", sign: str = "") -> list[str]:
    """A number of each row and its interval in brackets; without brackets where there is none."""
    measures = rows["measure"] if "measure" in rows else [""] * len(rows)
    each = zip(rows[column], rows["low"], rows["high"], measures, strict=True)
    return [
        f"{number(value, name, sign)} {sentences.between(low, high, name, sign)}".removesuffix(" (no interval)")
        for value, low, high, name in each
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
    last = rows_with(marginals, kind="leave_one_out").set_index("encoder")
    each = "; ".join(
        f"{row.encoder} {estimate(row, 'share', sign='+')}, added last {estimate(last.loc[row.encoder], sign='+')}"
        for row in rows.itertuples()
    )
    total = number(rows["share"].sum(), sign="+")
    total = f"Shares of the {total} points of {measure_name(SHARED)} that all have above chance"
    below = list(rows.loc[rows["high"] < 0, "encoder"])
    idle = [name for name in rows.loc[rows["low"] <= 0, "encoder"] if name not in below]
    doubt = f" The interval of the share is not above zero for: {', '.join(idle)}." if idle else ""
    doubt += f" It is below zero, so on average it takes away: {', '.join(below)}." if below else ""
    return f"{total}: {each}.{doubt} {COPY}: {_added_last(last)}."


def _added_last(last: pd.DataFrame) -> str:
    """Which encoders add something to all others, by each one's own interval."""
    if not np.isfinite(last[["low", "high"]].to_numpy(float)).any():
        return f"but without intervals that cannot be tested, {NO_GROUPS}"
    up, down = list(last.index[last["low"] > 0]), list(last.index[last["high"] < 0])
    neither = [name for name in last.index if name not in (*up, *down)]
    says = [f"the interval is above zero for {', '.join(up)}" if up else "no interval is above zero"]
    says += [f"below zero for {', '.join(down)}"] if down else []
    says += [f"not significantly different from zero: {', '.join(neither)}"] if neither else []
    return "; ".join(says)


# Subsets


def best_subset(best: pd.DataFrame, measure: str, level: str, head: str) -> str:
    """The best subset, the smallest that is not significantly worse, and what adding the rest does; best_subsets.csv."""
    rows = _of(best, level, head, measure)
    if not len(rows):
        return f"There is no {measured(measure, level)} on this corpus."
    row, of = rows.iloc[0], f"{measured(measure, level)} ({head} head)"
    best_one = f"{sentences.short(row['best'])}, {estimate(row, measure=measure)}"
    start = f"Best of the {row['subsets']} subsets by {of}: {best_one}."
    return f"{start} {_smaller(row, measure)}"


def _smaller(row: pd.Series, measure: str) -> str:
    if not np.isfinite(row["low"]):
        return f"Whether a smaller one is as good cannot be said: {NO_GROUPS}."
    rest = f" Adding the rest to it: {points(row['rest'], row['rest_low'], row['rest_high'], measure)}."
    if row["smallest"] == row["best"]:
        several = "+" in row["best"]
        says = "Every smaller subset is significantly worse (paired differences)." if several else "None is smaller."
        return says if row["smallest"] == ALL_FOUR else says + rest
    lost = points(row["difference"], row["diff_low"], row["diff_high"], measure)
    smallest = f"{row['smallest']}, {number(row['smallest_value'], measure)} (paired difference {lost})"
    says = f"The smallest that is not significantly worse: {smallest}."
    return says if row["rest"] == row["difference"] else says + rest


# All of it


def conclusion(tables: Mapping[str, pd.DataFrame], level: str, head: str, corpus: str) -> list[str]:
    """What was found on this corpus, in sentences: the best subset, the shares with what is added last, who more than whom, the best beaten?

    tables: contributions, marginals, best_subsets, tests and simultaneous, and branches where labels come in families.
    """
    rows = _of(tables["contributions"], level, head).sort_values("share", ascending=False)
    if not np.isfinite(rows["share"]).all():
        return [f"On {corpus} there is no {measure_name(SHARED)} to share out."]
    together = rows_with(tables["simultaneous"], level=level, head=head)
    families = tables.get("branches", pd.DataFrame())
    says = [
        f"On {corpus}: {best_subset(tables['best_subsets'], SHARED, level, head)}",
        _by_family(rows_with(families, level=level, head=head), head) if len(families) else "",
        _each_share(rows, _of(tables["marginals"], level, head)),
        _who_more(_of(tables["tests"], level, head)),
        beats_every_single(together),
        sentences.few_groups(int(together["groups"].iloc[0])),
        sentences.seeds(int(rows["seeds"].iloc[0])),
    ]
    return list(filter(None, says))


def _by_family(rows: pd.DataFrame, head: str) -> str:
    """The best single encoder on each family of labels, the largest first, and all four beside it: the same fresh head."""
    says = []
    for name, of in sorted(rows.groupby("branch", sort=False), key=lambda family: -family[1]["n_classes"].iloc[0]):
        every, singles = of[of["encoder"] == ALL_FOUR], of[of["encoder"] != ALL_FOUR].dropna(subset="value")
        if len(every) and len(singles):
            pair = singles.loc[singles["value"].idxmax()], every.iloc[0]
            each = ", ".join(f"{sentences.short(row['encoder'])} {estimate(row)}" for row in pair)
            says.append(f"{name}: {each}")
    start = f"By family of labels ({head} head), the best single encoder and all four"
    return f"{start}: {'; '.join(says[:FAMILIES])}." if says else ""


def _why(rows: pd.DataFrame) -> str:
    """Why nothing in rows with intervals could be tested."""
    return NO_CHANGE if np.isfinite(rows["low"].astype(float)).any() else NO_GROUPS


def _who_more(pairs: pd.DataFrame) -> str:
    """Which shares differ after Holm's correction."""
    differing = higher_first(pairs)
    if not np.isfinite(pairs["p_holm"].astype(float)).any():
        return f"Which shares differ cannot be tested: {_why(pairs)}."
    if not differing:
        return f"No two shares differ significantly ({len(pairs)} pairs, Holm's correction)."
    count = f"{len(differing)} of {len(pairs)} pairs, Holm's correction"
    return f"Shares that differ clearly ({count}): {', '.join(differing)}."


def beats_every_single(together: pd.DataFrame) -> str:
    """Whether all four beat every single one: an intersection-union test, beside intervals that hold together.

    Rows of simultaneous.csv of one level and head.
    """
    measure, p = measure_name(together["measure"].iloc[0]), together["p_all"].iloc[0]
    above, worse = (list(together.loc[side, "second"]) for side in (together["low"] > 0, together["high"] < 0))
    if worse:
        ends = "intervals that hold for all at once"
        return f"By {measure} all four together are clearly below {', '.join(worse)} alone ({ends})."
    if not np.isfinite(p):
        return f"Whether all four together beat every single encoder cannot be tested ({measure}): {_why(together)}."
    beat = "ll four together beat every single encoder"
    verdict = f"A{beat}" if p < SIGNIFICANT else f"That a{beat} is not shown"
    missing = [name for name in together["second"] if name not in above]
    ends = f"above zero for {', '.join(above) or 'none'}" + (f", not for {', '.join(missing)}" if missing else "")
    test = f"{p_text(p)}, the largest of {len(together)} one-sided p values (intersection-union test)"
    return f"{verdict} by {measure}: {test}; the intervals that hold for all at once are {ends}."


# Classes


def owned(table: pd.DataFrame, level: str, head: str) -> list[str]:
    """How many classes are owned after the correction, and which by whom, from owned.csv."""
    rows = _of(table, level, head).dropna(subset="share")
    mine, tested = rows[rows["owned"].astype(bool)], rows["p"].notna().sum()
    says = (
        f"{len(mine)} of {len(rows)} classes are owned ({level}s, {head} head): the highest share is significantly above "
        f"every other encoder's, with false discoveries kept at 5 % over {tested} classes (Benjamini-Hochberg)."
    )
    if lacking := len(rows) - tested:
        says += f" {lacking} more cannot be tested: their test clips lie in one group, or all encoders rank them alike."
    return [says, *(f"{name} owns: {', '.join(of['class'])}" for name, of in mine.groupby("encoder", sort=False))]


# Controls


def controls(
    table: pd.DataFrame, shares: pd.DataFrame, titles: dict[str, str], head: str, levels: Sequence[str] = LEVELS
) -> list[str]:
    """What the controls say at these levels, one sentence each; `titles` is what each control is, by name.

    Tables: controls.csv, whose p are corrected for the controls of one level and head, and contributions.csv.
    """
    says = [] if len(table) else ["No control was run."]
    mine = table[(table["study_head"] == head) & table["level"].isin(levels)] if len(table) else table
    for control, rows in mine.groupby("control", sort=False) if len(mine) else ():
        each = "; ".join(_beside(row) for row in rows.itertuples())
        says.append(f"{titles.get(control, control)}, study less control: {each}.")
    noise = rows_with(shares, game="noise5", encoder="noise", group="all", head=head, measure=SHARED)
    return [*says, *(_noise(row) for row in noise[noise["level"].isin(levels)].itertuples())]


def _beside(row: tuple) -> str:
    """The study against a control at one level; "clearly" only after Holm's correction."""
    if not np.isfinite(row.difference):
        return f"{row.level}s: there is no value to compare"
    less = points(row.difference, row.low, row.high)
    start = f"{row.level}s {number(row.study)} less {number(row.value)}, {less}"
    if not np.isfinite(row.p_holm):
        return f"{start}, not tested: {NO_CHANGE if np.isfinite(row.low) else NO_GROUPS}"
    side = sentences.which_way(row.difference, row.p_holm < SIGNIFICANT, "clearly above it", "clearly BELOW it")
    return f"{start}, {side} ({corrected(row.p, row.p_holm)})"


def _noise(row: tuple) -> str:
    """What a player of noise gets: nothing, or less than nothing."""
    if row.low > 0:
        verdict = "something is WRONG, noise cannot contribute"
    elif row.high < 0:
        verdict = "noise takes away: the head overfits on so few clips"
    elif not np.isfinite([row.low, row.high]).all():
        verdict = f"whether that is more than nothing cannot be tested, {NO_GROUPS}"
    else:
        verdict = "not significantly different from zero, as it should be"
    share = points(row.share, row.low, row.high)
    return f"Noise, played as a fifth encoder, gets a share of {share} by {row.level}s: {verdict}."


def not_run(titles: dict[str, str], beside: pd.DataFrame, left_out: pd.DataFrame) -> list[str]:
    """Which controls are missing, and why: they could not be run here, or were not requested."""
    there = set(beside["control"]) if len(beside) else set()
    reasons = dict(zip(left_out["control"], left_out["reason"], strict=True))
    says = [f"Not run: {titles[name]} ({reason})." for name, reason in reasons.items() if name not in there]
    if absent := [name for name in titles if name not in there and name not in reasons]:
        how = f"`CONTROLS={','.join(absent)}` runs them, `CONTROLS=all` all"
        says.append(f"Not requested: {', '.join(absent)} ({how}).")
    return says
