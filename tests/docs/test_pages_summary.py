"""The sentences of the README come out right whichever way the numbers of the records fall."""

import json

import pandas as pd
import pytest
from pages import summary
from pages.recorded import Record

from lib.encoders.heads import ALL_FOUR

NAMES = ("pitch", "timbre", "neuralogram", "waveform")


@pytest.fixture
def records(tmp_path):
    """Two records without tables: ESC-10's and planted's."""
    for name, fold, seeds in (("esc50-laptop", "all", [0]), ("planted-quick", 0, [0, 1, 2])):
        (tmp_path / name / "tables").mkdir(parents=True)
        (tmp_path / name / "study.json").write_text(json.dumps({"fold": fold, "seeds": seeds}))
    return Record(tmp_path / "esc50-laptop"), Record(tmp_path / "planted-quick")


def put(record, name, rows):
    pd.DataFrame(rows).to_csv(record.folder / "tables" / f"{name}.csv", index=False)


@pytest.mark.parametrize(("differences", "p_holm", "ends"), [
    ((-0.1, -0.01, 0.3, 0.1), (0.001, 0.6, 0.001, 0.001),
     "lie pitch by 10.0 and timbre by 1.0 (not significantly different) points."),
    ((-0.1, 0.01, 0.3, 0.1), (0.001, 0.6, 0.001, 0.001), "lies pitch by 10.0 points."),
    ((0.1, 0.0, 0.3, 0.1), (0.001, 0.6, 0.001, 0.001), "lies no encoder."),
])  # fmt: skip
def test_who_stays_below_classical_learning(records, differences, p_holm, ends):
    of = {"level": "clip", "head": "paper", "measure": "map_macro"}
    put(records[0], "baselines", [
        {**of, "subset": name, "value": 0.7 + by, "classical": 0.7, "difference": by, "p_holm": p}
        for name, by, p in zip((*NAMES, ALL_FOUR), (*differences, 0.05), (*p_holm, 0.2), strict=True)
    ])  # fmt: skip
    put(
        records[0],
        "subsets",
        [{**of, "subset": ALL_FOUR, "control": "", "seed": "mean", "value": 0.75, "low": 0.7, "high": 0.8}],
    )
    said = summary.below_classical(records[0])
    assert said.startswith(
        "- ESC-10 (all folds, 1 seed): all four encoders together reach 75.0 (70.0 to 80.0) macro mAP of clips"
    )
    assert "statistics of the same inputs 70.0;" in said
    assert said.endswith(ends)


@pytest.mark.parametrize(("p", "smallest", "told"), [
    (0.001, "timbre+waveform", "- There all four beat every single encoder by top 1 of clips (one-sided p = 0.001); timbre+waveform with "
     "87.0 macro mAP of clips is not significantly worse than the best subset."),
    (0.2, ALL_FOUR, "- There all four are not shown to beat every single encoder by top 1 of clips (one-sided p = 0.200); no smaller "
     "subset is as good."),
])  # fmt: skip
def test_all_four_beside_single_encoders_and_smaller_subsets(records, p, smallest, told):
    put(records[0], "simultaneous", [{"head": "paper", "level": "clip", "measure": "top1", "p_all": p}])
    put(records[0], "best_subsets", [
        {"game": "paper4", "level": "clip", "head": "paper", "measure": "map_macro", "smallest": smallest, "smallest_value": 0.87},
    ])  # fmt: skip
    assert summary.against_single(records[0]) == told


@pytest.mark.parametrize(("of_timbre", "ends"), [(0.43, ": as planted."), (0.93, ": NOT as planted.")])
def test_what_was_planted_is_claimed_only_where_the_intervals_are_apart(records, of_timbre, ends):
    rows = [
        ("pitch", "pitch", 0.96),
        ("pitch", "timbre", of_timbre),
        ("timbre", "pitch", 0.41),
        ("timbre", "timbre", 0.91),
    ]
    put(records[1], "branches", [
        {"branch": branch, "encoder": name, "value": value, "low": value - 0.02, "high": value + 0.02, "head": "own",
         "level": "chunk", "measure": "map_macro"} for branch, name, value in rows
    ])  # fmt: skip
    said = summary.planted(records[0])
    assert said.startswith(
        "- `planted`, whose answer is known (3 seeds), by chunks: of pitch classes pitch has 96.0, timbre "
    )
    assert said.endswith(ends)


@pytest.mark.parametrize(("disks", "told"), [
    (["yes", "yes"], "killed at random moments (2 of 3 times), on full disks (2 of 2 times) and with "
     "damaged files (1 of 1 times) goes on to the same tables"),
    ([], "killed at random moments (2 of 3 times) and with damaged files (1 of 1 times) goes on to the same tables"),
])  # fmt: skip
def test_how_often_a_hurt_study_ended_as_it_should(tmp_path, disks, told):
    record = Record(tmp_path / "faults")
    (record.folder / "tables").mkdir(parents=True)
    for name, good in {"kills": ["yes", "no", "yes"], "disks": disks, "damage": ["yes"]}.items():
        put(record, name, {"good": good})
    assert told in summary.faults(record)


def test_what_pretrained_systems_gain_is_told_beyond_noise_and_after_holm(records):
    of = {"measure": "map_macro", "head": "paper", "level": "clip"}
    put(records[0], "peers", [
        {"row": row, "peer": peer, "heard": heard, **of, "value": value}
        for row, peer, heard, value in (("Ear", "ear", "own windows", 0.6), ("Ear", "ear", "1 s chunks", 0.5),
                                        ("Nose", "nose", "own windows", 0.96), ("all four", "", "1 s chunks", 0.8))
    ])  # fmt: skip
    # by itself, more than noise adds, and the p of the latter: 0.02 does not stand among four
    gains = {
        "ear": {"pitch": (0.07, 0.02, 0.3), "timbre": (0.19, 0.17, 0.001)},
        "nose": {"pitch": (0.01, -0.01, 0.6), "timbre": (0.03, 0.02, 0.02)},
    }
    put(records[0], "peer_gains", [
        {**of, "peer": peer, "added": added, "group": "all", "against": against, "difference": by, "low": 0.001, "p": p}
        for peer, each in gains.items() for added, (alone, more, p) in each.items()
        for against, by in (("", alone), ("noise", more))
    ])  # fmt: skip
    assert summary.on_top(records[0]) == (
        "- On top of pretrained systems there pitch and timbre bring significantly more than noise does: "
        "to Ear (60.0) timbre +17.0; to Nose (96.0) neither."
    )
