"""Pictures of who contributes what: shares, the lattice of subsets, classes and redundancy.

Values are drawn in percent or points, a hundred times the tables' fractions (d' as it is). A representation has its own
colour everywhere; control games and players that are no representation are grey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, groupby
from textwrap import fill, wrap

import numpy as np
import pandas as pd

from lib.display import mpl
from lib.display.figures import GREY, style
from lib.display.screen import measure_name
from lib.encoders.heads import Subset
from lib.plots.tables import BAND, INK, scale, unit
from lib.representations import kind, names
from lib.sounds.chunks import LEVELS

STUDY = "paper4"  # the game in colour; every other is a control
PER_CLASS = "map_macro"  # the measure that is shared out class by class
WIDTH = 8.0  # inches, of a printed page
FEW_BARS = 6  # more bars than these want panels of the whole width
NAME_BARS = 4  # bars that the name of a control game is as wide as
FEW_CLASSES, MOST_ROWS = 30, 50  # cells have text up to here, all rows stand in one panel up to here
DIVERGING = "RdBu"  # red below zero, blue above: told apart by colour-blind readers too
LINES = ("-", "--", "-.", ":")  # of players that share the grey
LANE = 0.2  # between two nodes of the lattice side by side, in columns


def colour(player: str) -> str:
    """The colour of a representation; grey for any other player."""
    return kind(player).colour if player in names() else GREY


def title(player: str) -> str:
    """What a player is called on axes and legends."""
    return kind(player).title if player in names() else player


def shortened(text: str, most: int = 22) -> str:
    """A long name without its middle."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-(most // 2 - 1) :]}"


def _points(measure: str) -> str:
    return "d'" if measure == "d_prime" else f"{measure_name(measure)} (points)"


def heading(figure: mpl.Figure, text: str) -> None:
    """A title at the left, as many lines as it needs."""
    figure.suptitle(fill(text, round(12.3 * figure.get_figwidth())), x=0.01, ha="left", fontsize=11)


# Shares


def share_figure(contributions: pd.DataFrame, measure: str = "map_macro", head: str = "paper") -> mpl.Figure:
    """Each player's share as a bar with its interval, a panel a level: the study in colour, control games in grey.

    A game that lacks this head is drawn with `own`, and its label says so.
    """
    rows = _of_head(contributions.query("group == 'all' and measure == @measure"), head)
    if rows.empty:
        raise ValueError(f"no shares of {measure} with the {head} head")
    slots, levels = _slots(rows), [level for level in LEVELS if (rows["level"] == level).any()]
    many = len(slots) > FEW_BARS
    with style():
        figure = mpl.Figure(figsize=(WIDTH, 1.6 + 2.1 * len(levels) if many else 3.2))
        shape = (len(levels), 1) if many else (1, len(levels))
        axes = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False)
        for axis, level in zip(axes.flat, levels, strict=True):
            _share_bars(axis, rows[rows["level"] == level], slots, scale(measure))
            axis.set_title(f"{level}s")
            axis.tick_params(axis="x", length=0)
        for axis in axes[-1]:
            _name_bars(axis, slots, many)
            _name_games(axis, slots, dict(zip(rows["game"], rows["head"], strict=True)), head, many)
        for axis in axes[:, 0]:
            axis.set_ylabel(f"share of {_points(measure)}")
        controls = "; grey: control games" if {game for game, _ in slots} - {STUDY} else ""
        heading(figure, f"What each encoder adds to {measure_name(measure)} over all orders ({head} head){controls}")
    return figure


def _of_head(rows: pd.DataFrame, head: str) -> pd.DataFrame:
    """The rows of this head, and the `own` rows of the games that lack it."""
    asked = rows["head"] == head
    lacks = ~rows["game"].isin(rows.loc[asked, "game"])
    return rows[asked | (lacks & (rows["head"] == "own"))]


def _slots(rows: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Where the bar of (game, player) stands: the study first, a gap between games, and room for the name of a small one."""
    slots, x = {}, 0.0
    for game in sorted(dict.fromkeys(rows["game"]), key=lambda game: game != STUDY):
        players = list(dict.fromkeys(rows.loc[rows["game"] == game, "encoder"]))
        margin = max(NAME_BARS - len(players), 0) / 2 if slots else 0
        slots |= {(game, player): x + margin + place for place, player in enumerate(players)}
        x += len(players) + 2 * margin + 0.8
    return slots


def _share_bars(axis: mpl.Axes, rows: pd.DataFrame, slots: Mapping[tuple[str, str], float], times: float) -> None:
    bars = list(zip(rows["game"], rows["encoder"], strict=True))
    x, inks = [slots[bar] for bar in bars], [colour(player) if game == STUDY else GREY for game, player in bars]
    axis.bar(x, rows["share"] * times, 0.8, color=inks)
    axis.vlines(x, rows["low"] * times, rows["high"] * times, color=INK, linewidth=1.2)
    axis.axhline(0, color=INK, linewidth=0.8)
    axis.set_xlim(-0.8, max(slots.values()) + 0.8)


def _name_bars(axis: mpl.Axes, slots: Mapping[tuple[str, str], float], many: bool) -> None:
    axis.set_xticks(list(slots.values()), [title(player) for _, player in slots])
    axis.tick_params(axis="x", labelsize=7 if many else 9, rotation=90 if many else 0)


def _name_games(
    axis: mpl.Axes, slots: Mapping[tuple[str, str], float], heads: Mapping[str, str], head: str, many: bool
) -> None:
    """The name of each game under the names of its players; none where the study stands alone."""
    players = [title(player) for _, player in slots]
    below = max(mpl.TextPath((0, 0), player, size=7).get_extents().width for player in players) if many else 9
    for game, group in groupby(slots.items(), key=lambda slot: slot[0][0]):
        centre = np.mean([x for _, x in group])
        told = "the study" if game == STUDY else game
        told += "" if heads[game] == head else f"\n{heads[game]} head"
        if set(heads) != {STUDY}:
            axis.annotate(
                told, (centre, 0), (0, -below - 12), xycoords=("data", "axes fraction"), textcoords="offset points",
                ha="center", va="top", fontsize=7, color=INK, fontweight="bold" if game == STUDY else "normal",
                annotation_clip=False,
            )  # fmt: skip


# The lattice of subsets


def lattice_figure(values: Mapping[Subset, float], measure: str, level: str, head: str) -> mpl.Figure:
    """Every subset as a node at its value, a column a size; a line from each to each with one encoder more.

    values: fraction by subset, () being nobody, a ranking by chance. Every encoder has its own sector of a node,
    filled where the subset has it; the line has the colour of the encoder that it adds. No value, no node.
    """
    players = list(dict.fromkeys(name for subset in sorted(values, key=len, reverse=True) for name in subset))
    drawn = {frozenset(s): value * scale(measure) for s, value in values.items() if np.isfinite(value)}
    size, height = (15, 5.6) if len(players) <= 4 else (12, 7.0)
    span = np.ptp(list(drawn.values())) if drawn else 0.0
    places = _places(drawn, max(span, 1e-9) * 1.15 * size / 72 / (height - 1.6))
    with style():
        figure = mpl.Figure(figsize=(WIDTH, height))
        axis = figure.subplots()
        looks = _lattice_looks(players, size)
        for player in players:
            _edges(axis, places, player, looks[player])
        _nodes(axis, places, players, looks, size)
        _name_best(axis, places, size)
        axis.set_xticks(range(len(players) + 1), ["nobody\n(chance)", *map(str, range(1, len(players) + 1))])
        axis.set(xlabel="encoders together", ylabel=unit(measure), xlim=(-0.5, len(players) + 0.5))
        handles = [mpl.Line2D([], [], label=title(player), **looks[player]) for player in players]
        told = "a line adds the encoder; a node that has it shows it in this sector"
        figure.legend(handles=handles, loc="outside lower center", ncols=5, title=told, title_fontsize=8)
        heading(
            figure,
            f"What each encoder adds to whom: {measure_name(measure)} of {level}s, {head} head; numbers: best of its size",
        )
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


def _sector(number: int, n: int) -> mpl.Path:
    """One of n equal sectors of the circle around zero, the first from the top clockwise."""
    angles = np.pi / 2 - 2 * np.pi * (number + np.linspace(0, 1, 25)) / n
    return mpl.Path(np.vstack([[0, 0], np.column_stack([np.cos(angles), np.sin(angles)]), [0, 0]]))


def _edges(axis: mpl.Axes, places: Mapping[frozenset, tuple[float, float]], player: str, look: Mapping) -> None:
    segments = [
        (places[subset], places[subset | {player}])
        for subset in places if player not in subset and subset | {player} in places
    ]  # fmt: skip
    style_of = {key: look[key] for key in ("color", "linestyle", "linewidth")}
    axis.add_collection(mpl.LineCollection(segments, zorder=1, alpha=0.8, label=player, **style_of))


def _nodes(axis: mpl.Axes, places: Mapping, players: Sequence[str], looks: Mapping, size: float) -> None:
    """A circle for each subset, the sectors of its encoders filled."""
    where = np.array(list(places.values())).reshape(-1, 2)
    axis.plot(*where.T, "o", color="white", markersize=size, zorder=2)
    for player in players:
        has = np.array([place for subset, place in places.items() if player in subset]).reshape(-1, 2)
        axis.plot(*has.T, **looks[player] | {"linestyle": "", "zorder": 3, "gid": player})
    axis.plot(*where.T, "o", color=INK, markerfacecolor="none", markersize=size, markeredgewidth=0.8, zorder=4)


def _name_best(axis: mpl.Axes, places: Mapping, size: float) -> None:
    """The value over the highest node of each column."""
    for rank in sorted({len(subset) for subset in places}):
        x, y = max((places[subset] for subset in places if len(subset) == rank), key=lambda place: place[1])
        axis.annotate(
            f"{y:.1f}", (x, y), (0, size / 2 + 2), textcoords="offset points", ha="center", fontsize=8, zorder=5,
            path_effects=[mpl.withStroke(linewidth=2, foreground="white")],
        )  # fmt: skip


# Classes


def _by_class(
    contributions: pd.DataFrame, owned: pd.DataFrame, level: str, head: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Shares, and who owns what by owned.csv, of the study's own game [class, encoder]."""
    rows = contributions.query("game == @STUDY and measure == @PER_CLASS and level == @level and head == @head")
    rows = rows[rows["group"].str.startswith("class:")]
    rows = rows.assign(name=rows["group"].str.removeprefix("class:"))
    order = {"index": list(dict.fromkeys(rows["name"])), "columns": list(dict.fromkeys(rows["encoder"]))}
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
) -> mpl.Figure:  # fmt: skip
    """Each encoder's share of each class as a heat map, rows in this order; a frame where the encoder owns the class.

    owned: owned.csv, which says so. branches: class -> its branch, named beside its rows. Many classes stand in two panels and without numbers.
    """
    shares, own = _by_class(contributions, owned, level, head)
    if shares.empty:
        raise ValueError(f"no shares of classes for {level}s with the {head} head")
    shares, own = shares.reindex(list(order)) * scale(PER_CLASS), own.reindex(list(order), fill_value=False)
    room = _Room(len(order))
    with style():
        figure = mpl.Figure(figsize=(WIDTH, 1.7 + room.height * max(room.rows, 2)))
        axes = figure.subplots(1, room.panels, squeeze=False)[0]
        for number, axis in enumerate(axes):
            rows = slice(number * room.rows, (number + 1) * room.rows)
            mesh = _heat(axis, shares.iloc[rows].to_numpy(), _limit(shares))
            _class_names(axis, shares.iloc[rows], own.iloc[rows], room)
            _owner_names(axis, own, room)
            _branch_names(axis, [(branches or {}).get(name, "") for name in order[rows]], len(own.columns), room)
            if room.texts:
                _cell_texts(axis, shares.iloc[rows].to_numpy(), _limit(shares))
            axis.set_ylim(room.rows, 0)
        label = f"share of the class's average precision (points, {level}s, {head} head)"
        _colours_below(figure, mesh, axes, label)
        heading(
            figure,
            "Which encoder adds what to which class; framed, and the class in its colour: the encoder that owns it "
            "(significantly above every other's share, 5 % false discoveries)",
        )
    return figure


def _limit(values: pd.DataFrame | np.ndarray) -> float:
    """The end of a colour scale around zero."""
    return float(np.nan_to_num(np.abs(np.asarray(values, float))).max(initial=0)) or 1.0


def _heat(axis: mpl.Axes, values: np.ndarray, limit: float) -> mpl.QuadMesh:
    """Cells [row, column] in colours around zero; no value is light grey."""
    axis.set_facecolor(BAND)
    mesh = axis.pcolormesh(
        np.ma.masked_invalid(values), cmap=DIVERGING, vmin=-limit, vmax=limit, edgecolors="white", linewidth=0.4
    )
    axis.invert_yaxis()
    for spine in axis.spines.values():
        spine.set_visible(False)
    return mesh


def _colours_below(figure: mpl.Figure, mesh: mpl.QuadMesh, axes: Sequence[mpl.Axes], label: str) -> None:
    """The colour scale under the panels, as thick on a low figure as on a high one."""
    inches = figure.get_figheight() - 1.3
    figure.colorbar(
        mesh, ax=list(axes), location="bottom", label=label, aspect=50, fraction=0.16 / inches, pad=0.08 / inches
    )


def _frame(axis: mpl.Axes, row: int, column: int, width: float = 1.5) -> None:
    """A frame around a cell."""
    axis.add_patch(
        mpl.Rectangle((column, row), 1, 1, fill=False, edgecolor="black", linewidth=width, zorder=3, clip_on=False)
    )


def _cell_texts(axis: mpl.Axes, values: np.ndarray, limit: float) -> None:
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            _cell_text(axis, row, column, f"{value:.1f}", abs(value) > 0.6 * limit)


def _cell_text(axis: mpl.Axes, row: int, column: int, told: str, dark: bool) -> None:
    ink = "white" if dark else INK
    axis.text(column + 0.5, row + 0.5, told, ha="center", va="center", color=ink, fontsize=8, linespacing=1.3)


def _class_names(axis: mpl.Axes, shares: pd.DataFrame, own: pd.DataFrame, room: _Room) -> None:
    """The classes beside their rows, in the colour of their owner, and a frame around what is owned."""
    axis.set_yticks(
        np.arange(len(shares)) + 0.5,
        [shortened(name, 36) for name in shares.index],
        fontsize=8 if room.panels == 1 else 5.5,
    )
    axis.tick_params(length=0, pad=2)
    for row, label in enumerate(axis.get_yticklabels()):
        label.set_color("#777777")
        for column in np.flatnonzero(own.iloc[row]):
            label.set(color=colour(own.columns[column]), fontweight="bold")
            _frame(axis, row, column, 1.5 if room.panels == 1 else 0.8)


def _owner_names(axis: mpl.Axes, own: pd.DataFrame, room: _Room) -> None:
    """The encoders over their columns, with how many classes each owns."""
    told = [f"{title(encoder)}\nowns {number}" for encoder, number in own.sum().items()]
    axis.set_xticks(np.arange(len(told)) + 0.5, told, fontsize=8 if room.panels == 1 else 7)
    axis.xaxis.tick_top()
    axis.tick_params(axis="x", length=0, rotation=0 if room.panels == 1 else 90)


def _branch_names(axis: mpl.Axes, branches: Sequence[str], right: float, room: _Room) -> None:
    """A line beside the rows of each branch, and its name in as many lines as there is room for."""
    start, size = 0, 8 if room.panels == 1 else 6
    for branch, group in groupby(branches):
        end = start + len(list(group))
        if branch:
            axis.plot([right + 0.1] * 2, [start + 0.15, end - 0.15], color=INK, linewidth=1, clip_on=False)
            lines = max(1, int((end - start) * room.height * 72 / (1.2 * size)))
            told = "\n".join(wrap(branch.replace("_", " "), 18, max_lines=lines, placeholder="…"))
            axis.text(right + 0.2, (start + end) / 2, told, va="center", fontsize=size)
        start = end
    axis.set_xlim(0, right)


# Redundancy


def redundancy_figure(interactions: pd.DataFrame, measure: str, level: str, head: str, game: str = STUDY) -> mpl.Figure:
    """Every pair's interaction with its interval in a symmetric matrix; a frame where the interval leaves out zero."""
    rows = interactions.query("game == @game and measure == @measure and level == @level and head == @head")
    players = list(dict.fromkeys([*rows["first"], *rows["second"]]))
    times = scale(measure)
    with style():
        figure = mpl.Figure(figsize=(WIDTH, 1.9 + 0.6 * max(len(players), 2)))
        axis = figure.subplots()
        matrix = _symmetric(rows, players) * times
        mesh = _heat(axis, matrix, _limit(matrix))
        for row in rows.itertuples():
            _pair(axis, players, row, times, _limit(matrix))
        if rows.empty:
            axis.text(0.5, 0.5, "no pair of encoders has an interaction here", ha="center", va="center")
        places, told = np.arange(len(players)) + 0.5, [title(player) for player in players]
        axis.set_xticks(places, told)
        axis.set_yticks(places, told)
        axis.tick_params(length=0)
        label = (
            f"redundant  \N{LEFTWARDS ARROW}  interaction of {_points(measure)}  \N{RIGHTWARDS ARROW}  complementary"
        )
        _colours_below(figure, mesh, [axis], label)
        heading(
            figure,
            f"Do two encoders tell the same (red) or complete each other (blue)? {measure_name(measure)} of {level}s, {head} head; "
            "framed: the interval leaves out zero",
        )
    return figure


def _symmetric(rows: pd.DataFrame, players: Sequence[str]) -> np.ndarray:
    """Values of all pairs [player, player]; NaN on the diagonal and where a pair is missing."""
    matrix = np.full((max(len(players), 1),) * 2, np.nan)
    for row in rows.itertuples():
        first, second = players.index(row.first), players.index(row.second)
        matrix[first, second] = matrix[second, first] = row.value
    return matrix


def _pair(axis: mpl.Axes, players: Sequence[str], row, times: float, limit: float) -> None:
    """Both cells of a pair: its value over its interval, framed where zero is left out."""
    value, low, high = (end * times for end in (row.value, row.low, row.high))
    told = f"{value:.1f}" + (f"\n({low:.1f} to {high:.1f})" if np.isfinite([low, high]).all() else "")
    first, second = players.index(row.first), players.index(row.second)
    for cell in ((first, second), (second, first)):
        if np.isfinite(value):
            _cell_text(axis, *cell, told, abs(value) > 0.6 * limit)
        if low > 0 or high < 0:
            _frame(axis, *cell)
