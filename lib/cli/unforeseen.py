"""What nobody foresaw, in one line that says what to do; the traceback goes to a log that the line names."""

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
KNOWN: tuple[tuple[type[Exception], str], ...] = (
    (BrokenProcessPool, "a process of it was ended from outside, as systems do that run out of memory: close other "
                        "programs, or set JOBS=1, and call again"),
    (MemoryError, "there is not enough memory: close other programs, or set JOBS=1, and call again"),
    (PermissionError, "this user may not read or write there: change that, or set STUDY_HOME to a folder of your own"),
    (OSError, "the system refused it: look at that place, or set STUDY_HOME to another, and call again"),
)  # fmt: skip
ELSE = "nobody foresaw this: call again, and if it comes back report it with the log"


@contextmanager
def in_one_line(command: str) -> Iterator[None]:
    """Whatever the block raises that has no plain words of its own becomes a Stop, with its traceback in a log."""
    try:
        yield
    except (Stop, PlainError):
        raise
    except Exception as error:
        advice = next((told for kind, told in KNOWN if isinstance(error, kind)), ELSE)
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise Stop(f"{said[:300]}; {advice} ({short_path(_logged(command, error))})") from None


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
