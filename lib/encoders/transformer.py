"""The body that all encoders share, and the classifiers (paper section 3).

Letters for shapes: c chunk, t token, w width, h attention head, v width of a head, d dimensions of an embedding.
Dropout, and attention as one kernel of a GPU, are in `fast`.
"""

from torch import Tensor, nn

from lib.encoders.fast import Dropout, fused_attention
from lib.representations.kernels import on_processor
from lib.settings import Body

ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU}


def attention_weights(query: Tensor, key: Tensor) -> Tensor:
    """softmax(query key' / sqrt(v)) [c, h, t, t]."""
    return (query * query.shape[-1] ** -0.5 @ key.mT).softmax(-1)


class Attention(nn.Module):
    """Self-attention [c, t, w] to [c, t, w]; the heads' width times their number need not be the body's width."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        inside = body.heads * body.head_width
        self.heads, self.dropout = body.heads, Dropout(body.dropout)
        self.query_key_value = nn.Linear(body.width, 3 * inside)
        self.out = nn.Linear(inside, body.width)

    def split(self, x: Tensor) -> Tensor:
        """Queries, keys and values [3, c, h, t, v]."""
        return self.query_key_value(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)

    def weights(self, x: Tensor) -> Tensor:
        """How much each token looks at each other [c, h, t, t]; rows sum to 1."""
        query, key, _ = self.split(x)
        return attention_weights(query, key)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.split(x)
        if on_processor(query):
            mixed = self.dropout(attention_weights(query, key)) @ value
        else:
            mixed = fused_attention(query, key, value, self.dropout.rate)  # the same
        return self.out(mixed.transpose(1, 2).flatten(2))


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
