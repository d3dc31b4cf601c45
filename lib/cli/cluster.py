"""make study PROFILE=slurm: the notebooks as jobs of a cluster, by a profile in profiles/ and Snakemake's own executor."""

import re
import shutil
import subprocess
from pathlib import Path

import yaml

from lib import files
from lib.cli.environment import Stop
from lib.cli.extras import need

PROFILES = files.PROJECT / "profiles"
PLUGINS = {"slurm": "snakemake_executor_plugin_slurm"}
SUBMITS = {"slurm": "sbatch"}


def graph_options(profile: str, jobs: str) -> list[str]:
    """snakemake's options so that jobs run by the profile, `jobs` of them at a time where a number is given.

    Installs the profile's executor where it is missing. Stop where there is no such profile, or no such cluster.
    """
    folder = profile_folder(profile)
    executor = str((yaml.safe_load((folder / "config.yaml").read_text()) or {}).get("executor", ""))
    if executor in SUBMITS and not shutil.which(SUBMITS[executor]):
        raise Stop(f"PROFILE={profile}: there is no {SUBMITS[executor]} here: run this where jobs are submitted from")
    if executor in PLUGINS:
        need(PLUGINS[executor])
    at_once = ["--jobs", jobs] if jobs else []
    return ["--profile", str(folder), *at_once, *(status_options() if executor == "slurm" else [])]


def profile_folder(profile: str) -> Path:
    """The folder of a profile, by its name in profiles/ or by its path."""
    for folder in (PROFILES / profile, files.expanded(profile)):
        if (folder / "config.yaml").is_file():
            return folder.resolve()
    there = ", ".join(sorted(path.parent.name for path in PROFILES.glob("*/config.yaml")))
    raise Stop(f"PROFILE={profile}: there is no such profile; there are {there}, or give a folder with a config.yaml")


def status_options() -> list[str]:
    """Ask squeue for the state of jobs where SLURM keeps no accounts: sacct would fail, and be waited for without end."""
    accounts = shutil.which("sacct") and subprocess.run(["sacct", "-n", "-X"], capture_output=True).returncode == 0
    return [] if accounts else ["--slurm-status-command", "squeue"]


def ended_by_scheduler(log: str) -> list[str]:
    """By snakemake's log, a line for each job that the scheduler ended for good: its rule, and SLURM's name for why."""
    ended = r"Error in rule (\w+):\n\s*message: SLURM-job '(\d+)' failed, SLURM status is: '(?!FAILED)(\w+)'.*\n\s*jobid: (\d+)"
    lines: dict[str, str] = {}
    for rule, number, state, job, again in re.findall(rf"{ended}|Trying to restart job (\d+)", log):
        lines[job or again] = "" if again else f"{rule}: SLURM ended its job {number} ({state})"
    return list(filter(None, lines.values()))
