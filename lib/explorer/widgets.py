"""Widgets by name, ipywidgets' and our own, loaded when the first is made: with IPython they take as long as pandas."""

from importlib import import_module
from typing import Any

OWN = ("Map", "Own", "Picture", "Player")


def __getattr__(name: str) -> Any:
    if name.startswith("__"):  # what Python asks any module for
        raise AttributeError(name)
    return getattr(import_module("lib.explorer.moving" if name in OWN else "ipywidgets"), name)
