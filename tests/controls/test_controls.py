"""Controls: each leaves what its game asks for, from nothing but what it may read; and each is what it says it is."""

import json
import typing
from dataclasses import replace
from functools import partial

import librosa
import made_up
import numpy as np
import pytest
import torch
from made_up import SHORT, short_study

from lib import representations, stages
from lib.controls import CONTROLS, CURVES, ControlError, classical, find, games, keeping, own_jobs, ready, work
from lib.encoders import encoder as encoders
from lib.encoders import training
from lib.encoders.heads import HeadData, HeadPlan, label, score_subsets, subsets
from lib.evaluation.games import control_scores, paper4
from lib.evaluation.scores import LARGE_BYTES, write_scores
from lib.files import digests
from lib.representations import PAPER, kind, make, names
from lib.representations.base import Representation
from lib.settings import ControlName, Heads, Settings, SettingsError, Training
from lib.study import Study, StudyError

study_of = partial(short_study, SHORT)
ROUNDING = 2e-5  # between a batched product and one by itself
LOGMEL_DB = 0.05  # cells beside a loud tone lie 80 dB under it, where single precision ends
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def home(trained_home):
    return trained_home


@pytest.fixture(scope="module")
def untouched(home, small_corpus):
    """A study that nobody has trained."""
    return study_of(small_corpus, name="untouched")


@pytest.fixture(scope="module")
def study(home, small_corpus):
    """The study itself, trained and scored with seed 0; of seed 1 the waveform alone."""
    made = study_of(small_corpus)
    stages.train(made, "waveform", 1)
    return made


@pytest.fixture(scope="module")
def folds(home, folds_corpus):
    """Two runs that test on different folds of one corpus."""
    return [study_of(folds_corpus, corpus="esc50", fold=number) for number in (1, 2)]


def scores_of(study, name, seed=0):
    """File name -> scores [chunk, class] of a control."""
    folder = control_scores(study, name, "", "", seed).parent
    return {path.name: np.load(path) for path in sorted(folder.glob("*.npy"))}


def times_of(study, name):
    return {path: path.stat().st_mtime_ns for path in control_scores(study, name, "", "", 0).parent.glob("*.npy")}


# All of them


@slow
@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_leaves_the_files_that_its_game_asks_for_and_once(name, study, monkeypatch):
    monkeypatch.setattr(classical, "TREES", 6)  # for fifteen subsets and three folds of each
    control = CONTROLS[name]
    assert not ready(study, control)
    control.run(study, 0)
    game = control.game(study)
    assert ready(study, control) and game in games(study)
    assert game.name == f"{name}{len(game.players)}" and game.control == name
    shape = (len(study.chunks.rows("test")), len(study.chunks.corpus.classes))
    found = scores_of(study, name)
    wanted = [subset for subset in subsets(game.players) if game.own & set(subset)]
    assert set(found) == {f"{label(s)}-{head}-seed0.npy" for s in wanted for head in control.heads(study)}
    for scores in found.values():
        assert scores.shape == shape and scores.dtype == np.float32 and np.isfinite(scores).all()
    before = times_of(study, name)
    control.run(study, 0)
    assert times_of(study, name) == before


@slow
def test_the_games_are_those_that_were_asked_for(study):
    made = {name: control.game(study) for name, control in CONTROLS.items()}
    assert [game.name for game in made.values()] == [
        "noise5", "untrained4", "shuffled4", "seeds4", "wide1", "logmel5", "mobilenet1", "mean4", "raw3", "classical4", "crossfit4",
        "stacked4",
    ]  # fmt: skip
    assert [name for name, control in CONTROLS.items() if control.costly] == [
        "shuffled", "seeds", "wide", "crossfit", "stacked",
    ]  # fmt: skip
    assert made["noise"].players == (*PAPER, "noise") and made["noise"].own == {"noise"}
    assert made["wide"].players == ("waveform256",)
    assert made["raw"].players == ("pitch", "timbre", "waveform")  # the neuralogram is a trained network's
    assert made["classical"].players == PAPER == made["crossfit"].players
    assert made["noise"].file(study, PAPER, "paper", 0) == paper4().file(study, PAPER, "paper", 0)
    assert made["crossfit"].file(study, PAPER, "paper", 0) != paper4().file(study, PAPER, "paper", 0)


def test_controls_that_train_most_encoders_are_begun_first():
    asked = ("noise", "logmel", "wide", "data8", "data2", "stacked", "shuffled", "crossfit", "budget2")
    assert own_jobs(asked) == ["crossfit", "shuffled", "wide", "data2", "logmel", "data8"]


def test_settings_know_the_same_controls_and_an_unknown_one_is_one_line():
    assert typing.get_args(ControlName) == (*CONTROLS, *CURVES)
    for wrong, error in ((lambda: find("nois"), ControlError), (lambda: choose("nois"), SettingsError)):
        with pytest.raises(error, match="nois") as told:
            wrong()
        assert "crossfit" in str(told.value) and "\n" not in str(told.value)


def choose(value):
    return Settings.preset("tiny", {"controls": value}).controls


def test_controls_are_switched_in_the_preset_or_by_name():
    assert Settings.preset("quick").controls == ("noise",)
    assert all(Settings.preset(name).controls == () for name in ("tiny", "laptop", "paper"))
    assert choose("mean") == ("mean",) and choose("") == () and choose(("mean", "raw")) == ("mean", "raw")
    assert choose("all") == (*CONTROLS, *CURVES)


@pytest.mark.parametrize(
    "name", ["noise", "mobilenet", "mean", "crossfit", "stacked", "seeds", "logmel", "classical", "budget8"]
)
def test_a_study_that_is_not_trained_is_one_line(name, untouched):
    with pytest.raises(StudyError, match="02_train_encoder") as told:
        find(name).run(untouched, 0)
    assert "\n" not in str(told.value)
    assert not games(untouched)


@slow
def test_a_control_that_was_stopped_goes_on(study, monkeypatch):
    CONTROLS["noise"].run(study, 0)
    whole, real = scores_of(study, "noise"), keeping.score_subsets
    for path in times_of(study, "noise"):
        path.unlink()

    def stopping(*given, **more):
        for number, each in enumerate(real(*given, **more)):
            if number == 3:
                raise KeyboardInterrupt
            yield each

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(keeping, "score_subsets", stopping)
        CONTROLS["noise"].run(study, 0)
    assert len(scores_of(study, "noise")) == 3 and not ready(study, CONTROLS["noise"])
    CONTROLS["noise"].run(study, 0)
    again = scores_of(study, "noise")
    assert again.keys() == whole.keys()
    assert all(np.array_equal(again[name], whole[name]) for name in whole)


@slow
def test_scores_of_other_inputs_are_not_left_beside_new_ones(study):
    game = CONTROLS["mean"].game(study)

    def some():
        yield ("pitch",), np.zeros((2, 2))
        raise KeyboardInterrupt

    CONTROLS["mean"].run(study, 0)
    with pytest.raises(KeyboardInterrupt):
        keeping.write_once(study, game, "own", 0, "another key", some)
    assert list(scores_of(study, "mean")) == ["pitch-own-seed0.npy"]
    CONTROLS["mean"].run(study, 0)
    assert len(scores_of(study, "mean")) == 15 and scores_of(study, "mean")["pitch-own-seed0.npy"].shape != (2, 2)


def test_a_game_is_ready_when_every_fold_and_seed_is(tmp_path, monkeypatch):
    whole, mean = made_up.study(tmp_path, monkeypatch), CONTROLS["mean"]
    todo = [(part, seed) for part in whole.parts for seed in whole.request.seeds]
    assert len(todo) == 4
    for part, seed in todo:
        assert not ready(whole, mean) and games(whole) == []
        mean.run(part, seed)
    assert ready(whole, mean) and games(whole) == [mean.game(whole)]
    part.scores("constant", "none", seed).unlink()
    assert ready(whole, mean)  # no game reads it: of nobody chance is expected
    mean.game(whole).file(part, ("pitch",), "own", seed).unlink()
    assert not ready(whole, mean)


@pytest.mark.parametrize(("limit", "kept"), [(LARGE_BYTES, np.float32), (1000, np.float16)])
def test_scores_of_a_control_are_stored_as_the_studys(limit, kept, tmp_path, monkeypatch):
    monkeypatch.setattr("lib.evaluation.scores.LARGE_BYTES", limit)
    part = made_up.study(tmp_path, monkeypatch).parts[0]
    CONTROLS["mean"].run(part, 0)
    scores = np.load(part.scores("pitch", "own", 0))
    write_scores(part, "pitch", "own", 0, scores)
    for path in (part.scores("pitch", "own", 0), control_scores(part, "mean", label(PAPER), "own", 0)):
        assert np.load(path).dtype == kept
    own = np.mean([np.load(part.scores(name, "own", 0)).astype(np.float32) for name in PAPER], axis=0)
    np.testing.assert_allclose(np.load(control_scores(part, "mean", label(PAPER), "own", 0)), own, atol=1e-3)


# Nothing of another fold or seed


@pytest.mark.parametrize("which", ["untrained", "trained", "raw"])
def test_a_fold_or_seed_never_reads_anothers(which, folds, monkeypatch):
    """In the folder of fold 1, fold 2 gets what it gets in a folder of its own; and so does another seed."""
    first, second = folds

    def made(part, seed=0):
        chunks = work.shuffled(part.chunks, seed)
        if which == "trained":
            return keeping.trained(part, "shuffled", "timbre", seed, chunks=chunks)
        return getattr(work, which)(part, "timbre", seed)

    alone = made(second)
    before = made(first)
    in_first = replace(second, folder=first.folder)
    monkeypatch.setattr(Study, "register", lambda self, corpus_hash: None)
    assert np.array_equal(made(in_first), alone)
    if which != "raw":  # a mean over time has nothing of a fold or a seed in it
        assert not np.array_equal(before, alone)
        assert not np.array_equal(made(first, seed=1), before)
    assert np.array_equal(made(first), before)


@slow
def test_what_is_kept_under_another_key_is_made_again(study):
    def asked(key, value):
        return keeping.computed(study, "pretended", "x", 0, key, lambda: np.full((2, 3), value))

    assert asked("a", 1.0).mean() == asked("a", 2.0).mean() == 1
    assert asked("b", 3.0).mean() == 3 and asked("a", 4.0).mean() == 4


@slow
def test_embeddings_of_weights_that_are_gone_are_not_read(study, tmp_path):
    arguments = ("timbre", study.chunks, study.settings, 0, tmp_path)
    assert encoders.stored_embeddings(*arguments) is None
    made = encoders.train_encoder(*arguments, "cpu").embeddings
    assert np.array_equal(encoders.stored_embeddings(*arguments), made)
    assert encoders.stored_embeddings("timbre", study.chunks, study.settings, 1, tmp_path) is None
    digests.write_json(tmp_path / "embeddings.json", {"key": "another"})
    assert encoders.stored_embeddings(*arguments) is None


# Each by itself


def test_noise_is_drawn_from_the_seed_and_the_fold(folds):
    chunks, other = (part.chunks for part in folds)
    first = work.noise(chunks, 64, 0)
    assert first.shape == (len(chunks), 64) and abs(first.mean()) < 0.1 and abs(first.std() - 1) < 0.1
    assert np.array_equal(first, work.noise(chunks, 64, 0))
    assert not np.array_equal(first, work.noise(chunks, 64, 1))
    assert not np.array_equal(first, work.noise(other, 64, 0))


@slow
def test_an_untrained_encoder_is_where_training_starts(study):
    found = work.untrained(study, "timbre", 0)
    torch.manual_seed(0)
    encoder = encoders.Encoder("timbre", len(study.chunks.corpus.classes), study.settings)
    device = torch.device("cpu")
    features = encoders.features_of(encoder, study.chunks, device)
    rows = study.chunks.rows("train")
    encoder.representation.standardise(encoders.Rows(features, rows))
    np.testing.assert_array_equal(found, encoders.predictions(encoder, features, device)[0])
    assert not np.allclose(found, keeping.of_study(study, 0)["timbre"], atol=1e-3)


@slow
def test_shuffling_keeps_clips_whole_and_classes_as_frequent(study):
    chunks = study.chunks
    other = work.shuffled(chunks, 0)
    for role in ("train", "validation"):
        rows = (chunks.corpus.clips["role"] == role).to_numpy()
        was, now = chunks.corpus.targets[rows], other.corpus.targets[rows]
        assert np.array_equal(was.sum(0), now.sum(0)) and sorted(map(tuple, was)) == sorted(map(tuple, now))
        assert role != "train" or (was != now).any()
    for clip in np.unique(other.clip):
        assert len(np.unique(other.targets[other.clip == clip], axis=0)) == 1
    test = chunks.rows("test")
    assert np.array_equal(other.targets[test], chunks.targets[test])
    assert np.array_equal(other.targets, work.shuffled(chunks, 0).targets)
    assert not np.array_equal(other.targets, work.shuffled(chunks, 1).targets)
    assert other.corpus.hash != chunks.corpus.hash


@slow
def test_the_wide_waveform_has_256_numbers(study):
    CONTROLS["wide"].run(study, 0)
    folder = keeping.checkpoints(study, "wide") / "waveform256-seed0"
    assert np.load(folder / "embeddings.npy").shape == (len(study.chunks), 256)
    assert json.loads((folder / "encoder.json").read_text())["settings"]["body"]["width"] == 256


def test_logmel_is_librosas_and_stands_outside_the_registry():
    assert names() == PAPER and "logmel" not in names() and representations.CONTROLS == ("logmel",)
    built = make("logmel", Settings()).eval()
    assert isinstance(built, Representation) and built.name == "logmel" and kind("logmel").title
    rng = np.random.default_rng(0)
    time_s = np.arange(16000) / 16000
    tones = [np.sin(2 * np.pi * hz * time_s) * level for hz, level in ((110, 0.5), (440, 1e-3), (3000, 0.9))]
    audio = np.stack([*tones, 0.1 * rng.normal(size=16000), 1e-4 * rng.normal(size=16000), np.zeros(16000)])
    audio = (audio + 1e-4 * rng.normal(size=audio.shape) * (np.arange(len(audio)) < 5)[:, None]).astype(np.float32)
    found = built.compute(torch.from_numpy(audio)).numpy()
    assert found.shape == (6, 128, 40)
    for chunk, ours in zip(audio, found, strict=True):
        power = librosa.feature.melspectrogram(
            y=chunk, sr=16000, n_fft=2048, hop_length=400, n_mels=128, pad_mode="constant"
        )
        theirs = librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=None)[:, :40]
        np.testing.assert_allclose(ours, theirs, atol=LOGMEL_DB)
    assert built(torch.from_numpy(found)).shape == (6, 40, 64)


def test_logmel_can_be_drawn():
    from matplotlib.figure import Figure

    axis = Figure().subplots()
    make("logmel", Settings()).draw(axis, np.random.default_rng(0).normal(size=(128, 40)))
    assert axis.get_xlabel() == "time (s)" and axis.get_ylabel() == "mel band" and len(axis.collections) == 1


@slow
def test_mobilenets_scores_are_the_mean_over_ten_pieces(study):
    from safetensors.torch import load_file

    from lib.representations.neuralogram import PieceClassifier

    found = work.mobilenet_scores(study, 0)
    network = PieceClassifier(make("neuralogram", study.settings).network, len(study.chunks.corpus.classes))
    network.load_state_dict(load_file(study.checkpoint("neuralogram", 0) / "mobilenet.safetensors"))
    network.eval()
    for row, chunk in list(enumerate(study.chunks.rows("test")))[::7]:
        pieces = torch.from_numpy(np.array(study.chunks.audio[chunk]).reshape(10, 1600))
        with torch.inference_mode():
            each = np.concatenate([network(piece[None]).numpy() for piece in pieces])
        np.testing.assert_allclose(found[row], each.mean(0), atol=1e-4)


@slow
def test_a_mobilenet_without_its_output_layer_is_one_line(study, tmp_path):
    path = study.checkpoint("neuralogram", 0) / "mobilenet.safetensors"
    kept = path.rename(tmp_path / path.name)
    try:
        with pytest.raises(ControlError, match="run notebooks/02_train_encoder"):
            work.mobilenet_scores(study, 0)
        training.save_weights(torch.nn.Linear(1, 1), path, "of another training")
        with pytest.raises(ControlError, match="run notebooks/02_train_encoder"):
            work.mobilenet_scores(study, 0)
    finally:
        kept.replace(path)


@slow
def test_the_mean_is_numpys(study):
    CONTROLS["mean"].run(study, 0)
    found = scores_of(study, "mean")
    assert len(found) == 15
    for subset in subsets(PAPER):
        own = [np.load(study.scores(name, "own", 0)) for name in subset]
        np.testing.assert_allclose(found[f"{label(subset)}-own-seed0.npy"], np.mean(own, axis=0), atol=1e-6)


@slow
def test_raw_is_the_representation_averaged_over_time(study):
    audio = study.chunks.audio[:3]
    found = {name: work.raw(study, name, 0) for name in work.without_a_network(study.settings)}
    assert {name: values.shape[1] for name, values in found.items()} == {"pitch": 80, "timbre": 12, "waveform": 400}
    np.testing.assert_allclose(found["waveform"][:3], audio.reshape(3, 40, 400).mean(1), atol=1e-6)
    for name in ("pitch", "timbre"):
        features = make(name, study.settings).compute(torch.from_numpy(np.array(audio))).float()
        np.testing.assert_allclose(found[name][:3], features.mean(2), atol=1e-3)


# The head on subsets of unequal widths


def test_heads_take_embeddings_of_any_width_and_only_what_is_asked_for():
    rng = np.random.default_rng(0)
    embeddings = {name: rng.normal(size=(40, d)).astype(np.float32) for name, d in (("a", 3), ("b", 5), ("c", 2))}
    targets = rng.integers(0, 2, (40, 4)).astype(np.uint8)
    train, scored = np.arange(30), np.arange(30, 40)
    data = HeadData(embeddings, targets, np.arange(40).astype(str))
    for head in ("paper", "linear"):
        more = (HeadPlan(head, Heads(hidden=8), Training(epochs=2, lr=1e-2, batch=16)), 0, torch.device("cpu"))
        every = dict(score_subsets(data, train, scored, *more))
        assert set(every) == set(subsets("abc"))
        wanted = [("b",), ("a", "c"), ("a", "b", "c")]  # the first two are equally wide and train together
        some = dict(score_subsets(data, train, scored, *more, only=wanted))
        assert set(some) == set(wanted)
        for subset in wanted:
            alone = replace(data, embeddings={name: embeddings[name] for name in subset})
            lone = dict(score_subsets(alone, train, scored, *more))[subset]
            np.testing.assert_allclose(some[subset], lone, atol=ROUNDING)
            np.testing.assert_allclose(every[subset], lone, atol=ROUNDING)
