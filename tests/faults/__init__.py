"""`make faults`: a tiny study is killed at random moments, its disk is filled, each kind of stored thing is damaged.

Whatever happened, the next calls must end in the tables and scores of an undisturbed run.

tiny     the study, its processes and its results
kills    of the process group, a kernel, snakemake, the parent
disks    a small disk that grows
damage   a flipped bit, a cut and an empty file in each kind of stored thing
"""

import random
import shutil
import time
from pathlib import Path

from faults.damage import damage
from faults.disks import disks
from faults.kills import kills
from faults.tiny import Row, Tiny, make_corpus
from lib import files
from lib.cli.environment import Stop
from lib.display.screen import short_path

KILLS = 50
EARLY = 4  # a kill comes within this part of an undisturbed run; the next call goes on, so that all of it is reached
NAME = "faults"  # of the folders of what is found: in data, figures and figures/record


def faults(seed: int | None = None, n: int = KILLS) -> int:
    """Hurt a tiny study with n kills; tables on the screen and in figures/faults; 1 where something is wrong.

    Ctrl-C ends it, with all that it has started: what was printed so far was found.
    """
    folder = files.home() / "data" / NAME
    shutil.rmtree(folder, ignore_errors=True)
    try:
        good = hurt(folder, random.Random(seed), n)
    except KeyboardInterrupt:
        for name in ("whole", "kills", "disks", "damage"):
            Tiny(folder / name, folder).end()
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if good:
        shutil.rmtree(folder)
    print(
        "all of it ended as it should"
        if good
        else f"not all ended as it should; what is left lies in {short_path(folder)}"
    )
    return 0 if good else 1


def hurt(folder: Path, rng: random.Random, n: int) -> bool:
    """Whether a tiny study in `folder` ends as it should whatever is done to it; Stop where it fails undisturbed."""
    corpus = make_corpus(folder)
    whole = Tiny(folder / "whole", corpus)
    print("an undisturbed run, for comparison", flush=True)
    started = time.monotonic()
    status, output = whole.run()
    if status:
        raise Stop(f"the tiny study fails undisturbed: {output.strip().splitlines()[-1]}")
    seconds, expected = time.monotonic() - started, whole.results()
    good = report("kills", kills(Tiny(folder / "kills", corpus), expected, rng, n, seconds / EARLY))
    good = report("disks", disks(Tiny(folder / "disks", corpus), expected)) and good
    return report("damage", damage(whole, folder / "damage", expected, rng)) and good


def report(name: str, rows: list[Row]) -> bool:
    """Show the rows, write them as figures/faults/<name>.csv, and say whether all ended as they should."""
    import pandas as pd

    table = pd.DataFrame(rows, columns=None if rows else ["good"])
    print(f"\n{name}\n{table.to_string(index=False) if rows else 'left out'}")
    with files.atomic_write(files.home() / "figures" / NAME / f"{name}.csv") as temporary:
        table.to_csv(temporary, index=False)
    return bool((table["good"] == "yes").all())
