"""What happens on a click: an action that fails is a line on the page, and what is being redrawn says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ipywidgets as widgets

from lib.explorer import markup

Action = Callable[[], None]
LOOK = """<style>
.study-failed { color: #a40000; overflow-wrap: anywhere; }
.study-working { position: relative; }
.study-working > * { opacity: 0.3; }
.study-working::after { content: "working ..."; position: absolute; top: 4px; left: 8px; padding: 2px 8px; background: #fff;
  color: #111; border: 1px solid #888; }
</style>"""


class Events:
    """Ties widgets to actions. `failed` is the line that says what went wrong: nobody sees the log of a widget."""

    def __init__(self) -> None:
        self.failed = widgets.HTML(LOOK)
        self.failed.add_class("study-failed")
        self._quiet = False

    def on(self, widget: widgets.Widget, action: Action, names: str = "value") -> None:
        """Do it when the widget's value changes, unless the page sets it itself."""
        widget.observe(lambda _: None if self._quiet else self.attempt(action), names=names)

    def on_click(self, button: widgets.Button, action: Action) -> None:
        """Do it when the button is pressed."""
        button.on_click(lambda _: self.attempt(action))

    def attempt(self, action: Action) -> None:
        """Do it; an error is a line on the page."""
        self.failed.value = LOOK
        try:
            action()
        except Exception as error:
            self.failed.value = LOOK + markup.line(
                f"this failed: {type(error).__name__}: {' '.join(str(error).split())}"
            )

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Set widgets without acting on it."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    @contextmanager
    def working(self, *views: widgets.DOMWidget) -> Iterator[None]:
        """Dim what is redrawn in the block: until then it shows what was before."""
        for widget in views:
            widget.add_class("study-working")
        try:
            yield
        finally:
            for widget in views:
                widget.remove_class("study-working")
