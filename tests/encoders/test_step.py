"""The step: in bfloat16 it stays near float32, split it is the same step, replayed it is the same training."""

from contextlib import contextmanager, nullcontext

import numpy as np
import pytest
import torch
from torch import nn

from lib.encoders.encoder import in_blocks
from lib.encoders.fast import PLAIN_STEPS, Mixed, captured, in_stream, new_stream, product_type
from lib.encoders.feed import Resident
from lib.encoders.step import Step, in_halves
from lib.encoders.training import Examples, batches_of, evaluate, fit, loss_of, make_optimiser, rates_of
from lib.encoders.transformer import Transformer
from lib.settings import Body, Settings, Training
from lib.sounds.arrays import Rows

CPU, META = torch.device("cpu"), torch.device("meta")
SCHEDULE = Training(epochs=3, lr=1e-2, batch=16)


def net():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(5, 16), nn.LayerNorm(16), nn.ReLU(), nn.Linear(16, 3))


def items(n=100):
    inputs = torch.randn(n, 5, generator=torch.Generator().manual_seed(0))
    return Resident(inputs, (inputs[:, :3] > 0).float())


def trained(model, precision="float32", epochs=3, **rest):
    optimiser = make_optimiser(model, SCHEDULE)
    step, feed = Step(model, optimiser, lambda x, y: loss_of(x, y, SCHEDULE), precision, **rest), items()
    means = []
    for epoch in range(epochs):
        order, sizes = batches_of(torch.randperm(100, generator=torch.Generator().manual_seed(epoch)), SCHEDULE.batch)
        step.epoch(feed, order, sizes, rates_of(SCHEDULE, epoch, len(sizes)))
        means.append(step.read_total() / 100)
    step.mixed.close()
    return torch.cat([p.detach().flatten() for p in model.parameters()]), means, step


def test_the_step_is_that_of_a_plain_loop():
    model, found = net(), trained(net())
    optimiser = torch.optim.Adam(model.parameters(), lr=SCHEDULE.lr)
    feed, means = items(), []
    for epoch in range(3):
        order, sizes = batches_of(torch.randperm(100, generator=torch.Generator().manual_seed(epoch)), SCHEDULE.batch)
        total = 0.0
        for number, which in enumerate(order.split(sizes)):
            optimiser.param_groups[0]["lr"] = rates_of(SCHEDULE, epoch, len(sizes))[number]
            optimiser.zero_grad()
            loss = nn.functional.huber_loss(model(feed.inputs[which]), feed.targets[which])
            loss.backward()
            optimiser.step()
            total += float(loss.detach()) * len(which)
        means.append(total / 100)
    torch.testing.assert_close(
        found[0], torch.cat([p.detach().flatten() for p in model.parameters()]), rtol=1e-5, atol=1e-6
    )
    assert found[1] == pytest.approx(means, rel=1e-5)


class Small(nn.Module):
    """A network on a device that has room for so many items at a time."""

    def __init__(self, room, of=None):
        super().__init__()
        self.room, self.net, self.sizes = room, of or net(), []

    def forward(self, x):
        self.sizes.append(len(x))
        if len(x) > self.room:
            raise torch.OutOfMemoryError("no room")
        return self.net(x)


def test_a_batch_that_finds_no_room_is_split_and_the_step_is_the_same(capsys):
    plain, split = trained(net()), trained(Small(5))
    assert split[2].parts == 4 and plain[2].parts == 1
    torch.testing.assert_close(plain[0], split[0], rtol=1e-4, atol=1e-5)
    assert plain[1] == pytest.approx(split[1], rel=1e-5)
    assert "no room for a batch of 15: from now on in 4 parts" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", ["CUDA error: out of memory", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"]
)
def test_a_lack_of_room_may_be_told_by_a_library_beneath_torch(words):
    class Small(nn.Linear):
        def forward(self, x):
            if len(x) > 8:
                raise RuntimeError(words)
            return super().forward(x)

    assert trained(Small(5, 3))[2].parts == 2


def test_another_error_is_no_lack_of_room():
    class Wrong(nn.Linear):
        def forward(self, x):
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        trained(Wrong(5, 3))


def test_a_graph_gives_its_memory_to_batches_of_another_size_before_any_is_split(capsys):
    """A GPU with room for one step: the graph of one size holds it when the first batch of the other size comes."""
    captures = []

    class Tight(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net()

        def forward(self, x):
            if step.graphs.graphs and len(x) not in step.graphs.graphs:
                raise torch.OutOfMemoryError("no room")
            return self.net(x)

    def capture(work, memory):
        captures.append(memory)
        return work, object()

    model = Tight()
    step = Step(model, make_optimiser(model, SCHEDULE), lambda x, y: loss_of(x, y, SCHEDULE), capture=capture)
    feed, sizes = items(96), [13] * 5 + [12] * 5
    for size in sizes:
        step.step(feed.inputs[:size], feed.targets[:size])
    assert step.parts == 1 and "in 2 parts" not in capsys.readouterr().out
    assert set(step.graphs.graphs) == {12} and captures == [None, None], "what was given up is not captured into"
    memory = step.graphs.memory
    step.step(feed.inputs[:13], feed.targets[:13])
    assert set(step.graphs.graphs) == {12, 13} and captures[2] is memory


def test_what_a_trained_network_finds_no_room_for_is_computed_in_halves():
    small, x = Small(3, lambda x: (2 * x, x.sum(1))), items(10).inputs
    twice, summed = in_halves(small, x)
    assert torch.equal(twice, 2 * x) and torch.equal(summed, x.sum(1))
    assert small.sizes == [10, 5, 3, 2, 5, 3, 2]
    each = list(in_blocks(small, x.numpy(), CPU, 4))
    assert [part.stop for part, _ in each] == [4, 8, 10]
    np.testing.assert_array_equal(np.concatenate([values for _, (values, _) in each]), 2 * x.numpy())


@pytest.mark.parametrize(
    ("error", "tried"), [(torch.OutOfMemoryError("no room"), [4, 2, 1]), (RuntimeError("wrong"), [4])]
)
def test_what_fits_in_no_part_and_another_error_are_raised(error, tried):
    sizes = []

    def fails(x):
        sizes.append(len(x))
        raise error

    with pytest.raises(RuntimeError, match=str(error)):
        in_halves(fails, torch.zeros(4, 2))
    assert sizes == tried


def test_the_loss_of_validation_is_the_same_where_a_batch_finds_no_room():
    assert evaluate(Small(3), items(20), SCHEDULE) == pytest.approx(evaluate(net(), items(20), SCHEDULE), rel=1e-6)


def test_where_not_even_one_item_fits_it_says_so():
    with pytest.raises(torch.OutOfMemoryError, match="not even one item"):
        trained(Small(0))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_replayed_steps_are_the_steps_themselves(precision):
    """A graph replays the same kernels on the same memory: whatever a step reads must come by that memory."""
    captured = []

    def capture(work, memory):
        captured.append(memory)
        return work, "of all"

    plain, replayed = trained(net(), precision), trained(net(), precision, capture=capture)
    assert torch.equal(plain[0], replayed[0]) and plain[1] == replayed[1]
    assert captured == [None, "of all"], "batches of 14 and of 15 items, in one memory"
    assert max(replayed[2].graphs.seen.values()) == PLAIN_STEPS


def test_a_model_that_draws_on_the_host_is_never_a_graph():
    """What it drew while the graph was made would be all that it ever draws."""
    captured, model = [], net()
    model.draws_on_host = True
    assert not trained(model, capture=lambda work, memory: captured.append(work))[2].graphs.graphs and not captured


def test_an_optimiser_that_finds_no_room_has_not_gone_two_steps():
    class Full(torch.optim.SGD):
        def step(self):
            super().step()
            raise torch.OutOfMemoryError("no room")

    model = net()
    before = [p.detach().clone() for p in model.parameters()]
    step = Step(model, Full(model.parameters(), lr=0.1), lambda x, y: loss_of(x, y, SCHEDULE))
    with pytest.raises(torch.OutOfMemoryError, match="no room"):
        step.step(items().inputs[:4], items().targets[:4])
    for p, old in zip(model.parameters(), before, strict=True):
        torch.testing.assert_close(p.detach(), old - 0.1 * p.grad)


def test_where_no_graph_can_be_captured_the_steps_run_one_by_one(capsys):
    def capture(work, memory):
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    plain, other = trained(net()), trained(net(), capture=capture)
    assert torch.equal(plain[0], other[0])
    assert capsys.readouterr().out.count("no graph of kernels could be captured") == 1


def test_bfloat16_keeps_float32_weights_and_takes_products_of_all_layers_in_bfloat16():
    model = net()
    mixed, seen = Mixed(model, torch.bfloat16), []
    for module in model:
        module.register_forward_hook(lambda module, inputs, output: seen.append((type(module).__name__, output.dtype)))
    outputs = mixed.forward(torch.randn(4, 5))
    kinds = dict(seen)
    assert kinds["Linear"] == torch.bfloat16 and outputs.dtype == torch.float32
    mixed.begin()
    loss_of(mixed.forward(torch.randn(4, 5)), torch.zeros(4, 3), SCHEDULE).backward()
    mixed.collect(first=True)
    assert all(p.dtype == p.grad.dtype == torch.float32 and p.grad.any() for p in model.parameters())
    mixed.close()
    assert model(torch.randn(4, 5)).dtype == torch.float32
    assert all(p.grad is None for p in model.parameters()), "gradients lie in the memory of a graph"


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_norms_of_the_body_are_given_float32(norm):
    """With weights of float32 a GPU refuses bfloat16 there, where a processor takes it."""
    body, seen = Body(layers=2, norm=norm, pool_after=(1,)), []
    model = nn.Sequential(Transformer(body), nn.Linear(body.width, 3))
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].dtype))
    step = Step(model, make_optimiser(model, SCHEDULE), lambda x, y: loss_of(x, y, SCHEDULE), "bfloat16")
    step.gradients(torch.randn(2, 6, body.width), torch.zeros(2, 3))
    assert len(seen) >= 4 and set(seen) == {torch.float32}


def test_a_layer_that_computes_its_weights_stays_in_float32():
    model = nn.Sequential(nn.Conv1d(2, 3, 2), nn.utils.parametrizations.weight_norm(nn.Conv1d(3, 2, 2)), nn.Flatten())
    step = Step(model, make_optimiser(model, SCHEDULE), lambda x, y: loss_of(x, y, SCHEDULE), "bfloat16")
    step.gradients(torch.randn(4, 2, 6), torch.zeros(4, 8))
    assert all(p.grad.any() for p in model.parameters())


def test_the_gradients_in_bfloat16_are_those_of_float32_to_its_rounding():
    x, y, found = torch.randn(64, 5), torch.zeros(64, 3), []
    for precision in ("float32", "bfloat16"):
        model = net()
        step = Step(model, make_optimiser(model, SCHEDULE), lambda x, y: loss_of(x, y, SCHEDULE), precision)
        step.gradients(x, y)
        found.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    assert not torch.equal(*found)
    assert (found[0] - found[1]).norm() < 0.02 * found[0].norm()


def test_which_products_a_device_takes_and_what_the_setting_changes():
    assert product_type("auto", CPU) == product_type("float32", META) == torch.float32
    assert product_type("auto", META) == product_type("bfloat16", CPU) == torch.bfloat16
    assert Training().model_dump() == {k: v for k, v in Training().model_dump().items() if k != "precision"}
    assert Training(precision="float32").model_dump()["precision"] == "float32"
    assert Settings.preset("quick", {"training.precision": "float32"}).schedule("pitch").precision == "float32"


@pytest.mark.parametrize(("native", "kind"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_gpu_that_has_bfloat16_put_on_takes_float32(native, kind, monkeypatch):
    """Turing counts for torch as a GPU with bfloat16, which it takes apart: slower than float32."""
    there = []
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or native)
    monkeypatch.setattr(torch.cuda, "device", lambda device: there.append(device) or nullcontext())
    assert product_type("auto", torch.device("cuda:1")) == kind
    assert there == [torch.device("cuda:1")], "asked of that GPU, whichever is current"


def test_the_order_of_an_epoch_is_cut_as_numpy_cuts_it_and_sorted_within_batches():
    drawn = torch.randperm(53)
    order, sizes = batches_of(drawn, 16)
    parts = [np.sort(part) for part in np.array_split(drawn.numpy(), 4)]
    assert sizes == [len(part) for part in parts]
    np.testing.assert_array_equal(order, np.concatenate(parts))


def test_a_state_goes_on_in_another_precision(tmp_path):
    feed = items()
    examples = Examples(Rows(feed.inputs.numpy(), np.arange(100)), feed.targets.numpy().astype(np.uint8), "train")
    losses = []
    for epochs, precision in ((2, "bfloat16"), (4, "float32")):
        schedule = SCHEDULE.model_copy(update={"precision": precision, "epochs": epochs})
        model = net()
        losses.append(fit(model, examples, schedule, 0, state=tmp_path / "s", key="k", device=CPU).rows)
        assert all(p.dtype == torch.float32 for p in model.parameters())
    assert losses[1][:2] == losses[0] and losses[1][-1]["loss"] < losses[0][0]["loss"]


class Told:
    """In the place of torch.cuda: remembers what is asked of it."""

    def __init__(self):
        self.now, self.waits, self.asked = self.Stream("cuda"), [], {}

    def Stream(self, device):
        told = self

        class Stream:
            def wait_stream(self, other):
                told.waits.append((self, other))

        stream = Stream()
        stream.device = device
        return stream

    def current_stream(self, device=None):
        return self.now

    @contextmanager
    def stream(self, stream):
        before, self.now = self.now, stream
        yield
        self.now = before

    class CUDAGraph:
        def replay(self):
            pass

        def pool(self):
            return "pool"

    @contextmanager
    def graph(self, graph, **asked):
        self.asked = asked
        yield


@pytest.fixture
def told(monkeypatch):
    there = Told()
    for name in ("Stream", "current_stream", "stream", "CUDAGraph", "graph"):
        monkeypatch.setattr(torch.cuda, name, getattr(there, name))
    return there


def test_a_graph_is_captured_in_the_stream_of_the_steps_whatever_other_threads_do(told):
    """torch's own stream for captures stays current after an error, and its own mode refuses what a thread that reads does."""
    stream, done = new_stream(torch.device("cuda")), []
    with in_stream(stream):
        replay, memory = captured(lambda: done.append(told.now), "of the first")
    assert done == [stream] and memory == "pool" and replay.__self__.__class__ is told.CUDAGraph
    assert told.asked == {"pool": "of the first", "stream": stream, "capture_error_mode": "thread_local"}


def test_what_a_stream_does_lies_between_what_was_before_and_what_follows(told):
    outside, stream = told.now, new_stream(torch.device("cuda:1"))
    assert stream.device == torch.device("cuda:1")
    with in_stream(stream):
        assert told.now is stream and told.waits == [(stream, outside)]
    assert told.now is outside and told.waits == [(stream, outside), (outside, stream)]
    assert new_stream(CPU) is None
    with in_stream(None):
        assert told.now is outside
