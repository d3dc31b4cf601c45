"""What is trained on: the same batches in the same order whichever way they come to the device."""

import numpy as np
import pytest
import torch

from lib.encoders import feed as feeds
from lib.encoders.feed import FOR_STEPS, Host, Resident, Streamed, bytes_of, feed_of, free_bytes, loaded
from lib.sounds.arrays import Rows

CPU, META, CUDA = (torch.device(name) for name in ("cpu", "meta", "cuda"))
N, SIZES = 53, [14, 13, 13, 13]


@pytest.fixture(params=[np.float32, np.uint8])
def items(request):
    rng = np.random.default_rng(0)
    array = (100 * rng.random((80, 3, 4))).astype(request.param)
    return Rows(array, rng.permutation(80)[:N]), (rng.random((N, 5)) < 0.3).astype(np.uint8)


def all_of(feed, order):
    return [(inputs.clone(), targets.clone()) for inputs, targets in feed.batches(order, SIZES)]


def test_the_batches_are_the_same_whether_resident_streamed_or_read_where_they_lie(items):
    inputs, targets = items
    order = torch.randperm(N, generator=torch.Generator().manual_seed(1))
    host = all_of(Host(inputs, targets), order)
    resident = all_of(Resident(loaded(inputs, CPU), torch.from_numpy(targets)), order)
    streamed = all_of(Streamed(inputs, targets, device=CPU), order)
    assert [len(x) for x, _ in host] == SIZES
    for (x, y), *others in zip(host, resident, streamed, strict=True):
        assert x.dtype == torch.from_numpy(inputs[:1]).dtype and y.dtype == torch.float32
        for other_x, other_y in others:
            assert torch.equal(x, other_x) and torch.equal(y, other_y)
    np.testing.assert_array_equal(torch.cat([x for x, _ in host]).numpy(), inputs[order.numpy()])


def test_a_batch_that_is_worked_on_is_not_written_over(items):
    """The two buffers: while one batch is held, only the other may change."""
    inputs, targets = items
    order = torch.arange(N)
    for number, (x, _) in enumerate(Streamed(inputs, targets, device=CPU).batches(order, [1] * N)):
        np.testing.assert_array_equal(x.numpy(), inputs[[number]])


def test_what_fits_lies_on_the_device_and_what_does_not_is_streamed_and_both_say_so(items):
    inputs, targets = items
    wanted = bytes_of(inputs, targets)
    assert wanted == N * 12 * inputs.array.itemsize + targets.nbytes
    fits, short = (
        feed_of(inputs, targets, META, wanted + FOR_STEPS),
        feed_of(inputs, targets, META, wanted + FOR_STEPS - 1),
    )
    assert isinstance(fits, Resident) and fits.inputs.shape == (N, 3, 4) and fits.inputs.device == META
    assert isinstance(short, Streamed)
    assert "all of it lies there" in fits.note and "streamed" in short.note
    assert isinstance(feed_of(inputs, targets, CPU), Host)


def test_what_fitted_a_moment_ago_is_streamed_where_another_process_was_faster(items, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(feeds, "loaded", full)
    late = feed_of(*items, META, bytes_of(*items) + FOR_STEPS)
    assert isinstance(late, Streamed) and "somebody took meanwhile: streamed" in late.note


def test_what_torch_keeps_of_the_training_before_counts_as_free(monkeypatch):
    there = {"kept": 17, "free": 5}

    def empty_cache():
        there.update(kept=0, free=there["free"] + there["kept"])

    monkeypatch.setattr(torch.cuda, "empty_cache", empty_cache)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (there["free"], 24))
    assert free_bytes(CUDA) == 22


def test_all_batches_go_to_a_gpu_on_one_stream(items, monkeypatch):
    made = []
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: made.append(device) or object())
    feed = Streamed(*items, device=CUDA)
    assert feed.stream is feed.stream and made == [CUDA]
    assert Streamed(*items, device=CPU).stream is None
