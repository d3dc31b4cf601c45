"""The explorer on paper: what every encoder predicts for one clip, and the maps of all chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.display.figures import heading, style
from lib.display.screen import shortened
from lib.plots.encoder import LONGEST, scatter

LETTER = 0.06  # inches that a letter of the legend takes


def map_panels(places: Mapping[str, np.ndarray], groups: Sequence[str], kinds: np.ndarray, here: np.ndarray) -> Figure:
    """A panel of chunks for each layout: title -> places [item, 2]; rings around those of the clip that is shown."""
    n_columns = min(3, len(places))
    n_rows = -(-len(places) // n_columns)
    width = 3.0 * n_columns
    letters = min(LONGEST, max(map(len, groups), default=0))
    n_side = max(1, min(4, int(width / (0.5 + LETTER * letters))))  # names side by side
    with style():
        figure = Figure(figsize=(width, 0.9 + 2.7 * n_rows + 0.17 * -(-(1 + len(groups)) // n_side)))
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for axis, (title, points) in zip(axes.flat, places.items(), strict=False):
            scatter(axis, points, groups, kinds, (6, 4))
            axis.scatter(*points[here].T, s=50, facecolors="none", edgecolors="black", linewidths=1.3)
            axis.set(title=title, xticks=[], yticks=[], xlim=(-0.04, 1.04), ylim=(-0.04, 1.04))
        for axis in axes.flat[len(places) :]:
            axis.set_visible(False)
        handles = axes[0, 0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncols=n_side, fontsize=7, markerscale=2)
        heading(figure, "Maps of the chunks: near is alike to that encoder; the clip shown above is ringed")
        return figure


def predictions(scores: pd.DataFrame, caption: str) -> Figure:
    """Scores of one clip, a row a class and a column a model; classes by name, own labels marked by "*"."""
    named = [shortened(name, LONGEST) for name in scores.index]
    letters = max(map(len, named), default=0)
    with style():
        figure = Figure(figsize=(max(1.9, 0.8 + 0.09 * letters) + 0.85 * scores.shape[1], 1.6 + 0.27 * len(scores)))
        axis = figure.subplots()
        picture = axis.imshow(scores, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (row, column), value in np.ndenumerate(scores.to_numpy()):
            ink = "white" if value > 0.6 else "black"
            axis.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7, color=ink)
        axis.set_xticks(range(scores.shape[1]), scores.columns, rotation=30, ha="right", rotation_mode="anchor")
        axis.set_yticks(range(len(scores)), named)
        axis.tick_params(length=0)
        figure.colorbar(picture, ax=axis, label="score")
        heading(figure, f"What each model predicts for {caption}", 9)
        return figure
