"""Dasheng: a Transformer trained on 272,000 hours of sound to fill in what was masked; the network of the package dasheng.

H. Dinkel et al., Scaling up masked audio encoder learning for general audio classification, Interspeech 2024.
"""

from typing import Any

from torch import Tensor

from lib.encoders.peers.base import NO, About
from lib.encoders.peers.brought import Brought, filled, read_file

BASE = {"embed_dim": 768, "depth": 12, "num_heads": 12}


class Dasheng(Brought):
    """The mean over time of its last layer, at 16 kHz, of any length; a file of weights says how large it is."""

    about = About(
        "Dasheng", "masked sound", "Apache-2.0", "yes (272,356 hours, AudioSet among them)", NO, by_others=0.409,
        source="by others: X-ARES, frozen, 10 s (jimbozhang/xares: README.md)",
    )  # fmt: skip
    name, weights, size_text = "dasheng", "dasheng_base.pt of zenodo.org/records/11511780", "342 MB"
    command = "a download of that .pt and PEERS=dasheng:/path/to/it.pt"
    needs = ("dasheng", "einops")
    rate_hz, size = 16000, 768

    def __init__(self, settings: dict[str, Any] = BASE) -> None:
        super().__init__()
        from dasheng.pretrained.pretrained import Dasheng as Network

        self.net = Network(**settings)
        self.size = settings["embed_dim"]

    @classmethod
    def load(cls, weights: str = "") -> "Dasheng":
        found = read_file(cls, weights)
        peer = cls(BASE | found.get("config", {}))
        return filled(peer, peer.net, found.get("model", found), weights)

    def embed(self, audio: Tensor) -> Tensor:
        return self.net(audio).mean(1)
