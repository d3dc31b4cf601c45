"""Representations and the waveform's filters against the libraries that one would take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from bench import plain
from bench.case import Case, best_batch
from lib.representations import make
from lib.settings import Settings


def pitch_cases(chunks: Tensor, settings: Settings) -> Iterator[Case]:
    """Audio to binary map, against librosa one by one and in a batch, and against nnAudio's constant-Q alone."""
    from nnAudio.features import CQT1992v2

    pitch, array = make("pitch", settings), chunks.numpy()
    mine = best_batch(pitch.compute, chunks)

    def ours() -> Tensor:
        return pitch.compute(mine)

    def agreement() -> str:
        loud = array[np.abs(array).max(1) > 10 ** (settings.chunking.silent_dbfs / 20)][:128]
        theirs = np.concatenate([plain.pitch(chunk[None]) for chunk in loud])
        equal = pitch.compute(torch.from_numpy(loud)).numpy() == theirs
        return f"{equal.mean():.4%} of cells equal, {equal[:, :, 8:-8].mean():.4%} away from the edges"

    def one_by_one() -> None:
        for chunk in array[:16]:
            plain.pitch(chunk[None])

    yield Case("pitch_vs_librosa", "librosa.cqt, one chunk a call", ours, one_by_one, (len(mine), 16), agreement)
    batch = best_batch(lambda part: plain.pitch(part.numpy()), chunks).numpy()
    sizes = len(mine), len(batch)
    yield Case("pitch_vs_librosa_batched", "librosa.cqt, a batch", ours, lambda: plain.pitch(batch), sizes, agreement)
    nnaudio = CQT1992v2(16000, 400, 40.0, n_bins=80, bins_per_octave=12, verbose=False)
    parts = best_batch(nnaudio, chunks)
    sizes = len(mine), len(parts)
    yield Case("pitch_vs_nnaudio", "nnAudio CQT1992v2 alone", ours, lambda: nnaudio(parts), sizes, agreement)


def timbre_cases(chunks: Tensor, settings: Settings) -> Iterator[Case]:
    """Audio to 12 coefficients, against torchaudio's MFCC of a batch."""
    from torchaudio.transforms import MFCC

    timbre = make("timbre", settings).compute
    spectrogram = {"n_fft": 2048, "hop_length": 400, "n_mels": 128, "norm": "slaney", "mel_scale": "slaney"}
    peer = MFCC(16000, 13, melkwargs={**spectrogram, "pad_mode": "constant"})
    mine, theirs = best_batch(timbre, chunks), best_batch(peer, chunks)

    def agreement() -> str:
        apart = np.abs(timbre(chunks[:64]).numpy() - plain.timbre(chunks[:64].numpy())).max()
        return f"{apart:.1e} from librosa chunk by chunk"

    sizes = len(mine), len(theirs)
    yield Case("timbre_vs_torchaudio", "torchaudio MFCC", lambda: timbre(mine), lambda: peer(theirs), sizes, agreement)


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
