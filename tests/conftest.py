"""What tests share: a home of their own, one thread, a small corpus."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two test processes on two cores; and threads change the weights

import pytest


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The folder that stands for the project's own, for data/, runs/ and figures/."""
    monkeypatch.setenv("STUDY_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory):
    """A folder in FSD50K's layout: 24 clips to train on, 4 to validate, 12 to test, 16 classes."""
    from lib.corpora.planted import Planted, generate

    folder = tmp_path_factory.mktemp("small") / "corpus"
    generate(folder, Planted(n_train=24, n_validation=4, n_test=12))
    return folder


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


@pytest.fixture(scope="session")
def finished_study(tmp_path_factory, small_corpus):
    """A study of the small corpus that was trained for a moment, in a home of its own; to be read and not changed."""
    from lib import stages
    from lib.representations import names
    from lib.study import Request, Study

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDY_HOME", str(tmp_path_factory.mktemp("finished")))
        short = "training.epochs=1 body.layers=2 body.pool_after=[1] schedules.head.epochs=2"
        asked = {"preset": "tiny", "device": "cpu", "set": short, "root": str(small_corpus), "controls": "none"}
        study = Study.of(Request(**asked))
        for name in names():
            stages.train(study, name, 0)
        stages.score(study)
        yield study
