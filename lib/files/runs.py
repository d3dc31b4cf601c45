"""Runs by name: which of those in runs/ is meant by STUDY=..., and its request.

Light on purpose: the commands that start here check names before anything heavy is loaded.
"""

from pathlib import Path
from typing import Any

from lib import files
from lib.files import PlainError, digests

LAST = "tables/table1.csv"  # what a run writes last
PLAN = "request.json"  # what `make study` writes first
STUDY = "study.json"  # what the notebooks write, by themselves too


def begun() -> list[Path]:
    """Folders of all runs that `make study` or their notebooks began, the newest first."""
    folders = {path.parent for name in (PLAN, STUDY) for path in (files.home() / "runs").glob(f"*/{name}")}
    return sorted(folders, key=lambda folder: (_touched(folder), folder.name), reverse=True)


def _touched(folder: Path) -> float:
    return next(path for name in (LAST, PLAN, STUDY) if (path := folder / name).exists()).stat().st_mtime


def finished(folder: Path) -> bool:
    """Whether the run came to its end."""
    return (folder / LAST).exists()


def wanted(name: str, only_finished: bool = False) -> Path:
    """The folder of the run of this name, of the newest finished one where it is empty; PlainError where there is none."""
    there = begun()
    done = [folder for folder in there if finished(folder)]
    if not name and not done:
        raise PlainError("there is no finished run in runs/ yet: make study makes one")
    if not name:
        return done[0]
    named = [folder for folder in there if folder.name == name]
    if not named:
        names = ", ".join(folder.name for folder in there) or "none yet"
        raise PlainError(f"STUDY={name}: there is no such run in runs/; there are {names}")
    if only_finished and named[0] not in done:
        raise PlainError(f"STUDY={name}: this run is not finished; make study with its variables goes on with it")
    return named[0]


def request(folder: Path) -> dict[str, Any]:
    """The fields of lib.study.Request."""
    return _plan(folder)["request"]


def seeds(folder: Path) -> list[int]:
    """The seeds that the run was made with."""
    return _plan(folder)["seeds"]


def folds(folder: Path) -> list[int]:
    """The folds that the run is made of; none where it is one run."""
    return _plan(folder)["folds"]


def _plan(folder: Path) -> dict[str, Any]:
    if (folder / PLAN).exists():
        return digests.read(folder / PLAN, digests.load_json)["plan"]
    by_notebooks = digests.read(folder / STUDY, digests.load_json)
    if "request" not in by_notebooks:
        raise PlainError(
            f"{digests.short(folder / STUDY)} is an earlier version's and lacks the notebooks' parameters: remove it and run 03_subsets again"
        )
    folds = sorted(int(path.parent.name.removeprefix("fold")) for path in folder.glob(f"fold*/{STUDY}"))
    own = {"seeds": ",".join(map(str, by_notebooks["seeds"]))}
    return {"request": by_notebooks["request"] | own, "seeds": by_notebooks["seeds"], "folds": folds}
