"""Letters that the figures' font lacks: another font's, or their escapes; never an empty box."""

import warnings

import pytest
from matplotlib.figure import Figure

from lib.display.figures import save, style
from lib.display.glyphs import font_with, spell_out, spelled
from lib.explorer.html_media import png_bytes

SERIF = "\u1d15"  # DejaVu Serif has it and DejaVu Sans does not; both come with matplotlib
NOWHERE = "\U0010fffd"  # a place that no alphabet will ever have


def labelled(name):
    """A figure with a name in every place where labels of a corpus stand."""
    with style():
        figure = Figure(figsize=(9, 6))
        axis = figure.subplots()
        axis.bar([name, "b"], [1, 2], label=name)
        axis.set_yticks([0, 1], ["zero", name], fontsize=17)
        axis.set(title=name, xlabel=name)
        axis.legend()
        figure.suptitle(name)
        return figure


def test_letters_of_the_usual_font_stay_as_they_are():
    assert spelled("Größe, naïve café №5") == "Größe, naïve café №5"
    assert font_with("ß") == ""


def test_a_letter_of_another_font_is_drawn_with_that_font():
    figure = labelled(f"a{SERIF}")
    spell_out(figure)
    assert font_with(SERIF) == "DejaVu Serif"
    assert figure.get_suptitle() == f"a{SERIF}"
    assert "DejaVu Serif" in figure.axes[0].xaxis.label.get_fontfamily()


def test_the_label_of_an_axis_of_numbers_is_drawn_with_that_font_too():
    figure = Figure()
    axis = figure.subplots()
    axis.set(xlabel=f"a{SERIF}", ylabel=NOWHERE)
    spell_out(figure)
    assert "DejaVu Serif" in axis.xaxis.label.get_fontfamily() and axis.get_ylabel() == "\\U0010fffd"


@pytest.mark.parametrize(("letter", "escape"), [(NOWHERE, "\\U0010fffd"), ("\x07", "\\x07"), ("\udce4", "\\udce4")])
def test_a_letter_that_no_font_has_becomes_its_escape_everywhere(letter, escape):
    figure = labelled(f"a{letter}b")
    spell_out(figure)
    axis = figure.axes[0]
    texts = [
        axis.get_title("left"),
        axis.get_xlabel(),
        figure.get_suptitle(),
        axis.get_legend().get_texts()[0].get_text(),
    ]
    ticks = [axis.get_xticklabels()[0], axis.get_yticklabels()[1]]
    assert {*texts, *(tick.get_text() for tick in ticks)} == {f"a{escape}b"}
    assert ticks[1].get_fontsize() == 17


def test_a_text_of_several_lines_keeps_them():
    assert spelled(f"one\n{NOWHERE}") == "one\n\\U0010fffd"


def test_saved_and_shown_figures_have_no_empty_boxes(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of each box
        save(labelled(f"太鼓 🎻 {SERIF} {NOWHERE}"), tmp_path / "figure")
        png_bytes(labelled(f"太鼓 🎻 {SERIF} {NOWHERE}"))
    assert "\\U0010fffd" in (tmp_path / "figure.svg").read_text()
