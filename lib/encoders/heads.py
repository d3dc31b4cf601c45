"""The same head on every subset of the encoders' embeddings (paper section 3.5).

Heads train together, as one batched product: h counts such heads, and nothing of one reaches another. All read the
same inputs, each its own columns of them. The order of the batches is drawn from (seed, epoch), so a head trained alone
gets the same weights but for rounding.

A linear head is least squares in closed form (ridge), its penalty chosen by groups of the training chunks alone; or it is
trained by descent as the others are, and `evaluation.convergence` says how far from its optimum that has stopped.
"""

import itertools
import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from lib.encoders.fast import products
from lib.encoders.feed import Resident
from lib.encoders.ridge import Folds, group_folds, solve
from lib.encoders.step import Loss, Step
from lib.encoders.threads import cores, side_by_side
from lib.encoders.training import History, activate, load_state, loss_of, optimiser_of, rates_of, save_state
from lib.files import key
from lib.representations import PAPER
from lib.settings import Heads, Settings, Training
from lib.sounds.arrays import batched_slices

Subset = tuple[str, ...]
Head = Literal["paper", "linear"]
ZEROS = -1  # the last column of the inputs, where nothing is: what a head reads beyond its own width
SCORED = 4096  # chunks scored at a time
SAVED_S = 60  # seconds between two states of heads that are being trained
VERSION = 2  # of the rules below: raised when the same inputs would give other heads
PENALTIES = np.logspace(1, -6, 15)  # a chunk; the largest first, so that of equal ones it is taken
FALLBACK = 1e-2  # the penalty where fewer than two groups leave nothing to choose by


@dataclass(frozen=True, eq=False)
class HeadData:
    """What heads read: embeddings name -> [chunk, width], each of its own width; targets [chunk, class]; groups [chunk]."""

    embeddings: Mapping[str, np.ndarray]
    targets: np.ndarray
    groups: np.ndarray


@dataclass(frozen=True)
class HeadPlan:
    """How one kind of head is fitted."""

    head: Head
    heads: Heads
    schedule: Training

    @classmethod
    def of(cls, settings: Settings, head: Head) -> "HeadPlan":
        """As the settings of a run say."""
        return cls(head, settings.heads, settings.schedule("head"))

    @property
    def closed_form(self) -> bool:
        """Whether nothing is trained step by step."""
        return self.head == "linear" and self.heads.linear_fit == "ridge"

    def activate(self, outputs: Tensor) -> Tensor:
        """Scores from outputs [..., class]: least squares are scores as they are, whatever output the schedule of descent has."""
        return outputs if self.closed_form else activate(outputs, self.schedule)


@dataclass(frozen=True)
class Penalty:
    """A ridge penalty a chunk, of how many training groups it was chosen by, and its held-out squared error.

    The error is the mean over chunks and classes; NaN where nothing was chosen.
    """

    penalty: float
    groups: int
    error: float = math.nan


@dataclass(frozen=True, eq=False)
class TrainedHeads:
    """Heads of some subsets as one model, its inputs [chunk, d], and the penalty of each where it is ridge."""

    subsets: list[Subset]
    model: "StackedHeads"
    inputs: Tensor
    penalties: list[Penalty]


@dataclass(frozen=True)
class Resume:
    """Where heads that are being trained keep their state, and the key of what they are trained on."""

    folder: Path
    key: str

    def state(self, head: Head, group: list[Subset]) -> tuple[Path, str]:
        """File and key of heads that train together."""
        return self.folder / f"{head}-{label(group[0])}.state.safetensors", key(self.key, group)


def subsets(names: Sequence[str]) -> list[Subset]:
    """All 2^n - 1 subsets, the small ones first, each in registry order."""
    return [subset for size in range(1, len(names) + 1) for subset in itertools.combinations(names, size)]


def label(subset: Subset) -> str:
    """The name of a subset in files and tables: its encoders joined by "+"."""
    return "+".join(subset)


def members(subset: str) -> Subset:
    """The encoders of a subset by its name."""
    return tuple(subset.split("+"))


ALL_FOUR = label(PAPER)


def score_subsets(
    data: HeadData, train: np.ndarray, scored: np.ndarray, plan: HeadPlan, seed: int, device: torch.device, *,
    only: Collection[Subset] | None = None,
) -> Iterator[tuple[Subset, np.ndarray]]:  # fmt: skip
    """Subset and its scores [scored, class] float32 of a fresh head, for every subset of the embeddings, or `only` some.

    train, scored: rows [row] of the chunks to train on and to score. Scaling and weights follow from the
    training rows alone.
    """
    for heads in train_subsets(data, train, plan, seed, device, only=only):
        yield from zip(heads.subsets, scores_of(heads.model, heads.inputs[scored], plan), strict=True)


def train_subsets(
    data: HeadData, train: np.ndarray, plan: HeadPlan, seed: int, device: torch.device, *,
    only: Collection[Subset] | None = None, resume: Resume | None = None,
) -> Iterator[TrainedHeads]:  # fmt: skip
    """The heads of every subset of the embeddings, or of `only` some, trained on the rows `train` [row].

    With `resume` a call that was stopped goes on: heads that were finished are read back.

    On a processor hidden layers are much work, so that heads of one width train together, the narrow ones first. Of
    linear heads, and on other devices, a step costs more than its arithmetic: all train together, the narrow ones filled
    up with zeros.
    """
    scaled = (scale(values, train, plan.heads) for values in data.embeddings.values())
    inputs = torch.cat([*scaled, torch.zeros(len(data.targets), 1)], dim=1).to(device)
    learned, labels = inputs[train], torch.from_numpy(data.targets[train]).float().to(device)
    parts = torch.arange(inputs.shape[1] - 1).split([x.shape[1] for x in data.embeddings.values()])
    places = dict(zip(data.embeddings, parts, strict=True))

    def width(subset: Subset) -> int:
        return sum(len(places[name]) for name in subset)

    def trained(group: list[Subset]) -> TrainedHeads:
        each = [torch.cat([places[name] for name in subset]) for subset in group]
        columns = nn.utils.rnn.pad_sequence(each, batch_first=True, padding_value=ZEROS)
        if plan.closed_form:
            model, penalties = fit_ridge(learned.cpu(), labels.cpu(), columns, data.groups[train], plan.heads)
            return TrainedHeads(group, model.to(device), inputs, penalties)
        model = StackedHeads.fresh(plan.head, columns, labels.shape[1], plan.heads.hidden, seed).to(device)
        train_heads(model, learned, labels, plan.schedule, seed, resume and resume.state(plan.head, group))
        return TrainedHeads(group, model, inputs, [])

    wanted = [subset for subset in subsets(list(data.embeddings)) if only is None or subset in only]
    by_width = [list(group) for _, group in itertools.groupby(sorted(wanted, key=width), key=width)]
    at_once = plan.head == "linear" or device.type != "cpu"
    groups = [wanted] if wanted and at_once else by_width
    workers = cores() if device.type == "cpu" and len(groups) > 1 else 1
    yield from side_by_side(trained, groups, workers)


@torch.inference_mode()
def scores_of(model: "StackedHeads", inputs: Tensor, plan: HeadPlan) -> Iterator[np.ndarray]:
    """Scores [chunk, class] float32 of each head on inputs [chunk, d], one head after another: all at once may not fit."""
    for head in model.one_by_one():
        parts = [plan.activate(head(inputs[part])[0]).cpu() for part in batched_slices(len(inputs), SCORED)]
        yield torch.cat(parts).numpy()


def scale(embedding: np.ndarray, train: np.ndarray, heads: Heads) -> Tensor:
    """Embeddings [chunk, width] standardised on the training rows, or as they are."""
    values = torch.from_numpy(np.ascontiguousarray(embedding, dtype=np.float32))
    mean, spread = scale_of(values[train], heads)
    return (values - mean) / spread


def scale_of(values: Tensor, heads: Heads) -> tuple[Tensor, Tensor]:
    """Mean and spread [width] by which embeddings [chunk, width] are standardised; 0 and 1 where `scaling` is none."""
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
        """Heads that read these columns [h, in], each drawn by itself from the seed, as if there were no other."""
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
        """Weights [in, out] and biases [1, out] of each layer, head by head, by the subset that each head is for."""
        tensors = {}
        for number, (subset, n_dims) in enumerate(zip(group, widths(self.columns), strict=True)):
            for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
                tensors[f"{label(subset)}.weight{layer}"] = weight[number] if layer else weight[number, :n_dims]
                tensors[f"{label(subset)}.bias{layer}"] = bias[number]
        return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}

    def one_by_one(self) -> Iterator["StackedHeads"]:
        """Each head as a stack of one."""
        for number in range(len(self.columns)):
            only = slice(number, number + 1)
            yield StackedHeads(self.columns[only], *([x[only] for x in each] for each in (self.weights, self.biases)))

    def forward(self, inputs: Tensor) -> Tensor:
        x = nn.functional.embedding(self.columns % inputs.shape[1], inputs.T.contiguous()).mT  # [h, c, in]
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x.relu() if number else x, weight)
        return x


def widths(columns: Tensor) -> list[int]:
    """How many of its columns [h, in] each head reads."""
    return (columns != ZEROS).sum(1).tolist()


def linear_start(n_in: int, n_out: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Weight [in, out] and bias [1, out], drawn as torch.nn.Linear draws them."""
    bound = 1 / math.sqrt(n_in)
    weight = torch.empty(n_in, n_out).uniform_(-bound, bound, generator=generator)
    return weight, torch.empty(1, n_out).uniform_(-bound, bound, generator=generator)


def train_heads(
    model: StackedHeads,
    inputs: Tensor,
    labels: Tensor,
    schedule: Training,
    seed: int,
    state: tuple[Path, str] | None = None,
) -> None:
    """Train stacked heads on inputs [c, d] and labels [c, class]; the sum of their losses keeps them apart.

    state: a file and a key, from which a call that was stopped goes on; written each minute and at the end.
    """
    n_items, feed = len(inputs), Resident(inputs, labels)
    optimiser = optimiser_of(model.weights, model.biases, schedule)
    history, saved = load_state(*state, model, optimiser)[0] if state else History(), time.monotonic()
    step = Step(model, optimiser, stacked_loss(model, schedule))
    with products(schedule.precision):
        for epoch in range(len(history.rows), schedule.epochs):
            order = torch.randperm(n_items, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
            sizes = [len(part) for part in order.tensor_split(math.ceil(n_items / schedule.batch))]
            step.epoch(feed, order, sizes, rates_of(schedule, epoch, len(sizes)))
            history.rows.append({"epoch": epoch + 1})
            last = epoch + 1 == schedule.epochs
            if state and (last or time.monotonic() - saved > SAVED_S):
                save_state(*state, model, None if last else optimiser, history, None)
                saved = time.monotonic()


def stacked_loss(model: StackedHeads, schedule: Training) -> Loss:
    """The sum of the heads' losses, of outputs [h, c, class] and labels [c, class]."""
    n_heads = len(model.columns)
    return lambda outputs, targets: loss_of(outputs, targets.expand(n_heads, -1, -1), schedule) * n_heads


def fit_ridge(
    inputs: Tensor, labels: Tensor, columns: Tensor, groups: np.ndarray, heads: Heads
) -> tuple[StackedHeads, list[Penalty]]:
    """Linear heads by least squares on inputs [c, d], labels [c, class], groups [c], and the penalty of each."""
    if heads.ridge == "groups":
        penalties = choose_penalties(inputs, labels, columns, groups)
    else:
        penalties = [Penalty(heads.ridge, len(np.unique(groups)))] * len(columns)
    return ridge(inputs, labels, columns, [each.penalty for each in penalties]), penalties


def ridge(inputs: Tensor, labels: Tensor, columns: Tensor, penalties: Sequence[float]) -> StackedHeads:
    """Linear heads in closed form on inputs [c, d], labels [c, class], each with its penalty a chunk; the bias is free."""
    mean_in, mean_out = inputs.mean(0), labels.mean(0)
    weight = solve(inputs - mean_in, labels - mean_out, columns, penalties).float()
    return StackedHeads(columns, [weight], [mean_out - mean_in[columns][:, None] @ weight]).requires_grad_(False)


def choose_penalties(inputs: Tensor, labels: Tensor, columns: Tensor, groups: np.ndarray) -> list[Penalty]:
    """Of each head the penalty of PENALTIES with the lowest squared error on held-out groups; FALLBACK of one group.

    Inputs [c, d], labels [c, class], columns [h, in], groups [c].
    """
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        return [Penalty(FALLBACK, n_groups)] * len(columns)
    folds, penalties = Folds.of(inputs, labels, group_folds(groups)), []
    for each in columns:
        errors = folds.errors(each[each != ZEROS], PENALTIES).sum(1) / labels.numel()
        best = int(errors.argmin())
        penalties.append(Penalty(float(PENALTIES[best]), n_groups, float(errors[best])))
    return penalties
