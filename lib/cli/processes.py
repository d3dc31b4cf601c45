"""Processes that this one starts and ends, and words for the one who waits. Light: nothing here loads torch."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any


def apart(function: Callable, *arguments: Any) -> Any:
    """function(*arguments) in a process that ends with it, so that this one never holds torch."""
    fork, own = get_context("fork"), (os.getpid(),)
    with ProcessPoolExecutor(1, mp_context=fork, initializer=end_with_parent, initargs=own) as pool:
        return pool.submit(function, *arguments).result()


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


def stop(process: subprocess.Popen, patience_s: float = 20) -> None:
    """End a process with its group: asked first, so that notebooks are written and kernels end, then forced."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return


def terminate_with_parent() -> None:
    """On Linux, ask the system to end this process (SIGTERM) when its parent is gone, however that ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1: PR_SET_PDEATHSIG


LOOK_S = 0.5  # between two looks at the parent
PATIENCE_S = 5.0  # for a notebook to be written and its kernel to end, before the process is forced


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


def shown(path: Path | str) -> str:
    """A path as a reader wants it: relative to where they are, if it lies below."""
    path = Path(path)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
