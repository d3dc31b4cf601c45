"""The graph: which notebooks run for which request (nothing is run here)."""

import json
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import headless
import pytest

from lib.cli import repair
from lib.cli.commands import plan
from lib.files import PROJECT
from lib.study import Request


def dry_run(planned, folder, *more):
    """Titles of the notebooks that would run, and all of snakemake's words."""
    words = headless.dry_run(planned, folder, *more)
    return [title for title, *_ in headless.notebooks_of(words)], words


@pytest.fixture
def planned(home, small_corpus):
    return plan({"ROOT": str(small_corpus), "PRESET": "tiny", "SEEDS": "0,3"})


def test_a_plain_study(planned, tmp_path):
    titles, words = dry_run(planned, tmp_path / "run")
    encoders = [f"02_train_encoder {name}, seed {seed}" for name in planned["representations"] for seed in (0, 3)]
    others = ["01_representations", "03_subsets", "04_contributions", "05_paper_figures", "06_explorer"]
    assert Counter(titles) == Counter([*encoders, *others])
    assert '"seed": 3' in words
    assert '"seeds": "0,3"' in words


@pytest.mark.parametrize("threads", [1, 2])
def test_every_job_has_numpy_on_the_threads_of_the_study_whatever_the_machine_has(planned, tmp_path, threads):
    planned["threads"] = threads
    titles, words = dry_run(planned, tmp_path / "run")
    assert words.count("export PYTHONPATH=") == words.count(f" OMP_NUM_THREADS={threads}; ") == len(titles)


def test_the_first_notebook_runs_even_where_others_ran_before_it(planned, tmp_path):
    """Every notebook writes rejected.csv; only the first writes what the graph waits for."""
    (tmp_path / "run" / "tables").mkdir(parents=True)
    (tmp_path / "run" / "tables" / "rejected.csv").write_text("path,clip,reason\n")
    assert "01_representations" in dry_run(planned, tmp_path / "run")[0]


def test_all_folds_train_and_score_each_and_then_summarise(home, folds_corpus, tmp_path):
    planned = plan({"CORPUS": "esc50", "ROOT": str(folds_corpus), "PRESET": "tiny", "FOLD": "all"})
    titles, words = dry_run(planned, tmp_path / "run")
    count = Counter(title.split()[0] for title in titles)
    for fold in (1, 2, 3):
        assert count[f"fold{fold}/02_train_encoder"] == len(planned["representations"])
        assert count[f"fold{fold}/03_subsets"] == 1
        assert f'"fold": {fold}, ' in words
    assert (
        count["03_subsets"]
        == count["04_contributions"]
        == count["05_paper_figures"]
        == count["01_representations"]
        == count["06_explorer"]
        == 1
    )
    assert '"fold": "all"' in words
    assert '"part": true' in words


def test_one_fold_is_a_plain_study(home, folds_corpus, tmp_path):
    titles, words = dry_run(
        plan({"CORPUS": "esc50", "ROOT": str(folds_corpus), "PRESET": "tiny", "FOLD": "2"}), tmp_path / "run"
    )
    assert not [title for title in titles if title.startswith("fold")]
    assert '"fold": 2, ' in words


def test_roots_with_blanks_and_quotes_reach_the_notebook(planned, tmp_path):
    planned["request"]["root"] = "/a b/it's"
    _, words = dry_run(planned, tmp_path / "run")
    assert "/a b/it" in words


def test_outputs_are_files_none_of_them_a_checkpoint_and_what_a_repair_takes_out_is_one(planned, tmp_path):
    """A folder would be emptied before its job; a table that is none of them would not be made again by being absent."""
    _, words = dry_run(planned | {"peers": {"random": "random"}}, tmp_path / "run")
    outputs = set(", ".join(re.findall(r"^    output: (.*)$", words, re.MULTILINE)).split(", "))
    assert {Path(output).suffix for output in outputs} == {".csv", ".npy", ".json"}
    assert {output.split("/")[0] for output in outputs} == {"tables", "scores", "logs"}
    assert {f"tables/{name}.csv" for name in repair.OUTPUTS} <= outputs


def test_by_hand_with_the_requests_own_names(home, small_corpus):
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "-n",
        "--snakefile",
        PROJECT / "Snakefile",
        "--cores",
        "1",
        "--config",
    ]
    asked = ["corpus=planted", f"root={small_corpus}", "preset=tiny"]
    done = subprocess.run(list(map(str, [*command, *asked])), cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "train_encoder" in done.stdout + done.stderr
    wrong = subprocess.run(
        list(map(str, [*command, "corpse=x"])), cwd=home, capture_output=True, text=True, check=False
    )
    assert wrong.returncode != 0
    assert "there is no variable CORPSE" in wrong.stdout + wrong.stderr


def test_controls_concern_only_the_notebooks_that_run_and_read_them(home, small_corpus, tmp_path):
    planned = plan({"ROOT": str(small_corpus), "PRESET": "tiny", "CONTROLS": "noise,untrained"})
    _, words = dry_run(planned, tmp_path / "run")
    told = [line for line in words.splitlines() if "-m lib.cli.notebook" in line]
    with_controls = [line for line in told if '"controls": "noise,untrained"' in line]
    assert len(told) == 9
    assert sorted(re.search(r"/(0\d)_", line).group(1) for line in with_controls) == ["03", "04"]


HOSTILE = "so unds 'a' \"b\" {x} {{y}} $HOME $(touch no) `touch no`; touch no & ü\nline"


def test_a_root_of_any_name_reaches_every_notebook_as_it_is(home, small_corpus, tmp_path):
    (tmp_path / HOSTILE).symlink_to(small_corpus)
    planned = plan({"ROOT": str(small_corpus), "PRESET": "tiny"})
    planned["request"]["root"] = str(tmp_path / HOSTILE)  # plan itself would follow the link
    _, words = dry_run(planned, tmp_path / "run")
    commands = re.findall(r"^Shell command: (export PYTHONPATH=.*)$", words, re.MULTILINE)
    assert len(commands) == len(planned["representations"]) + 5
    for command in commands:
        parts = shlex.split(command)
        given = json.loads(parts[parts.index("-y") + 1])
        assert given["root"] == str(tmp_path / HOSTILE)


def test_controls_that_train_encoders_are_jobs_before_the_notebook_that_reads_them(home, small_corpus, tmp_path):
    planned = plan({"ROOT": str(small_corpus), "PRESET": "tiny", "CONTROLS": "noise,shuffled,wide", "SEEDS": "0,3"})
    assert planned["control_jobs"] == ["shuffled", "wide"]
    _, words = dry_run(planned, tmp_path / "run")
    jobs = re.findall(r"-m lib\.cli\.control \$PPID '([^']*)' (\w+) (\d)", words)
    assert sorted(job[1:] for job in jobs) == [("shuffled", "0"), ("shuffled", "3"), ("wide", "0"), ("wide", "3")]
    assert {job[0] for job in jobs} == {f"control {name}, seed {seed}" for _, name, seed in jobs}
    assert re.search(r"rule subsets:\n    input: [^\n]*logs/control-shuffled-seed0.json", words)


@pytest.mark.parametrize(
    "asked", [{"CONTROLS": "noise,shuffled,data2"}, {"PEERS": "silero"}, {"ROBUST": "gain,length"}]
)
@pytest.mark.parametrize("fold", ["1", "all"])
def test_every_job_beside_the_notebooks_is_given_a_request_that_it_can_read(home, folds_corpus, tmp_path, asked, fold):
    of = {"CORPUS": "esc50", "ROOT": str(folds_corpus), "PRESET": "tiny", "FOLD": fold}
    _, words = dry_run(plan(of | asked), tmp_path / "run")
    commands = [shlex.split(line) for line in words.splitlines() if "-m lib.cli.control" in line]
    given = [Request(**json.loads(command[command.index("2>") - 1])) for command in commands]
    assert given and all(one.root == str(folds_corpus) and one.fold in (1, 2, 3) for one in given)


def test_the_controls_of_folds_are_jobs_of_each_fold(home, folds_corpus, tmp_path):
    asked = {"CORPUS": "esc50", "ROOT": str(folds_corpus), "PRESET": "tiny", "FOLD": "all", "CONTROLS": "shuffled"}
    _, words = dry_run(plan(asked), tmp_path / "run")
    assert len(re.findall(r"-m lib\.cli\.control", words)) == 3
    assert len(re.findall(r'lib\.cli\.control .*"fold": [123], .*"part": true', words)) == 3


def test_without_a_gpu_nothing_is_asked_of_one(planned, tmp_path):
    assert planned["gpus"] == []
    _, words = dry_run(planned, tmp_path / "run")
    assert "STUDY_GPUS" not in words and "gpu=1" not in words


def test_jobs_that_train_take_a_place_on_a_gpu(planned, tmp_path):
    planned["gpus"] = [0, 1, 0, 1]
    _, words = dry_run(planned, tmp_path / "run", "--resources", "gpu=4")
    assert len(re.findall(r"gpu=1\b", words)) == len(planned["representations"]) * 2 + 1
    assert words.count(" STUDY_GPUS=0,1,0,1 ") == len(planned["representations"]) * 2 + 1
    planned["request"]["device"] = "cuda:1"  # what is named is taken, and nothing hidden from it
    _, words = dry_run(planned, tmp_path / "other", "--resources", "gpu=4")
    assert "STUDY_GPUS" not in words and "gpu=1" in words


def test_peers_are_jobs_of_each_fold_and_seed_and_change_no_other_job(home, folds_corpus, tmp_path):
    asked = {"CORPUS": "esc50", "ROOT": str(folds_corpus), "PRESET": "tiny", "FOLD": "all", "SEEDS": "0,3"}
    planned = plan({**asked, "PEERS": "silero,crepe"})
    assert planned["needs"] == ["silero_vad", "torchcrepe"]
    _, words = dry_run(planned, tmp_path / "run")
    jobs = re.findall(r"-m lib\.cli\.control \$PPID '(fold\d/)peer (\w+), seed (\d)'", words)
    assert sorted(jobs) == [
        (f"fold{fold}/", peer, seed) for fold in (1, 2, 3) for peer in ("crepe", "silero") for seed in "03"
    ]
    told = [line for line in words.splitlines() if line.startswith("Shell command") or "lib.cli" in line]
    with_peers = {
        re.search(r"/(0\d)_", line).group(1)
        for line in told
        if "lib.cli.notebook" in line and '"peers": "silero,crepe"' in line
    }
    assert with_peers == {"07"}
    assert {re.search(r'"peers": "(\w+)"', line).group(1) for line in told if "lib.cli.control" in line} == {
        "silero",
        "crepe",
    }


def test_without_peers_there_is_no_job_of_theirs_and_nothing_to_install(planned, tmp_path):
    assert (planned["peers"], planned["needs"]) == ({}, [])
    titles, words = dry_run(planned, tmp_path / "run")
    assert "peer" not in " ".join(titles) and "07_table2" not in titles
    assert "lib.cli.control" not in words
