"""FSD50K's own WAV files: their samples begin at byte 78, after a LIST chunk that names the program."""

import struct
import warnings

import numpy as np
import pytest
import soundfile

from lib.sounds.decode import BadFile, decode


def as_fsd50k(samples):
    """The bytes of a file [sample] int16 as FSD50K's were written (44.1 kHz, mono, 16 bit, Lavf56.40.101)."""
    named = b"INFOISFT" + struct.pack("<I", 14) + b"Lavf56.40.101\0"
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 44100, 88200, 2, 16)
    body = form + b"LIST" + struct.pack("<I", len(named)) + named + b"data" + struct.pack("<I", 2 * len(samples))
    return (
        b"RIFF" + struct.pack("<I", 4 + len(body) + 2 * len(samples)) + b"WAVE" + body + samples.astype("<i2").tobytes()
    )


@pytest.mark.parametrize("seconds", [0.3, 1, 30])
def test_its_samples_are_those_of_the_same_file_with_a_plain_header(tmp_path, seconds):
    samples = np.random.default_rng(0).integers(-20000, 20000, round(44100 * seconds)).astype(np.int16)
    content = as_fsd50k(samples)
    assert content.index(samples[:50].astype("<i2").tobytes()) == 78
    (tmp_path / "1.wav").write_bytes(content)
    soundfile.write(tmp_path / "2.wav", samples, 44100, subtype="PCM_16")
    assert soundfile.info(tmp_path / "1.wav").frames == len(samples)
    np.testing.assert_array_equal(decode(tmp_path / "1.wav"), decode(tmp_path / "2.wav"))


def test_it_is_read_where_it_lies_and_without_a_word(tmp_path, capfd):
    """Some readers warn of a LIST chunk, or want a plain copy; this one needs neither."""
    (tmp_path / "1.wav").write_bytes(as_fsd50k(np.ones(44100, np.int16)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(decode(tmp_path / "1.wav")) == 16000
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in tmp_path.iterdir()] == ["1.wav"]


def test_one_that_was_cut_off_is_refused(tmp_path):
    (tmp_path / "1.wav").write_bytes(as_fsd50k(np.ones(44100, np.int16))[:-2])
    with pytest.raises(BadFile, match="truncated"):
        decode(tmp_path / "1.wav")
