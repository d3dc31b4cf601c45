"""PROFILE: which profile is meant, what snakemake is told, and what a job's end means."""

import re

import pytest
import yaml

from lib.cli import cluster, extras
from lib.cli.cluster import ended_by_scheduler, graph_options, profile_folder
from lib.cli.environment import Stop
from lib.files import PROJECT
from lib.representations import names


@pytest.fixture
def with_slurm(monkeypatch, tmp_path):
    """A machine where jobs are submitted, which keeps accounts or not."""
    for name, status in (("sbatch", 0), ("sacct", 1)):
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {status}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(cluster, "need", lambda *modules: None)
    return tmp_path


def test_the_projects_own_profile_and_what_snakemake_is_told(with_slurm):
    folder = str(PROJECT / "profiles" / "slurm")
    assert graph_options("slurm", "") == ["--profile", folder, "--slurm-status-command", "squeue"]
    (with_slurm / "sacct").write_text("#!/bin/sh\nexit 0\n")
    assert graph_options("slurm", "5") == ["--profile", folder, "--jobs", "5"]


def test_a_profile_of_ones_own(with_slurm, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.yaml").write_text("executor: local\ncores: 2\n")
    assert graph_options(str(tmp_path / "mine"), "") == ["--profile", str(tmp_path / "mine")]


def test_a_profile_that_there_is_not_is_one_line_with_those_there_are():
    with pytest.raises(Stop, match="PROFILE=slurn: there is no such profile; there are slurm"):
        profile_folder("slurn")


def test_where_no_job_can_be_submitted_it_is_said_before_anything_is_made(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Stop, match="there is no sbatch here"):
        graph_options("slurm", "")


def test_a_plugin_that_cannot_be_installed_is_one_line(monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setitem(extras.EXTRAS, "no_such_plugin", "no-such-plugin==1")
    with pytest.raises(Stop, match="no-such-plugin==1 could not be installed"):
        extras.need("json", "no_such_plugin")


def test_every_rule_that_the_profile_names_is_one_of_the_graph():
    profile = yaml.safe_load((PROJECT / "profiles" / "slurm" / "config.yaml").read_text())
    rules = set(re.findall(r"^rule (\w+):", (PROJECT / "Snakefile").read_text(), re.MULTILINE))
    rules |= {f"train_{name}" for name in names()}
    assert set(profile["set-resources"]) | set(profile["set-threads"]) <= rules
    assert {f"train_{name}" for name in names()} <= set(profile["set-resources"])
    assert all(each.get("gpu") == 1 for rule, each in profile["set-resources"].items() if rule.startswith("train_"))


def test_what_the_scheduler_ended_for_good_is_said_with_its_own_word():
    def error(rule, number, state, job):
        told = f"SLURM-job '{number}' failed, SLURM status is: '{state}'. See the log"
        return (
            f"[Sat Nov 28 14:03:26 2026]\nError in rule {rule}:\n    message: {told}\n    jobid: {job}\n    input: a\n"
        )

    again = "Trying to restart job 2.\n"
    words = error("train_pitch", 17, "OUT_OF_MEMORY", 2) + again + error("train_timbre", 18, "TIMEOUT", 3)
    assert ended_by_scheduler(words) == ["train_timbre: SLURM ended its job 18 (TIMEOUT)"]
    for number in (19, 20):
        words += error("train_pitch", number, "OUT_OF_MEMORY", 2) + (again if number == 19 else "")
    assert "train_pitch: SLURM ended its job 20 (OUT_OF_MEMORY)" in ended_by_scheduler(words)
    assert len(ended_by_scheduler(words)) == 2
    assert ended_by_scheduler(error("subsets", 21, "FAILED", 4)) == ended_by_scheduler("") == []
