"""ESC-50 (Piczak 2015) and any folder in its layout, such as ESC-10:

    meta/esc50.csv   filename,fold,target,category,esc10,src_file,take
    audio/           the files that the table names, WAV or OGG
    families.csv     label,family; absent in ESC-50 itself

Classes are the table's categories in the order of their targets; every clip has one. Where the folder has no families.csv of
its own, the families of ESC-50's categories are its five groups of ten (facts/esc50_families.csv). The corpus comes with folds, and
a group is the Freesound recording (src_file) that a clip was cut from. In the whole of ESC-50 four recordings (131943,
134049, 209698, 234879) lie in two folds each, under two categories: the published folds leak there. They are left as
published, so that results compare, and named in `Corpus.notes`.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lib.sounds.corpora.base import Corpus
from lib.sounds.corpora.rows import FACTS, FAMILIES, Row, families, finished, folder, number, read_csv, validate_rows

TABLE = Path("meta") / "esc50.csv"
COLUMNS = ("filename", "fold", "target", "category", "src_file")


def read(root: Path | None, name: str = "esc50") -> Corpus:
    """The corpus in the folder `root`; CorpusError if it is not laid out as above or has no usable clip."""
    root = folder(root, name, str(TABLE), "audio")
    cells = read_csv(root / TABLE, COLUMNS)
    categories = numbered(cells)
    rows = parse(cells, root / "audio", categories)
    classes = [categories[target] for target in sorted(categories)]
    parents, notes = families(root, classes) if (root / FAMILIES).exists() else (groups_of_ten(classes), [])
    return finished(name, root, validate_rows(rows), classes, parents, notes)


def groups_of_ten(classes: list[str]) -> dict[str, tuple[str, ...]]:
    """The family of each class that is one of ESC-50's categories."""
    family_of = {row["label"]: row["family"] for row in read_csv(FACTS / "esc50_families.csv", ("label", "family"))}
    return {name: (family_of[name],) for name in classes if name in family_of}


def numbered(cells: list[dict[str, str]]) -> dict[int, str]:
    """Target -> category as most rows have it; each category has one target."""
    pairs = Counter((number(row["target"]), row["category"]) for row in cells if row["category"])
    categories: dict[int, str] = {}
    for (target, category), _ in pairs.most_common():
        if target is not None and target not in categories and category not in categories.values():
            categories[target] = category
    return categories


def parse(cells: list[dict[str, str]], audio: Path, categories: dict[int, str]) -> Iterator[Row]:
    """A Row for each row of the table; no file is touched."""
    for row in cells:
        yield Row(
            clip=row["filename"] or f"line {row['line']}",
            path=audio / row["filename"],
            inside=audio,
            labels=(row["category"],) if row["category"] else (),
            fold=number(row["fold"]) or 0,
            group=row["src_file"],
            problem=_problem(row, categories),
        )


def _problem(row: dict[str, str], categories: dict[int, str]) -> str:
    target = number(row["target"])
    if not row["filename"]:
        return "no file name"
    if row["surplus"]:
        return f"more cells than columns: {row['surplus']}"
    if not number(row["fold"]):
        return f"fold {row['fold']!r} is not a number from 1"
    if target is None:
        return f"target {row['target']!r} is not a number from 0"
    if row["category"] and row["category"] != categories.get(target):
        return f"category {row['category']!r} does not go with target {target}, unlike in the other rows"
    return ""
