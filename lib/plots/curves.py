"""Pictures of shares against budget and against data. Values are drawn in points, a hundred times the table's fractions."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.display.figures import heading, style
from lib.display.screen import measure_name
from lib.plots.common import INK, WIDTH, colour, each_once, scale, title
from lib.sounds.chunks import titles_of_levels

X_LABELS = {"budget": "part of the epochs", "data": "part of the training groups"}


def curve_figure(table: pd.DataFrame, head: str) -> Figure:
    """The share of each encoder against the part, a row of panels a curve, a panel a level; bands are intervals.

    table: curves.csv. ValueError where it has no such row.
    """
    rows = table[(table["what"] == "share") & (table["head"] == head)]
    if rows.empty:
        raise ValueError(f"no share with the {head} head")
    curves = each_once(rows["curve"])
    levels = titles_of_levels(rows)
    measure = rows["measure"].iloc[0]
    with style():
        figure = Figure(figsize=(WIDTH, 1.2 + 2.4 * len(curves)))
        axes = figure.subplots(len(curves), len(levels), sharey=True, squeeze=False)
        for curve, line in zip(curves, axes, strict=True):
            for level, axis in zip(levels, line, strict=True):
                _panel(axis, rows[(rows["curve"] == curve) & (rows["level"] == level)], scale(measure))
                axis.set(title=levels[level], xlabel=X_LABELS[curve])
            line[0].set_ylabel(f"share, {measure_name(measure)} (points)")
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        heading(figure, f"What each encoder adds with less training and with less data ({head} head)")
    return figure


def _panel(axis: Axes, rows: pd.DataFrame, times: float) -> None:
    """A line and a band for each encoder, on a logarithmic axis."""
    for name, own in rows.groupby("encoder", sort=False):
        own = own.sort_values("part")
        low, high = own["low"] * times, own["high"] * times
        axis.fill_between(own["part"], low, high, color=colour(name), alpha=0.15, linewidth=0)
        axis.plot(own["part"], own["value"] * times, "o-", color=colour(name), markersize=3.5, label=title(name))
    axis.axhline(0, color=INK, linewidth=0.8)
    parts = sorted(rows["part"].unique())
    axis.set_xscale("log", base=2)
    axis.set_xticks(parts, ["all" if part == 1 else f"1/{round(1 / part)}" for part in parts])
    axis.minorticks_off()
