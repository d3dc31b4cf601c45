"""Pictures of what embeddings know: probes of properties, and how much of one embedding can be had from others.

Values are drawn in percent of variance (macro mAP in percent for the classes), a hundred times the tables' fractions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
import pandas as pd

from lib.display import mpl
from lib.display.figures import style
from lib.plots.contributions import WIDTH, heading, title
from lib.plots.tables import BAND, INK

SHARE = "Blues"  # of explained variance, from none to all
DARK = 0.55  # of the scale: text on darker cells is white
LEFT, CELL, HIGH = 2.0, 1.15, 0.62  # inches: the names at the left, and a cell
MINUS = "\N{MINUS SIGN}"


def probe_figure(probes: pd.DataFrame, titles: Mapping[str, str]) -> mpl.Figure:
    """Rows properties, columns encoders: what a probe explains, its interval, and what the controls have below it.

    probes: a probe_table; titles: what each property is called on the axis. The colour is the share that is explained;
    of the classes the share of what lies between shuffled values and 100.
    """
    order, encoders = (list(dict.fromkeys(probes[column])) for column in ("property", "encoder"))
    rows = probes.set_index(["property", "encoder", "control"])
    with style():
        figure = mpl.Figure(figsize=(LEFT + CELL * len(encoders), 1.7 + HIGH * len(order)))
        axis = figure.subplots()
        shares = np.array([[_share(rows, name, encoder) for encoder in encoders] for name in order])
        mesh = _cells(axis, shares)
        for (row, column), share in np.ndenumerate(shares):
            _probe_text(axis, rows, (order[row], encoders[column]), (row, column), share > DARK)
        axis.set_xticks(np.arange(len(encoders)) + 0.5, [_name(encoder) for encoder in encoders])
        axis.set_yticks(np.arange(len(order)) + 0.5, [_row_name(rows, name, titles) for name in order], fontsize=8)
        axis.xaxis.tick_top()
        axis.tick_params(length=0)
        _scale_below(figure, mesh, axis, "share that a linear model explains on test chunks (%)")
        heading(figure, "What each frozen embedding knows of a sound: percent explained by a linear probe, its interval, "
                        "and below them the same encoder untrained | with shuffled values")  # fmt: skip
    return figure


def _share(rows: pd.DataFrame, name: str, encoder: str) -> float:
    """What the colour shows: R squared, or where the measure is another, the share of what is above shuffled values."""
    own, chance = (float(rows.loc[(name, encoder, control), "value"]) for control in ("", "shuffled"))
    if rows.loc[(name, encoder, ""), "measure"] == "r2":
        return own
    return (own - chance) / (1 - chance) if chance < 1 else np.nan


def _name(encoder: str) -> str:
    return title(encoder) if "+" not in encoder else "All four"


def _row_name(rows: pd.DataFrame, name: str, titles: Mapping[str, str]) -> str:
    """A property's title and unit, and how many chunks have a value."""
    first = rows.loc[name].iloc[0]
    return f"{fill(titles.get(name, name), 34)}\n({first['unit']}; n = {first['n']})"


def _cells(axis: mpl.Axes, shares: np.ndarray) -> mpl.QuadMesh:
    """Cells [row, column] in the colours of 0 to 1; no value is light grey."""
    axis.set_facecolor(BAND)
    shown = np.ma.masked_invalid(np.clip(shares, 0, 1) * 100)
    mesh = axis.pcolormesh(shown, cmap=SHARE, vmin=0, vmax=100, edgecolors="white", linewidth=0.8)
    axis.invert_yaxis()
    for spine in axis.spines.values():
        spine.set_visible(False)
    return mesh


def _scale_below(figure: mpl.Figure, mesh: mpl.QuadMesh, axis: mpl.Axes | Sequence[mpl.Axes], label: str) -> None:
    inches = figure.get_figheight() - 1.3
    figure.colorbar(mesh, ax=axis, location="bottom", label=label, aspect=50, fraction=0.16 / inches, pad=0.08 / inches)


def _probe_text(axis: mpl.Axes, rows: pd.DataFrame, of: tuple[str, str], cell: tuple[int, int], dark: bool) -> None:
    """The value, its interval, and the controls, one under the other."""
    own, untrained, shuffled = (rows.loc[(*of, control)] for control in ("", "untrained", "shuffled"))
    if not np.isfinite(own["value"]):
        _text(axis, cell, 0.5, "no value", 7, INK)
        return
    ink = "white" if dark else INK
    _text(axis, cell, 0.25, _percent(own["value"]), 10, ink, fontweight="bold")
    if np.isfinite([own["low"], own["high"]]).all():
        _text(axis, cell, 0.55, f"{_percent(own['low'])} to {_percent(own['high'])}", 7, ink)
    _text(axis, cell, 0.82, f"{_percent(untrained['value'])} | {_percent(shuffled['value'])}", 6.5, ink)


def _text(axis: mpl.Axes, cell: tuple[int, int], down: float, told: str, size: float, ink: str, **more: str) -> None:
    axis.text(cell[1] + 0.5, cell[0] + down, told, ha="center", va="center", fontsize=size, color=ink, **more)


def _percent(value: float) -> str:
    """Whole percent, without a minus before nothing."""
    if not np.isfinite(value):
        return "–"
    return f"{round(100 * value):d}".replace("-", MINUS)


# Similarity

OTHERS = "all others"


def similarity_figure(similarity: pd.DataFrame) -> mpl.Figure:
    """Left: what of each encoder's embedding (columns) a ridge predicts from others (rows). Right: linear CKA."""
    alike = similarity[similarity["what"] == "cka"]
    players = list(dict.fromkeys([*alike["first"], *alike["second"]]))
    predicted = similarity[similarity["what"] == "predicted"]
    predicted = predicted.assign(first=[_source(row.first, row.second, players) for row in predicted.itertuples()])
    mixed = [name for name in dict.fromkeys(predicted["first"]) if name not in (*players, OTHERS)]
    mirrored = alike.rename(columns={"first": "second", "second": "first"})
    sources = [*players, *mixed, *([OTHERS] if (predicted["first"] == OTHERS).any() else [])]
    with style():
        figure = mpl.Figure(figsize=(WIDTH, 1.9 + 0.48 * len(sources)))
        left, right = figure.subplots(1, 2)
        mesh = _matrix(left, predicted, sources, players)
        _matrix(right, pd.concat([alike, mirrored]), players, players)
        left.set(title="of its variance a ridge predicts (%)", ylabel="from", xlabel="what is predicted")
        right.set_title("linear CKA, debiased (of 100)")
        _scale_below(figure, mesh, [left, right], "0: nothing in common; 100: one can be had from the other")
        heading(figure, "How much of one embedding can be had from others, by linear models, on test chunks")
    return figure


def _source(first: str, second: str, players: Sequence[str]) -> str:
    """What a row is predicted from: an encoder, several of them, or all others than `second`."""
    several = first.split("+")
    return OTHERS if len(several) > 1 and {*several, second} == {*players} else first


def _matrix(axis: mpl.Axes, rows: pd.DataFrame, sources: Sequence[str], players: Sequence[str]) -> mpl.QuadMesh:
    """Cells [source, player] with their values and intervals; what is not asked is light grey."""
    values = np.full((max(len(sources), 1), max(len(players), 1)), np.nan)
    for row in rows.itertuples():
        place = sources.index(row.first), players.index(row.second)
        values[place] = row.value
        if np.isfinite(row.value):
            ink = "white" if row.value > DARK else INK
            _text(axis, place, 0.35, _percent(row.value), 8, ink, fontweight="bold")
            if np.isfinite([row.low, row.high]).all():
                _text(axis, place, 0.72, f"{_percent(row.low)} to {_percent(row.high)}", 6, ink)
    mesh = _cells(axis, values)
    axis.set_xticks(np.arange(len(players)) + 0.5, [title(player) for player in players], fontsize=7)
    told = [" and\n".join(map(title, source.split("+"))) for source in sources]
    axis.set_yticks(np.arange(len(sources)) + 0.5, told, fontsize=7)
    axis.tick_params(length=0)
    return mesh
