"""The heads: stacked ones equal lone ones, ridge and its penalty equal scikit-learn's, nothing but training rows is read."""

import math
import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold
from torch import nn

from lib.encoders import heads as heads_module
from lib.encoders.heads import (
    FALLBACK,
    PENALTIES,
    ZEROS,
    HeadData,
    HeadPlan,
    Resume,
    StackedHeads,
    label,
    ridge,
    scale,
    score_subsets,
    scores_of,
    subsets,
    train_heads,
    train_subsets,
)
from lib.encoders.ridge import Folds
from lib.encoders.training import learning_rate, loss_of, rates_of
from lib.settings import Heads, Training

NAMES = ("pitch", "timbre", "neuralogram", "waveform")
ROWS, WIDTH, CLASSES = 90, 6, 5
TRAIN, SCORED = np.arange(60), np.arange(60, 90)
HEADS, SCHEDULE = Heads(hidden=16, linear_fit="descent"), Training(epochs=3, lr=1e-2, batch=16)
RIDGE = Heads(hidden=16)
CPU = torch.device("cpu")
ROUNDING = 2e-5  # between a batched product and one by itself, after twelve steps


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    embeddings = {name: rng.normal(3, 2, (ROWS, WIDTH)).astype(np.float32) for name in NAMES}
    targets = (embeddings["pitch"][:, :CLASSES] > 3).astype(np.uint8)
    return HeadData(embeddings, targets, np.array([f"g{row // 4}" for row in range(ROWS)]))


def scored(data, head="paper", seed=0, heads=HEADS, schedule=SCHEDULE):
    return dict(score_subsets(data, TRAIN, SCORED, HeadPlan(head, heads, schedule), seed, CPU))


def penalties_of(data, heads=RIDGE, train=TRAIN):
    (found,) = train_subsets(data, train, HeadPlan("linear", heads, SCHEDULE), 0, CPU)
    return dict(zip(found.subsets, found.penalties, strict=True))


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
        expected = alone(data.embeddings, data.targets, names, head, 3)
        assert np.abs(expected).max() > 0.1
        np.testing.assert_allclose(together[names], expected, atol=ROUNDING)


def test_all_subsets_as_one_product_are_those_of_each_width_by_itself(data):
    """What a device does, on the processor: narrow heads filled up with zeros."""
    expected = scored(data, "paper")
    scaled = [scale(data.embeddings[name], TRAIN, HEADS) for name in NAMES]
    inputs, labels = torch.cat([*scaled, torch.zeros(ROWS, 1)], 1), torch.from_numpy(data.targets).float()
    parts = torch.arange(4 * WIDTH).split(WIDTH)
    each = [torch.cat([parts[NAMES.index(name)] for name in subset]) for subset in subsets(NAMES)]
    columns = nn.utils.rnn.pad_sequence(each, batch_first=True, padding_value=ZEROS)
    heads = StackedHeads.fresh("paper", columns, CLASSES, HEADS.hidden, 0)
    train_heads(heads, inputs[TRAIN], labels[TRAIN], SCHEDULE, 0)
    for subset, found in zip(subsets(NAMES), heads(inputs[SCORED]), strict=True):
        np.testing.assert_allclose(found.detach().numpy(), expected[subset], atol=ROUNDING)


@pytest.mark.parametrize("head", ["paper", "linear"])
@pytest.mark.parametrize("fit", ["descent", "ridge"])
def test_encoders_of_other_widths_do_not_change_a_head(data, head, fit):
    embeddings = {name: data.embeddings[name][:, :width] for name, width in zip(NAMES, (3, 6, 1, 5), strict=True)}
    heads = Heads(hidden=16, linear_fit=fit)
    for names, scores in scored(replace(data, embeddings=embeddings), head, heads=heads).items():
        own = replace(data, embeddings={name: embeddings[name] for name in names})
        lone = scored(own, head, heads=heads)[names]
        np.testing.assert_allclose(scores, lone, atol=ROUNDING)


@pytest.mark.parametrize("head", ["paper", "linear"])
def test_no_subset_wanted_is_no_head_trained(data, head):
    for heads in (HEADS, RIDGE):
        assert not dict(score_subsets(data, TRAIN, SCORED, HeadPlan(head, heads, SCHEDULE), 0, CPU, only=()))


def test_ridge_is_scikit_learns(data):
    heads = Heads(linear_fit="ridge", ridge=0.05, scaling="none")
    found = scored(data, "linear", heads=heads)
    for names in (("timbre",), NAMES):
        x = np.concatenate([data.embeddings[name] for name in names], axis=1).astype(float)
        model = Ridge(alpha=0.05 * len(TRAIN)).fit(x[TRAIN], data.targets[TRAIN])
        np.testing.assert_allclose(found[names], model.predict(x[SCORED]), atol=1e-4)


def by_scikit_learn(data, names, train):
    """Squared error [penalty] of a chunk and class on held-out groups: a plain loop over folds and penalties."""
    x = np.concatenate([scale(data.embeddings[name], train, RIDGE).numpy()[train] for name in names], axis=1)
    x, y, groups = x.astype(float), data.targets[train].astype(float), data.groups[train]
    errors = np.zeros(len(PENALTIES))
    for fitted, held in GroupKFold(5).split(x, groups=groups):
        for number, penalty in enumerate(PENALTIES):
            model = Ridge(alpha=penalty * len(fitted)).fit(x[fitted], y[fitted])
            errors[number] += ((model.predict(x[held]) - y[held]) ** 2).sum()
    return errors / y.size


def test_the_penalty_is_that_of_a_plain_loop_over_groups(data):
    rng = np.random.default_rng(1)
    noisy = {name: values + rng.normal(0, 3, values.shape) for name, values in data.embeddings.items()}
    by_group = rng.normal(0, 2, (24, WIDTH))[np.arange(ROWS) // 4]  # what a group has in common misleads a weak penalty
    data = replace(data, embeddings=noisy | {"waveform": noisy["waveform"] + by_group})
    found = penalties_of(data)
    assert set(found) == set(subsets(NAMES)) and len({each.penalty for each in found.values()}) > 2
    for names, each in found.items():
        errors = by_scikit_learn(data, names, TRAIN)
        assert each.penalty == pytest.approx(PENALTIES[errors.argmin()])
        assert each.error == pytest.approx(errors.min(), rel=1e-6)
        assert each.groups == 15


def test_labels_that_nothing_tells_of_get_the_largest_penalty_and_those_told_exactly_the_smallest():
    rng = np.random.default_rng(0)
    x, groups = rng.normal(size=(200, 5)).astype(np.float32), np.arange(200).astype(str)
    exact, random = (x @ rng.normal(size=(5, 3)) > 0), rng.random((200, 3)) < 0.5
    linear = x @ rng.normal(size=(5, 3)).astype(np.float32)  # targets that are no labels, so that they can be exact
    rows = np.arange(200)
    assert penalties_of(HeadData({"a": x}, random, groups), train=rows)[("a",)].penalty >= 1
    assert penalties_of(HeadData({"a": x}, exact, groups), train=rows)[("a",)].penalty < 0.2
    assert penalties_of(HeadData({"a": x}, linear, groups), train=rows)[("a",)].penalty == pytest.approx(1e-6)


def test_of_one_group_there_is_nothing_to_choose_by(data):
    for each in penalties_of(replace(data, groups=np.full(ROWS, "one"))).values():
        assert each.penalty == FALLBACK and each.groups == 1 and math.isnan(each.error)
    for each in penalties_of(data, heads=Heads(ridge=0.3)).values():
        assert each.penalty == 0.3 and math.isnan(each.error)


def test_the_penalty_is_chosen_by_training_rows_alone(data):
    others = data.targets.copy()
    others[SCORED] = 1 - others[SCORED]
    spoiled = {name: values.copy() for name, values in data.embeddings.items()}
    for values in spoiled.values():
        values[SCORED] = 1e3
    groups = data.groups.copy()
    groups[SCORED] = "g0"
    assert penalties_of(HeadData(spoiled, others, groups)) == penalties_of(data)


@pytest.mark.parametrize("changed", [{"loss": "bce"}, {"output": "sigmoid"}])
def test_least_squares_are_scores_as_they_are_whatever_descent_would_give_out(data, changed):
    schedule = SCHEDULE.model_copy(update=changed)
    plain, other = scored(data, "linear", heads=RIDGE), scored(data, "linear", heads=RIDGE, schedule=schedule)
    descended = scored(data, "linear", schedule=schedule)
    for names, scores in plain.items():
        np.testing.assert_array_equal(scores, other[names])
        assert descended[names].min() > 0 and descended[names].max() < 1
    assert plain[("pitch",)].min() < 0 and plain[("pitch",)].max() > 1


def test_ridge_is_scikit_learns_on_several_threads_too():
    """Many columns and two threads, where one library's own solver of several systems gives nonsense."""
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(900, 520)).astype(np.float32), (rng.random((900, 6)) < 0.2).astype(np.float32)
    columns, before = (
        torch.stack([torch.arange(400), torch.arange(120, 520), torch.arange(60, 460)]),
        torch.get_num_threads(),
    )
    torch.set_num_threads(2)
    try:
        heads = ridge(torch.from_numpy(inputs), torch.from_numpy(labels), columns, [0.1, 0.1, 0.01])
    finally:
        torch.set_num_threads(before)
    scores = heads(torch.from_numpy(inputs)).numpy()
    for own, each, penalty in zip(scores, columns.numpy(), (0.1, 0.1, 0.01), strict=True):
        theirs = Ridge(alpha=900 * penalty).fit(inputs[:, each], labels).predict(inputs[:, each])
        np.testing.assert_allclose(own, theirs, atol=1e-4)


def test_ridge_of_two_thousand_chunks_takes_a_moment():
    rng = np.random.default_rng(0)
    embeddings = {name: rng.normal(size=(2000, 64)).astype(np.float32) for name in NAMES}
    targets = (rng.random((2000, 14)) < 0.1).astype(np.uint8)
    data, rows = HeadData(embeddings, targets, (np.arange(2000) // 5).astype(str)), np.arange(2000)
    taken = []
    for _ in range(3):
        start = time.process_time()
        assert len(list(score_subsets(data, rows, rows, HeadPlan("linear", RIDGE, SCHEDULE), 0, CPU))) == 15
        taken.append(time.process_time() - start)
    assert min(taken) < 2


@pytest.mark.parametrize("head", ["paper", "linear"])
@pytest.mark.parametrize("heads", [HEADS, RIDGE], ids=["descent", "ridge"])
def test_test_rows_teach_nothing(data, head, heads):
    spoiled = {name: values.copy() for name, values in data.embeddings.items()}
    others = data.targets.copy()
    others[SCORED] = 1 - others[SCORED]
    for values in spoiled.values():
        values[SCORED[5:]] = 1e3  # the first five stay, and must get the scores that they had
    before = scored(data, head, heads=heads)
    after = scored(replace(data, embeddings=spoiled, targets=others), head, heads=heads)
    for names, scores in before.items():
        np.testing.assert_array_equal(scores[:5], after[names][:5])
        assert (scores[5:] != after[names][5:]).any()


def test_training_rows_teach(data):
    others = data.targets.copy()
    others[TRAIN] = 1 - others[TRAIN]
    assert not np.allclose(scored(data)[NAMES], scored(replace(data, targets=others))[NAMES], atol=1e-2)


def test_seeds_differ_and_repeat(data):
    first, again, other = scored(data), scored(data), scored(data, seed=1)
    for names in first:
        np.testing.assert_array_equal(first[names], again[names])
        assert not np.allclose(first[names], other[names], atol=1e-3)


def test_a_subset_reads_only_its_own(data):
    embeddings = dict(data.embeddings, timbre=data.embeddings["timbre"][::-1].copy())
    before, after = scored(data), scored(replace(data, embeddings=embeddings))
    for names in before:
        assert ("timbre" in names) != np.allclose(before[names], after[names], atol=ROUNDING)


@pytest.mark.parametrize(("head", "heads"), [("paper", HEADS), ("linear", HEADS), ("linear", RIDGE)])
def test_a_head_that_was_kept_gives_the_scores_of_the_one_that_was_trained(data, head, heads):
    kept, plan, expected = {}, HeadPlan(head, heads, SCHEDULE), scored(data, head, heads=heads)
    for trained in train_subsets(data, TRAIN, plan, 0, CPU):
        kept |= trained.model.named(trained.subsets)
    scaled = {name: scale(values, TRAIN, HEADS)[SCORED] for name, values in data.embeddings.items()}
    assert set(expected) == set(subsets(NAMES))
    for subset, scores in expected.items():
        inputs = torch.cat([scaled[name] for name in subset], dim=1)
        (again,) = scores_of(StackedHeads.of_subset(subset, kept), inputs, plan)
        np.testing.assert_allclose(again, scores, atol=ROUNDING)


@pytest.mark.parametrize("head", ["paper", "linear"])
def test_heads_trained_side_by_side_are_those_trained_one_after_another(data, head, monkeypatch):
    expected = scored(data, head)
    monkeypatch.setenv("STUDY_CORES", "2")
    for subset, scores in scored(data, head).items():
        np.testing.assert_array_equal(scores, expected[subset])


@pytest.mark.parametrize("stopped_in", ["the third group of heads", "the second epoch of the first"])
def test_heads_that_were_stopped_go_on(data, tmp_path, monkeypatch, stopped_in):
    """What was finished is not trained again, what was begun goes on, and nothing in the weights tells of it."""
    plan, expected, epochs, stopped = HeadPlan("paper", HEADS, SCHEDULE), scored(data), [], []
    stop_at = {"the third group of heads": 2 * SCHEDULE.epochs + 1, "the second epoch of the first": 2}[stopped_in]

    def rates(schedule, epoch, n_batches):
        epochs.append(epoch)
        if len(epochs) == stop_at and not stopped:
            stopped.append(True)
            raise KeyboardInterrupt
        return rates_of(schedule, epoch, n_batches)

    monkeypatch.setattr(heads_module, "rates_of", rates)
    monkeypatch.setattr(heads_module, "SAVED_S", -1)
    resume = Resume(tmp_path, "key")
    with pytest.raises(KeyboardInterrupt):
        list(train_subsets(data, TRAIN, plan, 0, CPU, resume=resume))
    epochs.clear()
    again = list(train_subsets(data, TRAIN, plan, 0, CPU, resume=resume))
    assert len(epochs) == 4 * SCHEDULE.epochs - (stop_at - 1)
    for heads in again:
        for subset, scores in zip(heads.subsets, scores_of(heads.model, heads.inputs[SCORED], plan), strict=True):
            np.testing.assert_array_equal(scores, expected[subset])
    epochs.clear()
    list(train_subsets(data, TRAIN, plan, 0, CPU, resume=replace(resume, key="of other sounds")))
    assert len(epochs) == 4 * SCHEDULE.epochs


def test_sums_about_other_means_are_those_of_the_rows_themselves():
    rng = np.random.default_rng(0)
    x, y = (torch.from_numpy(rng.normal(5, 2, (90, n)).astype(np.float32)) for n in (4, 3))
    fold = np.arange(90) % 3
    folds = Folds.of(x, y, fold)
    for number in range(3):
        held = fold == number
        (a, b), (c, d) = ([values.double()[rows] for values in (x, y)] for rows in (~held, held))
        for found, left, right, mean_left, mean_right in (
            (folds.gram, a, a, a, a), (folds.moment, a, b, a, b), (folds.held_gram, c, c, a, a), (folds.held_moment, c, d, a, b),
        ):  # fmt: skip
            torch.testing.assert_close(found[number], (left - mean_left.mean(0)).T @ (right - mean_right.mean(0)))
        torch.testing.assert_close(folds.held_square[number], (d - b.mean(0)).square().sum())
