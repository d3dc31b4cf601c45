"""The embedded corpus: its layout, its seeds, and that what is planted is physically there."""

import json
from collections import Counter
from dataclasses import replace

import librosa
import numpy as np
import pandas as pd
import pytest
import scipy.stats
import soundfile
from sklearn.linear_model import Ridge
from sklearn.metrics import average_precision_score

from lib.sounds.corpora import planted
from lib.sounds.corpora.planted import CLASSES, FAMILIES, PARENTS, Planted

SMALL = Planted(n_train=14, n_validation=6, n_test=8)
CLEAN = Planted(jitter_db=0, blend=0)
RATE_HZ = 44100
TIME_S = np.arange(3 * RATE_HZ) / RATE_HZ


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home") / "planted"
    planted.generate(folder, SMALL)
    return folder


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def spectrum_db(wave):
    """Level [bin] at 1 Hz a bin of one second of sound."""
    return 20 * np.log10(np.abs(np.fft.rfft(wave[:RATE_HZ] * np.hanning(RATE_HZ))) + 1e-12)


# The folder


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


def test_durations_spread_over_the_range_with_the_wanted_mean():
    drawn = [planted.duration_s(np.random.default_rng(i), Planted()) for i in range(500)]
    assert np.mean(drawn) == pytest.approx(2.4, abs=0.2)
    assert 0.4 <= min(drawn) < 0.6
    assert 5 < max(drawn) <= 6


# Seeds


def test_same_settings_give_the_same_bytes(folder, tmp_path):
    planted.generate(tmp_path / "planted", SMALL)
    assert contents(tmp_path / "planted") == contents(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["planted"]


def test_a_clip_hangs_on_its_index_and_the_seed_only(folder):
    first, second = list(planted.clips(SMALL.model_copy(update={"n_train": 2, "n_test": 1})))[:2]
    written = soundfile.read(folder / "FSD50K.dev_audio" / f"{first.id}.wav")[0]
    assert np.abs(planted.render(first, SMALL) - written).max() < 2 / 2**15
    other = planted.render(first, SMALL.model_copy(update={"seed": 1}))
    assert len(other) != len(written) or np.abs(other - written).max() > 0.01
    assert len(planted.render(replace(second, pitch=first.pitch), SMALL)) != len(written)


def test_another_seed_deals_other_labels():
    assert [c.labels for c in planted.clips(SMALL)] != [c.labels for c in planted.clips(Planted(seed=1))][:28]


def test_ensure_generates_once_and_again_for_other_settings_and_says_so(tmp_path, capsys):
    making = "making the embedded corpus: once, some seconds\n"
    one = Planted(n_train=2, n_validation=1, n_test=1)
    path = planted.ensure(tmp_path, one)
    assert path == tmp_path / "data" / "planted"
    assert capsys.readouterr().out == making
    before = (path / "planted.json").stat().st_mtime_ns
    assert (planted.ensure(tmp_path, one) / "planted.json").stat().st_mtime_ns == before
    assert capsys.readouterr().out == ""
    planted.ensure(tmp_path, one.model_copy(update={"n_test": 2}))
    assert capsys.readouterr().out == making
    assert len(list((path / "FSD50K.eval_audio").iterdir())) == 2


def test_a_broken_generation_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(planted, "render", lambda clip, settings: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        planted.generate(tmp_path / "planted", SMALL)
    assert not list(tmp_path.iterdir())


# Labels


@pytest.mark.parametrize("role", ["train", "test"])
@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (1, 2)])
def test_families_are_balanced_and_independent(role, pair):
    labels = np.array([clip.labels for clip in planted.clips() if clip.role == role])[:, list(pair)]
    for place, column in zip(pair, labels.T, strict=True):
        counts = Counter(column).values()
        assert len(counts) == (6, 4, 6)[place]
        assert max(counts) - min(counts) <= 6
    table = pd.crosstab(labels[:, 0], labels[:, 1])
    assert scipy.stats.chi2_contingency(table).pvalue > 0.9


# Physics


@pytest.mark.parametrize("pitch", FAMILIES["pitch"])
@pytest.mark.parametrize("octave", [1, 4])
def test_fundamental_lies_on_its_chroma(pitch, octave, rng):
    detune = 0.3 if octave == 1 else -0.3
    f0_hz = planted.fundamental_hz(pitch, octave, detune)
    level = spectrum_db(planted.tone(f0_hz, np.zeros(8), RATE_HZ, RATE_HZ, rng))
    lowest_hz = np.flatnonzero(level > level.max() - 6)[0]
    name = pitch.replace("sharp", "#").upper()
    assert lowest_hz == pytest.approx(librosa.note_to_hz(f"{name}{octave + 1}"), rel=2 ** (0.32 / 12) - 1, abs=1.5)


@pytest.mark.parametrize("f0_hz", [33.0, 400.0])
def test_a_tone_holds_every_partial_at_its_level_and_nothing_else(f0_hz, rng):
    levels_db = planted.partials_db("hollow", f0_hz, rng)
    assert (len(levels_db) + 1) * f0_hz > 10000 >= len(levels_db) * f0_hz
    level = spectrum_db(planted.tone(f0_hz, levels_db, RATE_HZ, RATE_HZ, rng))
    at = (f0_hz * np.arange(1, len(levels_db) + 1)).astype(int)
    assert np.ptp(level[at] - levels_db) < 0.1
    assert level[at[-1] + 40 :].max() < level[at].max() - 60


def test_envelopes_stay_within_the_contrast_and_differ():
    frequency_hz = np.linspace(30, 10000, 500)
    curves = np.array([planted.envelope_db(timbre, frequency_hz) for timbre in FAMILIES["timbre"]])
    assert 15 < np.ptp(curves, axis=0).max() <= 20
    spread = np.std(curves[:, None] - curves[None], axis=-1)
    assert spread[~np.eye(4, dtype=bool)].min() > 5


def test_envelope_does_not_hang_on_register():
    for timbre in FAMILIES["timbre"]:
        low, high = (planted.partials_db(timbre, f0, np.random.default_rng(0), CLEAN) for f0 in (50.0, 400.0))
        assert np.ptp(low[7::8][: len(high)] - high) < 1e-9


def gain(gesture, rng):
    return planted.GESTURES[gesture](TIME_S, rng)


@pytest.mark.parametrize("gesture", FAMILIES["gesture"])
def test_gestures_are_gains(gesture, rng):
    assert gain(gesture, rng).min() >= 0
    assert 0.9 < gain(gesture, rng).max() <= 1


@pytest.mark.parametrize(("gesture", "low_hz", "high_hz"), [("tremolo", 4, 8), ("click_train", 5, 10)])
def test_fast_gestures_have_their_rate(gesture, low_hz, high_hz, rng):
    wave = gain(gesture, rng)
    peak_hz = np.abs(np.fft.rfft(wave - wave.mean(), 10 * len(wave))).argmax() / 30
    assert low_hz - 0.1 <= peak_hz <= high_hz + 0.1


def test_clicks_are_short_and_tremolo_is_smooth(rng):
    assert np.mean(gain("click_train", rng) > 0.5) < 0.3 < np.mean(gain("tremolo", rng) > 0.5)
    assert np.abs(np.diff(gain("tremolo", rng))).max() * RATE_HZ < 26


def test_decay_mostly_falls_and_swell_mostly_rises(rng):
    assert np.mean(np.diff(gain("decay", rng)) < 0) > 0.95
    assert np.mean(np.diff(gain("swell", rng)) > 0) > 0.95


def test_gaps_are_silent_and_steady_is_level(rng):
    assert 0.3 < np.mean(gain("gaps", rng) == 0) < 0.65
    assert np.ptp(gain("steady", rng)) == 0


def test_a_gap_of_a_whole_clip_falls_to_the_floor(rng):
    wave = planted.moved(np.ones(2 * RATE_HZ), "gaps", rng, Planted(floor_db=(-30, -30), onset_s=(0.1, 0.1)))
    assert np.all(wave[: RATE_HZ // 10] == 0)
    assert 20 * np.log10(wave[RATE_HZ // 5 :].min()) == pytest.approx(-30, abs=1e-6)


def test_an_uploader_has_a_mild_colour_of_its_own():
    frequency_hz = np.linspace(0, 22050, 100)
    first, again, second = (planted.colour_db(uploader, frequency_hz) for uploader in (1000, 1000, 1001))
    assert np.array_equal(first, again)
    assert np.abs(first - second).max() > 0.2
    assert max(np.abs(first).max(), np.abs(second).max()) <= 2 * Planted().colour_db


# What is planted


def chunk(wave):
    """[sample] at 22.05 kHz -> [16000] at 16 kHz, repeated or cut to 1 s."""
    return np.resize(librosa.resample(wave, orig_sr=22050, target_sr=16000), 16000)


def peaks(chunks):
    """[chunk, sample] -> [chunk, bin]: how often a constant-Q bin is a peak within +-2 bins and above the median."""
    level = np.abs(librosa.cqt(chunks, sr=16000, hop_length=1600, fmin=40, n_bins=80, bins_per_octave=12))
    padded = np.pad(level, ((0, 0), (2, 2), (0, 0)))
    around = np.max([padded[:, i : i + 80] for i in (0, 1, 3, 4)], axis=0)
    return np.mean((level > around) & (level >= np.median(level, axis=(1, 2), keepdims=True)), axis=2)


def cepstrum(chunks):
    """[chunk, sample] -> [chunk, 12]: the mean MFCC, the first dropped."""
    mel = librosa.feature.melspectrogram(y=chunks, sr=16000, hop_length=1600)
    return librosa.feature.mfcc(S=librosa.power_to_db(mel, top_db=None), n_mfcc=13)[:, 1:].mean(axis=2)


def family_map(features, clips, family):
    """Macro average precision of a family's classes, by ridge from features [clip, feature]; a third is the test."""
    targets = np.array([[f"{family}_{name}" in clip.labels for name in FAMILIES[family]] for clip in clips], float)
    features = (features - features.mean(0)) / (features.std(0) + 1e-9)
    test = np.arange(len(clips)) % 3 == 0
    scores = Ridge(10).fit(features[~test], targets[~test]).predict(features[test])
    return average_precision_score(targets[test], scores)


def test_peaks_know_the_pitch_and_mfcc_the_timbre():
    settings = Planted(duration_s=(0.9, 1.1), duration_mean_s=1.0, rate_hz=22050)
    clips = list(planted.clips(settings))[:168]
    chunks = np.array([chunk(planted.render(clip, settings)) for clip in clips])
    by_peaks, by_mfcc = peaks(chunks), cepstrum(chunks)
    assert 0.99 > family_map(by_peaks, clips, "pitch") > family_map(by_mfcc, clips, "pitch") + 0.15
    assert 0.99 > family_map(by_mfcc, clips, "timbre") > family_map(by_peaks, clips, "timbre") + 0.15
