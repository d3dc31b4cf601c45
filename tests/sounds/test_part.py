"""A part of a corpus: whole groups, its share of every label, the same clips each time."""

import numpy as np
import pandas as pd
import pytest

from lib.sounds.corpora.base import Corpus
from lib.sounds.corpora.part import drawn, part_of

CLASSES = tuple(f"class{number:02d}" for number in range(20))


def corpus(root, folds=0):
    """2,000 clips of 20 classes, the commonest 40 times the rarest, all under one parent; uploaders from 1 to 40 clips."""
    rng = np.random.default_rng(0)
    frequency = np.geomspace(40, 1, 19)
    own = rng.choice(19, 2000, p=frequency / frequency.sum())
    uploader = np.repeat(np.arange(600), np.minimum(rng.zipf(1.8, 600), 40))[:2000]
    clips = pd.DataFrame({
        "id": [str(n) for n in range(len(uploader))], "path": "", "fold": np.arange(len(uploader)) % folds + 1 if folds else 0,
        "role": "" if folds else np.where(uploader % 4 == 0, "test", "train"),
        "labels": [(CLASSES[n], CLASSES[-1]) for n in own[: len(uploader)]], "group": uploader.astype(str),
    })  # fmt: skip
    return Corpus("made", root, clips, CLASSES)


def test_a_part_is_of_whole_groups_and_has_its_share_of_each_label_in_each_role(tmp_path):
    whole = corpus(tmp_path)
    part = part_of(whole, 0.2)
    assert part.notes[0].startswith(f"subset=0.2: {len(part.clips)} of {len(whole.clips)} clips")
    assert part.classes == whole.classes and part_of(whole, 0.2).clips.equals(part.clips)
    for role in ("train", "test"):
        in_all, taken = (each.clips[each.clips["role"] == role] for each in (whole, part))
        assert len(taken) / len(in_all) == pytest.approx(0.2, abs=0.04)
        assert len(taken) == in_all["group"].isin(set(taken["group"])).sum()
        n_in_all, n_taken = (each["labels"].str[0].value_counts() for each in (in_all, taken))
        assert set(n_taken.index) == set(n_in_all.index)
        common = n_in_all.index[n_in_all >= 45]
        assert len(common) >= 3
        assert (n_taken / n_in_all)[common].to_numpy() == pytest.approx(np.full(len(common), 0.2), abs=0.06)


def test_every_fold_has_its_part(tmp_path):
    part = part_of(corpus(tmp_path, folds=5), 0.3)
    assert part.folds == (1, 2, 3, 4, 5)
    sizes = part.clips.groupby("fold").size()
    assert sizes.max() < 1.3 * sizes.min()


def test_another_seed_draws_other_groups():
    labels, groups = [(f"class{n % 4}",) for n in range(400)], [f"g{n // 5}" for n in range(400)]
    keep = drawn(labels, groups, 0.1)
    assert 0.05 <= keep.mean() <= 0.15
    assert {label for label, so in zip(labels, keep, strict=True) if so} == set(labels)
    assert (drawn(labels, groups, 0.1) == keep).all() and (drawn(labels, groups, 0.1, seed=1) != keep).any()
