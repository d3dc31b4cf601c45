"""The house: wings that import only downwards, and few of them."""

import subprocess
import sys
from pathlib import Path

from lib.files import PROJECT

MOST_ENTRIES = 16


def test_imports_go_only_downwards():
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_the_library_is_seen_at_a_glance():
    entries = [path.name for path in (PROJECT / "lib").iterdir() if path.name != "__pycache__"]
    assert len(entries) <= MOST_ENTRIES, entries
