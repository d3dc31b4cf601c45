"""JupyterLab works on copies: what one does there changes nothing in the project, and nobody else gets in."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import psutil
import pytest
from waiting import wait_until

from lib import files
from lib.cli.lab import command, copy


def notebook(path, *sources, outputs=()):
    cells = [{"cell_type": "code", "source": [source], "outputs": list(outputs)} for source in sources]
    path.write_text(json.dumps({"cells": cells}))


@pytest.fixture
def folders(tmp_path):
    source, target = tmp_path / "notebooks", tmp_path / "runs" / "lab"
    source.mkdir()
    notebook(source / "01.ipynb", "a = 1")
    notebook(source / "02.ipynb", "b = 1")
    assert copy(source, target) == []
    return source, target


def test_copies_are_the_projects_notebooks(folders):
    source, target = folders
    assert [(target / path.name).read_text() == path.read_text() for path in source.iterdir()] == [True, True]


def test_a_copy_that_was_only_run_stays_until_the_projects_notebook_changes(folders):
    source, target = folders
    notebook(target / "01.ipynb", "a = 1", outputs=["1"])
    ran = (target / "01.ipynb").read_text()
    assert copy(source, target) == [] and (target / "01.ipynb").read_text() == ran
    notebook(source / "01.ipynb", "a = 2")
    assert copy(source, target) == []
    assert (target / "01.ipynb").read_text() == (source / "01.ipynb").read_text()


@pytest.mark.parametrize("edited", ['{"cells": [{"cell_type": "code", "source": "a = 7"}]}', "no notebook", "[]"])
def test_an_edited_copy_is_never_written_over_and_is_named_once_the_project_has_another(folders, edited):
    source, target = folders
    (target / "01.ipynb").write_text(edited)
    assert copy(source, target) == []
    notebook(source / "01.ipynb", "a = 2")
    assert copy(source, target) == ["01.ipynb"] == copy(source, target)
    assert (target / "01.ipynb").read_text() == edited
    (target / "01.ipynb").unlink()
    assert copy(source, target) == []
    assert (target / "01.ipynb").read_text() == (source / "01.ipynb").read_text()


def test_ctrl_c_while_jupyterlab_is_imported_ends_it_without_a_word(tmp_path):
    (tmp_path / "jupyterlab").mkdir()
    (tmp_path / "jupyterlab" / "__init__.py").touch()
    (tmp_path / "jupyterlab" / "labapp.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = subprocess.run(command(8888), cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def answers(address):
    """Whether a server answers there."""
    try:
        return urllib.request.urlopen(address).status == 200
    except urllib.error.URLError:
        return False


def listening(group):
    """The addresses at which the processes of a group listen; some of a server's own are gone at once."""
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getpgid(one.pid) == group:
                yield from [each.laddr for each in one.net_connections() if each.status == psutil.CONN_LISTEN]


@pytest.mark.slow
def test_jupyterlab_serves_the_copies_to_who_has_the_token_on_this_machine_alone(tmp_path):
    environment = {**os.environ, "STUDY_HOME": str(tmp_path), "BROWSER": shutil.which("true"), "PYTHONUNBUFFERED": "1"}
    terminal, slave = os.openpty()  # Jupyter asks what Ctrl-C means only where someone could answer
    process = subprocess.Popen(
        [sys.executable, "-m", "lib.cli.commands", "lab"], cwd=files.PROJECT, env=environment, text=True,
        stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    try:
        next(line for line in process.stdout if "copy and paste" in line)
        address = re.search(r"(http://127\.0\.0\.1:(\d+))/lab\?token=(\w{20,})", process.stdout.readline())
        server, port, token = address.groups()
        wait_until(lambda: answers(f"{server}/api?token={token}"))  # the address is printed before it listens
        listed = json.load(urllib.request.urlopen(f"{server}/api/contents?token={token}"))
        assert "01_representations.ipynb" in [each["name"] for each in listed["content"]]
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"{server}/api/contents")
        open_ = list(listening(process.pid))
        assert {each.ip for each in open_} == {"127.0.0.1"} and int(port) in {each.port for each in open_}
        os.killpg(process.pid, signal.SIGINT)  # Ctrl-C
        assert "Shutting down" in process.stdout.read() and process.wait(300) == 130
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(300)
        os.close(terminal)
        os.close(slave)
