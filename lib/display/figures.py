"""Figures: one style, one way to save them, and one file for each kind of picture.

A plot function takes data and an axis (or makes a figure of several) and returns what it drew on; `save` alone writes
files. The figure's id is the stem of its files.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from lib import files
from lib.display.glyphs import spell_out
from lib.files.cells import guarded

STYLE: dict[str, Any] = {
    "figure.dpi": 100, "savefig.dpi": 200, "figure.constrained_layout.use": True, "font.size": 9, "axes.titlesize": 10,
    "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
    "text.parse_math": False,  # labels and file names are data, not mathematics
    "svg.fonttype": "none", "svg.hashsalt": "pitch-timbre-learned", "pdf.fonttype": 42,
}  # fmt: skip
# Dates are left out, so that the same data gives the same bytes.
UNDATED = {"pdf": {"CreationDate": None, "ModDate": None}, "svg": {"Date": None}, "png": {}}
OCTAVES_HZ = (50, 100, 200, 400, 800, 1600, 3200, 6400)  # ticks of a frequency axis
GREY = "#999999"  # for what stands beside the encoders: constant, oracle, published


@contextmanager
def style() -> Iterator[None]:
    """The study's look for figures made inside the block."""
    with rc_context(STYLE):
        yield


def frequency_axis(axis: Axes) -> None:
    """Make the vertical axis one of frequency in Hz, an octave as high as any other."""
    axis.set(yscale="log", ylabel="frequency (Hz)")
    low, high = axis.get_ylim()
    axis.yaxis.set_major_locator(FixedLocator([hz for hz in OCTAVES_HZ if low <= hz <= high]))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda hz, _: f"{hz:g}"))
    axis.yaxis.set_minor_locator(NullLocator())


def heading(figure: Figure, text: str, size: float = 11) -> None:
    """A title at the left over all panels, in as many lines as the figure's width asks for."""
    filled = textwrap.fill(text, round(figure.get_figwidth() * 135 / size))
    figure.suptitle(filled, x=0.01, ha="left", fontsize=size)


class _BehindUnderscores(textwrap.TextWrapper):
    """Breaks lines behind the underscores of a name, too."""

    def _split(self, text: str) -> list[str]:
        return re.findall(r" +|[^ _-]*[_-]+|[^ _-]+", text)  # not at a no-break space, as \s would


def in_lines(text: str, width: int, most: int) -> str:
    """Text in at most so many lines of so many characters; long names, such as FSD50K's, are broken at an underscore."""
    return _BehindUnderscores(width, max_lines=most).fill(text)


def save(figure: Figure, stem: Path) -> Figure:
    """Write stem.pdf, stem.svg and stem.png, each whole or not at all; gives the figure back for showing."""
    with style():
        spell_out(figure)
        with laid_out(figure), letters_alone():
            for kind, metadata in UNDATED.items():
                with files.atomic_write(stem.with_name(f"{stem.name}.{kind}")) as temporary:
                    figure.savefig(temporary, format=kind, metadata=metadata)
    return figure


@contextmanager
def laid_out(figure: Figure) -> Iterator[None]:
    """A figure whose parts have their places for good: with an engine, each savefig would draw all once more to find them."""
    if figure.axes and (engine := figure.get_layout_engine()):
        engine.execute(figure)
    with rc_context({"figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)  # the one that the settings name: none
        yield


@contextmanager
def letters_alone() -> Iterator[None]:
    """Fonts go into a PDF without their rules for placing letters, which have their places there: else most of the time
    that a PDF takes is theirs."""
    from fontTools.subset import Options  # what matplotlib's writer uses; here, since it takes a while to load

    usual = Options._drop_tables_default
    Options._drop_tables_default = [*usual, "GDEF", "GPOS", "GSUB"]
    try:
        yield
    finally:
        Options._drop_tables_default = usual


def sentence(text: str) -> Figure:
    """In the place of a figure that cannot be drawn, why not."""
    with style():
        figure = Figure(figsize=(6.5, 0.6))
        figure.text(0.01, 0.5, text, va="center", fontsize=9)
        return figure


def save_table(table: pd.DataFrame, stem: Path, caption: str) -> pd.DataFrame:
    """Write stem.csv and stem.tex (booktabs) of a table; gives the table back for showing."""
    with files.atomic_write(stem.with_name(f"{stem.name}.csv")) as temporary:
        guarded(table).to_csv(temporary, index=False)
    rounded = table.map(lambda x: f"{x:.3f}" if isinstance(x, float) and not pd.isna(x) else x)
    with files.atomic_write(stem.with_name(f"{stem.name}.tex")) as temporary:
        temporary.write_text(latex(rounded, caption), encoding="utf-8")
    return table


def latex(table: pd.DataFrame, caption: str) -> str:
    """The table as LaTeX with booktabs rules, every special character escaped."""
    head = " & ".join(_escape(str(name)) for name in table.columns)
    body = [
        " & ".join(_escape("" if pd.isna(cell) else str(cell)) for cell in row) for row in table.itertuples(index=False)
    ]
    lines = [
        r"\begin{table}", rf"\caption{{{_escape(caption)}}}", rf"\begin{{tabular}}{{{'l' * len(table.columns)}}}", r"\toprule",
        head + r" \\", r"\midrule", *(row + r" \\" for row in body), r"\bottomrule", r"\end{tabular}", r"\end{table}", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _escape(text: str) -> str:
    table = str.maketrans(
        {c: f"\\{c}" for c in "&%$#_{}"}
        | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
    )
    return " ".join(text.translate(table).split())  # an empty line would end a paragraph, and the table with it
