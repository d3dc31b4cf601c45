"""Representations and the waveform's filters against the libraries that one would take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from lib.cli.bench.case import Case, best_batch
from lib.representations import make
from lib.settings import Settings


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


def waveform_cases(chunks: Tensor, settings: Settings) -> Iterator[Case]:
    """Forward and backward of the filters and their maxima."""
    from lib.representations.kernels.waveform import FilterMaxima
    from lib.representations.waveform import plain

    bank, patches = make("waveform", settings).filters, chunks[:32].reshape(-1, 400)

    def step(maxima: Callable) -> Tensor:
        bank.zero_grad()
        maxima(patches, bank.weight[:, 0], bank.bias).square().sum().backward()
        return bank.weight.grad

    ours, theirs = partial(step, FilterMaxima.apply), partial(step, plain)

    def agreement() -> str:
        mine, other = ours(), theirs()
        return f"gradients equal to {float((mine - other).abs().max() / other.abs().max()):.1e} of their highest"

    yield Case("waveform_step", "Conv1d and maximum", ours, theirs, (32, 32), agreement)
