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
from lib.sounds.corpora.spelling import plain

if TYPE_CHECKING:
    from lib.explorer.page import Explorer

LISTED = 500  # clips in the list at most
WIDE = {"width": "100%", "max_width": "760px"}
NAMED = {"description_width": "initial"}
ALL, MISTAKES, DISAGREE = "all clips", "only mistakes", "encoders disagree most"
ALL_LABELS, ALL_ROLES, ALL_FAMILIES = "any class", "any role", "any family"


class Choosing:
    """A list of the clips that the filters leave; `box` is what a notebook shows."""

    def __init__(self, page: Explorer) -> None:
        self.page, self.first = page, page.inference
        names = list(dict.fromkeys([title_of(self.first.part), *finished()]))
        self.studies = widgets.Dropdown(description="study", options=names, style=NAMED, layout=WIDE)
        self.roles = widgets.Dropdown(description="role", options=[ALL_ROLES])
        self.labels = widgets.Dropdown(description="class", options=[ALL_LABELS])
        judged = "clips with a label of this family, whose classes alone say what is a mistake or a disagreement"
        self.families = widgets.Dropdown(description="family", options=[ALL_FAMILIES], tooltip=judged)
        self.which = widgets.Dropdown(description="show", options=[ALL, MISTAKES, DISAGREE])
        part = "part of a file name or label"
        self.search = widgets.Text(description="search", placeholder=part, continuous_update=False)
        self.clips = widgets.Select(description="clip", rows=7, layout=WIDE)
        self.next = widgets.Button(description="next", tooltip="the next clip of the list")
        self.random = widgets.Button(description="random", tooltip="any clip of the list")
        self.message = widgets.HTML()
        filters = [self.roles, self.labels, self.which, self.families, self.search]
        row = widgets.HBox(filters, layout=widgets.Layout(flex_flow="row wrap", max_width=WIDE["max_width"]))
        self.box = widgets.VBox([self.studies, row, self.clips, widgets.HBox([self.next, self.random]), self.message])
        for widget in filters:
            page.events.on(widget, self.filter)
        page.events.on(self.clips, self.turn)
        page.events.on(self.studies, self._other_study)
        page.events.on_click(self.next, self._step)
        page.events.on_click(self.random, self._random)

    def take(self, inference: Inference) -> None:
        """Offer the roles, classes and families of another study; none of its clips is chosen yet."""
        corpus = inference.chunks.corpus
        there = [role for role in ROLES if (corpus.clips["role"] == role).any()]
        with self.page.events.quiet():
            self.clips.options = []
            self.roles.options = [ALL_ROLES, *there]
            self.roles.value = "test" if "test" in there else ALL_ROLES
            self.labels.options = [ALL_LABELS, *corpus.classes]
            self.families.options = [ALL_FAMILIES, *inference.families]
            self.families.layout.display = None if inference.families else "none"
            # options that are the same as before would keep what was chosen of them
            self.labels.value, self.families.value = ALL_LABELS, ALL_FAMILIES
            self.which.value, self.search.value = ALL, ""

    def _other_study(self) -> None:
        """Open the study that was chosen; where that fails the message says why, and the one before stays."""
        name, before = self.studies.value, self.page.inference
        self.message.value = markup.line(f"opening {name} ...")
        try:
            with self.page.events.working(*self.page.views):
                self.page.take(self.first if name == title_of(self.first.part) else opened(finished()[name]))
        except Exception as error:
            if self.page.inference is not before:  # it was taken in part
                self.page.take(before)
            why = (
                str(error)
                if isinstance(error, PlainError)
                else f"{type(error).__name__}: {' '.join(str(error).split())}"
            )
            self.message.value = markup.line(f"{name} cannot be opened: {why}")
            with self.page.events.quiet():
                self.studies.value = title_of(before.part)

    @property
    def columns(self) -> list[int] | None:
        """Those of the classes of the chosen family; None where all classes count."""
        return self.page.inference.families.get(self.families.value)

    def wanted(self) -> np.ndarray:
        """Clips [clip] that the filters leave, in the order of the table of clips."""
        inference = self.page.inference
        corpus = inference.chunks.corpus
        keep = np.ones(len(corpus.clips), bool)
        if self.roles.value != ALL_ROLES:
            keep &= (corpus.clips["role"] == self.roles.value).to_numpy()
        if self.labels.value != ALL_LABELS:
            keep &= corpus.targets[:, corpus.classes.index(self.labels.value)] == 1
        if self.columns is not None:
            keep &= (corpus.targets[:, self.columns] == 1).any(1)
        if self.which.value == MISTAKES:
            keep &= inference.mistaken(self.page.panel.chosen, self.columns)
        words, names = plain(self.search.value).split(), inference.names_of_clips
        return np.array([k for k in np.flatnonzero(keep) if all(word in plain(names[k]) for word in words)], int)

    def filter(self, turn: bool = True) -> None:
        """List the clips that the filters leave, and turn to the first unless the current one is among them.

        A sound of one's own is no clip that a filter could leave out: it stays until another is picked.
        """
        found, lines = self.wanted(), self.page.inference.names_of_clips
        now = self.page.sound.clip if self.page.sound else None
        turn = turn and now != -1
        if self.which.value == DISAGREE:  # ranked by it, and the number stands in the list
            apart = self.page.inference.disagreement(self.columns)
            found = found[np.argsort(-apart[found], kind="stable")]
            lines = {k: f"{lines[k]}: {apart[k]:.2f}" for k in found[:LISTED]}
        first = int(found[0]) if turn and len(found) else None
        with self.page.events.quiet():
            self.clips.options = [(f"{n}. {lines[k]}", int(k)) for n, k in enumerate(found[:LISTED], start=1)]
            self.clips.value = now if now in found[:LISTED] else first
        self.message.value = markup.line(self._summary(len(found)))
        if self.clips.value not in (None, now):
            self.turn()

    def _summary(self, n_clips: int) -> str:
        if not n_clips:
            return "no clip is left: remove a filter"
        parts = [counted(n_clips, "clip")]
        if self.columns is not None:
            alone = "" if self.which.value == ALL else ", judged by the classes of this family alone"
            parts[0] += f" with a label of the family {self.families.value}{alone}"
        if n_clips > LISTED:
            parts[0] += f", the first {LISTED} are listed"
        if self.which.value == DISAGREE:
            parts.append("0 where all encoders predict alike, 1 where their predictions are uncorrelated")
        return "; ".join(parts)

    def again(self) -> None:
        """List again where the list depends on which encoders are on; a sound from elsewhere stays."""
        if self.which.value in (MISTAKES, DISAGREE):
            self.filter(turn=self.clips.value is not None)

    def mark(self, clip: int | None) -> None:
        """Select the clip that the other views show, and none where that is not in the list."""
        with self.page.events.quiet():
            self.clips.value = clip if clip in [value for _, value in self.clips.options] else None

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
