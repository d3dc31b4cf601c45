"""Unexpected errors in one line that says what to do; the traceback goes to a log that the line names."""

import tempfile
import time
import traceback
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from lib import files
from lib.cli.environment import Stop
from lib.display.screen import short_path
from lib.files import PlainError

# Errors by type: what is in the way, and what to do; the first that fits counts.
REMEDIES: tuple[tuple[type[Exception], str], ...] = (
    (
        BrokenProcessPool,
        "a process was killed, perhaps for want of memory: close other programs, or set JOBS=1, and try again",
    ),
    (MemoryError, "there is not enough memory: close other programs, or set JOBS=1, and try again"),
    (PermissionError, "this user may not read or write there: change that, or set STUDY_HOME to a folder of your own"),
    (OSError, "the system refused this: check that path, or set STUDY_HOME to another folder, and try again"),
)
ELSE = "unexpected: try again, and if it comes back report it with the log"


@contextmanager
def in_one_line(command: str) -> Iterator[None]:
    """Whatever the block raises that is no plain message becomes a Stop, with its traceback in a log."""
    try:
        yield
    except (Stop, PlainError):
        raise
    except Exception as error:
        remedy = next((remedy for kind, remedy in REMEDIES if isinstance(error, kind)), ELSE)
        message = " ".join(f"{type(error).__name__}: {error}".split())
        raise Stop(f"{message[:300]}; {remedy} ({short_path(_logged(command, error))})") from None


def _logged(command: str, error: Exception) -> Path:
    """The log of this error: in runs/, or where that cannot be written among the system's temporary files."""
    text = f"{time.strftime('%Y-%m-%d %H:%M:%S')} make {command}\n{''.join(traceback.format_exception(error))}\n"
    for folder in (files.home() / "runs", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / f"{command}-error.txt").open("a", encoding="utf-8") as log:
                log.write(text)
        except OSError:
            continue
        return folder / f"{command}-error.txt"
    return Path("no log could be written")
