"""Sounds made worse in known ways: what test clips go through to see what breaks a study.

Each perturbation has five strengths, the mild first, and all but the resampler have a unit; PERTURBATIONS is all of them. What comes out is as long as what
went in, and the same each time: what is drawn follows from the clip's id, the perturbation and its strength.
"""

import hashlib
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import soundfile
import soxr

from lib.settings import Chunking
from lib.sounds.decode import Resampler, decode

Samples = np.ndarray  # [sample] float32, mono
Strength = float | str
ROOM_M, SOURCE_M, MICROPHONE_M = (12.0, 10.0, 6.0), (4.0, 6.0, 1.6), (8.0, 4.0, 1.4)  # of the reverberant room
BEFORE = 40  # samples of a room's response before its direct sound, which the library's fractional delays spread over
LAME_DELAY = 1105  # samples of encoder and decoder, where a frame is too small for the tag by which they are cut off
FULL_RATE_KBPS, LOW_RATE_HZ = 32, 16000  # below so many kbit/s MP3 takes sounds at this rate
MP3_KBPS = {True: (32, 320), False: (8, 160)}  # lowest and highest, by whether the rate is above 24 kHz
OPUS_HZ, OPUS_KBPS = 48000, (6, 256)
ORDER = 8  # of the band limits' Butterworth filters, which run forwards and backwards


@dataclass(frozen=True)
class Perturbation:
    """One way to make a sound worse.

    apply(samples, rate_hz, strength, rng): the sound made worse. none: the strength at which nothing changes, where there is one.
    own_rate: whether it comes before the clip is resampled to the study's rate. needs: a module that is installed where it is wanted.
    """

    name: str
    title: str
    unit: str
    strengths: tuple[Strength, Strength, Strength, Strength, Strength]
    none: Strength | None
    apply: Callable[[Samples, int, Strength, np.random.Generator], Samples]
    own_rate: bool = False
    needs: str = ""


def perturbed(path: str | Path, clip: str, name: str, strength: Strength, rule: Chunking) -> Samples:
    """The samples [sample] of a clip's file at the study's rate after one perturbation; BadFile where it cannot be read."""
    how, rng = PERTURBATIONS[name], generator(clip, name, strength)
    if not how.own_rate:
        samples = decode(Path(path), rule.rate_hz, rule.resampler)
        return of_length(how.apply(samples, rule.rate_hz, strength, rng), len(samples))
    rate = soundfile.info(path).samplerate
    samples, resampler = decode(Path(path), rate), Resampler(rate, rule.rate_hz, rule.resampler)
    worse = of_length(how.apply(samples, rate, strength, rng), len(samples))
    return np.concatenate([resampler.piece(worse), resampler.rest()])


def needs_of(names: Iterable[str]) -> list[str]:
    """The modules that these perturbations need and that are not requirements."""
    found = [PERTURBATIONS[name].needs for name in names if name in PERTURBATIONS]
    return list(dict.fromkeys(filter(None, found)))


def generator(*parts: object) -> np.random.Generator:
    """A generator that follows from these, such as a clip's id, a perturbation and its strength."""
    return np.random.default_rng(list(hashlib.sha256(repr(parts).encode()).digest()[:8]))


def of_length(samples: Samples, n: int) -> Samples:
    """Cut to n samples, or filled up by repeating from the start, as the study fills what is too short."""
    return np.resize(samples, n).astype(np.float32)


# Each strength to a call of a library


def gain(samples: Samples, _rate: int, db: float, _rng: np.random.Generator) -> Samples:
    """Louder or softer by so many dB."""
    return samples * 10 ** (db / 20)


def shift(samples: Samples, rate: int, seconds: float, _rng: np.random.Generator) -> Samples:
    """Later by so many seconds, what leaves the end coming in at the start."""
    return np.roll(samples, round(seconds * rate))


def pitch(samples: Samples, rate: int, semitones: float, _rng: np.random.Generator) -> Samples:
    """Higher by so many semitones, as fast as before."""
    stretcher = _stretcher(rate)
    stretcher.setTransposeSemitones(semitones)
    return stretcher.process(samples[None])[0]


def stretch(samples: Samples, rate: int, speed: float, _rng: np.random.Generator) -> Samples:
    """Faster at the same pitch; `of_length` then repeats it from the start."""
    stretcher = _stretcher(rate)
    stretcher.setTimeFactor(speed)
    return stretcher.process(samples[None])[0]


def _stretcher(rate: int):
    from python_stretch import Signalsmith

    stretcher = Signalsmith.Stretch()
    stretcher.preset(1, rate)
    return stretcher


def noise(samples: Samples, _rate: int, snr_db: float, rng: np.random.Generator) -> Samples:
    """White noise at a ratio to the power of the whole clip."""
    drawn = rng.standard_normal(len(samples))
    return samples + drawn * np.sqrt(np.mean(samples.astype(float) ** 2) / np.mean(drawn**2) / 10 ** (snr_db / 10))


def band(samples: Samples, rate: int, hz: float, _rng: np.random.Generator, kind: str) -> Samples:
    """Without what lies above (lowpass) or below (highpass) a frequency; as it is where the rate has no such frequency."""
    from scipy.signal import butter, sosfiltfilt

    if hz >= rate / 2:
        return samples
    return sosfiltfilt(
        butter(ORDER, hz, kind, fs=rate, output="sos"), samples, padlen=min(len(samples) - 1, rate // 10)
    )


def reverb(samples: Samples, rate: int, rt60_s: float, _rng: np.random.Generator) -> Samples:
    """In a room of this reverberation time, as loud as before and not later."""
    from scipy.signal import fftconvolve

    wet = fftconvolve(samples, response(rate, rt60_s))[: len(samples)]
    return wet * np.sqrt(np.mean(samples.astype(float) ** 2) / max(np.mean(wet**2), 1e-20))


@lru_cache(maxsize=8)
def response(rate: int, rt60_s: float) -> Samples:
    """The response [sample] of a shoebox room by image sources, from its direct sound on."""
    import pyroomacoustics

    absorption, order = pyroomacoustics.inverse_sabine(rt60_s, ROOM_M)
    room = pyroomacoustics.ShoeBox(ROOM_M, fs=rate, materials=pyroomacoustics.Material(absorption), max_order=order)
    room.add_source(SOURCE_M)
    room.add_microphone(MICROPHONE_M)
    room.compute_rir()
    found = room.rir[0][0]
    return found[max(0, int(np.abs(found).argmax()) - BEFORE) :]


def clipping(samples: Samples, _rate: int, percent: float, _rng: np.random.Generator) -> Samples:
    """The highest so many percent of the samples cut off."""
    limit = np.quantile(np.abs(samples), 1 - percent / 100)
    return np.clip(samples, -limit, limit)


def mp3(samples: Samples, rate: int, kbps: float, _rng: np.random.Generator) -> Samples:
    """Through MP3 (LAME) at a constant bit rate."""
    used = rate if kbps >= FULL_RATE_KBPS else min(rate, LOW_RATE_HZ)
    low, high = MP3_KBPS[used > 24000]
    level = min((high - kbps) / (high - low), 0.9999)  # 1 is refused
    given = soxr.resample(samples, rate, used)
    found = _encoded(
        given, used, format="MP3", subtype="MPEG_LAYER_III", bitrate_mode="CONSTANT", compression_level=level
    )
    start = LAME_DELAY if len(found) > len(given) else 0
    return soxr.resample(found[start : start + len(given)], used, rate)


def opus(samples: Samples, rate: int, kbps: float, _rng: np.random.Generator) -> Samples:
    """Through Opus in Ogg."""
    low, high = OPUS_KBPS
    given = soxr.resample(samples, rate, OPUS_HZ)
    level = (high - kbps) / (high - low)
    return soxr.resample(_encoded(given, OPUS_HZ, format="OGG", subtype="OPUS", compression_level=level), OPUS_HZ, rate)


def _encoded(samples: Samples, rate: int, **how: object) -> Samples:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, **how)
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


def resample(samples: Samples, rate: int, quality: str, _rng: np.random.Generator) -> Samples:
    """To 16 kHz by another resampler, and back by a transparent one; sounds of that rate or lower stay as they are."""
    import librosa

    if rate <= LOW_RATE_HZ:
        return samples
    return soxr.resample(
        librosa.resample(samples, orig_sr=rate, target_sr=LOW_RATE_HZ, res_type=quality), LOW_RATE_HZ, rate, "VHQ"
    )


PERTURBATIONS = {each.name: each for each in (
    Perturbation("gain", "Gain", "dB", (-6, -12, -20, -30, -40), 0, gain),
    Perturbation("shift", "Time shift", "s", (0.05, 0.1, 0.2, 0.35, 0.5), 0, shift),
    Perturbation("pitch", "Pitch shift", "semitones", (1, 2, 4, 7, 12), 0, pitch, needs="python_stretch"),
    Perturbation("stretch", "Time stretch", "times the speed", (1.1, 1.25, 1.5, 2, 3), 1, stretch, needs="python_stretch"),
    Perturbation("noise", "White noise", "dB SNR", (30, 20, 10, 0, -10), None, noise),
    Perturbation("lowpass", "Low-pass", "Hz", (6000, 4000, 2000, 1000, 500), None, partial(band, kind="lowpass"), own_rate=True),
    Perturbation("highpass", "High-pass", "Hz", (100, 250, 500, 1000, 2000), 0, partial(band, kind="highpass"), own_rate=True),
    Perturbation("reverb", "Reverberation", "s RT60", (0.5, 0.75, 1, 1.5, 2), None, reverb, needs="pyroomacoustics"),
    Perturbation("clipping", "Clipping", "% of samples", (1, 5, 10, 25, 50), 0, clipping),
    Perturbation("mp3", "MP3", "kbit/s", (128, 64, 32, 16, 8), None, mp3, own_rate=True),
    Perturbation("opus", "Opus", "kbit/s", (64, 32, 16, 12, 6), None, opus, own_rate=True),
    Perturbation("resampler", "Resampler", "", ("soxr_vhq", "polyphase", "soxr_mq", "soxr_lq", "soxr_qq"), "soxr_hq", resample, own_rate=True),
)}  # fmt: skip
