"""Zip archives written field by field, so that any of them can lie."""

import struct
import zlib
from dataclasses import dataclass

END = b"PK\5\6"


@dataclass
class Entry:
    """A member as it is told in the list; `local_name` and `crc` where the truth is another."""

    name: str
    content: bytes = b"some sound" * 40
    mode: int = 0o100644
    flags: int = 1 << 11
    method: int = 8
    size: int | None = None
    packed_size: int | None = None
    crc: int | None = None
    offset: int | None = None
    local_name: str | None = None
    local_size: int | None = None
    packed: bytes | None = None
    extra: bytes = b""


def deflate(content):
    return zlib.compress(content, 9, -zlib.MAX_WBITS)


def archive(*entries, count=None, cd_size=None, cd_offset=None, disk=0, list_disk=0, comment=b"", between=b""):
    """The bytes of an archive of these entries."""
    body, listed = b"", b""
    for entry in entries:
        name, local = entry.name.encode(), (entry.local_name or entry.name).encode()
        packed = (
            entry.packed
            if entry.packed is not None
            else (deflate(entry.content) if entry.method == 8 else entry.content)
        )
        crc = zlib.crc32(entry.content) if entry.crc is None else entry.crc
        size = len(entry.content) if entry.size is None else entry.size
        told = len(packed) if entry.packed_size is None else entry.packed_size
        start = len(body) if entry.offset is None else entry.offset
        local_size = size if entry.local_size is None else entry.local_size
        fields = (20, entry.flags, entry.method, 0, 33, crc, told)
        body += struct.pack("<4s5H3L2H", b"PK\3\4", *fields, local_size, len(local), 0) + local + packed
        listed += struct.pack("<4s6H3L5H2L", b"PK\1\2", 3 << 8 | 20, *fields, size, len(name), len(entry.extra), 0, 0, 0,
                              entry.mode << 16, start) + name + entry.extra  # fmt: skip
    body += between
    count = len(entries) if count is None else count
    sizes = (len(listed) if cd_size is None else cd_size, len(body) if cd_offset is None else cd_offset)
    return body + listed + struct.pack("<4s4H2LH", END, disk, list_disk, count, count, *sizes, len(comment)) + comment


def contents(folder):
    """Name -> content of every file below a folder that is not among the archives."""
    found = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name.as_posix(): content for name, content in found.items() if name.parts[0] != "archives"}
