"""Test clips to listen to, with the labels that each model scores highest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.evaluation.predictions import clip_scores
from lib.evaluation.sentences import short
from lib.explorer.viewer import clip_samples, first_chunk, one_of_each
from lib.sounds.chunks import Chunks
from lib.study import Study, StudyError

SHOWN_CLASSES = 3  # of each model

ScoresOf = Mapping[str, Mapping[str, np.ndarray]]  # by model and clip, [class]


@dataclass(frozen=True)
class Example:
    """A test clip: samples [s] of its beginning at rate_hz and its labels.

    predictions: of each model its highest classes with their scores, and whether the clip has each.
    """

    clip: str
    labels: tuple[str, ...]
    samples: np.ndarray
    rate_hz: int
    predictions: dict[str, list[tuple[str, float, bool]]]


def examples(part: Study, n: int) -> list[Example]:
    """At most n test clips of a run with one test fold, spread over its classes, with the stored predictions."""
    chunks, scores = part.chunks, scores_of(part)
    return [_example(chunks, row, scores) for row in one_of_each(chunks, n, "test")]


def mistakes(parts: Sequence[Study], table: pd.DataFrame, n: int) -> list[Example]:
    """At most n test clips of mistakes.csv, the clearest first and each kind of mistake once, with the stored predictions."""
    scores = {part.fold: scores_of(part) for part in parts}
    shown = table.drop_duplicates(["label", "taken_for"]).head(n).itertuples()
    return [_example(*first_chunk(parts, row.fold, row.clip), scores[row.fold]) for row in shown]


def scores_of(part: Study) -> ScoresOf:
    """Clip scores of each encoder's own classifier and of the head on all four, the mean of the seeds that are there.

    A model without stored scores is left out, all of them where there is no test set.
    """
    try:
        ids, models = clip_scores(part)
    except StudyError:
        return {}
    return {short(subset): dict(zip(map(str, ids), scores, strict=True)) for (subset, _), scores in models.items()}


def _example(chunks: Chunks, row: int, scores: ScoresOf) -> Example:
    clip, classes, has = str(chunks.ids[row]), chunks.corpus.classes, chunks.targets[row].astype(bool)
    predictions = {}
    for model, of_clip in scores.items():
        if clip in of_clip:
            order = np.argsort(-of_clip[clip], kind="stable")[:SHOWN_CLASSES]
            predictions[model] = [
                (classes[column], float(of_clip[clip][column]), bool(has[column])) for column in order
            ]
    labels = tuple(chunks.corpus.clips["labels"].iloc[chunks.clip[row]])
    return Example(clip, labels, clip_samples(chunks, row), chunks.settings.rate_hz, predictions)
