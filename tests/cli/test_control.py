"""A control as a job of the graph: what it leaves where it ran, and where this corpus does not allow it."""

import json
import os
import re
from dataclasses import replace

import made_up
import pytest

from lib.cli import control
from lib.controls import CONTROLS, ControlError
from lib.evaluation.games import control_scores


@pytest.fixture
def part(tmp_path, monkeypatch):
    return made_up.study(tmp_path, monkeypatch).parts[0]


def job(part, name, done):
    words = [str(os.getppid()), "a title", name, "0", str(done), part.request.model_dump_json()]
    return control.main(words), json.loads(done.read_text())


def test_scores_are_there_and_no_reason(part, tmp_path, capfd):
    assert job(part, "mean", tmp_path / "done.json") == (0, {"control": "mean", "seed": 0, "reason": ""})
    assert control_scores(part, "mean", "pitch", "own", 0).exists()
    assert re.fullmatch(r"a title\na title done in \d+ s\n", capfd.readouterr().out)


def test_where_it_cannot_be_run_the_job_ends_well_and_says_why(part, tmp_path, monkeypatch):
    def refused(*_):
        raise ControlError("too few groups")

    monkeypatch.setitem(CONTROLS, "mean", replace(CONTROLS["mean"], play=refused))
    assert job(part, "mean", tmp_path / "done.json") == (0, {"control": "mean", "seed": 0, "reason": "too few groups"})


def test_another_error_leaves_nothing(part, tmp_path, monkeypatch):
    def broken(*_):
        raise ValueError("broken")

    monkeypatch.setitem(CONTROLS, "mean", replace(CONTROLS["mean"], play=broken))
    with pytest.raises(ValueError, match="broken"):
        job(part, "mean", tmp_path / "done.json")
    assert not (tmp_path / "done.json").exists()
