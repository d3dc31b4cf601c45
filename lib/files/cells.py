"""Rows of tables by their values; cells that are text to a spreadsheet, and what they were before."""

import re
from typing import Any

# What a spreadsheet takes for a formula where a cell begins with it; a ' before it, and it is text. Plain numbers stay.
FORMULA, GUARDED, NUMBER = (
    re.compile(r"'*[=+\-@\t\r]"),
    re.compile(r"'+[=+\-@\t\r]"),
    re.compile(r"[+-][\d.]+(e[+-]?\d+)?", re.I),
)


def rows_with(table: Any, **wanted: Any) -> Any:
    """The rows of a table (a DataFrame) with these values."""
    for column, value in wanted.items():
        table = table[table[column] == value]
    return table


def guarded(table: Any) -> Any:
    """The table (a DataFrame) as it may stand in a CSV file that a spreadsheet opens; `unguarded` gives it back."""
    return table.map(lambda cell: f"'{cell}" if isinstance(cell, str) and _formula(cell) else cell)


def unguarded(table: Any) -> Any:
    """The table as it was before `guarded`."""
    return table.map(lambda cell: cell[1:] if isinstance(cell, str) and GUARDED.match(cell) else cell)


def _formula(text: str) -> bool:
    return bool(FORMULA.match(text)) and not NUMBER.fullmatch(text)
