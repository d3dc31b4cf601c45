"""What a browser must do by itself: a cursor that follows a sound, a map that is clicked, a microphone.

Each is an anywidget with its script beside this file: nothing is fetched from anywhere, in JupyterLab or in Voila.
Texts that come from data (labels, file names) are only ever set as text, never as markup.
"""

from pathlib import Path

import anywidget
import traitlets

from lib.explorer.html_media import data_url, mp3_bytes

HERE = Path(__file__).parent
STYLE = (HERE / "moving.css").read_text()


def script(name: str) -> str:
    """A widget's script, and before it what they share: a widget cannot import from a file beside it."""
    return (HERE / "make.js").read_text() + (HERE / f"{name}.js").read_text()


class Player(anywidget.AnyWidget):
    """A sound with a picture over time below it and a cursor that moves; a click in the picture goes there.

    left, right: where the time axis begins and ends, as parts of the picture's width; seconds: the sound's length.
    `play` is raised to start the sound from outside.
    """

    _esm = script("player")
    _css = STYLE
    sound = traitlets.Unicode("").tag(sync=True)
    picture = traitlets.Unicode("").tag(sync=True)
    name = traitlets.Unicode("").tag(sync=True)
    alternative = traitlets.Unicode("").tag(sync=True)
    seconds = traitlets.Float(1.0).tag(sync=True)
    left = traitlets.Float(0.0).tag(sync=True)
    right = traitlets.Float(1.0).tag(sync=True)
    play = traitlets.Int(0).tag(sync=True)

    def show(self, samples, rate_hz: int, picture: bytes, name: str, alternative: str) -> None:
        """Take another sound: samples [s] in -1..1 and its picture as PNG."""
        with self.hold_sync():
            self.sound = data_url(mp3_bytes(samples, rate_hz), "audio/mpeg")
            self.picture = data_url(picture, "image/png")
            self.name, self.alternative, self.seconds = name, alternative, len(samples) / rate_hz


class Map(anywidget.AnyWidget):
    """Points that can be clicked, or reached with the arrow keys and chosen with Enter.

    places: x and y of each point in 0..1, float32, one after another; kinds [point]: which of `groups` each belongs to,
    255 for none. clicked: [point, count], the count rising with each click; here: points of the sound that is shown.
    """

    _esm = script("map")
    _css = STYLE
    places = traitlets.Bytes(b"").tag(sync=True)
    kinds = traitlets.Bytes(b"").tag(sync=True)
    groups = traitlets.List(traitlets.Unicode()).tag(sync=True)
    colours = traitlets.List(traitlets.Unicode()).tag(sync=True)
    captions = traitlets.List(traitlets.Unicode()).tag(sync=True)
    name = traitlets.Unicode("").tag(sync=True)
    here = traitlets.List(traitlets.Int()).tag(sync=True)
    clicked = traitlets.List(traitlets.Int(), [-1, 0]).tag(sync=True)


class Recorder(anywidget.AnyWidget):
    """A button that records from the microphone: `content` is a mono 16-bit WAV file, made in the browser."""

    _esm = script("recorder")
    _css = STYLE
    content = traitlets.CBytes(b"").tag(sync=True)  # a browser sends a view of memory
    longest_s = traitlets.Float(10.0).tag(sync=True)
