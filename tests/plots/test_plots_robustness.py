"""Robustness and length as pictures: what is drawn is what the tables say."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color
from pictures import inside

from lib.encoders.heads import ALL_FOUR
from lib.plots import robustness
from lib.representations import PAPER, kind
from lib.sounds.perturb import PERTURBATIONS

OF = {"level": "clip", "head": "paper"}
NAMES = list(PERTURBATIONS)


def steps(names=NAMES, of="subset", models=(*PAPER, ALL_FOUR)):
    rng = np.random.default_rng(0)
    return pd.DataFrame([
        OF | {"perturbation": name, "step": step, of: model, "value": (value := rng.uniform(0.2, 0.9)), "part": value,
              "low": value - 0.1, "high": value + 0.05}
        for name in names for step in range(6) for model in models
    ])  # fmt: skip


@pytest.mark.parametrize("names", [NAMES, NAMES[:1], NAMES[2:7]])
def test_a_line_is_an_encoders_values_at_every_strength(names):
    table = steps(names)
    figure = robustness.curves(table, "map_macro", "clip", "paper")
    inside(figure)
    drawn = [axis for axis in figure.axes if axis.get_lines()]
    assert len(drawn) == len(names)
    for axis, name in zip(drawn, names, strict=True):
        for line, model in zip(axis.get_lines(), (*PAPER, ALL_FOUR), strict=True):
            wanted = table[(table["perturbation"] == name) & (table["subset"] == model)]
            assert np.allclose(line.get_ydata(), 100 * wanted["value"]) and list(line.get_xdata()) == [*range(6)]
            assert model == ALL_FOUR or same_color(line.get_color(), kind(model).colour)


def test_parts_of_the_gain_are_drawn_without_all_four():
    table = steps(of="encoder", models=PAPER)
    figure = robustness.shares(table, "clip", "paper")
    inside(figure)
    line = figure.axes[0].get_lines()[1]
    assert np.allclose(
        line.get_ydata(), 100 * table.query("perturbation == @NAMES[0] and encoder == @PAPER[1]")["part"]
    )


def test_a_cell_says_where_half_is_gone_without_its_unit():
    table = pd.DataFrame([
        OF | {"perturbation": name, "subset": subset, "group": group, "step": step, "half_at": text}
        for name, step, text in (("noise", 1.5, "25 dB SNR"), ("mp3", np.inf, "never"))
        for subset in (PAPER[0], f"{PAPER[0]}+{PAPER[1]}", ALL_FOUR) for group in ("all", "class:dog")
    ])  # fmt: skip
    figure = robustness.halves(table, "clip", "paper")
    inside(figure)
    assert [text.get_text() for text in figure.axes[0].texts] == ["25", "never"] * 3


def test_lengths_are_lines_by_what_stands_in_for_the_rest():
    table = pd.DataFrame([
        {"length_s": length, "place": place, "fill": fill, "head": "paper", "subset": subset, "value": 0.1 * length + 0.3, "low": 0.2, "high": 0.6}
        for place in ("start", "random") for subset in (PAPER[0], ALL_FOUR)
        for length, fill in ((0.5, "repeat"), (0.5, "zeros"), (0.5, "context"), (1.0, ""), (3.0, ""))
    ])  # fmt: skip
    figure = robustness.lengths(table, "map_macro", "paper")
    inside(figure)
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["from the start", "from anywhere"]
    by_style = {
        line.get_linestyle(): line.get_xdata().tolist()
        for line in figure.axes[0].get_lines()[:4]
        if len(line.get_xdata()) > 1
    }
    assert by_style["--"] == [0.5, 1.0] and by_style[":"] == [0.5, 1.0]
