"""make's variables to a plan."""

import json
import multiprocessing
import os
import sys

import made_up
import pytest

from lib.cli import commands
from lib.cli.commands import main, plan, request_of
from lib.cli.environment import Stop


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
    monkeypatch.setattr(commands.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert commands.cores_to_use("", 1) == 4
    assert commands.cores_to_use("", 4) == 8
    assert commands.cores_to_use("3", 2) == 6
    with pytest.raises(Stop, match="JOBS=3 with THREADS=4 takes 12 cores, and there are 8"):
        commands.cores_to_use("3", 4)


@pytest.mark.parametrize(("cores", "pages", "processes"), [(1, 10**7, 1), (2, 10**6, 2), (2, 10**7, 3)])
def test_tests_take_a_process_more_than_two_where_there_is_the_memory(monkeypatch, cores, pages, processes):
    monkeypatch.setattr(commands, "TWO", min(2, cores))
    monkeypatch.setattr(commands.os, "sysconf", {"SC_PHYS_PAGES": pages, "SC_PAGE_SIZE": 4096}.__getitem__)
    assert commands.processes_of_tests() == processes


def test_record_without_a_study_writes_only_the_pages_and_an_unknown_study_is_one_line(home, capsys):
    assert main(["record"]) == 0
    assert capsys.readouterr().out == "the pages are up to date\n"
    (home / "figures" / "planted-tiny").mkdir(parents=True)
    assert main(["record", "STUDY=other"]) == 2
    assert "STUDY=other: there is no such run in figures/; there are planted-tiny" in capsys.readouterr().err
    assert main(["record", "STUDY=planted-tiny"]) == 2
    assert "has no tables: make study with its variables makes them" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "told"), [
    (["report"], "make report: there is no finished run in runs/ yet: make study makes one"),
    (["report", "STUDY=x"], "make report: STUDY=x: there is no such run in runs/; there are none yet"),
    (["report", "PORT=1"], "make report: there is no variable PORT; this command takes: STUDY"),
    (["explorer"], "make explorer: there is no finished run in runs/ yet: make study makes one"),
    (["explorer", "STUDY=x"], "make explorer: STUDY=x: there is no such run in runs/; there are none yet"),
])  # fmt: skip
def test_looking_at_a_run_that_is_not_there_is_one_line(home, capsys, words, told):
    assert main(words) == 2
    assert capsys.readouterr().err == told + "\n"


def test_the_report_of_a_run_is_written_and_told(home, monkeypatch, capsys):
    folder = made_up.study(home, monkeypatch, fold=1, seeds="0").folder
    request = {"corpus": "esc50", "preset": "tiny", "fold": 1, "seeds": "0"}
    (folder / "request.json").write_text(json.dumps({"plan": {"request": request, "folds": []}}))
    assert main(["report", f"STUDY={folder.name}"]) == 0
    assert (folder / "report.html").stat().st_size > 10_000
    assert "report.html (0.0 MB): one file that opens from disk" in capsys.readouterr().out


@pytest.mark.parametrize("asked", [{"fold": 1}, {}])
def test_a_run_made_notebook_by_notebook_is_shown_and_kept(home, monkeypatch, asked):
    study = made_up.finished(home, monkeypatch, **asked)
    study.register("0123456789abcdef")
    (study.folder / "request.json").unlink()
    for command in ("report", "record"):
        assert main([command, f"STUDY={study.slug}"]) == 0
    kept = json.loads((home / "figures" / "record" / study.slug / "study.json").read_text())
    assert kept["make"] == f"make study CORPUS=esc50 PRESET=tiny FOLD={asked.get('fold', 'all')} SEEDS=0,1"


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


def estimated_in_a_process(planned, jobs):
    return in_a_process(), []


def test_plan_and_estimate_load_torch_once_in_one_process_that_is_not_this_one(home, monkeypatch, capsys):
    monkeypatch.setattr(commands, "plan", planned_in_a_process)
    monkeypatch.setattr(commands, "estimate", estimated_in_a_process)
    monkeypatch.delitem(sys.modules, "lib.cli.estimate", raising=False)
    monkeypatch.setattr(commands, "run_graph", lambda *_: multiprocessing.active_children())
    assert commands.study({"FOLDER": str(home / "runs" / "x")}) == []  # it has ended before the notebooks begin
    planned, estimated = capsys.readouterr().out.splitlines()
    assert planned == estimated != f"{os.getpid()} True"
    assert "lib.cli.estimate" not in sys.modules  # which loads torch
