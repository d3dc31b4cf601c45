"""What a page is made of: sentences, tables, pictures, sounds; and the page as one HTML file that needs no network.

Everything here is plain text and data; the template (lib/report/pages/report.html.j2) escapes it and gives it its form.
"""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lib.explorer import html_media
from lib.report.examples import Heard

PAGES = Path(__file__).parent / "pages"
# 1.2, 1.2 to 3.4, 1.2 (1.0 to 1.4)
NUMERIC = re.compile(r"no value|[-+]?[\d.]+(e[-+]?\d+)?( to [-+]?[\d.]+)?( \(.*\))?")


@dataclass(frozen=True)
class Says:
    """Sentences, one below the other; `words` in backticks are code."""

    kind: ClassVar[str] = "says"
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Note:
    """Why something is not there, and what would make it."""

    kind: ClassVar[str] = "note"
    text: str


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column names the rows. `numeric` says of each column whether it holds numbers."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    folded: bool = False  # whether one has to unfold it


@dataclass(frozen=True)
class Picture:
    """A picture as an address that holds it, with what it shows in words."""

    kind: ClassVar[str] = "picture"
    title: str
    alternative: str
    source: str


@dataclass(frozen=True)
class Clips:
    """Sounds to listen to, each with its labels and what was said of it."""

    kind: ClassVar[str] = "clips"
    heard: tuple[Heard, ...]


@dataclass(frozen=True)
class Folded:
    """A long text that one unfolds."""

    kind: ClassVar[str] = "folded"
    title: str
    text: str


Block = Says | Note | Table | Picture | Clips | Folded


@dataclass(frozen=True)
class Section:
    """A part of the page: its anchor, heading, one paragraph of what it answers, and what it shows."""

    anchor: str
    title: str
    opening: str
    blocks: tuple[Block, ...]


def says(*sentences: str) -> Says:
    return Says(tuple(sentences))


def table(caption: str, columns: Mapping[str, Iterable], folded: bool = False) -> Table:
    """A table from its columns in order; numbers that are not told as text already must be formatted before."""
    cells = [[_text(value) for value in values] for values in columns.values()]
    numeric = tuple(any(column) and all(NUMERIC.fullmatch(cell) for cell in column if cell) for column in cells)
    return Table(caption, tuple(columns), tuple(zip(*cells, strict=True)), numeric, folded)


def of_frame(caption: str, frame: pd.DataFrame, names: Sequence[str] = (), folded: bool = False) -> Table:
    """A table of a frame's columns as they are, all or `names`."""
    return table(caption, {str(name): frame[name] for name in names or frame.columns}, folded)


def _text(value: object) -> str:
    if value is None or (not isinstance(value, (str, tuple, list)) and pd.isna(value)):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def code(sentence: str) -> Markup:
    """A sentence, escaped, with what stands in backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(str(sentence))))


def breakable(name: str) -> Markup:
    """A name, escaped, that may go on in the next line after a dot, a plus or an underscore."""
    return Markup(re.sub(r"(?<=\w)([._+])(?=\w)", r"\1<wbr>", html.escape(str(name))))


def player(heard: Heard) -> Markup:
    """A player of a clip; the name that a screen reader says is escaped."""
    return Markup(html_media.audio_html(heard.samples, heard.rate_hz, f"{heard.clip}: {', '.join(heard.labels)}"))


def page(template: str, **values: object) -> str:
    """The page that a template of lib/report/pages makes of these values; every text is escaped."""
    loaded = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    loaded.filters |= {"code": code, "breakable": breakable, "player": player}
    return loaded.get_template(template).render(**values)
