"""What a training step asks of a GPU, counted without one: on torch's meta device, which has shapes and no numbers.

There every branch for devices other than a processor is taken, and autograd runs as it does on a GPU.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lib.encoders.encoder import BLOCK, Encoder
from lib.encoders.feed import Resident
from lib.encoders.heads import ZEROS, StackedHeads, stacked_loss, subsets
from lib.encoders.speed import flops_counted
from lib.encoders.step import Step
from lib.encoders.training import loss_by
from lib.encoders.transformer import n_parameters
from lib.representations import names
from lib.settings import Settings, Training
from lib.sounds.arrays import Rows

META = torch.device("meta")
NO_KERNEL = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "_unsafe_view", "lift_fresh"}
WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "is_nonzero", "_unique2", "unique_dim"}
TAKES = {"index_select", "gather", "embedding"}  # of their first input they read as much as they give


@dataclass
class Counted:
    """Bytes that each kernel reads and writes (views and allocations are none), operations of products, copies from or to the host."""

    moved: list[int] = field(default_factory=list)
    flops: int = 0
    host_copies: int = 0

    @property
    def kernels(self) -> int:
        return len(self.moved)

    @property
    def bytes(self) -> int:
        return sum(self.moved)


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
            read = made if name in TAKES else given
            self.counted.moved.append(sum(map(touched, (*read, *made))))
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
    items_a_chunk: int = 1

    @property
    def optimiser_bytes(self) -> int:
        """What Adam reads and writes beside the step: weight, gradient and two moments, all but the gradient both ways."""
        return 28 * n_parameters(self.step.mixed.model)

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
        """What one batch costs: two without what an epoch costs once, at its start."""
        once, twice = self.batches(1), self.batches(2)
        return Counted(twice.moved[once.kernels :], twice.flops - once.flops, twice.host_copies - once.host_copies)


def of_training(name: str, model: nn.Module, inputs: Tensor, n_classes: int, schedule: Training) -> Counting:
    """The step of a model in batches of the schedule, on items like those of one chunk [item, ...] as they are stored."""
    there = torch.empty((schedule.batch, *inputs.shape[1:]), dtype=inputs.dtype, device=META)
    step = Step(model.to(META).train(), NoOptimiser(), loss_by(schedule), schedule.precision)
    return Counting(name, step, there, n_classes, len(inputs))


def of_encoder(name: str, settings: Settings, n_classes: int) -> Iterator[Counting]:
    """The steps of an encoder, first those of what its representation learns."""
    encoder, found = Encoder(name, n_classes, settings), []
    silence, features = of_silence(encoder)

    def train(what: str, model: nn.Module, inputs: Rows, targets: np.ndarray) -> None:
        found.append((what, copy.deepcopy(model), torch.from_numpy(inputs[slice(None)])))

    encoder.representation.fit(Rows(silence.numpy(), np.arange(1)), np.zeros((1, n_classes), np.uint8), train)
    for what, model, inputs in (*found, (name, encoder, features)):
        yield of_training(what, model, inputs, n_classes, settings.schedule(what))


def of_silence(encoder: Encoder) -> tuple[Tensor, Tensor]:
    """One silent chunk [1, s] and its features as they are stored."""
    representation = encoder.representation
    silence = torch.zeros(1, representation.n_samples)
    return silence, representation.compute(silence) if representation.stored else silence


def of_use(name: str, settings: Settings, n_classes: int) -> dict[str, Counted]:
    """What a block of BLOCK chunks costs an encoder that is trained: its features, where they are stored, and embeddings."""
    encoder, found = Encoder(name, n_classes, settings).eval(), {}
    silence, features = (x.to(META).expand(BLOCK, *x.shape[1:]) for x in of_silence(encoder))
    encoder.to(META)
    with torch.inference_mode():
        if encoder.representation.stored:
            with counting() as found[f"features of {name}"]:
                encoder.representation.compute(silence)
        with counting() as found[f"embeddings of {name}"]:
            encoder.classifier(encoder.embed(features))
    return found


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
