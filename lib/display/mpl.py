"""What the study takes of matplotlib, each part loaded when it is first used: matplotlib takes as long to load as all of lib.

`mpl.Figure` is matplotlib.figure.Figure, and so on. Files that draw have `from __future__ import annotations`, so that a
signature alone loads nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers
    from matplotlib import rc_context
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.collections import LineCollection, QuadMesh
    from matplotlib.figure import Figure
    from matplotlib.font_manager import findfont, fontManager, get_font
    from matplotlib.lines import Line2D
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch, Rectangle
    from matplotlib.path import Path
    from matplotlib.patheffects import withStroke
    from matplotlib.text import Text
    from matplotlib.textpath import TextPath
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

PARTS = {
    "matplotlib": ("rc_context",),
    "matplotlib.axes": ("Axes",),
    "matplotlib.axis": ("Axis",),
    "matplotlib.collections": ("LineCollection", "QuadMesh"),
    "matplotlib.figure": ("Figure",),
    "matplotlib.font_manager": ("findfont", "fontManager", "get_font"),
    "matplotlib.lines": ("Line2D",),
    "matplotlib.patches": ("FancyArrowPatch", "FancyBboxPatch", "Patch", "Rectangle"),
    "matplotlib.path": ("Path",),
    "matplotlib.patheffects": ("withStroke",),
    "matplotlib.text": ("Text",),
    "matplotlib.textpath": ("TextPath",),
    "matplotlib.ticker": ("FixedLocator", "FuncFormatter", "NullLocator"),
}
MODULE_OF = {name: module for module, names in PARTS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in MODULE_OF:
        raise AttributeError(f"lib.display.mpl has no {name}; it has {', '.join(MODULE_OF)}")
    return getattr(import_module(MODULE_OF[name]), name)
