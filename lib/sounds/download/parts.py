"""The parts of a split archive (name.z01, name.z02, ..., name.zip), read in place as one long file."""

import os
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path

from lib.files import PlainError


class ArchiveError(PlainError):
    """An archive that cannot be read or is not to be trusted; the message names it, the member and the reason."""


class Parts:
    """Files one after the other, the last one holding the archive's list of members.

    Reads go by position and share nothing, so that threads can read side by side. `ensure(i)` is called before part i
    is read: it may fetch the part, which is not looked at earlier.
    """

    def __init__(
        self, paths: Sequence[Path], sizes: Sequence[int] = (), ensure: Callable[[int], object] = lambda i: None
    ):
        self.paths, self.ensure = list(paths), ensure
        self.starts = list(accumulate(sizes or [path.stat().st_size for path in paths], initial=0))
        self.size, self.name = self.starts[-1], self.paths[-1].name

    def index(self, position: int) -> int:
        """Number of the part that holds the byte at `position`."""
        return min(bisect_right(self.starts, position), len(self.paths)) - 1

    def at(self, part: int, offset: int) -> int:
        """Position of the byte at `offset` in a part; ArchiveError where there is no such part."""
        if part >= len(self.paths):
            raise ArchiveError(f"{self.name} speaks of part {part + 1}, and {len(self.paths)} are there")
        return self.starts[part] + offset

    def read(self, position: int, count: int) -> bytes:
        """Exactly `count` bytes, across parts where need be; ArchiveError where the archive ends before."""
        pieces = []
        while count > 0 and position < self.size:
            part = self.index(position)
            self.ensure(part)
            with open(self.paths[part], "rb") as file:
                piece = os.pread(
                    file.fileno(), min(count, self.starts[part + 1] - position), position - self.starts[part]
                )
            if not piece:
                break
            pieces.append(piece)
            position, count = position + len(piece), count - len(piece)
        if count:
            raise ArchiveError(f"{self.name} is cut off: {count} bytes are missing at byte {position}")
        return b"".join(pieces)
