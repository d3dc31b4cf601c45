"""A small viewer: move through a few clips, and hear and see what every encoder is given of each.

Labels and file names are data and are escaped before they become part of a page. Where nobody can click, the same call
gives its static twin: the players of all clips, and the pictures of the first.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
from IPython.display import HTML
from matplotlib.figure import Figure

from lib.display.screen import in_jupyter
from lib.encoders.encoder import Encoder, key_of, load_finished
from lib.explorer.events import Events
from lib.explorer.html_media import HEARD_S, audio_html, image_html
from lib.plots import sounds
from lib.representations.base import ReferenceChunks, Representation
from lib.sounds.arrays import Rows, batched_slices
from lib.sounds.chunks import Chunks
from lib.study import Study

MOST_KNOWN = 300  # training chunks that a sound may be made of: a few seconds of a MobileNet on one core
LOOK = "<style>.heard audio { width: 100% } .heard img { display: block }</style>"
CELL = '<{0} style="text-align: left; vertical-align: bottom; min-width: 9em">{1}</{0}>'


def one_of_each(chunks: Chunks, n: int = 4, role: str = "") -> np.ndarray:
    """Rows [at most n] of chunks to look at: the first of a clip of each of n classes spread over the list of classes.

    Of all clips, or of those of a role. Silent chunks are passed over, where others are, and no clip comes twice;
    nothing is drawn by chance, nor picked by how it was answered.
    """
    wanted = (chunks.roles == role) if role else np.ones(len(chunks), bool)
    first = np.flatnonzero((np.diff(chunks.clip, prepend=-1) != 0) & ~chunks.silent & wanted)
    there = np.flatnonzero(chunks.targets[first].any(0))  # a class without clips has nothing to look at
    picked: list[int] = []
    for column in there[np.unique(np.linspace(0, len(there) - 1, n).round().astype(int))] if len(there) else ():
        picked += [row for row in first if chunks.targets[row, column] and row not in picked][:1]
    return np.array(picked or np.flatnonzero(wanted)[:1], int)


def caption(chunks: Chunks, row: int) -> str:
    """What a chunk is: labels, file, and where in it."""
    clip = chunks.corpus.clips.iloc[chunks.clip[row]]
    return f"{', '.join(clip['labels'])} ({Path(clip['path']).name}, from {chunks.start_s[row]:g} s)"


def clip_samples(chunks: Chunks, row: int, seconds: float = HEARD_S) -> np.ndarray:
    """Samples [s] of the chunk at `row` and those that follow it in its clip, up to `seconds`."""
    following = np.flatnonzero(chunks.clip == chunks.clip[row])
    following = following[following >= row]
    return np.concatenate(list(chunks.audio[following]))[: round(seconds * chunks.settings.rate_hz)]


def trained(study: Study, chunks: Chunks, shelf: Iterable[Representation]) -> dict[str, Representation]:
    """Of the representations those that the study has trained, by name, as its first seed left them."""
    found, seed = {}, study.request.seeds[0]
    for name in (each.name for each in shelf):
        encoder = Encoder(name, len(chunks.corpus.classes), study.settings)
        if load_finished(encoder, study.checkpoint(name, seed), key_of(name, chunks, study.settings, seed)) is not None:
            found[name] = encoder.representation.eval()
    return found


def known(chunks: Chunks, without: Sequence[int], shelf: Iterable[Representation]) -> dict[str, ReferenceChunks]:
    """Training chunks for each representation to make its sounds of, at most 300, spread evenly over all there are.

    Clips of the rows `without` are left out, where others are left, as the nearest to a chunk is the chunk itself.
    """
    rows = chunks.rows("train")
    others = rows[~np.isin(chunks.clip[rows], chunks.clip[np.asarray(without, int)])]
    rows = others if len(others) else rows
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, MOST_KNOWN).round().astype(int))]
    audio = Rows(chunks.audio, rows)
    return {
        each.name: ReferenceChunks(audio, Rows(
            np.concatenate([sounds.features_of(each, audio[part]) for part in batched_slices(len(rows), 64)]),
            np.arange(len(rows)),
        ))
        for each in shelf
    }  # fmt: skip


def viewer(chunks: Chunks, rows: Sequence[int], shelf: Iterable[Representation], known: Mapping[str, ReferenceChunks]) -> Any:
    """Slider, players and pictures of the chunks at `rows`; without anyone to click, the players of all of them."""
    shelf = list(shelf)
    return Viewer(chunks, rows, shelf, known).box if in_jupyter() else HTML(page(chunks, rows, shelf, known))


def page(chunks: Chunks, rows: Sequence[int], shelf: Sequence[Representation], known: Mapping[str, ReferenceChunks]) -> str:
    """A table of players, a row for each chunk and a column for each representation, and pictures of the first chunk."""
    heads = ["", "The sound itself", *(f"{each.title}: {each.sound_caption}" for each in shelf)]
    table = ["".join(CELL.format("th", html.escape(head)) for head in heads)]
    for row in rows:
        name, rate_hz = caption(chunks, row), chunks.settings.rate_hz
        played = zip(heads[1:], sounds_of(chunks.audio[row], shelf, known), strict=True)
        cells = [CELL.format("td", audio_html(each, rate_hz, f"{head}; {name}")) for head, each in played]
        table.append(CELL.format("th", html.escape(name)) + "".join(cells))
    seen = f"What each representation keeps of {caption(chunks, rows[0])}: {', '.join(each.title for each in shelf)}"
    picture = image_html(draw(chunks, rows[0], shelf), seen)
    lines = "".join(f"<tr>{line}</tr>" for line in table)
    return f'{LOOK}<div class="heard"><table>{lines}</table>{picture}</div>'


def sounds_of(
    samples: np.ndarray, shelf: Iterable[Representation], known: Mapping[str, ReferenceChunks]
) -> list[np.ndarray]:  # fmt: skip
    """A chunk [s] itself, and after it as each representation keeps it."""
    kept = [each.sonify(sounds.features_of(each, samples[None])[0], known.get(each.name)) for each in shelf]
    return [np.asarray(samples), *kept]


def draw(chunks: Chunks, row: int, shelf: Sequence[Representation]) -> Figure:
    """The pictures of one chunk."""
    return sounds.pictures(np.array(chunks.audio[row]), chunks.settings.rate_hz, shelf, caption(chunks, row))


class Viewer:
    """The interactive form; `box` is what a notebook shows."""

    def __init__(
        self, chunks: Chunks, rows: Sequence[int], shelf: Sequence[Representation], known: Mapping[str, ReferenceChunks]
    ) -> None:
        self.chunks, self.rows, self.shelf, self.known = chunks, rows, shelf, known
        self.slider = widgets.IntSlider(
            value=1, min=1, max=len(rows), description="clip", continuous_update=False,
            layout=widgets.Layout(width="60%"),
        )  # fmt: skip
        self.page, self.events = widgets.HTML(), Events()
        self.box = widgets.VBox([self.slider, self.events.failed, self.page])
        self.events.on(self.slider, lambda: self.show(self.slider.value))
        self.show(1)

    def show(self, number: int) -> None:
        """Turn to the clip of that number, counted from 1."""
        with self.events.working(self.page):
            self.page.value = page(self.chunks, self.rows[number - 1 : number], self.shelf, self.known)
