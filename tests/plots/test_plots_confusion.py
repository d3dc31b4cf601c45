"""The square of confusions: what is drawn, how many labels have room, and what is said where there is nothing."""

import numpy as np
import pandas as pd
import pytest

from lib.display import figures
from lib.plots.confusion import MOST, confusion_figure


def table(cells):
    """confusion.csv from (label, named, clips, wrong, of, both)."""
    rows = pd.DataFrame(cells, columns=["label", "taken_for", "clips", "wrong", "of", "both"])
    return rows.assign(share=rows["clips"] / rows["of"])


ONE = table([("a", "a", 3, 0, 4, 4), ("a", "b", 1, 1, 4, 0), ("b", "b", 2, 0, 2, 2)])


def meshes(figure):
    return [axis.collections[0].get_array().filled(np.nan) for axis in figure.axes if axis.get_ylabel() or axis.texts]


def test_one_label_each_is_one_square_of_shares(tmp_path):
    figure = figures.save(confusion_figure(ONE, ["a", "b"]), tmp_path / "confusion")
    panel = figure.axes[0]
    assert panel.collections[0].get_array().filled(np.nan) == pytest.approx(np.array([[75, 25], [0, 100]]))
    assert [text.get_text() for text in panel.texts] == ["3", "1", "2"]
    assert len(figure.axes) == 2  # the square and its scale


def test_several_labels_stand_beside_what_clips_share():
    both = table([("a", "a", 2, 0, 2, 2), ("a", "b", 1, 1, 2, 1), ("b", "b", 1, 0, 1, 1), ("b", "a", 1, 0, 1, 1)])
    figure = confusion_figure(both, ["a", "b"])
    squares = [axis for axis in figure.axes if axis.texts]
    titles = ["named", "the clip has as well"]
    assert [axis.get_title(loc="left") for axis in squares] == titles
    figure.draw_without_rendering()
    first, second = (
        figure.findobj(lambda each, title=title: getattr(each, "get_text", str)() == title)[0] for title in titles
    )
    assert first.get_window_extent().x1 < second.get_window_extent().x0
    assert squares[1].collections[0].get_array().filled(np.nan) == pytest.approx(np.array([[100, 50], [100, 100]]))


def test_a_label_that_is_named_and_no_clip_has_is_a_column_of_an_empty_row():
    figure = confusion_figure(table([("a", "z", 1, 1, 1, 0), ("a", "a", 0, 0, 1, 1)]), ["a", "z"])
    square = figure.axes[0].collections[0].get_array()
    assert square.mask.tolist() == [[False, False], [True, True]]


def test_of_many_labels_those_that_are_confused_have_room(tmp_path):
    names = [f"k{n:03d}" for n in range(300)]
    right = [(name, name, 1, 0, 2, 2) for name in names]
    wrong = [(names[n], names[n + 1], 1, 1, 2, 0) for n in range(200, 230)]
    figure = figures.save(confusion_figure(table(right + wrong), names), tmp_path / "confusion")
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(shown) == MOST and set(names[200:231]) <= set(shown) and shown == sorted(shown)


def test_nothing_to_draw_is_a_sentence():
    assert confusion_figure(table([]), []).texts[0].get_text().startswith("No test clip")
