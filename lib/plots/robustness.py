"""Pictures of what is left where test clips are made worse or heard for less long. Values are drawn in percent."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from lib.display.figures import GREY, heading, style
from lib.display.screen import measure_name
from lib.encoders.heads import ALL_FOUR
from lib.plots.common import (
    INK,
    WIDTH,
    cell_text,
    cells,
    colour,
    each_once,
    mark,
    name_cells,
    scale_below,
    title,
)
from lib.sounds.perturb import PERTURBATIONS

ACROSS = 4  # panels
STEPS = 5
FILLS = {"": "-", "repeat": "-", "zeros": "--", "context": ":"}
FILL_NAMES = {"repeat": "repeated", "zeros": "then zeros", "context": "in its second"}


def curves(table: pd.DataFrame, measure: str, level: str, head: str) -> Figure:
    """Each encoder and all four against the strength, a panel a perturbation; bands are intervals. table: robustness.csv."""
    rows = table.query("level == @level and head == @head")
    shown = [subset for subset in each_once(rows["subset"]) if "+" not in subset or subset == ALL_FOUR]
    figure = _panels(rows[rows["subset"].isin(shown)], "subset", "value", f"{measure_name(measure)} (%)")
    with style():
        heading(figure, f"{measure_name(measure)} of {level}s as the test clips are made worse ({head} head)")
    return figure


def shares(table: pd.DataFrame, level: str, head: str) -> Figure:
    """Each encoder's part of what all have above chance, against the strength. table: robustness_shares.csv."""
    rows = table.query("level == @level and head == @head").assign(low=lambda x: x["part"], high=lambda x: x["part"])
    figure = _panels(rows, "encoder", "part", "part of the gain (%)")
    with style():
        heading(
            figure,
            f"Whose gain is it? Shapley shares as parts of what all four have above chance ({level}s, {head} head)",
        )
    return figure


def _panels(rows: pd.DataFrame, of: str, value: str, label: str) -> Figure:
    """A line and a band for each model, a panel a perturbation, the strengths from left to right."""
    there = each_once(rows["perturbation"])
    lines = -(-len(there) // ACROSS)
    with style():
        figure = Figure(figsize=(WIDTH, 1.0 + 1.75 * lines))
        axes = figure.subplots(lines, min(ACROSS, len(there)), sharey=True, squeeze=False)
        for axis in axes.flat[len(there) :]:
            axis.set_axis_off()
        for name, axis in zip(there, axes.flat, strict=False):
            _panel(axis, rows[rows["perturbation"] == name], of, value)
            _strengths(axis, name)
        for axis in axes[:, 0]:
            axis.set_ylabel(label, fontsize=8)
        players = each_once(rows[of])
        marks = [mark(title(name), colour(name, INK)) for name in players]
        figure.legend(handles=marks, loc="outside lower center", ncols=len(marks))
    return figure


def _panel(axis: Axes, rows: pd.DataFrame, of: str, value: str) -> None:
    for name, own in rows.groupby(of, sort=False):
        ink = colour(name, INK)
        axis.fill_between(own["step"], 100 * own["low"], 100 * own["high"], color=ink, alpha=0.12, linewidth=0)
        axis.plot(own["step"], 100 * own[value], "o-", color=ink, markersize=2.5, linewidth=1.2)


def _strengths(axis: Axes, name: str) -> None:
    how = PERTURBATIONS[name]
    marks = [str(each).removeprefix("soxr_") if isinstance(each, str) else f"{each:g}" for each in how.strengths]
    turned = {"rotation": 45, "ha": "right"} if max(map(len, marks)) > 4 else {}
    axis.set_xticks(range(STEPS + 1), ["none", *marks], fontsize=6.5, **turned)
    axis.set_title(f"{how.title} ({how.unit})" if how.unit else how.title, fontsize=8)


def halves(table: pd.DataFrame, level: str, head: str) -> Figure:
    """Where half of the gain is gone, a row a model and a column a perturbation; palest: never. table: robustness_half.csv."""
    rows = table.query("level == @level and head == @head and group == 'all'")
    shown, there = each_once(rows["subset"]), each_once(rows["perturbation"])
    values = rows.pivot(index="subset", columns="perturbation", values="step").loc[shown, there].to_numpy(float)
    texts = rows.pivot(index="subset", columns="perturbation", values="half_at").loc[shown, there].to_numpy(str)
    with style():
        figure = Figure(figsize=(WIDTH + 2, 1.7 + 0.27 * len(shown)))
        axis = figure.subplots()
        mesh = cells(axis, np.where(np.isfinite(values), values, STEPS), "YlOrRd_r", (0, STEPS))
        for place, text in np.ndenumerate(texts):
            name = there[place[1]]
            short = text.removesuffix(PERTURBATIONS[name].unit).strip()
            cell_text(mesh, place, short, 6.5)
        columns = [f"{PERTURBATIONS[name].title}\n{PERTURBATIONS[name].unit}" for name in there]
        name_cells(axis, columns, list(map(title, shown)), fontsize=7)
        axis.tick_params(axis="x", labelrotation=35)
        scale_below(figure, mesh, [axis], f"step at which half of the gain is gone ({STEPS}: the strongest, or never)")
        heading(figure, f"At what strength half of the gain above chance is gone ({level}s, {head} head)")
    return figure


def lengths(table: pd.DataFrame, measure: str, head: str) -> Figure:
    """Each encoder and all four by seconds heard, from the start and from anywhere. table: robustness_length.csv."""
    rows = table.query("head == @head")
    rows = rows[[("+" not in subset) or subset == ALL_FOUR for subset in rows["subset"]]]
    places = each_once(rows["place"])
    with style():
        figure = Figure(figsize=(WIDTH, 3.9))
        axes = figure.subplots(1, len(places), sharey=True, squeeze=False)[0]
        for place, axis in zip(places, axes, strict=True):
            for subset, own in rows[rows["place"] == place].groupby("subset", sort=False):
                _lengths(axis, own, colour(subset, INK))
            axis.set(
                title={"start": "from the start", "random": "from anywhere"}[place],
                xlabel="seconds heard",
                xscale="log",
            )
            axis.set_xticks(sorted(rows["length_s"].unique()))
            axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
            axis.xaxis.set_minor_locator(NullLocator())
            axis.tick_params(axis="x", labelsize=7)
        axes[0].set_ylabel(f"{measure_name(measure)} of clips (%)")
        marks = [mark(title(each), colour(each, INK)) for each in each_once(rows["subset"])]
        marks += [mark(FILL_NAMES[each], GREY, linestyle=FILLS[each]) for each in each_once(rows["fill"]) if each]
        figure.legend(handles=marks, loc="outside lower center", ncols=5)
        heading(figure, f"How long must one listen? ({head} head; under a second: what stands in for the rest)")
    return figure


def _lengths(axis: Axes, rows: pd.DataFrame, ink: str) -> None:
    whole = rows[rows["fill"] == ""]
    for fill, own in rows.groupby("fill", sort=False):
        joined = own if not fill else pd.concat([own, whole[whole["length_s"] == whole["length_s"].min()]])
        axis.plot(
            joined["length_s"], 100 * joined["value"], FILLS[fill], color=ink, linewidth=1.2, marker="o", markersize=2
        )
    solid = rows[rows["fill"].isin(["", "repeat"])].sort_values("length_s")
    axis.fill_between(solid["length_s"], 100 * solid["low"], 100 * solid["high"], color=ink, alpha=0.1, linewidth=0)
