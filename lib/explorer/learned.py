"""What the front ends learned, one thing at a time, as sound and as spectrum."""

from __future__ import annotations

from collections.abc import Iterable

import ipywidgets as widgets
from matplotlib.figure import Figure

from lib.display.figures import style
from lib.explorer import markup
from lib.explorer.events import Events
from lib.explorer.html_media import image_html
from lib.representations.base import Representation


class Learned:
    """Choose a front end and a number, hear and see it; `box` is hidden where no front end has sounds to show."""

    def __init__(self, events: Events) -> None:
        self.events = events
        self.by = widgets.Dropdown(description="learned by")
        self.number = widgets.IntSlider(1, 1, 1, description="number", continuous_update=False)
        self.view = widgets.HTML()
        row = widgets.HBox([self.by, self.number], layout=widgets.Layout(flex_flow="row wrap"))
        self.box = widgets.VBox([row, self.view])
        events.on(self.by, self._range)
        events.on(self.number, self.draw)

    def take(self, representations: Iterable[Representation]) -> None:
        """Show what these representations learned."""
        learned = {each.title: (each, each.learned_sounds()) for each in representations}
        self.learned = {title: both for title, both in learned.items() if len(both[1])}
        with self.events.quiet():
            self.by.options = list(self.learned)
            self.by.value = next(iter(self.learned), None)
        self.box.layout.display = None if self.learned else "none"
        self._range()

    def _range(self) -> None:
        if self.by.value is not None:
            with self.events.quiet():
                self.number.max = len(self.learned[self.by.value][1])
                self.number.value = 1
            self.draw()

    def draw(self) -> None:
        """The player and the spectrum of the chosen one."""
        representation, samples = self.learned[self.by.value]
        number = self.number.value
        with style():
            figure = Figure(figsize=(6, 2.2))
            representation.draw_learned_sound(figure.subplots(), number - 1)
        alternative = f"{representation.title}: spectrum of learned sound {number}"
        player = markup.learned(representation, samples[number - 1], number)
        self.view.value = f"{player}<br>{image_html(figure, alternative)}"
