"""librosa compiled once, by one process."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from lib.cli import compiled

CALL = "from lib.cli.compiled import compile_once; import sys; sys.exit(0 if compile_once() else 3)"
YIN = "import librosa, numpy as np; librosa.yin(np.sin(np.arange(16000) / 9.0), fmin=100, fmax=1000, sr=16000)"


def run(words, cache):
    environment = {**compiled.os.environ, "NUMBA_CACHE_DIR": str(cache)}
    return subprocess.run(
        [sys.executable, "-c", words], env=environment, cwd=compiled.Path.cwd(), check=False
    ).returncode


def test_of_three_at_once_one_compiles_and_what_it_keeps_can_be_used(tmp_path):
    with ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(lambda _: run(CALL, tmp_path), range(3)))
    assert sorted(ended) == [0, 3, 3]
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb[ic]")}
    assert any("_pi_wrapper" in path.name for path in kept)
    assert run(YIN, tmp_path) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # read, not compiled again


def test_nothing_is_done_where_it_has_been_done(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    compiled.mark().touch()
    assert compiled.compile_once() is False
    assert [path.name for path in tmp_path.iterdir()] == [compiled.mark().name]


def test_a_folder_that_cannot_be_written_stops_nobody(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert compiled.compile_once() is False
