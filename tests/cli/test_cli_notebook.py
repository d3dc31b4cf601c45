"""A notebook of the graph and its kernel end with the process above them, whatever is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from waiting import wait_until

from lib.cli.environment import PROJECT

SLEEP = "import os, pathlib, time\npathlib.Path('kernel.txt').write_text(str(os.getpid()))\ntime.sleep(1000)"
# A shell as snakemake starts it, below a Python that stands for snakemake; the first line is the shell's own pid.
ABOVE = "import subprocess, sys; subprocess.run(['bash', '-c', 'set -euo pipefail; echo $$; ' + sys.argv[1]])"
LINE = f"exec '{sys.executable}' -u -m lib.cli.notebook $PPID 'a title' - in.ipynb out.ipynb"


def notebook(folder, *codes):
    cells = [nbformat.v4.new_code_cell(code) for code in codes]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "in.ipynb")


def begin(folder):
    """The processes above, of the notebook and of its kernel, once that runs."""
    above = subprocess.Popen(
        [sys.executable, "-c", ABOVE, LINE], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)}, start_new_session=True,
    )  # fmt: skip
    job = int(above.stdout.readline())
    wait_until(lambda: (folder / "kernel.txt").exists() and (folder / "kernel.txt").read_text())
    return above, job, int((folder / "kernel.txt").read_text())


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which processes are there")


@pytest.mark.parametrize("killed", ["above", "job"])
def test_whatever_is_killed_the_notebook_and_its_kernel_end(tmp_path, killed):
    notebook(tmp_path, SLEEP)
    above, job, kernel = begin(tmp_path)
    assert alive(job)
    assert alive(kernel)
    os.kill({"above": above.pid, "job": job}[killed], signal.SIGKILL)
    above.wait()
    wait_until(lambda: not alive(job) and not alive(kernel))  # the notebook of itself would last longer


def run(folder):
    done = subprocess.run(
        ["bash", "-c", f"{LINE} 2> words.txt"], cwd=folder, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)}, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.splitlines()


def test_what_a_notebook_prints_stands_between_its_title_and_its_end(tmp_path):
    notebook(tmp_path, "print('hello')")
    status, lines = run(tmp_path)
    assert status == 0
    assert lines[:2] == ["a title", "hello"]
    assert lines[-1].startswith("a title done in ")


def test_what_the_cells_before_have_shown_is_in_the_file_when_a_cell_begins(tmp_path):
    """A copy that is cut off, or looked at meanwhile, lacks nothing but the cell that runs."""
    shown = "import nbformat\ncells = nbformat.read('out.ipynb', as_version=4).cells\n"
    shown += (
        "print([cell.metadata.papermill['status'] for cell in cells], len(cells[0].outputs), cells[0].execution_count)"
    )
    notebook(tmp_path, "print('hello')", shown)
    status, lines = run(tmp_path)
    assert (status, lines[1:3]) == (0, ["hello", "['completed', 'running'] 1 1"])
    last = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert [cell.metadata.papermill["status"] for cell in last.cells] == ["completed"] * 2
    assert len(last.cells[1].outputs) == 1 and last.metadata.papermill["end_time"]


def test_where_a_kernel_dies_the_file_has_what_its_last_cell_had_shown(tmp_path):
    notebook(tmp_path, "import os, time\nprint('hello', flush=True)\ntime.sleep(1)\nos.kill(os.getpid(), 9)")
    status, lines = run(tmp_path)
    assert status != 0 and lines[-1] == "a title failed"
    (cell,) = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    assert [output["text"] for output in cell.outputs] == ["hello\n"]


def test_a_notebook_that_fails_is_said_to_fail_and_its_words_go_to_the_log(tmp_path):
    notebook(tmp_path, "1 / 0")
    status, lines = run(tmp_path)
    assert status == 1
    assert lines == ["a title", "a title failed"]
    assert "ZeroDivisionError" in (tmp_path / "words.txt").read_text()
    assert "ZeroDivisionError" in (tmp_path / "out.ipynb").read_text()
