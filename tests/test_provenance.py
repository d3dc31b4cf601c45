"""What a study was run with: the commit of the project's folder, and whether it was changed; versions; the machine."""

import os
import subprocess

import numpy as np

from lib import files
from lib.study import provenance


def git(folder, *words):
    """git in a folder, whoever its user is."""
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", folder, *who, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_commit_is_that_of_the_project_with_a_plus_where_it_is_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PROJECT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.commit() == ""
    (tmp_path / "a").write_text("1")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-q", "-m", "one")
    git(tmp_path, "tag", "-a", "v1", "-m", "a name, which may be moved")
    short = git(tmp_path, "rev-parse", "HEAD")[:12]
    assert provenance.commit() == short
    (tmp_path / "a").write_text("2")
    assert provenance.commit() == f"{short}+"


def test_without_git_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.commit() == ""


def test_versions_are_those_that_run_and_a_library_that_is_not_there_is_absent(monkeypatch):
    monkeypatch.setattr(provenance, "LIBRARIES", ("numpy", "no-such-library"))
    assert provenance.versions() == {
        "python": provenance.platform.python_version(), "numpy": np.__version__, "no-such-library": "absent",
    }  # fmt: skip


def test_the_machine_is_told_without_its_name():
    about = provenance.machine()
    assert about.keys() == {"system", "processor", "cores"}
    assert about["processor"] and about["cores"] == os.cpu_count()
    assert provenance.platform.node() not in about["processor"]
