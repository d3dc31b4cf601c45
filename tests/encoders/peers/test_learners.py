"""Systems that are trained from scratch: the published counts, rules by hand, and the study's loop."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from torch import nn

from lib.encoders.peers import LEARNERS
from lib.encoders.peers.audio_transformer import pooled, sinusoids
from lib.encoders.peers.densenet import DenseNet, DenseNetSettings
from lib.encoders.peers.filterbanks import FilterBanks, FilterbankSettings
from lib.encoders.peers.learner import schedule_of, settings_of
from lib.encoders.peers.psla import Psla, PslaSettings
from lib.encoders.peers.scratch import cost_of, learn
from lib.encoders.speed import flops_counted
from lib.encoders.step import Step
from lib.encoders.training import make_optimiser
from lib.encoders.transformer import n_parameters
from lib.settings import Chunking, Settings, SettingsError
from lib.sounds.corpora.base import Corpus
from lib.sounds.cutting import cut

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "expected"), [("densenet", 7_152_584), ("audio_transformer", 2_392_328), ("psla", 9_954_822)]
)
def test_parameters_are_the_published_ones(name, expected):
    """DenseNet-121 with 1 channel and 200 classes; 2.3 million; timm's EfficientNet-B2 with four heads of attention."""
    kind = LEARNERS[name]
    assert n_parameters(kind(kind.Settings(), 200)) == expected


def test_psla_has_the_published_13_6_million_with_audioset_s_classes():
    assert n_parameters(Psla(PslaSettings(), 527)) == 13_640_766


def test_densenet_takes_the_arithmetic_that_is_known_of_a_second():
    model = DenseNet(DenseNetSettings(), 200).eval()
    with torch.inference_mode(), flops_counted() as counter:
        model.net(torch.zeros(1, 1, 96, 101))
    assert counter.get_total_flops() / 2e9 == pytest.approx(0.54, abs=0.01)


def test_densenet_sees_96_mel_bands_by_101_frames_less_their_mean():
    model = DenseNet(DenseNetSettings(), 3).eval()
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(22050) / 22050)[None]
    features = model.features(tone)
    assert features.shape == (1, 96, 101)
    assert abs(features.mean()) < 1e-4
    from librosa import mel_frequencies

    loudest = features[0].mean(1).argmax()
    assert mel_frequencies(98, fmin=0, fmax=11025, htk=True)[loudest + 1] == pytest.approx(1000, rel=0.05)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_maps_a_second_to_its_embedding_and_classes_and_learns(name):
    torch.manual_seed(0)
    kind = LEARNERS[name]
    model = kind(kind.Settings(), 5)
    audio = 0.1 * torch.randn(2, kind.rate_hz)
    features = model.features(audio)
    model.train()(features).square().mean().backward()
    without = [key for key, value in model.named_parameters() if value.grad is None]
    assert without == []
    model.eval()
    with torch.inference_mode():
        assert model.represent(features).shape == (2, model.size)
        assert model(features).shape == (2, 5)
        np.testing.assert_allclose(model(features)[1:], model(features[1:]), atol=1e-4)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_takes_a_step_as_a_gpu_does_with_products_in_bfloat16(name):
    """A GPU refuses what a processor lets pass: a norm of bfloat16 with weights of float32."""
    torch.manual_seed(0)
    kind, normed = LEARNERS[name], []
    model = kind(kind.Settings(), 5).train()
    features = model.features(0.1 * torch.randn(2, kind.rate_hz))
    with torch.no_grad():
        targets = model(features).sigmoid()
    for module in model.modules():
        if isinstance(module, (nn.LayerNorm, nn.GroupNorm)):
            module.register_forward_pre_hook(lambda _, inputs: normed.append(inputs[0].dtype))
    schedule = schedule_of(kind, Settings())
    step = Step(model, make_optimiser(model, schedule), model.loss(schedule), "bfloat16")
    assert torch.isfinite(step.gradients(features, targets))
    assert set(normed) <= {torch.float32} and all(p.grad is not None for p in step.mixed.weights)


def test_what_a_learner_costs_is_timed_until_its_outputs_are_there():
    """A GPU is only told what to do: its time is over when the outputs have come."""
    waited = []

    class Outputs:
        def cpu(self):
            waited.append(self)

    class Far(nn.Linear):
        rate_hz = 10

        def features(self, audio):
            return audio

        def forward(self, features):
            return Outputs()

    chunks = SimpleNamespace(settings=Chunking())
    assert cost_of(Far(3, 2), chunks, CPU).parameters == 8 and len(waited) == 2


def test_pooling_of_tokens_by_hand():
    x = torch.tensor([[[1.0, 10.0], [3.0, 20.0], [5.0, 30.0], [9.0, 40.0]]])
    np.testing.assert_array_equal(pooled(x, "mean", 2)[0], [[2, 15], [7, 35]])
    np.testing.assert_array_equal(pooled(x, "max", 2)[0], [[3, 20], [9, 40]])
    np.testing.assert_array_equal(pooled(x, "haar", 2)[0], [[1, 15], [3, 15], [5, 35], [9, 35]])
    np.testing.assert_array_equal(pooled(x, "haar", 4)[0], [[1, 25], [3, 25], [5, 25], [9, 25]])
    np.testing.assert_array_equal(pooled(x, "none", 2), x)


def test_places_are_told_by_sines_of_falling_frequency():
    table = sinusoids(40, 64)
    np.testing.assert_allclose(table[0], [0, 1] * 32)
    np.testing.assert_allclose(table[3, 2:4], [np.sin(3 / 10000 ** (2 / 64)), np.cos(3 / 10000 ** (2 / 64))], rtol=1e-5)


def test_the_router_picks_one_bank_a_patch_and_learns():
    torch.manual_seed(0)
    model = FilterBanks(FilterbankSettings(), 3)
    patches = torch.randn(7, 400)
    gates = model.gates(patches)
    assert ((gates > 0).sum(1) == 1).all()
    soft = FilterBanks(FilterbankSettings(gate="soft"), 3).gates(patches)
    np.testing.assert_allclose(soft.sum(1).detach(), 1, rtol=1e-5)


def test_tokens_are_the_chosen_bank_s_highest_answers_by_torch_s_convolution():
    """The same tokens, and the same gradients of filters, router and front."""
    torch.manual_seed(0)
    model = FilterBanks(FilterbankSettings(filters=6, width=5, filter_length=20), 3)
    samples, wanted = torch.randn(2, 16_000), torch.randn(2, 40, 5)
    patches = samples.reshape(-1, 400)
    answers = model.bank(patches[:, None]).amax(2).unflatten(1, (5, 6))
    plain = model.front((model.gates(patches)[:, :, None] * answers).sum(1)).unflatten(0, (2, 40))
    learned = [*model.bank.parameters(), *model.router.parameters(), *model.front.parameters()]
    of_plain = torch.autograd.grad((plain * wanted).sum(), learned)
    tokens = model.tokens(samples)
    torch.testing.assert_close(tokens, plain)
    for own, other in zip(torch.autograd.grad((tokens * wanted).sum(), learned), of_plain, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-4)


def test_psla_weights_answers_over_time_by_its_attention():
    """One head whose attention is everything at one moment gives that moment's answer."""
    model = Psla(PslaSettings(), 1).eval()
    maps = torch.zeros(1, model.size, 3)
    maps[0, 0] = torch.tensor([-1.0, 1.0, -1.0])
    with torch.no_grad():
        for number, (attention, answer) in enumerate(zip(model.attention, model.answers, strict=True)):
            for layer in (attention, answer):
                layer.weight.zero_()
                layer.bias.zero_()
            attention.weight[0, 0] = 30.0  # 1 at the second moment, nothing at the others
            answer.weight[0, 0] = 2.0
            model.weight[number] = 0.25
        np.testing.assert_allclose(model.probabilities(maps), torch.tensor(2.0).sigmoid(), rtol=1e-4)


def test_a_schedule_is_the_study_s_epochs_with_what_the_authors_say_and_what_is_set():
    settings = Settings.preset("tiny", {"schedules.densenet.lr": 5e-4})
    schedule = schedule_of(DenseNet, settings)
    assert (schedule.epochs, schedule.loss, schedule.batch, schedule.lr) == (2, "bce", 64, 5e-4)
    with pytest.raises(SettingsError, match="peers.densenet: there is no setting varied"):
        settings_of(DenseNet, Settings.preset("tiny", {"peers.densenet.varied": 1}))


@pytest.fixture
def chunks(home, tmp_path):
    """Twelve clips of one second at 44.1 kHz, low tones and high ones."""
    folder, rows, rng = tmp_path / "sounds", [], np.random.default_rng(0)
    folder.mkdir()
    for number in range(12):
        hz = (300, 3000)[number % 2] * (1 + 0.05 * rng.standard_normal())
        tone = 0.3 * np.sin(2 * np.pi * hz * np.arange(44100) / 44100) + 0.003 * rng.standard_normal(44100)
        soundfile.write(folder / f"{number}.wav", tone, 44100)
        rows.append({"id": str(number), "path": str(folder / f"{number}.wav"), "role": "train" if number < 8 else "test",
                     "fold": 0, "labels": (("low", "high")[number % 2],), "group": str(number)})  # fmt: skip
    return cut(Corpus("table", folder, pd.DataFrame(rows), ("low", "high"), {}), Chunking())


SHORT = Settings.preset("tiny", {
    "training.epochs": 3, "training.batch": 4, "peers.audio_transformer.front": 64, "peers.audio_transformer.layers": 2,
    "peers.audio_transformer.pool_after": (1,), "peers.audio_transformer.head_hidden": 16,
})  # fmt: skip


def test_a_learner_is_trained_once_resumed_and_read_back(chunks, tmp_path, monkeypatch):
    kind, given = LEARNERS["audio_transformer"], (LEARNERS["audio_transformer"], chunks, SHORT, 0)
    whole = learn(*given, tmp_path / "whole", CPU)
    assert whole.seconds > 0
    assert learn(*given, tmp_path / "whole", CPU).seconds == 0
    assert whole.scores.shape == (4, 2)
    assert whole.embeddings.shape == (12, kind.Settings().width)

    from lib.encoders import training

    saved = training.save_state

    def stop(*args):
        saved(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "save_state", stop)
    with pytest.raises(KeyboardInterrupt):
        learn(*given, tmp_path / "stopped", CPU)
    monkeypatch.setattr(training, "save_state", saved)
    np.testing.assert_array_equal(learn(*given, tmp_path / "stopped", CPU).scores, whole.scores)


def test_another_seed_is_another_learner(chunks, tmp_path):
    first, second = (
        learn(LEARNERS["audio_transformer"], chunks, SHORT, seed, tmp_path / str(seed), CPU) for seed in (0, 1)
    )
    assert not np.allclose(first.embeddings, second.embeddings)


@pytest.mark.slow
def test_densenet_learns_low_from_high_at_its_own_rate(chunks, tmp_path):
    settings = Settings.preset("tiny", {"training.epochs": 12, "schedules.densenet.batch": 4})
    found = learn(DenseNet, chunks, settings, 0, tmp_path / "densenet", CPU)
    named = found.scores.argmax(1)
    np.testing.assert_array_equal(named, chunks.targets[chunks.rows("test")].argmax(1))
