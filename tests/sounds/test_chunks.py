"""Chunks: any file to mono 16 kHz, one rule of cutting, a cache that is whole or absent, bad files told."""

import errno
import json
import multiprocessing
import os
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import soxr
import torch

from lib import files
from lib.settings import Chunking
from lib.sounds import chunks, cutting
from lib.sounds.chunks import cut_clip
from lib.sounds.corpora import load
from lib.sounds.corpora.base import CorpusError
from lib.sounds.cutting import cut
from lib.sounds.decode import BadFile, decode

RATE = 16000
ESC10 = files.PROJECT.parent / "shared" / "data" / "esc10"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("STUDY_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def tone(seconds: float, rate: int, hz: float = 440.0, channels: int = 1) -> np.ndarray:
    wave = 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return np.stack([wave] * channels, axis=1)


def loudest_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return spectrum.argmax() * RATE / len(samples)


# The rule


@pytest.mark.parametrize(
    ("seconds", "n_chunks"),
    [(1 / RATE, 1), (0.3, 1), (1.0, 1), (1.4, 1), (1.4999, 1), (1.5, 2), (2.0, 2), (30.1, 30), (30.5, 31)],
)
def test_how_many_chunks_a_clip_gives(seconds, n_chunks):
    audio, start_s = cut_clip(np.ones(round(seconds * RATE), np.float32))
    assert audio.shape == (n_chunks, RATE) and audio.dtype == np.float32
    assert start_s.tolist() == list(range(n_chunks))


def test_full_chunks_are_the_samples_in_order():
    samples = np.arange(2 * RATE + 100, dtype=np.float32)
    assert np.array_equal(cut_clip(samples)[0].ravel(), samples[: 2 * RATE])


@pytest.mark.parametrize("seconds", [0.3, 1.7])
def test_what_is_short_is_repeated_or_filled_with_zeros(seconds):
    samples = np.random.default_rng(0).standard_normal(round(seconds * RATE)).astype(np.float32)
    rest = samples[RATE * int(seconds) :]
    repeated, zeros = (cut_clip(samples, Chunking(fill=fill))[0][-1] for fill in ("repeat", "zeros"))
    assert np.array_equal(repeated, np.tile(rest, 4)[:RATE])
    assert np.array_equal(zeros, np.append(rest, np.zeros(RATE - len(rest), np.float32)))


def test_the_shortest_remainder_is_a_setting():
    samples = np.ones(round(1.4 * RATE), np.float32)
    assert len(cut_clip(samples, Chunking(min_remainder_s=0.4))[0]) == 2
    assert len(cut_clip(samples, Chunking(min_remainder_s=0.41))[0]) == 1
    assert len(cut_clip(np.ones(RATE, np.float32), Chunking(min_remainder_s=0))[0]) == 1


@pytest.mark.parametrize(
    ("seconds", "overlap", "starts"),
    [(2.0, 0.5, [0, 0.5, 1]), (2.3, 0.5, [0, 0.5, 1]), (0.3, 0.5, [0]), (1.7, 0.25, [0, 0.75]), (1.2, 0.25, [0])],
)
def test_chunks_may_overlap(seconds, overlap, starts):
    samples = np.random.default_rng(0).standard_normal(round(seconds * RATE)).astype(np.float32)
    audio, start_s = cut_clip(samples, overlap=overlap)
    assert start_s.tolist() == starts
    for chunk, start in zip(audio, starts, strict=True):
        piece = samples[round(start * RATE) :][:RATE]
        assert np.array_equal(chunk[: len(piece)], piece)


# One file


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("n_frames", [7, 12345])
def test_length_after_resampling(rate, n_frames, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(n_frames), rate)
    assert decode(tmp_path / "a.wav").shape == (max(1, round(n_frames * RATE / rate)),)


@pytest.mark.parametrize(
    ("name", "subtype", "rate", "channels"),
    [
        ("a.wav", "PCM_16", 44100, 1),
        ("a.wav", "PCM_24", 48000, 2),
        ("a.wav", "FLOAT", 8000, 1),
        ("a.wav", "DOUBLE", 96000, 1),
        ("a.wav", "PCM_U8", 16000, 3),
        ("A.WAV", "PCM_24", 192000, 8),
        ("a.rf64", "PCM_16", 44100, 1),
        ("a.aiff", "PCM_16", 44100, 2),
        ("a.flac", "PCM_24", 48000, 2),
        ("A.FLAC", "PCM_24", 192000, 8),
        ("a.ogg", "VORBIS", 44100, 2),
        ("a.ogg", "OPUS", 48000, 1),
        ("a.mp3", "MPEG_LAYER_III", 44100, 1),
    ],
)
def test_a_tone_keeps_its_frequency_and_level(name, subtype, rate, channels, tmp_path):
    soundfile.write(tmp_path / name, tone(1.5, rate, 440, channels), rate, subtype=subtype)
    samples = decode(tmp_path / name)
    assert samples.dtype == np.float32 and len(samples) == 1.5 * RATE
    middle = samples[4000:-4000]
    assert abs(loudest_hz(middle) - 440) < RATE / len(middle)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.03)


def test_channels_are_averaged_and_what_lies_above_8_khz_is_gone(tmp_path):
    both = np.stack([tone(1, RATE)[:, 0], -tone(1, RATE)[:, 0] / 2], axis=1)
    soundfile.write(tmp_path / "a.wav", both, RATE, subtype="FLOAT")
    assert np.allclose(decode(tmp_path / "a.wav"), both.mean(axis=1), atol=1e-6)
    soundfile.write(tmp_path / "high.wav", tone(1, 48000, 12000), 48000, subtype="FLOAT")
    assert np.abs(decode(tmp_path / "high.wav")[2000:-2000]).max() < 1e-3


def test_the_resampler_is_the_one_that_is_named(tmp_path):
    noise = np.random.default_rng(0).standard_normal(44100).astype(np.float32) * 0.1
    soundfile.write(tmp_path / "a.wav", noise, 44100, subtype="FLOAT")
    for quality in ("HQ", "VHQ", "MQ"):
        named = decode(tmp_path / "a.wav", RATE, f"soxr_{quality.lower()}")
        assert np.array_equal(named, soxr.resample(noise, 44100, RATE, quality))


@pytest.mark.parametrize("rate", [44100, 48000, 22050, 8000])
def test_torchaudio_resamples_as_soxr_does_where_a_sound_has_its_parts(rate, tmp_path):
    voice = sum(tone(1.0, rate, hz)[:, 0] / 4 for hz in (100, 440, 1000, 3400))
    soundfile.write(tmp_path / "a.wav", voice, rate, subtype="FLOAT")
    ours, soxrs = (decode(tmp_path / "a.wav", RATE, name) for name in ("torchaudio", "soxr_vhq"))
    assert len(ours) == len(soxrs) == RATE
    assert np.abs(ours - soxrs)[500:-500].max() < 1e-3  # away from the edges, where both ring
    if rate > RATE:
        soundfile.write(tmp_path / "high.wav", tone(1, rate, 9000), rate, subtype="FLOAT")
        assert np.abs(decode(tmp_path / "high.wav", RATE, "torchaudio")[2000:-2000]).max() < 1e-3


def test_torchaudio_refuses_rates_without_a_short_ratio_in_one_line(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(0.1, 44101), 44101)
    with pytest.raises(BadFile, match="44101 Hz has no short ratio to 16000 Hz.*soxr_hq"):
        decode(tmp_path / "a.wav", RATE, "torchaudio")
    assert len(decode(tmp_path / "a.wav", RATE)) == 1600


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_torchaudio_resamples_alike_on_a_gpu(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", tone(1, 44100), 44100, subtype="FLOAT")
    there = decode(tmp_path / "a.wav", RATE, "torchaudio")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert np.allclose(there, decode(tmp_path / "a.wav", RATE, "torchaudio"), atol=1e-5)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_what_comes_after_the_longest_length_is_not_read(name, tmp_path, monkeypatch):
    soundfile.write(tmp_path / name, tone(3, 44100, channels=2), 44100)
    samples, _ = soundfile.read(tmp_path / name)
    whole = soxr.resample(samples.mean(1), 44100, RATE)
    monkeypatch.setattr("lib.sounds.decode.BLOCK", 4096)
    start = decode(tmp_path / name, longest_s=1.5)
    assert len(start) == 24000 and np.allclose(start[:-200], whole[: 24000 - 200], atol=1e-4)
    assert np.allclose(decode(tmp_path / name, longest_s=3.5), whole[: 3 * RATE], atol=1e-6)


def test_a_file_of_many_blocks_is_read_whole(tmp_path, monkeypatch):
    noise = np.random.default_rng(0).standard_normal(5000).astype(np.float32) * 0.1
    soundfile.write(tmp_path / "a.wav", noise, RATE, subtype="FLOAT")
    monkeypatch.setattr("lib.sounds.decode.BLOCK", 999)
    assert np.array_equal(decode(tmp_path / "a.wav"), noise)


# Bad files


@pytest.mark.parametrize("name", ["a.wav", "f.wav", "a.rf64", "a.aiff", "a.flac", "a.ogg", "opus.ogg", "a.mp3"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
def test_a_file_cut_off_is_refused(name, share, tmp_path):
    path = tmp_path / name
    subtype = {"f.wav": "FLOAT", "opus.ogg": "OPUS"}.get(name)
    noise = np.random.default_rng(0).standard_normal(48000 * 2) * 0.1
    soundfile.write(path, noise, 48000, subtype=subtype)
    decode(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(BadFile, match="truncated|not a sound file"):
        decode(path)


def test_a_truncated_wav_is_told_as_such_whatever_stands_before_its_samples(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(8000), 8000)
    plain = path.read_bytes()
    listed = plain[:36] + b"LIST" + struct.pack("<I", 5) + b"INFOx\0" + plain[36:]
    path.write_bytes(listed)
    assert len(decode(path)) == RATE
    path.write_bytes(listed[:-2])
    with pytest.raises(BadFile, match=f"truncated: the header tells of {len(listed)} bytes, the file has"):
        decode(path)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_from_a_pipe_has_no_size_and_is_read(size, tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(1, RATE), RATE)
    text = bytearray(path.read_bytes())
    text[4:8] = text[40:44] = struct.pack("<I", size)
    path.write_bytes(text)
    assert len(decode(path)) == RATE


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty file"),
        (b"this is no sound" * 100, "not a sound file"),
        (b"RIFF", "not a sound file"),
        (np.random.default_rng(0).bytes(5000), "not a sound file|cannot be decoded|truncated"),
    ],
)
@pytest.mark.parametrize("suffix", ["wav", "ogg", "mp3", "raw"])
def test_what_is_no_sound_is_refused(content, told, suffix, tmp_path):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=told) as error:
        decode(path)
    assert "\n" not in str(error.value) and str(tmp_path) not in str(error.value)


KINDS = {
    b"\0\0\0\x20ftypM4A \0\0\0\0": "this is MPEG-4 (M4A, MP4, MOV): convert it", b"\x1aE\xdf\xa3": "this is WebM or Matroska: convert it",
    b"0&\xb2u\x8ef\xcf\x11": "this is Windows Media: convert it", b"#!AMR\n": "this is AMR: convert it",
    b"RIFF\0\1\0\0AVI LIST": "this is AVI: convert it", b"<!DOCTYPE html>": "this is a page of the web: download",
    b"version https://git-lfs.github.com/spec/v1\n": "this is a pointer of Git LFS: git lfs pull", b"PK\3\4": "this is an archive: unpack it",
    b"\x1f\x8b\x08\0": "this is an archive: unpack it", b"\0\5\x16\7": "this is a side file of macOS",
}  # fmt: skip


@pytest.mark.parametrize("head", KINDS)
@pytest.mark.parametrize("suffix", ["wav", "m4a"])
def test_what_is_known_to_be_something_else_is_named_with_what_to_do(head, suffix, tmp_path):
    (tmp_path / f"a.{suffix}").write_bytes(head + bytes(500))
    with pytest.raises(BadFile) as error:
        decode(tmp_path / f"a.{suffix}")
    assert KINDS[head] in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("size", [0, 8000])
def test_a_header_that_names_less_sound_than_follows_is_refused(size, tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(1, RATE), RATE)
    text = path.read_bytes()
    path.write_bytes(text[:40] + struct.pack("<I", size) + text[44:])
    with pytest.raises(
        BadFile, match=f"damaged: the header tells of {44 + size} bytes, the file has {len(text)}: repair"
    ):
        decode(path)
    path.write_bytes(text + b"cue " + struct.pack("<I", 40_000) + bytes(40_000))  # a part of another kind may follow
    assert len(decode(path)) == RATE


@pytest.mark.parametrize(("name", "look"), [
    ("a.aiff", {}), ("a.aif", {"format": "AIFF", "subtype": "ULAW"}), ("a.wav", {"format": "RF64"}), ("a.w64", {}),
    ("a.caf", {"format": "CAF", "subtype": "ALAC_16"}), ("a.wav", {"subtype": "MS_ADPCM"}), ("a.wav", {"subtype": "PCM_U8"}),
    ("a.wav", {"subtype": "DOUBLE"}), ("a.opus", {"format": "OGG", "subtype": "OPUS"}),
])  # fmt: skip
def test_formats_that_other_programs_write_are_read(name, look, tmp_path):
    soundfile.write(tmp_path / name, tone(1, 8000), 8000, **look)
    assert abs(len(decode(tmp_path / name)) - RATE) < 1100  # blocks of ADPCM are filled up


def test_a_file_without_samples_a_missing_one_and_a_folder_are_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(0), RATE)
    for name, told in (("a.wav", "no samples"), ("none.wav", "file not found"), (".", "not a file")):
        with pytest.raises(BadFile, match=told):
            decode(tmp_path / name)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_sample_that_is_no_number_refuses_the_file(value, tmp_path):
    samples = tone(2, 44100)
    samples[70000] = value
    soundfile.write(tmp_path / "a.wav", samples, 44100, subtype="FLOAT")
    with pytest.raises(BadFile, match="NaN or infinite samples"):
        decode(tmp_path / "a.wav")


@pytest.mark.parametrize("rate", [1, 2**31 - 1])
def test_a_rate_that_no_recording_has_refuses_the_file(rate, tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(1, RATE), RATE)
    text = bytearray((tmp_path / "a.wav").read_bytes())
    text[24:28] = struct.pack("<I", rate)
    (tmp_path / "a.wav").write_bytes(text)
    with pytest.raises(BadFile, match=f"a sampling rate of {rate} Hz: its header is damaged"):
        decode(tmp_path / "a.wav")


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "opus.ogg"])
@pytest.mark.parametrize("lost", [1, 4, 50, 2000])
def test_a_file_that_lacks_its_last_bytes_is_refused_as_truncated(name, lost, tmp_path):
    soundfile.write(tmp_path / name, tone(2, 48000), 48000, subtype="OPUS" if name[0] == "o" else None)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-lost])
    with pytest.raises(BadFile, match="truncated"):
        decode(tmp_path / name)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_file_that_lost_a_page_is_refused_and_a_whole_one_of_any_rate_is_not(subtype, tmp_path):
    for rate in (8000, 16000, 48000):
        for seconds in (0.05, 0.3, 3):
            noise = 0.1 * np.random.default_rng(0).standard_normal(round(rate * seconds))
            soundfile.write(tmp_path / "a.ogg", noise, rate, subtype=subtype)
            assert len(decode(tmp_path / "a.ogg")) == round(RATE * seconds)
    whole = (tmp_path / "a.ogg").read_bytes()
    for place in np.linspace(0.2, 0.9, 8) * len(whole):
        flipped = bytearray(whole)
        flipped[int(place)] ^= 0x10
        (tmp_path / "a.ogg").write_bytes(flipped)
        with pytest.raises(BadFile, match="damaged|truncated|not a sound file"):
            decode(tmp_path / "a.ogg")


@pytest.mark.parametrize("value", [1e30, -1e30, 32767.0, 101.0])
def test_samples_far_beyond_full_scale_refuse_the_file(value, tmp_path):
    samples = tone(2, 44100)
    samples[70000] = value
    soundfile.write(tmp_path / "a.wav", samples, 44100, subtype="FLOAT")
    with pytest.raises(BadFile, match="samples far beyond full scale: .* where 1 is full scale"):
        decode(tmp_path / "a.wav")


def test_samples_a_little_beyond_full_scale_are_kept(tmp_path):
    soundfile.write(tmp_path / "a.wav", 20 * tone(1, RATE), RATE, subtype="FLOAT")
    assert np.abs(decode(tmp_path / "a.wav")).max() == pytest.approx(10, abs=1e-3)


# A corpus


def corpus_of(root: Path, sounds: dict[str, np.ndarray | bytes], roles: dict[str, str] | None = None):
    """A table corpus: name -> samples at 16 kHz or raw bytes; the test role is for names with a t."""
    root.mkdir(parents=True, exist_ok=True)
    lines = ["path,labels,role,group"]
    for name, sound in sounds.items():
        if isinstance(sound, bytes):
            (root / name).write_bytes(sound)
        else:
            soundfile.write(root / name, sound, RATE, subtype="FLOAT")
        lines.append(
            f"{name},{name[0]};all,{(roles or {}).get(name) or ('test' if 't' in name else 'train')},g{name[0]}"
        )
    (root / "sounds.csv").write_text("\n".join(lines))
    return load("table", root)


def mixed(root: Path):
    """Two good clips, four bad ones of which two are seen only when opened, one clip half silent."""
    quiet = tone(2, RATE)
    quiet[RATE:] = 3e-5
    broken = tone(1, RATE)
    broken[5] = np.nan
    sounds = {"a.wav": tone(2.6, RATE), "nan.wav": broken, "b-t.wav": tone(0.3, RATE), "text.wav": b"no sound at all"}
    return corpus_of(root, {**sounds, "c.wav": quiet, "empty.wav": b""})


def same(one: chunks.Chunks, other: chunks.Chunks) -> bool:
    return (
        one.key == other.key
        and all(
            np.array_equal(getattr(one, name), getattr(other, name)) for name in ("audio", "clip", "start_s", "silent")
        )
        and one.corpus.rejected.equals(other.corpus.rejected)
        and one.corpus.clips.equals(other.corpus.clips)
    )


def test_chunks_of_a_corpus(tmp_path):
    result = cut(mixed(tmp_path / "c"))
    assert list(result.corpus.clips["id"]) == ["a.wav", "b-t.wav", "c.wav"]
    assert result.ids.tolist() == ["a.wav"] * 3 + ["b-t.wav"] + ["c.wav"] * 2
    assert result.groups.tolist() == ["ga"] * 3 + ["gb"] + ["gc"] * 2
    assert result.start_s.tolist() == [0, 1, 2, 0, 0, 1]
    assert result.silent.tolist() == [False] * 5 + [True]
    assert result.audio.shape == (6, RATE) == (len(result), RATE)
    column = {name: i for i, name in enumerate(result.corpus.classes)}
    assert result.targets[:, column["all"]].all() and result.targets.dtype == np.uint8
    assert result.targets[:, column["a"]].tolist() == [1, 1, 1, 0, 0, 0]
    assert not result.audio.flags.writeable
    for row, (clip, start) in enumerate(zip(result.clip, result.start_s, strict=True)):
        samples = decode(Path(result.corpus.clips["path"][clip]))[round(start * RATE) :][:RATE]
        assert np.array_equal(result.audio[row][: len(samples)], samples)


def test_every_bad_file_is_told_once_with_its_reason(tmp_path):
    rejected = cut(mixed(tmp_path / "c")).corpus.rejected
    assert list(rejected["clip"]) == ["empty.wav", "nan.wav", "text.wav"]
    for reason, told in zip(rejected["reason"], ("empty file", "NaN or infinite", "not a sound file"), strict=True):
        assert told in reason
    assert list(rejected["path"]) == [str(tmp_path / "c" / name) for name in rejected["clip"]]


def test_rows_by_role_with_silent_chunks_kept_or_dropped(tmp_path):
    corpus = mixed(tmp_path / "c")
    kept, train, both = (cut(corpus, Chunking(silent=way)) for way in ("keep", "drop_train", "drop_both"))
    assert kept.rows().tolist() == [0, 1, 2, 3, 4, 5] and kept.rows("test").tolist() == [3]
    assert (
        kept.rows("train").tolist() == [0, 1, 2, 4, 5] and kept.rows("train", "test").tolist() == kept.rows().tolist()
    )
    assert train.rows("train").tolist() == both.rows("train").tolist() == [0, 1, 2, 4]
    assert train.rows().tolist() == kept.rows().tolist() and both.rows().tolist() == [0, 1, 2, 3, 4]
    assert kept.rows("validation").tolist() == []
    with pytest.raises(ValueError, match="no role dev; there are train, validation, test"):
        kept.rows("dev")


def test_silent_chunks_of_test_are_dropped_only_from_both(tmp_path):
    corpus = corpus_of(tmp_path / "c", {"a.wav": tone(1, RATE), "t.wav": np.zeros(RATE), "u-t.wav": tone(1, RATE)})
    assert cut(corpus, Chunking(silent="drop_train")).rows("test").tolist() == [1, 2]
    assert cut(corpus, Chunking(silent="drop_both")).rows("test").tolist() == [2]


def test_what_counts_as_silent_is_a_setting_of_the_peak(tmp_path):
    sounds = {"a.wav": np.full(RATE, 0.0099), "b-t.wav": np.full(RATE, -0.0101)}
    corpus = corpus_of(tmp_path / "c", sounds)
    assert cut(corpus, Chunking(silent_dbfs=-40)).silent.tolist() == [True, False]
    assert cut(corpus, Chunking(silent_dbfs=-60)).silent.tolist() == [False, False]


def test_summary_tells_counts(tmp_path):
    lines = cut(mixed(tmp_path / "c")).summary().splitlines()
    assert lines[0].endswith("3 clips, 6 chunks of 1 s")
    assert "train: 2 clips, 5 chunks, 5 s" in lines and "test: 1 clip, 1 chunk, 1 s" in lines
    assert "silent: 1 chunk " in lines[3] and "rejected: 3 clips" in lines[4] and "1 x empty file" in lines[4]


def test_clips_that_are_clipped_or_have_an_offset_are_counted_and_kept(tmp_path):
    sounds = {
        "a.wav": tone(2, RATE), "b.wav": np.clip(4 * tone(1, RATE), -1, 1), "c.wav": tone(1, RATE) + 0.1,
        "d-t.wav": np.clip(4 * tone(1, RATE) + 0.5, -1, 1), "e.wav": 1.99 * tone(1, RATE, hz=3999.0) * 0.99,
    }  # fmt: skip
    made = cut(corpus_of(tmp_path / "c", sounds))
    assert list(made.odd.values()) == [["b.wav", "d-t.wav"], ["c.wav", "d-t.wav"]] and len(made.corpus.clips) == 5
    lines = [line for line in made.summary().splitlines() if "kept as found" in line]
    assert lines[0].startswith("clipped (over 0.1% of the samples at full scale): 2 clips")
    assert lines[1].startswith("DC offset (mean beyond 2% of full scale): 2 clips") and "c.wav, d-t.wav" in lines[1]
    assert cut(corpus_of(tmp_path / "c", sounds)).odd == made.odd  # read from the cache
    left = np.hstack([tone(1, RATE), np.zeros((RATE, 1))])
    made = cut(corpus_of(tmp_path / "s", {"a.wav": left, "b-t.wav": tone(1, RATE, channels=2)}))
    assert list(made.odd.values()) == [["a.wav"]] and np.abs(made.audio[0]).max() == pytest.approx(0.25, abs=1e-3)
    assert "a silent channel beside one with sound (the mean of all channels is taken): 1 clip, kept" in made.summary()
    assert "kept as found" not in cut(mixed(tmp_path / "good")).summary()


def test_a_cache_from_before_that_holds_what_is_refused_now_is_built_again(tmp_path, monkeypatch):
    loud = tone(1, RATE)
    loud[100] = 1e30
    corpus = corpus_of(tmp_path / "c", {"a.wav": loud, "b.wav": tone(1, RATE), "c-t.wav": tone(1, RATE)})
    with monkeypatch.context() as patch:
        patch.setattr("lib.sounds.decode.FAR", np.inf)
        assert len(cut(corpus)) == 3
    (folder,) = cached(tmp_path)
    about = json.loads((folder / "about.json").read_text())
    (folder / "about.json").write_text(json.dumps({name: about[name] for name in about if name != "odd"}))
    again = cut(corpus)
    assert list(again.corpus.rejected["clip"]) == ["a.wav"] and len(again) == 2


def test_a_class_that_loses_its_training_clip_when_it_is_opened_is_named(tmp_path):
    sounds = {"a.wav": tone(2, RATE), "b.wav": b"no sound at all", "b-t.wav": tone(1, RATE)}
    corpus = corpus_of(tmp_path / "c", sounds)
    assert corpus.unlearned == ()  # by the table alone it has one
    made = cut(corpus)
    assert made.corpus.unlearned == ("b",)
    assert any("without a training clip" in line and line.endswith(": b") for line in made.summary().splitlines())


def test_overlap_is_for_test_only(tmp_path):
    corpus = corpus_of(tmp_path / "c", {"a.wav": tone(2, RATE), "b-t.wav": tone(2, RATE)})
    result = cut(corpus, Chunking(test_overlap=0.5))
    assert result.start_s[result.rows("train")].tolist() == [0, 1]
    assert result.start_s[result.rows("test")].tolist() == [0, 0.5, 1]


def test_nothing_readable_for_test_is_refused(tmp_path):
    corpus = corpus_of(tmp_path / "c", {"a.wav": tone(2, RATE), "t.wav": b"no sound"})
    with pytest.raises(CorpusError, match="no usable test clip .1 rejected: 1 x not a sound file"):
        cut(corpus)


# Its cache


def test_a_second_call_reads_the_same(tmp_path, monkeypatch, capsys):
    corpus = mixed(tmp_path / "c")
    first = cut(corpus)
    assert capsys.readouterr().out.count("\n") == 1
    monkeypatch.setattr(cutting, "decode_channels", None)  # nothing is opened again
    again = cut(corpus, Chunking(silent="drop_both"))
    assert same(first, again) and capsys.readouterr().out == ""


def test_threads_change_nothing(tmp_path):
    corpus = mixed(tmp_path / "c")
    first = cut(corpus, threads=1)
    (folder,) = cached(tmp_path)
    (folder / "about.json").unlink()
    assert same(first, cut(corpus, threads=4))


def cached(tmp_path: Path) -> list[Path]:
    return [
        path for path in (tmp_path / "home" / "data" / "cache" / "chunks").iterdir() if not path.name.startswith(".")
    ]


def test_folds_and_labels_share_one_cache(tmp_path, monkeypatch):
    (tmp_path / "e" / "meta").mkdir(parents=True)
    (tmp_path / "e" / "audio").mkdir()
    lines = ["filename,fold,target,category,esc10,src_file,take"]
    for i in range(3):
        soundfile.write(tmp_path / "e" / "audio" / f"{i}.wav", tone(1, RATE), RATE)
        lines.append(f"{i}.wav,{i + 1},0,dog,True,{i},A")
    (tmp_path / "e" / "meta" / "esc50.csv").write_text("\n".join(lines))
    corpus = load("esc50", tmp_path / "e")
    whole = cut(corpus)
    with pytest.raises(CorpusError, match="with_fold"):
        whole.rows("train")
    assert whole.rows().tolist() == [0, 1, 2]
    for fold in corpus.folds:
        of_fold = cut(corpus.with_fold(fold))
        assert of_fold.rows("test").tolist() == [fold - 1] and len(of_fold.rows("train")) == 2
    assert len(cached(tmp_path)) == 1


def test_the_cache_follows_files_and_settings(tmp_path):
    corpus = mixed(tmp_path / "c")
    first = cut(corpus)
    assert cut(corpus, Chunking(fill="zeros")).key != first.key
    soundfile.write(tmp_path / "c" / "a.wav", -tone(2.6, RATE), RATE, subtype="FLOAT")  # same size, other sound
    os.utime(tmp_path / "c" / "a.wav", ns=(1, 1))
    changed = cut(corpus)
    assert changed.key != first.key and np.array_equal(changed.audio[0], -first.audio[0])
    assert len(cached(tmp_path)) == 3


def test_a_folder_that_moves_keeps_its_cache(tmp_path):
    first = cut(mixed(tmp_path / "c"))
    os.rename(tmp_path / "c", tmp_path / "d")
    moved = cut(load("table", tmp_path / "d"))
    assert len(cached(tmp_path)) == 1 and moved.key == first.key
    assert list(moved.corpus.rejected["path"]) == [str(tmp_path / "d" / name) for name in moved.corpus.rejected["clip"]]


@pytest.mark.parametrize("harm", ["about", "audio", "part", "interrupted"])
def test_a_half_built_cache_is_built_again(harm, tmp_path, monkeypatch):
    corpus = mixed(tmp_path / "c")
    first = cut(corpus)
    before = np.array(first.audio)
    (folder,) = cached(tmp_path)
    if harm == "about":
        (folder / "about.json").write_text("{")
    if harm == "audio":
        os.truncate(folder / "audio.npy", 1000)
    if harm == "part":
        os.rename(folder, folder.with_name(f".{folder.name}.part"))
    if harm == "interrupted":
        (folder / "about.json").unlink()
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(cutting, "decode_channels", interrupt)
            cut(corpus)
    again = cut(corpus)
    assert np.array_equal(again.audio, before) and len(again.corpus.rejected) == 3
    assert cached(tmp_path) == [folder] and not list(folder.parent.glob(".*.part"))


def interrupt(*_):
    raise KeyboardInterrupt


def build(root: Path, home: Path, queue) -> None:
    os.environ["STUDY_HOME"] = str(home)
    result = cut(load("table", root), threads=1)
    queue.put((result.key, len(result), len(result.corpus.rejected), float(np.sum(result.audio))))


def test_a_killed_build_leaves_nothing_in_the_way(tmp_path):
    corpus = mixed(tmp_path / "c")
    context = multiprocessing.get_context("fork")
    started = context.Event()
    process = context.Process(target=hang, args=(corpus, started))
    process.start()
    assert started.wait(120)
    process.kill()
    process.join()
    folder = tmp_path / "home" / "data" / "cache" / "chunks"
    assert list(folder.glob(".*.part")) and not cached(tmp_path)
    assert len(cut(corpus)) == 6 and not list(folder.glob(".*.part"))


def hang(corpus, started) -> None:
    def stop(*_):
        started.set()
        multiprocessing.Event().wait()

    cutting.decode_channels = stop
    cut(corpus)


def test_two_builds_at_once_give_one(tmp_path):
    rng = np.random.default_rng(0)
    sounds = {f"{i}{'-t' if i % 2 else ''}.wav": rng.standard_normal(RATE * 4) * 0.1 for i in range(40)}
    corpus_of(tmp_path / "c", {**sounds, "bad.wav": b"no sound"})
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    workers = [context.Process(target=build, args=(tmp_path / "c", tmp_path / "home", queue)) for _ in range(3)]
    for worker in workers:
        worker.start()
    results = {queue.get(timeout=300) for _ in workers}
    for worker in workers:
        worker.join()
    assert len(results) == 1 and next(iter(results))[1:3] == (160, 1) and len(cached(tmp_path)) == 1


def test_the_cache_holds_what_it_says(tmp_path):
    result = cut(mixed(tmp_path / "c"))
    (folder,) = cached(tmp_path)
    assert json.loads((folder / "about.json").read_text())["key"] == result.key
    assert list(pd.read_csv(folder / "rejected.csv")["clip"]) == ["nan.wav", "text.wav"]
    assert np.load(folder / "audio.npy", mmap_mode="r").dtype == np.dtype("<f4")


@pytest.mark.parametrize(("number", "error", "words"), [
    (errno.ENOSPC, files.DiskFull, "the disk is full: no room for .* free.*set STUDY_HOME"),
    (errno.EACCES, CorpusError, "cannot be written.*Permission denied.*set STUDY_HOME"),
])  # fmt: skip
def test_a_cache_that_cannot_be_written_is_told(number, error, words, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(cutting, "cut_clip", refuse)
    with pytest.raises(error, match=words):
        cut(mixed(tmp_path / "c"))
    assert not list((tmp_path / "home").rglob("*.part"))


def test_esc10_gives_its_known_chunks():
    if not ESC10.exists():
        pytest.skip("the ESC-10 recordings are not beside this project")
    result = cut(load("esc50", ESC10), Chunking(silent_dbfs=-80))
    assert len(result) == 2003 and result.corpus.rejected.empty
    assert result.silent.sum() == 173
    assert np.bincount(result.clip).min() == 4 and np.bincount(result.clip).max() == 7


# Many files, and a long one


@pytest.mark.slow
def test_more_files_than_may_be_open_at_once_are_one_cut(tmp_path, home):
    sounds = {f"{n:04d}{'-t' * (n % 2)}.wav": np.full((800, 1), (1 + n % 9) / 10) for n in range(1500)}
    made = cut(corpus_of(tmp_path / "c", sounds))
    assert len(made) == 1500 and made.corpus.rejected.empty
    for row in (0, 1234, 1499):
        assert made.audio[row] == pytest.approx((1 + row % 9) / 10)


@pytest.mark.slow
def test_a_quarter_of_an_hour_is_cut_into_its_seconds(tmp_path, home):
    """Fifty of the blocks that a file is read in."""
    with soundfile.SoundFile(tmp_path / "a.flac", "w", 8000, 2) as file:
        for second in range(900):
            file.write(np.full((8000, 2), second / 1000))
    (tmp_path / "a-t.flac").write_bytes((tmp_path / "a.flac").read_bytes())
    (tmp_path / "own.csv").write_text("path,labels,role\na.flac,x,train\na-t.flac,x,test\n")
    made = cut(load("table", tmp_path))
    assert len(made) == 1800
    middles = made.audio[:, 8000]
    assert middles[:900] == pytest.approx(np.arange(900) / 1000, abs=1e-3)
    assert np.array_equal(made.audio[:900], made.audio[900:])


def test_chunks_of_16_bits_take_half_the_disk_and_are_equal_to_a_step(tmp_path, home):
    """Exactly equal where the file has 16 bits at 16 kHz; within a step of the chunk's peak where it was resampled."""
    root = tmp_path / "c"
    root.mkdir()
    soundfile.write(root / "as_it_is.wav", tone(2.6, RATE), RATE, subtype="PCM_16")
    soundfile.write(root / "resampled_t.wav", tone(2.0, 44100), 44100, subtype="PCM_16")
    (root / "c.csv").write_text("path,labels,role\nas_it_is.wav,a,train\nresampled_t.wav,a,test\n")
    whole, half = (cut(load("table", root), Chunking(stored_as=kind)) for kind in ("float32", "int16"))
    sizes = sorted(path.stat().st_size for path in (home / "data" / "cache" / "chunks").glob("*/audio.npy"))
    assert sizes[0] < 0.51 * sizes[1] and half.key != whole.key and len(half) == len(whole)
    train, test = half.rows("train"), half.rows("test")
    assert np.array_equal(half.audio[train], whole.audio[train])
    step = np.abs(whole.audio[test]).max() / 2**15
    assert 0 < np.abs(half.audio[test] - whole.audio[test]).max() <= 0.51 * step
    assert half.content(train) == whole.content(train) and half.content(test) != whole.content(test)
    assert np.array_equal(half.silent, whole.silent)
