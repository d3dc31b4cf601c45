"""MP3 files that do not tell their length are read to their end, and those that do are left as they are."""

import numpy as np
import pytest
import soundfile

from lib.sounds.decode import BadFile, decode
from lib.sounds.mp3 import with_length

RATES = (8000, 11025, 16000, 22050, 44100, 48000)


def mp3(path, rate, channels=1, mode="VARIABLE"):
    """Two seconds of tone, the second one so soft that a variable rate spends little on it; its bytes."""
    time_s = np.arange(2 * rate) / rate
    loud = np.sin(2 * np.pi * 440 * time_s) + 0.5 * np.random.default_rng(0).standard_normal(2 * rate)
    samples = 0.3 * np.where(time_s < 1, loud, 0.001 * loud)[:, None] * np.ones(channels)
    with soundfile.SoundFile(path, "w", rate, channels, format="MP3", bitrate_mode=mode, compression_level=0.5) as file:
        file.write(samples)
    return path.read_bytes()


def first_frame(content):
    """The bytes of the frame with the tag: up to the next header like its own."""
    return content.index(content[:2], 4)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_without_a_tag_all_samples_are_read(rate, channels, mode, tmp_path):
    content = mp3(tmp_path / "a.mp3", rate, channels, mode)
    whole = soundfile.read(tmp_path / "a.mp3", always_2d=True)[0]
    assert with_length(tmp_path / "a.mp3") is None
    (tmp_path / "b.mp3").write_bytes(content[first_frame(content) :])
    found = soundfile.read(with_length(tmp_path / "b.mp3"), always_2d=True)[0]
    late = len(found) - len(whole)  # an encoder's delay, which only the tag tells
    assert 0 <= late < 2500
    lag = min(range(late + 1), key=lambda lag: np.abs(found[lag : lag + rate] - whole[:rate]).max())
    assert found[lag : lag + len(whole)] == pytest.approx(whole, abs=1e-5)


HARM = {
    "a header of zeros": lambda content: bytes(4) + content[4:],
    "another rate in the header": lambda content: content[:2] + bytes([content[2] ^ 4]) + content[3:],
    "text before it": lambda content: b"no frame at all " * 90 + content,
    "no tag": lambda content: content[first_frame(content) :],
    "an ID3 tag behind it": lambda content: content + b"TAG".ljust(128, b"x"),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_bad_header_takes_no_sound_away(harm, tmp_path):
    content = mp3(tmp_path / "a.mp3", 16000)
    (tmp_path / "b.mp3").write_bytes(HARM[harm](content))
    assert 32000 <= len(decode(tmp_path / "b.mp3")) < 34500


@pytest.mark.parametrize("content", [b"\xff\xfb", b"\xff" * 4000, b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(999)])
def test_what_has_no_frames_is_refused_in_a_line(content, tmp_path):
    (tmp_path / "a.mp3").write_bytes(content)
    assert with_length(tmp_path / "a.mp3") is None
    with pytest.raises(BadFile, match="not a sound file that can be read"):
        decode(tmp_path / "a.mp3")
