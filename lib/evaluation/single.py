"""One encoder by itself: what its own classifier makes of the test clips, class by class, and what it counts.

Values are fractions (d' apart), as in the tables on disk.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import binary_cross_entropy, huber_loss

from lib.evaluation import chance, measures
from lib.evaluation.results import parameter_table
from lib.sounds.corpora.base import listed
from lib.study import Request, Study


def parameter_readings(widths: Sequence[int] = (5, 8, 16, 64)) -> pd.DataFrame:
    """Trainable numbers of all encoders of the `paper` preset by the width of an attention head, in millions."""
    rows = []
    for width in widths:
        total = parameter_table(Study.of(Request(preset="paper", set=f"body.head_width={width}"))).iloc[-1]
        rows.append({"head_width": width, **{column: round(total[column] / 1e6, 2) for column in total.index[1:]}})
    return pd.DataFrame(rows)


def own_table(study: Study, scores: np.ndarray) -> pd.DataFrame:
    """Test scores [chunk, class] of one model by every measure, the constant predictor and chance beside it.

    [measure, level, value, constant, n, left_out, empty_because, chance]
    """
    chunks = study.chunks
    targets, ids, leaves = chunks.targets[chunks.rows("test")], chunks.ids[chunks.rows("test")], chunks.corpus.leaves
    of_clips, rows = measures.clip_means(scores, ids)[1], []
    for level, labels, ours in (
        ("chunk", targets, scores),
        ("clip", measures.clip_targets(targets, ids)[1], of_clips),
    ):
        # of clips too the same scores to the last bit: a mean of equal ones over 4 chunks or 5 is rounded differently
        constant = np.tile(prevalence(study), (len(labels), 1))
        by_chance = chance.evaluate(labels, leaves)
        values, beside = (measures.evaluate(labels, each, leaves) for each in (ours, constant))
        rows += [
            (name, level, one.value, beside[name].value, one.n, one.left_out, one.reason, by_chance[name].value)
            for name, one in values.items()
        ]
    names = ("measure", "level", "value", "constant", "n", "left_out", "empty_because", "chance")
    return pd.DataFrame(rows, columns=names)


def class_table(study: Study, scores: np.ndarray) -> pd.DataFrame:
    """Average precision of each class on test chunks [class, precision, constant, positives, chance, trained_on].

    NaN without a positive. chance: what a ranking by chance is expected to have. trained_on: training chunks that have it.
    """
    targets = study.chunks.targets[study.chunks.rows("test")]
    each = measures.average_precision(targets, scores, np.ones((1, len(targets))))[0]
    count, trained = targets.sum(0, dtype=int), study.chunks.targets[study.train_rows]
    # scores that are all equal rank nothing: their average precision is the share of positives
    constant = np.where(count > 0, count / len(targets), np.nan)
    return pd.DataFrame({
        "class": study.chunks.corpus.classes, "precision": each, "constant": constant, "positives": count,
        "chance": chance.average_precision(len(targets), count), "trained_on": trained.sum(0, dtype=int),
    })  # fmt: skip


def prevalence(study: Study) -> np.ndarray:
    """Share [class] of the training chunks with each label: the scores of the constant predictor."""
    return measures.constant_scores(study.chunks.targets[study.train_rows])


def constant_loss(study: Study, what: str) -> float:
    """The training loss of the constant predictor under the schedule of `what`: an encoder above it learned nothing."""
    schedule, share = study.settings.schedule(what), torch.from_numpy(prevalence(study))
    if schedule.loss == "bce":
        return float(binary_cross_entropy(share, share))
    of_all, of_none = (
        huber_loss(share, torch.full_like(share, target), reduction="none", delta=schedule.huber_delta)
        for target in (1.0, 0.0)
    )
    return float((share * of_all + (1 - share) * of_none).mean())


def own_summary(table: pd.DataFrame, classes: pd.DataFrame, title: str) -> str:
    """Two sentences on an own_table and a class_table; of best and worst, classes that nothing can be known of are left out.

    These are classes without a training chunk, and those whose average precision is the constant predictor's: all
    their scores are equal, or every test chunk has them.
    """
    value, by_chance = table.query("measure == 'map_macro' and level == 'chunk'")[["value", "chance"]].iloc[0]
    tested = classes.dropna(subset="precision").sort_values("precision", ascending=False, kind="stable")
    shown = (tested["trained_on"] > 0) & ~np.isclose(tested["precision"], tested["constant"], rtol=0, atol=1e-9)
    known, left_out = list(tested["class"][shown]), list(tested["class"][~shown])
    best, least = listed(known[:1], 1), listed(known[-1:], 1)
    ends = f"Best known class: {best}; least: {least}." if len(known) > 1 else "No two classes can be compared."
    why = f" Not compared, without a training clip or with equal scores: {listed(left_out, 5)}." if left_out else ""
    return f"{title}: macro mAP of chunks {100 * value:.1f} %, where chance has {100 * by_chance:.1f} %. {ends}{why}"
