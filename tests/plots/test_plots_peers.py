"""Pictures of other systems: what is called what, where it stands, and in which ink."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from pictures import apart_and_inside

from lib.display.figures import GREY
from lib.plots.common import INK, title
from lib.plots.peers import cost_figure, gain_figure
from lib.representations import kind

GAINS = {"pitch": 0.02, "pitch+timbre": 0.11, "all four": 0.07, "noise": -0.04, "untrained_pitch": 0.0}


@pytest.fixture(scope="module")
def gains():
    rows = [
        {"peer": "aisfx", "added": added, "against": "", "group": "all", "level": "clip", "head": "paper", "measure": "map_macro",
         "difference": value, "low": value - 0.03, "high": value + 0.03}
        for added, value in GAINS.items()
    ]  # fmt: skip
    return pd.DataFrame(
        [*rows, rows[0] | {"against": "noise", "difference": 9.0}, rows[0] | {"group": "class:a", "difference": 9.0}]
    )


def test_gains_have_readers_names_in_their_order_and_grey_for_controls(gains):
    figure = gain_figure(gains, {"aisfx": "aiSFX"}, "clip", "paper")
    (axis,) = figure.axes
    assert axis.get_title(loc="left") == "aiSFX"
    named = dict(zip((text.get_text() for text in axis.get_yticklabels()), axis.get_yticks(), strict=True))
    assert sorted(named, key=named.get, reverse=True) == [
        "Pitch",
        "Pitch + Timbre",
        "All four",
        "Noise",
        "Pitch untrained",
    ]
    (dots,) = [each for each in axis.collections if isinstance(each, PathCollection)]
    np.testing.assert_allclose(dots.get_offsets()[:, 0], [100 * value for value in GAINS.values()])
    assert [to_hex(ink) for ink in dots.get_facecolors()] == [
        to_hex(one) for one in (kind("pitch").colour, INK, INK, GREY, GREY)
    ]
    apart_and_inside(figure)


def test_costs_lie_at_their_numbers_and_each_system_is_named_once_on_each_side():
    rows = [
        {"row": name, "heard": heard, "head": head, "measure": "map_macro", "value": value, "low": value - 0.05, "high": value + 0.05,
         "parameters": parameters, "seconds_an_hour": seconds, "trained_here": here}
        for name, heard, head, value, parameters, seconds, here in (
            ("aiSFX", "own windows", "paper", 0.58, 4.7e6, 130, False), ("aiSFX", "1 s chunks", "paper", 0.5, 4.7e6, 130, False),
            ("all four", "1 s chunks", "paper", 0.4, 3.5e6, 20, True), ("aiSFX", "own windows", "linear", 0.9, 4.7e6, 130, False),
        )
    ]  # fmt: skip
    figure = cost_figure(pd.DataFrame(rows), "map_macro", "paper")
    for axis, column in zip(figure.axes, (4.7e6, 130), strict=True):
        assert sorted(text.get_text() for text in axis.texts) == ["aiSFX", "all four"]
        dots = np.concatenate([each.get_offsets() for each in axis.collections if isinstance(each, PathCollection)])
        assert sorted(dots[dots[:, 0] == column][:, 1]) == pytest.approx([50, 58])
        assert axis.get_xscale() == "log"
    apart_and_inside(figure)


def test_a_system_has_its_own_name_on_axes():
    assert (title("aisfx"), title("densenet"), title("noise")) == ("aiSFX", "DenseNet-121", "Noise")
