"""What the notebooks of a run say, on a terminal: epochs move a bar, one for each training; the rest is lines."""

import os
import re
from collections.abc import Iterable
from typing import TextIO

from tqdm import tqdm

from lib.display.screen import counted

# An epoch as a training prints it where nobody watches its notebook
EPOCH = re.compile(r"(?P<what>.+): epoch (?P<epoch>\d+)/(?P<epochs>\d+), (?P<loss>loss \S+), \S+ s\n?")
ROWS = 20  # for bars, at most
COLUMNS = 80  # of a terminal that does not say how many it has, as in a container or a script
FORMAT = "{desc}: {bar:30} {n_fmt}/{total_fmt}, {postfix[0]} [{elapsed}<{remaining}]"


def show(lines: Iterable[str], screen: TextIO) -> None:
    """Pass lines on to a terminal as they come; a training is a bar until it is done, and then a line."""
    bars: list[tqdm] = []
    try:
        for line in lines:
            if epoch := EPOCH.fullmatch(line):
                _move(bars, epoch, screen)
            else:
                tqdm.write(line.rstrip("\n"), file=screen)
    finally:
        for bar in bars:
            bar.close()


def _move(bars: list[tqdm], epoch: re.Match, screen: TextIO) -> None:
    what, done, total = epoch["what"], int(epoch["epoch"]), int(epoch["epochs"])
    # of several folds that train what has the same name, the one that is just before this epoch
    bar = next((bar for bar in bars if bar.desc == what and bar.n == done - 1), None)
    if bar is None:
        bar = tqdm(
            desc=what, total=total, initial=done - 1, leave=False, file=screen, bar_format=FORMAT, postfix=[epoch["loss"]],
            ncols=_columns(screen), nrows=ROWS, mininterval=0,
        )  # fmt: skip
        bars.append(bar)
    bar.ncols, bar.postfix[0] = _columns(screen), epoch["loss"]
    bar.update()
    if done == total:
        bars.remove(bar)
        bar.close()
        seconds = bar.format_dict["elapsed"]
        tqdm.write(f"{what}: {counted(total, 'epoch')}, {epoch['loss']}, {seconds:.0f} s", file=screen)


def _columns(screen: TextIO) -> int:
    """The letters of a line that a bar may take now."""
    try:
        known = os.get_terminal_size(screen.fileno()).columns
    except OSError:  # no terminal
        known = 0
    return (known or COLUMNS) - 1
