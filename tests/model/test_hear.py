"""The HEAR interface as the benchmark's validator checks it: sizes, types, times, batches; over a run and a bundle."""

import importlib

import numpy as np
import pytest
import torch

from lib.model import bundle, open_model, part_of

LENGTHS_S = (1.07, 1.98, 4.0)  # of the validator


@pytest.fixture(scope="module")
def hear():
    return importlib.import_module("lib.model.hear")


@pytest.fixture(scope="module", params=["run", "bundle"])
def path(request, finished_study, tmp_path_factory):
    """What load_model is given: the name of a run, or a bundle's folder."""
    if request.param == "run":
        return finished_study.slug
    folder = tmp_path_factory.mktemp("hear") / "bundle"
    return str(bundle.write(open_model(finished_study.slug), *part_of(finished_study.slug), folder))


@pytest.fixture(scope="module")
def model(hear, path):
    return hear.load_model(path, encoders="pitch,timbre").to("cpu")


def sounds(n_sounds, seconds, rate_hz=16000):
    return torch.empty(n_sounds, int(seconds * rate_hz)).uniform_(-1, 1, generator=torch.Generator().manual_seed(0))


def test_the_model_has_what_the_benchmark_reads(hear, model, finished_study):
    assert isinstance(model, torch.nn.Module)
    assert model.sample_rate in (16000, 22050, 32000, 44100, 48000)
    for size in (model.scene_embedding_size, model.timestamp_embedding_size):
        assert type(size) is int
        assert size == 2 * finished_study.settings.body.width
    every = hear.load_model()
    assert every.scene_embedding_size == 4 * finished_study.settings.body.width


@pytest.mark.parametrize("seconds", LENGTHS_S)
def test_times_are_regular_and_within_the_sound(hear, model, seconds):
    audio = sounds(2, seconds)
    embeddings, times_ms = hear.get_timestamp_embeddings(audio, model)
    assert embeddings.dtype == torch.float32
    assert embeddings.shape == (2, times_ms.shape[1], model.timestamp_embedding_size)
    assert times_ms.shape[0] == 2
    steps = times_ms.diff(dim=1)
    assert (steps - steps.mean()).abs().max() < 1
    assert 0 < steps.mean() <= 50
    assert 0 <= times_ms.min() <= steps.mean()
    assert 1000 * seconds - steps.mean() <= times_ms.max() <= 1000 * seconds


def test_of_a_whole_sound_there_is_one_embedding(hear, model):
    audio = sounds(4, 2.74)
    embeddings = hear.get_scene_embeddings(audio, model)
    assert embeddings.dtype == torch.float32
    assert embeddings.shape == (4, model.scene_embedding_size)
    assert torch.equal(embeddings, hear.get_scene_embeddings(audio, model))
    assert torch.equal(embeddings[2:3], hear.get_scene_embeddings(audio[2:3], model))


def test_a_time_hears_the_second_around_it_at_any_hop(hear, model):
    audio = sounds(1, 3.0)
    embeddings, times_ms = hear.get_timestamp_embeddings(audio, model, hop_ms=250.0)
    assert times_ms[0].tolist() == [250.0 * k for k in range(12)]
    at = times_ms[0].tolist().index(1500.0)
    own = model.model.embed(audio[0, 16000:32000].numpy(), 16000).seconds
    expected = torch.cat([model.model.scaled(name, own[name]) for name in ("pitch", "timbre")], dim=1)
    assert torch.equal(embeddings[0, at], expected[0])
    fine, _ = hear.get_timestamp_embeddings(audio, model, hop_ms=50.0)
    assert torch.equal(fine[0, 30], embeddings[0, at])


def test_what_is_no_batch_of_sounds_is_refused(hear, model):
    for wrong in (torch.zeros(16000), torch.zeros(1, 16000, dtype=torch.int16), torch.zeros(1, 0)):
        with pytest.raises(ValueError, match="sound, sample"):
            hear.get_scene_embeddings(wrong, model)
    with pytest.raises(ValueError, match="sound, sample"):
        hear.get_timestamp_embeddings(torch.zeros(16000), model)


def test_loading_is_the_same_each_time(hear, path):
    audio = sounds(1, 1.0)
    first, second = (hear.get_scene_embeddings(audio, hear.load_model(path, encoders="timbre")) for _ in range(2))
    assert np.array_equal(first, second)
