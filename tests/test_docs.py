"""README.md and docs/ speak of commands, variables, files and words that there are, in few words."""

import re

import pandas as pd
import pytest
import yaml

from lib import files
from lib.cli import environment
from lib.cli.environment import VARIABLES
from lib.controls import CONTROLS
from lib.settings import CURVES

PAGES = [
    files.PROJECT / "README.md",
    files.PROJECT / "data" / "README.md",
    *sorted((files.PROJECT / "docs").glob("*.md")),
]
README, USAGE, GLOSSARY = (files.PROJECT / name for name in ("README.md", "docs/usage.md", "docs/glossary.md"))


def rows(page, heading):
    """The rows of the first table below a heading, its head left out."""
    return tables(page, heading)[1:]


def tables(page, heading):
    """The rows of the tables below a heading, the head first."""
    part = re.split(r"^#+ ", page.read_text(), flags=re.MULTILINE)
    table = next(each for each in part if each.startswith(heading))
    found = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")
    ]
    assert len(found) > 2
    return [found[0], *found[2:]]


def code(text):
    return re.findall(r"`([^`]+)`", text)


def test_the_readme_has_900_words_at_most():
    assert len(README.read_text().split()) <= 900


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(files.PROJECT)))
def test_every_command_on_a_page_is_there_and_takes_what_it_is_given(page):
    text = re.sub(r"<!--.*?-->", "", page.read_text())
    lines = [*re.findall(r"^    (?:\S+=\S+ )?(make .*)$", text, re.MULTILINE), *re.findall(r"`(make [^`]*)`", text)]
    for line in lines:
        command, *words = line.partition("#")[0].split()[1:]
        assert command in VARIABLES, line
        taken = {word.partition("=")[0] for word in words if re.match(r"[A-Z]+=", word)}
        assert taken <= {*VARIABLES[command], "PYTHON"}, line


def test_the_table_of_commands_is_what_they_take():
    table = {code(row[0])[0].removeprefix("make "): set(code(row[2])) for row in rows(USAGE, "Commands\n")}
    assert table == {command: set(taken) for command, taken in VARIABLES.items()}


def test_the_table_of_variables_is_complete():
    names = [name for row in rows(USAGE, "Variables\n") for name in code(row[0])]
    assert sorted(names) == sorted({name for taken in VARIABLES.values() for name in taken})


def test_the_table_of_controls_is_complete():
    named = [name for row in rows(USAGE, "Controls\n") for name in code(row[0])]
    assert sorted(named) == sorted([*CONTROLS, *CURVES])


def test_the_help_names_every_command_and_variable():
    for command, taken in VARIABLES.items():
        assert f"make {command}" in environment.HELP
        assert all(name in environment.HELP for name in taken)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(files.PROJECT)))
def test_links_of_a_page_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_measure_is_in_the_glossary():
    from lib.evaluation.measures import NAMES

    words = GLOSSARY.read_text()
    assert [name for name in NAMES if name not in words] == []


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((files.PROJECT / "CITATION.cff").read_text())
    project = re.search(r'^version = "(.+)"$', (files.PROJECT / "pyproject.toml").read_text(), re.MULTILINE)
    assert citation["version"] == project[1]
    assert citation["cff-version"] == "1.2.0" and citation["license"] == "MIT"
    assert all({"name"} & {*author} or {"family-names"} <= {*author} for author in citation["authors"])


def test_the_hours_of_the_paper_on_one_gpu_are_those_projected():
    projected = pd.read_csv(files.PROJECT / "figures" / "bench" / "projection.csv")
    shared = projected["stage"].str.replace(r"^(features|embeddings) of .*", "features and embeddings", regex=True)
    minutes = (
        projected.assign(step=shared.str.removesuffix(" paper")).pivot_table("seconds", "step", "machine", "sum") / 60
    )
    head, *table, hours = tables(files.PROJECT / "docs" / "paper_on_one_gpu.md", "How long")
    assert {row[0] for row in table} == set(minutes.index)
    for step, *told in table:
        assert list(map(float, told)) == [round(minutes.loc[step, machine], 1) for machine in head[1:]]
    assert [float(told) for told in hours[1:]] == pytest.approx(list(minutes.sum()[head[1:]] / 60), abs=0.5)


@pytest.mark.parametrize("record", ["planted-quick", "esc50-laptop-fold1"])
def test_that_training_is_not_shown_to_help_all_four_is_what_is_recorded(record):
    controls = pd.read_csv(files.PROJECT / "figures" / "record" / record / "tables" / "controls.csv")
    rows = controls[(controls["control"] == "untrained") & (controls["head"] == "paper")]
    assert len(rows) == 2  # by chunks and by clips
    assert (rows["p_holm"] > 0.05).all()
    assert "all four are not significantly above four untrained ones" in README.read_text()
