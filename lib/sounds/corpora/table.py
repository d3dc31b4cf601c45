"""Your own sounds: a folder with sound files and one CSV (or the CSV itself), which has a header and the columns

    path     of the sound file, relative to the CSV's folder
    labels   one or several, separated by ";"
    role     train, validation (val) or test; leave the column out or empty to have the clips split
    group    what makes clips dependent (a recording session, a speaker, a machine); optional
    fold     a whole number from 1, for FOLD=1 or FOLD=all; leave it out or empty to have the groups dealt; optional

Beside it may lie families.csv with the columns `label` and `family`: results are then given by family of labels, too.
Cells are separated by "," or, where the header is, by ";" or a tab. Classes are the labels in alphabetical order. The
split goes by group, or by clip where there is none: of each label's groups about 70 % of the clips become train, 10 %
validation and 20 % test, drawn with a fixed seed. Where a fold is set, roles are not used.
"""

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from lib.display.screen import LINE, counted
from lib.sounds.corpora.base import Corpus, CorpusError, listed
from lib.sounds.corpora.folds import dealt
from lib.sounds.corpora.rows import (
    FAMILIES,
    Row,
    families,
    finished,
    folder,
    in_one_line,
    label_list,
    number,
    read_csv,
    validate_rows,
)
from lib.sounds.corpora.spelling import Files, plain

LIKE_TABLES = (".tsv", ".tab", ".txt", ".xlsx", ".xls", ".ods", ".json", ".jsonl", ".gz")
ROLES = {"train": "train", "validation": "validation", "val": "validation", "test": "test"}
NOTHING = ("nan", "na", "n/a", "#n/a", "<na>", "none", "null", "nil", "undefined")  # what programs write for no value
COLUMNS = ("path", "labels", "role", "group", "fold")
SHARES = {"test": 0.2, "train": 0.7, "validation": 0.1}  # a tie goes to the role named first


def read(root: Path | None, name: str = "table", seed: int = 0, in_folds: bool = False) -> Corpus:
    """The corpus of a CSV file or of a folder with exactly one; CorpusError if there is none or nothing is usable.

    in_folds: by folds, those of the table or dealt here, instead of roles.
    """
    path = find(root, name)
    usable, rejected = validate_rows(parse(path, in_folds))
    notes = _remarks(path, in_folds)
    if usable and in_folds and not any(row.fold for row in usable):
        usable, note = dealt(usable, seed, str(path))
        notes.append(note)
    elif usable and not any(row.role or row.fold for row in usable):
        usable = split(usable, seed, str(path))
    classes = sorted({label for row in usable for label in row.labels})
    parents, of_families = ({}, []) if path.name == FAMILIES else families(path.parent, classes)
    notes += [*_doubtful(classes, [row.group for row in usable if row.group != row.clip]), *of_families]
    return finished(name, path.parent, (usable, rejected), classes, parents, notes)


def title(root: Path) -> str:
    """The name of the table that `root` is or holds; of the folder where that cannot be had."""
    try:
        return find(root, "table").stem
    except (CorpusError, OSError):
        return root.stem or "table"


def _remarks(path: Path, in_folds: bool) -> list[str]:
    """What is to be said of columns and roles that do not count and of clips without a group, where the table has any."""
    cells, notes = read_csv(path, ("path", "labels")), []
    if in_folds and any(row.get("role") for row in cells):
        notes.append("a fold was asked for, so the column `role` is not used")
    others = [name for name in cells[0] if name not in (*COLUMNS, "line", "surplus", "")] if cells else []
    if others:
        notes.append(f"columns that are not used: {listed(others, 8)}; those with a meaning are {', '.join(COLUMNS)}")
        notes += _meant(cells, others)
    if alone := sum(not row.get("group") for row in cells):
        some = f"{alone} of {counted(len(cells), 'row')} {'has' if alone == 1 else 'have'} no group"
        notes.append(
            f"{some if 'group' in cells[0] else f'{path.name} has no column `group`'}: each such clip is taken as "
            "independent of all others. Where clips share a speaker, a session or a machine, test clips are then partly "
            "known from training and intervals are too narrow: a column `group` that names what they share keeps it on one "
            "side of the split"
        )
    return notes


def _meant(cells: list[dict[str, str]], others: list[str]) -> Iterator[str]:
    """What columns without a meaning may be: times by their names; by their values roles, and groups where they repeat."""
    if times := [name for name in others if re.fullmatch(r"(start|begin|onset|end|offset)([ _].*)?", name)]:
        yield f"a clip is a whole file, so {listed(times, 4)} cut nothing out of it: cut sounds into files, a row for each"
    values = {name: {row[name].lower() for row in cells if row[name]} for name in others if name not in times}
    roles = [name for name, own in values.items() if {"train", "test"} <= own <= set(ROLES)]
    shared = [name for name, own in values.items() if name not in roles and 1 < len(own) <= len(cells) / 2]
    if roles and "role" not in cells[0]:
        yield f"`{roles[0]}` holds roles: call it role to have clips split so; now they are split at random"
    if shared and "group" not in cells[0]:
        yield f"if clips with one value of {' or '.join(f'`{name}`' for name in shared[:3])} are not independent, call that column group"


def _doubtful(classes: list[str], groups: list[str]) -> list[str]:
    """What is to be said of labels and groups [clip that has one] that may be meant otherwise than they are taken."""
    notes = []
    if alike := _alike(classes):
        notes.append(f"labels that differ in capitals, accents or a .0 only are taken as different: {listed(alike, 5)}")
    if alike := _alike(sorted(set(groups))):
        notes.append(
            f"groups whose names differ in capitals, accents or a .0 only are taken as different, so that test may hold clips of a training group: {listed(alike, 5)}"
        )
    if nothing := [f"{name} ({counted(n, 'clip')})" for name, n in Counter(groups).items() if plain(name) in NOTHING]:
        notes.append(
            f"groups whose name may mean that there is none are taken as one group each: {listed(nothing, 5)}; leave such cells empty"
        )
    if nothing := [name for name in classes if plain(name) in NOTHING]:
        notes.append(
            f"labels that may mean that there is none are taken as labels: {listed(nothing, 5)}; leave such cells empty"
        )
    if joined := [name for name in classes if re.search(r"[,|/]", name)]:
        notes.append(f"one label each, since only ';' separates labels: {listed(joined, 5)}")
    if long := [name for name in classes if len(name) > LINE]:
        notes.append(
            f"{counted(len(long), 'label')} of more than {LINE} letters, taken as names and shown without the middle: {listed(long, 1)}"
        )
    return notes


def _alike(names: list[str]) -> list[str]:
    """Names that say the same but for capitals, how accents are composed, or how a whole number is written."""
    by_plain: dict[str, list[str]] = defaultdict(list)
    for name in names:
        by_plain[plain(re.sub(r"(?<=\d)\.0+$", "", name))].append(name)
    return [" and ".join(alike) for alike in by_plain.values() if len(alike) > 1]


def find(root: Path | None, name: str) -> Path:
    """The CSV that `root` is or holds."""
    if root is not None and Path(root).is_file():
        return Path(root).resolve()
    if root is not None and Path(root).suffix.lower() == ".csv" and not Path(root).exists():
        raise CorpusError(f"{name}: there is no file {root}; give the path of the CSV (data/README.md)")
    found = sorted(path for path in folder(root, name).iterdir() if path.suffix.lower() == ".csv" and path.is_file())
    found = [path for path in found if path.name != FAMILIES] or found
    if len(found) != 1:
        names = ", ".join(path.name for path in found)
        like = ", ".join(sorted(path.name for path in Path(root).iterdir() if path.suffix.lower() in LIKE_TABLES))
        none = f"none but {like}: save it as CSV in UTF-8" if like else "none; data/README.md shows how to write one"
        holds = f"{names}; give the CSV's own path" if names else none
        raise CorpusError(f"{name}: {root} must hold exactly one CSV and holds {holds}")
    return found[0]


def parse(path: Path, in_folds: bool = False) -> Iterator[Row]:
    """A Row for each row of the table, with its fold where folds are wanted or there is no role; no sound is opened."""
    cells = read_csv(path, ("path", "labels"))
    side, files = _side(path, cells, in_folds), Files(path.parent)
    for row in cells:
        text = files.spelled(row["path"])
        clip = posixpath.normpath(text) if text else f"line {row['line']}"
        yield Row(
            clip=clip,
            path=path.parent / text,
            inside=path.parent,
            labels=label_list(row["labels"], ";"),
            role=ROLES.get(row["role"].lower(), "") if side == "role" else "",
            fold=_fold(row["fold"]) if side == "fold" else 0,
            group=in_one_line(row.get("group", "")) or clip,
            problem=_problem(row, text, side) or files.hint(text),
        )


def _side(path: Path, cells: list[dict[str, str]], in_folds: bool) -> str:
    """The column that says what is tested: role, fold, or neither."""
    filled = {name for name in ("role", "fold") for row in cells if row.setdefault(name, "")}
    side = "role" if "role" in filled and not in_folds else "fold" if "fold" in filled else ""
    if side == "fold" and (from_0 := sum(row["fold"] in ("0", "0.0") for row in cells)):
        raise CorpusError(
            f"{path}: folds count from 1, and {counted(from_0, 'row')} {'has' if from_0 == 1 else 'have'} fold 0; add 1 to every fold"
        )
    return side


def _fold(text: str) -> int:
    """A fold as spreadsheets write it (2 or 2.0); 0 where it is none."""
    return number(re.sub(r"\.0+$", "", text)) or 0


def _problem(row: dict[str, str], path: str, side: str) -> str:
    if not path:
        return "no path"
    if posixpath.isabs(path) or re.match(r"[A-Za-z]:/", path):
        return "an absolute path; give it relative to the table's folder"
    if re.match(r"[A-Za-z][\w+.-]+:/", path):
        return "an address; download the sound, and give its path relative to the table's folder"
    if row["surplus"]:
        return f"more cells than columns: {row['surplus']} (separate labels by ';'; put a cell in quotes that holds the table's separator)"
    if side and not row[side]:
        return f"no {side}, though other rows have one"
    if side == "role" and row["role"].lower() not in ROLES:
        return f"role {row['role'].lower()!r} is not train, validation or test"
    if side == "fold" and not _fold(row["fold"]):
        return f"fold {row['fold']!r} is not a whole number from 1"
    return ""


def split(rows: list[Row], seed: int, where: str) -> list[Row]:
    """`rows` with roles: each label's groups are dealt in shuffled order to the role that lacks most clips.

    Every label that has two groups is trained on and tested on, as far as that takes no other label from either.
    """
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.group].append(row)
    if len(groups) < 2:
        raise CorpusError(f"{where}: all usable clips are of one group, so none can be tested; add groups or roles")
    names = [str(name) for name in np.random.default_rng(seed).permutation(sorted(groups))]
    frequency = Counter(label for row in rows for label in row.labels)
    roles: dict[str, str] = {}
    for of_label in _by_rarest(names, groups, frequency).values():
        roles.update(_dealt({name: len(groups[name]) for name in of_label}))
    _fill_empty(roles, names, groups)
    _fill_labels(roles, names, groups)
    return [replace(row, role=roles[row.group]) for row in rows]


def _by_rarest(names: list[str], groups: dict[str, list[Row]], frequency: Counter) -> dict[str, list[str]]:
    of_label: dict[str, list[str]] = defaultdict(list)
    for name in names:
        labels = {label for row in groups[name] for label in row.labels}
        of_label[min(labels, key=lambda label: (frequency[label], label))].append(name)
    return of_label


def _dealt(sizes: dict[str, int]) -> dict[str, str]:
    lacking = {role: share * sum(sizes.values()) for role, share in SHARES.items()}
    roles = {}
    for name, n_clips in sizes.items():
        roles[name] = max(lacking, key=lambda role: round(lacking[role], 6))
        lacking[roles[name]] -= n_clips
    return roles


def _fill_empty(roles: dict[str, str], names: list[str], groups: dict[str, list[Row]]) -> None:
    """Give test and train a group each, the smallest there is elsewhere, where the deal left them none."""
    for role, other in (("test", "train"), ("train", "test")):
        if role not in roles.values():
            spare = [name for name in names if roles[name] == "validation"]
            spare = spare or [name for name in names if roles[name] == other]
            roles[min(spare, key=lambda name: len(groups[name]))] = role


def _fill_labels(roles: dict[str, str], names: list[str], groups: dict[str, list[Row]]) -> None:
    """Give train and test a group of each label that has two, where the deal, by each group's rarest label, left none.

    A group is moved only where that takes no label from train or test; one of validation first, then the smallest.
    """
    having: dict[str, list[str]] = defaultdict(list)
    for name in names:
        for label in sorted({label for row in groups[name] for label in row.labels}):
            having[label].append(name)
    for role in ("train", "test"):
        for label in sorted(having):
            if len(having[label]) > 1 and not any(roles[name] == role for name in having[label]):
                spare = [name for name in having[label] if _spare(name, roles, having)]
                if spare:
                    roles[min(spare, key=lambda name: (roles[name] != "validation", len(groups[name])))] = role


def _spare(name: str, roles: dict[str, str], having: dict[str, list[str]]) -> bool:
    """Whether each label of a group has another group in the same role, or the role is validation."""
    own = [others for others in having.values() if name in others]
    return roles[name] == "validation" or all(sum(roles[each] == roles[name] for each in others) > 1 for others in own)
