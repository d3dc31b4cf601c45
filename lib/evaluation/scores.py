"""The stored scores of a run: how they are written, read at chunk and clip level, and measured with groups drawn anew."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from lib import files
from lib.encoders.heads import label, members, subsets
from lib.evaluation import influence, measures
from lib.evaluation.chance import Chance
from lib.evaluation.games import CHANCE, CONSTANT, Game
from lib.evaluation.intervals import Sampling, stacked
from lib.evaluation.resampling import Bootstrap, Resampled, Stored, measured_once
from lib.files import digests
from lib.representations import names
from lib.study import Study, missing

LARGE_BYTES = 10**9  # what a run's scores may take as float32
FOLD_STEP = 1009  # between the seeds of two folds' resamples: folds of one size must not draw the same places

Ranked = np.ndarray | None  # scores [item, class]; None stands for a ranking by chance, whose expectation is taken


@dataclass(frozen=True)
class TestSet:
    """What the scores of a run are held against: targets [item, class], group [item], leaves [class] at one level."""

    targets: np.ndarray
    groups: np.ndarray
    leaves: np.ndarray

    @cached_property
    def n_groups(self) -> int:
        """How many groups there are to draw from."""
        return len(np.unique(self.groups))

    @cached_property
    def content(self) -> str:
        """A key of all three."""
        return files.key(*map(files.digest, (self.targets, self.groups, self.leaves)))

    @cached_property
    def groups_having(self) -> np.ndarray:
        """[class] how many groups have a positive; of one group alone nothing tells how another would do."""
        return np.array([len(np.unique(self.groups[column > 0])) for column in self.targets.T])


@dataclass(frozen=True, eq=False)
class ModelScores:
    """Scores [item, class] of one model by level, read from `path` when they are asked for; of chance, None."""

    path: Path | None
    clip: np.ndarray  # [chunk]

    def __getitem__(self, level: str) -> Ranked:
        if self.path is None:
            return None
        scores = digests.read(self.path, np.load)
        return scores if level == "chunk" else measures.clip_means(scores, self.clip)[1]

    @property
    def content(self) -> str:
        """A key of the file's content."""
        return files.content_of([self.path])[0] if self.path else CHANCE


class Scores:
    """The stored scores of one run with one test fold or role."""

    def __init__(self, study: Study) -> None:
        self.study = study
        path = study.folder / "scores" / "test.npz"
        if not path.exists():
            raise missing(study, path, "03_subsets")
        self.stored = digests.read(path, digests.load_arrays)

    @cached_property
    def tests(self) -> dict[str, TestSet]:
        """The test set at chunk and clip level; clips in the order they first appear, as in their scores."""
        targets, clip, group, leaves = (self.stored[name] for name in ("targets", "clip", "group", "leaf"))
        ids, of_clips = measures.clip_targets(targets, clip)
        group_of = dict(zip(clip, group, strict=True))
        groups = np.array([group_of[name] for name in ids])
        return {"chunk": TestSet(targets, group, leaves), "clip": TestSet(of_clips, groups, leaves)}

    @property
    def seed(self) -> int:
        """Of this fold's resamples."""
        return resampling_seed(self.study)

    def read(self, subset: str, head: str, seed: int, game: Game | None = None) -> ModelScores:
        """Scores of a subset, of a game's coalition where a game is given; StudyError naming the notebook where they are missing."""
        if subset == CHANCE:
            return ModelScores(None, self.stored["clip"])
        path = game.file(self.study, members(subset), head, seed) if game else self.study.scores(subset, head, seed)
        if path.exists():
            return ModelScores(path, self.stored["clip"])
        if head == "own" and not (game and game.control):
            raise missing(self.study, path, "02_train_encoder", representation=subset, seed=seed)
        raise missing(self.study, path, "03_subsets")

    def measured(self, scores: ModelScores, level: str) -> Resampled:
        """All measures of a model, made once: the same draws for every model, others for every fold.

        From influence functions where there are groups enough for them, else by the bootstrap.
        """
        test, scoring = self.tests[level], self.study.settings.scoring
        drawn = test.groups, scoring.resamples, self.seed, test.leaves
        many = test.n_groups >= scoring.influence_from
        how = () if many else ("bootstrap",)

        def make() -> Stored:
            if scores.path is None:
                return Stored.of_all(Chance(test.targets, *drawn))
            if many:
                return influence.measure(test.targets, scores[level], *drawn)
            return Stored.of_all(Bootstrap(test.targets, scores[level], *drawn))

        return measured_once((scores.content, level, test.content, scoring.resamples, self.seed, *how), make)


def resampling_seed(part: Study) -> int:
    """The seed of the resamples of one fold."""
    return part.settings.scoring.seed + FOLD_STEP * int(part.request.fold)


def parts_of(study: Study) -> list[Scores]:
    """The stored scores of each fold of a study."""
    return [Scores(part) for part in study.parts]


def sampling(parts: Sequence[Scores], level: str) -> Sampling:
    """How the numbers of these folds are resampled together."""
    scoring = parts[0].study.settings.scoring
    return Sampling(scoring.resamples, n_groups(parts, level) - len(parts), scoring.level)


def n_groups(parts: Sequence[Scores], level: str) -> int:
    """How many groups of test clips are drawn anew, summed over folds."""
    return sum(part.tests[level].n_groups for part in parts)


def rows_of(parts: Sequence[Scores], number: Callable[[Scores, int], tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Rows [resample + seed, ...] of a number (lib/evaluation/intervals.py), the mean over folds.

    number: of one fold and seed its value [...] and its values under the draws [resample, ...].
    """
    return stacked([[number(part, seed) for part in parts] for seed in parts[0].study.request.seeds])


# Written


def models(study: Study) -> list[tuple[str, str]]:
    """Subset and head of everything that is scored, in the order of the table."""
    own = [(name, "own") for name in names()]
    heads = [(label(subset), head) for head in study.settings.heads.kinds for subset in subsets(names())]
    return [(CONSTANT, "none"), *own, *heads]


def write_test_set(study: Study) -> None:
    """Write scores/test.npz: what all score matrices [chunk, class] of the run are held against, row by row."""
    chunks = study.chunks
    rows = chunks.rows("test")
    arrays = {"targets": chunks.targets[rows], "clip": chunks.ids[rows], "start_s": chunks.start_s[rows]}
    arrays |= {"group": chunks.groups[rows], "leaf": chunks.corpus.leaves, "classes": np.array(chunks.corpus.classes)}
    with digests.sealed(study.folder / "scores" / "test.npz") as temporary:
        np.savez_compressed(temporary, **arrays)


def write_scores(study: Study, subset: str, head: str, seed: int, scores: np.ndarray) -> None:
    """Write scores [chunk, class] of the test chunks, in the type of `as_stored`."""
    digests.write_array(study.scores(subset, head, seed), as_stored(study, scores))


def as_stored(study: Study, scores: np.ndarray) -> np.ndarray:
    """Scores [chunk, class] as a run and its controls keep them: float32, or float16 where all would pass 1 GB."""
    in_all = 4 * scores.size * len(models(study)) * len(study.request.seeds)
    return scores.astype(np.float16 if in_all > LARGE_BYTES else np.float32)


def write_constant(study: Study) -> None:
    """Write the scores of the constant predictor: the training prevalence of each class, whatever the sound."""
    prevalence = measures.constant_scores(study.chunks.targets[study.train_rows]).astype(np.float32)
    for seed in study.request.seeds:
        write_scores(study, CONSTANT, "none", seed, np.tile(prevalence, (len(study.chunks.rows("test")), 1)))
