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
from lib.evaluation.intervals import holm
from lib.evaluation.results import SHARED, Scores, headline, sampling, within
from lib.representations import names
from lib.sounds.chunks import LEVELS
from lib.sounds.corpora.base import Corpus
from lib.study import Study

# The paper's order, Table 1 from below: a difference above zero means the same order here.
PAPER_ORDER = ("pitch", "timbre", "waveform", "neuralogram", ALL_FOUR)
BRANCH_COLUMNS = ["encoder", "branch", "n_classes", "level", "head", "measure", "value", "low", "high", "seeds"]


def parts_of(study: Study) -> list[Scores]:
    """The stored scores of each fold of a study."""
    return [Scores(part) for part in study.parts]


def found(
    parts: Sequence[Scores],
    subset: str,
    head: str,
    level: str,
    measure: str = SHARED,
    classes: Sequence[int] | None = None,
) -> np.ndarray:
    """One measure of one model, on the columns `classes` alone if given, as rows [resample + seed]: see lib/evaluation/intervals.py."""
    draws, values = [], []
    for seed in parts[0].study.request.seeds:
        each = [part.number(part.read(subset, head, seed), level, measure, classes) for part in parts]
        values.append(np.mean([value for value, _ in each]))
        draws += [one for _, one in each]
    return np.concatenate([np.mean(draws, axis=0), values])


def difference_table(study: Study) -> pd.DataFrame:
    """Every pair among the four encoders and all four together, the same fresh head on each [one row a pair].

    difference is first less second, and `first` is the one that stands higher in the paper's Table 1. p is that of the
    difference alone, p_holm is corrected for the pairs of one level.
    """
    parts, measure, level_of, rows = parts_of(study), headline(study), study.settings.scoring.level, []
    for level in LEVELS:
        of = sampling(parts, level)
        each = {subset: found(parts, subset, "paper", level, measure) for subset in PAPER_ORDER}
        pairs = [(first, second) for second, first in combinations(PAPER_ORDER, 2)]
        p = [float(of.p_value(each[first] - each[second])) for first, second in pairs]
        for (first, second), alone, corrected in zip(pairs, p, holm(p), strict=True):
            difference = each[first] - each[second]
            low, high = of.interval(difference, level_of)
            rows.append({
                "first": first, "second": second, "level": level, "measure": measure, "head": "paper",
                "difference": float(of.value(difference)), "low": float(low), "high": float(high),
                "items": sum(len(part.tests[level].targets) for part in parts),
                "groups": _n_groups(parts, level), "seeds": len(study.request.seeds),
                "p": alone, "p_holm": corrected,
            })  # fmt: skip
    return pd.DataFrame(rows)


def _n_groups(parts: Sequence[Scores], level: str) -> int:
    """How many groups of clips are drawn anew, summed over folds."""
    return sum(part.tests[level].n_groups for part in parts)


def simultaneous_table(study: Study) -> pd.DataFrame:
    """All four less each single encoder, with intervals that hold together: the best single one may be chosen freely.

    p: one-sided, of each difference alone. p_all: the largest of them, which is the p of "all four beat every single
    one" (an intersection-union test, which needs no correction: each of them must hold).
    """
    parts, measure, rows = parts_of(study), headline(study), []
    players = paper4().players
    for level in LEVELS:
        for head in study.settings.heads.kinds:
            of = sampling(parts, level)
            each = {subset: found(parts, subset, head, level, measure) for subset in (*players, ALL_FOUR)}
            differences = [each[ALL_FOUR] - each[name] for name in players]
            ends = of.simultaneous(differences, study.settings.scoring.level)
            p = [float(of.p_above(difference)) for difference in differences]
            for name, difference, (low, high), alone in zip(players, differences, ends, p, strict=True):
                rows.append({
                    "first": ALL_FOUR, "second": name, "level": level, "measure": measure, "head": head,
                    "difference": float(of.value(difference)), "low": low, "high": high,
                    "seeds": len(study.request.seeds), "p": alone, "p_all": float(np.max(p)),
                    "groups": _n_groups(parts, level),
                })  # fmt: skip
    return pd.DataFrame(rows)


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


def classes_in_order(corpus: Corpus) -> list[str]:
    """The classes branch by branch, each once; those of no branch last."""
    columns = [column for own in branches(corpus).values() for column in own]
    ordered = dict.fromkeys([*columns, *range(len(corpus.classes))])
    return [corpus.classes[column] for column in ordered]


def branch_of(corpus: Corpus) -> dict[str, str]:
    """The first branch of each class that is in one."""
    found: dict[str, str] = {}
    for branch, columns in branches(corpus).items():
        for column in columns:
            found.setdefault(corpus.classes[column], branch)
    return found


def _tops(name: str, parents: dict[str, tuple[str, ...]], below: frozenset[str] = frozenset()) -> set[str]:
    """The topmost names above `name`, itself where nothing is; a circle is walked once."""
    higher = [parent for parent in parents.get(name, ()) if parent not in below]
    return set().union(*(_tops(parent, parents, below | {name}) for parent in higher)) if higher else {name}


def branch_table(study: Study) -> pd.DataFrame:
    """Macro mAP of each encoder's own classifier over the classes of each branch, of the fresh head, of all four, of chance.

    chance: what a ranking by chance is expected to have. n_classes: how many classes of the branch the test clips have; the others cannot count.
    """
    parts, rows = parts_of(study), []
    models = [(name, head) for name in names() for head in ("own", "paper")] + [(ALL_FOUR, "paper"), (CHANCE, "none")]
    for branch, columns in branches(study.read_corpus()).items():
        n_classes = int(np.any([part.tests["chunk"].targets[:, columns].any(0) for part in parts], axis=0).sum())
        for level in LEVELS:
            of = sampling(parts, level)
            for subset, head in models:
                one = found(parts, subset, head, level, SHARED, columns)
                low, high = within(SHARED, *of.interval(one, study.settings.scoring.level))
                rows.append({
                    "encoder": subset, "branch": branch, "n_classes": n_classes, "level": level, "head": head,
                    "measure": SHARED, "value": float(of.value(one)), "low": low, "high": high,
                    "seeds": len(study.request.seeds),
                })  # fmt: skip
    return pd.DataFrame(rows, columns=BRANCH_COLUMNS)


def planted_truth(study: Study) -> pd.DataFrame:
    """What is planted: how far one encoder stands above the other on its own family [family, better, worse, ...].

    chance: what a ranking by chance is expected to have on that family.
    """
    parts, families, rows = parts_of(study), branches(study.read_corpus()), []
    of = sampling(parts, "chunk")
    for better, worse in (("pitch", "timbre"), ("timbre", "pitch")):
        pair = [found(parts, name, "own", "chunk", SHARED, families[better]) for name in (better, worse)]
        by_chance = found(parts, CHANCE, "none", "chunk", SHARED, families[better])
        difference = float(of.value(pair[0] - pair[1]))
        low, high = of.interval(pair[0] - pair[1], study.settings.scoring.level)
        rows.append({
            "family": better, "better": better, "worse": worse, "value": float(of.value(pair[0])),
            "of_worse": float(of.value(pair[1])), "difference": difference, "low": float(low), "high": float(high),
            "shows": difference >= 0.15, "chance": float(of.value(by_chance)),
        })  # fmt: skip
    return pd.DataFrame(rows)
