"""A file from the network that goes on where it broke off, and is checked before it takes its name.

What has come so far lies in NAME.part, and beside it in NAME.part.tag what names the content it is part of.
"""

import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from lib import files
from lib.sounds.download.parts import ArchiveError, Parts
from lib.sounds.download.transport import Answer, DownloadError, Interrupted, Manners, Restart, request, steady
from lib.sounds.download.zips import members

PIECE = 1 << 20
WRONG_TWICE = 2  # the same wrong bytes again are not an accident


@dataclass(frozen=True)
class Archive:
    """A file to download; bytes 0 and md5 empty where the host packs it anew from time to time."""

    name: str
    url: str
    bytes: int = 0
    md5: str = ""


@dataclass(frozen=True)
class Line:
    """What all downloads of a run share; `moved` hears how many bytes came (fewer than none: were thrown away)."""

    client: httpx.Client
    manners: Manners
    moved: Callable[[int], None]
    say: Callable[[str], None]
    stop: threading.Event


class Partial:
    """The beginning of a file, its checksum and the tag of the content that it is the beginning of."""

    def __init__(self, path: Path):
        self.target = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.note = (path.with_name(f"{path.name}.part{kind}") for kind in ("", ".tag"))
        self.md5, self.size, self.tag = hashlib.md5(usedforsecurity=False), 0, ""
        if self.path.exists():
            self.size = _feed(self.md5, self.path)
            self.tag = self.note.read_text(errors="replace") if self.note.exists() else ""
            self.tag = self.tag if self.tag.isascii() and self.tag.isprintable() else ""

    def begin(self, answer: Answer) -> int:
        """Go on with what an answer brings; the number of bytes that are thrown away, because it starts anew."""
        lost = self.size if answer.start == 0 else 0
        if lost:
            self.clear()
        if answer.tag != self.tag:
            self.tag = answer.tag
            self.note.write_text(self.tag)
        return lost

    def add(self, file, piece: bytes) -> None:
        """Write a piece, and take it into the checksum."""
        file.write(piece)
        self.md5.update(piece)
        self.size += len(piece)

    def clear(self) -> None:
        """Throw away what has come."""
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)
        self.md5, self.size, self.tag = hashlib.md5(usedforsecurity=False), 0, ""

    def finish(self) -> None:
        """Give the whole file its name."""
        os.replace(self.path, self.target)
        self.note.unlink(missing_ok=True)


def _feed(md5, path: Path) -> int:
    """Add a file to a checksum; its size."""
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            md5.update(piece)
        return file.tell()


def differs(path: Path, archive: Archive) -> str:
    """What is wrong with a file that should be the archive; empty where nothing is."""
    md5 = hashlib.md5(usedforsecurity=False)
    if archive.md5 and path.stat().st_size == archive.bytes:
        _feed(md5, path)
    return _wrong(archive, path, md5.hexdigest())


def _wrong(archive: Archive, path: Path, md5: str) -> str:
    """Why a file with this checksum is not the archive; where none is known, why it is no archive at all."""
    size = path.stat().st_size
    if archive.bytes and size != archive.bytes:
        return f"{size} bytes instead of {archive.bytes}"
    if archive.md5:
        return f"md5 {md5} instead of {archive.md5}" if md5 != archive.md5 else ""
    try:
        members(Parts([path]))
    except ArchiveError as error:
        return str(error)
    return ""


def fetch(line: Line, archive: Archive, url: str, path: Path) -> None:
    """Download to `path`; DownloadError where it does not get on, and the next call goes on from there."""
    partial, wrong, failures = Partial(path), 0, 0
    farthest = partial.size
    while True:
        try:
            if not archive.bytes or partial.size != archive.bytes:
                _receive(line, archive, url, partial)
            problem = _wrong(archive, partial.path, partial.md5.hexdigest())
            if not problem:
                return partial.finish()
            wrong += 1
            if wrong == WRONG_TWICE:
                _throw_away(line, partial)
                raise DownloadError(f"{url} is not the {archive.name} that is known: {problem}; FROM= takes a mirror")
            raise Restart(problem)
        except Interrupted as trouble:
            failures = 1 if partial.size > farthest else failures + 1
            farthest = max(farthest, partial.size)
            if isinstance(trouble, Restart):
                _throw_away(line, partial)
            _pause(line, archive, trouble, failures, partial.size)


def _receive(line: Line, archive: Archive, url: str, partial: Partial) -> None:
    """Add what one request brings; Interrupted where it ends early."""
    if archive.bytes and partial.size > archive.bytes:
        _throw_away(line, partial)
    with request(line.client, url, partial.size, partial.tag) as answer:
        if archive.bytes and answer.total not in (-1, archive.bytes):
            raise Interrupted(f"the server offers {answer.total} bytes instead of {archive.bytes}")
        line.moved(-partial.begin(answer))
        most = archive.bytes or answer.total
        with files.room_for(partial.path, archive.bytes), open(partial.path, "ab") as file:
            for piece in steady(answer.pieces, line.manners):
                partial.add(file, piece)
                line.moved(len(piece))
                if line.stop.is_set():
                    raise DownloadError("stopped")
                if 0 < most < partial.size:
                    raise Restart("the server sends more than the file")
    if partial.size < most:
        raise Interrupted(f"the connection ended at byte {partial.size} of {most}")


def _throw_away(line: Line, partial: Partial) -> None:
    line.moved(-partial.size)
    partial.clear()


def _pause(line: Line, archive: Archive, trouble: Interrupted, failures: int, size: int) -> None:
    """Wait before the next try, as long as the server asks for; DownloadError after the last one."""
    manners = line.manners
    pause_s = min(manners.longest_pause_s, manners.pause_s * 2 ** (failures - 1))
    wait_s = pause_s if trouble.wait_s is None else trouble.wait_s
    after = f"the next call goes on after {files.in_bytes(size)}"
    if wait_s > manners.longest_wait_s:
        raise DownloadError(f"{archive.name}: {trouble}, and asks for {wait_s / 60:.0f} minutes of patience; {after}")
    if failures >= manners.tries:
        raise DownloadError(f"{archive.name}: {trouble}; {failures} tries in a row brought nothing; {after}")
    line.say(f"{archive.name}: {trouble}; again in {wait_s:.0f} s")
    if line.stop.wait(wait_s):
        raise DownloadError("stopped")
