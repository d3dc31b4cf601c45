"""What careless protocols would have given, beside the careful ones: what nobody should do, to show what it is worth.

Heads are trained anew on stored embeddings, choices are made from stored scores. Values are fractions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from lib.encoders.heads import ALL_FOUR, HeadData, HeadPlan, label, score_subsets, subsets
from lib.encoders.threads import cores, side_by_side
from lib.encoders.training import device_of
from lib.evaluation import measures
from lib.evaluation.frozen import read_embeddings
from lib.evaluation.results import SHARED, levels_of, macro_map
from lib.evaluation.scores import Scores
from lib.representations import PAPER, names
from lib.study import Study

Array = np.ndarray

COLUMNS = ["protocol", "careful", "careless", "measure", "level", "warning"]
SPLITS, HALVES, HEAD_SEEDS = 3, 20, 5  # random splits that a head is trained on; that a choice is made on; seeds


def careless_table(study: Study, seed: int) -> pd.DataFrame:
    """What careless protocols would have given, beside careful ones [COLUMNS]: chunk macro mAP.

    The heads are those of the settings' last kind, the linear one, which takes seconds.
    Of a study of all folds the first one. The heads are trained anew on the encoders' embeddings of this seed, the
    choice among subsets is made from stored scores.
    """
    part = study.parts[0]
    fresh = FreshHead.of(part, seed)
    rows = [split_test_chunks(fresh), chosen_on_test(Scores(part), seed), best_seed(fresh)]
    return pd.DataFrame(rows, columns=COLUMNS)


@dataclass(frozen=True, eq=False)
class FreshHead:
    """A head on all four encoders' embeddings [chunk, width together], trained and scored on the rows it is given."""

    part: Study
    embeddings: Array
    seed: int
    plan: HeadPlan

    @classmethod
    def of(cls, part: Study, seed: int) -> "FreshHead":
        """Of one seed's encoders; StudyError naming the notebook where they are missing."""
        torch.set_num_threads(part.settings.threads)
        embeddings = [read_embeddings(part, name, seed) for name in names() if name in PAPER]
        plan = HeadPlan.of(part.settings, part.settings.heads.kinds[-1])
        return cls(part, np.concatenate(embeddings, axis=1), seed, plan)

    def value(self, train: Array, scored: Array, seed: int) -> float:
        """Chunk macro mAP on the rows `scored` [row] of a head trained on the rows `train` [row]."""
        chunks, device = self.part.chunks, device_of(self.part.request.device)
        # one input, so that no other subset is trained
        together = HeadData({ALL_FOUR: self.embeddings}, chunks.targets, chunks.groups)
        ((_, scores),) = score_subsets(together, train, scored, self.plan, seed, device)
        return macro_map(chunks.targets[scored], scores)


def split_test_chunks(fresh: FreshHead) -> dict[str, Any]:
    """Heads trained on one half of the test chunks, split at random, against halves by group; mean of seeded splits.

    No encoder was trained on any of these, so what is left is what the head remembers of a clip.
    """

    test, rng = fresh.part.chunks.rows("test"), np.random.default_rng(fresh.seed)
    pairs = []
    for first in list(_halves(fresh.part.chunks.groups[test], SPLITS, rng)):
        each = (test, rng.permutation(test))
        pairs.append([fresh.value(rows[first], rows[~first], fresh.seed) for rows in each])
    parts, whole = ("chunks", "clip") if len(levels_of(fresh.part)) > 1 else ("clips", "group")
    return _careless(
        f"split the {parts} of one {whole} over training and test", pairs,
        f"the head knows a {whole} again by other {parts}; both are heads trained on half the test set",
    )  # fmt: skip


def chosen_on_test(part: Scores, seed: int) -> dict[str, Any]:
    """The best of all subsets and heads by its own test score, against one chosen on the other half of the groups.

    Both are reported on the same halves, because average precision is higher where there are fewer items.
    """
    players = [name for name in names() if name in PAPER]
    models = [(label(subset), head) for head in part.study.settings.heads.kinds for subset in subsets(players)]
    test = part.tests["chunk"]
    halves = [half for first in _halves(test.groups, HALVES, seed) for half in (first, ~first)]

    def of_model(model: tuple[str, str]) -> Array:
        # sorted once for all halves; classes without a positive are left out
        each = measures.average_precision(test.targets, part.read(*model, seed)["chunk"], np.array(halves, np.int32))
        return np.nanmean(each, axis=1)

    values = np.array(list(side_by_side(of_model, models if halves else [], cores())))
    pairs = [chosen(values[:, [first, first + 1]]) for first in range(0, len(halves), 2)]
    return _careless(
        f"choose among {len(models)} models by the score on the test set itself", pairs,
        "the winner was partly lucky on the very items it was chosen by; both are means over halves of the test set",
    )  # fmt: skip


def chosen(values: Array) -> tuple[float, float]:
    """Values [model, half] of the two halves: the mean of what the other half's choice gives, and of the highest."""
    by_other_half = values[values.argmax(axis=0)[::-1], [0, 1]]
    return float(by_other_half.mean()), float(values.max(axis=0).mean())


def _halves(groups: Array, repeats: int, seed: int | np.random.Generator) -> Iterator[Array]:
    """Seeded halves [item] bool of the groups [item]; none where there is one group alone."""
    rng, there = np.random.default_rng(seed), np.unique(groups)
    for _ in range(repeats if len(there) > 1 else 0):
        yield np.isin(groups, rng.permutation(there)[: len(there) // 2])


def best_seed(fresh: FreshHead) -> dict[str, Any]:
    """The best of several head seeds by test score, against their mean.

    A linear head is trained by descent here, whatever the study's are: least squares have no seed.
    """
    descent = fresh.plan.heads.model_copy(update={"linear_fit": "descent"})
    fresh = replace(fresh, plan=replace(fresh.plan, heads=descent))
    seeds = range(fresh.seed, fresh.seed + HEAD_SEEDS)
    values = [fresh.value(fresh.part.train_rows, fresh.part.chunks.rows("test"), seed) for seed in seeds]
    return _careless(
        f"report the best of {HEAD_SEEDS} seeds of the head by test score", [(np.mean(values), max(values))],
        "the next seed will not repeat it; the mean of the seeds is what to expect",
    )  # fmt: skip


def _careless(protocol: str, pairs: Sequence[Sequence[float]], warning: str) -> dict[str, Any]:
    """The row of a protocol, by pairs of what the careful and the careless one give."""
    careful, careless = np.mean(pairs, axis=0).tolist() if pairs else (np.nan, np.nan)
    if np.isnan(careful):
        warning = "no value: one group alone cannot be split"
    return {
        "protocol": f"DO NOT: {protocol}", "careful": careful, "careless": careless, "measure": SHARED, "level": "chunk",
        "warning": warning,
    }  # fmt: skip
