"""The same head on every subset of the encoders' embeddings (paper section 3.5).

Heads train together, as one batched product: h counts such heads, and nothing of one reaches another. All read the
same inputs, each its own columns of them. The order of the batches is drawn from (seed, epoch), so a head trained alone
gets the same weights but for rounding.
"""

import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from lib.arrays import blocks
from lib.settings import Heads, Training
from lib.threads import cores, side_by_side
from lib.training import activate, learning_rate, loss_of

Subset = tuple[str, ...]
Head = Literal["paper", "linear"]
ZEROS = -1  # the last column of the inputs, where nothing is: what a head reads beyond its own width
SCORED = 4096  # chunks scored at a time


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
        yield from zip(group, scores_of(model, inputs[scored], schedule), strict=True)


def train_subsets(
    embeddings: Mapping[str, np.ndarray], targets: np.ndarray, train: np.ndarray, head: Head, heads: Heads,
    schedule: Training, seed: int, device: torch.device, only: Collection[Subset] | None = None,
) -> Iterator[tuple[list[Subset], "StackedHeads", Tensor]]:  # fmt: skip
    """Subsets, their heads trained as one model, and its inputs [chunk, d].

    Hidden layers are much work, so that heads of one width train together, the narrow ones first. Of linear heads a
    step costs more than its arithmetic: all train together, the narrow ones filled up with zeros.
    embeddings: name -> [chunk, width], each of its own width; targets [chunk, class]; train: rows to train on.
    """
    scaled = {name: scale(values, train, heads) for name, values in embeddings.items()}
    inputs = torch.cat([*scaled.values(), torch.zeros(len(targets), 1)], dim=1).to(device)
    learned, labels = inputs[train], torch.from_numpy(targets[train]).float().to(device)
    places = dict(
        zip(scaled, torch.arange(inputs.shape[1] - 1).split([x.shape[1] for x in scaled.values()]), strict=True)
    )

    def width(subset: Subset) -> int:
        return sum(len(places[name]) for name in subset)

    def trained(group: list[Subset]) -> tuple[list[Subset], "StackedHeads", Tensor]:
        each = [torch.cat([places[name] for name in subset]) for subset in group]
        columns = nn.utils.rnn.pad_sequence(each, batch_first=True, padding_value=ZEROS)
        if head == "linear" and heads.linear_fit == "ridge":
            return group, ridge(learned, labels, columns, heads.ridge), inputs
        model = StackedHeads.fresh(head, columns, labels.shape[1], heads.hidden, seed).to(device)
        train_heads(model, learned, labels, schedule, seed)
        return group, model, inputs

    wanted = [subset for subset in subsets(list(embeddings)) if only is None or subset in only]
    by_width = [list(group) for _, group in itertools.groupby(sorted(wanted, key=width), key=width)]
    groups = [wanted] if wanted and head == "linear" else by_width
    workers = cores() if device.type == "cpu" and len(groups) > 1 else 1
    yield from side_by_side(trained, groups, workers)


@torch.inference_mode()
def scores_of(model: nn.Module, inputs: Tensor, schedule: Training) -> np.ndarray:
    """Scores [h, chunk, class] float32 of heads on inputs [chunk, d]."""
    parts = [activate(model(inputs[part]), schedule).cpu() for part in blocks(len(inputs), SCORED)]
    return torch.cat(parts, dim=1).numpy()


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
    """h heads of one shape: inputs [c, d] to outputs [h, c, class]; each is `transformer.classifier`, stacked.

    columns: of the inputs, those that each head reads [h, in]; ZEROS where a head is narrower than others.
    weights: of each layer [h, in, out]; biases: [h, 1, out].
    """

    def __init__(self, columns: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> None:
        super().__init__()
        self.register_buffer("columns", columns)
        self.weights, self.biases = nn.ParameterList(weights), nn.ParameterList(biases)

    @classmethod
    def fresh(cls, head: Head, columns: Tensor, n_classes: int, hidden: int, seed: int) -> "StackedHeads":
        """Heads each drawn by itself from the seed, as if there were no other."""
        hiddens = [] if head == "linear" else [hidden]
        heads = []
        for n_dims in widths(columns):
            generator = torch.Generator().manual_seed(seed)
            sizes = itertools.pairwise([n_dims, *hiddens, n_classes])
            (weight, bias), *more = [linear_start(a, b, generator) for a, b in sizes]
            heads.append([(nn.functional.pad(weight, (0, 0, 0, columns.shape[1] - n_dims)), bias), *more])
        layers = [[torch.stack(parts) for parts in zip(*layer, strict=True)] for layer in zip(*heads, strict=True)]
        return cls(columns, *zip(*layers, strict=True))

    @classmethod
    def of_subset(cls, subset: Subset, kept: Mapping[str, Tensor]) -> "StackedHeads":
        """The trained head of one subset, a stack of one that reads all its inputs, from what `named` gave."""
        n_layers = sum(name.startswith(f"{label(subset)}.weight") for name in kept)
        layers = [[kept[f"{label(subset)}.{kind}{i}"][None] for i in range(n_layers)] for kind in ("weight", "bias")]
        return cls(torch.arange(layers[0][0].shape[1])[None], *layers).requires_grad_(False)

    def named(self, group: Sequence[Subset]) -> dict[str, Tensor]:
        """All weights and biases head by head, by the subset that each head is for."""
        found = {}
        for number, (subset, n_dims) in enumerate(zip(group, widths(self.columns), strict=True)):
            for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
                found[f"{label(subset)}.weight{layer}"] = weight[number] if layer else weight[number, :n_dims]
                found[f"{label(subset)}.bias{layer}"] = bias[number]
        return {name: value.detach().cpu().contiguous() for name, value in found.items()}

    def forward(self, inputs: Tensor) -> Tensor:
        x = nn.functional.embedding(self.columns % inputs.shape[1], inputs.T.contiguous()).mT  # [h, c, in]
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x.relu() if number else x, weight)
        return x


def widths(columns: Tensor) -> list[int]:
    """How many columns each head reads."""
    return (columns != ZEROS).sum(1).tolist()


def linear_start(n_in: int, n_out: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Weight [in, out] and bias [1, out], drawn as torch.nn.Linear draws them."""
    bound = 1 / math.sqrt(n_in)
    weight = torch.empty(n_in, n_out).uniform_(-bound, bound, generator=generator)
    return weight, torch.empty(1, n_out).uniform_(-bound, bound, generator=generator)


def train_heads(model: StackedHeads, inputs: Tensor, labels: Tensor, schedule: Training, seed: int) -> None:
    """Train stacked heads on inputs [c, d] and labels [c, class]; the sum of their losses keeps them apart."""
    optimiser = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[schedule.optimiser]
    optimiser = optimiser(model.parameters(), lr=schedule.lr, fused=True)
    n_heads, n_items = len(model.columns), len(inputs)
    n_batches = math.ceil(n_items / schedule.batch)
    for epoch in range(schedule.epochs):
        order = torch.randperm(n_items, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
        for number, which in enumerate(order.to(inputs.device).tensor_split(n_batches)):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(schedule, epoch * n_batches + number, schedule.epochs * n_batches)
            outputs = model(inputs[which])
            loss = loss_of(outputs, labels[which].expand(n_heads, -1, -1), schedule) * n_heads
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()


def ridge(inputs: Tensor, labels: Tensor, columns: Tensor, penalty: float) -> StackedHeads:
    """Linear heads in closed form on inputs [c, d], labels [c, class]: least squares, `penalty` a chunk, bias free."""
    mean_in, mean_out = inputs.mean(0), labels.mean(0)
    x, y = (inputs - mean_in).double(), (labels - mean_out).double()
    gram, moment = x.mT @ x, x.mT @ y  # once for all heads: each reads its part
    penalties = penalty * len(inputs) * torch.eye(columns.shape[1], dtype=x.dtype, device=x.device)
    weight = torch.linalg.solve(gram[columns[:, :, None], columns[:, None]] + penalties, moment[columns]).float()
    return StackedHeads(columns.to(inputs.device), [weight], [mean_out - mean_in[columns][:, None] @ weight])
