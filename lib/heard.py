"""Test clips to listen to, and what each encoder said of them: the labels that it scores highest."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lib.chunks import Chunks
from lib.measures import clip_means
from lib.representations import names
from lib.results import ALL_FOUR, Scores
from lib.study import Study, StudyError
from lib.viewer import clip_samples, one_of_each

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


def answers(part: Study) -> dict[str, dict[str, np.ndarray]]:
    """Clip scores [class] by who scored and by clip: each encoder's own classifier, and the head on all four.

    The mean of the seeds that are there. Whoever has no stored scores is left out, all of them where there is no test set.
    """
    models = [(name, name, "own") for name in names()] + [("all four", ALL_FOUR, part.settings.heads.kinds[0])]
    try:
        clip = Scores(part).stored["clip"]
    except StudyError:
        return {}
    found = {}
    for who, subset, head in models:
        paths = [path for seed in part.request.seeds if (path := part.scores(subset, head, seed)).exists()]
        if paths:
            ids, means = clip_means(np.mean([np.load(path) for path in paths], axis=0), clip)
            found[who] = dict(zip(map(str, ids), means, strict=True))
    return found


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
