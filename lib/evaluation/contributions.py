"""What each encoder contributes: the games of a study played out, with intervals.

Every number comes from stored scores; the empty coalition has what a ranking by chance is expected to have
(lib/evaluation/chance.py). A game's coalitions are resampled by the same draws, so its shares, differences
and interactions, which are sums of coalitions' values, are resampled with them. `group` says of which classes: all, one
class (class:<name>) or a branch of the ontology (branch:<name>); only measures that are means over classes have the latter.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from lib.encoders.heads import label
from lib.evaluation import measures, shapley
from lib.evaluation.comparisons import branches
from lib.evaluation.games import CHANCE, Game, paper4
from lib.evaluation.intervals import Sampling, difference, holm, with_holm
from lib.evaluation.measures import mean_of_known
from lib.evaluation.resampling import Resampled
from lib.evaluation.results import SHARED
from lib.evaluation.scores import Scores, n_groups, parts_of, rows_of, sampling
from lib.evaluation.shapley import Subset
from lib.sounds.chunks import LEVELS
from lib.study import Study

ALL = "all"
COLUMNS = ["control", "players", "kind", "game", "encoder", "first", "second", "group", "measure", "level", "head"]
COLUMNS += ["study_head", "share", "value", "study", "difference", "low", "high", "p", "p_holm", "seeds"]

Row = dict[str, Any]


@dataclass(frozen=True)
class Played:
    """A game at one level with one head: of each measure, each coalition's rows [resample + seed, group].

    of: how its rows were resampled. groups: of each measure, the groups of classes that its columns are for; the first is all.
    """

    game: Game
    level: str
    head: str
    of: Sampling
    values: Mapping[str, Mapping[Subset, np.ndarray]]
    groups: Mapping[str, list[str]]
    seeds: int
    n_groups: int = 0  # of test clips that are drawn anew, summed over folds
    class_freedom: Mapping[str, int] = field(default_factory=dict)  # of class:<name>: groups having it, less one a fold

    def sampling(self, measure: str) -> Sampling:
        """How the columns of a measure are resampled: a class is as sure as the groups that have it."""
        freedom = [self.class_freedom.get(group, self.of.freedom) for group in self.groups[measure]]
        return replace(self.of, freedom=np.array(freedom))

    def over_all(self, measure: str = SHARED) -> dict[Subset, np.ndarray]:
        """Each coalition's rows [resample + seed] of a measure over all classes."""
        return {subset: rows[:, 0] for subset, rows in self.values[measure].items()}

    def row(self, measure: str = SHARED, **cells: Any) -> Row:
        """A table's row of this game with these cells."""
        start = {"game": self.game.name, "measure": measure, "level": self.level, "head": self.head}
        return {**start, "seeds": self.seeds, **cells}


def play(study: Study, game: Game, level: str, head: str, names: Sequence[str] = measures.NAMES) -> Played:
    """Measure every coalition of a game, each fold and seed by itself; the mean over folds and seeds is what counts."""
    parts, of_branch = parts_of(study), branches(study.read_corpus())
    classes = [f"class:{name}" for name in parts[0].stored["classes"]]
    values: dict[str, dict[Subset, np.ndarray]] = {name: {} for name in names}
    by_class = [ALL, *classes, *(f"branch:{name}" for name in of_branch)]
    groups = {name: by_class if name in measures.BY_CLASS else [ALL] for name in names}
    for subset in [(), *game.coalitions]:

        def number(part: Scores, seed: int, subset: Subset = subset) -> tuple[np.ndarray, np.ndarray]:
            model = part.measured(part.read(label(subset) or CHANCE, head, seed, game), level)
            sure = part.tests[level].groups_having > 1
            each = [_of_groups(model, name, sure, list(of_branch.values())) for name in names]
            return tuple(np.concatenate(some, axis=-1) for some in zip(*each, strict=True))

        rows = rows_of(parts, number)
        ends = np.cumsum([len(groups[name]) for name in names])[:-1]
        for name, own in zip(names, np.split(rows, ends, axis=1), strict=True):
            values[name][subset] = own
    of, seeds = sampling(parts, level), len(study.request.seeds)
    # a class is as sure as the groups of each fold that have a positive, less one
    sure_by = sum(np.maximum(part.tests[level].groups_having - 1, 0) for part in parts).tolist()
    freedom = dict(zip(classes, sure_by, strict=True))
    return Played(game, level, head, of, values, groups, seeds, n_groups(parts, level), freedom)


def _of_groups(
    found: Resampled, name: str, sure: np.ndarray, branches: Sequence[Sequence[int]]
) -> tuple[np.ndarray, np.ndarray]:
    """A measure of one model [group] and under the draws [resample, group]; of a class only where `sure` [class]."""
    if name not in measures.BY_CLASS:
        value, rows = found.of(name)
        return np.array([value.value]), rows[:, None]
    values, rows = found.of_classes(name)
    both = np.concatenate([values[None], rows])
    each = np.concatenate([values[None], np.where(sure, rows, np.nan)])
    grouped = np.stack([mean_of_known(both), *each.T, *(mean_of_known(both[:, own]) for own in branches)], axis=1)
    return grouped[0], grouped[1:]


def play_all(study: Study, games: Sequence[Game] = ()) -> list[Played]:
    """The study's own game by every measure, and games of controls by the shared one, at each level with each head."""
    heads = study.settings.heads.kinds
    played = [play(study, paper4(), level, head) for level in LEVELS for head in heads]
    for game in games:
        played += [play(study, game, level, head, [SHARED]) for level in LEVELS for head in game.heads(study.parts[0])]
    return played


# Tables of a game


def table(played: Sequence[Played], rows: Callable[[Played], Iterator[Row]]) -> pd.DataFrame:
    """One table of several games: `rows` is share_rows, marginal_rows, interaction_rows or test_rows."""
    return _frame([row for one in played for row in rows(one)])


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[name for name in COLUMNS if rows and name in rows[0]])


def share_rows(played: Played) -> Iterator[Row]:
    """Rows of contributions.csv: the Shapley share of each player, by measure and group."""
    for measure, values in played.values.items():
        of = played.sampling(measure)
        for name, rows in shapley.shapley(values).items():
            value, (low, high) = of.value(rows), of.interval(rows)
            for column, group in enumerate(played.groups[measure]):
                cells = {"share": float(value[column]), "low": float(low[column]), "high": float(high[column])}
                yield played.row(measure, encoder=name, group=group, **cells)


def marginal_rows(played: Played) -> Iterator[Row]:
    """Rows of marginals.csv: what each player brings alone, and what is lost without it."""
    for kind in (shapley.add_one_in, shapley.leave_one_out):
        for measure in played.values:
            for name, rows in kind(played.over_all(measure)).items():
                yield played.row(measure, kind=kind.__name__, encoder=name, group=ALL, **played.of.cells(rows))


def interaction_rows(played: Played) -> Iterator[Row]:
    """Rows of interactions.csv: of each pair the Shapley interaction index; below zero they replace each other."""
    for measure in played.values:
        for (first, second), rows in shapley.interactions(played.over_all(measure)).items():
            yield played.row(measure, first=first, second=second, **played.of.cells(rows))


def test_rows(played: Played) -> Iterator[Row]:
    """Rows of tests.csv: every difference of two shares, with Holm's correction over the pairs of a game and measure."""
    for measure in played.values:
        shares = shapley.shapley(played.over_all(measure))
        yield from with_holm(
            played.row(measure, first=first, second=second, **difference(played.of, shares[first] - shares[second]))
            for first, second in combinations(shares, 2)
        )


test_rows.__test__ = False  # not a test of ours, whatever it is called


def against(played: Sequence[Played]) -> pd.DataFrame:
    """Rows of controls.csv: all players of each control together, beside all of the study's, and the paired difference.

    difference is the study less the control. A control that has no such head stands beside the study's first. p is that
    of the difference alone, p_holm is corrected for the controls of one level and head of the study.
    """
    own = {(one.level, one.head): one for one in played if not one.game.control}
    rows = []
    for one in [one for one in played if one.game.control]:
        study = own.get((one.level, one.head)) or own[one.level, next(head for _, head in own)]
        ours, theirs = (each.over_all()[each.game.players] for each in (study, one))
        of_both = {"value": float(one.of.value(theirs)), "study": float(one.of.value(ours)), "study_head": study.head}
        start = one.row(control=one.game.control, players=len(one.game.players))
        rows.append(start | of_both | difference(one.of, ours - theirs) | {"p_holm": np.nan})
    table = _frame(rows)
    if rows:
        table["p_holm"] = table.groupby(["level", "study_head"])["p"].transform(holm)
    return table


# One class


def class_rows(played: Played) -> pd.DataFrame:
    """Every coalition's value of every class [class, subset, value, low, high] by SHARED; the empty one is `chance`."""
    rows, of = [], played.sampling(SHARED)
    for subset, each in played.values[SHARED].items():
        low, high = of.interval(each)
        numbers = of.value(each), np.maximum(low, 0), np.minimum(high, 1)
        for group, *cells in zip(played.groups[SHARED], *numbers, strict=True):
            if group.startswith("class:"):
                rows.append((group.removeprefix("class:"), label(subset) or CHANCE, *map(float, cells)))
    return pd.DataFrame(rows, columns=["class", "subset", "value", "low", "high"])


def most_gained(classes: pd.DataFrame) -> str:
    """The class of a class_rows table where all together stand best against the best single player, above it or not.

    A class without intervals, whose positives lie in one group, is taken only where there is no other.
    """
    known = classes[classes["subset"] != CHANCE].dropna(subset="value")
    sure = known.dropna(subset=["low", "high"])
    known = sure if len(sure) else known
    size = known["subset"].str.count(r"\+")
    every = known[size == size.max()].set_index("class")["value"]
    best = known[size == 0].groupby("class")["value"].max()
    gained = (every - best).dropna()
    return str(gained.idxmax()) if len(gained) else str(classes["class"].iloc[0])


def clips_of(study: Study, name: str, head: str) -> pd.DataFrame:
    """Every test clip [clip, n_chunks, score, label] by the score that all players together give this class."""
    tables = []
    for part in parts_of(study):
        column, all_ = list(part.stored["classes"]).index(name), label(paper4().players)
        scores = [part.read(all_, head, seed)["clip"][:, column] for seed in study.request.seeds]
        n_chunks = pd.Series(part.stored["clip"]).value_counts(sort=False)  # in the order of the scores
        labels = part.tests["clip"].targets[:, column].astype(bool)
        table = pd.DataFrame({"clip": n_chunks.index, "n_chunks": n_chunks.to_numpy(), "label": labels})
        tables.append(table.assign(score=np.mean(scores, axis=0)))
    return pd.concat(tables).sort_values("score", ascending=False, kind="stable", ignore_index=True)
