"""Stored things with a digest of their content beside them, so that none is used that is not what was written.

`sealed` writes a file and, in a hidden file beside it, its sha256; `read` checks that before it loads, `reread` prints
that a damaged file is made again, `array` makes it. A file from before there were digests is taken as it is, and
gets one once it could be read.
"""

import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lib import files
from lib.files import PlainError

Loaded = TypeVar("Loaded")
LARGE_BYTES = 2**26  # from here on a file that nothing has touched since it was checked is not read again for that
REMEDY = "make study with the variables of this run makes it again"
NOTHING = b"\n"  # a table without rows or columns, which pandas writes and does not read
UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)  # what loading a cut or empty file raises


class Damaged(PlainError):
    """A stored file is not what was written; the message says which, and what makes it again."""

    def __init__(self, path: Path, remedy: str = REMEDY):
        self.path, self.remedy = path, remedy
        super().__init__(f"{short(path)} is damaged, or was changed since it was written: {remedy}")

    def __reduce__(self) -> tuple[type, tuple[Path, str]]:
        return type(self), (self.path, self.remedy)  # so that a process of its own can hand it on


def short(path: Path) -> str:
    """A path below the study's home without that."""
    return str(path.relative_to(files.home())) if path.is_relative_to(files.home()) else str(path)


@contextmanager
def sealed(path: Path, wanted: int = 0) -> Iterator[Path]:
    """`files.atomic_write`, and the digest of what was written beside it.

    The digest comes first and the one before it stays: whenever this is stopped, the file there is one of the two.
    """
    with files.atomic_write(path, wanted) as temporary:
        yield temporary
        _note(path, [files.digest_of_file(temporary), *_noted(path)[:1]])


def adopt(*paths: Path) -> None:
    """Give files that have none the digest of what they hold now."""
    for path in paths:
        if not _noted(path):
            with suppress(OSError):  # an old store may be one that cannot be written
                _note(path, [_digest(path)])


def intact(path: Path) -> bool:
    """Whether a file is there and, as far as is known, holds what was written to it."""
    noted = _noted(path)
    return path.exists() and (noted == [] or _digest(path) in noted)


def read(path: Path, load: Callable[[Path], Loaded], remedy: str = REMEDY) -> Loaded:
    """load(path); Damaged where it is not what was written, or cannot be loaded. FileNotFoundError where it is not there."""
    if not path.exists():
        raise FileNotFoundError(path)
    if not intact(path):
        raise Damaged(path, remedy)
    try:
        loaded = load(path)
    except Exception as error:
        cut = isinstance(error, UNREADABLE) or type(error).__name__ == "SafetensorError"
        if cut and not _noted(path) and path.read_bytes() != NOTHING:
            raise Damaged(path, remedy) from None
        raise
    adopt(path)
    return loaded


def or_again(load: Callable[[], Loaded]) -> Loaded | None:
    """load() of what can be made again; None where it is not there or is damaged, which is printed."""
    try:
        return load()
    except FileNotFoundError:
        return None
    except Damaged as error:
        print(f"{short(error.path)} is damaged: it is made again", flush=True)
        return None


def reread(path: Path, load: Callable[[Path], Loaded]) -> Loaded | None:
    """load(path) of what can be made again; None where it is not there or is damaged, which is printed."""
    return or_again(lambda: read(path, load))


def usable(*paths: Path) -> bool:
    """Whether all are there and intact; of those that are damaged it is said that they are made again."""
    return all(list(map(partial(reread, load=bool), paths)))  # a list: every one is looked at


def array(path: Path, make: Callable[[], np.ndarray]) -> np.ndarray:
    """The array that is stored at `path`; where there is none, or it is damaged, the one that make() gives."""
    stored = reread(path, np.load)
    if stored is None:
        stored = make()
        write_array(path, stored)
    return stored


def write_array(path: Path, values: np.ndarray) -> None:
    """Write an array as .npy, sealed."""
    with sealed(path, values.nbytes) as temporary:
        np.save(temporary, values)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, sealed."""
    with sealed(path) as temporary:
        temporary.write_text(files.as_json(value))


def load_json(path: Path) -> Any:
    """The value of a JSON file, for `read`."""
    return json.loads(path.read_text())


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name, for `read`."""
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def remove(path: Path) -> None:
    """Remove a file with its digest."""
    for each in (path, _beside(path)):
        each.unlink(missing_ok=True)


def damaged(folder: Path) -> list[Path]:
    """Every sealed file in a folder and below that is not what was written; what is not there is not damaged."""
    sealed_ones = [_of(beside) for beside in sorted(folder.rglob(f".*{ENDING}"))]
    return [path for path in sealed_ones if path.exists() and not intact(path)]


# The file beside it

ENDING = ".sha256"


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}{ENDING}")


def _of(beside: Path) -> Path:
    return beside.with_name(beside.name[1 : -len(ENDING)])


def _noted(path: Path) -> list[str]:
    """The digests beside a file: of what was written last, and before; none where it has none."""
    try:
        return _beside(path).read_text(errors="replace").split() or ["empty"]
    except FileNotFoundError:
        return []


def _note(path: Path, digests: list[str]) -> None:
    with files.atomic_write(_beside(path)) as temporary:
        temporary.write_text("\n".join(digests) + "\n")


def _digest(path: Path) -> str:
    """Of a file that may have been there for long."""
    return files.content_of([path])[0] if path.stat().st_size >= LARGE_BYTES else files.digest_of_file(path)
