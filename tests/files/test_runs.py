"""Which run STUDY=... means."""

import json
import os

import pytest

from lib.files import PlainError, runs


def begun(home, name, finished_at=None):
    """A run that was asked for; with a time also one that came to its end then."""
    folder = home / "runs" / name
    (folder / "tables").mkdir(parents=True)
    plan = {"request": {"corpus": "planted", "preset": "tiny"}, "folds": [1, 2]}
    (folder / "request.json").write_text(json.dumps({"plan": plan}))
    if finished_at:
        (folder / "tables" / "table1.csv").write_text("")
        os.utime(folder / "tables" / "table1.csv", (finished_at, finished_at))
    return folder


def test_without_a_name_it_is_the_newest_finished_one(home):
    begun(home, "old", 1000)
    new = begun(home, "new", 2000)
    begun(home, "unfinished")
    assert runs.wanted("") == new
    assert runs.wanted("", only_finished=True) == new
    assert [folder.name for folder in runs.begun()][1:] == ["new", "old"]


def test_a_name_may_be_that_of_an_unfinished_one_unless_it_must_be_finished(home):
    folder = begun(home, "unfinished")
    assert runs.wanted("unfinished") == folder
    with pytest.raises(PlainError, match="STUDY=unfinished: this run is not finished; make study"):
        runs.wanted("unfinished", only_finished=True)


@pytest.mark.parametrize("name", ["other", "../runs/there", "there/", "/", "th*"])
def test_an_unknown_name_is_one_line_with_those_there_are(home, name):
    begun(home, "there", 1000)
    with pytest.raises(PlainError, match="there is no such run in runs/; there are there") as told:
        runs.wanted(name)
    assert "\n" not in str(told.value)


def test_without_any_run_it_says_what_makes_one(home):
    with pytest.raises(PlainError, match="no finished run in runs/ yet: make study makes one"):
        runs.wanted("")
    with pytest.raises(PlainError, match="there are none yet"):
        runs.wanted("any")


def test_what_was_asked_for_is_read_back(home):
    folder = begun(home, "there")
    assert runs.request(folder) == {"corpus": "planted", "preset": "tiny"}
    assert runs.folds(folder) == [1, 2]


def by_notebooks(home, name, **study):
    """A finished run that no `make study` began."""
    folder = home / "runs" / name
    (folder / "tables").mkdir(parents=True)
    (folder / "tables" / "table1.csv").write_text("")
    (folder / "study.json").write_text(json.dumps({"seeds": [0, 2], "corpus": "esc50"} | study))
    return folder


def test_a_run_that_its_notebooks_began_is_one_too(home):
    begun(home, "unfinished")
    folder = by_notebooks(home, "by-hand", request={"corpus": "esc50", "fold": "all"})
    for fold in (10, 9):
        (folder / f"fold{fold}").mkdir()
        (folder / f"fold{fold}" / "study.json").write_text("{}")
    assert runs.wanted("", only_finished=True) == runs.wanted("by-hand", only_finished=True) == folder
    assert runs.request(folder) == {"corpus": "esc50", "fold": "all", "seeds": "0,2"}
    assert (runs.seeds(folder), runs.folds(folder)) == ([0, 2], [9, 10])


def test_a_run_whose_notebooks_did_not_note_their_parameters_says_what_to_do(home):
    folder = by_notebooks(home, "old")
    with pytest.raises(
        PlainError, match=r"runs/old/study.json is an earlier version's.*remove it and run 03_subsets again"
    ):
        runs.request(folder)
