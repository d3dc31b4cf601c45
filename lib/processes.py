"""Processes that this one starts and ends, and words for the one who waits. Light: nothing here loads torch."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any


def apart(function: Callable, *arguments: Any) -> Any:
    """function(*arguments) in a process that ends with it, so that this one never holds torch."""
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
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


def end_with_parent() -> None:
    """On Linux, ask the system to end this process (SIGTERM) when its parent is gone, however that ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1: PR_SET_PDEATHSIG


def shown(path: Path | str) -> str:
    """A path as a reader wants it: relative to where they are, if it lies below."""
    path = Path(path)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
