"""Work side by side: the same results in the same order, and torch's threads as they were."""

import threading

import pytest
import torch

from lib.encoders.threads import cores, side_by_side


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_order_and_the_callers_threads_stay(workers):
    before = torch.get_num_threads()
    assert list(side_by_side(lambda x: x * x, range(7), workers)) == [x * x for x in range(7)]
    assert torch.get_num_threads() == before


def test_each_piece_has_one_torch_thread_and_pieces_do_run_side_by_side():
    meet = threading.Barrier(2, timeout=120)

    def work(_):
        meet.wait()  # broken unless two are at it at once
        return torch.get_num_threads()

    torch.set_num_threads(3)  # what new threads would begin with
    try:
        assert list(side_by_side(work, range(2), 2)) == [1, 1]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(1)


def test_an_error_of_one_piece_reaches_the_caller_and_leaves_the_threads_alone():
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda x: 1 // x, [1, 0], 2))
    assert torch.get_num_threads() == before


def test_the_graph_tells_how_many_cores_there_are(monkeypatch):
    monkeypatch.setenv("STUDY_CORES", "3")
    assert cores() == 3
    monkeypatch.delenv("STUDY_CORES")
    assert cores() == torch.get_num_threads()
