"""Tests of what the pictures share: text that can be read on its cell."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from lib.display.figures import in_lines
from lib.plots import common


def test_contrast_is_that_of_the_standard():
    assert common.contrast("black", "white") == pytest.approx(21)
    assert common.contrast("white", "white") == pytest.approx(1)
    assert common.contrast("#777777", "white") == pytest.approx(4.48, abs=0.005)  # the standard's known limit of grey


@pytest.mark.parametrize("colours", ["cividis", "PuOr", "RdBu", "YlOrRd_r", "Blues"])
def test_text_of_every_cell_can_be_read(colours):
    axis = Figure().subplots()
    mesh = common.cells(axis, np.linspace(0, 1, 101)[None], colours, (0, 1))
    for column in range(101):
        common.cell_text(mesh, (0, column), "x", 8)
    grounds = mesh.to_rgba(mesh.get_array()[0])
    least = min(common.contrast(text.get_color(), of) for text, of in zip(axis.texts, grounds, strict=True))
    assert least >= 4.5  # the standard's limit for text


def test_text_stands_in_its_cell_and_is_dark_where_there_is_no_value():
    axis = Figure().subplots()
    mesh = common.cells(axis, np.array([[np.nan, 0.0]]), "cividis", (0, 1))
    common.cell_text(mesh, (0, 0), "none", 8)
    common.cell_text(mesh, (0, 1), "low", 8, down=0.25)
    nothing, low = axis.texts
    assert (nothing.get_position(), low.get_position()) == ((0.5, 0.5), (1.5, 0.25))
    assert nothing.get_color() == "black"
    assert low.get_color() == "white"


def test_lines_break_at_blanks_and_underscores_and_never_at_a_no_break_space():
    caption = "pitch_c, timbre_dark, gesture_click_train (120001.wav, from 0\N{NO-BREAK SPACE}s)"
    lines = in_lines(caption, 32, 5).splitlines()
    assert lines[:2] == ["pitch_c, timbre_dark, gesture_", "click_train (120001.wav, from"]
    assert lines[2:] == ["0\N{NO-BREAK SPACE}s)"]
