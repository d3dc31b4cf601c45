"""What is tied to widgets: actions that fail are a line on the page, and a page that sets a widget itself does nothing."""

import ipywidgets as widgets
import pytest

from lib.explorer.events import Events


@pytest.fixture
def events():
    return Events()


def test_an_action_follows_a_change_of_its_widget_and_a_click(events):
    done, switch, button = [], widgets.Checkbox(False), widgets.Button()
    events.on(switch, lambda: done.append("switched"))
    events.on(switch, lambda: done.append("named"), names="description")
    events.on_click(button, lambda: done.append("clicked"))
    switch.value = True
    switch.description = "a name"
    button.click()
    assert done == ["switched", "named", "clicked"]


def test_what_the_page_sets_itself_is_not_answered_even_where_that_fails(events):
    done, switch = [], widgets.Checkbox(False)
    events.on(switch, lambda: done.append(switch.value))
    with pytest.raises(ValueError, match="broken"), events.quiet():
        switch.value = True
        with events.quiet():
            switch.value = False
        switch.value = True
        raise ValueError("broken")
    assert done == []
    switch.value = False
    assert done == [False]


def test_an_action_that_fails_is_one_escaped_line_until_the_next(events):
    def broken():
        raise KeyError("<b>\n two")

    events.attempt(broken)
    assert "this failed: KeyError: &#x27;&lt;b&gt;\\n two&#x27;" in events.failed.value
    events.attempt(lambda: None)
    assert "this failed" not in events.failed.value


def test_what_is_made_anew_is_dimmed_for_the_block_alone(events):
    picture, other = widgets.HTML(), widgets.HTML()
    with pytest.raises(ValueError, match="broken"), events.working(picture):
        assert "study-working" in picture.get_state("_dom_classes")["_dom_classes"]
        assert "study-working" not in other.get_state("_dom_classes")["_dom_classes"]
        raise ValueError("broken")
    assert "study-working" not in picture.get_state("_dom_classes")["_dom_classes"]
