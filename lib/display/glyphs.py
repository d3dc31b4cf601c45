"""Labels in any script: a glyph that the figures' font lacks comes from another installed font, or is spelled out.

Labels and file names are data, and matplotlib draws an empty box for each letter that its font does not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from matplotlib.artist import Artist
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, fontManager, get_font
from matplotlib.text import Text
from matplotlib.ticker import ScalarFormatter

# Fonts that come with matplotlib for its own use: a box for every letter, and symbols under the numbers of other letters
NOT_FOR_TEXT = ("Last Resort", "cm", "STIXNon", "STIXSize")
REGULAR = 400  # the weight of a font that is neither bold nor light


def spell_out(figure: Figure) -> None:
    """Give every text of a figure fonts that have its letters; a letter that none has becomes its escape, as \\u592a."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            _spell_ticks(axis)
    for text in _texts(figure):
        if not all(map(_plain, text.get_text())):
            text.set_text(spelled(text.get_text()))
            own = text.get_fontfamily()
            text.set_fontfamily([*own, *(name for name in fonts_for(text.get_text()) if name not in own)])


def _texts(artist: Artist) -> Iterator[Text]:
    """Every text in a part of a figure, but for the numbers of an axis."""
    if isinstance(artist, Text):
        yield artist
    of_numbers = isinstance(artist, Axis) and _of_numbers(artist)
    for child in [artist.label] if of_numbers else artist.get_children():
        yield from _texts(child)


def _of_numbers(axis: Axis) -> bool:
    """Whether its ticks are labelled with plain numbers, which take as long to find as to draw."""
    return isinstance(axis.get_major_formatter(), ScalarFormatter)


def _plain(letter: str) -> bool:
    """Whether every font has it."""
    return letter == "\n" or (letter.isascii() and letter.isprintable())


def _spell_ticks(axis: Axis) -> None:
    """Write a tick label that has to be escaped into the axis, which sets the texts of its labels each time it is drawn."""
    if _of_numbers(axis):
        return
    labels = [label.get_text() for label in axis.get_ticklabels()]
    if any(spelled(label) != label for label in labels):
        axis.set_ticks(axis.get_ticklocs(), [spelled(label) for label in labels])


def spelled(text: str) -> str:
    """The text with an escape for each letter that no installed font has."""
    return "".join(
        letter if _plain(letter) or font_with(letter) is not None else letter.encode("unicode_escape").decode()
        for letter in text
    )


def fonts_for(text: str) -> list[str]:
    """Names of the fonts beside the usual one that the letters of a text need, each once."""
    return list(dict.fromkeys(name for letter in text if not _plain(letter) and (name := font_with(letter))))


@lru_cache(maxsize=4096)
def font_with(letter: str) -> str | None:
    """The name of an installed font that has a letter: "" for the usual one; None where there is none."""
    if ord(letter) in _letters_of(findfont(r"sans\-serif")):
        return ""
    return next((name for name, path in _others() if ord(letter) in _letters_of(path)), None)


def _others() -> Iterator[tuple[str, str]]:
    """Name and file of each other installed font, upright and of usual weight; mathematicians' letters last."""
    for font in sorted(fontManager.ttflist, key=lambda font: (font.name.startswith("STIX"), font.name, font.fname)):
        if font.style == "normal" and font.weight == REGULAR and not font.name.startswith(NOT_FOR_TEXT):
            yield font.name, font.fname


@lru_cache(maxsize=512)
def _letters_of(path: str) -> frozenset[int]:
    """The letters that a font has, none where its file cannot be read."""
    try:
        return frozenset(get_font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
