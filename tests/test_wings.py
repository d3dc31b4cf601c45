"""The house: wings that import only downwards, and few of them."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import lib
from lib.files import PROJECT

MOST_ENTRIES = 16
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


def test_the_plan_of_the_library_is_the_contract():
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    floors = [re.findall(r"\w+", floor) for floor in contracts[0]["layers"]]
    drawn = re.findall(r"^    (\w+(?: \w+)?)  +\w", lib.__doc__, re.MULTILINE)
    assert [line.split() for line in drawn] == floors
