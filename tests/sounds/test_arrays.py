"""Rows of an array without copying it, and blocks."""

import numpy as np

from lib.sounds.arrays import Rows, blocks


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
        assert [i for part in blocks(n, size) for i in range(part.start, part.stop)] == list(range(n))
        assert all(part.stop - part.start <= size for part in blocks(n, size))
