"""Pictures of how far a definition, or a careless protocol, alone moves a number. Values are drawn in percent."""

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lib.plots import GREY, over_all, style
from lib.plots.tables import BAND, INK

# mark and colour by how items are made; the colours stay apart for any eye, and so do the marks in grey
MARKS = {
    "none": ("o", INK, "chunks"),
    "mean of scores": ("s", "#0072B2", "clips: mean of scores"),
    "mean of sigmoids": ("^", "#E69F00", "clips: mean of sigmoids"),
    "maximum": ("D", "#009E73", "clips: maximum"),
}
STEP = 0.19  # between the lines of one definition; a definition has a height of 1
CARELESS = "#D55E00"


def definition_figure(table: pd.DataFrame) -> Figure:
    """Every definition a line from its constant predictor to its oracle, with the model's value as a mark on it.

    table: a definition_table. Leaf labels are left out where they are all labels.
    """
    shown = _without_twins(table)
    places = _places(shown)
    with style():
        figure = Figure(figsize=(8.0, 1.5 + 0.44 * (len(places) + shown["family"].nunique())))
        axis = figure.subplots()
        for y, ((_, _, number), (_, rows)) in zip(places.values(), shown.groupby(list(GROUP), sort=False), strict=True):
            _block(axis, rows, y, number)
        _names(axis, shown, places)
        axis.set(xlabel="percent", xlim=(-1, 101))
        axis.tick_params(axis="y", length=0)
        figure.legend(handles=_handles(), loc="outside lower center", ncols=3)
        over_all(figure, _title(shown))
    return figure
