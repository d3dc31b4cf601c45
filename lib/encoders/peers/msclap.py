"""Microsoft's CLAP: a network whose embedding of some seconds of sound lies near that of a text which describes it; the package msclap.

B. Elizalde et al., CLAP: learning audio concepts from natural language supervision, ICASSP 2023 (a CNN14, "2022"), and
Natural language supervision for general-purpose audio representations, ICASSP 2024 (an HTS-AT, "2023"): the file of weights says which.
"""

from dataclasses import replace

from torch import Tensor

from lib.encoders.peers.base import About
from lib.encoders.peers.brought import Brought, filled, state_of

START = "audio_encoder."
# name, width of its own embedding, window (s), highest frequency (Hz)
NETWORKS = {"2022": ("Cnn14", 2048, 5.0, 14000), "2023": ("HTSAT", 768, 7.0, 8000)}
SIZE, N_FFT, HOP, N_MELS, LOWEST_HZ, N_CLASSES = 1024, 1024, 320, 64, 50, 527


class MsClap(Brought):
    """The projected embedding at 44.1 kHz, of the audio half alone."""

    about = About(
        "CLAP (Microsoft, 2023)", "pairs of sounds and texts", "code MIT, weights MS-PL", "yes (4.6 million pairs)",
        "YES: its clips are among the pairs", source="B. Elizalde et al., ICASSP 2024: not in the paper's table",
    )  # fmt: skip
    older = replace(
        about, title="CLAP (Microsoft, 2022)", extra_data="yes (128,000 pairs)", published=0.586,
        source="B. Elizalde et al., ICASSP 2023, supervised: fine-tuned with a classifier",
    )  # fmt: skip
    name, weights, size_text = "msclap", "CLAP_weights_2023.pth of microsoft/msclap", "690 MB; 2022: 2.3 GB"
    command = ".venv/bin/hf download microsoft/msclap CLAP_weights_2023.pth and PEERS=msclap:/path/to/it"
    needs = ("msclap", "torchlibrosa", "transformers")
    rate_hz, size, own_window = 44100, SIZE, True

    def __init__(self, year: str = "2023") -> None:
        super().__init__()
        from msclap.models.clap import AudioEncoder

        network, width, self.window_s, highest_hz = NETWORKS[year]
        self.about = type(self).about if year == "2023" else self.older
        self.encoder = AudioEncoder(
            network, width, SIZE, self.rate_hz, N_FFT, HOP, N_MELS, LOWEST_HZ, highest_hz, N_CLASSES
        )

    @classmethod
    def load(cls, weights: str = "") -> "MsClap":
        state = state_of(cls, weights)
        peer = cls("2023" if any(".htsat." in name for name in state) else "2022")
        return filled(
            peer,
            peer.encoder,
            {name.removeprefix(START): x for name, x in state.items() if name.startswith(START)},
            weights,
        )

    def embed(self, audio: Tensor) -> Tensor:
        return self.encoder(audio)[0]
