"""Processes that a command starts: how they end."""

import os
import signal
import subprocess
import sys

import psutil
import pytest
from waiting import wait_until

from lib.cli.processes import run
from lib.files import PROJECT

SLOW_TO_END = (
    "import time\n"
    "try: print('at work', flush=True); time.sleep(600)\n"
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


@pytest.mark.parametrize("status", [0, 3])
def test_the_status_of_a_command_is_handed_on(status):
    assert run([sys.executable, "-c", f"raise SystemExit({status})"]) == status
