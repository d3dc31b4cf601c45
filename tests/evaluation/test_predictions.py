"""What is named, what is taken for what, and the clearest mistakes: by hand, and against scikit-learn."""

from dataclasses import replace

import made_up
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

from lib.evaluation.predictions import ALL_FOUR, COLUMNS, confusion_table, mistake_table, prediction_table, sentences
from lib.evaluation.scores import Scores


def predictions(rows):
    """A prediction table of one model from (clip, label, has, score, rank, named)."""
    names = ["clip", "label", "has", "score", "rank", "named"]
    return pd.DataFrame(rows, columns=names).assign(fold="", family="", model=ALL_FOUR, head="paper")[COLUMNS]


SEVERAL = predictions([
    ("a", "dog", 1, 0.9, 1, 1), ("a", "rain", 1, 0.2, 3, 0), ("a", "wind", 0, 0.5, 2, 1),
    ("b", "dog", 1, 0.8, 1, 1),
    ("c", "rain", 1, 0.1, 4, 0), ("c", "dog", 0, 0.9, 1, 1),
    ("d", "rain", 1, 0.7, 1, 1), ("d", "dog", 1, 0.6, 2, 1),
])  # fmt: skip


def test_confusions_with_several_labels_by_hand():
    table = confusion_table(SEVERAL).set_index(["label", "taken_for"])
    assert table.loc[("dog", "dog")].to_dict() == {"clips": 3, "wrong": 0, "of": 3, "share": 1.0, "both": 3}
    assert table.loc[("dog", "rain")].to_dict() == {"clips": 1, "wrong": 0, "of": 3, "share": 1 / 3, "both": 2}
    assert table.loc[("dog", "wind")].to_dict() == {"clips": 1, "wrong": 1, "of": 3, "share": 1 / 3, "both": 0}
    assert table.loc[("rain", "dog")].to_dict() == {"clips": 3, "wrong": 1, "of": 3, "share": 1.0, "both": 2}
    assert ("wind", "dog") not in table.index  # no clip has wind


def test_mistakes_by_hand_the_clearest_first():
    found = mistake_table(SEVERAL)
    assert found[["clip", "label", "taken_for"]].to_numpy().tolist() == [["c", "rain", "dog"], ["a", "rain", "wind"]]
    assert found["margin"].to_numpy() == pytest.approx([0.8, 0.3])
    assert mistake_table(SEVERAL[SEVERAL["clip"] == "d"]).empty


def test_labels_of_two_families_are_never_taken_for_one_another():
    rows = [
        ("a", "low", 1, 0.1, 4, 0),
        ("a", "high", 0, 0.2, 3, 1),
        ("a", "saw", 1, 0.5, 2, 0),
        ("a", "sine", 0, 0.9, 1, 1),
        ("b", "low", 1, 0.8, 1, 1),
        ("b", "sine", 1, 0.1, 3, 1),
    ]
    table = predictions(rows).assign(family=["pitch", "pitch", "timbre", "timbre", "pitch", "timbre"])
    found = confusion_table(table).set_index(["label", "taken_for"])
    assert found.loc[("low", "high"), "wrong"] == found.loc[("saw", "sine"), "wrong"] == found["wrong"].sum() / 2 == 1
    assert found.loc[("low", "sine")].to_dict() == {"clips": 0, "wrong": 0, "of": 2, "share": 0.0, "both": 1}
    mistakes = mistake_table(table)[["clip", "label", "taken_for"]].to_numpy().tolist()
    assert mistakes == [["a", "saw", "sine"], ["a", "low", "high"]]
    assert "of a clip as many of each family are named as it has" in sentences(table, confusion_table(table), 1)[0]


def test_sentences_count_labels_and_name_what_is_confused():
    first, second = sentences(SEVERAL, confusion_table(SEVERAL), 1)
    assert first.startswith("Named right: 4 of the 6 labels of 4 test clips (of a clip as many are named")
    assert (
        second == "Most often taken for another: rain for dog (1 of 3); dog for wind (1 of 3); rain for wind (1 of 3)."
    )
    one = SEVERAL[SEVERAL["clip"].isin(["b", "c"])]
    assert sentences(one, confusion_table(one), 1)[0].startswith(
        "Named right: 1 of 2 test clips (a clip is named right"
    )
    several = "Named right, by the mean scores of 3 seeds: 1 of 2 test clips ("
    assert sentences(one, confusion_table(one), 3)[0].startswith(several)
    right = SEVERAL[SEVERAL["clip"] == "b"]
    assert len(sentences(right, confusion_table(right), 1)) == 1


@pytest.fixture
def study(tmp_path, monkeypatch):
    return made_up.study(tmp_path, monkeypatch)


def test_each_model_names_what_it_scores_highest(study):
    table = prediction_table(study)
    assert list(table) == COLUMNS
    n_clips = sum(made_up.CLIPS.values())
    for model, rows in table.groupby("model"):
        assert rows["has"].sum() == rows["named"].sum() == n_clips, model  # one label each
        assert (rows["named"] == (rows["rank"] == 1)).all()
    part = study.parts[1]
    by_clip = {seed: Scores(part).read(ALL_FOUR, "paper", seed)["clip"] for seed in (0, 1)}
    mean = (by_clip[0] + by_clip[1]) / 2
    rows = table[(table["model"] == ALL_FOUR) & (table["fold"] == part.fold) & (table["named"] == 1)]
    assert rows["score"].to_numpy() == pytest.approx(mean.max(axis=1), abs=1e-6)


def test_where_every_clip_has_a_label_of_each_family_as_many_of_each_are_named(study, monkeypatch):
    """Of a family of which a clip's scores are compared with no label, none is named, however high it is."""
    whole = made_up.corpus(study.folder)
    labels = [("class00", "class05")] * len(whole.clips)  # one of each of the two families
    monkeypatch.setattr(
        type(study), "read_corpus", lambda self: replace(whole, clips=whole.clips.assign(labels=labels))
    )
    table = prediction_table(study)
    assert (
        dict(zip(table["label"], table["family"], strict=True)).items()
        <= {name: family for name, (family,) in made_up.PARENTS.items()}.items()
    )
    counts = table.groupby(["fold", "model", "clip", "family"])[["has", "named"]].sum()
    assert (counts["has"] == counts["named"]).all() and counts["has"].max() == 1
    named = table[table["named"] == 1].set_index(["fold", "model", "clip", "family"])["score"]
    has = table[table["has"] == 1].set_index(["fold", "model", "clip", "family"])["score"]
    assert (named.loc[has.index] >= has).all()  # the highest of its family


def test_one_label_each_is_the_confusion_matrix(study):
    table = prediction_table(study)
    rows = table[table["model"] == ALL_FOUR]
    has, named = (rows[rows[column] == 1].set_index(["fold", "clip"])["label"] for column in ("has", "named"))
    expected = confusion_matrix(has, named.loc[has.index], labels=list(made_up.CLASSES))
    cells = confusion_table(table).pivot(index="label", columns="taken_for", values="clips")
    ours = cells.reindex(index=list(made_up.CLASSES), columns=list(made_up.CLASSES)).fillna(0).to_numpy()
    assert np.array_equal(ours, expected)
    wrong = confusion_table(table)["wrong"].sum()
    assert len(mistake_table(table)) == wrong == expected.sum() - np.trace(expected)


def test_what_is_read_back_says_the_same(study):
    table = study.write_table("predictions", prediction_table(study))
    confusion = study.write_table("confusion", confusion_table(table))
    stored = [study.table(name, "03_subsets") for name in ("predictions", "confusion")]
    assert sentences(*stored, 2) == sentences(table, confusion, 2)
    assert confusion_table(stored[0]).equals(confusion)
