"""Silero VAD: a small network that says whether somebody speaks, 32 ms after 32 ms; its weights come inside its package.

Weights and layers: silero-vad 6.2.3, data/silero_vad_16k.safetensors (MIT). The embedding is the mean of its recurrent
state over time.
"""

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lib.encoders.peers.base import NO, About, Named, frames, package_file

STEP, CONTEXT = 512, 64  # samples that it takes at a time, and those before them that it sees again
N_BINS = 129


class Silero(Named):
    """The network at 16 kHz, without its last layer, which says whether there is speech."""

    about = About(
        "Silero VAD", "voice activity", "MIT", "yes (speech in many languages)", NO,
    )  # fmt: skip
    name, rate_hz, size = "silero", 16000, 128
    needs = ("silero_vad",)

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 2 * N_BINS, 256, stride=128, bias=False)
        self.conv1 = nn.Conv1d(N_BINS, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, 3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, 128, 3, padding=1)
        self.lstm_cell = nn.LSTMCell(128, 128)
        self.final_conv = nn.Conv1d(128, 1, 1)

    @classmethod
    def load(cls, weights: str = "") -> "Silero":
        peer = cls()
        peer.load_state_dict(load_file(package_file("silero_vad", "data/silero_vad_16k.safetensors")))
        return peer.eval()

    def states(self, audio: Tensor) -> Tensor:
        """The recurrent state [batch, step, 128] after every 32 ms of sound [batch, sample]."""
        rest = -audio.shape[1] % STEP
        steps = frames(nn.functional.pad(audio, (CONTEXT, rest)), CONTEXT + STEP, STEP)  # [b, t, 576]
        x = nn.functional.pad(steps.flatten(0, 1), (0, CONTEXT), "reflect")
        real, imaginary = self.stft_conv(x[:, None]).chunk(2, 1)
        x = (real.square() + imaginary.square()).sqrt()
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = layer(x).relu()
        x, state, found = x.squeeze(2).unflatten(0, steps.shape[:2]), None, []
        for step in x.unbind(1):
            state = self.lstm_cell(step, state)
            found.append(state[0])
        return torch.stack(found, 1)

    def speech(self, audio: Tensor) -> Tensor:
        """The probability of speech [batch, step] of every 32 ms."""
        states = self.states(audio)
        return self.final_conv(states.relu().mT).sigmoid()[:, 0]

    def embed(self, audio: Tensor) -> Tensor:
        return self.states(audio).mean(1)
