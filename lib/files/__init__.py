"""Where things lie, and files that are either complete or absent.

Everything that the study reads, caches or writes lies in `home()`: the project's folder, or the folder that the
environment variable STUDY_HOME names (a cluster's scratch disk, a test's temporary folder).

`digests` seals what is stored, so that nothing is read that is not what was written; `cached` makes files once for what
they are made from; `cells` reads rows of tables by their values; `runs` finds a run by its name.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

PROJECT = Path(__file__).resolve().parents[2]
ENDING_S = 10.0  # what a killed run's processes may take to end: the next call does not fail on them
FIRST_MESSAGE_S, EACH_MESSAGE_S = 1.0, 60.0  # of waiting, until a message, and until the next
SETTLED_S = 2.0  # a file changed less than this ago may change again within the same tick of its file system's clock


CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def without_controls(text: str) -> str:
    """A text without line breaks, control characters and marks that turn its direction: what one line can show."""
    return CONTROLS.sub(" ", text)


class PlainError(Exception):
    """An error whose message is all there is to read: one line, which notebooks show without a traceback."""

    def __str__(self) -> str:
        return without_controls(super().__str__())

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


def expanded(path: str | Path) -> Path:
    """A path with ~ as the home of a user; PlainError where there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise PlainError(f"{path}: no user of this machine has a home of that name; write the path without ~") from None


def followed(path: str | Path) -> Path:
    """An absolute path, its links followed; links in a circle lead to a file that is not there."""
    return Path(os.path.realpath(expanded(path)))


def home() -> Path:
    """Folder that holds data/, runs/ and figures/; it need not be there yet."""
    folder = followed(os.environ.get("STUDY_HOME") or PROJECT)
    if not next(above for above in (folder, *folder.parents) if above.exists()).is_dir():
        raise PlainError(f"STUDY_HOME={folder}: this is, or lies below, something that is no folder; name a folder")
    return folder


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
        read = dict(zip(unread, pool.map(digest_of_file, unread), strict=True))
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


def digest_of_file(path: str | Path) -> str:
    """Sixteen hexadecimal digits of a file's content; empty for what is no file that can be read."""
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


class DiskFull(PlainError):
    """There is no room for a file; the message says which, how much is free and how much was wanted."""

    def __init__(self, path: Path, wanted: int = 0):
        self.made_from = path, wanted
        free = free_bytes(path)
        more = f"{in_bytes(wanted)} wanted" if wanted > free else f"more than {in_bytes(free)} wanted"
        super().__init__(
            f"the disk is full: no room for {path} ({more}, {in_bytes(free)} free): free some space, or set STUDY_HOME "
            "to a folder on another disk; the next call goes on from here"
        )

    def __reduce__(self) -> tuple[type, tuple[Path, int]]:
        return type(self), self.made_from  # so that a process of its own can hand it on


def free_bytes(path: Path) -> int:
    """Free bytes on the disk where `path` lies or would lie."""
    return shutil.disk_usage(next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())).free


FULL = re.compile(r"No space left on device|os error 28\b|quota exceeded|\d+ requested and \d+ written|^DiskFull", re.I)


@contextmanager
def room_for(path: Path, wanted: int = 0) -> Iterator[None]:
    """Whatever a library raises in the block because the disk is full becomes DiskFull.

    wanted: bytes that the file will have, where they are known.
    """
    try:
        yield
    except DiskFull:
        raise
    except Exception as error:
        nameless = type(error).__name__ == "LibsndfileError" and "System error" in str(error)  # it does not say which
        if not _full(error) and not (nameless and wanted > free_bytes(path)):
            raise
        raise DiskFull(path, wanted) from None


def _full(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, is that of a full disk."""
    if error is None:
        return False
    number = getattr(error, "errno", None)
    return number in (errno.ENOSPC, errno.EDQUOT) or bool(FULL.search(str(error))) or _full(error.__context__)


def in_bytes(number: int) -> str:
    """A size as a reader wants it: 12 kB, 3.4 MB, 1.2 GB."""
    if number < 1e6:
        return f"{number / 1e3:.0f} kB"
    return f"{number / 1e6:.1f} MB" if number < 1e9 else f"{number / 1e9:.1f} GB"


@contextmanager
def atomic_write(path: Path, wanted: int = 0) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and is gone when it does not.

    Raises DiskFull where there is no room; wanted: bytes that the file will have, where they are known.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}-{threading.get_ident()}.part{path.suffix}")
    with room_for(path, wanted):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def reserve(path: Path) -> None:
    """Take the room that a file of this size needs now: a mapped file without it ends the process, without a word."""
    if hasattr(os, "posix_fallocate"):
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, indented, whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(as_json(value))


def as_json(value: Any) -> str:
    """`value` as JSON, indented."""
    return json.dumps(value, indent=2, default=_plain) + "\n"


class Locked(PlainError):
    """Another process is at it; the message says which, since when and what to do."""


@contextmanager
def locked(path: Path, what: str, wait: bool = False, patience_s: float = ENDING_S) -> Iterator[None]:
    """Hold `path`.lock while the block runs, where another process has it after `patience_s`: raise Locked.

    wait: wait for it instead, and say for whom, for what and for how long.
    The lock is the operating system's: it is gone with the process, however that ended.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock, owner = FileLock(f"{path}.lock"), Path(f"{path}.lock.json")
    started, next_s = time.monotonic(), FIRST_MESSAGE_S if wait else patience_s
    while not lock.is_locked:
        try:
            lock.acquire(timeout=next_s)
        except Timeout:
            other = {"pid": "?", "since": "?"} | _remembered(owner)
            at = f"process {other['pid']} since {other['since']}"
            if not wait:
                raise Locked(
                    f"{what} is being worked on by {at}: wait for it, or stop it (kill {other['pid']})"
                ) from None
            print(f"waiting for {what}: {at}; {time.monotonic() - started:.0f} s so far", flush=True)
            next_s = EACH_MESSAGE_S
    try:
        write_json(owner, {"pid": os.getpid(), "since": time.strftime("%H:%M:%S")})
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()
