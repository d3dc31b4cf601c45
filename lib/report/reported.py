"""A run as its report reads it: its tables, its pictures in the order of their weight, and numbers as text."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from lib.evaluation.results import levels_of
from lib.evaluation.sentences import between, number
from lib.files import runs
from lib.sounds.chunks import LEVELS
from lib.study import Request, Study, StudyError

FIGURES_BYTES = 5 * 10**6  # of all pictures in the page, so that it stays below 8 MB

# The pictures that a page shows: title, and what there is to see for who does not see it. Those that matter most come
# first: they are kept where not all have room.
PICTURES = {
    "table1": ("Table 1", "Bars of each encoder and all four together with their intervals, on FSD50K the paper's beside them; the numbers are those of Table 1."),
    "contributions": ("Shares", "A bar for each encoder: what it contributes to all four together, with its interval, by both heads."),
    "overview": ("The study at a glance", "A diagram: one second of sound becomes peaks, MFCC, a neuralogram and a waveform; each goes through the same Transformer; one head reads every subset of the four embeddings."),
    "01_representations": ("What each encoder is given", "A few sounds, one a column; below each its spectrum and what the four encoders are given of it."),
    "lattice": ("All fifteen subsets as a lattice", "From no encoder on the left to all four on the right; each line adds one encoder and climbs by what it adds."),
    "marginals": ("Alone, on average, and added last", "Three marks for each encoder: its value alone, its share, and what is lost without it."),
    "redundancy": ("Who replaces whom", "A square of pairs of encoders, coloured by their interaction: below zero they know the same things."),
    "subsets": ("All subsets with both heads", "A row for each subset of the encoders, with its value and interval by both heads, for chunks and for clips."),
    "heads": ("The two heads against each other", "A mark for each subset: the head with a hidden layer against the linear one."),
    "classes": ("Shares by class", "A table of colours: a row for each class, a column for each encoder; framed where the encoder owns the class."),
    "confusion": ("What is taken for what", "A square of colours: a row for each label that test clips have, a column for each that all four name; where clips have several labels, beside it which labels they share."),
    "branches": ("By branch of the classes", "A table of colours: a row for each encoder, a column for each branch of the ontology."),
    "class": ("One class: the one that all four improve most over the best of them alone", "Its average precision by every subset, each encoder's share of it, and its test clips by score."),
    "controls": ("Controls beside the study", "Shares of the study's encoders, and of the players of each control, with their intervals."),
    "probes": ("What each embedding knows", "A table of colours: a row for each property of the sound, a column for each encoder: what a linear probe reads of it, with its interval."),
    "similarity": ("What of one embedding can be had from others", "Tables of colours: what of each embedding a ridge on others predicts."),
    "curves": ("Shares against budget and against data", "Lines of each encoder's share at parts of the epochs and of the training groups."),
    "definitions": ("The same scores under every definition", "A mark for each definition of a measure: what the same stored scores give by it, between a constant predictor and the best there could be."),
    "careless": ("What careless protocols would have given", "For each broken rule two marks: the number by the rule, and the number without it."),
}  # fmt: skip

TABLES = {
    "subsets": "03_subsets", "controls_left_out": "03_subsets", "contributions": "04_contributions",
    "marginals": "04_contributions", "best_subsets": "04_contributions", "owned": "04_contributions",
    "tests": "04_contributions", "simultaneous": "04_contributions", "branches": "04_contributions",
    "controls": "04_contributions", "definitions": "04_contributions", "careless": "04_contributions",
    "copies": "04_contributions", "xor": "04_contributions", "table1": "05_paper_figures",
    "table2": "05_paper_figures", "ledger": "05_paper_figures", "differences": "05_paper_figures",
    **dict.fromkeys(("probes", "similarity", "gains", "curves", "substitutes"), "04_contributions"),
    **dict.fromkeys(("predictions", "confusion", "mistakes"), "03_subsets"),
    "decisions": "05_paper_figures", "timing": "05_paper_figures", "rejected": "01_representations",
    "remarks": "01_representations",
}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A run as the page reads it: the study, and its parts as they lie on disk, whether the corpus is there or not."""

    study: Study
    parts: tuple[Study, ...]

    @classmethod
    def of(cls, folder: Path) -> "Run":
        """The run in this folder."""
        request = Request(**runs.request(folder))
        folds = [request.model_copy(update={"fold": fold, "part": True}) for fold in runs.folds(folder)]
        study = Study.of(request)
        return cls(study, tuple(map(Study.of, folds)) or (study,))

    def table(self, name: str) -> pd.DataFrame:
        """A table of the run; StudyError with the notebook that makes it where it is missing."""
        return self.study.table(name, TABLES[name])

    @cached_property
    def levels(self) -> list[str]:
        """The levels that differ in some fold."""
        there = {level for part in self.parts for level in levels_of(part)}
        return [level for level in LEVELS if level in there]

    @property
    def seeds(self) -> list[str]:
        """The seeds that the tables are made of, which may not yet be all that were asked for."""
        try:
            found = self.table("subsets")["seed"].unique()
        except StudyError:
            return []
        return [seed for seed in found if seed != "mean"]

    @property
    def lacking(self) -> str:
        """What the run still lacks, in one line; empty where it is whole."""
        asked = [str(seed) for seed in self.study.request.seeds if str(seed) not in self.seeds]
        if not runs.finished(self.study.folder):
            return "This run is not finished: what is missing below is named where it belongs."
        return f"This run goes on: its tables do not have the seeds {', '.join(asked)} yet." if asked else ""

    @property
    def head(self) -> str:
        """The head that the page tells of; the tables have all."""
        return self.study.settings.heads.kinds[0]

    @cached_property
    def pictures(self) -> dict[str, bytes]:
        """The pictures [stem -> PNG] that are there and have room."""
        found, room = {}, FIGURES_BYTES
        for stem in PICTURES:
            places = [part.figures / f"{stem}.png" for part in (self.study, self.parts[0])]
            for path in [path for path in places if path.exists() and path.stat().st_size <= room][:1]:
                found[stem] = path.read_bytes()
                room -= len(found[stem])
        return found


# Numbers as text


def told(values: Iterable[float], measure: str = "", sign: str = "") -> list[str]:
    """Fractions in percent, empty where there is none."""
    return ["" if pd.isna(value) else number(value, measure, sign) for value in pd.Series(values).astype(float)]


def intervals(rows: pd.DataFrame, sign: str = "") -> list[str]:
    """low and high of each row; empty where there is none."""
    measures = rows["measure"] if "measure" in rows else [""] * len(rows)
    each = zip(rows["low"].astype(float), rows["high"].astype(float), measures, strict=True)
    return ["" if np.isnan([low, high]).any() else between(low, high, name, sign)[1:-1] for low, high, name in each]


def with_interval(rows: pd.DataFrame, column: str, sign: str = "") -> list[str]:
    """A value and its interval in one cell."""
    measures = rows["measure"] if "measure" in rows else [""] * len(rows)
    values = [number(value, name, sign) for value, name in zip(rows[column], measures, strict=True)]
    ends = intervals(rows, sign)
    return [f"{value} ({end})" if end else value for value, end in zip(values, ends, strict=True)]
