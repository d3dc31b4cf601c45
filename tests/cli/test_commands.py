"""A command by its name: what is there and what is not, in a line."""

import json

import made_up
import pytest

from lib.cli import commands
from lib.cli.commands import main


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
@pytest.mark.usefixtures("no_overview")
def test_a_run_made_notebook_by_notebook_is_shown_and_kept(home, monkeypatch, asked):
    study = made_up.finished(home, monkeypatch, **asked)
    study.register("0123456789abcdef")
    (study.folder / "request.json").unlink()
    for command in ("report", "record"):
        assert main([command, f"STUDY={study.slug}"]) == 0
    kept = json.loads((home / "figures" / "record" / study.slug / "study.json").read_text())
    assert kept["make"] == f"make study CORPUS=esc50 PRESET=tiny FOLD={asked.get('fold', 'all')} SEEDS=0,1"
