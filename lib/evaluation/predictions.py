"""What each model predicts for each test clip, which labels it takes for which, and its clearest mistakes.

A model names as many labels of a clip as the clip has, those that it scores highest; where every clip has a label of
several families, as a pitch and a timbre, as many of each, and only labels of one family are taken for one another. The
scores are those of the clip (the mean of its chunks'), the mean of the seeds; singles predict with their own classifier,
all four with the first head.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from lib.display.screen import counted
from lib.encoders.heads import ALL_FOUR
from lib.evaluation import measures
from lib.evaluation.scores import ModelScores, Scores
from lib.representations import names
from lib.study import Study

COLUMNS = ["fold", "model", "head", "clip", "label", "family", "has", "score", "rank", "named"]
CONFUSION_COLUMNS = ["label", "taken_for", "clips", "wrong", "of", "share", "both"]
MISTAKE_COLUMNS = ["fold", "clip", "label", "taken_for", "margin"]
MOST = 3  # confusions in a sentence


def prediction_table(study: Study) -> pd.DataFrame:
    """The rows of predictions.csv, of all folds: a model, a test clip, and each label that it has or that is named.

    family: of the label, where labels are named family by family; has, named: 1 where the clip has the label, where the
    model names it; rank: the label's place among all, from 1.
    """
    corpus = study.read_corpus()
    family = dict.fromkeys(corpus.classes, "")
    for name, columns in corpus.families.items():
        if columns in corpus.aspects:
            family |= {corpus.classes[column]: name for column in columns}
    return pd.concat([pd.DataFrame(rows) for part in study.parts for rows in _rows(part, family)])[COLUMNS]


def clip_scores(part: Study) -> tuple[np.ndarray, dict[tuple[str, str], np.ndarray]]:
    """Ids [clip] of the test clips of one fold, and their scores [clip, class] by model and head, those that there are."""
    test = Scores(part)
    models = [*((name, "own") for name in names()), (ALL_FOUR, part.settings.heads.kinds[0])]
    scores = {}
    for subset, head in models:
        paths = [path for seed in part.request.seeds if (path := part.scores(subset, head, seed)).exists()]
        if paths:
            scores[subset, head] = np.mean([ModelScores(path, test.stored["clip"])["clip"] for path in paths], axis=0)
    return measures.clip_targets(test.stored["targets"], test.stored["clip"])[0], scores


def _rows(part: Study, family: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Columns of the rows of one model after the other; family: of each class."""
    stored = Scores(part).stored
    _, targets = measures.clip_targets(stored["targets"], stored["clip"])
    ids, models = clip_scores(part)
    families = np.array([family[name] for name in stored["classes"]])
    for (subset, head), scores in models.items():
        rank, named = _rank(scores), np.zeros(scores.shape, np.uint8)
        for one in np.unique(families):
            own = families == one
            named[:, own] = _rank(scores[:, own]) <= targets[:, own].sum(axis=1, keepdims=True, dtype=int)
        clip, label = np.nonzero((targets > 0) | (named > 0))
        order = np.lexsort((rank[clip, label], clip))
        clip, label = clip[order], label[order]
        yield {
            "fold": part.fold, "model": subset, "head": head, "clip": ids[clip],
            "label": stored["classes"][label], "family": families[label], "has": targets[clip, label],
            "score": scores[clip, label].round(6), "rank": rank[clip, label], "named": named[clip, label],
        }  # fmt: skip


def _rank(scores: np.ndarray) -> np.ndarray:
    """The place of each score in its row [clip, class], from 1; of equal ones the first is first."""
    return 1 + np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1)


def confusion_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """The rows of confusion.csv: of the clips that have a label, how many all four name so, and how many wrongly.

    clips: clips with `label` for which `taken_for` is named, a share of all that have the label (of); wrong: those of
    them without the label `taken_for`; both: clips that have both. Where each clip has one label this is the confusion matrix.
    """
    rows = predictions[predictions["model"] == ALL_FOUR]
    has, named = (
        rows.loc[rows[column] == 1, ["fold", "clip", "family", "label", "has"]] for column in ("has", "named")
    )
    key = ["fold", "clip"]
    pairs = has[[*key, "family", "label"]].merge(named.rename(columns={"label": "taken_for"}), on=[*key, "family"])
    both = has[[*key, "label"]].merge(has[[*key, "label"]].rename(columns={"label": "taken_for"}), on=key)
    table = pairs.groupby(["label", "taken_for"])["has"].agg(clips="size", right="sum").astype(int)
    table = table.join(both.groupby(["label", "taken_for"]).size().rename("both"), how="outer").fillna(0).astype(int)
    table = table.reset_index().assign(wrong=table["clips"].to_numpy() - table["right"].to_numpy())
    table["of"] = table["label"].map(has.groupby("label").size())
    return table.assign(share=table["clips"] / table["of"])[CONFUSION_COLUMNS]


def mistake_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """The rows of mistakes.csv, the clearest first: a clip's label that all four do not name, and what they name instead.

    margin: by how much the score of the wrong label lies above that of the missed one; of several, the widest.
    """
    rows = predictions[predictions["model"] == ALL_FOUR].sort_values("score", kind="stable")
    key = ["fold", "clip", "family"]
    missed = rows.query("has == 1 and named == 0").drop_duplicates(key, keep="first")[[*key, "label", "score"]]
    wrong = rows.query("has == 0 and named == 1").drop_duplicates(key, keep="last")[[*key, "label", "score"]]
    pairs = missed.merge(wrong.rename(columns={"label": "taken_for", "score": "above"}), on=key)
    pairs = pairs.assign(margin=pairs["above"] - pairs["score"])
    return pairs.sort_values("margin", ascending=False, kind="stable", ignore_index=True)[MISTAKE_COLUMNS]


def sentences(predictions: pd.DataFrame, confusion: pd.DataFrame, n_seeds: int) -> list[str]:
    """How many labels all four name, by the mean scores of so many seeds, and which are taken for which most often."""
    has = predictions[(predictions["model"] == ALL_FOUR) & (predictions["has"] == 1)]
    clips = has.groupby(["fold", "clip"]).ngroups
    what, how = counted(clips, "test clip"), "a clip is named right where its label has the highest score"
    if clips != len(has):
        what = f"the {len(has)} labels of {what}"
        each = " of each family" if "family" in predictions and (predictions["family"] != "").any() else ""
        how = f"of a clip as many{each} are named as it has, those with the highest scores"
    # the mean of several trainings names more right than they do in the mean, which is the top 1 of the other tables
    whose = f", by the mean scores of {n_seeds} seeds" if n_seeds > 1 else ""
    lines = [f"Named right{whose}: {has['named'].sum()} of {what} ({how})."]
    most = confusion[confusion["wrong"] > 0].sort_values(["wrong", "share"], ascending=False, kind="stable").head(MOST)
    if len(most):
        each = "; ".join(f"{row.label} for {row.taken_for} ({row.wrong} of {row.of})" for row in most.itertuples())
        lines.append(f"Most often taken for another: {each}.")
    return lines
