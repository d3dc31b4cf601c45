"""Sound files as recorders, radios, corpora of speech and broken downloads leave them: read whole, or refused by name."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lib.files import without_controls
from lib.settings import Chunking
from lib.sounds import corpora, cutting
from lib.sounds.cutting import cut, odd_about
from lib.sounds.decode import BadFile, decode, decode_channels

RATE = 16000
TONE = (0.3 * np.sin(2 * np.pi * 300 * np.arange(RATE) / RATE)).astype(np.float32)


def made(path: Path, data: np.ndarray = TONE, rate: int = RATE, **look: str) -> bytes:
    """The content of a sound file of this look."""
    soundfile.write(path, data, rate, **look)
    return path.read_bytes()


# Formats, parts and rates that are read


@pytest.mark.parametrize("look", [
    {"subtype": "ALAW"}, {"subtype": "ULAW"}, {"subtype": "PCM_32"}, {"subtype": "IMA_ADPCM"}, {"format": "WAVEX"}, {"endian": "BIG"},
    {"format": "AU"}, {"format": "AU", "endian": "LITTLE"}, {"format": "AU", "subtype": "G721_32"}, {"format": "NIST"},
    {"format": "NIST", "subtype": "ULAW"}, {"format": "W64", "subtype": "DOUBLE"}, {"format": "VOC"},
], ids=str)  # fmt: skip
def test_what_telephones_corpora_of_speech_and_old_machines_write_is_read(look, tmp_path):
    made(tmp_path / "a.snd", format=look.get("format", "WAV"), **{k: v for k, v in look.items() if k != "format"})
    samples = decode(tmp_path / "a.snd")
    assert 0 <= len(samples) - RATE < 600 and np.sqrt(np.mean(samples[:RATE] ** 2)) == pytest.approx(0.212, abs=0.005)


@pytest.mark.parametrize(("rate", "n"), [(500, 512_000), (1_000_000, 256)])
def test_the_lowest_and_the_highest_rates(rate, n, tmp_path):
    made(tmp_path / "a.wav", rate=rate)
    assert len(decode(tmp_path / "a.wav")) == n


def test_parts_between_header_and_samples_and_a_wrong_size_of_the_whole_change_nothing(tmp_path):
    plain = made(tmp_path / "a.wav")
    listed = plain[:36] + b"LIST" + struct.pack("<I", 26) + b"INFOISFT" + struct.pack("<I", 14) + b"Lavf58.29.100\0"
    for text in (listed + plain[36:], plain[:4] + struct.pack("<I", 36) + plain[8:], plain + b"\1"):
        (tmp_path / "b.wav").write_bytes(text)
        assert np.array_equal(decode(tmp_path / "b.wav"), decode(tmp_path / "a.wav"))


def tag_of_a_picture(n_bytes: int) -> bytes:
    """An ID3 tag with a picture of so many bytes."""
    frame = b"APIC" + struct.pack(">I", n_bytes) + bytes(2) + b"\0image/png\0\3\0" + b"\xff\xfb\x90" * (n_bytes // 3)
    return b"ID3\3\0\0" + bytes(len(frame) >> shift & 127 for shift in (21, 14, 7, 0)) + frame


@pytest.mark.parametrize("name", ["a.mp3", "a.flac"])
def test_a_picture_before_the_sound_takes_nothing_away(name, tmp_path):
    content = made(tmp_path / name)
    before = decode(tmp_path / name)
    (tmp_path / name).write_bytes(tag_of_a_picture(60_000) + content)
    assert np.array_equal(decode(tmp_path / name), before)


@pytest.mark.parametrize("place", [slice(26, 42), slice(21, 26)], ids=["checksum", "length"])
def test_a_flac_file_whose_header_lacks_its_checksum_or_length_is_read_whole(place, tmp_path):
    content = bytearray(made(tmp_path / "a.flac"))
    content[place] = bytes([content[place.start] & 0xF0 if place.start == 21 else 0]) + bytes(
        place.stop - place.start - 1
    )
    (tmp_path / "b.flac").write_bytes(content)
    assert np.array_equal(decode(tmp_path / "b.flac"), decode(tmp_path / "a.flac"))


def test_mp3_files_that_were_put_one_behind_the_other_are_read_to_the_end(tmp_path):
    content = made(tmp_path / "a.mp3")
    (tmp_path / "b.mp3").write_bytes(3 * content)
    assert 3 * RATE <= len(decode(tmp_path / "b.mp3")) < 3 * RATE + 6000


# What cannot be read whole


@pytest.mark.parametrize(
    "look", [{"format": "W64"}, {"format": "AU"}, {"format": "AU", "endian": "LITTLE"}, {"format": "NIST"}], ids=str
)
@pytest.mark.parametrize("share", [0.3, 0.99])
def test_a_file_that_was_cut_off_is_refused_in_other_formats_too(look, share, tmp_path):
    content = made(tmp_path / "a.snd", **look)
    (tmp_path / "a.snd").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BadFile, match=f"truncated: the header tells of {len(content)} bytes"):
        decode(tmp_path / "a.snd")


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a_radio_s_streams_one_behind_the_other_are_refused(subtype, tmp_path):
    first, second = (made(tmp_path / f"{n}.ogg", np.stack([TONE] * n, 1), 48000, subtype=subtype) for n in (1, 2))
    (tmp_path / "b.ogg").write_bytes(first + second)
    with pytest.raises(
        BadFile, match="several Ogg streams .* the first alone can be read: convert it.*ffmpeg -i a.ogg a.wav"
    ):
        decode(tmp_path / "b.ogg")


NO_SOUND = {
    "text in UTF-16": ("hello there" * 70).encode("utf-16"), "an answer of a server": b'{"error": "not found"}' * 9,
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(500), "notes": b"MThd\0\0\0\6\0\1\0\1\0\xc0MTrk" + bytes(300),
    "room that was never filled": bytes(40_000), "AAC": b"\xff\xf1\x50\x80\x02\x1f\xfc" + b"\x21\x00\x49\x90" * 500,
}  # fmt: skip


@pytest.mark.parametrize("what", NO_SOUND)
@pytest.mark.parametrize("suffix", ["wav", "mp3"])
def test_what_is_no_sound_is_refused_as_such(what, suffix, tmp_path):
    (tmp_path / f"a.{suffix}").write_bytes(NO_SOUND[what])
    with pytest.raises(BadFile, match="not a sound file that can be read"):
        decode(tmp_path / f"a.{suffix}")


def test_samples_without_a_header_are_refused_with_what_to_do(tmp_path):
    (tmp_path / "a.raw").write_bytes(bytes(4000))
    with pytest.raises(BadFile, match="without a header that tells their rate: save them as WAV"):
        decode(tmp_path / "a.raw")


def test_what_is_no_file_is_refused_and_a_name_need_not_be_utf_8(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    os.symlink("/dev/zero", tmp_path / "zero.wav")
    os.symlink("round.wav", tmp_path / "round.wav")
    for name, said in (("pipe.wav", "not a file"), ("zero.wav", "not a file"), ("round.wav", "Too many levels")):
        with pytest.raises(BadFile, match=said):
            decode(tmp_path / name)
    made(tmp_path / "a.mp3"), made(tmp_path / "a.wav")
    for name in ("a.mp3", "a.wav"):
        before = decode(tmp_path / name)
        os.rename(tmp_path / name, os.fsencode(tmp_path) + b"/m\xfc" + name.encode())
        assert np.array_equal(decode(tmp_path / os.fsdecode(b"m\xfc" + name.encode())), before)


# What is kept, and told


def test_channels_in_opposite_phase_are_told_and_others_are_not():
    noise = np.random.default_rng(0).standard_normal((RATE, 2)).astype(np.float32) * 0.1
    sound = {
        "opposite": np.stack([TONE, -TONE], 1), "nearly": np.stack([TONE, -TONE], 1) + noise / 9, "alike": np.stack([TONE, TONE], 1),
        "of their own": noise, "one silent": np.stack([TONE, 0 * TONE], 1), "mono": TONE[:, None], "silent": np.zeros((RATE, 2)),
        "one of eight": np.pad(TONE[:, None], ((0, 0), (0, 7))),
    }  # fmt: skip

    def told(channels):
        peaks = np.array([*np.abs(channels).max(0), np.abs(channels.mean(1)).max()])
        return any("cancel each other" in what for what in odd_about(channels.mean(1)[None], peaks, 1.0))

    assert [name for name, channels in sound.items() if told(channels)] == ["opposite", "nearly"]


def test_the_peak_of_the_mean_is_that_at_the_file_s_own_rate(tmp_path):
    high = (0.5 * np.sin(2 * np.pi * 15_000 * np.arange(48_000) / 48_000))[:, None].repeat(2, 1)
    made(tmp_path / "a.wav", high, 48_000, subtype="FLOAT")
    samples, peaks = decode_channels(tmp_path / "a.wav", RATE, "soxr_hq")
    assert np.abs(samples[1000:-1000]).max() < 1e-3 and peaks == pytest.approx([0.5] * 3, abs=0.01)


STRANGE = {
    "one sample": TONE[1:2], "constant": np.full(RATE, 0.5), "full scale": np.ones(RATE), "denormal": np.full(RATE, 1e-40),
    "minus zero": np.full(RATE, -0.0), "opposite": np.stack([TONE, -TONE], 1), "one click": np.eye(1, RATE, 5)[0],
}  # fmt: skip


@pytest.fixture
def strange(tmp_path, home):
    """The chunks of a table of strange sounds, each to train and, a little weaker, to test."""
    lines = ["path,labels,role"]
    for name, samples in STRANGE.items():
        for role, level in (("train", 1), ("test", 0.9)):
            made(tmp_path / f"{name} {role}.wav", (level * samples).astype(np.float32), subtype="FLOAT")
            lines.append(f"{name} {role}.wav,{name},{role}")
    (tmp_path / "own.csv").write_text("\n".join(lines))
    return cut(corpora.load("table", tmp_path))


def test_strange_sounds_are_kept_and_told(strange):
    assert len(strange) == 2 * len(STRANGE) and np.isfinite(strange.audio).all()
    told = {what.split(" (")[0]: {clip.rsplit(" ", 1)[0] for clip in clips} for what, clips in strange.odd.items()}
    assert told == {
        "clipped": {"full scale"}, "DC offset": {"one sample", "constant", "full scale"}, "shorter than 0.05 s": {"one sample"},
        "channels that cancel each other": {"opposite"},
    }  # fmt: skip
    assert set(strange.ids[strange.silent]) >= {"denormal test.wav", "minus zero train.wav", "opposite test.wav"}


def test_roles_in_which_nothing_is_heard_are_told(tmp_path, home):
    made(tmp_path / "a.wav"), made(tmp_path / "b.wav", 0 * TONE), made(tmp_path / "c.wav", 1e-6 * TONE, subtype="FLOAT")

    def said(*lines):
        (tmp_path / "own.csv").write_text("\n".join(["path,labels,role", *lines]))
        return [line for line in cut(corpora.load("table", tmp_path)).remarks if "all silent" in line]

    told = "roles whose clips are all silent, so that there is nothing to hear: "
    assert said("b.wav,x,train", "c.wav,y,test") == [told + "train, test"]
    assert said("a.wav,x,train", "b.wav,y,train", "c.wav,y,test") == [told + "test"]
    assert said("b.wav,x,train", "a.wav,y,test") == [told + "train"]


# The same sound on both sides


def test_the_same_sound_in_another_format_on_the_other_side_is_told(tmp_path, home):
    noise = np.random.default_rng(0).standard_normal((3, RATE)) * 0.1
    whole = np.round(np.concatenate(noise) * 32768).astype(np.int16)
    (
        made(tmp_path / "a.wav", whole),
        made(tmp_path / "same.flac", whole),
        made(tmp_path / "wider.wav", whole, subtype="PCM_24"),
    )
    made(tmp_path / "second.wav", whole[RATE : 2 * RATE])
    (
        made(tmp_path / "other.wav", noise[0] / 2),
        made(tmp_path / "silent.wav", 0 * TONE),
        made(tmp_path / "quiet.wav", 0 * TONE),
    )
    os.link(tmp_path / "a.wav", tmp_path / "again.wav")
    tested = ("same.flac", "wider.wav", "second.wav", "other.wav", "quiet.wav", "again.wav")
    rows = ["a.wav,x,train", "silent.wav,y,train", *(f"{name},x,test" for name in tested)]
    (tmp_path / "own.csv").write_text("\n".join(["path,labels,role", *rows]))
    chunks = cut(corpora.load("table", tmp_path))
    assert chunks.copies == ("same.flac", "wider.wav", "second.wav")
    said = [line for line in chunks.remarks if "training clip" in line]
    assert said == [
        "test clips whose very file is a training clip too, so that they are known: quiet.wav, again.wav",
        "test clips that hold a chunk of a training clip, sample by sample, so that they are known: same.flac, wider.wav, second.wav",
    ]
    assert all(line in chunks.summary() for line in said)
    assert cutting.cut(corpora.load("table", tmp_path), Chunking(stored_as="int16")).copies == chunks.copies


def test_what_one_line_cannot_hold_is_left_out():
    assert (
        without_controls("a\nb\u2028c\u202ed\x07e") == "a b c d e"
        and without_controls("é 🎻 ש\u200f") == "é 🎻 ש\u200f"
    )
