"""Words for numbers, and sentences about Table 1 and its differences, made from the tables: none outlives its numbers.

A difference is called clear only after the correction for how many were tested. Values are in percent (points, where they
are differences), d' as it is.
"""

import itertools
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from lib.display.screen import counted, measure_name
from lib.encoders.heads import ALL_FOUR
from lib.evaluation.comparisons import PAPER_ORDER
from lib.evaluation.results import SHARED, pick
from lib.files.cells import rows_with

SIGNIFICANT = 0.05  # the level of every test
FEW_GROUPS = 30  # of fewer groups the spread of resamples is itself uncertain by more than an eighth
NO_GROUPS = "one group alone cannot be resampled"
NO_CHANGE = "no difference changes when other clips are drawn"

# Words


def number(value: float, measure: str = "", sign: str = "") -> str:
    """A fraction in percent, d' as it is; "no value" for NaN."""
    if not np.isfinite(value):
        return "no value"
    return f"{value:{sign}.2f}" if measure == "d_prime" else f"{100 * value:{sign}.1f}"


def between(low: float, high: float, measure: str = "", sign: str = "") -> str:
    """An interval in brackets, or that there is none."""
    if not np.isfinite([low, high]).all():
        return "(no interval)"
    return f"({number(low, measure, sign)} to {number(high, measure, sign)})"


def estimate(row: Any, column: str = "value", measure: str = "", sign: str = "") -> str:
    """A number of a row with its interval."""
    row = row._asdict() if isinstance(row, tuple) else row
    return f"{number(row[column], measure, sign)} {between(row['low'], row['high'], measure, sign)}"


def points(value: float, low: float, high: float, measure: str = "") -> str:
    """A difference with its interval, in points; d' as it is."""
    unit = "" if measure == "d_prime" else " points"
    return f"{number(value, measure, '+')} {between(low, high, measure, '+')}{unit}"


def p_text(p: float) -> str:
    """A p value in a sentence."""
    if not np.isfinite(p):
        return "no p value"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def corrected(p: float, p_holm: float) -> str:
    """A p value after Holm's correction; where that alone makes it not significant, what it is by itself too."""
    alone = f", though {p_text(p)} by itself" if p < SIGNIFICANT <= p_holm else ""
    return f"{p_text(p_holm)} after Holm{alone}"


def only_alone(p: float, p_holm: float) -> str:
    """Both in brackets where Holm's correction alone makes a number not significant, as its interval leaves out zero; else ""."""
    return f" ({corrected(p, p_holm)})" if p < SIGNIFICANT <= p_holm else ""


def clear(low: float, high: float) -> bool:
    """Whether an interval leaves out zero; False where there is none."""
    return bool(low > 0 or high < 0)


def which_way(value: float, sure: bool, above: str, below: str, neither: str = "not significantly different") -> str:
    """Which of these words hold of a difference, by whether it is sure."""
    return (above if value > 0 else below) if sure else neither


def short(name: str) -> str:
    """The name of a model in a sentence."""
    return "all four" if name == ALL_FOUR else name


def measured(measure: str, level: str) -> str:
    """What was measured, in a sentence: macro mAP of clips."""
    return f"{measure_name(measure)} of {level}s"


def listed(names: Iterable[str]) -> str:
    """Names in a sentence: a, b and c; "none" where there are none."""
    *most, last = list(names) or ["none"]
    return f"{', '.join(most)} and {last}" if most else last


def higher_first(pairs: pd.DataFrame) -> list[str]:
    """Of each pair [first, second, difference, p_holm] that differs significantly: the higher > the lower."""
    differing = pairs[pairs["p_holm"] < SIGNIFICANT]
    each = zip(differing["first"].map(short), differing["second"].map(short), differing["difference"] > 0, strict=True)
    return [f"{first} > {second}" if up else f"{second} > {first}" for first, second, up in each]


def few_groups(count: int) -> str:
    """What is to be said of intervals over so many groups of clips; empty where they are many, or one without any."""
    if count >= FEW_GROUPS or count < 2:
        return ""
    return f"Only {count} groups of test clips can be drawn anew: intervals over so few are rough."


def seeds(count: int) -> str:
    """What the intervals say nothing about."""
    if count == 1:
        return (
            "One seed was trained: another training would move these numbers, and no interval here tells by how much."
        )
    return f"They are means of {count} seeds; the intervals hold the spread of clips and of seeds."


def in_percent(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The table for the screen: these columns in percent with one decimal, d' as it is, empty where there is nothing."""
    shown = table.copy()
    measure = table["measure"] if "measure" in table else pd.Series("", index=table.index)
    for column in columns:
        texts = [number(value, name) for value, name in zip(table[column].astype(float), measure, strict=True)]
        shown[column] = ["" if text == "no value" else text for text in texts]
    return shown


def bullets(*sentences: str) -> str:
    """Sentences as a markdown list, names in them as they are; `words` in backticks are code."""
    return "\n".join(f"- {_as_text(sentence)}" for sentence in sentences)


def _as_text(sentence: str) -> str:
    """A sentence in which nothing but backticks means anything to markdown."""
    parts = re.split(r"(`[^`]+`)", " ".join(sentence.split()))
    parts[::2] = [re.sub(r"([\\*$\[\]<>&~|]|(?<!\w)_|_(?!\w))", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


# Of Table 1 and its differences


def order(table1: pd.DataFrame) -> str:
    """How the encoders stand by the headline measure, beside the paper's order."""
    measure = table1["measure"].iloc[0]
    rows = table1[table1["measure"] == measure].set_index("row")
    shown = rows["own"].fillna(rows["retrained"])
    papers = tuple(map(short, PAPER_ORDER))
    shown = shown[[name for name in papers if name in shown]].sort_values(kind="stable")
    told = [number(value, measure) for value in shown]
    signs = ["", *(" = " if one == other else " < " for one, other in itertools.pairwise(told))]
    ours = "".join(f"{sign}{name} {value}" for sign, name, value in zip(signs, shown.index, told, strict=True))
    whose = "encoders by their own classifiers, all four by the fresh head"
    parts = [f"By {measured(measure, 'chunk')}, from below ({whose}): {ours}."]
    if "published" not in rows or rows["published"].notna().any():  # else the paper's numbers are of other sounds
        same = tuple(shown.index) == papers
        parts += ["This is the paper's order." if same else f"The paper's order is another: {' < '.join(papers)}."]
    return " ".join([*parts, above_chance(rows, measure)])


def above_chance(rows: pd.DataFrame, measure: str) -> str:
    """Which rows of Table 1 are not above chance, by the low end of their intervals."""
    chance, constant = rows["chance"].iloc[0], rows["constant"].iloc[0]
    below = [name for name, row in rows.iterrows() if not row["low"] > chance]
    both = f"{number(chance, measure)}; the constant predictor has {number(constant, measure)}"
    if not np.isfinite(rows["low"].astype(float)).any():
        return f"Whether any is above chance ({both}) cannot be tested: {NO_GROUPS}."
    return f"Not clearly above chance ({both}): {', '.join(below)}." if below else f"All are above chance ({both})."


def comparison(row: pd.Series) -> str:
    """One row of the differences: which is higher, by how much, and whether that is clear after Holm's correction."""
    first, second = short(row["first"]), short(row["second"])
    if not np.isfinite(row["difference"]):
        return f"{first} against {second}: no value"
    less = f"{first} less {second}: {points(row['difference'], row['low'], row['high'], row['measure'])}"
    if not np.isfinite([row["low"], row["high"]]).all():
        return less
    if not np.isfinite(row["p_holm"]):  # no draw of clips changes it
        return f"{less}: not significantly different, the interval includes zero"
    way = which_way(row["difference"], row["p_holm"] < SIGNIFICANT, "clearly higher", "clearly lower")
    return f"{less}: {way}, {corrected(row['p'], row['p_holm'])}"


def all_against(differences: pd.DataFrame, other: str = "neuralogram", level: str = "chunk") -> str:
    """All four against one encoder, the same head on both."""
    row = pick(differences, first=ALL_FOUR, second=other, level=level)
    says = comparison(row)
    return f"{says[0].upper()}{says[1:]} ({measured(row['measure'], level)}, the same fresh head on both)."


def significance(differences: pd.DataFrame, level: str = "clip") -> str:
    """Whether anything differs significantly with this number of clips, after Holm's correction for the number of pairs."""
    rows = differences[differences["level"] == level]
    first = rows.iloc[0]
    differing = higher_first(rows)
    if not np.isfinite(rows["p_holm"].astype(float)).any():
        why = NO_GROUPS if first["groups"] < 2 else NO_CHANGE
        return f"By {level}s nothing can be tested: {why}. {seeds(first['seeds'])}"
    size = f"With {counted(first['items'], level)} in {counted(first['groups'], 'group')}"
    doubts = " ".join(filter(None, [few_groups(int(first["groups"])), seeds(first["seeds"])]))
    if not differing:
        none = f"nothing is significant: none of the {len(rows)} differences is after Holm's correction"
        return f"{size} {none}. {doubts}"
    are = "is" if len(differing) == 1 else "are"
    count = f"{len(differing)} of {len(rows)} differences between fresh heads {are} significant after Holm's correction"
    return f"{size}, {count}: {', '.join(differing)}. {doubts}"


def heads(table: pd.DataFrame, measure: str, level: str = "chunk") -> str:
    """On how many subsets the head with a hidden layer stands above the linear one."""
    wide = table.query("measure == @measure and level == @level and seed == 'mean' and n_encoders > 0")
    wide = wide.pivot(index="subset", columns="head", values="value")
    if not {"paper", "linear"} <= set(wide):
        return "Only one head was trained."
    gap = wide["paper"] - wide["linear"]
    size = number(abs(gap.mean()), measure)
    mean = f"{size}{'' if measure == 'd_prime' else ' points'} {'below' if gap.mean() < 0 else 'above'} it"
    mean = mean if size != number(0, measure) else "level with it"
    above = f"The paper head is above the linear one on {(gap > 0).sum()} of {len(gap)} subsets, on average {mean}"
    return f"{above} ({measured(measure, level)}; counted, not tested)."


def tied(rows: pd.DataFrame) -> str:
    """That other subsets have the very value of the best, by rows with subset and value; empty where none has."""
    others = list(rows.loc[rows["value"] == rows["value"].max(), "subset"])[1:]
    if not others:
        return ""
    return f"; {others[0]} has the same value" if len(others) == 1 else f"; {len(others)} others have the same value"


def best(table: pd.DataFrame, measure: str, level: str = "chunk") -> str:
    """The best subset of subsets.csv with the paper head (which smaller ones are as good takes paired differences)."""
    rows = rows_with(table[table["n_encoders"] > 0], measure=measure, level=level, head="paper", seed="mean")
    if not rows["value"].notna().any():
        return f"There is no {measured(measure, level)} on this corpus."
    row, of = rows.loc[rows["value"].idxmax()], f"{measured(measure, level)} (paper head)"
    return f"Best of the {len(rows)} subsets by {of}: {row['subset']}, {estimate(row, measure=measure)}{tied(rows)}."


def planted(table: pd.DataFrame) -> list[str]:
    """The planted truth, family by family: a difference of 15 points is expected."""
    return [
        f"{row.family} family, macro mAP of chunks: {row.better} {number(row.value)}, {row.worse} {number(row.of_worse)}, "
        f"chance {number(row.chance)}, difference {points(row.difference, row.low, row.high)}: "
        f"{'the planted truth shows' if row.shows else 'the planted truth does NOT show (15 points are expected)'}."
        for row in table.itertuples()
    ]


def planted_shares(shares: pd.DataFrame, head: str) -> list[str]:
    """Whom the shares of each planted family go to, by chunks: pitch's must be the highest on pitch, timbre's on timbre."""
    said, of = [], {"game": "paper4", "measure": SHARED, "level": "chunk", "head": head}
    for family in ("pitch", "timbre"):
        rows = rows_with(shares, **of, group=f"branch:{family}")
        rows = rows.set_index("encoder").sort_values("share", ascending=False)
        each = ", ".join(f"{name} {number(value, sign='+')}" for name, value in rows["share"].items())
        verdict = "as planted" if rows.index[0] == family else "NOT as planted"
        if not rows["low"].iloc[0] > rows["high"].iloc[1]:
            verdict += ", though the intervals of the first two overlap"
        said.append(f"Shares of the {family} family (chunks, {head} head): {each}: {verdict}.")
    return said


def constructed(copies: pd.DataFrame, xor: pd.DataFrame) -> list[str]:
    """The two games with a known answer: whether copies share alike, and what each head makes of the exclusive-or."""
    said = []
    for head, rows in copies.groupby("head", sort=False):
        (a, b), pair = rows["share"].iloc[:2], rows["with_copy"].iloc[0]
        alike = "alike, as they must" if abs(a - b) < 0.01 else "NOT alike"
        replaced = "negative, as it must" if pair < 0 else "NOT negative"
        said.append(
            f"Copies ({head} head) share {number(a, sign='+')} and {number(b, sign='+')}: {alike}; their interaction is "
            f"{number(pair, sign='+')}: {replaced}."
        )
    xor = xor.reindex(columns=["head", "subset", "value", "low", "high", "chance"])  # older runs have no intervals
    for head, rows in xor[xor["subset"] != "chance"].groupby("head", sort=False):
        each = ", ".join(f"{row.subset} {estimate(row)}" for row in rows.itertuples())
        said.append(f"Exclusive-or ({head} head, chance {number(rows['chance'].iloc[0])}): {each}.")
    return said


def left_out(table: pd.DataFrame) -> str:
    """How many classes the means over classes are means of."""
    row = pick(table, subset="constant", measure=SHARED, level="chunk", seed="mean")
    if row["fold"] == "mean":  # n is a sum over folds
        if not row["left_out"]:
            return "All classes stand in the test clips of every fold, so the means over classes are means of all."
        return (
            f"In some folds classes have no test clip and are left out of the means over classes: {row['left_out']} times, "
            f"of {row['n'] + row['left_out']} pairs of a fold and a class."
        )
    if not row["left_out"]:
        return f"All {row['n']} classes stand in the test clips, so the means over classes are means of all."
    return (
        f"{row['left_out']} of {row['n'] + row['left_out']} classes have no test clip and are left out: "
        f"every mean over classes is one of {row['n']}."
    )
