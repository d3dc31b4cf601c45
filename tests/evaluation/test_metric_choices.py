"""Definitions: truths made by hand, others' code, and what must hold whatever the scores."""

import made_up
import numpy as np
import pandas as pd
import pytest
from made_up import study
from pictures import drawn, inside
from sklearn import metrics

from lib.display import figures
from lib.evaluation import metric_choices, results
from lib.evaluation.measures import clip_means
from lib.evaluation.scores import Scores
from lib.files import digests
from lib.plots.definitions import definition_figure
from lib.study import StudyError

KEY = ["measure", "level", "aggregation", "labels"]
EXACT = 1e-6


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A study of two folds and two seeds, and the definitions of one of its models."""
    with pytest.MonkeyPatch.context() as patch:
        found = study(tmp_path_factory.mktemp("home"), patch)
        yield found, metric_choices.definition_table(found, "timbre", "linear")


def cell(table, *key):
    return table.set_index(KEY).loc[key]


def few_classes(root, monkeypatch, count=9):
    """A study of one fold in which no label of an item is lost, and fewer than ten classes are left."""
    found = study(root, monkeypatch, seeds="0", fold=1)
    path = found.folder / "scores" / "test.npz"
    test = dict(np.load(path))
    made_up.write_arrays(path, **test | {"targets": test["targets"][:, :count], "leaf": test["leaf"][:count]})
    for scores in (found.folder / "scores").glob("*.npy"):
        digests.write_array(scores, np.load(scores)[:, :count])
    return found


# definitions


def test_one_row_a_definition(made):
    table = made[1]
    assert list(table) == metric_choices.COLUMNS
    assert len(table) == 8 * 4 * 2  # measures, ways to make items, labels
    assert not table.duplicated(KEY).any()
    assert table["definition"].is_unique
    assert set(table["of"]) == {"timbre, linear head"}
    assert (table["reason"] == "").all()


def test_agrees_with_subsets_csv(made, monkeypatch):
    """Where subsets.csv has the definition: value, constant and oracle to the last digit."""
    found, table = made
    monkeypatch.setattr("lib.evaluation.results.models", lambda study: [("constant", "none"), ("timbre", "linear")])
    stored = results.write_subsets(found)
    checked = 0
    for level, aggregation in (("chunk", "none"), ("clip", "mean of scores")):
        best = results.oracles(found, level)
        for measure in (*(set(metric_choices.READINGS) & set(stored["measure"])), "leaf_recall@5"):
            leaf = measure == "leaf_recall@5"
            ours = cell(table, "recall@5" if leaf else measure, level, aggregation, "leaves" if leaf else "all")
            theirs = results.cell(stored, "timbre", "linear", measure, level)
            assert (ours["value"], ours["n"]) == (pytest.approx(theirs["value"], abs=EXACT), theirs["n"])
            constant = results.cell(stored, "constant", "none", measure, level)["value"]
            assert ours["constant"] == pytest.approx(constant, abs=EXACT)
            assert ours["oracle"] == pytest.approx(best[measure], abs=EXACT)
            assert ours["chance"] == pytest.approx(results.cell(stored, "chance", "none", measure, level)["value"])
            checked += 1
    assert checked == 2 * 7


def recomputed(part, seed, aggregate, classes):
    """Targets and scores of the model in one fold, by pandas."""
    test = np.load(part.folder / "scores" / "test.npz")
    scores = pd.DataFrame(np.load(part.scores("timbre", "linear", seed)).astype(float))
    targets = pd.DataFrame(test["targets"])
    if aggregate:
        scores = aggregate(scores).groupby(test["clip"])
        scores = scores.max() if aggregate is MAXIMUM else scores.mean()
        targets = targets.groupby(test["clip"]).first().loc[scores.index]
    return targets.to_numpy()[:, classes], scores.to_numpy()[:, classes]


def MAXIMUM(scores):
    return scores


BY_PANDAS = {
    ("chunk", "none"): None,
    ("clip", "mean of sigmoids"): lambda scores: 1 / (1 + np.exp(-scores)),
    ("clip", "maximum"): MAXIMUM,
}


@pytest.mark.parametrize("labels", ["all", "leaves"])
@pytest.mark.parametrize("items", BY_PANDAS)
def test_others_code_finds_the_same(made, items, labels):
    """Mean over folds and seeds of scikit-learn's numbers."""
    found, table = made
    each = []
    for part in found.parts:
        for seed in (0, 1):
            targets, scores = recomputed(part, seed, BY_PANDAS[items], slice(labels == "leaves", None))
            kept, labelled = targets.any(axis=0), targets.any(axis=1)
            # the sigmoid's float32 makes ties of what differs by less
            scores = scores.astype(np.float32)
            five = np.zeros_like(targets)
            np.put_along_axis(five, np.argsort(-scores, axis=1, kind="stable")[:, :5], 1, axis=1)
            each.append({
                "map_macro": metrics.average_precision_score(targets[:, kept], scores[:, kept]),
                "map_micro": metrics.average_precision_score(targets, scores, average="micro"),
                "label_recall@5": metrics.recall_score(targets, five, average="micro"),
                "recall@5": metrics.recall_score(targets[labelled], five[labelled], average="samples"),
                "precision@5": metrics.precision_score(targets[labelled], five[labelled], average="samples"),
                "hit@5": (targets & five).any(axis=1)[labelled].mean(),
                "first_label@5": five[labelled, targets[labelled].argmax(axis=1)].mean(),
            })  # fmt: skip
    for measure, expected in pd.DataFrame(each).mean().items():
        assert cell(table, measure, *items, labels)["value"] == pytest.approx(expected, abs=1e-5), measure


def test_readings_of_a_case_by_hand():
    """Twelve classes, scores falling with the class: the five highest are the classes 0 to 4."""
    scores = np.tile(np.arange(12, 0, -1.0), (3, 1))
    targets = np.zeros((3, 12), np.uint8)
    targets[0, [0, 1, 7]] = targets[1, [4, 5]] = targets[2, [6, 11]] = 1
    found = {name: value.value for name, value in metric_choices.readings(targets, scores).items()}
    assert found["hit@5"] == pytest.approx(2 / 3)
    assert found["first_label@5"] == pytest.approx(2 / 3)
    assert found["recall@5"] == pytest.approx((2 / 3 + 1 / 2) / 3)
    assert found["label_recall@5"] == pytest.approx(3 / 7)
    assert found["precision@5"] == pytest.approx(3 / 15)
    assert found["top1"] == pytest.approx(1 / 3)


def test_the_first_label_can_miss_where_another_hits():
    """The highest class is the item's second label; its first is the sixth highest."""
    scores, targets = np.zeros((1, 12)), np.zeros((1, 12), np.uint8)
    scores[0, 7:] = [5, 4, 3, 2, 1]
    targets[0, [0, 7]] = 1
    found = metric_choices.readings(targets, scores)
    assert (found["hit@5"].value, found["first_label@5"].value) == (1.0, 0.0)


def test_first_label_as_sklearn_has_it():
    """top_k_accuracy_score knows one label an item: the argmax of the targets. Without ties both agree."""
    rng = np.random.default_rng(0)
    targets = (rng.random((50, 12)) < 0.2).astype(np.uint8)
    targets[targets.sum(axis=1) == 0, 3] = 1
    scores = rng.random((50, 12))
    expected = metrics.top_k_accuracy_score(targets.argmax(axis=1), scores, k=5, labels=np.arange(12))
    assert metric_choices.readings(targets, scores)["first_label@5"].value == pytest.approx(expected)


def test_items_without_a_label_have_no_first_one():
    targets = np.array([[0, 1, 1, 0], [0, 0, 0, 0], [1, 0, 0, 1]], np.uint8)
    np.testing.assert_array_equal(metric_choices.first_labels(targets), [[0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]])


def test_clips_by_hand():
    """Clips in the order they first appear; mean, mean of sigmoids and maximum differ."""
    scores, clip = np.array([[0.0, -1.0], [4.0, 2.0], [0.0, 3.0]], np.float32), np.array(["b", "a", "b"])
    np.testing.assert_array_equal(metric_choices.clip_maxima(scores, clip), [[0, 3], [4, 2]])
    means = clip_means(metric_choices.sigmoid(scores), clip)[1]
    np.testing.assert_allclose(means[0], [0.5, (0.26894142 + 0.95257413) / 2], atol=EXACT)
    assert np.isfinite(metric_choices.sigmoid(np.array([-1e4, 1e4]))).all()


def test_mean_of_sigmoids_can_turn_an_order_round():
    """A clip of 9 and -8 against one of twice 0.2: one loud chunk wins by the scores, and loses by their sigmoids."""
    scores, clip = np.array([[9.0], [-8.0], [0.2], [0.2]]), np.array(["a", "a", "b", "b"])
    means, inside = clip_means(scores, clip)[1], clip_means(metric_choices.sigmoid(scores), clip)[1]
    assert means[0] > means[1]
    assert inside[0] < inside[1]


def test_between_nothing_and_the_oracle(made):
    table = made[1]
    assert (table["value"] <= table["oracle"] + EXACT).all()
    assert (table["constant"] <= table["oracle"] + EXACT).all()
    assert (table[["value", "constant", "oracle"]] >= 0).all(axis=None)
    assert (table["chance"] <= table["oracle"] + EXACT).all() and (table["chance"] > 0).all()
    first = table.query("measure == 'first_label@5' and labels == 'all'")["chance"]
    np.testing.assert_allclose(first, 5 / 12)  # one label of twelve classes among five
    perfect = table["measure"].isin(["map_macro", "map_micro", "hit@5", "first_label@5", "top1"])
    np.testing.assert_allclose(table.loc[perfect, "oracle"], 1)
    # one label an item, so five guesses hold one label at most
    np.testing.assert_allclose(table.loc[table["measure"] == "precision@5", "oracle"], 0.2)


def test_a_constant_ties_however_clips_are_made(tmp_path, monkeypatch):
    """Scores that are the same for every item give each class its share of positives, whatever is done to them."""
    found = study(tmp_path, monkeypatch, seeds="0", fold=1)
    path = found.scores("constant", "none", 0)
    digests.write_array(path, np.tile(np.random.default_rng(0).random(12).astype(np.float32), (len(np.load(path)), 1)))
    table = metric_choices.definition_table(found, "constant", "none")
    np.testing.assert_array_equal(table["value"], table["constant"])
    targets = Scores(found).tests["clip"].targets
    share = targets.mean(axis=0)[targets.any(axis=0)].mean()
    clips = table.query("measure == 'map_macro' and level == 'clip' and labels == 'all'")
    np.testing.assert_allclose(clips["constant"], share)


def test_few_classes_leave_no_value_and_a_reason(tmp_path, monkeypatch):
    table = metric_choices.definition_table(few_classes(tmp_path, monkeypatch), "timbre", "linear")
    five = table["measure"].str.endswith("@5")
    assert five.sum() == 5 * 8
    assert table.loc[five, ["value", "constant", "oracle", "chance"]].isna().all(axis=None)
    assert table.loc[five, "reason"].str.contains("10 are needed").all()
    assert table.loc[~five, "value"].notna().all()
    assert (table.loc[~five, "reason"] == "").all()
    assert "top-5" not in metric_choices.definitions_sentence(table)


def test_missing_scores_name_their_notebook(tmp_path, monkeypatch):
    found = study(tmp_path, monkeypatch, seeds="0", fold=1)
    found.scores("timbre", "own", 0).unlink()
    with pytest.raises(StudyError, match="run notebooks/02_train_encoder"):
        metric_choices.definition_table(found, "timbre", "own")


# the sentence


def told(values, families=("mAP", "mAP", "top-5 accuracy", "top-5 accuracy"), reason=""):
    rows = [
        {"definition": f"d{n}", "family": family, "value": value, "of": "a model", "reason": reason}
        for n, (value, family) in enumerate(zip(values, families, strict=True))
    ]
    return metric_choices.definitions_sentence(pd.DataFrame(rows))


def test_the_sentence_names_the_ends():
    assert told([0.2, 0.1234, 0.5, 0.876]) == (
        "The same scores (a model) give from 12.3 to 87.6 percent, depending only on the definition: "
        'as "mAP" 12.3 (d1) to 20.0 (d0), as "top-5 accuracy" 50.0 (d2) to 87.6 (d3).'
    )


def test_the_sentence_leaves_out_what_does_not_move():
    text = told([0.2, 0.2, 0.5, np.nan])
    assert text == "The same scores (a model) give from 20.0 to 50.0 percent, depending only on the definition."
    assert told([0.2] * 4) == "The same scores (a model) give 20.0 percent by every definition."


def test_the_sentence_without_a_value_gives_the_reason():
    assert told([np.nan] * 4, reason="no item has a label") == (
        "No definition has a value on this corpus: no item has a label."
    )


# figures


def test_every_definition_is_drawn(made, tmp_path):
    table = made[1]
    figure = definition_figure(table)
    for aggregation, mark in (("none", "o"), ("mean of scores", "s"), ("mean of sigmoids", "^"), ("maximum", "P")):
        values = table.loc[table["aggregation"] == aggregation, "value"]
        np.testing.assert_allclose(drawn(figure, mark), sorted(100 * values))
    np.testing.assert_allclose(drawn(figure, "|"), sorted(100 * table["constant"]))
    np.testing.assert_allclose(drawn(figure, "x"), sorted(100 * table["oracle"]))
    np.testing.assert_allclose(drawn(figure, "d"), sorted(100 * table["chance"]))
    assert any("timbre, linear head" in text for text in inside(figure))
    figures.save(figure, tmp_path / "definitions")
    assert (tmp_path / "definitions.pdf").stat().st_size > 1000


def test_twins_are_drawn_once_and_reasons_are_told(tmp_path, monkeypatch):
    found = few_classes(tmp_path, monkeypatch)
    path = found.folder / "scores" / "test.npz"
    made_up.write_arrays(path, **dict(np.load(path)) | {"leaf": np.ones(9, bool)})
    figure = definition_figure(metric_choices.definition_table(found, "timbre", "linear"))
    assert len(drawn(figure, "o")) == 3
    said = inside(figure)
    assert sum("no value: only 9 classes, 10 are needed" in text for text in said) == 5
    assert not any("leaf" in text for text in said)
