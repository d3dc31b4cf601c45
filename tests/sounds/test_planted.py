"""The embedded corpus: its labels, its seeds, and that what is planted is physically there."""

from collections import Counter

import librosa
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from sklearn.linear_model import Ridge
from sklearn.metrics import average_precision_score

from lib.sounds.corpora import planted
from lib.sounds.corpora.planted import FAMILIES, Planted

SMALL = Planted(n_train=14, n_validation=6, n_test=8)
CLEAN = Planted(jitter_db=0, blend=0)
RATE_HZ = 44100
TIME_S = np.arange(3 * RATE_HZ) / RATE_HZ


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def spectrum_db(wave):
    """Level [bin] at 1 Hz a bin of one second of sound."""
    return 20 * np.log10(np.abs(np.fft.rfft(wave[:RATE_HZ] * np.hanning(RATE_HZ))) + 1e-12)


def test_durations_spread_over_the_range_with_the_wanted_mean():
    drawn = [planted.duration_s(np.random.default_rng(i), Planted()) for i in range(500)]
    assert np.mean(drawn) == pytest.approx(2.4, abs=0.2)
    assert 0.4 <= min(drawn) < 0.6
    assert 5 < max(drawn) <= 6


# Seeds


def test_another_seed_deals_other_labels():
    assert [c.labels for c in planted.clips(SMALL)] != [c.labels for c in planted.clips(Planted(seed=1))][:28]


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
