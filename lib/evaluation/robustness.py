"""What is left of a study where its test clips are made worse, heard for less long, or given to its networks otherwise.

A condition is a game of its own: the study's players with the scores that they have there. It is drawn by the same groups of
clips as the study itself, so that every difference is paired. The gain is what a model has above chance, which is what a
ranking by chance is expected to have (lib/evaluation/chance.py); half of it is gone at the strength where

    d(strength) = v(strength) - (v(none) + chance) / 2

crosses zero, between two strengths on a straight line. Where the ends of d's interval cross it, the strength's interval ends.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from lib.encoders.heads import Subset, label
from lib.encoders.threads import cores, side_by_side
from lib.evaluation import contributions, shapley
from lib.evaluation.conditions import INPUT, LENGTH, Condition, ready
from lib.evaluation.contributions import ALL, Played
from lib.evaluation.curves import FEATURES
from lib.evaluation.games import Game, paper4
from lib.evaluation.intervals import difference, holm
from lib.evaluation.results import SHARED, levels_of
from lib.representations import kind
from lib.sounds.perturb import PERTURBATIONS
from lib.study import Study

AT = ["perturbation", "step", "strength", "level", "head"]
TESTED = ["p", "p_holm", "seeds"]
MOVED = ["difference", "difference_low", "difference_high"]
DIFFERENCE = [*MOVED, *TESTED]
COLUMNS = [*AT, "subset", "value", "low", "high", "kept", *DIFFERENCE]
GROUP_COLUMNS = [*AT, "subset", "group", "value", "low", "high", "kept", "seeds"]
HALF_COLUMNS = ["perturbation", *AT[3:], "subset", "group", "step", "low_step", "high_step", "half_at", "kept_at_end"]
SHARE_COLUMNS = [*AT, "encoder", "share", "low", "high", "part", *DIFFERENCE]
FEATURES_ADD = ["with", "without", "margin", "low", "high", "moved", "moved_low", "moved_high"]
FEATURE_COLUMNS = [*AT, *FEATURES_ADD, "best_single", "ahead", "ahead_low", "ahead_high", *TESTED]
LENGTH_COLUMNS = ["length_s", "place", "fill", "draws", *COLUMNS[3:]]
INPUT_COLUMNS = ["encoder", "input", *COLUMNS[3:]]

Row = dict[str, Any]
Rows = np.ndarray  # [resample + seed, ...]


@dataclass(frozen=True)
class Robustness:
    """Everything played at one level with one head: the study itself, and each condition by name in its order."""

    study: Played
    played: dict[str, list[tuple[Condition, Played]]]

    def curve(self, name: str) -> list[tuple[Row, Played]]:
        """The games under a perturbation, the study itself first as step 0, each with its cells in every table."""
        none = PERTURBATIONS[name].none
        steps = [
            (0, "" if none is None else none, self.study),
            *((c.step, c.strength, one) for c, one in self.played[name]),
        ]
        return [({"perturbation": name, "step": n, "strength": how} | self.at, one) for n, how, one in steps]

    @property
    def at(self) -> Row:
        """Level, head and seeds, which are cells of every row."""
        return {"level": self.study.level, "head": self.study.head, "seeds": self.study.seeds}

    @property
    def perturbations(self) -> list[str]:
        """What was played of PERTURBATIONS."""
        return [name for name, each in self.played.items() if each and name in PERTURBATIONS]


def play(study: Study, name: str, alone: Mapping[tuple[str, str], Played]) -> list[Robustness]:
    """All scored conditions of one name, at each level with each head of `alone`, the study's own games; excerpts of clips alone."""
    there = ready(study, [name]).get(name, [])
    todo = [(c, *pair) for pair in alone for c in there if pair[0] == "clip" or c.kind != LENGTH]

    def one(what: tuple[Condition, str, str]) -> Played:
        condition, level, head = what
        played = contributions.play(study, condition.game, level, head, [SHARED])
        return _over_all(played) if condition.kind == LENGTH else played  # they are many

    found = dict(zip(todo, side_by_side(one, todo, cores()), strict=True))
    return [
        Robustness(own, {name: [(c, found[c, *pair]) for c in there if (c, *pair) in found]})
        for pair, own in alone.items()
    ]


def _over_all(played: Played) -> Played:
    """Without its classes and branches."""
    return replace(
        played,
        values={SHARED: {subset: rows[:, :1] for subset, rows in played.values[SHARED].items()}},
        groups={SHARED: [ALL]},
    )


# Curves


def curve_table(each: Sequence[Robustness]) -> pd.DataFrame:
    """Rows of robustness.csv [COLUMNS]: every model under every perturbation, and how far it is from the study itself.

    kept: the part of the gain that is left. p_holm is corrected for the strengths and models of one perturbation.
    """
    return _corrected(pd.DataFrame(_rows(each, _curve_rows), columns=COLUMNS))


def _rows(each: Sequence[Robustness], rows: Callable[[Robustness, str], Iterator[Row]]) -> Iterator[Row]:
    """The rows of every game under every perturbation."""
    return (row for one in each for name in one.perturbations for row in rows(one, name))


def _curve_rows(one: Robustness, name: str) -> Iterator[Row]:
    for at, played in one.curve(name):
        for subset in one.study.game.coalitions:
            yield at | {"subset": label(subset)} | _cells(one.study, played.over_all(), subset)


def _cells(study: Played, values: dict[Subset, Rows], subset: Subset) -> Row:
    """A model's value, what is kept of its gain, and the paired difference from the study itself."""
    own, whole, chance, of = values[subset], study.over_all()[subset], study.over_all()[()], study.of
    gain = float(of.value(whole - chance))
    kept = float(of.value(own - chance)) / gain if gain > 0 else np.nan
    return of.cells(own, ends=(0, 1)) | {"kept": kept} | difference(of, own - whole, *MOVED)


def group_table(each: Sequence[Robustness]) -> pd.DataFrame:
    """Rows of robustness_groups.csv [GROUP_COLUMNS]: each encoder and all four by class and branch, of clips, with the first head."""
    return pd.DataFrame(_rows(_of_clips(each), _group_rows), columns=GROUP_COLUMNS)


def _of_clips(each: Sequence[Robustness]) -> list[Robustness]:
    """The game of clips with the first head, alone."""
    return [one for one in each if one.study.level == "clip"][:1]


def _group_rows(one: Robustness, name: str) -> Iterator[Row]:
    of, groups = one.study.sampling(SHARED), one.study.groups[SHARED]
    chance = one.study.values[SHARED][()]
    for at, played in one.curve(name):
        for subset in _shown(one.study.game):
            own, whole = played.values[SHARED][subset], one.study.values[SHARED][subset]
            value, (low, high) = of.value(own), np.clip(of.interval(own), 0, 1)
            with np.errstate(divide="ignore", invalid="ignore"):
                kept = of.value(own - chance) / of.value(whole - chance)
            for place, group in list(enumerate(groups))[1:]:
                numbers = {"value": value[place], "low": low[place], "high": high[place], "kept": kept[place]}
                yield at | {"subset": label(subset), "group": group} | numbers


def _shown(game: Game) -> list[Subset]:
    """Each player alone, and all together."""
    return [*((name,) for name in game.players), game.players]


# Half of the gain


def half_table(each: Sequence[Robustness]) -> pd.DataFrame:
    """Rows of robustness_half.csv [HALF_COLUMNS]: where half of the gain is gone, of every model; of classes and branches too
    for the models and the level of `group_table`.

    step: between 0 (nothing done) and 5, infinite where it never is; half_at: the same in the perturbation's unit, as text.
    low_step, high_step: its interval. kept_at_end: the part of the gain that is left at the strongest. NaN and "no value"
    where there is no gain above chance to lose.
    """
    rows = _rows(each, lambda one, name: _half_rows(one, name, one in _of_clips(each)))
    return pd.DataFrame(rows, columns=HALF_COLUMNS)


def _half_rows(one: Robustness, name: str, by_group: bool) -> Iterator[Row]:
    of, groups, shown = one.study.sampling(SHARED), one.study.groups[SHARED], _shown(one.study.game)
    chance, curve = one.study.values[SHARED][()], one.curve(name)
    for subset in one.study.game.coalitions:
        whole = one.study.values[SHARED][subset]
        above = [played.values[SHARED][subset] - (whole + chance) / 2 for _, played in curve]
        each = zip(*((of.value(d), *of.interval(d)) for d in above), strict=True)
        value, low, high = (np.stack(some) for some in each)  # [step, group]
        last = curve[-1][1].values[SHARED][subset]
        with np.errstate(divide="ignore", invalid="ignore"):
            kept = of.value(last - chance) / of.value(whole - chance)
        nothing = value[0] <= 0  # above chance to begin with, so nothing to lose half of
        value[:, nothing] = low[:, nothing] = high[:, nothing] = kept[nothing] = np.nan
        for place, group in enumerate(groups if by_group and subset in shown else groups[:1]):
            step, low_step, high_step = (crossing(each[:, place]) for each in (value, low, high))
            at = {"perturbation": name, "subset": label(subset), "group": group, "step": step} | one.at
            numbers = {"low_step": low_step, "high_step": high_step, "kept_at_end": kept[place]}
            yield at | numbers | {"half_at": in_unit(name, step)}


def crossing(above: np.ndarray) -> float:
    """Where values [step] from step 0 on first fall below zero, on straight lines; inf where they never do, NaN without values."""
    if not np.isfinite(above).all():
        return np.nan
    below = np.flatnonzero(above < 0)
    if not len(below):
        return np.inf
    after = int(below[0])
    return 0.0 if after == 0 else after - 1 + above[after - 1] / (above[after - 1] - above[after])


def in_unit(name: str, step: float) -> str:
    """A place between two steps in the perturbation's unit: "9.2 dB SNR", "before 30 dB SNR", or "never"."""
    how = PERTURBATIONS[name]
    if np.isnan(step):
        return "no value"
    if np.isinf(step):
        return "never"
    marks = (how.none, *how.strengths)
    low, high = (marks[min(place, len(marks) - 1)] for place in (int(step), int(step) + 1))
    if isinstance(high, str):
        return f"before {high}"
    if low is None:
        return f"before {high:g} {how.unit}"
    value = low + (step - int(step)) * (high - low)
    return f"{round(value, 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2):g} {how.unit}"


# Contributions


def share_table(each: Sequence[Robustness]) -> pd.DataFrame:
    """Rows of robustness_shares.csv [SHARE_COLUMNS]: each encoder's Shapley share, and by how much it moved, paired.

    part: the share by what all four have above chance; difference is that of the part, so that a share which falls with
    everything else has not moved. p_holm is corrected for the strengths and encoders of one perturbation.
    """
    return _corrected(pd.DataFrame(_rows(each, _share_rows), columns=SHARE_COLUMNS))


def _share_rows(one: Robustness, name: str) -> Iterator[Row]:
    of, parts_before = one.study.of, None
    for at, played in one.curve(name):
        shares = shapley.shapley(played.over_all())
        whole = sum(shares.values())
        parts = {encoder: rows / whole for encoder, rows in shares.items()}
        parts_before = parts_before or parts
        for encoder, rows in shares.items():
            moved = difference(of, parts[encoder] - parts_before[encoder], *MOVED)
            cells = of.cells(rows, "share", "low", "high") | {"part": float(of.value(parts[encoder]))}
            yield at | {"encoder": encoder} | cells | moved


def feature_table(each: Sequence[Robustness]) -> pd.DataFrame:
    """Rows of robustness_features.csv [FEATURE_COLUMNS]: what pitch and timbre add to the learned encoders, and whether that moves.

    margin: all together less those without the two. moved: the margin less that of the study itself: above zero, features
    make the whole more robust. p is that of `moved`, p_holm corrected for the strengths of one perturbation.
    ahead: all together less the single encoder that is best there, with an interval that holds whichever that is.
    """
    return _corrected(pd.DataFrame(_rows(each, _feature_rows), columns=FEATURE_COLUMNS))


def _feature_rows(one: Robustness, name: str) -> Iterator[Row]:
    everyone, of = one.study.game.players, one.study.of
    learned = tuple(player for player in everyone if player not in FEATURES)
    if not learned or learned == everyone:
        return
    margins = [played.over_all()[everyone] - played.over_all()[learned] for _, played in one.curve(name)]
    for (at, played), margin in zip(one.curve(name), margins, strict=True):
        moved, values = margin - margins[0], played.over_all()
        cells = {"with": label(everyone), "without": label(learned)}
        cells |= of.cells(margin, "margin", "low", "high") | difference(of, moved, "moved", "moved_low", "moved_high")
        less = [values[everyone] - values[player,] for player in everyone]
        best = int(np.argmin([of.value(rows) for rows in less]))
        low, high = of.simultaneous(less)[best]
        cells |= {"best_single": everyone[best], "ahead": float(of.value(less[best]))}
        yield at | cells | {"ahead_low": low, "ahead_high": high}


def _corrected(table: pd.DataFrame, family: Sequence[str] = ("perturbation", "level", "head")) -> pd.DataFrame:
    """With p_holm within each family; step 0, the study itself, is compared with nothing."""
    table.loc[table["step"] == 0, ["p"]] = np.nan
    return table.assign(p_holm=table.groupby(list(family))["p"].transform(holm)) if len(table) else table


# Length, and a network's input


def length_table(each: Sequence[Robustness]) -> pd.DataFrame:
    """Rows of robustness_length.csv [LENGTH_COLUMNS]: every model by seconds heard, of clips; random places are averaged.

    difference: less the whole clip.
    """
    rows = [row for one in each if one.played.get(LENGTH) for row in _length_rows(one)]
    return _corrected(pd.DataFrame(rows, columns=[*LENGTH_COLUMNS, "step"]), ["level", "head"])[LENGTH_COLUMNS]


def _length_rows(one: Robustness) -> Iterator[Row]:
    where = lambda e: (e.length_s, e.place, e.fill)  # noqa: E731
    for place in dict.fromkeys(where(c.excerpt) for c, _ in one.played[LENGTH]):
        draws = [played.over_all() for c, played in one.played[LENGTH] if where(c.excerpt) == place]
        for subset in one.study.game.coalitions:
            mean = {subset: np.mean([values[subset] for values in draws], axis=0)}
            at = dict(zip(("length_s", "place", "fill"), place, strict=True))
            at |= {"draws": len(draws), "step": 1, "subset": label(subset)}
            yield at | one.at | _cells(one.study, mean, subset)


def input_table(each: Sequence[Robustness]) -> pd.DataFrame:
    """Rows of robustness_input.csv [INPUT_COLUMNS]: a network inside an encoder shown its input otherwise than it was trained.

    Of the models that the encoder is in; input "as trained" is the study itself.
    """
    rows = [row for one in each if one.played.get(INPUT) for row in _input_rows(one)]
    table = pd.DataFrame(rows, columns=[*INPUT_COLUMNS, "step"])
    return _corrected(table, ["level", "head"])[INPUT_COLUMNS]


def _input_rows(one: Robustness) -> Iterator[Row]:
    for encoder in [name for name in one.study.game.players if kind(name).otherwise]:
        there = [("as trained", 0, one.study), *((str(c.strength), c.step, played) for c, played in one.played[INPUT])]
        for how, step, played in there:
            for subset in [subset for subset in one.study.game.coalitions if encoder in subset]:
                at = {"encoder": encoder, "input": how, "step": step, "subset": label(subset)} | one.at
                yield at | _cells(one.study, played.over_all(), subset)


TABLES = {
    "robustness": curve_table, "robustness_groups": group_table, "robustness_half": half_table, "robustness_shares": share_table,
    "robustness_features": feature_table, "robustness_length": length_table, "robustness_input": input_table,
}  # fmt: skip


def write_tables(study: Study, asked: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Write and give all tables of what was asked for and is scored, one name after another: their draws fill memory.

    Where nothing was asked for they have no rows, and what an earlier call wrote stays.
    """
    if not asked:
        return {name: make([]) for name, make in TABLES.items()}
    pairs = [(level, head) for level in levels_of(study.parts[0]) for head in study.settings.heads.kinds]
    alone = {(level, head): contributions.play(study, paper4(), level, head, [SHARED]) for level, head in pairs}
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for name in asked:
        each = play(study, name, alone)
        for table, make in TABLES.items():
            found[table].append(make(each))
    joined = {name: [table for table in tables if len(table)] or tables[:1] for name, tables in found.items()}
    return {name: study.write_table(name, pd.concat(tables, ignore_index=True)) for name, tables in joined.items()}
