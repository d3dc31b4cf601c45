"""The study as one would write it: librosa clip by clip, torch's own layers, one head after another, a loop over scikit-learn.

What `bench.study` compares the project with. Nothing here is of the project but its settings.
"""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from bench.case import Clock
from lib.settings import Settings, Training

RATE = 16000
NAMES = ("pitch", "timbre", "neuralogram", "waveform")
TIMED_RESAMPLES = 10  # of the intervals: as many are timed, and the time of all follows
PENALTIES = np.logspace(-6, 1, 15)


def run(root: Path, fold: int, settings: Settings, clock: Clock) -> None:
    """One seed with one test fold of a folder in ESC-50's layout, each part by the clock."""
    clips = pd.read_csv(root / "meta" / "esc50.csv")
    with clock("decode"):
        chunks = [cut(load(root / "audio" / name)) for name in clips["filename"]]
    audio, of_clip = np.concatenate(chunks), np.repeat(np.arange(len(clips)), list(map(len, chunks)))
    targets = pd.get_dummies(clips["category"]).to_numpy(np.float32)[of_clip]
    train, test = clips["fold"].to_numpy()[of_clip] != fold, clips["fold"].to_numpy()[of_clip] == fold
    embeddings, scores = encoders(chunks, audio, targets, train, settings, clock)
    with clock("heads"):
        scores |= heads(embeddings, targets, train, clips["src_file"].to_numpy()[of_clip[train]], settings)
    times = settings.scoring.resamples / TIMED_RESAMPLES
    with clock("intervals", times):
        for values in scores.values():
            intervals(targets[test], values[test], of_clip[test])


# Sounds


def load(path: Path) -> np.ndarray:
    import librosa

    return librosa.load(path, sr=RATE)[0]


def cut(samples: np.ndarray) -> np.ndarray:
    """Chunks [c, s] of one second; a rest of half a second or more is repeated to one."""
    parts = [samples[start : start + RATE] for start in range(0, len(samples), RATE)]
    return np.stack([np.resize(part, RATE) for part in parts if len(part) >= RATE / 2])


def pitch(chunks: np.ndarray) -> np.ndarray:
    """Peaks [c, bin, frame] of the constant-Q transform of the chunks of a clip."""
    import librosa

    answer = librosa.cqt(chunks, sr=RATE, hop_length=400, fmin=40, n_bins=80, bins_per_octave=12)[..., :40]
    level = np.log(np.abs(answer) + 1e-12)
    padded = np.pad(level, ((0, 0), (2, 2), (0, 0)), constant_values=-np.inf)
    around = np.max([padded[:, k : k + 80] for k in (0, 1, 3, 4)], axis=0)
    return ((level > around) & (level >= np.median(level, axis=(1, 2), keepdims=True))).astype(np.float32)


def timbre(chunks: np.ndarray) -> np.ndarray:
    """Coefficients [c, d, frame], chunk by chunk, since librosa takes the floor of a batch from all of it."""
    import librosa

    return np.stack([librosa.feature.mfcc(y=y, sr=RATE, n_mfcc=13, hop_length=400)[1:, :40] for y in chunks])


# Encoders


class Front(nn.Module):
    """Frames [c, d, t], standardised, to tokens."""

    def __init__(self, features: np.ndarray | None, n_dims: int, width: int) -> None:
        super().__init__()
        values = np.zeros((1, n_dims, 1)) if features is None else features
        self.register_buffer("mean", torch.tensor(values.mean((0, 2)), dtype=torch.float32)[:, None])
        self.register_buffer("spread", torch.tensor(values.std((0, 2)) + 1e-6, dtype=torch.float32)[:, None])
        self.project, self.position = nn.Linear(n_dims, width), nn.Parameter(torch.zeros(64, width))

    def forward(self, x: Tensor) -> Tensor:
        return self.project(((x - self.mean) / self.spread).transpose(1, 2)) + self.position[: x.shape[2]]


class Filters(nn.Module):
    """Samples [c, s] to the highest answers of learned filters over patches of 25 ms."""

    def __init__(self) -> None:
        super().__init__()
        self.bank = nn.Conv1d(1, 128, 200)

    def forward(self, x: Tensor) -> Tensor:
        padded = nn.functional.pad(x.reshape(-1, 1, 400), (99, 100))
        return self.bank(padded).amax(2).view(len(x), 40, 128).transpose(1, 2)


class Body(nn.Module):
    """torch's Transformer with maxima over pairs of tokens after two layers, and two layers, and the mean at the end."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        body = settings.body  # torch's heads share the width, which 12 do not: 8 do
        layer = nn.TransformerEncoderLayer(
            body.width, 8, body.mlp, body.dropout, "gelu", batch_first=True, norm_first=True
        )
        self.stages = nn.ModuleList(
            nn.TransformerEncoder(layer, body.layers // 3, enable_nested_tensor=False) for _ in range(3)
        )

    def forward(self, x: Tensor) -> Tensor:
        for number, stage in enumerate(self.stages):
            x = nn.functional.max_pool1d(x.transpose(1, 2), 2).transpose(1, 2) if number else x
            x = stage(x)
        return x.mean(1)


class Network(nn.Module):
    """Something that embeds, and a classifier."""

    def __init__(self, embed: nn.Module, n_dims: int, n_classes: int, hidden: int) -> None:
        super().__init__()
        self.embed = embed
        self.classifier = mlp(n_dims, n_classes, hidden)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.embed(x))


def mlp(n_dims: int, n_classes: int, hidden: int) -> nn.Module:
    return nn.Sequential(nn.Linear(n_dims, hidden), nn.ReLU(), nn.Linear(hidden, n_classes))


def mobilenet(settings: Settings) -> nn.Module:
    """timm's network on torchaudio's log-mel of pieces of 100 ms [p, s]."""
    import timm
    from torchaudio.transforms import AmplitudeToDB, MelSpectrogram

    mel = MelSpectrogram(RATE, 400, hop_length=160, n_mels=64, norm="slaney", mel_scale="slaney")
    body = timm.create_model("mobilenetv1_100", in_chans=1, num_classes=0)
    if settings.representations.get("neuralogram", {}).get("map") == "keep_time":
        body.conv_stem.stride = (2, 1)
    return nn.Sequential(mel, AmplitudeToDB(), nn.Unflatten(1, (1, 64)), nn.BatchNorm2d(1), body)


def encoders(
    chunks: list[np.ndarray],
    audio: np.ndarray,
    targets: np.ndarray,
    train: np.ndarray,
    settings: Settings,
    clock: Clock,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Embeddings [chunk, width] of four encoders, and their own scores [chunk, class]."""
    torch.manual_seed(0)
    features, width, n_classes, hidden = {}, settings.body.width, targets.shape[1], settings.heads.hidden
    for name, compute in (("pitch", pitch), ("timbre", timbre)):
        with clock(name):
            features[name] = np.concatenate([compute(each) for each in chunks])
    pieces = audio.reshape(len(audio) * 10, -1)
    network = nn.Sequential(mobilenet(settings), nn.Linear(1024, n_classes))
    with clock("neuralogram"):
        fit(network, pieces[train.repeat(10)], targets[train].repeat(10, axis=0), settings.schedule("mobilenet"))
    with clock("neuralogram"):
        features["neuralogram"] = apply(network[0], pieces).reshape(len(audio), 10, -1).swapaxes(1, 2)
    features["waveform"] = audio
    fronts = {
        name: Front(values[train], values.shape[1], width) for name, values in features.items() if values.ndim == 3
    }
    fronts["waveform"] = nn.Sequential(Filters(), Front(None, 128, width))
    embeddings, scores = {}, {}
    for name in NAMES:
        model = Network(nn.Sequential(fronts[name], Body(settings)), width, n_classes, hidden)
        with clock(name):
            fit(model, features[name][train], targets[train], settings.schedule(name))
        with clock(name):
            embeddings[name] = apply(model.embed, features[name])
            scores[f"{name} own"] = apply(model.classifier, embeddings[name])
    return embeddings, scores


def fit(model: nn.Module, inputs: np.ndarray, targets: np.ndarray, schedule: Training) -> None:
    """The usual loop: shuffled batches, Adam, half a cosine."""
    data = torch.utils.data.TensorDataset(torch.from_numpy(np.ascontiguousarray(inputs)), torch.from_numpy(targets))
    loader = torch.utils.data.DataLoader(data, schedule.batch, shuffle=True)
    optimiser = torch.optim.AdamW(model.parameters(), schedule.lr, weight_decay=schedule.weight_decay)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, schedule.epochs * len(loader), schedule.lr_min)
    loss_of = nn.HuberLoss()
    model.train()
    for _ in range(schedule.epochs):
        for x, y in loader:
            optimiser.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            optimiser.step()
            rates.step()
    model.eval()


@torch.inference_mode()
def apply(model: nn.Module, inputs: np.ndarray) -> np.ndarray:
    return torch.cat([model(part) for part in torch.from_numpy(np.ascontiguousarray(inputs)).split(64)]).numpy()


# Heads and intervals


def heads(
    embeddings: dict[str, np.ndarray], targets: np.ndarray, train: np.ndarray, groups: np.ndarray, settings: Settings
) -> dict[str, np.ndarray]:
    """Scores [chunk, class] of both heads on every subset, one after another."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV, GroupKFold
    from sklearn.preprocessing import StandardScaler

    scores = {}
    for subset in itertools.chain.from_iterable(itertools.combinations(NAMES, size) for size in (1, 2, 3, 4)):
        joined = np.concatenate([embeddings[name] for name in subset], axis=1)
        joined = StandardScaler().fit(joined[train]).transform(joined)
        model = mlp(joined.shape[1], targets.shape[1], settings.heads.hidden)
        fit(model, joined[train], targets[train], settings.schedule("head"))
        scores[f"{'+'.join(subset)} paper"] = apply(model, joined)
        alphas = {"alpha": PENALTIES * train.sum()}
        search = GridSearchCV(Ridge(), alphas, scoring="neg_mean_squared_error", cv=GroupKFold(5))
        search.fit(joined[train], targets[train], groups=groups)
        scores[f"{'+'.join(subset)} linear"] = search.predict(joined)
    return scores


def intervals(targets: np.ndarray, scores: np.ndarray, of_clip: np.ndarray) -> dict[str, np.ndarray]:
    """Each measure at chunk and clip level in resamples of the clips: [resample, measure]."""
    frame = pd.DataFrame(np.concatenate([targets, scores], axis=1)).groupby(of_clip).mean().to_numpy()
    clip_targets, clip_scores = frame[:, : targets.shape[1]], frame[:, targets.shape[1] :]
    clips, rng, found = np.unique(of_clip), np.random.default_rng(0), {"chunk": [], "clip": []}
    rows = {clip: np.flatnonzero(of_clip == clip) for clip in clips}
    for _ in range(TIMED_RESAMPLES):
        drawn = rng.choice(len(clips), len(clips))
        which = np.concatenate([rows[clips[place]] for place in drawn])
        found["chunk"].append(measures(targets[which], scores[which]))
        found["clip"].append(measures(clip_targets[drawn], clip_scores[drawn]))
    return {level: np.array(values) for level, values in found.items()}


def measures(targets: np.ndarray, scores: np.ndarray) -> list[float]:
    """What scikit-learn has of the study's measures; recall, hit and precision among five by sorting."""
    from sklearn.metrics import average_precision_score, label_ranking_average_precision_score, roc_auc_score

    there = targets.any(0) & ~targets.all(0)
    top = np.argsort(-scores, axis=1)[:, :5]
    hits = np.take_along_axis(targets, top, axis=1)
    return [
        average_precision_score(targets[:, there], scores[:, there], average="macro"),
        average_precision_score(targets, scores, average="micro"),
        roc_auc_score(targets[:, there], scores[:, there], average="macro"),
        label_ranking_average_precision_score(targets, scores),
        (hits.sum(1) / targets.sum(1)).mean(), hits.any(1).mean(), hits.mean(), hits[:, 0].mean(),
    ]  # fmt: skip
