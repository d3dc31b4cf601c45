"""The study on a SLURM of one node, started for the test: a killed job is sent again, and the scores are the same."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from faults.tiny import CONTROLS
from waiting import wait_until

from lib.cli.cluster import PLUGINS
from lib.cli.environment import Stop
from lib.cli.extras import need
from lib.files import PROJECT

SCRIPT = Path(__file__).with_name("cluster.sh")
KILLED = "train_timbre"
AFTER = {
    "subsets": "subsets",
    "contributions": "contributions",
    "explorer": "neighbours",
    "paper_figures": "table1",
}  # rule: a table of it


@pytest.fixture(scope="module")
def cluster():
    """The folder of a running SLURM; skipped where there is none to be started."""
    missing = [name for name in ("slurmctld", "slurmd", "munged", "sbatch") if not shutil.which(name)]
    if missing or os.geteuid():
        pytest.skip(f"needs root and Debian's slurm-wlm and munge; not here: {', '.join(missing) or 'root'}")
    try:
        need(PLUGINS["slurm"])
    except Stop as stop:
        pytest.skip(str(stop))
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)  # munge runs as a user of its own
        started = subprocess.run([SCRIPT, "start", folder], capture_output=True, text=True, check=False)
        if started.returncode == 3:
            pytest.skip(started.stderr.strip())
        assert started.returncode == 0, started.stdout + started.stderr
        yield Path(folder)
        subprocess.run([SCRIPT, "stop", folder], check=True)


def jobs():
    """Rule and state of each job that SLURM knows, by its number."""
    done = subprocess.run(["squeue", "-h", "-t", "all", "-o", "%i|%T|%k"], capture_output=True, text=True, check=True)
    return {number: (rule, state) for number, state, rule in (line.split("|") for line in done.stdout.splitlines())}


@pytest.fixture
def run(copy):
    """A study that lacks one encoder, and all that is made of every encoder."""
    name = KILLED.removeprefix("train_")
    shutil.rmtree(copy.folder / "checkpoints" / f"{name}-seed0")
    (copy.folder / "notebooks" / f"02_train_encoder-{name}-seed0.ipynb").unlink()
    for path in [path for path in (copy.folder / "scores").rglob("*") if path.is_file()]:
        if not path.name.endswith("-own-seed0.npy") or path.name.startswith(name):
            path.unlink()
    for table in AFTER.values():
        (copy.folder / "tables" / f"{table}.csv").unlink()
    return copy


@pytest.mark.slow
def test_a_killed_job_is_sent_again_and_the_results_are_those_without(cluster, finished, run):
    environment = {**os.environ, "STUDY_HOME": str(run.home), "OMP_NUM_THREADS": "1"}
    words = [f"ROOT={run.corpus}", "PRESET=tiny", "DEVICE=cpu", "PROFILE=slurm", "JOBS=3", f"CONTROLS={CONTROLS}"]
    command = [sys.executable, "-m", "lib.cli.commands", "study", *words]
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as process:  # fmt: skip
        notebook = run.folder / "notebooks" / f"02_train_encoder-{KILLED.removeprefix('train_')}-seed0.ipynb"
        wait_until(lambda: notebook.exists() or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        (killed,) = [number for number, (rule, state) in jobs().items() if KILLED in rule and state == "RUNNING"]
        subprocess.run(["scancel", killed], check=True)
        said, _ = process.communicate(timeout=3000)
    assert process.returncode == 0, said
    assert "Table 1" in said
    told = jobs()
    of_rule = {number: state for number, (rule, state) in told.items() if KILLED in rule}
    assert of_rule.pop(killed) == "CANCELLED"
    assert list(of_rule.values()) == ["COMPLETED"]
    completed = [rule for rule, state in told.values() if state == "COMPLETED"]
    assert [rule for rule in AFTER if not any(rule in each for each in completed)] == []
    expected = finished.results()
    assert len([name for name in expected if name.startswith("scores/")]) > 15
    assert run.differing(expected) == []
