"""Processes that a command starts: how they end."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from waiting import wait_until

from lib.cli.processes import interrupts, run
from lib.files import PROJECT

SLOW_TO_END = (
    "import time\n"
    "from lib.cli.processes import interrupts\n"
    "try: interrupts(heard=True); print('at work', flush=True); time.sleep(600)\n"
    "except KeyboardInterrupt: time.sleep(2); print('all is ended', flush=True)"
)
FOREGROUND = "import sys; from lib.cli.processes import run; run([sys.executable, '-c', sys.argv[1]])"


def test_a_command_in_the_foreground_may_end_what_it_has_started_after_ctrl_c():
    """A terminal sends Ctrl-C to both at once."""
    process = subprocess.Popen(
        [sys.executable, "-c", FOREGROUND, SLOW_TO_END],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout.readline() == "at work\n"
    wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_SLEEPING)  # it waits for its command
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=300)[0] == "all is ended\n"


STARTS = """
import os, signal, subprocess, sys
from lib.cli import processes

class Popen(subprocess.Popen):
    def __init__(self, *given, **named):
        os.kill(os.getpid(), signal.SIGINT)  # before there is a process
        super().__init__(*given, **named)
        if sys.argv[1] == "both":
            os.kill(self.pid, signal.SIGINT)  # and while its Python starts

processes.subprocess.Popen = Popen
try:
    processes.run([sys.executable, "-c", sys.argv[2]])
except KeyboardInterrupt:
    print("told")
"""


@pytest.mark.parametrize("pressed", ["before", "both"])
def test_ctrl_c_while_a_command_is_started_ends_it_without_a_traceback(pressed):
    words = "import time; from lib.cli.processes import interrupts\n"
    words += "try: interrupts(heard=True); time.sleep(600)\nexcept KeyboardInterrupt: print('heard', flush=True)"
    done = subprocess.run(
        [sys.executable, "-c", STARTS, pressed, words], capture_output=True, text=True, cwd=PROJECT, timeout=300,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("heard\ntold\n", "")


@pytest.mark.parametrize("status", [0, 3])
def test_the_status_of_a_command_is_handed_on(status):
    assert run([sys.executable, "-c", f"raise SystemExit({status})"]) == status


def test_ctrl_c_before_a_command_can_answer_and_again_while_it_ends_is_one_line(tmp_path):
    """environment.py holds Ctrl-C back over the second that Python and its modules take to start."""

    def as_environment_starts_it():
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs, the tests among them, may ignore it
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    process = subprocess.Popen(
        [sys.executable, "-m", "lib.cli.commands", "study", "PRESET=tiny"], cwd=PROJECT, env=os.environ | {"STUDY_HOME": str(tmp_path)},
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=as_environment_starts_it,
    )  # fmt: skip
    end = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < end:
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    process.kill()
    assert process.communicate() == ("", "\nmake study: stopped; the next call goes on from here\n")
    assert process.returncode == 130


def test_what_make_starts_holds_ctrl_c_back_until_the_command_is_there(monkeypatch):
    from lib.cli import environment

    class Gone(Exception):
        pass

    def exec_(*_):
        blocked.append(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        raise Gone

    blocked = []
    monkeypatch.setattr(environment, "set_up", lambda *_: PROJECT)
    monkeypatch.setattr(os, "execve", exec_)
    monkeypatch.setenv("MAKEFLAGS", "")
    try:
        with pytest.raises(Gone):
            environment.main("report")
        interrupts(heard=True)
        assert blocked == [True] and signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        interrupts(heard=True)


def test_who_leaves_has_said_all_and_done_what_was_to_be_done_and_takes_nothing_apart():
    code = (
        "import atexit\nfrom lib.cli.processes import leave\nclass Loaded:\n    def __del__(self): print('taken apart')\n"
        "loaded = Loaded()\natexit.register(print, 'at the end')\nprint('said')\nleave(3)"
    )
    held_back = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, env=held_back, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "said\nat the end\n", "")
