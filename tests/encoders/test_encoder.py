"""Encoders: trained, read back, resumed; nothing of one fold or seed reaches another; a chunk's numbers are its own."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from waiting import wait_until

from lib import files
from lib.encoders import encoder as encoders
from lib.encoders.encoder import in_blocks, train_encoder
from lib.encoders.training import load_weights
from lib.settings import Settings
from lib.sounds.chunks import Chunks
from lib.sounds.corpora.base import CLIP_COLUMNS, Corpus

N_CLIPS, PER_CLIP = 15, 2
TINY = {
    "training.epochs": 2,
    "schedules.mobilenet.epochs": 1,
    "training.batch": 8,
    "body.layers": 2,
    "body.pool_after": (1,),
}
TINY = Settings.preset("tiny", TINY)


def make_chunks(folder, test_fold=1):
    """Thirty chunks of noise and tones in three folds of five clips, two classes."""
    rng = np.random.default_rng(0)
    time_s = np.arange(16000) / 16000
    pitch_hz = np.where(np.arange(N_CLIPS) % 2, 220.0, 700.0)
    audio = 0.1 * rng.normal(size=(N_CLIPS, PER_CLIP, 16000)) + np.sin(2 * np.pi * pitch_hz[:, None, None] * time_s)
    rows = [(f"c{i}", str(folder / f"c{i}"), "", i % 3 + 1, (("low", "high")[i % 2],), f"c{i}") for i in range(N_CLIPS)]
    for _, path, *_ in rows:
        (folder / path).write_bytes(b"0")
    corpus = Corpus("made_up", folder, pd.DataFrame(rows, columns=CLIP_COLUMNS), ("low", "high")).with_fold(test_fold)
    n = N_CLIPS * PER_CLIP
    return Chunks(
        audio.reshape(n, -1).astype(np.float32) / 4, np.repeat(np.arange(N_CLIPS), PER_CLIP), np.tile([0.0, 1.0], N_CLIPS),
        np.zeros(n, bool), corpus, TINY.chunking, "made-up",
    )  # fmt: skip


@pytest.fixture
def chunks(tmp_path, monkeypatch, with_filters):
    monkeypatch.setenv("STUDY_HOME", str(with_filters(tmp_path / "home")))
    return make_chunks(tmp_path)


def train(name, chunks, folder, settings=TINY, seed=0):
    return train_encoder(name, chunks, settings, seed, folder, "cpu")


def state(trained):
    return torch.cat([value.flatten().double() for value in trained.encoder.state_dict().values()])


@pytest.mark.parametrize("name", ["pitch", "timbre", "neuralogram", "waveform"])
def test_an_encoder_is_trained_once_and_read_back(name, chunks, tmp_path):
    first = train(name, chunks, tmp_path / "a")
    again = train(name, chunks, tmp_path / "a")
    assert first.timings and not again.timings
    assert first.embeddings.shape == (30, 64) and first.scores.shape == (10, 2)
    assert np.array_equal(first.embeddings, again.embeddings) and np.array_equal(first.scores, again.scores)
    told = json.loads((tmp_path / "a" / "encoder.json").read_text())
    assert len(told["history"][name]) == 2 and told["seed"] == 0
    assert not list((tmp_path / "a").glob("*.state.safetensors"))


def test_same_seed_same_weights_other_seed_others(chunks, tmp_path):
    first, same, other = (train("timbre", chunks, tmp_path / str(n), seed=s) for n, s in enumerate((0, 0, 1)))
    assert torch.equal(state(first), state(same))
    assert not torch.equal(state(first), state(other))


@pytest.mark.parametrize(
    ("name", "stop_at"),
    [("neuralogram", ("mobilenet", 1)), ("neuralogram", ("neuralogram", 1)), ("waveform", ("waveform", 1))],
)
def test_a_run_stopped_anywhere_ends_with_the_same_weights(name, stop_at, chunks, tmp_path, monkeypatch):
    whole = train(name, chunks, tmp_path / "whole")

    def stopping(what):
        def report(row):
            if (what.partition(",")[0], row["epoch"]) == stop_at:
                raise KeyboardInterrupt

        return report

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(encoders.training, "progress", stopping)
        train(name, chunks, tmp_path / "cut")
    assert torch.equal(state(whole), state(train(name, chunks, tmp_path / "cut")))


@pytest.mark.parametrize("name", ["timbre", "neuralogram"])
def test_nothing_of_the_test_fold_is_learned(name, chunks, tmp_path):
    """Other sounds and labels in the test fold change no weight, no statistic and no training embedding."""
    audio, test = np.array(chunks.audio), chunks.rows("test")
    audio[test] = np.random.default_rng(1).normal(size=(len(test), 16000)).astype(np.float32)
    labels = [
        (("high", "low")[i % 2],) if role == "test" else old
        for i, (role, old) in enumerate(zip(chunks.corpus.clips["role"], chunks.corpus.clips["labels"], strict=True))
    ]
    other = replace(
        chunks,
        audio=audio,
        digest=None,
        key="other",
        corpus=replace(chunks.corpus, clips=chunks.corpus.clips.assign(labels=labels)),
    )
    first, second = train(name, chunks, tmp_path / "a"), train(name, other, tmp_path / "b")
    assert torch.equal(state(first), state(second))
    rows = chunks.rows("train")
    assert np.array_equal(first.embeddings[rows], second.embeddings[rows])
    assert not np.array_equal(first.embeddings[test], second.embeddings[test])


@pytest.mark.parametrize("name", ["timbre", "neuralogram"])
def test_a_fold_never_reads_anothers_weights(name, chunks, tmp_path):
    """The same folder, another fold or seed: trained anew, and as if the folder had been empty."""
    fold2 = make_chunks(tmp_path, test_fold=2)
    train(name, chunks, tmp_path / "a")
    after, alone = train(name, fold2, tmp_path / "a"), train(name, fold2, tmp_path / "b")
    assert after.timings
    assert torch.equal(state(after), state(alone))
    assert train(name, fold2, tmp_path / "a", seed=1).timings


def test_other_settings_train_anew_and_scoring_does_not(chunks, tmp_path):
    train("pitch", chunks, tmp_path / "a")
    assert not train(
        "pitch", chunks, tmp_path / "a", Settings.read({**TINY.model_dump(), "scoring": {"resamples": 7}})
    ).timings
    assert not train(  # there are no validation clips: the same is trained on
        "pitch", chunks, tmp_path / "a", Settings.read({**TINY.model_dump(), "trained_on": "train+validation"})
    ).timings
    other = Settings.read({**TINY.model_dump(), "representations": {"pitch": {"neighbours": 3}}})
    assert train("pitch", chunks, tmp_path / "a", other).timings


@pytest.mark.parametrize("name", ["pitch", "timbre", "neuralogram", "waveform"])
def test_a_chunk_alone_and_in_a_batch_gives_the_same_embedding(name, chunks, tmp_path):
    encoder = train(name, chunks, tmp_path / "a").encoder

    def embed(x):
        return encoder.embed(encoder.representation.compute(x))

    def run(audio):
        return np.concatenate([values for _, (values,) in in_blocks(embed, audio, torch.device("cpu"))])

    together = run(chunks.audio[:20])
    assert np.array_equal(together[7:8], run(chunks.audio[7:8]))
    assert np.array_equal(together, run(chunks.audio[:20]))


def test_what_is_computed_of_a_trained_network_is_float32_throughout(monkeypatch):
    """A GPU takes convolutions in TF32 unless it is told not to."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    switches, seen = (torch.backends.cudnn, torch.backends.cuda.matmul), []
    before = [switch.allow_tf32 for switch in switches]
    assert before[0], "torch's own default"

    def use(x):
        seen.append([switch.allow_tf32 for switch in switches])
        return x

    list(in_blocks(use, np.zeros((3, 2), np.float32), torch.device("cpu"), 2))
    assert seen == [[False, False]] * 2 and [switch.allow_tf32 for switch in switches] == before


def test_the_best_epoch_needs_validation_clips(chunks, tmp_path):
    best = Settings.read({**TINY.model_dump(), "checkpoint": "best"})
    with pytest.raises(ValueError, match="validation=next"):
        train("pitch", chunks, tmp_path / "a", best)
    with_validation = replace(chunks, corpus=make_chunks(tmp_path).corpus.with_fold(1, "next"))
    history = train("pitch", with_validation, tmp_path / "b", best).histories["pitch"]
    assert all("validation_loss" in row for row in history.rows)


def test_somebody_else_at_it_is_told(chunks, tmp_path):
    with encoders.locked(tmp_path / "a", "pitch, seed 0"), pytest.raises(encoders.files.Locked, match="pitch, seed 0"):
        train("pitch", chunks, tmp_path / "a")


def test_a_few_chunks_go_through_a_trained_encoder(chunks, tmp_path):
    encoder = train("timbre", chunks, tmp_path / "a").encoder
    embeddings, outputs = encoders.embed_chunks(encoder, chunks.audio[:2])
    assert outputs.shape == (2, 2)
    stored = np.load(tmp_path / "a" / "embeddings.npy")[:2]
    np.testing.assert_allclose(embeddings, stored, atol=1e-4)


SLOW = """
import sys, time
import numpy as np, torch
from pathlib import Path
from lib import files
from lib.encoders import encoder as encoders

class Half:
    blocks = 0
    def compute(self, chunks):
        Half.blocks += 1
        if Half.blocks == 2:
            Path(sys.argv[1]).with_name("second").touch()
            time.sleep(1000)  # killed in here, with one block written
        return chunks[:, :4]

encoders.compute_features(Half(), np.ones((200, 8), np.float32), Path(sys.argv[1]), torch.device("cpu"))
"""


def test_killed_while_features_are_computed_nothing_half_is_taken_for_whole(tmp_path):
    path = tmp_path / "features" / "half-1.npy"
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(path)], cwd=files.PROJECT)
    wait_until(lambda: path.with_name("second").exists() or process.poll() is not None)
    assert process.poll() is None and list(path.parent.glob(".half-1*"))
    process.kill()
    process.wait()
    assert not path.exists()
    made = type("Made", (), {"compute": lambda self, chunks: 2 * chunks[:, :4]})()
    encoders.compute_features(made, np.ones((200, 8), np.float32), path, torch.device("cpu"))
    assert np.array_equal(np.load(path), np.full((200, 4), 2, np.float32))


def test_weights_on_the_way_are_those_of_their_epoch(chunks, tmp_path):
    """After the last epoch they are the finished ones, after an earlier one not; those of another key are not read."""
    made = train_encoder("timbre", chunks, TINY, 0, tmp_path / "a", "cpu", keep_epochs=(1, 2))
    plain = train("timbre", chunks, tmp_path / "b")
    assert torch.equal(state(made), state(plain)) and not list((tmp_path / "b").glob("encoder-epoch*"))
    key, other = encoders.key_of("timbre", chunks, TINY, 0), encoders.Encoder("timbre", 2, TINY)
    first = encoders.epoch_path(tmp_path / "a", 1)
    assert load_weights(other, encoders.epoch_path(tmp_path / "a", 2), key)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in made.encoder.state_dict().items())
    assert load_weights(other, first, key)
    assert not torch.equal(
        other.body.state_dict()[next(iter(other.body.state_dict()))],
        next(iter(made.encoder.body.state_dict().values())),
    )
    assert not load_weights(other, first, "another")
    assert not load_weights(other, encoders.epoch_path(tmp_path, 1), key)


@pytest.mark.parametrize(("epochs", "parts"), [(1, (1, 1, 1)), (16, (2, 4, 8)), (25, (4, 7, 13)), (300, (38, 75, 150))])
def test_parts_of_the_epochs_are_rounded_up(epochs, parts):
    assert encoders.parts_of_epochs(epochs) == dict(zip((8, 4, 2), parts, strict=True))


@pytest.mark.parametrize(
    ("name", "apart"), [("pitch", 0.01), ("timbre", 0.02), ("waveform", 0.01), ("neuralogram", 0.25)]
)
def test_training_in_bfloat16_ends_near_float32(name, apart, chunks, tmp_path):
    """How far scores of 0 to 1 may lie apart, without dropout; most where a MobileNet of its own is trained first."""
    found = {}
    for precision in ("float32", "bfloat16"):
        settings = Settings.read(TINY.model_dump() | {
            "training": TINY.training.model_dump() | {"precision": precision},
            "body": TINY.body.model_dump() | {"dropout": 0.0},
        })  # fmt: skip
        found[precision] = train(name, chunks, tmp_path / precision, settings)
    single, half = found["float32"], found["bfloat16"]
    assert half.scores.dtype == half.embeddings.dtype == np.float32
    assert all(value.dtype != torch.bfloat16 for value in half.encoder.state_dict().values())
    assert 0 < np.abs(single.scores - half.scores).max() < apart


def test_features_in_half_the_bytes_leave_the_scores_near(chunks, tmp_path):
    """How far scores move with the same weights, and in a training on rounded features, as shares of their spread."""
    halved, named = (
        Settings.read({**TINY.model_dump(), "representations": {"neuralogram": {"stored_as": kind}}})
        for kind in ("float16", "float32")
    )
    assert encoders.key_of("neuralogram", chunks, named, 0) == encoders.key_of("neuralogram", chunks, TINY, 0)
    whole, half = (train("neuralogram", chunks, tmp_path / "a"), train("neuralogram", chunks, tmp_path / "b", halved))
    paths = sorted((files.cache() / "features").glob("neuralogram-*.npy"), key=lambda path: path.stat().st_size)
    rounded, features = map(np.load, paths)
    assert (rounded.dtype, features.dtype) == (np.float16, np.float32) and rounded.shape == features.shape
    of_rounded, of_features = (
        encoders.predictions(whole.encoder, each, torch.device("cpu"))[1] for each in (rounded, features)
    )
    assert 0 < np.abs(of_rounded - of_features).max() < 0.03 * of_features.std()
    assert 0 < np.abs(half.scores - whole.scores).max() < 0.1 * whole.scores.std()
