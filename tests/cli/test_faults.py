"""The driver of faults on a finished study: a few kills and one of each kind of damage end in the same tables."""

import random
import shutil

import pytest

from lib.cli.environment import Stop
from lib.cli.faults import number, report
from lib.cli.faults.damage import KINDS, damaged, flipped_bit
from lib.cli.faults.kills import kills
from lib.cli.faults.tiny import Tiny


@pytest.fixture(scope="module")
def whole(tmp_path_factory, small_corpus):
    """A study that nobody has hurt."""
    tiny = Tiny(tmp_path_factory.mktemp("faults") / "whole", small_corpus)
    status, words = tiny.run()
    assert status == 0, words
    return tiny


@pytest.mark.slow
def test_killed_a_few_times_it_ends_in_the_same_tables(whole, tmp_path):
    rows = kills(Tiny(tmp_path / "home", whole.corpus), whole.results(), random.Random(3), 4, 60)
    assert [row["killed"] for row in rows] == ["group", "kernel", "snakemake", "parent"]
    assert [row for row in rows if row["good"] != "yes"] == []
    assert rows[-1]["then"] == "finished with the same tables and scores"


@pytest.mark.slow
def test_a_flipped_bit_in_each_kind_of_file_is_said_and_made_again(whole, tmp_path):
    rows = damaged(whole, tmp_path / "home", whole.results(), random.Random(3), flipped_bit)
    assert [row["what"] for row in rows] == [*KINDS, "state of a training"]
    assert [row for row in rows if row["good"] != "yes"] == []


@pytest.mark.slow
def test_a_result_that_differs_is_found(whole, tmp_path):
    shutil.copytree(whole.home, tmp_path / "home", symlinks=True)
    copy = Tiny(tmp_path / "home", whole.corpus)
    assert copy.differing(whole.results()) == []
    flipped_bit(copy.folder / "tables" / "subsets.csv")
    (copy.folder / "scores" / "pitch-own-seed0.npy").unlink()
    assert copy.differing(whole.results()) == ["scores/pitch-own-seed0.npy", "tables/subsets.csv"]


def test_numbers():
    assert [number("N", text) for text in ("", "0", "20")] == [None, 0, 20]
    with pytest.raises(Stop, match="N=x: a whole number"):
        number("N", "x")


def test_rows_are_shown_and_written_and_one_that_is_not_good_is_seen(home, capsys):
    good, bad = {"killed": "kernel", "good": "yes"}, {"killed": "parent", "good": "no"}
    assert [report("kills", rows) for rows in ([good], [good, bad], [])] == [True, False, True]
    assert "parent   no" in capsys.readouterr().out
    assert (home / "figures" / "faults" / "kills.csv").read_text() == "good\n"
