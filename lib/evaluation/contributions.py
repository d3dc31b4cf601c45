"""What each encoder contributes: the games of a study played out, with intervals.

Every number comes from stored scores; the empty coalition has what a ranking by chance is expected to have
(lib/evaluation/chance.py). A game's coalitions are resampled by the same draws, so its shares, differences
and interactions, which are sums of coalitions' values, are resampled with them. `group` says of which classes: all, one
class (class:<name>) or a branch of the ontology (branch:<name>); only measures that are means over classes have the latter.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from lib.encoders.heads import subsets
from lib.evaluation import measures, shapley
from lib.evaluation.comparisons import branches, parts_of
from lib.evaluation.games import CHANCE, Game, paper4
from lib.evaluation.intervals import Sampling, holm
from lib.evaluation.results import SHARED, ModelScores, Scores, sampling
from lib.evaluation.shapley import Subset
from lib.sounds.chunks import LEVELS
from lib.study import Study

ALL = "all"


@dataclass(frozen=True)
class Played:
    """A game at one level with one head: of each measure, each coalition's rows [resample + seed, group].

    groups: of each measure, the groups of classes that its columns are for; the first is all.
    """

    game: Game
    level: str
    head: str
    of: Sampling
    values: Mapping[str, Mapping[Subset, np.ndarray]]
    groups: Mapping[str, list[str]]
    confidence: float
    seeds: int
    n_groups: int = 0  # of test clips that are drawn anew, summed over folds
    class_freedom: Mapping[str, int] = field(
        default_factory=dict
    )  # of class:<name>: groups that have it, less one a fold

    def sampling(self, measure: str) -> Sampling:
        """How the columns of a measure are resampled: a class is as sure as the groups that have it."""
        freedom = [self.class_freedom.get(group, self.of.freedom) for group in self.groups[measure]]
        return replace(self.of, freedom=np.array(freedom))

    @property
    def start(self) -> dict[str, str]:
        """The columns that every table of this game begins with."""
        return {"level": self.level, "head": self.head}


def play(study: Study, game: Game, level: str, head: str, names: Sequence[str] = measures.NAMES) -> Played:
    """Measure every coalition of a game, each fold and seed by itself; the mean over folds and seeds is what counts."""
    parts = parts_of(study)
    of_branch = branches(study.read_corpus())
    classes = [str(name) for name in parts[0].stored["classes"]]
    by_class = [ALL, *(f"class:{name}" for name in classes), *(f"branch:{name}" for name in of_branch)]
    columns = list(of_branch.values())
    values: dict[str, dict[Subset, np.ndarray]] = {name: {} for name in names}
    for subset in [(), *subsets(game.players)]:
        for name, rows in _coalition(study, parts, game, subset, head, level, names, columns).items():
            values[name][subset] = rows
    groups = {name: by_class if name in measures.BY_CLASS else [ALL] for name in names}
    scoring, seeds = study.settings.scoring, len(study.request.seeds)
    of, n_groups = sampling(parts, level), sum(part.tests[level].n_groups for part in parts)
    # of each class the groups of each fold that have a positive, less one, summed: what it is sure by, by itself
    sure_by = sum(np.maximum(part.tests[level].groups_having - 1, 0) for part in parts)
    freedom = dict(zip(by_class[1:], sure_by.tolist(), strict=False))
    return Played(game, level, head, of, values, groups, scoring.level, seeds, n_groups, freedom)


def _coalition(
    study: Study, parts: Sequence[Scores], game: Game, subset: Subset, head: str, level: str, names: Sequence[str],
    columns: list[list[int]],
) -> dict[str, np.ndarray]:  # fmt: skip
    """Rows [resample + seed, group] of one coalition, for each measure."""
    draws: dict[str, list[np.ndarray]] = {name: [] for name in names}
    values: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for seed in study.request.seeds:
        folds = []
        for part in parts:
            scores = part.load(game.file(part.study, subset, head, seed)) if subset else part.read(CHANCE, "none", seed)
            folds.append(dict(_measured(part, scores, level, names, columns)))
        for name in names:
            values[name].append(np.mean([fold[name][0] for fold in folds], axis=0))
            draws[name] += [fold[name][1] for fold in folds]
    return {name: np.concatenate([np.mean(draws[name], axis=0), values[name]]) for name in names}


def _measured(
    part: Scores, scores: ModelScores, level: str, names: Sequence[str], columns: list[list[int]]
) -> Iterator[tuple[str, tuple[np.ndarray, np.ndarray]]]:
    """Measure, and its value [group] and resampled values [resample, group] on one fold."""
    plain = [name for name in names if name not in measures.BY_CLASS]
    found, drawn = part.measured(scores, level, plain)
    for name in plain:
        yield name, (np.array([found[name].value]), drawn[name][:, None])
    for name in [name for name in names if name in measures.BY_CLASS]:
        values, draws = part.by_class(scores, level, name)
        both = np.concatenate([values[None], draws])
        each = np.concatenate([values[None], np.where(part.tests[level].in_several_groups, draws, np.nan)])
        grouped = np.stack([_mean(both), *each.T, *(_mean(both[:, own]) for own in columns)], axis=1)
        yield name, (grouped[0], grouped[1:])


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean of each row's values that are not NaN, NaN where all are."""
    known = np.isfinite(values)
    total, count = np.where(known, values, 0).sum(1), known.sum(1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


# Tables of a game


def share_rows(played: Played) -> list[dict[str, Any]]:
    """Rows of contributions.csv: the Shapley share of each player, by measure and group."""
    return list(_of_players(played, shapley.shapley, {}, "share"))


def marginal_rows(played: Played) -> list[dict[str, Any]]:
    """Rows of marginals.csv: what each player brings alone, and what is lost without it."""
    kinds = (shapley.add_one_in, shapley.leave_one_out)
    return [row for kind in kinds for row in _of_players(played, kind, {"kind": kind.__name__}, "value", [ALL])]


def interaction_rows(played: Played) -> list[dict[str, Any]]:
    """Rows of interactions.csv: of each pair the Shapley interaction index; below zero they replace each other."""
    rows = []
    for measure, game in played.values.items():
        for (first, second), each in shapley.interactions(game).items():
            number = number_of(played, each[:, 0])
            rows.append({
                "game": played.game.name, "first": first, "second": second, "measure": measure, **played.start,
                "value": number[0], "low": number[1], "high": number[2], "seeds": played.seeds,
            })  # fmt: skip
    return rows


def test_rows(played: Played) -> list[dict[str, Any]]:
    """Rows of tests.csv: every difference of two shares, with Holm's correction over the pairs of a game and measure."""
    rows = []
    for measure, game in played.values.items():
        shares = {name: each[:, 0] for name, each in shapley.shapley(game).items()}
        pairs = list(combinations(shares, 2))
        p = [float(played.of.p_value(shares[a] - shares[b])) for a, b in pairs]
        for (first, second), alone, corrected in zip(pairs, p, holm(p), strict=True):
            value, low, high = number_of(played, shares[first] - shares[second])
            rows.append({
                "game": played.game.name, "first": first, "second": second, "measure": measure, **played.start,
                "difference": value, "low": low, "high": high, "p": alone, "p_holm": corrected, "seeds": played.seeds,
            })  # fmt: skip
    return rows


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
        ours, theirs = (each.values[SHARED][each.game.players][:, 0] for each in (study, one))
        value, low, high = number_of(one, ours - theirs)
        rows.append({
            "control": one.game.control, "game": one.game.name, "players": len(one.game.players), "measure": SHARED,
            **one.start, "study_head": study.head, "value": float(one.of.value(theirs)),
            "study": float(one.of.value(ours)), "difference": value, "low": low, "high": high, "seeds": one.seeds,
            "p": float(one.of.p_value(ours - theirs)),
        })  # fmt: skip
    table = pd.DataFrame(rows)
    if rows:
        table["p_holm"] = table.groupby(["level", "study_head"])["p"].transform(holm)
    return table


def class_rows(played: Played, measure: str = SHARED) -> pd.DataFrame:
    """Every coalition's value of every class [class, subset, value, low, high]; the empty one is `chance`."""
    rows = []
    for subset, each in played.values[measure].items():
        low, high = played.sampling(measure).interval(each, played.confidence)
        for column, group in enumerate(played.groups[measure]):
            if group.startswith("class:"):
                rows.append({
                    "class": group.removeprefix("class:"), "subset": "+".join(subset) or CHANCE,
                    "value": float(played.of.value(each)[column]), "low": float(np.maximum(low[column], 0)),
                    "high": float(np.minimum(high[column], 1)),
                })  # fmt: skip
    return pd.DataFrame(rows)


def _of_players(
    played: Played, kind: Any, start: dict, column: str, only: list[str] | None = None
) -> Iterator[dict[str, Any]]:
    for measure, game in played.values.items():
        groups, of = only or played.groups[measure], played.sampling(measure)
        for name, rows in kind(game).items():
            value, (low, high) = of.value(rows), of.interval(rows, played.confidence)
            for place, group in enumerate(groups):
                yield start | {
                    "game": played.game.name, "encoder": name, "group": group, "measure": measure, **played.start,
                    column: float(value[place]), "low": float(low[place]), "high": float(high[place]),
                    "seeds": played.seeds,
                }  # fmt: skip


def number_of(played: Played, rows: np.ndarray) -> tuple[float, float, float]:
    """Value, low and high of rows [resample + seed] of a game."""
    low, high = played.of.interval(rows, played.confidence)
    return float(played.of.value(rows)), float(low), float(high)


def play_all(study: Study, games: Sequence[Game] = ()) -> list[Played]:
    """The study's own game by every measure, and games of controls by the shared one, at each level with each head."""
    heads = study.settings.heads.kinds
    played = [play(study, paper4(), level, head) for level in LEVELS for head in heads]
    for game in games:
        played += [play(study, game, level, head, [SHARED]) for level in LEVELS for head in game.heads(study.parts[0])]
    return played


def most_gained(classes: pd.DataFrame) -> str:
    """The class of a class_rows table that all together improve most over the best single player.

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
    rows = []
    for part in parts_of(study):
        column = list(part.stored["classes"]).index(name)
        game = paper4()
        files = [game.file(part.study, game.players, head, seed) for seed in study.request.seeds]
        scores = np.mean([part.load(file)["clip"][:, column] for file in files], axis=0)
        clips, counts = np.unique(part.stored["clip"], return_counts=True)
        ids = pd.unique(pd.Series(part.stored["clip"]))  # in the order of the scores
        n_chunks = dict(zip(clips, counts, strict=True))
        labels = part.tests["clip"].targets[:, column].astype(bool)
        rows += [
            {"clip": clip, "n_chunks": int(n_chunks[clip]), "score": float(score), "label": bool(label)}
            for clip, score, label in zip(ids, scores, labels, strict=True)
        ]
    return pd.DataFrame(rows).sort_values("score", ascending=False, kind="stable", ignore_index=True)


def table(played: Sequence[Played], rows: Any) -> pd.DataFrame:
    """One table of several games: `rows` is share_rows, marginal_rows, interaction_rows or test_rows."""
    return pd.DataFrame([row for one in played for row in rows(one)])
