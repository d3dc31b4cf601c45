"""How far from their optimum linear heads stopped that were trained by descent.

A linear head has one optimum. Descent that stops before it gives other scores than the linear model has, and a comparison
with a head that has a hidden layer then compares schedules.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lib.encoders.heads import ZEROS, HeadPlan, StackedHeads, TrainedHeads, label
from lib.encoders.training import loss_of
from lib.settings import Training

LBFGS_STEPS = 100
EXCESS = 0.01  # of the training loss over its optimum: above this, descent has not converged
COLUMNS = ["head", "subset", "seed", "loss", "optimum", "excess", "converged"]


def convergence(trained: TrainedHeads, targets: np.ndarray, train: np.ndarray, plan: HeadPlan, seed: int) -> list[dict]:
    """Rows of convergence.csv [head, subset, seed, loss, optimum, excess, converged] of linear heads trained by descent.

    loss: of all training rows at the end of the schedule. optimum: the lowest found on a copy that goes on from there
    with up to LBFGS_STEPS steps of L-BFGS (Liu and Nocedal, 1989), so that the excess is a lower bound. The problem is
    convex unless the schedule has a Huber loss behind a sigmoid.
    """
    inputs, labels = trained.inputs[train].cpu().double(), torch.from_numpy(targets[train]).double()
    rows = []
    for number, subset in enumerate(trained.subsets):
        loss, optimum = descended(trained.model, number, inputs, labels, plan.schedule)
        excess = loss / max(optimum, 1e-12) - 1
        row = {"loss": loss, "optimum": optimum, "excess": excess, "converged": excess <= EXCESS}
        rows.append({"head": plan.head, "subset": label(subset), "seed": seed, **row})
    return rows


def descended(
    model: StackedHeads, number: int, inputs: Tensor, labels: Tensor, schedule: Training
) -> tuple[float, float]:
    """Loss of one linear head on inputs [c, d] and labels [c, class], float64, and after L-BFGS on a copy of it."""
    columns = model.columns[number].cpu()
    x = inputs[:, columns[columns != ZEROS]]
    weight = model.weights[0][number, : x.shape[1]].detach().cpu().double().requires_grad_()
    bias = model.biases[0][number].detach().cpu().double().requires_grad_()
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=LBFGS_STEPS, tolerance_grad=1e-9, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def step() -> Tensor:
        optimiser.zero_grad()
        loss = loss_of(x @ weight + bias, labels, schedule)
        loss.backward()
        return loss

    before = optimiser.step(step).item()
    return before, min(before, step().item())


def warning(rows: Sequence[dict]) -> str:
    """One line where heads have not converged, and what to do; empty where all have."""
    far = [row for row in rows if not row["converged"]]
    if not far:
        return ""
    most = max(row["excess"] for row in far)
    return (
        f"linear heads by descent have NOT converged on {len(far)} of {len(rows)} subsets: their training loss is up to "
        f"{100 * most:.3g} % above its optimum; take more epochs (SET=schedules.head.epochs=...) or "
        "SET=heads.linear_fit=ridge"
    )
