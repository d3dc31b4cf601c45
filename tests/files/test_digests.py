"""A stored file that is not what was written is never used: it is made again, or one line says what does that."""

import os
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lib import files
from lib.encoders import training
from lib.files import digests


def flip(path):
    """One bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def empty(path):
    os.truncate(path, 0)


HARMS = [flip, cut, empty]


def write_arrays(path, values):
    with digests.sealed(path) as temporary:
        np.savez(temporary, values=values)


def write_tensors(path, values):
    training.write_tensors(path, {"values": torch.from_numpy(values)}, {"key": "k"})


KINDS = {
    "x.npy": (digests.write_array, np.load),
    "x.npz": (write_arrays, digests.load_arrays),
    "x.safetensors": (write_tensors, load_file),
    "x.json": (lambda path, values: digests.write_json(path, values.tolist()), digests.load_json),
}


@pytest.fixture
def stored(tmp_path, request):
    """A stored file of a kind, and what loads it."""
    write, load = KINDS[request.param]
    write(tmp_path / request.param, np.arange(20.0))
    return tmp_path / request.param, load


@pytest.mark.parametrize("stored", KINDS, indirect=True)
@pytest.mark.parametrize("harm", HARMS)
def test_what_is_damaged_is_refused_in_a_line_or_made_again(stored, harm, capsys):
    path, load = stored
    digests.read(path, load)
    harm(path)
    with pytest.raises(
        digests.Damaged, match=rf"{path} is damaged, or was changed since it was written: do this"
    ) as told:
        digests.read(path, load, "do this")
    assert "\n" not in str(told.value)
    assert capsys.readouterr().out == ""
    assert digests.reread(path, load) is None
    assert capsys.readouterr().out == f"{path} is damaged: it is made again\n"
    assert digests.damaged(path.parent) == [path]


@pytest.mark.parametrize("stored", KINDS, indirect=True)
@pytest.mark.parametrize("harm", [cut, empty])
def test_a_cut_file_from_before_there_were_digests_is_refused_too(stored, harm):
    path, load = stored
    (path.parent / f".{path.name}.sha256").unlink()
    harm(path)
    with pytest.raises(digests.Damaged):
        digests.read(path, load)


@pytest.mark.parametrize("stored", KINDS, indirect=True)
def test_a_file_from_before_there_were_digests_is_read_and_watched_from_then_on(stored):
    path, load = stored
    (path.parent / f".{path.name}.sha256").unlink()
    assert digests.damaged(path.parent) == []
    digests.read(path, load)
    flip(path)
    with pytest.raises(digests.Damaged):
        digests.read(path, load)


def test_what_is_not_there_is_missing_and_not_damaged(tmp_path):
    digests.write_array(tmp_path / "x.npy", np.arange(3))
    (tmp_path / "x.npy").unlink()
    assert digests.reread(tmp_path / "x.npy", np.load) is None
    assert not digests.usable(tmp_path / "x.npy")
    assert digests.damaged(tmp_path) == []
    with pytest.raises(FileNotFoundError):
        digests.read(tmp_path / "x.npy", np.load)


def test_stopped_between_the_digest_and_the_file_the_old_one_is_still_good(tmp_path, monkeypatch):
    path = tmp_path / "x.npy"
    digests.write_array(path, np.arange(3))

    def stop(source, target):
        if target == path:
            raise KeyboardInterrupt
        os.rename(source, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(files.os, "replace", stop)
        digests.write_array(path, np.arange(4))
    assert len(digests.read(path, np.load)) == 3
    digests.write_array(path, np.arange(4))
    assert len(digests.read(path, np.load)) == 4


def test_an_array_is_made_once_and_again_only_where_it_is_damaged(tmp_path):
    path, made = tmp_path / "x.npy", []

    def make():
        made.append(1)
        return np.arange(5)

    for _ in range(2):
        assert np.array_equal(digests.array(path, make), np.arange(5))
    assert len(made) == 1
    flip(path)
    assert np.array_equal(digests.array(path, make), np.arange(5))
    assert len(made) == 2


def test_a_large_file_is_read_again_only_where_something_has_touched_it(tmp_path, monkeypatch):
    monkeypatch.setenv("STUDY_HOME", str(tmp_path))
    monkeypatch.setattr(digests, "LARGE_BYTES", 100)
    path = tmp_path / "x.npy"
    digests.write_array(path, np.arange(100))
    times = os.stat(path)
    assert digests.intact(path)
    flip(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert not digests.intact(path)


def test_an_error_that_is_none_of_the_file_stays_what_it_is(tmp_path):
    digests.write_array(tmp_path / "x.npy", np.arange(3))

    def load(_):
        raise MemoryError

    with pytest.raises(MemoryError):
        digests.read(tmp_path / "x.npy", load)


def test_an_archive_whose_members_are_cut_is_damaged(tmp_path):
    path = tmp_path / "x.npz"
    path.write_bytes(b"PK\x05\x06" + bytes(10))
    with pytest.raises(zipfile.BadZipFile):
        np.load(path)
    with pytest.raises(digests.Damaged):
        digests.read(path, digests.load_arrays)
