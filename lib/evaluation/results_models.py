"""What models reach, as Markdown from a record: encoders, all four, classical baselines, chance, and how they differ."""

from collections.abc import Sequence

import pandas as pd

from lib.display.screen import counted
from lib.encoders.heads import ALL_FOUR
from lib.evaluation.baselines import CLASSICAL, against
from lib.evaluation.claims import LEVEL
from lib.evaluation.recorded import (
    HEAD,
    Record,
    encoders,
    listed,
    markdown,
    measured,
    p_text,
    with_interval,
)
from lib.evaluation.results import SHARED
from lib.evaluation.sentences import number, short

CHANCE, CONSTANT = "chance", "constant"
BASELINE = "the best of a forest, an SVM and a ridge on statistics over time of the same input"
PLANTED = ("pitch", "timbre")  # families that an encoder of the same name is made for


def how(record: Record) -> str:
    """How the record was made: the command, seeds, test groups, and the commit."""
    facts, seeds = record.facts(), len(record.facts()["seeds"])
    spread = (
        f"{seeds} seeds, everything trained anew for each; intervals hold the spread of test groups and of seeds"
        if seeds > 1
        else "one seed; no interval says how far another training would move the numbers"
    )
    groups = record.rows("differences", level="chunk")["groups"].iloc[0]
    return f"`{facts['make']}` (commit {facts['commit']}; {counted(groups, 'group')} of test clips; {spread})."


# Classical baselines


def baselines(record: Record) -> str:
    """Which encoders stay below classical learning on their own input, first; then all four; paired differences."""
    rows = record.rows("baselines", level="clip", head=HEAD, measure=SHARED)
    singles, all_ = rows[rows["subset"] != ALL_FOUR], rows[rows["subset"] == ALL_FOUR].iloc[0]
    below = singles[singles["difference"] < 0]
    what = f"{measured(SHARED, 'clip')}, a fresh head on the encoder against {BASELINE}"
    if len(below):
        each = "; ".join(f"{row['subset']} {against(row)}" for _, row in below.iterrows())
        first = f"**Below the classical baseline on their own input: {listed(below['subset'])}** ({what}): {each}."
    else:
        first = f"**No encoder is below the classical baseline on its own input** ({what})."
    side = "below" if all_["difference"] < 0 else "above or level with"
    return f"{first} All four together are {side} the same on all four inputs: {against(all_)}."


def baseline_table(record: Record) -> str:
    """Every encoder and all four beside the classical baseline on the same input."""
    asked = record.measures()
    header = ["input"]
    for measure, level in asked:
        header += [f"fresh head, {measured(measure, level)}", f"classical, {measured(measure, level)}"]
    rows = []
    for name in (*singles(record), ALL_FOUR):
        pairs = [beside_classical(record, name, measure, level) for measure, level in asked]
        rows.append([short(name), *(with_interval(row) for pair in pairs for row in pair)])
    return markdown(header, rows)


def beside_classical(record: Record, name: str, measure: str, level: str) -> tuple[pd.Series, pd.Series]:
    """The rows of an encoder's fresh head and of the classical baseline on its input."""
    ours = record.model(name, HEAD, level, measure)
    return ours, record.model(name, "own", level, measure, CLASSICAL)


def singles(record: Record) -> list[str]:
    """The names of the single encoders."""
    return encoders(record.rows("subsets", n_encoders=1, head=HEAD, control="")["subset"])


# Encoders


def encoder_table(record: Record) -> str:
    """Own classifiers and fresh heads of each encoder, all four, and what uses no encoder."""
    asked = record.measures()
    first = asked[0]
    header = ["", f"own classifier, {measured(*first)}", *(f"fresh head, {measured(*each)}" for each in asked)]
    rows = []
    for name in singles(record):
        own = record.model(name, "own", first[1], first[0])
        rows.append([name, with_interval(own), *_fresh(record, name, HEAD, asked)])
    rows.append(["all four", "", *_fresh(record, ALL_FOUR, HEAD, asked)])
    there = set(record.table("subsets")["subset"])
    titles = {CHANCE: "a ranking by chance", CONSTANT: "constant predictor"}
    rows += [[titles[name], "", *_fresh(record, name, "none", asked)] for name in titles if name in there]
    return markdown(header, rows)


def _fresh(record: Record, subset: str, head: str, asked: Sequence[tuple[str, str]]) -> list[str]:
    rows = [record.model(subset, head, level, measure) for measure, level in asked]
    return [with_interval(row) if subset not in (CHANCE, CONSTANT) else number(row["value"]) for row in rows]


def order(record: Record) -> str:
    """Which of the encoders and all four differ significantly, by chunks and by clips."""
    told = []
    for level, rows in record.rows("differences", head=HEAD).groupby("level", sort=False):
        found = [_ranked(row) for _, row in rows.iterrows() if row["p_holm"] < LEVEL]
        what = measured(rows["measure"].iloc[0], level)
        told.append(f"{what}: {len(found)} of {len(rows)} ({', '.join(found) or 'none'})")
    return f"Differences that are significant after Holm's correction, fresh heads, by {'; by '.join(told)}."


def _ranked(row: pd.Series) -> str:
    names = [short(row["first"]), short(row["second"])]
    return " > ".join(names if row["difference"] > 0 else names[::-1])


def together(record: Record) -> str:
    """Whether all four beat every single encoder, by chunks and by clips."""
    return " ".join(_beat(rows) for _, rows in record.rows("simultaneous", head=HEAD).groupby("level", sort=False))


def _beat(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    each = "; ".join(f"{row['second']} {with_interval(row, 'difference', '+')}" for _, row in rows.iterrows())
    start = f"By {measured(first['measure'], first['level'])} all four less each single encoder: {each}"
    ends = "intervals that hold for all at once"
    if worse := [row["second"] for _, row in rows.iterrows() if row["high"] < 0]:
        return f"{start} ({ends}): all four are clearly below {listed(worse)}."
    if "p_all" not in rows:
        above = [row["second"] for _, row in rows.iterrows() if row["low"] > 0]
        shown = len(above) == len(rows)
        verdict = "clearly above every one" if shown else f"clearly above {listed(above)}, not shown for the others"
        return f"{start} ({ends}): {verdict}."
    test = f"intersection-union test, {p_text(first['p_all'])}"
    beats = "they beat every single one" if first["p_all"] < LEVEL else "that they beat every single one is not shown"
    return f"{start} ({ends}): {beats} ({test})."


# Families of the planted corpus


def families(record: Record) -> str:
    """Macro mAP of chunks over the classes of each branch: own classifiers, fresh heads, all four, chance."""
    rows = record.rows("branches", level="chunk", measure=SHARED)
    branches = list(dict.fromkeys(rows["branch"]))
    cells = rows.set_index(["encoder", "head", "branch"])
    models = list(dict.fromkeys(zip(rows["encoder"], rows["head"], strict=True)))
    return markdown(
        ["", *(f"{name} family" for name in branches)],
        [[_model(*each), *(_of_family(cells.loc[(*each, name)]) for name in branches)] for each in models],
    )


def _model(name: str, head: str) -> str:
    if name == CHANCE:
        return "a ranking by chance"
    return f"{short(name)} ({'own classifier' if head == 'own' else 'fresh head'})"


def _of_family(row: pd.Series) -> str:
    return number(row["value"]) if row.name[0] == CHANCE else with_interval(row)


def family_findings(record: Record) -> str:
    """Of each family what reads it best, all four beside it, and what is not above chance."""
    rows = record.rows("branches", level="chunk", measure=SHARED)
    return "\n".join(f"- {_family(str(name), of)}" for name, of in rows.groupby("branch", sort=False))


def _family(name: str, rows: pd.DataFrame) -> str:
    models = rows[rows["encoder"] != CHANCE].sort_values("value", ascending=False)
    best, every = models.iloc[0], models[models["encoder"] == ALL_FOUR]
    told = f"{name} family: the highest is {_model(best['encoder'], best['head'])}, {with_interval(best)}"
    if len(every) and best["encoder"] != ALL_FOUR:
        four = every.iloc[0]
        apart = "intervals apart" if best["low"] > four["high"] else "intervals overlap"
        told += f"; all four have {with_interval(four)}, {apart}"
    by_chance = rows.loc[rows["encoder"] == CHANCE, "value"]
    if by_chance.empty:
        return f"{told}."
    reached = [
        _model(row["encoder"], row["head"]) for _, row in models.iterrows() if not row["low"] > by_chance.iloc[0]
    ]
    verdict = f"not clearly above it: {listed(reached)}" if reached else "every model is above it"
    return f"{told}. Chance has {number(by_chance.iloc[0])}; {verdict}."


def planted_truth(record: Record) -> str:
    """Whether each encoder that a family was planted for reads it best, and what it reads of the other family."""
    rows = record.rows("branches", level="chunk", measure=SHARED, head="own").set_index(["encoder", "branch"])
    return " ".join(_planted(rows, name, other) for name, other in (PLANTED, PLANTED[::-1]))


def _planted(rows: pd.DataFrame, name: str, other: str) -> str:
    mine, theirs = rows.loc[(name, name)], rows.loc[(other, name)]
    verdict = "as planted" if mine["low"] > theirs["high"] else "NOT clearly as planted"
    return (
        f"The {name} family of `planted` (chunks, own classifiers): {name} has {with_interval(mine)}, {other} "
        f"{with_interval(theirs)}, {verdict}."
    )


# One score under many definitions


def definitions(record: Record) -> str:
    """How far apart the same scores can be told by the definition alone, and what careless protocols would have given."""
    rows = record.table("definitions")
    rows = rows[rows["measure"] != "d_prime"].dropna(subset="value")
    return (
        f"The same stored scores ({rows['of'].iloc[0]}) are anything from {number(rows['value'].min())} to "
        f"{number(rows['value'].max())} % by the definition alone, {len(rows)} of them."
    )


def careless(record: Record) -> str:
    """What careless protocols would have given."""
    rows = [
        [row["protocol"], measured(row["measure"], row["level"]), number(row["careful"]), number(row["careless"])]
        for _, row in record.table("careless").iterrows()
    ]
    return markdown(["protocol", "by", "careful", "careless"], rows)
