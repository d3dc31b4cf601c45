"""How long a run will take: what is left to train, the heads, what follows the training, each in its place."""

import re

import pytest

from lib.cli import estimate
from lib.cli.study import plan
from lib.encoders.heads import HeadPlan
from lib.evaluation.frozen import MOST_CHUNKS
from lib.study import Request, Study


@pytest.fixture
def step_s(monkeypatch):
    """What is timed takes a millisecond, as other work of the machine changes that; and the line says the seconds."""

    def timed(work, device):
        work()
        return 1e-3

    monkeypatch.setattr(estimate, "timed", timed)
    monkeypatch.setattr(estimate, "minutes", lambda seconds: f"{seconds:.3f} s")
    return 1e-3


def seconds_in(line):
    return float(re.search(r"about (\S+) s ", line).group(1))


@pytest.mark.slow
def test_the_estimate_is_a_line_of_the_right_size_and_costly_controls_are_told(home, small_corpus):
    planned = plan({"ROOT": str(small_corpus), "PRESET": "tiny", "CONTROLS": "wide,noise"})
    words, slowest_first = estimate.estimate(planned, 2)
    assert set(slowest_first) == {"pitch", "timbre", "neuralogram", "waveform"}
    assert set(slowest_first[:2]) == {"neuralogram", "waveform"}
    assert "this will take about" in words
    assert "hours" not in words
    assert "the encoders of the controls wide come on top" in words


@pytest.mark.slow
def test_what_is_trained_beside_the_study_is_counted(home, small_corpus, step_s):
    given = {"ROOT": str(small_corpus), "PRESET": "tiny", "SET": "training.epochs=4000"}
    plain, with_peers = (estimate.estimate(plan(given | {"PEERS": peers}), 2)[0] for peers in ("", "distilled,silero"))
    assert seconds_in(with_peers) > seconds_in(plain)
    assert "the embeddings of silero come on top" in with_peers
    assert "come on top" not in plain


@pytest.mark.slow
def test_of_a_study_that_is_trained_the_tables_and_the_notebooks_are_left(finished_study, monkeypatch, step_s):
    """What follows the training grows with the chunks, as far as the tables look at all of them."""
    per_clip = estimate.chunks_of_clips(finished_study.read_corpus(), finished_study.settings.chunking)
    assert per_clip.sum() == len(finished_study.chunks)
    notebooks_s = 4 * estimate.NOTEBOOK_S
    assert estimate.seconds(finished_study, 2) == (estimate.TABLES_S * len(finished_study.chunks) + notebooks_s, {})
    for n_chunks, counted in ((1000, 1000), (10 * MOST_CHUNKS, 2 * MOST_CHUNKS)):
        monkeypatch.setattr(estimate, "chunks_of_clips", lambda *_, n=n_chunks: per_clip * n / per_clip.sum())
        found_s, _ = estimate.seconds(finished_study, 2)
        assert found_s == pytest.approx(estimate.TABLES_S * counted + notebooks_s)


@pytest.mark.parametrize(("forked", "own_s"), [(False, estimate.NOTEBOOK_S), (True, estimate.FORKED_S)])
def test_a_notebooks_own_time_is_less_where_its_kernel_is_forked(finished_study, monkeypatch, step_s, forked, own_s):
    monkeypatch.setattr(estimate, "TABLES_S", 1e3 / len(finished_study.chunks))  # enough to be above a minute
    planned = {"request": finished_study.request.model_dump(mode="json")}
    line, _ = estimate.estimate(planned, 2, forked)
    assert seconds_in(line) == pytest.approx(1e3 + 4 * own_s)


def test_heads_are_counted_until_their_table_is_there_and_those_in_closed_form_never(home, small_corpus, step_s):
    study = Study.of(Request(preset="tiny", device="cpu", root=str(small_corpus)))
    corpus = study.read_corpus()
    per_clip = estimate.chunks_of_clips(corpus, study.settings.chunking)
    schedule, device = study.settings.schedule("head"), estimate.training.device_of("cpu")
    fitted = [each for each in study.settings.heads.kinds if not HeadPlan.of(study.settings, each).closed_form]
    of_chunk = step_s / min(schedule.batch, estimate.TIMED_BATCH)
    chunks = estimate.training_chunks(study, corpus, per_clip)
    expected = len(fitted) * 15 * schedule.epochs * chunks * of_chunk
    assert fitted and estimate.head_seconds(study, corpus, per_clip, device) == pytest.approx(expected)
    (study.folder / "tables").mkdir(parents=True)
    (study.folder / "tables" / "subsets.csv").touch()
    assert estimate.head_seconds(study, corpus, per_clip, device) == 0
