"""Properties of sounds, by sounds whose properties are known: tones, noises, clicks and decays made by formula."""

import numpy as np
import pytest
import soxr

from lib.evaluation import properties
from lib.evaluation.properties import PROPERTIES, of_sound
from lib.sounds.chunks import cut_clip
from lib.sounds.corpora import planted
from lib.study import Request, Study

RATE_HZ = 16000
TIME_S = np.arange(RATE_HZ) / RATE_HZ


def tone(f0_hz, n_partials=8, fall_db=-6.0):
    """A harmonic tone of 1 s."""
    partials = [n for n in range(1, n_partials + 1) if n * f0_hz < 7000]
    return 0.1 * sum(10 ** (fall_db * np.log2(n) / 20) * np.sin(2 * np.pi * n * f0_hz * TIME_S + n) for n in partials)


def white(seed=0):
    return np.random.default_rng(seed).standard_normal(RATE_HZ)


def sine(hz, amplitude=1.0):
    return amplitude * np.sin(2 * np.pi * hz * TIME_S)


@pytest.mark.parametrize("f0_hz", [41.2, 110, 261.63, 440, 987.8])
def test_the_fundamental_of_a_tone(f0_hz):
    assert 12 * (of_sound(tone(f0_hz), RATE_HZ)["f0"] - np.log2(f0_hz)) == pytest.approx(0, abs=0.1)  # semitones


def test_a_tone_without_its_fundamental_has_the_same():
    missing = tone(220) - 0.1 * np.sin(2 * np.pi * 220 * TIME_S + 1)
    assert 2 ** of_sound(missing, RATE_HZ)["f0"] == pytest.approx(220, rel=0.005)


@pytest.mark.parametrize("slope_db", [0, -3, -6])
def test_noise_has_no_fundamental(slope_db):
    noises = [planted.noise(RATE_HZ, slope_db, RATE_HZ, np.random.default_rng(seed)) for seed in range(10)]
    assert np.isnan([properties.fundamental(noise, RATE_HZ) for noise in noises]).all()


def test_silence_has_no_properties():
    assert np.isnan(list(of_sound(1e-5 * white(), RATE_HZ).values())).all()
    assert set(of_sound(np.zeros(RATE_HZ), RATE_HZ)) == {one.name for one in PROPERTIES}


def test_a_pitch_class_is_a_place_on_a_circle():
    one = next(one for one in PROPERTIES if one.period)
    a, octave, semitone, nothing = one.coordinates(np.log2([440, 880, 440 * 2 ** (1 / 12), np.nan]))
    assert a == pytest.approx(octave)
    assert a @ semitone == pytest.approx(np.cos(2 * np.pi / 12))
    assert np.isnan(nothing).all()


@pytest.mark.parametrize("slope_db", [-12, -6, -3, 0, 3])
def test_the_slope_of_noise_that_falls_by_so_many_db_an_octave(slope_db):
    noise = planted.noise(RATE_HZ, slope_db, RATE_HZ, np.random.default_rng(1))
    assert of_sound(noise, RATE_HZ)["slope"] == pytest.approx(slope_db, abs=0.4)


def test_the_centroid_of_one_and_of_two_sines():
    assert 2 ** of_sound(sine(1000), RATE_HZ)["centroid"] == pytest.approx(1000, rel=0.01)
    both = sine(1000) + sine(3000)
    assert 2 ** of_sound(both, RATE_HZ)["centroid"] == pytest.approx(2000, rel=0.01)


@pytest.mark.parametrize(("hz", "weight_db"), [(1000, 0.0), (100, -19.1), (63, -26.2), (6300, -0.1)])
def test_loudness_is_the_level_by_the_a_weighting_of_the_standard(hz, weight_db):
    assert of_sound(sine(hz, 0.5), RATE_HZ)["loudness"] == pytest.approx(-3.01 - 6.02 + weight_db, abs=0.15)


@pytest.mark.parametrize("rate", [2, 4, 5, 8, 10])
@pytest.mark.parametrize("noise", [1e-3, 1e-2])
def test_onsets_of_click_trains(rate, noise):
    clicks = planted.strokes(TIME_S, 1 / rate, 0.02, 0.5) * sine(440) + noise * white()
    assert of_sound(clicks, RATE_HZ)["onset_rate"] == rate


def test_a_steady_sound_has_no_onsets():
    for steady in (white(), 0.01 * white(1), tone(220) + 1e-3 * white(2)):
        assert of_sound(steady, RATE_HZ)["onset_rate"] == 0


@pytest.mark.parametrize("db_a_second", [-40.0, -12.0, 0.0, 25.0])
def test_the_decay_of_a_tone_that_falls_by_so_many_db_a_second(db_a_second):
    moving = tone(440) * 10 ** (db_a_second * TIME_S / 20)
    assert of_sound(moving, RATE_HZ)["decay"] == pytest.approx(db_a_second, abs=0.1)


@pytest.mark.parametrize("rate", [4, 6, 8])
@pytest.mark.parametrize("depth", [1.0, 0.5, 0.1])
def test_the_modulation_of_a_tremolo_of_known_depth(rate, depth):
    tremolo = (1 + depth * np.sin(2 * np.pi * rate * TIME_S)) * tone(440)
    assert of_sound(tremolo, RATE_HZ)["modulation"] == pytest.approx(20 * np.log10(depth), abs=1.0)
    assert of_sound(tone(440), RATE_HZ)["modulation"] < -35


@pytest.mark.parametrize("ratio_db", [-30.0, -20.0, -10.0, 0.0])
def test_noisiness_of_a_tone_in_noise_of_known_ratio(ratio_db):
    power = 10 ** (ratio_db / 10)
    mixed = sine(1000, np.sqrt(2)) + np.sqrt(power) * white()
    of_white = 10 * np.log10(np.exp(-np.euler_gamma))  # of a periodogram of white noise, in closed form
    expected = of_white + 10 * np.log10(power / (1 + power))
    assert of_sound(mixed, RATE_HZ)["noisiness"] == pytest.approx(expected, abs=0.5)
    assert of_sound(white(3), RATE_HZ)["noisiness"] == pytest.approx(of_white, abs=0.2)


def test_chunks_of_a_tenth_of_a_second_are_measured_too():
    found = of_sound(sine(1000)[:1600], RATE_HZ)
    assert np.isnan(found.pop("f0")) and np.isnan(found.pop("pitch_class"))  # shorter than a frame of the lowest tone
    assert np.isfinite(list(found.values())).all()


def test_what_is_measured_does_not_hang_on_the_level_but_for_loudness():
    loud, quiet = of_sound(tone(220) + 1e-3 * white(), RATE_HZ), of_sound(0.05 * (tone(220) + 1e-3 * white()), RATE_HZ)
    for name in set(loud) - {"loudness"}:
        assert quiet[name] == pytest.approx(loud[name], abs=1e-3), name
    assert quiet["loudness"] - loud["loudness"] == pytest.approx(20 * np.log10(0.05), abs=1e-3)


def test_the_pitch_class_that_was_planted_is_measured():
    """Of clips without a second tone and without loud noise; a clip of clicks may have no voiced chunk."""
    settings, n_chunks, off = planted.Planted(buried=0, company=0, n_train=48), 0, []
    for clip in [clip for clip in planted.clips(settings) if clip.role == "train"]:
        samples = soxr.resample(planted.render(clip, settings), settings.rate_hz, RATE_HZ)
        for chunk in cut_clip(samples)[0]:
            n_chunks += 1
            height = properties.fundamental(chunk.astype(float), RATE_HZ)
            semitones = 12 * (height - np.log2(planted.LOWEST_C_HZ)) - planted.PITCHES[clip.pitch]
            off.append(abs((semitones + 6) % 12 - 6))
    off = np.array(off)[np.isfinite(off)]
    assert len(off) > 0.7 * n_chunks
    assert (off < settings.detune_semitones + 0.2).mean() > 0.96


@pytest.fixture
def chunks(home, small_corpus):
    return Study.of(Request(preset="tiny", device="cpu", root=str(small_corpus))).chunks


def test_a_chunk_is_measured_once_and_stands_where_it_was_asked(chunks, monkeypatch):
    spent = []
    first = properties.of_chunks(chunks, np.array([5, 2]), spent)
    assert len(spent) == 1
    calls = []
    monkeypatch.setattr(properties, "of_sound", lambda samples, rate: calls.append(1) or of_sound(samples, rate))
    both = properties.of_chunks(chunks, np.array([2, 3, 5]), spent)
    assert len(calls) == 1 and len(spent) == 2
    expected = [of_sound(chunks.audio[row], RATE_HZ) for row in (2, 3, 5)]
    for name in both:
        np.testing.assert_array_equal(both[name], [one[name] for one in expected])
        np.testing.assert_array_equal(both[name][[2, 0]], first[name])


def test_other_samples_are_measured_anew(chunks):
    from dataclasses import replace

    before = properties.of_chunks(chunks, np.array([0]))["loudness"]
    other = replace(chunks, audio=0.5 * np.asarray(chunks.audio), key="of other samples")
    assert properties.of_chunks(other, np.array([0]))["loudness"] == pytest.approx(before - 6.02, abs=0.01)
