"""`make record`: keep a run's figures, tables and provenance in figures/record/<study>, and write the pages from there.

What git keeps is at most 1 MB a file: a larger table is compressed, whatever is still larger is refused. Folders of this
machine are cut off paths in tables; where a text still names one, nothing is copied.
"""

import csv
import gzip
import io
import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from lib import files
from lib.cli.compiled import compile_once
from lib.cli.environment import Stop
from lib.cli.processes import in_subprocess
from lib.display.screen import counted, short_path
from lib.files import digests, runs

FAULTS = "faults"  # the folder of what `make faults` found, in figures and figures/record
MOST_BYTES = 10**6  # of one file in figures/record, which git keeps for ever
FACTS = ("corpus", "preset", "fold", "settings", "versions")  # of study.json, the same in every fold
MACHINE = ("system", "processor", "cores")
TEXTS = {".csv", ".json", ".svg", ".tex", ".txt", ".html", ".md"}
ABSOLUTE = re.compile(r"(?<![\w.:/~])/(?:[^\s/,;:'\"()]+/)+")  # the folders of an absolute path
SHORTEST = 4  # a folder's name below this may stand anywhere


def record(given: Mapping[str, str]) -> int:
    """Record the run STUDY=..., and write README.md and docs/results.md from all records; without STUDY only the latter."""
    if name := given.get("STUDY", ""):
        recorded = of_faults() if name == FAULTS else contents(name)
        target = files.home() / "figures" / "record" / name
        shutil.rmtree(target, ignore_errors=True)
        for path, content in recorded.items():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(content)
        compile_once()
        in_subprocess(draw_overview, target.parent)
        there = f"{counted(len(recorded), 'file')} in {short_path(target)}"
        print(f"{there}, and the overview with the paper's numbers beside it")
    changed = [f"{short_path(path)} is updated from the records" for path in in_subprocess(_pages, files.home())]
    print("\n".join(changed) or "the pages are up to date")
    return 0


def of_faults() -> dict[PurePosixPath, bytes]:
    """The tables of `make faults` by name; Stop where it has not run."""
    found = sorted((files.home() / "figures" / FAULTS).glob("*.csv"))
    if not found:
        raise Stop(f"STUDY={FAULTS}: there is nothing to record: make faults makes it")
    return {PurePosixPath("tables") / path.name: path.read_bytes() for path in found}


def _pages(home: Path) -> list[Path]:
    sys.path.append(str(files.PROJECT / "docs"))
    from pages import write  # what writes the pages lies beside them

    return write(home)


def draw_overview(folder: Path) -> None:
    """The picture that opens the README: overview.pdf, .svg and .png with the numbers of the paper's own settings."""
    from lib.display.figures import save
    from lib.plots.overview import overview
    from lib.settings import Settings

    save(overview(Settings()), folder / "overview")


def contents(name: str) -> dict[PurePosixPath, bytes]:
    """What is recorded of a run, by its path in the record; Stop where something may not be recorded."""
    figures, run = files.home() / "figures" / name, files.home() / "runs" / name
    there = sorted({path.name for path in figures.parent.glob("*") if path.is_dir()} - {"record", "bench"})
    if name not in there:
        raise Stop(f"STUDY={name}: there is no such run in figures/; there are {', '.join(there) or 'none yet'}")
    if not any((run / "tables").glob("*.csv")):
        raise Stop(f"STUDY={name}: {short_path(run)} has no tables: make study with its variables makes them")
    folders = folders_of_machine(run)
    recorded = {}
    found = [path for path in sorted(figures.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    for path in of_first(found):
        content = without_folders(path.read_bytes(), folders) if path.suffix == ".csv" else path.read_bytes()
        recorded[PurePosixPath(path.relative_to(figures))] = content
    recorded |= {PurePosixPath("tables") / path: content for path, content in tables(run, folders)}
    about = json.dumps(provenance(run), indent=1, ensure_ascii=False)
    recorded[PurePosixPath("study.json")] = f"{about}\n".encode()
    check(recorded, folders, name)
    return recorded


def of_first(paths: list[Path]) -> list[Path]:
    """The figures without those of another seed or fold than the first: they are alike, and many."""
    for marked in (r"_seed(\d+)_", r"/fold(\d+)/"):
        numbers = {path: int(found[1]) for path in paths if (found := re.search(marked, path.as_posix()))}
        paths = [path for path in paths if path not in numbers or numbers[path] == min(numbers.values())]
    return paths


def check(recorded: Mapping[PurePosixPath, bytes], folders: list[str], name: str) -> None:
    """Stop where a file is too large, or where a text names a folder of this machine."""
    for path, content in recorded.items():
        if len(content) > MOST_BYTES:
            size = len(content) / 1e6
            raise Stop(f"{name}/{path} has {size:.1f} MB; what git keeps may have 1 MB at most, so nothing was copied")
        if path.suffix in TEXTS and (found := [each for each in folders if f"{each}/".encode() in content]):
            raise Stop(f"{name}/{path} names a folder of this machine ({found[0]}), so nothing was copied")


# Tables


def tables(run: Path, folders: list[str]) -> Iterator[tuple[str, bytes]]:
    """Name and content of every table of a run, and of what its folds rejected; compressed where it is over 1 MB."""
    found = {path.name: digests.read(path, Path.read_bytes) for path in sorted((run / "tables").glob("*.csv"))}
    if "rejected.csv" not in found and (of_folds := sorted(run.glob("fold*/tables/rejected.csv"))):
        lines = [path.read_text().splitlines() for path in of_folds]  # every fold reads all clips
        found["rejected.csv"] = "\n".join(dict.fromkeys(line for each in lines for line in each)).encode() + b"\n"
    for name, content in found.items():
        plain = without_folders(content, folders)
        large = len(plain) > MOST_BYTES
        yield (f"{name}.gz", gzip.compress(plain, mtime=0)) if large else (name, plain)


def without_folders(content: bytes, folders: list[str]) -> bytes:
    """A table in which paths of this machine are cut to what comes after their folders; unchanged where it has none."""
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    path = rows[0].index("path") if rows and "path" in rows[0] else None
    clean = [[_clean(cell, column == path, folders) for column, cell in enumerate(row)] for row in rows]
    if clean == rows:
        return content
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(clean)
    return out.getvalue().encode()


def _clean(cell: str, is_path: bool, folders: list[str]) -> str:
    if is_path:
        return re.split(r"[/\\]", cell)[-1]
    for folder in folders:
        cell = cell.replace(f"{folder}/", "")
    return ABSOLUTE.sub("", cell)


def folders_of_machine(run: Path) -> list[str]:
    """Folders whose names say where this machine keeps things, the longest first."""
    root = runs.request(run).get("root", "")
    found = {str(folder) for folder in (files.PROJECT, files.home(), Path.home(), root) if str(folder) not in ("", ".")}
    return sorted((folder.rstrip("/") for folder in found if len(folder) >= SHORTEST), key=len, reverse=True)


# Provenance


def provenance(run: Path) -> dict[str, Any]:
    """Command, settings, seeds, versions, corpus and commit of a run; of a run over folds what they have in common."""
    found = sorted([*run.glob("study.json"), *run.glob("fold*/study.json")])
    if not found:
        raise Stop(f"{short_path(run)} has no study.json, which says what it was made from: make study makes it")
    each = {path.parent.name: digests.read(path, digests.load_json) for path in found}
    first, request = next(iter(each.values())), runs.request(run)
    hashes = {name: one["corpus_hash"] for name, one in each.items()}
    return {
        "make": command(request),
        **{name: first[name] for name in FACTS if name in first},
        "fold": request["fold"],
        "seeds": first["seeds"],
        "corpus_hash": hashes if len(set(hashes.values())) > 1 else first["corpus_hash"],
        "commit": ", ".join(dict.fromkeys(one["commit"] for one in each.values())),
        "machine": {name: value for name, value in first["machine"].items() if name in MACHINE},
    }


def command(request: Mapping[str, Any]) -> str:
    """The line that makes the run again, without this machine's folders."""
    names = ("corpus", "root", "preset", "fold", "seeds", "controls", "peers", "robust", "name", "set")
    given = {name: request[name] for name in names if request.get(name)}
    if "root" in given:
        given["root"] = f"path/to/{Path(given['root']).name}"
    return " ".join(["make study", *(f"{name.upper()}={shlex.quote(str(value))}" for name, value in given.items())])
