"""Who looks at the screen, and how a time is written there: a bar is of use to someone who watches, and noise in a log."""

import math
import os
import sys


def in_jupyter() -> bool:
    """Whether there is someone to click: JupyterLab names its session and Voila itself; a program does neither."""
    return "JPY_SESSION_NAME" in os.environ or os.environ.get("SERVER_SOFTWARE", "").startswith("voila")


def watched() -> bool:
    """Whether someone sees a bar move: at a terminal, or in JupyterLab."""
    return sys.stderr.isatty() or in_jupyter()


def minutes(seconds: float) -> str:
    """A time as a reader wants it: 42 s, 7 minutes, 3.5 hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{math.ceil(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
