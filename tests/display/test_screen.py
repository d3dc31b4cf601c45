"""Names and counts as a reader sees them."""

import io

import pytest

from lib.display.screen import counted, in_jupyter, measure_name, minutes, short_path, shortened, watched
from lib.evaluation.measures import NAMES


@pytest.mark.parametrize(("number", "noun", "told"), [
    (1, "chunk", "1 chunk"), (0, "chunk", "0 chunks"), (2, "class", "2 classes"), (1, "class", "1 class"), (3, "test clip", "3 test clips"),
])  # fmt: skip
def test_a_number_agrees_with_its_noun(number, noun, told):
    assert counted(number, noun) == told


def test_no_measure_is_shown_by_the_name_of_its_column():
    assert measure_name("map_macro") == "macro mAP"
    assert not [name for name in NAMES if "_" in measure_name(name)]


@pytest.mark.parametrize(("seconds", "told"), [
    (0.4, "0 s"), (89.4, "89 s"), (90, "2 minutes"), (121, "3 minutes"), (5399, "90 minutes"), (5400, "1.5 hours"), (36_000, "10.0 hours"),
])  # fmt: skip
def test_a_time_is_told_in_the_unit_that_one_thinks_in_and_minutes_are_begun_ones(seconds, told):
    assert minutes(seconds) == told


def test_a_long_name_loses_its_middle_and_a_short_one_nothing():
    assert shortened("a" * 22) == "a" * 22
    assert shortened("a" * 20 + "b" * 20) == "a" * 11 + "…" + "b" * 10


def test_a_path_below_where_one_is_is_told_from_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert short_path(tmp_path / "runs" / "a") == "runs/a"
    assert short_path(tmp_path.parent / "b") == str(tmp_path.parent / "b")


@pytest.mark.parametrize(("name", "value", "someone"), [
    ("JPY_SESSION_NAME", "a.ipynb", True), ("SERVER_SOFTWARE", "voila/0.5", True), ("SERVER_SOFTWARE", "nginx", False),
])  # fmt: skip
def test_who_can_click_is_known_by_what_jupyterlab_and_voila_set(monkeypatch, name, value, someone):
    for each in ("JPY_SESSION_NAME", "SERVER_SOFTWARE"):
        monkeypatch.delenv(each, raising=False)
    assert not in_jupyter()
    monkeypatch.setenv(name, value)
    assert in_jupyter() == someone
    monkeypatch.setattr("sys.stderr", io.StringIO())  # no terminal
    assert watched() == someone
