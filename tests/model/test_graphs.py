"""Encoders as graphs for other runtimes: what the study's own code gives, from the same samples."""

import json

import numpy as np
import pytest
import torch

from lib.encoders.encoder import embed_chunks
from lib.encoders.training import activate
from lib.model import open_model
from lib.model.graphs import Graph, export
from lib.plots.sounds import features_of
from lib.representations import PAPER

# Other kernels round otherwise: parts of a vector's length, of which 4e-6 were seen, and 6e-5 through MobileNet's layers.
AWAY, THROUGH_MOBILENET = 1e-5, 1e-4


@pytest.fixture(scope="module")
def model(finished_study):
    return open_model(finished_study.slug)


@pytest.fixture(scope="module")
def seconds(finished_study):
    """Chunks of the corpus, one of silence, one of a single click."""
    rows = np.random.default_rng(0).permutation(len(finished_study.chunks))[:30]
    more = np.zeros((2, 16000), np.float32)
    more[1, 8000] = 0.5
    return np.concatenate([finished_study.chunks.audio[np.sort(rows)], more])


def assert_near(found, expected, name):
    """No row of found [chunk, width] is further from the expected one than so much of that one's length."""
    distance = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert distance.max() < (THROUGH_MOBILENET if name == "neuralogram" else AWAY)


def expected_of(encoder, seconds):
    """The study's own embeddings and scores of these seconds."""
    embedding, outputs = embed_chunks(encoder, seconds)
    return embedding, activate(
        torch.from_numpy(outputs), encoder.settings.schedule(encoder.representation.name)
    ).numpy()


def same_map(model, name, seconds):
    """Which chunks have the very same map of peaks: cells that differ by rounding alone may fall to either side.

    Only pitch decides cell by cell; elsewhere all chunks.
    """
    if name != "pitch":
        return np.ones(len(seconds), bool)
    representation = model.encoders[name].representation
    steps = representation.portable().steps[:-1]
    found = torch.from_numpy(seconds)
    for step in steps:
        found = step(found)
    differ = found.numpy() != features_of(representation, seconds)
    assert differ.mean() < 1e-4
    return ~differ.any((1, 2))


@pytest.mark.parametrize("name", PAPER)
def test_portable_operations_give_the_studys_embeddings_and_scores(model, seconds, name):
    encoder = model.encoders[name]
    expected, own = expected_of(encoder, seconds)
    with torch.inference_mode():
        embedding, scores = Graph(encoder).eval()(torch.from_numpy(seconds))
    same = same_map(model, name, seconds)
    assert same.mean() > 0.9
    assert_near(embedding.numpy()[same], expected[same], name)
    assert_near(scores.numpy()[same], own[same], name)


@pytest.mark.slow
def test_onnxruntime_gives_the_same_of_any_number_of_seconds(model, seconds, tmp_path):
    for module in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(module, reason=f"{module} is not installed; make bundle ONNX=yes installs it")
    import onnxruntime

    export(model, tmp_path)
    assert json.loads((tmp_path / "classes.json").read_text()) == list(model.classes)
    for name in PAPER:
        session = onnxruntime.InferenceSession(tmp_path / f"{name}.onnx", providers=["CPUExecutionProvider"])
        expected, own = expected_of(model.encoders[name], seconds)
        embedding, scores = session.run(["embedding", "scores"], {"samples": seconds})
        same = same_map(model, name, seconds)
        assert_near(embedding[same], expected[same], name)
        assert_near(scores[same], own[same], name)
        alone = session.run(["embedding"], {"samples": seconds[:1]})[0]
        np.testing.assert_allclose(alone, embedding[:1], atol=1e-5)
