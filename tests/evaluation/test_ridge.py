"""Ridge in closed form: equal to scikit-learn's, with the penalty that its grid search chooses."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.preprocessing import StandardScaler

from lib.evaluation import ridge


@pytest.fixture(params=[(1, 5), (3, 40)])
def problem(request):
    n_targets, d = request.param
    rng = np.random.default_rng(d)
    groups = rng.integers(0, 12, 60)
    inputs = rng.normal(2, 3, (60, d)) + rng.normal(0, 1, (12, d))[groups]
    targets = inputs @ rng.normal(0, 1, (d, n_targets)) + rng.normal(0, 8, (60, n_targets)) + 5
    return inputs, targets, groups


def test_equal_to_scikit_learn_with_a_search_over_groups(problem):
    inputs, targets, groups = problem
    scaled = StandardScaler().fit_transform(inputs)
    errors = []
    for penalty in ridge.PENALTIES:  # scikit-learn's penalty is of the sum, ours of the mean over what is learned from
        error = []
        for learn, held_out in GroupKFold(5).split(scaled, groups=groups):
            model = Ridge(penalty * len(learn)).fit(scaled[learn], targets[learn])
            error.append(
                ((model.predict(scaled[held_out]).reshape(targets[held_out].shape) - targets[held_out]) ** 2).mean()
            )
        errors.append(np.mean(error))
    best = ridge.PENALTIES[np.argmin(errors)]
    ours = ridge.fit(inputs, targets, groups)
    assert ours.penalty == best
    theirs = Ridge(best * len(inputs)).fit(scaled, targets)
    np.testing.assert_allclose(ours.predict(inputs), theirs.predict(scaled).reshape(targets.shape), atol=1e-8)


def test_the_search_is_that_of_grid_search(problem):
    inputs, targets, groups = problem
    keep = groups < 10  # ten groups of six rows each, so that all folds learn from as many
    order = np.argsort(groups[keep], kind="stable")[: len(groups[keep]) // 5 * 5]
    x = StandardScaler().fit_transform(inputs[keep][order])
    y, even = targets[keep][order], np.repeat(np.arange(5), len(order) // 5)
    n_learned = len(order) * 4 // 5
    search = GridSearchCV(
        Ridge(), {"alpha": ridge.PENALTIES * n_learned}, scoring="neg_mean_squared_error", cv=GroupKFold(5)
    ).fit(x, y, groups=even)
    assert ridge.choose(x, y, even) == pytest.approx(search.best_params_["alpha"] / n_learned)


def test_no_group_is_learned_from_and_held_out(problem):
    groups = problem[2]
    folds = ridge.folds_by_group(groups)
    assert len(folds) == 5
    assert all(not set(groups[learn]) & set(groups[held_out]) for learn, held_out in folds)
    assert sorted(np.concatenate([held_out for _, held_out in folds])) == list(range(60))


def test_the_penalty_is_chosen_by_groups_and_not_by_rows():
    """Inputs that name the group: rows of a known group are predicted, new groups are not."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 4)
    inputs = np.eye(30)[groups] + 1e-3 * rng.normal(size=(120, 30))
    targets = rng.normal(size=(30, 1))[groups]
    assert ridge.fit(inputs, targets, groups).penalty == ridge.PENALTIES[-1]
    assert ridge.fit(inputs, targets, rng.permutation(120)).penalty < 0.1


def test_one_group_alone_and_inputs_that_do_not_move():
    model = ridge.fit(np.ones((4, 2)), np.arange(4.0)[:, None], np.zeros(4))
    assert model.penalty == ridge.WITHOUT_GROUPS
    np.testing.assert_allclose(model.predict(np.full((3, 2), 7.0)), 1.5)
    assert np.isnan(ridge.out_of_fold(np.ones((4, 2)), np.ones((4, 1)), np.zeros(4))[0]).all()


def test_explained_is_r2_against_the_training_mean():
    rng = np.random.default_rng(3)
    truth = rng.normal(size=(30, 2)) * [1, 5] + 1
    predicted = truth + rng.normal(size=(30, 2))
    weights = rng.integers(0, 3, (4, 30))
    found = ridge.explained(truth, predicted, truth.mean(0), weights)
    theirs = r2_score(truth, predicted, multioutput="variance_weighted")
    assert found[0] == pytest.approx(theirs)
    for one, weight in zip(found[1:], weights, strict=True):
        rows = np.repeat(np.arange(30), weight)  # a weight counts an item as if it stood there so often
        assert one == pytest.approx(ridge.explained(truth[rows], predicted[rows], truth.mean(0), weights[:, rows])[0])
    assert ridge.explained(truth, np.tile(truth.mean(0), (30, 1)), truth.mean(0), weights)[0] == 0
    assert ridge.explained(truth, predicted, truth.mean(0) + 9, weights)[0] > found[0]
    assert np.isnan(ridge.explained(np.ones((3, 1)), np.ones((3, 1)), np.ones(1), np.ones((1, 3)))).all()


def test_out_of_fold_learns_from_other_groups_alone(problem):
    inputs, targets, groups = problem
    predicted, mean = ridge.out_of_fold(inputs, targets, groups)
    changed = targets + 100 * (groups == 3)[:, None]
    again, again_mean = ridge.out_of_fold(inputs, changed, groups)
    held_out = next(held for _, held in ridge.folds_by_group(groups) if 3 in groups[held])
    np.testing.assert_array_equal(again[held_out], predicted[held_out])
    np.testing.assert_array_equal(again_mean[held_out], mean[held_out])
    assert np.isfinite(predicted).all()
    assert not np.allclose(again, predicted)
