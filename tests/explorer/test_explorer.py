"""The explorer without a browser: what is clicked changes what it should, and texts from data stay text."""

import io
from copy import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import soundfile

from lib import explorer
from lib.explorer import choosing, limits, markup
from lib.explorer.choosing import ALL, DISAGREE, MISTAKES
from lib.explorer.inference import Inference, score_table
from lib.explorer.page import Explorer
from lib.explorer.twin import Twin
from lib.study import StudyError

pytestmark = pytest.mark.slow
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def inference(finished_study):
    return Inference(finished_study, 0)


@pytest.fixture
def page(inference):
    inference.head = "paper"
    return Explorer(inference, 40)


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
    assert page.inference.chunks.corpus.clips["role"].iloc[page.sound.clip] == "test"
    assert page.panel.moving.sound.startswith("data:audio/mpeg;base64,")
    assert page.panel.picture.picture.startswith("data:image/png")
    assert "Scores by Pitch + Timbre + Neuralogram + Waveform" in page.panel.score_html.value
    assert page.alike.value.count("<audio") == 3 * len(page.panel.switches)
    assert "<h1" in page.heading.value and "planted-tiny" in page.heading.value


def test_switches_change_who_answers_and_nothing_else(page):
    panel = page.panel
    before, sound, near = panel.score_html.value, panel.moving.sound, page.alike.value
    panel.switches["pitch"].value = False
    assert page.panel.chosen == ("timbre", "neuralogram", "waveform")
    assert "Scores by Timbre + Neuralogram + Waveform" in panel.score_html.value != before
    assert (panel.moving.sound, page.alike.value) == (sound, near)
    for switch in panel.switches.values():
        switch.value = False
    assert "no encoder: how common" in panel.score_html.value
    panel.heads.value = "linear"
    assert page.inference.head == "linear"


def test_filters_leave_what_they_say(page):
    corpus = page.inference.chunks.corpus
    page.choosing.roles.value = "train"
    assert len(listed(page)) == (corpus.clips["role"] == "train").sum()
    page.choosing.labels.value = corpus.classes[0]
    assert set(listed(page)) == set(np.flatnonzero((corpus.clips["role"] == "train") & (corpus.targets[:, 0] == 1)))
    page.choosing.labels.value, page.choosing.roles.value = choosing.ALL_LABELS, "test"
    page.choosing.which.value = MISTAKES
    mistaken = page.inference.mistaken(page.panel.chosen)
    assert listed(page) == list(np.flatnonzero(mistaken & (corpus.clips["role"] == "test")))
    page.choosing.which.value, page.choosing.search.value = ALL, "no such name"
    assert not page.choosing.clips.options and "no clip is left" in page.choosing.message.value


def test_a_family_of_labels_alone_says_what_is_a_mistake_and_how_far_encoders_disagree(page, inference):
    choice, corpus = page.choosing, inference.chunks.corpus
    assert choice.families.options == (choosing.ALL_FAMILIES, "pitch", "timbre", "gesture")
    assert choice.families.layout.display is None
    choice.which.value = MISTAKES
    of_any = listed(page)
    assert "family" not in choice.message.value
    choice.families.value = "timbre"
    columns = corpus.families["timbre"]
    mistaken = inference.mistaken(page.panel.chosen, columns) & (corpus.clips["role"] == "test")
    assert listed(page) == list(np.flatnonzero(mistaken)) and set(listed(page)) < set(of_any)
    judged = "with a label of the family timbre, judged by the classes of this family alone"
    assert f"{len(listed(page))} clips {judged}" in choice.message.value
    page.panel.switches["timbre"].value = False  # who answers matters in a family too
    mistaken = inference.mistaken(page.panel.chosen, columns) & (corpus.clips["role"] == "test")
    assert listed(page) == list(np.flatnonzero(mistaken))
    choice.which.value = DISAGREE
    apart = inference.disagreement(columns)[listed(page)]
    assert (np.diff(apart) <= 0).all() and choice.clips.options[0][0].endswith(f": {apart[0]:.2f}")
    assert f"{judged}; 0 where" in choice.message.value
    choice.which.value = ALL
    assert choice.message.value.endswith("clips with a label of the family timbre</p>")


def test_a_family_leaves_clips_with_a_label_of_it_and_goes_with_another_study(page, inference, monkeypatch):
    corpus = inference.chunks.corpus
    wanted = {"few": [0, 1], "rest": list(range(2, len(corpus.classes)))}
    monkeypatch.setitem(vars(inference), "families", wanted)
    page.take(inference)
    page.choosing.families.value = "few"
    assert listed(page) == list(np.flatnonzero((corpus.clips["role"] == "test") & corpus.targets[:, :2].any(1)))
    monkeypatch.setitem(vars(inference), "families", {})
    page.take(inference)
    assert page.choosing.families.layout.display == "none" and page.choosing.columns is None
    assert len(listed(page)) == (corpus.clips["role"] == "test").sum()


def test_another_study_begins_without_a_filter_though_its_classes_are_the_same(page, inference):
    choice = page.choosing
    choice.labels.value, choice.families.value = inference.classes[0], "timbre"
    choice.which.value, choice.search.value = MISTAKES, "a"
    page.take(copy(inference))  # as another fold of one corpus
    assert (choice.labels.value, choice.families.value) == (choosing.ALL_LABELS, choosing.ALL_FAMILIES)
    assert (choice.which.value, choice.search.value) == (ALL, "")
    assert len(listed(page)) == (inference.chunks.corpus.clips["role"] == "test").sum()


def test_every_word_of_a_search_is_found_in_any_order_and_spelling(page, inference, monkeypatch):
    names = ["door, Indoors (Tu\u0308r 1.wav)", *inference.names_of_clips[1:]]
    monkeypatch.setitem(vars(inference), "names_of_clips", names)
    page.choosing.roles.value = choosing.ALL_ROLES
    for words in ("tür indoors", "INDOORS  door", " Tür 1"):
        page.choosing.search.value = words
        assert listed(page) == [0], words
    page.choosing.search.value = "door rain"
    assert listed(page) == []


def test_where_encoders_disagree_is_a_ranking_of_all_clips(page):
    all_clips = listed(page)
    page.choosing.which.value = DISAGREE
    ranked = listed(page)
    assert sorted(ranked) == sorted(all_clips) and ranked != all_clips
    assert (np.diff(page.inference.disagreement()[ranked]) <= 0).all()
    assert page.choosing.clips.options[0][0].endswith(f": {page.inference.disagreement()[ranked[0]]:.2f}")


def listed(page):
    return [clip for _, clip in page.choosing.clips.options]


def test_next_and_random_turn_every_view(page):
    def shown():
        return (
            page.sound.clip,
            page.panel.moving.sound,
            page.panel.picture.picture,
            page.panel.score_html.value,
            page.alike.value,
        )

    before = shown()
    page.choosing.next.click()
    assert all(a != b for a, b in zip(before, shown(), strict=True)) and page.choosing.clips.value == page.sound.clip
    page.choosing.random.click()
    assert page.sound.clip in listed(page)


def test_what_is_drawn_anew_is_dimmed_until_it_is_there(page, monkeypatch):
    draw, dimmed = page.panel.draw_picture, []
    monkeypatch.setattr(page.panel, "draw_picture", lambda: (dimmed.append(classes()), draw()))

    def classes():
        return [
            "study-working" in widget.get_state()["_dom_classes"] for widget in (page.panel.picture_box, page.alike)
        ]

    name = page.panel.title.value
    page.choosing.next.click()
    assert dimmed == [[True, True]] and classes() == [False, False] and page.panel.title.value != name


def test_a_click_on_the_map_turns_to_that_chunk_and_plays_it(page):
    chunks, points = page.inference.chunks, page.points
    number = int(np.flatnonzero(chunks.start_s[points.rows] > 0)[0])  # not the first second of a clip
    row = points.rows[number]
    points.points.clicked = [number, 1]
    clip = chunks.clip[row]
    assert page.sound.clip == clip and page.panel.moving.play == 1
    assert page.sound.start_s[page.chunk] == chunks.start_s[row]
    assert page.panel.moving.at_s == chunks.start_s[row] - page.sound.start_s[page.panel.window.start]
    assert set(points.rows[points.points.here]) == set(points.rows[chunks.clip[points.rows] == clip])


def test_a_clip_beyond_the_filters_is_not_selected_in_the_list_and_stays_while_encoders_are_switched(page, inference):
    choice, chunks = page.choosing, inference.chunks
    choice.which.value = MISTAKES
    train = (chunks.corpus.clips["role"] == "train").to_numpy()[chunks.clip[page.points.rows]]
    page.points.points.clicked = [int(np.flatnonzero(train)[0]), 1]
    shown = page.sound.clip
    assert shown not in listed(page) and choice.clips.value is None
    page.panel.switches["pitch"].value = False
    assert page.sound.clip == shown and choice.clips.value is None
    choice.roles.value = choosing.ALL_ROLES
    choice.which.value = ALL  # now it is in the list, and stays
    assert choice.clips.value == page.sound.clip == shown
    choice.search.value = "no such name"
    choice.search.value = ""
    assert choice.clips.value == page.sound.clip == shown
    choice.roles.value, choice.which.value = "test", MISTAKES
    page.points.points.clicked = [int(np.flatnonzero(train)[0]), 2]
    choice.clips.value = listed(page)[0]  # can be chosen, though it was the one selected before
    assert page.sound.clip == listed(page)[0]


def test_the_role_of_a_clip_stands_below_its_name(page, inference):
    roles = inference.chunks.corpus.clips["role"]
    for role in ("train", "test"):
        page.show(inference.clip(int(np.flatnonzero(roles == role)[0])))
        assert f">a {'training' if role == 'train' else role} clip" in page.panel.title.value
    sent(page, wav(0.3 * np.sin(np.arange(16000) * 0.1)), "mine.wav")
    assert "<p" not in page.panel.title.value


def test_another_second_is_played_from_there_in_the_same_picture(page):
    page.show(page.inference.clip(int(np.bincount(page.inference.chunks.clip).argmax())), 0)
    picture, sound = page.panel.picture.picture, page.panel.moving.sound
    page.panel.second.value = 1
    assert page.chunk == 1 and page.panel.moving.at_s == 1.0
    assert (page.panel.picture.picture, page.panel.moving.sound) == (picture, sound)


def test_the_map_holds_a_place_and_a_caption_for_each_chunk(page):
    points, n = page.points.points, len(page.points.rows)
    assert len(points.places) == 8 * n and len(points.kinds) == n == len(points.captions)
    before = points.places
    page.points.layout_by.value = ("pitch",)
    assert points.places != before


def test_a_study_with_fewer_chunks_leaves_no_point_of_the_one_before(page, inference, monkeypatch):
    page.points.points.here = [len(page.points.rows) - 1]
    page.n_points = 5
    page.take(inference)
    assert (
        len(page.points.rows) == 5 == len(page.points.points.captions) and "this failed" not in page.events.failed.value
    )
    page.points.points.clicked = [4, 1]
    assert page.sound.clip == inference.chunks.clip[page.points.rows[4]]


def test_an_error_after_any_click_is_one_escaped_line_on_the_page(page, monkeypatch):
    page.points.points.clicked = [len(page.points.rows), 1]  # a point that the study does not have
    assert "this failed: IndexError" in page.events.failed.value and page.events.failed.value.count("<p") == 1

    def broken(*_):
        raise ValueError("<b>\n two")

    for owner, name, act in (
        (page.inference, "sonify", page.hear.click),
        (page.inference, "clip", page.choosing.next.click),
        (page.inference, "embed_bytes", lambda: sent(page, wav(np.ones(9)), "x.wav")),
        (markup, "learned", lambda: setattr(page.learned.number, "value", 2)),
    ):
        page.events.attempt(lambda: None)
        assert "this failed" not in page.events.failed.value
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, broken)
            act()
        assert "&lt;b&gt; two" in page.events.failed.value, name


def sent(page, content, name):
    """A file as it comes from a browser."""
    own = page.upload.own
    own.set_state({"content": memoryview(content), "name": name, "number": own.number + 1})


def test_a_sound_of_ones_own_is_shown_in_every_view(page):
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(40000) / 16000)
    sent(page, wav(tone), "recording.wav")
    assert page.sound.clip == -1 and len(page.sound.audio) == 3 and page.choosing.clips.value is None
    assert "own sound (recording.wav)" in page.panel.title.value and page.panel.moving.play == 1
    assert "3 chunks; every view now shows it" in page.upload.message.value
    page.hear.click()
    assert page.sonified_html.value.count("<audio") == 1 + len(page.panel.switches)
    page.choosing.next.click()
    sent(page, wav(tone), "recording.wav")  # the same file once more
    assert page.sound.clip == -1


def test_of_a_sound_longer_than_the_window_it_is_said_what_is_heard(page):
    sent(page, wav(0.3 * np.sin(np.arange(7 * 16000) * 0.1)), "seven.wav")
    page.panel.second.value = 0
    assert "heard and seen: 0 to 5 s of 7 s" in page.panel.title.value
    page.panel.second.value = 6
    assert "heard and seen: 5 to 7 s of 7 s" in page.panel.title.value
    sent(page, wav(0.3 * np.sin(np.arange(5 * 16000) * 0.1)), "five.wav")
    assert "heard and seen" not in page.panel.title.value


def test_a_sound_of_ones_own_lies_where_its_neighbours_do(page):
    clip = page.inference.chunks.corpus.clips.iloc[int(page.inference.chunks.clip[page.points.rows[3]])]
    with open(clip["path"], "rb") as file:
        sent(page, file.read(), "a clip of the corpus.wav")
    own = np.reshape(page.points.points.own, (-1, 2))
    assert len(own) == len(page.sound.audio) and page.points.points.here == []
    assert (own >= 0).all() and (own <= 1).all()
    before = own.tolist()
    page.points.layout_by.value = ("timbre",)
    assert np.reshape(page.points.points.own, (-1, 2)).tolist() != before
    page.choosing.next.click()
    assert page.points.points.own == []


def test_silence_is_flagged_and_not_tagged(page):
    sent(page, wav(np.zeros(32000)), "nothing.wav")
    assert markup.SILENT in page.panel.score_html.value and "<table" not in page.panel.score_html.value
    assert markup.SILENT in page.alike.value and page.upload.message.value.count(markup.SILENT) == 1
    assert "microphone" not in page.upload.message.value
    sent(page, wav(np.zeros(32000)), "recording.wav")
    assert "was the microphone on" in page.upload.message.value
    assert page.points.points.own == []
    half = np.concatenate([np.zeros(16000), 0.3 * np.sin(np.arange(16000) * 0.1)])
    sent(page, wav(half), "half.wav")
    assert page.panel.score_html.value.count("silent</td>") == page.panel.score_html.value.count("scope='row'")
    assert "1 of them silent" in page.upload.message.value and len(page.points.points.own) == 2


def test_the_cut_of_a_long_sound_is_said(page):
    sent(page, wav(0.3 * np.sin(np.arange(31 * 8000) * 0.1), 8000), "long.wav")
    assert "30 chunks" in page.upload.message.value
    assert "only its first 30 s of 31.0 s are used" in page.upload.message.value
    sent(page, wav(0.3 * np.sin(np.arange(30 * 8000) * 0.1), 8000), "not so long.wav")
    assert "only its first" not in page.upload.message.value


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (wav(np.zeros((100, 65))), "65 channels, and 64 are the most"),
        (wav(np.zeros(100), 999), "a rate of 999 Hz lies outside 1000 to 768000 Hz"),
        (b"RIFF", "not a sound file"),
        (b"", "empty file"),
    ],
)
def test_a_file_beyond_the_limits_is_refused_by_name_and_the_sound_before_stays(page, content, why):
    before = page.sound
    sent(page, content, "odd.wav")
    assert f"odd.wav: {why}" in page.upload.message.value and page.sound is before


def test_a_file_that_is_too_large_is_refused_before_it_is_read(page, monkeypatch):
    monkeypatch.setattr(limits, "LARGEST_BYTES", 1_000_000)
    sent(page, wav(np.zeros(600_000)), "large.wav")
    assert "large.wav: 1 MB, and 1 MB are the most" in page.upload.message.value


def test_a_sound_of_ones_own_stays_while_encoders_and_filters_change_and_goes_with_the_next_clip(page):
    page.choosing.which.value = MISTAKES
    sent(page, wav(0.3 * np.sin(np.arange(20000) * 0.1)), "mine.wav")
    next(iter(page.panel.switches.values())).value = False
    for filtered, value in (
        (page.choosing.which, DISAGREE), (page.choosing.roles, "train"), (page.choosing.families, "timbre"),
        (page.choosing.labels, page.inference.classes[0]), (page.choosing.search, "no such name"), (page.choosing.search, ""),
    ):  # fmt: skip
        filtered.value = value
        assert page.sound.clip == -1 and page.choosing.clips.value is None and "mine.wav" in page.upload.message.value
    page.choosing.next.click()
    assert page.sound.clip == page.choosing.clips.value == listed(page)[0] and page.upload.message.value == ""


def test_another_head_lists_anew_where_encoders_disagree(page, monkeypatch):
    by_head = dict(zip(page.panel.heads.options, (1, -1), strict=True))
    numbers = np.arange(len(page.inference.chunks.corpus.clips))
    monkeypatch.setattr(page.inference, "disagreement", lambda columns: by_head[page.inference.head] * numbers)
    page.choosing.which.value = DISAGREE
    before = listed(page)
    page.panel.heads.value = page.panel.heads.options[1]
    assert len(before) > 1 and listed(page) == before[::-1]


def test_a_file_that_is_no_sound_is_told_and_the_sound_before_stays(page):
    before = page.sound
    sent(page, b"nothing of the kind", f"{HOSTILE}.wav")
    assert page.sound is before and "not a sound file" in page.upload.message.value
    assert "<img" not in page.upload.message.value and "&lt;img" in page.upload.message.value


def test_texts_from_data_are_never_markup(page):
    sent(page, wav(0.3 * np.sin(np.arange(16000) * 0.1)), f"{HOSTILE}.wav")
    page.hear.click()
    for part in (page.panel.title, page.panel.score_html, page.alike, page.sonified_html, page.upload.message):
        assert "<img src=x" not in part.value
    assert "&lt;img src=x" in page.panel.title.value
    assert HOSTILE in page.panel.moving.name  # a trait: set as text in the browser
    assert "<img" not in markup.heading(HOSTILE, HOSTILE)
    found = markup.table(HOSTILE, [HOSTILE], [[markup.cell(markup.html.escape(HOSTILE))]])
    assert "<img" not in found


def test_another_study_is_opened_or_told_why_not(page, inference, monkeypatch):
    there = inference.part.request
    gone = there.model_copy(update={"name": "gone"})
    monkeypatch.setattr(choosing, "finished", lambda: {"again": there, "gone": gone})
    studies = page.choosing.studies
    studies.options = ["planted-tiny", "again", "gone"]
    before = page.sound
    studies.value = "gone"
    assert (
        page.inference is inference and page.sound is before and "gone cannot be opened" in page.choosing.message.value
    )
    assert studies.value == "planted-tiny" and "planted-tiny" in page.heading.value
    studies.value = "again"
    assert page.inference is not inference and page.sound is not before and page.sound.clip == before.clip
    studies.value = "planted-tiny"
    assert page.inference is inference


def test_a_study_that_breaks_while_it_is_opened_leaves_the_one_before_whole(page, inference, monkeypatch):
    other, before = copy(inference), page.sound
    monkeypatch.setattr(choosing, "finished", lambda: {"other": inference.part.request})
    monkeypatch.setattr(choosing, "opened", lambda request: other)
    monkeypatch.setattr(other, "mapped", lambda most: 1 / 0, raising=False)
    page.choosing.studies.options = ["planted-tiny", "other"]
    page.choosing.studies.value = "other"
    assert page.inference is inference and page.sound.clip == before.clip and len(page.points.points.captions)
    assert page.choosing.studies.value == "planted-tiny" and page.panel.picture.picture
    assert "other cannot be opened: ZeroDivisionError: division by zero" in page.choosing.message.value


def test_the_last_line_names_the_folder_of_the_study_that_is_shown(page, inference):
    part = inference.part
    assert f"figures/{part.folder.name}" in page.written.value
    fold = replace(part, request=part.request.model_copy(update={"part": True}), figures=part.figures / "fold1")
    assert fold.whole.figures == part.figures
    other = copy(inference)
    other.part = replace(part, figures=part.figures.with_name("other-study"))
    page.take(other)
    assert "figures/other-study" in page.written.value and part.folder.name not in page.written.value
    page.take(inference)
    assert f"figures/{part.folder.name}" in page.written.value


def test_what_the_front_ends_learned_is_heard_and_seen_one_by_one(page, inference):
    (waveform,) = (each for each in inference.representations if len(each.learned_sounds()))
    assert page.learned.by.options == (waveform.title,) and page.learned.number.max == len(waveform.learned_sounds())
    before = page.learned.view.value
    page.learned.number.value = 2
    assert "learned sound 2" in page.learned.view.value != before
    page.learned.take([])
    assert page.learned.box.layout.display == "none"


VIEWS = ("choice", "player", "scores", "sonified", "alike", "map", "own")


def test_the_paper_form_has_a_figure_and_a_table_for_each_view(page, inference, finished_study, tmp_path):
    study = replace(finished_study, folder=tmp_path / "runs", figures=tmp_path / "figures")
    twin = Twin(inference, 40, study)
    for view in VIEWS:
        assert hasattr(page, view)
        shown = getattr(twin, view)._repr_html_()
        assert shown.count("<img alt=") == 1 and "<table" in shown and "<caption" in shown, view
        assert len(shown) < 500_000, view  # players are short
    assert len(list((tmp_path / "figures").glob("06_*.png"))) == len(VIEWS)
    shares = study.table("neighbours", "06_explorer")
    assert (
        list(shares["encoder"]) == [r.title for r in inference.representations] and shares["share"].between(0, 1).all()
    )


def test_beside_how_often_neighbours_share_a_label_stands_how_often_any_chunks_do(inference, finished_study, tmp_path):
    found = Twin(inference, 10**6, replace(finished_study, figures=tmp_path)).label_agreement()
    targets, clip, rows = inference.chunks.targets, inference.chunks.clip, inference.mapped(200)
    pairs = [(a, b) for a in rows for b in inference.mapped(10**6) if clip[a] != clip[b]]
    by_row = pd.Series([(targets[a] & targets[b]).any() for a, b in pairs]).groupby([a for a, _ in pairs]).mean()
    assert found["chance"].to_numpy() == pytest.approx(by_row.mean()) and 0.3 < by_row.mean() < 0.7


def test_the_paper_form_counts_mistakes_by_family(inference, finished_study, tmp_path, monkeypatch):
    twin = Twin(inference, 40, replace(finished_study, figures=tmp_path))
    found, corpus = twin.clip_table().set_index(["role", "family"]), inference.chunks.corpus
    for family, columns in inference.families.items():
        wrong = inference.mistaken(twin.subset, columns) & (corpus.clips["role"] == "test")
        assert found.loc[("test", family), "mistakes of all together"] == wrong.sum()
    shown = twin.choice._repr_html_()
    assert "timbre" in shown and "judged by its classes alone" in shown
    monkeypatch.setitem(vars(inference), "families", {})
    assert "family" not in twin.clip_table() and "family" not in twin.choice._repr_html_()


def test_a_second_that_does_not_count_counts_neither_in_the_figure_of_the_scores_nor_in_its_table(
    inference, finished_study, tmp_path
):
    twin = Twin(inference, 40, replace(finished_study, figures=tmp_path))
    sound = inference.clip(np.flatnonzero(np.bincount(inference.chunks.clip) > 1)[0])
    twin.sound = replace(sound, clip=-1, silent=np.arange(len(sound.start_s)) == 0)
    assert "<table" in twin.scores.table
    drawn = pd.read_csv(tmp_path / "06_scores.csv").set_index("class")["all"]
    drawn = drawn.rename(lambda name: name.removesuffix(" *"))  # its own labels
    told = score_table(inference, twin.sound, twin.subset).set_index("class")["whole"]
    pd.testing.assert_series_equal(drawn, told, check_names=False, check_dtype=False, rtol=1e-6)
    every = inference.scores(twin.sound, twin.subset).mean(0)[[inference.classes.index(name) for name in drawn.index]]
    assert not np.allclose(drawn, every)
