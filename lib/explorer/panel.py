"""What stays in view beside everything else: the current sound with its player, and what the encoders predict for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets
import numpy as np

from lib.explorer import markup
from lib.explorer.html_media import png_bytes
from lib.explorer.inference import score_table
from lib.explorer.moving import Picture, Player
from lib.plots import sounds

if TYPE_CHECKING:
    from lib.explorer.page import Explorer

SHOWN_CHUNKS = 5  # in the picture and the table at most
ABOUT = {
    "train": "a training clip: encoders and heads have learned its labels",
    "validation": "a validation clip",
    "test": "a test clip: nothing has learned from it",
}
NAMED = {"description_width": "initial"}
SWITCH = {"width": "auto", "margin": "2px 14px 2px 2px"}


class Panel:
    """`player` (name, second, sound, picture) and `scores` (switches, head, table) are what a notebook shows.

    The parts of class `study-beside` are those that the served page keeps in view.
    """

    def __init__(self, page: Explorer) -> None:
        self.page, self.switches = page, {}
        self._make_player()
        self._make_scores()

    # Hear and see it

    def _make_player(self) -> None:
        self.title = widgets.HTML()
        self.second = widgets.Dropdown(description="second", tooltip="which second the views look at", style=NAMED)
        self.moving = Player()
        self.moving.channel = self.moving.model_id
        left, right = sounds.TIME_AXIS
        self.picture = Picture(left=left, right=right, channel=self.moving.channel)
        # each in a box of its own, which can be dimmed: these widgets themselves pass no class on
        self.sound_box, self.picture_box = widgets.VBox([self.moving]), widgets.VBox([self.picture])
        beside = widgets.VBox([self.title, self.sound_box, self.second, self.page.events.failed])
        beside.add_class("study-beside")
        self.player = widgets.VBox([beside, self.picture_box])
        self.page.events.on(self.second, lambda: self.page.show(self.page.sound, self.second.value))

    @property
    def window(self) -> slice:
        """The displayed chunks: all, or those around the chosen second."""
        start = self.page.chunk // SHOWN_CHUNKS * SHOWN_CHUNKS
        return slice(start, start + SHOWN_CHUNKS)

    def name(self) -> None:
        """Name the current sound and second, before anything of it is drawn."""
        sound = self.page.sound
        with self.page.events.quiet():
            self.second.options = [(f"from {start:g} s", k) for k, start in enumerate(sound.start_s)]
            self.second.value = self.page.chunk
        name = markup.html.escape(self.page.name)
        lines = "".join(map(markup.line, filter(None, (self._role(), self._heard()))))
        self.title.value = f"<h3 style='margin: 4px 0; overflow-wrap: anywhere'>{name}</h3>{lines}"

    def _role(self) -> str:
        """What a clip of the corpus was to the study."""
        clip = self.page.sound.clip
        return ABOUT.get(self.page.inference.chunks.corpus.clips["role"].iloc[clip], "") if clip >= 0 else ""

    def _heard(self) -> str:
        """Which part of a sound the player and the picture have, where that is not all of it."""
        starts = self.page.sound.start_s
        if len(starts) <= SHOWN_CHUNKS:
            return ""
        long_s, shown = self.page.sound.audio.shape[1] / self.page.rate, starts[self.window]
        ends = f"{shown[0]:g} to {shown[-1] + long_s:g} s of {starts[-1] + long_s:g} s"
        return f"heard and seen: {ends}; choose another second for the rest"

    def draw_sound(self) -> None:
        """The sound of the window, at the chosen second."""
        audio, rate = self.page.sound.audio[self.window], self.page.rate
        at_s = (self.page.chunk - self.window.start) * audio.shape[1] / rate
        self.moving.show(np.concatenate(list(audio)), rate, self.page.name, at_s)

    def draw_picture(self) -> None:
        """The picture of the window."""
        audio, representations = self.page.sound.audio[self.window], self.page.inference.representations
        from_s = float(self.page.sound.start_s[self.window][0])
        rows = ", ".join(representation.title.lower() for representation in representations)
        self.picture.show(
            png_bytes(sounds.over_time(audio, self.page.rate, representations, from_s)),
            f"{self.page.name}: constant-Q spectrogram, {rows} over time",
            audio.size / self.page.rate,
        )

    # Predictions

    def _make_scores(self) -> None:
        self.heads = widgets.Dropdown(description="head", style=NAMED)
        self.switch_box = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap"))
        self.score_html = widgets.HTML()
        self.scores = widgets.VBox([self.switch_box, self.heads, self.score_html])
        self.scores.add_class("study-beside")
        self.page.events.on(self.heads, self._other_head)

    def take(self) -> None:
        """Offer the heads and encoders of another study."""
        inference = self.page.inference
        with self.page.events.quiet():
            self.heads.options = list(inference.part.settings.heads.kinds)
            self.heads.value = inference.head
        self.switches = {
            r.name: widgets.Checkbox(True, description=r.title, indent=False, layout=widgets.Layout(**SWITCH))
            for r in inference.representations
        }
        for switch in self.switches.values():
            self.page.events.on(switch, self._switched)
        self.switch_box.children = tuple(self.switches.values())

    def _other_head(self) -> None:
        self.page.inference.head = self.heads.value
        self._switched()

    def _switched(self) -> None:
        self.draw_scores()
        self.page.choosing.again()

    @property
    def chosen(self) -> tuple[str, ...]:
        """The encoders that are switched on."""
        return tuple(name for name, switch in self.switches.items() if switch.value)

    def draw_scores(self) -> None:
        """The predictions of the chosen encoders' head; silence has none."""
        inference, sound = self.page.inference, self.page.sound
        if sound.silent.all():
            self.score_html.value = markup.line(markup.SILENT)
            return
        found = score_table(inference, sound, self.chosen)
        displayed = [*found.columns[:3], *found.columns[3:][self.window]]
        titles = [r.title for r in inference.representations if r.name in self.chosen]
        who = " + ".join(titles) if titles else "no encoder: how common each class is in training"
        self.score_html.value = markup.scores(found[displayed], f"Scores by {who}")
