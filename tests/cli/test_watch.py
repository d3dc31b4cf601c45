"""What a command's jobs need, seen from outside."""

import sys

import pytest
from bench.watch import COMMAND, watch

HOLD = "import sys, time; held = bytearray({mb} << 20); held[::4096] = b'x' * len(held[::4096]); time.sleep(1)"
SPEND = "import time; end = time.process_time() + {s}\nwhile time.process_time() < end: pass\ntime.sleep(0.5)"


def job(code, title):
    """A process that looks like a notebook of the graph."""
    return [sys.executable, "-c", code, "lib.cli.notebook", "1", title]


def of_jobs(*jobs):
    """The peaks of a command that runs these one after another."""
    status, peaks = watch([sys.executable, "-c", f"import subprocess\nfor one in {jobs!r}: subprocess.run(one)"])
    assert status == 0
    return peaks


def test_each_job_has_the_memory_and_the_processor_time_that_it_took():
    peaks = of_jobs(job(HOLD.format(mb=200), "large"), job(SPEND.format(s=1), "busy"))
    assert list(peaks) == [COMMAND, "large", "busy"]
    assert 200e6 < peaks["large"].own < 260e6 and peaks["busy"].own < 60e6 > peaks[COMMAND].own
    assert 0.95 <= peaks["busy"].cpu_s < 1.5 > peaks["large"].cpu_s
    assert all(peak.mapped_too > peak.own for peak in peaks.values())


def test_what_a_job_starts_counts_as_its_own_also_when_it_has_ended():
    inner = [sys.executable, "-c", SPEND.format(s=0.6)]
    peaks = of_jobs(job(f"import subprocess, time; subprocess.run({inner!r}); time.sleep(0.5)", "starts another"))
    assert list(peaks) == [COMMAND, "starts another"]
    assert peaks["starts another"].cpu_s == pytest.approx(0.65, abs=0.25) and peaks[COMMAND].cpu_s < 0.3


def test_the_exit_status_is_the_commands():
    assert watch([sys.executable, "-c", "raise SystemExit(3)"])[0] == 3
