"""The tiny study that is hurt: a home of its own, its processes, and what it must end in."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from lib import files
from lib.cli.environment import terminate_with_parent
from lib.cli.processes import in_subprocess, stop

Row = dict[str, str | int | float]
RUN = "planted-tiny"
CONTROLS = "noise,raw"  # cheap ones: one keeps scores alone, one keeps embeddings too
TIMES = "timing"  # the table that no two runs have in common


def make_corpus(folder: Path) -> Path:
    """A planted corpus of 40 clips below `folder`."""
    in_subprocess(_make_corpus, folder / "corpus")
    return folder / "corpus"


def _make_corpus(folder: Path) -> None:
    from lib.sounds.corpora.embedded import generate
    from lib.sounds.corpora.planted import Planted

    folder.parent.mkdir(parents=True, exist_ok=True)
    generate(folder, Planted(n_train=24, n_validation=4, n_test=12))


def _to_be_ended() -> None:
    """In a process that begins: Ctrl-C counts, also where this one ignores it, and it ends with its parent."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    terminate_with_parent()


@dataclass(frozen=True)
class Tiny:
    """A study in a home of its own."""

    home: Path
    corpus: Path

    @property
    def folder(self) -> Path:
        """Of the run."""
        return self.home / "runs" / RUN

    def begin(self, *more: str) -> subprocess.Popen:
        """`make study` with `more` variables, in a session of its own, which ends where this process does.

        Its output goes to a file beside its home, what it keeps for a while to a folder there: kernels that are killed
        leave some.
        """
        command = [
            sys.executable, "-m", "lib.cli.commands", "study", f"ROOT={self.corpus}", "PRESET=tiny", "DEVICE=cpu",
            f"CONTROLS={CONTROLS}", *more,
        ]  # fmt: skip
        for folder in (self.home, self.temporary):
            folder.mkdir(parents=True, exist_ok=True)
        own = {"STUDY_HOME": self.home, "TMPDIR": self.temporary, "PYTHONPATH": files.PROJECT}
        environment = os.environ | {name: str(folder) for name, folder in own.items()}
        with self.log.open("w") as log:
            return subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=files.PROJECT,
                start_new_session=True, preexec_fn=_to_be_ended,
            )  # fmt: skip

    @property
    def temporary(self) -> Path:
        """For what its processes keep for a while."""
        return self.home.with_name(f"{self.home.name}-tmp")

    @property
    def log(self) -> Path:
        """The output of the last call."""
        return self.home.with_name(f"{self.home.name}.txt")

    def run(self, *more: str) -> tuple[int, str]:
        """`make study` to its end: status and output."""
        process = self.begin(*more)
        try:
            return process.wait(), self.log.read_text()
        finally:  # it has a session of its own, so that Ctrl-C does not reach it
            stop(process)
            self.end()

    def end(self) -> None:
        """Kill what still works in this home."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def running(self) -> str:
        """The notebooks that are at work now, by the titles that were printed; empty before the first."""
        lines = self.log.read_text().splitlines()
        titles = [line for line in lines if re.fullmatch(r"\d\d_\w+( \w+, seed \d+)?", line)]
        ended = {line.split(" done in ")[0].split(" failed")[0] for line in lines if line not in titles}
        return "; ".join(title for title in titles if title not in ended)

    def processes(self) -> list[psutil.Process]:
        """Every process that works in this home."""
        return [process for process in psutil.process_iter() if self._mine(process)]

    def _mine(self, process: psutil.Process) -> bool:
        try:
            alive = process.status() != psutil.STATUS_ZOMBIE
            return alive and process.environ().get("STUDY_HOME") == str(self.home)
        except psutil.Error:
            return False

    def results(self) -> dict[str, str]:
        """Name -> key of the content of every table and score that holds no times."""
        found = [*self.folder.glob("tables/*.csv"), *self.folder.glob("scores/**/*.npy")]
        paths = sorted(path for path in found if path.stem != TIMES)
        return {str(path.relative_to(self.folder)): files.digest_of_file(path) for path in paths}

    def differing(self, expected: dict[str, str]) -> list[str]:
        """Names of results that are not as expected, are missing, or should not be there."""
        found = self.results()
        return sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
