"""Representations: against librosa chunk by chunk, against plain loops, and against sounds whose answer is known."""

import sys

import librosa
import numpy as np
import pytest
import scipy.signal
import torch

from lib import files, representations
from lib.encoders.encoder import BLOCK, in_blocks
from lib.encoders.transformer import classifier, n_parameters
from lib.plots.sounds import tone
from lib.representations import kind, make, names, pitch, timbre, waveform
from lib.representations.base import FrontEnd, Representation, moments
from lib.representations.kernels import reflection
from lib.representations.kernels.pitch import peaks
from lib.representations.kernels.waveform import (
    FilterMaxima,
    highest_at_once,
    highest_in_parts,
    padding,
    sums_at_once,
    sums_one_by_one,
)
from lib.representations.neuralogram import LogMel, NeuralogramSettings
from lib.representations.pitch import PitchSettings
from lib.settings import Settings, SettingsError

RATE = 16000
ESC10 = files.PROJECT.parent / "shared" / "data" / "esc10"
CPU = torch.device("cpu")
INTERIOR = slice(8, -8)  # frames that no filter's main part reaches from an edge, where librosa's resamplers ring


def built(name: str, **own) -> Representation:
    torch.manual_seed(0)
    return make(name, Settings(representations={name: own})).eval()


@pytest.fixture(scope="module")
def synthetic() -> np.ndarray:
    """Chunks [c, s] of many kinds: notes, chords, a glide, a click, noise, quiet and loud, one that ends in silence."""
    rng, time_s = np.random.default_rng(0), np.arange(RATE) / RATE
    rows = [
        tone(hz, RATE, n_partials=partials) for hz, partials in ((55, 20), (220, 8), (440, 1), (1000, 3), (3000, 2))
    ]
    rows += [0.3 * tone(220, RATE, n_partials=6) + 0.2 * tone(331, RATE, n_partials=6)]
    rows += [scipy.signal.chirp(time_s, 60, 1, 3500, "logarithmic"), rng.normal(size=RATE) * 0.1]
    rows += [1e-3 * rng.normal(size=RATE), np.exp(-20 * time_s) * rng.normal(size=RATE) * 0.3]
    rows += [tone(220, RATE, n_partials=8) * (time_s < 0.5), 0.9 * np.sign(tone(110, RATE))]
    # Faded at both ends, and over a floor of noise as any recording has: what a loud tone that is cut off leaves behind,
    # and the rounding that fills the half of all cells where nothing sounds, are the resampler's own.
    faded = np.stack(rows) * np.clip(np.minimum(time_s, time_s[::-1]) / 0.1, 0, 1) ** 2
    return (faded + 1e-4 * rng.normal(size=(len(rows), RATE))).astype(np.float32)


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> np.ndarray:
    """Chunks of real recordings, every 20th of ESC-10 and none silent."""
    if not ESC10.exists():
        pytest.skip(f"{ESC10} is not there: nothing was checked on real recordings")
    from lib.sounds.decode import decode

    paths = sorted((ESC10 / "audio").iterdir())[::20]
    chunks = np.stack([decode(path, RATE, "soxr_hq")[RATE : 2 * RATE] for path in paths]).astype(np.float32)
    return chunks[np.abs(chunks).max(1) > 1e-3]


@pytest.fixture(params=["synthetic", "real"])
def audio(request) -> np.ndarray:
    return request.getfixturevalue(request.param)


def computed(representation: Representation, audio: np.ndarray) -> np.ndarray:
    return np.concatenate([values[0] for _, values in in_blocks(representation.compute, audio, CPU)])


# Pitch


def librosa_magnitude(chunk: np.ndarray, first: int = 0, pad_mode: str = "constant") -> np.ndarray:
    answer = librosa.cqt(
        chunk, sr=RATE, hop_length=400, fmin=40.0, n_bins=80, bins_per_octave=12, sparsity=0.01, pad_mode=pad_mode
    )
    return np.abs(answer)[:, first : first + 40]


def plain_peaks(magnitude: np.ndarray, settings: PitchSettings) -> np.ndarray:
    """The rule of the paper, cell by cell."""
    level = np.maximum(magnitude, magnitude.max() * 10 ** (-settings.floor_db / 20))
    median = np.median(level)
    found = np.zeros(level.shape, bool)
    for k in range(level.shape[0]):
        for t in range(level.shape[1]):
            around = [level[j, t] for j in range(max(0, k - 2), min(level.shape[0], k + 3)) if j != k]
            found[k, t] = all(level[k, t] > other for other in around) and level[k, t] >= median
    return found


def test_the_plain_rule_is_the_papers_cell_by_cell(audio):
    for chunk in audio:
        assert np.array_equal(
            pitch.plain(chunk, PitchSettings(), RATE), plain_peaks(librosa_magnitude(chunk), PitchSettings())
        )


@pytest.mark.parametrize("strict", [True, False])
def test_pitch_map_is_the_plain_rule(audio, strict):
    ours = computed(built("pitch", strict=strict), audio).astype(bool)
    plain = np.stack([pitch.plain(chunk, PitchSettings(strict=strict), RATE) for chunk in audio])
    assert plain.any((1, 2)).all() and (ours == plain)[:, :, INTERIOR].mean() >= 0.9995
    assert not pitch.plain(np.zeros(RATE, np.float32), PitchSettings(strict=strict), RATE).any(), "of silence too"


def test_constant_q_magnitude_is_librosas(audio):
    with torch.inference_mode():
        ours = built("pitch").magnitude(torch.from_numpy(audio)).numpy()
    for mine, chunk in zip(ours, audio, strict=True):
        theirs = librosa_magnitude(chunk)
        assert np.abs(mine - theirs)[:, INTERIOR].max() <= 1e-3 * theirs.max()


def test_pitch_map_is_the_rule_on_librosas_constant_q(audio):
    ours = computed(built("pitch"), audio).astype(bool)
    theirs = np.stack([plain_peaks(librosa_magnitude(chunk), PitchSettings()) for chunk in audio])
    assert ours.shape == theirs.shape == (len(audio), 80, 40)
    assert theirs.any((1, 2)).all(), "a reference without peaks proves nothing"
    assert (ours == theirs).mean() >= 0.998
    assert (ours == theirs)[:, :, INTERIOR].mean() >= 0.9995


def test_reflected_pitch_is_librosas_constant_q_of_the_chunk_continued_by_reflection(audio):
    reflected, before = built("pitch", padding="reflect"), 20  # frames: half a second at either end
    with torch.inference_mode():
        ours = reflected.magnitude(torch.from_numpy(audio)).numpy()
    continued = np.pad(audio, [(0, 0), (before * 400, before * 400)], mode="reflect")
    theirs = np.stack([librosa_magnitude(chunk, before) for chunk in continued])
    highest = theirs.max((1, 2), keepdims=True)
    assert (np.abs(ours - theirs) <= 1e-3 * highest).all()
    expected = np.stack([plain_peaks(level, PitchSettings()) for level in theirs])
    found = computed(reflected, audio).astype(bool)
    assert (found == expected).mean() >= 0.9995
    assert (found != computed(built("pitch"), audio).astype(bool)).any()


def test_reflected_pitch_is_librosas_reflection_but_for_where_its_resampled_octaves_end(real):
    with torch.inference_mode():
        ours = built("pitch", padding="reflect").magnitude(torch.from_numpy(real)).numpy()
        of_zeros = built("pitch").magnitude(torch.from_numpy(real)).numpy()
    theirs = np.stack([librosa_magnitude(chunk, pad_mode="reflect") for chunk in real])
    apart, by_zeros = (
        (np.abs(each - theirs) / theirs.max((1, 2), keepdims=True)).max((0, 1)) for each in (ours, of_zeros)
    )
    assert apart[INTERIOR].max() <= 1e-3
    assert apart[1:8].max() <= 0.01 and apart[0] <= 0.1, "at the first sample but for the ringing of its resampler"
    assert by_zeros[:4].min() > 0.1, "zeros give something else there"


@pytest.mark.parametrize("strict", [True, False])
def test_peak_rule_against_loops_with_ties_and_edges(strict):
    magnitude = np.random.default_rng(1).integers(1, 5, (3, 12, 7)).astype(np.float32)  # few values: many ties
    settings = PitchSettings(strict=strict)
    ours = peaks(torch.from_numpy(magnitude), settings).numpy()
    for mine, level in zip(ours, magnitude, strict=True):
        if strict:
            assert np.array_equal(mine, plain_peaks(level, settings))
        else:
            assert (mine >= plain_peaks(level, settings)).all()
            assert mine.sum() > plain_peaks(level, settings).sum()


def test_even_of_tones_cut_off_at_both_ends_most_cells_agree():
    cut_off = np.stack([tone(hz, RATE, n_partials=8) for hz in (220, 440, 1000)])
    ours = computed(built("pitch"), cut_off).astype(bool)
    theirs = np.stack([plain_peaks(librosa_magnitude(chunk), PitchSettings()) for chunk in cut_off])
    assert (ours == theirs).mean() >= 0.99


def test_a_peaks_neighbours_within_two_bins_are_none(synthetic):
    found = computed(built("pitch"), synthetic).astype(bool)
    assert not (found[:, 1:] & found[:, :-1]).any()
    assert not (found[:, 2:] & found[:, :-2]).any()


def test_a_notes_strongest_bin_is_its_own_over_the_whole_range():
    ours, bins = built("pitch"), np.arange(80)
    notes = np.stack([tone(hz, RATE) for hz in 40 * 2 ** (bins / 12)])
    assert 40 * 2 ** (79 / 12) > 3800
    with torch.inference_mode():
        loudest = ours.magnitude(torch.from_numpy(notes)).argmax(1).numpy()  # [note, frame]
    found = computed(ours, notes)
    assert (loudest[:, 5:-5] == bins[:, None]).all()
    assert found[bins, bins, 5:-5].all(), "the note's own bin holds a peak in every frame away from the edges"


@pytest.mark.parametrize("level", [0.0, 1e-30])
def test_a_silent_chunk_gives_an_empty_map(level):
    assert not computed(built("pitch"), np.full((2, RATE), level, np.float32)).any()


def test_pitch_does_not_know_loudness(synthetic):
    assert np.array_equal(
        computed(built("pitch"), synthetic), computed(built("pitch"), synthetic / 8)
    )  # 8: exact in floats


# Timbre


def librosa_mfcc(chunk: np.ndarray, pad_mode: str = "constant") -> np.ndarray:
    return librosa.feature.mfcc(y=chunk, sr=RATE, n_mfcc=13, hop_length=400, pad_mode=pad_mode)[1:, :40]


def test_timbre_is_librosas_mfcc_chunk_by_chunk(audio):
    ours = computed(built("timbre"), audio)
    theirs = np.stack([librosa_mfcc(chunk) for chunk in audio])
    assert ours.shape == (len(audio), 12, 40)
    assert np.abs(ours - theirs).max() <= 1e-2


@pytest.mark.parametrize("padding", ["zeros", "reflect"])
def test_timbre_is_the_plain_rule(audio, padding):
    settings = timbre.TimbreSettings(padding=padding)
    plain = np.stack([timbre.plain(chunk, settings, RATE) for chunk in audio])
    assert np.abs(computed(built("timbre", padding=padding), audio) - plain).max() <= 1e-2
    if padding == "zeros":
        assert np.array_equal(plain, np.stack([librosa_mfcc(chunk) for chunk in audio]))


def test_reflected_timbre_is_librosas(audio):
    ours = computed(built("timbre", padding="reflect"), audio)
    theirs = np.stack([librosa_mfcc(chunk, "reflect") for chunk in audio])
    assert np.abs(ours - theirs).max() <= 1e-2
    changed = np.abs(ours - computed(built("timbre"), audio)).max((0, 1))  # [frame]
    assert changed[[0, 39]].min() > 1, "what stands beyond the ends must matter to the frames there"


def test_timbre_of_a_quiet_chunk_does_not_depend_on_a_loud_neighbour():
    quiet, loud = 1e-4 * tone(300, RATE, n_partials=5), 0.9 * tone(300, RATE, n_partials=5)
    together = computed(built("timbre"), np.stack([quiet, loud]))
    assert np.abs(together[0] - librosa_mfcc(quiet)).max() <= 1e-2
    in_one = librosa.feature.mfcc(y=np.stack([quiet, loud]), sr=RATE, n_mfcc=13, hop_length=400)[0, 1:, :40]
    assert np.abs(in_one - librosa_mfcc(quiet)).max() > 1, "librosa's own batch has a common floor: the trap is real"


def test_timbre_of_silence_is_finite_and_flat():
    assert np.abs(computed(built("timbre"), np.zeros((1, RATE), np.float32))).max() < 1e-3


@pytest.mark.parametrize("name", ["pitch", "timbre"])
def test_features_do_not_depend_on_the_number_of_threads_and_leave_it_alone(name, synthetic):
    representation, chunks, before = built(name), torch.from_numpy(synthetic).repeat(3, 1), torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(representation.compute(chunks))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*found)


# Waveform


def test_waveform_filters_forward_and_gradients_are_those_of_a_plain_convolution():
    torch.manual_seed(0)
    patches, weight, bias = torch.randn(50, 400), torch.randn(16, 200) / 14, torch.randn(16)
    factor, results = torch.randn(50, 16), []
    for answer in (FilterMaxima.apply, waveform.plain):
        w, b = weight.clone().requires_grad_(), bias.clone().requires_grad_()
        out = answer(patches, w, b)
        (out * factor).sum().backward()
        results.append((out.detach(), w.grad, b.grad))
    for ours, plain in zip(*results, strict=True):
        assert (ours - plain).abs().max() <= 1e-4 * max(1.0, float(plain.abs().max()))


@pytest.mark.parametrize(("n_positions", "n_taps"), [(400, 200), (37, 8), (5, 1), (64, 33), (3, 40)])
def test_waveform_filters_give_the_same_in_parts_and_all_at_once(n_positions, n_taps):
    """The kernels of a device, on the processor: the same places, sums and, of equal answers, the first."""
    torch.manual_seed(0)
    weight, padded = torch.randn(16, n_taps), torch.nn.functional.pad(torch.randn(50, n_positions), padding(n_taps))
    padded[0] = 0  # silence: all answers are equal
    (best, where), (at_once, same) = highest_in_parts(padded, weight), highest_at_once(padded, weight)
    assert torch.equal(where, same) and not where[0].any()
    torch.testing.assert_close(best, at_once, rtol=1e-5, atol=1e-5)
    windows, gradient = padded.flatten().unfold(0, n_taps, 1), torch.randn(50, 16)
    starts = where + padded.shape[1] * torch.arange(50)[:, None]
    plain = sums_one_by_one(gradient, windows, starts)
    torch.testing.assert_close(plain, sums_at_once(gradient, windows, starts), rtol=1e-5, atol=1e-5)


def test_waveform_front_end_is_convolution_maximum_projection_position(synthetic):
    own, audio = built("waveform"), torch.from_numpy(synthetic[:3])
    with torch.inference_mode():
        ours = own(own.compute(audio))
        padded = torch.nn.functional.pad(audio.reshape(-1, 1, 400), (99, 100))
        maxima = torch.nn.functional.conv1d(padded, own.filters.weight, own.filters.bias).amax(2).reshape(3, 40, 128)
        plain = own.front.project(maxima) + own.front.position
    assert (ours - plain).abs().max() <= 1e-4


# Neuralogram


@pytest.mark.parametrize(("padding", "pad_mode"), [("zeros", "constant"), ("reflect", "reflect")])
def test_log_mel_is_librosas_slaney(audio, padding, pad_mode):
    settings = NeuralogramSettings(padding=padding)
    pieces = audio.reshape(-1, 1600)[::3]
    with torch.inference_mode():
        ours = LogMel(settings, RATE)(torch.from_numpy(pieces)).numpy()
    power = librosa.feature.melspectrogram(
        y=pieces, sr=RATE, n_fft=400, hop_length=160, n_mels=64, pad_mode=pad_mode, htk=False, norm="slaney"
    )[..., :10]
    theirs = 10 * np.log10(np.maximum(power, 1e-10))
    heard = theirs > theirs.max((1, 2), keepdims=True) - 80  # under that float32 rounds away what is there
    assert ours.shape == theirs.shape == (len(pieces), 64, 10)
    assert heard.any((1, 2)).all()
    assert np.abs(ours - theirs)[heard].max() <= 0.05


@pytest.mark.parametrize("way", ["timm", "keep_time", "repeat"])
def test_neuralogram_shape_and_that_pieces_do_not_see_their_neighbours(synthetic, way):
    torch.manual_seed(0)
    neuralogram = make("neuralogram", Settings.preset("paper", {"representations.neuralogram.map": way})).eval()
    changed = synthetic[:2].copy()
    changed[:, 4800:6400] = 0.1 * np.random.default_rng(2).normal(size=(2, 1600))
    before, after = computed(neuralogram, synthetic[:2]), computed(neuralogram, changed)
    assert before.shape == (2, 1024, 10)
    others = np.arange(10) != 3
    assert np.array_equal(before[:, :, others], after[:, :, others])
    assert np.abs(before - after)[:, :, 3].max() > 0


def test_log_mel_of_a_whole_chunk_takes_its_padding_from_its_own_settings(synthetic):
    found = {padding: computed(built("logmel", padding=padding), synthetic[:2]) for padding in ("zeros", "reflect")}
    power = librosa.feature.melspectrogram(
        y=synthetic[:2], sr=RATE, n_fft=2048, hop_length=400, n_mels=128, pad_mode="reflect"
    )[..., :40]
    theirs = 10 * np.log10(np.maximum(power, 1e-10))
    above = theirs > theirs.max((1, 2), keepdims=True) - 80
    assert np.abs(found["reflect"] - theirs)[above].max() <= 0.05
    assert np.abs(found["zeros"] - theirs)[above].max() > 1


# All of them


def test_padding_is_an_open_point_of_the_decisions():
    from lib.settings import decisions

    for name in ("pitch", "timbre", "neuralogram"):
        rows = [row for row in decisions(kind(name).Settings()) if row["what"] == "padding"]
        assert [(row["taken"], row["offered"]) for row in rows] == [("zeros", "reflect")]
    with pytest.raises(SettingsError, match="padding = 'wrap'"):
        built("timbre", padding="wrap")


@pytest.mark.parametrize(("n_samples", "edge"), [(7, 3), (3, 8)])
def test_reflection_is_numpys_even_beyond_the_chunks_length(n_samples, edge):
    chunk = np.random.default_rng(0).normal(size=n_samples)
    assert np.array_equal(chunk[reflection(n_samples, edge)], np.pad(chunk, edge, mode="reflect"))


@pytest.mark.parametrize("name", ["pitch", "timbre"])
def test_features_may_be_changed_in_place(name, synthetic):
    features = built(name).compute(torch.from_numpy(synthetic[:2]))
    before = features.clone()
    features += 1  # refused for what was made in inference mode
    assert torch.equal(features, before + 1)


@pytest.mark.parametrize("name", names())
def test_a_chunk_alone_and_in_a_batch_gives_the_same_numbers(name, synthetic):
    representation = built(name)
    batch = np.concatenate([synthetic] * 6)[: BLOCK + 3]  # over the end of a block
    together = computed(representation, batch)
    for row in (0, 5, BLOCK + 1):
        assert np.array_equal(together[row], computed(representation, batch[row : row + 1])[0])


@pytest.mark.parametrize("name", names())
def test_tokens_have_the_bodys_width_and_draw_names_its_units(name, synthetic):
    from matplotlib.figure import Figure

    representation = built(name)
    features = computed(representation, synthetic[:2])
    with torch.inference_mode():
        tokens = representation(torch.from_numpy(features))
    assert tokens.shape[::2] == (2, 64)
    assert tokens.isfinite().all()
    axis = Figure().subplots()
    representation.draw(axis, features[0])
    assert axis.get_xlabel() == "time (s)"
    assert axis.get_ylabel()
    learned = Figure().subplots()
    representation.draw_learned(learned)
    assert learned.get_xlabel()
    assert learned.get_ylabel()
    assert learned.get_title()


def test_registry_order_and_names():
    assert names()[:4] == representations.PAPER == ("pitch", "timbre", "neuralogram", "waveform")
    assert [built(name).name for name in names()] == list(names())
    with pytest.raises(SettingsError, match="there are pitch, timbre"):
        kind("loudness")


FIFTH = """
import torch
from pydantic import Field
from lib.representations.base import FrontEnd, Representation
from lib.settings import Frozen

class LoudnessSettings(Frozen):
    hop_s: float = Field(0.1, gt=0)

class LoudnessOverTime(Representation):
    Settings = LoudnessSettings
    title, keeps, colour = "Loudness", "how loud it is", "#000000"

    def __init__(self, settings, chunking, width):
        super().__init__(settings, chunking, width)
        self.front = FrontEnd(1, 10, width)

    def compute(self, chunks):
        return chunks.unflatten(1, (10, -1)).square().mean(2).sqrt()[:, None]

    def forward(self, features):
        return self.front(features)

    def draw(self, axis, features):
        axis.plot(features[0])
        axis.set(xlabel="time (s)", ylabel="amplitude")
"""


def test_a_fifth_representation_is_one_new_file(tmp_path, monkeypatch, synthetic):
    (tmp_path / "loudness_over_time.py").write_text(FIFTH)
    monkeypatch.setattr(representations, "__path__", [*representations.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "lib.representations.loudness_over_time", raising=False)
    assert names() == (*representations.PAPER, "loudness_over_time")
    fifth = make("loudness_over_time", Settings.preset("paper", {"representations.loudness_over_time.hop_s": 0.2}))
    assert fifth.name == "loudness_over_time"
    assert fifth.settings.hop_s == 0.2
    assert fifth(torch.from_numpy(computed(fifth, synthetic))).shape == (len(synthetic), 10, 64)
    from lib.encoders.heads import subsets

    assert len(subsets(names())) == 31
    sys.modules.pop("lib.representations.loudness_over_time")
    representations.__dict__.pop("loudness_over_time", None)  # the import made it an attribute of the package


def test_front_end_standardises_on_what_it_is_given():
    from lib.sounds.arrays import Rows

    features = np.random.default_rng(0).normal(5, [[1], [10], [0]], (20, 3, 7)).astype(np.float32)
    mean, spread = moments(Rows(features, np.arange(10)))
    assert np.allclose(mean, features[:10].mean((0, 2)), atol=1e-4)
    assert np.allclose(spread[:2], features[:10].std((0, 2))[:2], rtol=1e-4)
    assert spread[2] == 1
    untouched = FrontEnd(3, 7, 64)
    untouched.standardise(Rows(features, np.arange(10)))
    assert untouched.mean.abs().max() == 0


# The paper's "4 million", counted by hand: (with classifiers, without) in millions by width of a head
COUNTS = {5: (3.45, 1.28), 8: (3.68, 1.50), 16: (4.27, 2.10), 64: (7.85, 5.68)}


def test_parameter_counts():
    from lib.evaluation.single import parameter_readings

    table = parameter_readings(tuple(COUNTS)).set_index("head_width")
    for width, (with_classifier, without) in COUNTS.items():
        assert tuple(table.loc[width]) == (without, with_classifier, 3.21)
    assert n_parameters(classifier("paper", 4 * 64, 200, 2048)) == 936_136


def test_the_mobilenet_is_timms_as_it_comes_but_for_rounding():
    """Channels last and 1 x 1 convolutions as products: the same outputs and the same gradients as the plain form."""
    import timm

    network = make("neuralogram", Settings()).network.body.double()
    plain = timm.create_model("mobilenetv1_100", in_chans=1, num_classes=0).double()
    plain.load_state_dict(network.state_dict())
    pictures = torch.randn(8, 1, 64, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ours = network.train()(pictures.contiguous(memory_format=torch.channels_last))
    theirs = plain.train()(pictures)
    assert torch.allclose(ours, theirs, atol=1e-9)
    for one in (ours, theirs):
        one.square().mean().backward()
    for (name, mine), other in zip(network.named_parameters(), plain.parameters(), strict=True):
        assert torch.allclose(mine.grad, other.grad, atol=1e-9 + 1e-6 * float(other.grad.abs().max())), name
