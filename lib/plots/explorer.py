"""The explorer on paper: what every encoder answers about one clip, and the maps of all chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.display import mpl
from lib.display.figures import GREY, over_all, style
from lib.plots.encoder import COLOURS, MOST_GROUPS

LETTER = 0.06  # inches that a letter of the legend takes
NONE = 255  # the kind of a chunk that belongs to no group


def kinds_of(targets: np.ndarray, groups: Mapping[str, Sequence[int]]) -> tuple[list[str], np.ndarray]:
    """The commonest groups, and of each item [item] which of them it belongs to first, NONE where to none.

    targets [item, class]; groups: name -> columns of its classes.
    """
    belongs = {name: targets[:, list(columns)].any(axis=1) for name, columns in groups.items()}
    most = min(MOST_GROUPS, len(COLOURS))
    named = sorted(belongs, key=lambda name: -belongs[name].sum())[:most]
    shown = [name for name in groups if name in named]
    kinds = np.full(len(targets), NONE)
    for number, name in reversed(list(enumerate(shown))):
        kinds[belongs[name]] = number
    return shown, kinds


def map_panels(
    places: Mapping[str, np.ndarray], groups: Sequence[str], kinds: np.ndarray, here: np.ndarray
) -> mpl.Figure:
    """A panel of chunks for each layout: title -> places [item, 2]; rings around those of the clip that is shown."""
    n_columns = min(3, len(places))
    n_rows = -(-len(places) // n_columns)
    width = 3.0 * n_columns
    n_side = max(1, min(4, int(width / (0.5 + LETTER * max(map(len, groups), default=0)))))  # names side by side
    with style():
        figure = mpl.Figure(figsize=(width, 0.9 + 2.7 * n_rows + 0.17 * -(-(1 + len(groups)) // n_side)))
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for axis, (title, points) in zip(axes.flat, places.items(), strict=False):
            _points(axis, points, groups, kinds, here)
            axis.set_title(title)
        for axis in axes.flat[len(places) :]:
            axis.set_visible(False)
        figure.legend(
            *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=n_side, fontsize=7, markerscale=2
        )
        over_all(figure, "Maps of the chunks: near is alike to that encoder; the clip shown above is ringed")
        return figure


def _points(axis: mpl.Axes, points: np.ndarray, groups: Sequence[str], kinds: np.ndarray, here: np.ndarray) -> None:
    for number, name in enumerate(groups):
        axis.scatter(
            *points[kinds == number].T,
            s=6,
            color=COLOURS[number],
            linewidths=0,
            label=name.lstrip("_") or name,
            rasterized=True,
        )
    if (kinds == NONE).any():
        axis.scatter(*points[kinds == NONE].T, s=4, color=GREY, linewidths=0, label="other", zorder=0, rasterized=True)
    axis.scatter(*points[here].T, s=50, facecolors="none", edgecolors="black", linewidths=1.3)
    axis.set(xticks=[], yticks=[], xlim=(-0.04, 1.04), ylim=(-0.04, 1.04))


def answers(found: pd.DataFrame, caption: str) -> mpl.Figure:
    """Scores of one clip, a row a class and a column an answerer; found: classes by name, own labels marked by "*"."""
    with style():
        figure = mpl.Figure(figsize=(1.9 + 0.85 * found.shape[1], 1.6 + 0.27 * len(found)))
        axis = figure.subplots()
        picture = axis.imshow(found, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (row, column), value in np.ndenumerate(found.to_numpy()):
            axis.text(
                column,
                row,
                f"{value:.2f}",
                ha="center",
                va="center",
                fontsize=7,
                color="white" if value > 0.6 else "black",
            )
        axis.set_xticks(range(found.shape[1]), found.columns, rotation=30, ha="right", rotation_mode="anchor")
        axis.set_yticks(range(len(found)), found.index)
        axis.tick_params(length=0)
        figure.colorbar(picture, ax=axis, label="score")
        over_all(figure, f"Who says what of {caption}", 9)
        return figure
