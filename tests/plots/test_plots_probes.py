"""Pictures of made-up probes and similarities: what is drawn is what the tables say, and odd tables are drawn too."""

from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from pictures import apart_and_inside, texts

from lib.encoders.heads import ALL_FOUR
from lib.plots.probes import probe_figure, similarity_figure
from lib.representations import PAPER

TITLES = {"f0": "Pitch height: fundamental of tones", "classes": "The classes of the corpus"}


def probes(**values):
    """Rows of probes.csv of two properties; value of (property, encoder) by name, else 0.1."""
    rows = []
    for name, measure in (("f0", "r2"), ("classes", "map_macro")):
        for encoder in (*PAPER, ALL_FOUR):
            for control, less in (("", 0.0), ("untrained", 0.05), ("shuffled", 0.08), ("unseen", 0.0)):
                value = values.get(f"{name}_{encoder}", 0.1) - less
                rows.append({
                    "property": name, "unit": "log2 Hz", "encoder": encoder, "control": control, "measure": measure,
                    "value": value, "low": value - 0.05, "high": value + 0.05, "n_train": 80, "n": 40, "groups": 9,
                    "seeds": 1,
                })  # fmt: skip
    return pd.DataFrame(rows)


def similarities(extra=True):
    rows = [(*pair, "cka", 0.3) for pair in combinations(PAPER, 2)]
    rows += [(*pair, "predicted", 0.1 * number) for number, pair in enumerate(permutations(PAPER, 2))]
    if extra:
        rows += [
            ("pitch+timbre", "waveform", "predicted", 0.66),
            ("timbre+neuralogram+waveform", "pitch", "predicted", 0.44),
        ]
    table = pd.DataFrame(rows, columns=["first", "second", "what", "value"])
    return table.assign(low=table["value"] - 0.05, high=table["value"] + 0.05, seeds=1)


def seen(figure):
    return [text.get_text() for text in texts(figure)]


def test_a_cell_has_value_interval_and_controls():
    figure = probe_figure(probes(f0_pitch=0.73, f0_waveform=-0.2), TITLES)
    shown = seen(figure)
    for told in ("73", "68 to 78", "68 | 65", "−20"):
        assert told in shown
    columns = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert columns == ["Pitch", "Timbre", "Neuralogram", "Waveform", "All four"]
    assert any(text.startswith("Pitch height") and "n = 40" in text for text in shown)


def test_the_colour_is_the_share_that_is_explained_and_of_classes_what_is_above_chance():
    figure = probe_figure(probes(f0_pitch=0.73, f0_waveform=-0.2, classes_pitch=0.6), TITLES)
    drawn = figure.axes[0].collections[0].get_array().reshape(2, 5)
    assert drawn[0, 0] == pytest.approx(73) and drawn[0, 3] == 0
    assert drawn[1, 0] == pytest.approx(100 * 0.08 / 0.48)


def test_cells_without_values_say_so():
    nothing = probes().assign(value=np.nan, low=np.nan, high=np.nan)
    assert seen(probe_figure(nothing, TITLES)).count("no value") == 10
    no_interval = probes(f0_pitch=0.73).assign(low=np.nan, high=np.nan)
    assert not any(" to " in text for text in seen(probe_figure(no_interval, TITLES)))


def test_a_similarity_stands_in_its_row_and_column():
    figure = similarity_figure(similarities())
    left, right = (axis.collections[0].get_array() for axis in figure.axes[:2])
    assert left.shape == (6, 4) and right.shape == (4, 4)
    assert left[4, 3] == pytest.approx(66) and left[5, 0] == pytest.approx(44)
    assert left[1, 0] == pytest.approx(30) and left[0, 1] == 0  # (timbre, pitch) is the fourth pair
    assert np.ma.allclose(right, right.T) and np.ma.getmaskarray(right).diagonal().all()


def test_every_text_is_on_the_page_and_on_no_other():
    apart_and_inside(probe_figure(probes(f0_pitch=-1.23, classes_waveform=1.0), TITLES))
    apart_and_inside(similarity_figure(similarities()))
    apart_and_inside(similarity_figure(similarities(extra=False).assign(value=-0.123, low=-0.45, high=np.nan)))
