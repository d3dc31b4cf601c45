"""Values of make's variables."""

import pytest

from lib.cli.environment import Stop
from lib.cli.values import whole_number


def test_a_number_or_nothing():
    assert [whole_number("N", text) for text in ("", "0", "20")] == [None, 0, 20]


@pytest.mark.parametrize(("text", "limits", "message"), [
    ("x", (), "N=x: a whole number from 0"), ("0", (1,), "N=0: a whole number from 1"),
    ("-1", (), "N=-1: a whole"), ("1.5", (), "N=1.5: a whole"), ("\u0663", (), "a whole"),
    ("80", (1024, 65535), "N=80: a whole number from 1024 to 65535"), ("65536", (1024, 65535), "to 65535"),
    ("9" * 5000, (), "a whole"),
])  # fmt: skip
def test_what_is_no_such_number_is_one_line(text, limits, message):
    with pytest.raises(Stop, match=message):
        whole_number("N", text, *limits)
