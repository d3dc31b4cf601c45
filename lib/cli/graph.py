"""snakemake in a process that ends, and its notebooks with it, when `make study` is gone.

python -m lib.cli.graph PARENT snakemake's own arguments
"""

import os
import runpy
import signal
import sys
from collections.abc import Sequence

from lib.cli.processes import end_with_parent


def main(words: Sequence[str]) -> None:
    """Run snakemake with its own arguments for as long as the process `PARENT` is there."""
    end_with_parent(int(words[0]), end_group)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where `make study &` stands in a script
    sys.argv = ["snakemake", *words[1:]]
    runpy.run_module("snakemake", run_name="__main__", alter_sys=True)


def end_group(number: int) -> None:
    """Send a signal to this process and to the notebooks, which are of its group where it leads one."""
    if number == signal.SIGTERM:
        number = signal.SIGINT  # on SIGTERM snakemake would wait for its jobs
    if os.getpgrp() == os.getpid():
        os.killpg(0, number)
    else:
        os.kill(os.getpid(), number)


if __name__ == "__main__":
    main(sys.argv[1:])
