"""Why a sound got its tags: parts that add up, seconds that count for what leaving them out does."""

import numpy as np
import pytest

from lib.model import open_model, why


@pytest.fixture(scope="module")
def model(finished_study):
    return open_model(finished_study.slug)


@pytest.fixture(scope="module")
def samples():
    """Three seconds: hiss, silence, a tone."""
    rng, seconds = np.random.default_rng(0), np.arange(16000) / 16000
    tone = 0.3 * np.sin(2 * np.pi * 330 * seconds)
    return np.concatenate([0.1 * rng.standard_normal(16000), np.zeros(16000), tone]).astype(np.float32)


def test_a_second_decides_by_how_far_the_clips_score_falls_without_it(model, samples):
    found = model.embed(samples, 16000)
    label = model.classes[3]
    table = why.by_second(model, found, label)
    whole = model.tag(samples, 16000).clip[3]
    without_hiss = model.tag(samples[16000:], 16000).clip[3]
    without_tone = model.tag(samples[:32000], 16000).clip[3]
    np.testing.assert_allclose(table["decided"], [whole - without_hiss, 0, whole - without_tone], atol=1e-5)
    np.testing.assert_allclose(table["score"], model.tag(found).seconds[:, 3])
    alone = why.by_second(model, model.embed(samples[:16000], 16000), label)
    assert alone["decided"].tolist() == [0.0]


def test_columns_are_the_heads_on_those_encoders(model, samples):
    found = model.embed(samples, 16000)
    each, without = why.said_by_each(model, found, 4), why.without_each(model, found, 4)
    assert list(each) == ["class", "all", *model.names]
    assert list(without) == ["class", "all", *(f"without {name}" for name in model.names)]
    assert each["class"].tolist() == without["class"].tolist() == model.tag(found).highest(4)["class"].tolist()
    place = [model.classes.index(name) for name in each["class"]]
    np.testing.assert_allclose(each["timbre"], model.tag(samples, 16000, ["timbre"]).clip[place])
    others = ["pitch", "neuralogram", "waveform"]
    np.testing.assert_allclose(without["without timbre"], model.tag(samples, 16000, others).clip[place])
