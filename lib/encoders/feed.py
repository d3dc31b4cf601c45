"""What a network is trained on, brought to the device: the same call whether it lies there, or comes part by part.

host       on a processor: read where it lies
resident   on the device in its stored type, where it fits: a batch is taken there, nothing is copied
streamed   through two pinned buffers: one is filled while the other is on its way
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lib.encoders.fast import new_stream
from lib.files import in_bytes
from lib.sounds.arrays import Rows, batched_slices

FOR_STEPS = 6 * 2**30  # bytes of a device that are left to the steps themselves: the widest is the waveform's, 4 GiB
LOADED = 4096  # rows that are brought to the device at a time

Batch = tuple[Tensor, Tensor]  # inputs [item, ...] in their stored type, float targets [item, class]


@dataclass(frozen=True)
class Feed(ABC):
    """Items to train on, inputs [item, ...] and 0/1 targets [item, class], as batches on the device."""

    inputs: Any
    targets: Any
    note: str = ""  # where they lie and why; empty on a processor

    def __len__(self) -> int:
        return len(self.inputs)

    @abstractmethod
    def batches(self, order: Tensor, sizes: Sequence[int]) -> Iterator[Batch]:
        """The items in `order` [item], so many at a time; the order goes to the device once."""


def feed_of(inputs: Rows, targets: np.ndarray, device: torch.device, free: int | None = None) -> Feed:
    """Inputs [item, ...] and 0/1 targets [item, class] for a device of which `free` bytes are free (measured where None)."""
    if device.type == "cpu":
        return Host(inputs, targets)
    wanted = bytes_of(inputs, targets)
    free = free_bytes(device) if free is None else free
    sizes = f"{in_bytes(wanted)} to train on, {in_bytes(free)} free on {device}"
    if wanted + FOR_STEPS > free:
        return Streamed(inputs, targets, f"{sizes}, {in_bytes(FOR_STEPS)} left to the steps: streamed", device=device)
    try:
        return Resident(loaded(inputs, device), torch.from_numpy(targets).to(device), f"{sizes}: all of it lies there")
    except torch.OutOfMemoryError:  # another process works there too
        return Streamed(inputs, targets, f"{sizes}, which somebody took meanwhile: streamed", device=device)


def bytes_of(inputs: Rows, targets: np.ndarray) -> int:
    """Bytes of all inputs [item, ...] and targets [item, class] in their stored type."""
    return len(inputs) * inputs[slice(0, 1)].nbytes + targets.nbytes


def free_bytes(device: torch.device) -> int:
    """Bytes that a device has free now, those that torch only keeps (of the training before) among them."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        return torch.cuda.mem_get_info(device)[0]
    return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()


def loaded(inputs: Rows, device: torch.device) -> Tensor:
    """All rows [item, ...] on the device, in their stored type, brought there part by part."""
    first = torch.from_numpy(inputs[slice(0, 1)])
    there = torch.empty((len(inputs), *first.shape[1:]), dtype=first.dtype, device=device)
    for part in batched_slices(len(inputs), LOADED):
        there[part] = torch.from_numpy(inputs[part]).to(device)
    return there


class Host(Feed):
    """Batches for a processor, of Rows and an array, read where they lie."""

    def batches(self, order: Tensor, sizes: Sequence[int]) -> Iterator[Batch]:
        for which in order.split(list(sizes)):
            rows = which.numpy()
            yield torch.from_numpy(self.inputs[rows]), torch.from_numpy(self.targets[rows]).float()


class Resident(Feed):
    """Batches of tensors that lie on the device."""

    def batches(self, order: Tensor, sizes: Sequence[int]) -> Iterator[Batch]:
        for which in order.to(self.inputs.device, non_blocking=True).split(list(sizes)):
            yield self.inputs.index_select(0, which), self.targets.index_select(0, which).float()


@dataclass(frozen=True)
class Streamed(Feed):
    """Batches of what does not fit the device: one is read and sent by a thread while the one before is worked on."""

    device: torch.device = field(kw_only=True)

    @cached_property
    def stream(self) -> torch.cuda.Stream | None:
        """On which all batches of all epochs go to a GPU: torch keeps the memory of each stream by itself."""
        return new_stream(self.device)

    def batches(self, order: Tensor, sizes: Sequence[int]) -> Iterator[Batch]:
        parts = order.split(list(sizes))
        buffers = [Buffer(self.inputs, self.targets, max(sizes), self.device, self.stream) for _ in range(2)]
        with ThreadPoolExecutor(1) as reader:
            coming = reader.submit(buffers[0].send, parts[0])
            for number in range(len(parts)):
                sent = coming.result()
                if number + 1 < len(parts):
                    coming = reader.submit(buffers[(number + 1) % 2].send, parts[number + 1])
                inputs, targets = buffers[number % 2].arrived(sent)
                yield inputs, targets.float()


class Buffer:
    """Pinned room for one batch, which goes to the device on a stream while that works on something else."""

    def __init__(
        self, inputs: Rows, targets: np.ndarray, size: int, device: torch.device, stream: torch.cuda.Stream | None
    ) -> None:
        self.sources, self.device, cuda = (inputs, targets), device, device.type == "cuda"
        first = [torch.from_numpy(np.asarray(source[:1])) for source in self.sources]
        self.rooms = [torch.empty((size, *x.shape[1:]), dtype=x.dtype, pin_memory=cuda) for x in first]
        self.stream, self.copied = stream, torch.cuda.Event() if cuda else None

    def send(self, which: Tensor) -> list[Tensor]:
        """The items `which`, read and on their way to the device."""
        if self.copied:
            self.copied.synchronize()  # what is still being copied must not be written over
        with torch.cuda.stream(self.stream):
            there = []
            for room, source in zip(self.rooms, self.sources, strict=True):
                part = room[: len(which)].copy_(torch.from_numpy(np.asarray(source[which.numpy()])))
                there.append(part.to(self.device, non_blocking=True, copy=True))
            if self.copied:
                self.copied.record()
        return there

    def arrived(self, sent: list[Tensor]) -> list[Tensor]:
        """The batch that was sent, which what follows on the device waits for; the host does not."""
        if self.copied:
            self.copied.wait()
            for tensor in sent:
                tensor.record_stream(torch.cuda.current_stream(self.device))
        return sent
