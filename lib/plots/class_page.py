"""A page for one class: what it has from every subset, what each encoder adds, and its test clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib.display import mpl
from lib.display.figures import GREY, style
from lib.plots.contributions import PER_CLASS, STUDY, WIDTH, colour, heading, shortened, title
from lib.plots.tables import INK, scale

WITH, WITHOUT = 20, 10  # clips that are drawn: those that have the class, and the highest that have not


def class_page(name: str, values: pd.DataFrame, shares: pd.DataFrame, clips: pd.DataFrame) -> mpl.Figure:
    """All about one class: its average precision by subset, each encoder's share of it, and its test clips.

    values [class, subset, value, low, high], shares (rows of contributions.csv) of one level and head; clips of this
    class [clip, n_chunks, score, label]: those that have it, and others of which the highest are drawn.
    """
    values = values[values["class"] == name]
    wanted = {"game": STUDY, "measure": PER_CLASS, "group": f"class:{name}"}
    shares = shares[np.logical_and.reduce([shares[column] == value for column, value in wanted.items()])]
    for told, rows, key in (("values", values, "subset"), ("shares", shares, "encoder")):
        if rows[key].duplicated().any():
            raise ValueError(f"{told} of {name!r} hold several levels or heads; hand over one of each")
    chance = values["subset"].isin(["", "chance"])
    order = _by_size(values[~chance])
    shown = _shown_clips(clips)
    with style():
        figure = mpl.Figure(figsize=(WIDTH, max(3.6 + 0.19 * len(order), 1.8 + 0.2 * len(shown))))
        panels = figure.subplot_mosaic(
            [["members", "subsets", "clips"], ["shares", "shares", "clips"]],
            width_ratios=[0.45, 1, 1.1], height_ratios=[0.19 * max(len(order), 2), 1.5],
        )  # fmt: skip
        _members(panels["members"], order["subset"])
        _values(panels["subsets"], order, values.loc[chance, "value"])
        _class_shares(panels["shares"], shares)
        _clips(panels["clips"], shown, clips)
        figure.legend(*panels["clips"].get_legend_handles_labels(), loc="outside lower right", fontsize=7, ncols=2)
        heading(figure, f"{name}: who knows it, and on which clips")
    return figure


def _by_size(values: pd.DataFrame) -> pd.DataFrame:
    """Small subsets first, those of one size by their value."""
    sizes = values["subset"].str.count(r"\+") + 1
    return values.assign(size=sizes).sort_values(["size", "value"], ascending=[True, False])


def _members(axis: mpl.Axes, order: Sequence[str]) -> None:
    """A dot for each encoder that a subset has, a row a subset."""
    players = list(dict.fromkeys(name for subset in order for name in subset.split("+")))
    for row, subset in enumerate(order):
        inside = [column for column, player in enumerate(players) if player in subset.split("+")]
        axis.plot([inside[0], inside[-1]], [row, row], color=GREY, linewidth=1, zorder=1)
        axis.plot(range(len(players)), [row] * len(players), "o", color=GREY, markersize=1.5, zorder=1)
        for column in inside:
            axis.plot(column, row, "o", color=colour(players[column]), markersize=5, zorder=2)
    axis.set_xticks(range(len(players)), [title(player) for player in players], rotation=90, fontsize=7)
    axis.set(yticks=[], xlim=(-0.6, max(len(players), 1) - 0.4), ylim=(max(len(order), 1) - 0.5, -0.5))
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _values(axis: mpl.Axes, order: pd.DataFrame, chance: pd.Series) -> None:
    """A dot and its interval for each subset, a single encoder in its colour; chance as a line."""
    times, rows = scale(PER_CLASS), np.arange(len(order))
    inks = [INK if "+" in subset else colour(subset) for subset in order["subset"]]
    axis.hlines(rows, order["low"] * times, order["high"] * times, color=inks, linewidth=1.2)
    axis.scatter(order["value"] * times, rows, s=20, color=inks, zorder=3)
    for value in chance.dropna() * times:
        axis.axvline(value, color=GREY, linestyle=":", linewidth=1.2, zorder=0)
    told = "average precision (%)" + ("\ndotted: chance" if chance.notna().any() else "")
    axis.set(yticks=[], ylim=(max(len(order), 1) - 0.5, -0.5), xlabel=told, title="by subset")


def _class_shares(axis: mpl.Axes, shares: pd.DataFrame) -> None:
    times, rows = scale(PER_CLASS), np.arange(len(shares))
    axis.bar(rows, shares["share"] * times, 0.7, color=[colour(player) for player in shares["encoder"]])
    axis.vlines(rows, shares["low"] * times, shares["high"] * times, color=INK, linewidth=1.2)
    axis.axhline(0, color=INK, linewidth=0.8)
    axis.set_xticks(rows, [title(player) for player in shares["encoder"]], fontsize=8)
    axis.tick_params(axis="x", length=0)
    axis.set(ylabel="share (points)", title="what each adds", xlim=(-0.6, max(len(rows), 3) - 0.4))


def _shown_clips(clips: pd.DataFrame) -> pd.DataFrame:
    """The clips that are drawn, best first: of those that have the class the two ends, of the others the highest."""
    ordered = clips.sort_values("score", ascending=False, kind="stable")
    has = ordered["label"].astype(bool)
    mine, others = ordered[has], ordered[~has].head(WITHOUT)
    if len(mine) > WITH:
        mine = pd.concat([mine.head(WITH // 2), mine.tail(WITH // 2)])
    return pd.concat([mine, others]).sort_values("score", ascending=False, kind="stable")


def _clips(axis: mpl.Axes, shown: pd.DataFrame, clips: pd.DataFrame) -> None:
    """The score of each clip shown; filled where the clip has the class, hollow where not."""
    rows, has = np.arange(len(shown)), shown["label"].to_numpy(bool)
    axis.hlines(rows, 0, shown["score"], color=GREY, linewidth=0.7, zorder=1)
    for mask, face, told in ((has, INK, "has the class"), (~has, "white", "has it not")):
        total = int((clips["label"].astype(bool) == (face == INK)).sum())
        label = f"{told} ({mask.sum()} of {total} shown)"
        axis.plot(shown["score"][mask], rows[mask], "o", color=INK, markerfacecolor=face, markersize=5, label=label)
    named = zip(shown["clip"].astype(str), shown["n_chunks"], strict=True)
    axis.set_yticks(rows, [f"{shortened(clip)} ({n})" for clip, n in named], fontsize=7)
    axis.yaxis.tick_right()
    axis.spines[["left", "right"]].set_visible(False)
    axis.tick_params(axis="y", length=0)
    axis.set(ylim=(max(len(shown), 1) - 0.5, -0.5), xlabel="score of all encoders together", title="clips (chunks)")
