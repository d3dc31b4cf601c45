"""MP3 files that do not say their length: libsndfile guesses it from the first frame and leaves out what lies beyond.

A file says it in a tag (Xing, Info) in its first frame; where that is missing or damaged, the frames are counted and a
tag is put before them. A frame begins with eleven set bits and says its length and how many samples it holds (ISO/IEC
11172-3, 13818-3).
"""

import io
import re
import struct
from collections.abc import Iterator
from pathlib import Path

KBPS = {  # of layer III, by version
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # MPEG 1, 2, 2.5
SAMPLES = {1: 1152, 2: 576}  # of a frame
SIDE_BYTES = {1: (32, 17), 2: (17, 9)}  # between a frame's header and its tag: several channels, one
SPARE = 2  # frames that may follow beyond what a right tag says
ROOMY = 9 << 4  # a bit rate whose frames hold a tag


def with_length(path: Path) -> io.BytesIO | None:
    """The file with a tag that says its length, in memory; None where it has a right one or no frames that follow another.

    The tag of a file that others were put behind is that of the first.
    """
    data = path.read_bytes()
    start, size = next(_frames(data), (0, 0))
    if not size:
        return None
    n_frames = sum(1 for _ in _frames(data))
    tag = re.search(rb"(?:Xing|Info)(.{8})", data[start : start + size], re.DOTALL)
    if tag is None:
        return io.BytesIO(_tag(data[start : start + 4], n_frames) + data[start:])
    flags, said = struct.unpack(">II", tag[1])
    joined = flags & 1 and n_frames - 1 > said + SPARE
    return io.BytesIO(_tag(data[start : start + 4], n_frames - 1) + data[start + size :]) if joined else None


def _frames(data: bytes) -> Iterator[tuple[int, int]]:
    """Place and bytes of each frame that another follows, or the end, wherever the first stands."""
    place = _behind_tag(data)
    while (place := data.find(b"\xff", place)) >= 0:
        size = _size(data[place : place + 4])
        follows = size and (place + size >= len(data) or _size(data[place + size : place + size + 4]))
        if follows:
            yield place, size
        place += size if follows else 1


def _behind_tag(data: bytes) -> int:
    """Where an ID3 tag at the start ends, whose picture may hold what looks like frames; 0 where there is none that ends."""
    end = 10 + sum((byte & 127) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=False))
    return end if data.startswith(b"ID3") and end < len(data) else 0


def _size(head: bytes) -> int:
    """Bytes of the frame of layer III that begins so; 0 where none does."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    mpeg, bits, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if mpeg not in RATES_HZ or rate > 2 or not 0 < bits < 15:
        return 0
    version = 1 if mpeg == 3 else 2
    return SAMPLES[version] // 8 * 1000 * KBPS[version][bits] // RATES_HZ[mpeg][rate] + (head[2] >> 1 & 1)


def _tag(head: bytes, n_frames: int) -> bytes:
    """A frame like the one with this header that holds no sound and the number of frames."""
    own = bytes([head[0], head[1] | 1, head[2] & 0x0D | ROOMY, head[3]])  # without a checksum
    side = SIDE_BYTES[1 if head[1] >> 3 & 3 == 3 else 2][head[3] >> 6 == 3]
    return (own + bytes(side) + b"Xing" + struct.pack(">II", 1, n_frames)).ljust(_size(own), b"\0")
