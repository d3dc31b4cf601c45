"""What a page is made of: tables of text whose numbers are known as such, and names that stay text."""

import numpy as np
import pandas as pd
import pytest
from jinja2 import UndefinedError

from lib.report import page_elements
from lib.report.examples import Example
from lib.report.page_elements import Element, Section


def test_columns_of_numbers_are_known_and_gaps_do_not_count():
    found = page_elements.table("a", {
        "name": ["x", "y"], "value": ["1.5", ""], "interval": ["1.2 to 3", "no value"], "with": ["1.2 (1.0 to 1.4)", "-3e-05"],
        "mixed": ["1", "two"],
    })  # fmt: skip
    assert dict(zip(found.body["columns"], found.numeric, strict=True)) == {
        "name": False, "value": True, "interval": True, "with": True, "mixed": False,
    }  # fmt: skip
    assert found.body["rows"][0] == ("x", "1.5", "1.2 to 3", "1.2 (1.0 to 1.4)", "1")


def test_a_table_without_rows_or_columns_is_one():
    assert page_elements.table("a", {"x": []}).numeric == (False,)
    assert page_elements.table("a", {}).body["rows"] == []


def test_cells_of_a_frame_are_text_and_missing_ones_empty():
    frame = pd.DataFrame({"a": [0.30000000000000004, np.nan], "b": ["01", None], "c": [3, 4]})
    assert page_elements.of_frame("t", frame).body["rows"] == [("0.3", "01", "3"), ("", "", "4")]
    assert page_elements.of_frame("t", frame, ["c", "a"]).body["columns"] == ("c", "a")


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        page_elements.table("a", {"x": ["1", "2"], "y": ["1"]})


def test_sentences_and_names_are_escaped():
    assert page_elements.code("run `make <study>` & see") == "run <code>make &lt;study&gt;</code> &amp; see"
    assert page_elements.breakable("pitch+timbre_x.y<b>") == "pitch+<wbr>timbre_<wbr>x.<wbr>y&lt;b&gt;"


def test_long_names_of_classes_beside_a_sound_may_go_on_in_the_next_line():
    name = "Livestock_and_farm_animals"
    predictions = {"pitch": [(name, 0.3, True)]}
    shown = Element("examples", body=[Example("1", ("<b>", name), np.zeros(160, np.float32), 16000, predictions)])
    section = Section("listen", "Listen", "", (shown,))
    page = page_elements.page("report.html.j2", slug="x", made="", facts={}, lacking="", sections=[section])
    broken = "Livestock_<wbr>and_<wbr>farm_<wbr>animals"
    assert page.count(broken) == 2 and f"&lt;b&gt;, {broken}" in page


def test_a_page_that_lacks_a_value_is_not_made():
    with pytest.raises(UndefinedError):
        page_elements.page("report.html.j2", slug="x")
