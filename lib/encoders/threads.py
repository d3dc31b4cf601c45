"""Independent pieces of work side by side, each on one torch thread, so that the numbers never depend on how many run."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item, Result = TypeVar("Item"), TypeVar("Result")


def cores() -> int:
    """Cores that this notebook has to itself: the graph of notebooks sets STUDY_CORES; else torch's threads."""
    return int(os.environ.get("STUDY_CORES") or torch.get_num_threads())


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """work(item) of each item, in order, `workers` of them at a time.

    torch's own threads would wait for each other after every small step; pieces that need nothing of each other do not.
    """
    if workers == 1:
        yield from map(work, items)
        return
    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield from pool.map(work, items)
    finally:
        torch.set_num_threads(before)  # what one thread sets is also what threads that start later begin with
