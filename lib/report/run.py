"""A run as its report reads it: its tables, and its pictures in the order of their weight."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from lib.evaluation.results import levels_of
from lib.files import runs
from lib.report.pictures import PICTURES
from lib.sounds.chunks import LEVELS
from lib.study import Request, Study, StudyError

FIGURES_BYTES = 5 * 10**6  # of all pictures in the page, so that it stays below 8 MB

MADE_BY = {
    "01_representations": "rejected remarks",
    "03_subsets": "subsets controls_left_out predictions confusion mistakes",
    "04_contributions": "contributions marginals best_subsets owned tests simultaneous branches controls definitions "
    "careless copies xor probes similarity gains curves substitutes",
    "09_robustness": "robustness robustness_half robustness_features robustness_length",
    "05_paper_figures": "table1 table2 ledger differences decisions timing",
}
TABLES = {table: notebook for notebook, tables in MADE_BY.items() for table in tables.split()}


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

    def level_title(self, level: str) -> str:
        """A level in a heading; where clips stand alone it says why."""
        return f"{level}s" if len(self.levels) > 1 else f"{level}s, each of one chunk"

    @property
    def certainty(self) -> str:
        """The level of its intervals, in a heading."""
        return f"{100 * self.study.settings.scoring.level:g} %"

    @property
    def seeds(self) -> list[str]:
        """The seeds that the tables are made of, which may not yet be all of the request's."""
        try:
            found = self.table("subsets")["seed"].unique()
        except StudyError:
            return []
        return [seed for seed in found if seed != "mean"]

    @property
    def lacking(self) -> str:
        """What the run still lacks, in one line; empty where it is whole."""
        lacking = [str(seed) for seed in self.study.request.seeds if str(seed) not in self.seeds]
        if not runs.finished(self.study.folder):
            return "This run is not finished: what is missing below is named where it belongs."
        return f"This run goes on: its tables do not have the seeds {', '.join(lacking)} yet." if lacking else ""

    @property
    def head(self) -> str:
        """The head that the page shows; the tables have all."""
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
