"""The house: wings that import only downwards, and few of them."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import lib
from lib.files import PROJECT

MOST_ENTRIES = 16
MOST_LINES = 350  # of a file that is read in one sitting
RUFF = Path(sys.executable).parent / "ruff"


def test_imports_go_only_downwards():
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("asked", [("check",), ("format", "--check")])
def test_the_code_has_one_form(asked):
    done = subprocess.run(
        [str(RUFF), *asked, "--no-cache", "."], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_the_library_is_seen_at_a_glance():
    entries = [path.name for path in (PROJECT / "lib").iterdir() if path.name != "__pycache__"]
    assert len(entries) <= MOST_ENTRIES, entries


def test_every_file_is_read_in_one_sitting():
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (PROJECT / "lib").rglob("*.py")}
    assert [(path.relative_to(PROJECT), n) for path, n in lines.items() if n > MOST_LINES] == []


NAMED_AFTER_CONTENT = ("plots", "representations", "kernels", "peers")  # one file for each thing of a kind
PACKAGES = sorted(path.parent for path in (PROJECT / "lib").rglob("__init__.py"))


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
def test_a_folder_says_what_is_inside(folder):
    inside = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    words = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    listed = {"__init__", *re.findall(r"\w+", words)}
    assert inside <= listed or (folder.name in NAMED_AFTER_CONTENT and "one file" in words), inside - listed


def test_the_plan_of_the_library_is_the_contract():
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    floors = [re.findall(r"\w+", floor) for floor in contracts[0]["layers"]]
    drawn = re.findall(r"^    (\w+(?: \w+)?)  +\w", lib.__doc__, re.MULTILINE)
    assert [line.split() for line in drawn] == floors
