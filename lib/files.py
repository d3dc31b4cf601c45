"""Where things lie, and files that are either whole or absent.

Everything that the study reads, caches or writes lies in `home()`: the project's folder, or the folder that the
environment variable STUDY_HOME names (a cluster's scratch disk, a test's temporary folder).
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from lib.errors import PlainError

PROJECT = Path(__file__).resolve().parent.parent


def home() -> Path:
    """Folder that holds data/, runs/ and figures/."""
    return Path(os.environ.get("STUDY_HOME") or PROJECT).resolve()


def cache() -> Path:
    """Folder of what can be computed again: chunks and features, keyed by what they were computed from."""
    return home() / "data" / "cache"


def key(*parts: Any) -> str:
    """Sixteen hexadecimal digits that change when any part changes; parts must be JSON or dump themselves to it."""
    text = json.dumps(parts, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digest(array: np.ndarray) -> str:
    """A key of an array's content."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    for name in ("model_dump", "tolist"):
        if hasattr(value, name):
            return getattr(value, name)()
    return str(value)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and is gone when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, indented, whole or not at all."""
    with whole(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, default=_plain) + "\n")


class Held(PlainError):
    """Another process is at it; the message says which, since when and what to do."""


@contextmanager
def held(path: Path, what: str, wait: bool = False) -> Iterator[None]:
    """Hold `path`.lock while the block runs; raise Held (or wait) where another process holds it.

    The lock is the operating system's: it is gone with the process, however that ended.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock, told = FileLock(f"{path}.lock", timeout=-1 if wait else 0), Path(f"{path}.lock.json")
    try:
        lock.acquire()
    except Timeout:
        owner = json.loads(told.read_text()) if told.exists() else {"pid": "?", "since": "?"}
        raise Held(
            f"{what} is being worked on by process {owner['pid']} since {owner['since']}: "
            f"wait for it, or stop it (kill {owner['pid']})"
        ) from None
    try:
        write_json(told, {"pid": os.getpid(), "since": time.strftime("%H:%M:%S")})
        yield
    finally:
        told.unlink(missing_ok=True)
        lock.release()
