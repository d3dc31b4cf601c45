"""Test clips to listen to, and what each encoder said of them: the labels that it scores highest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.evaluation.predictions import clip_scores
from lib.evaluation.sentences import short
from lib.explorer.viewer import clip_samples, one_of_each
from lib.sounds.chunks import Chunks
from lib.study import Study, StudyError

SHOWN_CLASSES = 3  # of each answer


@dataclass(frozen=True)
class Answer:
    """What one of them said of a clip: its highest classes with their scores, and whether the clip has each."""

    who: str
    highest: tuple[tuple[str, float, bool], ...]


@dataclass(frozen=True)
class Heard:
    """A test clip: samples [s] of its beginning at rate_hz, its labels, and the answers to it."""

    clip: str
    labels: tuple[str, ...]
    samples: np.ndarray
    rate_hz: int
    answers: tuple[Answer, ...]


def examples(part: Study, n: int) -> list[Heard]:
    """At most n test clips of a run with one test fold, spread over its classes, with the stored answers to them."""
    chunks, said = part.chunks, answers(part)
    return [_heard(chunks, row, said) for row in one_of_each(chunks, n, "test")]


def mistakes(parts: Sequence[Study], table: pd.DataFrame, n: int) -> list[Heard]:
    """At most n test clips of mistakes.csv, the clearest first and each kind of mistake once, with the stored answers."""
    found, part_of = [], {str(part.request.fold or ""): part for part in parts}
    said = {fold: answers(part) for fold, part in part_of.items()}
    for row in table.drop_duplicates(["label", "taken_for"]).head(n).itertuples():
        chunks = part_of[row.fold].chunks
        found.append(_heard(chunks, int(np.flatnonzero(chunks.ids == row.clip)[0]), said[row.fold]))
    return found


def answers(part: Study) -> dict[str, dict[str, np.ndarray]]:
    """Clip scores [class] by who scored and by clip: each encoder's own classifier, and the head on all four.

    The mean of the seeds that are there. Whoever has no stored scores is left out, all of them where there is no test set.
    """
    try:
        ids, models = clip_scores(part)
    except StudyError:
        return {}
    return {short(subset): dict(zip(map(str, ids), scores, strict=True)) for (subset, _), scores in models.items()}


def _heard(chunks: Chunks, row: int, said: Mapping[str, Mapping[str, np.ndarray]]) -> Heard:
    clip = str(chunks.ids[row])
    classes, has = chunks.corpus.classes, chunks.targets[row].astype(bool)
    told = [Answer(who, _highest(scores[clip], classes, has)) for who, scores in said.items() if clip in scores]
    labels = tuple(chunks.corpus.clips["labels"].iloc[chunks.clip[row]])
    return Heard(clip, labels, clip_samples(chunks, row), chunks.settings.rate_hz, tuple(told))


def _highest(scores: np.ndarray, classes: tuple[str, ...], has: np.ndarray) -> tuple[tuple[str, float, bool], ...]:
    """The classes of the highest scores [class], from above."""
    order = np.argsort(-scores, kind="stable")[:SHOWN_CLASSES]
    return tuple((classes[column], float(scores[column]), bool(has[column])) for column in order)
