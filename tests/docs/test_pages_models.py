"""Sentences and tables of recorded models come out right whichever way the numbers fall."""

import pandas as pd
import pytest
from pages import models
from pages.recorded import NotRecorded, Record

from lib.encoders.heads import ALL_FOUR

NAMES = ("pitch", "timbre", "neuralogram", "waveform")


@pytest.fixture
def record(tmp_path):
    """A record without tables."""
    (tmp_path / "esc50-laptop" / "tables").mkdir(parents=True)
    return Record(tmp_path / "esc50-laptop")


def put(record, name, rows):
    pd.DataFrame(rows).to_csv(record.folder / "tables" / f"{name}.csv", index=False)


def number(value, margin=0.02, **more):
    return {"value": value, "low": value - margin, "high": value + margin, **more}


def scores(encoders, classical):
    """Rows of subsets.csv at one measure and level, for the singles and all four."""
    rows = []
    for values, head, control in ((encoders, "paper", ""), (classical, "own", "classical")):
        for name, value in zip((*NAMES, ALL_FOUR), values, strict=True):
            rows.append(number(value, subset=name, n_encoders=1 + name.count("+"), head=head, seed="mean", fold="",
                               level="clip", measure="map_macro", control=control))  # fmt: skip
    return rows


def beside(differences, p_holm):
    """Rows of baselines.csv for the singles and all four; each has 70 % less its difference to classical learning."""
    return [
        {"level": "clip", "head": "paper", "measure": "map_macro", "subset": name, "value": 0.7 + by, "classical": 0.7,
         "difference": by, "low": by - 0.02, "high": by + 0.02, "p": p, "p_holm": p, "seeds": 1}
        for name, by, p in zip((*NAMES, ALL_FOUR), differences, p_holm, strict=True)
    ]  # fmt: skip


@pytest.mark.parametrize(("differences", "p_holm", "starts", "ends"), [
    ((-0.1, -0.01, 0.3, 0.1, 0.05), (0.001, 0.6, 0.001, 0.001, 0.02),
     "**Below the classical baseline on their own input: pitch and timbre** (macro mAP of clips, ",
     "pitch 60.0 against 70.0, -10.0 (-12.0 to -8.0) points, significantly below; timbre 69.0 against 70.0, "
     "-1.0 (-3.0 to +1.0) points, not significantly different. All four together are above or level with the same on all "
     "four inputs: 75.0 against 70.0, +5.0 (+3.0 to +7.0) points, significantly above."),
    ((0.0, 0.0, 0.1, 0.1, -0.05), (1, 1, 0.01, 0.01, 0.001),
     "**No encoder is below the classical baseline on its own input** (macro mAP of clips, ",
     "All four together are below the same on all four inputs: 65.0 against 70.0, -5.0 (-7.0 to -3.0) points, "
     "significantly below."),
])  # fmt: skip
def test_what_stays_below_the_classical_baseline_is_said_first(record, differences, p_holm, starts, ends):
    put(record, "baselines", beside(differences, p_holm))
    told = models.baselines(record)
    assert told.startswith(starts)
    assert told.endswith(ends)


def test_without_classical_rows_nothing_is_said_of_baselines(record):
    put(record, "subsets", scores((0.6,) * 5, (0.5,) * 5)[:5])
    put(record, "baselines", beside((0.1,) * 5, (0.1,) * 5)[:0])
    with pytest.raises(NotRecorded, match="the table baselines has no"):
        models.baselines(record)
    put(record, "table1", [{"measure": "top1"}])
    with pytest.raises(NotRecorded, match="the table subsets has no rows of pitch, paper, chunk, top1"):
        models.baseline_table(record)


def beaten(differences, p):
    return [
        {"first": ALL_FOUR, "second": name, "level": "clip", "measure": "top1", "head": "paper", "difference": each,
         "low": each - 0.02, "high": each + 0.02, "p": p, "p_all": p}
        for name, each in zip(NAMES, differences, strict=True)
    ]  # fmt: skip


@pytest.mark.parametrize(("differences", "p", "told"), [
    ((0.1, 0.05, 0.01, 0.03), 0.03, "they beat every single one (intersection-union test, one-sided p = 0.030)."),
    ((0.1, 0.05, 0.01, 0.03), 0.2, "that they beat every single one is not shown (intersection-union test, one-sided p = 0.200)."),
    ((0.1, 0.05, -0.04, 0.03), 0.9, "all four are clearly below neuralogram."),
])  # fmt: skip
def test_whether_all_four_beat_every_single_encoder(record, differences, p, told):
    put(record, "simultaneous", beaten(differences, p))
    said = models.together(record)
    assert said.startswith(
        "By top 1 of clips all four less each single encoder: pitch +10.0 (+8.0 to +12.0); timbre +5.0"
    )
    assert said.endswith(told)


def family(rows):
    return [number(value, encoder=encoder, head=head, branch=branch, level="chunk", measure="map_macro", n_classes=4)
            for branch, encoder, head, value in rows]  # fmt: skip


def test_a_family_is_told_with_what_reads_it_best_and_with_chance(record):
    put(record, "branches", family([
        ("timbre", "pitch", "own", 0.41), ("timbre", "timbre", "own", 0.91), ("timbre", ALL_FOUR, "paper", 0.86),
        ("timbre", "chance", "none", 0.25), ("gesture", "waveform", "own", 0.32), ("gesture", "waveform", "paper", 0.496),
        ("gesture", ALL_FOUR, "paper", 0.48), ("gesture", "pitch", "own", 0.26), ("gesture", "chance", "none", 0.25),
    ]))  # fmt: skip
    timbre, gesture = models.family_findings(record).splitlines()
    assert timbre == (
        "- timbre family: the highest is timbre (own classifier), 91.0 (89.0 to 93.0); all four have 86.0 (84.0 to 88.0), "
        "intervals apart. Chance has 25.0; every model is above it."
    )
    assert gesture == (
        "- gesture family: the highest is waveform (fresh head), 49.6 (47.6 to 51.6); all four have 48.0 (46.0 to 50.0), "
        "intervals overlap. Chance has 25.0; not clearly above it: pitch (own classifier)."
    )


@pytest.mark.parametrize(("of_timbre", "verdict"), [(0.43, "as planted"), (0.93, "NOT clearly as planted")])
def test_what_was_planted_is_claimed_only_where_the_intervals_are_apart(record, of_timbre, verdict):
    put(record, "branches", family([
        ("pitch", "pitch", "own", 0.96), ("pitch", "timbre", "own", of_timbre), ("timbre", "pitch", "own", 0.41),
        ("timbre", "timbre", "own", 0.91),
    ]))  # fmt: skip
    first, second = models.planted_truth(record).split(". ")
    assert first.endswith(f", {verdict}")
    assert second.endswith(", as planted.")


def test_definitions_leave_d_prime_out(record):
    rows = [("map_macro", 0.7), ("top1", 0.19), ("hit@5", 0.99), ("d_prime", 3.0), ("recall@5", None)]
    put(
        record, "definitions", [{"measure": name, "value": value, "of": "all four, paper head"} for name, value in rows]
    )
    assert models.definitions(record) == (
        "The same stored scores (all four, paper head) are anything from 19.0 to 99.0 % by the definition alone, 3 of them."
    )
