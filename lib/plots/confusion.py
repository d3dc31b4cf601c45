"""What is taken for what: a square of colours, a row for each label that clips have, a column for each that is named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from lib.display.figures import heading, sentence, style
from lib.display.screen import shortened
from lib.plots.common import WIDTH, cell_text, cells, name_cells

MOST, FEW = 40, 20  # labels that have room; cells have their counts up to here
NAMED, REAL = "Blues", "Greys"


def confusion_figure(table: pd.DataFrame, order: Sequence[str]) -> Figure:
    """confusion.csv drawn, labels in this order; where clips have several labels, beside it which labels they share.

    Of more than MOST labels those that are confused most have room.
    """
    shown = _with_room(table, order)
    if table.empty or not shown:
        return sentence("No test clip has a label that could be taken for another.")
    several = bool((table["both"] > 0)[table["label"] != table["taken_for"]].any())
    panels = [("clips", NAMED, "named")]
    panels += [("both", REAL, "the clip has as well")] if several else []
    size = min(WIDTH, 1.6 + 0.24 * max(len(shown), 4))
    across = len(panels) if len(panels) * size <= 1.5 * WIDTH else 1  # else one below the other: names need their room
    with style():
        width = min(WIDTH, max(4.5, size * across))
        height = min(size, width / across + 0.5)  # two side by side are squares of half the width
        figure = Figure(figsize=(width, height * len(panels) / across + 0.4))
        axes = figure.subplots(len(panels) // across, across, squeeze=False)
        for axis, (column, colours, title) in zip(axes.flat, panels, strict=True):
            mesh = _square(axis, table, column, shown, colours)
            axis.set(title=title, ylabel="label of the clip" if axis is figure.axes[0] else "")
            figure.colorbar(mesh, ax=axis, location="bottom", label="percent of the clips with the label", aspect=30)
        fewer = len(shown) < len(order)
        left_out = f" (the {len(shown)} of {len(order)} labels that are confused most)" if fewer else ""
        numbers = "; numbers are clips" if len(shown) <= FEW else ""
        named = "; a clip is given as many labels as it has" if several else ""
        heading(figure, f"What is taken for what on test clips, all four{left_out}{named}{numbers}")
        return figure


def _with_room(table: pd.DataFrame, order: Sequence[str]) -> list[str]:
    """The labels that are drawn, in their order: all that stand in the table, or those with most confusions."""
    wrong = table.loc[table["wrong"] > 0]
    confused = wrong.groupby("label")["wrong"].sum().add(wrong.groupby("taken_for")["wrong"].sum(), fill_value=0)
    there = [name for name in order if name in {*table["label"], *table["taken_for"]}]
    most = sorted(there, key=lambda name: -confused.get(name, 0))[:MOST]
    return [name for name in there if name in most]


def _square(axis: Axes, table: pd.DataFrame, column: str, shown: Sequence[str], colours: str) -> QuadMesh:
    """Counts [label, named] as shares of the row, with the counts where there is room."""
    counts = table.pivot(index="label", columns="taken_for", values=column)
    counts = counts.reindex(index=shown, columns=shown).fillna(0).to_numpy()
    of = table.drop_duplicates("label").set_index("label")["of"].reindex(shown).to_numpy(float)[:, None]
    share = 100 * np.divide(counts, of, out=np.full(counts.shape, np.nan), where=of > 0)
    mesh = cells(axis, share, colours, (0, 100))
    axis.set_facecolor("white")
    axis.spines[["left", "bottom"]].set_visible(True)
    named = [shortened(name) for name in shown]
    name_cells(axis, named, None, rotation=90, fontsize=7)
    name_cells(axis, None, named, fontsize=7)
    axis.set_aspect("equal")
    for row, one in np.argwhere(counts > 0) if len(shown) <= FEW else ():
        cell_text(mesh, (row, one), f"{counts[row, one]:.0f}", 6)
    return mesh
