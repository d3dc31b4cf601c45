"""What a page is made of: sentences, tables, pictures, sounds; and the page as one HTML file that needs no network.

Everything here is plain text and data; the templates (lib/report/pages) escape it and give it its form.
"""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lib.explorer import html_media
from lib.report.examples import Example
from lib.sounds.corpora.base import FEW, listed

PAGES = Path(__file__).parent / "pages"
# 1.2, 1.2 to 3.4, 1.2 (1.0 to 1.4)
NUMERIC = re.compile(r"no value|[-+]?[\d.]+(e[-+]?\d+)?( to [-+]?[\d.]+)?( \(.*\))?")


@dataclass(frozen=True)
class Element:
    """One element of a page, shown by the macro for its kind in pages/elements.html.j2.

    kind: sentences, note, table, picture, examples or text. numeric: of a table, whether each column holds numbers.
    """

    kind: str
    title: str = ""
    body: Any = ""
    numeric: tuple[bool, ...] = ()
    folded: bool = False  # whether one has to unfold it


@dataclass(frozen=True)
class Section:
    """A part of the page: its anchor, heading, one paragraph of what it answers, and what it shows."""

    anchor: str
    title: str
    opening: str
    elements: tuple[Element, ...]


def sentences(*each: str) -> Element:
    """Sentences, one below the other; `words` in backticks are code."""
    return Element("sentences", body=each)


def note(text: str) -> Element:
    """Why something is not there, and what would make it."""
    return Element("note", body=text)


def table(caption: str, columns: Mapping[str, Iterable], folded: bool = False) -> Element:
    """A table from its columns in order, the first of which names the rows; text and whole numbers as they are."""
    cells = [[_text(value) for value in values] for values in columns.values()]
    numeric = tuple(any(column) and all(NUMERIC.fullmatch(cell) for cell in column if cell) for column in cells)
    return Element(
        "table", caption, {"columns": tuple(columns), "rows": list(zip(*cells, strict=True))}, numeric, folded
    )


def of_frame(caption: str, frame: pd.DataFrame, names: Sequence[str] = ()) -> Element:
    """A table of a frame's columns as they are, all or `names`."""
    return table(caption, {str(name): frame[name] for name in names or frame.columns})


def _text(value: object) -> str:
    if value is None or (not isinstance(value, (str, tuple, list)) and pd.isna(value)):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


# Filters of the templates


def code(sentence: str) -> Markup:
    """A sentence, escaped, with what stands in backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(str(sentence))))


def breakable(name: str) -> Markup:
    """A name, escaped, that may go on in the next line."""
    return Markup(html_media.breakable(name))


def player(example: Example) -> Markup:
    """An audio player of a clip; the name that a screen reader says is escaped."""
    name = f"{example.clip}: {listed(example.labels, FEW)}"
    return Markup(html_media.audio_html(example.samples, example.rate_hz, name))


def page(template: str, **values: object) -> str:
    """The page that a template of lib/report/pages makes of these values; every text is escaped."""
    trimmed = {"trim_blocks": True, "lstrip_blocks": True}
    loaded = Environment(loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, **trimmed)
    loaded.filters |= {"code": code, "breakable": breakable, "player": player}
    return loaded.get_template(template).render(**values)
