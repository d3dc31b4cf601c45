"""PaSST: a vision Transformer on 10 s of log-mel, trained on AudioSet and on FSD50K; the network of the package hear21passt.

K. Koutini et al., Efficient training of audio Transformers with patchout, Interspeech 2022. Weights: its release v0.0.5 on GitHub. The
same package is a peer by HEAR's functions too (PEERS=hear21passt.base), which downloads weights of AudioSet by itself.
"""

import torch
from torch import Tensor, nn

from lib.encoders.peers.base import About
from lib.encoders.peers.brought import Brought, filled, state_of

ARCHITECTURE, STRIDE, N_CLASSES = "fsd50k-n", 16, 200


class Passt(Brought):
    """The mean of its two tokens at 32 kHz, of PaSST-N-S: patches of 16 x 16 without overlap."""

    about = About(
        "PaSST-N-S", "AudioSet's labels, then FSD50K's", "Apache-2.0", "yes (ImageNet, AudioSet)",
        "YES: fine-tuned on its training clips", "nothing: averaged weights", published=0.642,
        source="K. Koutini et al., arXiv:2110.05069, by its own classifier",
    )  # fmt: skip
    name, weights, size_text = "passt", "fsd50k-passt-n-f16t16 of kkoutini/PaSST's releases", "343 MB"
    command = "a download of that .pt from https://github.com/kkoutini/PaSST/releases/tag/v.0.0.5 and PEERS=passt:/path/to/it.pt"
    needs = ("hear21passt",)
    rate_hz, size, window_s, own_window = 32000, 768, 10.0, True

    def __init__(self) -> None:
        super().__init__()
        from hear21passt.base import AugmentMelSTFT, get_model_passt

        self.mel = AugmentMelSTFT(
            n_mels=128, sr=self.rate_hz, win_length=800, hopsize=320, n_fft=1024, fmax=self.rate_hz / 2 - 1000
        )
        self.net = network(get_model_passt)

    @classmethod
    def load(cls, weights: str = "") -> "Passt":
        state, peer = state_of(cls, weights), cls()
        return filled(peer, peer.net, {name.removeprefix("net."): value for name, value in state.items()}, weights)

    def embed(self, audio: Tensor) -> Tensor:
        return self.net(self.mel(audio)[:, None])[1]


def network(make: object) -> nn.Module:
    """The network without its weights; what its package prints is left out."""
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()), torch.random.fork_rng():
        return make(arch=ARCHITECTURE, pretrained=False, n_classes=N_CLASSES, fstride=STRIDE, tstride=STRIDE)
