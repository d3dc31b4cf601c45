"""Stored scores in, the study's first table out: subsets.csv, from which Table 1 is read.

Shares and paired differences are made from the same stored scores, under the same draws (contributions.py, comparisons.py).

A table of several folds averages measure by measure: scores of different models are never pooled. Values are fractions
(d' apart), as in the tables on disk; percent is for the screen.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lib.encoders.heads import label, subsets
from lib.encoders.threads import cores, side_by_side
from lib.evaluation import measures
from lib.evaluation.games import CHANCE, CONSTANT, Game
from lib.evaluation.intervals import Sampling, stacked
from lib.evaluation.measures import Value
from lib.evaluation.scores import Scores, models, parts_of, sampling
from lib.files import digests
from lib.files.cells import rows_with
from lib.representations import kind, names, settings_of
from lib.settings import decisions
from lib.sounds.chunks import LEVELS
from lib.study import Study

SHARED = "map_macro"  # the measure that is shared out among the encoders
HEADLINE = {"fsd50k": "recall@5", "esc50": "top1", "planted": SHARED}  # of Table 1; SHARED for own sounds
COLUMNS = ("subset", "n_encoders", "head", "seed", "fold", "role", "level", "measure", "value", "low", "high", "n")
COLUMNS += ("left_out", "control")


class Model(NamedTuple):
    """What was scored: a head on a subset, of the study or of a control; or what uses no encoder."""

    subset: str
    n_encoders: int
    head: str
    game: Game | None = None  # of a control


def scored(part: Study, games: Sequence[Game]) -> list[Model]:
    """Chance, all models of a run, and those of the controls in which something of their own takes part."""
    found = [Model(CHANCE, 0, "none")]
    found += [Model(subset, 0 if subset == CONSTANT else 1 + subset.count("+"), head) for subset, head in models(part)]
    for game in games:
        mine = [subset for subset in subsets(game.players) if game.own & set(subset)]
        found += [Model(label(subset), len(subset), head, game) for head in game.heads(part) for subset in mine]
    return found


def macro_map(targets: np.ndarray, scores: np.ndarray) -> float:
    """Macro mAP, a fraction, of scores against 0/1 targets, both [item, class]; NaN where no class has a positive."""
    return measures.evaluate(targets, scores, names=[SHARED])[SHARED].value


# Of each model, level and seed every measure: its value, and its values under the draws [resample].
Measured = Mapping[tuple[Model, str, int], Mapping[str, tuple[Value, np.ndarray]]]


def measure_all(part: Scores, games: Sequence[Game] = ()) -> Measured:
    """Every measure of everything that one run has scored."""
    seeds = part.study.request.seeds
    keys = [(model, level, seed) for model in scored(part.study, games) for seed in seeds for level in LEVELS]

    def one(key: tuple[Model, str, int]) -> dict[str, tuple[Value, np.ndarray]]:
        model, level, seed = key
        found = part.measured(part.read(model.subset, model.head, seed, model.game), level)
        return {name: found.of(name) for name in measures.NAMES}

    return dict(zip(keys, side_by_side(one, keys, cores()), strict=True))


def write_subsets(study: Study, games: Sequence[Game] = ()) -> pd.DataFrame:
    """Write tables/subsets.csv and give it back; with fold="all" also that of each fold, in the fold's own folder.

    Every model by level, measure and seed, and the mean of the seeds. The intervals resample groups within each fold, the
    same draws for every model; that of the mean has the spread of the seeds in it too. n and left_out are those of one
    seed, summed over folds. games: controls, whose own coalitions stand in the table with `control` filled.
    """
    parts = parts_of(study)
    each = [measure_all(part, games) for part in parts]
    if study.request.fold == "all":
        for part, found in zip(parts, each, strict=True):
            part.study.write_table("subsets", _subset_rows(part.study, [part], [found], games))
    return study.write_table("subsets", _subset_rows(study, parts, each, games))


def _subset_rows(study: Study, parts: list[Scores], each: list[Measured], games: Sequence[Game]) -> list[dict]:
    """The rows of one run: `parts` are its folds, `each` what was measured of them."""
    fold, seeds = "mean" if study.fold == "all" else study.fold, study.request.seeds
    rows = []
    for model in scored(parts[0].study, games):
        control = model.game.control if model.game else ""
        start = {**model._asdict(), "fold": fold, "role": "test", "control": control}
        for level in LEVELS:
            by_seed = [[found[model, level, seed] for found in each] for seed in seeds]
            how = sampling(parts, level)
            for seed, some in [*zip(map(str, seeds), ([one] for one in by_seed), strict=True), ("mean", by_seed)]:
                rows += [{**start, "level": level, "seed": seed, **_row(name, how, some)} for name in measures.NAMES]
    return [{name: row[name] for name in COLUMNS} for row in rows]


def _row(measure: str, how: Sampling, by_seed: list[list[Mapping[str, tuple[Value, np.ndarray]]]]) -> dict[str, Any]:
    """The cells of one measure of a model: the mean of its values [seed][fold] with the interval that its draws give.

    Where it is missing somewhere it is missing in the mean.
    """
    each = [[found[measure] for found in folds] for folds in by_seed]
    rows = stacked([[(value.value, draws) for value, draws in folds] for folds in each])
    counts = {name: sum(getattr(value, name) for value, _ in each[0]) for name in ("n", "left_out")}
    return {"measure": measure, **how.cells(rows, ends=measures.ends(measure)), **counts}


def empty_cells(study: Study) -> pd.DataFrame:
    """Why a measure has no value on this corpus [fold, level, measure, reason]; no rows where all have one."""
    rows = [
        (part.study.fold, level, name, value.reason)
        for part in parts_of(study)
        for level in LEVELS
        for name, value in measures.oracle(part.tests[level].targets, part.tests[level].leaves).items()
        if value.reason
    ]
    return pd.DataFrame(rows, columns=["fold", "level", "measure", "reason"])


def oracles(study: Study, level: str = "chunk") -> dict[str, float]:
    """The best value that any scores could have, by measure; over folds the mean."""
    tests = [part.tests[level] for part in parts_of(study)]
    each = [measures.oracle(test.targets, test.leaves) for test in tests]
    return {name: float(np.mean([one[name].value for one in each])) for name in measures.NAMES}


def levels_of(part: Study) -> tuple[str, ...]:
    """The levels that differ: clips alone where every test clip of a run's fold is one chunk, so that both are the same."""
    path = part.folder / "scores" / "test.npz"
    clip = digests.read(path, digests.load_arrays)["clip"] if path.exists() else ("", "")
    return LEVELS if len(set(clip)) < len(clip) else LEVELS[1:]


def headline(study: Study) -> str:
    """The measure that stands first in Table 1 for this corpus."""
    return HEADLINE.get(study.request.corpus, SHARED)


# Read off tables


def pick(table: pd.DataFrame, **wanted: Any) -> pd.Series:
    """The one row of subsets.csv with these values."""
    chosen = rows_with(table, **wanted)
    if len(chosen) != 1:
        raise KeyError(f"{len(chosen)} rows of subsets.csv have {wanted}, one is wanted")
    return chosen.iloc[0]


def cell(table: pd.DataFrame, subset: str, head: str, measure: str, level: str = "chunk") -> pd.Series:
    """The row of subsets.csv that tables show: the mean of the seeds, of the study itself and not of a control."""
    return pick(table, subset=subset, head=head, measure=measure, level=level, seed="mean", control="")


# Of the settings


def decision_table(study: Study) -> pd.DataFrame:
    """The rows of decisions.csv: every open point of the paper, as this run settles it."""
    why = "in the paper 300 epochs of each encoder, from 2e-4 to 1e-6; the schedules of others are not specified"
    schedules = (*names(), *(learned for name in names() for learned in kind(name).learns), "head")
    rows = [*decisions(study.settings)]
    for what in schedules:
        taken = study.settings.schedule(what).summary
        rows.append({"what": f"schedules.{what}", "taken": taken, "offered": "any", "why": why})
    for name in names():
        rows += decisions(settings_of(name, study.settings), f"representations.{name}.")
    return pd.DataFrame(rows)


def parameter_table(study: Study, n_classes: int = 200) -> pd.DataFrame:
    """Trainable numbers of each encoder [encoder, without_classifier, with_classifier, mobilenet] for n classes."""
    from lib.encoders.encoder import Encoder
    from lib.encoders.transformer import n_parameters

    rows = []
    for name in names():
        encoder = Encoder(name, n_classes, study.settings)
        before = sum(map(n_parameters, encoder.representation.learned))
        own = n_parameters(encoder) - before
        rows.append((name, own - n_parameters(encoder.classifier), own, before))
    table = pd.DataFrame(rows, columns=["encoder", "without_classifier", "with_classifier", "mobilenet"])
    return pd.concat([table, pd.DataFrame([{"encoder": "all", **table.iloc[:, 1:].sum()}])], ignore_index=True)
