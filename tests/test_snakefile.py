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
from lib.cli.study import plan
from lib.files import PROJECT
from lib.study import Request


def dry_run(planned, folder, *more):
    """Titles of the notebooks that would run, and all of snakemake's words."""
    words = headless.dry_run(planned, folder, *more)
    return [title for title, *_ in headless.notebooks_of(words)], words


@pytest.fixture
def planned(home, small_corpus):
    return plan({"ROOT": str(small_corpus), "PRESET": "tiny", "SEEDS": "0,3"})


@pytest.fixture(scope="module")
def plain(shared_home, small_corpus):
    """A plain study of two seeds where another notebook ran before: its plan, and its dry run."""
    planned = plan({"ROOT": str(small_corpus), "PRESET": "tiny", "SEEDS": "0,3"})
    folder = shared_home / "plain"
    (folder / "tables").mkdir(parents=True)
    (folder / "tables" / "rejected.csv").write_text("path,clip,reason\n")
    return planned, *dry_run(planned, folder)


BESIDE = {"CONTROLS": "noise,shuffled,data2", "PEERS": "silero,crepe", "ROBUST": "gain,length"}  # all that are jobs


@pytest.fixture(scope="module")
def over_folds(shared_home, folds_corpus):
    """All folds with two seeds, and with all that stands beside the notebooks: its plan, and its dry run."""
    asked = {"CORPUS": "esc50", "ROOT": str(folds_corpus), "PRESET": "tiny", "FOLD": "all", "SEEDS": "0,3"}
    planned = plan(BESIDE | asked)
    return planned, *dry_run(planned, shared_home / "folds")


def test_a_plain_study(plain):
    planned, titles, words = plain
    encoders = [f"02_train_encoder {name}, seed {seed}" for name in planned["representations"] for seed in (0, 3)]
    others = ["01_representations", "03_subsets", "04_contributions", "05_paper_figures", "06_explorer"]
    assert Counter(titles) == Counter([*encoders, *others])
    assert '"seed": 3' in words
    assert '"seeds": "0,3"' in words


def test_notebook_1_waits_for_the_encoders_which_it_lets_be_heard(plain):
    planned, _, words = plain
    inputs = re.search(r"^rule representations:\n +input: (.*)$", words, re.MULTILINE)[1].split(", ")
    assert {f"scores/{name}-own-seed{seed}.npy" for name in planned["representations"] for seed in (0, 3)} <= {*inputs}


def test_every_job_has_numpy_on_the_threads_of_the_study_whatever_the_machine_has(plain, planned, tmp_path):
    one, two = plain[0]["threads"], 2
    planned["threads"] = two
    for threads, (titles, words) in ((one, plain[1:]), (two, dry_run(planned, tmp_path / "run"))):
        assert words.count("export PYTHONPATH=") == words.count(f" OMP_NUM_THREADS={threads}; ") == len(titles)
    assert one == 1


def test_notebooks_that_others_wait_for_have_every_core(plain):
    """Also the one beside which the explorer begins, so that it asks for no more of them than others do."""
    cores = re.findall(r"STUDY_CORES=(\d+) .* lib\.cli\.notebook \$PPID (\w+) ", plain[2])
    assert {title for number, title in cores if number == "2"} == {"03_subsets", "04_contributions"}
    assert {title for number, title in cores if number == "1"} == {
        "01_representations",
        "05_paper_figures",
        "06_explorer",
    }
    assert {"threads: 2"} == set(re.findall("threads: .*", plain[2])), "the subsets' alone"


def test_the_first_notebook_runs_even_where_others_ran_before_it(plain):
    """Every notebook writes rejected.csv; only the first writes what the graph waits for."""
    assert "01_representations" in plain[1]


def test_a_peer_starts_before_notebooks_that_are_ready_too_and_after_the_subsets(over_folds):
    of_rule = re.findall(r"^rule (\w+):\n((?: {4}.*\n)+)", over_folds[2], re.MULTILINE)
    found = {
        (rule, int(number)) for rule, job in of_rule for number in re.findall(r"^ +priority: (\d+)", job, re.MULTILINE)
    }
    assert {("peer", 1), ("subsets", 2)} <= found
    assert not {rule for rule, _ in found} & {"contributions", "paper_figures", "explorer", "table2", "robustness"}


def test_all_folds_train_and_score_each_and_then_summarise(over_folds):
    planned, titles, words = over_folds
    count = Counter(title.split()[0] for title in titles)
    for fold in (1, 2, 3):
        assert count[f"fold{fold}/02_train_encoder"] == 2 * len(planned["representations"])
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


def test_outputs_are_files_none_of_them_a_checkpoint_and_what_a_repair_takes_out_is_one(over_folds):
    """A folder would be emptied before its job; a table that is none of them would not be made again by being absent."""
    listed = ", ".join(re.findall(r"^    output: (.*)$", over_folds[2], re.MULTILINE)).split(", ")
    outputs = {re.sub(r"^fold\d/", "", output) for output in listed}
    assert {Path(output).suffix for output in outputs} == {".csv", ".npy", ".json"}
    assert {output.split("/")[0] for output in outputs} == {"tables", "scores", "logs"}
    assert {f"tables/{name}.csv" for name in repair.OUTPUTS} <= outputs
    assert {path for path in outputs if path.startswith("tables/")} <= {f"tables/{name}.csv" for name in repair.OUTPUTS}


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


@pytest.fixture(scope="module")
def with_controls(shared_home, small_corpus):
    """Controls, two of which train encoders: the plan, and what the dry run says."""
    asked = {"ROOT": str(small_corpus), "PRESET": "tiny", "CONTROLS": "noise,wide,shuffled", "SEEDS": "0,3"}
    planned = plan(asked)
    return planned, dry_run(planned, shared_home / "controls")[1]


def test_controls_concern_only_the_notebooks_that_run_and_read_them(with_controls):
    told = [line for line in with_controls[1].splitlines() if "-m lib.cli.notebook" in line]
    reading = [line for line in told if '"controls": "noise,wide,shuffled"' in line]
    assert len(told) == 13
    assert sorted(re.search(r"/(0\d)_", line).group(1) for line in reading) == ["03", "04"]


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


def test_controls_that_train_encoders_are_jobs_before_the_notebook_that_reads_them(with_controls):
    planned, words = with_controls
    assert planned["control_jobs"] == ["shuffled", "wide"]
    jobs = re.findall(r"-m lib\.cli\.control \$PPID '([^']*)' (\w+) (\d)", words)
    assert sorted(job[1:] for job in jobs) == [("shuffled", "0"), ("shuffled", "3"), ("wide", "0"), ("wide", "3")]
    assert {job[0] for job in jobs} == {f"control {name}, seed {seed}" for _, name, seed in jobs}
    assert re.search(r"rule subsets:\n    input: [^\n]*logs/control-shuffled-seed0.json", words)
    of_job = re.findall(
        r"^rule control:\n(?: {4}.*\n)*? {4}wildcards: .*control=(\w+).*\n {4}priority: ([\d.]+)", words, re.MULTILINE
    )
    first = {name: float(priority) for name, priority in of_job}
    assert 1 > first["shuffled"] > first["wide"] > 0  # four encoders, and one of twice the width


def test_every_job_beside_the_notebooks_is_given_a_request_that_it_can_read(over_folds, home, folds_corpus, tmp_path):
    of_one = plan(BESIDE | {"CORPUS": "esc50", "ROOT": str(folds_corpus), "PRESET": "tiny", "FOLD": "1"})
    for words in (over_folds[2], dry_run(of_one, tmp_path / "run")[1]):
        commands = [shlex.split(line) for line in words.splitlines() if "-m lib.cli.control" in line]
        titles = [command[command.index("$PPID") + 1].rpartition("/")[2] for command in commands]
        assert {title.split()[0] for title in titles} == {"control", "peer", "robustness"}
        given = [Request(**json.loads(command[command.index("2>") - 1])) for command in commands]
        assert all(one.root == str(folds_corpus) and one.fold in (1, 2, 3) for one in given)


def test_the_controls_of_folds_are_jobs_of_each_fold(over_folds):
    words = over_folds[2]
    jobs = re.findall(r"-m lib\.cli\.control \$PPID '(fold\d)/control shuffled, seed (\d)'", words)
    assert sorted(jobs) == [(f"fold{fold}", seed) for fold in (1, 2, 3) for seed in "03"]
    assert len(re.findall(r"/control shuffled, seed \d' .*\"fold\": [123], .*\"part\": true", words)) == 6


def test_without_a_gpu_nothing_is_asked_of_one(plain):
    planned, _, words = plain
    assert planned["gpus"] == []
    assert "STUDY_GPUS" not in words and "gpu=1" not in words


def test_jobs_that_train_take_a_place_on_a_gpu(planned, tmp_path):
    planned["gpus"] = [0, 1, 0, 1]
    _, words = dry_run(planned, tmp_path / "run", "--resources", "gpu=4")
    assert len(re.findall(r"gpu=1\b", words)) == len(planned["representations"]) * 2 + 1
    assert words.count(" STUDY_GPUS=0,1,0,1 ") == len(planned["representations"]) * 2 + 1
    planned["request"]["device"] = "cuda:1"  # what is named is taken, and nothing hidden from it
    _, words = dry_run(planned, tmp_path / "other", "--resources", "gpu=4")
    assert "STUDY_GPUS" not in words and "gpu=1" in words


def test_peers_are_jobs_of_each_fold_and_seed_and_change_no_other_job(over_folds):
    planned, _, words = over_folds
    assert planned["needs"] == ["silero_vad", "torchcrepe"]
    jobs = re.findall(r"-m lib\.cli\.control \$PPID '(fold\d/)peer (\w+), seed (\d)'", words)
    assert sorted(jobs) == [
        (f"fold{fold}/", peer, seed) for fold in (1, 2, 3) for peer in ("crepe", "silero") for seed in "03"
    ]
    told = [line for line in words.splitlines() if line.startswith("Shell command") or "lib.cli" in line]
    with_peers = {
        re.search(r"/(0\d)_", line).group(1) for line in told if of_peers(line) and "lib.cli.notebook" in line
    }
    assert with_peers == {"07"}
    by_jobs = {(of_peers(line), "peer " in line) for line in told if "lib.cli.control" in line}
    assert by_jobs == {("silero", True), ("crepe", True), ("", False)}  # the control's jobs know of none


def of_peers(line):
    """The peers that a job is told of."""
    found = re.search(r'"peers": "([\w,]*)"', line)
    return found.group(1) if found else ""


def test_without_peers_there_is_no_job_of_theirs_and_nothing_to_install(plain):
    planned, titles, words = plain
    assert (planned["peers"], planned["needs"]) == ({}, [])
    assert "peer" not in " ".join(titles) and "07_table2" not in titles
    assert "lib.cli.control" not in words
