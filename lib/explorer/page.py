"""The views with someone to click: widgets over `lib.explorer.inference`, each redrawn only where its own content has changed."""

from __future__ import annotations

import ipywidgets as widgets

from lib.explorer import markup
from lib.explorer.choosing import Choosing
from lib.explorer.events import Events
from lib.explorer.inference import Inference, Sound, caption, title_of
from lib.explorer.learned import Learned
from lib.explorer.onmap import OnMap
from lib.explorer.panel import Panel
from lib.explorer.upload import Upload


class Explorer:
    """Views that share one sound: `heading`, `choice`, `player`, `scores`, `sonified`, `alike`, `map`, `own`, `written` are for cells."""

    def __init__(self, inference: Inference, n_points: int) -> None:
        self.inference, self.n_points = inference, n_points
        self.sound: Sound | None = None
        self.chunk, self.name = 0, ""
        self.events = Events()
        self.heading, self.alike, self.written = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.heading.add_class("study-heading")
        self.choosing, self.panel, self.upload = Choosing(self), Panel(self), Upload(self)
        self.points = OnMap(self)
        self._make_sonified()
        self.choice, self.player, self.scores = self.choosing.box, self.panel.player, self.panel.scores
        self.map, self.own = self.points.box, self.upload.box
        self.take(inference)

    def take(self, inference: Inference) -> None:
        """Show another study, from its first clip."""
        self.inference, self.sound = inference, None
        self.heading.value = markup.heading(title_of(inference.part), str(inference.part))
        self.written.value = markup.line(str(inference.part.whole.figures))
        self.points.take()
        self.choosing.take(inference)
        self.panel.take()
        self.learned.take(inference.representations)
        self.choosing.filter()
        self.points.draw()

    def show(self, sound: Sound, chunk: int | None = None, play: bool = False) -> None:
        """Show another sound or second in every view: what is there at once first, what is drawn meanwhile dimmed.

        chunk: the second that the views look at, the loudest where none is given; play: start there.
        """
        before, window = self.sound, self.panel.window
        self.sound, self.chunk = sound, sound.loudest if chunk is None else chunk
        self.name = caption(sound.labels, sound.name)
        same = before is not None and (sound is before or sound.clip == before.clip >= 0)
        new = not same or self.panel.window != window
        with self.events.working(self.alike, *([self.panel.picture_box] if new else [])):
            self.panel.name()
            if sound.clip >= 0:
                self.upload.clear()
            self.panel.draw_scores()
            self.panel.draw_sound()
            self.panel.moving.play += play
            if new:
                self.panel.draw_picture()
            self.alike.value = markup.alike(self.inference, self.sound, self.chunk)
            self.sonified_html.value = ""  # made when the button is pressed
            self.points.mark()

    @property
    def rate(self) -> int:
        """Samples a second of the sounds."""
        return self.inference.part.settings.chunking.rate_hz

    @property
    def views(self) -> list[widgets.DOMWidget]:
        """All that shows the sound."""
        return [self.panel.sound_box, self.panel.picture_box, self.panel.score_html, self.alike, self.points.box]

    # What a representation keeps, and what sounds alike: of one second

    def _make_sonified(self) -> None:
        self.hear = widgets.Button(description="hear it", tooltip="make what each representation keeps audible")
        self.sonified_html = widgets.HTML()
        self.learned = Learned(self.events)
        self.sonified = widgets.VBox([self.hear, self.sonified_html, self.learned.box])
        self.events.on_click(self.hear, self.draw_sonified)

    def draw_sonified(self) -> None:
        """Make the sounds of what each representation keeps of the chosen second."""
        self.sonified_html.value = markup.line("working ...")
        try:
            self.sonified_html.value = markup.sonified(self.inference, self.sound, self.chunk)
        except Exception:
            self.sonified_html.value = ""
            raise
