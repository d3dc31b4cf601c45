"""make study: checks every variable, says what will be done and how long it may take, locks the study, runs its notebooks.

This process itself stays small: what needs torch runs in a process of its own that ends before.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from lib import files
from lib.cli.bars import show
from lib.cli.cluster import graph_options
from lib.cli.compiled import compile_once
from lib.cli.environment import Stop
from lib.cli.extras import need
from lib.cli.forking import NONE, VARIABLE, kernels
from lib.cli.outcome import figures, table1, what_failed
from lib.cli.processes import beside, in_subprocess, interruptible, prepended, stop
from lib.cli.repair import take_out_damaged
from lib.cli.values import whole_number
from lib.display.screen import counted, minutes, short_path
from lib.files import digests

FEW_TESTED = 5  # groups of test clips below which the other folds are pointed to
HOW_TO_RUN = ("JOBS", "THREADS", "PROFILE")  # the other variables are lib.study.Request's fields


def study(given: Mapping[str, str]) -> int:
    """Run the whole study, or what of it is not done yet."""
    placed(given, whole_number("THREADS", given.get("THREADS", ""), 1) or 1)  # what cannot be, before anything is made
    with beside() as other:
        planned = other.submit(plan, given).result()
        need(*planned["needs"])
        if planned["peers"]:
            in_subprocess(check_peers, planned["request"])  # one that begins after what they need was installed
        where_jobs_run = placed(given, planned["threads"])
        if given.get("PROFILE"):
            planned["gpus"] = []  # there the scheduler gives a job its GPU
        elif planned["gpus"]:
            where_jobs_run += ["--resources", f"gpu={len(planned['gpus'])}"]
        folder = Path(planned["folder"])
        print(planned["summary"], flush=True)
        compile_once()
        with (
            files.locked(folder / "study", f"the study {folder.name}", patience_s=0),
            kernels_for(planned, given) as found_by,
        ):
            print("".join(f"{line}\n" for line in take_out_damaged(folder)), end="", flush=True)
            digests.write_json(folder / "request.json", {"plan": planned})
            if given.get("PROFILE"):
                logs = f"{short_path(folder)}/.snakemake/slurm_logs"
                print(f"what the jobs say: {logs}; the graph: logs/snakemake.txt", flush=True)
            elif not planned["finished"]:
                jobs = int(where_jobs_run[1]) // planned["threads"]
                line, planned["slowest_first"] = other.submit(estimate, planned, jobs, bool(found_by)).result()
                print(line, flush=True)
                digests.write_json(folder / "request.json", {"plan": planned})
            other.shutdown()  # its memory is the notebooks'
            return run_graph(planned, where_jobs_run, found_by)


def kernels_for(planned: Mapping[str, Any], given: Mapping[str, str]) -> AbstractContextManager[dict[str, str]]:
    """The process that the notebooks' kernels are forked from, where there is one; the variable that it is found by."""
    elsewhere = given.get("PROFILE") or planned["gpus"] or sys.platform != "linux"
    if elsewhere or os.environ.get(VARIABLE) == NONE:
        return nullcontext({})
    return kernels(planned["threads"], at_once=not planned["finished"])


def estimate(planned: Mapping[str, Any], jobs: int, forked: bool) -> tuple[str, list[str]]:
    """lib.cli.estimate's, which is loaded where it runs: with it comes torch."""
    from lib.cli.estimate import estimate

    return estimate(planned, jobs, forked)


def plan(given: Mapping[str, str]) -> dict[str, Any]:
    """What follows from make's variables, as plain values for the Snakefile; Stop where one is wrong.

    Reads the corpus's table, so that a mistake in it is reported before anything runs.
    """
    request = request_of(given)
    from lib.cli.gpus import in_words, places
    from lib.controls import own_jobs, peers
    from lib.encoders.training import device_of
    from lib.representations import names
    from lib.settings import SettingsError
    from lib.sounds.corpora.base import CorpusError
    from lib.sounds.perturb import needs_of
    from lib.study import Study, StudyError

    try:
        device_of(request.device)
        study = Study.of(request)
        beside = peers.of_request(study)
        corpus = study.read_corpus()
        for part in study.parts:
            check_fold(corpus, part.request.fold)
        study.refuse_others(corpus)
    except (SettingsError, CorpusError, StudyError, ValueError) as error:
        message = re.sub(r"^settings: controls\S* = ", "CONTROLS=", str(error))
        raise Stop(re.sub(r"^settings: ", "SET: ", message)) from None
    encoders = [part.checkpoint(name, seed) for part in study.parts for name in names() for seed in request.seeds]
    seeds = ",".join(map(str, request.seeds))
    return {
        "request": request.model_dump(mode="json", exclude={"seeds", "part"}) | {"seeds": seeds},
        "folder": str(study.folder), "figures": str(study.figures), "threads": study.settings.threads,
        "folds": [part.request.fold for part in study.parts] if request.fold == "all" else [],
        "seeds": list(request.seeds), "representations": list(names()), "corpus": corpus.hash,
        "finished": all((folder / "encoder.json").exists() for folder in encoders),
        "gpus": places(request.device, lambda: bytes_of_training(study, corpus)),
        "control_jobs": own_jobs(study.settings.controls), "certainty": study.settings.scoring.level,
        "peers": {name: peer.word for name, peer in beside.items()},
        "robust": list(request.perturbations),
        "needs": [*(module for peer in beside.values() for module in peer.needs(study.settings)), *needs_of(request.perturbations)],
        "summary": summary(study, corpus, request.device if given.get("PROFILE") else in_words(request.device)),
    }  # fmt: skip


def check_peers(request: Mapping[str, Any]) -> None:
    """Load every peer once, so that missing weights are reported before anything runs."""
    from lib.controls import peers
    from lib.study import Request, Study

    study = Study.of(Request(**request))
    for peer in peers.of_request(study).values():
        peer.check(study.settings)


def bytes_of_training(study: Any, corpus: Any) -> int:
    """Bytes of a GPU that one training takes: the sound of all clips, and what is left to the steps."""
    from lib.cli.estimate import chunks_of_clips
    from lib.encoders.feed import FOR_STEPS

    chunking = study.settings.chunking
    return FOR_STEPS + round(chunks_of_clips(corpus, chunking).sum() * chunking.rate_hz * chunking.length_s * 4)


def request_of(given: Mapping[str, str]) -> Any:
    """lib.study.Request from make's variables; Stop in one line with the variable's own name where one is wrong."""
    from pydantic import ValidationError

    from lib.settings import SettingsError
    from lib.study import Request

    values = {name.lower(): value for name, value in given.items() if name not in HOW_TO_RUN and value != ""}
    if values.get("root"):
        values["root"] = str(files.followed(values["root"]))
        if re.search(r"[\udc80-\udcff]", values["root"]):
            raise Stop(f"ROOT={values['root']!r}: a name in this path is not written in UTF-8: rename it")
    if whole_number("THREADS", given.get("THREADS", ""), 1):
        values["set"] = f"{values.get('set', '')} threads={given['THREADS']}".strip()
    try:
        request = Request(**values)
        _ = request.overrides
    except ValidationError as error:
        first = error.errors()[0]
        reason = first["msg"].removeprefix("Value error, ")
        raise Stop(f"{str(first['loc'][0]).upper()}={first['input']}: {reason}") from None
    except SettingsError as error:
        raise Stop(re.sub(r"^set: ", "SET: ", str(error))) from None
    return request


def check_fold(corpus: Any, fold: int | str) -> None:
    """Stop unless `fold` can be the test fold of the corpus."""
    if corpus.folds and not fold:
        raise Stop(f"FOLD: {corpus.name} has the folds {corpus.named_folds}; name the one to test on, or all")
    corpus.with_fold(fold)


def summary(study: Any, corpus: Any, device: str) -> str:
    """What will be done, in a few lines."""
    from lib.sounds.corpora.base import in_lines
    from lib.sounds.corpora.rows import reasons

    request, left_out = study.request, len(corpus.rejected)
    fold = f"fold {request.fold}, " if request.fold else ""
    rejected = f", {left_out} left out ({reasons(corpus.rejected)}; all in tables/rejected.csv)" if left_out else ""
    tested = [corpus.with_fold(part.request.fold, study.settings.validation) for part in study.parts]
    notes = [*corpus.notes, *in_lines([one.doubts for one in tested])]
    n_groups = min(one.clips.loc[one.clips["role"] == "test", "group"].nunique() for one in tested)
    if request.fold != "all" and request.corpus == "table" and 1 < n_groups < FEW_TESTED:
        notes.append(
            f"{n_groups} groups are tested on, so intervals are wide and rough; FOLD=all tests every group once"
        )
    return "\n".join([
        f"study {study.slug}: {counted(len(corpus.clips), 'clip')}{rejected}, {counted(len(corpus.classes), 'class')}",
        f"preset {request.preset}, {fold}seeds {','.join(map(str, request.seeds))}, device {device}",
        f"results in {short_path(study.folder)}, figures in {short_path(study.figures)}",
        *(tested[0] if len(tested) == 1 else corpus).sizes, *dict.fromkeys(f"note: {line}" for line in notes),
    ])  # fmt: skip


def placed(given: Mapping[str, str], threads: int) -> list[str]:
    """snakemake's options for where jobs run: on so many cores of this machine, or by a cluster's profile."""
    jobs = given.get("JOBS", "")
    if given.get("PROFILE"):
        whole_number("JOBS", jobs, 1)
        return graph_options(given["PROFILE"], jobs)
    return ["--cores", str(cores_to_use(jobs, threads))]


def cores_to_use(jobs: str, threads: int) -> int:
    """Cores for `jobs` notebooks at a time (empty: as many as fit, four at most); Stop if there are not so many."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = whole_number("JOBS", jobs, 1) or max(1, min(4, there // threads))
    if wanted * threads > there:
        cores = f"{wanted * threads} cores, and there are {there}"
        raise Stop(f"JOBS={wanted} with THREADS={threads} takes {cores}: set one of them lower")
    return wanted * threads


# The graph of notebooks


def run_graph(planned: Mapping[str, Any], where_jobs_run: Sequence[str], environment: Mapping[str, str]) -> int:
    """Let snakemake run what is not done; show Table 1, or what failed."""
    folder, started = Path(planned["folder"]), time.time()
    log = folder / "logs" / "snakemake.txt"
    status = snakemake(folder, where_jobs_run, log, environment)
    if status:
        print(what_failed(folder, started, log), file=sys.stderr)
        return 1
    nothing = "Nothing to be done" in log.read_text()
    print(
        "nothing to do: all of it is there and up to date" if nothing else f"done in {minutes(time.time() - started)}"
    )
    print("\n" + table1(folder / "tables" / "table1.csv", planned["certainty"]))
    print("\n" + figures(Path(planned["figures"])))
    return 0


def snakemake(folder: Path, where_jobs_run: Sequence[str], log: Path, environment: Mapping[str, str]) -> int:
    """Run the graph with the request in `folder`; its messages go to `log`, those of the notebooks to the screen."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, "-m", "lib.cli.graph", str(os.getpid()), "--snakefile", str(files.PROJECT / "Snakefile"),
        "--directory", str(folder), "--configfile", str(folder / "request.json"), *where_jobs_run,
        "--nolock", "--rerun-incomplete",
    ]  # fmt: skip
    output = {"stdout": subprocess.PIPE, "text": True, "errors": "replace"} if sys.stdout.isatty() else {}
    with log.open("w") as messages, interruptible():
        environment = {**prepended(PYTHONPATH=files.PROJECT), **environment}
        process = subprocess.Popen(command, stderr=messages, start_new_session=True, env=environment, **output)
        try:
            if process.stdout:
                show(process.stdout, sys.stdout)
            return process.wait()
        except KeyboardInterrupt:
            print("\nstopping", file=sys.stderr, flush=True)
            stop(process)
            raise
