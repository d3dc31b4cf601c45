"""Pictures of sounds of one's own: where they lie among the corpus's chunks, and which seconds decided on a tag."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.display.figures import GREY, heading, style
from lib.plots.common import INK
from lib.plots.encoder import COLOURS


def on_maps(places: Mapping[str, np.ndarray], own: Mapping[str, Sequence[np.ndarray]], names: Sequence[str]) -> Figure:
    """A panel for each map: title -> places [chunk, 2] of the corpus, and of each own sound [second, 2], by its name."""
    with style():
        figure = Figure(figsize=(2.9 * len(places), 3.2 + 0.17 * len(names)))
        axes = figure.subplots(1, len(places), squeeze=False)[0]
        for axis, (title, points) in zip(axes, places.items(), strict=True):
            axis.scatter(*points.T, s=4, color=GREY, linewidths=0, label="chunks of the corpus", rasterized=True)
            for number, (name, mine) in enumerate(zip(names, own[title], strict=True)):
                axis.scatter(
                    *mine.T, s=45, color=COLOURS[number % len(COLOURS)], marker="oXsD^vP*"[number % 8], label=name
                )
            axis.set(xticks=[], yticks=[], title=title)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=7)
        heading(figure, "Own sounds on the maps of the corpus: each second stands where its nearest chunks do")
        return figure


def seconds(found: pd.DataFrame, label: str, name: str) -> Figure:
    """Bars over time: the score of a class in each second, and how far the clip's falls without it."""
    with style():
        figure = Figure(figsize=(7, 3.2))
        names = {"score": "score of the second", "decided": "falls without it"}
        for axis, (column, named) in zip(figure.subplots(2, 1, sharex=True), names.items(), strict=True):
            axis.bar(found["start_s"], found[column], width=0.9, align="edge", color=INK)
            axis.axhline(0, color="black", linewidth=0.6)
            axis.set_ylabel(named)
        axis.set_xlabel("time (s)")
        heading(figure, f"Which seconds of {name} speak for {label}", 9)
        return figure
