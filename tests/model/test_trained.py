"""A finished study as a model of any sound: the study's own numbers, the same alone and among others."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from lib.evaluation.frozen import read_embeddings
from lib.files import PlainError
from lib.model import open_model
from lib.model.trained import Model
from lib.representations import PAPER
from lib.settings import SettingsError
from lib.sounds.decode import BadFile


@pytest.fixture(scope="module")
def model(finished_study):
    return open_model(finished_study.slug)


@pytest.fixture(scope="module")
def clip(finished_study):
    """A test clip of the corpus: its path, and the rows of its chunks."""
    chunks = finished_study.chunks
    row = chunks.rows("test")[0]
    return Path(chunks.corpus.clips["path"][chunks.clip[row]]), np.flatnonzero(chunks.clip == chunks.clip[row])


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Sounds of one's own, by what they are."""
    folder, rng = tmp_path_factory.mktemp("own"), np.random.default_rng(0)
    soundfile.write(folder / "short.wav", 0.1 * rng.standard_normal(400), 8000)
    soundfile.write(folder / "long.flac", 0.1 * rng.standard_normal((44100 * 70, 2)), 44100)
    soundfile.write(folder / "silent.wav", np.zeros(24000), 16000)
    (folder / "empty.wav").write_bytes(b"")
    (folder / "corrupt.wav").write_bytes(b"RIFF" + bytes(100))
    return folder


def test_a_clip_of_the_corpus_has_the_studys_own_numbers(model, clip, finished_study):
    path, rows = clip
    found = model.embed(path)
    assert found.start_s.tolist() == finished_study.chunks.start_s[rows].tolist()
    for name in PAPER:
        np.testing.assert_allclose(found.seconds[name], read_embeddings(finished_study, name, 0)[rows], atol=1e-5)
    stored = np.load(finished_study.scores("+".join(PAPER), "paper", 0))
    test = finished_study.chunks.rows("test")
    tags = model.tag(path, head="paper")
    np.testing.assert_allclose(tags.seconds, stored[np.isin(test, rows)], atol=1e-5)


def test_the_same_sound_alone_again_and_among_others_is_the_same(model, clip, own):
    sounds = [own / "short.wav", own / "long.flac", clip[0], own / "silent.wav"]
    among = list(model.embed_all([*sounds, *sounds[::-1]]))
    for sound, one, again in zip(sounds, among, among[::-1], strict=False):
        alone = model.embed(sound)
        for name in PAPER:
            assert np.array_equal(alone.seconds[name], one.seconds[name])
            assert np.array_equal(alone.seconds[name], again.seconds[name])


def test_samples_give_what_their_file_gives(model, own):
    samples, rate = soundfile.read(own / "long.flac", dtype="float32")
    found, expected = model.embed(samples, rate, ["timbre"]), model.embed(own / "long.flac", encoders=["timbre"])
    assert list(found.seconds) == ["timbre"]
    assert len(found.start_s) == 70
    np.testing.assert_allclose(found.seconds["timbre"], expected.seconds["timbre"], atol=1e-5)


def test_of_a_clip_its_silent_seconds_do_not_count(model):
    tone = np.zeros(48000, np.float32)
    tone[16000:32000] = 0.3 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    found = model.embed(tone, 16000)
    assert found.silent.tolist() == [True, False, True]
    assert np.array_equal(found.clip["pitch"], found.seconds["pitch"][1])
    assert np.array_equal(model.tag(found).clip, model.tag(found).seconds[1])


def test_a_subset_reads_only_its_encoders(model, clip):
    found = model.embed(clip[0])
    one = model.tag(clip[0], encoders=["timbre", "pitch"])
    assert np.array_equal(one.clip, model.tag(found, encoders=["pitch", "timbre"]).clip)
    assert not np.allclose(one.clip, model.tag(found).clip)
    assert np.array_equal(model.tag(found, encoders=[]).clip, model.constant)
    assert one.highest(3)["score"].is_monotonic_decreasing


def test_a_sound_of_any_length_or_none(model, own):
    assert model.embed(own / "short.wav").start_s.tolist() == [0.0]
    assert model.embed(own / "silent.wav").silent.all()
    assert np.isfinite(model.tag(own / "silent.wav").clip).all()
    for name, reason in (("empty", "empty file"), ("corrupt", "can"), ("missing", "not found")):
        with pytest.raises(BadFile, match=reason):
            model.embed(own / f"{name}.wav")
    bad, good = model.embed_all([own / "empty.wav", own / "short.wav"])
    assert isinstance(bad, BadFile)
    assert len(good.seconds["pitch"]) == 1
    with pytest.raises(BadFile, match="floats"):
        model.embed(np.zeros(16000, np.int16), 16000)


def test_what_does_not_exist_is_said_in_a_line(model, finished_study, tmp_path):
    with pytest.raises(PlainError, match="encoder 'bass'.*pitch, timbre"):
        model.tag(np.zeros(16000, np.float32), encoders=["bass"])
    with pytest.raises(PlainError, match="head 'deep'.*paper"):
        model.tag(np.zeros(16000, np.float32), head="deep")
    with pytest.raises(PlainError, match="no such run"):
        open_model("esc50-nowhere")
    with pytest.raises(PlainError, match="STUDY_HOME"):
        open_model(tmp_path)
    with pytest.raises(PlainError, match="seed 7"):
        open_model(finished_study.folder, seed=7)


def test_a_study_without_heads_names_the_notebook(finished_study, monkeypatch):
    monkeypatch.setattr(type(finished_study), "heads", lambda self, *_: self.folder / "nothing.safetensors")
    with pytest.raises((PlainError, SettingsError), match="03_subsets"):
        Model.of_study(finished_study)
