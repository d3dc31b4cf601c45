"""Where things lie, and files that are either whole or absent.

Everything that the study reads, caches or writes lies in `home()`: the project's folder, or the folder that the
environment variable STUDY_HOME names (a cluster's scratch disk, a test's temporary folder).
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from lib.errors import PlainError

PROJECT = Path(__file__).resolve().parent.parent
ENDING_S = 10.0  # what a killed run's processes may take to end: the next call does not fail on them
FIRST_WORD_S, EACH_WORD_S = 1.0, 60.0  # of waiting, until it is said, and until it is said again
SETTLED_S = 2.0  # a file changed less than this ago may change again within the same tick of its file system's clock


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


def content_of(paths: Sequence[str | Path]) -> list[str]:
    """A key of each file's content, sixteen hexadecimal digits; empty for what is no file that can be read.

    A file is read once and remembered under data/cache/digests for as long as nothing touches it: its size, the times of
    its last changes (ctime too, which no program can set back) and its inode are compared.
    """
    paths = [os.path.abspath(path) for path in paths]
    if not paths:
        return []
    memory = cache() / "digests" / f"{key(os.path.commonpath(paths))}.json"
    before = _remembered(memory)  # path -> what stat() gave, and the key of its content
    stats = {path: _stat(path) for path in paths}
    unread = [path for path, stat in stats.items() if path not in before or before[path][0] != stat]
    with ThreadPoolExecutor(4) as pool:
        read = dict(zip(unread, pool.map(_digest_of_file, unread), strict=True))
    settled = time.time_ns() - SETTLED_S * 1e9
    if new := {path: [stats[path], read[path]] for path in unread if stats[path] and max(stats[path][1:3]) < settled}:
        write_json(memory, {**before, **new})
    return [read[path] if path in read else before[path][1] for path in paths]


def _remembered(memory: Path) -> dict[str, Any]:
    try:
        return json.loads(memory.read_text())
    except (OSError, ValueError):
        return {}


def _stat(path: str) -> list[int]:
    try:
        status = os.stat(path)
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _digest_of_file(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError:
        return ""


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
def held(path: Path, what: str, wait: bool = False, patience_s: float = ENDING_S) -> Iterator[None]:
    """Hold `path`.lock while the block runs, where another process has it after `patience_s`: raise Held.

    wait: wait for it instead, and say for whom, for what and for how long.
    The lock is the operating system's: it is gone with the process, however that ended.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock, told = FileLock(f"{path}.lock"), Path(f"{path}.lock.json")
    _acquire(lock, told, what, wait, patience_s)
    try:
        write_json(told, {"pid": os.getpid(), "since": time.strftime("%H:%M:%S")})
        yield
    finally:
        told.unlink(missing_ok=True)
        lock.release()


def _acquire(lock: FileLock, told: Path, what: str, wait: bool, patience_s: float) -> None:
    started, next_s = time.monotonic(), FIRST_WORD_S if wait else patience_s
    while True:
        try:
            lock.acquire(timeout=next_s)
            return
        except Timeout:
            owner = {"pid": "?", "since": "?"} | _remembered(told)
            at = f"process {owner['pid']} since {owner['since']}"
            if not wait:
                raise Held(
                    f"{what} is being worked on by {at}: wait for it, or stop it (kill {owner['pid']})"
                ) from None
            print(f"waiting for {what}: {at}; {time.monotonic() - started:.0f} s so far", flush=True)
            next_s = EACH_WORD_S
