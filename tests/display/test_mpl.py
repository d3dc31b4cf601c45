"""matplotlib through lib.display.mpl: the classes themselves, and loaded only where something is drawn."""

import runpy
import subprocess
import sys
import typing
from importlib import import_module

import matplotlib.figure
import matplotlib.patches
import pytest

from lib.display import mpl
from lib.files import PROJECT


def test_its_names_are_matplotlibs_own():
    assert mpl.Figure is matplotlib.figure.Figure
    assert mpl.Rectangle is matplotlib.patches.Rectangle
    assert all(getattr(mpl, name) is getattr(import_module(module), name) for name, module in mpl.MODULE_OF.items())


def test_editors_are_told_the_same_names(monkeypatch):
    monkeypatch.setattr(typing, "TYPE_CHECKING", True)
    told = runpy.run_path(mpl.__file__)
    assert {name: told.get(name) for name in mpl.MODULE_OF} == {name: getattr(mpl, name) for name in mpl.MODULE_OF}


def test_another_name_is_refused_with_those_there_are():
    with pytest.raises(AttributeError, match="lib.display.mpl has no Figur; it has rc_context, Axes"):
        mpl.Figur  # noqa: B018


def loaded_by(statement: str) -> set[str]:
    """Top-level packages that a fresh Python has loaded after a statement."""
    code = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(subprocess.check_output([sys.executable, "-c", code], text=True, cwd=PROJECT).split())


def test_the_package_itself_loads_nothing():
    assert not {"torch", "numpy", "pandas", "matplotlib"} & loaded_by("import lib")


@pytest.mark.parametrize("module", ["lib.evaluation.results", "lib.report.report", "lib.explorer.page"])
def test_what_is_slow_to_load_waits_until_it_is_used(module):
    loaded = loaded_by(f"import {module}")
    assert "torch" in loaded
    assert not {"matplotlib", "scipy", "IPython", "ipywidgets", "sklearn", "torchaudio", "timm", "triton"} & loaded


def test_drawing_loads_it():
    assert "matplotlib" in loaded_by("from lib.display import mpl; mpl.Figure()")
