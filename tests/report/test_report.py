"""The report of a made-up run: every number is the table's, what is missing is named, and text stays text."""

from html.parser import HTMLParser

import made_up
import numpy as np
import pytest

from lib.files import digests
from lib.plots.classes import class_figure
from lib.report import report
from lib.report.pictures import PICTURES
from lib.report.run import TABLES, Run
from lib.report.sections import elsewhere
from lib.study import Study

HOSTILE = "<img src=x onerror=alert(1)>"
VOID = {"meta", "link", "img", "wbr", "br", "hr", "input"}


class Page(HTMLParser):
    """Tags with their attributes, the text, and every tag that is closed in the wrong place."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.open, self.wrong = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append((tag, self.getpos()))

    def handle_data(self, data):
        self.words.append(" ".join(data.split()))

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self):
        return " ".join(word for word in self.words if word)


def test_intervals_have_the_level_that_was_asked_for(home, monkeypatch):
    text = report.write(
        made_up.finished(home, monkeypatch, fold=1, seeds="0", set="scoring.level=0.9").folder
    ).read_text()
    assert "with 90 % intervals over 8 groups of clips" in text and "of chunks in percent, with 90 % intervals" in text
    assert "95 %" not in text


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished made-up study of two folds and two seeds, one class of which is markup, and its page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made_up, "CLASSES", (HOSTILE, *made_up.CLASSES[1:]))
        study = made_up.asked(made_up.study(tmp_path_factory.mktemp("run"), patch))
        made_up.finish(study, HOSTILE)
        text = report.write(study.folder).read_text(encoding="utf-8")
        yield study, Page(text), text


def test_every_section_is_there_and_nothing_is_missing(made):
    _, page, text = made
    assert [one["id"] for one in page.of("section")] == [each[0] for each in report.SECTIONS]
    assert "Not there yet" not in page.text
    assert {one["href"] for one in page.of("a")} >= {f"#{each[0]}" for each in report.SECTIONS}
    assert len(text) < 8e6


def test_the_page_is_well_formed_and_asks_nothing_of_a_network(made):
    _, page, text = made
    assert page.wrong == [] and page.open == []
    assert not page.of("script")
    sources = [one[name] for _, one in page.tags for name in ("src", "href") if name in one]
    assert sources and all(source.startswith(("data:", "#")) for source in sources)
    assert "://" not in text and "url(" not in text
    assert page.of("html") == [{"lang": "en"}]


def test_numbers_are_those_of_the_tables(made):
    study, page, _ = made
    shown = study.table("table1", "").query("measure == 'top1' and row == 'pitch'").iloc[0]
    own = f"{100 * shown.own:.1f} ({100 * shown.low:.1f} to {100 * shown.high:.1f})"
    ends = f"({100 * shown.retrained_low:.1f} to {100 * shown.retrained_high:.1f})"
    assert f"Pitch {own} {100 * shown.retrained:.1f} {ends}" in page.text
    clip = (
        study.table("contributions", "")
        .query(
            "encoder == 'timbre' and group == 'all' and measure == 'map_macro' and level == 'clip' and head == 'paper'"
        )
        .iloc[0]
    )
    assert f"{100 * clip.share:+.1f} ({100 * clip.low:+.1f} to {100 * clip.high:+.1f})" in page.text
    last = study.table("marginals", "").query(
        "kind == 'leave_one_out' and encoder == 'timbre' and measure == 'map_macro' and level == 'clip' and head == 'paper'"
    )
    last = last.iloc[0]
    both = (
        f"({100 * clip.low:+.1f} to {100 * clip.high:+.1f}), added last {100 * last.value:+.1f} "
        f"({100 * last.low:+.1f} to {100 * last.high:+.1f})"
    )
    assert f"timbre {100 * clip.share:+.1f} {both}" in page.text
    assert f"(chance {100 * shown.chance:.1f}, constant predictor {100 * shown.constant:.1f}, the best" in page.text
    assert "with 95 % intervals over 17 groups of clips" in page.text
    assert "0123456789abcdef" in page.text


def test_labels_and_reasons_are_text_and_never_markup(made):
    _, page, _ = made
    assert HOSTILE in page.text
    assert all(one.get("src", "").startswith("data:") for one in page.of("img"))
    assert not [name for _, one in page.tags for name in one if name.startswith("on")]


def test_pictures_and_tables_speak_to_those_who_do_not_see_them(made):
    _, page, _ = made
    assert [one["alt"] for one in page.of("img")] == [". ".join(PICTURES["table1"])]
    assert (
        len(page.of("caption"))
        == len(page.of("table"))
        == len([one for one in page.of("div") if "scroll" in one.get("class", "")])
    )
    assert all(one.get("scope") in ("row", "col") for one in page.of("th"))


def test_no_sounds_no_players_and_the_page_says_so(made):
    _, page, _ = made
    assert not page.of("audio")
    assert "No players: the sounds of this run are not at hand" in page.text


def test_a_run_that_has_only_begun_names_what_makes_each_part(home, monkeypatch):
    study = made_up.asked(made_up.study(home, monkeypatch, fold=1, seeds="0"))
    page = Page(report.write(study.folder).read_text())
    assert "This run is not finished" in page.text
    for name in ("03_subsets", "04_contributions", "05_paper_figures"):
        assert f"run notebooks/{name}.ipynb" in page.text
    assert page.wrong == []
    assert len(page.of("section")) == len(report.SECTIONS)


def test_with_one_group_of_test_clips_every_table_and_sentence_is_made(home, monkeypatch):
    """Nothing can be resampled: no intervals and no p values, and the page says so."""
    study = made_up.asked(made_up.study(home, monkeypatch, fold=1, seeds="0"))
    path = study.folder / "scores" / "test.npz"
    test = dict(np.load(path))
    made_up.write_arrays(path, **test | {"group": np.full(len(test["group"]), "one")})
    made_up.finish(study)
    page = Page(report.write(study.folder).read_text())
    assert page.wrong == [] and "Not there yet" not in page.text and "nan" not in page.text.lower().replace("nano", "")
    assert "Whether a smaller one is as good cannot be said: one group alone cannot be resampled." in page.text
    assert "Whether all four together beat every single encoder cannot be tested (top 1)" in page.text
    assert "0 of 12 classes are owned" in page.text
    assert "drawn anew" not in page.text
    figure = class_figure(study.table("contributions", ""), study.table("owned", ""), made_up.CLASSES, "clip", "paper")
    assert figure.axes


def test_without_controls_there_is_no_picture_of_them(home, monkeypatch):
    study = made_up.asked(made_up.study(home, monkeypatch, fold=1, seeds="0"))
    made_up.finish(study)
    (study.figures / "controls.png").write_bytes((study.figures / "table1.png").read_bytes())
    assert PICTURES["controls"][0] not in report.write(study.folder).read_text()


def test_without_the_corpus_the_page_is_made(made, monkeypatch, tmp_path):
    from lib.sounds.corpora.base import CorpusError
    from lib.study import Study

    def gone(self):
        raise CorpusError("the folder does not exist")

    study, _, _ = made
    monkeypatch.setattr(Study, "read_corpus", gone)
    page = Page(report.write(study.folder).read_text())
    assert "No players: the sounds of this run are not at hand. the folder does not exist" in page.text
    assert "Not there yet" not in page.text


def test_seeds_that_the_tables_do_not_have_are_told(made):
    study, page, _ = made
    assert "seeds 0, 1 " in page.text
    assert "This run goes on" not in page.text
    path = study.folder / "request.json"
    asked = digests.load_json(path)
    digests.write_json(path, {"plan": {**asked["plan"], "request": {**asked["plan"]["request"], "seeds": "0,1,2"}}})
    page = Page(report.write(study.folder).read_text())
    digests.write_json(path, asked)
    assert "seeds 0, 1 " in page.text
    assert "This run goes on: its tables do not have the seeds 2 yet." in page.text


def test_pictures_have_room_for_so_much_and_those_that_matter_come_first(made, monkeypatch):
    study, _, _ = made
    for stem in ("overview", "careless"):
        (study.figures / f"{stem}.png").write_bytes(b"x" * 4_000_000)
    run = Run.of(study.folder)
    assert list(run.pictures) == ["table1", "overview"]
    assert "careless" in elsewhere(run)[0]


def test_every_table_names_a_notebook_that_there_is():
    from lib.files import PROJECT

    assert {name for name in TABLES.values() if not (PROJECT / "notebooks" / f"{name}.ipynb").exists()} == set()
    assert set(PICTURES) >= {"table1", "contributions", "controls"}


def test_what_is_to_be_known_of_the_corpus_stands_first(tmp_path, monkeypatch):
    study = made_up.asked(made_up.study(tmp_path, monkeypatch))
    for part in study.parts:
        part.write_table("remarks", [{"remark": f"sounds.csv has no column `group` {HOSTILE}"}])
    page = Page(report.write(study.folder).read_text(encoding="utf-8"))
    assert page.text.count("sounds.csv has no column group") == 1 and HOSTILE in page.text


def test_a_study_of_own_sounds_is_not_told_as_the_papers(tmp_path, monkeypatch):
    """No published number, no claim of the paper; the table's name; one bullet where a clip is a chunk."""
    monkeypatch.setenv("STUDY_HOME", str(tmp_path))
    monkeypatch.setattr(made_up, "CLIPS", {1: 15})
    monkeypatch.setattr(made_up, "CLASSES", tuple(map(str, range(12))))  # spoken digits: labels that look like numbers
    table = made_up.corpus(tmp_path)
    monkeypatch.setattr(Study, "read_corpus", lambda self: table)
    study = Study.of(made_up.request(corpus="table", root=str(tmp_path / "digits.csv"), fold=1, seeds="0"))
    made_up.fill(study)
    path = study.folder / "scores" / "test.npz"
    stored = dict(np.load(path))
    made_up.write_arrays(path, **stored | {"clip": np.arange(len(stored["clip"])).astype(str)})
    made_up.finish(made_up.asked(study))
    page = Page(report.write(study.folder).read_text(encoding="utf-8"))
    assert "On digits:" in page.text and page.text.count("On digits:") == 1
    assert "published (FSD50K)" not in page.text and "CLAP" not in page.text and "The paper's order" not in page.text
    assert "a study of other sounds says nothing of them" in page.text
    assert "Not there yet" not in page.text and "chunks in groups" not in page.text
