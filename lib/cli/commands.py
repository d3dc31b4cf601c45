"""What `make` hands over to, inside .venv: python -m lib.cli.commands study CORPUS=esc50 ROOT=folder FOLD=1.

`study` checks every variable, tells what will be done and how long it may take, holds the study, and lets snakemake
run the notebooks. This process itself stays small: what needs torch runs in a process of its own that ends before.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lib import files
from lib.cli.bars import show
from lib.cli.bundle import bundle
from lib.cli.cluster import graph_words
from lib.cli.compiled import compile_once
from lib.cli.embed import embed
from lib.cli.environment import Stop, check_names, own_caches
from lib.cli.faults import faults
from lib.cli.lab import lab
from lib.cli.outcome import figures, table1, what_failed
from lib.cli.processes import apart, end_with_parent, interruptible, shown, stop, terminate_with_parent
from lib.cli.record import record
from lib.cli.repair import take_out_damaged
from lib.cli.unforeseen import in_one_line
from lib.display.screen import counted, minutes
from lib.files import PlainError, digests, runs

NOT_ASKED = ("JOBS", "THREADS", "PROFILE")  # of the run's making; the other variables are lib.study.Request's fields


def main(words: Sequence[str]) -> int:
    """Run a command with NAME=value words; the exit status."""
    command, *pairs = words or ["help"]
    actions = {
        "study": study, "record": record, "report": report, "explorer": explorer, "test": test, "lab": lab,
        "bench": bench, "data": data, "faults": faults, "embed": embed, "bundle": bundle,
    }  # fmt: skip
    try:
        if command not in actions:
            raise Stop(f"there is no command {command}; there are {', '.join(actions)}")
        given = variables(command, pairs)
        with in_one_line(command), files.room_for(files.home()):
            os.environ.update(own_caches(os.environ, files.cache() / "user"))
            compile_once()
            return actions[command](given)
    except (Stop, PlainError) as stop:
        print(f"make {command}: {stop}", file=sys.stderr)
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


# study


def study(given: Mapping[str, str]) -> int:
    """Run the whole study, or what of it is not done yet."""
    placed(given, whole_number("THREADS", given.get("THREADS", "")) or 1)  # what cannot be, before anything is made
    planned = apart(plan, given)
    where_jobs_run = placed(given, planned["threads"])
    if given.get("PROFILE"):
        planned["gpus"] = []  # there the scheduler gives a job its GPU
    elif planned["gpus"]:
        where_jobs_run += ["--resources", f"gpu={len(planned['gpus'])}"]
    folder = Path(planned["folder"])
    print(planned["told"], flush=True)
    with files.locked(folder / "study", f"the study {folder.name}", patience_s=0):
        print("".join(f"{line}\n" for line in take_out_damaged(folder)), end="", flush=True)
        digests.write_json(folder / "request.json", {"plan": planned})
        if given.get("PROFILE"):
            print(
                f"what the jobs say: {shown(folder)}/.snakemake/slurm_logs; the graph: logs/snakemake.txt", flush=True
            )
        elif not planned["finished"]:
            from lib.cli.estimate import told

            line, planned["slowest_first"] = apart(told, planned, int(where_jobs_run[1]) // planned["threads"])
            print(line, flush=True)
            digests.write_json(folder / "request.json", {"plan": planned})
        return run_graph(planned, where_jobs_run)


def plan(given: Mapping[str, str]) -> dict[str, Any]:
    """What follows from make's variables, as plain values for the Snakefile; Stop where one is wrong.

    Reads the corpus's table, so that a mistake in it is told before anything runs.
    """
    asked = request_of(given)
    from lib.cli.gpus import places
    from lib.controls import find
    from lib.encoders.training import device_of
    from lib.representations import names
    from lib.settings import SettingsError
    from lib.sounds.corpora.base import CorpusError
    from lib.study import Study, StudyError

    try:
        device_of(asked.device)
        wanted = Study.of(asked)
        corpus = wanted.read_corpus()
        for part in wanted.parts:
            check_fold(corpus, part.request.fold)
    except (SettingsError, CorpusError, StudyError, ValueError) as error:
        told = re.sub(r"^settings: controls\S* = ", "CONTROLS=", str(error))
        raise Stop(re.sub(r"^settings: ", "SET: ", told)) from None
    encoders = [part.checkpoint(name, seed) for part in wanted.parts for name in names() for seed in asked.seeds]
    return {
        "request": asked.model_dump(mode="json", exclude={"seeds", "part"}) | {"seeds": ",".join(map(str, asked.seeds))},
        "folder": str(wanted.folder), "figures": str(wanted.figures), "threads": wanted.settings.threads,
        "folds": [part.request.fold for part in wanted.parts] if asked.fold == "all" else [],
        "seeds": list(asked.seeds), "representations": list(names()), "corpus": corpus.hash,
        "finished": all((folder / "encoder.json").exists() for folder in encoders),
        "gpus": places(asked.device, lambda: bytes_of_training(wanted, corpus)),
        "control_jobs": [name for name in wanted.settings.controls if find(name).own_job],
        "told": in_words(wanted, corpus),
    }  # fmt: skip


def bytes_of_training(wanted: Any, corpus: Any) -> int:
    """Bytes of a GPU that one training takes: the sound of all clips, and what is left to the steps."""
    from lib.cli.estimate import chunks_of_clips
    from lib.encoders.feed import FOR_STEPS

    chunking = wanted.settings.chunking
    return FOR_STEPS + round(chunks_of_clips(corpus, chunking).sum() * chunking.rate_hz * chunking.length_s * 4)


def request_of(given: Mapping[str, str]) -> Any:
    """lib.study.Request from make's variables; Stop in one line with the variable's own name where one is wrong."""
    from pydantic import ValidationError

    from lib.settings import SettingsError
    from lib.study import Request

    values = {name.lower(): value for name, value in given.items() if name not in NOT_ASKED and value != ""}
    if values.get("root"):
        values["root"] = str(Path(values["root"]).expanduser().resolve())
    if whole_number("THREADS", given.get("THREADS", "")):
        values["set"] = f"{values.get('set', '')} threads={given['THREADS']}".strip()
    try:
        asked = Request(**values)
        _ = asked.overrides
    except ValidationError as error:
        first = error.errors()[0]
        raise Stop(
            f"{str(first['loc'][0]).upper()}={first['input']}: {first['msg'].removeprefix('Value error, ')}"
        ) from None
    except SettingsError as error:
        raise Stop(re.sub(r"^set: ", "SET: ", str(error))) from None
    return asked


def check_fold(corpus: Any, fold: int | str) -> None:
    """Stop unless `fold` can be the test fold of the corpus."""
    if corpus.folds and not fold:
        raise Stop(
            f"FOLD: {corpus.name} has the folds {', '.join(map(str, corpus.folds))}; name the one to test on, or all"
        )
    corpus.with_fold(fold)


def in_words(wanted: Any, corpus: Any) -> str:
    """What will be done, in a few lines."""
    asked = wanted.request
    folds = f"fold {asked.fold}, " if asked.fold else ""
    rejected = (
        f", {len(corpus.rejected)} left out before reading (tables/rejected.csv says why)"
        if len(corpus.rejected)
        else ""
    )
    tested = [corpus.with_fold(part.request.fold, wanted.settings.validation) for part in wanted.parts]
    sizes = (tested[0] if len(tested) == 1 else corpus).sizes
    return "\n".join([
        f"study {wanted.slug}: {counted(len(corpus.clips), 'clip')}{rejected}, {counted(len(corpus.classes), 'class')}",
        f"preset {asked.preset}, {folds}seeds {','.join(map(str, asked.seeds))}, device {asked.device}",
        f"results in {shown(wanted.folder)}, figures in {shown(wanted.figures)}",
        *sizes, *dict.fromkeys(f"note: {line}" for one in tested for line in one.remarks),
    ])  # fmt: skip


def whole_number(name: str, text: str) -> int:
    """The number from 1 in `text`, 0 where it is empty; Stop if it is something else."""
    if text and not re.fullmatch(r"[1-9]\d{0,3}", text):
        raise Stop(f"{name}={text}: a whole number from 1")
    return int(text or 0)


def placed(given: Mapping[str, str], threads: int) -> list[str]:
    """What snakemake is told of where jobs run: on so many cores of this machine, or by a cluster's profile."""
    jobs = given.get("JOBS", "")
    if given.get("PROFILE"):
        whole_number("JOBS", jobs)
        return graph_words(given["PROFILE"], jobs)
    return ["--cores", str(cores_to_use(jobs, threads))]


def cores_to_use(jobs: str, threads: int) -> int:
    """Cores for `jobs` notebooks at a time (empty: as many as fit, four at most); Stop if there are not so many."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = whole_number("JOBS", jobs) or max(1, min(4, there // threads))
    if wanted * threads > there:
        raise Stop(
            f"JOBS={wanted} with THREADS={threads} takes {wanted * threads} cores, and there are {there}: ask for less"
        )
    return wanted * threads


# The graph of notebooks


def run_graph(planned: Mapping[str, Any], where_jobs_run: Sequence[str]) -> int:
    """Let snakemake run what is not done; show Table 1, or what failed."""
    folder, started = Path(planned["folder"]), time.time()
    log = folder / "logs" / "snakemake.txt"
    status = snakemake(folder, where_jobs_run, log)
    if status:
        print(what_failed(folder, started, log), file=sys.stderr)
        return 1
    if "Nothing to be done" in log.read_text():
        print("nothing to do: all of it is there and up to date")
    else:
        print(f"done in {minutes(time.time() - started)}")
    print("\n" + table1(folder / "tables" / "table1.csv"))
    print("\n" + figures(Path(planned["figures"])))
    return 0


def snakemake(folder: Path, where_jobs_run: Sequence[str], log: Path) -> int:
    """Run the graph with the request in `folder`; its words go to `log`, what the notebooks say to the screen."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, "-m", "lib.cli.graph", str(os.getpid()), "--snakefile", str(files.PROJECT / "Snakefile"), "--directory", str(folder),
        "--configfile", str(folder / "request.json"), *where_jobs_run, "--nolock", "--rerun-incomplete",
    ]  # fmt: skip
    said = {"stdout": subprocess.PIPE, "text": True, "errors": "replace"} if sys.stdout.isatty() else {}
    with log.open("w") as words, interruptible():
        process = subprocess.Popen(command, stderr=words, start_new_session=True, env=with_lib(), **said)
        try:
            if process.stdout:
                show(process.stdout, sys.stdout)
            return process.wait()
        except KeyboardInterrupt:
            print("\nstopping", file=sys.stderr, flush=True)
            stop(process)
            raise


def with_lib() -> dict[str, str]:
    """The environment with this very lib first, from whatever folder a process starts."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(files.PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }


# report, explorer, test, bench


def report(given: Mapping[str, str]) -> int:
    """runs/<study>/report.html of a run, by default the newest finished one."""
    folder = runs.wanted(given.get("STUDY", ""))
    try:
        path, size = apart(write_report, folder)
    except PlainError as error:
        raise Stop(str(error)) from None
    print(f"{shown(path)} ({size / 1e6:.1f} MB): one file that opens from disk, without a network")
    return 0


def write_report(folder: Path) -> tuple[Path, int]:
    """The report's path and its bytes."""
    from lib.report.report import write

    path = write(folder)
    return path, path.stat().st_size


def explorer(given: Mapping[str, str]) -> int:
    """The explorer on a finished run, in the browser, until Ctrl-C."""
    from lib.cli.serving import serve

    return serve(runs.wanted(given.get("STUDY", ""), only_finished=True), given.get("PORT", ""))


def test(given: Mapping[str, str]) -> int:
    """All tests, on two processes where there are the cores: each holds torch, and more would not fit a laptop."""
    import shlex

    workers = min(2, os.cpu_count() or 1)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        str(workers),
        "--dist",
        "loadfile",
        *shlex.split(given.get("ARGS", "")),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    return subprocess.run(command, cwd=files.PROJECT, env=environment, preexec_fn=terminate_with_parent).returncode


PEERS = ("nnAudio==0.3.4",)  # what lib.cli.bench compares with and the study does not need


def bench(given: Mapping[str, str]) -> int:
    """Install the peers where they are missing, then the benchmark, in a process with the wanted threads."""
    needed = given.get("ONLY") not in ("step", "study", "cost")
    there = (
        not needed
        or subprocess.run([sys.executable, "-c", "import nnAudio.features"], capture_output=True).returncode == 0
    )
    if not there and subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", *PEERS]).returncode:
        raise Stop(f"{', '.join(PEERS)} could not be installed; pip's words stand above")
    threads = whole_number("THREADS", given.get("THREADS", "")) or min(2, os.cpu_count() or 1)
    words = [f"{name}={given[name]}" for name in ("ROOT", "ONLY") if given.get(name)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MPLBACKEND": "agg"}
    command = [sys.executable, "-m", "lib.cli.bench", f"THREADS={threads}", *words]
    return subprocess.run(command, cwd=files.PROJECT, env=environment, preexec_fn=terminate_with_parent).returncode


if __name__ == "__main__":
    if make := os.environ.pop("STUDY_MAKE", ""):
        end_with_parent(int(make))
        sys.exit(int(main(sys.argv[1:]) != 0))  # at any other status make adds a line of its own
    sys.exit(main(sys.argv[1:]))
