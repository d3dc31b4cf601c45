"""What a command's jobs need, seen from outside."""

import subprocess
import sys
from contextlib import contextmanager

import psutil
import pytest
from bench.watch import COMMAND, note, samples, watch

from lib.cli.forking import NONE, VARIABLE

HOLD = "held = bytearray(200 << 20); held[::4096] = b'x' * len(held[::4096])"
SPEND = "import time\nwhile time.process_time() < 1: pass"


def peaks_of(code):
    """The peaks of a command whose one job has run this code and waits."""
    with at_work(code) as process:
        peaks = {}
        note(list(samples(process, COMMAND)), peaks)
        return peaks


@contextmanager
def at_work(code):
    """A command below which a process that looks like a notebook of the graph has run this code."""
    job = [
        sys.executable,
        "-c",
        f"import sys\n{code}\nprint(flush=True); sys.stdin.read()",
        "lib.cli.notebook",
        "1",
        "title",
    ]
    command = [sys.executable, "-c", f"import subprocess; subprocess.run({job!r})"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield psutil.Process(process.pid)
        process.stdin.close()


def test_a_job_has_the_memory_that_it_holds_of_its_own_and_with_files():
    peaks = peaks_of(HOLD)
    assert list(peaks) == [COMMAND, "title"]
    assert 200e6 < peaks["title"].own < 260e6 and peaks[COMMAND].own < 60e6
    assert all(peak.mapped_too > peak.own for peak in peaks.values())


def test_a_job_has_the_processor_time_that_it_took_with_that_of_processes_that_have_ended():
    assert 0.95 < peaks_of(SPEND)["title"].cpu_s < 1.5
    within = peaks_of(f"import subprocess; subprocess.run([sys.executable, '-c', {SPEND!r}])")
    assert within["title"].cpu_s > 0.95 and within[COMMAND].cpu_s < 0.5


def test_a_study_that_is_watched_forks_no_kernels():
    code = f"import os, sys; sys.exit(os.environ['{VARIABLE}'] != '{NONE}')"
    assert watch([sys.executable, "-c", code])[0] == 0


def test_peaks_are_kept_when_less_is_held_later():
    with at_work(HOLD) as process:
        large = list(samples(process, COMMAND))
    peaks = {}
    for seen in (large, [one for one in large if one.title == COMMAND]):
        note(seen, peaks)
    assert peaks["title"].own > 200e6


UNTIL = "import pathlib, sys, time\nwhile not pathlib.Path({!r}).exists(): time.sleep(0.02)\n"


@pytest.fixture
def seen(tmp_path, monkeypatch):
    """A folder in which a file of its title says that a job has been looked at."""

    def noted(found, peaks):
        note(found, peaks)
        for one in found:
            (tmp_path / f"{one.title} seen").touch()

    monkeypatch.setattr("bench.watch.note", noted)
    return tmp_path


def test_a_command_is_watched_to_its_end_and_its_exit_status_is_given(seen):
    told = []
    command = [sys.executable, "-c", UNTIL.format(f"{seen}/{COMMAND} seen") + "sys.exit(3)"]
    status, peaks = watch(command, lambda title, peak: told.append((title, peak)))
    assert status == 3 and told == list(peaks.items()) and list(peaks) == [COMMAND]


def test_a_job_is_told_of_when_it_has_ended_not_at_the_end_of_all(seen):
    """The command goes on until its first job has been told of."""
    ended = []

    def told(title, peak):
        ended.append(title)
        (seen / f"{title} told").touch()

    job = [sys.executable, "-c", UNTIL.format(f"{seen}/first seen"), "lib.cli.notebook", "1", "first"]
    code = f"import subprocess; subprocess.run({job!r})\n" + UNTIL.format(f"{seen}/first told")
    watch([sys.executable, "-c", code], told)
    assert ended == ["first", COMMAND]
