"""A frozen peer over a corpus: at its own rate, aligned with the study's chunks, computed once, taken up where it stopped."""

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from torch import nn

from lib.encoders.peers.base import About, Peer
from lib.encoders.peers.embeddings import by_length, embedded, macs_a_second, pieces, windows
from lib.settings import Chunking
from lib.sounds.corpora.base import Corpus
from lib.sounds.cutting import cut

CPU = torch.device("cpu")
CHUNKING = Chunking()


class Loudest(Peer):
    """The frequency in Hz with the most energy, and the mean of the squares: what can be said of a tone by hand."""

    about = About("loudest", "tests", "none", "no", "no")
    rate_hz, size = 44100, 2

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.calls, self.stops_after = [], np.inf

    def embed(self, audio):
        if len(self.calls) >= self.stops_after:
            raise KeyboardInterrupt
        self.calls.append(tuple(audio.shape))
        power = torch.fft.rfft(audio).abs()
        loudest = power.argmax(1) * self.rate_hz / audio.shape[1]
        return torch.stack([loudest * self.weight, audio.square().mean(1)], 1)


class Window(Loudest):
    """The same, for 3 s and nothing else."""

    window_s, own_window = 3.0, True


@pytest.fixture
def chunks(home, tmp_path):
    """Three clips of 44.1 kHz: 2.3 s of 12 kHz, 0.4 s of 500 Hz, and 1 s of 15 kHz then 1 s of 300 Hz."""
    folder = tmp_path / "sounds"
    folder.mkdir()
    tones = {"a": [(12000, 2.3)], "b": [(500, 0.4)], "c": [(15000, 1.0), (300, 1.0)]}
    rows = []
    for number, (name, parts) in enumerate(tones.items()):
        wave = [0.5 * np.sin(2 * np.pi * hz * np.arange(round(44100 * s)) / 44100) for hz, s in parts]
        soundfile.write(folder / f"{name}.wav", np.concatenate(wave), 44100)
        role = "test" if number else "train"
        rows.append(
            {"id": name, "path": str(folder / f"{name}.wav"), "role": role, "fold": 0, "labels": ("x",), "group": name}
        )
    return cut(Corpus("table", folder, pd.DataFrame(rows), ("x", "y"), {}), CHUNKING)


def test_a_peer_hears_at_its_own_rate_what_16_khz_cannot_hold(chunks):
    found = embedded("loudest", Loudest(), chunks, CPU)
    of_clip = {name: found.chunks[chunks.ids == name, 0] for name in "abc"}
    np.testing.assert_allclose(of_clip["a"], [12000, 12000])
    np.testing.assert_allclose(of_clip["b"], [500], atol=3)  # 0.4 s repeated to 1 s
    np.testing.assert_allclose(of_clip["c"], [15000, 300])


def test_its_own_windows_are_of_the_whole_clip(chunks):
    peer = Loudest()
    found = embedded("loudest", peer, chunks, CPU)
    assert found.clips.shape == (3, 2)
    np.testing.assert_allclose(found.clips[0, 0], 12000, atol=1)
    assert (1, round(2.3 * 44100)) in peer.calls


def test_they_are_computed_once_whatever_the_fold_and_seed(chunks):
    first, again = embedded("loudest", Loudest(), chunks, CPU), Loudest()
    second = embedded("loudest", again, chunks, CPU)
    assert again.calls == []
    np.testing.assert_array_equal(first.chunks, second.chunks)
    assert first.cost == second.cost


def test_other_weights_are_other_embeddings(chunks):
    embedded("loudest", Loudest(), chunks, CPU)
    other = Loudest()
    other.weight.data *= 2
    np.testing.assert_allclose(embedded("loudest", other, chunks, CPU).clips[0, 0], 24000, atol=2)


def test_a_stopped_run_goes_on_from_its_last_clips(chunks, monkeypatch):
    monkeypatch.setattr("lib.encoders.peers.embeddings.SHARD", 1)

    stopped, rest = Loudest(), Loudest()
    stopped.stops_after = 3  # after the first clip's windows and chunks, and the second's windows
    with pytest.raises(KeyboardInterrupt):
        embedded("loudest", stopped, chunks, CPU)
    found = embedded("loudest", rest, chunks, CPU)
    assert (1, round(2.3 * 44100)) not in rest.calls  # the first clip is not embedded again
    np.testing.assert_allclose(found.chunks[chunks.ids == "a", 0], 12000)


def test_a_peer_with_a_long_window_never_hears_silence_after_a_chunk():
    rng = np.random.default_rng(0)
    samples = 0.1 * rng.standard_normal(round(2.3 * 44100)).astype(np.float32)
    cut_up = pieces(samples, np.array([0.0, 1.0]), Window(), CHUNKING)
    assert cut_up.shape == (2, 3 * 44100)
    np.testing.assert_array_equal(cut_up[0, :44100], cut_up[0, 44100:88200])
    assert cut_up.reshape(2, 30, -1).std(axis=2).min() > 0.05
    assert windows(samples, Window(), CHUNKING).reshape(-1, 30, 4410).std(axis=2).min() > 0.05


@pytest.mark.parametrize(("seconds", "expected"), [(0.4, 1), (3.0, 1), (4.4, 1), (4.6, 2), (30.1, 10)])
def test_how_many_windows_of_3_s_a_clip_has(seconds, expected):
    assert len(windows(np.ones(round(seconds * 44100), np.float32), Window(), CHUNKING)) == expected


def test_a_long_clip_is_cut_where_a_peer_takes_any_length():
    assert windows(np.ones(70 * 44100, np.float32), Loudest(), CHUNKING).shape == (2, 30 * 44100)


def test_what_comes_with_a_clip_changes_nothing():
    rng = np.random.default_rng(0)
    items = [rng.standard_normal((n, length)).astype(np.float32) for n, length in ((2, 4410), (1, 8820), (3, 4410))]
    together = by_length(items, Loudest())
    for alone, found in zip(items, together, strict=True):
        np.testing.assert_allclose(found, by_length([alone], Loudest())[0], rtol=1e-6)


def test_macs_are_those_of_a_layer_counted_by_hand():
    class Layer(Loudest):
        rate_hz, size = 16000, 3

        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(160, 3)

        def embed(self, audio):
            return self.layer(audio.unflatten(1, (-1, 160))).mean(1)

    assert macs_a_second(Layer()) == 100 * 160 * 3
