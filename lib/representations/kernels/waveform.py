"""The highest response of each learned filter over each patch, equal to `waveform.plain`: forward and backward in a tenth
of the time.

A maximum passes its gradient to one position alone, so the forward keeps only where it was, and the backward looks at
those windows: 400 times fewer than those of a convolution.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lib.representations.kernels import on_processor

IN_CACHE = 4  # patches whose responses [p, f, s] stay within a processor's cache
SHIFTS = 8  # neighbouring positions that read one frame: a length that matrix units take whole


def padding(n_taps: int) -> tuple[int, int]:
    """Zeros before and after a patch, so that a filter has as many responses as the patch has samples."""
    return (n_taps - 1) // 2, n_taps // 2


class FilterMaxima(torch.autograd.Function):
    """patches [p, s], weight [f, l], bias [f] to the highest response [p, f] float32 of each filter over each patch."""

    @staticmethod
    def forward(ctx, patches: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        padded = nn.functional.pad(patches, padding(weight.shape[1])).to(weight.dtype)
        best, where = (highest_in_parts if on_processor(padded) else highest_at_once)(padded, weight)
        ctx.save_for_backward(padded, where, weight)
        return best.float() + bias

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[None, Tensor, Tensor]:
        padded, where, weight = ctx.saved_tensors
        starts = where + padded.shape[1] * torch.arange(len(padded), device=padded.device)[:, None]
        windows = padded.flatten().unfold(0, weight.shape[1], 1)  # [p s, l], a view
        sums = sums_one_by_one if on_processor(padded) else sums_at_once
        return None, sums(gradient.to(weight.dtype), windows, starts), gradient.sum(0)


# On a processor: by Fourier transforms, in parts that stay within its cache


def highest_in_parts(padded: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """The highest responses of filters [f, l] over padded patches [p, s + l - 1], and where they stand: both [p, f].

    Responses are products of spectra, half the time of a convolution. What goes round the end of so short a transform
    meets the zeros before the patch alone.
    """
    n_taps, n_positions = weight.shape[1], padded.shape[1] - weight.shape[1] + 1
    size = 2 ** (max(n_positions + padding(n_taps)[1], n_taps) - 1).bit_length()
    spectra, filters = torch.fft.rfft(padded[:, :size], size), torch.fft.rfft(weight, size).conj_physical()
    # Made first: small results between large ones would split the heap.
    best = padded.new_empty(len(padded), len(weight))
    where = torch.empty_like(best, dtype=torch.int64)
    for x, highest_here, places in zip(*(array.split(IN_CACHE) for array in (spectra, best, where)), strict=True):
        highest_here[:], places[:] = highest(torch.fft.irfft(x[:, None] * filters, size)[..., :n_positions])
    return best, where


def highest(responses: Tensor) -> tuple[Tensor, Tensor]:
    """The maximum of responses [p, f, s] over s and where it stands (the first, where several are equal): both [p, f]."""
    # NumPy looks for it eight numbers at a time, torch one by one.
    index = torch.from_numpy(responses.numpy().argmax(2))
    return responses.gather(2, index[:, :, None])[:, :, 0], index


def sums_one_by_one(gradient: Tensor, windows: Tensor, starts: Tensor) -> Tensor:
    """Of each filter the windows [place, l] at its starts [p, f], times their gradients [p, f], summed: [f, l]."""
    return torch.stack([gradient[:, f] @ windows.index_select(0, starts[:, f]) for f in range(gradient.shape[1])])


# On other devices: everything at once, in few kernels


def highest_at_once(padded: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """What `highest_in_parts` gives, by one product: frames of the patches, and the filters shifted by 0 to 7 samples."""
    n_taps, n_positions = weight.shape[1], padded.shape[1] - weight.shape[1] + 1
    n_frames, length = -(-n_positions // SHIFTS), SHIFTS * -(-(n_taps + SHIFTS - 1) // SHIFTS)
    more = (n_frames - 1) * SHIFTS + length - padded.shape[1]
    frames = nn.functional.pad(padded, (0, more)).unfold(1, length, SHIFTS)  # [p, frame, length]
    # one zero more than a frame is long: read in rows of a frame's length, each row begins a sample later
    rows = nn.functional.pad(weight, (0, length + 1 - n_taps))[:, None].expand(-1, SHIFTS, -1).flatten(1)
    shifted = rows[:, : SHIFTS * length].unflatten(1, (SHIFTS, length))  # [f, shift, length]
    responses = frames @ shifted.permute(2, 1, 0).flatten(1)  # [p, frame, shift f]
    best, where = responses.unflatten(2, (SHIFTS, -1)).flatten(1, 2)[:, :n_positions].max(1)
    return best, where


def sums_at_once(gradient: Tensor, windows: Tensor, starts: Tensor) -> Tensor:
    """What `sums_one_by_one` gives [f, l], by one product for all filters."""
    chosen = windows.index_select(0, starts.T.flatten()).unflatten(0, starts.T.shape)  # [f, p, l]
    return (gradient.T[:, None] @ chosen)[:, 0]
