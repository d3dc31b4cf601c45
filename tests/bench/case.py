"""One comparison: both sides at their best batch size, warmed up; rounds of both interleaved and the medians compared.

A shared machine is never quiet. A ratio is peer over ours.
"""

import math
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from lib.study import machine

N_CLASSES = 50
BATCHES = (1, 16, 64, 256)
ROUNDS = 5
ROUND_S = 0.2  # a round of either side calls it as often as fills this: one short call depends on the call before it
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Case:
    """One comparison: `ours` and `theirs` each do `items` items a call; `agreement` says how alike the results are."""

    name: str
    peer: str
    ours: Callable[[], object]
    theirs: Callable[[], object]
    items: tuple[int, int]
    agreement: Callable[[], str]


@dataclass(frozen=True)
class Result:
    """A line of bench.json: milliseconds an item on both sides, and their ratio."""

    name: str
    ours_ms: float
    peer: str
    peer_ms: float
    ratio: float
    agreement: str
    threads: int
    machine: str

    def __str__(self) -> str:
        times = f"{self.ours_ms:9.3f} ms{self.peer_ms:10.3f} ms {self.ratio:8.1f} x"
        return f"{self.name:26}{times}  {self.agreement}"


def measure(case: Case, threads: int) -> Result:
    """Medians of interleaved rounds, after some calls of each to warm up."""
    sides = [(side, calls_of(side), items) for side, items in zip((case.ours, case.theirs), case.items, strict=True)]
    rounds = [[seconds(side, calls) / items for side, calls, items in sides] for _ in range(ROUNDS)]
    ours_ms, peer_ms = (1000 * statistics.median(values) for values in zip(*rounds, strict=True))
    about = machine()
    where = f"{about['processor']}, {about['cores']} cores"
    return Result(case.name, ours_ms, case.peer, peer_ms, peer_ms / ours_ms, case.agreement(), threads, where)


def calls_of(function: Callable[[], object]) -> int:
    """How many calls fill a round."""
    seconds(function)
    return math.ceil(ROUND_S / seconds(function))


def seconds(function: Callable[[], object], calls: int = 1) -> float:
    """Wall seconds of a call: the mean of so many."""
    start = time.perf_counter()
    for _ in range(calls):
        function()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / calls


def best_batch(function: Callable[[Tensor], object], chunks: Tensor) -> Tensor:
    """The first chunks, as many as `function` does fastest an item."""
    sizes = [size for size in BATCHES if size <= len(chunks)]
    for size in sizes:
        function(chunks[:size])
    return chunks[: min(sizes, key=lambda size: min(seconds(lambda: function(chunks[:size])) for _ in range(2)) / size)]


class Clock:
    """Seconds that this process and those that it ended spent on a processor, of each part: steadier than wall time."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str, times: float = 1) -> Iterator[None]:
        """Count the block to a part, as if it were done so many times."""
        start = sum(os.times()[:4])
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + times * (sum(os.times()[:4]) - start)
