"""What is measured on the sound itself, chunk by chunk: the quantities that probes look for in embeddings.

Each property is one row of PROPERTIES: a function of the samples [sample], -1..1, and their rate in Hz, by librosa
wherever it has one. A value is NaN where it is not defined: everything in silence, the fundamental where nothing is voiced.

The fundamental is that of librosa.yin, which names a frequency for noise too; librosa.pyin tells the two apart but takes
a hundred times as long (229 against 2 ms a chunk of 1 s). So a frame is voiced where it repeats itself after the period
that yin names: a correlation of 0.85 or more, which noise does not reach.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

import librosa
import numpy as np

from lib import files
from lib.files import digests, locked
from lib.sounds.chunks import Chunks

VERSION = 1  # of the rules below: raised when the same samples would give other values

FRAME, HOP = 2048, 512  # samples of the frames, as librosa has them
LOWEST_HZ, HIGHEST_HZ = 30.0, 2000.0  # of a fundamental: two periods of the lowest fit into a frame at 16 kHz
TROUGH = 0.2  # of librosa.yin: at its default of 0.1 bright tones are taken for their third subharmonic
VOICED = 0.85  # correlation of a frame with itself a period later
VOICED_SHARE = 0.3  # of the frames that sound, for a chunk to be a tone
SOUNDING_DB = 40.0  # frames that lie further below the loudest do not count
SLOPE_HZ = (100.0, 7000.0)  # where the slope of a spectrum is taken: above it recordings are often cut off
MODULATION_HZ = (3.0, 20.0)  # slower is a rise or fall of the level, faster is heard as roughness
ONSET_DB = 3.0  # above the rise of the frames around it: noise stays below
DEEPEST_DB = -60.0  # below the loudest frame; what lies deeper counts as this
SILENT = 1e-4  # a chunk whose highest sample lies below this, -80 dBFS, has no properties

Measure = Callable[[np.ndarray, int], float]


@dataclass(frozen=True)
class Property:
    """A property: how it is called, its unit, and how it is measured.

    period: where the scale is a circle (1 for octaves: a pitch class), how long it is; 0 for a line.
    """

    name: str
    title: str
    unit: str
    measure: Measure
    period: float = 0.0

    def coordinates(self, values: np.ndarray) -> np.ndarray:
        """What a linear model predicts [chunk, 1], or [chunk, 2] of a circle, whose two ends would else be far apart.

        Cosine and sine rather than twelve classes: a tone between two semitones is near to both, no border is drawn
        by hand, and the share of variance explained is comparable with that of the other properties.
        """
        if not self.period:
            return values[:, None]
        turns = 2 * np.pi * values[:, None] / self.period
        return np.concatenate([np.cos(turns), np.sin(turns)], axis=1)


def fundamental(samples: np.ndarray, rate_hz: int) -> float:
    """log2 of the fundamental in Hz: the median of the voiced frames; NaN where few of those that sound are."""
    longest = int(rate_hz / LOWEST_HZ) + 2
    frame = max(FRAME, 2 * longest)
    if len(samples) < frame:
        return np.nan
    f0_hz = librosa.yin(
        samples, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, sr=rate_hz, frame_length=frame, hop_length=HOP,
        trough_threshold=TROUGH, center=False,
    )  # fmt: skip
    frames = librosa.util.frame(samples, frame_length=frame, hop_length=HOP)  # [sample, frame]
    sounding = _sounding(frames)
    voiced = sounding & (periodicity(frames, rate_hz / f0_hz, longest) >= VOICED)
    return float(np.median(np.log2(f0_hz[voiced]))) if voiced.sum() >= VOICED_SHARE * sounding.sum() else np.nan


def periodicity(frames: np.ndarray, period: np.ndarray, longest: int) -> np.ndarray:
    """Correlation [frame] of each of frames [sample, frame] with itself a period [frame] in samples later.

    Between the samples the correlation is that of the parabola through three whole lags.
    """
    width = len(frames) - longest - 1
    nearest = np.round(period).astype(int)
    left, middle, right = (_correlation(frames, nearest + step, width) for step in (-1, 0, 1))
    offset = period - nearest
    return middle + offset * (right - left) / 2 + offset**2 * (left - 2 * middle + right) / 2


def _correlation(frames: np.ndarray, lag: np.ndarray, width: int) -> np.ndarray:
    first = frames[:width]
    later = np.take_along_axis(frames, np.arange(width)[:, None] + lag, axis=0)
    under = np.sqrt((first**2).sum(0) * (later**2).sum(0))
    return np.divide((first * later).sum(0), under, out=np.zeros(len(lag)), where=under > 0)


def _sounding(frames: np.ndarray) -> np.ndarray:
    """[frame] bool of frames [sample, frame]: those near enough to the loudest."""
    power = (frames**2).mean(0)
    return power > power.max() * 10 ** (-SOUNDING_DB / 10)


def spectrum(samples: np.ndarray, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequency in Hz and mean power over the frames, both [bin]; no frame reaches over an end, whose step would hiss."""
    n_fft = min(FRAME, len(samples))
    power = (np.abs(librosa.stft(samples, n_fft=n_fft, hop_length=HOP, center=False)) ** 2).mean(1)
    return librosa.fft_frequencies(sr=rate_hz, n_fft=n_fft), power


def centroid(samples: np.ndarray, rate_hz: int) -> float:
    """log2 of the spectral centroid in Hz, of the mean spectrum (librosa.feature.spectral_centroid)."""
    frequency_hz, power = spectrum(samples, rate_hz)
    magnitude = np.sqrt(power)[:, None]
    return float(np.log2(librosa.feature.spectral_centroid(S=magnitude, freq=frequency_hz)[0, 0]))


def slope(samples: np.ndarray, rate_hz: int) -> float:
    """Slope of the mean power spectrum in dB an octave: least squares in which every octave counts alike."""
    frequency_hz, power = spectrum(samples, rate_hz)
    inside = (frequency_hz >= SLOPE_HZ[0]) & (frequency_hz <= SLOPE_HZ[1])
    octave, level_db = np.log2(frequency_hz[inside]), 10 * np.log10(power[inside] + 1e-10 * power.max())
    return float(np.polyfit(octave, level_db, 1, w=1 / np.sqrt(frequency_hz[inside]))[0])


def loudness(samples: np.ndarray, rate_hz: int) -> float:
    """A-weighted level (librosa.A_weighting) in dB; a sine of 1 kHz and amplitude 1 has -3."""
    power = 2 * np.abs(np.fft.rfft(samples)) ** 2 / len(samples) ** 2  # its sum is the mean square
    weight_db = librosa.A_weighting(np.fft.rfftfreq(len(samples), 1 / rate_hz)[1:])
    return float(10 * np.log10((power[1:] * 10 ** (weight_db / 10)).sum() + 1e-12))


def onset_rate(samples: np.ndarray, rate_hz: int) -> float:
    """Onsets a second (librosa.onset): rises by ONSET_DB over all mel bands, in frames short enough for ten a second.

    In decibels and not, as librosa's default has it, relative to the strongest: steady noise would be full of onsets.
    """
    hop = rate_hz // 100
    power = librosa.feature.melspectrogram(
        y=samples, sr=rate_hz, n_fft=FRAME // 4, hop_length=hop, n_mels=40, center=False
    )  # zeros before the chunk would make an onset of its edge
    strength = librosa.onset.onset_strength(S=librosa.power_to_db(power), sr=rate_hz, hop_length=hop, center=False)
    onsets = librosa.onset.onset_detect(
        onset_envelope=strength, sr=rate_hz, hop_length=hop, normalize=False, delta=ONSET_DB
    )
    return len(onsets) * rate_hz / len(samples)


def decay(samples: np.ndarray, rate_hz: int) -> float:
    """Slope of the level over the chunk in dB/s, by least squares: below zero what dies away, above zero what swells."""
    rms = librosa.feature.rms(y=samples, frame_length=FRAME // 4, hop_length=HOP // 4, center=False)[0]
    level_db = np.maximum(20 * np.log10(np.maximum(rms, 1e-12) / rms.max()), DEEPEST_DB)
    return float(np.polyfit(np.arange(len(rms)) * (HOP // 4) / rate_hz, level_db, 1)[0])


def modulation(samples: np.ndarray, rate_hz: int) -> float:
    """Depth of the strongest tremolo in dB: the level (librosa.feature.rms) against its mean, between the rates of MODULATION_HZ.

    0 where the level goes down to nothing and up to twice its mean, -20 at a tenth of that.
    """
    rms = librosa.feature.rms(y=samples, frame_length=rate_hz // 50, hop_length=rate_hz // 200, center=False)[0]
    window = np.hanning(len(rms))
    spectrum = np.abs(np.fft.rfft(window * (rms / rms.mean() - 1), 8 * len(rms)))
    rate = np.fft.rfftfreq(8 * len(rms), 1 / 200)
    depth = 2 * spectrum[(rate >= MODULATION_HZ[0]) & (rate <= MODULATION_HZ[1])].max() / window.sum()
    return float(20 * np.log10(max(depth, 10 ** (DEEPEST_DB / 20))))


def noisiness(samples: np.ndarray, rate_hz: int) -> float:
    """Spectral flatness in dB (librosa.feature.spectral_flatness), the median of the frames that sound.

    White noise has -2.5 (10 log10 of exp(-0.577)); a tone in white noise that has a share s of the power 10 log10(s) less.
    """
    scaled = samples / np.abs(samples).max()  # librosa cuts the power off at 1e-10
    frames = librosa.util.frame(scaled, frame_length=min(FRAME, len(scaled)), hop_length=HOP)
    window = np.hanning(len(frames) + 1)[:-1, None]
    magnitude = np.abs(np.fft.rfft(frames * window, axis=0))
    flatness = librosa.feature.spectral_flatness(S=magnitude)[0]
    return float(np.median(10 * np.log10(flatness[_sounding(frames)])))


PROPERTIES = (
    Property("f0", "Pitch height: fundamental of tones", "log2 Hz", fundamental),
    Property("pitch_class", "Pitch class of tones", "circle of an octave", fundamental, period=1.0),
    Property("centroid", "Brightness: spectral centroid", "log2 Hz", centroid),
    Property("slope", "Slope of the spectrum", "dB/octave", slope),
    Property("noisiness", "Noise to tone: spectral flatness", "dB", noisiness),
    Property("loudness", "Loudness: A-weighted level", "dB", loudness),
    Property("onset_rate", "Onsets", "1/s", onset_rate),
    Property("decay", "Rise or fall of the level", "dB/s", decay),
    Property("modulation", "Tremolo: modulation of the level", "dB", modulation),
)


def of_sound(samples: np.ndarray, rate_hz: int) -> dict[str, float]:
    """Every property of one chunk [sample]; what two share is measured once."""
    samples = np.asarray(samples, np.float64)
    if not np.abs(samples).max() >= SILENT:
        return dict.fromkeys((one.name for one in PROPERTIES), np.nan)
    values = {measure: measure(samples, rate_hz) for measure in dict.fromkeys(one.measure for one in PROPERTIES)}
    return {one.name: values[one.measure] for one in PROPERTIES}


def of_chunks(chunks: Chunks, rows: np.ndarray, seconds: list[float] | None = None) -> Mapping[str, np.ndarray]:
    """Every property [row] of these rows of the chunks; measured once, then read from data/cache/properties.

    The seconds that measuring took are added to `seconds`.
    """
    names = [one.name for one in PROPERTIES]
    key = files.key(VERSION, chunks.key, chunks.settings.rate_hz, names, version("librosa"), version("numpy"))
    path = files.cache() / "properties" / f"{key}.npz"
    with locked(path.with_suffix(""), "properties of the chunks", wait=True):
        stored = digests.reread(path, digests.load_arrays)
        empty = {"values": np.full((len(chunks), len(names)), np.nan), "done": np.zeros(len(chunks), bool)}
        values, done = map((stored or empty).get, ("values", "done"))
        if len(left := rows[~done[rows]]):
            start = time.perf_counter()
            for row in left:
                values[row] = list(of_sound(chunks.audio[row], chunks.settings.rate_hz).values())
            done[left] = True
            with digests.sealed(path) as temporary:
                np.savez(temporary, values=values, done=done)
            if seconds is not None:
                seconds.append(time.perf_counter() - start)
    return dict(zip(names, values[rows].T, strict=True))
