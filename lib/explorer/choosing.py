"""Which study, and which of its clips: filters, a list, and what stands next in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets
import numpy as np

from lib.display.screen import counted
from lib.explorer import markup
from lib.explorer.inference import Inference, finished, opened, title_of
from lib.files import PlainError
from lib.sounds.corpora.base import ROLES

if TYPE_CHECKING:
    from lib.explorer.page import Explorer

LISTED = 500  # clips in the list at most
WIDE = {"width": "100%", "max_width": "760px"}
NAMED = {"description_width": "initial"}
ALL, MISTAKES, DISAGREE = "all clips", "only mistakes", "encoders disagree most"
ALL_LABELS, ALL_ROLES = "any class", "any role"


class Choosing:
    """A list of the clips that the filters leave; `box` is what a notebook shows."""

    def __init__(self, page: Explorer) -> None:
        self.page, self.first = page, page.inference
        names = list(dict.fromkeys([title_of(self.first.part), *finished()]))
        self.studies = widgets.Dropdown(description="study", options=names, style=NAMED, layout=WIDE)
        self.roles = widgets.Dropdown(description="role", options=[ALL_ROLES])
        self.labels = widgets.Dropdown(description="class", options=[ALL_LABELS])
        self.which = widgets.Dropdown(description="show", options=[ALL, MISTAKES, DISAGREE])
        part = "part of a file name or label"
        self.search = widgets.Text(description="search", placeholder=part, continuous_update=False)
        self.clips = widgets.Select(description="clip", rows=7, layout=WIDE)
        self.next = widgets.Button(description="next", tooltip="the next clip of the list")
        self.random = widgets.Button(description="random", tooltip="any clip of the list")
        self.message = widgets.HTML()
        rows = [widgets.HBox([self.roles, self.which]), widgets.HBox([self.labels, self.search])]
        for row in rows:
            row.layout.flex_flow = "row wrap"
        self.box = widgets.VBox([self.studies, *rows, self.clips, widgets.HBox([self.next, self.random]), self.message])
        for widget in (self.roles, self.labels, self.which, self.search):
            page.events.on(widget, self.filter)
        page.events.on(self.clips, self.turn)
        page.events.on(self.studies, self._other_study)
        page.events.on_click(self.next, self._step)
        page.events.on_click(self.random, self._random)

    def take(self, inference: Inference) -> None:
        """Offer the roles and classes of another study; none of its clips is chosen yet."""
        corpus = inference.chunks.corpus
        there = [role for role in ROLES if (corpus.clips["role"] == role).any()]
        with self.page.events.quiet():
            self.clips.options = []
            self.roles.options = [ALL_ROLES, *there]
            self.roles.value = "test" if "test" in there else ALL_ROLES
            self.labels.options = [ALL_LABELS, *corpus.classes]
            self.which.value, self.search.value = ALL, ""

    def _other_study(self) -> None:
        """Open the study that was chosen; where that fails the message says why, and the one before stays."""
        name, before = self.studies.value, title_of(self.page.inference.part)
        self.message.value = markup.line(f"opening {name} ...")
        try:
            with self.page.events.working(*self.page.views):
                self.page.take(self.first if name == title_of(self.first.part) else opened(finished()[name]))
        except (PlainError, ValueError, KeyError) as error:
            self.message.value = markup.line(f"{name} cannot be opened: {error}")
            with self.page.events.quiet():
                self.studies.value = before

    def wanted(self) -> np.ndarray:
        """Clips [clip] that the filters leave, ranked by disagreement where `show` says so."""
        inference = self.page.inference
        corpus = inference.chunks.corpus
        keep = np.ones(len(corpus.clips), bool)
        if self.roles.value != ALL_ROLES:
            keep &= (corpus.clips["role"] == self.roles.value).to_numpy()
        if self.labels.value != ALL_LABELS:
            keep &= corpus.targets[:, corpus.classes.index(self.labels.value)] == 1
        if self.which.value == MISTAKES:
            keep &= inference.mistaken(self.page.panel.chosen)
        words = self.search.value.strip().lower()
        found = np.array([k for k in np.flatnonzero(keep) if words in inference.name_of(k).lower()], int)
        if self.which.value == DISAGREE:
            found = found[np.argsort(-inference.disagreement()[found], kind="stable")]
        return found

    def filter(self, turn: bool = True) -> None:
        """List the clips that the filters leave, and turn to the first unless the current one is among them."""
        found, now = self.wanted(), self.clips.value
        first = int(found[0]) if turn and len(found) else None
        with self.page.events.quiet():
            self.clips.options = [(f"{n}. {self._line(k)}", int(k)) for n, k in enumerate(found[:LISTED], start=1)]
            self.clips.value = now if now in found[:LISTED] else first
        self.message.value = markup.line(self._summary(len(found)))
        if self.clips.value is not None and (self.clips.value != now or self.page.sound is None):
            self.turn()

    def _line(self, clip: int) -> str:
        """A clip in the list, with the number that it is ranked by."""
        name = self.page.inference.name_of(clip)
        return f"{name}: {self.page.inference.disagreement()[clip]:.2f}" if self.which.value == DISAGREE else name

    def _summary(self, n_clips: int) -> str:
        if not n_clips:
            return "no clip is left: remove a filter"
        more = f", the first {LISTED} are listed" if n_clips > LISTED else ""
        ranked = "; 0 where all encoders predict alike, 1 where their predictions are uncorrelated"
        return f"{counted(n_clips, 'clip')}{more}{ranked if self.which.value == DISAGREE else ''}"

    def again(self) -> None:
        """List again where the list depends on which encoders are on; an own sound stays."""
        if self.which.value in (MISTAKES, DISAGREE):
            self.filter(turn=self.page.sound is not None and self.page.sound.clip >= 0)

    def mark(self, clip: int | None) -> None:
        """Select the clip that the other views show, if it is in the list."""
        with self.page.events.quiet():
            if clip is None or clip in [value for _, value in self.clips.options]:
                self.clips.value = clip

    def turn(self) -> None:
        """Show the clip that is chosen in the list."""
        if self.clips.value is not None:
            self.page.show(self.page.inference.clip(self.clips.value))

    def _step(self) -> None:
        there = [value for _, value in self.clips.options]
        if there:
            after = there.index(self.clips.value) + 1 if self.clips.value in there else 0
            self.clips.value = there[after % len(there)]

    def _random(self) -> None:
        if self.clips.options:
            self.clips.value = self.clips.options[np.random.default_rng().integers(len(self.clips.options))][1]
