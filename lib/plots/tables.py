"""Pictures of the study's tables: the subsets, the shares, the branches and Table 1.

Values are drawn in percent (d' as it is), always with their intervals; what stands beside the encoders (chance,
constant, oracle, published) is grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lib.display.figures import GREY, heading, style
from lib.display.screen import counted, measure_name
from lib.encoders.heads import ALL_FOUR, members
from lib.files.cells import rows_with
from lib.plots import common
from lib.plots.common import BAND, BESIDE, INK, WIDTH, colour, each_once, mark, scale, title, unit
from lib.representations import names
from lib.sounds.chunks import titles_of_levels

MARKS = {"paper": "o", "linear": "D"}
FILL = {"paper": INK, "linear": "white"}
SIZES = {1: "o", 2: "s", 3: "^", 4: "*"}  # mark of a subset by its number of encoders


def _panels(table: pd.DataFrame, height: float, label: str = "", **shared: bool) -> tuple[Figure, dict[str, Axes]]:
    """A figure with a panel a level of the table, titled, and its axes by level; label: of the vertical axis."""
    figure, titles = Figure(figsize=(WIDTH, height)), titles_of_levels(table)
    axes = dict(zip(titles, figure.subplots(1, len(titles), squeeze=False, **shared)[0], strict=True))
    for level, axis in axes.items():
        axis.set_title(titles[level])
    next(iter(axes.values())).set_ylabel(label)
    return figure, axes


# Subsets


def subset_figure(table: pd.DataFrame, measure: str, oracle: dict[str, float]) -> Figure:
    """Every subset as a row, grouped by size and sorted within: which encoders, and both heads at both levels.

    table: subsets.csv; oracle: by level, the best value that any scores could have.
    """
    rows = table.query("measure == @measure and seed == 'mean' and control == ''")
    levels = titles_of_levels(rows)
    heads = [head for head in MARKS if (rows["head"] == head).any()]
    sized = rows_with(rows[rows["n_encoders"] > 0], level=next(iter(levels)), head=heads[0])
    sized = sized.sort_values(["n_encoders", "value"], ascending=[True, False])  # small ones first, then by their value
    order, encoders = list(sized["subset"]), [name for name in names() if name in set(sized["subset"])]
    with style():
        figure = Figure(figsize=(9.0, 1.6 + 0.25 * len(order)))
        axes = figure.subplots(1, 1 + len(levels), sharey=True, width_ratios=[0.55, *(1 for _ in levels)])
        for axis in axes:
            for size, own in sized.reset_index(drop=True).groupby("n_encoders"):
                if size % 2:
                    axis.axhspan(own.index[0] - 0.5, own.index[-1] + 0.5, color=BAND, linewidth=0, zorder=0)
        common.membership(axes[0], order, encoders, (6, 2))
        axes[0].set_title("encoders")
        for axis, level in zip(axes[1:], levels, strict=True):
            own = rows[rows["level"] == level]
            _subset_dots(axis, own, order, heads, scale(measure))
            _lines_beside(axis, own, oracle[level], measure)
            axis.set(title=levels[level], xlabel=unit(measure))
        marks = [
            mark(f"{head} head", INK, MARKS[head], linestyle="-", markerfacecolor=FILL[head], markersize=5)
            for head in heads
        ]
        lines = [mark(name, GREY, linestyle=line) for name, line in BESIDE.items()]
        figure.legend(handles=[*marks, *lines], loc="outside lower right", ncols=5)
        heading(figure, f"Which encoders together reach which {measure_name(measure)}")
    return figure


def _subset_dots(axis: Axes, rows: pd.DataFrame, order: Sequence[str], heads: Sequence[str], times: float) -> None:
    for place, head in enumerate(heads):
        shown = rows[(rows["head"] == head) & (rows["n_encoders"] > 0)].set_index("subset").loc[list(order)]
        y = np.arange(len(order)) + 0.3 * (place - (len(heads) - 1) / 2)
        common.interval_dots(axis, shown, y, times, INK, MARKS[head], FILL[head])
    axis.tick_params(axis="y", length=0)


def _lines_beside(axis: Axes, rows: pd.DataFrame, oracle: float, measure: str) -> None:
    """Chance, the constant predictor and the oracle as lines down the panel."""
    simple = rows_with(rows, n_encoders=0).set_index("subset")["value"]
    for name, line in BESIDE.items():
        value = oracle if name == "oracle" else simple[name]
        if np.isfinite(value):
            axis.axvline(value * scale(measure), color=GREY, linestyle=line, linewidth=1.2, zorder=1, label=name)


def head_figure(table: pd.DataFrame, measure: str) -> Figure:
    """The paper head against the linear one, a mark a subset: above the line the paper head is better."""
    rows = table.query("measure == @measure and seed == 'mean' and control == '' and n_encoders > 0")
    with style():
        figure, axes = _panels(rows, 3.9, f"paper head: {unit(measure)}", sharex=True, sharey=True)
        for level, axis in axes.items():
            _head_panel(axis, rows[rows["level"] == level], scale(measure))
            axis.set(xlabel=f"linear head: {unit(measure)}", aspect="equal")
        ends = rows[["low", "high", "value"]].to_numpy(float) * scale(measure)
        if np.isfinite(ends).any():  # the same limits both ways, around all that is drawn in any panel
            margin = 0.05 * (np.nanmax(ends) - np.nanmin(ends)) + 1e-3
            next(iter(axes.values())).set(
                **dict.fromkeys(("xlim", "ylim"), (np.nanmin(ends) - margin, np.nanmax(ends) + margin))
            )
        singles = [mark(title(name), colour(name), "o") for name in names()]
        several = [mark(f"{n} together", INK, SIZES.get(n, "P")) for n in range(2, len(names()) + 1)]
        figure.legend(handles=[*singles, *several], loc="outside right upper")
        heading(figure, "Where the hidden layer helps: above the line")
    return figure


def _head_panel(axis: Axes, rows: pd.DataFrame, times: float) -> None:
    paper, linear = (rows[rows["head"] == head].set_index("subset") for head in ("paper", "linear"))
    for subset in paper.index.intersection(linear.index):
        (x, x_ends), (y, y_ends) = (
            (row["value"] * times, [row["low"] * times, row["high"] * times])
            for row in (linear.loc[subset], paper.loc[subset])
        )
        look = {"color": colour(subset, INK)}
        axis.plot(x_ends, [y] * 2, linewidth=0.5, alpha=0.4, **look)
        axis.plot([x] * 2, y_ends, linewidth=0.5, alpha=0.4, **look)
        axis.plot(x, y, SIZES.get(len(members(subset)), "P"), markersize=6, **look)
    axis.axline((0, 0), slope=1, color=GREY, linewidth=1, zorder=0)


# Shares


def shares_by_head(table: pd.DataFrame) -> Figure:
    """Each encoder's Shapley share as a bar with its interval, by level and head."""
    encoders, heads = each_once(table["encoder"]), each_once(table["head"])
    with style():
        figure, axes = _panels(table, 3.6, f"share of {measure_name(table['measure'].iloc[0])} (points)", sharey=True)
        for level, axis in axes.items():
            for place, head in enumerate(heads):
                rows = rows_with(table, level=level, head=head).set_index("encoder").loc[encoders]
                _share_bars(axis, rows, place, len(heads))
            axis.axhline(0, color=INK, linewidth=0.8)
            axis.set_xticks(range(len(encoders)), [title(name) for name in encoders])
        hatch = [
            Patch(facecolor="white", edgecolor=INK, hatch="////" * place, label=f"{head} head")
            for place, head in enumerate(heads)
        ]
        figure.legend(handles=hatch, loc="outside lower right", ncols=2)
        heading(figure, "What each encoder contributes, over all orders of adding it")
    return figure


def _share_bars(axis: Axes, rows: pd.DataFrame, place: int, n_heads: int) -> None:
    width = 0.8 / n_heads
    x = np.arange(len(rows)) + width * (place - (n_heads - 1) / 2)
    inks = [colour(name, INK) for name in rows.index]
    fills = ["white"] * len(inks) if place else inks
    axis.bar(x, rows["share"] * 100, width * 0.92, color=fills, edgecolor=inks, hatch="////" * place, linewidth=1)
    axis.vlines(x, rows["low"] * 100, rows["high"] * 100, color=INK, linewidth=1.5)


def marginal_figure(shares: pd.DataFrame, marginals: pd.DataFrame, head: str = "paper") -> Figure:
    """Each encoder alone, averaged over all orders, and added last to the three others."""
    kinds = {"add_one_in": ("alone", "<"), "share": ("over all orders", "o"), "leave_one_out": ("added last", ">")}
    table = pd.concat([shares.assign(kind="share").rename(columns={"share": "value"}), marginals])
    table, encoders = rows_with(table, head=head), each_once(shares.loc[shares["head"] == head, "encoder"])
    with style():
        figure, axes = _panels(shares, 3.2, sharey=True, sharex=True)
        for level, axis in axes.items():
            for place, (which, (_, marker)) in enumerate(kinds.items()):
                for y, name in enumerate(encoders):
                    row = rows_with(table, kind=which, level=level, encoder=name)
                    common.interval_dots(axis, row, y + 0.24 * (place - 1), 100, colour(name), marker, colour(name))
            axis.axvline(0, color=INK, linewidth=0.8)
            axis.set_xlabel(f"added {measure_name(shares['measure'].iloc[0])} (points)")
        first = next(iter(axes.values()))
        first.set_yticks(range(len(encoders)), [title(name) for name in encoders])
        first.invert_yaxis()
        handles = [mark(text, INK, marker) for text, marker in kinds.values()]
        figure.legend(handles=handles, loc="outside lower right", ncols=3)
        heading(figure, "What an encoder adds depends on who is there already")
    return figure


# Branches

MANY_BRANCHES = 8
BRANCH_ROWS = (ALL_FOUR, "chance")  # drawn whatever their head


def branch_figure(table: pd.DataFrame) -> Figure:
    """Macro mAP of chunks of each encoder over the classes of each branch, as a heat map with intervals, chance below.

    By the encoders' own classifiers; all four by the head that they have.
    """
    rows = table[(table["level"] == "chunk") & ((table["head"] == "own") | table["encoder"].isin(BRANCH_ROWS))]
    encoders = each_once(rows["encoder"])
    branches = each_once(rows.loc[rows["value"].notna(), "branch"]) or each_once(rows["branch"])
    texts = [_cell_text(*ends) for ends in rows[["value", "low", "high"]].to_numpy(float) * 100]
    wide = rows.assign(text=texts).pivot(index="encoder", columns="branch").loc[encoders]
    values, texts = wide["value"][branches].to_numpy(float) * 100, wide["text"][branches].to_numpy()
    counts = rows.drop_duplicates("branch").set_index("branch")["n_classes"]
    many = len(branches) > MANY_BRANCHES  # they are rows then: a page is higher than wide
    between, width = (", ", 26) if many else ("\n", 16)
    named = [f"{fill(name.replace('_', ' '), width)}{between}{counted(counts[name], 'class')}" for name in branches]
    titles = [title(name) for name in encoders]
    size = 3.2 + 1.2 * len(branches), 1.6 + 0.55 * len(encoders)
    if many:
        values, texts, titles, named = values.T, texts.T, named, titles
        size = 3.2 + 0.85 * len(encoders), 1.2 + 0.38 * len(branches)
    top = 10 * max(1, np.ceil(np.nanmax(values, initial=0) / 10))  # the best cell is bright where all values are low
    with style():
        figure = Figure(figsize=size)
        axis = figure.subplots()
        mesh = common.cells(axis, values, "cividis", (0, top), 1)
        for cell, text in np.ndenumerate(texts):
            common.cell_text(mesh, cell, text, 7 if many else 8)
        common.name_cells(axis, named, titles, fontsize=7 if many else 9)
        figure.colorbar(mesh, label="macro mAP (%)")
        axis.set_title("Which encoder knows which branch (chunks)")
    return figure


def _cell_text(value: float, low: float, high: float) -> str:
    """A value over its interval; nothing where there is no value."""
    digits = 0 if not high - low < 3 else 1  # so that the ends lie on both sides of the value
    return "" if np.isnan(value) else f"{value:.1f}\n({low:.{digits}f} to {high:.{digits}f})"


# Table 1

PUBLISHED = {"edgecolor": GREY, "hatch": "////"}


def table1_figure(table: pd.DataFrame, corpus: str) -> Figure:
    """The headline measure of Table 1, and where there are published numbers these beside it, grey; `corpus` is ours."""
    measure = table["measure"].iloc[0]
    rows = table[table["measure"] == measure].reset_index(drop=True)
    times, y, papers = scale(measure), np.arange(len(rows)), bool(rows["published"].notna().any())
    about = f"Table 1 on {corpus}: {measure_name(measure)} of 1 s chunks"
    if papers:
        about = f"Table 1: ours ({measure_name(measure)} of 1 s chunks) beside the published numbers"
    with style():
        figure = Figure(figsize=(WIDTH, 1.9 + 0.55 * len(rows)))
        axis = figure.subplots()
        ours, single = rows["own"].fillna(rows["retrained"]).astype(float) * times, rows["own"].notna()
        place = y - 0.2 if papers else y
        axis.barh(place, ours, 0.38, color=[colour(name, INK) for name in rows["row"]], zorder=2)
        for ink, thick in (("white", 4), ("black", 1.5)):  # seen on a dark bar too
            axis.hlines(place, rows["low"] * times, rows["high"] * times, color=ink, linewidth=thick, zorder=4)
        look = {"color": INK, "markerfacecolor": "white", "markersize": 5, "zorder": 5}
        axis.plot(rows["retrained"][single] * times, place[single], "D", **look)
        if papers:
            axis.barh(y + 0.2, rows["published"].astype(float) * 100, 0.38, color="#DDDDDD", zorder=2, **PUBLISHED)
        for name, line in BESIDE.items():
            axis.axvline(rows[name].iloc[0] * times, color=INK, linestyle=line, linewidth=1.2, zorder=3)
        axis.set_yticks(y, [title(name) for name in rows["row"]])
        axis.set(xlabel=unit(measure), xlim=(0, None), title=about)
        axis.invert_yaxis()
        _table1_legend(figure, corpus, papers)
    return figure


def _table1_legend(figure: Figure, corpus: str, papers: bool) -> None:
    handles = [Patch(color=INK, label=f"ours, {corpus}: own classifier; all four: a fresh head")]
    if papers:
        handles += [Patch(facecolor="#DDDDDD", label="published: top-5 accuracy on FSD50K", **PUBLISHED)]
    handles += [mark("a fresh head on the same embedding", INK, "D", markerfacecolor="white")]
    handles += [mark("interval over groups of clips", "black", linewidth=1.5)]
    handles += [mark(name, INK, linestyle=line) for name, line in BESIDE.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
