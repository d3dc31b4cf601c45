"""What was found, in sentences made from the tables, so that no sentence outlives its numbers.

A difference is called clear only where its paired interval leaves out zero. Values are told in percent (points, where
they are differences), d' as it is.
"""

import re

import numpy as np
import pandas as pd

from lib.display.screen import counted, measure_name
from lib.encoders.heads import ALL_FOUR
from lib.evaluation.results import pick

PAPER_ORDER = ("pitch", "timbre", "waveform", "neuralogram", "all four")  # its Table 1, from below


NO_GROUPS = "one group alone cannot be resampled"


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


def clear(low: float, high: float) -> bool:
    """Whether an interval leaves out zero; False where there is none."""
    return bool(low > 0 or high < 0)


def short(name: str) -> str:
    """The name of a model in a sentence."""
    return "all four" if name == ALL_FOUR else name


def in_percent(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The table for the screen: these columns in percent with one decimal, d' as it is, empty where there is nothing."""
    shown = table.copy()
    measure = table["measure"] if "measure" in table else pd.Series("", index=table.index)
    for column in columns:
        told = [number(value, name) for value, name in zip(table[column].astype(float), measure, strict=True)]
        shown[column] = ["" if text == "no value" else text for text in told]
    return shown


def order(table1: pd.DataFrame) -> str:
    """How the encoders stand by the headline measure, beside the paper's order."""
    measure = table1["measure"].iloc[0]
    rows = table1[table1["measure"] == measure].set_index("row")
    shown = rows["own"].fillna(rows["retrained"])
    shown = shown[[name for name in PAPER_ORDER if name in shown]].sort_values(kind="stable")
    ours = [f"{name} {number(value, measure)}" for name, value in shown.items()]
    if "published" in rows and rows["published"].isna().all():  # the paper's numbers are of other sounds
        told = ""
    elif tuple(shown.index) == PAPER_ORDER:
        told = "This is the paper's order."
    else:
        told = f"The paper's order is another: {' < '.join(PAPER_ORDER)}."
    return f"By {measure_name(measure)} of chunks, from below: {' < '.join(ours)}. {told}{' ' if told else ''}{above_chance(rows, measure)}"


def above_chance(rows: pd.DataFrame, measure: str) -> str:
    """Which rows of Table 1 are not above chance, by the low end of their intervals."""
    chance, constant = rows["chance"].iloc[0], rows["constant"].iloc[0]
    below = [name for name, row in rows.iterrows() if not row["low"] > chance]
    told = f"{number(chance, measure)}; the constant predictor has {number(constant, measure)}"
    if not np.isfinite(rows["low"].astype(float)).any():
        return f"Whether any is above chance ({told}) cannot be tested: {NO_GROUPS}."
    return f"Not clearly above chance ({told}): {', '.join(below)}." if below else f"All are above chance ({told})."


def comparison(row: pd.Series) -> str:
    """One row of the differences: which is higher, by how much, and whether that is clear."""
    first, second = short(row["first"]), short(row["second"])
    value = f"{number(row['difference'], row['measure'], '+')} {between(row['low'], row['high'], row['measure'], '+')}"
    unit = "" if row["measure"] == "d_prime" else " points"
    if not np.isfinite(row["difference"]):
        return f"{first} against {second}: no value"
    if not np.isfinite([row["low"], row["high"]]).all():
        return f"{first} less {second}: {value}{unit}"
    if not clear(row["low"], row["high"]):
        return f"{first} less {second}: {value}{unit}: not significantly different, the interval includes zero"
    return f"{first} less {second}: {value}{unit}: clearly {'higher' if row['difference'] > 0 else 'lower'}"


def all_against(differences: pd.DataFrame, other: str = "neuralogram", level: str = "chunk") -> str:
    """All four against one encoder, the same head on both."""
    row = pick(differences, first=ALL_FOUR, second=other, level=level)
    return f"{comparison(row)[0].upper()}{comparison(row)[1:]} ({measure_name(row['measure'])} of {level}s, the same fresh head on both)."


def significance(differences: pd.DataFrame, level: str = "clip") -> str:
    """Whether anything differs significantly with this number of clips, after Holm's correction for the number of pairs."""
    rows = differences[differences["level"] == level]
    first = rows.iloc[0]
    told = [_ranked(row) for _, row in rows.iterrows() if row["p_holm"] < 0.05]
    if not np.isfinite(rows["p_holm"].astype(float)).any():
        why = NO_GROUPS if first["groups"] < 2 else "no difference changes when other clips are drawn"
        return f"By {level}s nothing can be tested: {why}. {seeds(first['seeds'])}"
    size = f"With {counted(first['items'], level)} in {counted(first['groups'], 'group')}"
    doubts = " ".join(filter(None, [few_groups(int(first["groups"])), seeds(first["seeds"])]))
    if not told:
        return (
            f"{size} nothing is significant: none of the {len(rows)} differences is after Holm's correction. {doubts}"
        )
    count = f"{len(told)} of {len(rows)} differences are significant after Holm's correction"
    return f"{size}, {count}: {', '.join(told)}. {doubts}"


FEW_GROUPS = 30  # of fewer groups the spread of resamples is itself uncertain by more than an eighth


def few_groups(count: int) -> str:
    """What is to be said of intervals over so many groups of clips; empty where they are many, or one without any."""
    if count >= FEW_GROUPS or count < 2:
        return ""
    return f"Only {count} groups of test clips can be drawn anew: intervals over so few are rough."


def _ranked(row: pd.Series) -> str:
    first, second = short(row["first"]), short(row["second"])
    return f"{first} > {second}" if row["difference"] > 0 else f"{second} > {first}"


def seeds(count: int) -> str:
    """What the intervals say nothing about."""
    if count == 1:
        return (
            "One seed was trained: another training would move these numbers, and no interval here tells by how much."
        )
    return f"They are means of {count} seeds; the intervals hold the spread of clips and of seeds."


def heads(table: pd.DataFrame, measure: str, level: str = "chunk") -> str:
    """On how many subsets the head with a hidden layer stands above the linear one."""
    wide = table.query("measure == @measure and level == @level and seed == 'mean' and n_encoders > 0")
    wide = wide.pivot(index="subset", columns="head", values="value")
    if not {"paper", "linear"} <= set(wide):
        return "Only one head was trained."
    gap = wide["paper"] - wide["linear"]
    mean = f"{number(gap.mean(), measure, '+')}{'' if measure == 'd_prime' else ' points'}"
    told = f"The paper head is above the linear one on {(gap > 0).sum()} of {len(gap)} subsets, by {mean} on average"
    return f"{told} ({measure_name(measure)} of {level}s; counted, not tested)."


def best(table: pd.DataFrame, measure: str, level: str = "chunk", head: str = "paper") -> str:
    """The best subset of subsets.csv; which smaller ones are not significantly worse takes paired differences."""
    rows = table.query(
        "measure == @measure and level == @level and head == @head and seed == 'mean' and n_encoders > 0"
    )
    if not rows["value"].notna().any():
        return f"There is no {measure_name(measure)} of {level}s on this corpus."
    row = rows.loc[rows["value"].idxmax()]
    value = f"{number(row['value'], measure)} {between(row['low'], row['high'], measure)}"
    return f"Best of the {len(rows)} subsets by {measure_name(measure)} of {level}s ({head} head): {row['subset']}, {value}."


def planted(table: pd.DataFrame) -> list[str]:
    """The planted truth, family by family: the difference that is asked for is 15 points."""
    return [
        f"{row.family} family, macro mAP of chunks: {row.better} {number(row.value)}, {row.worse} {number(row.of_worse)}, "
        f"chance {number(row.chance)}, "
        f"difference {number(row.difference, sign='+')} {between(row.low, row.high, sign='+')} points: "
        f"{'the planted truth shows' if row.shows else 'the planted truth does NOT show (15 points are expected)'}."
        for row in table.itertuples()
    ]


def planted_shares(shares: pd.DataFrame, head: str, level: str = "chunk") -> list[str]:
    """Whom the shares of each planted family go to: pitch's must be the highest on pitch, timbre's on timbre."""
    told = []
    for family in ("pitch", "timbre"):
        rows = shares.query("game == 'paper4' and measure == 'map_macro' and level == @level and head == @head")
        rows = rows[rows["group"] == f"branch:{family}"].set_index("encoder")["share"].sort_values(ascending=False)
        each = ", ".join(f"{name} {number(value, sign='+')}" for name, value in rows.items())
        verdict = "as planted" if rows.index[0] == family else "NOT as planted"
        told.append(f"Shares of the {family} family ({level}s, {head} head): {each}: {verdict}.")
    return told


def constructed(copies: pd.DataFrame, xor: pd.DataFrame) -> list[str]:
    """The two games with a known answer: whether copies share alike, and what each head makes of the exclusive-or."""
    told = []
    for head, rows in copies.groupby("head", sort=False):
        (a, b), pair = rows["share"].iloc[:2], rows["with_copy"].iloc[0]
        alike = "alike, as they must" if abs(a - b) < 0.01 else "NOT alike"
        replaced = "negative, as it must" if pair < 0 else "NOT negative"
        told.append(
            f"Copies ({head} head) share {number(a, sign='+')} and {number(b, sign='+')}: {alike}; their interaction is "
            f"{number(pair, sign='+')}: {replaced}."
        )
    for head, rows in xor[xor["subset"] != "chance"].groupby("head", sort=False):
        each = ", ".join(f"{row.subset} {number(row.value)}" for row in rows.itertuples())
        told.append(f"Exclusive-or ({head} head, chance {number(rows['chance'].iloc[0])}): {each}.")
    return told


def left_out(table: pd.DataFrame) -> str:
    """How many classes the means over classes are means of."""
    row = pick(table, subset="constant", measure="map_macro", level="chunk", seed="mean")
    if not row["left_out"]:
        return f"All {row['n']} classes stand in the test clips, so the means over classes are means of all."
    return (
        f"{row['left_out']} of {row['n'] + row['left_out']} classes have no test clip and are left out: "
        f"every mean over classes is one of {row['n']}."
    )


def bullets(*sentences: str) -> str:
    """Sentences as a markdown list, names in them as they are; `words` in backticks are code."""
    return "\n".join(f"- {_as_text(sentence)}" for sentence in sentences)


def _as_text(sentence: str) -> str:
    """A sentence in which nothing but backticks means anything to markdown."""
    parts = re.split(r"(`[^`]+`)", " ".join(sentence.split()))
    parts[::2] = [re.sub(r"([\\*$\[\]<>&~|]|(?<!\w)_|_(?!\w))", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)
