"""The games of a peer beside a trained study: what they leave, once, and from what."""

import sys

import numpy as np
import pytest
from made_up import SHORT, short_study

from lib import stages
from lib.controls import peers
from lib.encoders.peers import PeerError
from lib.evaluation import peers as table
from lib.evaluation import results
from lib.evaluation.games import control_scores
from lib.study import Request, Study

MODEL = """
import torch

class Model(torch.nn.Module):
    sample_rate, scene_embedding_size, timestamp_embedding_size = 32000, 8, 8
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor({scale}))

def load_model(model_file_path="", **options):
    return Model()

def get_scene_embeddings(audio, model):
    power = torch.fft.rfft(audio).abs().square()[:, 1:]
    return (model.scale * torch.stack([part.mean(1) for part in power.tensor_split(8, 1)], 1).clamp(min=1e-9).log()).sin()

def get_timestamp_embeddings(audio, model):
    return get_scene_embeddings(audio, model)[:, None], torch.zeros(len(audio), 1)
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(trained_home, small_corpus):
    """A trained study, and a module `bands` that Python finds."""
    (trained_home / "modules").mkdir()
    (trained_home / "modules" / "bands.py").write_text(MODEL.format(scale="1.0"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(trained_home / "modules"))
        made = short_study(SHORT, small_corpus, peers="bands")
        stages.score_peers(made)
        yield made


def files_of(study):
    folder = control_scores(study, "bands", "", "", 0).parent.parent
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.npy")}


def test_a_peer_leaves_what_its_games_ask_for_and_once(study):
    assert table.there(study) == ["bands"]
    before = files_of(study)
    folders = {path.parent.name for path in before}
    assert folders == {"bands", "bands.chunks", "bands.beside"}
    assert len([path for path in before if path.parent.name == "bands"]) == 2 * 16
    assert len([path for path in before if path.parent.name == "bands.beside"]) == 2 * 6
    stages.score_peers(study)
    assert files_of(study) == before


def test_what_it_costs_and_what_the_study_s_four_cost_stand_beside_the_scores(study):
    mine, ours = table.about(study, "bands"), table.about(study, "all four")
    assert (mine["parameters"], mine["rate_hz"], mine["size"], mine["crop"]) == (1, 32000, 8, "the whole clip")
    assert mine["seconds_an_hour"] > 0
    assert ours["parameters"] > 1000
    assert ours["gmacs_a_second"] > 0


def test_its_rows_and_gains_come_from_these_scores(study):
    rows = table.peer_table(study, results.write_subsets(study))
    assert set(rows["row"]) == {"bands", "all four"}
    (both, *_) = table.played_games(study, "bands")
    gains = table.gain_rows("bands", both)
    assert set(gains.loc[gains["against"] == "", "added"]) == {
        "pitch", "timbre", "pitch+timbre", "neuralogram", "waveform", "all four", *table.BESIDE,
    }  # fmt: skip
    assert np.isfinite(gains.loc[gains["group"] == "all", "difference"]).all()


def test_other_weights_make_other_scores(study, trained_home, monkeypatch):
    path = table.on_chunks("bands").file(study, ("bands",), "linear", 0)
    before = np.load(path)
    (trained_home / "modules" / "bands.py").write_text(MODEL.format(scale="-0.37"))
    monkeypatch.delitem(sys.modules, "bands")
    stages.score_peers(study)
    assert not np.allclose(before, np.load(path))


def test_a_learner_is_trained_and_plays_with_a_second_seed_where_there_are_two(study, small_corpus):
    small = "peers.audio_transformer.front=32 peers.audio_transformer.layers=1 peers.audio_transformer.head_hidden=8"
    both = Study.of(
        study.request.model_copy(
            update={"seeds": (0, 1), "peers": "audio_transformer", "set": f"{study.request.set} {small}"}
        )
    )
    peers.run(both, "audio_transformer", 0)
    told = table.about(both, "audio_transformer")
    assert told["trained_here"]
    assert told["beside"] == [*table.BESIDE, "second_seed"]
    own = np.load(table.by_itself("audio_transformer").file(both, ("audio_transformer",), "own", 0))
    assert own.shape == np.load(both.scores("pitch", "own", 0)).shape
    assert (
        table.beside("audio_transformer", told["beside"])
        .file(both, ("audio_transformer", "second_seed"), "linear", 0)
        .exists()
    )


def test_a_peer_may_not_have_a_name_that_is_taken(home, tmp_path, monkeypatch):
    (tmp_path / "noise.py").write_text(MODEL.format(scale="1.0"))
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PeerError, match="noise: the study has an encoder or a control of this name"):
        peers.of_request(Study.of(Request(peers="noise")))
