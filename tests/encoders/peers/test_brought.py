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
    save_file(
        {name: value for name, value in kept.items() if name != lost}, tmp_path / "model.safetensors", {"format": "pt"}
    )
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


# Those whose files of weights say how large their network is

SMALL_DASHENG = {"embed_dim": 64, "depth": 2, "num_heads": 2}
SMALL_BEATS = {
    "input_patch_size": 16, "embed_dim": 32, "encoder_layers": 2, "encoder_embed_dim": 64, "encoder_ffn_embed_dim": 96,
    "encoder_attention_heads": 4, "conv_pos_groups": 4,
}  # fmt: skip


@slow
def test_dasheng_loads_its_file_and_is_its_package_s_network(tmp_path):
    network = pytest.importorskip("dasheng.pretrained.pretrained").Dasheng
    torch.manual_seed(0)
    theirs = network(**SMALL_DASHENG).eval()
    torch.save({"model": theirs.state_dict(), "config": SMALL_DASHENG}, tmp_path / "dasheng.pt")
    peer = wanted(f"dasheng:{tmp_path / 'dasheng.pt'}")[0].load()
    audio = sound(peer, 3)
    with torch.inference_mode():
        np.testing.assert_allclose(peer.embed(audio), theirs(audio).mean(1), atol=1e-6)
        np.testing.assert_allclose(peer.embed(audio[1:]), peer.embed(audio)[1:], atol=1e-5)
    assert peer.size == 64


@slow
def test_dasheng_has_the_published_parameters_and_arithmetic():
    pytest.importorskip("dasheng.pretrained.pretrained")
    peer = PEERS["dasheng"]().eval()
    assert n_parameters(peer) == 85_447_808
    assert macs_a_second(peer) / 1e9 == pytest.approx(2.1, abs=0.05)
    assert macs_a_second(peer, 10.0) * 10 / 1e9 == pytest.approx(22.5, abs=0.5)


@slow
def test_beats_loads_its_file_and_is_speechbrain_s_network(tmp_path):
    network = pytest.importorskip("speechbrain.lobes.models.beats").BEATs
    torch.manual_seed(0)
    torch.save({"cfg": SMALL_BEATS, "model": {}}, tmp_path / "empty.pt")
    with pytest.raises(PeerError, match="beats: the weights in .*empty.pt are not of its network"):
        wanted(f"beats:{tmp_path / 'empty.pt'}")[0].load()
    random = beats_of(network, SMALL_BEATS)
    # as the published files name a layer's direction and length
    renamed = {name.replace("parametrizations.weight.original0", "weight_g").replace("parametrizations.weight.original1", "weight_v"): value
               for name, value in random.state_dict().items()}  # fmt: skip
    assert len(set(renamed) & set(random.state_dict())) == len(renamed) - 2
    torch.save({"cfg": SMALL_BEATS, "model": renamed}, tmp_path / "beats.pt")
    theirs, peer = random, wanted(f"beats:{tmp_path / 'beats.pt'}")[0].load()
    audio = sound(peer, 3)
    with torch.inference_mode():
        np.testing.assert_allclose(peer.embed(audio), theirs(audio, torch.ones(3))[0].mean(1), atol=1e-6)
        np.testing.assert_allclose(peer.embed(audio[1:]), peer.embed(audio)[1:], atol=1e-5)
    assert peer.embed(audio).shape == (3, peer.size) == (3, 64)


def beats_of(network, cfg):
    """speechbrain's BEATs with random weights of this size, which it makes from a file alone."""
    module = pytest.importorskip("speechbrain.lobes.models.beats")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            module.BEATsConfig, "__init__", lambda self, _, start=module.BEATsConfig.__init__: start(self, cfg)
        )
        return network()


@slow
def test_beats_has_the_published_parameters():
    network = pytest.importorskip("speechbrain.lobes.models.beats").BEATs
    peer = PEERS["beats"](network()).eval()
    assert n_parameters(peer) == 90_301_568
    # 12 layers of 768 and 3,072 on 8 patches for each 160 ms, attention among them, a grouped convolution of 128
    n, of_patch = 62 * 8, 12 * (4 * 768**2 + 2 * 768 * 3072) + 128 * 768 * 48 + 512 * 768 + 512 * 256
    assert macs_a_second(peer, 10.0) * 10 == pytest.approx(n * of_patch + 12 * 2 * n**2 * 768, rel=0.03)


@slow
def test_microsoft_s_clap_loads_its_file_and_is_its_package_s_network(tmp_path):
    """Of the file of 2023: the audio half alone is taken, whatever else is in it."""
    encoder = pytest.importorskip("msclap.models.clap").AudioEncoder
    torch.manual_seed(0)
    theirs = encoder("HTSAT", 768, 1024, 44100, 1024, 320, 64, 50, 8000, 527).eval()
    state = {f"audio_encoder.{name}": value for name, value in theirs.state_dict().items()}
    torch.save({"model": state | {"caption_encoder.x": torch.zeros(1)}}, tmp_path / "2023.pth")
    peer = wanted(f"msclap:{tmp_path / '2023.pth'}")[0].load()
    assert sum(p.numel() for p in peer.parameters()) == 33_162_199
    assert peer.about.published is None
    audio = sound(peer)
    assert audio.shape == (2, 7 * 44100)
    with torch.inference_mode():
        np.testing.assert_allclose(peer.embed(audio), theirs(audio)[0], atol=1e-6)
        np.testing.assert_allclose(peer.embed(audio[1:]), peer.embed(audio)[1:], atol=1e-5)
    del state["audio_encoder.projection.linear1.weight"]
    torch.save({"model": state}, tmp_path / "2023.pth")
    with pytest.raises(
        PeerError,
        match=r"msclap: the weights in .* lack 1 parts of the network, for example projection\.linear1\.weight",
    ):
        wanted(f"msclap:{tmp_path / '2023.pth'}")[0].load()


@slow
def test_microsoft_s_older_clap_has_the_published_parameters_and_arithmetic():
    pytest.importorskip("msclap.models.clap")
    peer = PEERS["msclap"]("2022").eval()
    assert sum(p.numel() for p in peer.parameters()) == 84_984_847
    assert macs_a_second(peer) * 5 / 1e9 == pytest.approx(14.5, rel=0.05)
    assert peer.about.published == 0.586


@pytest.mark.parametrize("name", ["msclap", "beats", "dasheng", "passt", "wav2clip"])
def test_a_file_of_weights_that_is_not_here_is_said_in_a_line(name):
    with pytest.raises(PeerError) as told:
        wanted(name)[0].load()
    for word in (PEERS[name].weights, PEERS[name].size_text, PEERS[name].about.licence, f"PEERS={name}:/path"):
        assert word in str(told.value)
    assert "\n" not in str(told.value)


def test_weights_of_another_network_are_refused_in_a_line(tmp_path):
    pytest.importorskip("wav2clip.model.encoder")
    other = PEERS["wav2clip"]().state_dict()
    name = next(key for key, value in other.items() if value.ndim == 4)
    torch.save(other | {name: torch.zeros(1, 1, 1, 1)}, tmp_path / "other.pt")
    with pytest.raises(PeerError, match="wav2clip: the weights in .* are not of its network") as told:
        wanted(f"wav2clip:{tmp_path / 'other.pt'}")[0].load()
    assert "\n" not in str(told.value)


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
