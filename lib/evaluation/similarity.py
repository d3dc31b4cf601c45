"""How alike two embeddings are, and how much of one can be had from others.

    cka        linear centred kernel alignment of two embeddings on test chunks: 1 where one is the other rotated and
               scaled, 0 where they have nothing to do with each other. It is the debiased one, made of unbiased
               estimates of HSIC (Song et al. 2012; Nguyen, Raghu and Kornblith 2021): the plain one is far above 0
               for independent embeddings where dimensions are not few against chunks. It can lie a little below 0.
    predicted  the share of the variance of the second embedding, over all its dimensions, that a ridge on the first
               predicts on test chunks (learned on training chunks, its penalty chosen by groups of them). What is
               missing to 1 no linear model found there.

`first` may be several encoders, joined by "+". Intervals of `predicted` resample groups of test clips; in a resample of
`cka` a group drawn twice would count as like itself, so its resamples are linear in the draws, by the change that leaving
each group out makes (the jackknife's).
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations

import numpy as np
import pandas as pd

from lib.encoders.heads import label
from lib.evaluation import frozen, ridge
from lib.evaluation.frozen import Side
from lib.study import Study

COLUMNS = ["first", "second", "what", "value", "low", "high", "seeds"]
BOTH = ("pitch", "timbre")  # what the paper calls orthogonal; what of the others can be had from the two together

Pair = tuple[str, str, str]  # first, second and what


def hsic(first: np.ndarray, second: np.ndarray) -> float:
    """Unbiased HSIC of two embeddings [item, d] with linear kernels, up to a factor; NaN of fewer than four items."""
    n = len(first)
    if n < 4:
        return np.nan
    first, second = first - first.mean(0), second - second.mean(0)
    a, b = (first**2).sum(1), (second**2).sum(1)
    together = ((first.T @ second) ** 2).sum()
    return float(together - n / (n - 2) * (a @ b) + a.sum() * b.sum() / ((n - 1) * (n - 2)))


def cka(first: np.ndarray, second: np.ndarray) -> float:
    """Debiased linear CKA of two embeddings [item, d]; NaN where one of them does not move."""
    own = hsic(first, first) * hsic(second, second)
    return hsic(first, second) / float(np.sqrt(own)) if own > 0 else np.nan


def linear_draws(value: float, without: np.ndarray, groups: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Resamples [resample] of a number, linear in how often each group was drawn.

    without [group]: the number with each group left out, in the order of np.unique(groups); weights [resample, item].
    """
    first = np.unique(groups, return_index=True)[1]
    n = len(without)
    if n < 2:
        return np.full(len(weights), np.nan)
    influence = np.sqrt((n - 1) / n) * (without.mean() - without)  # the resamples' variance is then the jackknife's
    return value + (weights[:, first] - 1) @ influence


def _cka_rows(embeddings: frozen.Embeddings, test: Side, weights: np.ndarray) -> Iterator[tuple[Pair, np.ndarray]]:
    """CKA of every two encoders [1 + resample], of embeddings of the test chunks."""
    each = np.unique(test.groups)
    for first, second in combinations(embeddings, 2):
        pair = [frozen.joined(embeddings, name) for name in (first, second)]
        left_out = [test.groups != group for group in each]
        without = np.array([cka(*(one[keep] for one in pair)) for keep in left_out])
        value = cka(*pair)
        yield (first, second, "cka"), np.append(value, linear_draws(value, without, test.groups, weights))


def predicted_pairs(players: Sequence[str]) -> list[tuple[str, str]]:
    """What is predicted from what: each from each, from pitch and timbre together, and from all others."""
    pairs = list(permutations(players, 2))
    if set(BOTH) < set(players):
        pairs += [(label(BOTH), name) for name in players if name not in BOTH]
    others = [(label(tuple(other for other in players if other != name)), name) for name in players]
    return list(dict.fromkeys([*pairs, *others]))


def _predicted_rows(
    embeddings: frozen.Embeddings, train: Side, weights: np.ndarray
) -> Iterator[tuple[Pair, np.ndarray]]:
    """Shares of variance [1 + resample], of embeddings of the training chunks and below them the test chunks."""
    n_train = len(train.rows)
    for first, second in predicted_pairs(list(embeddings)):
        inputs, targets = (np.split(frozen.joined(embeddings, name), [n_train]) for name in (first, second))
        model = ridge.fit(inputs[0], targets[0], train.groups)
        explained = ridge.explained(targets[1], model.predict(inputs[1]), model.intercept, weights)
        yield (first, second, "predicted"), explained


def compared(part: Study, seed: int) -> dict[Pair, np.ndarray]:
    """All numbers of one fold and seed, each [1 + resample]."""
    train, test = frozen.sides(part)
    embeddings = frozen.trained(part, seed, np.concatenate([train.rows, test.rows]))
    weights = frozen.draws(part, test.groups)
    on_test = {name: values[len(train.rows) :] for name, values in embeddings.items()}
    return dict([*_cka_rows(on_test, test, weights), *_predicted_rows(embeddings, train, weights)])


def similarity_table(study: Study) -> pd.DataFrame:
    """Rows of similarity.csv: CKA of every two encoders, and what of each can be predicted from others."""
    parts, seeds = study.parts, study.request.seeds
    numbers = [[compared(part, seed) for part in parts] for seed in seeds]
    of_groups = sum(frozen.freedom(frozen.side(part, "test").groups) for part in parts)
    rows = []
    for key in numbers[0][0]:
        number = frozen.summary(study, [[one[key] for one in by_fold] for by_fold in numbers], of_groups)
        rows.append(dict(zip(COLUMNS, key, strict=False)) | number | {"seeds": len(seeds)})
    return pd.DataFrame(rows, columns=COLUMNS)
