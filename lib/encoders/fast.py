"""What makes a step fast, each part equal by a test to the plain form that it stands for.

Dropout          masks drawn as bytes on a processor, where they are half a step; one kernel elsewhere
fused_attention  attention as one kernel where there is one
Mixed, products  products in bfloat16 or TF32 on a GPU, everything else in float32
Graphs           the kernels of a step captured once as a graph of a GPU, and replayed
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from lib.representations.kernels import on_processor
from lib.settings import Precision

PLAIN_STEPS = 3  # of a size before its graph is captured: libraries choose and set up their kernels in them


class Dropout(nn.Module):
    """Dropout; on a processor with masks drawn as bytes, which is eight times as fast as torch's.

    The rate is the nearest multiple of 1/256 (0.3 becomes 77/256 = 0.3008), and what is kept is scaled by that rate.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.dropped = round(256 * rate)  # of 256

    @property
    def rate(self) -> float:
        """Share that is dropped now: none in evaluation mode."""
        return self.dropped / 256 if self.training else 0.0

    def forward(self, x: Tensor) -> Tensor:
        if not self.rate:
            return x
        if not on_processor(x):
            return torch.native_dropout(x, self.rate, True)[0]  # one kernel, and one backward
        drawn = torch.empty((x.numel() + 7) // 8, dtype=torch.int64, device=x.device).random_(-(2**63), None)
        mask = drawn.view(torch.uint8)[: x.numel()].view(x.shape) >= self.dropped
        return x * (mask * (256 / (256 - self.dropped)))


def fused_attention(query: Tensor, key: Tensor, value: Tensor, rate: float) -> Tensor:
    """softmax(query key' / sqrt(v)) value, all [c, h, t, v], with dropout at `rate`, as one kernel where there is one.

    The meta device, on which kernels are counted, is given the kernel of a GPU: left to torch it takes it apart.
    """
    if query.device.type == "meta":
        return torch.ops.aten._scaled_dot_product_efficient_attention(query, key, value, None, True, rate)[0]
    return nn.functional.scaled_dot_product_attention(query, key, value, dropout_p=rate)


# Products in another type than float32


def product_type(precision: Precision, device: torch.device) -> torch.dtype:
    """The type in which products are taken: with "auto" bfloat16 on a GPU that has it, float32 elsewhere."""
    if precision == "auto":
        return torch.bfloat16 if device.type == "meta" or has_bfloat16(device) else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def has_bfloat16(device: torch.device) -> bool:
    """Whether it is a GPU that takes products in bfloat16 itself: before Ampere it is put on, and slower than float32."""
    if device.type != "cuda":
        return False
    with torch.cuda.device(device):
        return torch.cuda.is_bf16_supported(including_emulation=False)


@contextmanager
def products(precision: Precision) -> Iterator[None]:
    """Products of float32 on a GPU in TF32 inside the block, unless float32 is set; as they were after it."""
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
        plain = [m for m in modules if not is_parametrized(m)]  # the others compute their weights, in float32
        multiplied = {id(p) for m in plain for p in m.parameters(recurse=False) if p.requires_grad}
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
        for p in (*self.weights, *self.others):  # some lie in the memory of a graph, which is not free before
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


# Captured steps

Work = Callable[[Tensor, Tensor], None]  # a step on a batch of inputs and targets
Replay = Callable[[], None]
# Makes a graph of work, in the memory of another graph or (None) in its own; gives what replays it, and its memory.
Capture = Callable[[Callable[[], None], Any], tuple[Replay, Any]]


class Graphs:
    """Steps on batches of one size as one graph of kernels each, captured after some plain ones.

    They share their memory: none of what a step makes there is read by the next one, and no two of them run at a time.
    """

    def __init__(self, capture: Capture | None) -> None:
        self.capture, self.memory = capture, None
        self.seen: dict[int, int] = {}
        self.graphs: dict[int, tuple[Tensor, Tensor, Replay]] = {}

    def replayed(self, work: Work, inputs: Tensor, targets: Tensor) -> bool:
        """Whether there is a graph for a batch of this size, which then has done the work."""
        size = len(inputs)
        if self.capture and size not in self.graphs and self.seen.get(size, 0) == PLAIN_STEPS:
            self._make(work, inputs.clone(), targets.clone())
        if size not in self.graphs:
            self.seen[size] = self.seen.get(size, 0) + 1
            return False
        of_inputs, of_targets, replay = self.graphs[size]
        of_inputs.copy_(inputs), of_targets.copy_(targets)
        replay()
        return True

    def dropped(self) -> bool:
        """Give up all graphs and their memory; whether there were any. They are captured again when their size comes."""
        held, self.memory = bool(self.graphs), None
        self.graphs.clear()
        return held

    def _make(self, work: Work, inputs: Tensor, targets: Tensor) -> None:
        try:
            replay, self.memory = self.capture(lambda: work(inputs, targets), self.memory)
        except RuntimeError as error:
            self.capture = None
            print(
                f"no graph of kernels could be captured ({str(error).splitlines()[0]}): they run one by one", flush=True
            )
            return
        self.graphs[len(inputs)] = (inputs, targets, replay)


def captured(work: Callable[[], None], memory: Any = None) -> tuple[Replay, Any]:
    """Capture `work` (nothing of it is done now) as a graph of a GPU's kernels; what replays it, and its memory.

    In the current stream, which an error then leaves current: in torch's own the steps that follow one by one would not
    be waited for. What other threads do meanwhile, such as bring the next batch, neither disturbs it nor is refused.
    """
    graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
    with torch.cuda.graph(graph, pool=memory, stream=stream, capture_error_mode="thread_local"):
        work()
    return graph.replay, graph.pool()


def new_stream(device: torch.device) -> torch.cuda.Stream | None:
    """A stream of a GPU; None elsewhere.

    For all that follows one another, since torch keeps the memory of each by itself, and after 32 begins again with the first.
    """
    return torch.cuda.Stream(device) if device.type == "cuda" else None


@contextmanager
def in_stream(stream: torch.cuda.Stream | None) -> Iterator[None]:
    """The block in this stream, between what was begun before and what follows: what is captured must not be in the one of all."""
    if stream is None:
        yield
        return
    outside = torch.cuda.current_stream(stream.device)
    stream.wait_stream(outside)
    with torch.cuda.stream(stream):
        yield
    outside.wait_stream(stream)
