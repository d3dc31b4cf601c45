"""Differences, shares and branches, each with a paired interval: one set of resampled groups serves every model.

Everything is the mean over seeds and folds, taken measure by measure. The intervals resample groups of clips; seeds
are not resampled, so what another training would change is not in them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from lib import contributions, measures
from lib.corpora.base import Corpus
from lib.representations import PAPER, names
from lib.results import ALL_FOUR, CONSTANT, LEVELS, SHARED, Scores, headline
from lib.study import Study
from lib.subsets import label, subsets

# The paper's order, Table 1 from below: a difference above zero means the same order here.
PAPER_ORDER = ("pitch", "timbre", "waveform", "neuralogram", ALL_FOUR)
BRANCH_COLUMNS = ["encoder", "branch", "n_classes", "level", "head", "measure", "value", "low", "high", "seeds"]


@dataclass(frozen=True)
class Found:
    """A measure of one model: its value, and its values [resample] under the draws that all models share."""

    value: float
    draws: np.ndarray


def parts_of(study: Study) -> list[Scores]:
    """The stored scores of each fold of a study."""
    return [Scores(part) for part in study.parts]


def found(
    parts: Sequence[Scores], subset: str, head: str, level: str, measure: str = SHARED, classes: Any = slice(None)
) -> Found:
    """One measure of one model on the columns `classes`, mean over folds and seeds."""
    values, draws = [], []
    for part in parts:
        for seed in part.study.request.seeds:
            scores = part.read(subset, head, seed)[level]
            values.append(part.values(scores, level, [measure], classes)[measure].value)
            draws.append(part.draws(scores, level, [measure], classes)[measure])
    return Found(float(np.mean(values)), np.mean(draws, axis=0))


def difference_table(study: Study) -> pd.DataFrame:
    """Every pair among the four encoders and all four together, the same fresh head on each [one row a pair].

    difference is first less second, and `first` is the one that stands higher in the paper's Table 1.
    """
    parts, measure, rows = parts_of(study), headline(study), []
    for level in LEVELS:
        each = {subset: found(parts, subset, "paper", level, measure) for subset in PAPER_ORDER}
        for second, first in combinations(PAPER_ORDER, 2):
            difference = each[first].value - each[second].value
            low, high = _interval(study, each[first].draws - each[second].draws, difference)
            rows.append({
                "first": first, "second": second, "level": level, "measure": measure, "head": "paper",
                "difference": difference, "low": low, "high": high,
                "items": sum(len(part.tests[level].targets) for part in parts),
                "groups": sum(len(set(part.tests[level].groups)) for part in parts), "seeds": len(study.request.seeds),
            })  # fmt: skip
    return pd.DataFrame(rows)


def contribution_tables(study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of contributions.csv (Shapley shares), and of marginals.csv (alone, and to all others), for every head."""
    parts, shares, marginals = parts_of(study), [], []
    for level in LEVELS:
        for head in study.settings.heads.kinds:
            values, draws = game(parts, head, level)
            start = {"measure": SHARED, "level": level, "head": head}
            shares += _of_players(study, contributions.shapley, values, draws, start, "share")
            for kind in (contributions.add_one_in, contributions.leave_one_out):
                marginals += _of_players(study, kind, values, draws, {"kind": kind.__name__, **start}, "value")
    return pd.DataFrame(shares), pd.DataFrame(marginals)


def share_table(study: Study) -> pd.DataFrame:
    """The rows of contributions.csv: each encoder's Shapley share of macro mAP, by level and head."""
    return contribution_tables(study)[0]


def game(parts: Sequence[Scores], head: str, level: str, measure: str = SHARED) -> tuple[dict, dict]:
    """The paper's four as players: value of every subset, and its resampled values; nobody is the constant predictor."""
    players = [name for name in names() if name in PAPER]
    each = {subset: found(parts, label(subset), head, level, measure) for subset in subsets(players)}
    each = {(): found(parts, CONSTANT, "none", level, measure), **each}
    return {s: one.value for s, one in each.items()}, {s: one.draws for s, one in each.items()}


def _of_players(
    study: Study, kind: Any, values: dict, draws: dict, start: dict, column: str
) -> Iterator[dict[str, Any]]:
    value, drawn = kind(values), kind(draws)
    for name in value:
        low, high = _interval(study, drawn[name], float(value[name]))
        yield {
            "game": "paper4", "encoder": name, "group": "all", **start, column: float(value[name]), "low": low,
            "high": high, "seeds": len(study.request.seeds),
        }  # fmt: skip


def branches(corpus: Corpus) -> dict[str, list[int]]:
    """The branches of the corpus' ontology: each topmost class or name, with the columns of the classes in it.

    A class may stand in several. Classes without parents and without children are in none; no parents, no branches.
    """
    found: dict[str, list[int]] = {}
    above = {parent for parents in corpus.parents.values() for parent in parents}
    for column, name in enumerate(corpus.classes):
        for top in sorted(_tops(name, corpus.parents)):
            if top != name or name in above:
                found.setdefault(top, []).append(column)
    return found


def _tops(name: str, parents: dict[str, tuple[str, ...]], below: frozenset[str] = frozenset()) -> set[str]:
    """The topmost names above `name`, itself where nothing is; a circle is walked once."""
    higher = [parent for parent in parents.get(name, ()) if parent not in below]
    return set().union(*(_tops(parent, parents, below | {name}) for parent in higher)) if higher else {name}


def branch_table(study: Study) -> pd.DataFrame:
    """Macro mAP of each encoder's own classifier over the classes of each branch, of the fresh head, and of all four.

    n_classes: how many classes of the branch the test clips have; the others cannot count.
    """
    parts, rows = parts_of(study), []
    models = [(name, head) for name in names() for head in ("own", "paper")] + [(ALL_FOUR, "paper")]
    for branch, columns in branches(study.read_corpus()).items():
        n_classes = int(np.any([part.tests["chunk"].targets[:, columns].any(0) for part in parts], axis=0).sum())
        for level in LEVELS:
            for subset, head in models:
                one = found(parts, subset, head, level, SHARED, columns)
                low, high = _interval(study, one.draws, one.value)
                rows.append({
                    "encoder": subset, "branch": branch, "n_classes": n_classes, "level": level, "head": head,
                    "measure": SHARED, "value": one.value, "low": low, "high": high, "seeds": len(study.request.seeds),
                })  # fmt: skip
    return pd.DataFrame(rows, columns=BRANCH_COLUMNS)


def planted_truth(study: Study) -> pd.DataFrame:
    """What is planted: how far one encoder stands above the other on its own family [family, better, worse, ...]."""
    parts, families, rows = parts_of(study), branches(study.read_corpus()), []
    for better, worse in (("pitch", "timbre"), ("timbre", "pitch")):
        pair = [found(parts, name, "own", "chunk", SHARED, families[better]) for name in (better, worse)]
        difference = pair[0].value - pair[1].value
        low, high = _interval(study, pair[0].draws - pair[1].draws, difference)
        rows.append({
            "family": better, "better": better, "worse": worse, "value": pair[0].value, "of_worse": pair[1].value,
            "difference": difference, "low": low, "high": high, "shows": difference >= 0.15,
        })  # fmt: skip
    return pd.DataFrame(rows)


def _interval(study: Study, draws: np.ndarray, value: float) -> tuple[float, float]:
    return measures.percentiles(draws, study.settings.scoring.level, value)
