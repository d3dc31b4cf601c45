"""A corpus of FSD50K's shape: it reads as FSD50K does, its lengths and headers are FSD50K's."""

import numpy as np
import pytest
import soundfile
from bench import like_fsd50k

from lib.sounds.corpora import fsd50k
from lib.sounds.corpora.layout import Entry


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small part of it, of sounds that are short: how long they are is looked at without them."""
    folder = tmp_path_factory.mktemp("fsd50k") / "like"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(like_fsd50k, "LENGTH_S", (0.3, 0.5))
        return folder, like_fsd50k.generate(folder, 0.003)


def test_it_reads_as_fsd50k_with_all_classes_in_every_role(made):
    folder, n_clips = made
    corpus = fsd50k.read(folder)
    assert (len(corpus.clips), len(corpus.classes), len(corpus.rejected)) == (n_clips, 200, 0)
    for role in ("train", "validation", "test"):
        assert corpus.targets[(corpus.clips["role"] == role).to_numpy()].any(0).all()
    for parent, child in ((p, c) for c, parents in corpus.parents.items() for p in parents):
        above, below = (corpus.targets[:, corpus.classes.index(name)] for name in (parent, child))
        assert (above >= below).all()
    roles = corpus.clips.groupby("group")["role"].nunique()
    assert roles.max() == 1 and len(roles) < n_clips


def test_files_begin_with_78_bytes_and_are_what_they_say(made):
    path = next((made[0] / "FSD50K.dev_audio").iterdir())
    content = path.read_bytes()
    assert content[:4] == b"RIFF" and content[70:74] == b"data"
    assert int.from_bytes(content[4:8], "little") == len(content) - 8
    samples, rate_hz = soundfile.read(path, dtype="int16")
    assert rate_hz == 44_100 and soundfile.info(path).subtype == "PCM_16"
    assert (samples == np.frombuffer(content[78:], "<i2")).all()


def test_lengths_have_fsd50ks_ends_and_mean():
    rng = np.random.default_rng(0)
    for split, mean_s in (("train", 7.06), ("eval", 9.82)):
        lengths_s = np.array([like_fsd50k.length_s(split, rng) for _ in range(5000)])
        assert lengths_s.min() >= 0.3 and lengths_s.max() <= 30.0
        assert lengths_s.mean() == pytest.approx(mean_s, rel=0.04)
    assert len(like_fsd50k.sound(Entry("1", (), "eval", {}), [], np.random.default_rng(1))) == round(
        44_100 * like_fsd50k.length_s("eval", np.random.default_rng(1))
    )


def test_published_tables_are_taken_as_they_are(made, tmp_path, monkeypatch):
    """The tables of a made corpus stand for the published ones: all clips and labels come back."""
    monkeypatch.setattr(like_fsd50k, "sound", lambda *_: np.zeros(100, np.int16))
    truth = made[0] / fsd50k.TRUTH
    n_clips = like_fsd50k.generate(tmp_path / "again", 1.0, truth)
    assert n_clips == made[1]
    for name in ("dev.csv", "eval.csv", "vocabulary.csv"):
        assert sorted((tmp_path / "again" / fsd50k.TRUTH / name).read_text().split("\n")) == sorted(
            (truth / name).read_text().split("\n")
        )
