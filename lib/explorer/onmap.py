"""The map of chunks, where the current sound lies on it, and what a click there turns to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets
import numpy as np

from lib.explorer.moving import Map
from lib.plots.encoder import COLOURS, groupings, kinds_of

if TYPE_CHECKING:
    from lib.explorer.page import Explorer

TOGETHER = "all together"
NAMED = {"description_width": "initial"}


class OnMap:
    """A plane with a point for each chunk; `box` is what a notebook shows."""

    def __init__(self, page: Explorer) -> None:
        self.page = page
        self.layout_by = widgets.Dropdown(description="laid out by", options=[(TOGETHER, ())], style=NAMED)
        self.colour_by = widgets.Dropdown(description="coloured by", options=[""], style=NAMED)
        self.points = Map()
        row = widgets.HBox([self.layout_by, self.colour_by], layout=widgets.Layout(flex_flow="row wrap"))
        self.box = widgets.VBox([row, self.points])
        page.events.on(self.layout_by, self.draw)
        page.events.on(self.colour_by, self.draw)
        page.events.on(self.points, self._clicked, names="clicked")
        self.clear()

    def clear(self) -> None:
        """No points: those of the study before are rows of other chunks."""
        self.rows, self.places = np.zeros(0, int), np.zeros((0, 2), np.float32)
        with self.points.hold_sync():
            self.points.kinds, self.points.captions = b"", []
            self.points.here, self.points.own, self.points.places = [], [], b""

    def take(self) -> None:
        """Offer the layouts and the colours of another study."""
        self.clear()
        with self.page.events.quiet():
            self.layout_by.options = [(TOGETHER, ()), *self.page.inference.singles.items()]
            self.layout_by.value = ()
            self.colour_by.options = list(groupings(self.page.inference.chunks.corpus))

    @property
    def chosen(self) -> tuple[str, ...]:
        """The encoders that the chunks are laid out by."""
        return self.layout_by.value or tuple(self.page.inference.embeddings)

    def draw(self) -> None:
        """Lay the chunks out by one encoder, or by all together."""
        inference = self.page.inference
        chunks = inference.chunks
        with self.page.events.working(self.box):
            rows = inference.mapped(self.page.n_points)
            places = inference.plane(self.chosen, rows)
            groups, kinds = kinds_of(chunks.targets[rows], groupings(chunks.corpus)[self.colour_by.value])
            self.rows, self.places = rows, places
            with self.points.hold_sync():
                self.points.groups, self.points.colours = groups, list(COLOURS[: len(groups)])
                self.points.kinds = kinds.astype(np.uint8).tobytes()
                self.points.captions = [inference.caption_of(row) for row in rows]
                self.points.name = (
                    f"map of {len(rows)} chunks by {', '.join(self.chosen)}; arrow keys move, Enter plays"
                )
                self.points.places = places.astype("<f4").tobytes()
            self.mark()

    def mark(self) -> None:
        """Ring the chunks of the current sound; one of one's own lies where its neighbours do."""
        sound, inference = self.page.sound, self.page.inference
        if sound is None:
            return
        own = inference.placed(sound, self.chosen, self.rows, self.places) if sound.clip < 0 else np.zeros((0, 2))
        with self.points.hold_sync():
            self.points.here = np.flatnonzero(inference.chunks.clip[self.rows] == sound.clip).tolist()
            self.points.own = own.astype(float).ravel().tolist()

    def _clicked(self) -> None:
        """Turn to the chunk of a point, and play from there."""
        sound, chunk = self.page.inference.chunk(self.rows[self.points.clicked[0]])
        self.page.choosing.mark(sound.clip)
        self.page.show(sound, chunk, play=True)
