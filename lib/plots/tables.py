"""Pictures of the study's tables: the subsets, the shares, the branches and Table 1.

Values are drawn in percent (d' as it is), always with their intervals; what stands beside the encoders (chance,
constant, oracle, published) is grey, and an encoder has its own colour everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd

from lib.display import mpl
from lib.display.figures import GREY, style
from lib.display.screen import counted, measure_name
from lib.encoders.heads import ALL_FOUR
from lib.representations import kind, names
from lib.sounds.chunks import LEVELS

INK = "#333333"
BAND = "#F3F3F3"  # behind every second group of rows
MARKS = {"paper": "o", "linear": "D"}
FILL = {"paper": INK, "linear": "white"}
BESIDE = {"chance": "-.", "constant": ":", "oracle": "--"}  # line of what stands beside the encoders
SIZES = {1: "o", 2: "s", 3: "^", 4: "*"}  # mark of a subset by its number of encoders


def colour(name: str) -> str:
    """The colour of an encoder; ink for several together."""
    return kind(name).colour if name in names() else INK


def unit(measure: str) -> str:
    """What stands on an axis of this measure."""
    return "d'" if measure == "d_prime" else f"{measure_name(measure)} (%)"


def scale(measure: str) -> float:
    """From the tables' fractions to the axis."""
    return 1.0 if measure == "d_prime" else 100.0


def _only(table: pd.DataFrame, **wanted: Any) -> pd.DataFrame:
    """The rows with these values."""
    return table[np.logical_and.reduce([table[column] == value for column, value in wanted.items()])]


def subset_figure(table: pd.DataFrame, measure: str, oracle: dict[str, float]) -> mpl.Figure:
    """Every subset as a row, grouped by size and sorted within: which encoders, and both heads at both levels.

    table: subsets.csv; oracle: by level, the best value that any scores could have.
    """
    rows = table.query("measure == @measure and seed == 'mean' and control == ''")
    order = _sorted_subsets(rows)
    with style():
        figure = mpl.Figure(figsize=(9.0, 1.6 + 0.25 * len(order)))
        matrix, *axes = figure.subplots(1, 1 + len(LEVELS), sharey=True, width_ratios=[0.55, 1, 1])
        _membership(matrix, order)
        for axis, level in zip(axes, LEVELS, strict=True):
            _bands(axis, order)
            _subset_dots(axis, rows[rows["level"] == level], order, scale(measure))
            _grey_lines(axis, rows, level, oracle[level], measure)
            axis.set(title=f"{level}s", xlabel=unit(measure))
        _legend_of_heads(figure, rows)
        figure.suptitle(f"Which encoders together reach which {measure_name(measure)}", x=0.01, ha="left", fontsize=11)
    return figure


def _sorted_subsets(rows: pd.DataFrame) -> list[str]:
    """All subsets, small ones first, those of one size by the first head's value of chunks."""
    first = "paper" if (rows["head"] == "paper").any() else "linear"
    shown = _only(rows[rows["n_encoders"] > 0], level="chunk", head=first)
    return list(shown.sort_values(["n_encoders", "value"], ascending=[True, False])["subset"])


def _size(subset: str) -> int:
    return subset.count("+") + 1


def _bands(axis: mpl.Axes, order: Sequence[str]) -> None:
    for size in {_size(subset) for subset in order if _size(subset) % 2}:
        rows = [row for row, subset in enumerate(order) if _size(subset) == size]
        axis.axhspan(min(rows) - 0.5, max(rows) + 0.5, color=BAND, linewidth=0, zorder=0)


def _membership(axis: mpl.Axes, order: Sequence[str]) -> None:
    """A dot for each encoder that a subset has."""
    _bands(axis, order)
    shown = [name for name in names() if any(name in subset.split("+") for subset in order)]
    for row, subset in enumerate(order):
        inside = [column for column, name in enumerate(shown) if name in subset.split("+")]
        axis.plot([inside[0], inside[-1]], [row, row], color=GREY, linewidth=1, zorder=1)
        for column, name in enumerate(shown):
            there = column in inside
            axis.plot(column, row, "o", markersize=6 if there else 2, color=colour(name) if there else GREY, zorder=2)
    axis.set_xticks(range(len(shown)), [kind(name).title for name in shown], rotation=90)
    axis.set(xlim=(-0.6, len(shown) - 0.4), ylim=(len(order) - 0.5, -0.5), title="encoders")
    axis.set_yticks([])
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _subset_dots(axis: mpl.Axes, rows: pd.DataFrame, order: Sequence[str], times: float) -> None:
    found = [head for head in MARKS if (rows["head"] == head).any()]
    for place, head in enumerate(found):
        shown = rows[(rows["head"] == head) & (rows["n_encoders"] > 0)].set_index("subset").loc[list(order)]
        y = np.arange(len(order)) + 0.3 * (place - (len(found) - 1) / 2)
        _interval_dots(axis, shown, y, times, INK, MARKS[head], FILL[head])
    axis.tick_params(axis="y", length=0)


def _interval_dots(
    axis: mpl.Axes, rows: pd.DataFrame, y: np.ndarray, times: float, ink: str, mark: str, fill: str
) -> None:
    """Dots at value with a line from low to high, across."""
    axis.hlines(y, rows["low"] * times, rows["high"] * times, color=ink, linewidth=1, zorder=2)
    axis.plot(rows["value"] * times, y, mark, color=ink, markerfacecolor=fill, markersize=4, zorder=3)


def _grey_lines(axis: mpl.Axes, rows: pd.DataFrame, level: str, oracle: float, measure: str) -> None:
    """Chance, the constant predictor and the oracle as lines down the panel."""
    simple = _only(rows, n_encoders=0, level=level).set_index("subset")["value"]
    for name, line in BESIDE.items():
        value = oracle if name == "oracle" else simple[name]
        if np.isfinite(value):
            axis.axvline(value * scale(measure), color=GREY, linestyle=line, linewidth=1.2, zorder=1, label=name)


def _legend_of_heads(figure: mpl.Figure, rows: pd.DataFrame) -> None:
    heads = [
        mpl.Line2D([], [], color=INK, marker=MARKS[head], markerfacecolor=FILL[head], markersize=5, label=f"{head} head")
        for head in MARKS if (rows["head"] == head).any()
    ]  # fmt: skip
    lines = [mpl.Line2D([], [], color=GREY, linestyle=line, label=name) for name, line in BESIDE.items()]
    figure.legend(handles=[*heads, *lines], loc="outside lower right", ncols=5)


def head_figure(table: pd.DataFrame, measure: str) -> mpl.Figure:
    """The paper head against the linear one, a mark a subset: above the line the paper head is better."""
    rows = table.query("measure == @measure and seed == 'mean' and control == '' and n_encoders > 0")
    with style():
        figure = mpl.Figure(figsize=(8.0, 3.9))
        axes = figure.subplots(1, len(LEVELS), sharex=True, sharey=True)
        for axis, level in zip(axes, LEVELS, strict=True):
            _head_panel(axis, rows[rows["level"] == level], scale(measure))
            axis.set(title=f"{level}s", xlabel=f"linear head: {unit(measure)}", aspect="equal")
        _square(axes[0], rows, scale(measure))
        axes[0].set_ylabel(f"paper head: {unit(measure)}")
        singles = [
            mpl.Line2D([], [], color=colour(name), marker="o", linestyle="", label=kind(name).title) for name in names()
        ]
        several = [
            mpl.Line2D([], [], color=INK, marker=SIZES.get(size, "P"), linestyle="", label=f"{size} together")
            for size in range(2, len(names()) + 1)
        ]
        figure.legend(handles=[*singles, *several], loc="outside right upper")
        figure.suptitle("Where the hidden layer helps: above the line", x=0.01, ha="left", fontsize=11)
    return figure


def _head_panel(axis: mpl.Axes, rows: pd.DataFrame, times: float) -> None:
    paper, linear = (rows[rows["head"] == head].set_index("subset") for head in ("paper", "linear"))
    for subset in paper.index.intersection(linear.index):
        x, y = linear.loc[subset], paper.loc[subset]
        ink = colour(subset)
        axis.plot([x["low"] * times, x["high"] * times], [y["value"] * times] * 2, color=ink, linewidth=0.5, alpha=0.4)
        axis.plot([x["value"] * times] * 2, [y["low"] * times, y["high"] * times], color=ink, linewidth=0.5, alpha=0.4)
        axis.plot(x["value"] * times, y["value"] * times, SIZES.get(_size(subset), "P"), color=ink, markersize=6)
    axis.axline((0, 0), slope=1, color=GREY, linewidth=1, zorder=0)


def _square(axis: mpl.Axes, rows: pd.DataFrame, times: float) -> None:
    """The same limits both ways, around all that is drawn in any panel."""
    ends = rows[["low", "high", "value"]].to_numpy(float) * times
    if np.isfinite(ends).any():
        margin = 0.05 * (np.nanmax(ends) - np.nanmin(ends)) + 1e-3
        limits = np.nanmin(ends) - margin, np.nanmax(ends) + margin
        axis.set(xlim=limits, ylim=limits)


def share_figure(table: pd.DataFrame) -> mpl.Figure:
    """Each encoder's Shapley share as a bar with its interval, by level and head."""
    shown = list(dict.fromkeys(table["encoder"]))
    heads = list(dict.fromkeys(table["head"]))
    with style():
        figure = mpl.Figure(figsize=(8.0, 3.6))
        axes = figure.subplots(1, len(LEVELS), sharey=True)
        for axis, level in zip(axes, LEVELS, strict=True):
            for place, head in enumerate(heads):
                rows = _only(table, level=level, head=head).set_index("encoder").loc[shown]
                _share_bars(axis, rows, place, len(heads))
            axis.axhline(0, color=INK, linewidth=0.8)
            axis.set_xticks(range(len(shown)), [kind(name).title for name in shown])
            axis.set_title(f"{level}s")
        axes[0].set_ylabel(f"share of {measure_name(table['measure'].iloc[0])} (points)")
        hatch = [
            mpl.Patch(facecolor="white", edgecolor=INK, hatch="////" * place, label=f"{h} head")
            for place, h in enumerate(heads)
        ]
        figure.legend(handles=hatch, loc="outside lower right", ncols=2)
        figure.suptitle("What each encoder contributes, over all orders of adding it", x=0.01, ha="left", fontsize=11)
    return figure


def _share_bars(axis: mpl.Axes, rows: pd.DataFrame, place: int, n_heads: int) -> None:
    width = 0.8 / n_heads
    x = np.arange(len(rows)) + width * (place - (n_heads - 1) / 2)
    inks = [colour(name) for name in rows.index]
    fills = inks if not place else ["white"] * len(inks)
    axis.bar(x, rows["share"] * 100, width * 0.92, color=fills, edgecolor=inks, hatch="////" * place, linewidth=1)
    axis.vlines(x, rows["low"] * 100, rows["high"] * 100, color=INK, linewidth=1.5)


def marginal_figure(shares: pd.DataFrame, marginals: pd.DataFrame, head: str = "paper") -> mpl.Figure:
    """Each encoder alone, averaged over all orders, and added last to the three others."""
    kinds = {"add_one_in": ("alone", "<"), "share": ("over all orders", "o"), "leave_one_out": ("added last", ">")}
    table = pd.concat([shares.assign(kind="share").rename(columns={"share": "value"}), marginals]).query(
        "head == @head"
    )
    shown = list(dict.fromkeys(table["encoder"]))
    with style():
        figure = mpl.Figure(figsize=(8.0, 3.2))
        axes = figure.subplots(1, len(LEVELS), sharey=True, sharex=True)
        for axis, level in zip(axes, LEVELS, strict=True):
            for place, (which, (_, mark)) in enumerate(kinds.items()):
                rows = _only(table, kind=which, level=level).set_index("encoder").loc[shown]
                for y, (name, row) in enumerate(rows.iterrows()):
                    _interval_dots(
                        axis,
                        row.to_frame().T,
                        np.array([y + 0.24 * (place - 1)]),
                        100,
                        colour(name),
                        mark,
                        colour(name),
                    )
            axis.axvline(0, color=INK, linewidth=0.8)
            axis.set(title=f"{level}s", xlabel=f"added {measure_name(shares['measure'].iloc[0])} (points)")
        axes[0].set_yticks(range(len(shown)), [kind(name).title for name in shown])
        axes[0].invert_yaxis()
        marks = [mpl.Line2D([], [], color=INK, marker=mark, linestyle="", label=text) for text, mark in kinds.values()]
        figure.legend(handles=marks, loc="outside lower right", ncols=3)
        figure.suptitle("What an encoder adds depends on who is there already", x=0.01, ha="left", fontsize=11)
    return figure


MANY_BRANCHES = 8
BRANCH_ROWS = {ALL_FOUR: "All four", "chance": "Chance"}  # whatever the head that is drawn


def branch_figure(table: pd.DataFrame, level: str = "chunk", head: str = "own") -> mpl.Figure:
    """Macro mAP of each encoder over the classes of each branch, as a heat map with intervals, chance below."""
    import seaborn  # loads for seconds, and is needed here alone

    beside = table["encoder"].isin(BRANCH_ROWS)
    rows = table[(table["level"] == level) & ((table["head"] == head) | beside)]
    encoders = list(dict.fromkeys(rows["encoder"]))
    found = list(dict.fromkeys(rows.loc[rows["value"].notna(), "branch"])) or list(dict.fromkeys(rows["branch"]))
    texts = [_cell_text(*ends) for ends in rows[["value", "low", "high"]].to_numpy(float) * 100]
    wide = rows.assign(text=texts).pivot(index="encoder", columns="branch").loc[encoders]
    values, texts = wide["value"][found].to_numpy(float) * 100, wide["text"][found].to_numpy()
    counts = rows.drop_duplicates("branch").set_index("branch")["n_classes"]
    many = len(found) > MANY_BRANCHES  # they are rows then: a page is higher than wide
    between, width = (", ", 26) if many else ("\n", 16)
    names_of = [f"{fill(name.replace('_', ' '), width)}{between}{counted(counts[name], 'class')}" for name in found]
    titles = [BRANCH_ROWS.get(name) or kind(name).title for name in encoders]
    size = (
        (3.2 + 0.85 * len(encoders), 1.2 + 0.38 * len(found))
        if many
        else (3.2 + 1.2 * len(found), 1.6 + 0.55 * len(encoders))
    )
    with style():
        figure = mpl.Figure(figsize=size)
        axis = figure.subplots()
        seaborn.heatmap(
            values.T if many else values, annot=texts.T if many else texts, fmt="", ax=axis, cmap="cividis", vmin=0,
            vmax=100, linewidths=1, annot_kws={"size": 7 if many else 8}, cbar_kws={"label": "macro mAP (%)"},
            xticklabels=titles if many else names_of, yticklabels=names_of if many else titles,
        )  # fmt: skip
        axis.tick_params(length=0, rotation=0, labelsize=7 if many else 9)
        axis.set_title(f"Which encoder knows which branch ({level}s)")
    return figure


def _cell_text(value: float, low: float, high: float) -> str:
    """A value over its interval; nothing where there is no value."""
    digits = 0 if not high - low < 3 else 1  # so that the ends lie on both sides of the value
    return "" if np.isnan(value) else f"{value:.1f}\n({low:.{digits}f} to {high:.{digits}f})"


def table1_figure(table: pd.DataFrame, corpus: str) -> mpl.Figure:
    """The headline measure of Table 1, and where there are published numbers these beside it, grey; `corpus` is ours."""
    measure = table["measure"].iloc[0]
    rows = table[table["measure"] == measure].reset_index(drop=True)
    times, y, papers = scale(measure), np.arange(len(rows)), bool(rows["published"].notna().any())
    with style():
        figure = mpl.Figure(figsize=(8.0, 1.9 + 0.55 * len(rows)))
        axis = figure.subplots()
        ours = rows["own"].fillna(rows["retrained"]).astype(float) * times
        axis.barh(y - 0.2, ours, 0.38, color=[colour(name) for name in rows["row"]], zorder=2)
        for ink, thick in (("white", 4), ("black", 1.5)):  # seen on a dark bar too
            axis.hlines(y - 0.2, rows["low"] * times, rows["high"] * times, color=ink, linewidth=thick, zorder=4)
        single = rows["own"].notna()
        axis.plot(
            rows["retrained"][single] * times,
            y[single] - 0.2,
            "D",
            color=INK,
            markerfacecolor="white",
            markersize=5,
            zorder=5,
        )
        if papers:
            axis.barh(
                y + 0.2,
                rows["published"].astype(float) * 100,
                0.38,
                color="#DDDDDD",
                edgecolor=GREY,
                hatch="////",
                zorder=2,
            )
        for name, line in BESIDE.items():
            axis.axvline(rows[name].iloc[0] * times, color=INK, linestyle=line, linewidth=1.2, zorder=3)
        axis.set_yticks(y, [kind(name).title if name in names() else "All four" for name in rows["row"]])
        axis.set(xlabel=unit(measure), xlim=(0, None), title=_table1_title(corpus, measure, papers))
        axis.invert_yaxis()
        _table1_legend(figure, corpus, papers)
    return figure


def _table1_title(corpus: str, measure: str, papers: bool) -> str:
    if papers:
        return f"Table 1: ours ({measure_name(measure)} of 1 s chunks) beside the published numbers"
    return f"Table 1 on {corpus}: {measure_name(measure)} of 1 s chunks"


def _table1_legend(figure: mpl.Figure, corpus: str, papers: bool) -> None:
    published = "published: top-5 accuracy on FSD50K"
    handles = [
        mpl.Patch(color=INK, label=f"ours, {corpus}: own classifier; all four: a fresh head"),
        *([mpl.Patch(facecolor="#DDDDDD", edgecolor=GREY, hatch="////", label=published)] if papers else ()),
        mpl.Line2D(
            [], [], color=INK, marker="D", markerfacecolor="white", linestyle="", label="a fresh head on the same embedding"
        ),
        mpl.Line2D([], [], color="black", linewidth=1.5, label="interval over groups of clips"),
        *(mpl.Line2D([], [], color=INK, linestyle=line, label=name) for name, line in BESIDE.items()),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
