"""The heads: stacked ones equal lone ones, ridge equals scikit-learn's, and nothing but training rows is read."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from torch import nn

from lib.settings import Heads, Training
from lib.subsets import StackedHeads, label, scale, score_subsets, scores_of, subsets, train_subsets
from lib.training import learning_rate, loss_of

NAMES = ("pitch", "timbre", "neuralogram", "waveform")
ROWS, WIDTH, CLASSES = 90, 6, 5
TRAIN, SCORED = np.arange(60), np.arange(60, 90)
HEADS, SCHEDULE = Heads(hidden=16), Training(epochs=3, lr=1e-2, batch=16)
ROUNDING = 2e-5  # between a batched product and one by itself, after twelve steps


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    embeddings = {name: rng.normal(3, 2, (ROWS, WIDTH)).astype(np.float32) for name in NAMES}
    targets = (embeddings["pitch"][:, :CLASSES] > 3).astype(np.uint8)
    return embeddings, targets


def scored(data, head="paper", seed=0, heads=HEADS):
    device = torch.device("cpu")
    return dict(score_subsets(*data, TRAIN, SCORED, head, heads, SCHEDULE, seed, device))


def alone(embeddings, targets, names, head, seed):
    """A head of torch.nn.Linear, trained by itself in plain steps."""
    x = torch.from_numpy(np.concatenate([embeddings[name] for name in names], axis=1))
    x = (x - x[TRAIN].mean(0)) / x[TRAIN].std(0, correction=0)
    y = torch.from_numpy(targets[TRAIN]).float()
    torch.manual_seed(seed)
    sizes = [x.shape[1], CLASSES] if head == "linear" else [x.shape[1], HEADS.hidden, CLASSES]
    layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
    generator = torch.Generator().manual_seed(seed)
    for layer in layers:
        bound = layer.in_features**-0.5
        layer.weight.data = (
            torch.empty(layer.in_features, layer.out_features).uniform_(-bound, bound, generator=generator).T
        )
        layer.bias.data.uniform_(-bound, bound, generator=generator)
    model = nn.Sequential(*layers) if head == "linear" else nn.Sequential(layers[0], nn.ReLU(), layers[1])
    optimiser = torch.optim.Adam(model.parameters(), lr=SCHEDULE.lr)
    batches, step = -(-len(TRAIN) // SCHEDULE.batch), 0
    for epoch in range(SCHEDULE.epochs):
        order = torch.randperm(len(TRAIN), generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
        for which in order.tensor_split(batches):
            optimiser.param_groups[0]["lr"] = learning_rate(SCHEDULE, step, SCHEDULE.epochs * batches)
            loss = loss_of(model(x[which]), y[which], SCHEDULE)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            step += 1
    return model(x[SCORED]).detach().numpy()


def test_fifteen_subsets_small_ones_first():
    labels = [label(subset) for subset in subsets(NAMES)]
    assert len(set(labels)) == 15
    assert labels[:5] == [*NAMES, "pitch+timbre"]
    assert labels[-2:] == ["timbre+neuralogram+waveform", "pitch+timbre+neuralogram+waveform"]


@pytest.mark.parametrize("head", ["paper", "linear"])
def test_stacked_heads_equal_lone_ones(data, head):
    together = scored(data, head, seed=3)
    assert list(together) == subsets(NAMES)
    for names in (("pitch",), ("waveform",), ("timbre", "waveform"), NAMES):
        expected = alone(*data, names, head, 3)
        assert np.abs(expected).max() > 0.1
        np.testing.assert_allclose(together[names], expected, atol=ROUNDING)


@pytest.mark.parametrize("head", ["paper", "linear"])
@pytest.mark.parametrize("fit", ["descent", "ridge"])
def test_encoders_of_other_widths_do_not_change_a_head(data, head, fit):
    embeddings = {name: data[0][name][:, :width] for name, width in zip(NAMES, (3, 6, 1, 5), strict=True)}
    heads = Heads(hidden=16, linear_fit=fit)
    for names, scores in scored((embeddings, data[1]), head, heads=heads).items():
        lone = scored(({name: embeddings[name] for name in names}, data[1]), head, heads=heads)[names]
        np.testing.assert_allclose(scores, lone, atol=ROUNDING)


@pytest.mark.parametrize("head", ["paper", "linear"])
def test_no_subset_wanted_is_no_head_trained(data, head):
    device = torch.device("cpu")
    assert not dict(score_subsets(*data, TRAIN, SCORED, head, HEADS, SCHEDULE, 0, device, only=()))


def test_ridge_is_scikit_learns(data):
    heads = Heads(linear_fit="ridge", ridge=0.05, scaling="none")
    found = scored(data, "linear", heads=heads)
    for names in (("timbre",), NAMES):
        x = np.concatenate([data[0][name] for name in names], axis=1).astype(float)
        model = Ridge(alpha=0.05 * len(TRAIN)).fit(x[TRAIN], data[1][TRAIN])
        np.testing.assert_allclose(found[names], model.predict(x[SCORED]), atol=1e-4)


@pytest.mark.parametrize("head", ["paper", "linear"])
def test_test_rows_teach_nothing(data, head):
    embeddings, targets = data
    spoiled = {name: values.copy() for name, values in embeddings.items()}
    others = targets.copy()
    others[SCORED] = 1 - others[SCORED]
    for values in spoiled.values():
        values[SCORED[5:]] = 1e3  # the first five stay, and must get the scores that they had
    before, after = scored(data, head), scored((spoiled, others), head)
    for names, scores in before.items():
        np.testing.assert_array_equal(scores[:5], after[names][:5])
        assert (scores[5:] != after[names][5:]).any()


def test_training_rows_teach(data):
    others = data[1].copy()
    others[TRAIN] = 1 - others[TRAIN]
    assert not np.allclose(scored(data)[NAMES], scored((data[0], others))[NAMES], atol=1e-2)


def test_seeds_differ_and_repeat(data):
    first, again, other = scored(data), scored(data), scored(data, seed=1)
    for names in first:
        np.testing.assert_array_equal(first[names], again[names])
        assert not np.allclose(first[names], other[names], atol=1e-3)


def test_a_subset_reads_only_its_own(data):
    embeddings = dict(data[0], timbre=data[0]["timbre"][::-1].copy())
    before, after = scored(data), scored((embeddings, data[1]))
    for names in before:
        assert ("timbre" in names) != np.allclose(before[names], after[names], atol=ROUNDING)


@pytest.mark.parametrize("head", ["paper", "linear"])
def test_a_head_that_was_kept_gives_the_scores_of_the_one_that_was_trained(data, head):
    embeddings, targets = data
    kept, expected = {}, scored(data, head)
    for group, model, _ in train_subsets(embeddings, targets, TRAIN, head, HEADS, SCHEDULE, 0, torch.device("cpu")):
        kept |= model.named(group)
    scaled = {name: scale(values, TRAIN, HEADS)[SCORED] for name, values in embeddings.items()}
    assert set(expected) == set(subsets(NAMES))
    for subset, scores in expected.items():
        inputs = torch.cat([scaled[name] for name in subset], dim=1)
        again = scores_of(StackedHeads.of_subset(subset, kept), inputs, SCHEDULE)[0]
        np.testing.assert_allclose(again, scores, atol=ROUNDING)


@pytest.mark.parametrize("head", ["paper", "linear"])
def test_heads_trained_side_by_side_are_those_trained_one_after_another(data, head, monkeypatch):
    expected = scored(data, head)
    monkeypatch.setenv("STUDY_CORES", "2")
    for subset, scores in scored(data, head).items():
        np.testing.assert_array_equal(scores, expected[subset])
