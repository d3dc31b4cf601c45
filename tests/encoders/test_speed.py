"""Speed: arithmetic is counted right, and counting leaves the model alone."""

import numpy as np
import torch
from torch import nn

from lib.encoders.speed import flops_an_item, peak_flops
from lib.settings import Training


def test_the_arithmetic_of_a_linear_layer_is_that_of_its_products():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(30, 50), nn.ReLU(), nn.Linear(50, 7), nn.Dropout(0.5))
    before = [value.clone() for value in model.parameters()]
    counted = flops_an_item(model, torch.randn(8, 30), torch.zeros(8, 7), Training())
    forward, backward = 2 * (30 * 50 + 50 * 7), 2 * (30 * 50 + 2 * 50 * 7)  # nothing is passed on to the inputs
    assert counted == forward + backward
    assert all(p.grad is None for p in model.parameters())
    assert all(map(torch.equal, before, model.parameters()))


def test_the_peak_is_what_a_product_reaches():
    assert 1e8 < peak_flops(torch.device("cpu")) < 1e15
    assert np.isfinite(peak_flops(torch.device("cpu")))


def test_a_convolution_in_groups_is_counted_by_what_it_does():
    model = nn.Sequential(
        nn.Conv1d(8, 8, 3, groups=8, padding=1, bias=False), nn.Flatten(), nn.Linear(80, 2, bias=False)
    )
    counted = flops_an_item(model, torch.randn(4, 8, 10), torch.zeros(4, 2), Training())
    convolution, linear = 2 * 8 * 10 * 3, 2 * 80 * 2
    assert counted == 2 * convolution + 3 * linear  # the convolution's inputs want no gradient
