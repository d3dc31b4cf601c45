"""What each representation sounds like: sounds whose answer is known go in, and it is measured on what comes out."""

import librosa
import numpy as np
import pytest
import scipy.signal
import torch
from matplotlib.figure import Figure

from lib.plots.sounds import features_of, tone
from lib.representations import make, names
from lib.representations.base import N_NEAREST, ReferenceChunks, Representation, moments
from lib.representations.logmel import Logmel
from lib.representations.pitch import partials
from lib.settings import Settings
from lib.sounds.arrays import Rows

RATE = 16000
HOP = 400
SEMITONE = 2 ** (1 / 12)
FLOOR = 1e-3  # as any recording has: without noise, rounding and leakage have peaks too


def built(name: str, **own) -> Representation:
    torch.manual_seed(0)
    return make(name, Settings.preset("paper", {f"representations.{name}.{k}": v for k, v in own.items()})).eval()


def heard(representation: Representation, samples: np.ndarray) -> np.ndarray:
    return representation.sonify(features_of(representation, samples[None])[0])


def noisy(samples: np.ndarray) -> np.ndarray:
    return (samples + FLOOR * np.random.default_rng(1).standard_normal(len(samples))).astype(np.float32)


def strongest_hz(samples: np.ndarray) -> float:
    """The frequency where a sound's spectrum is highest, to 1/16 Hz."""
    size = 16 * RATE
    return np.abs(np.fft.rfft(samples * np.hanning(len(samples)), size)).argmax() * RATE / size


def known_of(representation: Representation, audio: np.ndarray) -> ReferenceChunks:
    """All chunks as training chunks; those on disk lie the other way round and behind another, which is none of them."""
    stored = np.concatenate([np.full_like(audio[:1], 0.5), audio[::-1]])
    features = np.concatenate([features_of(representation, part) for part in np.array_split(stored, len(stored))])
    index = np.arange(len(audio), 0, -1)
    return ReferenceChunks(Rows(stored, index), Rows(features, index))


@pytest.fixture(scope="module")
def twelve() -> np.ndarray:
    """Chunks [c, s] that differ: notes, noises, clicks."""
    rng = np.random.default_rng(0)
    rows = [noisy(tone(hz, RATE, n_partials=n)) for hz, n in ((110, 9), (220, 5), (440, 1), (700, 2), (1500, 3))]
    rows += [scipy.signal.lfilter([1], [1, a], rng.normal(0, 0.05, RATE)) for a in (-0.9, -0.5, 0, 0.6)]
    rows += [np.where(np.arange(RATE) % every < 3, 0.8, 0) + rng.normal(0, 1e-3, RATE) for every in (4000, 1600, 800)]
    return np.stack(rows).astype(np.float32)


# All of them


@pytest.mark.parametrize("name", names())
def test_a_sound_is_finite_float32_and_never_above_its_peak_and_always_the_same(name, twelve):
    representation = built(name)
    known = known_of(representation, twelve)
    for features in features_of(representation, twelve):
        sound = representation.sonify(features, known)
        assert sound.dtype == np.float32 and sound.ndim == 1
        assert len(sound) in (RATE, N_NEAREST * RATE)
        assert 0.01 < np.abs(sound).max() <= 0.9
        assert np.array_equal(sound, representation.sonify(features, known))
    assert representation.sound_caption


@pytest.mark.parametrize("name", ["pitch", "timbre", "waveform"])
@pytest.mark.parametrize("level", [0.0, 1e-30])
def test_silence_stays_silence(name, level):
    sound = heard(built(name), np.full(RATE, level, np.float32))
    assert len(sound) == RATE and np.abs(sound).max() < 1e-20


@pytest.mark.parametrize("name", ["pitch", "timbre"])
def test_loudness_is_gone_where_the_representation_drops_it(name, twelve):
    representation = built(name)
    assert np.abs(heard(representation, twelve[0]) - heard(representation, twelve[0] / 8)).max() < 1e-3


def test_the_waveform_stays_as_loud_as_it_was(twelve):
    for samples in (twelve[0] / 8, twelve[0] / 64, twelve[5] / 8):  # the first as it is would go over the peak
        assert heard(built("waveform"), samples).std() == pytest.approx(samples.std(), rel=0.01)


# Pitch


@pytest.mark.parametrize("hz", [41.0, 55.0, 100.0, 225.0, 450.0, 1000.0, 1234.0, 2500.0, 3800.0])
def test_a_tones_peaks_sound_at_its_pitch(hz):
    sound = heard(built("pitch"), noisy(0.5 * tone(hz, RATE)))
    assert hz / SEMITONE**0.5 < strongest_hz(sound) < hz * SEMITONE**0.5


@pytest.mark.parametrize("hz", [107.0, 190.0, 320.0])
def test_each_partial_of_a_note_sounds_and_nothing_between(hz):
    sound = heard(built("pitch"), noisy(tone(hz, RATE, n_partials=5)))[RATE // 4 : 3 * RATE // 4]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), RATE))  # a cell is 1 Hz
    on = [spectrum[round(k * hz / SEMITONE**0.5) : round(k * hz * SEMITONE**0.5) + 1].max() for k in range(1, 6)]
    between = [spectrum[round((k + 0.4) * hz) : round((k + 0.6) * hz)].max() for k in range(1, 5)]
    assert 20 * np.log10(min(on) / max(between)) > 20


def test_peaks_are_equally_loud():
    """A partial 20 dB below another comes back at its level: a map has none."""
    chord = noisy(0.5 * tone(300, RATE) + 0.05 * tone(1200, RATE))
    spectrum = np.abs(np.fft.rfft(heard(built("pitch"), chord)[RATE // 4 : 3 * RATE // 4]))
    low, high = (spectrum[round(hz / 2 / SEMITONE) : round(hz / 2 * SEMITONE) + 1].max() for hz in (300, 1200))
    assert abs(20 * np.log10(high / low)) < 3


def test_partials_go_on_in_the_same_or_a_neighbouring_bin():
    found = np.zeros((20, 6), np.uint8)
    found[[5, 5, 6, 7, 7, 6], range(6)] = 1  # glides up and down
    found[12, [0, 1, 3]] = 1  # stops, and another begins
    found[15, 1] = found[17, 2] = 1  # two bins apart: not the same
    every = {(first, tuple(bins)) for first, bins in partials(found)}
    assert every == {(0, (5, 5, 6, 7, 7, 6)), (0, (12, 12)), (3, (12,)), (1, (15,)), (2, (17,))}


def test_a_peak_that_could_go_on_in_two_ways_takes_one():
    found = np.zeros((9, 2), np.uint8)
    found[4, 0] = found[3, 1] = found[5, 1] = 1
    assert partials(found) == [(0, [4, 3]), (1, [5])]


def test_a_glide_is_one_tone_without_a_jump():
    """Through three octaves, a bin every other frame: amplitude steady, and phase as far on as its frequency allows."""
    found = np.zeros((80, 40), np.uint8)
    bins = 20 + np.arange(40) * 9 // 10
    found[bins, range(40)] = 1
    sound = built("pitch").sonify(found)
    inside = slice(HOP, 39 * HOP)  # at the chunk's end it is faded
    amplitude = np.abs(sound[inside]).max()
    highest = 40 * 2 ** (bins[-1] / 12)
    assert np.abs(np.diff(sound)).max() <= 1.001 * amplitude * 2 * np.sin(np.pi * highest / RATE)
    analytic = scipy.signal.hilbert(sound)[inside][200:-200]
    expected = 40 * 2 ** (np.interp(np.arange(RATE) / HOP, range(40), bins) / 12)[inside][200:-200]
    hz = np.angle(analytic[1:] / analytic[:-1]) * RATE / 2 / np.pi
    assert np.abs(hz / expected[1:] - 1).max() < 0.02
    assert np.abs(np.abs(analytic) / amplitude - 1).max() < 0.05


def test_births_and_deaths_are_faded_over_a_hop():
    found = np.zeros((80, 40), np.uint8)
    found[40, 10:20] = 1
    sound = built("pitch").sonify(found)
    level = np.abs(scipy.signal.hilbert(sound))
    steady = level[11 * HOP : 18 * HOP].mean()
    assert not sound[: 9 * HOP].any() and not sound[20 * HOP :].any()
    for middle in (9.5, 19.5):
        assert level[round(middle * HOP)] == pytest.approx(steady / 2, rel=0.1)
    assert np.abs(np.diff(sound)).max() <= 1.01 * steady * 2 * np.pi * 40 * 2 ** (40 / 12) / RATE


# Timbre

FORMANTS = {"a": (730, 1090, 2440), "i": (270, 2290, 3010), "u": (300, 870, 2240), "neutral": (500, 1500, 2500)}


def vowel(f0_hz: float, formants: tuple[int, ...]) -> np.ndarray:
    """A train of pulses through a resonator for each formant, one after another (Klatt's cascade)."""
    pulses = np.zeros(RATE)
    pulses[np.round(np.arange(0, RATE, RATE / f0_hz)).astype(int)[:-1]] = 1
    samples = scipy.signal.lfilter([1], [1, -0.9], pulses)  # a glottis is softer than a pulse
    for hz in formants:
        r = np.exp(-np.pi * 100 / RATE)
        a = [1, -2 * r * np.cos(2 * np.pi * hz / RATE), r * r]
        samples = scipy.signal.lfilter([sum(a)], a, samples)
    return noisy(0.5 * samples / np.abs(samples).max())


def envelope_of(samples: np.ndarray) -> np.ndarray:
    """Twelve slow waves over 128 mel bands by librosa, in the mean over time; distances are dB, root mean square."""
    return librosa.feature.mfcc(y=samples, sr=RATE, n_mfcc=13, hop_length=HOP)[1:, 4:-4].mean(1) / 128**0.5


def period(samples: np.ndarray, f0_hz: float) -> float:
    """How like itself a sound is a period later, 0 to 1, at the best lag within 3 % of the period."""
    flat = samples - scipy.signal.convolve(samples, np.ones(40) / 40, "same")  # low frequencies are alike over any lag
    lags = np.arange(int(RATE / f0_hz * 0.97), int(RATE / f0_hz * 1.03) + 2)
    return max(float(np.corrcoef(flat[:-lag], flat[lag:])[0, 1]) for lag in lags)


@pytest.mark.parametrize("name", FORMANTS)
def test_a_vowels_envelope_sounds_through_noise(name):
    original = vowel(110, FORMANTS[name])
    ours = envelope_of(heard(built("timbre"), original))
    assert np.linalg.norm(ours - envelope_of(original)) < 1, "of the 7 dB and more that vowels are apart"
    away = {other: np.linalg.norm(ours - envelope_of(vowel(110, FORMANTS[other]))) for other in FORMANTS}
    assert min(away, key=away.get) == name


@pytest.mark.parametrize("hz", [300, 500, 1000, 1500, 2500, 4000])
def test_a_formant_stays_where_it_was(hz):
    """To 100 Hz up to 1 kHz and a tenth above it: no more than half a wave of the fastest cosine."""
    sound = heard(built("timbre"), vowel(110, (hz,)))
    frequency_hz, power = scipy.signal.welch(sound, RATE, nperseg=1024)
    shown = np.convolve(power, np.ones(9) / 9, "same") * (frequency_hz > 150)
    assert abs(frequency_hz[shown.argmax()] - hz) < max(100, hz / 10)


@pytest.mark.parametrize("f0_hz", [100, 137, 180])
def test_a_vowels_pitch_is_gone_from_its_timbre(f0_hz):
    original = vowel(f0_hz, FORMANTS["neutral"])
    assert period(original, f0_hz) > 0.9
    assert period(heard(built("timbre"), original), f0_hz) < 0.2


def test_two_pitches_of_a_vowel_sound_alike_and_two_vowels_do_not():
    timbre = built("timbre")
    low = {name: envelope_of(heard(timbre, vowel(100, formants))) for name, formants in FORMANTS.items()}
    high = {name: envelope_of(heard(timbre, vowel(140, formants))) for name, formants in FORMANTS.items()}
    same = [np.linalg.norm(low[name] - high[name]) for name in FORMANTS]
    different = [np.linalg.norm(low[name] - high[other]) for name in FORMANTS for other in FORMANTS if name != other]
    assert 2 * max(same) < min(different)


def test_the_envelope_is_that_of_the_bands_it_came_from():
    """With as many coefficients as bands nothing is lost: level at a centre is the band's own, up to their mean."""
    timbre = built("timbre", n_mfcc=128)
    noise = np.random.default_rng(0).normal(0, 0.1, RATE)
    coloured = scipy.signal.lfilter([1], [1, -0.8], noise).astype(np.float32)
    power = librosa.feature.melspectrogram(y=coloured, sr=RATE, n_fft=2048, hop_length=HOP, n_mels=128, norm="slaney")
    theirs = 10 * np.log10(power[:, 20])
    envelope_db = 20 * np.log10(timbre.envelope(features_of(timbre, coloured[None])[0], 2**15)[:, 20])
    centres = librosa.mel_frequencies(130, fmin=0, fmax=RATE / 2)[1:-1]
    ours = np.interp(centres, np.linspace(0, RATE / 2, len(envelope_db)), envelope_db)
    assert np.abs(ours - (theirs - theirs.mean())).max() < 0.3


def test_all_frames_of_a_timbre_are_equally_loud_and_silent_parts_silent():
    chunk = vowel(110, FORMANTS["a"]) * np.linspace(1, 0.05, RATE, dtype=np.float32)  # 26 dB softer at the end
    levels = np.sqrt(np.square(heard(built("timbre"), chunk)[: 39 * HOP].reshape(39, HOP)).mean(1))
    assert 20 * np.log10(levels.max() / levels.min()) < 3
    chunk[RATE // 2 :] = 0
    assert not heard(built("timbre"), chunk)[RATE // 2 + 4 * HOP :].any(), "the window reaches 1024 samples"


# Waveform


def with_filters(weights: np.ndarray) -> Representation:
    waveform = built("waveform", n_filters=len(weights), filter_length=weights.shape[1])
    with torch.no_grad():
        waveform.filters.weight.copy_(torch.from_numpy(np.asarray(weights, np.float32))[:, None])
    return waveform


def windowed_sines(every_hz: np.ndarray) -> np.ndarray:
    time_s = np.arange(200) / RATE
    return np.sin(2 * np.pi * every_hz[:, None] * time_s) * np.hanning(200)


@pytest.mark.parametrize("place", [0, 5, 150, 399])
def test_one_filter_and_one_impulse_by_hand(place):
    """An impulse answers with the filter's values one by one; the highest puts the whole filter back around it."""
    taps = np.random.default_rng(3).normal(size=200)
    met = np.arange(max(0, place - 300), min(200, place + 100))  # the taps that the impulse meets: padding has an end
    top = met[taps[met].argmax()]  # where in the filter it lay when the answer was highest
    chunk = np.zeros(RATE, np.float32)
    chunk[2 * HOP + place] = 1
    expected = np.zeros(RATE)
    for tap in range(200):
        if 0 <= place - top + tap < HOP:
            expected[2 * HOP + place - top + tap] = taps[top] * taps[tap]
    expected *= np.sqrt(np.mean(chunk**2) / np.mean(expected**2))
    assert np.allclose(with_filters(taps[None]).sonify(chunk), expected, atol=1e-5)


def test_it_is_the_adjoint_of_what_the_forward_kept(twelve):
    """<A x, A x> = <x, A'A x>: with A the filters at the places of their maxima, whatever the weights."""
    waveform = with_filters(np.random.default_rng(0).normal(size=(7, 200)))
    for chunk in twelve[[0, 5, 9]]:
        patches = np.pad(chunk.reshape(40, HOP), ((0, 0), (99, 100)))
        windows = np.lib.stride_tricks.sliding_window_view(patches, 200, axis=1)
        maxima = (windows @ waveform.filters.weight[:, 0].detach().numpy().T).max(1)  # [p, f]
        sound = waveform.sonify(chunk).astype(np.float64)
        # the sound's level was set to the chunk's; the adjoint's own follows from <x, A'A x>
        scale = np.square(maxima).sum() / (sound @ chunk)
        assert scale > 0
        plain = np.zeros((40, 599))
        for p, f in np.ndindex(maxima.shape):
            at = (windows[p] @ waveform.filters.weight[f, 0].detach().numpy()).argmax()
            plain[p, at : at + 200] += maxima[p, f] * waveform.filters.weight[f, 0].detach().numpy()
        assert np.allclose(sound * scale, plain[:, 99:499].ravel(), atol=2e-3 * np.abs(plain).max())


@pytest.mark.parametrize("hz", [250, 500, 1000, 2000, 4000])
def test_a_tone_comes_back_from_filters_of_many_frequencies(hz):
    waveform = with_filters(windowed_sines(np.arange(100, 8000, 100.0)))
    assert abs(strongest_hz(waveform.sonify(0.5 * tone(hz, RATE))) - hz) < 40, "a patch is 25 ms: lines are 40 Hz apart"


def test_a_learned_sound_is_highest_where_its_filter_is():
    every_hz = np.array([200.0, 1000.0, 3000.0, 6500.0])
    waveform = with_filters(windowed_sines(every_hz))
    learned = waveform.learned_sounds()
    assert learned.shape == (4, RATE // 2) and learned.dtype == np.float32
    assert np.abs(learned).max() <= 0.9
    assert np.allclose(learned.std(1), learned.std(1)[0], rtol=0.05), "equally loud"
    for number, (hz, sound) in enumerate(zip(every_hz, learned, strict=True)):
        frequency_hz, power = scipy.signal.welch(sound, RATE, nperseg=512)
        assert abs(frequency_hz[power.argmax()] - hz) < 80
        for draw in (waveform.draw_learned_sound, lambda *a: Representation.draw_learned_sound(waveform, *a)):
            axis = Figure().subplots()
            draw(axis, number)
            drawn_hz, drawn_db = axis.lines[0].get_data()
            assert abs(drawn_hz[drawn_db.argmax()] - hz) < 80
            assert drawn_db.max() == pytest.approx(0)
            assert "(Hz)" in axis.get_xlabel() and "dB" in axis.get_ylabel() and axis.get_title()


@pytest.mark.parametrize("name", ["pitch", "timbre", "neuralogram"])
def test_a_front_end_without_sounds_of_its_own_has_none(name):
    learned = built(name).learned_sounds()
    assert learned.shape == (0, 0) and learned.dtype == np.float32


# Those that are heard through what is known


def test_a_training_chunks_nearest_is_itself(twelve):
    neuralogram = built("neuralogram")
    known = known_of(neuralogram, twelve)
    assert neuralogram.sound_caption == "the nearest training chunks, one after another"
    for row in range(len(twelve)):
        sound = neuralogram.sonify(known.features[row : row + 1][0], known)
        assert sound.shape == (N_NEAREST * RATE,)
        scale = min(1, 0.9 / np.abs(twelve[row]).max())
        assert np.corrcoef(sound[:RATE], twelve[row])[0, 1] > 0.9999
        assert np.abs(sound[:RATE]).max() <= np.abs(twelve[row]).max() * scale + 1e-6


def test_nearest_is_by_each_dimensions_own_spread_and_rows_are_those_of_the_index():
    """A dimension a thousand times larger decides nothing more than another; rows outside the index do not exist."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(1200, 3, 5)).astype(np.float32) * np.array([1, 1000, 0], np.float32)[:, None]
    index = np.arange(0, 1200, 2)[::-1]  # more than one block, and not in order
    known = ReferenceChunks(Rows(np.zeros((1200, 4), np.float32), index), Rows(features, index))
    asked = rng.normal(size=(3, 5)).astype(np.float32) * np.array([1, 1000, 0], np.float32)[:, None]
    spread = np.array([features[index][:, d].std() for d in range(2)])
    plain = np.array([np.square((features[i, :2] - asked[:2]) / spread[:, None]).sum() for i in index])
    assert np.array_equal(known.nearest(asked), plain.argsort()[:3])
    assert np.allclose(known.spread[:, 0], moments(known.features)[1])
    assert len(known.nearest(asked, 10)) == 10


def test_distances_never_hold_all_features_at_once():
    """A hundred thousand chunks are read a block at a time."""
    asked = []

    class Watched(Rows):
        def __getitem__(self, which):
            asked.append(len(range(*which.indices(len(self)))))
            return super().__getitem__(which)

    features = np.random.default_rng(0).normal(size=(2000, 2, 2)).astype(np.float32)
    known = ReferenceChunks(Rows(features[:, 0], np.arange(2000)), Watched(features, np.arange(2000)))
    assert known.nearest(features[1234])[0] == 1234
    assert sum(asked) == 2 * 2000 and max(asked) <= 512
    known.nearest(features[3])
    assert sum(asked) == 3 * 2000, "the spread is measured once"


def test_fewer_chunks_than_asked_for_are_all_there_are(twelve):
    neuralogram = built("neuralogram")
    assert neuralogram.sonify(features_of(neuralogram, twelve[:1])[0], known_of(neuralogram, twelve[:2])).shape == (
        2 * RATE,
    )


def test_without_known_chunks_it_says_what_is_missing_in_one_line(twelve):
    neuralogram = built("neuralogram")
    with pytest.raises(
        ValueError, match=r"neuralogram is heard by its nearest training chunks: pass reference="
    ) as raised:
        heard(neuralogram, twelve[0])
    assert "\n" not in str(raised.value)


def test_a_representation_without_a_sound_of_its_own_gets_the_default(twelve):
    logmel = built("logmel")
    assert isinstance(logmel, Logmel)
    known = known_of(logmel, twelve)
    sound = logmel.sonify(known.features[3:4][0], known)
    assert np.corrcoef(sound[:RATE], twelve[3])[0, 1] > 0.9999
    assert logmel.learned_sounds().shape == (0, 0)
