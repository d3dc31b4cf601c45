"""What tests share: a home of their own, one thread, a small corpus."""

import os
import shutil
import sys
from dataclasses import replace

os.environ.setdefault("OMP_NUM_THREADS", "1")  # test processes share the cores; and threads change the weights
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each of the many processes that tests start would compile lib anew

import pytest

from lib.cli.compiled import compile_once
from lib.cli.processes import interrupts

sys.modules.setdefault(
    "rfc3987_syntax", None
)  # jsonschema's parser of web addresses, a second to load: lib/cli/notebook.py

# Files that take longest, the longest first: the test processes then end together. The first two wait for the finished
# study, which keeps both cores busy by itself.
LONGEST = (
    "test_browser", "test_whole_study", "test_odd_corpora", "test_slurm", "test_faults", "test_perturbed",
    "test_planted_truth", "test_explorer", "test_controls", "test_data", "test_snakefile", "test_encoder", "test_notebooks",
    "test_brought", "test_estimate", "test_crossfit", "test_curves", "test_record", "test_learners", "test_environment",
    "test_distilled", "test_commands",
)  # fmt: skip


def pytest_addoption(parser):
    parser.addoption(
        "--large", action="store_true", help="simulations of coverage at their full size, for half an hour"
    )


def pytest_collection_modifyitems(items):
    """The longest files first; simulations at full size only where that is asked for."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(LONGEST)))


@pytest.fixture
def large(request):
    """Skips what runs only with --large."""
    if not request.config.getoption("--large"):
        pytest.skip("a simulation at full size: with --large")


def pytest_configure(config):
    """Before the test processes start: several of them would compile librosa's functions at the same time."""
    sys.dont_write_bytecode = False
    if not hasattr(config, "workerinput"):
        compile_once()


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart(session):
    """Hear Ctrl-C, which `make test` holds back until pytest, here and in the test processes, answers it in a line."""
    yield
    interrupts(heard=True)


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def with_filters(tmp_path_factory):
    """Gives a home the filters of the constant-Q transform that all test processes share: each takes seconds to measure."""
    filters = once(tmp_path_factory, "filters", lambda folder: None)

    def give(home):
        (home / "data" / "cache").mkdir(parents=True)
        (home / "data" / "cache" / "filters").symlink_to(filters)
        return home

    return give


@pytest.fixture
def home(tmp_path, monkeypatch, with_filters):
    """The folder that stands for the project's own, for data/, runs/ and figures/."""
    monkeypatch.setenv("STUDY_HOME", str(tmp_path))
    return with_filters(tmp_path)


@pytest.fixture
def quick_figures(monkeypatch):
    """Figures as PNG alone and coarse: for notebooks in this process, where it is not their pictures that are tested."""
    from lib.display import figures

    monkeypatch.setattr(figures, "UNDATED", {"png": {}})
    monkeypatch.setitem(figures.STYLE, "savefig.dpi", 50)


@pytest.fixture
def no_overview(monkeypatch):
    """make record without the picture that opens the README, which takes seconds and is the same for every study."""
    from made_up import no_picture

    from lib.cli import record

    monkeypatch.setattr(record, "draw_overview", no_picture)


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory, with_filters):
    """Such a folder that all tests of a file share, since training takes seconds."""
    folder = with_filters(tmp_path_factory.mktemp("home"))
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
    from lib.sounds.corpora.embedded import generate
    from lib.sounds.corpora.planted import Planted

    sizes = Planted(n_train=24, n_validation=4, n_test=12)
    return once(tmp_path_factory, "small", lambda folder: generate(folder / "corpus", sizes)) / "corpus"


@pytest.fixture(scope="session")
def planted_corpus(tmp_path_factory):
    """The embedded corpus as a study makes it."""
    from lib.sounds.corpora.embedded import generate

    return once(tmp_path_factory, "planted", lambda folder: generate(folder / "corpus")) / "corpus"


@pytest.fixture(scope="session")
def finished(tmp_path_factory, small_corpus):
    """A finished study at toy scale, planted-tiny with two controls, in a home of its own: to be read, or copied."""
    from faults.tiny import Tiny

    def make(folder):
        status, words = Tiny(folder / "home", small_corpus).run()
        assert status == 0, words

    return Tiny(once(tmp_path_factory, "finished", make) / "home", small_corpus)


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the finished study, to be changed."""
    return replace(finished, home=shutil.copytree(finished.home, tmp_path / "home", symlinks=True))


@pytest.fixture(scope="session")
def short_home(tmp_path_factory, small_corpus, with_filters):
    """A home with the study of made_up.SHORT, of which every encoder and the heads are trained with seed 0; to be copied."""
    from made_up import SHORT, short_study

    from lib import stages
    from lib.representations import names

    def make(folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STUDY_HOME", str(with_filters(folder)))
            study = short_study(SHORT, small_corpus)
            for name in names():
                stages.train(study, name, 0)
            stages.score(study)

    return once(tmp_path_factory, "short", make)


@pytest.fixture(scope="module")
def trained_home(shared_home, short_home):
    """A copy of that home, which all tests of a file share."""
    return shutil.copytree(short_home, shared_home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("filters"))


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
def read_home(finished, tmp_path_factory):
    """A copy of its home for what only reads it: that keeps maps in the cache, which no run of the study reads."""
    return shutil.copytree(finished.home, tmp_path_factory.mktemp("read") / "home", symlinks=True)


@pytest.fixture(scope="module")
def finished_study(read_home, small_corpus):
    """The finished study planted-tiny; to be read and not changed."""
    from lib.study import Request, Study

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDY_HOME", str(read_home))
        yield Study.of(Request(preset="tiny", device="cpu", root=str(small_corpus)))
