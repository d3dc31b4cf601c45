"""How much arithmetic a training step takes, and how much this machine could do in the time: for timing.csv and the benchmark."""

import copy
import math
import time
from typing import Any

import torch
from torch import Tensor, nn

from lib.encoders import training
from lib.settings import Training

ATEN = torch.ops.aten
SIDE = 1024  # of the square matrices whose product is timed on a processor; on a GPU they are eight times as wide
TIMED_S = 0.15


def flops_an_item(model: nn.Module, inputs: Tensor, targets: Tensor, schedule: Training) -> float:
    """Multiplications and additions of products and convolutions, forward and backward, of one item; `model` is left alone."""
    model = copy.deepcopy(model).train()
    with flops_counted() as counter:
        training.loss_of(model(inputs), targets.float(), schedule).backward()
    return counter.get_total_flops() / len(inputs)


def flops_counted() -> Any:
    """A context that counts multiplications and additions of products and convolutions: torch's FlopCounterMode."""
    from torch.utils.flop_counter import FlopCounterMode  # here, since it takes a third of a second to load

    return FlopCounterMode(display=False, custom_mapping={ATEN.convolution_backward: of_convolution})


def of_convolution(
    gradient: tuple[int, ...], inputs: tuple[int, ...], weight: tuple[int, ...], *rest: Any, **known: Any
) -> int:
    """Of the backward of a convolution: as much as forward for each of the two gradients that is wanted.

    torch's own count takes a convolution in groups for a full one.
    """
    wanted = rest[-1][:2] if rest and isinstance(rest[-1], (list, tuple)) else (True, True)
    return 2 * math.prod(gradient) * math.prod(weight[1:]) * sum(wanted)


def peak_flops(device: torch.device, kind: torch.dtype = torch.float32) -> float:
    """What the machine does a second in a matrix product of this type, with the threads that torch has now; the best of some."""
    side = SIDE if device.type == "cpu" else 8 * SIDE
    a = torch.randn(side, side, device=device, dtype=kind)
    best, start = 0.0, time.perf_counter()
    while time.perf_counter() - start < TIMED_S:
        before = time.perf_counter()
        a @ a
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = max(best, 2 * side**3 / (time.perf_counter() - before))
    return best
