"""How figures are saved: every part has a place of its own, found once."""

import itertools

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

from lib.display import figures


def panels():
    """Four panels whose labels need room."""
    with figures.style():
        figure = Figure(figsize=(9, 5))
        for axis in figure.subplots(2, 2).flat:
            axis.barh(["a label of many letters", "another label of many letters"], [1, 2])
            axis.set(xlabel="per cent", title="What is shown")
        figures.heading(figure, "All of it")
    return figure


def test_each_kind_of_file_is_drawn_once(tmp_path, monkeypatch):
    drawn, draw = [], Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda figure, renderer: (drawn.append(figure), draw(figure, renderer)))
    figures.save(panels(), tmp_path / "panels")
    assert len(drawn) == len(figures.UNDATED) == len(list(tmp_path.iterdir()))


def test_nothing_overlaps_and_all_lies_within_the_figure(tmp_path):
    figure = figures.save(panels(), tmp_path / "panels")
    figure.draw_without_rendering()  # its texts know the last file's resolution
    boxes = [axis.get_tightbbox() for axis in figure.axes]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    (title,) = figure.findobj(lambda part: isinstance(part, Text) and part.get_text() == "All of it")
    assert not any(title.get_window_extent().overlaps(box) for box in boxes)
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)


def test_a_figure_that_was_saved_is_shown_with_its_parts_where_they_are(tmp_path):
    figure = figures.save(panels(), tmp_path / "panels")
    before = [axis.get_position().bounds for axis in figure.axes]
    figure.savefig(tmp_path / "shown.png")
    np.testing.assert_allclose([axis.get_position().bounds for axis in figure.axes], before)
