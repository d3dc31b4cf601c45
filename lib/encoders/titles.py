"""What a model is called on the screen and in figures."""

import re

from lib.encoders.heads import ALL_FOUR, members
from lib.encoders.peers import LEARNERS, PEERS
from lib.representations import CONTROLS, kind, names

OTHERS = {
    ALL_FOUR: "All four", "all four": "All four", "chance": "Chance", "noise": "Noise", "mobilenet": "MobileNet",
    "single": "Seed", "twice": "Itself again", "second_seed": "A second seed",
}  # fmt: skip


def title(subset: str) -> str:
    """Of an encoder, another player of a game, several joined by "+", or a row of a table: Pitch, Pitch + Timbre, All four."""
    if subset in (*names(), *CONTROLS):
        return kind(subset).title
    if subset in OTHERS:
        return OTHERS[subset]
    if subset in (known := {**PEERS, **LEARNERS}):
        return known[subset].about.title
    if "+" in subset:
        return " + ".join(map(title, members(subset)))
    if subset.startswith("untrained_"):
        return f"{title(subset.removeprefix('untrained_'))} untrained"
    named, number = re.fullmatch(r"(.*?)(\d*)", subset, re.DOTALL).groups()
    return f"{title(named)} {number}" if number and named in (*names(), *OTHERS) else subset
