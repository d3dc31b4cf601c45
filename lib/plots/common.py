"""What the pictures share: colours and names of encoders, units, squares of colours, marks for legends.

Values are drawn in percent or points, a hundred times the tables' fractions (d' as it is). A representation has its own
colour everywhere; what stands beside the encoders is grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lib.display.figures import GREY
from lib.display.screen import measure_name
from lib.encoders.heads import members
from lib.encoders.titles import title
from lib.representations import kind, names

STUDY = "paper4"  # the game in colour; every other is a control
WIDTH = 8.0  # inches, of a printed page
INK = "#333333"
BESIDE = {"chance": "-.", "constant": ":", "oracle": "--"}  # line of what stands beside the encoders
BAND = "#F3F3F3"  # behind every second group of rows, and in cells without a value


def colour(player: str, other: str = GREY) -> str:
    """The colour of a representation; another for what is none."""
    return kind(player).colour if player in names() else other


def scale(measure: str) -> float:
    """From the tables' fractions to the axis."""
    return 1.0 if measure == "d_prime" else 100.0


def unit(measure: str, of: str = "%") -> str:
    """What stands on an axis of this measure."""
    return "d'" if measure == "d_prime" else f"{measure_name(measure)} ({of})"


def each_once(values: pd.Series) -> list:
    """The values in the order in which they first appear."""
    return list(dict.fromkeys(values))


def mark(label: str, colour: str = INK, marker: str = "", **look: Any) -> Line2D:
    """An entry of a legend: a marker, or a line where none is given."""
    if marker:
        look = {"marker": marker, "linestyle": ""} | look
    return Line2D([], [], color=colour, label=label, **look)


def interval_dots(axis: Axes, rows: pd.DataFrame, y: Any, times: float, ink: str, marker: str, face: str) -> None:
    """Dots at value with a line from low to high, across."""
    axis.hlines(y, rows["low"] * times, rows["high"] * times, color=ink, linewidth=1, zorder=2)
    axis.plot(rows["value"] * times, y, marker, color=ink, markerfacecolor=face, markersize=4, zorder=3)


def membership(axis: Axes, order: Sequence[str], players: Sequence[str], sizes: tuple[float, float]) -> None:
    """A row a subset: a dot for each encoder that it has, a small grey one for each other; their sizes."""
    for row, subset in enumerate(order):
        inside = [column for column, name in enumerate(players) if name in members(subset)]
        axis.plot([inside[0], inside[-1]], [row, row], color=GREY, linewidth=1, zorder=1)
        for column, name in enumerate(players):
            look = (colour(name), sizes[0]) if column in inside else (GREY, sizes[1])
            axis.plot(column, row, "o", color=look[0], markersize=look[1], zorder=2)
    axis.set_xticks(range(len(players)), [title(player) for player in players], rotation=90)
    axis.set(yticks=[], xlim=(-0.6, max(len(players), 1) - 0.4), ylim=(max(len(order), 1) - 0.5, -0.5))
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


# Squares of colours


def cells(axis: Axes, values: np.ndarray, colours: str, ends: tuple[float, float], edge: float = 0.4) -> QuadMesh:
    """Cells [row, column] from the top down in colours between two ends; no value is light grey."""
    axis.set_facecolor(BAND)
    shown = np.ma.masked_invalid(values)
    mesh = axis.pcolormesh(shown, cmap=colours, vmin=ends[0], vmax=ends[1], edgecolors="white", linewidth=edge)
    axis.invert_yaxis()
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return mesh


def name_cells(axis: Axes, columns: Sequence[str] | None, rows: Sequence[str] | None, **look: Any) -> None:
    """Names at the middle of each column and of each row."""
    for named, ticks in ((columns, axis.set_xticks), (rows, axis.set_yticks)):
        if named is not None:
            ticks(np.arange(len(named)) + 0.5, named, **look)


def cell_text(mesh: QuadMesh, cell: tuple[int, int], text: str, size: float, down: float = 0.5, **look: Any) -> None:
    """Text in a cell (row, column), white or dark, whichever is read better on its colour."""
    value = mesh.get_array()[cell]
    ground = BAND if np.ma.is_masked(value) else mesh.to_rgba(value)
    ink = max("white", "black", key=lambda ink: contrast(ink, ground))
    look = {"ha": "center", "va": "center", "fontsize": size, "color": ink} | look
    mesh.axes.text(cell[1] + 0.5, cell[0] + down, text, **look)


def contrast(first: Any, second: Any) -> float:
    """Contrast of two colours, 1 to 21; 4.5 is wanted for text (WCAG 2.1, contrast ratio)."""
    darker, brighter = sorted(map(_luminance, (first, second)))
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(colour: Any) -> float:
    """Relative luminance of a colour, 0 to 1 (WCAG 2.1)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def scale_below(figure: Figure, mesh: QuadMesh, axes: Sequence[Axes], label: str) -> None:
    """The colour scale under the panels, as thick on a low figure as on a high one."""
    inches = figure.get_figheight() - 1.3
    look = {"aspect": 50, "fraction": 0.16 / inches, "pad": 0.08 / inches}
    figure.colorbar(mesh, ax=list(axes), location="bottom", label=label, **look)
