"""Clips heard for less long: from their start or from anywhere, and what stands in for the rest of a second.

An excerpt of a second or more is cut as the study cuts clips. A shorter one is repeated, followed by zeros (`zeros`), or
left in its place: the second of the clip around it (`context`).
"""

from dataclasses import dataclass

import numpy as np

from lib.settings import Chunking
from lib.sounds.chunks import cut_clip
from lib.sounds.perturb import generator

LENGTHS_S = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 2, 3, 4, 5, 7, 10)
FILLS = ("repeat", "zeros", "context")
DRAWS = 3  # places of a random excerpt, whose numbers are averaged


@dataclass(frozen=True)
class Excerpt:
    """So many seconds of a clip from its start, or from a random place, the draw-th; fill: of what is under a second."""

    length_s: float
    place: str
    fill: str = ""
    draw: int = 0

    @property
    def name(self) -> str:
        """In a file's name."""
        return "-".join(filter(None, [f"{self.length_s:g}", self.place, self.fill, str(self.draw)]))


def excerpts(longest_s: float, chunk_s: float = 1.0) -> list[Excerpt]:
    """All excerpts of clips of which the longest has so many seconds."""
    return [
        Excerpt(length_s, place, fill, draw)
        for length_s in LENGTHS_S
        if length_s <= max(longest_s, chunk_s)
        for place, draws in (("start", 1), ("random", DRAWS))
        for fill in (FILLS if length_s < chunk_s else ("",))
        for draw in range(draws)
    ]


def heard(samples: np.ndarray, clip: str, excerpt: Excerpt, rule: Chunking) -> np.ndarray:
    """The chunks [chunk, sample] of an excerpt of a clip's samples [sample] at the study's rate; of all where it is shorter."""
    n, whole = min(len(samples), round(excerpt.length_s * rule.rate_hz)), round(rule.length_s * rule.rate_hz)
    start = 0
    if excerpt.place == "random":
        start = int(generator(clip, excerpt.length_s, excerpt.draw).integers(len(samples) - n + 1))
    if excerpt.fill == "context":
        start = int(np.clip(start + n // 2 - whole // 2, 0, max(0, len(samples) - whole)))
        n = whole
    fill = "zeros" if excerpt.fill == "zeros" else "repeat" if excerpt.fill else rule.fill
    return cut_clip(samples[start : start + n], rule.model_copy(update={"fill": fill}))[0]
