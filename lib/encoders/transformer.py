"""The body that all encoders share, and the classifiers (paper section 3).

Letters for shapes: c chunk, t token, w width, h attention head, v width of a head, d dimensions of an embedding.
"""

import torch
from torch import Tensor, nn

from lib.representations.base import on_processor
from lib.settings import Body

ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU}


class Dropout(nn.Module):
    """Dropout; on a processor, where masks are half a step, with masks drawn as bytes: eight times as fast as torch's.

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
        kept = drawn.view(torch.uint8)[: x.numel()].view(x.shape) >= self.dropped
        return x * (kept * (256 / (256 - self.dropped)))


class Attention(nn.Module):
    """Self-attention [c, t, w] to [c, t, w]; the heads' width times their number need not be the body's width."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        inside = body.heads * body.head_width
        self.heads, self.dropout = body.heads, Dropout(body.dropout)
        self.query_key_value = nn.Linear(body.width, 3 * inside)
        self.out = nn.Linear(inside, body.width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            self.query_key_value(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        )  # [c, h, t, v]
        if on_processor(query):
            weights = (query * query.shape[-1] ** -0.5 @ key.mT).softmax(-1)  # [c, h, t, t]
            mixed = self.dropout(weights) @ value
        else:
            mixed = fused_attention(query, key, value, self.dropout.rate)
        return self.out(mixed.transpose(1, 2).flatten(2))


def fused_attention(query: Tensor, key: Tensor, value: Tensor, rate: float) -> Tensor:
    """softmax(query key' / sqrt(v)) value, all [c, h, t, v], with dropout at `rate`, as one kernel where there is one.

    The meta device, on which kernels are counted, is given the kernel of a GPU: left to torch it takes it apart.
    """
    if query.device.type == "meta":
        return torch.ops.aten._scaled_dot_product_efficient_attention(query, key, value, None, True, rate)[0]
    return nn.functional.scaled_dot_product_attention(query, key, value, dropout_p=rate)


class Block(nn.Module):
    """Attention and MLP, each with a residual, normalised before it ("pre") or after it ("post")."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        self.pre = body.norm == "pre"
        self.norm1, self.norm2 = nn.LayerNorm(body.width), nn.LayerNorm(body.width)
        self.attention = Attention(body)
        self.mlp = nn.Sequential(
            nn.Linear(body.width, body.mlp), ACTIVATIONS[body.activation](), Dropout(body.dropout),
            nn.Linear(body.mlp, body.width), Dropout(body.dropout),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        if self.pre:
            x = x + self.attention(self.norm1(x))
            return x + self.mlp(self.norm2(x))
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.mlp(x))


class Transformer(nn.Module):
    """Tokens [c, t, w] to embeddings [c, w]: blocks, maxima over pairs of tokens in between, the mean at the end."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        self.pool_after, self.ceil = set(body.pool_after), body.odd == "ceil"
        self.blocks = nn.ModuleList(Block(body) for _ in range(body.layers))
        self.norm = nn.LayerNorm(body.width) if body.norm == "pre" else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        for layer, block in enumerate(self.blocks, start=1):
            x = block(x)
            if layer in self.pool_after and x.shape[1] > 1:
                x = nn.functional.max_pool1d(x.transpose(1, 2), 2, ceil_mode=self.ceil).transpose(1, 2)
        return self.norm(x).mean(1)


def classifier(kind: str, n_dims: int, n_classes: int, hidden: int) -> nn.Module:
    """A head [c, d] to [c, class]: "paper" has a hidden layer with ReLU, "linear" is one strictly linear layer."""
    if kind == "linear":
        return nn.Linear(n_dims, n_classes)
    return nn.Sequential(nn.Linear(n_dims, hidden), nn.ReLU(), nn.Linear(hidden, n_classes))


def n_parameters(module: nn.Module) -> int:
    """Number of trainable numbers."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
