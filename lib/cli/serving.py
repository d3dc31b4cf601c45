"""The explorer in the browser: notebooks/06_explorer.ipynb on one run, by Voila without its code.

The page is served to this machine alone, and requests nothing from any other: templates of ours (lib/cli/voila) leave out
what Voila would fetch from the network.
"""

import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from lib import files
from lib.cli.compiled import compile_once
from lib.cli.environment import Stop, terminate_with_parent
from lib.cli.processes import in_subprocess, interruptible, prepended, stop
from lib.cli.values import whole_number
from lib.display.screen import short_path
from lib.explorer.limits import LARGEST_BYTES
from lib.files import runs

NOTEBOOK = "06_explorer"
HOST = "127.0.0.1"
PORT = 8866  # Voila's own
PATIENCE_S = 300  # until the server answers, on a machine that has other work too
LARGEST_UPLOAD = LARGEST_BYTES + 1_000_000  # of a message with a file; tornado ends a connection that brings more
IDLE_S = 60  # until a kernel is ended whose page is gone without a word


def serve(folder: Path, port: str) -> int:
    """Serve the explorer of the run in `folder` until Ctrl-C; Stop where the port is taken or it does not start."""
    number = free_port(port)
    compile_once()
    print(f"starting the explorer of {folder.name}", flush=True)
    page = in_subprocess(parameterised, folder)
    log = folder / "logs" / "explorer.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as messages, interruptible():
        process, interrupted = begin(page, number, messages), False
        try:
            wait_until_there(process, number, log)
            print(f"open http://{HOST}:{number}/ in a browser; Ctrl-C ends it", flush=True)
            process.wait()
        except KeyboardInterrupt:
            interrupted = True
        finally:
            stop(process)
    if interrupted:
        print("\nthe explorer has ended", flush=True)
        return 0
    raise Stop(f"the explorer ended by itself; see the log: {short_path(log)}")


def free_port(text: str) -> int:
    """The port of this number, or the usual one; Stop where it is none or another program has it."""
    number = whole_number("PORT", text, 1024, 65535) or PORT
    if taken(number):
        other = next(near for near in range(number + 1, number + 1000) if not taken(near))
        raise Stop(f"PORT={number}: another program has this port; PORT={other} is free")
    return number


def taken(number: int) -> bool:
    """Whether something else listens at this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, number))
        except OSError:
            return True
    return False


def parameterised(folder: Path) -> Path:
    """Write runs/<study>/explorer.ipynb: the notebook with the run's request as its parameters."""
    import nbformat
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook

    from lib.study import NOTEBOOK_NAMES

    notebook = load_notebook_node(str(files.PROJECT / "notebooks" / f"{NOTEBOOK}.ipynb"))
    named = {NOTEBOOK_NAMES.get(name, name): value for name, value in runs.request(folder).items()}
    notebook = parameterize_notebook(notebook, {**named, "seed": runs.seeds(folder)[0]})
    notebook.metadata["title"] = f"Explorer: {folder.name}"
    for cell in (each for each in notebook.cells if each.cell_type == "markdown"):
        cell.source = as_served(cell.source)
    with files.atomic_write(folder / "explorer.ipynb") as temporary:
        nbformat.write(notebook, temporary)
    return folder / "explorer.ipynb"


def as_served(text: str) -> str:
    """Markdown without its title, since the study's name is the heading, and without links to notebooks not served."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\.ipynb\)", r"\1", re.sub(r"\A# .*\n*", "", text))


def begin(notebook: Path, port: int, log: IO[str]) -> subprocess.Popen:
    """Start Voila on a notebook; its messages go to `log`."""
    return subprocess.Popen(
        command(notebook, port), stdout=log, stderr=log, env=environment(), start_new_session=True,
        preexec_fn=terminate_with_parent,
    )  # fmt: skip


def command(notebook: Path, port: int) -> list[str]:
    """Voila on one notebook, with a template of ours, for this machine alone."""
    return [
        sys.executable, "-m", "voila", str(notebook), "--no-browser", f"--Voila.ip={HOST}", f"--port={port}",
        "--Voila.port_retries=0", "--template=study", "--show_tracebacks=True",
        "--MappingKernelManager.cull_interval=15", f"--MappingKernelManager.cull_idle_timeout={IDLE_S}",
    ]  # fmt: skip


def environment() -> dict[str, str]:
    """Where Voila and JupyterLab find our templates and settings, and the notebook's kernel this very lib."""
    pages = Path(__file__).parent
    return prepended(JUPYTER_PATH=pages, JUPYTER_CONFIG_PATH=pages / "voila", PYTHONPATH=files.PROJECT)


def wait_until_there(process: subprocess.Popen, port: int, log: Path) -> None:
    """Wait until the server answers; Stop with its last words where it ends before, or never does."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.1)
    words = log.read_text().strip().splitlines()
    raise Stop(f"the explorer did not start: {words[-1] if words else 'no message'} (see the log: {short_path(log)})")
