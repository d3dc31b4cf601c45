"""Processes that this one starts and ends."""

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NoReturn

from lib.cli.environment import PROJECT, terminate_with_parent


def beside() -> ProcessPoolExecutor:
    """One process for what needs torch, so that this one never loads it: it begins with the first call and ends with the block."""
    return ProcessPoolExecutor(1, get_context("fork"), end_with_parent, (os.getpid(),))


def in_subprocess(function: Callable, *arguments: Any) -> Any:
    """function(*arguments) in such a process of its own."""
    with beside() as other:
        return other.submit(function, *arguments).result()


ENDING_S = 60  # that a command has after Ctrl-C to end what it has started


def run(command: Sequence[str], folder: Path = PROJECT, ending_s: float = ENDING_S, **environment: str) -> int:
    """A command in the foreground that ends with this process; its exit status.

    Ctrl-C in a terminal is for both: the command may end what it has started, for ending_s, before it is forced. It is held
    back from it, as Python would answer with a traceback while it starts, until it calls interrupts(heard=True).
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a process begins with the mask of its parent
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, preexec_fn=terminate_with_parent)
    try:
        if signal.SIGINT in signal.sigpending():  # it may have come before there was a process to hear it
            process.send_signal(signal.SIGINT)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return process.wait()
    except KeyboardInterrupt:
        with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):  # a second time: at once
            process.wait(ending_s)
        raise
    finally:
        process.kill()
        process.wait()


def prepended(**folders: Path) -> dict[str, str]:
    """The environment with a folder at the beginning of each of these variables that list some."""
    listed = {name: filter(None, [str(folder), os.environ.get(name)]) for name, folder in folders.items()}
    return {**os.environ, **{name: os.pathsep.join(each) for name, each in listed.items()}}


def interrupts(heard: bool) -> None:
    """Hear Ctrl-C from here on, with one that came while nothing did yet; or hear no more of it, while all this ends."""
    if heard:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    else:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM (kill, a closed terminal) ends the block as Ctrl-C does."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave(status: int) -> NoReturn:
    """End this process, after what was to be done at its end: Python would take apart for seconds what torch has loaded."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


PATIENCE_S = 5.0  # for a notebook to be written and its kernel to end, before the next, harder signal


def stop(process: subprocess.Popen) -> None:
    """End a process with its group: politely first, so that notebooks are written and kernels end, then by force."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return


LOOK_S = 0.5  # between two looks at the parent


def end_with_parent(parent: int, end: Callable[[int], None] | None = None) -> None:
    """From now on end this process when its parent, the process `parent`, is gone, however that ended, on any system.

    end(signal): how to end it; first with SIGTERM and, where it is still there after a few seconds, with SIGKILL.
    """
    end = end or (lambda number: os.kill(os.getpid(), number))

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_S)
        end(signal.SIGTERM)
        time.sleep(PATIENCE_S)
        end(signal.SIGKILL)

    threading.Thread(target=watch, name="end with parent", daemon=True).start()
