"""Names as other systems spell them, found where one file alone can be meant."""

import os
import unicodedata

import pytest

from lib.sounds.corpora.spelling import Files, in_other_encodings, plain, stripped


def test_names_that_differ_in_capitals_and_accents_are_alike_and_others_are_not():
    composed, apart = unicodedata.normalize("NFC", "Ä.WAV"), unicodedata.normalize("NFD", "ä.wav")
    assert composed != apart and plain(composed) == plain(apart) != plain("a.wav")


def test_blanks_around_a_cell_are_none_of_it_also_those_of_no_width():
    assert stripped(" \u200b a b\ufeff\t") == "a b"


def test_a_name_that_is_no_utf8_may_be_what_old_systems_called_it():
    assert in_other_encodings("ä.wav") == []
    windows, dos, *_ = in_other_encodings(os.fsdecode("Ä.wav".encode("cp1252")))
    assert windows == "ä.wav" != dos
    assert in_other_encodings(os.fsdecode("Ä.wav".encode("cp850")))[1] == "ä.wav"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "Day 1").mkdir()
    for name in ("Day 1/Door.wav", "twice.wav", "TWICE.wav"):
        (tmp_path / name).touch()
    return Files(tmp_path)


@pytest.mark.parametrize(("text", "found"), [
    ("Day 1/Door.wav", "Day 1/Door.wav"), ("Day 1\\Door.wav", "Day 1/Door.wav"), ("day 1/DOOR.wav", "Day 1/Door.wav"),
    ("./Day 1//door.wav", "Day 1/Door.wav"), ("Twice.wav", "Twice.wav"), ("twice.wav", "twice.wav"), ("other.wav", "other.wav"),
    ("", ""),
])  # fmt: skip
def test_a_spelling_finds_the_one_file_that_it_can_mean(folder, text, found):
    assert folder.spelled(text) == found


@pytest.mark.parametrize(("text", "hint"), [
    ("Day 1/Door.wav", ""), ("Day 1/door", "one with an ending"), ("Door.wav", "of that name in another folder"),
    ("~/Door.wav", "~ and variables mean nothing"), ("$HOME/Door.wav", "~ and variables mean nothing"), ("none.wav", ""),
])  # fmt: skip
def test_a_file_that_is_not_found_but_something_like_it_is_told(folder, text, hint):
    assert hint in folder.hint(text) and bool(hint) == bool(folder.hint(text))
