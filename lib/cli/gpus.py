"""Which GPU a job of the graph works on: a place for each training that a GPU has room for, and a lock file for each place."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

SIDE_BY_SIDE = 4  # trainings on one GPU at most: more only wait for each other's kernels
LOOK_S = 0.5  # between two looks for a free place


def places(device: str, wanted: Callable[[], int]) -> list[int]:
    """GPUs by number, each once for every training that it has room for; empty where none is used.

    wanted: gives the bytes of a training, called where there is a GPU. The first places are on different GPUs.
    """
    import torch

    if (device not in ("auto", "cuda") and not device.startswith("cuda:")) or not torch.cuda.is_available():
        return []
    numbers = [int(device[5:])] if ":" in device else range(torch.cuda.device_count())
    return shared({number: torch.cuda.mem_get_info(number)[0] for number in numbers}, wanted())


def in_words(device: str) -> str:
    """Which device a request takes on this machine, and why not a GPU that seems to be there."""
    import torch

    if device != "auto":
        return device
    if torch.cuda.is_available():
        return f"auto: {torch.cuda.get_device_name()}"
    if not shutil.which("nvidia-smi"):
        return f"auto: {'mps' if torch.backends.mps.is_available() else 'cpu'}"
    wants = (
        f"it wants a driver for CUDA {torch.version.cuda} or later"
        if torch.version.cuda
        else "it was built without CUDA"
    )
    return f"auto: cpu, since torch {torch.__version__} sees no GPU ({wants}; nvidia-smi shows what there is)"


def shared(free: dict[int, int], wanted: int) -> list[int]:
    """The places on GPUs with so many free bytes: one at least, since what does not fit is streamed."""
    times = {number: max(1, min(SIDE_BY_SIDE, there // wanted)) for number, there in free.items()}
    return [number for turn in range(SIDE_BY_SIDE) for number, most in times.items() if turn < most]


@contextmanager
def place(of: Sequence[int], folder: Path) -> Iterator[int | None]:
    """One of the places that no other process has, locked while the block runs; waits where all are taken.

    The process then sees this GPU alone. Where there are no places it sees what it saw.
    """
    if not of:
        yield None
        return
    folder.mkdir(parents=True, exist_ok=True)
    locks = [(gpu, FileLock(folder / f"place{number}-gpu{gpu}.lock")) for number, gpu in enumerate(of)]
    gpu, lock = _first_free(locks)
    try:
        there = [each.strip() for each in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")]
        os.environ["CUDA_VISIBLE_DEVICES"] = there[gpu] if gpu < len(there) and there[gpu] else str(gpu)
        yield gpu
    finally:
        lock.release()


def _first_free(locks: Sequence[tuple[int, FileLock]]) -> tuple[int, FileLock]:
    while True:
        for gpu, lock in locks:
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            return gpu, lock
        time.sleep(LOOK_S)
