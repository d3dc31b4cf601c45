"""Kills at random moments: what ran beside the one that was killed must end within seconds, and nothing may be lost."""

import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from faults.tiny import Row, Tiny

FORKING, NOTEBOOK = "lib.cli.forking", "lib.cli.notebook"  # a kernel is forked, and looks like what it is forked from
KINDS = {"group": "", "kernel": FORKING, "snakemake": "lib.cli.graph", "parent": "lib.cli.commands"}
WITHIN_S = 20.0  # until nothing of the study may be left, on a machine that has other work too


def kills(tiny: Tiny, expected: dict[str, str], rng: random.Random, n: int, longest_s: float) -> list[Row]:
    """Kill a study n times, each within `longest_s` of its start, and go on with it; finished, it begins again."""
    rows: list[Row] = []
    while len(rows) < n:
        row = kill(tiny, list(KINDS)[len(rows) % len(KINDS)], rng.uniform(0, longest_s), rng)
        if row is None:  # it ended before
            rows[-1:] = [row | ended(tiny, expected, row["good"]) for row in rows[-1:]]
            shutil.rmtree(tiny.home)
        else:
            rows.append({"number": len(rows) + 1, **row})
            print(", ".join(f"{name} {value}" for name, value in rows[-1].items() if value != ""), flush=True)
    if rows:
        tiny.run()
        rows[-1] |= ended(tiny, expected, rows[-1]["good"])
    return rows


def ended(tiny: Tiny, expected: dict[str, str], good: str | int | float) -> Row:
    """What a study has ended in after the kill of the last row."""
    if other := tiny.differing(expected):
        return {"then": f"other results: {', '.join(other[:3])}", "good": "no"}
    return {"then": "finished with the same tables and scores", "good": good}


def kill(tiny: Tiny, kind: str, moment_s: float, rng: random.Random) -> Row | None:
    """Start the study and kill what is of this kind after some seconds; None where the study ended before."""
    started, process = time.monotonic(), tiny.begin()
    hit: list[psutil.Process] = []
    while not hit:
        if process.poll() is not None:
            return None
        time.sleep(0.2)
        hit = of_kind(tiny, kind, rng) if time.monotonic() - started > moment_s else []
    after_s, during = time.monotonic() - started, tiny.running() or "the start"
    notebooks = [each for each in tiny.processes() if NOTEBOOK in words_of(each)]
    for each in hit:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    if kind == "kernel":  # the other notebooks go on: of this one nothing may, and then all is stopped by hand
        gone_s = seconds_until(lambda: not notebooks or not all(each.is_running() for each in notebooks))
        process.send_signal(signal.SIGINT)
        seconds_until(lambda: process.poll() is not None and not tiny.processes())
    else:
        gone_s = seconds_until(lambda: process.poll() is not None and not tiny.processes())
    left = tiny.processes()
    for each in left:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()
    return {
        "killed": kind, "after_s": round(after_s, 1), "during": during, "gone_after_s": round(gone_s, 1),
        "left_running": len(left), "then": "", "good": "no" if left or gone_s > WITHIN_S else "yes",
    }  # fmt: skip


def of_kind(tiny: Tiny, kind: str, rng: random.Random) -> list[psutil.Process]:
    """What is to be killed: all processes, or one whose command has the kind's word; none where there is none yet."""
    found = [each for each in tiny.processes() if KINDS[kind] in words_of(each)]
    if kind == "kernel":
        found = [each for each in found if FORKING in words_of(each, above=True)]
    return found if kind == "group" or not found else [rng.choice(found)]


def words_of(process: psutil.Process, above: bool = False) -> str:
    """The command of a process, or of the one above it; nothing once it has ended."""
    with suppress(psutil.Error):
        one = process.parent() if above else process
        return " ".join(one.cmdline()) if one else ""
    return ""


def seconds_until(there: Callable[[], bool]) -> float:
    """Seconds until there() is true, or a little more than WITHIN_S."""
    started = time.monotonic()
    while not there() and time.monotonic() - started <= WITHIN_S:
        time.sleep(0.1)
    return time.monotonic() - started
