"""A sound of one's own: from a file or the microphone into every view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets

from lib.display.screen import counted
from lib.explorer import markup
from lib.explorer.limits import LARGEST_BYTES, LONGEST_S
from lib.explorer.moving import Own
from lib.sounds.decode import BadFile

if TYPE_CHECKING:
    from lib.explorer.page import Explorer

RECORDED = "recording.wav"  # what the page calls a recording


class Upload:
    """Buttons that take a file or record one; `box` is what a notebook shows."""

    def __init__(self, page: Explorer) -> None:
        self.page = page
        self.own = Own(largest_bytes=LARGEST_BYTES, longest_s=LONGEST_S)
        self.message = widgets.HTML()
        self.box = widgets.VBox([self.own, self.message])
        page.events.on(self.own, lambda: self.take(self.own.content, self.own.name), names="number")

    def take(self, content: bytes, name: str) -> None:
        """Show an own sound in every view; where it cannot be used the message says why, and the sound before stays."""
        self.message.value = markup.line(f"{name}: computing its embeddings ...")
        try:
            with self.page.events.working(*self.page.views):
                sound = self.page.inference.embed_bytes(content, name)
        except BadFile as error:
            self.message.value = markup.line(f"{name}: {error}; the views still show the sound before")
            return
        except Exception:
            self.message.value = ""  # the line of what failed says more
            raise
        self.page.choosing.mark(None)
        self.page.show(sound, play=True)
        self.message.value = markup.line(f"{name}: {self._summary(sound, name)}")

    def _summary(self, sound, name: str) -> str:
        silent = sound.silent
        if silent.all():
            return markup.SILENT + ("; was the microphone on?" if name == RECORDED else "")
        some_silent = f"{silent.sum()} of them silent" if silent.any() else ""
        parts = [f"{counted(len(silent), 'chunk')}; every view now shows it", sound.remark, some_silent]
        return "; ".join(filter(None, parts))

    def clear(self) -> None:
        """Say nothing more of the sound before."""
        self.message.value = ""
