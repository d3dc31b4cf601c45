"""Pictures of other systems in the study's harness: what they reach against what they cost, and what they gain."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from lib.display.figures import GREY, heading, style
from lib.display.screen import measure_name
from lib.plots.common import INK, WIDTH, colour, each_once, mark, title, unit

COSTS = {"parameters": "parameters", "seconds_an_hour": "seconds for an hour of sound"}
MARKS = {"own windows": "o", "1 s chunks": "s"}


def cost_figure(peers: pd.DataFrame, measure: str, head: str) -> Figure:
    """A measure of clips against parameters and against time, a dot a system with its interval; `peers` is peers.csv."""
    rows = peers.query("measure == @measure and head == @head")
    with style():
        figure = Figure(figsize=(WIDTH, 3.8))
        axes = figure.subplots(1, len(COSTS), sharey=True)
        for axis, (column, name) in zip(axes, COSTS.items(), strict=True):
            for heard, of in rows.groupby("heard"):
                _dots(axis, of, column, MARKS[heard])
            _names(axis, rows, column)
            axis.set(xscale="log", xlabel=name)
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.xaxis.set_major_formatter(EngFormatter(sep=""))
            axis.xaxis.set_minor_locator(NullLocator())
            axis.margins(x=0.25, y=0.12)
        axes[0].set_ylabel(unit(measure))
        marks = [mark(heard, marker=marker) for heard, marker in MARKS.items()]
        figure.legend(handles=marks, loc="outside lower center", ncols=len(marks))
        heading(
            figure,
            f"{measure_name(measure)} of clips against cost, {head} head; what is trained here is black, others grey",
        )
    return figure


def _dots(axis: Axes, rows: pd.DataFrame, column: str, marker: str) -> None:
    inks = [INK if here else GREY for here in rows["trained_here"]]
    axis.vlines(rows[column], 100 * rows["low"], 100 * rows["high"], color=inks, linewidth=1.2)
    axis.scatter(rows[column], 100 * rows["value"], color=inks, marker=marker, s=28, zorder=3)


def _names(axis: Axes, rows: pd.DataFrame, column: str) -> None:
    """Each system's name once, beside its highest dot."""
    for _, of in rows.groupby("row", sort=False):
        best = of.loc[of["value"].idxmax()]
        axis.annotate(
            best["row"], (best[column], 100 * best["value"]), xytext=(5, 4), textcoords="offset points", fontsize=7,
        )  # fmt: skip


def gain_figure(gains: pd.DataFrame, titles: dict[str, str], level: str, head: str) -> Figure:
    """What each thing adds to each peer, a panel a peer; `gains` is peer_gains.csv, controls are grey."""
    rows = gains.query("group == 'all' and against == '' and level == @level and head == @head")
    peers = each_once(rows["peer"])
    with style():
        figure = Figure(figsize=(WIDTH, 1.6 + 0.22 * rows["added"].nunique()))
        axes = np.atleast_1d(figure.subplots(1, len(peers), sharey=True, sharex=True))
        for axis, peer in zip(axes, peers, strict=True):
            _gains(axis, rows[rows["peer"] == peer])
            axis.set_title(titles[peer], fontsize=9)
            axis.set_xlabel(f"{measure_name(rows['measure'].iloc[0])} (points)")
        heading(figure, f"What is gained on top of a system that hears already ({level}s, {head} head); grey: controls")
    return figure


def _gains(axis: Axes, rows: pd.DataFrame) -> None:
    places = np.arange(len(rows))[::-1]
    inks = [INK if "+" in added or added == "all four" else colour(added) for added in rows["added"]]
    axis.axvline(0, color=INK, linewidth=0.8)
    axis.hlines(places, 100 * rows["low"], 100 * rows["high"], color=inks, linewidth=1.6)
    axis.scatter(100 * rows["difference"], places, color=inks, s=26, zorder=3)
    axis.set_yticks(places, list(map(title, rows["added"])))
