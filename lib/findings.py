"""What was found, in sentences made from the tables, so that no sentence outlives its numbers.

A difference is called clear only where its paired interval leaves out zero. Values are told in percent (points, where
they are differences), d' as it is.
"""

import numpy as np
import pandas as pd

from lib.results import ALL_FOUR, pick

PAPER_ORDER = ("pitch", "timbre", "waveform", "neuralogram", "all four")  # its Table 1, from below


def number(value: float, measure: str = "", sign: str = "") -> str:
    """A fraction in percent, d' as it is; "no value" for NaN."""
    if not np.isfinite(value):
        return "no value"
    return f"{value:{sign}.2f}" if measure == "d_prime" else f"{100 * value:{sign}.1f}"


def between(low: float, high: float, measure: str = "", sign: str = "") -> str:
    """An interval in brackets, or why there is none."""
    if not np.isfinite([low, high]).all():
        return "(no interval: one group alone cannot be resampled)"
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
    if tuple(shown.index) == PAPER_ORDER:
        told = "This is the paper's order."
    else:
        told = f"The paper's order is another: {' < '.join(PAPER_ORDER)}."
    return f"By {measure} of chunks, from below: {' < '.join(ours)}. {told} {above_constant(rows, measure)}"


def above_constant(rows: pd.DataFrame, measure: str) -> str:
    """Which rows of Table 1 the constant predictor reaches, by the low end of their intervals."""
    constant = rows["constant"].iloc[0]
    reached = [name for name, row in rows.iterrows() if not row["low"] > constant]
    told = f"the constant predictor has {number(constant, measure)}"
    return f"Not clearly above chance ({told}): {', '.join(reached)}." if reached else f"All are above chance: {told}."


def comparison(row: pd.Series) -> str:
    """One row of the differences: which is higher, by how much, and whether that is clear."""
    first, second = short(row["first"]), short(row["second"])
    value = f"{number(row['difference'], row['measure'], '+')} {between(row['low'], row['high'], row['measure'], '+')}"
    unit = "" if row["measure"] == "d_prime" else " points"
    if not np.isfinite(row["difference"]):
        return f"{first} against {second}: no value"
    if not clear(row["low"], row["high"]):
        return f"{first} less {second}: {value}{unit}: not told apart, the interval includes zero"
    return f"{first} less {second}: {value}{unit}: clearly {'higher' if row['difference'] > 0 else 'lower'}"


def all_against(differences: pd.DataFrame, other: str = "neuralogram", level: str = "chunk") -> str:
    """All four against one encoder, the same head on both."""
    row = pick(differences, first=ALL_FOUR, second=other, level=level)
    return f"{comparison(row)[0].upper()}{comparison(row)[1:]} ({row['measure']} of {level}s, the same fresh head on both)."


def significance(differences: pd.DataFrame, level: str = "clip") -> str:
    """Whether anything is told apart with this number of clips, after Holm's correction for the number of pairs."""
    rows = differences[differences["level"] == level]
    first = rows.iloc[0]
    told = [_ranked(row) for _, row in rows.iterrows() if row["p_holm"] < 0.05]
    size = f"With {first['items']} {level}s in {first['groups']} groups"
    if not told:
        return f"{size} nothing is significant: none of the {len(rows)} differences is after Holm's correction. {seeds(first['seeds'])}"
    count = f"{len(told)} of {len(rows)} differences are significant after Holm's correction"
    return f"{size}, {count}: {', '.join(told)}. {seeds(first['seeds'])}"


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


def shares(table: pd.DataFrame, level: str, head: str) -> str:
    """Who contributes what, from the highest, and whose interval includes zero."""
    rows = table.query("level == @level and head == @head and group == 'all'").sort_values("share", ascending=False)
    each = [
        f"{row.encoder} {number(row.share, sign='+')} {between(row.low, row.high, sign='+')}"
        for row in rows.itertuples()
    ]
    unsure = [row.encoder for row in rows.itertuples() if not clear(row.low, row.high)]
    total = f"together {number(rows['share'].sum(), sign='+')} points of {rows['measure'].iloc[0]} above the constant predictor"
    doubt = f"The interval includes zero for: {', '.join(unsure)}." if unsure else "No interval includes zero."
    return f"{level.capitalize()}s, head {head}: {', '.join(each)}; {total}. {doubt}"


def conclusion(shares: pd.DataFrame, pairs: pd.DataFrame, together: pd.DataFrame, corpus: str) -> str:
    """What was found on this corpus, in plain words: who contributes, who more than whom, and whether all beat the best.

    shares, pairs and together are contributions.csv, tests.csv and simultaneous.csv of one level and head.
    """
    rows = shares.query("game == 'paper4' and group == 'all'").sort_values("share", ascending=False)
    if not np.isfinite(rows["share"]).all():
        return f"On {corpus} there is no {rows['measure'].iloc[0]} to share out."
    first = rows.iloc[0]
    total = number(rows["share"].sum(), sign="+")
    each = ", ".join(f"{row.encoder} {number(row.share, sign='+')}" for row in rows.itertuples())
    told = [
        f"On {corpus}, {first['level']}s, {first['head']} head: all four together stand {total} points of "
        f"{first['measure']} above a predictor that does not listen. The shares are {each}."
    ]
    told.append(_who_contributes(rows))
    told.append(_who_more(pairs.query("game == 'paper4'")))
    told.append(_beats_the_best(together))
    told.append(seeds(int(first["seeds"])))
    return " ".join(told)


def _who_contributes(rows: pd.DataFrame) -> str:
    up = [row.encoder for row in rows.itertuples() if row.low > 0]
    down = [row.encoder for row in rows.itertuples() if row.high < 0]
    unsure = [row.encoder for row in rows.itertuples() if not clear(row.low, row.high)]
    if len(up) == len(rows):
        return "Every one of them contributes something clear."
    parts = [f"clearly contributing: {', '.join(up)}"] if up else ["none clearly contributes"]
    parts += [f"clearly taking away: {', '.join(down)}"] if down else []
    parts += [f"not told from nothing: {', '.join(unsure)}"] if unsure else []
    return f"{'; '.join(parts)[0].upper()}{'; '.join(parts)[1:]}."


def _who_more(pairs: pd.DataFrame) -> str:
    """Which shares differ after Holm's correction."""
    found = [
        f"{row.first} > {row.second}" if row.difference > 0 else f"{row.second} > {row.first}"
        for row in pairs.itertuples()
        if row.p_holm < 0.05
    ]
    if not found:
        return f"No share is told apart from another ({len(pairs)} pairs, Holm's correction)."
    return f"Shares that differ clearly ({len(found)} of {len(pairs)} pairs, Holm's correction): {', '.join(found)}."


def _beats_the_best(together: pd.DataFrame) -> str:
    """All four against every single one, by intervals that hold together, so that the best needs no choosing."""
    below = [row.second for row in together.itertuples() if not row.low > 0]
    above = [row.second for row in together.itertuples() if row.low > 0]
    worse = [row.second for row in together.itertuples() if row.high < 0]
    why = "intervals that hold for all at once, so that the best single one was not picked by its luck"
    if worse:
        return f"All four together are clearly below {', '.join(worse)} alone ({why})."
    if not below:
        return f"All four together are clearly above each single encoder, and so above the best ({why})."
    if not above:
        return f"That all four together beat even one single encoder is not shown ({why})."
    return f"All four together are clearly above {', '.join(above)}; above {', '.join(below)} it is not shown ({why})."


def controls(table: pd.DataFrame, shares: pd.DataFrame, titles: dict[str, str], level: str, head: str) -> list[str]:
    """What the controls say, one sentence each; `titles` is what each control is, by name. Rows of controls.csv."""
    told = [] if len(table) else ["No control was run."]
    for row in table.query("level == @level and (head == @head or head == 'own')").itertuples() if len(table) else ():
        interval = f"{number(row.difference, sign='+')} {between(row.low, row.high, sign='+')} points"
        if not np.isfinite(row.difference):
            verdict = "there is no value to compare"
        elif not clear(row.low, row.high):
            verdict = f"the study's four are not told apart from it ({interval})"
        else:
            verdict = f"the study's four are clearly {'above' if row.difference > 0 else 'BELOW'} it ({interval})"
        told.append(f"{titles.get(row.control, row.control)}: {number(row.value)} together; {verdict}.")
    noise = shares.query(
        "game == 'noise5' and encoder == 'noise' and group == 'all' and level == @level and head == @head"
    )
    for row in noise.itertuples():
        share = f"{number(row.share, sign='+')} {between(row.low, row.high, sign='+')} points"
        as_it_should = not row.low > 0
        told.append(
            f"Noise, played as a fifth encoder, gets a share of {share}: "
            f"{'as it should be, nothing' if as_it_should else 'something is WRONG, noise cannot contribute'}."
        )
    return told


def redundancy(table: pd.DataFrame, level: str = "clip", head: str = "paper") -> str:
    """Whom the others can replace: encoders that add nothing clear to the three others."""
    rows = table.query("kind == 'leave_one_out' and level == @level and head == @head")
    idle = [
        f"{row.encoder} {between(row.low, row.high, sign='+')}"
        for row in rows.itertuples()
        if not clear(row.low, row.high)
    ]
    harmful = [f"{row.encoder} {between(row.low, row.high, sign='+')}" for row in rows.itertuples() if row.high < 0]
    told = [f"these bring nothing clear: {', '.join(idle)}"] if idle else []
    told += [f"these clearly take something away: {', '.join(harmful)}"] if harmful else []
    if not told:
        return f"Every encoder adds something clear to the three others ({level}s, head {head})."
    return f"Added last, to the three others, {'; '.join(told)} ({level}s, head {head})."


def heads(table: pd.DataFrame, measure: str, level: str = "chunk") -> str:
    """On how many subsets the head with a hidden layer stands above the linear one."""
    wide = table.query("measure == @measure and level == @level and seed == 'mean' and n_encoders > 0")
    wide = wide.pivot(index="subset", columns="head", values="value")
    if not {"paper", "linear"} <= set(wide):
        return "Only one head was trained."
    gap = wide["paper"] - wide["linear"]
    mean = f"{number(gap.mean(), measure, '+')}{'' if measure == 'd_prime' else ' points'}"
    told = f"The paper head is above the linear one on {(gap > 0).sum()} of {len(gap)} subsets, by {mean} on average"
    return f"{told} ({measure} of {level}s; counted, not tested)."


def best_subsets(table: pd.DataFrame, measure: str, level: str = "chunk", head: str = "paper") -> str:
    """The best subset, and the smallest whose value lies within the best one's interval."""
    rows = table.query(
        "measure == @measure and level == @level and head == @head and seed == 'mean' and n_encoders > 0"
    )
    if not rows["value"].notna().any():
        return f"There is no {measure} of {level}s on this corpus."
    best = rows.loc[rows["value"].idxmax()]
    near = rows[rows["value"] >= best["low"]].sort_values(["n_encoders", "value"], ascending=[True, False]).iloc[0]
    value = f"{number(best['value'], measure)} {between(best['low'], best['high'], measure)}"
    told = f"Best of the {len(rows)} subsets by {measure} of {level}s ({head} head): {best['subset']}, {value}."
    if near["subset"] == best["subset"]:
        return f"{told} No smaller subset reaches its interval."
    return f"{told} The smallest that reaches into its interval: {near['subset']}, {number(near['value'], measure)}."


def planted(table: pd.DataFrame) -> list[str]:
    """The planted truth, family by family: the difference that is asked for is 15 points."""
    return [
        f"{row.family} family, macro mAP of chunks: {row.better} {number(row.value)}, {row.worse} {number(row.of_worse)}, "
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
    for head, rows in xor[xor["subset"] != "constant"].groupby("head", sort=False):
        each = ", ".join(f"{row.subset} {number(row.value)}" for row in rows.itertuples())
        told.append(f"Exclusive-or ({head} head, chance {number(rows['chance'].iloc[0])}): {each}.")
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
    """Sentences as a markdown list."""
    return "\n".join(f"- {sentence}" for sentence in sentences)
