"""Corpora of two clips, one class, three hundred classes: every figure is drawn, or says in a sentence why not."""

import numpy as np
import pandas as pd
import pytest

from lib.display import figures
from lib.plots import encoder, explorer
from lib.sounds.corpora.base import Corpus

SHAPES = [(1, 1), (2, 1), (2, 300), (3, 2), (40, 300)]


def corpus_of(classes):
    clips = pd.DataFrame(
        {"id": ["a"], "path": [""], "role": ["test"], "fold": [0], "labels": [(classes[0],)], "group": ["a"]}
    )
    return Corpus("table", None, clips, tuple(classes))


def words(figure):
    return " ".join(text.get_text() for text in figure.findobj(match=lambda artist: hasattr(artist, "get_text")))


@pytest.mark.parametrize(("n_items", "n_classes"), SHAPES)
def test_an_embedding_of_few_items_is_drawn_or_a_sentence(n_items, n_classes, tmp_path):
    rng = np.random.default_rng(0)
    targets = np.zeros((n_items, n_classes), np.uint8)
    targets[:, 0] = 1  # a class on every item
    grouped = encoder.groupings(corpus_of([f"{k}" for k in range(n_classes)]))  # labels that look like numbers
    figure = encoder.embedding(rng.standard_normal((n_items, 8)).astype(np.float32), targets, grouped)
    figures.save(figure, tmp_path / "embedding")
    assert ("is not drawn" in words(figure)) == (n_items < 3)


@pytest.mark.filterwarnings("error")  # matplotlib's, where names leave no room for the axes
def test_a_label_of_three_hundred_letters_leaves_room_for_the_picture(tmp_path):
    classes, rng = ["L" * 300, "a sentence of words " * 15, "short"], np.random.default_rng(0)
    targets = np.eye(3, dtype=np.uint8)[np.arange(12) % 3]
    grouped = encoder.groupings(corpus_of(classes))
    groups, kinds = encoder.kinds_of(targets, grouped["class"])
    scores = pd.DataFrame(rng.random((3, 2)), index=classes, columns=["pitch", "all four"])
    drawn = {
        "bars": encoder.class_bars(rng.random(3), np.full(3, 0.3), classes, "C0"),
        "embedding": encoder.embedding(rng.standard_normal((12, 8)).astype(np.float32), targets, grouped),
        "map": explorer.map_panels({"all": rng.random((12, 2))}, groups, kinds, np.arange(12) < 2),
        "predictions": explorer.predictions(scores, "a clip"),
    }
    for name, figure in drawn.items():
        figures.save(figure, tmp_path / name)
        assert "LLL" in words(figure) and "short" in words(figure) and "L" * 60 not in words(figure)


def test_equal_embeddings_are_a_sentence():
    figure = encoder.embedding(np.ones((9, 4), np.float32), np.ones((9, 1), np.uint8), {"class": {"a": [0]}})
    assert "is not drawn" in words(figure) and "nan" not in words(figure)


@pytest.mark.parametrize("precision", [[1.0], [np.nan], [np.nan, 0.5], list(np.linspace(0, 1, 300))])
def test_bars_of_one_class_of_none_and_of_many(precision, tmp_path):
    precision = np.array(precision)
    figure = encoder.class_bars(precision, np.full(len(precision), 0.5), [str(k) for k in range(len(precision))], "red")
    figures.save(figure, tmp_path / "bars")
    assert ("no class" in words(figure).lower()) == (not np.isfinite(precision).any())
