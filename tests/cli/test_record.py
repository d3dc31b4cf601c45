"""make record: every table of a run, what it was made from, nothing of the machine."""

import gzip
import json
import socket
from pathlib import Path

import made_up
import numpy as np
import pandas as pd
import pytest

from lib.cli import record
from lib.cli.commands import main
from lib.cli.environment import Stop
from lib.files import digests


@pytest.fixture
def run(home, monkeypatch):
    """A made-up run of one fold whose request and rejected clips name folders of this machine."""
    study = made_up.finished(home, monkeypatch, fold=1, seeds="0")
    reason = f"{home}/my sounds/a.wav and /far/away/b.wav cannot be read; https://x.org/y is fine"
    study.write_table("rejected", [{"path": "/far/away/a.wav", "clip": "a", "reason": reason}])
    path = study.folder / "request.json"
    asked = json.loads(path.read_text())
    asked["plan"]["request"]["root"] = f"{home}/my sounds"
    digests.write_json(path, asked)
    return study


def kept(run):
    return run.figures.parent / "record" / run.slug


def test_every_table_of_a_run_is_kept_with_what_it_was_made_from(run, capsys):
    assert main(["record", f"STUDY={run.slug}"]) == 0
    there = {path.name for path in (run.folder / "tables").glob("*.csv")}
    assert {"subsets.csv", "simultaneous.csv", "owned.csv", "rejected.csv"} <= there
    assert {path.name for path in (kept(run) / "tables").iterdir()} == there
    for name in there - {"rejected.csv"}:
        assert (kept(run) / "tables" / name).read_bytes() == (run.folder / "tables" / name).read_bytes()
    assert (kept(run) / "table1.svg").read_bytes() == (run.figures / "table1.svg").read_bytes()
    assert {path.name for path in kept(run).parent.glob("overview.*")} == {
        f"overview.{kind}" for kind in ("pdf", "svg", "png")
    }
    made_from = json.loads((kept(run) / "study.json").read_text())
    assert made_from["make"] == "make study CORPUS=esc50 ROOT='path/to/my sounds' PRESET=tiny FOLD=1 SEEDS=0"
    assert made_from["corpus_hash"] == "0123456789abcdef"
    assert made_from["seeds"] == [0] and made_from["settings"]["body"]["width"] == 64 and made_from["versions"]["torch"]
    assert set(made_from["machine"]) <= {"system", "processor", "cores"}


@pytest.mark.usefixtures("no_overview")
def test_nothing_of_the_machine_is_kept(run, home):
    assert main(["record", f"STUDY={run.slug}"]) == 0
    rejected = pd.read_csv(kept(run) / "tables" / "rejected.csv").iloc[0]
    assert rejected["path"] == "a.wav"
    assert rejected["reason"] == "a.wav and b.wav cannot be read; https://x.org/y is fine"
    texts = [path.read_text() for path in kept(run).rglob("*") if path.suffix in record.TEXTS]
    assert len(texts) > 10
    assert not any(str(home) in text or socket.gethostname() in text for text in texts)


@pytest.mark.usefixtures("no_overview")
def test_recording_twice_gives_the_same_bytes_and_leaves_nothing_of_before(run):
    first = record.contents(run.slug)
    assert record.contents(run.slug) == first
    (kept(run)).mkdir(parents=True)
    (kept(run) / "old.csv").write_text("1")
    assert main(["record", f"STUDY={run.slug}"]) == 0
    assert {path.relative_to(kept(run)).as_posix() for path in kept(run).rglob("*") if path.is_file()} == set(
        map(str, first)
    )


@pytest.mark.usefixtures("no_overview")
def test_a_table_over_1_mb_is_compressed(run):
    large = pd.DataFrame({"value": np.arange(400_000) % 1000})
    run.write_table("curves", large)
    assert main(["record", f"STUDY={run.slug}"]) == 0
    assert not (kept(run) / "tables" / "curves.csv").exists()
    content = (kept(run) / "tables" / "curves.csv.gz").read_bytes()
    assert len(content) < 10**6
    assert gzip.decompress(content) == (run.folder / "tables" / "curves.csv").read_bytes()


@pytest.mark.parametrize(("place", "name", "told"), [
    ("figures", "b.png", "b.png has 1.2 MB"), ("tables", "subsets.csv", "tables/subsets.csv.gz has 1."),
    ("figures", "c.svg", "c.svg names a folder of this machine"),
])  # fmt: skip
@pytest.mark.usefixtures("no_overview")
def test_what_may_not_be_kept_is_refused_and_the_record_of_before_stays(run, home, capsys, place, name, told):
    assert main(["record", f"STUDY={run.slug}"]) == 0
    before = record.contents(run.slug)
    noise = np.random.default_rng(0).random(160_000)
    content = {
        "b.png": b"x" * 1_200_000, "subsets.csv": "\n".join(["value", *map(str, noise)]).encode(),
        "c.svg": f"<svg>{home}/figures</svg>".encode(),
    }[name]  # fmt: skip
    with digests.sealed((run.figures if place == "figures" else run.folder / "tables") / name) as temporary:
        temporary.write_bytes(content)
    capsys.readouterr()
    assert main(["record", f"STUDY={run.slug}"]) == 2
    assert told in capsys.readouterr().err
    assert {path: (kept(run) / path).read_bytes() for path in before} == before


@pytest.mark.usefixtures("no_overview")
def test_a_run_over_folds_has_the_clips_that_its_folds_rejected_once_and_their_common_provenance(home, monkeypatch):
    study = made_up.finished(home, monkeypatch)
    found = record.contents(study.slug)
    rejected = found[record.PurePosixPath("tables/rejected.csv")].decode()
    assert rejected == "path,clip,reason\na.wav,a,no sound in it\n"
    made_from = json.loads(found[record.PurePosixPath("study.json")])
    assert made_from["fold"] == "all" and made_from["seeds"] == [0, 1]
    assert made_from["make"] == "make study CORPUS=esc50 PRESET=tiny FOLD=all SEEDS=0,1"


def test_a_table_that_was_changed_by_hand_is_refused(run):
    with (run.folder / "tables" / "subsets.csv").open("a") as file:
        file.write("\n")
    with pytest.raises(
        digests.Damaged, match=r"tables/subsets.csv is damaged, or was changed since it was written: make"
    ):
        record.contents(run.slug)


@pytest.mark.usefixtures("no_overview")
def test_what_faults_found_is_kept_as_it_is(home, capsys):
    assert main(["record", "STUDY=faults"]) == 2
    assert "there is nothing to record: make faults makes it" in capsys.readouterr().err
    (home / "figures" / "faults").mkdir(parents=True)
    (home / "figures" / "faults" / "kills.csv").write_text("number,good\n1,yes\n")
    assert main(["record", "STUDY=faults"]) == 0
    assert (home / "figures" / "record" / "faults" / "tables" / "kills.csv").read_text() == "number,good\n1,yes\n"


def test_a_run_without_provenance_is_refused(run):
    (run.folder / "study.json").unlink()
    with pytest.raises(Stop, match=r"has no study.json"):
        record.contents(run.slug)


def test_of_several_seeds_and_folds_the_first_one_s_pictures_are_kept():
    names = ["table1.png", "02_pitch_seed1_loss.png", "02_pitch_seed2_loss.png", "02_pitch_seed10_loss.png"]
    of_folds = [f"run/fold{fold}/{name}" for fold in (2, 3, 10) for name in names]
    kept = record.of_first([*map(Path, names), *map(Path, of_folds)])
    assert [path.as_posix() for path in kept] == [*names[:2], *of_folds[:2]]
