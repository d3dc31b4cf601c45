"""Pictures of sounds and of the study, and the viewer: data is drawn as it is, escaped, and the same bytes each time."""

import base64
import hashlib
import html
import io
import re
from functools import partial
from pathlib import Path

import ipywidgets as widgets
import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from matplotlib.figure import Figure

from lib.display.figures import save
from lib.encoders.encoder import Encoder, key_of, save_finished
from lib.encoders.training import History
from lib.explorer import viewer
from lib.plots import encoder as pictures
from lib.plots import sounds
from lib.plots.overview import overview
from lib.representations import make
from lib.settings import Chunking, Settings
from lib.sounds.chunks import Chunks
from lib.sounds.corpora.base import Corpus
from lib.study import Request, Study

RATE = 16000
NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def shelf() -> list:
    torch.manual_seed(0)
    return [make(name, Settings()) for name in ("pitch", "timbre", "waveform")]


@pytest.fixture
def chunks() -> Chunks:
    """Five clips of one to five chunks of a rising note each; the first chunk of clip 0 is silent."""
    labels = [("a",), ("b", NASTY), ("a", "$x^2$"), ("_c",), ("b",)]
    table = pd.DataFrame({
        "id": list("01234"), "path": [f"/x/{NASTY.replace('/', '')}{k}.wav" for k in range(5)], "role": "train", "fold": 0,
        "labels": labels, "group": list("01234"),
    })  # fmt: skip
    clip = np.repeat(np.arange(5), [1, 2, 3, 4, 5])
    start_s = np.concatenate([np.arange(n) for n in (1, 2, 3, 4, 5)]).astype(float)
    audio = np.stack([0.5 * sounds.tone(100 * (k + 1), RATE) for k in range(len(clip))])
    audio[0] = 0
    corpus = Corpus("own", Path("/x"), table, ("$x^2$", NASTY, "_c", "a", "b"))
    return Chunks(audio, clip, start_s, np.abs(audio).max(1) < 1e-3, corpus, Chunking(), "key")


def text_of(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(lambda each: hasattr(each, "get_text")))


# Sounds


def test_the_spectrogram_is_highest_at_the_tones_bin():
    level_db = sounds.constant_q_db(sounds.tone(440.0, RATE), RATE)
    assert level_db.shape == (80, 40)
    assert level_db.max() == pytest.approx(0)
    assert level_db.min() >= -60
    assert abs(40 * 2 ** (level_db[:, 20].argmax() / 12) / 440 - 1) < 0.03


def test_the_spectrogram_of_silence_is_drawn_too():
    assert np.isfinite(sounds.constant_q_db(np.zeros(RATE, np.float32), RATE)).all()


def test_grid_has_a_row_for_each_representation_and_a_column_for_each_sound(chunks, shelf):
    captions = [viewer.caption(chunks, row) for row in (1, 3)]
    figure = sounds.grid(chunks.audio[[1, 3]], RATE, captions, shelf)
    assert len(figure.axes) == (2 + len(shelf)) * 2
    told = text_of(figure)
    assert all(each.title in told for each in shelf)
    for unit in ("time (s)", "(Hz)", "dB"):
        assert unit in told


def test_long_names_of_labels_are_broken_at_underscores_and_the_name_of_the_file_is_there(shelf):
    """As FSD50K's are: up to 34 letters, five of a clip."""
    labels = "Accelerating_and_revving_and_vroom, Domestic_sounds_and_home_sounds, Vehicle"
    caption = f"{labels} (36899.wav, from 0 s)"
    figure = sounds.grid(np.zeros((2, RATE), np.float32), RATE, [caption, "a"], shelf[:1])
    lines, pieces = figure.axes[0].get_title("left").split("\n"), partial(re.findall, r"[^\s_]+_*")
    assert [piece for line in lines for piece in pieces(line)] == pieces(caption)
    assert max(map(len, lines)) <= 32


def test_a_probed_note_lies_on_its_partials(shelf):
    figure = sounds.probe_note(shelf[0], sounds.tone(240.0, RATE, n_partials=3), 240.0, 3)
    marked = [line.get_ydata()[0] for line in figure.axes[0].lines]
    assert marked == [240.0, 480.0, 720.0]


def test_probes_say_what_the_notebook_says(shelf, chunks):
    moved = sounds.probe_envelope(shelf[1], RATE, 1.0)["mean"]
    assert moved[0] < 0.1 * moved[1]
    assert moved[0] < 0.1 * moved[2]
    torch.manual_seed(0)
    changed = sounds.probe_pieces(make("neuralogram", Settings()), chunks.audio[5])
    assert changed[0] > 0
    assert not changed[1:].any()


def test_shapes_are_those_of_the_paper(shelf):
    table = sounds.shapes(shelf, np.zeros((2, RATE), np.float32)).set_index("representation")
    assert list(table["features"]) == ["80 x 40", "12 x 40", "16000"]
    assert set(table["tokens x width"]) == {"40 x 64"}


# The study at a glance


def test_overview_takes_its_numbers_from_the_settings():
    settings = Settings.preset("paper", {"body.head_width": 5, "body.mlp": 77, "heads.hidden": 99, "body.layers": 3})
    told = text_of(overview(settings))
    for number in (
        "12 heads of 5",
        "MLP 77",
        "99",
        "layer 3",
        "80 x 40",
        "1024 x 10",
        "10 tokens",
        "15",
    ):
        assert number in told
    assert "layer 4" not in told


def test_the_same_figure_has_the_same_bytes(tmp_path):
    digests = []
    for _ in range(2):
        save(overview(Settings()), tmp_path / "overview")
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(tmp_path.iterdir())])
    assert len(digests[0]) == 3
    assert digests[0] == digests[1]
    assert "<text" in (tmp_path / "overview.svg").read_text(), "text as text"


# One encoder


def test_class_bars_are_ordered_and_leave_out_what_has_no_value():
    precision = np.array([0.2, np.nan, 0.9])
    axis = pictures.class_bars(precision, np.array([0.1, np.nan, 0.1]), ["low", "none", "high"], "#000000").axes[0]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["high", "low"]
    assert [bar.get_width() for bar in axis.patches] == [0.9, 0.2]


def test_of_many_classes_the_best_and_worst_are_drawn():
    precision = np.linspace(0, 1, 200)
    figure = pictures.class_bars(precision, precision / 2, [f"c{k}" for k in range(200)], "#000000")
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert len(labels) == 60
    assert (labels[0], labels[-1]) == ("c199", "c0")
    assert set(np.diff(figure.axes[0].get_yticks())[[28, 29, 30]]) == {1, 2}
    assert "of 200" in figure.axes[0].get_title("left")


def test_groupings_by_family_by_class_or_by_the_top():
    table = pd.DataFrame(columns=["id"])

    def grouped(classes, parents):
        return pictures.groupings(Corpus("own", Path(), table, tuple(classes), parents))

    assert list(grouped("abcd", {"a": ("x",), "b": ("x",), "c": ("y",), "d": ("y",)})) == ["x", "y"]
    assert grouped("ab", {}) == {"class": {"a": [0], "b": [1]}}
    many = [f"c{k}" for k in range(40)]
    by_top = grouped(many, {name: ("even" if k % 2 else "odd",) for k, name in enumerate(many)})
    assert {name: len(columns) for name, columns in by_top["family"].items()} == {"odd": 20, "even": 20}
    assert grouped("ab", {"a": ("b",), "b": ("a",)}), "a circle of parents ends"


def test_embedding_shows_every_item_once_a_panel():
    rng = np.random.default_rng(0)
    targets = np.zeros((50, 20), np.uint8)
    targets[np.arange(50), rng.integers(0, 20, 50)] = 1
    figure = pictures.embedding(rng.normal(size=(50, 8)), targets, {"class": {str(k): [k] for k in range(20)}})
    assert sum(len(drawn.get_offsets()) for drawn in figure.axes[0].collections) == 50


def test_epochs_of_a_loss_are_whole_numbers_where_there_is_one_too():
    for n in (1, 2, 24):
        rows = [{"epoch": epoch, "loss": 0.1} for epoch in range(1, n + 1)]
        axis = pictures.losses({"pitch": rows}, {"pitch": 0.15}, "#000000").axes[0]
        ticks = [tick for tick in axis.get_xticks() if 0.5 <= tick <= n + 0.5]
        assert ticks and all(tick == round(tick) for tick in ticks)


def test_losses_show_the_constant_predictor():
    rows = [{"epoch": 1, "loss": 0.2}, {"epoch": 2, "loss": 0.1}]
    axis = pictures.losses({"pitch": rows}, {"pitch": 0.15}, "#000000").axes[0]
    assert axis.get_ylim()[0] == 0
    assert {text.get_text() for text in axis.get_legend().get_texts()} == {"training", "constant predictor"}


# The viewer


def test_one_of_each_is_the_same_each_time_audible_and_no_clip_twice(chunks):
    rows = viewer.one_of_each(chunks, 5)
    assert np.array_equal(rows, viewer.one_of_each(chunks, 5))
    assert not chunks.silent[rows].any()
    assert len(set(chunks.clip[rows])) == len(rows)
    assert chunks.corpus.clips["labels"].iloc[chunks.clip[rows[0]]] == ("a", "$x^2$")


def test_what_is_heard_begins_at_the_chunk_and_lasts_three_seconds_at_most(chunks):
    assert np.array_equal(
        viewer.clip_samples(chunks, 11), chunks.audio[11:14].ravel()
    )  # second of five in the last clip
    assert np.array_equal(viewer.clip_samples(chunks, 14), chunks.audio[14])


def test_known_chunks_are_of_other_clips_and_in_step_with_their_features(chunks, shelf):
    known = viewer.reference_chunks(chunks, [3], shelf)  # of the clip that has the rows 3 to 5
    assert set(known) == {each.name for each in shelf}
    for each in shelf:
        audio, features = known[each.name].audio, known[each.name].features
        assert set(audio.index) == set(range(15)) - {3, 4, 5}
        assert np.array_equal(features[5:6], sounds.features_of(each, audio[5:6]))
    for without in (range(15), []):  # none are left, none are left out
        assert set(viewer.reference_chunks(chunks, without, shelf)["pitch"].audio.index) == set(range(15))


def test_of_many_known_chunks_some_spread_over_all_are_taken(chunks, shelf, monkeypatch):
    monkeypatch.setattr(viewer, "MOST_REFERENCES", 4)
    assert list(viewer.reference_chunks(chunks, [0], shelf[:1])["pitch"].audio.index) == [1, 5, 10, 14]


def players_in(page: str) -> list[tuple[str, np.ndarray]]:
    """The name of each player on a page, and what it plays [s]."""
    found = re.findall(r'<audio controls [^>]*aria-label="([^"]*)" src="data:audio/mpeg;base64,([^"]*)">', page)
    assert len(found) == page.count("<audio")
    decoded = [soundfile.read(io.BytesIO(base64.b64decode(content))) for _, content in found]
    assert all(rate_hz == RATE for _, rate_hz in decoded)
    return [(html.unescape(name), samples) for (name, _), (samples, _) in zip(found, decoded, strict=True)]


@pytest.fixture
def heard(shelf) -> list:
    torch.manual_seed(0)
    return [*shelf, make("neuralogram", Settings())]


def test_without_anyone_to_click_all_clips_can_be_heard_through_every_representation(chunks, heard, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    shown = viewer.Viewer(chunks, [1, 3], heard, viewer.reference_chunks(chunks, [1, 3], heard)).view().data
    found = players_in(shown)
    assert len(found) == 2 * 5
    names = [name for name, _ in found]
    assert [name.split(";")[0] for name in names[:2]] == ["The sound itself", "Pitch: its peaks as sine tones"]
    assert all(viewer.caption(chunks, row) in name for row, part in ((1, names[:5]), (3, names[5:])) for name in part)
    for row, (_, samples) in ((1, found[0]), (3, found[5])):
        assert np.corrcoef(samples[: RATE - 500], chunks.audio[row][: RATE - 500])[0, 1] > 0.99, "the chunk itself"
    # a page ends where the encoder's last block does, so a second may be a little longer
    assert [round(len(samples) / RATE, 1) for _, samples in found[:5]] == pytest.approx([1, 1, 1, 1, 3], abs=0.15)
    assert shown.count("<img") == 1 and "Neuralogram" in re.search(r'alt="([^"]*)"', shown).group(1)


def test_labels_and_file_names_are_data_not_markup(chunks, heard, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "somebody")
    box = viewer.Viewer(chunks, [1, 3], heard, viewer.reference_chunks(chunks, [1, 3], heard)).view()
    told = "".join(child.value for child in box.children if isinstance(child, widgets.HTML))
    assert "<img src=x" not in told
    assert html.escape(NASTY) in told
    assert told.count("<audio") == 5 and all(each.title in told and each.sound_caption in told for each in heard)


def test_moving_the_slider_changes_sounds_and_pictures(chunks, shelf):
    slider, _, page = viewer.Viewer(chunks, [1, 3], shelf, {}).widget().children
    first = page.value
    slider.value = 2
    for pattern in ('<img [^>]*src="([^"]*)"', '<audio [^>]*src="([^"]*)"', "<th[^>]*>([^<]*)</th><td"):
        before, after = (re.findall(pattern, text) for text in (first, page.value))
        assert before and all(one != other for one, other in zip(before, after, strict=True))


def test_what_a_study_has_trained_is_heard_as_trained(chunks, home, monkeypatch):
    """A checkpoint of these clips and settings is read back; others are not taken for it."""
    monkeypatch.setattr(Corpus, "hash", "of files that are not there")
    study = Study.of(Request(corpus="esc50", root=str(home), preset="tiny", device="cpu"))
    shelf = [make(name, study.settings) for name in ("timbre", "waveform")]
    assert viewer.trained(study, chunks, shelf) == {}
    torch.manual_seed(7)
    encoder = Encoder("waveform", len(chunks.corpus.classes), study.settings)
    key = key_of("waveform", chunks, study.settings, 0)
    save_finished(encoder, study.checkpoint("waveform", 0), key, 0, {"waveform": History([])})
    found = viewer.trained(study, chunks, shelf)
    assert list(found) == ["waveform"]
    assert torch.equal(found["waveform"].filters.weight, encoder.representation.filters.weight)
    save_finished(encoder, study.checkpoint("waveform", 0), "of another", 0, {"waveform": History([])})
    assert viewer.trained(study, chunks, shelf) == {}
