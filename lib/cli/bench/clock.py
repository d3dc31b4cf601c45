"""Processor seconds by part: on a shared machine they tell more than the wall clock does."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Seconds that this process and those that it ended spent on a processor, of each part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str, times: float = 1) -> Iterator[None]:
        """Count the block to a part, as if it were done so many times."""
        start = sum(os.times()[:4])
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + times * (sum(os.times()[:4]) - start)
