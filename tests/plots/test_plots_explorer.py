"""The explorer's maps on paper: every group has a name that can be read, and what is left of many is said."""

import numpy as np
import pytest

from lib.plots.encoder import NONE, kinds_of
from lib.plots.explorer import map_panels


@pytest.mark.parametrize("name", ["{}", "class number {} with a rather long name"])
def test_the_legend_names_every_group_and_stays_inside_the_figure(name):
    targets = np.eye(15, dtype=np.uint8)[np.repeat(np.arange(15), 4)]
    groups, kinds = kinds_of(targets, {name.format(k): [k] for k in range(15)})
    places = np.random.default_rng(0).random((60, 2))
    figure = map_panels(dict.fromkeys("abcde", places), groups, kinds, np.arange(60) < 4)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [*groups, "other"] and (kinds == NONE).sum() == 12
    box = legend.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width and box.y0 >= 0


def test_there_are_no_others_where_all_have_a_group():
    groups, kinds = kinds_of(np.eye(2, dtype=np.uint8), {"a": [0], "b": [1]})
    figure = map_panels({"all": np.zeros((2, 2))}, groups, kinds, np.zeros(2, bool))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
