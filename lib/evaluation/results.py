"""Stored scores in, the study's tables out. Every number here recomputes from runs/<study>/scores.

A table of several folds averages measure by measure: scores of different models are never pooled. Values are fractions
(d' apart), as in the tables on disk; percent is for the screen.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib import files
from lib.encoders.heads import Subset, label, subsets
from lib.encoders.threads import cores, side_by_side
from lib.evaluation import chance, influence, measures
from lib.evaluation.games import CHANCE, CONSTANT, Game
from lib.evaluation.influence import Measured, kept
from lib.evaluation.intervals import Sampling
from lib.evaluation.measures import Value
from lib.files import digests
from lib.representations import names
from lib.settings import decisions
from lib.sounds.chunks import LEVELS
from lib.study import Study, missing

SHARED = "map_macro"  # the measure that is shared out among the encoders
HEADLINE = {"fsd50k": "recall@5", "esc50": "top1", "planted": SHARED}  # of Table 1; SHARED for own sounds
LARGE_BYTES = 10**9  # what a run's scores may take as float32
FOLD_STEP = 1009  # between the seeds of two folds' resamples: folds of one size must not draw the same places

COLUMNS = (
    "subset", "n_encoders", "head", "seed", "fold", "role", "level", "measure", "value", "low", "high", "n", "left_out",
    "control",
)  # fmt: skip

Draws = Mapping[str, np.ndarray]  # measure -> its value in each resample
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
    def in_several_groups(self) -> np.ndarray:
        """[class] bool: positives in two groups or more; of one alone nothing tells how another would do."""
        return self.groups_having > 1

    @cached_property
    def groups_having(self) -> np.ndarray:
        """[class] how many groups have a positive."""
        number = measures.group_numbers(self.groups)[0]
        return np.array([len(np.unique(number[column > 0])) for column in self.targets.T])


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

    def read(self, subset: str, head: str, seed: int) -> ModelScores:
        """Scores [item, class] at chunk and clip level; StudyError naming the notebook where they are missing."""
        if subset == CHANCE:
            return ModelScores(None, self.stored["clip"])
        path = self.study.scores(subset, head, seed)
        return (
            self.load(path, "02_train_encoder", representation=subset, seed=seed) if head == "own" else self.load(path)
        )

    def load(self, path: Path, made_by: str = "03_subsets", **own: Any) -> ModelScores:
        """The scores [item, class] of a file, at chunk and clip level; own: parameters of the notebook that makes it."""
        if not path.exists():
            raise missing(self.study, path, made_by, **own)
        return ModelScores(path, self.stored["clip"])

    def kept(self, scores: ModelScores, level: str) -> Measured | None:
        """All measures from influence functions, made once; None where the groups are few, and the bootstrap stays."""
        test, scoring = self.tests[level], self.study.settings.scoring
        if test.n_groups < scoring.influence_from:
            return None
        given = test.groups, scoring.resamples, self.seed, test.leaves
        return kept(
            (scores.content, level, test.content, scoring.resamples, self.seed),
            lambda: (chance if scores.path is None else influence).measure(test.targets, scores[level], *given),
        )

    def measured(
        self, scores: ModelScores, level: str, only: Sequence[str] = measures.NAMES
    ) -> tuple[Mapping[str, Value], Draws]:
        """Measures at this level, and the same with groups resampled: the same draws for every model, others for every fold."""
        if found := self.kept(scores, level):
            return found.values, found.rows
        return self._bootstrapped(scores[level], level, only)

    def number(
        self, scores: ModelScores, level: str, name: str, classes: Sequence[int] | None = None
    ) -> tuple[float, np.ndarray]:
        """One measure, of the columns `classes` alone where they are given (a mean over classes), and its draws [resample]."""
        if classes is not None and (found := self.kept(scores, level)):
            return found.of_columns(name, classes)
        if classes is None:
            values, draws = self.measured(scores, level, [name])
        else:
            values, draws = self._bootstrapped(scores[level], level, [name], classes)
        return values[name].value, draws[name]

    def _bootstrapped(
        self, scores: Ranked, level: str, only: Sequence[str], classes: Any = slice(None)
    ) -> tuple[dict[str, Value], Draws]:
        test, resamples = self.tests[level], self.study.settings.scoring.resamples
        targets, leaves = test.targets[:, classes], test.leaves[classes]
        if scores is None:
            draws = chance.bootstrap(targets, test.groups, only, resamples, self.seed, leaves)
            return chance.evaluate(targets, leaves, only), draws
        draws = measures.bootstrap(targets, scores[:, classes], test.groups, only, resamples, self.seed, leaves)
        return measures.evaluate(targets, scores[:, classes], leaves, only), draws

    def by_class(self, scores: ModelScores, level: str, measure: str) -> tuple[np.ndarray, np.ndarray]:
        """A mean over classes class by class, and the same with groups resampled: [class], [resample, class]."""
        if found := self.kept(scores, level):
            return found.class_values[measure], found.class_rows[measure]
        test, resamples = self.tests[level], self.study.settings.scoring.resamples
        if scores.path is None:
            return chance.bootstrap_classes(test.targets, test.groups, measure, resamples, self.seed)
        return measures.bootstrap_classes(test.targets, scores[level], test.groups, measure, resamples, self.seed)

    @property
    def seed(self) -> int:
        """Of this fold's resamples."""
        return self.study.settings.scoring.seed + FOLD_STEP * int(self.study.request.fold)


def sampling(parts: Sequence[Scores], level: str) -> Sampling:
    """How the numbers of these folds are resampled together."""
    freedom = sum(part.tests[level].n_groups - 1 for part in parts)
    return Sampling(parts[0].study.settings.scoring.resamples, freedom)


def write_test_set(study: Study) -> None:
    """Write scores/test.npz: what all score matrices [chunk, class] of the run are held against, row by row."""
    chunks = study.chunks
    rows = chunks.rows("test")
    with digests.sealed(study.folder / "scores" / "test.npz") as temporary:
        np.savez_compressed(
            temporary, targets=chunks.targets[rows], clip=chunks.ids[rows], start_s=chunks.start_s[rows],
            classes=np.array(chunks.corpus.classes), group=chunks.groups[rows], leaf=chunks.corpus.leaves,
        )  # fmt: skip


def write_scores(study: Study, subset: str, head: str, seed: int, scores: np.ndarray) -> None:
    """Write scores [chunk, class] of the test chunks, in the type of `as_stored`."""
    digests.write_array(study.scores(subset, head, seed), as_stored(study, scores))


def as_stored(study: Study, scores: np.ndarray) -> np.ndarray:
    """Scores [chunk, class] as a run and its controls keep them: float32, or float16 where all would pass 1 GB."""
    in_all = 4 * scores.size * len(models(study)) * len(study.request.seeds)
    return scores.astype(np.float16 if in_all > LARGE_BYTES else np.float32)


def write_constant(study: Study) -> None:
    """Write the scores of the constant predictor: the training prevalence of each class, whatever the sound."""
    chunks = study.chunks
    prevalence = measures.constant_scores(chunks.targets[study.train_rows])
    constant = np.tile(prevalence.astype(np.float32), (len(chunks.rows("test")), 1))
    for seed in study.request.seeds:
        write_scores(study, CONSTANT, "none", seed, constant)


def models(study: Study) -> list[tuple[str, str]]:
    """Subset and head of everything that is scored, in the order of the table."""
    own = [(name, "own") for name in names()]
    heads = [(label(subset), head) for head in study.settings.heads.kinds for subset in subsets(names())]
    return [(CONSTANT, "none"), *own, *heads]


def write_subsets(study: Study, games: Sequence[Game] = ()) -> pd.DataFrame:
    """Write tables/subsets.csv and give it back; with fold="all" also that of each fold, in the fold's own folder.

    games: controls, whose own coalitions stand in the table with `control` filled.
    """
    parts = [Scores(part) for part in study.parts]
    each = [measured(part, games) for part in parts]
    if study.request.fold == "all":
        for part, found in zip(parts, each, strict=True):
            part.study.write_table("subsets", _subset_rows(part.study, [part], [found], games))
    return study.write_table("subsets", _subset_rows(study, parts, each, games))


def subset_table(study: Study, games: Sequence[Game] = ()) -> pd.DataFrame:
    """The rows of subsets.csv: every model by level, measure and seed, and the mean of the seeds, with intervals.

    The interval resamples groups within each test fold, the same draws for every model; that of the mean row has the
    spread of the seeds in it too. n and left_out are those of one seed, summed over folds.
    """
    parts = [Scores(part) for part in study.parts]
    return pd.DataFrame(_subset_rows(study, parts, [measured(part, games) for part in parts], games))


@dataclass(frozen=True)
class Model:
    """What was scored: a head on a subset, of the study or of a control; or `simple`, what uses no encoder."""

    subset: Subset
    head: str
    game: Game
    simple: str = ""

    @property
    def name(self) -> str:
        """What stands in the column `subset`."""
        return self.simple or label(self.subset)

    def read(self, part: Scores, seed: int) -> ModelScores:
        """Scores [item, class] at chunk and clip level."""
        if self.simple:
            return part.read(self.simple, self.head, seed)
        path = self.game.file(part.study, self.subset, self.head, seed)
        if self.head == "own" and not self.control:
            return part.load(path, "02_train_encoder", representation=label(self.subset), seed=seed)
        return part.load(path)

    @property
    def control(self) -> str:
        return self.game.control


def scored(part: Study, games: Sequence[Game]) -> list[Model]:
    """Chance, all models of a run, and those of the controls in which something of their own takes part."""
    own = Game("study", names())
    found = [Model((), "none", own, CHANCE)]
    for subset, head in models(part):
        simple = subset == CONSTANT
        found.append(Model(() if simple else tuple(subset.split("+")), head, own, subset if simple else ""))
    for game in games:
        mine = [subset for subset in subsets(game.players) if game.own & set(subset)]
        found += [Model(subset, head, game) for head in game.heads(part) for subset in mine]
    return found


AllMeasured = dict[tuple[Model, str, int], tuple[Mapping[str, Value], Draws]]  # by model, level and seed


def measured(part: Scores, games: Sequence[Game] = ()) -> AllMeasured:
    """Values and resampled values of everything that one run has scored."""
    asked = [
        (model, level, seed) for model in scored(part.study, games) for seed in part.study.request.seeds for level in LEVELS
    ]  # fmt: skip

    def one(model: Model, level: str, seed: int) -> tuple[Mapping[str, Value], Draws]:
        return part.measured(model.read(part, seed), level)

    return dict(zip(asked, side_by_side(lambda key: one(*key), asked, cores()), strict=True))


def _subset_rows(
    study: Study, parts: Sequence[Scores], each: Sequence[AllMeasured], games: Sequence[Game]
) -> list[dict[str, Any]]:
    fold = "mean" if study.request.fold == "all" else str(study.request.fold or "")
    seeds = study.request.seeds
    rows = []
    for model in scored(parts[0].study, games):
        for level in LEVELS:
            start = {"subset": model.name, "n_encoders": len(model.subset), "head": model.head}
            end = {"fold": fold, "role": "test", "level": level, "control": model.control}
            by_seed = [[found[model, level, seed] for found in each] for seed in seeds]
            of = sampling(parts, level)
            for seed, found in [*zip(map(str, seeds), ([one] for one in by_seed), strict=True), ("mean", by_seed)]:
                rows += _rows(found, of, study.settings.scoring.level, start | {"seed": seed} | end)
    return [{name: row[name] for name in COLUMNS} for row in rows]


def _rows(
    by_seed: list[list[tuple[dict[str, Value], Draws]]], of: Sampling, level: float, start: dict
) -> Iterator[dict[str, Any]]:
    """One row a measure, of seeds and folds; a measure that is missing somewhere is missing in the mean."""
    for name in measures.NAMES:
        seeds = [np.mean([values[name].value for values, _ in folds]) for folds in by_seed]
        draws = np.mean([draws[name] for folds in by_seed for _, draws in folds], axis=0)
        rows = np.concatenate([draws, seeds])
        low, high = within(name, *of.interval(rows, level))
        first = [values[name] for values, _ in by_seed[0]]
        yield start | {
            "measure": name, "value": float(of.value(rows)), "low": low, "high": high,
            "n": sum(value.n for value in first), "left_out": sum(value.left_out for value in first),
        }  # fmt: skip


def within(measure: str, low: float, high: float) -> tuple[float, float]:
    """The ends of a level's interval, no further than the measure itself can go."""
    low, high = (low, high) if measure == "d_prime" else np.clip([low, high], 0, 1)
    return float(low), float(high)


def empty_cells(study: Study) -> pd.DataFrame:
    """Why a measure has no value on this corpus [fold, level, measure, reason]; no rows where all have one."""
    rows = [
        {"fold": str(part.study.request.fold or ""), "level": level, "measure": name, "reason": value.reason}
        for part in map(Scores, study.parts)
        for level in LEVELS
        for name, value in measures.oracle(part.tests[level].targets, part.tests[level].leaves).items()
        if value.reason
    ]
    return pd.DataFrame(rows, columns=["fold", "level", "measure", "reason"])


def levels_of(part: Study) -> tuple[str, ...]:
    """The levels that differ: clips alone where every test clip of a run's fold is one chunk, so that both are the same."""
    path = part.folder / "scores" / "test.npz"
    clip = digests.read(path, digests.load_arrays)["clip"] if path.exists() else ("", "")
    return LEVELS if len(set(clip)) < len(clip) else LEVELS[1:]


def headline(study: Study) -> str:
    """The measure that stands first in Table 1 for this corpus."""
    return HEADLINE.get(study.request.corpus, SHARED)


def pick(table: pd.DataFrame, **wanted: str) -> pd.Series:
    """The one row of subsets.csv with these values."""
    chosen = table[np.logical_and.reduce([table[column] == value for column, value in wanted.items()])]
    if len(chosen) != 1:
        raise KeyError(f"{len(chosen)} rows of subsets.csv have {wanted}, one is wanted")
    return chosen.iloc[0]


def cell(table: pd.DataFrame, subset: str, head: str, measure: str, level: str = "chunk") -> pd.Series:
    """The row of subsets.csv that tables show: the mean of the seeds, of the study itself and not of a control."""
    return pick(table, subset=subset, head=head, measure=measure, level=level, seed="mean", control="")


def oracles(study: Study, level: str = "chunk") -> dict[str, float]:
    """The best value that any scores could have, by measure; over folds the mean."""
    tests = [Scores(part).tests[level] for part in study.parts]
    each = [measures.oracle(test.targets, test.leaves) for test in tests]
    return {name: float(np.mean([one[name].value for one in each])) for name in measures.NAMES}


def decision_table(study: Study) -> pd.DataFrame:
    """The rows of decisions.csv: every open point of the paper, as this run settles it."""
    from lib.representations import kind
    from lib.representations.base import settings_of

    rows = list(decisions(study.settings))
    rows += [
        {"what": f"schedules.{what}", "taken": study.settings.schedule(what).summary, "offered": "any",
         "why": "in the paper 300 epochs of each encoder, from 2e-4 to 1e-6; the schedules of others are not specified"}
        for what in (*names(), *(learned for name in names() for learned in kind(name).learns), "head")
    ]  # fmt: skip
    for name in names():
        own = settings_of(kind(name), study.settings.representations.get(name, {}))
        rows += decisions(own, f"representations.{name}.")
    return pd.DataFrame(rows)


def parameter_table(study: Study, n_classes: int = 200) -> pd.DataFrame:
    """Trainable numbers of each encoder [encoder, without_classifier, with_classifier, mobilenet] for n classes."""
    from lib.encoders.encoder import Encoder
    from lib.encoders.transformer import n_parameters

    rows = []
    for name in names():
        encoder = Encoder(name, n_classes, study.settings)
        learned_before = sum(map(n_parameters, encoder.representation.learned))
        whole = n_parameters(encoder) - learned_before
        rows.append({
            "encoder": name, "without_classifier": whole - n_parameters(encoder.classifier), "with_classifier": whole,
            "mobilenet": learned_before,
        })  # fmt: skip
    total = {
        column: sum(row[column] for row in rows) for column in ("without_classifier", "with_classifier", "mobilenet")
    }
    return pd.DataFrame([*rows, {"encoder": "all", **total}])
