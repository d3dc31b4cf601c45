"""What is slow to load waits until it is used."""

import subprocess
import sys

import pytest

from lib.files import PROJECT


def loaded_by(statement: str) -> set[str]:
    """Top-level packages that a fresh Python has loaded after a statement."""
    code = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(subprocess.check_output([sys.executable, "-c", code], text=True, cwd=PROJECT).split())


def test_the_package_itself_loads_nothing():
    assert not {"torch", "numpy", "pandas", "matplotlib"} & loaded_by("import lib")


def test_set_up_needs_nothing_that_is_not_installed_yet():
    assert not {"numpy", "filelock", "psutil"} & loaded_by("import lib.cli.environment")


def test_what_make_calls_stays_small_beside_a_long_run():
    assert not {"torch", "pandas", "matplotlib"} & loaded_by("import lib.cli.commands")


def test_a_notebooks_process_reads_no_grammar_of_addresses():
    """lark makes a parser of it: for jsonschema, and a second of every notebook."""
    loaded = loaded_by("from lib.cli.notebook import run\nrun(['--version'])")
    assert {"papermill", "nbformat", "jsonschema"} <= loaded
    assert "lark" not in loaded


@pytest.mark.parametrize("module", ["lib.evaluation.results", "lib.report.report", "lib.explorer.page"])
def test_what_is_slow_to_load_waits_until_it_is_used(module):
    loaded = loaded_by(f"import {module}")
    assert "torch" in loaded
    assert not {"scipy", "sklearn", "torchaudio", "timm", "triton"} & loaded
