"""What users write stays text wherever it is shown: tables in a spreadsheet, LaTeX, SVG, the report, a notebook's words."""

import csv
import html
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from lib.display import figures
from lib.evaluation import sentences
from lib.files.cells import guarded, unguarded
from lib.plots.confusion import confusion_figure
from lib.sounds.corpora.rows import label_list
from lib.study import Request, Study

HOSTILE = (
    "=1+1", "+1+1", "-1+1|cmd", "@SUM(A1)", "'=1+1", "''", "'", "-5", "+x", "\tx", "=HYPERLINK(\"http://x\",\"y\")", "-5e-3",
    "<b>&amp;</b>", "$\\alpha$", "_x_", "{%}", "a,b", 'say "x"', "`rm`", "$(id)", "100 %", "\\end{tabular}", "nan", "None", "01",
)  # fmt: skip


def test_no_cell_is_a_formula_and_reading_back_gives_the_original(home):
    study = Study.of(Request(preset="tiny"))
    table = pd.DataFrame({"label": HOSTILE, "value": np.linspace(-1, 1, len(HOSTILE)), "n": -1})
    assert study.write_table("x", table) is not None
    with (study.folder / "tables" / "x.csv").open(newline="") as file:
        cells = [row[0] for row in csv.reader(file)][1:]
    dangerous = [cell for cell in cells if cell[0] in "=+-@\t\r" and not cell.lstrip("+-").replace(".", "").isdigit()]
    assert dangerous == ["-5e-3"]  # a number and no formula
    pd.testing.assert_frame_equal(study.table("x", "01_representations"), table, check_dtype=False)


def test_numbers_stay_numbers():
    table = pd.DataFrame({"value": [-1.5, np.nan], "text": ["-1.5", "+2"], "none": [None, "x"]})
    assert guarded(table).equals(table) and unguarded(table).equals(table)


@pytest.mark.parametrize("text", HOSTILE)
def test_latex_has_no_bare_special_character_and_as_many_cells(text, tmp_path):
    figures.save_table(pd.DataFrame({"label": [text, "a\n\nb"], "v": [np.nan, 0.5]}), tmp_path / "t", f"Of {text}")
    lines = (tmp_path / "t.tex").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.endswith(r" \\")]
    assert len(rows) == 3 and rows[2] == r"a b & 0.500 \\" and rows[1].endswith(r" &  \\")
    plain = rows[1].removesuffix(r" &  \\").strip()
    for command in (r"\textasciitilde{}", r"\textasciicircum{}", r"\textbackslash{}", *(f"\\{c}" for c in "&%$#_{}")):
        plain = plain.replace(command, "")
    assert not set(plain) & set("&%$#_{}~^\\")
    assert lines.count(r"\end{tabular}") == 1


def test_figures_are_well_formed_and_show_labels_as_they_are(tmp_path):
    names = [text for text in HOSTILE if text == text.strip()]
    table = pd.DataFrame([(name, name, 1, 0, 1, 1, 1.0) for name in names],
                         columns=["label", "taken_for", "clips", "wrong", "of", "both", "share"])  # fmt: skip
    figures.save(confusion_figure(table, names), tmp_path / "c")
    texts = {
        "".join(one.itertext())
        for one in ElementTree.parse(tmp_path / "c.svg").iter("{http://www.w3.org/2000/svg}text")
    }
    short = [name for name in names if len(name) <= 22]
    assert set(short) <= texts


@pytest.mark.parametrize("text", [one for one in HOSTILE if "`" not in one and one.strip() == one])
def test_words_of_a_notebook_show_labels_as_they_are(text):
    mistune = pytest.importorskip("mistune")
    shown = mistune.html(sentences.bullets(f"Owned: x {text} y.", "`code_of` it"))
    inside = shown.split("<li>")[1].split("</li>")[0]
    assert "<" not in inside and html.unescape(inside).strip() == f"Owned: x {text} y."
    assert "<code>code_of</code> it" in shown


def test_labels_are_one_line_without_control_characters():
    assert label_list("a\nb; c\x07\x1bd ;a  b;\x00;;\u00a0x", ";") == ("a b", "c d", "x")
