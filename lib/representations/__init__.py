"""The representations: one file each, which holds everything peculiar to it.

A fifth one is a new file here with a class of the file's name (`my_thing.py`: `MyThing`); it then appears in every
notebook, table and figure. The paper's four come first, in the order of its Table 1. The folder `controls` holds those
that only a control uses: they can be made by name, and no notebook, table or figure lists them.
"""

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

from lib.settings import Settings, SettingsError

if TYPE_CHECKING:
    from lib.representations.base import Representation

PAPER = ("pitch", "timbre", "neuralogram", "waveform")


def names() -> tuple[str, ...]:
    """All representations in registry order: the paper's four, then the others by name. Loads none of them."""
    found = {module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg} - {"base"}
    return (*(name for name in PAPER if name in found), *sorted(found - set(PAPER)))


def of_controls() -> tuple[str, ...]:
    """The representations that only controls use, by name."""
    return tuple(sorted(module.name for path in __path__ for module in pkgutil.iter_modules([f"{path}/controls"])))


def kind(name: str) -> "type[Representation]":
    """The class of a representation; SettingsError with the names there are if it is unknown."""
    if name not in (*names(), *of_controls()):
        raise SettingsError(f"representation {name!r} does not exist; there are {', '.join(names())}")
    place = name if name in names() else f"controls.{name}"
    return getattr(import_module(f"{__name__}.{place}"), name.title().replace("_", ""))


def make(name: str, settings: Settings) -> "Representation":
    """A representation as the study's settings ask for it, not yet fitted."""
    from lib.representations.base import settings_of

    chosen = kind(name)
    own = settings_of(chosen, settings.representations.get(name, {}))
    return chosen(own, settings.chunking, settings.body.width)
