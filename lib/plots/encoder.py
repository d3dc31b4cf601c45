"""Pictures of one trained encoder: its losses, its classes, its embeddings, its front end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.display.figures import GREY, heading, sentence, style
from lib.display.screen import shortened
from lib.representations.base import Representation
from lib.sounds.corpora.base import Corpus

# Told apart by colour-blind readers as far as twelve can be: the seven of Okabe and Ito, then five of Tol's "muted"
COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#882255", "#999933", "#44AA99", "#332288",
    "#AA4499",
)  # fmt: skip
MARKERS = ("o", "^", "s", "v", "D", "P")
NONE = 255  # the kind of an item that belongs to no group
MOST_BARS, MOST_GROUPS = 60, 12
LONGEST = 48  # letters of a label at an axis or in a legend


def losses(
    histories: Mapping[str, Sequence[Mapping[str, float]]], constant: Mapping[str, float], colour: str
) -> Figure:
    """The loss epoch by epoch, a panel for each thing that was trained: rows of {epoch, loss, validation_loss}.

    constant: what the constant predictor's loss is, for each.
    """
    with style():
        figure = Figure(figsize=(1.0 + 3.6 * len(histories), 3.0))
        axes = figure.subplots(1, len(histories), squeeze=False)[0]
        for axis, (what, rows) in zip(axes, histories.items(), strict=True):
            epochs = [row["epoch"] for row in rows]
            axis.plot(epochs, [row["loss"] for row in rows], color=colour, marker="o", markersize=2.5, label="training")
            if "validation_loss" in rows[0]:
                validation = [row["validation_loss"] for row in rows]
                axis.plot(epochs, validation, color="black", linestyle="--", label="validation")
            axis.axhline(constant[what], color=GREY, linewidth=1, label="constant predictor")
            axis.set(xlabel="epoch", ylabel="mean loss", title=what)
            axis.set_ylim(0, 1.35 * max(constant[what], np.median([row["loss"] for row in rows])))
            axis.set_xlim(0.5, len(rows) + 0.5)
            axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
            axis.legend(loc="lower left", fontsize=7)
        learned = "under the grey line something was learned, a slope at the end asks for more epochs"
        heading(figure, f"Loss while training: {learned}", 10)
        return figure


def class_bars(precision: np.ndarray, chance: np.ndarray, classes: Sequence[str], colour: str) -> Figure:
    """Average precision [class] as bars, the highest on top, and chance [class] as marks, fractions both; NaN left out.

    Of more than 60 classes the 30 highest and the 30 lowest are drawn.
    """
    order = np.argsort(-precision, kind="stable")[: np.isfinite(precision).sum()]
    shown = order if len(order) <= MOST_BARS else np.concatenate([order[: MOST_BARS // 2], order[-MOST_BARS // 2 :]])
    if not len(shown):
        return sentence("No class is drawn: none has a test chunk, so that none has an average precision")
    which = "" if len(shown) == len(order) else f" (the {MOST_BARS // 2} best and worst of {len(order)})"
    with style():
        figure = Figure(figsize=(6.5, 1.2 + 0.17 * len(shown)))
        axis = figure.subplots()
        places = np.arange(len(shown))
        places[MOST_BARS // 2 :] += len(order) > len(shown)  # a gap where some are left out
        axis.barh(places, precision[shown], color=colour, height=0.7, label="this encoder")
        axis.plot(chance[shown], places, "|", color="black", markersize=7, label="chance")
        axis.set_yticks(places, [shortened(classes[k], LONGEST) for k in shown], fontsize=7)
        axis.set(xlabel="average precision on test chunks", xlim=(0, 1), ylim=(places[-1] + 0.6, -0.6))
        figure.legend(loc="outside lower center", ncols=2)
        axis.set_title(f"Classes, best first{which}", x=1, ha="right")  # names at the left may take half the width
        return figure


def groupings(corpus: Corpus) -> dict[str, dict[str, list[int]]]:
    """What to colour items by: title -> group -> columns of the classes [class] that belong to it.

    Where the classes fall into a few families of few classes, each family by its classes; few classes by themselves;
    else the classes by what stands at the top above them.
    """
    classes, families = corpus.classes, corpus.families
    if 2 <= len(families) <= 4 and 1 < max(map(len, families.values())) <= MOST_GROUPS:
        return {family: {classes[k]: [k] for k in columns} for family, columns in families.items()}
    if len(classes) <= MOST_GROUPS:
        return {"class": {name: [k] for k, name in enumerate(classes)}}
    return {"family" if corpus.parents else "class": families}


def embedding(embeddings: np.ndarray, targets: np.ndarray, grouped: Mapping[str, Mapping[str, list[int]]]) -> Figure:
    """Embeddings [item, width] on their two principal axes, a panel for each grouping of the labels [item, class]."""
    from sklearn.decomposition import PCA

    if len(np.unique(embeddings, axis=0)) < 3:
        return sentence("The embedding is not drawn: two axes take three test chunks that differ, and here are fewer")
    pca = PCA(2, svd_solver="full")
    points = pca.fit_transform(embeddings.astype(np.float64))
    with style():
        figure = Figure(figsize=(0.5 + 3.4 * len(grouped) + (1.2 if len(grouped) == 1 else 0), 4.2))
        axes = figure.subplots(1, len(grouped), squeeze=False)[0]
        for axis, (title, groups) in zip(axes, grouped.items(), strict=True):
            scatter(axis, points, *kinds_of(targets, groups), (9, 5), (0.75, 0.5), MARKERS)
            look = {"fontsize": 7, "markerscale": 1.6, "handletextpad": 0.2, "columnspacing": 0.8}
            axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2, **look)
            first, second = 100 * pca.explained_variance_ratio_
            axis.set(xlabel=f"first axis ({first:.0f} % of variance)", ylabel=f"second axis ({second:.0f} %)")
            axis.set(title=f"by {title}", xticks=[], yticks=[])
        together = "what lies together sounds alike to this encoder"
        heading(figure, f"Test chunks on two axes of the embedding: {together}", 10)
        return figure


def kinds_of(targets: np.ndarray, groups: Mapping[str, Sequence[int]]) -> tuple[list[str], np.ndarray]:
    """The commonest groups, and of each item [item] which of them it belongs to first, NONE where to none.

    targets [item, class]; groups: name -> columns of its classes.
    """
    belongs = {name: targets[:, list(columns)].any(axis=1) for name, columns in groups.items()}
    named = sorted(belongs, key=lambda name: -belongs[name].sum())[:MOST_GROUPS]
    shown = [name for name in groups if name in named]
    kinds = np.full(len(targets), NONE)
    for number, name in reversed(list(enumerate(shown))):
        kinds[belongs[name]] = number
    return shown, kinds


def scatter(
    axis: Axes, points: np.ndarray, groups: Sequence[str], kinds: np.ndarray, sizes: tuple[float, float],
    alphas: tuple[float | None, float | None] = (None, None), markers: Sequence[str] = ("o",),
) -> None:  # fmt: skip
    """Points [item, 2] in the colours of their groups; those of none are grey. Sizes and alphas: of the former, the latter."""
    for number, name in enumerate(groups):
        look = {"s": sizes[0], "color": COLOURS[number], "marker": markers[number % len(markers)], "alpha": alphas[0]}
        mine = points[kinds == number].T
        axis.scatter(*mine, label=shortened(name.lstrip("_") or name, LONGEST), linewidths=0, rasterized=True, **look)
    if (kinds == NONE).any():
        look = {"s": sizes[1], "color": GREY, "alpha": alphas[1], "zorder": 0}
        axis.scatter(*points[kinds == NONE].T, label="other", linewidths=0, rasterized=True, **look)


def front_end(representation: Representation) -> Figure:
    """What the front end of a trained encoder learned, as its representation draws it."""
    with style():
        figure = Figure(figsize=(6.5, 3.6))
        representation.draw_learned(figure.subplots())
        return figure
