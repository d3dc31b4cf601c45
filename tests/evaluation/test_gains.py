"""Gains in log-loss: calibration equal to scikit-learn's, players that know something, and players that do not."""

import made_up
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from lib.evaluation import gains, probe_sentences, ridge
from lib.evaluation.gains import calibrated, log_loss_bits, platt
from lib.evaluation.scores import Scores
from lib.files import digests


def clips(n=240, n_classes=4, seed=0):
    """Targets [item, class], groups of four items, and a generator."""
    rng = np.random.default_rng(seed)
    return (rng.random((n, n_classes)) < 0.3).astype(np.uint8), np.repeat(np.arange(n // 4), 4), rng


def test_platts_regression_is_that_of_scikit_learn():
    targets, _, rng = clips()
    scores = targets * [0.0, 0.5, 1.0, 4.0] + rng.normal(size=targets.shape)
    slope, intercept = platt(scores, targets)
    for column in range(4):
        positive = targets[:, column] > 0
        high, low = (positive.sum() + 1) / (positive.sum() + 2), 1 / ((~positive).sum() + 2)
        weight = np.concatenate([np.where(positive, high, low), np.where(positive, 1 - high, 1 - low)])
        twice = np.tile(scores[:, [column]], (2, 1))  # a target between 0 and 1 is both, with weights
        model = LogisticRegression(C=1 / gains.PENALTY, tol=1e-10, max_iter=1000)
        model.fit(twice, np.repeat([1, 0], len(scores)), sample_weight=weight)
        assert slope[column] == pytest.approx(model.coef_[0, 0], abs=1e-4)
        assert intercept[column] == pytest.approx(model.intercept_[0], abs=1e-4)


def test_calibration_of_float16_is_that_of_the_same_numbers():
    """Counted at each of the 65,536 numbers or item by item, the probabilities are the same; rare classes share a fit."""
    targets, groups, rng = clips(n=400, n_classes=5)
    targets[:, 4] = rng.random(400) < 0.02
    halves = (targets * [0.0, 0.5, 1.0, 4.0, 1.0] + rng.normal(size=targets.shape)).round(1).astype(np.float16)
    exact = calibrated(halves.astype(float), targets, groups)
    assert calibrated(halves, targets, groups) == pytest.approx(exact, abs=1e-8)
    assert targets[:, 4].sum() < gains.FEW and np.isfinite(exact).all()
    assert log_loss_bits(halves, targets, groups) == pytest.approx(log_loss_bits(halves.astype(float), targets, groups))


def test_a_class_that_is_parted_or_absent_has_probabilities_too():
    scores = np.linspace(-1, 1, 40)[:, None].repeat(3, axis=1)
    targets = np.stack([scores[:, 0] > 0, np.zeros(40), np.ones(40)], axis=1)
    slope, intercept = platt(scores, targets)
    assert np.isfinite([slope, intercept]).all() and slope[0] > 3
    assert -np.log(40) - 1 < intercept[1] < -2 and intercept[2] == pytest.approx(-intercept[1])


def test_calibration_learns_from_other_groups_alone():
    targets, groups, rng = clips()
    scores = targets + rng.normal(size=targets.shape)
    before = calibrated(scores, targets, groups)
    held_out = next(held for _, held in ridge.folds_by_group(groups) if 7 in groups[held])
    changed = targets.copy()
    changed[groups == 7] = 1 - changed[groups == 7]
    after = calibrated(scores, changed, groups)
    np.testing.assert_array_equal(after[held_out], before[held_out])
    assert not np.allclose(after, before)
    assert np.isnan(calibrated(scores, targets, np.zeros(len(scores)))).all()


def test_calibrated_scores_beat_a_constant_and_noise_does_not():
    targets, groups, rng = clips(400)
    constant = log_loss_bits(np.zeros(targets.shape), targets, groups)
    informed = log_loss_bits(2.5 * targets + rng.normal(size=targets.shape), targets, groups)
    noise = log_loss_bits(rng.normal(size=targets.shape), targets, groups)
    assert informed.mean() < constant.mean() - 1
    assert noise.mean() > constant.mean() - 0.01
    share = targets.mean(0)
    entropy = -(share * np.log2(share) + (1 - share) * np.log2(1 - share)).sum()
    assert constant.mean() == pytest.approx(entropy, rel=0.02)


def test_scale_and_place_of_scores_do_not_matter():
    targets, groups, rng = clips()
    scores = targets + rng.normal(size=targets.shape)
    np.testing.assert_allclose(
        log_loss_bits(0.01 * scores - 3, targets, groups), log_loss_bits(scores, targets, groups), rtol=1e-6
    )


def test_classes_with_few_positives_share_a_regression():
    targets, _, rng = clips(200)
    targets[:, 2:] = 0
    targets[:5, 2], targets[:3, 3] = 1, 1
    scores = targets + 0.1 * rng.normal(size=targets.shape)
    slope, intercept = gains.by_class(scores, targets)
    assert slope[2] == slope[3] and intercept[2] == intercept[3]
    alone = platt(scores[:, :2], targets[:, :2])
    np.testing.assert_allclose([slope[:2], intercept[:2]], alone)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two folds, two seeds: waveform knows nothing, pitch knows much, timbre adds noise alone; to be read."""
    with pytest.MonkeyPatch.context() as patch:
        made = made_up.study(tmp_path_factory.mktemp("gains"), patch)
        for part in made.parts:
            with np.load(part.folder / "scores" / "test.npz") as stored:
                targets = stored["targets"]
            for head in part.settings.heads.kinds:
                for seed in part.request.seeds:
                    rng = np.random.default_rng([part.request.fold, seed])
                    for subset in ("waveform", "pitch+waveform", "timbre+waveform"):
                        skill = 4.0 if "pitch" in subset else 0.0
                        scores = skill * targets + rng.normal(size=targets.shape)
                        digests.write_array(part.scores(subset, head, seed), scores.astype(np.float32))
        yield made


@pytest.fixture(scope="module")
def table(study):
    return gains.gain_table(study)


def test_the_table_of_gains(table):
    assert list(table) == gains.COLUMNS
    assert len(table) == 2 * 2 * len(gains.compared()) and (table["seeds"] == 2).all()
    rows = table[(table["level"] == "chunk") & (table["head"] == "paper")].set_index(["without", "with"])
    informed, noise = (rows.loc[("waveform", name)] for name in ("pitch+waveform", "timbre+waveform"))
    assert informed["low"] > 0 and informed["p"] < 0.05 and informed["p_holm"] > informed["p"]
    assert noise["low"] < 0.1 * informed["gain_bits"]
    assert noise["p"] > 0.05 or noise["gain_bits"] < 0


def test_a_gain_is_the_mean_over_folds_and_seeds_of_the_bits_saved(study, table):
    each = []
    for part in map(Scores, study.parts):
        test = part.tests["clip"]
        for seed in (0, 1):
            bits = [
                log_loss_bits(part.read(name, "linear", seed)["clip"], test.targets, test.groups)
                for name in ("waveform", "pitch+waveform")
            ]
            each.append((bits[0] - bits[1]).mean())
    rows = table.set_index(["without", "with", "head", "level"])
    row = rows.loc[("waveform", "pitch+waveform", "linear", "clip")]
    assert row["gain_bits"] == pytest.approx(np.mean(each))


def test_one_group_alone_gives_no_value(study, monkeypatch):
    groups = Scores.tests.func

    def alone(self):
        from dataclasses import replace

        return {level: replace(test, groups=np.zeros(len(test.groups))) for level, test in groups(self).items()}

    monkeypatch.setattr(Scores, "tests", property(alone))
    table = gains.gain_table(study)
    assert table[["gain_bits", "low", "high", "p"]].isna().all(axis=None)


def row(more, gain, p_holm, half=0.1):
    return {
        "without": "constant" if more == "waveform" else "waveform", "with": more, "head": "paper", "level": "chunk",
        "gain_bits": gain, "low": gain - half, "high": gain + half, "p": p_holm, "p_holm": p_holm, "seeds": 1,
    }  # fmt: skip


def test_what_holm_alone_makes_not_significant_is_said():
    (told,) = probe_sentences.gains(pd.DataFrame([row("pitch+waveform", 0.2, 0.09) | {"p": 0.03}]), "chunk", "paper")
    assert told.endswith("not significantly different from zero (p = 0.090 after Holm, though p = 0.030 by itself).")


def test_sentences_say_what_is_saved_what_it_costs_and_what_is_not_sure():
    rows = [
        row("waveform", 2.0, 0.001), row("pitch+waveform", 0.5, 0.01), row("timbre+waveform", -0.5, 0.01),
        row("neuralogram+waveform", 0.05, 0.6), row("pitch+timbre+waveform", np.nan, np.nan),
    ]  # fmt: skip
    alone, pitch, timbre, neuralogram, both = probe_sentences.gains(pd.DataFrame(rows), "chunk", "paper")
    assert alone.endswith("waveform alone, against the constant predictor, saves 2.00 bits a chunk (1.90 to 2.10).")
    assert pitch.endswith("pitch added to waveform saves 0.50 bits a chunk (0.40 to 0.60).")
    assert "timbre added to waveform costs 0.50 bits a chunk (0.40 to 0.60)" in timbre
    assert "not significantly different from zero" in neuralogram
    assert "pitch and timbre added to waveform has no value" in both
