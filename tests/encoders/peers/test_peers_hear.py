"""The door for any model: a module with HEAR's three functions is a peer by its name."""

import numpy as np
import pytest
import torch

from lib.encoders.peers import PeerError, wanted

MODEL = """
import torch

class Model(torch.nn.Module):
    sample_rate, scene_embedding_size, timestamp_embedding_size = 32000, 4, 4

def load_model(model_file_path="", **options):
    model = Model()
    model.path = model_file_path
    return model

def get_scene_embeddings(audio, model):
    return audio.reshape(len(audio), 4, -1).std(2)

def get_timestamp_embeddings(audio, model):
    return get_scene_embeddings(audio, model)[:, None], torch.zeros(len(audio), 1)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "their_model.py").write_text(MODEL)
    return tmp_path


def test_a_module_is_a_peer_by_its_name(folder):
    (one,) = wanted("their_model:/weights/of/theirs.pt")
    peer = one.load()
    assert (one.name, peer.rate_hz, peer.size, peer.model.path) == ("their_model", 32000, 4, "/weights/of/theirs.pt")
    audio = torch.randn(2, 32000)
    np.testing.assert_allclose(peer.embed(audio), audio.reshape(2, 4, -1).std(2))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no_such_thing", "no_such_thing is no peer that is known here, and no module .*; known here are silero, "),
        ("silero,json", "the module json has no load_model, get_scene_embeddings, get_timestamp_embeddings"),
        ("../x", "is no name of a peer; there are silero"),
    ],
)
def test_what_is_no_peer_is_told_in_a_line(text, says):
    with pytest.raises(PeerError, match=says):
        wanted(text)


def test_a_model_at_a_rate_that_hear_does_not_know_is_refused(folder):
    (folder / "wrong_model.py").write_text(MODEL.replace("32000, 4", "8000, 4"))
    with pytest.raises(PeerError, match="sample_rate 8000"):
        wanted("wrong_model")[0].load()


def test_what_goes_wrong_in_a_module_of_another_is_told_in_a_line(folder):
    (folder / "broken_model.py").write_text(MODEL.replace("model = Model()", "raise OSError('no network\\nat all')"))
    with pytest.raises(PeerError, match=r"broken_model.load_model\(''\): OSError: no network$"):
        wanted("broken_model")[0].load()
    (folder / "narrow_model.py").write_text(MODEL.replace("len(audio), 4, -1", "len(audio), 2, -1"))
    with pytest.raises(PeerError, match=r"narrow_model: embeddings \(3, 2\) of 3 sounds, where its size is 4"):
        wanted("narrow_model")[0].load().embed(torch.zeros(3, 32000))


def test_peers_are_asked_for_once_each():
    assert [one.name for one in wanted("silero,crepe,silero")] == ["silero", "crepe"]
