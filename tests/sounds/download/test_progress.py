"""How far a download is, for who does not watch: a line from time to time."""

from lib.sounds.download import progress
from lib.sounds.download.progress import Progress


def test_a_line_says_what_is_there_of_how_much(capsys):
    with Progress("a.zip", 4_000_000) as one:
        one.moved(3_000_000)
        one.moved(-1_000_000)  # a part that was damaged is thrown away
        assert one.count == 2_000_000
        assert one.line().startswith("a.zip: 2.00M of 4.00MB, ") and one.line().endswith(" left")
    assert capsys.readouterr().out == ""  # it was over before the first line was due


def test_lines_are_printed_when_they_are_due(monkeypatch, capsys):
    monkeypatch.setattr(progress, "LINE_S", 0.0)
    with Progress("a.zip", 10) as one:
        for _ in range(2):
            one.moved(5)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["a.zip: 5.00 of 10.0B", "a.zip: 10.0 of 10.0B"]


def test_where_the_size_is_not_known_there_is_no_time_left(capsys):
    with Progress("a.zip", 0) as one:
        one.moved(5)
        assert one.line().startswith("a.zip: 5.00")
