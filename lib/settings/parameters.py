"""The parameters of a notebook: names and values as its cells have them, checked, and the same for as long as it is open."""

import ast
from collections.abc import MutableMapping, Sequence
from typing import Any

from lib.settings.frozen import SettingsError

PLAIN = (str, int, float, bool, list, tuple, dict, type(None))  # what a parameters cell can hold
ASKED = "_study_parameters"  # under this name a notebook remembers what its study was opened with


def notebook_parameters(
    namespace: MutableMapping[str, Any], known: Sequence[str], older: Sequence[str], opened: bool
) -> dict[str, Any]:
    """Parameters of a notebook by name, and remembered there: a cell that is run again never means another study.

    known, older: names that may be used; opened: whether there is a study yet. Then only what it was opened with counts;
    SettingsError where a value of it or its type changed, unless a cell that holds nothing but parameters says so, and
    where the name of a parameter stands for something that no parameters cell can hold, such as a table.
    """
    before = namespace.get(ASKED)
    for name in known if before is None else before:
        if name in namespace and not isinstance(namespace[name], PLAIN):
            raise SettingsError(
                f"parameter {name}: a cell has made it a {type(namespace[name]).__name__}; run the parameters cell again"
            )
    if before is None:
        given = {name: value for name, value in namespace.items() if _is_parameter(name, value)}
        if unknown := [name for name in given if name not in (*known, *older)]:
            raise SettingsError(f"parameter {unknown[0]}: there is none of that name; there are {', '.join(known)}")
    else:
        given = {name: namespace.get(name, value) for name, value in before.items()}
        meant = before | _meant(namespace.get("In", ()), (*known, *older))
        changed = [
            name for name, value in given.items() if not (_same(value, meant.get(name)) or _same(value, before[name]))
        ]
        if opened and changed:
            name = changed[0]
            raise SettingsError(
                f"parameter {name}: it was {before[name]!r} when this study was opened and is {given[name]!r} now; set "
                f"it back, or take another study: run the parameters cell again, restart the kernel, or `del study`"
            )
    namespace[ASKED] = given
    return given


def _is_parameter(name: str, value: Any) -> bool:
    return isinstance(value, PLAIN) and not name.startswith("_") and name not in ("In", "Out")


def _same(value: Any, other: Any) -> bool:
    return type(value) is type(other) and value == other  # without the type, 0 and False, 1 and 1.0 would be the same


def _meant(cells: Sequence[str], known: Sequence[str]) -> dict[str, Any]:
    """What cells that hold nothing but parameters with literal values say, the later ones last."""
    meant: dict[str, Any] = {}
    for cell in cells:
        try:
            lines = ast.parse(cell).body
            said = {line.targets[0].id: ast.literal_eval(line.value) for line in lines}
        except (SyntaxError, ValueError, AttributeError):  # magic, a computed value, or no name = value
            continue
        meant |= said if set(said) <= set(known) else {}
    return meant
