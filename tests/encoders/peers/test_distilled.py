"""Temporal knowledge distillation: the roll-out and the loss by hand, the published student, and training in two stages."""

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from torch import nn

from lib.encoders import training
from lib.encoders.peers import LEARNERS, PeerError, wanted
from lib.encoders.peers.distilled import Distilled, DistilledSettings
from lib.encoders.peers.learner import schedule_of
from lib.encoders.peers.scratch import learn
from lib.encoders.peers.teachers import FineTuned, FromScratch, over_frames, rolled_out
from lib.settings import Chunking, Settings
from lib.sounds.corpora.base import Corpus
from lib.sounds.cutting import cut

CPU = torch.device("cpu")
SMALL = {"peers.distilled.units": 8, "training.epochs": 3, "schedules.distilled.batch": 4}


def sound(n=2):
    return 0.1 * torch.randn(n, 16000, generator=torch.Generator().manual_seed(1))


def test_a_roll_out_by_hand():
    """Two layers with one head each: half of each map, half the token itself, the second layer's first row through the first."""
    first, second = torch.tensor([[0.2, 0.8], [0.6, 0.4]]), torch.tensor([[0.5, 0.5], [0.0, 1.0]])
    maps = torch.stack([first, second])[None, :, None]
    np.testing.assert_allclose(rolled_out(maps), [[0.525, 0.475]], rtol=1e-6)
    np.testing.assert_allclose(rolled_out(maps, 0.0), [[0.4, 0.6]], rtol=1e-6)
    np.testing.assert_allclose(rolled_out(maps[:, 1:]), [[0.75, 0.25]])
    np.testing.assert_allclose(rolled_out(maps[:, 1:].expand(1, 1, 3, 2, 2)), [[0.75, 0.25]])  # three heads that agree


def test_rows_are_distributions_and_the_last_token_is_found():
    torch.manual_seed(0)
    maps = torch.rand(3, 4, 2, 7, 7).softmax(-1)
    row = rolled_out(maps)
    np.testing.assert_allclose(row.sum(1), 1, rtol=1e-5)
    spread = over_frames(row, 51)
    assert spread.shape == (3, 51)
    np.testing.assert_allclose(spread.sum(1), 1, rtol=1e-5)
    assert over_frames(torch.eye(7)[-1:], 51).argmax() >= 44
    np.testing.assert_allclose(over_frames(torch.full((1, 7), 1 / 7), 51), 1 / 51, rtol=1e-5)


def test_the_teacher_s_maps_are_the_attention_that_it_classifies_by():
    torch.manual_seed(0)
    teacher = FromScratch(3).eval()
    with torch.inference_mode():
        maps = teacher.maps(sound())
        block = teacher.net.blocks[0]
        x = block.norm1(teacher.net.tokens(sound()) + teacher.net.position)
        value = block.attention.query_key_value(x).unflatten(2, (3, block.attention.heads, -1))[:, :, 2].transpose(1, 2)
        by_hand = block.attention.out((maps[:, 0] @ value).transpose(1, 2).flatten(2))
        np.testing.assert_allclose(by_hand, block.attention(x), atol=1e-6)
    assert maps.shape == (2, 6, 8, 40, 40)
    np.testing.assert_allclose(maps.sum(-1), 1, rtol=1e-5)


def test_the_loss_is_the_task_and_the_weighted_divergence():
    model = Distilled(DistilledSettings(weight=0.25), 1)
    schedule = schedule_of(Distilled, Settings.preset("tiny"))
    labels, outputs = torch.tensor([[1.0], [0.0]]), torch.tensor([[0.0], [0.0]])
    told, found = torch.tensor([[0.5, 0.5], [1.0, 0.0]]), torch.tensor([[0.5, 0.5], [0.25, 0.75]])
    task = np.log(2)  # two coins
    both = torch.cat([outputs, found.log()], 1), torch.cat([labels, told], 1)
    assert model.loss(schedule)(*both) == pytest.approx(task + 0.25 * (0 + np.log(4)) / 2)
    same = torch.cat([outputs, told.clamp(min=1e-30).log()], 1)
    assert model.loss(schedule)(same, both[1]) == pytest.approx(task)


def test_the_student_has_att_rnn_s_parameters_counted_by_hand():
    """Convolutions of 5 x 1 with batch norms, two bidirectional GRUs of 128 on 20 coefficients, query, 64, 32, classes."""
    convolutions = (1 * 10 * 5 + 10 + 20) + (10 * 5 + 1 + 2)
    gru = sum(2 * 3 * 128 * (width + 128 + 2) for width in (20, 256))
    head = 256 * 256 + 256 + 256 * 64 + 64 + 64 * 32 + 32 + 32 * 200 + 200
    learned_query = 256
    model = Distilled(DistilledSettings(), 200)
    assert sum(p.numel() for p in model.parameters()) == convolutions + gru + head + learned_query


def test_only_training_sees_the_query_and_its_row_is_a_distribution():
    torch.manual_seed(0)
    model = Distilled(DistilledSettings(), 3)
    model.train()
    np.testing.assert_allclose(model(sound())[:, 3:].exp().sum(1).detach(), 1, rtol=1e-5)
    lesson = model.lesson(FromScratch(3).eval(), sound())
    assert model(sound()).shape == (2, 3 + lesson.shape[1])
    assert model.eval()(sound()).shape == (2, 3)


@pytest.fixture
def chunks(home, tmp_path):
    """Sixteen clips of a second of noise, a short burst of a low or a high tone somewhere in it."""
    folder, rows, rng = tmp_path / "sounds", [], np.random.default_rng(0)
    folder.mkdir()
    for number in range(16):
        audio, start = 0.003 * rng.standard_normal(16000), int(rng.integers(0, 12000))
        audio[start : start + 4000] += 0.3 * np.sin(2 * np.pi * (300, 3000)[number % 2] * np.arange(4000) / 16000)
        soundfile.write(folder / f"{number}.wav", audio, 16000)
        rows.append({"id": str(number), "path": str(folder / f"{number}.wav"), "role": "train" if number < 12 else "test",
                     "fold": 0, "labels": (("low", "high")[number % 2],), "group": str(number)})  # fmt: skip
    return cut(Corpus("table", folder, pd.DataFrame(rows), ("low", "high"), {}), Chunking())


@pytest.mark.parametrize("stopped_after", [2, 4])
def test_a_student_stopped_at_its_teacher_or_later_ends_as_one_that_was_not(
    chunks, tmp_path, monkeypatch, stopped_after
):
    """Three epochs of the teacher, then three of the student."""
    given = (Distilled, chunks, Settings.preset("tiny", SMALL), 0)
    whole = learn(*given, tmp_path / "whole", CPU)
    saved, calls = training.save_state, []

    def stop(*args):
        saved(*args)
        calls.append(0)
        if len(calls) == stopped_after:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "save_state", stop)
    with pytest.raises(KeyboardInterrupt):
        learn(*given, tmp_path / "stopped", CPU)
    again = learn(*given, tmp_path / "stopped", CPU)
    assert len(calls) == 6  # no epoch twice
    np.testing.assert_array_equal(again.scores, whole.scores)
    assert learn(*given, tmp_path / "stopped", CPU).seconds == 0


def test_without_weight_there_is_no_teacher_and_with_it_the_student_is_another(chunks, tmp_path):
    alone, taught = (
        learn(Distilled, chunks, Settings.preset("tiny", SMALL | {"peers.distilled.weight": weight}), 0, tmp_path / str(weight), CPU)
        for weight in (0.0, 0.5)
    )  # fmt: skip
    assert not np.allclose(alone.scores, taught.scores)
    assert alone.cost.parameters == taught.cost.parameters  # the teacher is no part of what is used


def test_a_learner_takes_no_weights():
    with pytest.raises(PeerError, match="distilled is trained here from scratch: it takes no weights"):
        wanted("distilled:/some/folder")


def test_what_table_2_says_of_it_depends_on_its_teacher():
    assert LEARNERS["distilled"].about_of(DistilledSettings()).extra_data == "no"
    other = LEARNERS["distilled"].about_of(DistilledSettings(teacher="wav2vec"))
    assert "speech" in other.extra_data
    assert "fine-tuned" in other.source


@pytest.mark.slow
def test_a_teacher_whose_weights_are_not_here_is_said_before_anything_runs(tmp_path):
    pytest.importorskip("transformers")
    asked = {"peers.distilled.teacher": "wav2vec", "peers.distilled.teacher_weights": str(tmp_path / "nothing")}
    (peer,) = wanted("distilled")
    assert peer.needs(Settings.preset("tiny")) == ()
    peer.check(Settings.preset("tiny"))
    with pytest.raises(PeerError, match="wav2vec: its weights facebook/wav2vec2-base"):
        peer.check(Settings.preset("tiny", asked))


@pytest.mark.slow
def test_wav2vec_teaches_where_its_weights_are(tmp_path):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    small = transformers.Wav2Vec2Config(
        hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128
    )
    transformers.Wav2Vec2Model(small).save_pretrained(tmp_path)
    teacher = FineTuned(3, str(tmp_path))
    nn.functional.binary_cross_entropy_with_logits(teacher(sound()), torch.zeros(2, 3)).backward()
    trained = {name for name, p in teacher.named_parameters() if p.grad is not None}
    assert any("encoder.layers.0" in name for name in trained)
    assert not any("feature_extractor" in name for name in trained)
    with torch.inference_mode():
        lesson = Distilled(DistilledSettings(), 3).lesson(teacher.eval(), sound())
    assert lesson.shape == (2, 51)
    np.testing.assert_allclose(lesson.sum(1), 1, rtol=1e-4)


@pytest.mark.slow
def test_the_student_learns_low_from_high(chunks, tmp_path):
    settings = Settings.preset("tiny", {"training.epochs": 40, "schedules.distilled.batch": 6})
    found = learn(Distilled, chunks, settings, 0, tmp_path / "distilled", CPU)
    np.testing.assert_array_equal(found.scores.argmax(1), chunks.targets[chunks.rows("test")].argmax(1))
