"""librosa's functions compiled by numba: once, in one process, before several import it at the same time.

numba's cache has no lock: two processes that compile at once write over each other's files, and whoever reads them
later ends in a segmentation fault.
"""

import os
import sys
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

from lib.cli.processes import run

# librosa loads its modules when they are first used; those with compiled functions are loaded here.
EVERY_MODULE = "from librosa import beat, core, decompose, effects, feature, filters, onset, segment, sequence, util"


def compile_once() -> bool:
    """Have numba fill its cache where nobody has yet; True where this call did it."""
    done = mark()
    if done.exists():
        return False
    with suppress(OSError):  # a .venv that cannot be written: numba has its cache elsewhere, or none
        done.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{done}.lock"):
            if done.exists():
                return False
            print("compiling librosa's functions: once, a minute on a slow machine", file=sys.stderr, flush=True)
            if done.parent == Path(sys.prefix):
                for path in cached():
                    path.unlink()  # several may have written them at once
            if run([sys.executable, "-c", EVERY_MODULE], ending_s=0) == 0:
                done.touch()
                return True
    return False


def mark() -> Path:
    """The file that says that the cache is filled: one for each version of what fills it."""
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or sys.prefix)
    return folder / f"compiled-librosa-{version('librosa')}-numba-{version('numba')}"


def cached() -> list[Path]:
    """The files that numba has stored beside librosa's sources."""
    source = find_spec("librosa")
    return list(Path(source.origin).parent.rglob("__pycache__/*.nb[ic]")) if source and source.origin else []
