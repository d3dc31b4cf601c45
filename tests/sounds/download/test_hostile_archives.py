"""Archives that mean harm, or are damaged: refused with the member's name, and nothing is written outside or left."""

import struct
import zlib

import pytest
from made_by_hand import Entry, archive, deflate

from lib.sounds.download.parts import ArchiveError, Parts
from lib.sounds.download.unpack import unpack
from lib.sounds.download.zips import members

GOOD = Entry("good.wav")
LINK, PIPE, DEVICE = 0o120777, 0o010644, 0o060644


def attempt(folder, content):
    """Unpack an archive of this content into folder/inside."""
    (folder / "a.zip").write_bytes(content)
    parts = Parts([folder / "a.zip"])
    unpack(parts, members(parts), folder / "inside")


@pytest.mark.parametrize(("name", "reason"), [
    ("../out.wav", "leads out of the folder"),
    ("a/../../out.wav", "leads out of the folder"),
    ("a/..", "leads out of the folder"),
    ("..", "leads out of the folder"),
    ("/tmp/out.wav", "is an absolute path"),
    ("//host/out.wav", "is an absolute path"),
    ("C:/out.wav", "is an absolute path"),
    ("c:out.wav", "is an absolute path"),
    ("a\\..\\out.wav", "is no name for a file"),
    ("a\0.wav", "is no name for a file"),
    ("a\n.wav", "is no name for a file"),
    ("a//b.wav", "is no name for a file"),
    ("./a.wav", "is no name for a file"),
    (".", "is no name for a file"),
    ("", "is no name for a file"),
    ("a" * 300 + ".wav", "is too long a name"),
    ("a/" * 600 + "b.wav", "is too long a name"),
])  # fmt: skip
def test_names_that_are_no_place_in_the_folder(tmp_path, name, reason):
    with pytest.raises(ArchiveError) as error:
        attempt(tmp_path, archive(GOOD, Entry(name)))
    assert reason in str(error.value)
    assert repr(name) in str(error.value)
    assert not (tmp_path / "inside").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize(("entry", "reason"), [
    (Entry("bad", mode=LINK, content=b"/etc/passwd"), "is a link"),
    (Entry("bad", mode=PIPE), "neither a file nor a folder"),
    (Entry("bad", mode=DEVICE), "neither a file nor a folder"),
    (Entry("bad", flags=1), "is encrypted"),
    (Entry("bad", method=9), "packed by method 9"),
    (Entry("bad", size=1 << 31), "which cannot be"),
    (Entry("bad", size=5, packed=b"", packed_size=0), "which cannot be"),
    (Entry("bad", method=0, size=7), "which cannot be"),
    (Entry("bad", size=0xFFFFFFFF), "lacks its zip64 field"),
    (Entry("bad", size=0xFFFFFFFF, extra=struct.pack("<2HQ", 1, 8, 1 << 62)), "which cannot be"),
    (Entry("bad", packed_size=1 << 30), "overlaps what comes after it"),
    (Entry("bad/", content=b"content"), "is a folder with content"),
])  # fmt: skip
def test_members_that_are_not_what_a_corpus_holds(tmp_path, entry, reason):
    with pytest.raises(ArchiveError, match=rf"a\.zip: '{entry.name}'.* {reason}"):
        attempt(tmp_path, archive(GOOD, entry, Entry("after.wav")))
    assert not (tmp_path / "inside").exists()


@pytest.mark.parametrize(
    ("first", "second"), [("a.wav", "a.wav"), ("a.wav", "A.WAV"), ("\u00e9.wav", "e\u0301.wav"), ("a", "a/")]
)
def test_names_that_stand_twice(tmp_path, first, second):
    with pytest.raises(ArchiveError, match="stands there twice"):
        attempt(tmp_path, archive(Entry(first), Entry(second, content=b"")))


@pytest.mark.parametrize("names", [("a", "a/b.wav"), ("a/b.wav", "A"), ("a/b/c/d.wav", "a/b")])
def test_a_file_that_is_anothers_folder(tmp_path, names):
    with pytest.raises(ArchiveError, match="both a file and, for"):
        attempt(tmp_path, archive(*map(Entry, names)))


def test_two_members_of_the_same_bytes(tmp_path):
    """As in an archive that unpacks to a multiple of itself."""
    with pytest.raises(ArchiveError, match="overlaps"):
        attempt(tmp_path, archive(Entry("a.wav"), Entry("b.wav", offset=0)))


def test_a_member_inside_another(tmp_path):
    inner = archive(Entry("b.wav"))
    outer = Entry("a.wav", method=0, content=inner)
    with pytest.raises(ArchiveError, match="overlaps"):
        attempt(tmp_path, archive(outer, Entry("b.wav", offset=30 + len("a.wav"))))


@pytest.mark.parametrize(("entry", "reason"), [
    (Entry("bad", crc=1), "wrong checksum"),
    (Entry("bad", size=399, local_size=399), "unpacks to more than its 399 bytes"),
    (Entry("bad", size=401, local_size=401), "unpacks to 400 bytes instead of 401"),
    (Entry("bad", packed=b"\xff" * 30), "cannot be unpacked"),
    (Entry("bad", packed=deflate(b"some sound" * 40) + b"more"), "cannot be unpacked"),
    (Entry("bad", packed=deflate(b"some sound" * 40)[:-3]), "instead of 400|cannot be unpacked"),
    (Entry("bad", local_name="bat"), "says otherwise in its own header"),
    (Entry("bad", local_size=7), "says otherwise in its own header"),
])  # fmt: skip
def test_members_whose_bytes_are_not_what_the_list_says(tmp_path, entry, reason):
    with pytest.raises(ArchiveError, match=rf"a\.zip: 'bad'.* ({reason})"):
        attempt(tmp_path, archive(entry, Entry("after.wav")))
    assert not (tmp_path / "inside" / "bad").exists()
    assert not list((tmp_path / "inside").glob(".*")) if (tmp_path / "inside").exists() else True


def test_a_small_archive_that_would_fill_the_disk_is_stopped_at_its_own_size(tmp_path):
    """The list says 1,000 bytes, the bytes would make twenty millions."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(20)) + packer.flush()
    bomb = Entry("bomb", size=1000, local_size=1000, packed=packed)
    with pytest.raises(ArchiveError, match="'bomb' unpacks to more than its 1000 bytes"):
        attempt(tmp_path, archive(bomb))
    assert not (tmp_path / "inside" / "bomb").exists()


@pytest.mark.parametrize("changed", [
    {"count": 1}, {"count": 3}, {"cd_size": 10}, {"cd_offset": 3}, {"disk": 4}, {"list_disk": 9}, {"between": b"gap", "cd_offset": 0},
    {"count": 0xFFFF}, {"count": 0xFFFE}, {"cd_offset": 0xFFFFFFFF},
])  # fmt: skip
def test_a_list_that_is_not_what_the_end_says(tmp_path, changed):
    with pytest.raises(ArchiveError, match=r"^a\.zip"):
        attempt(tmp_path, archive(Entry("a.wav"), Entry("b.wav"), **changed))
    assert not (tmp_path / "inside").exists()


def test_an_offset_where_no_member_is(tmp_path):
    with pytest.raises(ArchiveError, match="'b.wav' overlaps"):
        attempt(tmp_path, archive(Entry("a.wav"), Entry("b.wav", offset=1 << 30)))
    with pytest.raises(ArchiveError, match="'b.wav' is not where the list says"):
        attempt(
            tmp_path,
            archive(
                Entry("a.wav", content=bytes(9), method=0),
                Entry("b.wav", offset=50, packed=b"", size=0),
                between=bytes(99),
            ),
        )


@pytest.mark.parametrize("content", [b"", b"PK", b"<html>not here</html>" * 100, bytes(70_000)])
def test_what_is_no_archive(tmp_path, content):
    with pytest.raises(ArchiveError, match="no zip archive, or is cut off"):
        attempt(tmp_path, content)


def test_any_byte_that_changes_is_noticed_or_changes_nothing(tmp_path):
    """Every byte of a small archive, one after the other: refused in a line, or unpacked to the same files."""
    content = archive(Entry("a.wav", content=b"abc" * 9), Entry("b.wav", content=b"d" * 50))
    (tmp_path / "a.zip").write_bytes(content)
    refused = 0
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 0x55
        place = tmp_path / str(position)
        place.mkdir()
        try:
            attempt(place, bytes(changed))
        except ArchiveError as error:
            refused += "\n" not in str(error)
        else:
            found = {path.read_bytes() for path in (place / "inside").iterdir()}
            assert found <= {b"abc" * 9, b"d" * 50}, position
    assert refused > len(content) / 2
