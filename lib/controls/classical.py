"""The control `classical`: statistics over time of each representation, and scikit-learn in place of Transformer and head.

What is summarised is the representation's own (`Representation.summary`); the neuralogram's is of the study's trained
MobileNet, the others learn nothing. On every subset of the summaries a random forest, a support vector machine and a
ridge are held against each other by groups of the training chunks; the best is fitted to all of them and scores the test
chunks: probabilities of each class by itself (forest, and SVM by Platt's scaling of the held-out distances) or outputs (ridge).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from lib import files
from lib.controls import keeping
from lib.display.screen import measure_name
from lib.encoders.encoder import key_of
from lib.encoders.heads import Subset, label
from lib.evaluation.games import Game
from lib.evaluation.results import SHARED, macro_map
from lib.representations import kind
from lib.study import Study

CONTROL = "classical"
VERSION = 1  # of the rules below: raised when the same features would give other scores
FOLDS = 3  # of the training groups
# Training chunks above which there is no SVM (its kernel has their square); trees see so many at most.
MANY = 10_000
TREES = 300
C = (1.0, 10.0)  # of the SVM
ALPHAS = (1e1, 1e2, 1e3, 1e4, 1e5)  # of the ridge, on standardised summaries

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Task:
    """What a classifier is fitted to and scores: summaries [chunk, k] and labels [chunk, class] of training chunks."""

    learned: Array
    labels: Array
    scored: Array  # summaries [chunk, k] of other chunks
    seed: int

    def part(self, learned: Array, scored: Array) -> "Task":
        """The same within the training chunks: rows [row] to fit to, and rows [row] to score."""
        return Task(self.learned[learned], self.labels[learned], self.learned[scored], self.seed)


def play_classical(part: Study, game: Game, seed: int) -> None:
    """Choose, fit and score on every subset; the choices go to tables/chosen.csv."""
    each = {name: summaries(part, name, seed) for name in game.players}
    rows, test = part.train_rows, part.chunks.rows("test")
    targets, groups, only = part.chunks.targets[rows], part.chunks.groups[rows], keeping.own_subsets(game)
    learned_from = [files.digest(values) for values in (rows, test, targets, groups)]
    content = {name: files.digest(values) for name, values in each.items()}
    key = files.key(VERSION, version("scikit-learn"), content, learned_from, seed, part.settings.threads)

    def scores() -> Iterator[tuple[Subset, Array]]:
        chosen = []
        with part.timed(f"control {CONTROL}, seed {seed}", len(rows) * len(only), "chunks"):
            for subset in only:
                together = np.concatenate([each[name] for name in subset], axis=1)
                task = Task(together[rows], targets, together[test], seed)
                values, held_out = by_groups(task, groups)
                best = max(values, key=values.__getitem__)
                chosen.append(choice(subset, values, len(rows)) | {"seed": seed})
                (found,) = candidates(task, [best])
                yield subset, probabilities(held_out[best], targets, found) if "SVM" in best else found
        keeping.note_choice(part, chosen)

    keeping.write_once(part, game, keeping.OWN, seed, key, scores)


def summaries(part: Study, name: str, seed: int) -> Array:
    """Statistics over time [chunk, k] of one representation; StudyError where what it learns is not trained."""
    make = (
        keeping.load_study_encoder if kind(name).learns else lambda part, name, _: keeping.untrained_encoder(part, name)
    )
    key = files.key(VERSION, key_of(name, part.chunks, part.settings, seed), version("librosa"))
    return keeping.of_encoder(
        part, CONTROL, name, seed, key, lambda: make(part, name, seed),
        lambda encoder, features, _: keeping.by_blocks(encoder.representation.summary, features),
    )  # fmt: skip


def choice(subset: Subset, values: Mapping[str, float], n_chunks: int) -> dict:
    """A row of chosen.csv: which classifier, by how much, and which came next."""
    bounded = f"; above {MANY} training chunks there is no SVM" if n_chunks > MANY else ""
    what = f"{label(subset)}: classifier, {measure_name(SHARED)} of chunks by training groups{bounded}"
    return {"control": CONTROL, "what": what, **keeping.highest_and_next(values)}


# Classifiers


def names_of(n_chunks: int) -> list[str]:
    """The classifiers that are held against each other where there are so many training chunks."""
    svm = [] if n_chunks > MANY else [f"SVM, C = {c:g}" for c in C]
    return ["forest", *svm, *(f"ridge, alpha = {alpha:g}" for alpha in ALPHAS)]


def by_groups(task: Task, groups: Array) -> tuple[dict[str, float], dict[str, Array]]:
    """Of each classifier its macro mAP on held-out groups [chunk], the mean over folds, and its scores of all held out.

    ControlError where there is one group.
    """
    fold, names, values = keeping.folds_of_groups(CONTROL, groups, FOLDS), names_of(len(groups)), []
    held_out = {name: np.empty(task.labels.shape) for name in names}
    for number in range(fold.max() + 1):
        held = fold == number
        each = dict(zip(names, candidates(task.part(~held, held), names), strict=True))
        for name, scores in each.items():
            held_out[name][held] = scores
        # 0 where no class has a positive
        values.append([np.nan_to_num(macro_map(task.labels[held], scores)) for scores in each.values()])
    return dict(zip(names, np.mean(values, axis=0).tolist(), strict=True)), held_out


def candidates(task: Task, names: list[str]) -> list[Array]:
    """Scores [chunk, class] of each of these classifiers, fitted anew."""
    from sklearn.metrics.pairwise import rbf_kernel
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(task.learned)
    learned, scored = scaler.transform(task.learned), scaler.transform(task.scored)
    kernels = [rbf_kernel(one, learned) for one in (learned, scored)] if any("SVM" in name for name in names) else []
    found = []
    for name in names:
        value = float(name.rpartition("= ")[2]) if "=" in name else 0.0
        if name == "forest":
            found.append(forest(task))
        elif "SVM" in name:
            found.append(svm(*kernels, task.labels, value))
        else:
            found.append(ridge(learned, scored, task.labels, value))
    return found


def forest(task: Task) -> Array:
    """Of each class the share of positives [chunk, class] in the leaves of a random forest.

    A regression on 0 and 1: the variance p (1 - p) that its splits lessen is half the Gini impurity of the label.
    """
    from sklearn.ensemble import RandomForestRegressor

    most = MANY if len(task.learned) > MANY else None
    model = RandomForestRegressor(TREES, max_features="sqrt", max_samples=most, random_state=task.seed)
    labels = task.labels if task.labels.shape[1] > 1 else task.labels[:, 0]
    return model.fit(task.learned, labels).predict(task.scored).reshape(len(task.scored), -1)


def svm(learned: Array, scored: Array, labels: Array, c: float) -> Array:
    """Distances from the border [chunk, class] of a support vector machine for each class against all others.

    learned, scored: radial kernels [chunk, training chunk], the same for all classes (gamma 1 / k, as `scale` has it).
    """
    from sklearn.svm import SVC

    def of_class(y: Array) -> Array:
        if y.all() or not y.any():  # nothing to tell apart: the class ranks nothing
            return np.full(len(scored), float(y[0]))
        return SVC(C=c, kernel="precomputed", cache_size=500).fit(learned, y).decision_function(scored)

    return np.stack([of_class(y) for y in labels.T], axis=1)


def probabilities(held_out: Array, labels: Array, distances: Array) -> Array:
    """Distances [chunk, class] as probabilities, by the distances of held-out training chunks and their labels (Platt).

    Where each training chunk has one label they sum to 1, as a forest's do. Distances themselves know no scale that a mean
    over a clip's chunks could go by: on ESC-10's pitch maps they have 64.5 clip mAP, probabilities 68.9.
    """
    from sklearn.linear_model import LogisticRegression

    found = np.empty(distances.shape)
    for k, y in enumerate(labels.T):
        if y.all() or not y.any():
            found[:, k] = y[0]
        else:
            found[:, k] = LogisticRegression(C=1e6).fit(held_out[:, [k]], y).predict_proba(distances[:, [k]])[:, 1]
    return found / found.sum(1, keepdims=True) if (labels.sum(1) == 1).all() else found


def ridge(learned: Array, scored: Array, labels: Array, alpha: float) -> Array:
    """Outputs [chunk, class] of least squares with a penalty."""
    from sklearn.linear_model import Ridge

    return Ridge(alpha).fit(learned, labels).predict(scored).reshape(len(scored), -1)
