"""PSLA: EfficientNet-B2 on kaldi's filter banks, with four heads of attention over time.

Y. Gong, Y.-A. Chung, J. Glass, PSLA, TASLP 2021 (YuanGongND/psla). Theirs starts from ImageNet, hears 30 s and corrects labels;
here it starts from scratch on 1 s, without augmentation, as all systems do.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from lib.encoders.peers.base import NO, About
from lib.encoders.peers.learner import Learner
from lib.settings import Frozen, choice

N_BINS, HEADS = 128, 4
MEAN, SPREAD = -4.6476, 4.5699  # of the filter banks of FSD50K, by its authors
SMALLEST = 1e-7  # of an attention


class PslaSettings(Frozen):
    """What depends on the length of the sound."""

    channels_last: bool = choice(
        True, "false", "the layout in memory: faster on a processor, the same numbers but for rounding"
    )


class Psla(Learner):
    """timm's EfficientNet-B2 [batch, 1,408, frequency, time], the mean over frequency, and the attention."""

    name, Settings = "psla", PslaSettings
    about = About(
        "PSLA (from scratch, 1 s)", "the study's labels, from scratch", "BSD-3 (its authors' code)", NO, NO,
        "validation by its authors; here the last", published=0.567, by_others=0.558,
        source="Y. Gong et al., arXiv:2102.01243, with an ImageNet start, 30 s and corrected labels",
    )  # fmt: skip
    rate_hz, size, stored = 16000, 1408, True
    schedule: ClassVar = {
        "loss": "bce",
        "output": "sigmoid",
        "lr": 5e-4,
        "lr_min": 1e-6,
        "batch": 24,
        "weight_decay": 5e-7,
    }

    def __init__(self, settings: PslaSettings, n_classes: int) -> None:
        super().__init__(settings, n_classes)
        import timm

        self.net = timm.create_model("efficientnet_b2", in_chans=1, num_classes=0, global_pool="")
        self.attention = nn.ModuleList(nn.Conv1d(self.size, n_classes, 1) for _ in range(HEADS))
        self.answers = nn.ModuleList(nn.Conv1d(self.size, n_classes, 1) for _ in range(HEADS))
        self.weight = nn.Parameter(torch.full((HEADS,), 1 / HEADS))

    def features(self, audio: Tensor) -> Tensor:
        """Filter banks [batch, 128, frame] of sound [batch, sample], as kaldi computes them."""
        from torchaudio.compliance.kaldi import fbank

        each = [fbank(x[None] - x.mean(), htk_compat=True, sample_frequency=self.rate_hz, window_type="hanning",
                      num_mel_bins=N_BINS, dither=0.0, use_energy=False, frame_shift=10) for x in audio]  # fmt: skip
        return (torch.stack(each).mT - MEAN) / SPREAD

    def maps(self, features: Tensor) -> Tensor:
        """What the network sees at each time [batch, 1,408, time]."""
        x = features[:, None]
        return self.net(x.contiguous(memory_format=torch.channels_last) if self.settings.channels_last else x).mean(2)

    def represent(self, features: Tensor) -> Tensor:
        return self.maps(features).mean(2)

    def probabilities(self, maps: Tensor) -> Tensor:
        """The heads' answers [batch, class], each weighted over time by its own attention."""
        found = 0.0
        for weight, attention, answer in zip(self.weight, self.attention, self.answers, strict=True):
            looked = attention(maps).sigmoid().clamp(SMALLEST, 1 - SMALLEST)
            found = found + weight * (answer(maps).sigmoid() * looked / looked.sum(2, keepdim=True)).sum(2)
        return found

    def forward(self, features: Tensor) -> Tensor:
        """Outputs [batch, class] whose sigmoid the probabilities are, since the loop's loss takes those."""
        return self.probabilities(self.maps(features)).clamp(SMALLEST, 1 - SMALLEST).logit()
