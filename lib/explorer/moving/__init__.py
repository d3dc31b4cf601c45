"""What a browser must do by itself: a cursor that follows a sound, a map that is clicked, a file, a microphone.

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
    """A sound. at_s: where in it one listens, in seconds; `play` is raised to start it there from outside.

    channel: what its pictures on the page know it by.
    """

    _esm = script("player")
    _css = STYLE
    sound = traitlets.Unicode("").tag(sync=True)
    name = traitlets.Unicode("").tag(sync=True)
    at_s = traitlets.Float(0.0).tag(sync=True)
    channel = traitlets.Unicode("").tag(sync=True)
    play = traitlets.Int(0).tag(sync=True)

    def show(self, samples, rate_hz: int, name: str, at_s: float = 0.0) -> None:
        """Take another sound: samples [s] in -1..1."""
        with self.hold_sync():
            self.sound = data_url(mp3_bytes(samples, rate_hz), "audio/mpeg")
            self.name, self.at_s = name, at_s


class Picture(anywidget.AnyWidget):
    """A sound over time with a cursor that goes with its player, wherever that stands; a click goes there.

    left, right: where the time axis begins and ends, as parts of the width; seconds: the sound's length; channel:
    that of its player.
    """

    _esm = script("picture")
    _css = STYLE
    picture = traitlets.Unicode("").tag(sync=True)
    alternative = traitlets.Unicode("").tag(sync=True)
    seconds = traitlets.Float(1.0).tag(sync=True)
    left = traitlets.Float(0.0).tag(sync=True)
    right = traitlets.Float(1.0).tag(sync=True)
    channel = traitlets.Unicode("").tag(sync=True)

    def show(self, picture: bytes, alternative: str, seconds: float) -> None:
        """Take another picture, as PNG."""
        with self.hold_sync():
            self.picture, self.alternative, self.seconds = data_url(picture, "image/png"), alternative, seconds


class Map(anywidget.AnyWidget):
    """Points that can be clicked, or reached with the arrow keys and chosen with Enter.

    places: x and y of each point in 0..1, float32, one after another; kinds [point]: which of `groups` each belongs to,
    255 for none. clicked: [point, count], the count rising with each click; here: points of the current sound;
    own: x and y of each chunk of a sound of one's own, which no point stands for.
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
    own = traitlets.List(traitlets.Float()).tag(sync=True)
    clicked = traitlets.List(traitlets.Int(), [-1, 0]).tag(sync=True)


class Own(anywidget.AnyWidget):
    """Buttons for a sound of one's own: a file, or a recording, which is a mono 16-bit WAV file made in the browser.

    content, name: the last one; number: how many there were. A file of more than largest_bytes is not sent.
    """

    _esm = script("own")
    _css = STYLE
    content = traitlets.CBytes(b"").tag(sync=True)  # a browser sends a view of memory
    name = traitlets.Unicode("").tag(sync=True)
    number = traitlets.Int(0).tag(sync=True)
    largest_bytes = traitlets.Int(0).tag(sync=True)
    longest_s = traitlets.Float(0.0).tag(sync=True)
