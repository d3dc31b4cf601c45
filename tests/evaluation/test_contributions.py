"""Shares of a study from stored scores: they sum up, agree with the tables, and hold for classes and branches."""

from dataclasses import replace

import made_up
import numpy as np
import pandas as pd
import pytest
from made_up import CLASSES, CLIPS, PARENTS, study

from lib.encoders.heads import ALL_FOUR
from lib.evaluation import chance, contributions, games, results
from lib.evaluation.intervals import Sampling
from lib.evaluation.measures import NAMES
from lib.evaluation.scores import Scores, parts_of
from lib.files import digests


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        found = study(tmp_path_factory.mktemp("run"), patch)
        yield found, results.write_subsets(found), contributions.play_all(found)


def test_contributions_have_the_columns_of_the_contract(made):
    table = contributions.table(made[2], contributions.share_rows)
    assert list(table) == ["game", "encoder", "group", "measure", "level", "head", "share", "low", "high", "seeds"]
    groups = 1 + len(CLASSES) + len(set(sum(PARENTS.values(), ())))
    assert len(table) == 4 * 2 * 2 * (len(NAMES) - 2 + 2 * groups)
    assert set(table["game"]) == {"paper4"} and set(table["seeds"]) == {2}


def test_shares_of_every_measure_sum_to_all_four_less_chance(made):
    table = contributions.table(made[2], contributions.share_rows).query("group == 'all'")
    for (measure, level, head), rows in table.groupby(["measure", "level", "head"]):
        ends = [results.cell(made[1], *model, measure, level).value for model in ((ALL_FOUR, head), ("chance", "none"))]
        assert rows["share"].sum() == pytest.approx(ends[0] - ends[1], abs=1e-9)


def test_shares_of_classes_average_to_those_of_all_and_of_branches(made):
    table = contributions.table(made[2], contributions.share_rows).query(
        "measure == 'map_macro' and level == 'clip' and head == 'linear'"
    )
    wide = table.pivot(index="group", columns="encoder", values="share")
    of_class = wide[wide.index.str.startswith("class:")]
    np.testing.assert_allclose(of_class.mean(), wide.loc["all"], atol=1e-12)
    high = [f"class:{name}" for name in CLASSES if PARENTS[name] == ("high",)]
    np.testing.assert_allclose(of_class.loc[high].mean(), wide.loc["branch:high"], atol=1e-12)


def test_alone_and_last_are_differences_of_the_table(made):
    table = contributions.table(made[2], contributions.marginal_rows)
    row = results.pick(table, kind="add_one_in", encoder="timbre", measure="top1", level="clip", head="linear")
    ends = [results.cell(made[1], *model, "top1", "clip").value for model in (("timbre", "linear"), ("chance", "none"))]
    assert row["value"] == pytest.approx(ends[0] - ends[1], abs=1e-9)
    row = results.pick(table, kind="leave_one_out", encoder="timbre", measure="top1", level="clip", head="linear")
    others = "pitch+neuralogram+waveform"
    ends = [results.cell(made[1], name, "linear", "top1", "clip").value for name in (ALL_FOUR, others)]
    assert row["value"] == pytest.approx(ends[0] - ends[1], abs=1e-9)


def test_interactions_and_tests_are_of_every_pair(made):
    pairs = contributions.table(made[2], contributions.interaction_rows)
    assert len(pairs) == 6 * len(NAMES) * 2 * 2
    tests = contributions.table(made[2], contributions.test_rows)
    assert len(tests) == len(pairs)
    known = tests.dropna(subset="p")
    assert ((known["p"] < 0.05) == ((known["low"] > 0) | (known["high"] < 0))).all()
    table = contributions.table(made[2], contributions.share_rows).query("group == 'all'")
    row = known.query("first == 'pitch' and second == 'waveform' and measure == 'map_macro'").iloc[0]
    both = [
        results.pick(table, encoder=name, measure="map_macro", level=row.level, head=row["head"])["share"]
        for name in ("pitch", "waveform")
    ]
    assert row.difference == pytest.approx(both[0] - both[1])


def test_every_class_has_the_value_of_every_coalition(made):
    played = next(one for one in made[2] if one.level == "clip" and one.head == "paper")
    rows = contributions.class_rows(played)
    assert len(rows) == 16 * len(CLASSES)
    mean = rows.query("subset == 'pitch+timbre'")["value"].mean()
    assert mean == pytest.approx(results.cell(made[1], "pitch+timbre", "paper", "map_macro", "clip").value)


def test_a_control_reads_its_own_scores_and_shares_the_studys(tmp_path, monkeypatch):
    found = study(tmp_path, monkeypatch, seeds="0", fold=1)
    game = games.Game("noise5", ("pitch", "timbre", "noise"), "noise", frozenset({"noise"}))
    part = found.parts[0]
    for subset in ("noise", "pitch+noise", "timbre+noise", "pitch+timbre+noise"):
        without = subset.replace("+noise", "")
        scores = np.load(
            part.scores("constant" if without == "noise" else without, "none" if without == "noise" else "paper", 0)
        )
        path = games.control_scores(part, "noise", subset, "paper", 0)
        path.parent.mkdir(parents=True, exist_ok=True)
        digests.write_array(path, scores)  # noise that adds nothing to anybody, and alone ranks as the constant does
    played = contributions.play(found, game, "chunk", "paper", ["map_macro", "top1"])
    table = pd.DataFrame(contributions.share_rows(played)).query("group == 'all' and encoder == 'noise'")
    assert set(table["game"]) == {"noise5"} and len(table) == 2
    values = results.write_subsets(found)
    for row in table.itertuples():
        alone, nobody = (results.cell(values, name, "none", row.measure).value for name in ("constant", "chance"))
        assert row.share == pytest.approx((alone - nobody) / 3)  # a third of the orders begin with it
    beside = contributions.against(
        [contributions.play(found, games.Game("paper4", ("pitch", "timbre")), "chunk", "paper"), played]
    )
    assert beside["control"].tolist() == ["noise"]
    np.testing.assert_allclose(beside[["difference", "low", "high"]], 0, atol=1e-12)  # noise that adds nothing


def test_controls_are_corrected_together_by_level_and_head(made):
    """Parts of the study's game stand in for controls: each p is that of the paired difference, Holm over the two."""
    mine = [one for one in made[2] if one.head == "paper"]
    few = [("first", ("pitch", "timbre")), ("second", ("neuralogram", "waveform")), ("same", games.paper4().players)]
    played = [
        replace(one, game=games.Game(f"{name}{len(players)}", players, name, frozenset(players)))
        for one in mine for name, players in few
    ]  # fmt: skip
    table = contributions.against([*mine, *played])
    assert list(table["level"]) == ["chunk"] * 3 + ["clip"] * 3
    for level, rows in table.groupby("level"):
        one = next(each for each in mine if each.level == level)
        values = one.values["map_macro"]
        p = [
            float(one.of.p_value((values[one.game.players] - values[players])[:, 0]))
            for _, players in few[:2]
        ]  # fmt: skip
        assert rows["p"].tolist()[:2] == pytest.approx(p)
        assert sorted(rows["p_holm"].tolist()[:2]) == pytest.approx([2 * min(p), max(2 * min(p), max(p))])
        assert np.isnan(rows[["p", "p_holm"]].iloc[2]).all()  # a difference of zero in every resample


def test_a_class_is_as_sure_as_it_has_groups(made):
    """Degrees of freedom of a class: clips n and n + 12 have it, two clips make a group; one less in each fold."""
    one = next(each for each in made[2] if each.level == "clip")
    expected = [
        sum(len({n // 2 for n in range(count) if n % 12 == number}) - 1 for count in CLIPS.values())
        for number in range(12)
    ]  # fmt: skip
    assert list(one.class_freedom.values()) == expected and set(expected) == {0, 1, 2}
    assert list(one.class_freedom) == [f"class:{name}" for name in CLASSES]
    found = contributions.class_rows(one).query("subset == 'pitch'").set_index("class")
    for number, name in enumerate(CLASSES):
        column = one.values["map_macro"]["pitch",][:, 1 + number]
        low, _ = Sampling(one.of.resamples, expected[number]).interval(column)
        assert found.loc[name, "low"] == pytest.approx(float(np.maximum(low, 0)), nan_ok=True)


def test_the_empty_coalition_is_drawn_with_the_others(made):
    """Chance moves with the positives that a resample holds, as every other value does."""
    one = next(each for each in made[2] if each.level == "clip" and each.head == "paper")
    rows = one.values["map_macro"][()]
    expected = [
        chance.Chance(part.tests["clip"].targets, part.tests["clip"].groups, 50, part.seed).of("map_macro")[1]
        for part in parts_of(made[0])
    ]
    np.testing.assert_allclose(rows[:50, 0], np.mean(expected, axis=0))
    assert rows[:50, 0].std() > 0.01
    every = one.values["map_macro"][one.game.players]
    assert rows.shape == every.shape
    np.testing.assert_array_equal(np.isnan(rows), np.isnan(every))


def test_controls_stand_in_the_table_of_subsets_with_their_name(tmp_path, monkeypatch):
    found = study(tmp_path, monkeypatch, seeds="0", fold=1)
    game = games.Game("mean2", ("pitch", "timbre"), "mean", frozenset({"pitch", "timbre"}))
    for subset in ("pitch", "timbre", "pitch+timbre"):
        path = games.control_scores(found, "mean", subset, "own", 0)
        path.parent.mkdir(parents=True, exist_ok=True)
        digests.write_array(path, np.load(found.scores(subset.partition("+")[0], "own", 0)))
    assert game.heads(found) == ("own",)
    table = results.write_subsets(found, [game])
    assert tuple(table) == results.COLUMNS
    mine = table[table["control"] == "mean"]
    assert set(mine["subset"]) == {"pitch", "timbre", "pitch+timbre"} and set(mine["head"]) == {"own"}
    assert len(table[table["control"] == ""]) == len(results.write_subsets(found))
    own = results.cell(table, "pitch", "own", "top1").value  # a control never stands in for the study
    assert own == results.pick(mine, subset="pitch", level="chunk", measure="top1", seed="mean").value


def test_the_class_that_gains_most_and_its_clips(made):
    played = next(one for one in made[2] if one.level == "clip" and one.head == "paper")
    rows = contributions.class_rows(played)
    name = contributions.most_gained(rows)
    wide = rows[rows["class"] == name].set_index("subset")["value"]
    gain = wide[ALL_FOUR] - wide[["pitch", "timbre", "neuralogram", "waveform"]].max()
    sure = set(rows.dropna()["class"])  # the others have their test clips in one group
    assert name in sure and 1 < len(sure) < len(CLASSES)
    for other in sorted(sure):
        wide = rows[rows["class"] == other].set_index("subset")["value"]
        assert wide[ALL_FOUR] - wide[["pitch", "timbre", "neuralogram", "waveform"]].max() <= gain + 1e-12
    clips = contributions.clips_of(made[0], name, "paper")
    assert len(clips) == sum(CLIPS.values())
    assert clips["label"].sum() == sum(part_labels(made[0], name))
    assert clips["score"].is_monotonic_decreasing and clips["n_chunks"].min() >= 1


def part_labels(found, name):
    """How many test clips of each fold have the class."""
    return [int(Scores(part).tests["clip"].targets[:, CLASSES.index(name)].sum()) for part in found.parts]


def test_a_class_in_one_group_alone_has_a_share_without_interval_and_is_no_example(tmp_path, monkeypatch):
    found = study(tmp_path, monkeypatch, seeds="0", fold=1)
    monkeypatch.setattr(contributions, "branches", lambda corpus: {})
    path = found.folder / "scores" / "test.npz"
    test = dict(np.load(path))
    test["targets"][test["group"] != test["group"][0], 4] = 0
    test["targets"][test["group"] == test["group"][0], 4] = 1
    made_up.write_arrays(path, **test)
    played = contributions.play(found, games.paper4(), "clip", "paper", ["map_macro"])
    rows = pd.DataFrame(contributions.share_rows(played)).set_index("group")
    assert rows.loc["class:class04", "share"].notna().all()
    assert rows.loc["class:class04", ["low", "high"]].isna().all(axis=None)
    assert rows.loc["all", ["low", "high"]].notna().all(axis=None)
    of_class = contributions.class_rows(played)
    assert of_class[of_class["class"] == "class04"][["low", "high"]].isna().all(axis=None)
    first = of_class["class"] == "class04"
    of_class.loc[first & (of_class["subset"] == ALL_FOUR), "value"] = 9.0
    assert contributions.most_gained(of_class) != "class04"
    assert contributions.most_gained(of_class.assign(low=np.nan, high=np.nan)) == "class04"  # where no class is sure


def test_missing_scores_are_one_line(tmp_path, monkeypatch):
    found = study(tmp_path, monkeypatch, seeds="0", fold=1)
    found.scores("pitch+timbre", "paper", 0).unlink()
    with pytest.raises(Exception, match="pitch\\+timbre-paper-seed0.npy is missing: run notebooks/03_subsets"):
        contributions.play(found, games.paper4(), "chunk", "paper", ["top1"])


def cut_down(found, columns, rows=slice(None)):
    """Keep some classes and test chunks of a made-up run."""
    path = found.folder / "scores" / "test.npz"
    test = dict(np.load(path))
    kept = {name: test[name][rows] for name in ("clip", "group", "start_s")}
    kept |= {
        "targets": test["targets"][rows][:, columns],
        "leaf": test["leaf"][columns],
        "classes": test["classes"][columns],
    }
    made_up.write_arrays(path, **kept)
    for scores in (found.folder / "scores").glob("*.npy"):
        digests.write_array(scores, np.load(scores)[rows][:, columns])


def test_one_class_is_a_game_like_any_other(tmp_path, monkeypatch):
    found = study(tmp_path, monkeypatch, seeds="0", fold=1)
    monkeypatch.setattr(contributions, "branches", lambda corpus: {})
    cut_down(found, [3])
    played = contributions.play(found, games.paper4(), "chunk", "paper")
    table = pd.DataFrame(contributions.share_rows(played)).set_index(["measure", "group", "encoder"])["share"]
    np.testing.assert_allclose(table["map_macro", "all"], table["map_macro", "class:class03"])
    assert table["recall@5"].isna().all()  # five guesses of one class say nothing: no value, never a wrong one
    assert contributions.most_gained(contributions.class_rows(played)) == "class03"


def test_a_class_without_test_clips_has_no_share_and_counts_for_none(tmp_path, monkeypatch):
    found = study(tmp_path, monkeypatch, seeds="0", fold=1)
    monkeypatch.setattr(contributions, "branches", lambda corpus: {"empty": [4], "both": [3, 4]})
    path = found.folder / "scores" / "test.npz"
    test = dict(np.load(path))
    test["targets"][:, 4] = 0
    made_up.write_arrays(path, **test)
    played = contributions.play(found, games.paper4(), "clip", "linear", ["map_macro"])
    table = pd.DataFrame(contributions.share_rows(played)).set_index(["group", "encoder"])["share"]
    assert table["class:class04"].isna().all() and table["branch:empty"].isna().all()
    np.testing.assert_allclose(table["branch:both"], table["class:class03"])
    others = [f"class:{name}" for number, name in enumerate(CLASSES) if number != 4]
    np.testing.assert_allclose(table[others].unstack().mean()[list(table["all"].index)], table["all"], atol=1e-12)


def test_two_clips_have_wide_intervals_and_one_group_none(tmp_path, monkeypatch):
    found = study(tmp_path, monkeypatch, seeds="0", fold=1)
    monkeypatch.setattr(contributions, "branches", lambda corpus: {})
    test = dict(np.load(found.folder / "scores" / "test.npz"))
    wanted = np.isin(test["clip"], ["f1c0", "f1c2"])  # of two groups
    cut_down(found, list(range(12)), wanted)
    rows = pd.DataFrame(contributions.share_rows(contributions.play(found, games.paper4(), "clip", "paper", ["top1"])))
    assert rows["share"].notna().all() and rows["low"].notna().all()
    cut_down(found, list(range(12)), np.isin(test["clip"][wanted], ["f1c0"]))
    rows = pd.DataFrame(contributions.share_rows(contributions.play(found, games.paper4(), "clip", "paper", ["top1"])))
    assert rows["share"].notna().all() and rows[["low", "high"]].isna().all(axis=None)
