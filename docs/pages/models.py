"""What models reach, as Markdown from a record: encoders, all four, classical baselines, chance, and how they differ."""

from collections.abc import Sequence

import pandas as pd

from lib.display.screen import counted
from lib.encoders.heads import ALL_FOUR
from lib.evaluation.baselines import CLASSICAL, against
from lib.evaluation.games import CHANCE, CONSTANT
from lib.evaluation.results import SHARED
from lib.evaluation.sentences import SIGNIFICANT, higher_first, listed, measured, number, p_text, short
from pages.recorded import HEAD, Record, encoders, markdown, with_interval

BASELINE = "the best of a forest, an SVM and a ridge on statistics over time of the same input"
PLANTED = ("pitch", "timbre")  # families that an encoder of the same name is made for
SIMPLE = {CHANCE: "a ranking by chance", CONSTANT: "constant predictor"}  # what uses no encoder


def how(record: Record) -> str:
    """How the record was made: the command, seeds, test groups, and the commit."""
    facts, seeds = record.facts(), len(record.facts()["seeds"])
    spread = "one seed; no interval says how far another training would move the numbers"
    if seeds > 1:
        spread = (
            f"{seeds} seeds, everything trained anew for each; intervals hold the spread of test groups and of seeds"
        )
    groups = record.rows("differences", level="chunk")["groups"].iloc[0]
    return f"`{facts['make']}` (commit {facts['commit']}; {counted(groups, 'group')} of test clips; {spread})."


# Classical baselines


def baselines(record: Record) -> str:
    """Which encoders stay below classical learning on their own input, first; then all four; paired differences."""
    rows = record.rows("baselines", level="clip", head=HEAD, measure=SHARED)
    singles, every = rows[rows["subset"] != ALL_FOUR], rows[rows["subset"] == ALL_FOUR].iloc[0]
    below = singles[singles["difference"] < 0]
    what = f"{measured(SHARED, 'clip')}, a fresh head on the encoder against {BASELINE}"
    first = f"**No encoder is below the classical baseline on its own input** ({what})."
    if len(below):
        each = "; ".join(f"{row['subset']} {against(row)}" for _, row in below.iterrows())
        first = f"**Below the classical baseline on their own input: {listed(below['subset'])}** ({what}): {each}."
    side = "below" if every["difference"] < 0 else "above or level with"
    return f"{first} All four together are {side} the same on all four inputs: {against(every)}."


def baseline_table(record: Record) -> str:
    """Every encoder and all four beside the classical baseline on the same input."""
    shown = record.measures()
    header = [f"{model}, {measured(*each)}" for each in shown for model in ("fresh head", "classical")]
    rows = []
    for name in (*singles(record), ALL_FOUR):
        pairs = [beside_classical(record, name, measure, level) for measure, level in shown]
        rows.append([short(name), *(with_interval(row) for pair in pairs for row in pair)])
    return markdown(["input", *header], rows)


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
    shown, there = record.measures(), set(record.table("subsets")["subset"])
    measure, level = shown[0]
    rows = [
        [name, with_interval(record.model(name, "own", level, measure)), *_fresh(record, name, HEAD, shown)]
        for name in singles(record)
    ]
    rows.append(["all four", "", *_fresh(record, ALL_FOUR, HEAD, shown)])
    rows += [[title, "", *_fresh(record, name, "none", shown)] for name, title in SIMPLE.items() if name in there]
    heads = [f"own classifier, {measured(measure, level)}", *(f"fresh head, {measured(*each)}" for each in shown)]
    return markdown(["", *heads], rows)


def _fresh(record: Record, subset: str, head: str, shown: Sequence[tuple[str, str]]) -> list[str]:
    rows = [record.model(subset, head, level, measure) for measure, level in shown]
    return [number(row["value"]) if subset in SIMPLE else with_interval(row) for row in rows]


def order(record: Record) -> str:
    """Which of the encoders and all four differ significantly, by chunks and by clips."""
    says = []
    for level, rows in record.rows("differences", head=HEAD).groupby("level", sort=False):
        found, what = higher_first(rows), measured(rows["measure"].iloc[0], level)
        says.append(f"{what}: {len(found)} of {len(rows)} ({', '.join(found) or 'none'})")
    return f"Differences that are significant after Holm's correction, fresh heads, by {'; by '.join(says)}."


def together(record: Record) -> str:
    """Whether all four beat every single encoder, by chunks and by clips."""
    return " ".join(_beat(rows) for _, rows in record.rows("simultaneous", head=HEAD).groupby("level", sort=False))


def _beat(rows: pd.DataFrame) -> str:
    first, worse = rows.iloc[0], rows.loc[rows["high"] < 0, "second"]
    each = "; ".join(f"{row['second']} {with_interval(row, 'difference', '+')}" for _, row in rows.iterrows())
    what = f"By {measured(first['measure'], first['level'])} all four less each single encoder"
    start = f"{what}: {each} (intervals that hold for all at once)"
    if len(worse):
        return f"{start}: all four are clearly below {listed(worse)}."
    beats = "they beat every single one"
    verdict = beats if first["p_all"] < SIGNIFICANT else f"that {beats} is not shown"
    return f"{start}: {verdict} (intersection-union test, one-sided {p_text(first['p_all'])})."


# Families of the planted corpus


def families(record: Record) -> str:
    """Macro mAP of chunks over the classes of each branch: own classifiers, fresh heads, all four, chance."""
    table = record.rows("branches", level="chunk", measure=SHARED)
    branches, rows = list(dict.fromkeys(table["branch"])), []
    for (name, head), own in table.groupby(["encoder", "head"], sort=False):
        own = own.set_index("branch").loc[branches].iterrows()
        rows.append(
            [_model(name, head), *(number(row["value"]) if name == CHANCE else with_interval(row) for _, row in own)]
        )
    return markdown(["", *(f"{name} family" for name in branches)], rows)


def _model(name: str, head: str) -> str:
    return SIMPLE.get(name) or f"{short(name)} ({'own classifier' if head == 'own' else 'fresh head'})"


def family_findings(record: Record) -> str:
    """Of each family what reads it best, all four beside it, and what is not above chance."""
    rows = record.rows("branches", level="chunk", measure=SHARED)
    return "\n".join(f"- {_family(str(name), of)}" for name, of in rows.groupby("branch", sort=False))


def _family(name: str, rows: pd.DataFrame) -> str:
    models = rows[rows["encoder"] != CHANCE].sort_values("value", ascending=False)
    best, every = models.iloc[0], models[models["encoder"] == ALL_FOUR]
    says = f"{name} family: the highest is {_model(best['encoder'], best['head'])}, {with_interval(best)}"
    if len(every) and best["encoder"] != ALL_FOUR:
        apart = "intervals apart" if best["low"] > every.iloc[0]["high"] else "intervals overlap"
        says += f"; all four have {with_interval(every.iloc[0])}, {apart}"
    by_chance = rows.loc[rows["encoder"] == CHANCE, "value"]
    if by_chance.empty:
        return f"{says}."
    near = models[~(models["low"] > by_chance.iloc[0])]
    reached = [_model(row["encoder"], row["head"]) for _, row in near.iterrows()]
    verdict = f"not clearly above it: {listed(reached)}" if reached else "every model is above it"
    return f"{says}. Chance has {number(by_chance.iloc[0])}; {verdict}."


def planted_pairs(record: Record) -> list[tuple[str, pd.Series, str, pd.Series]]:
    """Of each planted family the encoder made for it and the other, with their rows: own classifiers, by chunks."""
    rows = record.rows("branches", level="chunk", measure=SHARED, head="own").set_index(["encoder", "branch"])
    return [(name, rows.loc[(name, name)], other, rows.loc[(other, name)]) for name, other in (PLANTED, PLANTED[::-1])]


def planted_truth(record: Record) -> str:
    """Whether each encoder that a family was planted for reads it best, and what it reads of the other family."""
    return " ".join(
        f"The {name} family of `planted` (chunks, own classifiers): {name} has {with_interval(mine)}, {other} "
        f"{with_interval(theirs)}, {'as planted' if mine['low'] > theirs['high'] else 'NOT clearly as planted'}."
        for name, mine, other, theirs in planted_pairs(record)
    )


# One score under many definitions


def definitions(record: Record) -> str:
    """How far the definition alone moves the same scores."""
    rows = record.table("definitions")
    rows = rows[rows["measure"] != "d_prime"].dropna(subset="value")
    ends = f"{number(rows['value'].min())} to {number(rows['value'].max())} %"
    return f"The same stored scores ({rows['of'].iloc[0]}) are anything from {ends} by the definition alone, {len(rows)} of them."


def careless(record: Record) -> str:
    """What careless protocols would have given, and of what."""
    rows = [
        [row["protocol"], measured(row["measure"], row["level"]), number(row["careful"]), number(row["careless"])]
        for _, row in record.table("careless").iterrows()
    ]
    of = (
        "Protocols that nobody should follow, of the first fold and seed, without intervals: linear heads on all four embeddings, "
        "and a choice among all subsets with both heads."
    )
    return f"{of}\n\n{markdown(['protocol', 'by', 'careful', 'careless'], rows)}"
