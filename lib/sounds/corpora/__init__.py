"""Where sounds come from: `load` reads a corpus by its name.

base        what a corpus is
planted, esc50, fsd50k, table  one file a source
rows        from a table's rows to a corpus, for all of them; spelling: file names as other systems spell them
folds part  folds for clips that have none; a part of a large corpus
layout      FSD50K's tables, written for corpora that are made here; embedded: the planted one on disk
"""

import re
from collections.abc import Callable
from pathlib import Path

from lib import files
from lib.sounds.corpora import esc50, fsd50k, table
from lib.sounds.corpora.base import Corpus, CorpusError
from lib.sounds.corpora.part import part_of


def _planted(root: Path | None) -> Corpus:
    from lib.sounds.corpora import embedded  # it makes the sounds, which the other sources need not load

    return fsd50k.read(embedded.ensure(files.home()) if root is None else root, "planted")


SOURCES: dict[str, Callable[[Path | None], Corpus]] = {
    "planted": _planted,
    "esc50": esc50.read,
    "fsd50k": fsd50k.read,
    "table": table.read,
}

TITLES = {"esc50": "ESC-50", "fsd50k": "FSD50K"}

LICENCES = {  # of the sounds: the word for it on model hubs, and what is to be known
    "planted": ("cc0-1.0", "The sounds are made by the study's own code and free (CC0)."),
    "esc50": ("cc-by-nc-3.0", "ESC-50 is under CC BY-NC 3.0, its subset ESC-10 under CC BY 3.0: weights learned from it are given on for the same uses."),
    "fsd50k": ("cc-by-4.0", "FSD50K is under CC BY 4.0; each clip has its own licence (CC0, CC BY, CC BY-NC or CC Sampling+), told in its metadata."),
    "table": ("other", "The sounds are the owner's, and so is what may be done with weights learned from them: say it here."),
}  # fmt: skip


def title(name: str, root: Path | str | None = None) -> str:
    """What a corpus is called, whether it is there or not: own sounds by the name of their table, ESC-10 by its folder's."""
    if name == "table" and root:
        return table.title(files.expanded(root))
    part = re.search(r"ESC-?(\d+)", Path(root or "").name, re.IGNORECASE) if name == "esc50" else None
    return f"ESC-{part[1]}" if part else TITLES.get(name, name)


def load(name: str, root: Path | str | None = None, in_folds: bool = False, share: float = 1.0) -> Corpus:
    """The corpus `name` (planted, esc50, fsd50k, table) from the folder `root`, which planted needs not.

    in_folds: a table is to be tested fold by fold, by its own folds or by some that are dealt.
    share: below 1, of each label only this part, by groups.
    Raises CorpusError, in one line, for an unknown name, a missing folder or a folder without usable clips.
    """
    if name not in SOURCES:
        raise CorpusError(f"{name}: there is no such corpus; choose one of {', '.join(SOURCES)}")
    folder = files.expanded(root) if root else None
    corpus = table.read(folder, in_folds=in_folds) if name == "table" else SOURCES[name](folder)
    return part_of(corpus, share) if share < 1 else corpus
