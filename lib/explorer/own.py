"""A folder of one's own sounds in front of a finished study: what notebook 08 shows of them."""

from __future__ import annotations

import html
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from matplotlib.figure import Figure

from lib import files
from lib.explorer import markup
from lib.explorer.html_media import HEARD_S, audio_html
from lib.explorer.inference import Inference, Sound
from lib.explorer.twin import StaticView
from lib.model import why
from lib.model.folder import sound_files
from lib.plots import explorer as pictures
from lib.plots import own as own_pictures
from lib.plots import sounds
from lib.settings import SettingsError
from lib.sounds.decode import BadFile
from lib.study import Study

RATE_HZ = 16000  # of the sounds made here
MOST = 12  # sounds that a notebook shows; make embed takes folders of any size


class OwnSounds:
    """The first sounds of a folder, embedded by a finished study; `bad` are those that could not be used [file, reason]."""

    def __init__(self, study: Study, seed: int, folder: str, n_points: int = 1000) -> None:
        self.inference, self.n_points = Inference(study.parts[0], seed), n_points
        self.rate_hz = self.inference.chunks.settings.rate_hz
        self.folder = files.expanded(folder) if folder else example_sounds()
        self.sounds: list[Sound] = []
        bad = []
        for path in sound_files(self.folder)[:MOST]:
            try:
                self.sounds.append(self.inference.embed_file(path, path.relative_to(self.folder).as_posix()))
            except BadFile as error:
                bad.append({"file": path.name, "reason": str(error)})
        self.bad = pd.DataFrame(bad, columns=["file", "reason"])
        if not self.sounds:
            raise SettingsError(
                f"sounds = {folder!r}: none of its files can be used: {bad[0]['file']}: {bad[0]['reason']}"
            )

    def __getitem__(self, number: int) -> Sound:
        return self.sounds[number % len(self.sounds)]

    @cached_property
    def names(self) -> list[str]:
        """The sounds by name."""
        return [sound.name for sound in self.sounds]

    def players(self) -> StaticView:
        """Players of every sound, as far as it fits a page."""
        rows = [
            [markup.cell(html.escape(sound.name), name=True), markup.cell(f"{len(sound.start_s)}"),
             markup.cell(audio_html(sound.audio[: round(HEARD_S)].ravel(), self.rate_hz, sound.name)), markup.cell(html.escape(sound.remark))]
            for sound in self.sounds
        ]  # fmt: skip
        return StaticView("", markup.table("Own sounds", ["file", "seconds", "sound", ""], rows))

    def picture(self, sound: Sound) -> Figure:
        """What each encoder is given of a sound, over time."""
        return sounds.over_time(sound.audio[: round(HEARD_S)], self.rate_hz, self.inference.representations)

    def tags(self, n_classes: int = 3) -> pd.DataFrame:
        """The classes that all encoders score highest, of each sound: [file, first, second, ...] with their scores."""
        model, rows = self.inference.model, []
        for sound in self.sounds:
            best = model.tag(sound.embedded).highest(n_classes)
            rows.append(
                [
                    sound.name,
                    *(f"{name} ({score:.2f})" for name, score in zip(best["class"], best["score"], strict=True)),
                ]
            )
        return pd.DataFrame(rows, columns=["file", *(f"{place}." for place in range(1, len(rows[0])))])

    def nearest(self) -> pd.DataFrame:
        """Of each sound's loudest second the nearest chunk of a training clip in each encoder's embeddings."""
        train = set(self.inference.train.tolist())
        rows = []
        for sound in self.sounds:
            found = {}
            for name in self.inference.embeddings:
                near, far = self.inference.nearest(name, sound, sound.loudest, len(self.inference.chunks))
                row, distance = next((row, each) for row, each in zip(near.tolist(), far, strict=True) if row in train)
                found[name] = f"{self.inference.caption_of(row)} ({distance:.2f})"
            rows.append({"file": sound.name, **found})
        return pd.DataFrame(rows)

    def maps(self) -> Figure:
        """The corpus laid out by each encoder, and the seconds of the own sounds among it."""
        rows = self.inference.mapped(self.n_points)
        places, mine = {}, {}
        for title, chosen in self.inference.singles.items():
            places[title] = self.inference.plane(chosen, rows)
            mine[title] = [self.inference.placed(sound, chosen, rows, places[title]) for sound in self.sounds]
        return own_pictures.on_maps(places, mine, self.names)

    def said_by_each(self, sound: Sound) -> pd.DataFrame:
        """Scores by all encoders and by each alone."""
        return why.said_by_each(self.inference.model, sound.embedded)

    def without_each(self, sound: Sound) -> pd.DataFrame:
        """Scores by all encoders and by all but one."""
        return why.without_each(self.inference.model, sound.embedded)

    def by_second(self, sound: Sound) -> pd.DataFrame:
        """Which seconds decided on the highest class, whose name is in `attrs`."""
        label = self.inference.model.tag(sound.embedded).highest(1)["class"][0]
        found = why.by_second(self.inference.model, sound.embedded, label)
        found.attrs["class"] = label
        return found

    def seconds(self, decided: pd.DataFrame, sound: Sound) -> Figure:
        """A `by_second` as a picture."""
        return own_pictures.seconds(decided, decided.attrs["class"], sound.name)


def heat(found: pd.DataFrame, sound: Sound) -> Figure:
    """Scores [class, then one column an answerer] as a picture."""
    return pictures.predictions(found.set_index("class"), sound.name)


def example_sounds() -> Path:
    """A folder of sounds made here, for a reader without any: a glide, a buzz of eleven partials, hiss, clicks, two in a row."""
    folder = files.home() / "data" / "own_sounds"
    seconds = np.arange(2 * RATE_HZ) / RATE_HZ
    rng = np.random.default_rng(0)
    clicks = np.zeros_like(seconds)
    clicks[:: RATE_HZ // 8] = 1
    made = {
        "glide up": np.sin(2 * np.pi * (200 * seconds + 150 * seconds**2)),
        "buzz": sum(np.sin(2 * np.pi * 220 * k * seconds) / k for k in range(1, 12)) / 2,
        "hiss": rng.standard_normal(len(seconds)) / 4,
        "clicks": clicks,
    }
    made["first hiss, then a buzz"] = np.concatenate([made["hiss"], made["buzz"]])
    for name, samples in made.items():
        path = folder / f"{name}.wav"
        if not path.exists():
            with files.atomic_write(path) as temporary:
                soundfile.write(temporary, (0.3 * samples).astype(np.float32), RATE_HZ)
    return folder
