"""Rows of an array without copying it, and blocks."""

import numpy as np

from lib.sounds.arrays import Rows, Scaled, batched_slices


def test_rows_read_what_is_asked_for():
    rows = Rows(np.arange(20).reshape(10, 2), np.array([7, 1, 3]))
    assert len(rows) == 3
    assert rows[np.array([2, 0])].tolist() == [[6, 7], [14, 15]]
    assert rows[slice(1, 3)].tolist() == [[2, 3], [6, 7]]


def test_split_cuts_each_row_into_its_parts():
    rows = Rows(np.arange(24).reshape(4, 6), np.array([3, 1])).split(3)
    assert rows[slice(0, 6)].tolist() == [[18, 19], [20, 21], [22, 23], [6, 7], [8, 9], [10, 11]]


def test_split_shares_the_memory():
    array = np.zeros((4, 6))
    assert np.shares_memory(Rows(array, np.arange(4)).split(2).array, array)


def test_blocks_cover_everything_once():
    for n, size in [(0, 3), (1, 3), (3, 3), (7, 3)]:
        assert [i for part in batched_slices(n, size) for i in range(part.start, part.stop)] == list(range(n))
        assert all(part.stop - part.start <= size for part in batched_slices(n, size))


def test_samples_of_16_bits_come_back_exactly_and_others_within_half_a_step():
    rng = np.random.default_rng(0)
    exact = (rng.integers(-(2**15), 2**15, (5, 40)) / 2**15).astype(np.float32)
    kept = Scaled.of(exact)
    assert kept.codes.dtype == np.int16 and (kept[:] == exact).all() and kept[:].dtype == np.float32
    samples = (rng.normal(size=(6, 40)) * np.geomspace(1e-4, 3, 6)[:, None]).astype(np.float32)
    kept = Scaled.of(samples)
    step = np.abs(samples).max(1, keepdims=True) / (2**15 - 1)
    assert (np.abs(kept[:] - samples) <= 0.51 * step).all() and (kept[:] != samples).any()
    assert (Scaled.of(np.zeros((2, 4), np.float32))[:] == 0).all()


def test_what_is_scaled_is_read_like_an_array():
    samples = np.random.default_rng(0).normal(size=(7, 12)).astype(np.float32)
    kept = Scaled.of(samples)
    whole = kept[:]
    assert len(kept) == 7 and kept.shape == (7, 12)
    for which in (3, slice(2, 5), np.array([6, 0, 3])):
        np.testing.assert_array_equal(kept[which], whole[which])
    rows = Rows(kept, np.array([5, 1, 4]))
    np.testing.assert_array_equal(rows[1:], whole[[1, 4]])
    np.testing.assert_array_equal(rows.split(3)[:], whole[[5, 1, 4]].reshape(9, 4))
