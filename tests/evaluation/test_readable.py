"""Tables on the screen: names that readers know, text at the left, numbers at the right, markup as text."""

import re

import numpy as np
import pandas as pd

from lib.evaluation.readable import clips_once, table


def sides(styler):
    """How each column of the rendered table is aligned, and its text."""
    html = styler.to_html()
    found = re.findall(r"td\.col(\d+).*?text-align: (left|right)", html, re.DOTALL)
    return [side for _, side in sorted((int(column), side) for column, side in found)], re.sub(
        r"<style.*?</style>", "", html, flags=re.DOTALL
    )


def test_text_is_at_the_left_and_numbers_at_the_right_as_text_or_not():
    frame = pd.DataFrame({
        "subset": ["pitch", "timbre"], "measure": ["map_macro", "d_prime"], "value": [0.25, None], "shown": ["43.2", ""],
        "with interval": ["43.2 (40.1 to 46.3)", "+1.0"], "fold": ["1", "x"],
    })  # fmt: skip
    aligned, text = sides(table(frame))
    assert aligned == ["left", "left", "right", "right", "right", "left"]
    for part in ("Pitch", "Timbre", "macro mAP", ">d&#39;<", "0.250", "43.2 (40.1 to 46.3)"):
        assert part in text
    assert "map_macro" not in text and "nan" not in text
    assert frame["measure"].tolist() == ["map_macro", "d_prime"]


def test_an_index_with_names_becomes_columns_and_two_levels_of_heads_one():
    frame = pd.DataFrame({"subset": ["pitch"] * 2, "level": ["clip", "chunk"], "head": ["paper"] * 2, "value": [1, 2]})
    aligned, text = sides(table(frame.pivot(index="subset", columns=["level", "head"], values="value")))
    assert aligned == ["left", "right", "right"]
    assert re.findall(r"<th[^>]*>([^<]+)</th>", text) == ["subset", "clip, paper", "chunk, paper"]


def test_clips_that_are_chunks_stand_once():
    rows = [
        {"level": level, "head": head, "value": value, "why": None}
        for level in ("chunk", "clip")
        for head, value in (("paper", 0.1), ("own", np.nan))
    ]
    both = pd.DataFrame(rows)
    assert clips_once(both)["level"].tolist() == ["clip, one chunk each"] * 2
    assert sides(table(both))[1].count("clip, one chunk each") == 2
    for column, value in (("value", 0.2), ("why", "no chunk"), ("head", "linear")):
        other = both.copy()
        other.loc[3, column] = value
        assert clips_once(other) is other
    alone = both[both["level"] == "clip"]
    assert clips_once(alone) is alone and clips_once(both.drop(columns="level"))["value"].size == 4


def test_labels_that_are_markup_stay_text():
    _, text = sides(table(pd.DataFrame({"class": ["<img src=x>"]})))
    assert "<img" not in text and "&lt;img src=x&gt;" in text


def test_a_column_of_numbers_keeps_them_whatever_it_is_called():
    _, text = sides(table(pd.DataFrame({"first": [0.5], "row": [3], "subset": [None]})))
    assert "0.500" in text and ">3<" in text
