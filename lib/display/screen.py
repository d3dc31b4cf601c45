"""What a reader sees: names instead of columns' values, counts that agree with their noun, and whether anyone watches.

Tables on disk keep the short names (map_macro, esc50); screen, figures and pages have those of the field.
"""

import math
import os
import sys
from pathlib import Path

MEASURES = {
    "map_macro": "macro mAP",
    "map_micro": "micro mAP",
    "leaf_recall@5": "leaf recall@5",
    "top1": "top 1",
    "d_prime": "d'",
}
IRREGULAR = {"class": "classes"}
LINE = 80  # letters of a name in a line, of the screen or of a page


def measure_name(measure: str) -> str:
    """What a measure is called in sentences and on axes."""
    return MEASURES.get(measure, measure)


def counted(number: int, noun: str) -> str:
    """A number and its noun: 1 chunk, 2 chunks; the last word of several is the one that changes."""
    return f"{number} {noun if number == 1 else IRREGULAR.get(noun, f'{noun}s')}"


def shortened(text: str, most: int = 22) -> str:
    """A long name without its middle."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-(most // 2 - 1) :]}"


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
    return counted(math.ceil(seconds / 60), "minute") if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def short_path(path: Path | str) -> str:
    """A path as a reader wants it: relative to where they are, if it lies below."""
    path = Path(path)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
