"""README.md and docs/results.md say what the records say, and nothing else."""

import re
import shutil

import made_up
import pandas as pd
import pytest
from pages import FOLDS, PAGES, REGIONS, TITLES, write, written

from lib import files
from lib.cli import record
from lib.cli.environment import Stop

RECORDS = files.PROJECT / "figures" / "record"


def marked(*names):
    return "\n".join(f"<!-- results:{name} -->\nold\n<!-- /results:{name} -->" for name in names)


def between(page, name):
    return re.search(f"<!-- results:{name} -->\n(.*?)\n<!-- /results:{name} -->", page, re.DOTALL)[1]


@pytest.mark.parametrize("page", PAGES)
def test_the_committed_page_is_what_the_committed_records_give(page):
    text = (files.PROJECT / page).read_text(encoding="utf-8")
    assert written(text, RECORDS, TITLES) == text, "make record writes it anew"


def test_every_region_stands_on_one_page_once():
    found = [
        name for page in PAGES for name in re.findall("<!-- results:(.*?) -->", (files.PROJECT / page).read_text())
    ]
    assert sorted(found) == sorted(REGIONS)


def test_pictures_and_links_of_the_pages_are_there():
    for page in PAGES:
        path = files.PROJECT / page
        links = re.findall(r"\]\(([^)#:]+)\)", path.read_text())
        assert links
        assert [link for link in links if not (path.parent / link).exists()] == []


def test_a_record_that_is_not_there_is_said_in_one_line(tmp_path):
    page = written(marked("planted-controls"), tmp_path, {})
    assert between(page, "planted-controls") == "Not recorded yet: figures/record/planted-quick has no tables."


@pytest.mark.parametrize(("page", "told"), [
    (marked("planted-control"), "results:planted-control -->: there is no such region; there are summary,"),
    ("<!-- results:planted-how -->\nold\n", "its end, <!-- /results:planted-how -->, is missing"),
    ("<!-- results:planted-how -->\n<!-- /results:esc10-how -->", "its end, <!-- /results:planted-how -->, is missing"),
])  # fmt: skip
def test_a_wrong_mark_is_one_line(tmp_path, page, told):
    with pytest.raises(Stop, match=re.escape(told)):
        written(page, tmp_path, {})


@pytest.fixture
def recorded(home, monkeypatch):
    """A project whose record of ESC-10 is made up, with pages that hold every region; and its tables."""
    study = made_up.finished(home, monkeypatch)
    target = home / "figures" / "record" / FOLDS
    for path, content in record.contents(study.slug).items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(content)
    (home / "docs").mkdir()
    (home / "docs" / "results.md").write_text(marked(*REGIONS))
    (home / "README.md").write_text("# Nothing marked\n")
    return home


def test_pages_are_written_once_and_then_stand(recorded):
    page = recorded / "docs" / "results.md"
    assert write(recorded) == [page]
    first = page.read_text()
    assert "old" not in re.findall(r"^\w+$", first, re.MULTILINE)
    assert write(recorded) == []
    assert page.read_text() == first
    shutil.rmtree(recorded / "figures" / "record")
    assert write(recorded) == [page]
    assert between(page.read_text(), "esc10-shares").startswith("Not recorded yet")


def test_every_number_of_a_region_is_that_of_the_table(recorded):
    write(recorded)
    page = (recorded / "docs" / "results.md").read_text()
    tables = recorded / "figures" / "record" / FOLDS / "tables"
    subsets = pd.read_csv(tables / "subsets.csv", dtype={"seed": str, "control": str})
    row = subsets.query("subset == 'timbre' and head == 'paper' and level == 'clip' and measure == 'map_macro'")
    row = row[row["seed"] == "mean"].iloc[0]
    shown = f"{100 * row.value:.1f} ({100 * row.low:.1f} to {100 * row.high:.1f})"
    line = next(line for line in between(page, "esc10-encoders").splitlines() if line.startswith("| timbre |"))
    assert line.endswith(f"| {shown} |")
    last = (
        pd.read_csv(tables / "marginals.csv")
        .query(
            "kind == 'leave_one_out' and encoder == 'pitch' and level == 'clip' and head == 'paper' and measure == 'map_macro'"
        )
        .iloc[0]
    )
    line = next(
        line for line in between(page, "esc10-shares").splitlines() if line.startswith("| clips | paper | pitch |")
    )
    assert line.endswith(f"| {100 * last.value:+.1f} ({100 * last.low:+.1f} to {100 * last.high:+.1f}) |")
    for name in ("esc10-encoders", "esc10-shares", "esc10-definitions", "esc10-how"):
        assert "Not recorded" not in between(page, name)
    assert "Not recorded yet: esc50-laptop has no table curves." in between(page, "esc10-curves")


def test_that_fsd50k_was_not_run_is_said_until_it_is_recorded(recorded):
    page = written(marked("summary-not-run"), recorded / "figures" / "record", {})
    assert between(page, "summary-not-run") == "**The paper's corpus, FSD50K, has not been run yet.**"
    (recorded / "figures" / "record" / "fsd50k-paper").mkdir()
    page = written(marked("summary-not-run"), recorded / "figures" / "record", {})
    assert between(page, "summary-not-run") == "Recorded on FSD50K: fsd50k-paper."
