"""Folds: a table's own, and those that are dealt where it has none."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lib.cli.environment import Stop
from lib.cli.study import plan
from lib.sounds import corpora
from lib.sounds.corpora.base import CorpusError
from lib.sounds.corpora.folds import dealt
from lib.sounds.corpora.rows import Row


def rows(groups, labels):
    """A clip for each number of `groups`, with the label of that place."""
    here = Path("/")
    each = enumerate(zip(groups, labels, strict=True))
    return [Row(f"c{i}", here, here, tuple(label.split(";")), role="train", group=f"g{g}") for i, (g, label) in each]


def counts(found, n_folds):
    return [
        Counter(label for row in found if row.fold == fold for label in row.labels) for fold in range(1, n_folds + 1)
    ]


def test_groups_stay_whole_and_classes_are_even():
    groups = np.repeat(np.arange(40), 3)
    found, note = dealt(rows(groups, [f"x{g % 4}" for g in groups]), 0, "t")
    of_group = {row.group: {other.fold for other in found if other.group == row.group} for row in found}
    assert all(len(folds) == 1 for folds in of_group.values())
    assert counts(found, 5) == [Counter({f"x{n}": 6 for n in range(4)})] * 5
    assert {row.role for row in found} == {""} and note.startswith("40 groups of clips are dealt into 5 folds")


def test_clips_with_several_labels_are_even_by_each():
    labels = ["a;b"] * 10 + ["a"] * 20 + ["c;b"] * 15 + ["rare;a"] * 5
    found, _ = dealt(rows(range(50), labels), 0, "t")
    for name, each in (("a", 7), ("b", 5), ("c", 3), ("rare", 1)):
        assert [fold[name] for fold in counts(found, 5)] == [each] * 5


def test_speakers_who_each_say_everything_are_dealt_by_their_size():
    groups = [g for g, size in enumerate((30, 10, 10, 10, 20, 20, 10, 10, 10, 20)) for _ in range(size)]
    found, _ = dealt(rows(groups, [f"x{i % 10}" for i in range(len(groups))]), 0, "t")
    assert Counter(row.fold for row in found) == dict.fromkeys(range(1, 6), 30)


@pytest.mark.parametrize(("n_groups", "n_folds"), [(2, 2), (3, 2), (4, 2), (6, 3), (9, 4), (10, 5), (400, 5)])
def test_few_groups_make_fewer_folds_and_it_is_said(n_groups, n_folds):
    found, note = dealt(rows(range(n_groups), ["x"] * n_groups), 0, "t")
    assert {row.fold for row in found} == set(range(1, n_folds + 1))
    assert ("fewer than 5" in note) == (n_folds < 5)


def test_more_classes_than_clips_to_share_still_fill_every_fold():
    found, _ = dealt(rows(range(300), [f"x{i}" for i in range(300)]), 0, "t")
    assert Counter(row.fold for row in found) == dict.fromkeys(range(1, 6), 60)


def test_the_order_of_the_rows_changes_nothing_and_the_seed_does():
    given = rows(range(60), [f"x{i % 7}" for i in range(60)])
    first, again, other = (dealt(*each, "t")[0] for each in ((given, 0), (given[::-1], 0), (given, 1)))
    assert {row.clip: row.fold for row in first} == {row.clip: row.fold for row in again}
    assert [row.fold for row in first] != [row.fold for row in other]


def test_one_group_has_no_folds():
    with pytest.raises(CorpusError, match="all usable clips are of one group"):
        dealt(rows([0, 0, 0], "xyz"), 0, "t")


# A table


def table(folder, header, lines):
    for line in lines:
        soundfile.write(folder / line.split(",")[0], np.zeros(80), 8000)
    (folder / "own.csv").write_text("\n".join([header, *lines]) + "\n")
    return folder


def test_a_fold_column_counts_where_no_role_does(tmp_path):
    lines = [f"{n}.wav,x,g{n},{n % 3 + 1}.0" for n in range(6)]
    corpus = corpora.load("table", table(tmp_path, "path,labels,group,fold", lines))
    assert corpus.folds == (1, 2, 3) and list(corpus.clips["fold"]) == [1, 2, 3, 1, 2, 3]
    assert list(corpus.with_fold(2).clips["role"]) == ["train", "test", "train"] * 2
    assert corpus.sizes == ("clips, and groups of clips, by fold: 1 2 in 2, 2 2 in 2, 3 2 in 2",)


def test_roles_count_unless_a_fold_is_asked_for(tmp_path):
    lines = [f"{n}.wav,x,{'train' if n < 4 else 'test'},{n % 2 + 1}" for n in range(6)]
    table(tmp_path, "path,labels,role,fold", lines)
    assert corpora.load("table", tmp_path).folds == ()
    corpus = corpora.load("table", tmp_path, in_folds=True)
    assert corpus.folds == (1, 2) and set(corpus.clips["role"]) == {""}


def test_any_table_has_folds_where_they_are_asked_for(tmp_path):
    lines = [f"{n}.wav,{'xy'[n % 2]},{'test' if n < 4 else 'train'},g{n // 2}" for n in range(24)]
    corpus = corpora.load("table", table(tmp_path, "path,labels,role,group", lines), in_folds=True)
    assert corpus.folds == (1, 2, 3, 4, 5) and corpus.notes == (
        "a fold was asked for, so the column `role` is not used",
        "12 groups of clips are dealt into 5 folds, the classes as even as groups allow",
    )
    assert corpora.load("table", tmp_path).folds == ()


BAD_FOLDS = {"a": "fold 'a' is not a whole number from 1", "1.5": "fold '1.5'", "-1": "fold '-1'", "": "no fold"}


@pytest.mark.parametrize("fold", BAD_FOLDS)
def test_a_bad_fold_rejects_its_row_alone(fold, tmp_path):
    corpus = corpora.load("table", table(tmp_path, "path,labels,fold", ["a.wav,x,1", "b.wav,x,2", f"c.wav,x,{fold}"]))
    assert list(corpus.clips["id"]) == ["a.wav", "b.wav"]
    assert BAD_FOLDS[fold] in corpus.rejected["reason"].item()


def test_folds_from_0_are_refused_with_what_to_do(tmp_path):
    with pytest.raises(CorpusError, match="folds count from 1, and 2 rows have fold 0; add 1 to every fold"):
        corpora.load("table", table(tmp_path, "path,labels,fold", ["a.wav,x,0", "b.wav,x,0", "c.wav,x,1"]))
    lines = ["a.wav,x,0,train", "b.wav,x,0,test"]
    assert corpora.load("table", table(tmp_path, "path,labels,fold,role", lines)).folds == ()  # roles count


def test_a_run_over_all_folds_of_a_table_without_any(home, tmp_path):
    lines = [f"{n}.wav,{'xy'[n % 2]},g{n // 2}" for n in range(12)]
    root = str(table(tmp_path, "path,labels,group", lines))
    asked = {"CORPUS": "table", "ROOT": root, "PRESET": "tiny"}
    planned = plan(asked | {"FOLD": "all"})
    assert planned["folds"] == [1, 2, 3] and "by fold: 1 4 in 2, 2 4 in 2, 3 4 in 2" in planned["summary"]
    assert "note: 6 groups of clips are dealt into 3 folds" in planned["summary"]
    assert plan(asked | {"FOLD": "2"})["folder"].endswith("table-tiny-fold2")
    with pytest.raises(Stop, match="FOLD=4: table has the folds 1, 2, 3"):
        plan(asked | {"FOLD": "4"})
