"""The interface of the HEAR 2021 benchmark (Turian et al. 2022) over a bundle or a finished run: `lib.model.hear` as module.

Embeddings are those of all encoders side by side, or of some, standardised as the study's heads read them. Nothing is
resampled: audio comes at `model.sample_rate`.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from lib.encoders.encoder import BLOCK
from lib.model import open_model
from lib.model.trained import Model
from lib.sounds.arrays import batched_slices

HOP_MS = 50.0  # the benchmark's longest for detection in time


class HearModel(nn.Module):
    """A model with the attributes that the benchmark reads; sizes are widths of an embedding."""

    def __init__(self, model: Model, encoders: str = "", hop_ms: float = HOP_MS) -> None:
        super().__init__()
        self.model, self.hop_ms = model, hop_ms
        self.names = model.subset([name for name in encoders.split(",") if name]) or model.names
        self.encoders = nn.ModuleDict({name: model.encoders[name] for name in self.names})  # moved by .to(device)
        self.sample_rate = int(model.settings.chunking.rate_hz)
        self.scene_embedding_size = self.timestamp_embedding_size = len(self.names) * int(model.settings.body.width)

    def joined(self, embeddings: dict[str, np.ndarray]) -> Tensor:
        """Embeddings [item, width] by encoder as one [item, size] float32."""
        return torch.cat([self.model.scaled(name, embeddings[name]) for name in self.names], dim=1)


def load_model(model_file_path: str = "", encoders: str = "", hop_ms: float = HOP_MS) -> HearModel:
    """A bundle's folder or a run by name, without one the newest finished run; encoders: some, as "pitch,timbre"."""
    return HearModel(open_model(model_file_path), encoders, hop_ms)


def get_timestamp_embeddings(audio: Tensor, model: HearModel, hop_ms: float = 0.0) -> tuple[Tensor, Tensor]:
    """Embeddings [sound, time, size] of the second around each time, and the times [sound, time] in ms: 0, hop, 2 hop, ...

    audio: [sound, sample] float, -1..1; what lies beyond its ends is silence. hop_ms: by default the model's.
    """
    times_ms = torch.arange(0, 1000 * _checked(audio).shape[1] / model.sample_rate, hop_ms or model.hop_ms)
    each = [torch.cat(list(_around(samples, times_ms, model))) for samples in audio]
    return torch.stack(each).to(audio.device), times_ms.expand(len(audio), -1).to(audio.device)


def get_scene_embeddings(audio: Tensor, model: HearModel) -> Tensor:
    """Embeddings [sound, size] of whole sounds [sound, sample]: the mean over their seconds, as the study cuts them."""
    sounds = [samples.cpu().float().numpy() for samples in _checked(audio)]
    clips = [each.clip for each in model.model.embed_all(sounds, model.sample_rate, model.names)]
    return model.joined({name: np.stack([clip[name] for clip in clips]) for name in model.names}).to(audio.device)


def _around(samples: Tensor, times_ms: Tensor, model: HearModel) -> Iterator[Tensor]:
    """Embeddings [time, size] of the second around each time of one sound [sample], some times after the other."""
    length = round(model.sample_rate * model.model.settings.chunking.length_s)
    padded = np.pad(samples.cpu().float().numpy(), (length // 2, length))
    starts = (times_ms.double() * model.sample_rate / 1000).round().long().numpy()
    seconds = np.lib.stride_tricks.sliding_window_view(padded, length)
    for part in batched_slices(len(starts), BLOCK):
        yield model.joined(model.model.of_chunks(seconds[starts[part]], model.names))


def _checked(audio: Tensor) -> Tensor:
    if audio.ndim != 2 or not audio.is_floating_point() or not audio.shape[1]:
        raise ValueError(
            f"audio is {audio.dtype} {list(audio.shape)}: floats [sound, sample] of some samples are wanted"
        )
    return audio
