"""Who looks at the screen: a bar that moves is of use to someone who watches, and noise in a log."""

import os
import sys


def in_jupyter() -> bool:
    """Whether there is someone to click: JupyterLab names its session and Voila itself; a program does neither."""
    return "JPY_SESSION_NAME" in os.environ or os.environ.get("SERVER_SOFTWARE", "").startswith("voila")


def watched() -> bool:
    """Whether someone sees a bar move: at a terminal, or in JupyterLab."""
    return sys.stderr.isatty() or in_jupyter()
