"""BEATs: a Transformer on patches of kaldi's filter banks, trained on AudioSet to predict tokens of its own; speechbrain's network.

S. Chen et al., BEATs: audio pre-training with acoustic tokenizers, ICML 2023.
"""

import torch
from torch import Tensor, nn

from lib.encoders.peers.base import NO, About, PeerError
from lib.encoders.peers.brought import Brought, read_file


class Beats(Brought):
    """The mean over its patches of its last layer, at 16 kHz, of any length; a file of weights says how large it is."""

    about = About("BEATs", "masked sound, in some files AudioSet's labels too", "MIT", "yes (AudioSet)", NO)
    name, weights, size_text = "beats", "BEATs_iter3_plus_AS2M.pt of microsoft/unilm", "361 MB"
    command = "a download of that .pt (github.com/microsoft/unilm, folder beats) and PEERS=beats:/path/to/it.pt"
    needs = ("speechbrain",)
    rate_hz, size = 16000, 768

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.size = net.cfg.encoder_embed_dim

    @classmethod
    def load(cls, weights: str = "") -> "Beats":
        if "cfg" not in read_file(cls, weights):
            raise PeerError(
                f"{cls.name}: {weights} does not say how large its network is: it has no cfg, as the published files have"
            )
        from speechbrain.lobes.models.beats import BEATs

        try:
            return cls(BEATs(ckp_path=weights)).eval()
        except RuntimeError as error:
            raise PeerError(
                f"{cls.name}: the weights in {weights} are not of its network ({str(error).splitlines()[-1].strip()[:80]})"
            ) from None

    def embed(self, audio: Tensor) -> Tensor:
        return self.net.extract_features(audio, torch.ones(len(audio), device=audio.device))[0].mean(1)
