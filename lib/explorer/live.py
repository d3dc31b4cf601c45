"""The views with someone to click: widgets over `lib.explorer.inference`, each redrawn only where its own content has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from lib.explorer import embedding_map, markup, widgets
from lib.explorer.html_media import png_bytes
from lib.explorer.inference import Answers, Sound, caption, finished, opened, score_table
from lib.explorer.learned import Learned
from lib.files import PlainError
from lib.plots import sounds
from lib.plots.encoder import groupings
from lib.plots.explorer import COLOURS, kinds_of
from lib.sounds.corpora.base import ROLES
from lib.sounds.decode import BadFile

LISTED = 500  # clips in the list at most
SHOWN_CHUNKS = 5  # in the picture at most
WIDE = {"width": "100%", "max_width": "760px"}
NAMED = {"description_width": "initial"}
ALL, MISTAKES, DISAGREE = "all clips", "only mistakes", "only where encoders disagree"
ALL_LABELS, ALL_ROLES, TOGETHER, FIRST = "any class", "any role", "all together", "this one"


class Explorer:
    """Widgets that share one sound: `choice`, `player`, `scores`, `heard`, `alike`, `map` and `own` are what a cell shows."""

    def __init__(self, answers: Answers, n_points: int) -> None:
        self.first, self.n_points, self._quiet = answers, n_points, False
        self._make_choice()
        self._make_player()
        self._make_scores()
        self._make_heard()
        self.alike = widgets.HTML()
        self._make_map()
        self._make_own()
        self.take(answers)

    # One study, one sound

    def take(self, answers: Answers) -> None:
        """Show another study, from its first clip."""
        self.answers = answers
        self._clear_map()
        corpus = answers.chunks.corpus
        there = [role for role in ROLES if (corpus.clips["role"] == role).any()]
        with self._held():
            self.clips.options = []  # none of them is of this study
            self.roles.options = [ALL_ROLES, *there]
            self.roles.value = "test" if "test" in there else ALL_ROLES
            self.labels.options = [ALL_LABELS, *corpus.classes]
            self.which.value, self.search.value = ALL, ""
            self.heads.options = list(answers.part.settings.heads.kinds)
            self.heads.value = answers.head
            self._make_switches()
            self.layout_by.options = [(TOGETHER, ()), *((r.title, (r.name,)) for r in answers.shelf)]
            self.layout_by.value = ()
            self.colour_by.options = list(groupings(corpus))
        self.learned.take(answers.shelf)
        self.filter()
        self.draw_map()

    def show(self, sound: Sound, chunk: int | None = None) -> None:
        """Show another sound in every view, from its loudest second: name and answer first, since they are there at once."""
        self.sound, self.chunk = sound, sound.loudest if chunk is None else chunk
        with self._held():
            self.second.options = [(f"from {start:g} s", k) for k, start in enumerate(sound.start_s)]
            self.second.value = self.chunk
        self.name = caption(sound.labels, sound.name)
        self.title.value = f"<h3 style='margin: 4px 0; overflow-wrap: anywhere'>{markup.html.escape(self.name)}</h3>"
        if sound.clip >= 0:
            self.own_told.value = ""
        self.draw_scores()
        self.draw_player()
        self.draw_second()
        self._mark()

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Set widgets without answering to it."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    def _on(self, widget: widgets.Widget, action: Callable[[], None], names: str = "value") -> None:
        widget.observe(lambda change: None if self._quiet else self._tried(action), names=names)

    def _tried(self, action: Callable[[], None]) -> None:
        """Do it; an error is a line on the page, since nobody sees the log of a widget."""
        try:
            action()
        except Exception as error:
            self.told.value = markup.line(f"this failed: {type(error).__name__}: {' '.join(str(error).split())}")

    @property
    def chosen(self) -> tuple[str, ...]:
        """The encoders that are switched on."""
        return tuple(name for name, switch in self.switches.items() if switch.value)

    # Which clip

    def _make_choice(self) -> None:
        self.studies = widgets.Dropdown(description="study", options=[FIRST, *finished()], style=NAMED, layout=WIDE)
        self.roles = widgets.Dropdown(description="role", options=[ALL_ROLES])
        self.labels = widgets.Dropdown(description="class", options=[ALL_LABELS])
        self.which = widgets.Dropdown(description="show", options=[ALL, MISTAKES, DISAGREE])
        self.search = widgets.Text(
            description="search", placeholder="part of a file name or label", continuous_update=False
        )
        self.clips = widgets.Select(description="clip", rows=7, layout=WIDE)
        self.next = widgets.Button(description="next", tooltip="the next clip of the list")
        self.random = widgets.Button(description="random", tooltip="any clip of the list")
        self.told = widgets.HTML()
        rows = [widgets.HBox([self.roles, self.which]), widgets.HBox([self.labels, self.search])]
        for row in rows:
            row.layout.flex_flow = "row wrap"
        self.choice = widgets.VBox([self.studies, *rows, self.clips, widgets.HBox([self.next, self.random]), self.told])
        for widget in (self.roles, self.labels, self.which, self.search):
            self._on(widget, self.filter)
        self._on(self.clips, self._turn)
        self._on(self.studies, self._other_study)
        self.next.on_click(lambda _: self._step())
        self.random.on_click(lambda _: self._random())

    def _other_study(self) -> None:
        """Open the study that was chosen; what is in the way is told, and the one before stays."""
        name = self.studies.value
        self.told.value = markup.line(f"opening {name} ...")
        try:
            self.take(self.first if name == FIRST else opened(finished()[name]))
        except (PlainError, ValueError, KeyError) as error:
            self.told.value = markup.line(f"{name} cannot be opened: {error}")

    def wanted(self) -> np.ndarray:
        """Clips [clip] that the filters leave."""
        corpus = self.answers.chunks.corpus
        keep = np.ones(len(corpus.clips), bool)
        if self.roles.value != ALL_ROLES:
            keep &= (corpus.clips["role"] == self.roles.value).to_numpy()
        if self.labels.value != ALL_LABELS:
            keep &= corpus.targets[:, corpus.classes.index(self.labels.value)] == 1
        if self.which.value == MISTAKES:
            keep &= self.answers.mistaken(self.chosen)
        if self.which.value == DISAGREE:
            keep &= self.answers.disagreed()
        words = self.search.value.strip().lower()
        found = np.flatnonzero(keep)
        return np.array([k for k in found if words in self.answers.name_of(k).lower()] if words else found, int)

    def filter(self, turn: bool = True) -> None:
        """List the clips that the filters leave, and turn to the first unless the one that is shown is among them."""
        found, now = self.wanted(), self.clips.value
        first = int(found[0]) if turn and len(found) else None
        with self._held():
            self.clips.options = [
                (f"{n}. {self.answers.name_of(k)}", int(k)) for n, k in enumerate(found[:LISTED], start=1)
            ]
            self.clips.value = now if now in found[:LISTED] else first
        more = f", the first {LISTED} are listed" if len(found) > LISTED else ""
        self.told.value = markup.line(f"{len(found)} clips{more}" if len(found) else "no clip is left: ask for less")
        if self.clips.value is not None and (self.clips.value != now or not hasattr(self, "sound")):
            self._turn()

    def _turn(self) -> None:
        if self.clips.value is not None:
            self.show(self.answers.clip(self.clips.value))

    def _step(self) -> None:
        there = [value for _, value in self.clips.options]
        if there:
            after = there.index(self.clips.value) + 1 if self.clips.value in there else 0
            self.clips.value = there[after % len(there)]

    def _random(self) -> None:
        if self.clips.options:
            self.clips.value = self.clips.options[np.random.default_rng().integers(len(self.clips.options))][1]

    # Hear and see it

    def _make_player(self) -> None:
        self.moving = widgets.Player(left=sounds.TIME_AXIS[0], right=sounds.TIME_AXIS[1])
        self.second = widgets.Dropdown(description="second", tooltip="which second the views below look at")
        self.title = widgets.HTML()
        self.player = widgets.VBox([self.title, self.second, self.moving])
        self._on(self.second, self._other_second)

    def _other_second(self) -> None:
        window = self._window()
        self.chunk = self.second.value
        if self._window() != window:
            self.draw_player()
        self.draw_second()

    def _window(self) -> slice:
        """The chunks that the picture shows: all, or those around the chosen second."""
        start = self.chunk // SHOWN_CHUNKS * SHOWN_CHUNKS
        return slice(start, start + SHOWN_CHUNKS)

    def draw_player(self) -> None:
        """Sound and picture of the window around the chosen second."""
        audio, rate = self.sound.audio[self._window()], self.answers.part.settings.chunking.rate_hz
        from_s = float(self.sound.start_s[self._window()][0])
        figure = sounds.over_time(audio, rate, self.answers.shelf, from_s)
        rows = ", ".join(representation.title.lower() for representation in self.answers.shelf)
        self.moving.show(
            np.concatenate(list(audio)),
            rate,
            png_bytes(figure),
            self.name,
            f"{self.name}: constant-Q spectrogram, {rows} over time",
        )

    # Who says what

    def _make_scores(self) -> None:
        self.heads = widgets.Dropdown(description="head")
        self.switch_box = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap"))
        self.score_html = widgets.HTML()
        self.scores = widgets.VBox([self.switch_box, self.heads, self.score_html])
        self._on(self.heads, self._other_head)

    def _make_switches(self) -> None:
        self.switches = {
            r.name: widgets.Checkbox(True, description=r.title, indent=False, layout=widgets.Layout(width="auto", margin="2px 14px 2px 2px"))
            for r in self.answers.shelf
        }  # fmt: skip
        for switch in self.switches.values():
            self._on(switch, self._switched)
        self.switch_box.children = tuple(self.switches.values())

    def _other_head(self) -> None:
        self.answers.head = self.heads.value
        self._switched()

    def _switched(self) -> None:
        self.draw_scores()
        if self.which.value in (MISTAKES, DISAGREE):  # encoders disagree by the scores of the chosen head
            self.filter(turn=self.sound.clip >= 0)  # a sound of one's own stays

    def draw_scores(self) -> None:
        """The answer of the chosen encoders' head."""
        found = score_table(self.answers, self.sound, self.chosen)
        titles = [r.title for r in self.answers.shelf if r.name in self.chosen]
        who = " + ".join(titles) if titles else "nothing (no encoder is on: what is common in training)"
        self.score_html.value = markup.scores(found, f"Scores by {who}")

    # What a representation keeps, and what sounds alike: of one second

    def _make_heard(self) -> None:
        self.hear = widgets.Button(description="hear it", tooltip="make what each representation keeps audible")
        self.heard_html = widgets.HTML()
        self.learned = Learned()
        self.heard = widgets.VBox([self.hear, self.heard_html, self.learned.box])
        self.hear.on_click(lambda _: self.draw_heard())

    def draw_second(self) -> None:
        """Views of the chosen second; its sounds are made when they are asked for."""
        self.alike.value = markup.alike(self.answers, self.sound, self.chunk)
        self.heard_html.value = ""

    def draw_heard(self) -> None:
        """Make the sounds of what each representation keeps of the chosen second."""
        self.heard_html.value = markup.line("working ...")
        self.heard_html.value = markup.heard(self.answers, self.sound, self.chunk)

    # The map

    def _make_map(self) -> None:
        self.layout_by = widgets.Dropdown(description="laid out by", options=[(TOGETHER, ())], style=NAMED)
        self.colour_by = widgets.Dropdown(description="coloured by", options=[""], style=NAMED)
        self.points = widgets.Map()
        box = widgets.HBox([self.layout_by, self.colour_by], layout=widgets.Layout(flex_flow="row wrap"))
        self.map = widgets.VBox([box, self.points])
        self._on(self.layout_by, self.draw_map)
        self._on(self.colour_by, self.draw_map)
        self.points.observe(lambda change: self._tried(lambda: self._clicked(*change["new"])), names="clicked")

    def _clear_map(self) -> None:
        """No points: those of the study before are rows of other chunks."""
        self.rows = np.zeros(0, int)
        with self.points.hold_sync():
            self.points.kinds, self.points.captions = b"", []
            self.points.here, self.points.places = [], b""

    def draw_map(self) -> None:
        """Lay the chunks out by one encoder, or by all together."""
        chunks = self.answers.chunks
        chosen = self.layout_by.value or tuple(self.switches)
        self.rows = self.answers.mapped(self.n_points)
        groups, kinds = kinds_of(chunks.targets[self.rows], groupings(chunks.corpus)[self.colour_by.value])
        with self.points.hold_sync():
            self.points.groups, self.points.colours = groups, list(COLOURS[: len(groups)])
            self.points.kinds = kinds.astype(np.uint8).tobytes()
            self.points.captions = [self.answers.caption_of(row) for row in self.rows]
            self.points.name = f"map of {len(self.rows)} chunks by {', '.join(chosen)}; arrow keys move, Enter plays"
            self.points.places = embedding_map.plane(self.answers.together(chosen, self.rows)).astype("<f4").tobytes()
        self._mark()

    def _mark(self) -> None:
        self.points.here = np.flatnonzero(self.answers.chunks.clip[self.rows] == self.sound.clip).tolist()

    def _clicked(self, point: int, _: int) -> None:
        """Turn to the chunk of a point, and play it."""
        row = self.rows[point]
        clip = int(self.answers.chunks.clip[row])
        with self._held():
            if clip in [value for _, value in self.clips.options]:
                self.clips.value = clip
        self.show(self.answers.clip(clip), int(row - np.flatnonzero(self.answers.chunks.clip == clip)[0]))
        self.moving.play += 1

    # A sound of one's own

    def _make_own(self) -> None:
        self.upload = widgets.FileUpload(
            description="choose a sound file", accept="audio/*", layout=widgets.Layout(width="auto")
        )
        self.recorder = widgets.Recorder()
        self.own_told = widgets.HTML()
        self.own = widgets.VBox(
            [widgets.HBox([self.upload, self.recorder], layout=widgets.Layout(flex_flow="row wrap")), self.own_told]
        )
        self._on(self.upload, self._uploaded)
        self.recorder.observe(lambda change: self._take_own(change["new"], "recording.wav"), names="content")

    def _uploaded(self) -> None:
        for file in self.upload.value:
            self._take_own(bytes(file["content"]), file["name"])

    def _take_own(self, content: Any, name: str) -> None:
        """Show an own sound in every view; what is wrong with it is told, and the sound before stays."""
        try:
            sound = self.answers.hear_bytes(bytes(content), name)
        except BadFile as error:
            self.own_told.value = markup.line(f"{name}: {error}")
            return
        self.own_told.value = markup.line(f"{name}: {len(sound.audio)} chunks; every view above now shows it")
        with self._held():
            self.clips.value = None
        self.show(sound)
        self.moving.play += 1
