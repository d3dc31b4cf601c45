"""aiSFX: a convolutional network trained on nine commercial libraries of sound effects; its weights come inside its package.

A. Ma et al., Representation learning for the automatic indexing of sound effects libraries, ISMIR 2022. Weights: aisfx 0.1.2,
models/checkpoint.pth (CC BY 4.0). Its package brings a clip to full scale; here each window is, as it is all that is given.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from lib.encoders.peers.base import NO, About, Named, package_file

N_FFT, HOP, N_MELS = 2048, 1024, 96
HIGHEST = 9.457798957824707  # of the logarithms of the sounds it was trained on
BLOCK = 100  # frames that it was trained on at a time
NAMES = (  # what its checkpoint holds beside tensors: numbers of numpy
    (np._core.multiarray.scalar, "numpy.core.multiarray.scalar"), np.dtype, np.dtypes.Int64DType, np.dtypes.Float64DType,
)  # fmt: skip


class Pair(nn.Module):
    """Two convolutions of 3 x 3, each with a batch norm and a ReLU; then the largest of 2 x 2, where `pool`."""

    def __init__(self, into: int, out: int, pool: bool) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(n, out, 3, padding=1, bias=False) for n in (into, out))
        self.bn1, self.bn2 = nn.BatchNorm2d(out), nn.BatchNorm2d(out)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())).relu()
        return nn.functional.max_pool2d(x, 2) if self.pool else x


class AiSfx(Named):
    """The network at 44.1 kHz without its nine classifiers."""

    about = About(
        "aiSFX", "categories of sound effects", "code MIT, weights CC BY 4.0",
        "yes (nine commercial libraries of sound effects)", NO, selected_on="its own validation sounds",
    )  # fmt: skip
    name, rate_hz, size, window_s = "aisfx", 44100, 512, BLOCK * HOP / 44100
    needs = ("aisfx",)

    def __init__(self) -> None:
        super().__init__()
        from librosa.filters import mel

        for number, (into, out) in enumerate(((1, 64), (64, 128), (128, 256), (256, 512)), 1):
            self.add_module(f"conv_block{number}", Pair(into, out, number < 4))
        bank = mel(sr=self.rate_hz, n_fft=N_FFT, n_mels=N_MELS, fmin=0.0, fmax=22050.0, htk=True, norm=1.0)
        self.register_buffer("mel", torch.from_numpy(bank).float(), persistent=False)
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)

    @classmethod
    def load(cls, weights: str = "") -> "AiSfx":
        peer, start = cls(), "embedding_net."
        stored = read(package_file("aisfx", "models/checkpoint.pth"))
        peer.load_state_dict({name.removeprefix(start): x for name, x in stored.items() if name.startswith(start)})
        return peer.eval()

    def spectrogram(self, audio: Tensor) -> Tensor:
        """log10(10,000 mel + 1) [batch, frame, mel] of sound [batch, sample] brought to full scale."""
        audio = audio / audio.abs().amax(1, keepdim=True).clamp(min=1e-9)
        stft = torch.stft(audio, N_FFT, HOP, window=self.window, pad_mode="constant", return_complex=True)
        return (self.mel @ stft.abs().square() * 10000 + 1).log10().mT

    def embed(self, audio: Tensor) -> Tensor:
        x = self.spectrogram(audio)[:, None] / HIGHEST
        for number in range(1, 5):
            x = self.get_submodule(f"conv_block{number}")(x)
        return x.mean(3).amax(2)


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of its checkpoint, read without running anything that a file could hold."""
    with torch.serialization.safe_globals(list(NAMES)):
        return torch.load(path, "cpu", weights_only=True)[0]
