"""Our code against what anybody would take instead, on the same real chunks: `make bench`.

Each side runs at its own best batch size, warmed up; rounds of both are interleaved and the medians compared, since a
shared machine is never quiet. A ratio is peer over ours. The peers are not needed by the study: the target installs them.
"""

from __future__ import annotations

import copy
import itertools
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor, nn

from lib import files
from lib.display import figures, mpl
from lib.encoders import training
from lib.encoders.encoder import Encoder, in_blocks, listen
from lib.encoders.heads import HeadData, HeadPlan, label, score_subsets, subsets
from lib.encoders.transformer import Transformer, classifier
from lib.evaluation import measures
from lib.representations import make, names
from lib.representations.neuralogram import PieceClassifier
from lib.settings import Chunking, Heads, Settings, Training
from lib.sounds import corpora
from lib.sounds.arrays import Rows
from lib.sounds.chunks import cut
from lib.study import machine

N_CLASSES = 50
BATCHES = (1, 16, 64, 256)
ROUNDS = 5
ROUND_S = 0.2  # a round of either side calls it as often as fills this: one short call tells of the call before it
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Case:
    """One comparison: `ours` and `theirs` each do `items` items a call; `agreement` says how alike the results are."""

    name: str
    peer: str
    ours: Callable[[], object]
    theirs: Callable[[], object]
    items: tuple[int, int]
    agreement: Callable[[], str]


@dataclass(frozen=True)
class Result:
    """A line of bench.json: milliseconds an item on both sides, and their ratio."""

    name: str
    ours_ms: float
    peer: str
    peer_ms: float
    ratio: float
    agreement: str
    threads: int
    machine: str


def measure(case: Case, threads: int) -> Result:
    """Medians of interleaved rounds, after some calls of each to warm up."""
    sides = [(side, calls_of(side), items) for side, items in zip((case.ours, case.theirs), case.items, strict=True)]
    rounds = [[seconds(side, calls) / items for side, calls, items in sides] for _ in range(ROUNDS)]
    ours_ms, peer_ms = (1000 * statistics.median(values) for values in zip(*rounds, strict=True))
    about = machine()
    told = f"{about['processor']}, {about['cores']} cores"
    return Result(case.name, ours_ms, case.peer, peer_ms, peer_ms / ours_ms, case.agreement(), threads, told)


def calls_of(function: Callable[[], object]) -> int:
    """How many calls fill a round."""
    seconds(function)
    return math.ceil(ROUND_S / seconds(function))


def seconds(function: Callable[[], object], calls: int = 1) -> float:
    """Wall seconds of a call: the mean of as many as told."""
    start = time.perf_counter()
    for _ in range(calls):
        function()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / calls


def best_batch(function: Callable[[Tensor], object], chunks: Tensor) -> Tensor:
    """The first chunks, as many as `function` does fastest an item."""
    sizes = [size for size in BATCHES if size <= len(chunks)]
    for size in sizes:
        function(chunks[:size])
    return chunks[: min(sizes, key=lambda size: min(seconds(lambda: function(chunks[:size])) for _ in range(2)) / size)]


# Representations


def reference_map(magnitude: np.ndarray) -> np.ndarray:
    """Peaks of constant-Q magnitudes [c, bin, frame] as one would write the rule with numpy: the plain reference."""
    level = np.log(magnitude + 1e-12)
    padded = np.pad(level, ((0, 0), (2, 2), (0, 0)), constant_values=-np.inf)
    around = np.stack([padded[:, k : k + level.shape[1]] for k in (0, 1, 3, 4)])
    return (level > around.max(0)) & (level >= np.median(level, axis=(1, 2), keepdims=True))


def librosa_map(chunks: np.ndarray, settings: object) -> np.ndarray:
    """librosa's constant-Q of chunks [c, s] at once, then the plain rule."""
    import librosa

    answer = librosa.cqt(
        chunks, sr=16000, hop_length=400, fmin=settings.f_min_hz, n_bins=settings.n_bins,
        bins_per_octave=settings.bins_per_octave, sparsity=settings.sparsity,
    )  # fmt: skip
    return reference_map(np.abs(answer[..., :40]))


def pitch_cases(chunks: Tensor, settings: Settings) -> Iterator[Case]:
    """Audio to binary map, against librosa one by one and in a batch, and against nnAudio's constant-Q alone."""
    from nnAudio.features import CQT1992v2

    pitch = make("pitch", settings)
    ours = best_batch(pitch.compute, chunks)
    array = chunks.numpy()

    def agreement() -> str:
        loud = array[np.abs(array).max(1) > 10 ** (settings.chunking.silent_dbfs / 20)][:128]
        theirs = np.concatenate([librosa_map(chunk[None], pitch.settings) for chunk in loud])
        equal = pitch.compute(torch.from_numpy(loud)).numpy().astype(bool) == theirs
        return f"{equal.mean():.4%} of cells equal, {equal[:, :, 8:-8].mean():.4%} away from the edges"

    def one_by_one() -> None:
        for chunk in array[:16]:
            librosa_map(chunk[None], pitch.settings)

    yield Case(
        "pitch_vs_librosa",
        "librosa.cqt, one chunk a call",
        lambda: pitch.compute(ours),
        one_by_one,
        (len(ours), 16),
        agreement,
    )
    theirs = best_batch(lambda part: librosa_map(part.numpy(), pitch.settings), chunks)
    batched = lambda: librosa_map(theirs.numpy(), pitch.settings)  # noqa: E731
    yield Case(
        "pitch_vs_librosa_batched",
        "librosa.cqt, a batch",
        lambda: pitch.compute(ours),
        batched,
        (len(ours), len(theirs)),
        agreement,
    )
    nnaudio = CQT1992v2(16000, 400, 40.0, n_bins=80, bins_per_octave=12, verbose=False)
    parts = best_batch(nnaudio, chunks)
    yield Case(
        "pitch_vs_nnaudio",
        "nnAudio CQT1992v2 alone",
        lambda: pitch.compute(ours),
        lambda: nnaudio(parts),
        (len(ours), len(parts)),
        agreement,
    )


def timbre_cases(chunks: Tensor, settings: Settings) -> Iterator[Case]:
    """Audio to 12 coefficients, against torchaudio's MFCC of a batch."""
    from torchaudio.transforms import MFCC

    timbre = make("timbre", settings)
    spectrogram = {
        "n_fft": 2048,
        "hop_length": 400,
        "n_mels": 128,
        "norm": "slaney",
        "mel_scale": "slaney",
        "pad_mode": "constant",
    }
    peer = MFCC(16000, 13, melkwargs=spectrogram)
    ours, theirs = best_batch(timbre.compute, chunks), best_batch(peer, chunks)

    def agreement() -> str:
        import librosa

        some = chunks[:64]
        wanted = [librosa.feature.mfcc(y=chunk.numpy(), sr=16000, n_mfcc=13, hop_length=400)[1:, :40] for chunk in some]
        return f"{np.abs(timbre.compute(some).numpy() - np.stack(wanted)).max():.1e} from librosa chunk by chunk"

    yield Case(
        "timbre_vs_torchaudio",
        "torchaudio MFCC",
        lambda: timbre.compute(ours),
        lambda: peer(theirs),
        (len(ours), len(theirs)),
        agreement,
    )


# Training steps


class PlainBank(nn.Module):
    """The waveform's filters as one would write them: a padded Conv1d and a maximum."""

    def __init__(self, bank: nn.Conv1d) -> None:
        super().__init__()
        self.filters = copy.deepcopy(bank)

    def forward(self, patches: Tensor) -> Tensor:
        return self.filters(nn.functional.pad(patches, (99, 100))[:, None]).amax(2)


def waveform_cases(chunks: Tensor, settings: Settings) -> Iterator[Case]:
    """Forward and backward of the filters and their maxima."""
    from lib.representations.waveform import HighestAnswer

    bank = make("waveform", settings).filters
    plain, patches = PlainBank(bank), chunks[:32].reshape(-1, 400)

    def ours() -> Tensor:
        bank.zero_grad()
        HighestAnswer.apply(patches, bank.weight[:, 0], bank.bias).square().sum().backward()
        return bank.weight.grad

    def theirs() -> Tensor:
        plain.zero_grad()
        plain(patches).square().sum().backward()
        return plain.filters.weight.grad

    def agreement() -> str:
        mine, other = ours(), theirs()
        return f"gradients equal to {float((mine - other).abs().max() / other.abs().max()):.1e} of their highest"

    yield Case("waveform_step", "Conv1d and maximum", ours, theirs, (32, 32), agreement)


class PlainAttention(nn.Module):
    """Explicit softmax attention with torch's dropout, float32."""

    def __init__(self, attention: nn.Module, rate: float) -> None:
        super().__init__()
        self.heads, self.rate = attention.heads, rate
        self.query_key_value, self.out = copy.deepcopy(attention.query_key_value), copy.deepcopy(attention.out)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.query_key_value(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5, dim=-1)
        weights = nn.functional.dropout(weights, self.rate, self.training)
        return self.out((weights @ value).transpose(1, 2).flatten(2))


def plain_body(body: Transformer, rate: float) -> Transformer:
    """The same body with the same weights, written plainly."""
    plain = copy.deepcopy(body)
    for block in plain.blocks:
        block.attention = PlainAttention(block.attention, rate)
        block.mlp[2], block.mlp[4] = nn.Dropout(rate), nn.Dropout(rate)
    return plain


def training_step(
    model: nn.Module, inputs: Tensor, targets: Tensor, schedule: Training, fused: bool
) -> Callable[[], float]:
    """A call that trains one step and gives the loss."""
    optimiser = (
        training.make_optimiser(model, schedule) if fused else torch.optim.Adam(model.parameters(), lr=schedule.lr)
    )

    def step() -> float:
        optimiser.zero_grad(set_to_none=True)
        loss = training.loss_of(model(inputs), targets, schedule)
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    return step


def step_case(
    name: str, peer: str, mine: nn.Module, theirs: nn.Module, inputs: Tensor, settings: Settings, agreement: str
) -> Case:
    """A training step of two models on the same inputs and targets: ours with the study's optimiser, theirs torch's."""
    targets = (torch.rand(len(inputs), N_CLASSES) < 0.05).float()
    ours, plain = (training_step(model, inputs, targets, settings.training, model is mine) for model in (mine, theirs))
    return Case(name, peer, ours, plain, (len(inputs), len(inputs)), lambda: agreement)


def encoder_cases(chunks: Tensor, settings: Settings) -> Iterator[Case]:
    """One step of the Transformer with a ready representation, batch 256, dropout on."""
    torch.manual_seed(0)
    tokens = torch.randn(256, 40, settings.body.width)
    body, rate = Transformer(settings.body), settings.body.dropout
    head = classifier("paper", settings.body.width, N_CLASSES, settings.heads.hidden)
    mine = nn.Sequential(body, head)
    plain = nn.Sequential(plain_body(body, rate), copy.deepcopy(head))
    with torch.no_grad():
        apart = float((mine.eval()(tokens) - plain.eval()(tokens)).abs().max())
    mine.train(), plain.train()
    told = f"{apart:.0e} between the outputs of the same weights; dropout {256 * rate:.0f}/256 against {rate}"
    yield step_case("encoder_step", "plain attention, float32", mine, plain, tokens, settings, told)


def mobilenet_cases(chunks: Tensor, settings: Settings) -> Iterator[Case]:
    """One step on 256 pieces, against timm's model as it comes."""
    import timm

    torch.manual_seed(0)
    mine = PieceClassifier(make("neuralogram", settings).network, N_CLASSES)
    theirs = copy.deepcopy(mine)
    theirs.network.body = timm.create_model("mobilenetv1_100", in_chans=1, num_classes=0)
    theirs.network.body.load_state_dict(mine.network.body.state_dict())
    theirs.network.layout = torch.contiguous_format
    pieces = chunks.reshape(-1, 1600)[:256]
    targets = (torch.rand(256, N_CLASSES) < 0.05).float()
    with torch.no_grad():
        losses = [float(training.loss_of(model(pieces), targets, settings.training)) for model in (mine, theirs)]
    told = f"losses {losses[0]:.6f} and {losses[1]:.6f}"
    yield step_case("mobilenet_step", "timm mobilenetv1_100 as it comes", mine, theirs, pieces, settings, told)


# Heads and intervals


def alone(
    embeddings: dict[str, Tensor], targets: Tensor, head: str, heads: Heads, schedule: Training, seed: int
) -> dict[str, Tensor]:
    """Scores of each subset's head, trained one after another with torch's own layers and optimiser."""
    scores = {}
    for subset in subsets(list(embeddings)):
        torch.manual_seed(seed)
        inputs = torch.cat([embeddings[name] for name in subset], dim=1)
        model = classifier(head, inputs.shape[1], targets.shape[1], heads.hidden)
        optimiser = torch.optim.Adam(model.parameters(), lr=schedule.lr)
        n_batches = -(-len(inputs) // schedule.batch)
        for epoch in range(schedule.epochs):
            order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
            for number, which in enumerate(order.tensor_split(n_batches)):
                optimiser.param_groups[0]["lr"] = training.learning_rate(
                    schedule, epoch * n_batches + number, schedule.epochs * n_batches
                )
                optimiser.zero_grad(set_to_none=True)
                training.loss_of(model(inputs[which]), targets[which], schedule).backward()
                optimiser.step()
        scores[label(subset)] = model(inputs).detach()
    return scores


def head_cases(chunks: Tensor, settings: Settings) -> Iterator[Case]:
    """All fifteen subsets, three seeds, a few epochs of each head."""
    rng = np.random.default_rng(0)
    targets = (rng.random((512, N_CLASSES)) < 0.06).astype(np.uint8)
    names = ("pitch", "timbre", "neuralogram", "waveform")
    embeddings = {name: rng.normal(size=(512, 64)).astype(np.float32) + targets[:, :1] for name in names}
    rows, schedule = np.arange(512), Training(epochs=3, lr=1e-3, batch=64)
    heads = Heads(scaling="none", linear_fit="descent")  # step for step what torch does
    data = HeadData(embeddings, targets, rows.astype(str))
    tensors, labels = (
        {name: torch.from_numpy(values) for name, values in embeddings.items()},
        torch.from_numpy(targets).float(),
    )
    for head in ("linear", "paper"):

        def ours(head: str = head) -> dict[str, np.ndarray]:
            found = {}
            for seed in range(3):
                scored = score_subsets(data, rows, rows, HeadPlan(head, heads, schedule), seed, CPU)
                found |= {f"{label(subset)} {seed}": scores for subset, scores in scored}
            return found

        def theirs(head: str = head) -> dict[str, Tensor]:
            each = [alone(tensors, labels, head, heads, schedule, seed) for seed in range(3)]
            return {f"{subset} {seed}": scores for seed, found in enumerate(each) for subset, scores in found.items()}

        told = "same batches and start; equality is under test in tests/encoders/test_heads.py"
        yield Case(f"heads_{head}", "one head after another", ours, theirs, (45, 45), lambda told=told: told)


def bootstrap_cases(chunks: Tensor, settings: Settings) -> Iterator[Case]:
    """Intervals of macro mAP, against a loop over scikit-learn."""
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(0)
    targets = (rng.random((400, N_CLASSES)) < 0.06).astype(np.uint8)
    targets[rng.integers(0, 400, N_CLASSES), np.arange(N_CLASSES)] = 1
    scores = np.round(targets + rng.normal(size=targets.shape), 2)
    groups = np.arange(400).astype(str)
    drawn = np.concatenate(list(measures.resampled(groups, 200, 0)))

    def ours() -> np.ndarray:
        return measures.bootstrap(targets, scores, groups, ["map_macro"], 200, 0)["map_macro"]

    def theirs(n: int = 20) -> np.ndarray:
        found = []
        for weights in drawn[:n]:
            rows = np.repeat(np.arange(400), weights)
            there = targets[rows].any(0)
            found.append(average_precision_score(targets[rows][:, there], scores[rows][:, there], average="macro"))
        return np.array(found)

    def agreement() -> str:
        return f"{np.abs(ours()[:20] - theirs()).max():.1e} between the same resamples"

    yield Case("bootstrap", "a loop over scikit-learn", ours, theirs, (200, 20), agreement)


def embed_cases(chunks: Tensor, settings: Settings) -> Iterator[Case]:
    """A sound file of ten seconds to four embeddings and tags, decoding included; weights do not change the time."""
    encoders = [Encoder(name, N_CLASSES, settings) for name in ("pitch", "timbre", "neuralogram", "waveform")]
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / "ten.wav"
    soundfile.write(path, chunks[:10].flatten().numpy(), 16000)

    def ours() -> list:
        assert folder  # the file lives as long as the case
        return [listen(path, encoder, settings.chunking) for encoder in encoders]

    def agreement() -> str:
        return f"{sum(embeddings.shape[1] for _, embeddings, _ in ours())} numbers and {N_CLASSES} tags a second"

    yield Case("embed_realtime", "real time", ours, lambda: time.sleep(1), (10, 1), agreement)


CASES = (
    pitch_cases,
    timbre_cases,
    waveform_cases,
    encoder_cases,
    mobilenet_cases,
    head_cases,
    bootstrap_cases,
    embed_cases,
)


def real_chunks(root: str) -> tuple[str, Tensor]:
    """Where from, and 256 chunks [c, s]: of ROOT, else of the recordings beside the project, else of planted."""
    beside = files.PROJECT.parent / "shared" / "data" / "esc10"
    folder = Path(root) if root else beside if beside.is_dir() else None
    corpus = corpora.load("esc50" if folder else "planted", folder)
    audio = cut(corpus, Chunking()).audio
    return corpus.name, torch.from_numpy(np.array(audio[:: max(1, len(audio) // 256)][:256]))


# Cost against size

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
    return seconds(lambda: measures.bootstrap(targets, scores, groups, ["map_macro"], 1000, 0))


def cost_figure(found: dict[str, list[float]]) -> mpl.Figure:
    """Seconds against chunks, both logarithmic; a line of slope 1 beside them."""
    with figures.style():
        figure = mpl.Figure(figsize=(8, 5))
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


# What is written and told


def merged(path: Path, results: list[Result]) -> list[dict]:
    """The lines of bench.json, these in place of those of the same name."""
    before = {line["name"]: line for line in json.loads(path.read_text())} if path.exists() else {}
    return list((before | {result.name: asdict(result) for result in results}).values())


def main(root: str = "", threads: int = 2, only: str = "") -> None:
    """Run every case (or those whose name has `only` in it), write figures/bench and print a line each."""
    torch.set_num_threads(threads)
    source, chunks = real_chunks(root)
    print(f"{len(chunks)} chunks of {source}, {threads} threads")
    results = []
    for case in itertools.chain.from_iterable(cases(chunks, Settings()) for cases in CASES):
        if only in case.name:
            results.append(measure(case, threads))
            print(told(results[-1]), flush=True)
    folder, of_cost = files.home() / "figures" / "bench", only in "cost"
    if results:
        lines = merged(folder / "bench.json", results) if only else [asdict(result) for result in results]
        files.write_json(folder / "bench.json", lines)
        figures.save(figure_of(lines), folder / "bench")
    if of_cost:
        found = costs(chunks, Settings())
        about = {"chunks": SIZES, "threads": threads, "machine": machine(), "seconds": found}
        files.write_json(folder / "cost.json", about)
        figures.save(cost_figure(found), folder / "cost")
        print("\n".join(f"{name:24}" + "".join(f"{value:10.3f} s" for value in row) for name, row in found.items()))
    if not results and not of_cost:
        raise SystemExit(f"ONLY={only}: no case has that in its name, and it is not cost")


def told(result: Result) -> str:
    """A result as a line on the screen."""
    times = f"{result.ours_ms:9.3f} ms{result.peer_ms:10.3f} ms {result.ratio:8.1f} x"
    return f"{result.name:26}{times}  {result.agreement}"


def figure_of(lines: list[dict]) -> mpl.Figure:
    """Ratios of the lines of bench.json as bars on a logarithmic axis."""
    with figures.style():
        figure = mpl.Figure(figsize=(7, 0.4 * len(lines) + 1.2))
        axis = figure.subplots()
        shown = lines[::-1]
        axis.barh([line["name"] for line in shown], [line["ratio"] for line in shown], color="#0072B2")
        for place, line in enumerate(shown):
            axis.text(line["ratio"] * 1.05, place, f"{line['ratio']:.1f}x  ({line['peer']})", va="center", fontsize=8)
        axis.axvline(1, color=figures.GREY)
        axis.set(xscale="log", xlabel="times as fast as the peer", title="Right of the line, ours is faster")
        axis.set_xlim(0.5, 40 * max(line["ratio"] for line in lines))
        axis.xaxis.set_major_formatter("{x:g}")
    return figure


if __name__ == "__main__":
    words = dict(word.split("=", 1) for word in sys.argv[1:])
    main(words.get("ROOT", ""), int(words.get("THREADS", "2")), words.get("ONLY", ""))
