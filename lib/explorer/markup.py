"""Predictions as HTML. Labels and file names are data: everything that is not a number is escaped here."""

import html
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from lib.explorer.html_media import HEARD_S, audio_html, breakable
from lib.explorer.inference import Inference, Sound, caption
from lib.representations.base import Representation

SILENT = "silence: there is no sound to score"
CELL = "padding: 2px 8px; text-align: left; vertical-align: top"
NUMBER = "padding: 2px 6px; text-align: right; font-variant-numeric: tabular-nums"
SHOWN_SECONDS = 12  # columns of a score table at most


def line(text: str) -> str:
    """A line of plain text."""
    return f"<p style='margin: 4px 0'>{html.escape(text)}</p>"


def heading(name: str, about: str) -> str:
    """The name of a study, and a line about it."""
    return f"<h1 style='margin: 8px 0; overflow-wrap: anywhere'>{html.escape(name)}</h1>{line(about)}"


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already, with its title and the names of its columns as text."""
    names = "".join(f"<th scope='col' style='{CELL}'>{html.escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    words = f"<caption style='text-align: left; caption-side: top'>{html.escape(title)}</caption>"
    return (
        f"<div style='overflow-x: auto; padding: 4px'><table style='border-collapse: collapse; margin: 0'>{words}"
        f"<thead><tr>{names}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def cell(content: str, name: bool = False) -> str:
    """A cell of HTML; `name`: it names its row."""
    return f"<th scope='row' style='{CELL}'>{content}</th>" if name else f"<td style='{CELL}'>{content}</td>"


def score_cell(value: float) -> str:
    """A score as a number on a ground that is the darker the higher it is; readable on all of them. NaN: of silence."""
    if np.isnan(value):
        return f"<td style='{NUMBER}; color: #666'>silent</td>"
    strength = 0.65 * float(np.clip(value, 0, 1))
    return f"<td style='{NUMBER}; background: rgba(86, 180, 233, {strength:.2f}); color: #000'>{round(value, 2) + 0.0:.2f}</td>"


def scores(found: pd.DataFrame, title: str) -> str:
    """A `score_table`: own labels in bold, other classes not, and marked, since bold alone does not reach every reader."""
    seconds = list(found.columns[3 : 3 + SHOWN_SECONDS])
    rows = []
    for row in found.to_dict("records"):
        name = breakable(row["class"])
        label = f"<b>{name}</b> (its label)" if row["own"] else f"<span style='font-weight: normal'>{name}</span>"
        rows.append([cell(label, name=True), *(score_cell(row[column]) for column in ["whole", *seconds])])
    return table(title, ["class", "whole", *seconds], rows)


def alike(inference: Inference, sound: Sound, chunk: int) -> str:
    """The three nearest chunks to one of a sound, a row for each encoder, with players; a silent chunk has none."""
    if sound.silent[chunk]:
        return line(f"From {sound.start_s[chunk]:g} s: {SILENT}")
    rate, rows = inference.part.settings.chunking.rate_hz, []
    for representation in inference.representations:
        near, far = inference.nearest(representation.name, sound, chunk)
        cells = []
        for row, distance in zip(near, far, strict=True):
            name = inference.caption_of(row)
            player = audio_html(np.array(inference.chunks.audio[row]), rate, name)
            cells.append(cell(f"{html.escape(name)}<br>{distance:.2f} away<br>{player}"))
        rows.append([cell(html.escape(representation.title), name=True), *cells])
    title = f"What sounds most like {caption(sound.labels, sound.name)}, from {sound.start_s[chunk]:g} s"
    return table(title, ["to this encoder", "nearest", "second", "third"], rows)


def players(title: str, sounds: Iterable[tuple[str, np.ndarray]], rate_hz: int) -> str:
    """A table of sounds, a row each: its name, and a player of its samples [s]."""
    rows = [[cell(html.escape(name), name=True), cell(audio_html(samples, rate_hz, name))] for name, samples in sounds]
    return table(title, ["", "sound"], rows)


def sonified(inference: Inference, sound: Sound, chunk: int) -> str:
    """Players of a second of a sound and of what each representation keeps of it."""
    rate, audio = inference.part.settings.chunking.rate_hz, sound.audio[chunk : chunk + 1]
    rows = [[cell("The sound itself", name=True), cell(""), cell(audio_html(audio[0], rate, "the sound itself"))]]
    for each in inference.representations:
        samples = inference.sonify(each, audio)[: round(HEARD_S * rate)]
        player = audio_html(samples, rate, f"{each.title}: {each.sound_caption}")
        rows.append([cell(html.escape(each.title), name=True), cell(html.escape(each.sound_caption)), cell(player)])
    title = f"{caption(sound.labels, sound.name)}, from {sound.start_s[chunk]:g} s"
    return table(title, ["", "what you hear", ""], rows)


def learned(representation: Representation, samples: np.ndarray, number: int) -> str:
    """A player of one thing that a front end learned, as samples [s]."""
    return audio_html(samples, representation.rate_hz, f"{representation.title}: learned sound {number}")
