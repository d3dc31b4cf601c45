"""make's variables to a plan."""

import json
import multiprocessing
import os
import sys

import pytest

from lib.cli import study
from lib.cli.commands import main
from lib.cli.environment import Stop
from lib.cli.study import plan, request_of


@pytest.mark.parametrize(("word", "told"), [
    ("CORPUS=x", "CORPUS=x: choose one of planted, esc50, fsd50k, table"),
    ("CORPUS=my.csv", "table; for a table of own sounds CORPUS=table and ROOT=its path"),
    ("PRESET=fast", "PRESET=fast: choose one of paper, laptop, quick, tiny"),
    ("FOLD=x", "FOLD=x: a whole number, or all"),
    ("SEEDS=a", "SEEDS=a: whole numbers from 0"),
    ("DEVICE=gpu", "DEVICE=gpu: choose auto, cpu, cuda"),
    ("NAME=a/b", "NAME=a/b: letters, digits"),
    ("NAME=../x", "NAME=../x: letters, digits"),
    ("SET=abc", "SET: 'abc' is not of the form name=value"),
    ("SET=body.head_widht=3", "SET: there is no setting body.head_widht"),
    ("SET=training.epochs=3,training.lr=1", "SET: 'training.epochs=3,': settings are separated by a blank, not by a comma"),
    ("NAME=" + 101 * "x", "letters, digits, _ and . only, 100 at most"),
    ("ROOT=~nosuchuser/x", "no user of this machine has a home of that name"),
    ("SET=body.heads=x", "SET: body.heads = 'x'"),
    ("SET=heads.kinds=paper", "SET: heads.kinds = 'paper': takes several values: write heads.kinds=[paper]"),
    ("SET=body.pool_after=1", "SET: body.pool_after = 1: takes several values: write body.pool_after=[1]"),
    ("SET=heads.kinds=[]", "SET: heads.kinds = []: paper has to be among them: Table 1"),
    ("SET=heads.kinds=[linear]", "SET: heads.kinds = ('linear',): paper has to be among them: Table 1"),
    ("JOBS=0", "JOBS=0: a whole number from 1"),
    ("THREADS=two", "THREADS=two: a whole number from 1"),
    ("JOBS=9999", "JOBS=9999 with THREADS=1 takes 9999 cores"),
    ("CORPSE=x", "there is no variable CORPSE; this command takes: CORPUS"),
    ("PART=true", "there is no variable PART"),
    ("FOLD=3", "FOLD=3: planted comes with its own split and has no folds"),
    ("ROOT=/nowhere", "/nowhere does not exist"),
    ("ROOT=/nowhere/M\udcfcll", r"ROOT='/nowhere/M\udcfcll': a name in this path is not written in UTF-8: rename it"),
])  # fmt: skip
def test_a_wrong_variable_is_one_line(home, small_corpus, capfd, word, told):
    words = [word] if word.startswith("ROOT") else [f"ROOT={small_corpus}", word]
    assert main(["study", "PRESET=tiny", *words]) == 2
    said = capfd.readouterr()
    assert said.err.count("\n") == 1
    assert said.err.startswith("make study: ")
    assert told in said.err
    assert not (home / "runs").exists()


def test_cuda_without_one_is_one_line(small_corpus, home):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(Stop, match="DEVICE=cuda: this machine has none"):
        plan({"ROOT": str(small_corpus), "DEVICE": "cuda"})


def test_right_variables_become_the_request(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"CORPUS": "esc50", "ROOT": "my sounds", "PRESET": "laptop", "FOLD": "2", "SEEDS": "0,2", "DEVICE": "cpu",
             "NAME": "001", "SET": "body.head_width=64 training.epochs=3", "JOBS": "2", "THREADS": "1"}  # fmt: skip
    asked = request_of(given)
    assert (asked.corpus, asked.preset, asked.fold, asked.seeds, asked.name) == ("esc50", "laptop", 2, (0, 2), "001")
    assert asked.root == str(tmp_path / "my sounds")
    assert asked.overrides == {"body.head_width": 64, "training.epochs": 3, "threads": 1}
    assert request_of({"FOLD": "all", "NAME": "", "ROOT": ""}).fold == "all"


def test_plan_of_all_folds_names_their_runs(home, folds_corpus):
    planned = plan({"CORPUS": "esc50", "ROOT": str(folds_corpus), "PRESET": "tiny", "FOLD": "all", "NAME": "x"})
    assert planned["folds"] == [1, 2, 3]
    assert planned["folder"] == str(home / "runs" / "esc50-tiny-x")
    assert json.loads(json.dumps(planned)) == planned
    with pytest.raises(Stop, match="has the folds 1, 2, 3; name the one to test on, or all"):
        plan({"CORPUS": "esc50", "ROOT": str(folds_corpus), "PRESET": "tiny"})


def test_what_the_corpus_lacks_is_said_before_anything_runs(home, tmp_path):
    import soundfile

    lines = ["path,labels,role", "a.wav,x,train", "b.wav,x,test"]
    for n, name in enumerate("abc", 1):
        soundfile.write(tmp_path / f"{name}.wav", [n / 10] * 16000, 16000)
    (tmp_path / "own.csv").write_text("\n".join(lines))
    told = plan({"CORPUS": "table", "ROOT": str(tmp_path / "own.csv"), "PRESET": "tiny"})["summary"]
    assert "by role: train 1 in 1, test 1 in 1" in told and "train and to test on): x 1 and 1" in told
    assert "\nnote: own.csv has no column `group`" in told and "\nnote: the test role holds one group" in told
    (tmp_path / "own.csv").write_text("\n".join([*lines, "c.wav,x,test"]))
    told = plan({"CORPUS": "table", "ROOT": str(tmp_path / "own.csv"), "PRESET": "tiny"})["summary"]
    assert "\nnote: 2 groups are tested on, so intervals are wide and rough; FOLD=all tests every group once" in told


def own_table(folder, *lines):
    """A table with two tones and these lines."""
    import soundfile

    folder.mkdir(exist_ok=True)
    for n, name in enumerate(("a", "b"), 1):
        soundfile.write(folder / f"{name}.wav", [n / 10] * 16000, 16000)
    (folder / "own.csv").write_text("\n".join(["path,labels,role,fold", "a.wav,x,train,1", "b.wav,x,test,2", *lines]))
    return {"CORPUS": "table", "ROOT": str(folder), "PRESET": "tiny"}


@pytest.mark.parametrize("fold", ["", "1", "all"])
def test_another_corpus_or_other_settings_are_refused_before_anything_is_written(home, tmp_path, fold):
    from lib.study import Study

    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "cut off.wav").write_bytes(b"RIFF")  # left out when chunks are cut, so not of the study
    one = own_table(tmp_path / "one", "cut off.wav,x,train,1") | {"FOLD": fold}
    two = own_table(tmp_path / "two", "a.wav,y,train,1") | {"FOLD": fold}
    (tmp_path / "two" / "a.wav").write_bytes((tmp_path / "two" / "b.wav").read_bytes())
    assert plan(one)["folder"] == plan(two)["folder"]  # nothing lies there
    study = Study.of(request_of(one))
    for part in study.parts:
        _ = part.chunks
    before = {path: path.read_bytes() for path in (home / "runs").rglob("*") if path.is_file()}
    plan(one)
    for other, why in ((two, "another corpus"), (one | {"SET": "training.epochs=3"}, "other settings")):
        with pytest.raises(Stop, match=f"holds results of {why}.*give this run a name"):
            plan(other)
        plan(other | {"NAME": "other"})
    assert {path: path.read_bytes() for path in (home / "runs").rglob("*") if path.is_file()} == before
    (study.parts[0].folder / "study.json").write_text("{}")  # damaged: it is taken out, and written anew
    plan(one)


def test_a_part_lies_in_the_run_over_all_folds(home, folds_corpus):
    from lib.study import Request, Study

    whole = Study.of(Request(corpus="esc50", root=str(folds_corpus), preset="tiny", fold="all", name="x"))
    alone = Study.of(Request(corpus="esc50", root=str(folds_corpus), preset="tiny", fold=2, name="x"))
    assert [part.folder for part in whole.parts] == [whole.folder / f"fold{fold}" for fold in (1, 2, 3)]
    assert [part.figures for part in whole.parts] == [whole.figures / f"fold{fold}" for fold in (1, 2, 3)]
    assert Study.of_notebook(whole.parts[1].request.model_dump()) == whole.parts[1]
    assert alone.folder == home / "runs" / "esc50-tiny-fold2-x"


def test_threads_and_jobs_fit_the_cores(monkeypatch):
    monkeypatch.setattr(study.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert study.cores_to_use("", 1) == 4
    assert study.cores_to_use("", 4) == 8
    assert study.cores_to_use("3", 2) == 6
    with pytest.raises(Stop, match="JOBS=3 with THREADS=4 takes 12 cores, and there are 8"):
        study.cores_to_use("3", 4)


def test_an_unknown_control_is_one_line_with_the_names(home):
    with pytest.raises(Stop, match="CONTROLS='nois': choose of noise, untrained, .*, several with commas; or all"):
        plan({"CONTROLS": "nois"})


def in_a_process(*_):
    """Stands for what is planned or estimated: it says which process that was, and whether it had torch."""
    return f"{os.getpid()} {'torch' in sys.modules}"


def planned_in_a_process(given):
    import torch  # noqa: F401

    return {
        "needs": [], "peers": {}, "threads": 1, "gpus": [], "folder": given["FOLDER"], "finished": False,
        "summary": in_a_process(),
    }  # fmt: skip


def estimated_in_a_process(planned, jobs, forked):
    assert forked == (sys.platform == "linux")
    return in_a_process(), []


def test_plan_and_estimate_load_torch_once_in_one_process_that_is_not_this_one(home, monkeypatch, capsys):
    monkeypatch.setattr(study, "plan", planned_in_a_process)
    monkeypatch.setattr(study, "estimate", estimated_in_a_process)
    monkeypatch.delitem(sys.modules, "lib.cli.estimate", raising=False)
    monkeypatch.setattr(study, "run_graph", lambda *_: multiprocessing.active_children())
    assert study.study({"FOLDER": str(home / "runs" / "x")}) == []  # it has ended before the notebooks begin
    planned, estimated = capsys.readouterr().out.splitlines()
    assert planned == estimated != f"{os.getpid()} True"
    assert "lib.cli.estimate" not in sys.modules  # which loads torch
