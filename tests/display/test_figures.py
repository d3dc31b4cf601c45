"""How figures are saved: every part has a place of its own, found once."""

import io
import itertools
import re
import zlib

import numpy as np
from fontTools.ttLib import TTFont
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont
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


def fonts_in(pdf):
    """The fonts that a PDF holds."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf.read_bytes(), re.DOTALL)
    plain = [zlib.decompress(each) for each in streams if each[:1] == b"x"]
    return [TTFont(io.BytesIO(each)) for each in plain if each.startswith(b"\0\1\0\0")]


def test_a_pdf_holds_the_letters_of_its_font_and_not_the_rules_for_placing_them(tmp_path):
    figures.save(panels(), tmp_path / "panels")
    (font,) = fonts_in(tmp_path / "panels.pdf")
    usual = TTFont(findfont("sans\\-serif"))
    assert {"GDEF", "GPOS", "GSUB"} <= {*usual.keys()} - {*font.keys()}
    names = [name for name in font.getGlyphOrder() if name != ".notdef"]
    assert {*"labeofmnyts", "space"} <= {*names}
    for name in names:
        own, other = font["glyf"][name], usual["glyf"][name]
        assert list(own.getCoordinates(font["glyf"])[0]) == list(other.getCoordinates(usual["glyf"])[0])
        assert font["hmtx"][name][0] == usual["hmtx"][name][0]
