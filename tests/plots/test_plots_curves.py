"""Curves as pictures: what is drawn is what the table says."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color
from pictures import apart_and_inside, texts

from lib.display.figures import style
from lib.plots.curves import curve_figure
from lib.representations import PAPER, kind

PARTS = (1 / 8, 1 / 4, 1 / 2, 1.0)


def table(curves=("budget", "data")):
    rng = np.random.default_rng(0)
    rows = [
        {"curve": curve, "part": part, "encoder": name, "what": what, "level": level, "head": head, "measure": "map_macro",
         "value": (value := rng.uniform(0, 0.3)), "low": value - 0.02, "high": value + 0.03}
        for curve in curves for part in PARTS[::-1] for name in PAPER for what in ("share", "added_last")
        for level in ("chunk", "clip") for head in ("paper", "linear")
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("curves", [("budget", "data"), ("data",)])
def test_every_number_is_drawn_in_its_encoders_colour(curves):
    made = table(curves)
    with style():
        figure = curve_figure(made, "linear")
        apart_and_inside(figure)
    assert len(figure.axes) == 2 * len(curves)
    places = [(curve, level) for curve in curves for level in ("chunk", "clip")]
    for axis, (curve, level) in zip(figure.axes, places, strict=True):
        panel = made[
            (made["curve"] == curve) & (made["level"] == level) & (made["head"] == "linear") & (made["what"] == "share")
        ]
        lines = [line for line in axis.get_lines() if line.get_marker() == "o"]
        assert len(lines) == len(axis.collections) == 4
        for name, line, band in zip(PAPER, lines, axis.collections, strict=True):
            rows = panel[panel["encoder"] == name].sort_values("part")
            np.testing.assert_allclose(line.get_xdata(), PARTS)
            np.testing.assert_allclose(line.get_ydata(), 100 * rows["value"])
            assert same_color(line.get_color(), kind(name).colour)
            corners = band.get_paths()[0].vertices[:, 1]
            assert corners.min() == pytest.approx(100 * rows["low"].min())
            assert corners.max() == pytest.approx(100 * rows["high"].max())
        assert [tick.get_text() for tick in axis.get_xticklabels()] in ([], ["1/8", "1/4", "1/2", "all"])
    shown = [text.get_text() for text in texts(figure)]
    assert {"Pitch", "Waveform", "1/8", "all"} <= set(shown)


def test_a_table_without_such_numbers_is_refused():
    with pytest.raises(ValueError, match="no share with the other head"):
        curve_figure(table(), "other")
