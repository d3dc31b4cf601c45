"""Names and counts as a reader sees them."""

import pytest

from lib.display.screen import counted, measure_name
from lib.evaluation.measures import NAMES


@pytest.mark.parametrize(("number", "noun", "told"), [
    (1, "chunk", "1 chunk"), (0, "chunk", "0 chunks"), (2, "class", "2 classes"), (1, "class", "1 class"), (3, "test clip", "3 test clips"),
])  # fmt: skip
def test_a_number_agrees_with_its_noun(number, noun, told):
    assert counted(number, noun) == told


def test_no_measure_is_shown_by_the_name_of_its_column():
    assert measure_name("map_macro") == "macro mAP"
    assert not [name for name in NAMES if "_" in measure_name(name)]
