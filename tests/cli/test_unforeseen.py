"""Unexpected errors: one line with what to do, and a log with the rest."""

import os
import signal

import pytest

from lib import files
from lib.cli import commands, study
from lib.cli.environment import Stop
from lib.cli.processes import in_subprocess
from lib.cli.unforeseen import in_one_line
from lib.sounds.corpora.base import CorpusError


def broken():
    raise ZeroDivisionError("in a library\nof somebody's")


def at_once(given):
    broken()


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def full():
    raise files.DiskFull(files.home(), 10**15)


@pytest.mark.parametrize(("work", "told"), [
    (lambda: in_subprocess(broken), "ZeroDivisionError: in a library of somebody's; unexpected: try again"),
    (lambda: in_subprocess(killed), "a process was killed, perhaps for want of memory"),
    (lambda: os.listdir("/proc/self/mem"), "the system refused this: check that path"),
    (lambda: bytearray(1 << 62), "there is not enough memory"),
], ids=["a bug", "killed", "a file", "memory"])  # fmt: skip
def test_an_error_is_one_line_that_names_its_log(work, told, home):
    with pytest.raises(Stop) as stop, in_one_line("study"):
        work()
    assert told in str(stop.value) and "\n" not in str(stop.value)
    log = home / "runs" / "study-error.txt"
    assert str(stop.value).endswith(f"({log})")
    assert "Traceback" in log.read_text() and type(stop.value).__name__ not in log.read_text()


def test_the_traceback_of_the_process_that_failed_is_in_the_log(home):
    with pytest.raises(Stop), in_one_line("study"):
        in_subprocess(broken)
    assert ", in broken\n" in (home / "runs" / "study-error.txt").read_text()


@pytest.mark.parametrize("error", [Stop("say this"), CorpusError("say this"), KeyboardInterrupt()])
def test_what_has_plain_words_stays_what_it_is(error, home):
    with pytest.raises(type(error)) as raised, in_one_line("study"):
        raise error
    assert raised.value is error and not (home / "runs").exists()


def test_a_full_disk_is_told_as_such_out_of_any_process(home):
    with pytest.raises(files.DiskFull, match="the disk is full: no room for .* wanted"):
        in_subprocess(full)


def test_where_nothing_can_be_written_the_log_lies_among_temporary_files(home, tmp_path, monkeypatch):
    (home / "runs").write_text("a file is in the way")
    (tmp_path / "t").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    with pytest.raises(Stop, match="study-error.txt"), in_one_line("study"):
        broken()
    assert (tmp_path / "t" / "study-error.txt").exists()


def test_a_command_ends_with_one_line(home, monkeypatch, capsys):
    monkeypatch.setattr(study, "plan", at_once)
    assert commands.main(["study"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("make study: ZeroDivisionError: in a library of somebody's; ") and said.count("\n") == 1
