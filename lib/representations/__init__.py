"""The representations: one file each, which holds everything peculiar to it; their fast forms are in `kernels`.

A fifth one is a new file here with a class of the file's name (`my_thing.py`: `MyThing`); it is then trained, heard and
scored on every subset. The game whose shares notebook 4 gives stays the paper's four, which come first, in the order of
its Table 1.
"""

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

from lib.settings import Frozen, Settings, SettingsError, validated

if TYPE_CHECKING:
    from lib.representations.base import Representation

PAPER = ("pitch", "timbre", "neuralogram", "waveform")
# Those that only a control uses: they can be made by name, and no notebook, table or figure lists them.
CONTROLS = ("logmel",)


def names() -> tuple[str, ...]:
    """All representations in registry order: the paper's four, then the others by name. Loads none of them."""
    files = {module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg} - {"base", *CONTROLS}
    return (*(name for name in PAPER if name in files), *sorted(files - set(PAPER)))


def kind(name: str) -> "type[Representation]":
    """The class of a representation; SettingsError with the names there are if it is unknown."""
    if name not in (*names(), *CONTROLS):
        raise SettingsError(f"representation {name!r} does not exist; there are {', '.join(names())}")
    return getattr(import_module(f"{__name__}.{name}"), name.title().replace("_", ""))


def settings_of(name: str, settings: Settings) -> Frozen:
    """A representation's own settings; SettingsError in one line if its name, or one of them, is wrong."""
    return validated(kind(name).Settings, settings.representations.get(name, {}), f"representations.{name}")


def make(name: str, settings: Settings) -> "Representation":
    """A representation by the study's settings, not yet fitted."""
    return kind(name)(settings_of(name, settings), settings.chunking, settings.body.width)
