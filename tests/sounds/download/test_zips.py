"""Split archives as zip itself makes them, read in place, against what unzip makes of the joined one; and zip64."""

import random
import shutil
import subprocess
import zipfile

import pytest
from made_by_hand import Entry, archive, contents

from lib.sounds.download.parts import ArchiveError, Parts
from lib.sounds.download.unpack import absent, unpack
from lib.sounds.download.zips import members

needs_zip = pytest.mark.skipif(not (shutil.which("zip") and shutil.which("unzip")), reason="zip and unzip are not here")


def run(*command, cwd):
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """A folder of files of which half of each packs well, from an empty one to 60 kB."""
    folder, dice = tmp_path_factory.mktemp("sounds") / "FSD50K.dev_audio", random.Random(7)
    folder.mkdir()
    for number, size in enumerate([0, 1, 44, 60_000, *(dice.randrange(100, 9000) for _ in range(150))]):
        (folder / f"{number}.wav").write_bytes(dice.randbytes(size // 2) + bytes(size - size // 2))
    return folder


def split(folder, sounds, *options):
    """The parts of sounds, split by zip, in order."""
    run("zip", "-q", "-r", *options, folder / "a.zip", sounds.name, cwd=sounds.parent)
    return [*sorted(folder.glob("a.z[0-9]*")), folder / "a.zip"]


@needs_zip
@pytest.mark.parametrize("options", [("-s", "64k"), ("-s", "64k", "-0"), ("-s", "100k", "-fz"), ("-fd",), ()])
def test_parts_read_in_place_are_what_unzip_makes_of_the_joined_archive(tmp_path, sounds, options):
    paths = split(tmp_path, sounds, *options)
    assert len(paths) > 3 or "-s" not in options
    run("zip", "-q", "-s", "0", "a.zip", "--out", "joined.zip", cwd=tmp_path)
    run("unzip", "-q", "joined.zip", "-d", "theirs", cwd=tmp_path)
    parts = Parts(paths)
    found = members(parts)
    unpack(parts, found, tmp_path / "ours")
    assert contents(tmp_path / "ours") == contents(tmp_path / "theirs") == {
        f"{sounds.name}/{name}": content for name, content in contents(sounds).items()
    }  # fmt: skip
    assert absent(found, tmp_path / "ours") == []


@needs_zip
@pytest.mark.parametrize("packing", ["-0", "-9"])
def test_a_member_longer_than_several_parts(tmp_path, packing):
    """Debian's zip 3.0 itself cannot join these: unzip refuses what it makes of them."""
    folder, dice = tmp_path / "FSD50K.dev_audio", random.Random(8)
    folder.mkdir()
    for name, size in (("a", 5000), ("b", 300_000), ("c", 10)):
        (folder / f"{name}.wav").write_bytes(dice.randbytes(size))
    parts = Parts(split(tmp_path, folder, "-s", "64k", packing))
    unpack(parts, members(parts), tmp_path / "ours")
    assert contents(tmp_path / "ours" / folder.name) == contents(folder)


@needs_zip
def test_a_list_of_members_that_lies_in_several_parts(tmp_path):
    folder = tmp_path / "FSD50K.dev_audio"
    folder.mkdir()
    for number in range(1200):
        (folder / f"{'long' * 30}{number}.wav").write_bytes(b"x")
    paths = split(tmp_path, folder, "-s", "64k")
    parts = Parts(paths)
    found = members(parts)
    assert len(found) == 1200
    unpack(parts, found, tmp_path / "ours")
    assert len(contents(tmp_path / "ours")) == 1200


@needs_zip
@pytest.mark.parametrize("lost", [0, 2])
def test_a_missing_part_is_told(tmp_path, sounds, lost):
    paths = split(tmp_path, sounds, "-s", "64k")
    with pytest.raises(ArchiveError, match=rf"last of {len(paths)} parts, and {len(paths) - 1} are there"):
        members(Parts([path for number, path in enumerate(paths) if number != lost]))


@needs_zip
def test_parts_in_the_wrong_order_are_refused_with_a_members_name(tmp_path, sounds):
    paths = split(tmp_path, sounds, "-s", "64k")
    parts = Parts([paths[1], paths[0], *paths[2:]])
    with pytest.raises(ArchiveError, match=r"a\.zip: 'FSD50K\.dev_audio/"):
        unpack(parts, members(parts), tmp_path / "ours")


@needs_zip
@pytest.mark.parametrize("cut", [1, 30, 5000])
def test_an_archive_that_was_cut_off_is_told(tmp_path, sounds, cut):
    *others, last = split(tmp_path, sounds, "-s", "64k")
    last.write_bytes(last.read_bytes()[:-cut])
    with pytest.raises(ArchiveError, match="cut off"):
        members(Parts([*others, last]))


@needs_zip
def test_a_bit_that_flipped_is_refused_with_the_members_name_and_leaves_no_file(tmp_path, sounds):
    paths = split(tmp_path, sounds, "-s", "64k", "-0")
    parts = Parts(paths)
    found = members(parts)
    long = next(member for member in found if member.name.endswith("/3.wav"))
    damaged = paths[parts.index(long.start + 30_000)]
    content = bytearray(damaged.read_bytes())
    content[long.start + 30_000 - parts.starts[parts.index(long.start + 30_000)]] ^= 4
    damaged.write_bytes(content)
    with pytest.raises(ArchiveError, match=r"/3\.wav' has the wrong checksum"):
        unpack(parts, [long], tmp_path / "ours")
    assert contents(tmp_path / "ours") == {}


def test_zip64_fields_in_every_place(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for name in ("a.wav", "b.wav"):
            with file.open(name, "w", force_zip64=True) as out:
                out.write(name.encode() * 1000)
    parts = Parts([tmp_path / "a.zip"])
    unpack(parts, members(parts), tmp_path / "ours")
    assert contents(tmp_path / "ours") == {name: name.encode() * 1000 for name in ("a.wav", "b.wav")}


@pytest.mark.slow
def test_more_members_than_sixteen_bits_count(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for number in range(66_000):
            file.writestr(zipfile.ZipInfo(f"a/{number}"), b"")
    assert len(members(Parts([tmp_path / "a.zip"]))) == 66_000


@pytest.mark.slow
def test_a_member_and_an_offset_beyond_four_gigabytes(tmp_path):
    """The long member is a hole in the file."""
    size = (1 << 32) + 5
    behind = size + 1000
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("long.wav", b"")
        file.filelist[0].file_size = file.filelist[0].compress_size = size
        file.fp.truncate(behind)
        file.fp.seek(behind)
        file.start_dir = behind
        file.writestr("short.wav", b"short")
    parts = Parts([tmp_path / "a.zip"])
    long, short = members(parts)
    assert (long.size, short.start) == (size, behind)
    unpack(parts, [short], tmp_path / "ours")
    assert contents(tmp_path / "ours") == {"short.wav": b"short"}


def test_what_stands_before_the_end_in_a_comment_does_not_confuse(tmp_path):
    (tmp_path / "a.zip").write_bytes(archive(Entry("a.wav"), comment=b"see PK\5\6" + bytes(30)))
    assert [member.name for member in members(Parts([tmp_path / "a.zip"]))] == ["a.wav"]


def test_files_that_are_there_are_known_by_size_and_checksum(tmp_path):
    (tmp_path / "a.zip").write_bytes(archive(Entry("a.wav"), Entry("b.wav"), Entry("c.wav"), Entry("d.wav")))
    parts = Parts([tmp_path / "a.zip"])
    found = members(parts)
    unpack(parts, found, tmp_path)
    content = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "b.wav").write_bytes(content[:-1])
    (tmp_path / "c.wav").write_bytes(content[:-1] + b"?")
    (tmp_path / "d.wav").unlink()
    assert [member.name for member in absent(found, tmp_path)] == ["b.wav", "c.wav", "d.wav"]
