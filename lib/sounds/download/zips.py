"""What a zip archive holds, whole or split, with zip64 (PKWARE's APPNOTE 6.3): its members, or why it is refused.

An archive is not trusted. Nothing is written before its whole list has been read and found harmless: no name leads out
of the folder or stands twice, nothing is a link or a device, no two members share bytes, none unpacks to more than
deflate can make of its bytes. The messages name the member.
"""

import re
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from struct import Struct

from lib.sounds.download.parts import ArchiveError, Parts

END, END64, LOCATOR = Struct("<4s4H2LH"), Struct("<4sQ2H2L4Q"), Struct("<4sLQL")
ENTRY, LOCAL = Struct("<4s6H3L5H2L"), Struct("<4s5H3L2H")
FULL16, FULL32 = 0xFFFF, 0xFFFFFFFF  # the value stands in the zip64 field instead
LONGEST_COMMENT = FULL16
STORED, DEFLATED = 0, 8
ENCRYPTED, SIZES_FOLLOW, UTF8 = 1, 8, 1 << 11  # bits of a member's flags
MOST_RATIO = 1032  # deflate makes no more than this many bytes of one
MOST_MEMBERS = 2_000_000  # some forty times FSD50K
LONGEST_NAME, LONGEST_PATH = 200, 1024  # bytes: what file systems take, less room for a temporary name


@dataclass(frozen=True)
class Member:
    """A file in an archive: `start` is its header's position, `end` the one that its bytes do not pass; `target` is
    the path that it is unpacked to."""

    name: str
    method: int
    flags: int
    crc: int
    packed: int
    size: int
    start: int
    end: int
    target: str


def members(parts: Parts) -> list[Member]:
    """The files of an archive in the order of their bytes; ArchiveError names the first that is not acceptable."""
    count, start, end = _where_the_list_is(parts)
    entries = list(_entries(parts, parts.read(start, end - start), count))
    for member, kind in entries:
        if problem := _problem(member, kind):
            raise ArchiveError(f"{parts.name}: {member.name!r} {problem}; the archive is refused")
    every = [member for member, _ in entries]
    _refuse_twice(parts.name, every)
    return [member for member in _apart(parts.name, every, start) if not member.name.endswith("/")]


# The list of members


def _where_the_list_is(parts: Parts) -> tuple[int, int, int]:
    """Number of entries, and the positions where their list begins and ends."""
    first = max(parts.starts[-2], parts.size - END.size - LONGEST_COMMENT)
    tail = parts.read(first, parts.size - first)
    at = tail.rfind(b"PK\5\6")
    while at >= 0 and at + END.size + int.from_bytes(tail[at + 20 : at + 22], "little") != len(tail):
        at = tail.rfind(b"PK\5\6", 0, at)
    if at < 0 or at + END.size > len(tail):
        raise ArchiveError(f"{parts.name} is no zip archive, or is cut off: the record that ends one is missing")
    _, disk, list_disk, _, count, size, offset, _ = END.unpack_from(tail, at)
    end = first + at
    if FULL16 in (disk, list_disk, count) or FULL32 in (size, offset):
        end, disk, list_disk, count, size, offset = _zip64(parts, end)
    if disk + 1 != len(parts.paths):
        raise ArchiveError(f"{parts.name} is the last of {disk + 1} parts, and {len(parts.paths)} are there")
    start = parts.at(list_disk, offset)
    if start + size != end or count > MOST_MEMBERS:
        raise ArchiveError(f"{parts.name}: the list of {count} members is not where the archive says; it is refused")
    return count, start, end


def _zip64(parts: Parts, end: int) -> tuple[int, int, int, int, int, int]:
    """Position of the zip64 record, then: this disk, the list's disk, number of entries, the list's size and offset."""
    if end < LOCATOR.size + END64.size:
        raise ArchiveError(f"{parts.name}: its zip64 record is missing; it is refused")
    sign, disk, offset, _ = LOCATOR.unpack(parts.read(end - LOCATOR.size, LOCATOR.size))
    position = parts.at(disk, offset) if sign == b"PK\6\7" else end
    record = parts.read(position, END64.size) if position + END64.size + LOCATOR.size <= end else b""
    if not record.startswith(b"PK\6\6"):
        raise ArchiveError(f"{parts.name}: its zip64 record is missing; it is refused")
    _, _, _, _, this, list_disk, _, count, size, offset = END64.unpack(record)
    return position, this, list_disk, count, size, offset


def _entries(parts: Parts, listed: bytes, count: int) -> Iterator[tuple[Member, int]]:
    """Each entry as a member and its kind of file (as in stat's S_IFMT, 0 where it is unknown)."""
    at = 0
    for number in range(count):
        head = listed[at : at + ENTRY.size]
        if len(head) < ENTRY.size or not head.startswith(b"PK\1\2"):
            raise ArchiveError(f"{parts.name}: entry {number + 1} of {count} in the list of members is damaged")
        fields = ENTRY.unpack(head)
        flags, method, crc, packed, size = fields[3], fields[4], *fields[7:10]
        name_length, extra_length, comment_length, disk, _, attributes, offset = fields[10:]
        name_at, at = at + ENTRY.size, at + ENTRY.size + name_length + extra_length + comment_length
        name = listed[name_at : name_at + name_length].decode("utf-8" if flags & UTF8 else "cp437", "replace")
        extra = listed[name_at + name_length : at - comment_length]
        size, packed, offset, disk = _wide(f"{parts.name}: {name!r}", extra, size, packed, offset, disk)
        start = parts.at(disk, offset)
        yield Member(name, method, flags, crc, packed, size, start, start, name), stat.S_IFMT(attributes >> 16)
    if at != len(listed):
        raise ArchiveError(f"{parts.name}: the list of members holds more than its {count} entries; it is refused")


def _wide(where: str, extra: bytes, size: int, packed: int, offset: int, disk: int) -> Iterator[int]:
    """The four values, those that do not fit their fields from the zip64 field."""
    wide, at = b"", 0
    while at + 4 <= len(extra):
        kind, length = int.from_bytes(extra[at : at + 2], "little"), int.from_bytes(extra[at + 2 : at + 4], "little")
        wide = extra[at + 4 : at + 4 + length] if kind == 1 else wide
        at += 4 + length
    for value, full, width in ((size, FULL32, 8), (packed, FULL32, 8), (offset, FULL32, 8), (disk, FULL16, 4)):
        if value == full:
            if len(wide) < width:
                raise ArchiveError(f"{where} lacks its zip64 field; the archive is refused")
            value, wide = int.from_bytes(wide[:width], "little"), wide[width:]
        yield value


# What is refused


def _problem(member: Member, kind: int) -> str:
    """What is wrong with a member by itself; empty where nothing is."""
    if wrong := _name_problem(member.name):
        return wrong
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link" if kind == stat.S_IFLNK else "is neither a file nor a folder"
    if member.flags & ENCRYPTED:
        return "is encrypted"
    if member.method not in (STORED, DEFLATED):
        return f"is packed by method {member.method}, where 0 (stored) and 8 (deflated) can be read"
    if (member.method == STORED and member.size != member.packed) or member.size > MOST_RATIO * member.packed:
        return f"claims to unpack from {member.packed} to {member.size} bytes, which cannot be"
    if (member.name.endswith("/") or kind == stat.S_IFDIR) and member.size:
        return "is a folder with content"
    return ""


def _name_problem(name: str) -> str:
    steps = name.removesuffix("/").split("/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "is an absolute path"
    if ".." in steps:
        return "leads out of the folder"
    if re.search(r"[\0-\x1f\x7f\\\ufffd]", name) or not all(step not in ("", ".") for step in steps):
        return "is no name for a file"
    if len(name.encode()) > LONGEST_PATH or max(len(step.encode()) for step in steps) > LONGEST_NAME:
        return "is too long a name"
    return ""


def _refuse_twice(archive: str, every: list[Member]) -> None:
    """Names that are one on any file system, and files that are another's folder."""
    seen: dict[str, str] = {}
    for member in every:
        plain = _same(member.name.removesuffix("/"))
        if plain in seen:
            raise ArchiveError(
                f"{archive}: {member.name!r} stands there twice ({seen[plain]!r}); the archive is refused"
            )
        seen[plain] = member.name
    for plain, name in seen.items():
        while "/" in plain:
            plain = plain.rpartition("/")[0]
            if not seen.get(plain, "/").endswith("/"):
                both = f"{seen[plain]!r} is both a file and, for {name!r}, a folder"
                raise ArchiveError(f"{archive}: {both}; the archive is refused")


def _same(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _apart(archive: str, every: Iterable[Member], end: int) -> Iterator[Member]:
    """The members in the order of their bytes, each with the position where the next begins (the last: where the list does)."""
    in_order = sorted(every, key=lambda member: member.start)
    ends = [after.start for _, after in pairwise(in_order)] + [end]
    for member, limit in zip(in_order, ends, strict=False):
        if member.start + LOCAL.size + member.packed > limit:
            raise ArchiveError(f"{archive}: {member.name!r} overlaps what comes after it; the archive is refused")
        yield replace(member, end=limit)


def first_byte(parts: Parts, member: Member) -> int:
    """Position of a member's packed bytes, after its own header; ArchiveError where that contradicts the list."""
    where = f"{parts.name}: {member.name!r}"
    sign, _, flags, method, _, _, crc, packed, size, name_length, extra_length = LOCAL.unpack(
        parts.read(member.start, LOCAL.size)
    )
    if sign != b"PK\3\4":
        raise ArchiveError(f"{where} is not where the list says; the archive is refused")
    name = parts.read(member.start + LOCAL.size, name_length).decode("utf-8" if flags & UTF8 else "cp437", "replace")
    later = {FULL32} if flags & SIZES_FOLLOW or FULL32 in (packed, size) else set()
    same = name == member.name and method == member.method
    if not same or not (later or (crc, packed, size) == (member.crc, member.packed, member.size)):
        raise ArchiveError(f"{where} says otherwise in its own header ({name!r}); the archive is refused")
    start = member.start + LOCAL.size + name_length + extra_length
    if start + member.packed > member.end:
        raise ArchiveError(f"{where} overlaps what comes after it; the archive is refused")
    return start
