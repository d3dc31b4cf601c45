"""A recorded study as its pages read it: the tables of figures/record/<study>/tables, and numbers as Markdown.

Values are fractions in the tables and percent on a page, with one decimal; d' is not shown.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib.evaluation.results import SHARED
from lib.evaluation.sentences import estimate, number
from lib.files import PlainError
from lib.files.cells import rows_with, unguarded
from lib.representations import PAPER

HEAD = "paper"  # the head of the pages, with a hidden layer; the tables have the linear one too
TEXT = {"seed": str, "fold": str, "control": str}  # columns whose values are names, empty where there is none


class NotRecorded(PlainError):
    """A record lacks what a page asks for; the message says what."""


@dataclass(frozen=True)
class Record:
    """A recorded study: its folder, and what its controls are called."""

    folder: Path
    titles: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The study's name."""
        return self.folder.name

    def beside(self, name: str) -> "Record":
        """Another record of the same folder of records."""
        return Record(self.folder.parent / name, self.titles)

    def table(self, name: str) -> pd.DataFrame:
        """A table; NotRecorded where there is none."""
        self._check()
        for path in (self.folder / "tables" / f"{name}.csv", self.folder / "tables" / f"{name}.csv.gz"):
            if path.exists():
                return _read(path)
        raise NotRecorded(f"{self.name} has no table {name}")

    def rows(self, name: str, **wanted: Any) -> pd.DataFrame:
        """The rows of a table with these values; NotRecorded where there are none."""
        table = self.table(name)
        if lacking := [column for column in wanted if column not in table]:
            raise NotRecorded(f"{self.name}: the table {name} has no column {lacking[0]}")
        found = rows_with(table, **wanted)
        if found.empty:
            raise NotRecorded(f"{self.name}: the table {name} has no rows of {', '.join(map(str, wanted.values()))}")
        return found

    def model(self, subset: str, head: str, level: str, measure: str, control: str = "") -> pd.Series:
        """The row of subsets.csv of one model, the mean of its seeds."""
        wanted = {"subset": subset, "head": head, "level": level, "measure": measure, "control": control}
        return self.rows("subsets", **wanted, seed="mean").iloc[0]

    def facts(self) -> dict[str, Any]:
        """What the study was made from: study.json of the record."""
        self._check()
        path = self.folder / "study.json"
        if not path.exists():
            raise NotRecorded(f"{self.name} has no study.json")
        return json.loads(path.read_text())

    def _check(self) -> None:
        if not (self.folder / "tables").is_dir():
            raise NotRecorded(f"figures/record/{self.name} has no tables")

    def measures(self) -> list[tuple[str, str]]:
        """Measures and levels that pages show: the headline of Table 1 and the shared measure, without repeats."""
        headline = self.table("table1")["measure"].iloc[0]
        return list(dict.fromkeys([(headline, "chunk"), (headline, "clip"), (SHARED, "clip")]))


def _read(path: Path) -> pd.DataFrame:
    try:
        table = unguarded(pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=TEXT))
    except pd.errors.EmptyDataError:  # a table that has no rows had no columns either
        return pd.DataFrame()
    return table.fillna({name: "" for name in TEXT if name in table})


# Markdown


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def with_interval(row: Any, column: str = "value", sign: str = "") -> str:
    """A number of a row and its interval in brackets, in percent; without brackets where there is no interval."""
    known = np.isfinite([float(row[name]) for name in (column, "low", "high")]).all()
    return estimate(row, column, sign=sign) if known else number(row[column], sign=sign)


def encoders(found: Iterable[str]) -> list[str]:
    """The encoders among these names, the paper's in its order and others after them."""
    names = list(dict.fromkeys(found))
    return [*(name for name in PAPER if name in names), *(name for name in names if name not in PAPER)]
