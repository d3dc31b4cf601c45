"""Pictures of what embeddings know: probes of properties, and how much of one embedding can be had from others.

Values are drawn in percent of variance (macro mAP in percent for the classes), a hundred times the tables' fractions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from lib.display.figures import heading, style
from lib.encoders.heads import members
from lib.plots.common import WIDTH, cell_text, cells, each_once, name_cells, scale_below, title

SHARE = "Blues"  # of explained variance, from none to all
LEFT, CELL, HIGH = 2.0, 1.15, 0.62  # inches: the names at the left, and a cell
MINUS = "\N{MINUS SIGN}"
OTHERS = "all others"


def probe_figure(probes: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """Rows properties, columns encoders: what a probe explains, its interval, and what the controls have below it.

    probes: a probe_table; titles: what each property is called on the axis. The colour is the share that is explained;
    of the classes the share of what lies between shuffled values and 100.
    """
    order, encoders = each_once(probes["property"]), each_once(probes["encoder"])
    rows = probes.set_index(["property", "encoder", "control"])
    first = probes.drop_duplicates("property").set_index("property")
    with style():
        figure = Figure(figsize=(LEFT + CELL * len(encoders), 1.7 + HIGH * len(order)))
        axis = figure.subplots()
        shares = np.array([[_share(rows, name, encoder) for encoder in encoders] for name in order])
        mesh = cells(axis, np.clip(shares, 0, 1) * 100, SHARE, (0, 100), 0.8)
        for row, column in np.ndindex(shares.shape):
            _probe_text(mesh, rows, (order[row], encoders[column]), (row, column))
        name_cells(axis, [title(encoder) for encoder in encoders], None)
        of = [f"({first.loc[name, 'unit']}; n = {first.loc[name, 'n']})" for name in order]
        named = [f"{fill(titles.get(name, name), 34)}\n{what}" for name, what in zip(order, of, strict=True)]
        name_cells(axis, None, named, fontsize=8)
        axis.xaxis.tick_top()
        axis.tick_params(length=0)
        scale_below(figure, mesh, [axis], "share that a linear model explains on test chunks (%)")
        heading(figure, "What each frozen embedding knows of a sound: percent explained by a linear probe, its interval, "
                        "and below them the same encoder untrained | with shuffled values")  # fmt: skip
    return figure


def _share(rows: pd.DataFrame, name: str, encoder: str) -> float:
    """What the colour shows: R squared, or where the measure is another, the share of what is above shuffled values."""
    own, chance = (float(rows.loc[(name, encoder, control), "value"]) for control in ("", "shuffled"))
    if rows.loc[(name, encoder, ""), "measure"] == "r2":
        return own
    return (own - chance) / (1 - chance) if chance < 1 else np.nan


def _probe_text(mesh: QuadMesh, rows: pd.DataFrame, of: tuple[str, str], cell: tuple[int, int]) -> None:
    """The value, its interval, and the controls, one under the other."""
    own, untrained, shuffled = (rows.loc[(*of, control)] for control in ("", "untrained", "shuffled"))
    if not np.isfinite(own["value"]):
        cell_text(mesh, cell, "no value", 7)
        return
    cell_text(mesh, cell, _percent(own["value"]), 10, 0.25, fontweight="bold")
    if np.isfinite([own["low"], own["high"]]).all():
        cell_text(mesh, cell, f"{_percent(own['low'])} to {_percent(own['high'])}", 7, 0.55)
    cell_text(mesh, cell, f"{_percent(untrained['value'])} | {_percent(shuffled['value'])}", 6.5, 0.82)


def _percent(value: float) -> str:
    """Whole percent, without a minus before nothing."""
    return f"{round(100 * value):d}".replace("-", MINUS) if np.isfinite(value) else "–"


# Similarity


def similarity_figure(similarity: pd.DataFrame) -> Figure:
    """Left: what of each encoder's embedding (columns) a ridge predicts from others (rows). Right: linear CKA."""
    alike = similarity[similarity["what"] == "cka"]
    players = each_once([*alike["first"], *alike["second"]])
    predicted = similarity[similarity["what"] == "predicted"]
    predicted = predicted.assign(first=[_source(row.first, row.second, players) for row in predicted.itertuples()])
    mixed = [name for name in each_once(predicted["first"]) if name not in (*players, OTHERS)]
    mirrored = alike.rename(columns={"first": "second", "second": "first"})
    sources = [*players, *mixed, *([OTHERS] if (predicted["first"] == OTHERS).any() else [])]
    with style():
        figure = Figure(figsize=(WIDTH, 1.9 + 0.48 * len(sources)))
        left, right = figure.subplots(1, 2)
        mesh = _matrix(left, predicted, sources, players)
        _matrix(right, pd.concat([alike, mirrored]), players, players)
        left.set(title="of its variance a ridge predicts (%)", ylabel="from", xlabel="what is predicted")
        right.set_title("linear CKA, debiased (of 100)")
        scale_below(figure, mesh, [left, right], "0: nothing in common; 100: one can be had from the other")
        heading(figure, "How much of one embedding can be had from others, by linear models, on test chunks")
    return figure


def _source(first: str, second: str, players: Sequence[str]) -> str:
    """What a row is predicted from: an encoder, several of them, or all others than `second`."""
    several = members(first)
    return OTHERS if len(several) > 1 and {*several, second} == {*players} else first


def _matrix(axis: Axes, rows: pd.DataFrame, sources: Sequence[str], players: Sequence[str]) -> QuadMesh:
    """Cells [source, player] with their values and intervals; a pair that is not in the table is light grey."""
    values = np.full((max(len(sources), 1), max(len(players), 1)), np.nan)
    places = [(sources.index(row.first), players.index(row.second)) for row in rows.itertuples()]
    for place, value in zip(places, rows["value"], strict=True):
        values[place] = value
    mesh = cells(axis, np.clip(values, 0, 1) * 100, SHARE, (0, 100), 0.8)
    for place, row in zip(places, rows.itertuples(), strict=True):
        if np.isfinite(row.value):
            cell_text(mesh, place, _percent(row.value), 8, 0.35, fontweight="bold")
            if np.isfinite([row.low, row.high]).all():
                cell_text(mesh, place, f"{_percent(row.low)} to {_percent(row.high)}", 6, 0.72)
    named = [" and\n".join(map(title, members(source))) for source in sources]
    name_cells(axis, [title(player) for player in players], None, fontsize=7)
    name_cells(axis, None, named, fontsize=7)
    return mesh
