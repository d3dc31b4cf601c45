"""Peers whose weights the user brings: the loader on small random weights, equal to the class that they come from."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lib.encoders.peers import PEERS, PeerError, wanted
from lib.encoders.peers.brought import state_of
from lib.encoders.peers.embeddings import macs_a_second
from lib.encoders.transformer import n_parameters

SMALL = {
    "clap": {
        "hidden_size": 256, "patch_embeds_hidden_size": 32, "depths": [1] * 4, "num_attention_heads": [2] * 4, "projection_dim": 64,
    },
    "ast": {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128, "max_length": 128},
    "wav2vec": {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128},
}  # fmt: skip
CONFIGURATIONS = {"clap": "ClapAudioConfig", "ast": "ASTConfig", "wav2vec": "Wav2Vec2Config"}
PUBLISHED = {"clap": 28_190_872, "ast": 86_187_264, "wav2vec": 94_371_712}  # of the audio half alone
slow = pytest.mark.slow  # transformers takes seconds to load


def reference(name, **small):
    """The class of transformers with random weights."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    return getattr(transformers, PEERS[name].kinds[0])(getattr(transformers, CONFIGURATIONS[name])(**small)).eval()


def sound(peer, n=2):
    length = round((peer.window_s or 1.0) * peer.rate_hz)
    return 0.1 * torch.randn(n, length, generator=torch.Generator().manual_seed(1))


@slow
@pytest.mark.parametrize("name", SMALL)
def test_a_local_folder_of_safetensors_loads_and_is_the_reference(name, tmp_path):
    model = reference(name, **SMALL[name])
    model.save_pretrained(tmp_path)
    peer = wanted(f"{name}:{tmp_path}")[0].load()
    audio = sound(peer)
    with torch.inference_mode():
        found = peer.embed(audio)
        given = peer.prepared(audio, **({"truncation": "rand_trunc", "padding": "repeatpad"} if name == "clap" else {}))
        answer = model(**given)
        expected = {"clap": lambda: answer.audio_embeds, "ast": lambda: answer.pooler_output,
                    "wav2vec": lambda: answer.last_hidden_state.mean(1)}[name]()  # fmt: skip
        np.testing.assert_allclose(found, expected, atol=1e-6)
        np.testing.assert_allclose(peer.embed(audio[1:]), found[1:], atol=1e-5)  # alone
        np.testing.assert_array_equal(peer.embed(audio), found)  # twice
    assert found.shape == (2, peer.size) == (2, 64)


@slow
def test_weights_that_lack_a_part_are_refused(tmp_path):
    reference("ast", **SMALL["ast"]).save_pretrained(tmp_path)
    kept = load_file(tmp_path / "model.safetensors")
    lost = next(name for name in kept if "layernorm" in name.lower())
    save_file({name: value for name, value in kept.items() if name != lost}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(PeerError, match="lack 1 parts of the network"):
        wanted(f"ast:{tmp_path}")[0].load()


@slow
@pytest.mark.parametrize("name", SMALL)
def test_weights_that_are_not_here_are_told_in_a_line(name, tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(PeerError) as told:
        wanted(f"{name}:{tmp_path / 'nothing'}")[0].load()
    peer = PEERS[name]
    for word in (peer.weights, peer.size_text, peer.about.licence, "hf download", f"PEERS={name}:/path"):
        assert word in str(told.value)
    assert "\n" not in str(told.value)


@slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_whole_network_has_the_published_parameters(name):
    pytest.importorskip("transformers")
    with torch.device("meta"):
        assert n_parameters(reference(name)) == PUBLISHED[name]


@slow
def test_passt_has_the_published_parameters_and_is_its_package_s_network():
    package = pytest.importorskip("hear21passt.base")
    peer = PEERS["passt"]().eval()
    assert n_parameters(peer.net) == 85_619_344
    assert macs_a_second(peer) * 10 / 1e9 == pytest.approx(47.0, rel=0.02)  # of 10 s
    whole = package.PasstBasicWrapper(peer.mel, peer.net, mode="embed_only").eval()
    audio = sound(peer, 1)[:, : 32000 * 2]
    with torch.inference_mode():
        np.testing.assert_allclose(peer.embed(audio), whole(audio), atol=1e-5)


def test_wav2clip_hears_each_clip_alone_and_is_its_package_s_network(tmp_path):
    encoder = pytest.importorskip("wav2clip.model.encoder")
    torch.manual_seed(0)
    first = PEERS["wav2clip"]()
    torch.save(first.state_dict() | {"image_encoder.x": torch.zeros(1)}, tmp_path / "Wav2CLIP.pt")
    peer = wanted(f"wav2clip:{tmp_path / 'Wav2CLIP.pt'}")[0].load()
    theirs = encoder.ResNetExtractor(checkpoint=peer.state_dict(), scenario="frozen", transform=True).eval()
    audio = sound(peer, 3)
    with torch.inference_mode():
        np.testing.assert_allclose(peer.embed(audio)[1:2], theirs(audio[1:2]), atol=1e-6)
        np.testing.assert_allclose(peer.embed(audio)[1:2], peer.embed(audio[1:2]), atol=1e-6)
    assert n_parameters(peer.audio_encoder) == 11_170_240


class Unsafe:
    def __reduce__(self):
        return (print, ("ran",))


def test_a_pickle_that_could_run_something_is_refused(tmp_path, capsys):
    torch.save({"state_dict": Unsafe()}, tmp_path / "unsafe.pt")
    with pytest.raises(PeerError, match="cannot be read safely"):
        state_of(PEERS["passt"], str(tmp_path / "unsafe.pt"))
    assert capsys.readouterr().out == ""


def test_what_cannot_run_at_all_says_why():
    with pytest.raises(PeerError, match="ONE-PEACE cannot run here: 4 billion parameters"):
        wanted("onepeace")
