"""What a page says of robustness and of length, from the tables of a record made by hand."""

import numpy as np
import pandas as pd
import pytest
from pages import robustness
from pages.recorded import NotRecorded, Record

from lib.encoders.heads import ALL_FOUR

OF = {"level": "clip", "head": "paper"}


@pytest.fixture
def record(tmp_path):
    folder = tmp_path / "robust"
    (folder / "tables").mkdir(parents=True)
    places = {"waveform": (2.5, "15"), "pitch": (1.0, "30"), ALL_FOUR: (np.inf, "never")}
    half = [
        OF | {"perturbation": "noise", "subset": subset, "group": group, "step": step, "low_step": step, "high_step": step,
              "half_at": at, "kept_at_end": 0.62}
        for subset, (step, at) in places.items() for group in ("all", "class:dog")
    ]  # fmt: skip
    mild = [
        OF | {"perturbation": name, "step": 1, "subset": ALL_FOUR, "difference": difference, "p_holm": p}
        for name, difference, p in (("noise", -0.123, 0.001), ("mp3", -0.2, 0.4), ("gain", 0.02, 0.01))
    ]
    heard = [
        {"length_s": length, "place": place, "fill": fill, "head": "paper", "subset": ALL_FOUR, "value": value, "low": value - 0.1, "high": value + 0.1, "kept": kept}
        for length, place, fill, value, kept in (
            (0.5, "start", "repeat", 0.4, 0.4), (0.5, "start", "zeros", 0.3, 0.3), (1, "start", np.nan, 0.6, 0.7),
            (2, "start", np.nan, 0.7, 0.95), (1, "random", np.nan, 0.5, 0.6),
        )
    ]  # fmt: skip
    for name, rows in (("robustness_half", half), ("robustness", mild), ("robustness_length", heard)):
        pd.DataFrame(rows).to_csv(folder / "tables" / f"{name}.csv", index=False)
    return Record(folder)


def test_encoders_stand_in_the_papers_order_and_all_four_last(record):
    header, _, row = robustness.half(record).split("\n")
    assert header == "| half of the gain is gone at | pitch | waveform | all four | all four keep at the strongest |"
    assert row == "| White noise | 30 | 15 | never | 62 % |"


def test_only_what_is_significant_costs_at_the_mildest_strength(record):
    assert robustness.steepest(record).endswith("in points: White noise -12.3.")


def test_a_length_has_a_row_and_zeros_are_no_excerpt(record):
    assert robustness.lengths(record).split("\n")[2:] == [
        "| 0.5 | 40.0 (30.0 to 50.0) |  |", "| 1 | 60.0 (50.0 to 70.0) | 50.0 (40.0 to 60.0) |", "| 2 | 70.0 (60.0 to 80.0) |  |"
    ]  # fmt: skip


def test_what_a_record_lacks_is_said(record):
    for make in (robustness.breaks, robustness.robust, robustness.heard):
        with pytest.raises(NotRecorded, match="robust has no table"):
            make(record)
