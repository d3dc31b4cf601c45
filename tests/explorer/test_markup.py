"""Players in a page: what is heard stands beside them, escaped."""

import numpy as np
import pandas as pd

from lib.explorer import markup
from lib.explorer.inference import caption


def test_each_player_has_its_name_beside_it():
    page = markup.players(
        "Clips", [("<hiss> & hum", np.zeros(800, np.float32)), ("tone", np.ones(800, np.float32))], 8000
    )
    for name in ("&lt;hiss&gt; &amp; hum", "tone"):
        assert f">{name}</th>" in page and f'aria-label="{name}"' in page
    assert "<hiss>" not in page and page.count("<audio") == 2


def test_a_long_name_of_a_class_leaves_room_for_the_scores_of_each_second():
    """FSD50K's have up to 34 letters; at 1280 pixels a table beside the views is 400 wide."""
    found = pd.DataFrame(
        [["Scratching_(performance_technique)", True, 0.2, 0.1], ["a<b", False, 0.1, 0.3]],
        columns=["class", "own", "whole", "0 s"],
    )
    page = markup.scores(found, "Scores")
    assert "<b>Scratching_(performance_<wbr>technique)</b> (its label)" in page
    assert "<span style='font-weight: normal'>a&lt;b</span>" in page  # a row's head is bold of itself


def test_a_name_of_thousands_of_letters_is_a_line_of_a_page():
    long = "x" * 10_000
    found = pd.DataFrame([[long, True, 0.2, 0.1]], columns=["class", "own", "whole", "0 s"])
    assert len(markup.scores(found, "Scores")) < 2000
    assert len(caption((long, "dog"), "a.wav")) < 100 and caption((long, "dog"), "a.wav").endswith("x, dog (a.wav)")
