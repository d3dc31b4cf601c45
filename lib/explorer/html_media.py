"""Sounds and pictures inside a page: as data in the page itself, so that it works without a server or a network.

Whatever text comes with them (labels, file names) is data and is escaped before it becomes part of a page.
"""

from __future__ import annotations

import base64
import html
import io
import re

import numpy as np
import soundfile
from matplotlib.figure import Figure

from lib.display.figures import laid_out, style
from lib.display.glyphs import spell_out
from lib.display.screen import LINE, shortened

HEARD_S = 3.0  # of a clip at most, so that a page stays small
SHOWN_DPI = 90


def breakable(name: str) -> str:
    """A name, escaped and not longer than a line, that may go on in the next one after a dot, a plus or an underscore."""
    return re.sub(r"(?<=\w)([._+])(?=\w)", r"\1<wbr>", html.escape(shortened(str(name), LINE)))


def mp3_bytes(samples: np.ndarray, rate_hz: int) -> bytes:
    """Samples [s] in -1..1 as a mono MP3 file, which every browser plays: some 4 kB a second at 16 kHz."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(samples, -1, 1), rate_hz, format="MP3")
    return buffer.getvalue()


def png_bytes(figure: Figure) -> bytes:
    """A figure as PNG."""
    buffer = io.BytesIO()
    with style():
        spell_out(figure)
        with laid_out(figure):
            figure.savefig(buffer, format="png", dpi=SHOWN_DPI)
    return buffer.getvalue()


def data_url(content: bytes, kind: str) -> str:
    """Content as an address that holds it: kind is audio/mpeg, image/png and the like."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def audio_html(samples: np.ndarray, rate_hz: int, name: str) -> str:
    """A player of samples [s]; `name` is what a screen reader says of it."""
    source = data_url(mp3_bytes(samples, rate_hz), "audio/mpeg")
    return f'<audio controls preload="metadata" style="width: 100%; min-width: 120px; max-width: 230px" aria-label="{html.escape(name)}" src="{source}"></audio>'


def image_html(figure: Figure, alternative: str) -> str:
    """A figure as a picture with its alternative text."""
    source = data_url(png_bytes(figure), "image/png")
    return f'<img alt="{html.escape(alternative)}" style="max-width: 100%" src="{source}">'
