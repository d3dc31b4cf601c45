"""One notebook of the graph, run by papermill in a process that ends, and its kernel with it, when snakemake is gone.

python -m lib.cli.notebook PARENT TITLE SCREEN papermill's own arguments

The title is printed at the start and at the end; what the notebook prints goes to SCREEN (- or /dev/null).
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from lib import files
from lib.cli.gpus import place
from lib.cli.processes import end_with_parent, interruptible


def main(words: Sequence[str]) -> int:
    """Run a notebook for as long as the process `PARENT` is there; the exit status."""
    parent, title, screen, *rest = words
    return job(int(parent), title, lambda: run([*rest, "--no-progress-bar", "--stdout-file", screen]))


def job(parent: int, title: str, work: Callable[[], int]) -> int:
    """Do the work of a job of the graph, on a GPU of its own where STUDY_GPUS names some; the exit status."""
    end_with_parent(parent)
    os.environ["PYTHONFAULTHANDLER"] = "1"  # a kernel that dies in compiled code leaves its traceback in the log
    print(f"{title}\n", end="", flush=True)  # in one piece: others write to the same screen
    started, status = time.monotonic(), 1
    gpus = [int(number) for number in filter(None, os.environ.get("STUDY_GPUS", "").split(","))]
    try:
        with place(gpus, files.cache() / "gpus"):
            status = work()
    finally:
        ended = f"done in {time.monotonic() - started:.0f} s" if status == 0 else "failed"
        print(f"{title} {ended}\n", end="", flush=True)
    return status


def run(words: Sequence[str]) -> int:
    """papermill with its own arguments; interrupted, it ends its kernel."""
    # jsonschema's parser of web addresses takes a second to load, and the schema of notebooks asks for none
    sys.modules.setdefault("rfc3987_syntax", None)
    from papermill.cli import papermill

    from lib.cli import forked

    forked.use()
    write_before_code()
    with interruptible():
        try:
            papermill(list(words), standalone_mode=False)
        except KeyboardInterrupt:
            return 130
    return 0


def write_before_code() -> None:
    """From now on papermill writes a notebook before each cell of code and at its end, and where a cell prints for long.

    Of itself it writes it, with all its pictures, at both ends of every cell, text too.
    """
    from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines

    class Manager(NotebookExecutionManager):
        writes = True

        def cell_start(self, cell: Any, *rest: Any, **more: Any) -> None:
            self.writes = cell.cell_type == "code"
            super().cell_start(cell, *rest, **more)
            self.writes = True

        def cell_complete(self, cell: Any, *rest: Any, **more: Any) -> None:
            self.writes = False
            super().cell_complete(cell, *rest, **more)
            self.writes = True

        def save(self, **more: Any) -> None:
            if self.writes:
                super().save(**more)

    class Engine(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, *rest: Any, **more: Any) -> Any:
            nb_man.__class__ = Manager  # papermill makes its own
            return super().execute_managed_notebook(nb_man, *rest, **more)

    papermill_engines.register(None, Engine)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
