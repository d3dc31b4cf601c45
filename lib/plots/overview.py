"""The study at a glance: one sound, what each encoder is given of it, and how their embeddings come together.

The pictures are computed from a sound made here, and the numbers are those of the settings, so the figure cannot drift
from what is run.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from lib.display.figures import style
from lib.plots.common import INK
from lib.plots.sounds import features_of
from lib.representations import make, names
from lib.representations.base import Representation
from lib.settings import Body, Settings

WIDTH, ROW, ABOVE, BELOW = 10.0, 1.05, 0.85, 0.3  # inches
PALE = "#F4F4F4"


def overview(settings: Settings) -> Figure:
    """Draw the study as these settings run it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoders = [make(name, settings) for name in names()]
    audio = example(settings.chunking.rate_hz, settings.chunking.length_s)
    height = ABOVE + ROW * len(encoders) + BELOW
    with style():
        figure = Figure(figsize=(WIDTH, height))
        figure.set_layout_engine("none")
        canvas = figure.add_axes((0, 0, 1, 1))
        canvas.set(xlim=(0, WIDTH), ylim=(0, height))
        canvas.axis("off")
        middles = [height - ABOVE - ROW * (row + 0.5) for row in range(len(encoders))]
        _heads(canvas, height, settings, len(encoders))
        _sound(figure, canvas, audio, np.mean(middles), middles)
        for representation, y in zip(encoders, middles, strict=True):
            _encoder(figure, canvas, representation, audio, y, settings)
        _body(canvas, settings.body, middles)
        _head(canvas, encoders, settings.heads.hidden, middles)
        if any(map(_mark, encoders)):
            note = "* by a network trained first on the same labels; shown untrained"
            _text(canvas, 0.15, 0.14, note, 7, ha="left")
        return figure


def example(rate_hz: int, seconds: float) -> np.ndarray:
    """A sound [s] with something for everyone: two notes, the second brighter, each with its own decay."""
    time_s = np.arange(round(rate_hz * seconds)) / rate_hz
    total = np.zeros_like(time_s)
    for start_s, fundamental_hz, slope in ((0.05, 220.0, 1.6), (0.5, 330.0, 0.6)):
        after = np.maximum(time_s - start_s, 0)
        shape = (time_s > start_s) * np.exp(-5 * after)
        for k in range(1, int(0.45 * rate_hz / fundamental_hz)):
            total += shape * np.sin(2 * np.pi * k * fundamental_hz * after) / k**slope
    noise = np.random.default_rng(0).normal(size=len(time_s))
    return (0.5 * (total / np.abs(total).max() + 0.002 * noise)).astype(np.float32)


def _heads(canvas: Axes, height: float, settings: Settings, n_encoders: int) -> None:
    """The title, and the name of each column."""
    about = f"{n_encoders} views of one sound, {n_encoders} encoders, one small head on any subset of them"
    _text(canvas, 0.15, height - 0.24, about, 12, ha="left", weight="bold")
    chunk = f"{settings.chunking.length_s:g} s at {settings.chunking.rate_hz / 1000:g} kHz"
    columns = {
        0.65: f"sound\n{chunk}", 2.3: "representation\n(what is kept)", 3.95: "front end\n(a token a frame)",
        5.45: "body, the same for all,\ntrained for each", 6.72: "embedding",
        7.75: "own classifier\n(while it trains)", 9.3: "combined",
    }  # fmt: skip
    for x, text in columns.items():
        _text(canvas, x, height - 0.64, text, 8)


def _sound(figure: Figure, canvas: Axes, audio: np.ndarray, y: float, middles: Sequence[float]) -> None:
    axis = _inset(figure, 0.2, y - 0.4, 0.9, 0.8)
    axis.plot(audio, color=INK, linewidth=0.3, rasterized=True)
    axis.axis("off")
    for middle in middles:
        _arrow(canvas, (1.12, y), (1.55, middle), INK)


def _encoder(
    figure: Figure, canvas: Axes, own: Representation, audio: np.ndarray, y: float, settings: Settings
) -> None:
    """One row: thumbnail, front end, embedding, own classifier."""
    features = features_of(own, audio[None])
    axis = _inset(figure, 1.6, y - 0.28, 1.4, 0.62)
    own.draw(axis, features[0])
    axis.set(xlabel="", ylabel="", title="", xticks=[], yticks=[])
    axis.minorticks_off()
    axis.spines[:].set(visible=True, color=own.colour, linewidth=1.5)
    shape = " x ".join(str(n) for n in features[0].shape)
    _text(canvas, 2.3, y - 0.39, f"{own.title}{_mark(own)} ({shape})", 7.5)
    with torch.inference_mode():
        n_tokens = own(torch.from_numpy(features)).shape[1]
    front = [*([own.first] if own.first else []), f"project to {settings.body.width} + place", f"{n_tokens} tokens"]
    _arrow(canvas, (3.03, y), (3.35, y), own.colour)
    _box(canvas, (3.36, y - 0.27, 1.18, 0.54), "\n".join(front), own.colour)
    _arrow(canvas, (4.55, y), (4.82, y), own.colour)
    _arrow(canvas, (6.1, y), (6.38, y), own.colour)
    canvas.add_patch(Rectangle((6.41, y - 0.08), 0.62, 0.16, facecolor=own.colour, edgecolor="none"))
    for k in range(1, 16):  # an embedding: a row of cells
        canvas.plot([6.41 + 0.62 * k / 16] * 2, [y - 0.08, y + 0.08], color="white", linewidth=0.5)
    _text(canvas, 6.72, y - 0.2, f"{settings.body.width} numbers", 7)
    _arrow(canvas, (7.06, y + 0.05), (7.26, y + 0.17), "#888888")
    _box(canvas, (7.28, y + 0.06, 0.94, 0.26), f"{settings.heads.hidden}, classes", "#888888", linestyle="--")


def _body(canvas: Axes, body: Body, middles: Sequence[float]) -> None:
    """The Transformer as a stack of layers with the pooling between them; one architecture across all rows."""
    low, high = middles[-1] - ROW * 0.42, middles[0] + ROW * 0.42
    _box(canvas, (4.84, low, 1.24, high - low), "", INK)
    rows = ["Transformer"]
    for layer in range(1, body.layers + 1):
        rows += [f"layer {layer}", *(["halve tokens (max)"] if layer in body.pool_after else [])]
    rows.append("average tokens")
    step = (high - low - 0.5) / (len(rows) - 1)
    for number, text in enumerate(rows):
        look = {"style": "normal" if text.startswith("layer") else "italic", "weight": "normal" if number else "bold"}
        _text(canvas, 5.46, high - 0.12 - number * step, text, 7.5, **look)
    of = f"{body.heads} heads of {body.head_width},\nMLP {body.mlp}, dropout {body.dropout:g}"
    _text(canvas, 5.46, low + 0.15, of, 6.5)


def _head(canvas: Axes, encoders: Sequence[Representation], hidden: int, middles: Sequence[float]) -> None:
    """Concatenation of the embeddings, and the head that is trained anew on every subset of them."""
    y, part = float(np.mean(middles)), 0.3
    top = y + part * len(encoders) / 2
    for number, (own, middle) in enumerate(zip(encoders, middles, strict=True)):
        end = top - part * (number + 0.5)
        canvas.plot([7.06, 8.32, 8.5], [middle - 0.06, middle - 0.06, end], color=own.colour, linewidth=1.2)
        canvas.add_patch(Rectangle((8.5, end - part / 2), 0.14, part, facecolor=own.colour, edgecolor="white"))
    _text(canvas, 8.72, top - part * len(encoders) - 0.12, "joined", 7, ha="left")
    _arrow(canvas, (8.67, y), (8.88, y), INK)
    about = f"head:\n{hidden},\nclasses\n\nanew on\neach of {2 ** len(encoders) - 1}\nsubsets"
    _box(canvas, (8.9, y - 0.62, 0.95, 1.24), about, INK)


def _mark(representation: Representation) -> str:
    """A star where something is learned before there is anything to see, and so is not yet learned here."""
    return "*" if type(representation).fit is not Representation.fit else ""


def _inset(figure: Figure, x: float, y: float, width: float, height: float) -> Axes:
    return figure.add_axes((x / WIDTH, y / figure.get_figheight(), width / WIDTH, height / figure.get_figheight()))


def _text(canvas: Axes, x: float, y: float, text: str, size: float, **look: str) -> None:
    canvas.text(x, y, text, **{"fontsize": size, "ha": "center", "va": "center", "color": INK} | look)


def _box(canvas: Axes, box: tuple[float, float, float, float], text: str, colour: str, linestyle: str = "-") -> None:
    """A box (x, y, width, height) with text in its middle."""
    x, y, width, height = box
    look = {"facecolor": PALE, "edgecolor": colour, "linestyle": linestyle}
    rounded = "round,pad=0,rounding_size=0.06"
    canvas.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=rounded, **look))
    _text(canvas, x + width / 2, y + height / 2, text, 7)


def _arrow(canvas: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    look = {"arrowstyle": "-|>", "mutation_scale": 7, "color": colour, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0}
    canvas.add_patch(FancyArrowPatch(start, end, **look))
