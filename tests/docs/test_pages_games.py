"""Sentences and tables of recorded games come out right whichever way the numbers fall."""

import pandas as pd
import pytest
from pages import games
from pages.recorded import NotRecorded, Record

FIVE = ("pitch", "timbre", "neuralogram", "waveform", "logmel")


@pytest.fixture
def record(tmp_path):
    (tmp_path / "planted-quick" / "tables").mkdir(parents=True)
    return Record(tmp_path / "planted-quick", {"mean": "Mean of own scores", "logmel": "Log-mel as a fifth"})


def put(record, name, rows):
    pd.DataFrame(rows).to_csv(record.folder / "tables" / f"{name}.csv.gz", index=False)


def control(name, level, difference, p, head="paper"):
    return {
        "control": name, "level": level, "head": head, "study_head": "paper", "measure": "map_macro", "value": 0.7 - difference,
        "study": 0.7, "difference": difference, "low": difference - 0.01, "high": difference + 0.01, "p": p / 10, "p_holm": p,
    }  # fmt: skip


def test_controls_are_told_by_clips_and_by_chunks_after_holm(record):
    put(record, "controls", [
        control("mean", "chunk", -0.04, 0.001, "own"), control("mean", "clip", 0.02, 0.3, "own"),
        control("logmel", "chunk", 0.03, 0.01), control("logmel", "clip", -0.025, 0.02),
    ])  # fmt: skip
    by_clip, by_chunk = games.control_findings(record).splitlines()
    assert by_clip == (
        "- By macro mAP of clips, after Holm's correction, the study's four are clearly above: none; clearly BELOW: "
        "Log-mel as a fifth; not significantly different from: Mean of own scores."
    )
    assert (
        "clearly above: Log-mel as a fifth; clearly BELOW: Mean of own scores; not significantly different from: none."
        in by_chunk
    )
    table = games.controls(record).splitlines()
    assert table[0].count("the study's four (70.0) less it") == 2
    assert table[2] == (
        "| Mean of own scores | 68.0 | +2.0 (+1.0 to +3.0) | 0.300 | 74.0 | -4.0 (-5.0 to -3.0) | 0.001 |"
    )  # the lowest by clips first
    assert table[3].startswith("| Log-mel as a fifth | 72.5 | -2.5 (-3.5 to -1.5) | 0.020 |")


def put_pairs(record, first, second, p):
    """Rows of tests.csv of log-mel's game by clips: one pair that is tested, and another measure's."""
    put(record, "tests", [
        {"game": "logmel5", "first": first, "second": second, "measure": measure, "level": level, "head": "paper",
         "difference": 0.03, "p_holm": p if measure == "map_macro" else 0.001}
        for measure in ("map_macro", "top1") for level in ("chunk", "clip")
    ])  # fmt: skip


@pytest.mark.parametrize(("of_logmel", "rank"), [(0.186, "largest"), (0.15, "second largest"), (-0.01, "smallest")])
def test_the_rank_of_a_fifth_encoder_is_that_of_its_share(record, of_logmel, rank):
    put_pairs(record, "logmel", "pitch", 0.2)
    put(record, "contributions", [
        {"game": "logmel5", "encoder": name, "group": "all", "measure": "map_macro", "level": level, "head": "paper",
         "share": share, "low": share - 0.02, "high": share + 0.02}
        for level in ("chunk", "clip") for name, share in zip(FIVE, (0.156, 0.078, 0.03, 0.1, of_logmel), strict=True)
    ])  # fmt: skip
    by_clip, _ = games.fifth(record).splitlines()
    assert by_clip.startswith(f"- Log-mel as a fifth, clips: its share is the {rank} of five (")
    assert "pitch +15.6 (+13.6 to +17.6)" in by_clip
    assert by_clip.endswith("), after Holm's correction significantly above none, below none.")


@pytest.mark.parametrize(("pair", "told"), [
    (("logmel", "pitch"), "above pitch, below none."), (("pitch", "logmel"), "above none, below pitch."),
])  # fmt: skip
def test_the_largest_share_is_told_with_what_it_is_significantly_above(record, pair, told):
    put_pairs(record, *pair, 0.01)
    put(record, "contributions", [
        {"game": "logmel5", "encoder": name, "group": "all", "measure": "map_macro", "level": level, "head": "paper",
         "share": 0.1, "low": 0.08, "high": 0.12}
        for level in ("chunk", "clip") for name in FIVE
    ])  # fmt: skip
    assert games.fifth(record).splitlines()[0].endswith(f"significantly {told}")


def test_a_curve_has_a_line_a_part_and_what_is_shared_out_beside_the_shares(record):
    values = {0.125: (0.10, 0.05, 0.02, 0.03), 1.0: (0.12, 0.08, 0.10, 0.30)}
    rows = [
        {"curve": "data", "part": part, "encoder": name, "what": what, "level": "clip", "head": "paper",
         "measure": "map_macro", "value": value / (what == "share" or 10), "low": value, "high": value}
        for part, shares in values.items() for name, value in zip(FIVE, shares, strict=False)
        for what in ("share", "added_last")
    ]  # fmt: skip
    rows += [
        {**rows[0], "part": part, "encoder": "all four", "what": "value", "value": 0.2 + sum(shares)}
        for part, shares in values.items()
    ]
    put(record, "curves", rows)
    put(record, "curve_ends", [
        {"curve": "data", "part": 0.125, "level": "clip", "head": "paper", "what": "share", "at_part": 0.15, "at_all": 0.2,
         "difference": -0.05, "low": -0.09, "high": -0.01},
    ])  # fmt: skip
    lines = games.curves(record).splitlines()
    assert lines[0].startswith("| part of the training groups | pitch: share, added last | timbre: share, added last |")
    assert lines[2].startswith("| 0.125 | +10.0 (+10.0 to +10.0), +1.0 (+10.0 to +10.0) | +5.0")
    assert lines[-1] == (
        "- Do features help most where data are few? Pitch and timbre together at 1/8 of the training groups against all "
        "(clips, paper head): share +15.0 against +20.0, difference -5.0 (-9.0 to -1.0) points: "
        "significantly less where there is less."
    )


def test_xor_and_copies(record):
    put(record, "xor", [
        {"head": head, "subset": subset, "value": value, "chance": 0.5}
        for head, subset, value in (("paper", "chance", 0.5), ("paper", "pitch+timbre", 0.761), ("paper", "pitch", 0.592),
                                    ("linear", "pitch", 0.51), ("linear", "pitch+timbre", 0.528))
    ])  # fmt: skip
    assert games.xor(record).splitlines()[-2:] == ["| pitch | 51.0 | 59.2 |", "| pitch+timbre | 52.8 | 76.1 |"]
    put(record, "xor", [{"head": "paper", "subset": "pitch", "value": 0.592, "low": 0.55, "high": 0.63, "chance": 0.5}])
    assert games.xor(record).splitlines()[-1] == "| pitch | 59.2 (55.0 to 63.0) |"
    with pytest.raises(NotRecorded, match="planted-quick has no table copies"):
        games.copies(record)


def test_a_substitute_is_told_beside_the_best_without_it(record):
    row = {"level": "clip", "head": "paper", "value": 0.75, "diff_low": -0.01, "diff_high": 0.03, "difference": 0.01}
    rows = [
        row | {"what": "instead of pitch", "subset": "timbre+neuralogram+waveform+logmel"},
        row | {"what": "the best with log-mel", "subset": "pitch+logmel", "difference": 0.02},
        row | {"what": "the best without", "subset": "pitch+timbre", "value": 0.73},
    ]
    put(record, "substitutes", rows + [each | {"level": "chunk"} for each in rows])
    by_clip, _ = games.substitutes(record).splitlines()
    assert by_clip == (
        "- Log-mel in the place of one of the four, less all four (clips): instead of pitch +1.0 (-1.0 to +3.0) points. Of "
        "the 31 subsets of five the best with it is pitch+logmel (75.0), without it pitch+timbre (73.0): +2.0 (-1.0 to +3.0) "
        "points, both picked by their test scores."
    )
