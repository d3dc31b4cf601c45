"""Tables from made-up scores: every cell recomputed from the stored files by scikit-learn and plain numpy."""

import itertools
from dataclasses import replace

import made_up
import numpy as np
import pandas as pd
import pytest
from made_up import CLASSES, CLIPS, PARENTS, corpus, study
from sklearn import metrics

from lib import files
from lib.encoders.heads import ALL_FOUR
from lib.evaluation import chance, comparisons, contributions, measures, metric_choices, paper, results
from lib.evaluation.readable import clips_once
from lib.evaluation.scores import Scores, models, write_scores
from lib.files import digests
from lib.plots.definitions import without_twins
from lib.representations import names
from lib.sounds.corpora.base import Corpus
from lib.study import Study, StudyError

EXACT = 1e-6


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        found = study(tmp_path_factory.mktemp("home"), patch)
        yield found, results.write_subsets(found)


def stored(part, subset, head, seed, level):
    """Targets and scores of one model, straight from the files; clips in pandas' own way."""
    test = np.load(part.folder / "scores" / "test.npz")
    scores = np.load(part.scores(subset, head, seed)).astype(float)
    if level == "chunk":
        return test["targets"], scores
    by_clip = pd.DataFrame(scores).groupby(test["clip"]).mean()
    first = pd.DataFrame(test["targets"]).groupby(test["clip"]).first()
    return first.loc[by_clip.index].to_numpy(), by_clip.to_numpy()


def at_five(targets, scores):
    five = np.argsort(-scores, axis=1, kind="stable")[:, :5]
    found = np.take_along_axis(targets, five, axis=1).sum(axis=1)
    with_label = targets.sum(axis=1) > 0
    return found[with_label], targets.sum(axis=1)[with_label]


def d_prime(targets, scores):
    from scipy.stats import norm

    kept = targets.any(axis=0) & ~targets.all(axis=0)
    area = np.array([metrics.roc_auc_score(t, s) for t, s in zip(targets.T[kept], scores.T[kept], strict=True)])
    margin = 0.5 / len(targets)
    return float(np.mean(np.sqrt(2) * norm.ppf(np.clip(area, margin, 1 - margin))))


def recomputed(targets, scores):
    """All nine measures, by others' code."""
    kept = targets.any(axis=0)
    found, there = at_five(targets, scores)
    leaf_found, leaf_there = at_five(targets[:, 1:], scores[:, 1:])
    highest = targets[np.arange(len(targets)), scores.argmax(axis=1)]
    return {
        "map_macro": metrics.average_precision_score(targets[:, kept], scores[:, kept]),
        "map_micro": metrics.average_precision_score(targets, scores, average="micro"),
        "recall@5": np.mean(found / there), "hit@5": np.mean(found > 0), "precision@5": np.mean(found / 5),
        "leaf_recall@5": np.mean(leaf_found / leaf_there), "top1": highest.mean(),
        "lwlrap": metrics.label_ranking_average_precision_score(targets, scores, sample_weight=targets.sum(axis=1)),
        "d_prime": d_prime(targets, scores),
    }  # fmt: skip


def test_columns_are_the_contract(made):
    assert list(made[1]) == [
        "subset", "n_encoders", "head", "seed", "fold", "role", "level", "measure", "value", "low", "high", "n", "left_out",
        "control",
    ]  # fmt: skip
    assert len(made[1]) == 36 * 2 * 3 * 9  # chance and models, levels, two seeds and their mean, measures
    assert set(made[1]["fold"]) == {"mean"}
    assert set(made[1]["seed"]) == {"0", "1", "mean"}


def test_every_cell_recomputes(made):
    """Of every third model, so that each head, each size and the constant is among them."""
    found, table = made
    chosen = models(found)[::3]
    assert {head for _, head in chosen} == {"none", "own", "paper", "linear"}
    cells = table.set_index(["subset", "head", "level", "seed", "measure"])["value"].to_dict()
    checked = 0
    for subset, head in chosen:
        for level in results.LEVELS:
            each = {
                (part.slug, seed): recomputed(*stored(part, subset, head, seed, level))
                for part in found.parts for seed in (0, 1)
            }  # fmt: skip
            for measure in measures.NAMES:
                by_seed = [np.mean([v[measure] for (_, s), v in each.items() if s == seed]) for seed in (0, 1)]
                for seed, expected in (("0", by_seed[0]), ("1", by_seed[1]), ("mean", np.mean(by_seed))):
                    assert cells[subset, head, level, seed, measure] == pytest.approx(expected, abs=EXACT)
                    checked += 1
    assert checked == len(chosen) * 2 * 9 * 3


def test_folds_are_averaged_measure_by_measure(made):
    found, table = made
    each = [part.table("subsets", "03_subsets") for part in found.parts]
    assert [set(one["fold"]) for one in each] == [{"1"}, {"2"}]
    np.testing.assert_allclose(table["value"], (each[0]["value"] + each[1]["value"]) / 2, atol=EXACT)
    both = [
        np.concatenate(pair)
        for pair in zip(*(stored(part, "pitch", "own", 0, "chunk") for part in found.parts), strict=True)
    ]
    pooled = recomputed(*both)["map_macro"]
    assert results.pick(
        table, subset="pitch", head="own", level="chunk", seed="0", measure="map_macro"
    ).value != pytest.approx(pooled)


def test_n_counts_one_seed_over_folds(made):
    row = results.cell(made[1], "pitch", "own", "top1", "clip")
    assert row["n"] == sum(CLIPS.values())
    assert results.cell(made[1], "pitch", "own", "map_macro")["n"] == 2 * len(CLASSES)


def test_intervals_hold_and_repeat(made):
    found, table = made
    known = table.dropna(subset=["low"])
    assert len(known) == len(table)
    assert (known["low"] <= known["high"]).all()
    pd.testing.assert_frame_equal(results.write_subsets(found), table)


def test_folds_draw_different_places(made):
    """Folds of one size with the same draws would move together."""
    first, second = (Scores(part) for part in made[0].parts)
    scores = first.read("pitch", "own", 0)
    second.__dict__["tests"] = first.tests
    first, second = (part.measured(scores, "chunk").of("top1")[1] for part in (first, second))
    assert (first != second).any()


def test_the_mean_of_one_seed_is_that_seed(tmp_path, monkeypatch):
    table = results.write_subsets(study(tmp_path, monkeypatch, seeds="0", fold=1))
    one, mean = (table[table["seed"] == seed].reset_index(drop=True).drop(columns="seed") for seed in ("0", "mean"))
    pd.testing.assert_frame_equal(one, mean)
    assert set(table["fold"]) == {"1"}


def test_few_classes_leave_empty_cells_with_a_reason(tmp_path, monkeypatch):
    found = study(tmp_path, monkeypatch, seeds="0", fold=1)
    path = found.folder / "scores" / "test.npz"
    test = dict(np.load(path))
    made_up.write_arrays(path, **test | {"targets": test["targets"][:, :9], "leaf": test["leaf"][:9]})
    for scores in (found.folder / "scores").glob("*.npy"):
        digests.write_array(scores, np.load(scores)[:, :9])
    table = results.write_subsets(found)
    empty = table[table["value"].isna()]
    assert set(empty["measure"]) == {"recall@5", "hit@5", "precision@5", "leaf_recall@5"}
    text = (found.folder / "tables" / "subsets.csv").read_text()
    assert "recall@5,,,,0,0," in text
    assert results.empty_cells(found)["reason"].str.contains("10 are needed").all()
    paper.table1(found, table)


@pytest.mark.parametrize(("head", "notebook"), [("own", "02_train_encoder"), ("paper", "03_subsets")])
def test_missing_scores_name_their_notebook(tmp_path, monkeypatch, head, notebook):
    found = study(tmp_path, monkeypatch, seeds="0", fold=1)
    found.scores("timbre", head, 0).unlink()
    with pytest.raises(StudyError, match=f"timbre-{head}-seed0.npy is missing: run notebooks/{notebook}"):
        results.write_subsets(found)


def test_large_runs_store_halves(tmp_path, monkeypatch):
    found = study(tmp_path, monkeypatch, seeds="0", fold=1)
    scores = np.full((30, 12), 0.1, np.float64)
    write_scores(found, "pitch", "own", 0, scores)
    assert np.load(found.scores("pitch", "own", 0)).dtype == np.float32
    monkeypatch.setattr("lib.evaluation.scores.LARGE_BYTES", 35 * scores.size * 4 - 1)
    write_scores(found, "pitch", "own", 0, scores)
    assert np.load(found.scores("pitch", "own", 0)).dtype == np.float16


def test_a_table_reads_back_as_it_was_written(made):
    found, table = made
    pd.testing.assert_frame_equal(found.table("subsets", "03_subsets"), table, check_exact=False, rtol=1e-12)


def test_paper_tables_have_the_contract_columns(made):
    found, table = made
    one, two = paper.table1(found, table), paper.table2(found, table)
    assert list(one) == [
        "row",
        "measure",
        "published",
        "own",
        "retrained",
        "low",
        "high",
        "constant",
        "oracle",
        "chance",
        "retrained_low",
        "retrained_high",
    ]
    assert list(one["row"][:5]) == ["pitch", "timbre", "neuralogram", "waveform", "all four"]
    assert one["measure"].iloc[0] == "top1"
    assert one["published"].isna().all()  # the paper's numbers are of other sounds
    assert (one["oracle"] >= one["retrained"] - EXACT).all()
    assert list(two)[:7] == ["row", "extra_data", "published", "obtained", "low", "high", "source"]
    assert not len(two)
    lines = paper.ledger(found, table)
    assert list(lines) == ["claim", "published", "obtained", "low", "high", "deviation", "seeds", "reason"]
    assert not len(lines)


def test_every_number_of_table_1_is_shown_with_its_own_interval(made):
    found, table = made
    rows = paper.table1(found, table).query("measure == 'top1'").set_index("row", drop=False)

    def shown(subset, head):
        value, low, high = 100 * results.cell(table, subset, head, "top1")[["value", "low", "high"]].astype(float)
        return f"{value:.1f} ({low:.1f} to {high:.1f})"

    own, fresh = paper.own_and_fresh(rows).values()
    assert own == [*(shown(name, "own") for name in names()), ""]
    assert fresh == [*(shown(name, "paper") for name in names()), shown(ALL_FOUR, "paper")]
    older = paper.own_and_fresh(rows.drop(columns=["retrained_low", "retrained_high"]))
    assert older["own classifier"] == own and older["fresh head"][-1] == fresh[-1]
    assert older["fresh head"][:-1] == [text.partition(" (")[0] for text in fresh[:-1]]


def test_on_the_papers_corpus_its_numbers_stand_beside_ours(made, monkeypatch):
    found, table = made
    monkeypatch.setattr(paper, "CORPUS", "esc50")
    one, two = paper.table1(found, table), paper.table2(found, table)
    assert one["published"].notna().sum() == 5
    assert one["published"].max() == 0.449
    assert len(two) == 11  # the paper's, and the best student of the one that it lists by its teacher
    assert two["obtained"].notna().sum() == 1
    lines = paper.ledger(found, table)
    cells = [*(f"Table 1: {row}" for row in paper.TABLE1), *(f"Table 2: {row.system}" for row in paper.TABLE2)]
    published = [*paper.TABLE1.values(), *(row.published for row in paper.TABLE2)]
    assert lines.set_index("claim").loc[cells, "published"].tolist() == published
    mine = lines[lines["obtained"].notna()]
    assert mine["reason"].str.contains("no deviation: top 1 on ESC-50 is not recall@5").sum() == len(mine) - 1 == 7
    assert set(mine["seeds"]) == {2}
    assert lines.drop(mine.index)[["seeds", "low", "high", "deviation"]].isna().all(axis=None)
    assert "over 17 groups of clips, the spread of 2 seeds is in it; no deviation: " in mine["reason"].iloc[-2]
    assert [list(one), list(two), list(lines)] == [
        list(paper.table1(found, table)), list(two.iloc[:0]), list(lines.iloc[:0])
    ]  # fmt: skip


def test_levels_that_are_the_same_are_given_once(made, tmp_path, monkeypatch):
    assert results.levels_of(made[0].parts[0]) == results.LEVELS
    alone = study(tmp_path, monkeypatch, seeds="0", fold=1)
    path = alone.folder / "scores" / "test.npz"
    stored = dict(np.load(path))
    made_up.write_arrays(path, **stored | {"clip": np.arange(len(stored["clip"])).astype(str)})
    assert results.levels_of(alone) == ("clip",)
    played = contributions.play_all(alone)
    for table in (
        results.write_subsets(alone), contributions.table(played, contributions.share_rows), comparisons.difference_table(alone),
        contributions.table(played, contributions.marginal_rows), comparisons.branch_table(alone),
        comparisons.simultaneous_table(alone),
    ):  # fmt: skip
        assert set(clips_once(table)["level"]) == {"clip, one chunk each"}
    assert set(without_twins(metric_choices.definition_table(alone))["aggregation"]) == {"none"}
    path.unlink()
    assert results.levels_of(alone) == results.LEVELS


def test_on_the_papers_corpus_the_deviation_is_told(made, monkeypatch):
    found = made[0]
    monkeypatch.setattr(paper, "CORPUS", "esc50")
    monkeypatch.setattr(paper, "headline", lambda study: "recall@5")
    table = comparisons.difference_table(found).assign(measure="recall@5", seeds=1)
    lines = paper.ledger(found, made[1], table)
    np.testing.assert_allclose(lines["deviation"], lines["obtained"] - lines["published"])
    assert not lines["reason"].str.contains("no deviation").any()
    assert lines["deviation"].notna().sum() == 8
    assert "one seed, whose spread is not in it" in lines["reason"].iloc[6]
    changed = found.request.model_copy(update={"set": "training.epochs=1 subset=0.5"})
    again = paper.ledger(replace(found, request=changed), made[1], table)["reason"]
    assert again[:8].str.contains("training.epochs=1; ").all() and not again.str.contains("subset=").any()


@pytest.mark.parametrize("level", results.LEVELS)
def test_chance_is_a_row_by_the_labels_alone(made, level):
    """Macro mAP by the formula on the stored labels; each seed has the same, and so does no other model."""
    found, table = made
    values = []
    for part in found.parts:
        targets, _ = stored(part, "pitch", "own", 0, level)
        n, positives = len(targets), targets.sum(0)
        h = (1 / np.arange(1, n + 1)).sum()
        each = [(h + (p - 1) / (n - 1) * (n - h)) / n for p in positives if p]
        values.append(np.mean(each))
    rows = table.query("subset == 'chance' and measure == 'map_macro' and level == @level")
    assert list(rows["seed"]) == ["0", "1", "mean"]
    np.testing.assert_allclose(rows["value"], np.mean(values), atol=1e-12)
    assert set(rows["head"]) == {"none"} and set(rows["n_encoders"]) == {0} and set(rows["control"]) == {""}
    assert (rows["low"] < rows["value"]).all() and (rows["value"] < rows["high"]).all()


def test_differences_are_paired(made):
    found, table = made
    rows = comparisons.difference_table(found)
    assert len(rows) == 2 * 10
    assert set(rows["groups"]) == {8 + 9}
    row = results.pick(rows, first=ALL_FOUR, second="pitch", level="chunk")
    ends = [results.cell(table, subset, "paper", "top1").value for subset in (ALL_FOUR, "pitch")]
    assert row.difference == pytest.approx(ends[0] - ends[1], abs=1e-9)
    assert row.low <= row.difference <= row.high


def test_a_model_does_not_differ_from_itself(made):
    parts = comparisons.parts_of(made[0])
    same = [comparisons.rows_of_model(parts, "pitch", "paper", "chunk") for _ in range(2)]
    np.testing.assert_array_equal(*same)


def test_all_four_against_each_single_one_hold_together(made):
    rows = comparisons.simultaneous_table(made[0])
    assert len(rows) == 4 * 2 * 2
    alone = comparisons.difference_table(made[0])
    for row in rows.query("head == 'paper'").itertuples():
        one = results.pick(alone, first=row.first, second=row.second, level=row.level)
        assert row.difference == pytest.approx(one.difference)
        assert row.low <= one.low <= one.high <= row.high  # four at once are less sure than one


def test_all_beat_every_single_one_is_an_intersection_union_test(made):
    rows = comparisons.simultaneous_table(made[0])
    alone = comparisons.difference_table(made[0])
    for (level, head), each in rows.groupby(["level", "head"]):
        assert set(each["p_all"]) == {each["p"].max()}
        assert set(each["groups"]) == {17}
        for row in each.itertuples() if head == "paper" else ():
            two_sided = results.pick(alone, first=row.first, second=row.second, level=level).p
            assert row.p == pytest.approx(two_sided / 2 if row.difference > 0 else 1 - two_sided / 2)


def test_p_values_agree_with_the_intervals(made):
    rows = comparisons.difference_table(made[0])
    assert ((rows["p"] < 0.05) == ((rows["low"] > 0) | (rows["high"] < 0))).all()
    assert (rows["p_holm"] >= rows["p"]).all()


def test_branches_of_an_ontology(tmp_path):
    names = ("animal", "dog", "bark", "rain", "bell")
    parents = {"dog": ("animal",), "bark": ("dog",), "bell": ("metal", "music")}
    corpus = Corpus("table", tmp_path, pd.DataFrame(), names, parents)
    assert comparisons.branches(corpus) == {"animal": [0, 1, 2], "metal": [4], "music": [4]}
    assert comparisons.branch_of(corpus) == dict.fromkeys(names[:3], "animal") | {"bell": "metal"}
    assert comparisons.classes_in_order(corpus) == ["animal", "dog", "bark", "bell", "rain"]
    assert comparisons.branches(Corpus("table", tmp_path, pd.DataFrame(), names)) == {}


def test_branch_values_are_over_their_classes_alone(made):
    found = made[0]
    rows = comparisons.branch_table(found)
    assert set(rows["branch"]) == set(sum(PARENTS.values(), ()))
    row = results.pick(rows, encoder="waveform", branch="high", level="chunk", head="own")
    values = []
    for part in found.parts:
        for seed in (0, 1):
            targets, scores = stored(part, "waveform", "own", seed, "chunk")
            values.append(metrics.average_precision_score(targets[:, 5:], scores[:, 5:]))
    assert row.value == pytest.approx(np.mean(values), abs=EXACT)
    assert row.n_classes == 7
    by_chance = results.pick(rows, encoder="chance", branch="high", level="chunk", head="none")
    expected = [
        np.nanmean(chance.average_precision(len(targets), targets[:, 5:].sum(0)))
        for targets, _ in (stored(part, "waveform", "own", 0, "chunk") for part in found.parts)
    ]
    assert by_chance.value == pytest.approx(np.mean(expected))


def test_the_planted_truth_says_what_chance_has(made, monkeypatch):
    monkeypatch.setattr(comparisons, "branches", lambda corpus: {"pitch": [0, 1], "timbre": [2, 3, 4]})
    rows = comparisons.planted_truth(made[0]).set_index("family")
    for family, columns in (("pitch", [0, 1]), ("timbre", [2, 3, 4])):
        each = [stored(part, "pitch", "own", 0, "chunk")[0] for part in made[0].parts]
        expected = np.mean([chance.average_precision(len(t), t[:, columns].sum(0)).mean() for t in each])
        assert rows.loc[family, "chance"] == pytest.approx(expected)


@pytest.mark.parametrize(("spread", "shows"), [(0.01, True), (0.3, False)])
def test_the_planted_truth_shows_only_where_its_interval_leaves_out_zero(made, monkeypatch, spread, shows):
    """20 points apart, of which another set of clips might leave nothing."""
    moved = np.append(np.random.default_rng(0).standard_normal(made[0].settings.scoring.resamples), [0, 0])[:, None]
    rows = itertools.cycle([0.5 + spread * moved, 0.3 + 0 * moved, 0.2 + 0 * moved])  # the better, the worse, chance
    monkeypatch.setattr(comparisons, "branches", lambda corpus: {"pitch": [0], "timbre": [1]})
    monkeypatch.setattr(comparisons, "rows_of_model", lambda *_, **__: next(rows))
    table = comparisons.planted_truth(made[0])
    assert table["difference"].tolist() == pytest.approx([0.2, 0.2]) and (table["shows"] == shows).all()


def test_no_branches_make_an_empty_table(made, monkeypatch):
    monkeypatch.setattr(comparisons, "branches", lambda corpus: {})
    rows = comparisons.branch_table(made[0])
    assert list(rows) == comparisons.BRANCH_COLUMNS
    assert not len(rows)


@pytest.mark.parametrize("influence_from", [2, 1000])
def test_each_model_is_measured_once_and_read_back_until_its_scores_change(tmp_path, monkeypatch, influence_from):
    """By influence functions or, of few groups, by the bootstrap."""
    found = study(
        tmp_path, monkeypatch, seeds="0", set=f"scoring.influence_from={influence_from} scoring.resamples=200"
    )
    before = results.write_subsets(found)
    kept = sorted((files.cache() / "measured").glob("[!.]*"))
    assert len(kept) == len(found.parts) * len(results.LEVELS) * (1 + len(models(found.parts[0])))
    monkeypatch.setattr(measures, "Matrix", None)  # nothing can be sorted
    pd.testing.assert_frame_equal(results.write_subsets(found), before)
    monkeypatch.undo()
    digests.write_array(found.parts[0].scores("pitch", "own", 0), 1 - np.load(found.parts[0].scores("pitch", "own", 0)))
    monkeypatch.setattr(Study, "read_corpus", lambda self: corpus(tmp_path))
    monkeypatch.setenv("STUDY_HOME", str(tmp_path))
    assert not results.write_subsets(found).equals(before)


def test_branches_and_classes_come_from_what_is_kept(tmp_path, monkeypatch):
    tables = {}
    for name, start in (("influence", 2), ("bootstrap", 1000)):
        found = study(tmp_path / name, monkeypatch, seeds="0", fold=1, set=f"scoring.influence_from={start}")
        tables[name] = comparisons.branch_table(found)
    straight, drawn = tables["influence"], tables["bootstrap"]
    np.testing.assert_allclose(straight["value"], drawn["value"], atol=1e-12)
    apart = (straight["high"] - straight["low"]) / (drawn["high"] - drawn["low"])
    assert 0.4 < apart.median() < 0.9  # of eight groups: too narrow, which is why the bootstrap stays there
