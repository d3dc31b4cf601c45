"""Memory and processor time of each notebook and job of a command: what `docs/paper_on_one_gpu.md` tells was measured by it.

    python -m bench.watch make study CORPUS=fsd50k ROOT=folder JOBS=1

Every 0.1 s the processes below the command are looked at. One that runs a notebook or a job counts with all below it, under
its title, the others together as "command"; a line of each is printed when it has ended. Processor time rather than seconds:
other work may share the machine.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from lib.cli.forking import NONE, VARIABLE

EVERY_S = 0.1
JOBS = ("lib.cli.notebook", "lib.cli.control")  # modules whose arguments are a parent's id and a title
COMMAND = "command"


@dataclass
class Peak:
    """The most that one job held at a time, in bytes, and what it took of the processor in all.

    own: without what is mapped of files, which the system takes back when it needs it.
    """

    own: int = 0
    mapped_too: int = 0
    cpu_s: float = 0.0

    def __str__(self) -> str:
        return f"{self.own / 1e9:6.2f} GB {self.mapped_too / 1e9:9.2f} GB {self.cpu_s:8.1f} s"


Told = Callable[[str, Peak], None]


@dataclass(frozen=True)
class Sample:
    """One process at one moment; cpu_s with that of its children that have ended."""

    title: str
    own: int
    mapped_too: int
    cpu_s: float


def watch(command: Sequence[str], told: Told = lambda title, peak: None) -> tuple[int, dict[str, Peak]]:
    """Run a command to its end: its exit status, and the peaks of its jobs by title, in the order of their starts.

    told: is given each of them when it has ended.
    """
    peaks, running = {}, set()
    # a kernel that is forked would not be below its notebook
    with subprocess.Popen(command, env={**os.environ, VARIABLE: NONE}) as process:
        while process.poll() is None:
            with suppress(psutil.Error):  # it may end meanwhile
                seen = list(samples(psutil.Process(process.pid), COMMAND))
                note(seen, peaks)
                ended, running = running - {one.title for one in seen}, {one.title for one in seen}
                for title in ended:
                    told(title, peaks[title])
            time.sleep(EVERY_S)
    for title in running:
        told(title, peaks[title])
    return process.returncode, peaks


def note(seen: Sequence[Sample], peaks: dict[str, Peak]) -> None:
    """Hold the samples of one moment, summed by title, against the peaks so far."""
    for title in dict.fromkeys(one.title for one in seen):
        peak, now = peaks.setdefault(title, Peak()), [one for one in seen if one.title == title]
        peak.own = max(peak.own, sum(one.own for one in now))
        peak.mapped_too = max(peak.mapped_too, sum(one.mapped_too for one in now))
        peak.cpu_s = max(peak.cpu_s, sum(one.cpu_s for one in now))


def samples(process: psutil.Process, title: str) -> Iterator[Sample]:
    """A process and all below it, under the title of the job that each belongs to."""
    with suppress(psutil.Error):
        title = title_of(process.cmdline()) or title
        memory, spent = process.memory_info(), process.cpu_times()
        cpu_s = spent.user + spent.system
        if title != COMMAND:  # there the children that have ended are jobs of their own
            cpu_s += spent.children_user + spent.children_system
        yield Sample(title, memory.rss - memory.shared, memory.rss, cpu_s)
        for child in process.children():
            yield from samples(child, title)


def title_of(words: Sequence[str]) -> str:
    """The title of a job by its command line; empty where it is none."""
    return next((words[place + 2] for place, word in enumerate(words[:-2]) if word in JOBS), "")


if __name__ == "__main__":
    print(f"{'':45} {'own':>9} {'mapped too':>12} {'processor':>10}", flush=True)
    sys.exit(watch(sys.argv[1:], lambda title, peak: print(f"{title:45} {peak}", flush=True))[0])
