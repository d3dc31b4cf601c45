"""What `make` hands over to, inside .venv: python -m lib.cli.commands study CORPUS=esc50 ROOT=folder FOLD=1."""

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lib import files
from lib.cli.bundle import bundle
from lib.cli.compiled import compile_once
from lib.cli.embed import embed
from lib.cli.environment import Stop, check_names, own_caches
from lib.cli.extras import need, setup
from lib.cli.lab import lab
from lib.cli.processes import end_with_parent, in_subprocess, interrupts, prepended, run
from lib.cli.record import record
from lib.cli.study import study
from lib.cli.unforeseen import in_one_line
from lib.cli.values import whole_number
from lib.display.screen import short_path
from lib.files import PlainError, runs

TWO = min(2, os.cpu_count() or 1)  # processes of tests, threads of the benchmark
ROOM_GB = 12  # of memory, for one process of tests more


def main(words: Sequence[str]) -> int:
    """Run a command with NAME=value words; the exit status."""
    command, *pairs = words or ["help"]
    actions = {each.__name__: each for each in (
        setup, study, record, report, explorer, test, lab, bench, data, faults, embed, bundle,
    )}  # fmt: skip
    try:
        interrupts(heard=True)
        if command not in actions:
            raise Stop(f"there is no command {command}; there are {', '.join(actions)}")
        given = variables(command, pairs)
        with in_one_line(command), files.room_for(files.home()):
            os.environ.update(own_caches(os.environ, files.cache() / "user"))
            return actions[command](given)
    except (Stop, PlainError) as stop:
        print(f"make {command}: {files.without_controls(str(stop))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nmake {command}: stopped; the next call goes on from here", file=sys.stderr)
        return 130


def variables(command: str, pairs: Sequence[str]) -> dict[str, str]:
    """NAME=value words as a dictionary; Stop at an unknown name."""
    split = [pair.partition("=") for pair in pairs]
    check_names(command, [name for name, _, _ in split])
    return {name: value for name, _, value in split}


def data(given: Mapping[str, str]) -> int:
    """A corpus from the network."""
    from lib.cli.data import data

    return data(given)


# report, explorer, test, bench, faults


def report(given: Mapping[str, str]) -> int:
    """runs/<study>/report.html of a run, by default the newest finished one."""
    folder = runs.wanted(given.get("STUDY", ""))
    compile_once()
    path = in_subprocess(write_report, folder)
    print(f"{short_path(path)} ({path.stat().st_size / 1e6:.1f} MB): one file that opens from disk, without a network")
    return 0


def write_report(folder: Path) -> Path:
    """Write the report of a run; its path."""
    from lib.report.report import write

    return write(folder)


def explorer(given: Mapping[str, str]) -> int:
    """The explorer on a finished run, in the browser, until Ctrl-C."""
    from lib.cli.serving import serve

    return serve(runs.wanted(given.get("STUDY", ""), only_finished=True), given.get("PORT", ""))


def test(given: Mapping[str, str]) -> int:
    """All tests; on how many processes follows from the machine."""
    compile_once()
    by_file = ["--dist", "loadfile", "--no-loadscope-reorder"]  # in the order of tests/conftest.py
    words = ["-n", str(processes_of_tests()), *by_file, *shlex.split(given.get("ARGS", ""))]
    return run([sys.executable, "-m", "pytest", *words], OMP_NUM_THREADS="1", MPLBACKEND="agg")


def processes_of_tests() -> int:
    """One for a core, two at most, as each holds torch; where there is the memory one more, since tests also wait."""
    memory_gb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    return TWO + (TWO > 1 and memory_gb > ROOM_GB)


def bench(given: Mapping[str, str]) -> int:
    """The benchmark, in a process with the wanted threads."""
    if given.get("ONLY") not in ("step", "study", "cost"):
        need("nnAudio")
    threads = str(whole_number("THREADS", given.get("THREADS", ""), 1) or TWO)
    compile_once()
    words = [f"THREADS={threads}", *(f"{name}={given[name]}" for name in ("ROOT", "ONLY") if given.get(name))]
    return from_tests("bench", words, OMP_NUM_THREADS=threads)


def faults(given: Mapping[str, str]) -> int:
    """Kills, full disks and damaged files over a tiny study."""
    seed, n = (whole_number(name, given.get(name, "")) for name in ("SEED", "N"))
    compile_once()
    return from_tests("faults", [f"{name}={value}" for name, value in (("SEED", seed), ("N", n)) if value is not None])


def from_tests(package: str, words: Sequence[str], **environment: str) -> int:
    """A package of tests/ as a command: what tries the study is not a part of it."""
    environment["PYTHONPATH"] = prepended(PYTHONPATH=files.PROJECT / "tests")["PYTHONPATH"]
    return run([sys.executable, "-m", package, *words], MPLBACKEND="agg", **environment)


if __name__ == "__main__":
    if make := os.environ.pop("STUDY_MAKE", ""):
        end_with_parent(int(make))
    status = main(sys.argv[1:])
    interrupts(heard=False)
    sys.exit(int(status != 0) if make else status)  # at any other status make adds a line of its own
