"""What a training step asks of a GPU, counted without one: on torch's meta device, which has shapes and no numbers.

There every branch for devices other than a processor is taken, and autograd runs as it does on a GPU.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lib.arrays import Rows
from lib.encoders import Encoder
from lib.feed import Resident
from lib.representations import names
from lib.settings import Settings, Training
from lib.speed import flops_counted
from lib.step import Step
from lib.subsets import ZEROS, StackedHeads, stacked_loss, subsets
from lib.training import loss_by

META = torch.device("meta")
NO_KERNEL = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "_unsafe_view", "lift_fresh"}
WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "is_nonzero", "_unique2", "unique_dim"}
TAKES = {"index_select", "gather", "embedding"}  # of their first input they read as much as they give


@dataclass
class Counted:
    """Kernels (views and allocations are none), operations of products, bytes read and written, copies from or to the host."""

    kernels: int = 0
    flops: int = 0
    bytes: int = 0
    host_copies: int = 0
    by_name: dict[str, int] = field(default_factory=dict)  # kernels


class Watch(TorchDispatchMode):
    """Counts every operation that torch sends to a device."""

    def __init__(self, counted: Counted) -> None:
        super().__init__()
        self.counted = counted

    def __torch_dispatch__(self, operation: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        result = operation(*args, **(kwargs or {}))
        name = operation._schema.name.partition("::")[2]
        given, made = tensors((args, kwargs)), tensors(result)
        if name in WAITS or crosses(name, (*given, *made)):
            self.counted.host_copies += 1
        elif on_meta((*given, *made)) and not (operation.is_view or name in NO_KERNEL):
            self.counted.kernels += 1
            self.counted.by_name[name] = self.counted.by_name.get(name, 0) + 1
            read = made if name in TAKES else given
            self.counted.bytes += sum(map(touched, (*read, *made)))
        return result


def on_meta(values: Sequence[Tensor]) -> bool:
    """Whether any of these lies on the meta device."""
    return any(value.is_meta for value in values)


def crosses(name: str, values: Sequence[Tensor]) -> bool:
    """Whether an operation has one foot on the host: a number of it may go into any kernel, but it is not copied from."""
    host = [value for value in values if not value.is_meta and (value.dim() or "copy" in name)]
    return bool(host) and on_meta(values)


def tensors(values: Any) -> list[Tensor]:
    """All tensors in nested values."""
    return [value for value in tree_leaves(values) if isinstance(value, Tensor)]


def touched(tensor: Tensor) -> int:
    """Bytes of memory behind a tensor: what is expanded or overlaps is there once."""
    return min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())


@contextmanager
def counting() -> Iterator[Counted]:
    """What the block does on the meta device; the operations of its products are there when it is over."""
    counted = Counted()
    with flops_counted() as flops, Watch(counted):
        yield counted
    counted.flops = flops.get_total_flops()


class NoOptimiser:
    """In the place of an optimiser, which torch does not run on the meta device; a GPU takes two kernels for it."""

    def __init__(self) -> None:
        self.param_groups = [{"lr": torch.zeros((), device=META)}]

    def step(self) -> None:
        """Leave everything as it is."""


@dataclass(frozen=True)
class Counting:
    """A step to be counted: its name, the step, inputs [item, ...] of one batch, and how many classes it learns."""

    name: str
    step: Step
    inputs: Tensor
    n_classes: int

    def batches(self, n: int) -> Counted:
        """What n batches in one epoch cost, of data that lie on the device, from the order of the items on."""
        size = len(self.inputs)
        labels = torch.empty(size, self.n_classes, dtype=torch.uint8, device=META)
        order = torch.arange(size).repeat(n)
        with counting() as counted:
            self.step.epoch(Resident(self.inputs, labels), order, [size] * n, [1e-3] * n)
        return counted

    @property
    def one(self) -> Counted:
        """What one batch costs: two without what an epoch costs once."""
        once, twice = self.batches(1), self.batches(2)
        return Counted(*(getattr(twice, f.name) - getattr(once, f.name) for f in fields(Counted)[:4]))


def of_training(name: str, model: nn.Module, inputs: Tensor, n_classes: int, schedule: Training) -> Counting:
    """The step of a model on inputs [item, ...] as they are stored, in batches of the schedule."""
    there = torch.empty((schedule.batch, *inputs.shape[1:]), dtype=inputs.dtype, device=META)
    step = Step(model.to(META).train(), NoOptimiser(), loss_by(schedule), schedule.precision)
    return Counting(name, step, there, n_classes)


def of_encoder(name: str, settings: Settings, n_classes: int) -> Iterator[Counting]:
    """The steps of an encoder, first those of what its representation learns."""
    silence, found = torch.zeros(1, round(settings.chunking.rate_hz * settings.chunking.length_s)), []
    encoder = Encoder(name, n_classes, settings)

    def train(what: str, model: nn.Module, inputs: Rows, targets: np.ndarray) -> None:
        found.append((what, copy.deepcopy(model), torch.from_numpy(inputs[slice(None)])))

    representation = encoder.representation
    representation.fit(Rows(silence.numpy(), np.arange(1)), np.zeros((1, n_classes), np.uint8), train)
    features = representation.compute(silence) if representation.stored else silence
    for what, model, inputs in (*found, (name, encoder, features)):
        yield of_training(what, model, inputs, n_classes, settings.schedule(what))


def of_heads(settings: Settings, n_classes: int) -> Counting:
    """The step of the paper's head on every subset of the representations, all in one."""
    width, players, schedule = settings.body.width, range(len(names())), settings.schedule("head")
    each = [torch.cat([torch.arange(width) + width * player for player in subset]) for subset in subsets(players)]
    columns = nn.utils.rnn.pad_sequence(each, batch_first=True, padding_value=ZEROS)
    model = StackedHeads.fresh("paper", columns, n_classes, settings.heads.hidden, 0).to(META)
    inputs = torch.empty(schedule.batch, width * len(players) + 1, device=META)
    return Counting("heads", Step(model, NoOptimiser(), stacked_loss(model, schedule)), inputs, n_classes)


def all_steps(settings: Settings, n_classes: int) -> Iterator[Counting]:
    """Every step that a study trains by."""
    for name in names():
        yield from of_encoder(name, settings, n_classes)
    yield of_heads(settings, n_classes)
