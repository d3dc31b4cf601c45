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

    def safe(cell: Any) -> Any:
        formula = isinstance(cell, str) and FORMULA.match(cell) and not NUMBER.fullmatch(cell)
        return f"'{cell}" if formula else cell

    return table.map(safe)


def unguarded(table: Any) -> Any:
    """The table as it was before `guarded`."""
    return table.map(lambda cell: cell[1:] if isinstance(cell, str) and GUARDED.match(cell) else cell)
