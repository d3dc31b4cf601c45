"""The fast forms of the representations' rules, one file each; tests hold each equal to the plain rule beside its class.

`portable` has the pieces of their other form, for export.

On a processor they work on as many chunks at a time as its cache takes, elsewhere on all at once, in few kernels.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


def on_processor(x: Tensor) -> bool:
    """Whether a processor works on single floats: its cache is what counts then, elsewhere the number of kernels."""
    return x.device.type == "cpu" and x.dtype == torch.float32


def parts_of(chunks: Tensor, size: int) -> tuple[Tensor, ...]:
    """Chunks [c, ...], on a processor `size` at a time: what lies in its cache is done in half the time."""
    return chunks.split(size) if chunks.device.type == "cpu" else (chunks,)


def in_parts(function: Callable[[Tensor], Tensor], chunks: Tensor, size: int) -> Tensor:
    """`function` of chunks [c, ...], part by part."""
    return torch.cat([function(part) for part in parts_of(chunks, size)])


def reflection(n_samples: int, edge: int) -> Tensor:
    """Places [s + 2 edge] in a chunk of n samples that continue it at both ends by reflection, as numpy.pad has it."""
    return torch.from_numpy(np.pad(np.arange(n_samples), edge, mode="reflect"))
