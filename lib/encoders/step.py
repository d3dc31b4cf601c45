"""One step of training: forward, loss, backward, optimiser; in what precision, and on a GPU as one graph of kernels.

Nothing here waits for the device but the capture of a graph: losses are added up there and read when an epoch is over.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lib.encoders.feed import Feed
from lib.settings import Precision

Loss = Callable[[Tensor, Tensor], Tensor]  # of outputs and targets
PLAIN_STEPS = 3  # of a size before its graph is captured: libraries choose and set up their kernels in them


def product_type(precision: Precision, device: torch.device) -> torch.dtype:
    """The type in which products are taken: with "auto" bfloat16 on a GPU that has it, float32 elsewhere."""
    if precision == "auto":
        able = device.type == "meta" or (device.type == "cuda" and torch.cuda.is_bf16_supported())
        return torch.bfloat16 if able else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


@contextmanager
def products(precision: Precision) -> Iterator[None]:
    """Products of float32 on a GPU in TF32 inside the block, unless float32 is asked for; as they were after it."""
    switches = (torch.backends.cuda.matmul, torch.backends.cudnn) if torch.cuda.is_available() else ()
    before = [switch.allow_tf32 for switch in switches]
    try:
        for switch in switches:
            switch.allow_tf32 = precision != "float32"
        yield
    finally:
        for switch, value in zip(switches, before, strict=True):
            switch.allow_tf32 = value


class Mixed:
    """A model whose products (linear layers, convolutions) are taken in another type than its weights are kept in.

    Their weights are copied into that type at the start of each step, all at once, and the gradients of the copies
    brought back to the float32 weights that are trained; standardisation, norms, residuals and the loss stay float32.
    """

    def __init__(self, model: nn.Module, kind: torch.dtype) -> None:
        self.model, self.hooks = model, []
        modules = [m for m in model.modules() if isinstance(m, (nn.Linear, nn.modules.conv._ConvNd))]
        multiplied = {id(p) for m in modules for p in m.parameters(recurse=False) if p.requires_grad}
        named = {name: p for name, p in model.named_parameters() if id(p) in multiplied}
        self.weights = list(named.values()) if kind != torch.float32 else []
        self.copies = [p.detach().to(kind).requires_grad_() for p in self.weights]
        self.named = dict(zip(named, self.copies, strict=False))
        self.others = [p for p in model.parameters() if p.requires_grad and not (self.copies and id(p) in multiplied)]
        for p in self.weights:
            p.grad = torch.zeros_like(p)
        for module in modules if self.copies else ():
            self.hooks.append(module.register_forward_pre_hook(as_weights))

    def close(self) -> None:
        """Leave the model as any other."""
        for hook in self.hooks:
            hook.remove()
        for p in self.weights:
            p.grad = None

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs as float32."""
        if not self.copies:
            return self.model(inputs)
        return torch.func.functional_call(self.model, self.named, (inputs,)).float()

    def begin(self) -> None:
        """Forget the gradients, and take the weights as they are now."""
        for p in (*self.others, *self.copies):
            p.grad = None
        if self.copies:
            with torch.no_grad():
                torch._foreach_copy_(self.copies, self.weights)

    def collect(self, first: bool) -> None:
        """Bring the gradients of the copies to the weights: in place of theirs, or added to them."""
        if self.copies:
            new = [copied.grad for copied in self.copies]
            (torch._foreach_copy_ if first else torch._foreach_add_)([p.grad for p in self.weights], new)
            for copied in self.copies:
                copied.grad = None


def as_weights(module: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
    """The input of a linear layer or convolution in the type of its weights."""
    return (inputs[0].to(module.weight.dtype),)


class Step:
    """Steps of one training. On a GPU the batches of one size are one graph of kernels, captured once and replayed.

    A batch that the device has no room for is split in as many parts as it takes, their gradients summed: the same step
    but for the statistics of batch norms. It stays split from then on, and a message says so.
    """

    def __init__(
        self, model: nn.Module, optimiser: torch.optim.Optimizer, loss: Loss, precision: Precision = "float32", *,
        capture: Callable[[Callable[[], None]], Callable[[], None]] | None = None,
    ) -> None:  # fmt: skip
        """capture: what makes a graph of a piece of work and gives what replays it; None: a GPU's own, else none."""
        device = next(model.parameters()).device
        self.mixed = Mixed(model, product_type(precision, device))
        self.optimiser, self.loss, self.parts = optimiser, loss, 1
        self.total = torch.zeros((), device=device)  # of the losses of all items since it was last read
        self.capture = capture or (graph_of if device.type == "cuda" else None)
        self.seen: dict[int, int] = {}
        self.graphs: dict[int, tuple[Tensor, Tensor, Callable[[], None]]] = {}

    def epoch(self, feed: Feed, order: Tensor, sizes: Sequence[int], rates: Sequence[float]) -> None:
        """A step for each batch of items in `order` [item], with its learning rate; nothing in it waits for the device."""
        groups = self.optimiser.param_groups
        on_device = isinstance(groups[0]["lr"], Tensor)
        rates = torch.tensor(rates, device=self.total.device) if on_device else rates
        with own_stream(self.total.device):
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
        """One step on a batch, replayed where there is a graph for its size."""
        size = len(inputs)
        if self.capture and self.parts == 1 and size not in self.graphs and self.seen.get(size, 0) == PLAIN_STEPS:
            self._make_graph(inputs, targets)
        if size in self.graphs:
            of_inputs, of_targets, replay = self.graphs[size]
            of_inputs.copy_(inputs), of_targets.copy_(targets)
            replay()
            return
        self.seen[size] = self.seen.get(size, 0) + 1
        while not self._fits(inputs, targets):
            self._split(size)

    def _fits(self, inputs: Tensor, targets: Tensor) -> bool:
        try:
            self._plain(inputs, targets)
        except torch.OutOfMemoryError:
            return False
        return True

    def _split(self, size: int) -> None:
        if self.parts >= size:
            raise torch.OutOfMemoryError("not even one item fits: take another device, or a smaller network")
        self.parts *= 2
        self.graphs.clear()
        if self.total.device.type == "cuda":
            torch.cuda.empty_cache()
        print(f"no room for a batch of {size}: from now on in {self.parts} parts, with their gradients summed", flush=True)

    def _plain(self, inputs: Tensor, targets: Tensor) -> None:
        """Forward, loss, backward, optimiser, kernel by kernel; the optimiser only when all parts went well."""
        total = self.gradients(inputs, targets)
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

    def _make_graph(self, inputs: Tensor, targets: Tensor) -> None:
        own = inputs.clone(), targets.clone()
        try:
            self.graphs[len(inputs)] = (*own, self.capture(lambda: self._plain(*own)))
        except RuntimeError as error:
            self.capture = None
            print(f"no graph of kernels could be captured ({str(error).splitlines()[0]}): they run one by one", flush=True)


@contextmanager
def own_stream(device: torch.device) -> Iterator[None]:
    """On a GPU, the block in a stream of its own: what is captured later must not have begun in the one of all."""
    if device.type != "cuda":
        yield
        return
    stream, outside = torch.cuda.Stream(device), torch.cuda.current_stream(device)
    stream.wait_stream(outside)
    with torch.cuda.stream(stream):
        yield
    outside.wait_stream(stream)


def graph_of(work: Callable[[], None]) -> Callable[[], None]:
    """Capture `work` (nothing of it is done now) as a graph of a GPU's kernels; what replays it."""
    graph = torch.cuda.CUDAGraph()
    torch.cuda.synchronize()
    with torch.cuda.graph(graph):
        work()
    return graph.replay
