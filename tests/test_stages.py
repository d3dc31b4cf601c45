"""How heads were fitted is kept with them and in tables, is said where it matters, and is fitted anew where it must be."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open

from lib import stages
from lib.encoders.heads import HeadData, HeadPlan, label, subsets, train_subsets
from lib.representations import PAPER
from lib.study import Request, Study

SHORT = "schedules.head.epochs=1"


def study_of(root, more="", **asked):
    return Study.of(Request(**{"preset": "tiny", "device": "cpu", "set": f"{SHORT} {more}", "root": str(root)} | asked))


def embeddings_of(study):
    """Made-up embeddings [chunk, width] in which the labels are, and much else."""
    rng, targets = np.random.default_rng(0), study.chunks.targets
    return {
        name: (targets @ rng.normal(size=(targets.shape[1], 8)) + rng.normal(size=(len(targets), 8))).astype(np.float32)
        for name in PAPER
    }


def test_penalties_are_kept_with_the_heads_and_in_a_table(home, small_corpus, capsys):
    study = study_of(small_corpus, seeds="0,3")
    embeddings, chunks = embeddings_of(study), study.chunks
    for seed in (0, 3):
        stages.score_head(study, embeddings, "linear", seed)
    stages.write_fits(study)
    table = pd.read_csv(study.folder / "tables" / "penalties.csv")
    assert list(table) == ["subset", "seed", "fold", "penalty", "groups", "error"]
    data, plan = HeadData(embeddings, chunks.targets, chunks.groups), HeadPlan.of(study.settings, "linear")
    (heads,) = train_subsets(data, chunks.rows("train"), plan, 0, torch.device("cpu"))
    for seed, rows in table.groupby("seed"):
        assert seed in (0, 3) and list(rows["subset"]) == [label(subset) for subset in subsets(PAPER)]
        assert list(rows["penalty"]) == [each.penalty for each in heads.penalties]
        np.testing.assert_allclose(rows["error"], [each.error for each in heads.penalties], rtol=1e-9)
        assert set(rows["groups"]) == {len(np.unique(chunks.groups[chunks.rows("train")]))}
    with safe_open(study.heads("linear", 3), "pt") as stored:
        assert len(json.loads(stored.metadata()["penalties"])) == 15
    assert not (study.folder / "tables" / "convergence.csv").exists() and "converged" not in capsys.readouterr().out


def test_descent_that_has_not_converged_is_said_and_stands_in_a_table(home, small_corpus, capsys):
    study = study_of(small_corpus, "heads.linear_fit=descent")
    stages.score_head(study, embeddings_of(study), "linear", 0)
    told = capsys.readouterr().out
    assert "NOT converged on 15 of 15 subsets" in told and "SET=heads.linear_fit=ridge" in told
    stages.write_fits(study)
    table = pd.read_csv(study.folder / "tables" / "convergence.csv")
    assert list(table) == ["head", "subset", "seed", "loss", "optimum", "excess", "converged", "fold"]
    assert len(table) == 15 and not table["converged"].any() and (table["excess"] > 0.01).all()
    assert len(pd.read_csv(study.folder / "tables" / "penalties.csv")) == 0


def test_one_group_is_said(home, small_corpus, capsys):
    study = study_of(small_corpus)
    study.chunks.__dict__["groups"] = np.full(len(study.chunks), "one")
    stages.score_head(study, embeddings_of(study), "linear", 0)
    assert "cannot be chosen by groups, it is 0.01" in capsys.readouterr().out


@pytest.mark.parametrize("changed", ["", "groups", "embeddings"])
def test_heads_are_read_back_unless_what_they_learned_from_has_changed(home, small_corpus, changed, monkeypatch):
    study = study_of(small_corpus)
    embeddings = embeddings_of(study)
    stages.score_head(study, embeddings, "linear", 0)
    asked = []
    monkeypatch.setattr(stages, "train_subsets", lambda *given, **_: asked.append(given) or iter(()))
    if changed == "groups":
        study.chunks.__dict__["groups"] = np.arange(len(study.chunks)).astype(str)
    if changed == "embeddings":
        embeddings["pitch"] = embeddings["pitch"] + 1
    stages.score_head(study, embeddings, "linear", 0)
    assert len(asked) == bool(changed)
