"""FSD50K's own layout, for corpora that are generated: its tables, and a folder for each part's sounds."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib import files

TRUTH, INFO = "FSD50K.ground_truth", "FSD50K.metadata"


@dataclass(frozen=True)
class Entry:
    """A clip in the tables: its file's name, its labels, its split (train, val or eval) and what else is known of it."""

    fname: str
    labels: tuple[str, ...]
    split: str
    info: dict[str, Any]

    @property
    def part(self) -> str:
        """dev or eval."""
        return "eval" if self.split == "eval" else "dev"


def audio(folder: Path, entry: Entry) -> Path:
    """The file of an entry's sound."""
    return folder / f"FSD50K.{entry.part}_audio" / f"{entry.fname}.wav"


def write_tables(folder: Path, entries: Sequence[Entry], mids: Mapping[str, str]) -> None:
    """Write vocabulary, ground truth and metadata of all clips, and make empty folders for the sounds.

    mids: the classes in order, each with its identifier.
    """
    for name in (TRUTH, INFO, "FSD50K.dev_audio", "FSD50K.eval_audio"):
        (folder / name).mkdir(parents=True)
    _write(folder / TRUTH / "vocabulary.csv", ([number, *pair] for number, pair in enumerate(mids.items())))
    for part, split in (("dev", ["split"]), ("eval", [])):
        own = [entry for entry in entries if entry.part == part]
        rows = [
            [entry.fname, ",".join(entry.labels), ",".join(mids[label] for label in entry.labels), entry.split]
            for entry in own
        ]
        head = ["fname", "labels", "mids", *split]
        _write(folder / TRUTH / f"{part}.csv", [head, *(row[: len(head)] for row in rows)])
        files.write_json(folder / INFO / f"{part}_clips_info_FSD50K.json", {each.fname: each.info for each in own})


def _write(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    with open(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
