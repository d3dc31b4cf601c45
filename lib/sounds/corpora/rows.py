"""From a table's rows to a Corpus: what all readers share.

A reader turns its tables into `Row`s without touching a sound file. `validate_rows` then parts the usable from the rejected,
by what the row says and what a stat() of the file shows, and `finished` makes the Corpus or says why there is none.
Files are opened later, when chunks are cut.
"""

import codecs
import csv
import glob
import io
import os
import re
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lib.display.screen import counted
from lib.files import without_controls
from lib.sounds.corpora.base import CLIP_COLUMNS, REJECTED_COLUMNS, Corpus, CorpusError, listed
from lib.sounds.corpora.spelling import stripped

FACTS = Path(__file__).parent / "facts"
FAMILIES = "families.csv"


MARKS = {  # byte order mark -> encoding; that of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One row of a source's table; `problem` is what its reader found wrong with it, `inside` where it must lie."""

    clip: str
    path: Path
    inside: Path
    labels: tuple[str, ...]
    role: str = ""
    fold: int = 0
    group: str = ""
    problem: str = ""


def folder(root: Path | None, name: str, *needed: str) -> Path:
    """`root` as an absolute folder that holds all of `needed`; CorpusError if it does not."""
    if root is None:
        raise CorpusError(f"{name}: no folder was given; give the one that holds its sounds, as ROOT (data/README.md)")
    root = Path(root)
    if not root.is_dir():
        what = (
            "is neither a folder nor a file (a pipe, a link to nothing)" if os.path.lexists(root) else "does not exist"
        )
        what = "is a file, not a folder" if root.is_file() else what
        if any(root.parent.glob(f"{glob.escape(root.name)} *")):
            what += ", but a name that goes on after a blank does: put a path with blanks in quotes"
        meant = (
            "set CORPUS=table for a table of own sounds" if root.is_file() else "give the folder that holds its sounds"
        )
        raise CorpusError(f"{name}: {root} {what}; {meant} (data/README.md)")
    missing = [part for part in needed if not (Path(root) / part).exists()]
    if missing:
        raise CorpusError(
            f"{name}: {root} holds no {' and no '.join(missing)}; data/README.md shows the layout, and CORPUS=table is for a table of own sounds"
        )
    return Path(root).resolve()


def read_csv(path: Path, columns: Sequence[str] = (), header: Sequence[str] | None = None) -> list[dict[str, str]]:
    """Rows of a table as text, cells and header stripped, header in small letters; CorpusError if unreadable.

    UTF-8, or what its byte order mark says. A table without a header takes the names of `header`. Each row has its `line`
    (from 1) and what is `surplus`. Cells are separated by a comma, a semicolon or a tab: by what a first line sep=; says, as
    spreadsheets write it, or by what gives the header its `columns`.
    """
    try:
        content = path.read_bytes()
        text = content.decode(next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8"))
        if "\0" in text[:1000]:
            raise CorpusError(f"{path} is no text, perhaps a spreadsheet; save the table as CSV in UTF-8")
        file = io.StringIO(text, newline="")
        said = re.match(r'"?sep=(.)', file.readline(), re.IGNORECASE)
        start = file.tell() if said else 0
        file.seek(start)
        delimiter = said[1] if said else _delimiter(file.readline(), columns)
        file.seek(start)
        reader = csv.reader(file, delimiter=delimiter)
        names = list(header or [stripped(cell).lower() for cell in next(reader, [])])
        lines = list(_lines(path, reader, len(names), delimiter, bool(said)))
    except UnicodeDecodeError:
        raise CorpusError(f"{path} is not UTF-8 text; save the table as CSV in UTF-8") from None
    except (OSError, csv.Error) as error:
        raise CorpusError(f"{path} cannot be read as a table ({error}); save it as CSV in UTF-8") from None
    missing = [column for column in columns if column not in names]
    if missing:
        found = listed(list(filter(None, names)), 12) or "nothing"
        lacks = f"column{'s' if len(missing) > 1 else ''} {' and '.join(missing)}"
        raise CorpusError(f"{path} lacks the {lacks}; its first line has: {found}; name columns there")
    if twice := [name for name, n in Counter(names).items() if name and n > 1]:
        raise CorpusError(f"{path} has the column {twice[0]} more than once; take out all but one, or rename them")
    return [_cells(names, line, cells) for line, cells in lines]


def _lines(path: Path, reader: Any, n_columns: int, mark: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, with the line that each ends in; CorpusError where a cell has swallowed a row."""
    before = reader.line_num
    while (cells := _next(reader, f"{path}, line {before + 1 + skipped}")) is not None:
        broken = [cell for cell in cells if "\n" in cell or "\r" in cell]
        if any(part.count(mark) >= max(1, n_columns - 1) for cell in broken for part in re.split(r"[\r\n]", cell)[1:]):
            raise CorpusError(
                f'{path}, line {before + 1 + skipped}: a cell goes on over the next line: close its quote ("), or take it out'
            )
        before = reader.line_num
        if any(map(stripped, cells)):
            yield before + skipped, cells


def _next(reader: Any, where: str) -> list[str] | None:
    """The cells of the next row, None after the last; CorpusError where one is endless."""
    try:
        return next(reader, None)
    except csv.Error as error:
        raise CorpusError(f'{where}: a cell cannot be read ({error}): close its quote ("), or shorten it') from None


def _delimiter(first: str, columns: Sequence[str]) -> str:
    """The separator of the cells of a table whose first line this is."""
    for mark in ",;\t":
        if set(columns) <= {cell.strip().lower() for cell in next(csv.reader([first], delimiter=mark), [])}:
            return mark
    return ","


def _cells(names: list[str], line: int, cells: list[str]) -> dict[str, str]:
    values = [stripped(cell) for cell in cells] + [""] * (len(names) - len(cells))
    surplus = listed([value for value in values[len(names) :] if value], 5)
    return {**dict(zip(names, values, strict=False)), "line": str(line), "surplus": surplus}


def label_list(text: str, separator: str) -> tuple[str, ...]:
    """Labels in the order given, each once and in one line, without blanks around it."""
    labels = (in_one_line(label) for label in text.split(separator))
    return tuple(dict.fromkeys(label for label in labels if label))


def in_one_line(text: str) -> str:
    """A name without line breaks and control characters, which no table and no figure could show."""
    return " ".join(without_controls(text).split())


def families(folder: Path, classes: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The family of each class that the folder's families.csv (label, family) gives one, and what is to be said of it;
    CorpusError where a label has two, or where a family is called as a label."""
    path = folder / FAMILIES
    if not path.exists():
        return {}, []
    family_of: dict[str, str] = {}
    for row in read_csv(path, ("label", "family")):
        label, family = in_one_line(row["label"]), in_one_line(row["family"])
        if label and family and family_of.setdefault(label, family) != family:
            raise CorpusError(
                f"{path}, line {row['line']}: {label} has the family {family_of[label]} already; a label has one, so take out a line"
            )
        if family in classes:
            raise CorpusError(
                f"{path}, line {row['line']}: the family {family} is called as a label of the table; call it otherwise"
            )
    notes = []
    if unknown := [label for label in family_of if label not in classes]:
        notes.append(f"{FAMILIES} names labels that no usable clip has: {listed(unknown, 5)}")
    if alone := [name for name in classes if name not in family_of]:
        notes.append(f"labels without a family in {FAMILIES}: {listed(alone, 5)}")
    return {name: (family_of[name],) for name in classes if name in family_of}, notes


def number(text: str) -> int | None:
    """A whole number from 0, or None."""
    return int(text) if text.isdecimal() and len(text) < 10 else None


def on_disk(path: Path, inside: Path) -> str:
    """Why the file at `path` cannot be used, as far as the file system knows; empty if it can."""
    try:
        whole, real = os.path.realpath(inside), os.path.realpath(path)
        if real != whole and not real.startswith(os.path.join(whole, "")):
            return "lies outside the corpus's folder, by its path or by a link; a table lies above its sounds"
        status = path.stat()
    except FileNotFoundError:
        return "file not found"
    except (OSError, ValueError) as error:
        return f"file cannot be reached: {getattr(error, 'strerror', None) or error}"
    if not stat.S_ISREG(status.st_mode):
        return "not a file"
    return "" if status.st_size else "empty file"


def validate_rows(rows: Iterable[Row], known: Collection[str] | None = None) -> tuple[list[Row], pd.DataFrame]:
    """The usable rows, and the rejected as a table (path, clip, reason); `known` are the allowed labels, if given."""
    usable: dict[str, Row] = {}
    rejected = []
    for row in rows:
        problem = row.problem or _wrong(row, usable, known) or on_disk(row.path, row.inside)
        if problem:
            rejected.append((str(row.path), row.clip, problem))
        else:
            usable[row.clip] = row
    return list(usable.values()), pd.DataFrame(rejected, columns=REJECTED_COLUMNS, dtype=str)


def _wrong(row: Row, seen: Mapping[str, Row], known: Collection[str] | None) -> str:
    unknown = [label for label in row.labels if known is not None and label not in known]
    if not row.labels:
        return "no label"
    if unknown:
        return f"unknown label: {', '.join(unknown)}"
    if row.clip not in seen:
        return ""
    first = seen[row.clip]
    if (first.role, first.fold) != (row.role, row.fold):
        side = f"as {first.role}" if first.role else f"in fold {first.fold}"
        return f"an earlier row has the same clip {side}: one clip cannot be trained on and tested on"
    return "an earlier row has the same clip (several labels go into one row, separated by ';')"


def finished(
    name: str,
    root: Path,
    validated: tuple[list[Row], pd.DataFrame],
    classes: Sequence[str],
    parents: dict[str, tuple[str, ...]] | None = None,
    notes: Sequence[str] = (),
) -> Corpus:
    """The Corpus of validated rows; CorpusError where there is nothing usable to train or test on."""
    rows, rejected = validated
    clips = pd.DataFrame(
        [(row.clip, str(row.path), row.role, row.fold, row.labels, row.group or row.clip) for row in rows],
        columns=CLIP_COLUMNS,
    )
    need_both_sides(name, root, clips, rejected)
    notes = (*notes, *_shared_groups(clips))
    return Corpus(name, root, clips, tuple(classes), parents or {}, rejected, notes)


def need_both_sides(name: str, root: Path, clips: pd.DataFrame, rejected: pd.DataFrame) -> None:
    """CorpusError where the clips have no two folds, or no train or test role: nothing could be tested."""
    if clips.empty:
        raise CorpusError(f"{name}: {root} has no usable clip{_first(rejected)}")
    folds, roles = set(clips["fold"]) - {0}, set(clips["role"])
    if len(folds) == 1:
        left_out = "" if rejected.empty else _first(rejected)
        without = "; without the column fold clips are dealt" if name == "table" else ""
        raise CorpusError(
            f"{name}: {root} has usable clips in fold {folds.pop()} only{left_out}; two folds are needed{without}"
        )
    for role in () if folds and roles == {""} else ("train", "test"):  # of folds, roles are chosen later
        if role not in roles:
            split = "; without the column role clips are split" if name == "table" else ""
            raise CorpusError(
                f"{name}: {root} has no usable {role} clip{_first(rejected)}; train and test are needed{split}"
            )


def _first(rejected: pd.DataFrame) -> str:
    if rejected.empty:
        return " (its table has none)"
    path, clip, _ = rejected.iloc[0]
    return f" ({len(rejected)} rejected: {reasons(rejected)}; the first is {clip or path}, {path})"


def reasons(rejected: pd.DataFrame) -> str:
    """The two most frequent reasons, with how often, and how many have others."""
    first = Counter(rejected["reason"]).most_common(2)
    others = len(rejected) - sum(n for _, n in first)
    return ", ".join([f"{n} x {text}" for text, n in first] + [f"{others} for other reasons"] * bool(others))


def _shared_groups(clips: pd.DataFrame) -> list[str]:
    """A note if a group lies in several folds or roles: then what is tested on is not independent of training."""
    side = "fold" if clips["fold"].any() else "role"
    parts = clips.groupby("group", sort=True)[side].nunique()
    shared = list(parts.index[parts > 1])
    if not shared:
        return []
    named = ", ".join(shared[:8]) + (", ..." if len(shared) > 8 else "")
    return [
        f"{counted(len(shared), 'group')} {'lies' if len(shared) == 1 else 'lie'} in more than one {side}, so test is not wholly independent of train: {named}"
    ]
