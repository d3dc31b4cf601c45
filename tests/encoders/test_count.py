"""What a step asks of a GPU: few kernels, and nothing from or to the host while an epoch runs."""

import pytest
import torch
from bench.count import META, all_steps, counting, of_training
from torch import nn

from lib.settings import Settings, Training

MOST = {"pitch": 300, "timbre": 300, "neuralogram": 300, "waveform": 400, "mobilenet": 700, "heads": 60}  # kernels


@pytest.fixture(scope="module")
def counts():
    """Of each step of the paper in each precision: what one batch, two batches of an epoch, and a batch more cost."""
    found = {}
    for precision in ("auto", "float32"):
        steps = all_steps(Settings.preset("paper", {"training.precision": precision}), 200)
        found[precision] = {each.name: (each.batches(1), each.batches(2)) for each in steps}
    return found


@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_a_step_of_the_paper_is_a_few_hundred_kernels(counts, precision):
    found = {name: two.kernels - one.kernels for name, (one, two) in counts[precision].items()}
    assert set(found) == set(MOST)
    assert not {name: kernels for name, kernels in found.items() if kernels > MOST[name]}
    assert min(found.values()) > 10, "a count that sees nothing proves nothing"


@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_nothing_is_copied_from_or_to_the_host_within_an_epoch(counts, precision):
    for name, (one, two) in counts[precision].items():
        assert one.host_copies == two.host_copies == 1, f"{name}: the order of the items, once an epoch"
        assert two.kernels > 1.5 * one.kernels


def test_products_in_bfloat16_move_less_memory(counts):
    for name in set(MOST) - {"heads"}:
        (half_one, half_two), (one, two) = (counts[precision][name] for precision in ("auto", "float32"))
        assert half_two.bytes - half_one.bytes < 0.8 * (two.bytes - one.bytes)
        assert half_two.flops - half_one.flops == two.flops - one.flops


def test_the_count_of_one_product_is_the_one_by_hand():
    x, weight = torch.empty(8, 30, device=META), torch.empty(30, 50, device=META)
    with counting() as counted:
        (x @ weight).view(4, 100).t()
    assert counted.kernels == 1 and counted.host_copies == 0
    assert counted.flops == 2 * 8 * 30 * 50
    assert counted.bytes == 4 * (8 * 30 + 30 * 50 + 8 * 50)


def test_a_gather_is_counted_by_what_it_takes_and_overlapping_memory_once():
    table = torch.empty(1000, 10, device=META)
    with counting() as counted:
        table.index_select(0, torch.empty(5, dtype=torch.int64, device=META))
        table.flatten().unfold(0, 100, 1).sum()
    assert counted.kernels == 2
    assert counted.bytes == 2 * 4 * 5 * 10 + 4 * 10000 + 4


def test_a_copy_from_the_host_in_the_loop_is_seen():
    class Careless(nn.Linear):
        def forward(self, x):
            return super().forward(x + torch.arange(5.0).to(x.device))

    step = of_training("careless", Careless(5, 3), torch.zeros(1, 5), 3, Training(batch=4))
    assert step.batches(3).host_copies == 1 + 3 and step.one.host_copies == 1
