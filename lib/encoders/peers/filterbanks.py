"""Bank of Filterbanks: the Audio Transformer with five learned filter banks, and for each patch a router that picks among them.

P. Verma, C. Chafe, A content adaptive learnable time-frequency representation for audio signal processing, arXiv:2303.10446;
no code was published. Most of the router is a setting.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from lib.encoders.peers.audio_transformer import N_PATCHES, PATCH, AudioTransformer, AudioTransformerSettings
from lib.encoders.peers.base import NO, About
from lib.representations.kernels.waveform import FilterMaxima
from lib.settings import choice


class FilterbankSettings(AudioTransformerSettings):
    """The Audio Transformer's, and those of the banks."""

    banks: int = Field(5, ge=1)
    filters: int = choice(128, "any", "of one bank; said of the successor's single bank", ge=1)
    filter_length: int = choice(200, "any", "said of the successor's single bank", ge=1)
    gate: Literal["top1", "soft"] = choice("top1", "soft (a weighted sum of all banks)", "sparse is said, not how")
    router: int = choice(
        64, "any", "width of the router's hidden layer; what it sees is not specified, here the patch itself", ge=1
    )


class FilterBanks(AudioTransformer):
    """Five convolutional banks, the largest answer in time of each filter, of one bank for each patch."""

    name, Settings = "filterbanks", FilterbankSettings
    about = About(
        "Bank of Filterbanks", "the study's labels, from scratch", "none published", NO, NO, "does not say; here the last",
        published=0.552, source="P. Verma, C. Chafe, arXiv:2303.10446",
    )  # fmt: skip

    def __init__(self, settings: FilterbankSettings, n_classes: int) -> None:
        super().__init__(settings, n_classes)
        self.front = nn.Linear(settings.filters, settings.width)
        self.bank = nn.Conv1d(1, settings.banks * settings.filters, settings.filter_length, padding="same")
        self.router = nn.Sequential(
            nn.Linear(PATCH, settings.router), nn.ReLU(), nn.Linear(settings.router, settings.banks)
        )

    def gates(self, patches: Tensor) -> Tensor:
        """The weight of each bank [patch, bank] for patches [patch, sample]; of one bank alone with top1.

        As in switch Transformers the bank that is picked is scaled by its probability, so that the router learns.
        """
        weights = self.router(patches).softmax(1)
        if self.settings.gate == "soft":
            return weights
        return weights * nn.functional.one_hot(weights.argmax(1), weights.shape[1])

    def tokens(self, features: Tensor) -> Tensor:
        patches = features[:, : PATCH * N_PATCHES].reshape(-1, PATCH)
        # self.bank(patches[:, None]).amax(2), in a seventh of the time
        answers = FilterMaxima.apply(patches, self.bank.weight[:, 0], self.bank.bias)
        answers = answers.unflatten(1, (self.settings.banks, self.settings.filters))
        mixed = (self.gates(patches)[:, :, None] * answers).sum(1)
        return self.front(mixed).unflatten(0, (-1, N_PATCHES))
