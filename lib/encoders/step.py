"""One step of training: forward, loss, backward, optimiser. What makes it fast on a GPU is in `fast`.

Nothing here waits for the device but the capture of a graph: losses are added up there and read when an epoch is over.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lib.encoders.fast import Capture, Graphs, Mixed, captured, in_stream, new_stream, product_type
from lib.encoders.feed import Feed
from lib.settings import Precision

Loss = Callable[[Tensor, Tensor], Tensor]  # of outputs and targets
# Of what does not ask torch's allocator: a stream, a graph, cuBLAS, cuFFT.
NO_ROOM = re.compile("out of memory|ALLOC_FAILED")


class Step:
    """Steps of one training. On a GPU the batches of one size are one graph of kernels, captured once and replayed.

    A batch that the device has no room for is done without the graphs of other sizes; if that is not enough it is split in
    as many parts as it takes, their gradients summed: the same step but for the statistics of batch norms. It stays split
    from then on, and a message says so.
    """

    def __init__(
        self, model: nn.Module, optimiser: torch.optim.Optimizer, loss: Loss, precision: Precision = "float32", *,
        capture: Capture | None = None,
    ) -> None:  # fmt: skip
        """capture: what makes a graph of a piece of work and gives what replays it; None: a GPU's own, else none."""
        device = next(model.parameters()).device
        self.mixed = Mixed(model, product_type(precision, device))
        self.optimiser, self.loss, self.parts = optimiser, loss, 1
        self.total = torch.zeros((), device=device)  # of the losses of all items since it was last read
        # a graph would repeat for ever what was drawn when it was made
        able = not getattr(model, "draws_on_host", False)
        self.graphs = Graphs((capture or (captured if device.type == "cuda" else None)) if able else None)
        self.stream = new_stream(device)

    def epoch(self, feed: Feed, order: Tensor, sizes: Sequence[int], rates: Sequence[float]) -> None:
        """A step for each batch of items in `order` [item], with its learning rate; nothing in it waits for the device."""
        groups = self.optimiser.param_groups
        on_device = isinstance(groups[0]["lr"], Tensor)
        rates = torch.tensor(rates, device=self.total.device) if on_device else rates
        with in_stream(self.stream):
            for rate, (inputs, targets) in zip(rates, feed.batches(order, sizes), strict=True):
                for group in groups:
                    group["lr"] = group["lr"].copy_(rate) if on_device else rate
                self.step(inputs, targets)

    def read_total(self) -> float:
        """The losses of all items since the last time: here the host waits."""
        total = float(self.total)
        self.total.zero_()
        return total

    def step(self, inputs: Tensor, targets: Tensor) -> None:
        """One step on a batch, inputs [item, ...] and targets [item, class].

        It is replayed where there is a graph for its size, and split where there is no room for it.
        """
        if self.parts == 1 and self.graphs.replayed(self._plain, inputs, targets):
            return
        while not self._fits(inputs, targets):
            if not self.graphs.dropped():
                self._split(len(inputs))
            if self.total.device.type == "cuda":
                torch.cuda.empty_cache()

    def _fits(self, inputs: Tensor, targets: Tensor) -> bool:
        """Do the step; False where there was no room for the gradients. What they held is free once this has returned."""
        try:
            total = self.gradients(inputs, targets)
        except RuntimeError as error:
            if not is_lack_of_room(error):
                raise
            return False
        self._update(total)  # once begun it is not done again: some weights would go two steps
        return True

    def _plain(self, inputs: Tensor, targets: Tensor) -> None:
        """Forward, loss, backward, optimiser, kernel by kernel."""
        self._update(self.gradients(inputs, targets))

    def _update(self, total: Tensor) -> None:
        """Let the optimiser take the gradients that all parts gave; total: of the losses of the items."""
        self.optimiser.step()
        self.total += total

    def gradients(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Put the gradients of a batch where the optimiser looks for them; the sum of the losses of its items."""
        self.mixed.begin()
        losses = []
        for number, (x, y) in enumerate(zip(inputs.chunk(self.parts), targets.chunk(self.parts), strict=True)):
            loss = self.loss(self.mixed.forward(x), y)
            (loss if self.parts == 1 else loss * (len(x) / len(inputs))).backward()
            self.mixed.collect(first=number == 0)
            losses.append(loss.detach() * len(x))
        return losses[0] if self.parts == 1 else torch.stack(losses).sum()

    def _split(self, size: int) -> None:
        if self.parts >= size:
            raise torch.OutOfMemoryError("not even one item fits: take another device, or a smaller network")
        self.parts *= 2
        print(
            f"no room for a batch of {size}: from now on in {self.parts} parts, with their gradients summed", flush=True
        )


def is_lack_of_room(error: RuntimeError) -> bool:
    """Whether a device had no room for something: torch's own error, or that of a library beneath."""
    return isinstance(error, torch.OutOfMemoryError) or bool(NO_ROOM.search(str(error)))


def in_halves(function: Callable[[Tensor], Any], x: Tensor) -> Any:
    """function(x) of items [item, ...], a tensor or several [item, ...]: in halves where a device has no room for all at once."""
    try:
        return function(x)
    except RuntimeError as error:
        if len(x) == 1 or not is_lack_of_room(error):
            raise
    halves = [in_halves(function, half) for half in x.chunk(2)]  # here what the error held is free
    several = isinstance(halves[0], tuple)
    return tuple(torch.cat(both) for both in zip(*halves, strict=True)) if several else torch.cat(halves)
