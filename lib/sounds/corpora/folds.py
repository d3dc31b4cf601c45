"""Folds for clips that have none: groups are dealt so that every fold has its share of every class and of the clips."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lib.display.screen import counted
from lib.sounds.corpora.base import CorpusError
from lib.sounds.corpora.rows import Row

MOST = 5  # folds, where there are groups enough
GROUPS_EACH = 2  # that a fold should hold: with one alone there is nothing to draw anew for an interval


def dealt(rows: Sequence[Row], seed: int, where: str) -> tuple[list[Row], str]:
    """The rows with folds from 1 and without roles, and a sentence that says how; CorpusError where all are one group."""
    groups = sorted({row.group for row in rows})
    if len(groups) < 2:
        raise CorpusError(f"{where}: all usable clips are of one group, so none can be tested; add groups")
    n_folds = max(2, min(MOST, len(groups) // GROUPS_EACH))
    fold_of = dict(zip(groups, _deal(_counts(rows, groups), n_folds, seed).tolist(), strict=True))
    note = (
        f"{counted(len(groups), 'group')} of clips are dealt into {n_folds} folds, the classes as even as groups allow"
    )
    if n_folds < MOST:
        note += f" (fewer than {MOST}, so that a fold holds {GROUPS_EACH} groups where it can)"
    return [replace(row, fold=fold_of[row.group] + 1, role="") for row in rows], note


def _counts(rows: Sequence[Row], groups: Sequence[str]) -> np.ndarray:
    """Clips [group, class + 1] of each class and, in the last column, in all."""
    place = {name: i for i, name in enumerate(groups)}
    column = {name: i for i, name in enumerate(sorted({label for row in rows for label in row.labels}))}
    counts = np.zeros((len(groups), len(column) + 1))
    for row in rows:
        counts[place[row.group], [*(column[label] for label in row.labels), -1]] += 1
    return counts


def _deal(counts: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """The fold [group] from 0: the largest group first, each to the fold that has least of what it brings.

    That choice keeps the sum of the squared shares of the folds least; an empty fold has nothing, so it is taken first.
    """
    share = counts / counts.sum(axis=0)
    share[:, -1] *= max(1, counts.shape[1] - 1)  # the number of clips weighs as much as all classes together
    shuffled = np.random.default_rng(seed).permutation(len(counts))
    folds, fold_of = np.zeros((n_folds, counts.shape[1])), np.zeros(len(counts), int)
    for group in shuffled[np.argsort(-share[shuffled].sum(axis=1), kind="stable")]:
        fold_of[group] = np.argmin(folds @ share[group])
        folds[fold_of[group]] += share[group]
    return fold_of
