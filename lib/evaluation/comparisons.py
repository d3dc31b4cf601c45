"""Differences and branches, each with a paired interval: one set of resampled groups serves every model.

Everything is the mean over seeds and folds, taken measure by measure. The intervals resample groups of clips and add the
spread of the seeds where there are several (lib/evaluation/intervals.py).
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from lib.encoders.heads import ALL_FOUR
from lib.evaluation.games import CHANCE, paper4
from lib.evaluation.intervals import difference, with_holm
from lib.evaluation.results import SHARED, headline
from lib.evaluation.scores import Scores, n_groups, parts_of, rows_of, sampling
from lib.representations import names
from lib.sounds.chunks import LEVELS
from lib.sounds.corpora.base import Corpus, tops
from lib.study import Study

# The paper's order, Table 1 from below: a difference above zero means the same order here.
PAPER_ORDER = ("pitch", "timbre", "waveform", "neuralogram", ALL_FOUR)
BRANCH_COLUMNS = ["encoder", "branch", "n_classes", "level", "head", "measure", "value", "low", "high", "seeds"]
PAIR_COLUMNS = ["first", "second", "level", "measure", "head", "difference", "low", "high"]
SIMULTANEOUS_COLUMNS = [*PAIR_COLUMNS, "seeds", "p", "p_all", "groups"]
DIFFERENCE_COLUMNS = [*PAIR_COLUMNS, "items", "groups", "seeds", "p", "p_holm"]


def rows_of_model(
    parts: Sequence[Scores], subset: str, head: str, level: str, measure: str = SHARED,
    over: Sequence[Sequence[int]] | None = None,
) -> np.ndarray:  # fmt: skip
    """Rows [resample + seed] of one measure of one model; over: its means over these columns, [resample + seed, group]."""

    def number(part: Scores, seed: int) -> tuple[np.ndarray | float, np.ndarray]:
        model = part.measured(part.read(subset, head, seed), level)
        if over is None:
            value, rows = model.of(measure)
            return value.value, rows
        return tuple(np.stack(each, axis=-1) for each in zip(*(model.over(measure, own) for own in over), strict=True))

    return rows_of(parts, number)


def difference_table(study: Study) -> pd.DataFrame:
    """Every pair among the four encoders and all four together, the same fresh head on each [one row a pair].

    difference is first less second, and `first` is the one that stands higher in the paper's Table 1. p is that of the
    difference alone, p_holm is corrected for the pairs of one level.
    """
    parts, measure, rows = parts_of(study), headline(study), []
    for level in LEVELS:
        of = sampling(parts, level)
        each = {subset: rows_of_model(parts, subset, "paper", level, measure) for subset in PAPER_ORDER}
        items = sum(len(part.tests[level].targets) for part in parts)
        shared = {"level": level, "measure": measure, "head": "paper", "items": items}
        shared |= {"groups": n_groups(parts, level), "seeds": len(study.request.seeds)}
        rows += with_holm(
            {"first": first, "second": second, **shared, **difference(of, each[first] - each[second])}
            for second, first in combinations(PAPER_ORDER, 2)
        )
    return pd.DataFrame(rows, columns=DIFFERENCE_COLUMNS)


def simultaneous_table(study: Study) -> pd.DataFrame:
    """All four less each single encoder, with intervals that hold together: the best single one may be chosen freely.

    p: one-sided, of each difference alone. p_all: the largest of them, which is the p of "all four beat every single
    one" (an intersection-union test, which needs no correction: each of them must hold).
    """
    parts, measure, players, rows = parts_of(study), headline(study), paper4().players, []
    for level in LEVELS:
        of = sampling(parts, level)
        for head in study.settings.heads.kinds:
            all_four = rows_of_model(parts, ALL_FOUR, head, level, measure)
            less = [all_four - rows_of_model(parts, name, head, level, measure) for name in players]
            p = [float(of.p_above(each)) for each in less]
            shared = {"first": ALL_FOUR, "level": level, "measure": measure, "head": head, "p_all": float(np.max(p))}
            shared |= {"groups": n_groups(parts, level), "seeds": len(study.request.seeds)}
            for name, each, (low, high), alone in zip(players, less, of.simultaneous(less), p, strict=True):
                own = {"second": name, "difference": float(of.value(each)), "low": low, "high": high, "p": alone}
                rows.append(shared | own)
    return pd.DataFrame(rows, columns=SIMULTANEOUS_COLUMNS)


def branches(corpus: Corpus) -> dict[str, list[int]]:
    """The branches of the corpus' ontology: each topmost class or name, with the columns of the classes in it.

    A class may stand in several, unlike in the corpus' families. Classes without parents and without children are in none;
    no parents, no branches.
    """
    columns_of: dict[str, list[int]] = {}
    above = {parent for parents in corpus.parents.values() for parent in parents}
    for column, name in enumerate(corpus.classes):
        for top in sorted(tops(name, corpus.parents)):
            if top != name or name in above:
                columns_of.setdefault(top, []).append(column)
    return columns_of


def classes_in_order(corpus: Corpus) -> list[str]:
    """The classes branch by branch, each once; those of no branch last."""
    columns = [column for own in branches(corpus).values() for column in own]
    ordered = dict.fromkeys([*columns, *range(len(corpus.classes))])
    return [corpus.classes[column] for column in ordered]


def branch_of(corpus: Corpus) -> dict[str, str]:
    """The first branch of each class that is in one."""
    last_first = reversed(branches(corpus).items())
    return {corpus.classes[column]: branch for branch, columns in last_first for column in columns}


def branch_table(study: Study) -> pd.DataFrame:
    """Macro mAP over the classes of each branch: of own classifiers, fresh heads, all four, chance.

    chance: what a ranking by chance is expected to have. n_classes: how many classes of the branch the test clips have; the
    others cannot count.
    """
    parts, of_branch, tables = parts_of(study), branches(study.read_corpus()), []
    models = [(name, head) for name in names() for head in ("own", "paper")] + [(ALL_FOUR, "paper"), (CHANCE, "none")]
    tested = np.any([part.tests["chunk"].targets.any(0) for part in parts], axis=0)
    for level in LEVELS if of_branch else ():
        of = sampling(parts, level)
        for subset, head in models:
            rows = rows_of_model(parts, subset, head, level, over=list(of_branch.values()))
            for (branch, columns), own in zip(of_branch.items(), rows.T, strict=True):
                start = {"encoder": subset, "branch": branch, "n_classes": int(tested[columns].sum()), "level": level}
                start |= {"head": head, "measure": SHARED, "seeds": len(study.request.seeds)}
                tables.append(start | of.cells(own, ends=(0, 1)))
    table = pd.DataFrame(tables, columns=BRANCH_COLUMNS)
    order = table["branch"].map(list(of_branch).index)
    return table.loc[order.sort_values(kind="stable").index].reset_index(drop=True)


def planted_truth(study: Study) -> pd.DataFrame:
    """What is planted: how far one encoder stands above the other on its own family [family, better, worse, ...].

    chance: what a ranking by chance is expected to have on that family.
    """
    parts, families, rows = parts_of(study), branches(study.read_corpus()), []
    of = sampling(parts, "chunk")
    for better, worse in (("pitch", "timbre"), ("timbre", "pitch")):
        models = ((better, "own"), (worse, "own"), (CHANCE, "none"))
        first, second, chance = (rows_of_model(parts, *one, "chunk", over=[families[better]])[:, 0] for one in models)
        cells = of.cells(first - second, "difference", "low", "high")
        names = ("value", "of_worse", "chance")
        values = {name: float(of.value(one)) for name, one in zip(names, (first, second, chance), strict=True)}
        cells |= {"shows": cells["difference"] >= 0.15 and cells["low"] > 0}
        rows.append({"family": better, "better": better, "worse": worse, **values, **cells})
    return pd.DataFrame(rows)
