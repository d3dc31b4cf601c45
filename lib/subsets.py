"""The same head on every subset of the encoders' embeddings (paper section 3.5).

Heads with inputs of one total width train together, as one batched product: h counts such heads, and nothing of one
reaches another. The order of the batches is drawn from (seed, epoch), so a head trained alone gets the same weights
but for rounding.
"""

import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from lib.settings import Heads, Training
from lib.threads import cores, side_by_side
from lib.training import activate, learning_rate, loss_of

Subset = tuple[str, ...]
Head = Literal["paper", "linear"]


def subsets(names: Sequence[str]) -> list[Subset]:
    """All 2^n - 1 subsets, the small ones first, each in registry order."""
    return [subset for size in range(1, len(names) + 1) for subset in itertools.combinations(names, size)]


def label(subset: Subset) -> str:
    """The name of a subset in files and tables: its encoders joined by "+"."""
    return "+".join(subset)


def score_subsets(
    embeddings: Mapping[str, np.ndarray], targets: np.ndarray, train: np.ndarray, scored: np.ndarray, head: Head,
    heads: Heads, schedule: Training, seed: int, device: torch.device, only: Collection[Subset] | None = None,
) -> Iterator[tuple[Subset, np.ndarray]]:  # fmt: skip
    """Subset and its scores [scored, class] float32 of a fresh head, for every subset of `embeddings`, or `only` some.

    embeddings, targets, train and the rest as in `train_subsets`; scored: rows to score. Only training rows are read
    before the scores are made.
    """
    for group, model, inputs in train_subsets(embeddings, targets, train, head, heads, schedule, seed, device, only):
        yield from zip(group, scores_of(model, inputs[:, scored], schedule), strict=True)


def train_subsets(
    embeddings: Mapping[str, np.ndarray], targets: np.ndarray, train: np.ndarray, head: Head, heads: Heads,
    schedule: Training, seed: int, device: torch.device, only: Collection[Subset] | None = None,
) -> Iterator[tuple[list[Subset], "StackedHeads", Tensor]]:  # fmt: skip
    """Subsets of one width, their heads trained as one model, and its inputs [h, chunk, d]; the narrow ones first.

    embeddings: name -> [chunk, width], each of its own width; targets [chunk, class]; train: rows to train on.
    """
    scaled = {name: scale(values, train, heads) for name, values in embeddings.items()}
    labels = torch.from_numpy(targets[train]).float().to(device)
    wanted = [subset for subset in subsets(list(embeddings)) if only is None or subset in only]

    def width(subset: Subset) -> int:
        return sum(scaled[name].shape[1] for name in subset)

    def trained(group: list[Subset]) -> tuple[list[Subset], "StackedHeads", Tensor]:
        parts = [torch.cat([scaled[name] for name in subset], dim=1) for subset in group]
        inputs = torch.stack(parts).to(device)  # [h, c, d]
        if head == "linear" and heads.linear_fit == "ridge":
            return group, ridge(inputs[:, train], labels, heads.ridge), inputs
        generators = [torch.Generator().manual_seed(seed) for _ in group]
        model = StackedHeads.fresh(head, inputs.shape[2], labels.shape[1], heads.hidden, generators).to(device)
        train_heads(model, inputs[:, train], labels, schedule, seed)
        return group, model, inputs

    groups = [list(group) for _, group in itertools.groupby(sorted(wanted, key=width), key=width)]
    yield from side_by_side(trained, groups, cores() if device.type == "cpu" else 1)


@torch.inference_mode()
def scores_of(model: nn.Module, inputs: Tensor, schedule: Training) -> np.ndarray:
    """Scores [h, chunk, class] float32 of heads on inputs [h, chunk, d]."""
    return activate(model(inputs), schedule).cpu().numpy()


def scale(embedding: np.ndarray, train: np.ndarray, heads: Heads) -> Tensor:
    """Embeddings [chunk, width] standardised on the training rows, or as they are."""
    values = torch.from_numpy(np.ascontiguousarray(embedding, dtype=np.float32))
    mean, spread = scale_of(values[train], heads)
    return (values - mean) / spread


def scale_of(values: Tensor, heads: Heads) -> tuple[Tensor, Tensor]:
    """What the heads take from embeddings [chunk, width] and divide them by, each [width]."""
    if heads.scaling == "none":
        return torch.zeros(values.shape[1]), torch.ones(values.shape[1])
    spread, mean = torch.std_mean(values, dim=0, correction=0)
    return mean, torch.where(spread > 1e-6, spread, 1.0)


class StackedHeads(nn.Module):
    """h heads of one shape: inputs [h, c, d] to outputs [h, c, class]; each is `transformer.classifier`, stacked.

    weights: of each layer [h, in, out]; biases: [h, 1, out].
    """

    def __init__(self, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> None:
        super().__init__()
        self.weights, self.biases = nn.ParameterList(weights), nn.ParameterList(biases)

    @classmethod
    def fresh(
        cls, head: Head, n_dims: int, n_classes: int, hidden: int, generators: Sequence[torch.Generator]
    ) -> "StackedHeads":
        """As many as there are generators, each drawn by its own."""
        sizes = [n_dims, n_classes] if head == "linear" else [n_dims, hidden, n_classes]
        heads = [[linear_start(a, b, generator) for a, b in itertools.pairwise(sizes)] for generator in generators]
        layers = [[torch.stack(parts) for parts in zip(*layer, strict=True)] for layer in zip(*heads, strict=True)]
        return cls(*zip(*layers, strict=True))

    @classmethod
    def of_subset(cls, subset: Subset, kept: Mapping[str, Tensor]) -> "StackedHeads":
        """The trained head of one subset, a stack of one, from what `named` gave."""
        n_layers = sum(name.startswith(f"{label(subset)}.weight") for name in kept)
        layers = [[kept[f"{label(subset)}.{kind}{i}"][None] for i in range(n_layers)] for kind in ("weight", "bias")]
        return cls(*layers).requires_grad_(False)

    def named(self, group: Sequence[Subset]) -> dict[str, Tensor]:
        """All weights and biases head by head, by the subset that each head is for."""
        kinds = {"weight": self.weights, "bias": self.biases}
        return {
            f"{label(subset)}.{kind}{layer}": value[number].detach().cpu().contiguous()
            for number, subset in enumerate(group)
            for kind, layers in kinds.items()
            for layer, value in enumerate(layers)
        }

    def forward(self, x: Tensor) -> Tensor:
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x.relu() if number else x, weight)
        return x


def linear_start(n_in: int, n_out: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Weight [in, out] and bias [1, out], drawn as torch.nn.Linear draws them."""
    bound = 1 / math.sqrt(n_in)
    weight = torch.empty(n_in, n_out).uniform_(-bound, bound, generator=generator)
    return weight, torch.empty(1, n_out).uniform_(-bound, bound, generator=generator)


def train_heads(model: StackedHeads, inputs: Tensor, labels: Tensor, schedule: Training, seed: int) -> None:
    """Train stacked heads on inputs [h, c, d] and labels [c, class]; the sum of their losses keeps them apart."""
    optimiser = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[schedule.optimiser]
    optimiser = optimiser(model.parameters(), lr=schedule.lr, fused=True)
    n_heads, n_items = inputs.shape[:2]
    n_batches = math.ceil(n_items / schedule.batch)
    for epoch in range(schedule.epochs):
        order = torch.randperm(n_items, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
        for number, which in enumerate(order.to(inputs.device).tensor_split(n_batches)):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(schedule, epoch * n_batches + number, schedule.epochs * n_batches)
            outputs = model(inputs[:, which])
            loss = loss_of(outputs, labels[which].expand(n_heads, -1, -1), schedule) * n_heads
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()


def ridge(inputs: Tensor, labels: Tensor, penalty: float) -> StackedHeads:
    """Linear heads in closed form on inputs [h, c, d], labels [c, class]: least squares, `penalty` a chunk, bias free."""
    n_items, n_dims = inputs.shape[1:]
    mean_in, mean_out = inputs.mean(1, keepdim=True), labels.mean(0, keepdim=True)
    x, y = (inputs - mean_in).double(), (labels - mean_out).double()
    gram = x.mT @ x + penalty * n_items * torch.eye(n_dims, dtype=x.dtype, device=x.device)
    weight = torch.linalg.solve(gram, x.mT @ y).float()
    return StackedHeads([weight], [mean_out - mean_in @ weight])
