"""Kernels that are forked from a process that has loaded what they need: what they get, and that they end with the others."""

import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import nbformat
import psutil
import pytest
from waiting import wait_until

from lib.cli import forking, study
from lib.files import PROJECT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux alone")
SAY = "import os, sys\nprint(os.getppid(), os.getcwd(), os.environ['OF_THE_JOB'], sys.argv[0])"
SLEEP = "import os, pathlib, time\npathlib.Path('kernel.txt').write_text(str(os.getpid()))\ntime.sleep(1000)"


@pytest.fixture(scope="module")
def found_by():
    """The variable by which notebooks find a process that forks kernels; it loads nothing before it is asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MPLBACKEND", raising=False)  # `make test` sets it, a study does not
        with forking.kernels(1, at_once=False) as found_by:
            yield found_by


def begin(folder, code, found_by):
    """A notebook of this code as a job of the graph runs it."""
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)], metadata=kernel)
    nbformat.write(notebook, folder / "in.ipynb")
    words = [str(os.getpid()), "a title", "-", "in.ipynb", "out.ipynb"]
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "lib.cli.notebook", *words], cwd=folder, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(PROJECT), "OF_THE_JOB": "own", **found_by},
        # a shell's background jobs, the tests among them, may ignore Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


def printed(folder, code, found_by):
    """The lines that a notebook prints between its title and its end."""
    words, errors = begin(folder, code, found_by).communicate()
    assert " done in " in words, errors
    return words.splitlines()[1:-1]


def forking_one():
    """The process that forks: the one below this one whose command has its module."""
    below = psutil.Process().children()
    return next(one for one in below if "lib.cli.forking" in one.cmdline())


def at_work(folder):
    """The process of a kernel that runs SLEEP."""
    path = folder / "kernel.txt"
    return psutil.Process(int(wait_until(lambda: path.exists() and path.read_text())))


def gone(process):
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_kernel_is_forked_and_has_the_environment_and_folder_of_its_job(tmp_path, found_by):
    assert printed(tmp_path, SAY, found_by) == [f"{forking_one().pid} {tmp_path} own ipykernel_launcher"]


def test_it_has_loaded_libraries_and_nothing_of_lib_that_a_notebook_uses(tmp_path, found_by):
    code = "import sys\nprint('torch' in sys.modules, *sorted(name for name in sys.modules if name.startswith('lib.')))"
    printed(tmp_path, code, found_by)  # by the second all is loaded, or is being
    loaded, *of_lib = printed(tmp_path, code, found_by)[0].split()
    assert loaded == "True"
    assert {*of_lib} <= {"lib.cli", "lib.cli.environment", "lib.cli.processes"}


def test_a_picture_by_pyplot_is_shown_in_the_notebook(tmp_path, monkeypatch, found_by):
    monkeypatch.delenv("MPLBACKEND", raising=False)
    printed(tmp_path, "import matplotlib.pyplot as plt\nplt.plot([1, 2])", found_by)
    (cell,) = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    assert [[*one.get("data", {})] for one in cell.outputs] == [["text/plain"], ["image/png", "text/plain"]]


def test_an_edit_reaches_the_next_kernel(tmp_path, found_by):
    """Also of a module that a kernel before has loaded."""
    code = "import sys\nsys.path.insert(0, '.')\nimport edited\nprint(edited.number)"
    for number in ("1", "22"):
        (tmp_path / "edited.py").write_text(f"number = {number}")
        assert printed(tmp_path, code, found_by) == [number]


def test_a_kernel_that_dies_fails_its_notebook_and_no_other(tmp_path, found_by):
    job = begin(tmp_path, "import os\nos.kill(os.getpid(), 9)", found_by)
    words, errors = job.communicate()
    assert job.returncode == 138 and "a title failed" in words and "DeadKernelError" in errors  # papermill says so
    assert len(printed(tmp_path, SAY, found_by)) == 1


def test_a_kernel_ends_with_its_notebook(tmp_path, found_by):
    job = begin(tmp_path, SLEEP, found_by)
    kernel = at_work(tmp_path)
    assert kernel.ppid() == forking_one().pid
    job.kill()
    job.communicate()
    wait_until(lambda: gone(kernel))
    assert forking_one().is_running()


def test_ctrl_c_ends_both(tmp_path, found_by):
    job = begin(tmp_path, SLEEP, found_by)
    kernel = at_work(tmp_path)
    job.send_signal(signal.SIGINT)
    words, _ = job.communicate()
    assert job.returncode != 0 and "a title failed" in words
    wait_until(lambda: gone(kernel))


def test_when_it_is_killed_its_kernels_end_and_the_next_begins_as_jupyter_has_it(tmp_path):
    with forking.kernels(1, at_once=False) as found_by:
        job = begin(tmp_path, SLEEP, found_by)
        kernel = at_work(tmp_path)
        psutil.Process(kernel.ppid()).kill()
        job.communicate()
        assert job.returncode == 138
        wait_until(lambda: gone(kernel))
        (line,) = printed(tmp_path, SAY, found_by)
    parent, *rest = line.split(maxsplit=1)
    assert psutil.pid_exists(int(parent)) is False and rest[0].startswith(f"{tmp_path} own ")
    assert Path(rest[0].split()[-1]).name == "ipykernel_launcher.py"


def test_a_study_forks_its_kernels_on_linux_without_a_gpu_and_not_on_a_cluster(monkeypatch):
    def taken(given, gpus=(), platform="linux"):
        monkeypatch.setattr(study.sys, "platform", platform)
        return bool(study.kernels_for({"threads": 1, "finished": True, "gpus": gpus}, given).__enter__())

    monkeypatch.setattr(
        study, "kernels", lambda threads, at_once: nullcontext({forking.VARIABLE: f"{threads} {at_once}"})
    )
    assert taken({})
    assert not taken({"PROFILE": "slurm"}) and not taken({}, gpus=[0]) and not taken({}, platform="darwin")
    monkeypatch.setenv(forking.VARIABLE, forking.NONE)
    assert not taken({})


def test_it_ends_with_the_process_above():
    code = "import os, sys\nfrom lib.cli import forking\nwith forking.kernels(1, at_once=False): print(flush=True); sys.stdin.read()"
    above = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    above.stdout.readline()
    (process,) = psutil.Process(above.pid).children()
    above.kill()
    above.communicate()
    wait_until(lambda: gone(process))
