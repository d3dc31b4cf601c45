"""Pictures of how far a definition, or a careless protocol, alone moves a number. Values are drawn in percent."""

from __future__ import annotations

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.display.figures import GREY, heading, style
from lib.display.screen import measure_name
from lib.plots.common import BAND, INK, mark

# Mark, colour and name by how items are made; the marks stay apart in grey, the colours for any eye, and none is an encoder's.
MARKS = {
    "none": ("o", INK, "chunks"),
    "mean of scores": ("s", "#56B4E9", "clips: mean of scores"),
    "mean of sigmoids": ("^", "#E69F00", "clips: mean of sigmoids"),
    "maximum": ("P", "#882255", "clips: maximum"),
}
STEP, HEADER = 0.19, 0.75  # of a row's height: between its lines; from the header of a group to its first row
CARELESS = "#882255"


def definition_figure(table: pd.DataFrame) -> Figure:
    """Every definition a line from its constant predictor to its oracle; a ranking by chance and the model are marks on it.

    table: a definition_table. Where leaf labels give what all labels give they are drawn once.
    """
    shown = without_twins(table)
    rows = list(shown.groupby(["family", "measure", "labels"], sort=False))
    ticks, y = [], 0
    with style():
        figure = Figure(figsize=(8.0, 1.5 + 0.42 * (len(rows) + HEADER * shown["family"].nunique())))
        axis = figure.subplots()
        for number, ((family, _, _), lines) in enumerate(rows):
            if not number or family != rows[number - 1][0][0]:
                ticks.append((y, f'read as "{family}"', "bold"))
                y += HEADER
            axis.axhspan(y - 0.46, y + 0.46, color=BAND, linewidth=0, zorder=0)
            _lines(axis, lines, y)
            ticks.append((y, _name(lines), "normal"))
            y += 1
        _left_names(axis, ticks)
        axis.set(xlabel="percent", xlim=(-1.5, 101.5), ylim=(y - 0.4, -0.5))
        marks = [
            mark(name, ink, marker) for way, (marker, ink, name) in MARKS.items() if way in set(shown["aggregation"])
        ]
        marks += [mark("constant predictor", INK, "|")]
        marks += [mark("ranking by chance", INK, "d", markerfacecolor="white", markersize=3.5)]
        marks += [mark("oracle", INK, "x", markersize=4)]
        figure.legend(handles=marks, loc="outside lower center", ncols=3)
        alone = "" if shown["aggregation"].nunique() > 1 else "; each clip is one chunk"
        heading(figure, f"{_title(shown)}{alone}")
    return figure


def without_twins(table: pd.DataFrame) -> pd.DataFrame:
    """All rows, or those of all labels if leaf labels give the same everywhere: there is nothing above the leaves.

    Likewise those of chunks alone if every way to score clips gives the same: each clip is one chunk.
    """
    numbers = ["value", "constant", "oracle", "n"]
    for column, kept in (("labels", "all"), ("aggregation", "none")):
        each = [rows[numbers].to_numpy(float) for _, rows in table.groupby(column, sort=False)]
        if all(np.array_equal(one, each[0], equal_nan=True) for one in each):
            table = table[table[column] == kept]
    return table


def _lines(axis: Axes, lines: pd.DataFrame, y: float) -> None:
    """The definitions that differ in how items are made, one under the other; their reason where none has a value."""
    if lines["value"].isna().all():
        axis.text(0, y, f"no value: {lines['reason'].iloc[0]}", va="center", color=INK, fontsize=8)
        return
    places = STEP * (np.arange(len(lines)) - (len(lines) - 1) / 2)
    for place, line in zip(places, lines.itertuples(), strict=True):
        mark, ink, _ = MARKS[line.aggregation]
        axis.hlines(y + place, 100 * line.constant, 100 * line.oracle, color=GREY, linewidth=0.6, zorder=1)
        axis.plot(100 * line.constant, y + place, "|", color=INK, markersize=5, zorder=2)
        axis.plot(100 * line.chance, y + place, "d", color=INK, markerfacecolor="white", markersize=3.5, zorder=2)
        axis.plot(100 * line.oracle, y + place, "x", color=INK, markersize=3.5, zorder=2)
        axis.plot(100 * line.value, y + place, mark, color=ink, markersize=4.5, zorder=3)


def _name(lines: pd.DataFrame) -> str:
    """What the definitions of one row have in common."""
    words = lines["definition"].iloc[0].split("; ")[0]
    return f"{words},\nleaf labels only" if lines["labels"].iloc[0] == "leaves" else words


def _left_names(axis: Axes, ticks: list[tuple[float, str, str]]) -> None:
    axis.set_yticks([y for y, _, _ in ticks], [name for _, name, _ in ticks])
    axis.tick_params(axis="y", length=0)
    for text, (_, _, weight) in zip(axis.get_yticklabels(), ticks, strict=True):
        text.set(weight=weight, linespacing=1.0)


def _title(table: pd.DataFrame) -> str:
    known, of = 100 * table["value"].dropna(), table["of"].iloc[0]
    if not len(known):
        return f"No definition has a value for these scores ({of})"
    return f"One model ({of}), one set of scores, {known.min():.0f} to {known.max():.0f} %: only the definition differs"


def careless_figure(table: pd.DataFrame) -> Figure:
    """A line a protocol, from what a careful one gives to what the careless one would have claimed."""
    y = np.arange(len(table))
    with style():
        figure = Figure(figsize=(8.0, 1.6 + 0.62 * len(table)))
        axis = figure.subplots()
        for place, row in zip(y, table.itertuples(), strict=True):
            _gap(axis, row, place)
        axis.set_yticks(y, [fill(name, 44) for name in table["protocol"]])
        axis.tick_params(axis="y", length=0)
        each = dict.fromkeys(f"{measure_name(row.measure)} of {row.level}s" for row in table.itertuples())
        axis.set(xlabel=f"{', '.join(each)} (%)", xlim=(0, 100), ylim=(len(table) - 0.4, -0.6))
        handles = [mark("careful", INK, "o", markerfacecolor="white")]
        handles += [mark("careless: do not do this", CARELESS, "D", markersize=4.5)]
        figure.legend(handles=handles, loc="outside lower right", ncols=2)
        heading(figure, "Do not do this: what careless protocols would have claimed of the same encoders")
    return figure


def _gap(axis: Axes, row: tuple, y: float) -> None:
    """From careful to careless, with the points between them; the reason where there is no value."""
    if np.isnan(row.careful) or np.isnan(row.careless):
        axis.text(1, y, row.warning, va="center", color=INK, fontsize=8)
        return
    ends = 100 * row.careful, 100 * row.careless
    axis.plot(ends, [y, y], color=CARELESS, linewidth=1.2, zorder=1)
    axis.plot(ends[0], y, "o", color=INK, markerfacecolor="white", markersize=9, zorder=2)  # seen around the other
    axis.plot(ends[1], y, "D", color=CARELESS, markersize=4.5, zorder=3)
    left = max(ends) > 85  # no room to the right
    place, aside, side = (min(ends), -8, "right") if left else (max(ends), 8, "left")
    look = {"textcoords": "offset points", "va": "center", "ha": side, "fontsize": 8}
    axis.annotate(f"{ends[1] - ends[0]:+.1f} points", (place, y), (aside, 0), **look)
