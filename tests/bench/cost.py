"""What a step of the study costs, by how much sound there is."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor, nn

from bench.case import CPU, N_CLASSES, seconds
from lib.display import figures
from lib.encoders import training
from lib.encoders.encoder import Encoder, in_blocks
from lib.encoders.heads import HeadData, HeadPlan, score_subsets
from lib.evaluation.resampling import Bootstrap
from lib.representations import names
from lib.representations.neuralogram import PieceClassifier
from lib.settings import Heads, Settings, Training
from lib.sounds.arrays import Rows

SIZES = (16, 64, 256, 1024)  # chunks


def costs(chunks: Tensor, settings: Settings) -> dict[str, list[float]]:
    """Seconds of each step of the study at each of SIZES: features, one epoch of each encoder, heads, intervals."""
    audio = np.resize(chunks.numpy(), (SIZES[-1], chunks.shape[1]))  # more than there are: some come again
    targets = (np.random.default_rng(0).random((SIZES[-1], N_CLASSES)) < 0.06).astype(np.uint8)
    schedule = Training(epochs=1, lr=1e-3, batch=64)
    found: dict[str, list[float]] = {}
    for name in names():
        encoder, features = Encoder(name, N_CLASSES, settings), audio
        compute = encoder.representation.compute
        for network in encoder.representation.learned:
            each, model = encoder.representation.n_pieces, PieceClassifier(network, N_CLASSES)
            pieces, labels = audio.reshape(SIZES[-1] * each, -1), targets.repeat(each, axis=0)
            found["epoch: mobilenet"] = [
                epoch_seconds(model, pieces[: n * each], labels[: n * each], schedule) for n in SIZES
            ]
        if encoder.representation.stored:
            found[f"features: {name}"] = [seconds(lambda n=n, c=compute: features_of(c, audio[:n])) for n in SIZES]
            features = features_of(compute, audio)
        found[f"epoch: {name}"] = [epoch_seconds(encoder, features[:n], targets[:n], schedule) for n in SIZES]
    rng = np.random.default_rng(0)
    embeddings = {name: rng.normal(size=(SIZES[-1], 64)).astype(np.float32) for name in names()}
    for head in ("linear", "paper"):
        found[f"epoch: heads {head}"] = [heads_seconds(embeddings, targets, head, n, schedule) for n in SIZES]
    found["1,000 resamples"] = [bootstrap_seconds(targets[:n], rng.normal(size=(n, N_CLASSES))) for n in SIZES]
    return found


def features_of(compute: Callable[[Tensor], Tensor], audio: np.ndarray) -> np.ndarray:
    """Features [chunk, ...] block by block, as the study computes them."""
    return np.concatenate([values[0] for _, values in in_blocks(compute, audio, CPU)])


def epoch_seconds(model: nn.Module, inputs: np.ndarray, targets: np.ndarray, schedule: Training) -> float:
    """Seconds of one epoch of training."""
    examples = training.Examples(Rows(inputs, np.arange(len(inputs))), targets, "train")
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        return training.fit(model, examples, schedule, 0, state=state, key="cost", device=CPU).seconds


def heads_seconds(embeddings: dict, targets: np.ndarray, head: str, n: int, schedule: Training) -> float:
    """Seconds of one epoch of a head on all subsets (linear: the closed form), with the scores of as many chunks."""
    some, rows = {name: values[:n] for name, values in embeddings.items()}, np.arange(n)
    data, plan = HeadData(some, targets[:n], rows.astype(str)), HeadPlan(head, Heads(), schedule)
    return seconds(lambda: list(score_subsets(data, rows, rows, plan, 0, CPU)))


def bootstrap_seconds(targets: np.ndarray, scores: np.ndarray) -> float:
    """Seconds of 1,000 resamples of macro mAP."""
    groups = np.arange(len(targets)).astype(str)
    return seconds(lambda: Bootstrap(targets, scores, groups, 1000, 0).of("map_macro"))


def cost_figure(found: dict[str, list[float]]) -> Figure:
    """Seconds against chunks, both logarithmic; a line of slope 1 beside them."""
    with figures.style():
        figure = Figure(figsize=(8, 5))
        axis = figure.subplots()
        for number, (name, values) in enumerate(found.items()):
            dashes = ("-", "--", ":")[number // 10 % 3]
            axis.loglog(SIZES, values, dashes, marker="os^Dv<>"[number % 7], markersize=4, linewidth=1, label=name)
        axis.loglog(SIZES, [n / 1000 for n in SIZES], color=figures.GREY, linewidth=3, alpha=0.4, label="1 ms a chunk")
        axis.set(xlabel="chunks of 1 s", ylabel="time (s)", title="What a step costs, by how much sound there is")
        axis.set_xticks(SIZES, [str(n) for n in SIZES])
        axis.yaxis.set_major_formatter("{x:g}")  # text is drawn as it is here, so powers would show their markup
        axis.minorticks_off()
        figure.legend(loc="outside right upper")
    return figure
