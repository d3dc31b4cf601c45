"""Members of an archive into files, side by side: each is whole and of the right checksum, or absent."""

import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TypeVar

from lib.files import atomic_write
from lib.sounds.download.parts import ArchiveError, Parts
from lib.sounds.download.zips import STORED, Member, first_byte

PIECE = 1 << 20  # bytes read and unpacked at a time
WORKERS = min(8, os.cpu_count() or 1)  # threads: zlib and the disk let others work meanwhile

Result = TypeVar("Result")


def unpack(parts: Parts, wanted: Sequence[Member], folder: Path, moved: Callable[[int], None] = lambda n: None) -> None:
    """Write each wanted member to folder/target; `moved` hears the bytes of each. ArchiveError at the first bad one."""

    def one(member: Member) -> None:
        unpack_member(parts, member, folder)
        moved(member.size)

    side_by_side(one, wanted)


def absent(wanted: Sequence[Member], folder: Path) -> list[Member]:
    """The members whose files are not there with the right size and checksum."""
    there = side_by_side(lambda member: is_there(folder / member.target, member), wanted)
    return [member for member in wanted if not there[member]]


def side_by_side(work: Callable[[Member], Result], wanted: Sequence[Member]) -> dict[Member, Result]:
    """What `work` gives for each member; the first error ends it, with what has not begun left undone."""
    pool = ThreadPoolExecutor(WORKERS)
    try:
        jobs = {pool.submit(work, member): member for member in wanted}
        return {jobs[job]: job.result() for job in as_completed(jobs)}
    finally:
        pool.shutdown(cancel_futures=True)


def is_there(path: Path, member: Member) -> bool:
    """Whether a file is the member's, byte for byte as far as a checksum of 32 bits shows."""
    try:
        if path.stat().st_size != member.size:
            return False
        crc = 0
        with open(path, "rb") as file:
            while piece := file.read(PIECE):
                crc = zlib.crc32(piece, crc)
    except OSError:
        return False
    return crc == member.crc


def unpack_member(parts: Parts, member: Member, folder: Path) -> None:
    """Write one member; ArchiveError, and no file, where size or checksum are not as the archive's list says."""
    where = f"{parts.name}: {member.name!r}"
    with atomic_write(folder / member.target, member.size) as path, open(path, "wb") as out:
        crc = size = 0
        for piece in _content(parts, member):
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            if size > member.size:
                raise ArchiveError(f"{where} unpacks to more than its {member.size} bytes; the archive is refused")
            out.write(piece)
        if size != member.size:
            raise ArchiveError(f"{where} unpacks to {size} bytes instead of {member.size}; the archive is damaged")
        if crc != member.crc:
            raise ArchiveError(f"{where} has the wrong checksum; the archive is damaged")


def _content(parts: Parts, member: Member) -> Iterator[bytes]:
    """A member's bytes in pieces, of which none is much larger than PIECE."""
    position = first_byte(parts, member)
    pieces = (parts.read(position + at, min(PIECE, member.packed - at)) for at in range(0, member.packed, PIECE))
    return pieces if member.method == STORED else _inflated(pieces, f"{parts.name}: {member.name!r}")


def _inflated(pieces: Iterable[bytes], where: str) -> Iterator[bytes]:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for packed in pieces:
            while packed and not inflate.eof:
                yield inflate.decompress(packed, PIECE)
                packed = inflate.unconsumed_tail
            if packed or inflate.unused_data:
                raise zlib.error
        yield inflate.flush()
    except zlib.error:
        raise ArchiveError(f"{where} cannot be unpacked; the archive is damaged") from None
