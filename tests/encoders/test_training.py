"""The loop: it learns, repeats, resumes to the same weights, and refuses to select on test."""

import itertools

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from lib import files
from lib.encoders.training import (
    Examples,
    SelectionError,
    activate,
    device_of,
    fit,
    learning_rate,
    loss_of,
    make_optimiser,
)
from lib.settings import Training
from lib.sounds.arrays import Rows

CPU = torch.device("cpu")


class Interrupted(Exception):
    pass


def examples(role="train", n=60, seed=0):
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(n, 5)).astype(np.float32)
    return Examples(Rows(inputs, np.arange(n)), (inputs[:, :3] > 0).astype(np.uint8), role)


def model():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(5, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))


def weights(net):
    return torch.cat([value.flatten().float() for value in net.state_dict().values()])


SHORT = Training(epochs=6, lr=1e-2, batch=16)


def run(tmp_path, name="a", schedule=SHORT, seed=0, key="k", **rest):
    net = model()
    history = fit(net, examples(), schedule, seed, state=tmp_path / f"{name}.safetensors", key=key, device=CPU, **rest)
    return net, history


def test_it_learns(tmp_path):
    _, history = run(tmp_path, schedule=Training(epochs=60, lr=1e-2, batch=16))
    losses = [row["loss"] for row in history.rows]
    assert losses[-1] < 0.4 * losses[0]


def test_same_seed_same_weights_other_seed_others(tmp_path):
    first, again, other = (weights(run(tmp_path, str(n), seed=s)[0]) for n, s in enumerate((0, 0, 1)))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("stop_after", [1, 4])
def test_an_interrupted_run_ends_with_the_same_weights(tmp_path, stop_after):
    whole, history = run(tmp_path, "whole")

    def stop(row):
        if row["epoch"] == stop_after:
            raise Interrupted

    with pytest.raises(Interrupted):
        run(tmp_path, "cut", report=stop)
    seen = []
    resumed, again = run(tmp_path, "cut", report=lambda row: seen.append(row["epoch"]))
    assert seen == list(range(stop_after + 1, 7))
    assert torch.equal(weights(whole), weights(resumed))
    assert [row["loss"] for row in again.rows] == [row["loss"] for row in history.rows]


def test_a_finished_run_is_read_back(tmp_path):
    first, _ = run(tmp_path)
    again, _ = run(tmp_path, report=lambda row: pytest.fail("an epoch was trained again"))
    assert torch.equal(weights(first), weights(again))


def test_a_state_of_another_key_is_not_used(tmp_path):
    run(tmp_path, key="fold 1")
    seen = []
    run(tmp_path, key="fold 2", report=lambda row: seen.append(row["epoch"]))
    assert seen == [1, 2, 3, 4, 5, 6]


def test_selecting_on_the_test_set_is_refused(tmp_path):
    for role in ("test", "train+test"):
        with pytest.raises(SelectionError, match="test set is refused"):
            run(tmp_path, validation=examples(role))


def test_the_best_epoch_on_validation_is_kept(tmp_path):
    kind = examples("validation", seed=1)
    validation = Examples(kind.inputs, 1 - kind.targets, "validation")  # the more is learned, the worse it gets
    net, history = run(tmp_path, schedule=Training(epochs=12, lr=1e-2, batch=16), validation=validation)
    losses = [row["validation_loss"] for row in history.rows]
    best = int(np.argmin(losses))
    assert best < 11, "the case is to have its best epoch before the last"
    net.eval()
    outputs = net(torch.from_numpy(validation.inputs[slice(None)]))
    loss = loss_of(outputs, torch.from_numpy(validation.targets).float(), SHORT)
    assert float(loss.detach()) == pytest.approx(losses[best], rel=1e-5)


def test_the_learning_rate_goes_from_one_end_to_the_other():
    for shape in ("cosine", "exponential"):
        schedule = Training(schedule=shape)
        rates = [learning_rate(schedule, step, 101) for step in range(101)]
        assert rates[0] == pytest.approx(2e-4)
        assert rates[-1] == pytest.approx(1e-6)
        assert all(a > b for a, b in itertools.pairwise(rates))
    assert learning_rate(Training(), 50, 101) == pytest.approx((2e-4 + 1e-6) / 2)
    assert learning_rate(Training(), 0, 1) == pytest.approx(2e-4)


def test_losses_against_their_formulas():
    outputs, targets = torch.tensor([[0.3, 3.0]]), torch.tensor([[1.0, 0.0]])
    assert float(loss_of(outputs, targets, Training())) == pytest.approx((0.7**2 / 2 + (3.0 - 0.5)) / 2)
    expected = -(np.log(1 / (1 + np.exp(-0.3))) + np.log(1 - 1 / (1 + np.exp(-3.0)))) / 2
    assert float(loss_of(outputs, targets, Training(loss="bce"))) == pytest.approx(expected, rel=1e-5)
    assert torch.equal(activate(outputs, Training()), outputs)
    assert torch.equal(activate(outputs, Training(output="sigmoid")), outputs.sigmoid())


def test_a_diverging_loss_is_told(tmp_path):
    with pytest.raises(FloatingPointError, match="training.lr"):
        run(tmp_path, schedule=Training(epochs=3, lr=1e30, batch=16))


def test_devices():
    assert device_of("cpu") == CPU
    with pytest.raises(files.PlainError, match="DEVICE=gpu: choose auto, cpu, cuda"):
        device_of("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="DEVICE=cuda"):
            device_of("cuda")


@pytest.mark.parametrize(("n_gpus", "named"), [(1, "cuda:0$"), (3, "cuda:0 to cuda:2$")])
def test_a_gpu_beyond_the_last_is_told_with_those_there_are(n_gpus, named, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n_gpus)
    with pytest.raises(files.PlainError, match=f"DEVICE=cuda:7: the GPUs of this machine are {named}"):
        device_of("cuda:7")
    assert device_of("cuda:0") == torch.device("cuda:0") and device_of("cuda") == torch.device("cuda")


def kept(path):
    """The weights and the key of a file that a training kept on its way."""
    with safe_open(path, "pt") as stored:
        return torch.cat([value.flatten().float() for _, value in sorted(load_file(path).items())]), stored.metadata()[
            "key"
        ]


def sorted_weights(net):
    return torch.cat([value.flatten().float() for _, value in sorted(net.state_dict().items())])


def test_weights_are_kept_on_the_way_and_change_nothing(tmp_path):
    plain, history = run(tmp_path, "plain")
    files_at = {epoch: tmp_path / f"epoch{epoch}.safetensors" for epoch in (1, 3, 6)}
    net, again = run(tmp_path, "kept", keep=files_at)
    assert torch.equal(weights(plain), weights(net))
    assert [row["loss"] for row in again.rows] == [row["loss"] for row in history.rows]
    assert torch.equal(kept(files_at[6])[0], sorted_weights(net)) and kept(files_at[6])[1] == "k"

    def stop(row):
        if row["epoch"] == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        run(tmp_path, "stopped", report=stop)
    state = load_file(tmp_path / "stopped.safetensors")
    of_state = [value.flatten().float() for name, value in sorted(state.items()) if name.startswith("model.")]
    assert torch.equal(kept(files_at[3])[0], torch.cat(of_state))
    assert not torch.equal(kept(files_at[1])[0], kept(files_at[3])[0])


@pytest.mark.parametrize("stop_after", [1, 2, 4])
def test_a_training_that_goes_on_keeps_the_same_weights(tmp_path, stop_after):
    whole = {epoch: tmp_path / f"whole{epoch}.safetensors" for epoch in (2, 3)}
    cut = {epoch: tmp_path / f"cut{epoch}.safetensors" for epoch in (2, 3)}
    run(tmp_path, "whole", keep=whole)

    def stop(row):
        if row["epoch"] == stop_after:
            raise Interrupted

    with pytest.raises(Interrupted):
        run(tmp_path, "cut", report=stop, keep=cut)
    assert [epoch for epoch, path in cut.items() if path.exists()] == [epoch for epoch in (2, 3) if epoch <= stop_after]
    run(tmp_path, "cut", keep=cut)
    for epoch in (2, 3):
        assert torch.equal(kept(whole[epoch])[0], kept(cut[epoch])[0])


def test_the_rate_climbs_over_the_warm_up_and_then_falls():
    schedule = Training(lr=1.0, lr_min=0.0, warm_up=0.1)
    rates = [learning_rate(schedule, step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert rates[10] == max(rates) == pytest.approx(1.0) and rates[-1] == pytest.approx(0.0)
    assert all(a > b for a, b in itertools.pairwise(rates[10:]))


def test_weight_decay_shrinks_weights_alone_and_by_the_rate():
    """Without a gradient AdamW's step is the decay itself: w (1 - lr decay)."""
    model = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    optimiser = make_optimiser(model, Training(optimiser="adamw", weight_decay=0.5, lr=0.1))
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    for name, value in model.named_parameters():
        shrunk = 0.95 if name == "0.weight" else 1.0
        torch.testing.assert_close(value.detach(), shrunk * before[name])


def test_without_weight_decay_adamw_is_adam():
    def trained(kind):
        torch.manual_seed(0)
        model = nn.Linear(3, 2)
        optimiser = make_optimiser(model, Training(optimiser=kind))
        model(torch.ones(4, 3)).square().sum().backward()
        optimiser.step()
        return model.weight

    torch.testing.assert_close(trained("adam"), trained("adamw"))
