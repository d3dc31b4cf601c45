"""Perturbations against what they say they do: levels, ratios, pitches, bands, lengths; and that they repeat."""

import librosa
import numpy as np
import pytest
import soundfile

from lib.settings import Chunking
from lib.sounds.decode import decode
from lib.sounds.perturb import PERTURBATIONS, generator, of_length, perturbed, response

RATE = 44100
RULE = Chunking()
MODULES = {name: each.needs for name, each in PERTURBATIONS.items() if each.needs}


def tone(hz=440.0, seconds=2.0, rate=RATE):
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def applied(name, samples, strength, rate=RATE):
    if name in MODULES:
        pytest.importorskip(MODULES[name])
    return of_length(
        PERTURBATIONS[name].apply(samples, rate, strength, generator("clip", name, strength)), len(samples)
    )


def peak_hz(samples, rate=RATE):
    return np.abs(np.fft.rfft(samples * np.hanning(len(samples)))).argmax() * rate / len(samples)


def rms(samples):
    return float(np.sqrt(np.mean(np.asarray(samples, float) ** 2)))


@pytest.fixture
def noisy(tmp_path):
    """A file of a tone in noise at 44.1 kHz, as 16 bits."""
    samples = tone() + 0.02 * np.random.default_rng(0).standard_normal(2 * RATE)
    soundfile.write(tmp_path / "noisy.wav", samples, RATE)
    return tmp_path / "noisy.wav"


def test_each_has_five_strengths_and_a_unit():
    assert {len(set(each.strengths)) for each in PERTURBATIONS.values()} == {5}
    assert [name for name, each in PERTURBATIONS.items() if not each.unit] == ["resampler"]


@pytest.mark.parametrize(("name", "none"), [("gain", 0), ("shift", 0), ("clipping", 0)])
def test_at_no_strength_a_sound_stays_as_it_is(name, none):
    samples = tone()
    assert PERTURBATIONS[name].none == none
    assert np.array_equal(applied(name, samples, none), samples)


def test_gain_is_in_decibels():
    assert 20 * np.log10(rms(applied("gain", tone(), -20)) / rms(tone())) == pytest.approx(-20, abs=1e-3)


def test_a_shift_moves_a_click_by_its_seconds():
    click = np.zeros(RATE, np.float32)
    click[1000] = 1
    assert applied("shift", click, 0.2).argmax() == 1000 + round(0.2 * RATE)


@pytest.mark.parametrize("snr_db", PERTURBATIONS["noise"].strengths)
def test_noise_has_the_ratio_that_was_asked_for(snr_db):
    samples = tone()
    added = applied("noise", samples, snr_db) - samples
    assert 20 * np.log10(rms(samples) / rms(added)) == pytest.approx(snr_db, abs=0.01)


@pytest.mark.parametrize("semitones", PERTURBATIONS["pitch"].strengths)
def test_a_pitch_shift_moves_the_fundamental_by_its_semitones(semitones):
    found = applied("pitch", tone(220), semitones)
    assert 12 * np.log2(peak_hz(found) / 220) == pytest.approx(semitones, abs=0.1)


def test_a_pitch_shift_moves_nothing_in_time():
    burst = tone(880) * (np.abs(np.arange(2 * RATE) - RATE) < RATE // 10)
    found = applied("pitch", burst, 2)
    middle = (np.arange(len(found)) * found**2).sum() / (found**2).sum()
    assert middle == pytest.approx(RATE, abs=0.01 * RATE)


@pytest.mark.parametrize("speed", PERTURBATIONS["stretch"].strengths)
def test_a_stretch_keeps_the_pitch_and_comes_back_after_its_end(speed):
    # A second of tone, a second of silence.
    whole = np.where(np.arange(2 * RATE) < RATE, tone(440), 0).astype(np.float32)
    found = applied("stretch", whole, speed)
    assert len(found) == len(whole) and peak_hz(found) == pytest.approx(440, abs=2)
    once = round(2 * RATE / speed)
    n = min(once, len(whole) - once)
    assert np.array_equal(found[once : once + n], found[:n])


def test_a_low_pass_removes_a_tone_above_it_and_leaves_one_below():
    for hz, name, left in (
        (3000, "lowpass", False),
        (500, "lowpass", True),
        (3000, "highpass", True),
        (500, "highpass", False),
    ):
        ratio = rms(applied(name, tone(hz), 1000)[RATE // 2 : -RATE // 2]) / rms(tone(hz))
        assert ratio == pytest.approx(1, abs=0.02) if left else ratio < 1e-3, (hz, name)


def test_a_band_beyond_the_rate_changes_nothing():
    samples = tone(rate=8000)
    assert np.array_equal(applied("lowpass", samples, 6000, rate=8000), samples)


@pytest.mark.parametrize("rt60_s", PERTURBATIONS["reverb"].strengths)
def test_a_room_rings_for_its_reverberation_time(rt60_s):
    experimental = pytest.importorskip("pyroomacoustics.experimental")
    found = response(16000, rt60_s)
    assert experimental.measure_rt60(found, 16000, decay_db=30) == pytest.approx(rt60_s, rel=0.3)


def test_a_room_changes_neither_level_nor_place():
    click = np.zeros(16000, np.float32)
    click[4000] = 0.5
    found = applied("reverb", click, 0.5, rate=16000)
    assert rms(found) == pytest.approx(rms(click), rel=1e-3)
    assert abs(int(np.abs(found).argmax()) - 4000) <= 48  # 3 ms


def test_clipping_cuts_its_part_of_the_samples():
    samples = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    found = applied("clipping", samples, 10)
    assert (np.abs(found) >= np.abs(found).max() - 1e-6).mean() == pytest.approx(0.1, abs=0.001)


@pytest.mark.parametrize("name", ["mp3", "opus"])
@pytest.mark.parametrize("rate", [44100, 16000])
def test_a_codec_keeps_length_and_place_and_costs_more_the_lower_its_rate(name, rate):
    rng = np.random.default_rng(0)
    samples = (0.1 * np.cumsum(rng.standard_normal(2 * rate)) / 30).astype(np.float32)
    samples -= np.convolve(samples, np.ones(200) / 200, "same").astype(np.float32)
    errors = []
    for kbps in PERTURBATIONS[name].strengths:
        found = applied(name, samples, kbps, rate=rate)
        assert len(found) == len(samples) and np.isfinite(found).all()
        lags = np.fft.irfft(np.fft.rfft(found) * np.conj(np.fft.rfft(samples)))
        lag = int(lags.argmax())
        assert min(lag, len(samples) - lag) <= 0.001 * rate
        errors.append(rms(found - samples) / rms(samples))
    assert errors[-1] > 2 * errors[0]


def test_a_poor_resampler_folds_what_lies_above_the_band_back_into_it():
    high = tone(11000)  # above the 8 kHz that 16 kHz can hold
    good, poor = (rms(applied("resampler", high, quality)) for quality in ("soxr_vhq", "soxr_qq"))
    assert 100 * good < poor


def test_sounds_of_16_khz_need_no_resampler():
    samples = tone(rate=16000)
    assert np.array_equal(applied("resampler", samples, "soxr_qq", rate=16000), samples)


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_every_perturbation_repeats_and_keeps_the_length(name, noisy):
    if name in MODULES:
        pytest.importorskip(MODULES[name])
    strength = PERTURBATIONS[name].strengths[0]
    whole = decode(noisy)
    first, second = (perturbed(noisy, "a clip", name, strength, RULE) for _ in range(2))
    assert first.dtype == np.float32 and len(first) == len(whole)
    assert np.array_equal(first, second) and not np.array_equal(first, whole)


def test_noise_differs_between_clips_and_strengths(noisy):
    drawn = [perturbed(noisy, clip, "noise", 0, RULE) - decode(noisy) for clip in ("a", "b")]
    assert abs(np.corrcoef(drawn)[0, 1]) < 0.05


def test_silence_stays_silence():
    silent = np.zeros(16000, np.float32)
    for name in ("gain", "noise", "clipping", "lowpass"):
        assert not applied(name, silent, PERTURBATIONS[name].strengths[-1], rate=16000).any()


def test_a_sound_of_a_few_samples_goes_through():
    for name in PERTURBATIONS:
        if name not in MODULES:
            assert len(applied(name, tone()[:50], PERTURBATIONS[name].strengths[2])) == 50


def test_a_shifted_vowel_is_heard_at_its_new_pitch():
    shifted = applied("pitch", librosa.tone(200, sr=16000, duration=1.5).astype(np.float32), 12, rate=16000)
    f0 = librosa.yin(shifted, fmin=80, fmax=1000, sr=16000)
    assert np.median(f0) == pytest.approx(400, rel=0.02)
