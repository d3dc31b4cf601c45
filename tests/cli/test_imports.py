"""What a notebook depends on is what its imports reach."""

import json

import pytest

from lib.cli.imports import imported, library_of
from lib.files import PROJECT


def paths(name):
    return {path.removeprefix(f"{PROJECT}/lib/") for path in library_of(PROJECT / "notebooks" / f"{name}.ipynb")}


def test_imports_of_a_text_are_modules_wherever_they_stand():
    code = (
        "%matplotlib inline\nimport numpy\nfrom lib import files, nothing\ndef f():\n    from lib.study import Study\n"
    )
    assert imported(code) == {"lib", "lib.files", "lib.study"}


@pytest.mark.parametrize("above", [
    "try:\n    pass\nexcept OSError:\n ", "try:\n    pass\nfinally:\n ", "if x:\n    pass\nelse:\n ", "for x in y:\n    pass\nelse:\n ",
    "match x:\n  case 1:\n ", "with x:\n  class A:\n   async def f():\n ", "try:\n    pass\nexcept* OSError:\n ",
])  # fmt: skip
def test_an_import_in_any_block_is_seen(above):
    assert imported(f"{above}   import lib.study\n") == {"lib.study"}


@pytest.mark.parametrize(
    ("notebook", "needs"),
    [
        (
            "01_representations",
            {"settings/presets.py", "representations/pitch.py", "explorer/viewer.py", "evaluation/results.py"},
        ),
        ("02_train_encoder", {"encoders/training.py", "evaluation/single.py", "plots/encoder.py", "stages.py"}),
        ("03_subsets", {"encoders/heads.py", "controls/seeds.py", "evaluation/sentences.py", "plots/tables.py"}),
        ("04_contributions", {"evaluation/shapley.py", "controls/constructed.py", "plots/probes.py"}),
        ("06_explorer", {"explorer/page.py", "explorer/moving/__init__.py", "representations/waveform.py"}),
    ],
)
def test_a_notebook_depends_on_what_it_reaches(notebook, needs):
    assert needs <= paths(notebook)


def test_no_notebook_depends_on_commands_but_through_imports(tmp_path):
    alone = tmp_path / "alone.ipynb"
    cell = {"cell_type": "code", "source": ["from lib.evaluation import shapley\n", "shapley"]}
    alone.write_text(json.dumps({"cells": [cell, {"cell_type": "markdown", "source": "from lib import study"}]}))
    names = {path.removeprefix(f"{PROJECT}/lib/") for path in library_of(alone)}
    assert {"__init__.py", "evaluation/__init__.py", "evaluation/shapley.py"} <= names
    assert not {"study.py", "study/__init__.py"} & names, "what stands in a text is no import"
    assert not any(name.startswith("cli/") for name in names)
