"""Pictures of classes: every encoder's share of each, and a page for one class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.display.figures import GREY, heading, style
from lib.display.screen import shortened
from lib.encoders.heads import members
from lib.files.cells import rows_with
from lib.plots import common
from lib.plots.common import BESIDE, INK, STUDY, WIDTH, colour, each_once, scale, title
from lib.plots.contributions import DIVERGING, frame, limit_of

PER_CLASS = "map_macro"  # the measure that is shared out class by class
FEW_CLASSES, MOST_ROWS = 30, 50  # cells have text up to here, all rows stand in one panel up to here
WITH, WITHOUT = 20, 10  # clips that are drawn: those that have the class, and the highest that do not


# Shares of classes


def _by_class(
    contributions: pd.DataFrame, owned: pd.DataFrame, level: str, head: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Shares, and who owns what by owned.csv, of the study's own game [class, encoder]."""
    rows = contributions.query("game == @STUDY and measure == @PER_CLASS and level == @level and head == @head")
    rows = rows[rows["group"].str.startswith("class:")]
    rows = rows.assign(name=rows["group"].str.removeprefix("class:"))
    order = {"index": each_once(rows["name"]), "columns": each_once(rows["encoder"])}
    shares = rows.pivot(index="name", columns="encoder", values="share").reindex(**order).astype(float)
    mine = owned.query("game == @STUDY and measure == @PER_CLASS and level == @level and head == @head and owned")
    pairs = set(zip(mine["class"], mine["encoder"], strict=True))
    own = [[(name, encoder) in pairs for encoder in order["columns"]] for name in order["index"]]
    return shares, pd.DataFrame(own, **order, dtype=bool)


@dataclass(frozen=True)
class _Room:
    """How many classes are laid out: few with numbers in the cells, many in two panels of low rows."""

    classes: int

    @property
    def texts(self) -> bool:
        return self.classes <= FEW_CLASSES

    @property
    def panels(self) -> int:
        return 1 if self.classes <= MOST_ROWS else 2

    @property
    def rows(self) -> int:
        """Rows of a panel."""
        return -(-self.classes // self.panels)

    @property
    def height(self) -> float:
        """Inches of a row."""
        return 0.3 if self.texts else 0.2 if self.panels == 1 else 0.104


def class_figure(
    contributions: pd.DataFrame, owned: pd.DataFrame, order: Sequence[str], level: str, head: str,
    branches: Mapping[str, str] | None = None,
) -> Figure:  # fmt: skip
    """Each encoder's share of each class as a heat map, rows in this order; a frame where the encoder owns the class.

    owned: owned.csv, which says so. branches: class -> its branch, named beside its rows. Many classes stand in two panels
    and without numbers.
    """
    shares, own = _by_class(contributions, owned, level, head)
    if shares.empty:
        raise ValueError(f"no shares of classes for {level}s with the {head} head")
    shares, own = shares.reindex(list(order)) * scale(PER_CLASS), own.reindex(list(order), fill_value=False)
    room, limit = _Room(len(order)), limit_of(shares)
    with style():
        figure = Figure(figsize=(WIDTH, 1.7 + room.height * max(room.rows, 2)))
        axes = figure.subplots(1, room.panels, squeeze=False)[0]
        for number, axis in enumerate(axes):
            rows = slice(number * room.rows, (number + 1) * room.rows)
            mesh = common.cells(axis, shares.iloc[rows].to_numpy(), DIVERGING, (-limit, limit))
            _class_names(axis, shares.iloc[rows], own.iloc[rows], room)
            _owner_names(axis, own, room)
            _branch_names(axis, [(branches or {}).get(name, "") for name in order[rows]], len(own.columns), room)
            for cell, value in np.ndenumerate(shares.iloc[rows].to_numpy()):
                if room.texts and np.isfinite(value):
                    common.cell_text(mesh, cell, f"{value:.1f}", 8, linespacing=1.3)
            axis.set_ylim(room.rows, 0)
        common.scale_below(
            figure, mesh, axes, f"share of the class's average precision (points, {level}s, {head} head)"
        )
        heading(figure, "Which encoder adds what to which class; framed, and the class in its colour: the encoder that "
                        "owns it (significantly above every other's share, 5 % false discoveries)")  # fmt: skip
    return figure


def _class_names(axis: Axes, shares: pd.DataFrame, own: pd.DataFrame, room: _Room) -> None:
    """The classes beside their rows, in the colour of their owner, and a frame around what is owned."""
    common.name_cells(
        axis, None, [shortened(name, 36) for name in shares.index], fontsize=8 if room.panels == 1 else 5.5
    )
    axis.tick_params(length=0, pad=2)
    for row, label in enumerate(axis.get_yticklabels()):
        label.set_color("#777777")
        for column in np.flatnonzero(own.iloc[row]):
            label.set(color=colour(own.columns[column]), fontweight="bold")
            frame(axis, (row, column), 1.5 if room.panels == 1 else 0.8)


def _owner_names(axis: Axes, own: pd.DataFrame, room: _Room) -> None:
    """The encoders over their columns, with how many classes each owns."""
    owns = [f"{title(encoder)}\nowns {number}" for encoder, number in own.sum().items()]
    common.name_cells(axis, owns, None, fontsize=8 if room.panels == 1 else 7)
    axis.xaxis.tick_top()
    axis.tick_params(axis="x", length=0, rotation=0 if room.panels == 1 else 90)


def _branch_names(axis: Axes, branches: Sequence[str], right: float, room: _Room) -> None:
    """A line beside the rows of each branch, and its name in as many lines as there is room for."""
    start, size = 0, 8 if room.panels == 1 else 6
    for branch, group in groupby(branches):
        end = start + len(list(group))
        if branch:
            axis.plot([right + 0.1] * 2, [start + 0.15, end - 0.15], color=INK, linewidth=1, clip_on=False)
            lines = max(1, int((end - start) * room.height * 72 / (1.2 * size)))
            name = "\n".join(wrap(branch.replace("_", " "), 18, max_lines=lines, placeholder="…"))
            axis.text(right + 0.2, (start + end) / 2, name, va="center", fontsize=size)
        start = end
    axis.set_xlim(0, right)


# One class


def class_page(name: str, values: pd.DataFrame, shares: pd.DataFrame, clips: pd.DataFrame) -> Figure:
    """All about one class: its average precision by subset, each encoder's share of it, and its test clips.

    values [class, subset, value, low, high], shares (rows of contributions.csv) of one level and head; clips of this
    class [clip, n_chunks, score, label]: those that have it, and others of which the highest are drawn.
    """
    values = values[values["class"] == name]
    shares = rows_with(shares, game=STUDY, measure=PER_CLASS, group=f"class:{name}")
    for what, rows, key in (("values", values, "subset"), ("shares", shares, "encoder")):
        if rows[key].duplicated().any():
            raise ValueError(f"{what} of {name!r} hold several levels or heads; hand over one of each")
    chance = values["subset"].isin(["", "chance"])
    order = values[~chance].assign(size=values["subset"].map(lambda subset: len(members(subset))))
    # Small subsets first, those of one size by value.
    order = order.sort_values(["size", "value"], ascending=[True, False])
    shown = shown_clips(clips)
    with style():
        figure = Figure(figsize=(WIDTH, max(3.6 + 0.19 * len(order), 1.8 + 0.2 * len(shown))))
        panels = figure.subplot_mosaic(
            [["members", "subsets", "clips"], ["shares", "shares", "clips"]],
            width_ratios=[0.45, 1, 1.1],
            height_ratios=[0.19 * max(len(order), 2), 1.5],
        )
        common.membership(
            panels["members"], order["subset"], each_once(sum(map(members, order["subset"]), ())), (5, 1.5)
        )
        panels["members"].tick_params(axis="x", labelsize=7)
        _values(panels["subsets"], order, values.loc[chance, "value"])
        _class_shares(panels["shares"], shares)
        _clips(panels["clips"], shown, clips)
        figure.legend(*panels["clips"].get_legend_handles_labels(), loc="outside lower right", fontsize=7, ncols=2)
        heading(figure, f"{name}: who knows it, and on which clips")
    return figure


def _values(axis: Axes, order: pd.DataFrame, chance: pd.Series) -> None:
    """A dot and its interval for each subset, a single encoder in its colour; chance as a line."""
    times, rows = scale(PER_CLASS), np.arange(len(order))
    inks = [colour(subset, INK) for subset in order["subset"]]
    axis.hlines(rows, order["low"] * times, order["high"] * times, color=inks, linewidth=1.2)
    axis.scatter(order["value"] * times, rows, s=20, color=inks, zorder=3)
    for value in chance.dropna() * times:
        axis.axvline(value, color=GREY, linestyle=BESIDE["chance"], linewidth=1.2, zorder=0)
    label = "average precision (%)" + ("\ndash-dotted: chance" if chance.notna().any() else "")
    axis.set(yticks=[], ylim=(max(len(order), 1) - 0.5, -0.5), xlabel=label, title="by subset")


def _class_shares(axis: Axes, shares: pd.DataFrame) -> None:
    times, rows = scale(PER_CLASS), np.arange(len(shares))
    axis.bar(rows, shares["share"] * times, 0.7, color=[colour(player) for player in shares["encoder"]])
    axis.vlines(rows, shares["low"] * times, shares["high"] * times, color=INK, linewidth=1.2)
    axis.axhline(0, color=INK, linewidth=0.8)
    axis.set_xticks(rows, [title(player) for player in shares["encoder"]], fontsize=8)
    axis.tick_params(axis="x", length=0)
    axis.set(ylabel="share (points)", title="what each adds", xlim=(-0.6, max(len(rows), 3) - 0.4))


def shown_clips(clips: pd.DataFrame) -> pd.DataFrame:
    """The clips that are drawn, best first: of those that have the class the two ends, of the others the highest."""
    ordered = clips.sort_values("score", ascending=False, kind="stable")
    has = ordered["label"].astype(bool)
    mine, others = ordered[has], ordered[~has].head(WITHOUT)
    if len(mine) > WITH:
        mine = pd.concat([mine.head(WITH // 2), mine.tail(WITH // 2)])
    return pd.concat([mine, others]).sort_values("score", ascending=False, kind="stable")


def _clips(axis: Axes, shown: pd.DataFrame, clips: pd.DataFrame) -> None:
    """The score of each clip shown; filled where the clip has the class, hollow where not."""
    rows, has = np.arange(len(shown)), shown["label"].to_numpy(bool)
    axis.hlines(rows, 0, shown["score"], color=GREY, linewidth=0.7, zorder=1)
    for mask, face, what in ((has, INK, "has the class"), (~has, "white", "does not have it")):
        total = int((clips["label"].astype(bool) == (face == INK)).sum())
        label = f"{what} ({mask.sum()} of {total} shown)"
        axis.plot(shown["score"][mask], rows[mask], "o", color=INK, markerfacecolor=face, markersize=5, label=label)
    named = zip(shown["clip"].astype(str), shown["n_chunks"], strict=True)
    axis.set_yticks(rows, [f"{shortened(clip)} ({n})" for clip, n in named], fontsize=7)
    axis.yaxis.tick_right()
    axis.spines[["left", "right"]].set_visible(False)
    axis.tick_params(axis="y", length=0)
    axis.set(ylim=(max(len(shown), 1) - 0.5, -0.5), xlabel="score of all encoders together", title="clips (chunks)")
