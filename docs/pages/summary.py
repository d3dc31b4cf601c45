"""The results in brief, as Markdown from the records: sentences for the README, a table that opens docs/results.md."""

from typing import Any

import pandas as pd

from lib.display.screen import counted
from lib.encoders.heads import ALL_FOUR
from lib.evaluation.baselines import verdict
from lib.evaluation.games import CHANCE
from lib.evaluation.intervals import holm
from lib.evaluation.peers import WINDOWS
from lib.evaluation.results import SHARED
from lib.evaluation.sentences import SIGNIFICANT, listed, measured, number, p_text, short
from pages.models import beside_classical, planted_pairs, singles
from pages.peers import FEATURES
from pages.recorded import HEAD, NotRecorded, Record, markdown, with_interval

# Sentences


def below_classical(record: Record) -> str:
    """What all four reach, and which encoders stay below classical learning on their own input; by clips."""
    rows = record.rows("baselines", level="clip", head=HEAD, measure=SHARED)
    every, singles_ = rows[rows["subset"] == ALL_FOUR].iloc[0], rows[rows["subset"] != ALL_FOUR]
    below = []
    for _, row in singles_[singles_["difference"] < 0].iterrows():
        doubt = "" if verdict(row) == "significantly below" else f" ({verdict(row)})"
        below.append(f"{row['subset']} by {number(-row['difference'])}{doubt}")
    ours = with_interval(record.model(ALL_FOUR, HEAD, "clip", SHARED))
    return (
        f"- ESC-10{_made_of(record)}: all four encoders together reach {ours} {measured(SHARED, 'clip')}, a forest, an SVM "
        f"or a ridge on simple statistics of the same inputs {number(every['classical'])}; below such a model of its own "
        f"input {'lies' if len(below) < 2 else 'lie'} {f'{listed(below)} points' if below else 'no encoder'}."
    )


def _made_of(record: Record) -> str:
    facts = record.facts()
    folds = "all folds" if facts["fold"] == "all" else f"fold {facts['fold']}" if facts["fold"] else ""
    seeds = counted(len(facts["seeds"]), "seed")
    return f" ({', '.join(filter(None, [folds, seeds]))})"


def against_single(record: Record) -> str:
    """Whether all four beat every single encoder, and the smallest subset that is as good; by clips."""
    row = record.rows("simultaneous", head=HEAD, level="clip").iloc[0]
    best = record.rows("best_subsets", game="paper4", level="clip", head=HEAD, measure=SHARED).iloc[0]
    beats = "beat every single encoder" if row["p_all"] < SIGNIFICANT else "are not shown to beat every single encoder"
    fewer = "no smaller subset is as good"
    if best["smallest"] != ALL_FOUR:
        reached = f"{number(best['smallest_value'])} {measured(SHARED, 'clip')}"
        fewer = f"{best['smallest']} with {reached} is not significantly worse than the best subset"
    return (
        f"- There all four {beats} by {measured(row['measure'], 'clip')} (one-sided {p_text(row['p_all'])}); {fewer}."
    )


def planted(record: Record) -> str:
    """What pitch and timbre read of the sounds whose answer is known; `record` is ESC-10's."""
    made = record.beside("planted-quick")
    pairs = planted_pairs(made)
    each = "; ".join(
        f"of {name} classes {name} has {number(mine['value'])}, {other} {number(theirs['value'])}"
        for name, mine, other, theirs in pairs
    )
    verdict = "as planted" if all(mine["low"] > theirs["high"] for _, mine, _, theirs in pairs) else "NOT as planted"
    return f"- `planted`, whose answer is known{_made_of(made)}, by chunks: {each}: {verdict}."


def on_top(record: Record) -> str:
    """What each pretrained system has alone, and how much more than noise pitch and timbre add to it; by clips.

    A gain is told where it is above zero, and above that from noise after Holm's correction for all that are asked here.
    """
    gains = record.rows("peer_gains", group="all", level="clip", head=HEAD).fillna({"against": ""})
    there = record.rows("peers", heard=WINDOWS, measure=SHARED, head=HEAD)
    mine = gains[gains["added"].isin(FEATURES) & gains["peer"].isin(there["peer"])]
    alone, beyond = (mine[mine["against"] == against].set_index(["peer", "added"]) for against in ("", "noise"))
    beyond = beyond.assign(p_holm=holm(beyond["p"]))
    beyond = beyond[(beyond["p_holm"] < SIGNIFICANT) & (beyond["difference"] > 0) & (alone["low"] > 0)]
    told = [f"to {row['row']} ({number(row['value'])}) {_added(beyond, row['peer'])}" for _, row in there.iterrows()]
    both = listed(FEATURES)
    return f"- On top of pretrained systems there {both} bring significantly more than noise does: {'; '.join(told)}."


def _added(beyond: pd.DataFrame, peer: str) -> str:
    mine = [name for name in FEATURES if (peer, name) in beyond.index]
    each = [f"{name} {number(beyond.loc[(peer, name), 'difference'], sign='+')}" for name in mine]
    return listed(each) if each else "neither"


def not_run(record: Record) -> str:
    """That the paper's corpus is still to come, as long as no record is of it."""
    there = sorted(path.name for path in record.folder.parent.glob("fsd50k-*"))
    return f"Recorded on FSD50K: {listed(there)}." if there else "**The paper's corpus, FSD50K, has not been run yet.**"


HURT = {"kills": "killed at random moments", "disks": "on full disks", "damage": "with damaged files"}


def faults(record: Record) -> str:
    """How often a tiny study that was hurt ended as it should; `record` is what `make faults` found."""
    told = []
    for name, how in HURT.items():
        good = record.table(name)["good"] == "yes"
        told += [f"{how} ({good.sum()} of {len(good)} times)"] if len(good) else []
    return f"A study {listed(told)} goes on to the same tables, or says what it lacks (`make faults`)."


# The table


def table(record: Record) -> str:
    """Each encoder on the families of `planted` and on ESC-10, beside the classical baseline; `record` is ESC-10's."""
    planted = record.beside("planted-quick").rows("branches", level="chunk", measure=SHARED)
    cells, branches = planted.set_index(["encoder", "head", "branch"]), list(dict.fromkeys(planted["branch"]))
    last = record.rows("marginals", kind="leave_one_out", game="paper4", level="clip", measure=SHARED, head=HEAD)
    last, rows = last.set_index("encoder"), []
    for name in (*singles(record), ALL_FOUR):
        of_planted = [with_interval(cells.loc[(name, HEAD, branch)]) for branch in branches]
        ours, added = record.model(name, HEAD, "clip", SHARED), ""
        if name in last.index:
            added = with_interval(last.loc[name], sign="+")
        theirs = _classical_or_nothing(record, name, SHARED, "clip")
        rows.append([short(name), *of_planted, with_interval(ours), added, theirs])
    if CHANCE in set(planted["encoder"]):
        by_chance = [number(cells.loc[(CHANCE, "none", branch), "value"]) for branch in branches]
        rows.append(["chance", *by_chance, number(record.model(CHANCE, "none", "clip", SHARED)["value"]), "", ""])
    header = [f"`planted`, {branch} family" for branch in branches]
    return markdown(["", *header, "ESC-10", "ESC-10, added last", "ESC-10, classical on the same input"], rows)


def _classical_or_nothing(record: Record, *of: Any) -> str:
    try:
        return with_interval(beside_classical(record, *of)[1])
    except NotRecorded:
        return "not recorded yet"
