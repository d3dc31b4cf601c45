"""A study as the graph has it, without a process for each notebook: its jobs in their order, cell by cell, in this one."""

import ast
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat

from lib.cli.study import plan
from lib.files import PROJECT, digests


def dry_run(planned, folder, *more):
    """What snakemake says of the jobs that it would run for a plan, in their order."""
    digests.write_json(folder / "request.json", {"plan": planned})
    command = [sys.executable, "-m", "snakemake", "-n", "-p", "--snakefile", PROJECT / "Snakefile", "--cores", "2",
               "--directory", folder, "--configfile", folder / "request.json", "--nolock", *more]  # fmt: skip
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def notebooks_of(words):
    """Of each job that runs a notebook: its title, the notebook and the parameters that it is given."""
    found = []
    for command in re.findall(r"^Shell command: (export PYTHONPATH=.*)$", words, re.MULTILINE):
        parts = shlex.split(command)
        if "lib.cli.notebook" in parts:
            _, title, _, notebook = parts[parts.index("lib.cli.notebook") + 1 :][:4]
            found.append((title, Path(notebook), json.loads(parts[parts.index("-y") + 1])))
    return found


def outputs_of(words):
    """The files that the jobs are to write, relative to the run's folder."""
    found = [path for listed in re.findall(r"^ +output: (.*)$", words, re.MULTILINE) for path in listed.split(", ")]
    assert found
    return found


def run_study(**variables):
    """`make study` of these variables, in the home that the environment names; the run's folder."""
    planned = plan({"PRESET": "tiny", "DEVICE": "cpu"} | variables)
    folder = Path(planned["folder"])
    words = dry_run(planned, folder)
    for title, notebook, given in notebooks_of(words):
        try:
            run(notebook, given)
        except Exception as error:
            error.add_note(f"in {title}")
            raise
    assert [path for path in outputs_of(words) if not (folder / path).exists()] == []  # all that the graph waits for
    return folder


def run(notebook, given):
    """Run a notebook's cells from top to bottom with these parameters; what each of them ends in is shown as HTML."""
    namespace = {"__name__": "__main__"}
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "code":
            run_cell(cell.source, namespace)
        if "parameters" in cell.metadata.get("tags", []):
            namespace |= given
    return namespace


def run_cell(source, namespace):
    """Run a cell as IPython does, but for its magics."""
    tree = ast.parse(re.sub(r"^%.*$", "", source, flags=re.MULTILINE))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), namespace)
    shown = eval(compile(ast.Expression(last.value), "cell", "eval"), namespace) if last else None
    as_html = getattr(shown, "_repr_html_", None)
    return as_html() if as_html else repr(shown)
