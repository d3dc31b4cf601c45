"""A finished study's test clips made worse: at no strength its own scores, a second call that computes nothing, notebook 9."""

import headless
import numpy as np
import pytest

from lib.evaluation import robustness
from lib.evaluation.conditions import Condition, conditions
from lib.evaluation.games import paper4
from lib.files import PROJECT
from lib.model import open_model, perturbed
from lib.sounds import excerpts
from lib.study import Request, Study


@pytest.fixture
def study(copy, monkeypatch):
    monkeypatch.setenv("STUDY_HOME", str(copy.home))
    return Study.of(Request(preset="tiny", device="cpu", root=str(copy.corpus)))


def test_nothing_done_gives_the_scores_of_the_study(study):
    nothing = Condition("sound", "gain", 0, 0)
    perturbed.score_condition(study, open_model(study.slug), nothing, 0)
    for subset in paper4().coalitions:
        for head in study.settings.heads.kinds:
            own, stored = (np.load(game.file(study, subset, head, 0)) for game in (nothing.game, paper4()))
            np.testing.assert_allclose(own, stored, atol=2e-6)  # float32 in blocks of another size


def test_the_whole_clip_heard_gives_its_own_scores(study):
    whole = next(each for each in reversed(conditions(study, "length")) if each.excerpt.place == "start")
    perturbed.score_condition(study, open_model(study.slug), whole, 0)
    one = [
        robustness.contributions.play(study, game, "clip", "paper", ["map_macro"]) for game in (whole.game, paper4())
    ]
    for subset in paper4().coalitions:
        np.testing.assert_allclose(*(each.over_all()[subset] for each in one), atol=1e-6)


def test_a_second_call_computes_nothing(study, monkeypatch):
    perturbed.score(study, ("clipping",))
    monkeypatch.setattr(perturbed, "embed_chunks", lambda *_: pytest.fail("embedded again"))
    perturbed.score(study, ("clipping",))
    for path in (study.folder / "scores" / "controls" / "robust" / "clipping").rglob("*.npy"):
        path.unlink()  # the scores are made again, and from the stored embeddings
    perturbed.score(study, ("clipping",))
    assert list(robustness.ready(study, ["clipping", "noise"])) == ["clipping"]


def test_a_networks_input_otherwise_changes_its_own_encoder_alone(study):
    perturbed.score(study, ("input",))
    for condition in conditions(study, "input"):
        for name in paper4().players:
            own, stored = (np.load(game.file(study, (name,), "paper", 0)) for game in (condition.game, paper4()))
            assert np.allclose(own, stored, atol=1e-6) == (name != "neuralogram"), (condition.strength, name)


@pytest.mark.slow
def test_notebook_9_runs_headless(study, copy, monkeypatch, quick_figures):
    # less than a chunk, one, and several: 15 conditions, not 80
    monkeypatch.setattr(excerpts, "LENGTHS_S", (0.3, 1, 3))
    monkeypatch.setattr(excerpts, "DRAWS", 2)
    asked = {"preset": "tiny", "root": str(copy.corpus), "device": "cpu", "robust": "noise,clipping,length,input"}
    found = headless.run(PROJECT / "notebooks" / "09_robustness.ipynb", asked)
    assert set(found["tables"]["robustness"]["perturbation"]) == {"noise", "clipping"}
    figures = {path.stem for path in (copy.home / "figures" / "planted-tiny").glob("robustness*")}
    assert figures == {"robustness", "robustness_half", "robustness_shares", "robustness_length"}
    before = (copy.folder / "tables" / "robustness.csv").read_bytes()
    found = headless.run(PROJECT / "notebooks" / "09_robustness.ipynb", asked | {"robust": ""})
    assert found["found"] == [] and (copy.folder / "tables" / "robustness.csv").read_bytes() == before


def test_what_is_kept_goes_by_the_library_that_makes_the_sounds(monkeypatch):
    monkeypatch.setattr(perturbed.metadata, "packages_distributions", lambda: {"python_stretch": ["stretcher"]})
    monkeypatch.setattr(perturbed.metadata, "version", lambda package: f"{package} 1")
    pitch, gain = (perturbed.libraries(Condition("sound", name, 1, 1)) for name in ("pitch", "gain"))
    assert "stretcher 1" in pitch and set(pitch) - set(gain) == {"stretcher 1"} and "soundfile 1" in gain


def test_the_first_test_clip_is_heard_as_it_is_and_then_made_worse(study):
    heard = dict(perturbed.examples(study, ("gain", "length", "clipping"), seconds=0.5))
    assert list(heard) == ["as it is", "Gain, -20 dB", "Clipping, 10 % of samples"]
    clean, gain, clipped = heard.values()
    assert np.array_equal(clean, study.chunks.audio[study.chunks.rows("test")[0]][: len(clean)]) and len(clean) == 8000
    assert np.allclose(gain, clean / 10) and np.abs(clipped).max() < np.abs(clean).max()
