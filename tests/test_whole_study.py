"""The study from sounds to Table 1 at toy scale, as `make study` runs it; stopped, resumed, watched and broken."""

import json
import os
import signal
import subprocess
import sys

import headless
import pandas as pd
import pytest
from faults.tiny import Tiny
from made_up import short_study
from waiting import wait_until

from lib import stages
from lib.files import PROJECT
from lib.representations import names
from lib.settings import SettingsError

pytestmark = pytest.mark.slow
SLOWER = "training.epochs=40"  # long enough to be stopped in


def test_it_runs_to_table_1(finished):
    run, words = finished.folder, finished.log.read_text()
    assert "Table 1: " in words
    assert "this will take about" in words
    assert {path.stem for path in run.glob("tables/*.csv")} >= {
        "rejected", "subsets", "contributions", "table1", "table2", "ledger", "decisions", "timing", "neighbours",
    }  # fmt: skip
    assert len(pd.read_csv(run / "tables" / "table1.csv")) > 0
    assert {path.stem for path in run.glob("notebooks/*.ipynb")} >= {
        "01_representations", "03_subsets", "04_contributions", "05_paper_figures", "06_explorer",
        *(f"02_train_encoder-{name}-seed0" for name in names()),
    }  # fmt: skip
    assert max(path.stat().st_size for path in run.glob("notebooks/*.ipynb")) < 8e6  # players and pictures included
    drawn = finished.home / "figures" / "planted-tiny"
    stems = {path.stem for path in drawn.glob("*.png")}
    assert stems == {path.stem for path in drawn.glob("*.svg")} == {path.stem for path in drawn.glob("*.pdf")} != set()
    assert [stem for stem in stems if stem not in words] == []


def test_a_second_run_does_nothing_and_one_with_other_settings_is_refused(copy):
    before = {path: path.stat().st_mtime_ns for path in (copy.home / "runs").rglob("*.csv")}
    status, words = copy.run()
    assert status == 0, words
    assert "nothing to do" in words and "Table 1: " in words
    assert {path: path.stat().st_mtime_ns for path in (copy.home / "runs").rglob("*.csv")} == before
    whole = {path: path.read_bytes() for path in (copy.home / "runs").rglob("*") if path.is_file()}
    status, words = copy.run("SET=training.epochs=3", "JOBS=1")
    assert status == 2
    assert "holds results of other settings: give this run a name (NAME=...)" in words
    assert {path: path.read_bytes() for path in (copy.home / "runs").rglob("*") if path.is_file()} == whole


def test_a_failing_notebook_is_told_and_leaves_its_copy(copy):
    (copy.folder / "tables" / "table1.csv").unlink()  # the notebook that makes it is to run
    (copy.folder / "scores" / "test.npz").unlink()
    status, words = copy.run()
    assert status == 1
    assert (
        "05_paper_figures failed:\n    StudyError: runs/planted-tiny/scores/test.npz is missing: run notebooks/03"
        in words
    )
    notebook = copy.folder / "notebooks" / "05_paper_figures.ipynb"
    assert f"half-executed copy: {notebook}" in words
    outputs = [out for cell in json.loads(notebook.read_text())["cells"] for out in cell.get("outputs", [])]
    assert "error" in {out["output_type"] for out in outputs}


def notebook(name, out, home, **parameters):
    """A notebook by hand, in a process of its own."""
    words = [PROJECT / "notebooks" / f"{name}.ipynb", out, "-y", json.dumps(parameters)]
    return subprocess.Popen(
        list(map(str, [sys.executable, "-m", "papermill", *words])), cwd=home, text=True, start_new_session=True,
        env={**os.environ, "STUDY_HOME": str(home)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def test_killed_while_training_it_goes_on_to_the_same_weights(home, small_corpus, monkeypatch, with_filters):
    asked = {
        "root": str(small_corpus),
        "preset": "tiny",
        "device": "cpu",
        "settings": SLOWER,
        "representation": "pitch",
    }
    process = notebook("02_train_encoder", home / "out.ipynb", home, **asked)
    study = short_study(SLOWER, small_corpus)
    folder = study.checkpoint("pitch", 0)
    try:
        wait_until((folder / "pitch.state.safetensors").exists)
    finally:
        for one in Tiny(home, small_corpus).processes():
            one.send_signal(signal.SIGKILL)
        process.wait()
    assert not (folder / "encoder.json").exists()
    stages.train(study, "pitch", 0)
    monkeypatch.setenv("STUDY_HOME", str(with_filters(home / "other")))
    whole = short_study(SLOWER, small_corpus)
    stages.train(whole, "pitch", 0)
    weights = [one.checkpoint("pitch", 0) / "encoder.safetensors" for one in (study, whole)]
    assert weights[0] != weights[1] and weights[0].read_bytes() == weights[1].read_bytes()


def test_a_wrong_parameter_is_refused_with_the_names_there_are(home, small_corpus):
    told = "parameter corpse: there is none of that name; there are corpus, root, preset"
    with pytest.raises(SettingsError, match=told):
        headless.run(PROJECT / "notebooks" / "02_train_encoder.ipynb", {"root": str(small_corpus), "corpse": "planted"})
    assert not (home / "runs").exists()


def test_two_at_once_the_second_is_told_who_holds_it_and_a_stop_leaves_nothing_running(
    tmp_path, small_corpus, with_filters
):
    first, second = (Tiny(tmp_path / name, small_corpus) for name in ("home", "same"))  # a log each
    second.home.symlink_to(with_filters(first.home))
    process = first.begin(f"SET={SLOWER}")
    try:
        wait_until((first.folder / "study.lock.json").exists)
        status, words = second.run(f"SET={SLOWER}")
        assert status == 2
        assert f"the study planted-tiny is being worked on by process {process.pid} since" in words
        wait_until(lambda: list(first.folder.glob("logs/0*.txt")))
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(480) == 130
    wait_until(lambda: not first.processes())
