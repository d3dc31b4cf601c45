"""The views on paper: what a printed or headless notebook shows in the place of each widget, a figure and a table."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.display.figures import GREY, save, save_table, style
from lib.display.screen import counted
from lib.explorer import markup
from lib.explorer.choosing import ALL_FAMILIES
from lib.explorer.html_media import HEARD_S, audio_html, image_html
from lib.explorer.inference import Inference, caption, score_table, title_of, whole_scores
from lib.explorer.viewer import one_of_each
from lib.plots import explorer as pictures
from lib.plots import sounds
from lib.plots.common import BESIDE, INK
from lib.plots.encoder import NONE, groupings, kinds_of
from lib.sounds.corpora.base import ROLES
from lib.study import Study

N_ALIKE = 5  # nearest chunks that are compared


@dataclass(frozen=True)
class StaticView:
    """A figure and a table of one view, as a notebook shows them."""

    figure: str
    table: str

    def _repr_html_(self) -> str:
        return self.figure + self.table


class Twin:
    """`choice`, `player`, `scores`, `sonified`, `alike`, `map` and `own`: the same views, of one test clip."""

    def __init__(self, inference: Inference, n_points: int, study: Study) -> None:
        self.inference, self.n_points, self.study, self.folder = inference, n_points, study, study.figures
        self.subset = tuple(inference.embeddings)
        chunks = inference.chunks
        self.sound = inference.clip(int(chunks.clip[one_of_each(chunks, role="test")[0]]))
        self.chunk = self.sound.loudest
        self.heading = StaticView("", markup.heading(title_of(inference.part), str(inference.part)))
        self.written = StaticView("", markup.line(str(self.folder)))
        self.name = caption(self.sound.labels, self.sound.name)
        self.rate = chunks.settings.rate_hz

    def _view(self, stem: str, figure: Figure, alternative: str, table: str) -> StaticView:
        save(figure, self.folder / f"06_{stem}")
        return StaticView(image_html(figure, alternative), table)

    @property
    def choice(self) -> StaticView:
        """How many clips each filter leaves, by role and, where classes come in families, by family."""
        found = self.clip_table()
        title = "Clips by role, and how far from one another the encoders' predictions for them are on average, 0 to 2"
        if "family" in found:
            title += "; a family: clips with a label of it, judged by its classes alone"
        save_table(found, self.folder / "06_choice", title)
        return self._view("choice", clip_counts(found), "bars: clips and mistakes by role", _plain(found, title))

    def clip_table(self) -> pd.DataFrame:
        """Clips, mistakes of all encoders together and mean disagreement [role, family]; `family` only where there are some."""
        inference, rows = self.inference, []
        corpus = inference.chunks.corpus
        for role in [role for role in ROLES if (corpus.clips["role"] == role).any()]:
            for family, columns in {ALL_FAMILIES: None, **inference.families}.items():
                labelled = corpus.targets[:, slice(None) if columns is None else columns].any(1)
                mine = (corpus.clips["role"] == role).to_numpy() & labelled
                wrong, apart = inference.mistaken(self.subset, columns)[mine], inference.disagreement(columns)[mine]
                mean = f"{apart.mean():.2f}" if mine.any() else ""
                counts = {"clips": mine.sum(), "mistakes of all together": wrong.sum(), "disagreement": mean}
                rows.append({"role": role, "family": family, **counts})
        return pd.DataFrame(rows).drop(columns=[] if inference.families else "family")

    @property
    def player(self) -> StaticView:
        """Picture over time, and the sound."""
        audio = self.sound.audio[: round(HEARD_S)]
        figure = sounds.over_time(audio, self.rate, self.inference.representations)
        player = audio_html(np.concatenate(list(audio)), self.rate, self.name)
        row = [markup.cell(markup.html.escape(self.name), name=True), markup.cell(player)]
        return self._view("clip", figure, f"{self.name} over time", markup.table("The clip", ["clip", "sound"], [row]))

    @property
    def scores(self) -> StaticView:
        """What each encoder and all together predict."""
        found = score_table(self.inference, self.sound, self.subset)
        columns = self.inference.singles | {"all": self.subset}
        whole = {title: whole_scores(self.inference, self.sound, subset) for title, subset in columns.items()}
        place = [self.inference.classes.index(name) for name in found["class"]]
        names = [f"{name} *" if own else name for name, own in zip(found["class"], found["own"], strict=True)]
        scores = pd.DataFrame({title: values[place] for title, values in whole.items()}, index=names)
        save_table(scores.reset_index(names="class"), self.folder / "06_scores", f"Scores of {self.name}")
        figure = pictures.predictions(scores, f"{self.name}; * its label")
        table = markup.scores(found, "Scores by all encoders")
        return self._view("scores", figure, f"scores of {self.name} by each encoder", table)

    @property
    def sonified(self) -> StaticView:
        """What each representation keeps, as sound; and one thing that a front end learned."""
        learned = [(r, r.learned_sounds()) for r in self.inference.representations]
        learned = [(r, found) for r, found in learned if len(found)]
        with style():
            n = max(1, len(learned))
            figure = Figure(figsize=(6, 2.2 * n))
            axes = figure.subplots(n, squeeze=False)[:, 0]
            for axis, (representation, _) in zip(axes, learned, strict=False):
                representation.draw_learned_sound(axis, 0)
        rows = [[markup.cell(r.title, name=True), markup.cell(markup.learned(r, found[0], 1))] for r, found in learned]
        table = markup.sonified(self.inference, self.sound, self.chunk)
        table += markup.table("What a front end learned: the first of its sounds", ["learned by", "sound"], rows)
        return self._view("learned", figure, "spectrum of the first learned sound", table)

    @property
    def alike(self) -> StaticView:
        """The nearest chunks in each encoder's embeddings."""
        agreement = self.label_agreement()
        self.study.write_table("neighbours", agreement.drop(columns="colour"))
        table = markup.alike(self.inference, self.sound, self.chunk)
        return self._view("alike", nearest_bars(agreement), "bars: how often neighbours share a label", table)

    def label_agreement(self) -> pd.DataFrame:
        """How many of the nearest chunks of other clips share a label, over the map's chunks [encoder, share, chance].

        chance: how many of all chunks of other clips on the map do.
        """
        targets, clips = self.inference.chunks.targets, self.inference.chunks.clip
        rows, every = self.inference.mapped(min(200, self.n_points)), self.inference.mapped(self.n_points)
        alike = [(targets[every[clips[every] != clips[row]]] & targets[row]).any(1) for row in rows]
        chance = float(np.mean([each.mean() for each in alike if len(each)] or [np.nan]))
        result = []
        for representation in self.inference.representations:
            shares = []
            for row in rows:
                near, _ = self.inference.nearest(representation.name, *self.inference.chunk(row), N_ALIKE)
                shares.append((targets[near] & targets[row]).any(1).mean())
            result.append((representation.title, float(np.mean(shares)), chance, representation.colour))
        return pd.DataFrame(result, columns=["encoder", "share", "chance", "colour"])

    @property
    def map(self) -> StaticView:
        """The map of chunks by each encoder and by all together."""
        inference, chunks = self.inference, self.inference.chunks
        rows = inference.mapped(self.n_points)
        layouts = inference.singles | {"all together": self.subset}
        places = {title: inference.plane(subset, rows) for title, subset in layouts.items()}
        grouped = groupings(chunks.corpus)
        title, groups = next(iter(grouped.items()))
        names, kinds = kinds_of(chunks.targets[rows], groups)
        figure = pictures.map_panels(places, names, kinds, chunks.clip[rows] == self.sound.clip)
        n_chunks = [(kinds == kind).sum() for kind in (*range(len(names)), NONE)]
        by_kind = pd.DataFrame({title: [*names, "other"], "chunks": n_chunks})
        table = _plain(by_kind, f"{len(rows)} of {counted(len(chunks), 'chunk')} are on the map")
        return self._view("map", figure, f"maps of {counted(len(rows), 'chunk')}", table)

    @property
    def own(self) -> StaticView:
        """An own sound from a file: here the clip's own file, whose stored predictions are there to compare."""
        path = self.inference.chunks.corpus.clips.iloc[self.sound.clip]["path"]
        again = self.inference.embed_file(path)
        found = score_table(self.inference, again, self.subset)
        whole = pd.Series(found["whole"].to_numpy(), found["class"])
        figure = pictures.predictions(
            whole.to_frame("all"), f"the same file ({self.sound.name}), as a sound of one's own"
        )
        return self._view(
            "own", figure, "scores of an own sound", markup.scores(found, "Scores by all encoders, of a file")
        )


def _plain(found: pd.DataFrame, title: str) -> str:
    """A table of names and numbers."""
    escaped = found.map(lambda value: markup.html.escape(str(value))).itertuples(index=False)
    rows = [[markup.cell(name, name=True), *map(markup.cell, numbers)] for name, *numbers in escaped]
    return markup.table(title, list(map(str, found.columns)), rows)


def clip_counts(found: pd.DataFrame) -> Figure:
    """Bars of clips and mistakes of a `clip_table`, by role."""
    found = found[found["family"] == ALL_FAMILIES] if "family" in found else found
    with style():
        figure = Figure(figsize=(6, 1.1 + 0.5 * len(found)))
        axis = figure.subplots()
        for number, (name, ink) in enumerate((("clips", GREY), ("mistakes of all together", INK))):
            axis.barh(np.arange(len(found)) + 0.36 * (number - 0.5), found[name], height=0.34, color=ink, label=name)
        axis.set_yticks(range(len(found)), found["role"])
        axis.invert_yaxis()
        axis.set(xlabel="clips", title="Clips by role, and how many of them are mistaken")
        axis.legend(fontsize=7)
        return figure


def nearest_bars(found: pd.DataFrame) -> Figure:
    """Bars of a `label_agreement`."""
    with style():
        figure = Figure(figsize=(6, 1.15 + 0.32 * len(found)))
        axis = figure.subplots()
        axis.barh(found["encoder"], found["share"], color=found["colour"], height=0.7)
        axis.axvline(found["chance"].iloc[0], color=INK, linestyle=BESIDE["chance"], label="any chunks of other clips")
        figure.legend(loc="outside lower right", fontsize=7)
        axis.invert_yaxis()
        axis.set(xlim=(0, 1), xlabel=f"of the {N_ALIKE} nearest chunks of other clips, the part that shares a label")
        axis.set_title("How often what lies near in an embedding shares a label")
        return figure
