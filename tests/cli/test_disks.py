"""What is said of a call on a small disk: a line while it is too small, and nothing half left."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from faults.disks import MESSAGE, SIZES_MB, disks, on_disk

MODULE = sys.modules[disks.__module__]  # in its package the function has this name


@dataclass
class Called:
    """A tiny study that ends as it is told to."""

    home: Path
    status: int
    words: str
    other: list = field(default_factory=list)

    def run(self):
        return self.status, self.words

    def differing(self, expected):
        return self.other


@pytest.fixture(autouse=True)
def _no_disk(monkeypatch):
    monkeypatch.setattr(MODULE, "mount", lambda folder, size_mb: True)


@pytest.mark.parametrize(("status", "words", "other", "size", "good"), [
    (1, f"make study: {MESSAGE}chunks", [], 4, "yes"), (0, "done", [], 4, "yes"), (0, "done", [], SIZES_MB[-1], "yes"),
    (1, f"make study: {MESSAGE}chunks", [], SIZES_MB[-1], "no"), (1, "killed", [], 4, "no"), (0, "done", ["table1"], 4, "no"),
    (1, f"Traceback\n{MESSAGE}chunks", [], 4, "no"),
])  # fmt: skip
def test_how_a_call_must_end(tmp_path, status, words, other, size, good):
    assert on_disk(Called(tmp_path, status, words, other), {}, size)["good"] == good


def test_a_file_that_is_half_written_is_counted(tmp_path):
    (tmp_path / ".table.csv.part1").touch()
    row = on_disk(Called(tmp_path, 0, "done"), {}, 4)
    assert (row["half_files"], row["good"]) == (1, "no")


def test_where_no_disk_can_be_mounted_they_are_left_out(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(MODULE, "mount", lambda folder, size_mb: False)
    assert disks(Called(tmp_path, 0, ""), {}) == [] and "left out" in capsys.readouterr().out
