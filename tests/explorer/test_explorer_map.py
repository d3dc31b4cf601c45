"""The map's bookkeeping, without a study: another study has other rows, and no error stays unseen."""

from types import SimpleNamespace

import numpy as np
import pytest

from lib.explorer.live import Explorer


@pytest.fixture
def page(monkeypatch):
    """An explorer whose study before had 50 chunks, all of them on the map."""
    found = Explorer.__new__(Explorer)
    found._quiet, found.told = False, SimpleNamespace(value="")
    found._make_map()
    found.rows, found.points.here = np.arange(50), [49]
    found.sound = SimpleNamespace(clip=1)
    return found


def test_a_study_with_fewer_chunks_starts_with_no_points_of_the_one_before(page):
    page.answers = SimpleNamespace(chunks=SimpleNamespace(clip=np.array([0, 1, 1])))
    page._clear_map()
    page._mark()
    assert page.points.here == [] and page.points.places == b"" and len(page.rows) == 0
    page.rows = np.arange(3)
    page._mark()
    assert page.points.here == [1, 2]


def test_an_error_after_a_click_is_one_escaped_line_on_the_page(page):
    page.answers = SimpleNamespace(chunks=SimpleNamespace(clip=np.array([0, 1, 1])))
    page.points.clicked = [40, 1]  # a point that the study does not have
    assert "this failed: IndexError" in page.told.value and page.told.value.count("<p") == 1
    page._tried(lambda: (_ for _ in ()).throw(ValueError("<b>\n two")))
    assert "&lt;b&gt; two" in page.told.value
