"""One loop for everything that is trained, on whatever device there is.

A run killed at any moment goes on from its last whole epoch and ends with the weights of one that was not: batches and
dropout are drawn from (seed, epoch) alone, and the state is one file, replaced whole after each epoch.
"""

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from lib.display.screen import watched
from lib.encoders.fast import products
from lib.encoders.feed import Feed, feed_of
from lib.encoders.step import Loss, Step, in_halves
from lib.files import PlainError, digests
from lib.settings import Training
from lib.sounds.arrays import Rows, batched_slices

Report = Callable[[dict], None]


class SelectionError(PlainError, ValueError):
    """Something was to be chosen on the test set."""


@dataclass(frozen=True)
class Examples:
    """Inputs [item, ...] with targets [item, class], and the role of the clips that they come from."""

    inputs: Rows
    targets: np.ndarray
    role: str

    def on(self, device: torch.device) -> Feed:
        """Their batches on a device."""
        return feed_of(self.inputs, self.targets, device)

    def for_selection(self) -> "Examples":
        """Itself, unless it is of the test set, which nothing may be selected on."""
        if "test" in self.role:
            raise SelectionError(
                "selecting on the test set is refused: take checkpoint=last, or a corpus with validation clips"
            )
        return self


@dataclass
class History:
    """What happened, epoch by epoch: rows of {epoch, loss, seconds} and, where it is wanted, validation loss."""

    rows: list[dict] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """What all epochs took."""
        return sum(row["seconds"] for row in self.rows)


class DeviceError(PlainError, ValueError):
    """A device that is not there, or that nobody knows."""


def device_of(name: str) -> torch.device:
    """The device called "auto", "cpu", "cuda", "cuda:1" or "mps"; DeviceError in one line if it is not there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise DeviceError(f"DEVICE={name}: choose auto, cpu, cuda, cuda:<number> or mps") from None
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(device.type, False):
        raise DeviceError(f"DEVICE={name}: this machine has none that torch can use; take auto or cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        last = torch.cuda.device_count() - 1
        raise DeviceError(f"DEVICE={name}: the GPUs of this machine are cuda:0{f' to cuda:{last}' if last else ''}")
    return device


def fit(
    model: nn.Module, examples: Examples, schedule: Training, seed: int, *, state: Path, key: str, device: torch.device,
    validation: Examples | None = None, report: Report | None = None, keep: Mapping[int, Path] | None = None,
    loss: Loss | None = None,
) -> History:  # fmt: skip
    """Train `model` in place and leave it on `device`, in evaluation mode.

    `state` is the file that an interrupted call goes on from; `key` names what is trained on what, and a state of
    another key is not used. With `validation`, the weights of the epoch with the lowest loss on it are kept.
    keep: epoch (from 1) -> file of the weights as they were after it, written with the key; they change nothing else.
    loss: of outputs and targets in training; None: the schedule's, by which validation always goes.
    """
    validation = validation and validation.for_selection()
    model.to(device)
    optimiser = make_optimiser(model, schedule)
    history, best = load_state(state, key, model, optimiser)
    feed, selection = examples.on(device), validation and validation.on(device)
    if feed.note and len(history.rows) < schedule.epochs:
        print(feed.note, flush=True)
    with training_steps(model, optimiser, schedule, loss) as step:
        for epoch in range(len(history.rows), schedule.epochs):
            start = time.perf_counter()
            torch.manual_seed(seed * 1_000_003 + epoch)
            row = {"epoch": epoch + 1, "loss": one_epoch(step, feed, schedule, epoch)}
            if selection:
                row["validation_loss"] = evaluate(model, selection, schedule)
                if row["validation_loss"] <= min(r["validation_loss"] for r in [*history.rows, row]):
                    best = {name: value.clone() for name, value in model.state_dict().items()}
            history.rows.append({**row, "seconds": time.perf_counter() - start})
            if keep and epoch + 1 in keep:  # before the state: stopped in between, this epoch is done again
                save_weights(model, keep[epoch + 1], key)
            save_state(state, key, model, optimiser, history, best)
            if report:
                report({**history.rows[-1], "epochs": schedule.epochs})
    if best:
        model.load_state_dict(best)
    model.eval()
    return history


@contextmanager
def training_steps(
    model: nn.Module, optimiser: torch.optim.Optimizer, schedule: Training, loss: Loss | None = None
) -> Iterator[Step]:
    """The steps of one training by its schedule; after the block the model is as any other."""
    step = Step(model, optimiser, loss or loss_by(schedule), schedule.precision)
    try:
        with products(schedule.precision):
            yield step
    finally:
        step.mixed.close()


def one_epoch(step: Step, feed: Feed, schedule: Training, epoch: int) -> float:
    """One pass over the items in an order drawn from torch's generator, the same on every device; the mean loss."""
    step.mixed.model.train()
    order, sizes = batches_of(torch.randperm(len(feed)), schedule.batch)
    step.epoch(feed, order, sizes, rates_of(schedule, epoch, len(sizes)))
    mean = step.read_total() / len(feed)
    if not math.isfinite(mean):
        raise FloatingPointError(
            f"the loss became {mean} in epoch {epoch + 1}: take a smaller training.lr ({schedule.lr} now)"
        )
    return mean


def batches_of(drawn: Tensor, batch: int) -> tuple[Tensor, list[int]]:
    """Items as drawn [item] cut into batches of nearly equal size, each sorted since reading in order is faster."""
    parts = drawn.tensor_split(math.ceil(len(drawn) / batch))
    return torch.cat([part.sort().values for part in parts]), [len(part) for part in parts]


def rates_of(schedule: Training, epoch: int, n_batches: int) -> list[float]:
    """The learning rate of each batch of an epoch (from 0)."""
    steps = range(epoch * n_batches, (epoch + 1) * n_batches)
    return [learning_rate(schedule, step, schedule.epochs * n_batches) for step in steps]


def loss_of(outputs: Tensor, targets: Tensor, schedule: Training) -> Tensor:
    """Huber loss (or cross-entropy) between the outputs [item, class] and the 0/1 labels."""
    if schedule.loss == "bce":
        return nn.functional.binary_cross_entropy_with_logits(outputs, targets)
    return nn.functional.huber_loss(activate(outputs, schedule), targets, delta=schedule.huber_delta)


def loss_by(schedule: Training) -> Loss:
    """The loss of outputs and targets that a schedule has."""
    return lambda outputs, targets: loss_of(outputs, targets, schedule)


def activate(outputs: Tensor, schedule: Training) -> Tensor:
    """Scores [item, class] from a model's outputs [item, class]: as they are, or through a sigmoid."""
    return outputs.sigmoid() if schedule.output == "sigmoid" or schedule.loss == "bce" else outputs


@torch.no_grad()
def evaluate(model: nn.Module, feed: Feed, schedule: Training) -> float:
    """Mean loss over items, in evaluation mode; read when all are done."""
    model.eval()
    sizes = [part.stop - part.start for part in batched_slices(len(feed), schedule.batch)]
    each = [loss_of(in_halves(model, x), y, schedule) for x, y in feed.batches(torch.arange(len(feed)), sizes)]
    losses = torch.stack(each).cpu().double()
    return float(losses @ torch.tensor(sizes, dtype=torch.float64)) / len(feed)


def learning_rate(schedule: Training, step: int, n_steps: int) -> float:
    """From lr to lr_min at the last step, along half a cosine or exponentially, after a climb over `warm_up` of the steps."""
    n_warm = round(schedule.warm_up * n_steps)
    if step < n_warm:
        return schedule.lr * (step + 1) / (n_warm + 1)
    part = (step - n_warm) / max(1, n_steps - n_warm - 1)
    if schedule.schedule == "exponential":
        return schedule.lr * (max(schedule.lr_min, 1e-12) / schedule.lr) ** part
    return schedule.lr_min + (schedule.lr - schedule.lr_min) * (1 + math.cos(math.pi * part)) / 2


def make_optimiser(model: nn.Module, schedule: Training) -> torch.optim.Optimizer:
    """Adam or AdamW over the trainable parameters; weight decay spares biases and the weights of norms, as is usual."""
    trained = [p for p in model.parameters() if p.requires_grad]
    return optimiser_of([p for p in trained if p.ndim > 1], [p for p in trained if p.ndim <= 1], schedule)


def optimiser_of(decayed: Iterable[Tensor], others: Iterable[Tensor], schedule: Training) -> torch.optim.Optimizer:
    """Adam or AdamW as the schedule has it; its weight decay is for the first parameters alone."""
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[schedule.optimiser]
    groups = [
        {"params": list(decayed), "weight_decay": schedule.weight_decay},
        {"params": list(others), "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    device = groups[0]["params"][0].device
    captured = device.type not in ("cpu", "mps")  # then rate and step count lie on the device, where a graph reads them
    optimiser = kind(groups, lr=schedule.lr, fused=True, capturable=captured)
    for group in optimiser.param_groups if captured else ():
        group["lr"] = torch.tensor(schedule.lr, device=device)
    return optimiser


def save_state(
    path: Path, key: str, model: nn.Module, optimiser: torch.optim.Optimizer | None, history: History, best: dict | None
) -> None:
    """Weights, the optimiser's moments (None: no longer needed) and the history in one file, whole or not at all."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in (best or {}).items()}
    for number, moments in optimiser.state_dict()["state"].items() if optimiser else ():
        tensors |= {f"optimiser.{number}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    write_tensors(path, tensors, {"key": key, "history": json.dumps(history.rows)})


def save_weights(model: nn.Module, path: Path, key: str) -> None:
    """Write all weights of a model with the key of what they were trained on, whole or not at all."""
    write_tensors(path, model.state_dict(), {"key": key})


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Tensors and words in one safetensors file, whole or not at all; DiskFull where there is no room."""
    there = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with digests.sealed(path, sum(value.nbytes for value in there.values())) as temporary:
        save_file(there, temporary, dict(metadata))


def load_weights(model: nn.Module, path: Path, key: str) -> bool:
    """Load all weights of a model as `save_weights` wrote them; False where there are none of this key."""
    weights, metadata = digests.read(path, load_tensors) if path.exists() else ({}, {"key": ""})
    if metadata["key"] != key:
        return False
    model.load_state_dict(weights)
    return True


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the words of a safetensors file."""
    with safe_open(path, "pt") as stored:
        return {name: stored.get_tensor(name) for name in stored.keys()}, stored.metadata()  # noqa: SIM118 (a file)


def load_state(path: Path, key: str, model: nn.Module, optimiser: torch.optim.Optimizer) -> tuple[History, dict | None]:
    """Take up the state at `path`; an empty history where there is none that is whole and of this key."""
    tensors, metadata = digests.reread(path, load_tensors) or ({}, {"key": ""})
    if metadata["key"] != key:
        return History(), None
    parts: dict[str, dict] = {"model": {}, "best": {}, "optimiser": {}}
    for name, value in tensors.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = value
    model.load_state_dict(parts["model"])
    moments: dict[int, dict] = {}
    for name, value in parts["optimiser"].items():
        number, _, moment = name.partition(".")
        moments.setdefault(int(number), {})[moment] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
    return History(json.loads(metadata["history"])), parts["best"] or None


def progress(what: str) -> Report:
    """Tells each epoch: a bar where somebody watches (a terminal, JupyterLab), one line an epoch where nobody does."""
    if not watched():
        return lambda row: print(
            f"{what}: epoch {row['epoch']}/{row['epochs']}, loss {row['loss']:.4f}, {row['seconds']:.1f} s", flush=True
        )
    from tqdm.auto import tqdm

    bar = tqdm(desc=what, unit="epoch")

    def report(row: dict) -> None:
        bar.total = row["epochs"]
        bar.update(row["epoch"] - bar.n)
        bar.set_postfix(loss=f"{row['loss']:.4f}")
        if row["epoch"] == row["epochs"]:
            bar.close()

    return report
