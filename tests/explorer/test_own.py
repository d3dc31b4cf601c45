"""A folder of one's own sounds in front of a finished study."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from lib.explorer.own import OwnSounds
from lib.plots.own import seconds
from lib.settings import SettingsError


@pytest.fixture
def folder(tmp_path):
    """A training clip's neighbour would be itself: noise, a short tone, and a file that is none."""
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "a noise.wav", 0.1 * rng.standard_normal(40000), 16000)
    soundfile.write(tmp_path / "b short.wav", 0.3 * np.sin(np.arange(800) / 3), 8000)
    (tmp_path / "c broken.wav").write_bytes(b"RIFF")
    return tmp_path


def test_every_usable_sound_has_tags_and_a_neighbour_among_the_training_clips(finished_study, folder):
    own = OwnSounds(finished_study, 0, str(folder), 50)
    assert own.names == ["a noise.wav", "b short.wav"]
    assert own.bad["file"].tolist() == ["c broken.wav"]
    assert own.tags(2).shape == (2, 3)
    clips = finished_study.chunks.corpus.clips
    training = {path.name for path in map(Path, clips["path"][clips["role"] == "train"])}
    for cell in own.nearest().iloc[:, 1:].to_numpy().ravel():
        assert any(f"({name})" in cell for name in training)
    assert "broken" not in own.players().table
    assert own.by_second(own[0]).attrs["class"] == own.said_by_each(own[0])["class"][0]
    assert len(own.maps().axes) == 4


def test_a_training_clip_is_its_own_neighbour(finished_study, tmp_path):
    clips = finished_study.chunks.corpus.clips
    path = clips["path"][clips["role"] == "train"].iloc[0]
    samples, rate = soundfile.read(path)
    soundfile.write(tmp_path / "copy.wav", samples, rate, subtype="FLOAT")
    found = OwnSounds(finished_study, 0, str(tmp_path), 50).nearest()
    for name in ("pitch", "timbre", "neuralogram", "waveform"):
        assert f"({path.rpartition('/')[2]})" in found[name][0]
        assert "(0.00)" in found[name][0]


def test_a_folder_of_nothing_usable_is_said(finished_study, tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    with pytest.raises(SettingsError, match="broken.wav"):
        OwnSounds(finished_study, 0, str(tmp_path))


def test_the_picture_of_the_seconds_names_the_class_and_the_sound():
    found = pd.DataFrame({"start_s": [0.0, 1.0], "score": [0.2, 0.6], "decided": [-0.2, 0.2]})
    figure = seconds(found, "a door", "b.wav")
    assert figure.get_suptitle() == "Which seconds of b.wav speak for a door"
    assert [axis.get_ylabel() for axis in figure.axes] == ["score of the second", "falls without it"]
    assert [[bar.get_height() for bar in axis.patches] for axis in figure.axes] == [[0.2, 0.6], [-0.2, 0.2]]
