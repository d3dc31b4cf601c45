"""What tests share: a home of their own, one thread, a small corpus."""

import json
import os
import subprocess
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two test processes on two cores; and threads change the weights

import pytest

from lib.cli.compiled import compile_once
from lib.files import PROJECT


def pytest_configure(config):
    """Before the test processes start: two of them would compile librosa's functions at the same time."""
    if not hasattr(config, "workerinput"):
        compile_once()


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The folder that stands for the project's own, for data/, runs/ and figures/."""
    monkeypatch.setenv("STUDY_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory):
    """Such a folder that all tests of a file share, since training takes seconds."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDY_HOME", str(folder))
        yield folder


def once(tmp_path_factory, name, make):
    """A folder that make(folder) filled, once for all test processes."""
    from filelock import FileLock

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(f"{folder}.lock"):
        if not (folder / "complete").exists():
            folder.mkdir(exist_ok=True)
            make(folder)
            (folder / "complete").touch()
    return folder


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory):
    """A folder in FSD50K's layout: 24 clips to train on, 4 to validate, 12 to test, 16 classes."""
    from lib.sounds.corpora.planted import Planted, generate

    sizes = Planted(n_train=24, n_validation=4, n_test=12)
    return once(tmp_path_factory, "small", lambda folder: generate(folder / "corpus", sizes)) / "corpus"


@pytest.fixture(scope="session")
def finished(tmp_path_factory, small_corpus):
    """The home of a finished study at toy scale, planted-tiny, and what was said: to be read, or copied."""

    def make(folder):
        command = [sys.executable, "-m", "lib.cli.commands", "study", f"ROOT={small_corpus}", "PRESET=tiny", "DEVICE=cpu"]
        environment = {**os.environ, "STUDY_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        (folder / "words.json").write_text(json.dumps(done.stdout + done.stderr))

    folder = once(tmp_path_factory, "finished", make)
    return folder / "home", json.loads((folder / "words.json").read_text())


@pytest.fixture(scope="session")
def folds_corpus(tmp_path_factory):
    """A folder in ESC-50's layout: three folds of six clips of 1 s, two classes."""
    import numpy as np
    import soundfile

    folder = tmp_path_factory.mktemp("folds") / "corpus"
    (folder / "audio").mkdir(parents=True)
    (folder / "meta").mkdir()
    rng, lines = np.random.default_rng(0), ["filename,fold,target,category,esc10,src_file,take"]
    for number in range(18):
        fold, target = number % 3 + 1, number // 3 % 2
        name = f"{fold}-{number}-A-{target}.wav"
        tone = np.sin(2 * np.pi * (220 + 220 * target) * np.arange(44100) / 44100)
        soundfile.write(folder / "audio" / name, 0.3 * tone + 0.01 * rng.standard_normal(44100), 44100)
        lines.append(f"{name},{fold},{target},{('low', 'high')[target]},False,{number},A")
    (folder / "meta" / "esc50.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def finished_study(finished, small_corpus):
    """The finished study planted-tiny; to be read and not changed."""
    from lib.study import Request, Study

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDY_HOME", str(finished[0]))
        yield Study.of(Request(preset="tiny", device="cpu", root=str(small_corpus)))
