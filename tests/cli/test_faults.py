"""The driver of faults on a finished study: a few kills and one of each kind of damage end in the same tables."""

import io
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout

import headless
import psutil
import pytest
from faults import report
from faults.damage import KINDS, damaged, flipped_bit
from faults.kills import kills
from faults.tiny import CONTROLS, Tiny
from waiting import wait_until

from lib.cli.repair import take_out_damaged
from lib.files import PROJECT


class InThisProcess(Tiny):
    """A study whose calls that come to their end do so here: the kernels of eight notebooks would take most of the time."""

    def run(self, *more):
        """What `make study` does, cell by cell."""
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as words:
            patch.setenv("STUDY_HOME", str(self.home))
            print(*take_out_damaged(self.folder), sep="\n")
            shutil.rmtree(self.folder / ".snakemake" / "incomplete")  # of jobs that were killed: they are all run again
            headless.run_study(ROOT=str(self.corpus), CONTROLS=CONTROLS)
        return 0, words.getvalue()


@pytest.fixture
def within(monkeypatch):
    """The seconds until nothing may be left are those of a machine that has nothing else to do: others last longer."""
    started, spent = time.monotonic(), time.process_time()
    while time.process_time() - spent < 0.3:
        pass
    slower = (time.monotonic() - started) / 0.3
    monkeypatch.setattr(sys.modules["faults.kills"], "WITHIN_S", slower * sys.modules["faults.kills"].WITHIN_S)


@pytest.mark.slow
def test_whatever_process_is_killed_nothing_is_left_running_and_it_ends_in_the_same_tables(finished, copy, within):
    flipped_bit(copy.folder / "tables" / "table1.csv")  # the last notebooks are to run again
    rows = kills(copy, finished.results(), random.Random(3), 4, longest_s=5)
    assert [row["killed"] for row in rows] == ["group", "kernel", "snakemake", "parent"]
    assert [row for row in rows if row["good"] != "yes"] == []
    assert rows[-1]["then"] == "finished with the same tables and scores"


@pytest.mark.slow
def test_a_flipped_bit_in_each_kind_of_file_is_said_and_made_again(finished, tmp_path, quick_figures):
    """All of it is made again, once killed while it trains."""
    tiny = InThisProcess(finished.home, finished.corpus)
    rows = damaged(tiny, tmp_path / "home", finished.results(), random.Random(3), flipped_bit)
    assert [row["what"] for row in rows] == [*KINDS, "state of a training"]
    assert [row for row in rows if row["good"] != "yes"] == []


@pytest.mark.slow
def test_a_result_that_differs_is_found(finished, copy):
    assert copy.differing(finished.results()) == []
    flipped_bit(copy.folder / "tables" / "subsets.csv")
    (copy.folder / "scores" / "pitch-own-seed0.npy").unlink()
    assert copy.differing(finished.results()) == ["scores/pitch-own-seed0.npy", "tables/subsets.csv"]


def test_rows_are_shown_and_written_and_one_that_is_not_good_is_seen(home, capsys):
    good, bad = {"killed": "kernel", "good": "yes"}, {"killed": "parent", "good": "no"}
    assert [report("kills", rows) for rows in ([good], [good, bad], [])] == [True, False, True]
    assert "parent   no" in capsys.readouterr().out
    assert (home / "figures" / "faults" / "kills.csv").read_text() == "good\n"


@pytest.mark.slow
def test_ctrl_c_ends_it_with_the_study_that_it_has_started(home):
    process = subprocess.Popen(
        [sys.executable, "-m", "lib.cli.commands", "faults", "N=1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=PROJECT,
        env={**os.environ, "STUDY_HOME": str(home), "PYTHONPATH": str(PROJECT)},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    log = home / "data" / "faults" / "whole.txt"
    wait_until(lambda: log.exists() and "02_train_encoder" in log.read_text())  # the graph is at work
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate()[0].endswith("\nmake faults: stopped; the next call goes on from here\n")
    assert process.returncode == 130
    assert [each for each in psutil.process_iter() if _below(home, each)] == []
    assert not log.parent.exists()


def _below(home, process):
    try:
        return (
            process.environ().get("STUDY_HOME", "").startswith(str(home)) and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.Error:
        return False
