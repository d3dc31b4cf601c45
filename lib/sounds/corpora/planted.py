"""The embedded corpus: seeded synthetic sounds whose answer is known.

Every clip is a harmonic tone in noise and carries one label of each of three independent families:

    pitch_*     the chroma of its fundamental, in any of five octaves
    timbre_*    the smooth spectral envelope that its partials follow, whatever the octave
    gesture_*   how its level moves in time

What is planted: the map of constant-Q peaks can know the pitch and hardly the timbre, the MFCC the reverse. Register,
glides, odd-only and inharmonic partials look like pitch or timbre but are known to both, so no class is made of them.
Noise, level, onset, the jitter of the partials and the colour of an uploader's recordings only stand in the way.

lib/sounds/corpora/embedded.py writes them to disk.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from lib.settings import Frozen

Range = tuple[float, float]
Random = np.random.Generator

LOWEST_C_HZ = 32.703  # C1: some fundamentals lie under the 80 bins from 40 Hz, their octaves never
TABLE = 32768  # samples of one period: at 300 partials still 100 a wave, so that linear interpolation errs by -70 dB
ROLE_STEP = 120_000  # between the ids of roles: more than a role's clips, and whole rounds of 24
EDGE_S = 0.005  # an onset takes 5 ms: shorter clicks, longer blunts a click train

# Semitones above C: whole tones, so that half a semitone of detuning never reaches the next class.
PITCHES = {"c": 0, "d": 2, "e": 4, "fsharp": 6, "gsharp": 8, "asharp": 10}

# Waves over the mel axis (half turns, sign): two spectra that tilt, two that bend; none changes the mean level.
TIMBRES = {"dark": (1, 1), "bright": (1, -1), "hollow": (2, 1), "nasal": (2, -1)}


class Planted(Frozen):
    """The corpus in numbers; a range is (low, high) and drawn from evenly."""

    seed: int = Field(0, ge=0)
    n_train: int = Field(330, ge=1, description="clips; some 800 chunks of 1 s, which 20 epochs learn in a minute")
    n_validation: int = Field(40, ge=1, description="clips")
    n_test: int = Field(170, ge=1, description="clips; some 400 chunks, an interval of about 0.05 on a family's mAP")
    clips_per_uploader: int = Field(9, ge=1, description="some 60 uploaders, none in two roles")
    rate_hz: int = Field(44100, ge=20000, description="as FSD50K, so that resampling is exercised")
    duration_s: Range = Field((0.4, 6.0), description="some need repeating to 1 s, some give five chunks")
    duration_mean_s: float = Field(2.4, gt=0, description="two to three chunks a clip, so that clip and chunk differ")
    octaves: int = Field(5, ge=1, le=5, description="register must not reveal the pitch class")
    detune_semitones: float = Field(0.3, ge=0, lt=0.5, description="either way: a class is no single bin")
    jitter_db: float = Field(6.0, ge=0, description="either way, each partial: no single partial reveals the envelope")
    slope_db: float = Field(-4.0, le=0, description="an octave, of every spectrum, as natural sounds have it")
    contrast_db: float = Field(20.0, ge=0, description="the most that two envelopes lie apart: no partial vanishes")
    blend: float = Field(0.25, ge=0, lt=0.5, description="the most of another envelope that is mixed in")
    top_hz: float = Field(10000.0, gt=8000, description="all partials to here: beyond the 8 kHz that the study hears")
    noise_db: Range = Field((-45.0, -25.0), description="against the tone, of most clips")
    buried: float = Field(0.12, ge=0, le=1, description="share of clips in loud noise")
    buried_db: Range = Field((-12.0, 6.0), description="noise against the tone, of buried clips")
    company: float = Field(0.25, ge=0, le=1, description="share of clips with a second tone: nobody reaches 0.99")
    company_db: Range = Field((-8.0, 0.0), description="the second tone against the first")
    floor_db: Range = Field((-45.0, -18.0), description="how deep a gesture goes")
    onset_s: Range = Field((0.0, 0.15), description="noise alone before the tone")
    peak_dbfs: Range = Field((-24.0, -2.0), description="level is no cue; under 0 nothing clips")
    colour_db: float = Field(2.0, ge=0, description="most that an uploader's recordings tilt or bend, at either end")


@dataclass(frozen=True)
class Clip:
    """What a clip is before it sounds; `index` alone, with the seed, decides all the rest."""

    index: int
    role: str
    uploader: int
    pitch: str
    timbre: str
    gesture: str

    @property
    def id(self) -> str:
        """A number, as FSD50K's are."""
        return str(self.index)

    @property
    def labels(self) -> tuple[str, str, str]:
        """One class of each family."""
        return f"pitch_{self.pitch}", f"timbre_{self.timbre}", f"gesture_{self.gesture}"


def random(seed: int, stream: str, *index: int) -> Random:
    """The random numbers of one thing: streams and indices never share them."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(*stream.encode(), *index)))


def amplitude(level_db: np.ndarray | float) -> np.ndarray | float:
    """Decibels [...] to amplitude [...]."""
    return 10 ** (np.asarray(level_db) / 20)


def fundamental_hz(pitch: str, octave: int = 0, detune_semitones: float = 0.0) -> float:
    """Frequency of a pitch class in octave 0, 1, ... above C1, in equal temperament at A = 440 Hz."""
    return LOWEST_C_HZ * 2 ** (octave + (PITCHES[pitch] + detune_semitones) / 12)


def tone(f0_hz: float, levels_db: np.ndarray, n_samples: int, rate_hz: int, rng: Random) -> np.ndarray:
    """Partials 1, 2, ... of f0 at levels_db [partial] with random phases -> [n_samples], root mean square 1."""
    spectrum = np.zeros(TABLE // 2 + 1, complex)
    spectrum[1 : len(levels_db) + 1] = amplitude(levels_db) * np.exp(2j * np.pi * rng.random(len(levels_db)))
    period = np.fft.irfft(spectrum, TABLE)
    turns = np.arange(n_samples) * (f0_hz / rate_hz)
    return np.interp(turns % 1, np.arange(TABLE + 1) / TABLE, np.append(period, period[0])) / period.std()


def mel_position(frequency_hz: np.ndarray, top_hz: float) -> np.ndarray:
    """Place [...] of frequencies [...] on the mel axis: 0 at 0 Hz, 1 at top_hz."""
    return np.log1p(np.asarray(frequency_hz) / 700) / np.log1p(top_hz / 700)


def envelope_db(timbre: str, frequency_hz: np.ndarray, settings: Planted = Planted()) -> np.ndarray:
    """A timbre's envelope at frequencies [...]: within half of contrast_db of 0."""
    half_turns, sign = TIMBRES[timbre]
    return sign * settings.contrast_db / 2 * np.cos(np.pi * half_turns * mel_position(frequency_hz, settings.top_hz))


def partials_db(timbre: str, f0_hz: float, rng: Random, settings: Planted = Planted()) -> np.ndarray:
    """Levels [partial] of all partials up to top_hz: slope, the envelope with some of another in it, jitter."""
    frequency_hz = f0_hz * np.arange(1, int(settings.top_hz / f0_hz) + 1)
    others = [name for name in TIMBRES if name != timbre]
    own, mixed = (envelope_db(name, frequency_hz, settings) for name in (timbre, str(rng.choice(others))))
    jitter = rng.uniform(-settings.jitter_db, settings.jitter_db, len(frequency_hz))
    blended = own + rng.uniform(0, settings.blend) * (mixed - own)
    return settings.slope_db * np.log2(frequency_hz / f0_hz) + blended + jitter


# Gesture: each a gain between 0 and 1 at time_s [sample]


def strokes(time_s: np.ndarray, period_s: float, fall_s: float, start: float) -> np.ndarray:
    """A stroke every period_s, `start` of a period in: up in EDGE_S, down to 1/e in fall_s."""
    since_s = (time_s / period_s + start) % 1 * period_s
    return np.minimum(since_s / EDGE_S, 1) * np.exp(-np.maximum(since_s - EDGE_S, 0) / fall_s)


def steady(time_s: np.ndarray, rng: Random) -> np.ndarray:
    """No movement."""
    return np.ones_like(time_s)


def tremolo(time_s: np.ndarray, rng: Random) -> np.ndarray:
    """A smooth wave of 4 to 8 a second, as players have it."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * (rng.uniform(4, 8) * time_s + rng.random()))


def click_train(time_s: np.ndarray, rng: Random) -> np.ndarray:
    """5 to 10 short strokes a second: as fast as a tremolo, but each rings for 20 to 40 ms only."""
    return strokes(time_s, 1 / rng.uniform(5, 10), rng.uniform(0.02, 0.04), rng.random())


def decay(time_s: np.ndarray, rng: Random) -> np.ndarray:
    """A stroke about every second, so that every chunk of 1 s holds its fall."""
    return strokes(time_s, rng.uniform(0.7, 1.1), rng.uniform(0.15, 0.35), rng.random())


def swell(time_s: np.ndarray, rng: Random) -> np.ndarray:
    """A decay played backwards."""
    return decay(-time_s, rng)


def gaps(time_s: np.ndarray, rng: Random) -> np.ndarray:
    """On and off 1.5 to 3 times a second, with edges of EDGE_S."""
    period_s, share = 1 / rng.uniform(1.5, 3), rng.uniform(0.4, 0.65)
    since_s = (time_s / period_s + rng.random()) % 1 * period_s
    return np.clip(np.minimum(since_s, share * period_s - since_s) / EDGE_S, 0, 1)


GESTURES = {gesture.__name__: gesture for gesture in (steady, tremolo, click_train, decay, swell, gaps)}

FAMILIES = {"pitch": tuple(PITCHES), "timbre": tuple(TIMBRES), "gesture": tuple(GESTURES)}
PARENTS = {f"{family}_{name}": (family,) for family, names in FAMILIES.items() for name in names}
CLASSES = tuple(PARENTS)


# What stands in the way, and the whole clip


def noise(n_samples: int, slope_db: float, rate_hz: int, rng: Random) -> np.ndarray:
    """Gaussian noise falling by slope_db an octave -> [n_samples], root mean square 1."""
    frequency_hz = np.fft.rfftfreq(n_samples, 1 / rate_hz)
    octave = np.log2(np.maximum(frequency_hz / LOWEST_C_HZ, 1))
    wave = np.fft.irfft(amplitude(slope_db * octave) * np.fft.rfft(rng.standard_normal(n_samples)), n_samples)
    return wave / wave.std()


def colour_db(uploader: int, frequency_hz: np.ndarray, settings: Planted = Planted()) -> np.ndarray:
    """An uploader's recording colour at frequencies [...]: a tilt and a bend, each within colour_db."""
    tilt, bend = random(settings.seed, "uploader", uploader).uniform(-1, 1, 2) * settings.colour_db
    place = np.minimum(mel_position(frequency_hz, settings.top_hz), 1)
    return tilt * np.cos(np.pi * place) + bend * np.cos(2 * np.pi * place)


def duration_s(rng: Random, settings: Planted) -> float:
    """A duration of whole hundredths of a second (sample counts that an FFT likes): more short than long ones."""
    low, high = settings.duration_s
    mean = (settings.duration_mean_s - low) / (high - low)
    return round(low + (high - low) * rng.beta(3.5 * mean, 3.5 * (1 - mean)), 2)


def voice(pitch: str, timbre: str, n_samples: int, rng: Random, settings: Planted) -> np.ndarray:
    """A tone of a pitch class and a timbre, in a random octave and a little out of tune -> [n_samples]."""
    detune = rng.uniform(-settings.detune_semitones, settings.detune_semitones)
    f0_hz = fundamental_hz(pitch, int(rng.integers(settings.octaves)), detune)
    return tone(f0_hz, partials_db(timbre, f0_hz, rng, settings), n_samples, settings.rate_hz, rng)


def moved(wave: np.ndarray, gesture: str, rng: Random, settings: Planted) -> np.ndarray:
    """`wave` [sample] with a gesture that stops at a random floor, after a random onset."""
    time_s, floor = np.arange(len(wave)) / settings.rate_hz, amplitude(rng.uniform(*settings.floor_db))
    gain = floor + (1 - floor) * GESTURES[gesture](time_s, rng)
    return wave * gain * np.clip((time_s - rng.uniform(*settings.onset_s)) / EDGE_S, 0, 1)


def render(clip: Clip, settings: Planted = Planted()) -> np.ndarray:
    """The sound of a clip [sample] at rate_hz, float64 within -1 to 1; decided by the seed and the clip's index."""
    rng = random(settings.seed, "clip", clip.index)
    n_samples = round(duration_s(rng, settings) * settings.rate_hz)
    wave = voice(clip.pitch, clip.timbre, n_samples, rng, settings)
    if rng.random() < settings.company:
        other = voice(str(rng.choice(list(PITCHES))), clip.timbre, n_samples, rng, settings)
        wave = wave + other * amplitude(rng.uniform(*settings.company_db))
    noise_db = rng.uniform(*(settings.buried_db if rng.random() < settings.buried else settings.noise_db))
    hiss = noise(n_samples, settings.slope_db, settings.rate_hz, rng) * amplitude(noise_db)
    spectrum = np.fft.rfft(moved(wave, clip.gesture, rng, settings) + hiss)
    equipment_db = colour_db(clip.uploader, np.fft.rfftfreq(n_samples, 1 / settings.rate_hz), settings)
    wave = np.fft.irfft(spectrum * amplitude(equipment_db), n_samples)
    return wave / np.abs(wave).max() * amplitude(rng.uniform(*settings.peak_dbfs))


# The table of clips


def dealt(index: int, seed: int) -> tuple[str, str, str]:
    """Pitch, timbre and gesture of an index: every round of 24 deals each pair of the first two once, shuffled.

    The gesture moves on by a Latin square, so that all pairs of families are even in a round and all triples in six.
    """
    turn, place = divmod(index, len(PITCHES) * len(TIMBRES))
    order = random(seed, "labels", turn).permutation(len(PITCHES) * len(TIMBRES))
    pitch, timbre = divmod(int(order[place]), len(TIMBRES))
    return list(PITCHES)[pitch], list(TIMBRES)[timbre], list(GESTURES)[(pitch + timbre + turn) % len(GESTURES)]


def clips(settings: Planted = Planted()) -> Iterator[Clip]:
    """All clips; a role starts at its own ROLE_STEP, so that its clips do not hang on another role's number."""
    numbers = {"train": settings.n_train, "val": settings.n_validation, "test": settings.n_test}
    for place, (role, n_clips) in enumerate(numbers.items(), 1):
        for number in range(n_clips):
            index = place * ROLE_STEP + number
            uploader = place * 1000 + number // settings.clips_per_uploader
            yield Clip(index, role, uploader, *dealt(index, settings.seed))
