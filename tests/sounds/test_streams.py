"""Sounds that are read and cut piece by piece: what the whole gives at once, bit for bit, in little memory."""

import tracemalloc

import numpy as np
import pytest
import soundfile
import soxr

from lib.settings import Chunking
from lib.sounds.chunks import cut_clip, cut_stream
from lib.sounds.decode import BadFile, decode, stream


def noise(n_samples, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(n_samples)).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 16000])
def test_pieces_are_the_whole_bit_for_bit(tmp_path, rate):
    samples = noise(rate * 50 + 137)
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
    pieces = list(stream(tmp_path / "a.wav", 16000, "soxr_hq"))
    whole = soxr.resample(samples, rate, 16000, quality="HQ")
    assert rate == 8000 or len(pieces) > 2
    assert np.array_equal(np.concatenate(pieces), whole)
    assert np.array_equal(decode(tmp_path / "a.wav"), whole)


def test_a_long_sound_takes_little_memory(tmp_path):
    seconds = 600
    soundfile.write(tmp_path / "long.wav", noise(44100 * seconds), 44100, subtype="PCM_16")
    chunks = cut_stream(stream(tmp_path / "long.wav", 16000, "soxr_hq"), Chunking())
    tracemalloc.start()
    starts = np.concatenate([start_s for _, start_s in chunks])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert starts.tolist() == list(range(seconds))
    assert peak < 16e6  # the samples alone would be 38 MB at 16 kHz, 106 MB as they are read


def test_a_file_that_breaks_off_is_refused_after_its_pieces(tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(16000 * 40), 16000)
    content = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(content[: len(content) // 2])
    pieces = stream(tmp_path / "a.wav", 16000, "soxr_hq")
    next(pieces)
    with pytest.raises(BadFile, match="truncated"):
        list(pieces)


@pytest.mark.parametrize("fill", ["repeat", "zeros"])
@pytest.mark.parametrize("n_samples", [1, 800, 15999, 16000, 16001, 24000, 100_000])
def test_chunks_of_pieces_are_those_of_the_clip(fill, n_samples):
    rule, samples = Chunking(fill=fill), noise(n_samples)
    expected, expected_s = cut_clip(samples, rule)
    for size in (700, 16000, 40_000):
        found = list(cut_stream((samples[k : k + size] for k in range(0, n_samples, size)), rule))
        assert np.array_equal(np.concatenate([chunks for chunks, _ in found]), expected)
        assert np.concatenate([start_s for _, start_s in found]).tolist() == expected_s.tolist()
