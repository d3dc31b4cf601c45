"""The explorer without a browser: what is clicked changes what it should, and texts from data stay text."""

import io
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from lib import explorer
from lib.explorer import live, markup
from lib.explorer.live import ALL, DISAGREE, MISTAKES, Explorer
from lib.explorer.twin import Twin
from lib.study import StudyError

pytestmark = pytest.mark.slow
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def answers(finished_study):
    return live.Answers(finished_study, 0)


@pytest.fixture
def page(answers):
    answers.head = "paper"
    return Explorer(answers, 40)


def wav(samples, rate_hz=16000):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format="WAV")
    return buffer.getvalue()


def test_with_someone_to_click_there_are_widgets_and_else_paper(finished_study, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "someone")
    assert isinstance(explorer.open_study(finished_study, 0, 40), Explorer)
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert isinstance(explorer.open_study(finished_study, 0, 40), Twin)


def test_a_seed_that_the_study_does_not_have_is_one_line(finished_study):
    with pytest.raises(StudyError, match="seed 5: this study has the seeds 0"):
        explorer.open_study(finished_study, 5)


def test_it_starts_with_a_test_clip_heard_seen_and_scored(page):
    assert page.answers.chunks.corpus.clips["role"].iloc[page.sound.clip] == "test"
    assert page.moving.sound.startswith("data:audio/mpeg;base64,") and page.moving.picture.startswith("data:image/png")
    assert "Scores by Pitch + Timbre + Neuralogram + Waveform" in page.score_html.value
    assert page.alike.value.count("<audio") == 3 * len(page.switches)


def test_switches_change_who_answers_and_nothing_else(page):
    before, sound, near = page.score_html.value, page.moving.sound, page.alike.value
    page.switches["pitch"].value = False
    assert page.chosen == ("timbre", "neuralogram", "waveform")
    assert "Scores by Timbre + Neuralogram + Waveform" in page.score_html.value != before
    assert (page.moving.sound, page.alike.value) == (sound, near)
    for switch in page.switches.values():
        switch.value = False
    assert "no encoder is on" in page.score_html.value
    page.heads.value = "linear"
    assert page.answers.head == "linear"


def test_filters_leave_what_they_say(page):
    corpus = page.answers.chunks.corpus
    page.roles.value = "train"
    assert len(page.clips.options) == (corpus.clips["role"] == "train").sum()
    page.labels.value = corpus.classes[0]
    assert {clip for _, clip in page.clips.options} == set(
        np.flatnonzero((corpus.clips["role"] == "train") & (corpus.targets[:, 0] == 1))
    )
    page.labels.value, page.roles.value, page.which.value = live.ALL_LABELS, "test", MISTAKES
    mistaken = page.answers.mistaken(page.chosen)
    assert all(mistaken[clip] for _, clip in page.clips.options)
    page.which.value = DISAGREE
    assert all(page.answers.disagreed()[clip] for _, clip in page.clips.options)
    page.which.value, page.search.value = ALL, "no such name"
    assert not page.clips.options and "no clip is left" in page.told.value


def test_next_and_random_turn_every_view(page):
    before = page.sound.clip, page.moving.picture, page.score_html.value, page.alike.value
    page.next.click()
    after = page.sound.clip, page.moving.picture, page.score_html.value, page.alike.value
    assert all(a != b for a, b in zip(before, after, strict=True)) and page.clips.value == page.sound.clip
    page.random.click()
    assert page.sound.clip in [clip for _, clip in page.clips.options]


def test_a_click_on_the_map_turns_to_that_chunk_and_plays_it(page):
    row = page.rows[7]
    page.points.clicked = [7, 1]
    clip = page.answers.chunks.clip[row]
    assert page.sound.clip == clip and page.moving.play == 1
    assert page.sound.start_s[page.chunk] == page.answers.chunks.start_s[row]
    assert set(page.rows[page.points.here]) == set(page.rows[page.answers.chunks.clip[page.rows] == clip])


def test_the_map_holds_a_place_and_a_caption_for_each_chunk(page):
    n = len(page.rows)
    assert len(page.points.places) == 8 * n and len(page.points.kinds) == n == len(page.points.captions)
    before = page.points.places
    page.layout_by.value = ("pitch",)
    assert page.points.places != before


def test_a_sound_of_ones_own_is_shown_in_every_view(page):
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(40000) / 16000)
    page.recorder.set_state({"content": memoryview(wav(tone))})  # as it comes from a browser
    assert page.sound.clip == -1 and len(page.sound.audio) == 3 and page.clips.value is None
    assert "own sound (recording.wav)" in page.title.value and page.moving.play == 1
    page.draw_heard()
    assert page.heard_html.value.count("<audio") == 1 + len(page.switches)


def test_a_sound_of_ones_own_stays_while_encoders_are_switched_and_goes_with_the_next_clip(page):
    page.which.value = live.MISTAKES
    page._take_own(wav(0.3 * np.sin(np.arange(20000) * 0.1)), "mine.wav")
    next(iter(page.switches.values())).value = False
    assert page.sound.clip == -1 and page.clips.value is None and "mine.wav" in page.own_told.value
    page.which.value = live.ALL
    assert page.sound.clip == page.clips.value and page.own_told.value == ""


def test_another_head_lists_anew_where_encoders_disagree(page, monkeypatch):
    monkeypatch.setattr(page.answers, "disagreed", lambda: by_head[page.answers.head])
    n_clips = len(page.answers.chunks.corpus.clips)
    by_head = {head: np.arange(n_clips) % 2 == number for number, head in enumerate(page.heads.options)}
    page.which.value = live.DISAGREE
    before = [clip for _, clip in page.clips.options]
    page.heads.value = page.heads.options[1]
    after = [clip for _, clip in page.clips.options]
    assert before and after and not set(before) & set(after)


def test_a_file_that_is_no_sound_is_told_and_the_sound_before_stays(page):
    before = page.sound
    page._take_own(b"nothing of the kind", f"{HOSTILE}.wav")
    assert page.sound is before and "not a sound file" in page.own_told.value
    assert "<img" not in page.own_told.value and "&lt;img" in page.own_told.value


def test_texts_from_data_are_never_markup(page):
    page._take_own(wav(np.zeros(16000)), f"{HOSTILE}.wav")
    page.draw_heard()
    for part in (page.title, page.score_html, page.alike, page.heard_html, page.own_told):
        assert "<img src=x" not in part.value
    assert "&lt;img src=x" in page.title.value and HOSTILE in page.moving.name  # a trait: set as text in the browser
    found = markup.table(HOSTILE, [HOSTILE], [[markup.cell(markup.html.escape(HOSTILE))]])
    assert "<img" not in found


def test_another_study_is_opened_or_told_why_not(page, answers, monkeypatch):
    there = answers.part.request
    monkeypatch.setattr(live, "finished", lambda: {"again": there, "gone": there.model_copy(update={"name": "gone"})})
    page.studies.options = [live.FIRST, "again", "gone"]
    before = page.sound
    page.studies.value = "gone"
    assert page.answers is answers and page.sound is before and "gone cannot be opened" in page.told.value
    page.studies.value = "again"
    assert page.answers is not answers and page.sound is not before and page.sound.clip == before.clip
    page.studies.value = live.FIRST
    assert page.answers is answers


def test_what_the_front_ends_learned_is_heard_and_seen_one_by_one(page, answers):
    (waveform,) = (each for each in answers.shelf if len(each.learned_sounds()))
    assert page.learned.by.options == (waveform.title,) and page.learned.number.max == len(waveform.learned_sounds())
    before = page.learned.shown.value
    page.learned.number.value = 2
    assert "learned sound 2" in page.learned.shown.value != before
    page.learned.take([])
    assert page.learned.box.layout.display == "none"


VIEWS = ("choice", "player", "scores", "heard", "alike", "map", "own")


def test_the_paper_form_has_a_figure_and_a_table_for_each_view(page, answers, finished_study, tmp_path):
    study = replace(finished_study, folder=tmp_path / "runs", figures=tmp_path / "figures")
    twin = Twin(answers, 40, study)
    for view in VIEWS:
        assert hasattr(page, view)
        shown = getattr(twin, view)._repr_html_()
        assert shown.count("<img alt=") == 1 and "<table" in shown and "<caption" in shown, view
        assert len(shown) < 500_000, view  # players are short
    assert len(list((tmp_path / "figures").glob("06_*.png"))) == len(VIEWS)
    shares = study.table("neighbours", "06_explorer")
    assert list(shares["encoder"]) == [r.title for r in answers.shelf] and shares["share"].between(0, 1).all()
