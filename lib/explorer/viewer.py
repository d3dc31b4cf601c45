"""A small viewer: move through a few clips, and hear and see what every encoder is given of each.

Labels and file names are data and are escaped before they become part of a page. Where nobody can click, the same call
gives its static twin: the players of all clips, and the pictures of the first.
"""

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import ipywidgets as widgets
import numpy as np
from IPython.display import HTML

from lib.display.screen import in_jupyter
from lib.encoders.encoder import Encoder, key_of, load_finished
from lib.explorer import markup
from lib.explorer.events import Events
from lib.explorer.html_media import HEARD_S, audio_html, image_html
from lib.plots import sounds
from lib.representations.base import ReferenceChunks, Representation
from lib.sounds.arrays import Rows, batched_slices
from lib.sounds.chunks import Chunks
from lib.sounds.corpora.base import FEW, listed
from lib.study import Study

MOST_REFERENCES = 300  # training chunks that a sound may be made of: a few seconds of a MobileNet on one core


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
    return f"{listed(clip['labels'], FEW)} ({Path(clip['path']).name}, from {chunks.start_s[row]:g} s)"


def first_chunk(parts: Sequence[Study], fold: str, clip: str) -> tuple[Chunks, int]:
    """The chunks of the part whose test fold a table's column `fold` names, and the row of the first one of a clip."""
    chunks = next(part.chunks for part in parts if part.fold == fold)
    return chunks, int(np.flatnonzero(chunks.ids == clip)[0])


def clip_samples(chunks: Chunks, row: int, seconds: float = HEARD_S) -> np.ndarray:
    """Samples [s] of the chunk at `row` and those that follow it in its clip, up to `seconds`."""
    following = np.flatnonzero(chunks.clip == chunks.clip[row])
    following = following[following >= row]
    return np.concatenate(list(chunks.audio[following]))[: round(seconds * chunks.settings.rate_hz)]


def trained(study: Study, chunks: Chunks, representations: Iterable[Representation]) -> dict[str, Representation]:
    """Of the representations those that the study has trained, by name, as its first seed left them."""
    found, seed = {}, study.request.seeds[0]
    for name in (each.name for each in representations):
        encoder = Encoder(name, len(chunks.corpus.classes), study.settings)
        if load_finished(encoder, study.checkpoint(name, seed), key_of(name, chunks, study.settings, seed)) is not None:
            found[name] = encoder.representation.eval()
    return found


def reference_chunks(
    chunks: Chunks, without: Sequence[int], representations: Iterable[Representation]
) -> dict[str, ReferenceChunks]:
    """Training chunks for each representation to make its sounds of, at most 300, spread evenly over all there are.

    Clips of the rows `without` are left out, where others are left, as the nearest to a chunk is the chunk itself.
    """
    rows = chunks.rows("train")
    others = rows[~np.isin(chunks.clip[rows], chunks.clip[np.asarray(without, int)])]
    rows = others if len(others) else rows
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, MOST_REFERENCES).round().astype(int))]
    audio, made = Rows(chunks.audio, rows), {}
    for each in representations:
        features = [sounds.features_of(each, audio[part]) for part in batched_slices(len(rows), 64)]
        made[each.name] = ReferenceChunks(audio, Rows(np.concatenate(features), np.arange(len(rows))))
    return made


@dataclass(frozen=True)
class Viewer:
    """The chunks at `rows` as each representation keeps them; sounds are made of `references` where there are any."""

    chunks: Chunks
    rows: Sequence[int]
    representations: Sequence[Representation]
    references: Mapping[str, ReferenceChunks]

    def view(self) -> widgets.VBox | HTML:
        """Slider, players and pictures; without anyone to click, the players of all chunks."""
        return self.widget() if in_jupyter() else HTML(self.html(self.rows))

    def html(self, rows: Sequence[int]) -> str:
        """A table of players, a row for each chunk and a column for each representation; pictures of the first chunk."""
        heads = ["The sound itself", *(f"{each.title}: {each.sound_caption}" for each in self.representations)]
        table = []
        for row in rows:
            name, rate_hz = caption(self.chunks, row), self.chunks.settings.rate_hz
            played = zip(heads, self.sounds_of(row), strict=True)
            players = [markup.cell(audio_html(each, rate_hz, f"{head}; {name}")) for head, each in played]
            table.append([markup.cell(html.escape(name), name=True), *players])
        return markup.table("", ["", *heads], table) + self.picture(rows[0])

    def sounds_of(self, row: int) -> list[np.ndarray]:
        """A chunk [s] itself, and after it as each representation keeps it."""
        samples = np.asarray(self.chunks.audio[row])
        features = {each: sounds.features_of(each, samples[None])[0] for each in self.representations}
        return [samples, *(each.sonify(values, self.references.get(each.name)) for each, values in features.items())]

    def picture(self, row: int) -> str:
        """The pictures of a chunk."""
        audio, rate_hz, name = np.array(self.chunks.audio[row]), self.chunks.settings.rate_hz, caption(self.chunks, row)
        alternative = f"What each representation keeps of {name}: {', '.join(r.title for r in self.representations)}"
        return image_html(sounds.pictures(audio, rate_hz, self.representations, name), alternative)

    def widget(self) -> widgets.VBox:
        """A slider over the chunks, and the page of one."""
        slider = widgets.IntSlider(
            value=1, min=1, max=len(self.rows), description="clip", continuous_update=False,
            layout=widgets.Layout(width="60%"),
        )  # fmt: skip
        page, events = widgets.HTML(), Events()

        def show() -> None:
            with events.working(page):
                page.value = self.html(self.rows[slider.value - 1 : slider.value])

        events.on(slider, show)
        show()
        return widgets.VBox([slider, events.failed, page])
