"""Pictures of who contributes what: shares, the lattice of subsets, and which encoders replace each other."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import count, groupby
from types import MappingProxyType

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from matplotlib.textpath import TextPath

from lib.display.figures import GREY, heading, style
from lib.display.screen import measure_name
from lib.encoders.heads import Subset
from lib.plots import common
from lib.plots.common import INK, STUDY, WIDTH, colour, each_once, scale, title, unit
from lib.sounds.chunks import titles_of_levels

FEW_BARS = 6  # more bars than these want panels of the whole width
NAME_BARS = 4  # bars that the name of a control game is as wide as
LETTERS = 10  # in a line of such a name
NO_TITLES = MappingProxyType({})
DIVERGING = "RdBu"  # red below zero, blue above: told apart by colour-blind readers too
LINES = ("-", "--", "-.", ":")  # of players that share the grey
LANE = 0.2  # between two nodes of the lattice side by side, in columns


# Shares


def share_figure(
    contributions: pd.DataFrame, measure: str = "map_macro", head: str = "paper", titles: Mapping[str, str] = NO_TITLES
) -> Figure:
    """Each player's share as a bar with its interval, a panel a level: the study in colour, control games in grey.

    A game that lacks this head is drawn with `own`, and its label says so. titles: a reader's name of each control game.
    """
    rows = _of_head(contributions.query("group == 'all' and measure == @measure"), head)
    if rows.empty:
        raise ValueError(f"no shares of {measure} with the {head} head")
    slots, levels = _slots(rows), titles_of_levels(rows)
    many = len(slots) > FEW_BARS
    with style():
        figure = Figure(figsize=(WIDTH, 1.6 + 2.1 * len(levels) if many else 3.2))
        shape = (len(levels), 1) if many else (1, len(levels))
        axes = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False)
        for axis, level in zip(axes.flat, levels, strict=True):
            _share_bars(axis, rows[rows["level"] == level], slots, scale(measure))
            axis.set_title(levels[level])
            axis.tick_params(axis="x", length=0)
        for axis in axes[-1]:
            _name_bars(axis, slots, dict(zip(rows["game"], rows["head"], strict=True)), head, titles)
        for axis in axes[:, 0]:
            axis.set_ylabel(f"share of {unit(measure, 'points')}")
        controls = "; grey: control games" if {game for game, _ in slots} - {STUDY} else ""
        heading(figure, f"What each encoder adds to {measure_name(measure)} over all orders ({head} head){controls}")
    return figure


def _of_head(rows: pd.DataFrame, head: str) -> pd.DataFrame:
    """The rows of this head, and the `own` rows of the games that lack it."""
    there = rows["head"] == head
    lacks = ~rows["game"].isin(rows.loc[there, "game"])
    return rows[there | (lacks & (rows["head"] == "own"))]


def _slots(rows: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Where the bar of (game, player) stands: the study first, a gap between games, and room for the name of a small one."""
    slots, x = {}, 0.0
    for game in sorted(dict.fromkeys(rows["game"]), key=lambda game: game != STUDY):
        players = each_once(rows.loc[rows["game"] == game, "encoder"])
        margin = max(NAME_BARS - len(players), 0) / 2 if slots else 0
        slots |= {(game, player): x + margin + place for place, player in enumerate(players)}
        x += len(players) + 2 * margin + 0.8
    return slots


def _share_bars(axis: Axes, rows: pd.DataFrame, slots: Mapping[tuple[str, str], float], times: float) -> None:
    bars = list(zip(rows["game"], rows["encoder"], strict=True))
    x, inks = [slots[bar] for bar in bars], [colour(player) if game == STUDY else GREY for game, player in bars]
    axis.bar(x, rows["share"] * times, 0.8, color=inks)
    axis.vlines(x, rows["low"] * times, rows["high"] * times, color=INK, linewidth=1.2)
    axis.axhline(0, color=INK, linewidth=0.8)
    axis.set_xlim(-0.8, max(slots.values()) + 0.8)


def _name_bars(
    axis: Axes,
    slots: Mapping[tuple[str, str], float],
    heads: Mapping[str, str],
    head: str,
    titles: Mapping[str, str],
) -> None:
    """The name of each player, and of each game under its players; none where the study stands alone."""
    players, many = [title(player) for _, player in slots], len(slots) > FEW_BARS
    axis.set_xticks(list(slots.values()), players)
    axis.tick_params(axis="x", length=0, labelsize=7 if many else 9, rotation=90 if many else 0)
    below = max(TextPath((0, 0), player, size=7).get_extents().width for player in players) if many else 9
    look = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "ha": "center", "va": "top"}
    for game, group in groupby(slots.items(), key=lambda slot: slot[0][0]) if set(heads) != {STUDY} else ():
        name = "the study" if game == STUDY else textwrap.fill(titles.get(game, game), LETTERS)
        name += "" if heads[game] == head else f"\n{heads[game]} head"
        weight, place = "bold" if game == STUDY else "normal", (np.mean([x for _, x in group]), 0)
        look |= {"fontsize": 7, "color": INK, "fontweight": weight, "annotation_clip": False}
        axis.annotate(name, place, (0, -below - 12), **look)


# The lattice of subsets


def lattice_figure(values: Mapping[Subset, float], measure: str, level: str, head: str) -> Figure:
    """Every subset as a node at its value, a column a size; a line from each to each with one encoder more.

    values: fraction by subset, () being nobody, a ranking by chance. Every encoder has its own sector of a node,
    filled where the subset has it; the line has the colour of the encoder that it adds. No value, no node.
    """
    players = each_once(name for subset in sorted(values, key=len, reverse=True) for name in subset)
    drawn = {frozenset(s): value * scale(measure) for s, value in values.items() if np.isfinite(value)}
    size, height = (15, 5.6) if len(players) <= 4 else (12, 7.0)
    span = np.ptp(list(drawn.values())) if drawn else 0.0
    places = _places(drawn, max(span, 1e-9) * 1.15 * size / 72 / (height - 1.6))
    with style():
        figure = Figure(figsize=(WIDTH, height))
        axis = figure.subplots()
        looks = _lattice_looks(players, size)
        for player in players:
            _edges(axis, places, player, looks[player])
        _nodes(axis, places, players, looks, size)
        _name_best(axis, places, size)
        axis.set_xticks(range(len(players) + 1), ["nobody\n(chance)", *map(str, range(1, len(players) + 1))])
        axis.set(xlabel="encoders together", ylabel=unit(measure), xlim=(-0.5, len(players) + 0.5))
        handles = [Line2D([], [], label=title(player), **looks[player]) for player in players]
        says = "a line adds the encoder; a node that has it shows it in this sector"
        figure.legend(handles=handles, loc="outside lower center", ncols=5, title=says, title_fontsize=8)
        of = f"{measure_name(measure)} of {level}s, {head} head"
        heading(figure, f"What each encoder adds to whom: {of}; numbers: best of its size")
    return figure


def _places(heights: Mapping[frozenset, float], step: float) -> dict[frozenset, tuple[float, float]]:
    """x and y of each node: in the column of its size, side by side where two would lie nearer than a step."""
    last, lanes = {}, {}
    for subset in sorted(heights, key=lambda subset: (heights[subset], sorted(subset))):
        free = (n for n in count() if last.get((len(subset), n), -np.inf) + step <= heights[subset])
        lanes[subset] = next(free)
        last[len(subset), lanes[subset]] = heights[subset]
    lane = min(LANE, 0.8 / max([1, *lanes.values()]))
    side = {n: (n + 1) // 2 * (1 if n % 2 else -1) for n in lanes.values()}
    return {subset: (len(subset) + lane * side[lanes[subset]], heights[subset]) for subset in heights}


def _lattice_looks(players: Sequence[str], size: float) -> dict[str, dict]:
    """How each player's line and sector are drawn; players that share the grey differ in their dashes."""
    greys = [player for player in players if colour(player) == GREY]
    looks = {}
    for number, player in enumerate(players):
        sector = _sector(number, len(players))
        looks[player] = {
            "color": colour(player), "linestyle": LINES[greys.index(player) % 4] if player in greys else "-",
            "linewidth": 1.0 if len(players) <= 4 else 0.7, "marker": sector, "markeredgewidth": 0,
            "markersize": size * np.abs(sector.vertices).max(),  # a marker is scaled to its farthest point
        }  # fmt: skip
    return looks


def _sector(number: int, n: int) -> Path:
    """One of n equal sectors of the circle around zero, the first from the top clockwise."""
    angles = np.pi / 2 - 2 * np.pi * (number + np.linspace(0, 1, 25)) / n
    return Path(np.vstack([[0, 0], np.column_stack([np.cos(angles), np.sin(angles)]), [0, 0]]))


def _edges(axis: Axes, places: Mapping[frozenset, tuple[float, float]], player: str, look: Mapping) -> None:
    segments = [
        (places[subset], places[subset | {player}])
        for subset in places
        if player not in subset and subset | {player} in places
    ]
    style_of = {key: look[key] for key in ("color", "linestyle", "linewidth")}
    axis.add_collection(LineCollection(segments, zorder=1, alpha=0.8, label=player, **style_of))


def _nodes(axis: Axes, places: Mapping, players: Sequence[str], looks: Mapping, size: float) -> None:
    """A circle for each subset, the sectors of its encoders filled."""
    where = np.array(list(places.values())).reshape(-1, 2)
    axis.plot(*where.T, "o", color="white", markersize=size, zorder=2)
    for player in players:
        has = np.array([place for subset, place in places.items() if player in subset]).reshape(-1, 2)
        axis.plot(*has.T, **looks[player] | {"linestyle": "", "zorder": 3, "gid": player})
    axis.plot(*where.T, "o", color=INK, markerfacecolor="none", markersize=size, markeredgewidth=0.8, zorder=4)


def _name_best(axis: Axes, places: Mapping, size: float) -> None:
    """The value over the highest node of each column."""
    for rank in sorted({len(subset) for subset in places}):
        x, y = max((places[subset] for subset in places if len(subset) == rank), key=lambda place: place[1])
        axis.annotate(
            f"{y:.1f}", (x, y), (0, size / 2 + 2), textcoords="offset points", ha="center", fontsize=8, zorder=5,
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )  # fmt: skip


# Redundancy


def redundancy_figure(interactions: pd.DataFrame, measure: str, level: str, head: str, game: str = STUDY) -> Figure:
    """Every pair's interaction with its interval in a symmetric matrix; a frame where the interval leaves out zero."""
    rows = interactions.query("game == @game and measure == @measure and level == @level and head == @head")
    players, times = each_once([*rows["first"], *rows["second"]]), scale(measure)
    matrix = np.full((max(len(players), 1),) * 2, np.nan)
    for row in rows.itertuples():
        first, second = players.index(row.first), players.index(row.second)
        matrix[first, second] = matrix[second, first] = row.value * times
    limit = limit_of(matrix)
    with style():
        figure = Figure(figsize=(WIDTH, 1.9 + 0.6 * max(len(players), 2)))
        axis = figure.subplots()
        mesh = common.cells(axis, matrix, DIVERGING, (-limit, limit))
        for row in rows.itertuples():
            _pair(mesh, players, row, times)
        if rows.empty:
            axis.text(0.5, 0.5, "no pair of encoders has an interaction here", ha="center", va="center")
        common.name_cells(axis, *[[title(player) for player in players]] * 2)
        left, right, of = "\N{LEFTWARDS ARROW}", "\N{RIGHTWARDS ARROW}", unit(measure, "points")
        common.scale_below(figure, mesh, [axis], f"less together  {left}  interaction of {of}  {right}  more together")
        heading(figure, "Do two encoders add less together (red) than each by itself, or more (blue)? "
                        f"{measure_name(measure)} of {level}s, {head} head; framed: the interval leaves out zero")  # fmt: skip
    return figure


def limit_of(values: pd.DataFrame | np.ndarray) -> float:
    """The end of a colour scale around zero."""
    return float(np.nan_to_num(np.abs(np.asarray(values, float))).max(initial=0)) or 1.0


def frame(axis: Axes, cell: tuple[int, int], width: float = 1.5) -> None:
    """A frame around a cell (row, column)."""
    look = {"fill": False, "edgecolor": "black", "linewidth": width, "zorder": 3, "clip_on": False}
    axis.add_patch(Rectangle(cell[::-1], 1, 1, **look))


def _pair(mesh: QuadMesh, players: Sequence[str], row: tuple, times: float) -> None:
    """Both cells of a pair: its value over its interval, framed where zero is left out."""
    value, low, high = (end * times for end in (row.value, row.low, row.high))
    text = f"{value:.1f}" + (f"\n({low:.1f} to {high:.1f})" if np.isfinite([low, high]).all() else "")
    first, second = players.index(row.first), players.index(row.second)
    for cell in ((first, second), (second, first)):
        if np.isfinite(value):
            common.cell_text(mesh, cell, text, 8, linespacing=1.3)
        if low > 0 or high < 0:
            frame(mesh.axes, cell)
