"""What a notebook is made of: the files of the library that its imports reach, which the graph compares with its outputs."""

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from lib.files import PROJECT

LOADS_BY_NAME = {"lib.representations": "lib/representations/**/*.py"}


def library_of(notebook: str | Path) -> list[str]:
    """Paths of all files of lib that the notebook's code imports, directly or through others, in order of name."""
    cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    waiting = {module for text in code for module in imported(text)}
    reached: set[str] = set()
    while waiting:
        reached |= waiting
        waiting = {module for name in waiting for module in _imports_of(name)} - reached
    return sorted({str(path) for name in reached for path in _files_of(name)})


def imported(code: str) -> set[str]:
    """Modules of lib that Python text imports, wherever in it; magics of IPython are no imports."""
    plain = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in code.splitlines())
    names: set[str] = set()
    for node in _statements(ast.parse(plain)):
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return {name for name in names if name.split(".")[0] == "lib" and _file_of(name)}


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """All statements below a node, in blocks of others too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        if isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case)):
            yield from _statements(child)


@cache
def _file_of(module: str) -> Path | None:
    path = PROJECT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@cache
def _files_of(module: str) -> list[Path]:
    """A module's own file, those of the packages that it lies in, and those that it loads by name."""
    parts = module.split(".")
    own = [_file_of(".".join(parts[:n])) for n in range(1, len(parts) + 1)]
    return [path for path in own if path] + sorted(PROJECT.glob(LOADS_BY_NAME.get(module, "no such file")))


def _imports_of(module: str) -> set[str]:
    return {name for path in _files_of(module) for name in _imports_in(path)}


@cache
def _imports_in(path: Path) -> frozenset[str]:
    return frozenset(imported(path.read_text(encoding="utf-8")))
