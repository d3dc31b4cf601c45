"""How a run ends on the screen: Table 1, or what failed, with where to read on."""

import json
import os

from lib.cli.outcome import failure, table1, what_failed


def test_table_1_is_told_in_percent(tmp_path):
    (tmp_path / "table1.csv").write_text(
        "row,measure,published,own,retrained,low,high,constant,oracle,chance,retrained_low,retrained_high\n"
        "pitch,map_macro,0.2034,0.311,0.298,0.25,0.34,0.08,0.97,0.11,0.24,0.33\n"
        "all four,map_macro,,,0.4321,0.38,0.48,0.08,0.97,0.11,0.38,0.48\n"
        "pitch,micro mAP,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5\n"
    )
    lines = table1(tmp_path / "table1.csv", 0.9).splitlines()
    assert lines[0] == "Table 1: macro mAP of chunks in percent, with 90 % intervals"
    assert lines[1].split() == ["published*", "own", "classifier", "fresh", "head"]
    assert lines[2].split()[:2] == ["Pitch", "20.3"]
    assert lines[2].endswith("     31.1 (25.0 to 34.0)     29.8 (24.0 to 33.0)")
    assert lines[3].endswith(" 43.2 (38.0 to 48.0)") and len(lines[3]) == len(lines[2]) == len(lines[1])
    assert len(lines) == 6
    assert lines[4] == "chance 11.0, constant predictor 8.0, the best possible 97.0"
    assert "FSD50K" in lines[5]
    text = (tmp_path / "table1.csv").read_text().replace("0.2034", "").replace("micro mAP,0.5", "micro mAP,")
    (tmp_path / "own.csv").write_text(text)
    lines = table1(tmp_path / "own.csv", 0.95).splitlines()
    assert len(lines) == 5 and "published" not in lines[1] and lines[2].split()[:2] == ["Pitch", "31.1"]


def test_table_1_of_an_older_run_has_the_interval_of_what_it_belongs_to(tmp_path):
    (tmp_path / "table1.csv").write_text(
        "row,measure,published,own,retrained,low,high,constant,oracle,chance\n"
        "pitch,map_macro,,0.311,0.298,0.25,0.34,0.08,0.97,0.11\n"
        "all four,map_macro,,,0.4321,0.38,0.48,0.08,0.97,0.11\n"
    )
    lines = table1(tmp_path / "table1.csv", 0.95).splitlines()
    assert lines[2].split() == ["Pitch", "31.1", "(25.0", "to", "34.0)", "29.8"]
    assert lines[3].split() == ["All", "four", "43.2", "(38.0", "to", "48.0)"]


def test_a_failed_notebook_is_told_with_its_error_and_its_copy(tmp_path):
    error = {"output_type": "error", "ename": "StudyError", "evalue": "no such thing",
             "traceback": ["\x1b[31mFile /x/lib/study.py:12\x1b[0m, in f()", "more"]}  # fmt: skip
    path = tmp_path / "notebooks" / "03_subsets.ipynb"
    path.parent.mkdir()
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "outputs": [error]}]}))
    told = failure(path)
    assert told.startswith("03_subsets failed:\n    StudyError: no such thing")
    assert "at /x/lib/study.py:12" in told
    assert told.endswith(f"half-executed copy: {path}")
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "outputs": []}]}))
    assert failure(path) == ""
    path.write_text("")  # it was to be written when its process ended
    assert failure(path) == ""


def test_a_graph_that_fails_by_itself_is_one_line_with_the_error_and_not_the_last_words(tmp_path):
    log = tmp_path / "snakemake.txt"
    end = "Complete log: y\nWorkflowError:\nAt least one job did not complete successfully.\n"
    log.write_text(f'TypeError in file "Snakefile", line 3:\nf() got two\n  File x\n{end}')
    assert 'failed: TypeError in file "Snakefile", line 3: f() got two; unexpected' in what_failed(tmp_path, 0, log)
    log.write_text(f"Traceback (most recent call last):\n  x.py\nPermissionError: [Errno 13] denied: 'x'\n{end}")
    told = what_failed(tmp_path, 0, log)
    assert told.startswith("the graph of notebooks failed: PermissionError: [Errno 13] denied: 'x'; unexpected")
    assert told.endswith(f"({log})") and "\n" not in told


def test_a_failed_control_says_its_error_and_its_log_and_one_of_before_nothing(tmp_path):
    logs = tmp_path / "fold2" / "logs"
    logs.mkdir(parents=True)
    (logs / "control-wide-seed0.txt").write_text("Traceback (most recent call last):\n  x.py\nStudyError: no weights\n")
    (logs / "control-shuffled-seed0.txt").write_text("a warning\n")
    graph = tmp_path / "snakemake.txt"
    graph.write_text("WorkflowError:\nAt least one job did not complete successfully.\n")
    lines = what_failed(tmp_path, 0, graph).splitlines()
    assert lines[:2] == ["control-wide-seed0 failed:", "    StudyError: no weights"]
    assert lines[2].endswith("control-wide-seed0.txt") and len(lines) == 4
    for kind in ("peer-silero", "robust-noise"):
        (logs / f"{kind}-seed0.txt").write_text("Traceback (most recent call last):\n  x.py\nStudyError: no weights\n")
        assert f"{kind}-seed0 failed:\n    StudyError: no weights" in what_failed(tmp_path, 0, graph)
        (logs / f"{kind}-seed0.txt").unlink()
    os.utime(logs / "control-wide-seed0.txt", (0, 0))
    assert "StudyError" not in what_failed(tmp_path, 1000, graph)
