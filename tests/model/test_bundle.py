"""A bundle: the same numbers elsewhere, without corpus or run; a card whose numbers are the run's."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from lib.files import PROJECT, PlainError, digests
from lib.model import bundle, open_model, part_of
from lib.representations import PAPER

ELSEWHERE = """
import sys, numpy as np
from lib.model import open_model
model = open_model(sys.argv[1])
found = model.embed(sys.argv[2])
np.savez(sys.argv[3], tags=model.tag(found).clip, linear=model.tag(found, encoders=["pitch"], head="linear").clip, **found.seconds)
"""


@pytest.fixture(scope="module")
def model(finished_study):
    return open_model(finished_study.slug)


@pytest.fixture(scope="module")
def folder(finished_study, model, tmp_path_factory):
    """The bundle of the finished study."""
    return bundle.write(model, *part_of(finished_study.slug), tmp_path_factory.mktemp("bundle") / "mine")


def test_elsewhere_without_corpus_or_run_it_gives_the_same_numbers(model, folder, tmp_path):
    soundfile.write(tmp_path / "own.wav", np.random.default_rng(0).uniform(-0.5, 0.5, 60000), 22050)
    moved = tmp_path / "moved"
    folder.rename(moved)
    try:
        environment = {**os.environ, "STUDY_HOME": str(tmp_path / "empty"), "PYTHONPATH": str(PROJECT)}
        command = [sys.executable, "-c", ELSEWHERE, moved, tmp_path / "own.wav", tmp_path / "found.npz"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    finally:
        moved.rename(folder)
    found, expected = dict(np.load(tmp_path / "found.npz")), model.embed(tmp_path / "own.wav")
    for name in PAPER:
        assert np.array_equal(found[name], expected.seconds[name])
    assert np.array_equal(found["tags"], model.tag(expected).clip)
    assert np.array_equal(found["linear"], model.tag(expected, encoders=["pitch"], head="linear").clip)
    assert not (tmp_path / "empty" / "runs").exists()


def test_the_layout_is_what_hubs_take(folder):
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.name.startswith(".")}
    weights = {f"{name}.safetensors" for name in (*PAPER, "heads")}
    tables = {f"tables/{name}.csv" for name in ("contributions", "subsets", "table1")}
    assert files == {"README.md", "config.json", "tables", *weights, *tables}
    head = (folder / "README.md").read_text().split("---\n")[1]
    assert {"license: cc0-1.0", "pipeline_tag: audio-classification"} <= set(head.splitlines())


def test_a_hubs_own_reader_takes_the_card(folder):
    card = pytest.importorskip("huggingface_hub").ModelCard.load(folder / "README.md")
    assert card.data.license == "cc0-1.0"
    assert card.data.pipeline_tag == "audio-classification"


def test_the_cards_numbers_are_the_runs(folder, finished_study):
    card = (folder / "README.md").read_text()
    table = finished_study.table("table1", "05_paper_figures").query("measure == 'map_macro'").set_index("row")
    found = re.findall(r"^\| ([\w+ ]+) \| (own classifier|fresh head) \| (\d\.\d+) \|", card, re.MULTILINE)
    rows = {name: value for name, _, value in found}
    assert [head for *_, head, _ in found] == ["own classifier"] * 4 + ["fresh head"]
    assert set(rows) == set(table.index)
    assert float(rows["pitch"]) == pytest.approx(table.loc["pitch", "own"], abs=5e-4)
    for section in ("## Limits", "## Licences", "no probabilities", "24 clips"):
        assert section in card


def test_a_bundle_that_is_damaged_or_in_the_way_is_said(model, folder, finished_study, tmp_path):
    with pytest.raises(PlainError, match="already"):
        bundle.write(model, *part_of(finished_study.slug), folder)
    weights = folder / "pitch.safetensors"
    content = weights.read_bytes()
    try:
        weights.write_bytes(content[:-1] + b"\x01")
        with pytest.raises(digests.Damaged, match=r"pitch.safetensors is damaged.*copy the bundle again"):
            open_model(folder).embed(np.zeros(16000, np.float32), 16000)
        weights.rename(tmp_path / "away")
        with pytest.raises(PlainError, match=r"pitch.safetensors is missing"):
            open_model(folder).embed(np.zeros(16000, np.float32), 16000)
    finally:
        weights.write_bytes(content)
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "config.json").write_text(json.dumps({"format": 2}))
    with pytest.raises(PlainError, match="format 2"):
        open_model(tmp_path / "later")
