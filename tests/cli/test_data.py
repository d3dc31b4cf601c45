"""make data: what it takes, what it says, and a corpus that make study can read at the end."""

import hashlib
import shutil
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import headless
import numpy as np
import pandas as pd
import pytest

from lib.cli.data import data, planned
from lib.cli.environment import Stop
from lib.evaluation import paper
from lib.files import PlainError
from lib.sounds import corpora


@pytest.fixture(scope="module")
def archives(tmp_path_factory, small_corpus):
    """A small corpus in FSD50K's layout, packed as FSD50K is, and the table of its archives."""
    if not shutil.which("zip"):
        pytest.skip("zip is not here")
    folder = tmp_path_factory.mktemp("archives")
    for name in sorted(path.name for path in small_corpus.iterdir()):
        subprocess.run(["zip", "-q", "-r", "-s", "256k", folder / f"{name}.zip", name], cwd=small_corpus, check=True)
    rows = [
        f"{path.name},,{hashlib.md5(path.read_bytes()).hexdigest()},{path.stat().st_size}" for path in folder.iterdir()
    ]
    (folder / "archives.csv").write_text("\n".join(["filename,url,md5,bytes", *rows]) + "\n")
    return folder


@pytest.fixture(scope="module")
def mirror(archives):
    """A plain web server of the archives, which knows no ranges."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=archives))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_from_a_mirror_to_a_corpus_that_can_be_studied(tmp_path, archives, mirror, small_corpus):
    root = tmp_path / "with blanks"
    command = [sys.executable, "-m", "lib.cli.commands", "data", "CORPUS=fsd50k", f"ROOT={root}", f"FROM={mirror}",
               f"ARCHIVES={archives / 'archives.csv'}", "KEEP_ARCHIVES=no"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, *_, last = done.stdout.splitlines()
    assert "to download" in first and "needed on the disk" in first and "free" in first
    assert last == f"40 clips, 16 classes; now: make study CORPUS=fsd50k ROOT='{root}'"
    theirs, ours = corpora.load("fsd50k", small_corpus), corpora.load("fsd50k", root)
    assert ours.hash == theirs.hash
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.stdout.startswith("fsd50k: everything is there")


@pytest.mark.slow
def test_from_the_download_to_the_ledger(home, archives, mirror, quick_figures):
    """What docs/paper_on_one_gpu.md has, without a hand in between: split archives from a server, the study, the ledger."""
    given = {"CORPUS": "fsd50k", "ROOT": str(home / "fsd50k")}
    assert data(given | {"FROM": mirror, "ARCHIVES": str(archives / "archives.csv")}) == 0
    headless.run_study(**given, SET="training.epochs=1")
    ledger = pd.read_csv(home / "runs" / "fsd50k-tiny" / "tables" / "ledger.csv").set_index("claim")
    ours = [*(f"Table 1: {row}" for row in paper.TABLE1), "Table 2: all four"]
    assert set(ledger.index) > {*ours, *(f"Table 2: {row.system}" for row in paper.TABLE2)}
    assert (ledger.loc[ours, "seeds"] == 1).all() and ledger.loc[ours, ["obtained", "low", "high"]].notna().all(
        axis=None
    )
    np.testing.assert_allclose(ledger["deviation"], ledger["obtained"] - ledger["published"])


def test_from_a_folder(tmp_path, archives, capsys):
    given = {
        "CORPUS": "fsd50k",
        "ROOT": str(tmp_path),
        "FROM": str(archives),
        "ARCHIVES": str(archives / "archives.csv"),
    }
    assert data(given) == 0
    assert "0 kB to download" in capsys.readouterr().out
    assert len(corpora.load("fsd50k", tmp_path).clips) == 40


def test_a_corpus_without_all_of_its_sounds_is_told(tmp_path, small_corpus):
    if not shutil.which("zip"):
        pytest.skip("zip is not here")
    corpus = shutil.copytree(small_corpus, tmp_path / "corpus")
    next((corpus / "FSD50K.eval_audio").iterdir()).unlink()
    folder = tmp_path / "archives"
    folder.mkdir()
    subprocess.run(["zip", "-q", "-r", folder / "all.zip", "."], cwd=corpus, check=True)
    content = (folder / "all.zip").read_bytes()
    table = f"filename,url,md5,bytes\nall.zip,,{hashlib.md5(content).hexdigest()},{len(content)}\n"
    (folder / "archives.csv").write_text(table)
    given = {
        "CORPUS": "fsd50k",
        "ROOT": str(tmp_path / "root"),
        "FROM": str(folder),
        "ARCHIVES": str(folder / "archives.csv"),
    }
    with pytest.raises(PlainError, match="1 clips cannot be used, the first: .*file not found"):
        data(given)


@pytest.mark.parametrize(("given", "reason"), [
    ({}, "CORPUS is needed; there are fsd50k, esc50"),
    ({"CORPUS": "fsd5k"}, "CORPUS=fsd5k cannot be had; there are fsd50k, esc50"),
    ({"CORPUS": "planted"}, "planted makes itself"),
    ({"CORPUS": "esc50", "KEEP_ARCHIVES": "maybe"}, "KEEP_ARCHIVES=maybe: yes or no"),
    ({"CORPUS": "esc50", "FROM": "ftp://host/folder"}, "FROM=ftp://host/folder: a folder"),
    ({"CORPUS": "esc50", "FROM": "/no/such/folder"}, "FROM=/no/such/folder: a folder"),
    ({"CORPUS": "esc50", "ARCHIVES": "/no/such.csv"}, "ARCHIVES=/no/such.csv: there is no such table"),
    ({"CORPUS": "esc50", "ROOT": __file__}, "cannot be made (File exists)"),
    ({"CORPUS": "esc50", "ROOT": "/proc/nothing"}, "cannot be made"),
])  # fmt: skip
def test_a_mistake_is_one_line(home, given, reason):
    with pytest.raises(Stop) as error:
        data(given)
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def test_without_a_root_it_goes_below_data(home):
    assert planned("esc50", {}).folder == home / "data" / "esc50"
