"""`make lab`: JupyterLab on copies of the notebooks, so that running all cells changes nothing that git keeps.

The copies lie in runs/lab. One whose cells nobody edited is brought up to date where the project's notebook changes; one that
was edited stays as it is. The server listens to this machine alone, and requires the token in the address that it prints.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from lib import files
from lib.cli.compiled import compile_once
from lib.cli.processes import run
from lib.cli.serving import HOST, environment, free_port, taken
from lib.display.screen import short_path

PORT = 8888  # Jupyter's own
# Ctrl-C ends it without a traceback, too, while it is imported; later it has its own answer.
HEARS = "import signal as s; s.signal(s.SIGINT, s.SIG_DFL); s.pthread_sigmask(s.SIG_UNBLOCK, {s.SIGINT})"
JUPYTERLAB = f"{HEARS}; from jupyterlab.labapp import main; main()"


def lab(given: Mapping[str, str]) -> int:
    """Serve JupyterLab on the copies until Ctrl-C; Stop where PORT is none or another program has it."""
    number = given.get("PORT", "")
    port = free_port(number) if number else next(near for near in range(PORT, 2**16) if not taken(near))
    folder = files.home() / "runs" / "lab"
    compile_once()
    edited = copy(files.PROJECT / "notebooks", folder)
    print(f"copies of the notebooks are in {short_path(folder)}; the project's own stay as they are", flush=True)
    if edited:
        print(
            f"edited there, and older than the project's (delete one to copy it again): {', '.join(edited)}", flush=True
        )
    return run(command(port), folder, **environment())


def copy(source: Path, target: Path) -> list[str]:
    """Copy notebooks that are new or changed; names of those left alone since someone edited the copy's cells."""
    target.mkdir(parents=True, exist_ok=True)
    edited, record = [], target / ".copied.json"  # the cells of each notebook as they were copied
    before = json.loads(record.read_text()) if record.exists() else {}
    for notebook in sorted(source.glob("*.ipynb")):
        mine, now = target / notebook.name, cells(notebook)
        if mine.exists() and now == before.get(notebook.name):
            continue
        if mine.exists() and cells(mine) not in (now, before.get(notebook.name)):
            edited.append(notebook.name)
            continue
        shutil.copyfile(notebook, mine)
        before[notebook.name] = now
    files.write_json(record, before)
    return edited


def cells(notebook: Path) -> str:
    """A digest of a notebook's cells without their outputs; of its bytes where it is no notebook."""
    try:
        written = [[cell["cell_type"], "".join(cell["source"])] for cell in json.loads(notebook.read_text())["cells"]]
    except (ValueError, KeyError, TypeError):
        return files.key(notebook.read_bytes().hex())
    return files.key(written)


def command(port: int) -> list[str]:
    """JupyterLab for this machine alone, with the token that it makes by itself; Ctrl-C ends it without a question."""
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return [
        sys.executable, "-c", JUPYTERLAB, *root, f"--ServerApp.ip={HOST}", f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0", "--ServerApp.allow_remote_access=False", "--ServerApp.answer_yes=True",
    ]  # fmt: skip
