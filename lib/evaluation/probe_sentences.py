"""Sentences made from the tables of probes, similarities and gains, so that no sentence outlives its numbers."""

import numpy as np
import pandas as pd

from lib.encoders.heads import ALL_FOUR, label, members
from lib.evaluation.gains import BASE
from lib.evaluation.games import CONSTANT
from lib.evaluation.probes import CLASSES
from lib.evaluation.properties import PROPERTIES
from lib.evaluation.sentences import SIGNIFICANT, between, number, only_alone
from lib.files.cells import rows_with
from lib.representations import PAPER

TITLES = {one.name: one.title for one in PROPERTIES} | {CLASSES: "The classes of the corpus"}
PLANTED = {"pitch_class": "pitch", "slope": "timbre"}  # who must know what best on the embedded corpus
COLON = ": "


def heading(name: str) -> str:
    """What a property is called, without what it is measured by."""
    return TITLES[name].split(COLON)[0]


def amount(row: pd.Series) -> str:
    """A probe's value with its interval."""
    of = "% macro mAP" if row["measure"] != "r2" else "%"
    return f"{number(row['value'])} {of} {between(row['low'], row['high'])}"


def ranked(probes: pd.DataFrame, name: str, control: str = "") -> pd.DataFrame:
    """The single encoders' rows of one property that have a value, the highest first."""
    rows = rows_with(probes[probes["encoder"] != ALL_FOUR], property=name, control=control)
    return rows.dropna(subset="value").sort_values("value", ascending=False, kind="stable")


def ahead(rows: pd.DataFrame) -> bool:
    """Whether the interval of the first row lies above that of the second."""
    return bool(rows["low"].iloc[0] > rows["high"].iloc[1]) if len(rows) > 1 else False


def known_best(probes: pd.DataFrame) -> list[str]:
    """A sentence a property: who knows it best, and what the controls and all four together have."""
    return [_known_best(probes, name) for name in dict.fromkeys(probes["property"])]


def _known_best(probes: pd.DataFrame, name: str) -> str:
    rows = ranked(probes, name)
    if rows.empty:
        return f"{heading(name)}: no probe, too few chunks of this corpus have a value."
    best, of = rows.iloc[0], probes[probes["property"] == name].set_index(["encoder", "control"])
    if name != CLASSES and best["value"] <= 0:
        return (
            f"{heading(name)}: no single encoder explains any of it; the best, {best['encoder']}, has {amount(best)}."
        )
    what = "" if name == CLASSES else " of its variance"
    second = rows.iloc[1] if len(rows) > 1 else None
    then = "" if second is None else f"; next {second['encoder']}, {amount(second)}"
    if second is not None and np.isfinite(best["low"]) and not ahead(rows):
        then += ", and the two intervals overlap"
    control = {one: of.loc[(best["encoder"], one), "value"] for one in ("untrained", "shuffled")}
    as_much = ", so it is not shown that training adds to it" if control["untrained"] >= best["low"] else ""
    together = number(of.loc[(ALL_FOUR, ""), "value"]) if (ALL_FOUR, "") in of.index else "no value"
    return (
        f"{heading(name)}: {best['encoder']} has most, {amount(best)}{what}{then}. Untrained it has "
        f"{number(control['untrained'])}{as_much}; with shuffled values {number(control['shuffled'])}; all four: {together}."
    )


def checked(probes: pd.DataFrame) -> list[str]:
    """What the controls say of all probes together: of shuffled values, and of probes that learn from unseen chunks."""
    shares = probes[probes["measure"] == "r2"].dropna(subset="value")
    by_chance = shares.loc[shares["control"] == "shuffled", "value"]
    lines = []
    if len(by_chance):
        lines.append(f"With shuffled values no probe explains more than {number(max(by_chance.max(), 0))} %.")
    pairs = [(ranked(probes, name, "unseen"), ranked(probes, name)) for name in dict.fromkeys(shares["property"])]
    same = [new["encoder"].iloc[0] == own["encoder"].iloc[0] for new, own in pairs if len(new) and len(own)]
    if same:
        lines.append(
            "Where probes learn from test chunks of other groups, which no encoder was trained on, the same encoder "
            f"has most of {sum(same)} of {len(same)} properties."
        )
    return lines


def planted(probes: pd.DataFrame) -> list[str]:
    """On the embedded corpus: whether pitch class and spectral slope are best known by the encoder that is given them."""
    lines = []
    for name, encoder in PLANTED.items():
        rows = ranked(probes, name)
        if rows.empty:
            lines.append(f"{heading(name)}: no value, so that what is planted cannot be checked.")
            continue
        best = rows["encoder"].iloc[0]
        right = "As planted" if best == encoder else "NOT as planted"
        sure = "" if ahead(rows) else ", though not by more than the intervals of the first two"
        lines.append(f"{right}: {heading(name).lower()} is best read off {best}{sure}.")
    return lines


def similarity(table: pd.DataFrame) -> list[str]:
    """What of pitch can be had from waveform, what of each from the others, and which two are most alike."""
    predicted = table[table["what"] == "predicted"].set_index(["first", "second"])
    pairs = [("waveform", "pitch"), ("waveform", "timbre"), (label(("pitch", "timbre")), "waveform")]
    lines = []
    for first, second in (pair for pair in pairs if pair in predicted.index):
        row, others = predicted.loc[(first, second)], first.replace("+", " and ")
        share = f"{number(row['value'])} % {between(row['low'], row['high'])}"
        lines.append(f"What of {second} can be had from {others}: {share}.")
    for name in PAPER:
        others = label(tuple(other for other in PAPER if other != name))
        if (others, name) in predicted.index and np.isfinite(rest := 1 - predicted.loc[(others, name), "value"]):
            row = predicted.loc[(others, name)]
            interval = between(*np.clip([1 - row["high"], 1 - row["low"]], 0, 1))
            lines.append(
                f"A linear model of the three others leaves unexplained of {name}: {number(min(max(rest, 0), 1))} % of its "
                f"variance {interval}."
            )
    alike = table[table["what"] == "cka"].dropna(subset="value").sort_values("value")
    if len(alike) > 1:
        (low, high) = (alike.iloc[place] for place in (0, -1))
        lines.append(
            f"Most alike by CKA are {high['first']} and {high['second']}, {high['value']:.2f}; least {low['first']} and "
            f"{low['second']}, {low['value']:.2f} (1: the same but for rotation and scale, 0: unrelated)."
        )
    return lines


def gains(table: pd.DataFrame, level: str, head: str) -> list[str]:
    """What pitch, timbre and neuralogram add to waveform in bits of log-loss, beside what waveform has by itself."""
    rows, lines = rows_with(table, level=level, head=head), []
    for _, row in rows_with(rows, **{"without": CONSTANT, "with": BASE}).iterrows():
        lines.append(f"{head} head: {BASE} alone, against the constant predictor, {_verdict(row, level)}.")
    for _, row in rows_with(rows, without=BASE).iterrows():
        others = " and ".join(name for name in members(row["with"]) if name != BASE)
        lines.append(f"{head} head: {others} added to {BASE} {_verdict(row, level)}.")
    return lines


def _bits(row: pd.Series, level: str) -> str:
    if not np.isfinite(row["gain_bits"]):
        return "no value (the scores cannot be calibrated on one group alone)"
    interval = f" ({row['low']:.2f} to {row['high']:.2f})" if np.isfinite([row["low"], row["high"]]).all() else ""
    return f"{row['gain_bits']:.2f} bits a {level}{interval}"


def _verdict(row: pd.Series, level: str) -> str:
    """Saves, costs, or not significantly different from zero (5 %, after Holm's correction)."""
    if not np.isfinite(row["gain_bits"]):
        return f"has {_bits(row, level)}"
    if not row["p_holm"] < SIGNIFICANT:
        doubt = only_alone(row["p"], row["p_holm"])
        return f"saves {_bits(row, level)}, not significantly different from zero{doubt}"
    if row["gain_bits"] > 0:
        return f"saves {_bits(row, level)}"
    cost = {"gain_bits": -row["gain_bits"], "low": -row["high"], "high": -row["low"]}
    return f"costs {_bits(pd.Series(cost), level)}: the labels are named less well"
