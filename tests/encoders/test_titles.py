"""What a model is called."""

import pytest

from lib.encoders.heads import ALL_FOUR
from lib.encoders.titles import title


@pytest.mark.parametrize(
    ("subset", "named"),
    [
        ("pitch", "Pitch"), ("logmel", "Log-mel"), ("noise", "Noise"), ("mobilenet", "MobileNet"), ("single2", "Seed 2"),
        ("waveform256", "Waveform 256"), ("untrained_timbre", "Timbre untrained"), ("crepe", "CREPE (tiny)"),
        (ALL_FOUR, "All four"), ("all four", "All four"), ("chance", "Chance"), ("my_own_model2", "my_own_model2"),
        ("pitch+timbre", "Pitch + Timbre"), ("some+thing", "some + thing"), ("", ""),
    ],
)  # fmt: skip
def test_models_and_players_have_readers_names(subset, named):
    assert title(subset) == named
