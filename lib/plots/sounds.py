"""Pictures of sounds: a chunk as wave and as spectrum, and below them what each encoder is given of it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

import librosa
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.display.figures import frequency_axis, heading, in_lines, style
from lib.representations.base import Representation

F_MIN_HZ, N_BINS, PER_OCTAVE, HOP_S = 40.0, 80, 12, 0.025  # of the reference spectrogram: what the paper's pitch sees
SHOWN_DB = 60.0  # below the loudest cell of a chunk


def wave(axis: Axes, samples: np.ndarray, rate_hz: int) -> None:
    """Draw samples [s] over time."""
    axis.plot(np.arange(len(samples)) / rate_hz, samples, color="#444444", linewidth=0.5, rasterized=True)
    axis.set(xlim=(0, len(samples) / rate_hz), xlabel="time (s)", ylabel="amplitude (full: 1)")


def spectrogram(axis: Axes, samples: np.ndarray, rate_hz: int) -> None:
    """Draw the constant-Q spectrogram of samples [s] in dB below its loudest cell, the reference beside all others."""
    level_db = constant_q_db(samples, rate_hz)
    edges_hz = F_MIN_HZ * 2 ** ((np.arange(N_BINS + 1) - 0.5) / PER_OCTAVE)
    times_s = (np.arange(level_db.shape[1] + 1) - 0.5) * HOP_S
    axis.pcolormesh(times_s, edges_hz, level_db, cmap="cividis", vmin=-SHOWN_DB, vmax=0, rasterized=True)
    frequency_axis(axis)
    axis.set(xlabel="time (s)", xlim=(0, len(samples) / rate_hz))


def constant_q_db(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """Constant-Q level [bin, frame] by librosa, 0 dB at the loudest cell, never under -SHOWN_DB."""
    hop = round(HOP_S * rate_hz)
    response = np.abs(librosa.cqt(
        np.asarray(samples), sr=rate_hz, hop_length=hop, fmin=F_MIN_HZ, n_bins=N_BINS, bins_per_octave=PER_OCTAVE,
    ))[:, : len(samples) // hop]  # fmt: skip
    loudest = max(float(response.max()), 1e-10)
    return np.maximum(20 * np.log10(np.maximum(response / loudest, 1e-10)), -SHOWN_DB)


def features_of(representation: Representation, audio: np.ndarray) -> np.ndarray:
    """Features [c, ...] that a representation computes from a few chunks [c, s]."""
    with torch.inference_mode():
        return representation.eval().compute(torch.from_numpy(np.array(audio))).numpy()


def grid(audio: np.ndarray, rate_hz: int, captions: Sequence[str], representations: Iterable[Representation]) -> Figure:
    """A column for each chunk of audio [c, s]: wave, spectrogram, and a row for what each representation computes."""
    representations = list(representations)
    n_rows, n_columns = 2 + len(representations), len(audio)
    with style():
        figure = Figure(figsize=(1.0 + 2.3 * n_columns, 1.0 + 1.45 * n_rows))
        axes = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey="row")
        for column, samples in enumerate(audio):
            wave(axes[0, column], samples, rate_hz)
            spectrogram(axes[1, column], samples, rate_hz)
            axes[0, column].set_title(
                in_lines(captions[column].replace(" s)", "\N{NO-BREAK SPACE}s)"), 32, 5), fontsize=8
            )
        for row, representation in enumerate(representations, start=2):
            for axis, features in zip(axes[row], features_of(representation, audio), strict=True):
                representation.draw(axis, features)
        _name_rows(axes, ["the sound", "constant-Q, dB", *(each.title for each in representations)])
        heading(figure, "The same sounds as each encoder gets them: what one row shows, another hides")
        return figure


def _name_rows(axes: np.ndarray, row_names: Sequence[str]) -> None:
    """Name each row at its left; ticks with their units stay where they are not said already."""
    for axis, name in zip(axes[:, 0], row_names, strict=True):
        axis.set_ylabel(f"{name}\n{axis.get_ylabel()}")
    for axis in axes[:, 1:].flat:
        axis.set_ylabel("")
        axis.tick_params(labelleft=False)
    for axis in axes[:-1].flat:
        axis.set_xlabel("")


def pictures(samples: np.ndarray, rate_hz: int, representations: Iterable[Representation], caption: str) -> Figure:
    """One chunk [s] as each representation keeps it, quick to draw: for a viewer, and in print as its twin."""
    representations = list(representations)
    n_rows = -(-len(representations) // 2)
    with style():
        figure = Figure(figsize=(8.5, 0.7 + 2.2 * n_rows))
        figure.set_layout_engine("none")  # fixed places are drawn three times as fast
        height = figure.get_figheight()
        places = {"left": 0.08, "right": 0.98, "top": 1 - 0.62 / height, "bottom": 0.48 / height}
        places |= {"hspace": 0.55, "wspace": 0.22}
        axes = figure.subplots(n_rows, 2, squeeze=False, gridspec_kw=places)
        for axis, representation in zip(axes.flat, representations, strict=False):
            representation.draw(axis, features_of(representation, samples[None])[0])
            axis.set_title(f"{representation.title}: {representation.keeps}", fontsize=8)
        for axis in axes.flat[len(representations) :]:
            axis.set_visible(False)
        heading(figure, textwrap.shorten(caption, 100), 9)
        return figure


TIME_AXIS = (0.1, 0.985)  # where the time axis of `over_time` begins and ends, as parts of the figure's width


def over_time(
    audio: np.ndarray, rate_hz: int, representations: Iterable[Representation], from_s: float = 0.0
) -> Figure:
    """Chunks [c, s] one after another on one time axis: spectrogram, and a row for what each representation computes."""
    representations = list(representations)
    seconds = audio.shape[0] * audio.shape[1] / rate_hz
    with style():
        figure = Figure(figsize=(10, 0.5 + 1.25 * (1 + len(representations))))
        figure.set_layout_engine("none")  # fixed places: a cursor is laid over the picture, and it is drawn faster
        edge = 0.42 / figure.get_figheight()
        places = {"left": TIME_AXIS[0], "right": TIME_AXIS[1], "bottom": edge, "top": 1 - 0.55 * edge, "hspace": 0.32}
        axes = figure.subplots(1 + len(representations), 1, sharex=True, gridspec_kw=places)
        spectrogram(axes[0], np.ascontiguousarray(audio).ravel(), rate_hz)
        for axis, representation in zip(axes[1:], representations, strict=True):
            representation.draw(axis, np.concatenate(list(features_of(representation, audio)), axis=-1))
        for axis, title in zip(
            axes, ["Constant-Q level, dB", *(f"{r.title}: {r.keeps}" for r in representations)], strict=True
        ):
            axis.set_title(title, fontsize=8, pad=2)
            axis.set(xlabel="", xlim=(0, seconds))
            axis.set_ylabel(textwrap.fill(axis.get_ylabel(), 12), fontsize=7)
        axes[-1].set_xlabel(f"time (s){f', from {from_s:g} s of the clip' if from_s else ''}")
        return figure


def probe_note(representation: Representation, samples: np.ndarray, fundamental_hz: float, n_partials: int) -> Figure:
    """Features of a note [s], drawn over frequency, with its partials marked: where energy is, and what is kept of it."""
    with style():
        figure = Figure(figsize=(6.0, 3.2))
        axis = figure.subplots()
        representation.draw(axis, features_of(representation, samples[None])[0])
        for number in range(1, n_partials + 1):
            axis.axhline(number * fundamental_hz, color="#D55E00", linewidth=0.7, linestyle=(0, (4, 4)))
        axis.set_title(f"A note of {fundamental_hz:g} Hz: its peaks (black) lie on its partials (dashed)")
        return figure


def probe_envelope(representation: Representation, rate_hz: int, seconds: float) -> pd.DataFrame:
    """How far features move, in the mean over a chunk, when a note of 220 Hz gets softer, higher, or other partials."""
    start = tone(220.0, rate_hz, seconds, 8)
    others = {
        "a tenth as loud": 0.1 * start,
        "the same partials, an octave up": tone(440.0, rate_hz, seconds, 8),
        "the same pitch, one partial": tone(220.0, rate_hz, seconds, 1),
    }
    first, *rest = features_of(representation, np.stack([start, *others.values()]))
    moved = [np.abs(each - first) for each in rest]
    return pd.DataFrame({"change": list(others), "mean": [m.mean() for m in moved], "most": [m.max() for m in moved]})


def probe_pieces(representation: Representation, samples: np.ndarray) -> np.ndarray:
    """Largest change [t] of each column of features when the first 100 ms of a chunk [s] are turned to silence."""
    changed = np.array(samples)
    changed[: representation.rate_hz // 10] = 0
    before, after = features_of(representation, np.stack([samples, changed]))
    return np.abs(after - before).max(0)


def shapes(representations: Iterable[Representation], audio: np.ndarray) -> pd.DataFrame:
    """What each representation makes of chunks [c, s]: the shape of its features and of its tokens."""
    rows = []
    for each in representations:
        features = features_of(each, audio)
        with torch.inference_mode():
            tokens = each(torch.from_numpy(features))
        shape = [" x ".join(map(str, values.shape[1:])) for values in (features, tokens)]
        rows.append((each.title, each.keeps, *shape))
    return pd.DataFrame(rows, columns=["representation", "keeps", "features", "tokens x width"])


def tone(fundamental_hz: float, rate_hz: int, seconds: float = 1.0, n_partials: int = 1) -> np.ndarray:
    """A steady note [s] float32 of the first partials below half the rate, each half as loud as the one before."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    below = [k for k in range(1, n_partials + 1) if k * fundamental_hz < rate_hz / 2]
    total = sum(0.5**k * np.sin(2 * np.pi * k * fundamental_hz * time_s) for k in below)
    return np.asarray(total, np.float32)
