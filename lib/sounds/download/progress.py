"""How far a download is: a bar for who watches, else a line from time to time."""

import threading
import time

from tqdm import tqdm

from lib.display.screen import watched

LINE_S = 30.0  # between two lines in a log


class Progress:
    """Counts bytes from any thread; shows what came of `total`, how fast, and how long the rest will take."""

    def __init__(self, title: str, total: int):
        self.lock, self.lines = threading.Lock(), not watched()
        self.bar = tqdm(desc=title, total=total or None, unit="B", unit_scale=True, disable=self.lines or not total)
        self.title, self.total, self.count = title, total, 0
        self.started = self.printed = time.monotonic()

    def moved(self, count: int) -> None:
        """So many more bytes are there (fewer than none: were thrown away)."""
        with self.lock:
            self.count += count
            self.bar.update(count)
            if self.lines and time.monotonic() - self.printed >= LINE_S:
                self.printed = time.monotonic()
                print(self.line(), flush=True)

    def line(self) -> str:
        """The state in a line."""
        passed = time.monotonic() - self.started
        parts = "{desc}: {n_fmt} of {total_fmt}B, {rate_fmt}, {remaining} left"
        return tqdm.format_meter(
            self.count, self.total, passed, prefix=self.title, unit="B", unit_scale=True, bar_format=parts
        )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()
