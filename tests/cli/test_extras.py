"""Packages for some commands: what is asked for beforehand, what is not there, what fails."""

import re

import pytest

from lib.cli import extras
from lib.cli.environment import Stop
from lib.files import PROJECT


def test_all_are_asked_for_once_and_one_that_fails_leaves_the_others(monkeypatch):
    asked = []

    def need(module):
        asked.append(module)
        if module == "wav2clip":
            raise Stop("wav2clip==0.1.0 could not be installed")

    monkeypatch.setattr(extras, "need", need)
    with pytest.raises(Stop, match=r"^wav2clip==0.1.0 could not be installed$"):
        extras.setup({"EXTRAS": "all"})
    assert asked == list(extras.EXTRAS)


def test_some_are_asked_for_by_name(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(extras, "need", asked.append)
    assert extras.setup({"EXTRAS": "pyarrow, onnx"}) == 0
    assert asked == ["pyarrow", "onnx"]
    assert capsys.readouterr().out.startswith("ready: ")


def test_a_module_that_no_command_needs_is_said_with_those_that_there_are():
    with pytest.raises(Stop, match="EXTRAS=numpi: there is no such module; there are all, .*pyarrow"):
        extras.setup({"EXTRAS": "pyarrow,numpi"})


def test_every_package_is_pinned_to_one_version():
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", package) for package in extras.EXTRAS.values())


def test_the_checks_on_a_clean_checkout_install_what_tests_would_else_skip():
    assert "make setup EXTRAS=all" in (PROJECT / ".ci" / "run").read_text()
