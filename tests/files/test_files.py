"""Files that are whole or absent, keys, and locks between processes."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from lib import files
from lib.encoders import training
from lib.settings import Settings
from lib.study import Request, Study


def test_home_is_the_project_unless_the_environment_says_otherwise(monkeypatch, tmp_path):
    monkeypatch.delenv("STUDY_HOME", raising=False)
    assert files.home() == files.PROJECT
    monkeypatch.setenv("STUDY_HOME", str(tmp_path))
    assert files.cache() == tmp_path / "data" / "cache"


def test_a_file_that_fails_half_way_is_not_there_and_the_old_one_stays(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), files.atomic_write(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_keys_change_with_any_part_and_with_nothing_else():
    settings = Settings.preset("quick")
    assert files.key("a", settings, [1, 2]) == files.key("a", settings.model_copy(), (1, 2))
    assert files.key("a", settings) != files.key("a", Settings.preset("laptop"))
    assert files.key({"a": 1, "b": 2}) == files.key({"b": 2, "a": 1})


def test_digest_sees_one_changed_number():
    array = np.zeros((3, 4), np.float32)
    before = files.digest(array)
    array[2, 3] = 1e-30
    assert files.digest(array) != before


HOLD = """
import sys
from pathlib import Path
from lib.files import locked
with locked(Path(sys.argv[1]), "x"):
    print("held", flush=True)
    sys.stdin.read()
"""


def holding(path):
    """Another process that holds a path's lock, until its input is closed."""
    words = [sys.executable, "-c", HOLD, str(path)]
    other = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=files.PROJECT)
    assert other.stdout.readline() == "held\n"
    return other


def test_a_second_process_is_told_who_holds_it_and_a_killed_one_holds_nothing(tmp_path):
    path = tmp_path / "pitch-seed0"
    other = holding(path)
    with pytest.raises(
        files.Locked, match=f"pitch, seed 0 is being worked on by process {other.pid} .*kill {other.pid}"
    ):
        with files.locked(path, "pitch, seed 0", patience_s=0):
            pass
    other.kill()
    other.wait()
    with files.locked(path, "pitch, seed 0", patience_s=60):
        pass


def test_who_waits_says_for_whom_for_what_and_how_long_and_says_it_again(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "FIRST_MESSAGE_S", 0.1)
    monkeypatch.setattr(files, "EACH_MESSAGE_S", 0.1)
    path, lines = tmp_path / "pitch", []
    other = holding(path)

    def heard(line, flush):
        lines.append(line)
        if len(lines) == 2:
            other.stdin.close()

    monkeypatch.setattr("builtins.print", heard)
    with files.locked(path, "features of pitch", wait=True):
        assert other.wait() == 0
    assert len(lines) >= 2
    for line in lines:
        assert re.fullmatch(
            rf"waiting for features of pitch: process {other.pid} since \d\d:\d\d:\d\d; \d+ s so far", line
        )


def test_what_a_killed_process_holds_for_a_moment_longer_is_waited_for(tmp_path):
    path = tmp_path / "pitch"
    other = holding(path)
    threading.Timer(0.2, other.stdin.close).start()
    with files.locked(path, "pitch, seed 0"):
        assert other.wait() == 0


def test_json_is_written_whole(tmp_path):
    files.write_json(tmp_path / "a" / "b.json", {"x": np.arange(2), "s": Settings.preset("tiny").body})
    assert json.loads((tmp_path / "a" / "b.json").read_text())["x"] == [0, 1]


@pytest.fixture
def small_disk(tmp_path):
    """A folder that holds 3 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may make a small disk, and only on Linux")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def tensors(path, array):
    training.write_tensors(path, {"x": torch.from_numpy(array)}, {})


def numbers(path, array):
    with files.atomic_write(path, array.nbytes) as temporary:
        np.save(temporary, array)


def mapped(path, array):
    with files.atomic_write(path) as temporary:
        stored = np.lib.format.open_memmap(temporary, "w+", array.dtype, array.shape)
        with files.room_for(path, stored.nbytes):
            files.reserve(temporary)
        stored[:] = array


@pytest.mark.parametrize("write", [tensors, numbers, mapped])
def test_a_full_disk_is_one_line_leaves_nothing_and_goes_on_when_there_is_room(small_disk, write):
    with pytest.raises(files.DiskFull, match=r"no room for .*/x\.npy \(16\.0 MB wanted, 3\.\d MB free\)") as told:
        write(small_disk / "x.npy", np.zeros(2_000_000))
    assert "\n" not in str(told.value)
    assert list(small_disk.iterdir()) == []
    write(small_disk / "x.npy", np.zeros(1000))
    assert (small_disk / "x.npy").stat().st_size >= 8000


def test_the_embedded_corpus_on_a_full_disk_is_one_line(small_disk, monkeypatch):
    monkeypatch.setenv("STUDY_HOME", str(small_disk))
    with pytest.raises(files.DiskFull, match=r"120\.0 MB wanted, 3\.\d MB free"):
        Study.of(Request(preset="tiny")).read_corpus()
    assert not [path for path in small_disk.rglob("*") if path.is_file()]


def test_an_error_that_is_none_of_the_disk_stays_what_it_is(tmp_path):
    with pytest.raises(PermissionError), files.room_for(tmp_path):
        raise PermissionError(13, "Permission denied")


def test_threads_that_write_one_file_do_not_take_each_others_part(tmp_path):
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    both = Barrier(2)

    def write(text):
        with files.atomic_write(tmp_path / "a.txt") as temporary:
            temporary.write_text(text)
            both.wait()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(write, ["one", "two"])) == [True, True]
    assert (tmp_path / "a.txt").read_text() in ("one", "two")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("below", ["", "deep/down"])
def test_a_home_that_is_no_folder_is_told(below, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("STUDY_HOME", str(tmp_path / "file" / below))
    with pytest.raises(
        files.PlainError, match=f"STUDY_HOME={tmp_path}/file.*something that is no folder; name a folder"
    ):
        files.home()
    monkeypatch.setenv("STUDY_HOME", str(tmp_path / "new" / below))
    assert files.home() == (tmp_path / "new" / below).resolve()


def test_a_plain_error_is_one_line_whatever_it_names():
    assert str(files.PlainError("a\nb: \u202ec")) == "a b:  c"


def test_links_in_a_circle_are_followed_to_nothing(tmp_path):
    os.symlink("round", tmp_path / "round")
    assert files.followed(tmp_path / "round") == tmp_path / "round" and not files.followed(tmp_path / "round").exists()
