"""FSD50K (Fonseca et al. 2022) and any folder in its layout:

    FSD50K.ground_truth/vocabulary.csv   index,label,mid (no header): the classes, in this order
    FSD50K.ground_truth/dev.csv          fname,labels,mids,split (train or val)
    FSD50K.ground_truth/eval.csv         fname,labels,mids
    FSD50K.dev_audio/, FSD50K.eval_audio/        <fname>.wav
    FSD50K.metadata/{dev,eval}_clips_info_FSD50K.json     who uploaded a clip; may be absent
    ontology.csv                         label,parents ("|" separates several); absent in FSD50K itself

Labels are taken as delivered, which is with their ancestors. Train, val and eval become train, validation and test. A
group is an uploader, or the clip where no uploader is known. Where ontology.csv is absent, parents are those that
FSD50K's own labels carry (facts/fsd50k_ontology.csv).
"""

import json
from collections.abc import Iterator
from pathlib import Path

from lib.sounds.corpora.base import Corpus, CorpusError
from lib.sounds.corpora.layout import TRUTH
from lib.sounds.corpora.rows import FACTS, Row, finished, folder, label_list, read_csv, validate_rows

ROLES = {"train": "train", "val": "validation", "eval": "test"}


def read(root: Path | None, name: str = "fsd50k") -> Corpus:
    """The corpus in the folder `root`; CorpusError if it is not laid out as above or has no usable clip."""
    tables = [f"{TRUTH}/{part}.csv" for part in ("vocabulary", "dev", "eval")]
    root = folder(root, name, *tables, "FSD50K.dev_audio", "FSD50K.eval_audio")
    classes = vocabulary(root)
    notes: list[str] = []
    rows = [row for part in ("dev", "eval") for row in parse(root, part, uploaders(root, part, notes))]
    return finished(name, root, validate_rows(rows, set(classes)), classes, ontology(root, classes), notes)


def vocabulary(root: Path) -> tuple[str, ...]:
    """The classes in the order of vocabulary.csv."""
    path = root / TRUTH / "vocabulary.csv"
    rows = read_csv(path, header=("index", "label", "mid"))
    classes = tuple(dict.fromkeys(row["label"] for row in rows if row["label"]))
    if not classes:
        raise CorpusError(f"{path} holds no classes; it needs lines of index,label,mid without a header")
    return classes


def parse(root: Path, part: str, groups: dict[str, str]) -> Iterator[Row]:
    """A Row for each row of dev.csv or eval.csv; no sound file is touched."""
    audio = root / f"FSD50K.{part}_audio"
    columns = ("fname", "labels", "split") if part == "dev" else ("fname", "labels")
    for row in read_csv(root / TRUTH / f"{part}.csv", columns):
        split = row["split"] if part == "dev" else "eval"
        yield Row(
            clip=row["fname"] or f"{part}.csv line {row['line']}",
            path=audio / f"{row['fname']}.wav",
            inside=audio,
            labels=label_list(row["labels"], ","),
            role=ROLES.get(split, ""),
            group=groups.get(row["fname"], ""),
            problem=_problem(row, split, part),
        )


def _problem(row: dict[str, str], split: str, part: str) -> str:
    if not row["fname"]:
        return "no file name"
    if row["surplus"]:
        return f"more cells than columns: {row['surplus']}"
    if part == "dev" and split not in ("train", "val"):
        return f"split {split!r} is neither train nor val"
    return ""


def uploaders(root: Path, part: str, notes: list[str]) -> dict[str, str]:
    """Uploader of each clip that the metadata has; a line is added to `notes` where there is no such table."""
    path = root / "FSD50K.metadata" / f"{part}_clips_info_FSD50K.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {clip: str(entry.get("uploader") or "").strip() for clip, entry in entries.items()}
    except FileNotFoundError:
        notes.append(f"{part}: {path.name} is absent, so each clip is its own group and intervals may be too narrow")
    except (OSError, ValueError, AttributeError) as error:
        notes.append(f"{part}: {path.name} cannot be read ({error}), so each clip is its own group")
    return {}


def ontology(root: Path, classes: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Parents of each class and of what stands above it, from the folder's own ontology.csv, else from FSD50K's."""
    own = root / "ontology.csv"
    rows = read_csv(own if own.exists() else FACTS / "fsd50k_ontology.csv", ("label", "parents"))
    given = {row["label"]: label_list(row["parents"], "|") for row in rows}
    parents: dict[str, tuple[str, ...]] = {}
    above = list(classes)
    for name in above:
        if given.get(name) and name not in parents:
            parents[name] = given[name]
            above += given[name]
    return parents
