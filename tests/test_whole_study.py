"""The study from sounds to Table 1 at toy scale, as `make study` runs it; killed, resumed, watched and broken."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from waiting import wait_until

from lib.files import PROJECT
from lib.representations import names

pytestmark = pytest.mark.slow
SLOWER = "SET=training.epochs=40"  # long enough to be killed in


def command(corpus, *words):
    return [sys.executable, "-m", "lib.cli.commands", "study", f"ROOT={corpus}", "PRESET=tiny", "DEVICE=cpu", *words]


def study(home, corpus, *words):
    """Run it to its end: status, what it printed on both channels."""
    environment = {**os.environ, "STUDY_HOME": str(home), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command(corpus, *words), cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def begun(home, corpus, *words):
    """Start it in a group of its own, minding Ctrl-C: what a shell starts in the background ignores it, and so would this."""
    environment = {**os.environ, "STUDY_HOME": str(home), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command(corpus, *words),
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def papermill(name, out, home, **parameters):
    """A notebook by hand: status and words."""
    words = [
        sys.executable,
        "-m",
        "papermill",
        PROJECT / "notebooks" / f"{name}.ipynb",
        out,
        "-y",
        json.dumps(parameters),
    ]
    environment = {**os.environ, "STUDY_HOME": str(home), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(list(map(str, words)), cwd=home, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def processes_of(home):
    """Ids of the processes that work in `home`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"STUDY_HOME={home}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def done(finished, tmp_path_factory):
    """A copy of the home of the finished study, since tests here change it, and what was said."""
    home = tmp_path_factory.mktemp("done") / "home"
    shutil.copytree(finished[0], home, symlinks=True)
    return home, finished[1]


def test_it_runs_to_table_1(done):
    home, words = done
    run = home / "runs" / "planted-tiny"
    assert "Table 1: " in words
    assert "this will take about" in words
    tables = {path.stem for path in run.glob("tables/*.csv")}
    assert tables >= {
        "rejected",
        "subsets",
        "contributions",
        "table1",
        "table2",
        "ledger",
        "decisions",
        "timing",
        "neighbours",
    }
    assert len(pd.read_csv(run / "tables" / "table1.csv")) > 0
    assert {path.stem for path in run.glob("notebooks/*.ipynb")} >= {
        "01_representations", "03_subsets", "04_contributions", "05_paper_figures", "06_explorer",
        *(f"02_train_encoder-{name}-seed0" for name in names()),
    }  # fmt: skip
    assert max(path.stat().st_size for path in run.glob("notebooks/*.ipynb")) < 8e6  # players and pictures included
    stems = {path.stem for path in (home / "figures" / "planted-tiny").glob("*.png")}
    assert stems
    for stem in stems:
        assert stem in words
        assert (home / "figures" / "planted-tiny" / f"{stem}.svg").exists()
        assert (home / "figures" / "planted-tiny" / f"{stem}.pdf").exists()


def test_a_second_run_does_nothing(done, small_corpus):
    home, _ = done
    before = {path: path.stat().st_mtime_ns for path in (home / "runs").rglob("*.csv")}
    status, words = study(home, small_corpus)
    assert status == 0
    assert "nothing to do" in words
    assert "Table 1: " in words
    assert {path: path.stat().st_mtime_ns for path in (home / "runs").rglob("*.csv")} == before


def test_killed_while_training_it_goes_on_to_the_same_weights(tmp_path, small_corpus):
    encoder = "pitch"
    asked = {
        "root": str(small_corpus),
        "preset": "tiny",
        "device": "cpu",
        "set": SLOWER.removeprefix("SET="),
        "representation": encoder,
    }
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for home in (whole, killed):
        home.mkdir()
    assert papermill("02_train_encoder", whole / "out.ipynb", whole, **asked)[0] == 0

    process = begun(killed, small_corpus, SLOWER, "JOBS=1")
    folder = killed / "runs" / "planted-tiny" / "checkpoints" / f"{encoder}-seed0"
    try:
        wait_until((folder / f"{encoder}.state.safetensors").exists)
    finally:
        for number in processes_of(killed):
            os.kill(number, signal.SIGKILL)
        process.wait()
    assert not (folder / "encoder.json").exists()
    status, words = papermill("02_train_encoder", killed / "out.ipynb", killed, **asked)
    assert status == 0, words
    weights = [
        home / "runs" / "planted-tiny" / "checkpoints" / f"{encoder}-seed0" / "encoder.safetensors"
        for home in (whole, killed)
    ]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_two_at_once_the_second_is_told_who_holds_it_and_a_stop_leaves_nothing_running(tmp_path, small_corpus):
    process = begun(tmp_path, small_corpus, SLOWER)
    try:
        wait_until((tmp_path / "runs" / "planted-tiny" / "study.lock.json").exists)
        status, words = study(tmp_path, small_corpus, SLOWER)
        assert status == 2
        assert f"the study planted-tiny is being worked on by process {process.pid} since" in words
        wait_until(lambda: list((tmp_path / "runs" / "planted-tiny").glob("logs/0*.txt")))
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(90) == 130
    wait_until(lambda: not processes_of(tmp_path), 30)


def test_a_wrong_parameter_by_hand_is_refused_with_the_names_there_are(tmp_path, small_corpus):
    status, words = papermill(
        "02_train_encoder", tmp_path / "out.ipynb", tmp_path, root=str(small_corpus), corpse="planted"
    )
    assert status != 0
    assert "parameter corpse: there is none of that name; there are corpus, root, preset" in words
    assert not (tmp_path / "runs").exists()


def test_a_failing_notebook_is_told_and_leaves_its_copy(done, small_corpus):
    home, _ = done
    asked = ["SET=training.lr=1e30", "NAME=broken"]
    status, words = study(home, small_corpus, *asked)
    assert status == 1
    assert "failed:\n    FloatingPointError: the loss became" in words
    copy = next((home / "runs" / "planted-tiny-broken" / "notebooks").glob("02_*.ipynb"))
    assert f"half-executed copy: {copy.parent}" in words
    assert any(
        out["output_type"] == "error"
        for cell in json.loads(copy.read_text())["cells"]
        for out in cell.get("outputs", [])
    )


def test_other_settings_in_the_same_folder_are_refused(done, small_corpus):
    home, _ = done
    status, words = study(home, small_corpus, "SET=training.epochs=3")
    assert status == 1
    assert "holds results of other settings: give this run a name (NAME=...)" in words


def test_all_folds(tmp_path, folds_corpus):
    status, words = study(tmp_path, folds_corpus, "CORPUS=esc50", "FOLD=all")
    assert status == 0, words
    run = tmp_path / "runs" / "esc50-tiny"
    assert sorted(path.name for path in run.glob("fold*")) == ["fold1", "fold2", "fold3"]
    assert (run / "tables" / "table1.csv").exists()


@pytest.mark.parametrize("killed", ["lib.cli.graph", "lib.cli.commands", "lib.cli.notebook"])
def test_whatever_process_is_killed_nothing_is_left_running(tmp_path, small_corpus, killed):
    process = begun(tmp_path, small_corpus, SLOWER)
    kernels = lambda: [pid for pid in processes_of(tmp_path) if "ipykernel_launcher" in words_of(pid)]  # noqa: E731
    try:
        wait_until(kernels)
        for number in [pid for pid in processes_of(tmp_path) if killed in words_of(pid)]:
            os.kill(number, signal.SIGKILL)
        wait_until(lambda: process.poll() is not None and not processes_of(tmp_path), 15)
    finally:
        for number in processes_of(tmp_path):
            os.kill(number, signal.SIGKILL)
        process.wait()


def words_of(pid):
    """The command line of a process; empty where it is gone."""
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
