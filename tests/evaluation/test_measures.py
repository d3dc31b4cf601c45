"""Measures against scikit-learn and plain loops, on scores full of ties; weights, bootstrap, odd cases, facts."""

import csv
import warnings

import numpy as np
import pytest
from scipy.stats import norm
from sklearn import metrics

from lib.evaluation import measures, resampling
from lib.evaluation.measures import MEASURES, NAMES, evaluate
from lib.evaluation.resampling import Bootstrap
from lib.files import PROJECT

ITEMS, CLASSES = 80, 14
TRUTH = PROJECT.parent / "shared" / "facts" / "fsd50k_ground_truth"
ONTOLOGY = TRUTH.parent / "fsd50k_ontology.csv"


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def case(request):
    """Targets, scores of eleven values, leaves; class 3 has no positive, class 4 all but one; item 5 no label."""
    rng = np.random.default_rng(getattr(request, "param", 0))
    targets = (rng.random((ITEMS, CLASSES)) < rng.uniform(0.02, 0.3, CLASSES)).astype(np.uint8)
    targets[:, 3], targets[:, 4] = 0, 1
    targets[5] = 0
    scores = np.round(np.clip(0.1 * targets + rng.random((ITEMS, CLASSES)), 0, 1), 1).astype(np.float32)
    scores[:, 4] = 0
    leaves = np.arange(CLASSES) % 5 != 4
    return targets, scores, leaves


def weighted(targets, scores, weights, leaves):
    matrix = measures.Matrix(targets, scores, leaves)
    return {name: measure.values(matrix, weights) for name, measure in MEASURES.items()}


def with_label(targets, scores):
    keep = targets.any(axis=1)
    return targets[keep], scores[keep]


def loop_at_five(targets, scores):
    """(recall, hit, precision, highest is a label) of each labelled item, by Python's own stable sort."""
    rows = []
    for labels, row in zip(*with_label(targets, scores), strict=True):
        order = sorted(range(len(row)), key=lambda c: -row[c])
        found = sum(int(labels[c]) for c in order[:5])
        rows.append((found / int(labels.sum()), found > 0, found / 5, bool(labels[order[0]])))
    return np.mean(rows, axis=0)


def loop_primes(targets, scores):
    n, primes = len(targets), []
    for t, s in zip(targets.T, scores.T, strict=True):
        if 0 < t.sum() < n:
            primes.append(np.sqrt(2) * norm.ppf(np.clip(metrics.roc_auc_score(t, s), 0.5 / n, 1 - 0.5 / n)))
    return np.mean(primes)


def loop_lwlrap(targets, scores):
    total = []
    for labels, row in zip(targets, scores, strict=True):
        total += [labels[row >= row[c]].sum() / (row >= row[c]).sum() for c in np.flatnonzero(labels)]
    return np.mean(total)


def trusted(targets, scores, leaves):
    """All nine by scikit-learn or by loops."""
    present = targets.any(axis=0)
    recall, hit, precision, top = loop_at_five(targets, scores)
    ap = metrics.average_precision_score
    by_class = [ap(t, s) for t, s in zip(targets.T[present], scores.T[present], strict=True)]
    values = [np.mean(by_class), ap(targets.ravel(), scores.ravel()), recall, hit, precision]
    values += [loop_at_five(targets[:, leaves], scores[:, leaves])[0], top]
    return dict(zip(NAMES, [*values, loop_lwlrap(targets, scores), loop_primes(targets, scores)], strict=True))


def test_order_of_the_table():
    assert " ".join(NAMES) == "map_macro map_micro recall@5 hit@5 precision@5 leaf_recall@5 top1 lwlrap d_prime"


@pytest.mark.parametrize("case", range(5), indirect=True)
def test_each_equals_the_trusted_one(case):
    ours = {name: value.value for name, value in evaluate(*case).items()}
    assert ours == pytest.approx(trusted(*case), abs=1e-12)


def test_lwlrap_is_scikit_learns_with_labels_as_weights(case):
    targets, scores = with_label(*case[:2])
    truth = metrics.label_ranking_average_precision_score(targets, scores, sample_weight=targets.sum(axis=1))
    assert evaluate(targets, scores)["lwlrap"].value == pytest.approx(truth, abs=1e-12)


@pytest.mark.parametrize("kind", [np.float16, np.float64, int])
def test_kind_of_number_does_not_matter(case, kind):
    targets, scores, leaves = case
    tenths = np.round(scores * 8)  # whole numbers: exact in every kind
    assert evaluate(targets, tenths.astype(kind), leaves) == evaluate(targets, tenths, leaves)


def test_counted_and_left_out(case):
    values = evaluate(*case)
    targets, _, leaves = case
    assert (values["map_macro"].n, values["map_macro"].left_out) == (CLASSES - 1, 1)
    bare = int((~targets[:, leaves].any(axis=1)).sum())
    assert bare > 1
    assert (values["leaf_recall@5"].n, values["leaf_recall@5"].left_out) == (ITEMS - bare, bare)
    assert (values["map_micro"].n, values["map_micro"].left_out) == (ITEMS * CLASSES, 0)
    for name in ("recall@5", "hit@5", "precision@5", "top1", "lwlrap"):
        assert (values[name].n, values[name].left_out) == (ITEMS - 1, 1)
    targets[5, 4] = 1  # class 4 now has no negative
    assert (evaluate(*case)["d_prime"].n, evaluate(*case)["d_prime"].left_out) == (CLASSES - 2, 2)


def test_ties_go_to_the_lowest_index():
    targets = np.zeros((2, 12), np.uint8)
    targets[0, 4] = targets[1, 5] = 1  # the last place among five, and the first place out
    values = evaluate(targets, np.zeros((2, 12)))
    assert values["hit@5"].value == 0.5 and values["top1"].value == 0
    assert evaluate(targets[:, ::-1], np.zeros((2, 12)))["hit@5"].value == 0


@pytest.mark.parametrize("case", range(3), indirect=True)
def test_weight_is_repetition(case):
    targets, scores, leaves = case
    weights = np.random.default_rng(1).integers(0, 4, (6, ITEMS)).astype(np.int32)
    weights[5] = 0
    weights[5, :2] = 1, 2  # many classes lose their positives
    values = weighted(targets, scores, weights, leaves)
    for row, w in enumerate(weights):
        repeated = evaluate(np.repeat(targets, w, axis=0), np.repeat(scores, w, axis=0), leaves)
        for name in NAMES:
            assert values[name][row] == pytest.approx(repeated[name].value, abs=1e-12), (name, row)


def test_average_precision_by_class(case):
    targets, scores, _ = case
    weights = np.random.default_rng(2).integers(0, 3, (4, ITEMS))
    values = measures.average_precision(targets, scores, weights)
    assert np.isnan(values[:, 3]).all()
    for row, w in enumerate(weights):
        for c in set(range(CLASSES)) - {3}:
            truth = metrics.average_precision_score(targets[:, c], scores[:, c], sample_weight=w)
            assert values[row, c] == pytest.approx(truth, abs=1e-12)
    with pytest.raises(ValueError, match="not whole"):
        measures.average_precision(targets, scores, weights + 0.5)


def drawn_of(found):
    return {name: found.of(name)[1] for name in NAMES}


def test_bootstrap_equals_a_plain_loop(case, monkeypatch):
    targets, scores, leaves = case
    groups = np.array([f"uploader {n}" for n in np.random.default_rng(3).integers(0, 9, ITEMS)])
    both = drawn_of(Bootstrap(targets, scores, groups, 8, 5, leaves))
    names, rng = np.unique(groups), np.random.default_rng(5)
    for row in range(8):
        drawn = [np.flatnonzero(groups == names[g]) for g in rng.integers(len(names), size=len(names))]
        index = np.concatenate(drawn)
        plain = evaluate(targets[index], scores[index], leaves)
        for name in NAMES:
            assert both[name][row] == pytest.approx(plain[name].value, abs=1e-12), name
    monkeypatch.setattr(measures, "WEIGHTS_BYTES", 3 * 4 * ITEMS)
    monkeypatch.setattr(measures, "GATHER_BYTES", 1)
    small = drawn_of(Bootstrap(targets, scores, groups, 8, 5, leaves))
    for name in NAMES:
        np.testing.assert_allclose(small[name], both[name], atol=1e-12)  # whatever the blocks


def test_same_seed_same_draws_other_seed_others(case):
    groups = np.arange(ITEMS).astype(str)
    first, again, other = (Bootstrap(*case[:2], groups, 20, seed).of("top1")[1] for seed in (0, 0, 1))
    assert (first == again).all() and (first != other).any()
    assert all(block.sum(axis=1).tolist() == [ITEMS] * len(block) for block in resampling.resampled(groups, 20, 0))


def test_class_by_class_the_mean_is_the_measure(case):
    targets, scores, leaves = case
    groups = (np.arange(ITEMS) // 2).astype(str)
    for name in measures.BY_CLASS:
        found = Bootstrap(targets, scores, groups, 20, 3)
        values, drawn = found.of_classes(name)
        assert np.nanmean(values) == pytest.approx(evaluate(targets, scores, leaves)[name].value)
        of_all = [MEASURES[name].values(found.matrix, w) for w in resampling.resampled(groups, 20, 3)]
        np.testing.assert_allclose(found.of(name)[1], np.concatenate(of_all), atol=1e-12)
        np.testing.assert_allclose(found.over(name, [0, 2])[1], np.nanmean(drawn[:, [0, 2]], axis=1), atol=1e-12)
        assert np.isnan(values).tolist() == (~targets.any(axis=0)).tolist() or name == "d_prime"


def test_one_class():
    targets, scores = np.array([[1], [0], [1]], np.uint8), np.array([[0.9], [0.5], [0.1]])
    values = evaluate(targets, scores, np.array([True]))
    assert values["map_macro"].value == values["map_micro"].value == pytest.approx((1 + 2 / 3) / 2)
    assert values["top1"].value == values["lwlrap"].value == 1
    for name, measure in MEASURES.items():
        assert np.isnan(values[name].value) == measure.five == bool(values[name].reason)
    assert "only 1 leaf classes" in values["leaf_recall@5"].reason


def test_without_labels_there_is_no_value_but_a_reason():
    values = evaluate(np.zeros((4, 12), np.uint8), np.ones((4, 12)), np.ones(12, bool))
    assert all(np.isnan(value.value) and value.n == 0 and value.reason for value in values.values())
    assert (values["map_macro"].left_out, values["top1"].left_out) == (12, 4)
    drawn = drawn_of(Bootstrap(np.zeros((4, 12)), np.ones((4, 12)), list("abcd"), resamples=3, seed=0))
    assert np.isnan(np.array(list(drawn.values()))).all()


def test_all_positive():
    values = evaluate(np.ones((3, 12), np.uint8), np.random.default_rng(0).random((3, 12)), np.ones(12, bool))
    assert values["d_prime"].reason == "no class has a positive and a negative" and np.isnan(values["d_prime"].value)
    ones = ("map_macro", "map_micro", "hit@5", "precision@5", "top1", "lwlrap")
    assert [values[name].value for name in ones] == [1] * 6
    assert values["recall@5"].value == values["leaf_recall@5"].value == pytest.approx(5 / 12)


def test_constant_scores_score_prevalence(case):
    targets = case[0]
    values = evaluate(targets, np.zeros(targets.shape))
    present = targets.any(axis=0)
    assert values["map_macro"].value == pytest.approx(targets.mean(axis=0)[present].mean())
    assert values["map_micro"].value == pytest.approx(targets.mean())
    assert values["d_prime"].value == 0
    assert "not given" in values["leaf_recall@5"].reason


def test_one_group_cannot_be_resampled_two_clips_can(case):
    targets, scores, leaves = case
    drawing = {"resamples": 30, "seed": 0, "leaves": leaves}
    lone = Bootstrap(targets, scores, ["a"] * ITEMS, **drawing)
    assert np.isnan(np.array(list(drawn_of(lone).values()))).all()
    assert np.isnan(lone.of_classes("map_macro")[1]).all()
    two = drawn_of(Bootstrap(targets[:2], scores[:2], ["a", "b"], **drawing))
    assert all(((values >= 0) & (values <= 1)).all() for name, values in two.items() if name != "d_prime")


def test_oracle_is_the_best(case):
    targets, scores, leaves = case
    best = {name: value.value for name, value in measures.oracle(targets, leaves).items()}
    for name in ("map_macro", "map_micro", "hit@5", "top1", "lwlrap"):
        assert best[name] == pytest.approx(1)
    n, leaf = targets.sum(axis=1, dtype=int), targets[:, leaves].sum(axis=1, dtype=int)
    assert best["recall@5"] == pytest.approx((np.minimum(5, n[n > 0]) / n[n > 0]).mean())
    assert best["precision@5"] == pytest.approx((np.minimum(5, n[n > 0]) / 5).mean())
    assert best["leaf_recall@5"] == pytest.approx((np.minimum(5, leaf[leaf > 0]) / leaf[leaf > 0]).mean())
    assert all(best[name] >= value.value for name, value in evaluate(targets, scores, leaves).items())


def test_d_prime_of_perfect_scores_depends_on_n_alone():
    targets = np.tile([[1, 0], [0, 1]], (10, 1)).astype(np.uint8)
    assert evaluate(targets, targets)["d_prime"].value == pytest.approx(np.sqrt(2) * norm.ppf(1 - 1 / 40))
    assert evaluate(targets, 1 - targets)["d_prime"].value == pytest.approx(-np.sqrt(2) * norm.ppf(1 - 1 / 40))


def test_clip_means_keep_the_order_of_appearance():
    clip = np.array(["z", "a", "z", "m", "a"])
    scores = np.arange(10).reshape(5, 2).astype(np.float16)
    ids, means = measures.clip_means(scores, clip)
    assert ids.tolist() == ["z", "a", "m"] and means.dtype == np.float64
    assert means.tolist() == [[2, 3], [5, 6], [6, 7]]
    targets = np.array([[1, 0], [0, 1], [1, 0], [0, 0], [0, 1]], np.uint8)
    ids, of_clips = measures.clip_targets(targets, clip)
    assert ids.tolist() == ["z", "a", "m"] and of_clips.tolist() == [[1, 0], [0, 1], [0, 0]]
    targets[4] = 1
    with pytest.raises(ValueError, match="clip a differ"):
        measures.clip_targets(targets, clip)


@pytest.mark.parametrize(
    ("targets", "scores", "message"),
    [
        (np.ones((3, 2)), np.ones((2, 3)), "transposed"),
        (np.ones((3, 2)), np.ones((5, 2)), "chunks, the other of clips"),
        (np.ones((3, 2)), np.ones((3, 4)), "different corpora"),
        (np.ones(3, int), np.ones((3, 4)), "class numbers"),
        (np.ones((3, 4)), np.ones(4), "constant row"),
        (np.ones((0, 2)), np.ones((0, 2)), "no items"),
        (np.ones((2, 0)), np.ones((2, 0)), "no classes"),
        (np.array([[1, 0], [0.5, 1]]), np.ones((2, 2)), "0.5 at item 1, class 0 .1 such in all.: expected 0 or 1"),
        (np.array([[1, np.nan]]), np.ones((1, 2)), "nan at item 0, class 1"),
        (np.ones((2, 2)), np.array([[0, 1], [np.nan, np.inf]]), "nan at item 1, class 0 .2 such in all.: did training"),
    ],
)
def test_validate_guesses_the_mistake_in_one_line(targets, scores, message):
    with pytest.raises(ValueError, match=message) as error:
        measures.validate(targets, scores)
    assert "\n" not in str(error.value)


def test_wrong_arguments_are_named(case):
    targets, scores, leaves = case
    with pytest.raises(ValueError, match="no measure 'map'; there are map_macro, "):
        evaluate(targets, scores, names=["map"])
    with pytest.raises(ValueError, match="leaves: shape .3,. for 14 classes"):
        evaluate(targets, scores, leaves[:3])
    with pytest.raises(ValueError, match="groups: shape .2,. for 80 items"):
        Bootstrap(targets, scores, ["a", "b"], 3, 0)


def read_truth(name, classes, split=None):
    with open(TRUTH / name, newline="") as file:
        rows = [row for row in csv.DictReader(file) if split in (None, row.get("split"))]
    index = {label: i for i, label in enumerate(classes)}
    targets = np.zeros((len(rows), len(classes)), np.uint8)
    for i, row in enumerate(rows):
        targets[i, [index[label] for label in row["labels"].split(",")]] = 1
    return targets


@pytest.mark.skipif(not TRUTH.exists(), reason=f"FSD50K's labels are not at {TRUTH}")
def test_facts_of_fsd50k():
    with open(ONTOLOGY, newline="") as file:
        rows = list(csv.DictReader(file))
    classes = [row["label"] for row in rows]
    parents = {parent for row in rows for parent in row["parents_smeared"].split("|")}
    leaves = np.array([label not in parents for label in classes])
    train, test = read_truth("dev.csv", classes, "train"), read_truth("eval.csv", classes)
    prevalence = np.tile(measures.constant_scores(train), (len(test), 1))
    percent = {name: 100 * value.value for name, value in evaluate(test, prevalence, leaves).items()}
    assert test.shape == (10231, 200)
    facts = {"hit@5": 60.8, "recall@5": 22.2, "precision@5": 16.8}
    assert {name: percent[name] for name in facts} == pytest.approx(facts, abs=0.05)
    assert percent["d_prime"] == 0 and percent["leaf_recall@5"] == pytest.approx(4.63, abs=0.005)
    hit = evaluate(test[:, leaves], prevalence[:, leaves], names=["hit@5"])["hit@5"]
    assert 100 * hit.value == pytest.approx(5.5, abs=0.05) and hit.left_out == 1049
    best = measures.oracle(test, leaves, ["recall@5", "precision@5"])
    assert [100 * value.value for value in best.values()] == pytest.approx([94.7, 66.4], abs=0.05)
