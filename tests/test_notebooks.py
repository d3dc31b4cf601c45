"""The notebooks as they are kept: parameters first, cells that can be run in any order, figures read out, no outputs."""

import ast
import random
import statistics
import symtable

import headless
import nbformat
import pytest

from lib.files import PROJECT
from lib.study import NOTEBOOK_NAMES, Request

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def cells(request):
    return nbformat.read(request.param, as_version=4).cells


def code_of(cells):
    """Each code cell's text without the magics of IPython; the parameters cell first."""
    code = [cell for cell in cells if cell.cell_type == "code"]
    return ["\n".join(line for line in cell.source.splitlines() if not line.startswith("%")) for cell in code]


def names_in(code, kind):
    """Names of a text's outermost level that are what `kind` asks of a symbol, such as Symbol.is_imported."""
    return {name.get_name() for name in symtable.symtable(code, "cell", "exec").get_symbols() if kind(name)}


def assigned(code):
    """Names that stand for something else once this text has run."""
    return names_in(code, lambda name: name.is_assigned() or name.is_imported())


def test_there_are_nine():
    assert [path.stem[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05", "06", "07", "08", "09"]


def test_the_first_code_cell_holds_the_parameters_as_literals(cells):
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert tagged == [next(cell for cell in cells if cell.cell_type == "code")]
    values = {line.targets[0].id: ast.literal_eval(line.value) for line in ast.parse(tagged[0].source).body}
    usual = {NOTEBOOK_NAMES.get(name, name): field.default for name, field in Request.model_fields.items()}
    assert {name: values[name] for name in usual if name in values and name != "seeds"} == {
        name: value for name, value in usual.items() if name in values and name != "seeds"
    }
    assert values["seeds"] == "0"
    assert set(usual) - set(values) <= {"controls", "peers", "robust"}


def test_no_cell_gives_the_name_of_a_parameter_to_something_else(cells):
    parameters, *others = code_of(cells)
    assert [assigned(parameters) & assigned(other) for other in others] == [set()] * len(others)


def test_no_cell_gives_an_imported_name_to_something_else(cells):
    code = code_of(cells)
    imported = set().union(*(names_in(each, symtable.Symbol.is_imported) for each in code))
    given = [names_in(each, lambda name: name.is_assigned() and not name.is_imported()) for each in code]
    assert [names & imported for names in given] == [set()] * len(code)


def test_text_follows_every_figure(cells):
    """What there is to see, before the next picture, number or section."""
    drawn = [number for number, cell in enumerate(cells) if cell.cell_type == "code" and calls(cell, "figures.save")]
    assert [cells[number].source for number in drawn if not read_out(cells[number + 1])] == []


def test_text_follows_every_table(cells):
    """A table and a figure of it may be read out together."""
    shown = [number for number, cell in enumerate(cells) if cell.cell_type == "code" and calls(cell, "readable.table")]
    after = [next(cell for cell in cells[number + 1 :] if not calls(cell, "figures.save")) for number in shown]
    assert [cells[number].source for number, text in zip(shown, after, strict=True) if not read_out(text)] == []


def read_out(cell):
    return cell.cell_type == "markdown" and not cell.source.startswith("#")


def calls(cell, name):
    """Whether a code cell calls this function."""
    if cell.cell_type != "code":
        return False
    nodes = ast.walk(ast.parse(cell.source.replace("%matplotlib inline", "")))
    return name in {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}


def test_code_cells_are_short(cells):
    lengths = [len(cell.source.splitlines()) for cell in cells if cell.cell_type == "code"]
    assert statistics.median(lengths) <= 6


def test_outputs_are_not_kept(cells):
    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["03_subsets", "05_paper_figures"])
def test_cells_run_again_in_another_order_mean_the_same_study(copy, monkeypatch, quick_figures, name):
    monkeypatch.setenv("STUDY_HOME", str(copy.home))
    notebook = PROJECT / "notebooks" / f"{name}.ipynb"
    namespace = headless.run(notebook, {"preset": "tiny", "root": str(copy.corpus), "device": "cpu"})
    opened = namespace["study"]
    _, *others = [cell.source for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    for source in (*random.Random(0).sample(others, len(others)), others[0]):
        headless.run_cell(source, namespace)
    assert namespace["study"] == opened and opened.folder == copy.folder


@pytest.mark.slow
def test_own_sounds_are_looked_into_headless(copy, monkeypatch, quick_figures):
    monkeypatch.setenv("STUDY_HOME", str(copy.home))
    asked = {"preset": "tiny", "root": str(copy.corpus), "device": "cpu", "n_points": 60}
    headless.run(PROJECT / "notebooks" / "08_own_sounds.ipynb", asked)
    figures = {path.stem for path in (copy.home / "figures" / "planted-tiny").glob("08_*")}
    assert figures == {
        f"08_{name}" for name in ["sound", "tags", "nearest", "map", "said_by_each", "without_each", "seconds"]
    }
