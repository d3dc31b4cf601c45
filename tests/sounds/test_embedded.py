"""The embedded corpus on disk: its layout, the same bytes from the same settings, complete or absent."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import soundfile

from lib.sounds.corpora import embedded, planted
from lib.sounds.corpora.planted import CLASSES, PARENTS, Planted

SMALL = Planted(n_train=14, n_validation=6, n_test=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home") / "planted"
    embedded.generate(folder, SMALL)
    return folder


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_layout_is_that_of_fsd50k(folder):
    names = Counter(path.split("/")[0] for path in contents(folder))
    assert names == {
        "FSD50K.dev_audio": 20,
        "FSD50K.eval_audio": 8,
        "FSD50K.ground_truth": 3,
        "FSD50K.metadata": 2,
        "ontology.csv": 1,
        "planted.json": 1,
    }
    truth = folder / "FSD50K.ground_truth"
    assert (truth / "vocabulary.csv").read_text().splitlines()[0] == "0,pitch_c,/planted/00"
    dev, test = (pd.read_csv(truth / f"{part}.csv", dtype=str) for part in ("dev", "eval"))
    assert list(dev) == ["fname", "labels", "mids", "split"]
    assert list(test) == ["fname", "labels", "mids"]
    assert Counter(dev["split"]) == {"train": 14, "val": 6}
    for part, table in (("dev", dev), ("eval", test)):
        assert set(table["fname"]) == {path.stem for path in (folder / f"FSD50K.{part}_audio").iterdir()}


def test_every_clip_has_one_label_of_each_family(folder):
    vocabulary = pd.read_csv(folder / "FSD50K.ground_truth" / "vocabulary.csv", header=None).set_index(1)[2]
    table = pd.read_csv(folder / "FSD50K.ground_truth" / "dev.csv")
    for labels, mids in zip(table["labels"].str.split(","), table["mids"].str.split(","), strict=True):
        assert [PARENTS[label] for label in labels] == [("pitch",), ("timbre",), ("gesture",)]
        assert list(vocabulary[labels]) == mids


def test_ontology_puts_sixteen_classes_under_three_branches(folder):
    ontology = pd.read_csv(folder / "ontology.csv").set_index("label")["parents"]
    assert tuple(ontology.index) == CLASSES
    assert len(CLASSES) == 16
    assert Counter(ontology) == {"pitch": 6, "timbre": 4, "gesture": 6}
    assert not set(ontology) & set(CLASSES)


def test_uploaders_are_in_the_metadata_and_in_one_role_only(folder):
    info = json.loads((folder / "FSD50K.metadata" / "dev_clips_info_FSD50K.json").read_text())
    clips = {clip.id: clip for clip in planted.clips(SMALL) if clip.role != "test"}
    assert info.keys() == clips.keys()
    assert all(info[name]["uploader"] == f"uploader_{clip.uploader}" for name, clip in clips.items())
    assert set(info["120000"]) == {"title", "description", "tags", "license", "uploader"}
    roles = {(clip.uploader, clip.role) for clip in planted.clips()}
    assert len(roles) == len({uploader for uploader, _ in roles}) == 61


def test_sounds_are_16_bit_mono_44100_hz_and_not_clipped(folder):
    for path in folder.rglob("*.wav"):
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (44100, 1, "PCM_16")
        assert 0.4 <= info.duration <= 6
        peak = np.abs(soundfile.read(path)[0]).max()
        assert 10 ** (-24.1 / 20) < peak < 10 ** (-1.9 / 20)


def test_same_settings_give_the_same_bytes(folder, tmp_path):
    embedded.generate(tmp_path / "planted", SMALL)
    assert contents(tmp_path / "planted") == contents(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["planted"]


def test_a_clip_hangs_on_its_index_and_the_seed_only(folder):
    first, second = list(planted.clips(SMALL.model_copy(update={"n_train": 2, "n_test": 1})))[:2]
    written = soundfile.read(folder / "FSD50K.dev_audio" / f"{first.id}.wav")[0]
    assert np.abs(planted.render(first, SMALL) - written).max() < 2 / 2**15
    other = planted.render(first, SMALL.model_copy(update={"seed": 1}))
    assert len(other) != len(written) or np.abs(other - written).max() > 0.01
    assert len(planted.render(replace(second, pitch=first.pitch), SMALL)) != len(written)


def test_ensure_generates_once_and_again_for_other_settings_and_says_so(tmp_path, capsys):
    making = "making the embedded corpus: once, some seconds\n"
    one = Planted(n_train=2, n_validation=1, n_test=1)
    path = embedded.ensure(tmp_path, one)
    assert path == tmp_path / "data" / "planted"
    assert capsys.readouterr().out == making
    before = (path / "planted.json").stat().st_mtime_ns
    assert (embedded.ensure(tmp_path, one) / "planted.json").stat().st_mtime_ns == before
    assert capsys.readouterr().out == ""
    embedded.ensure(tmp_path, one.model_copy(update={"n_test": 2}))
    assert capsys.readouterr().out == making
    assert len(list((path / "FSD50K.eval_audio").iterdir())) == 2


def test_other_code_of_the_sounds_or_of_the_folder_makes_it_again(tmp_path, monkeypatch, capsys):
    one = Planted(n_train=2, n_validation=1, n_test=1)
    embedded.ensure(tmp_path, one)
    for module in (planted, embedded, embedded.layout):
        (tmp_path / "edited.py").write_text(f"# {module.__name__}")
        monkeypatch.setattr(module, "__file__", str(tmp_path / "edited.py"))
        capsys.readouterr()
        embedded.ensure(tmp_path, one)
        assert "making the embedded corpus" in capsys.readouterr().out, module.__name__
        embedded.ensure(tmp_path, one)
        assert capsys.readouterr().out == ""


def test_a_broken_generation_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded, "render", lambda clip, settings: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        embedded.generate(tmp_path / "planted", SMALL)
    assert not list(tmp_path.iterdir())
