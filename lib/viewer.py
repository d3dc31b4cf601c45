"""A small viewer: move through a few clips, hear each, and see what every encoder is given of it.

Labels and file names are data and are escaped before they become part of a page. Where nobody can click, the same call
gives its static twin: the pictures of the first clip.
"""

import html
import io
import wave
from collections.abc import Iterable, Sequence
from pathlib import Path

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from lib.chunks import Chunks
from lib.plots import sounds, style
from lib.representations.base import Representation
from lib.screen import in_jupyter

HEARD_S = 3.0  # of a clip at most, so that a page stays small
VIEWED_DPI = 90


def one_of_each(chunks: Chunks, n: int = 4) -> np.ndarray:
    """Rows [at most n] of chunks to look at: the first of a clip of each of n classes spread over the list of classes.

    Silent chunks are passed over and no clip comes twice; nothing is drawn by chance.
    """
    first = np.flatnonzero((np.diff(chunks.clip, prepend=-1) != 0) & ~chunks.silent)
    there = np.flatnonzero(chunks.targets[first].any(0))  # a class without clips has nothing to look at
    picked: list[int] = []
    for column in there[np.unique(np.linspace(0, len(there) - 1, n).round().astype(int))] if len(there) else ():
        picked += [row for row in first if chunks.targets[row, column] and row not in picked][:1]
    return np.array(picked or [0])


def caption(chunks: Chunks, row: int) -> str:
    """What a chunk is: labels, file, and where in it."""
    clip = chunks.corpus.clips.iloc[chunks.clip[row]]
    return f"{', '.join(clip['labels'])} ({Path(clip['path']).name}, from {chunks.start_s[row]:g} s)"


def clip_samples(chunks: Chunks, row: int, seconds: float = HEARD_S) -> np.ndarray:
    """Samples [s] of the chunk at `row` and those that follow it in its clip, up to `seconds`."""
    following = np.flatnonzero(chunks.clip == chunks.clip[row])
    following = following[following >= row]
    return np.concatenate(list(chunks.audio[following]))[: round(seconds * chunks.settings.rate_hz)]


def wav_bytes(samples: np.ndarray, rate_hz: int) -> bytes:
    """Samples [s] in -1..1 as a mono 16-bit WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def png_bytes(figure: Figure, dpi: int = VIEWED_DPI) -> bytes:
    """A figure as PNG."""
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def viewer(chunks: Chunks, rows: Sequence[int], shelf: Iterable[Representation]) -> widgets.Widget | Figure:
    """Slider, player and pictures of the chunks at `rows`; without anyone to click, the pictures of the first."""
    shelf = list(shelf)
    if not in_jupyter():
        return draw(chunks, rows[0], shelf)
    return Viewer(chunks, rows, shelf).box


def draw(chunks: Chunks, row: int, shelf: Sequence[Representation]) -> Figure:
    """The pictures of one chunk."""
    return sounds.pictures(np.array(chunks.audio[row]), chunks.settings.rate_hz, shelf, caption(chunks, row))


class Viewer:
    """The interactive form; `box` is what a notebook shows."""

    def __init__(self, chunks: Chunks, rows: Sequence[int], shelf: Sequence[Representation]) -> None:
        self.chunks, self.rows, self.shelf = chunks, rows, shelf
        self.slider = widgets.IntSlider(
            value=1,
            min=1,
            max=len(rows),
            description="clip",
            continuous_update=False,
            layout=widgets.Layout(width="60%"),
        )
        self.told = widgets.HTML()
        self.player = widgets.Audio(format="wav", autoplay=False, loop=False)
        self.picture = widgets.Image(format="png", layout=widgets.Layout(max_width="100%"))
        self.box = widgets.VBox([self.slider, self.told, self.player, self.picture])
        self.slider.observe(lambda change: self.show(change["new"]), names="value")
        self.show(1)

    def show(self, number: int) -> None:
        """Turn to the clip of that number, counted from 1."""
        row = self.rows[number - 1]
        self.told.value = f"<p>{html.escape(caption(self.chunks, row))}</p>"
        self.player.value = wav_bytes(clip_samples(self.chunks, row), self.chunks.settings.rate_hz)
        self.picture.value = png_bytes(draw(self.chunks, row, self.shelf))
