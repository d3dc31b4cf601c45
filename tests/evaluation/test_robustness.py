"""Curves, half points and shares of games made by hand, whose answers are known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lib.encoders.heads import ALL_FOUR
from lib.evaluation import robustness as left
from lib.evaluation import robustness_sentences
from lib.evaluation.conditions import Condition
from lib.evaluation.contributions import Played
from lib.evaluation.games import paper4
from lib.evaluation.intervals import Sampling
from lib.sounds.perturb import PERTURBATIONS
from lib.study import Request, Study

CHANCE, DRAWS = 0.1, 40
PLAYERS = paper4().players
STRENGTHS = PERTURBATIONS["noise"].strengths


def game(values):
    """A played game of one seed whose coalitions have these values over all, with the same deviations in each draw."""
    moved = 0.01 * np.random.default_rng(0).standard_normal(DRAWS)
    rows = {s: np.append(values(s) + moved * bool(s), values(s))[:, None] for s in [(), *paper4().coalitions]}
    return Played(paper4(), "clip", "paper", Sampling(DRAWS, 39), {"map_macro": rows}, {"map_macro": ["all"]}, 1)


def additive(**each):
    """Coalitions that have chance and the sum of what their players bring."""
    return game(lambda subset: CHANCE + sum(each.get(name, 0.1) for name in subset))


def robustness(*games):
    """The first game as the study itself, the others under noise, the milder first."""
    whole, *worse = games
    conditions = [Condition("sound", "noise", step, STRENGTHS[step - 1]) for step in range(1, len(worse) + 1)]
    return [left.Robustness(whole, {"noise": list(zip(conditions, worse, strict=True))})]


@pytest.mark.parametrize(
    ("above", "step"),
    [
        ([1, 1, 1], np.inf),
        ([1, -1, -1], 0.5),
        ([1, 0.5, -0.5, 2], 1.5),
        ([-1, 1], 0.0),
        ([1, np.nan], np.nan),
        ([3, -1], 0.75),
    ],
)
def test_a_line_crosses_zero_between_two_steps(above, step):
    assert left.crossing(np.array(above, float)) == pytest.approx(step, nan_ok=True)


@pytest.mark.parametrize(
    ("name", "step", "words"),
    [
        ("noise", np.inf, "never"), ("noise", 0.5, "before 30 dB SNR"), ("noise", 1.5, "25 dB SNR"), ("gain", 0.5, "-3 dB"),
        ("resampler", 2.5, "before soxr_mq"), ("noise", np.nan, "no value"), ("clipping", 5.0, "50 % of samples"),
        ("lowpass", 3.738, "1262 Hz"), ("stretch", 1.333, "1.15 times the speed"),
    ],
)  # fmt: skip
def test_a_step_is_told_in_the_unit_of_the_perturbation(name, step, words):
    assert left.in_unit(name, step) == words


def test_half_of_the_gain_is_gone_where_it_was_put():
    falls = [0.4, 0.4, 0.3, 0.1, 0.1, 0.1]  # what pitch brings, step by step: half of 0.4 is gone between steps 2 and 3
    table = left.half_table(robustness(*(additive(pitch=value) for value in falls)))
    pitch, timbre = (table.set_index("subset").loc[name] for name in ("pitch", "timbre"))
    assert pitch["step"] == pytest.approx(2.5) and pitch["half_at"] == "15 dB SNR"
    assert pitch["low_step"] < 2.5 < pitch["high_step"]
    assert pitch["kept_at_end"] == pytest.approx(0.25)
    assert np.isinf(timbre["step"]) and timbre["half_at"] == "never" and timbre["kept_at_end"] == pytest.approx(1)


def test_a_curve_is_less_than_the_study_by_the_paired_difference():
    table = left.curve_table(robustness(additive(), additive(pitch=0.05), additive(pitch=0.0)))
    row = table.query("subset == 'pitch' and step == 1").iloc[0]
    assert row["difference"] == pytest.approx(-0.05) and row["kept"] == pytest.approx(0.5)
    # The same draws on both sides, so the difference has no spread.
    assert row["difference_low"] == pytest.approx(-0.05) and row["difference_high"] == pytest.approx(-0.05)
    clean = table[table["step"] == 0]
    assert (clean["difference"] == 0).all() and clean["p"].isna().all() and (clean["kept"] == 1).all()


def test_shares_that_fall_together_keep_their_parts():
    shares = left.share_table(robustness(additive(), game(lambda s: CHANCE + 0.05 * len(s)), additive(pitch=0.0)))
    together, alone = (shares.query("encoder == 'pitch' and step == @step").iloc[0] for step in (1, 2))
    assert together["part"] == pytest.approx(0.25) and together["difference"] == pytest.approx(0, abs=1e-2)
    assert alone["part"] == pytest.approx(0, abs=1e-6) and alone["difference"] == pytest.approx(-0.25, abs=1e-6)
    assert shares.groupby("step")["part"].sum().tolist() == pytest.approx([1, 1, 1])


def test_what_features_add_moves_where_the_learned_ones_break():
    rest = {"neuralogram": 0.0, "waveform": 0.0}
    broken = game(lambda s: CHANCE + sum(0.1 for name in s if name not in rest))
    table = left.feature_table(robustness(additive(), broken, additive(pitch=0.0, timbre=0.0)))
    assert table["margin"].tolist() == pytest.approx([0.2, 0.2, 0.0]) and table["moved"].tolist() == pytest.approx(
        [0, 0, -0.2]
    )
    assert table["ahead"].iloc[0] == pytest.approx(0.3)
    assert "'robust' is not borne out" in robustness_sentences.robust(table, "clip", "paper")


@pytest.mark.parametrize(
    ("p", "verdict"), [(0.001, "is borne out under White noise alone"), (0.02, "is not borne out: ")]
)
def test_the_word_robust_is_held_against_all_conditions(p, verdict):
    """One of four perturbations that grows at 2 % is what one gets by asking four times."""
    row = {"level": "clip", "head": "paper", "margin": 0.1, "low": 0.05, "high": 0.15, "moved": 0.05, "best_single": "pitch",
           "ahead_low": 0.1, "ahead_high": 0.2}  # fmt: skip
    rows = [row | {"perturbation": "noise", "step": 0, "p": np.nan, "p_holm": np.nan}]
    rows += [
        row | {"perturbation": name, "step": 1, "p": p if name == "noise" else 0.5}
        for name in ("noise", "gain", "mp3", "pitch")
    ]
    told = robustness_sentences.robust(pd.DataFrame(rows).assign(p_holm=lambda table: table["p"]), "clip", "paper")
    assert "strengths of one perturbation, what they add grows under White noise and shrinks under none" in told
    assert f"Here the word 'robust' {verdict}" in told


def test_sentences_name_what_breaks_first():
    falls = ([0.4, 0.1], [0.4, 0.3])
    each = robustness(*(additive(pitch=pitch, timbre=timbre) for pitch, timbre in zip(*falls, strict=True)))
    (line,) = robustness_sentences.breaks(left.half_table(each), "clip", "paper")
    assert line.startswith(
        "White noise: half of the gain is gone first for pitch at before 30 dB SNR; timbre, neuralogram and waveform never. All"
    )


def test_which_breaks_first_is_not_claimed_where_intervals_overlap():
    row = {
        "perturbation": "noise",
        "level": "clip",
        "head": "paper",
        "group": "all",
        "half_at": "9 dB SNR",
        "kept_at_end": 0.3,
    }
    steps = {"pitch": (2.0, 1.0, 3.0), "timbre": (2.5, 2.0, np.inf), ALL_FOUR: (3.0, 2.5, 4.0)}
    rows = [
        row | dict(zip(("subset", "step", "low_step", "high_step"), (name, *each), strict=True))
        for name, each in steps.items()
    ]
    (line,) = robustness_sentences.breaks(pd.DataFrame(rows), "clip", "paper")
    assert "timbre at 9 dB SNR (the intervals overlap, so that which is first is not shown). All four" in line
    rows[0]["high_step"] = 1.9
    (line,) = robustness_sentences.breaks(pd.DataFrame(rows), "clip", "paper")
    assert "overlap" not in line


def test_most_of_the_gain_is_there_from_where_no_longer_excerpt_has_less():
    row = {"head": "paper", "subset": ALL_FOUR, "place": "start", "fill": "", "low": 0.5, "high": 0.9}
    kept = {1: 0.8, 2: 0.95, 3: 0.85, 4: 0.92, 5: 0.99}
    rows = [row | {"length_s": length, "kept": each, "value": each} for length, each in kept.items()]
    (line,) = robustness_sentences.heard(pd.DataFrame(rows), "paper")
    assert line.endswith("90 % of the whole clip's gain are there from 4 s on.")


def test_what_is_not_above_chance_has_nothing_to_lose():
    each = robustness(additive(pitch=0.4, timbre=-0.05), additive(pitch=0.3, timbre=-0.2))
    rows = left.half_table(each).set_index("subset")
    assert rows.loc["timbre", ["step", "low_step", "high_step", "kept_at_end"]].isna().all()
    assert rows.loc["timbre", "half_at"] == "no value" and rows.loc["pitch", "half_at"] == "never"
    (line,) = robustness_sentences.breaks(left.half_table(each), "clip", "paper")
    assert line.endswith(" Not above chance to begin with: timbre.") and "timbre at" not in line
    (line,) = robustness_sentences.breaks(
        left.half_table(robustness(game(lambda _: 0.05), game(lambda _: 0.05))), "clip", "paper"
    )
    assert "no gain above chance to lose" in line


def test_intervals_of_excerpts_average_their_draws():
    from lib.sounds.excerpts import Excerpt

    draws = [additive(pitch=value) for value in (0.1, 0.2, 0.3)]
    found = [Excerpt(0.5, "random", "repeat", draw) for draw in range(3)]
    conditions = [Condition("length", "length", 1, each.name, each) for each in found]
    one = replace(robustness(additive())[0], played={"length": list(zip(conditions, draws, strict=True))})
    table = left.length_table([one])
    row = table.set_index("subset").loc["pitch"]
    assert row["value"] == pytest.approx(CHANCE + 0.2) and row["draws"] == 3 and row["difference"] == pytest.approx(0.1)


def test_nothing_asked_gives_empty_tables_with_their_columns():
    for name, make in left.TABLES.items():
        assert list(make(robustness(additive())).columns) and isinstance(make([]), pd.DataFrame), name


def test_where_nothing_was_asked_for_there_are_tables_without_rows_and_none_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("STUDY_HOME", str(tmp_path))
    tables = left.write_tables(Study.of(Request(preset="tiny")), ())
    assert {name: len(table) for name, table in tables.items()} == dict.fromkeys(left.TABLES, 0)
    assert list(tables["robustness_half"]) == left.HALF_COLUMNS
    assert robustness_sentences.breaks(tables["robustness_half"], "clip", "paper") == []
    assert not list(tmp_path.rglob("*.csv"))


@pytest.mark.parametrize(("p_holm", "said"), [(0.01, "repeat 40.0 (clearly other)."), (0.2, "repeat 40.0.")])
def test_another_input_is_clearly_other_after_the_correction_for_all_of_them_alone(p_holm, said):
    row = {"encoder": "neuralogram", "subset": "neuralogram", "level": "clip", "head": "paper", "low": 0.3, "high": 0.7}
    table = pd.DataFrame([
        row | {"input": "as trained", "value": 0.6, "difference_low": 0.0, "difference_high": 0.0, "p_holm": np.nan},
        row | {"input": "repeat", "value": 0.4, "difference_low": -0.3, "difference_high": -0.1, "p_holm": p_holm},
    ])  # fmt: skip
    (told,) = robustness_sentences.inputs(table, "clip", "paper")
    assert told.endswith(f"as trained 60.0 (30.0 to 70.0); not retrained, {said}")
