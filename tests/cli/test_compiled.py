"""librosa compiled once, by one process."""

import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from lib.cli import compiled
from lib.files import PROJECT

# A module with one function that numba compiles as it is loaded, in place of librosa, whose take half a minute.
SMALL = """
import numba
@numba.guvectorize(["void(float32[:], float32[:])"], "(n)->(n)", nopython=True, cache=True)
def twice(x, y):
    for i in range(len(x)):
        y[i] = 2 * x[i]
"""
CALL = """
import sys
from lib.cli import compiled
compiled.EVERY_MODULE = "import small"
sys.exit(0 if compiled.compile_once() else 3)
"""
USE = "import numpy as np, small; assert (small.twice(np.arange(3, dtype=np.float32)) == [0, 2, 4]).all()"


def run(words, folder):
    """The exit status of a Python that has its cache and such a module in a folder."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": str(folder)}
    return subprocess.run([sys.executable, "-c", words], env=environment, cwd=PROJECT, check=False).returncode


def test_of_three_at_once_one_compiles_and_what_it_keeps_can_be_used(tmp_path):
    (tmp_path / "small.py").write_text(SMALL)
    with ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(lambda _: run(CALL, tmp_path), range(3)))
    assert sorted(ended) == [0, 3, 3]
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb[ic]")}
    assert any("twice" in path.name for path in kept)
    assert run(USE, tmp_path) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # read, not compiled again


def test_every_file_of_librosa_that_compiles_as_it_is_loaded_is_loaded():
    told = f"{compiled.EVERY_MODULE}; import sys; print(*(each.__file__ for n, each in sys.modules.items() if 'librosa' in n))"
    loaded = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()
    source = Path(find_spec("librosa").origin).parent
    compiling = {str(path) for path in source.rglob("*.py") if re.search(r"@(numba\.)?guvectorize", path.read_text())}
    assert len(compiling) > 3 and compiling <= set(loaded)


def test_nothing_is_done_where_it_has_been_done(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    compiled.mark().touch()
    assert compiled.compile_once() is False
    assert [path.name for path in tmp_path.iterdir()] == [compiled.mark().name]


def test_a_folder_that_cannot_be_written_stops_nobody(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert compiled.compile_once() is False


def test_ctrl_c_meanwhile_is_one_line_and_leaves_it_to_the_next_call(tmp_path):
    words = "import signal, os, time; os.kill(os.getppid(), signal.SIGINT); os.kill(os.getpid(), signal.SIGINT); time.sleep(600)"
    call = (
        f"from lib.cli import commands, compiled; compiled.EVERY_MODULE = {words!r}; sys.exit(commands.main(['test']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {call}"], capture_output=True, text=True, cwd=PROJECT, timeout=300,
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    compiling, empty, stopped = done.stderr.splitlines()
    assert done.returncode == 130 and compiling.startswith("compiling librosa's") and empty == ""
    assert stopped == "make test: stopped; the next call goes on from here"
    assert not list(tmp_path.glob("compiled-*[0-9]"))
