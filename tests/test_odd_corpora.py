"""Corpora that nobody designed reach the report: few clips, one class, one group, many classes, labels of any look."""

import os
import subprocess
import sys

import headless
import numpy as np
import pandas as pd
import pytest
import soundfile

from lib.display import figures
from lib.files import PROJECT
from lib.report import report

pytestmark = pytest.mark.slow
LOOKS = (
    "0", "1", "01", "True", "False", "nan", "=1+1", "@x", "-5+2", "<b>&amp", "$\\alpha$", "_under_", "100 %", "日本", "🎻",
)  # fmt: skip


def two_clips():
    return [("x", "train", "a"), ("x", "test", "b")]


def labels_of_any_look_in_one_group_a_role():
    """Each on two clips to train and one to test on, one of them on every clip, and one in test alone."""
    rows = [(f"everywhere;{name}", role, role) for name in LOOKS for role in ("train", "train", "test")]
    return [*rows, ("everywhere;test alone", "test", "test")]


def three_hundred_classes():
    """Five to a clip, each on one clip to train and one to test on."""
    labels = [";".join(f"k{5 * n + k:03d}" for k in range(5)) for n in range(60)]
    return [(labels[n % 60], "train" if n < 60 else "test", f"g{n}") for n in range(120)]


def folds_of_one_group():
    return [("xy"[n % 2], "", f"g{n % 2}") for n in range(8)]


ALL_KINDS = figures.UNDATED
CASES = (two_clips, labels_of_any_look_in_one_group_a_role, three_hundred_classes)


def table(folder, rows):
    """Tones of a second, and the table of these labels, roles and groups."""
    folder.mkdir()
    lines, time_s = ["path,labels,role,group"], np.arange(16000) / 16000
    for n, row in enumerate(rows):
        noise = 0.01 * np.random.default_rng(n).standard_normal(16000)
        soundfile.write(
            folder / f"{n:03d}.wav", 0.3 * np.sin(2 * np.pi * (200 + 37 * (n % 13)) * time_s) + noise, 16000
        )
        lines.append(",".join([f"{n:03d}.wav", *row]))
    (folder / "own.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_it_reaches_the_report(case, home, monkeypatch, quick_figures):
    if case is labels_of_any_look_in_one_group_a_role:
        monkeypatch.setattr(figures, "UNDATED", ALL_KINDS)  # letters can fail in one kind of file and not in another
    run = headless.run_study(CORPUS="table", ROOT=str(table(home / "sounds", case())))
    check_report(run, case())


def test_all_folds_reach_the_report_and_make_study_goes_on_with_them_in_processes(home, quick_figures):
    """Two folds, one group each; then `make study FOLD=all` as a person calls it, which lacks two of the notebooks."""
    root = table(home / "sounds", folds_of_one_group())
    run = headless.run_study(CORPUS="table", ROOT=str(root), FOLD="all")
    assert {path.name for path in run.glob("fold*")} == {"fold1", "fold2"}
    check_report(run, folds_of_one_group())
    made = [run / "fold1" / "tables" / "parameters.csv", run / "tables" / "table1.csv"]  # of a fold, and over the folds
    before = [path.read_bytes() for path in made]
    for path in made:
        path.unlink()
    words = ["study", "CORPUS=table", f"ROOT={root}", "PRESET=tiny", "DEVICE=cpu", "FOLD=all"]
    environment = {**os.environ, "STUDY_HOME": str(home), "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-m", "lib.cli.commands", *words], cwd=PROJECT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Table 1: " in done.stdout
    ran = {line.split(" done in ")[0] for line in done.stdout.splitlines() if " done in " in line}
    assert ran == {"01_representations", "05_paper_figures"}
    assert [path.read_bytes() for path in made] == before


def check_report(run, rows):
    """The report of a run lacks nothing, and every label of a test clip stands in its table as it was written."""
    page = report.write(run).read_text(encoding="utf-8")
    assert "Not there yet" not in page and "This run has left nothing of it" not in page
    labels = {label for row in rows for label in row[0].split(";")}
    tested = {label for row in rows if row[1] != "train" for label in row[0].split(";")}
    found = pd.read_csv(run / "tables" / "predictions.csv", dtype=str, keep_default_na=False)
    plain = {
        label[1:] if label[:2] in ("'=", "'@", "'-") else label for label in found.loc[found["has"] == "1", "label"]
    }
    assert plain == tested <= labels
