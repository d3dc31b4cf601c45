"""Corpora: every source read from a folder of its layout, and every kind of bad row told and never lost."""

import hashlib
import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from lib import files
from lib.evaluation import comparisons
from lib.sounds import corpora
from lib.sounds.corpora import embedded, esc50, fsd50k, rows, table
from lib.sounds.corpora.base import Corpus, CorpusError, in_lines

SHARED = files.PROJECT.parent / "shared"
FACTS = SHARED / "facts"
ESC_HEADER = "filename,fold,target,category,esc10,src_file,take\n"


def fine(path: Path, inside: Path) -> str:
    """A look at files that finds nothing wrong: tables alone are under test."""
    return ""


def needs(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"{path.name} is not beside this project")
    return path


def wav(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(80, len(path.stem) / 99 + ord(path.stem[-1]) / 999), 8000)
    return path


def esc(root: Path, lines: list[str]) -> Path:
    (root / "meta").mkdir(parents=True)
    (root / "audio").mkdir()
    (root / "meta" / "esc50.csv").write_text(ESC_HEADER + "".join(line + "\n" for line in lines))
    for line in lines:
        name = line.split(",")[0]
        if name and "/" not in name:
            wav(root / "audio" / name)
    return root


def fsd(
    root: Path, dev: list[str], evaluation: list[str], vocabulary: tuple[str, ...] = ("Bark", "Dog", "Rain")
) -> Path:
    truth = root / "FSD50K.ground_truth"
    truth.mkdir(parents=True)
    truth.joinpath("vocabulary.csv").write_text("".join(f"{i},{name},/m/{i}\n" for i, name in enumerate(vocabulary)))
    for part, header, lines in (("dev", "fname,labels,mids,split", dev), ("eval", "fname,labels,mids", evaluation)):
        truth.joinpath(f"{part}.csv").write_text("\n".join([header, *lines]) + "\n")
        audio = root / f"FSD50K.{part}_audio"
        audio.mkdir()
        for name in filter(None, (line.split(",")[0] for line in lines)):
            wav(audio / f"{name}.wav")
    return root


def own(root: Path, text: str | bytes, name: str = "sounds.csv") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def reasons(corpus: corpora.Corpus) -> dict[str, str]:
    return dict(zip(corpus.rejected["clip"], corpus.rejected["reason"], strict=True))


def one_line(error: pytest.ExceptionInfo) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


# load


def test_an_unknown_name_is_told_with_the_known_ones():
    with pytest.raises(CorpusError) as error:
        corpora.load("esc")
    assert "planted, esc50, fsd50k, table" in one_line(error)


@pytest.mark.parametrize("name", ["esc50", "fsd50k", "table"])
def test_a_root_that_is_not_there_is_told(name, tmp_path):
    for root, word in ((None, "no folder was given"), ("", "no folder"), (tmp_path / "absent", "does not exist")):
        with pytest.raises(CorpusError) as error:
            corpora.load(name, root)
        assert word in one_line(error)
    (tmp_path / "file").write_text("x")
    if name != "table":
        with pytest.raises(CorpusError, match="is a file, not a folder"):
            corpora.load(name, tmp_path / "file")


@pytest.mark.parametrize("name", ["esc50", "fsd50k", "table"])
def test_an_empty_folder_is_told(name, tmp_path):
    with pytest.raises(CorpusError) as error:
        corpora.load(name, tmp_path)
    assert str(tmp_path) in one_line(error)


def test_planted_is_read_from_where_it_is_made(tmp_path, monkeypatch):
    root = fsd(tmp_path / "made", ["1,Bark,/m/0,train"], ["2,Rain,/m/2"])
    (root / "ontology.csv").write_text("label,parents\nBark,Dog|animal\nDog,\nanimal,being\nbeing,animal\ncat,pets\n")
    homes = []
    monkeypatch.setenv("STUDY_HOME", str(tmp_path))
    monkeypatch.setattr(embedded, "ensure", lambda home: homes.append(home) or root)
    corpus = corpora.load("planted")
    assert homes == [tmp_path.resolve()] and corpus.name == "planted"
    assert corpus.parents == {"Bark": ("Dog", "animal"), "animal": ("being",), "being": ("animal",)}  # a circle ends
    assert corpus.leaves.tolist() == [True, False, True]


# esc50


def test_esc50_has_classes_by_target_folds_and_groups(tmp_path):
    root = esc(tmp_path / "e", ["a.wav,1,7,rain,True,11,A", "b.wav,2,3,dog,True,12,A", "c.ogg,2,3,dog,False,12,B"])
    corpus = corpora.load("esc50", root)
    assert corpus.classes == ("dog", "rain")
    assert corpus.folds == (1, 2)
    assert list(corpus.clips["group"]) == ["11", "12", "12"]
    assert corpus.targets.tolist() == [[0, 1], [1, 0], [1, 0]]
    assert corpus.notes == () and corpus.rejected.empty
    assert list(corpus.with_fold(2).clips["role"]) == ["train", "test", "test"]


def test_categories_of_esc50_stand_under_its_five_groups_and_a_folder_may_have_its_own(tmp_path):
    lines = ["a.wav,1,7,rain,True,11,A", "b.wav,2,3,dog,True,12,A", "c.wav,2,9,my_door,False,12,B"]
    root = esc(tmp_path / "e", lines)
    assert corpora.load("esc50", root).parents == {"dog": ("animals",), "rain": ("natural_soundscapes_and_water",)}
    (root / "families.csv").write_text("label,family\nmy_door,house\nrain,weather\n")
    corpus = corpora.load("esc50", root)
    assert corpus.parents == {"rain": ("weather",), "my_door": ("house",)} and set(corpus.families) == {
        "dog",
        "weather",
        "house",
    }
    assert any("without a family" in note and "dog" in note for note in corpus.notes)


def test_the_groups_of_esc50_are_its_targets_by_tens():
    rows_of = rows.read_csv(needs(FACTS / "esc50_official_meta.csv"), ("target", "category"))
    family_of = {
        row["label"]: row["family"] for row in rows.read_csv(rows.FACTS / "esc50_families.csv", ("label", "family"))
    }
    tens = {(family_of[row["category"]], int(row["target"]) // 10) for row in rows_of}
    assert len(family_of) == 50 and len(tens) == len(dict(tens)) == 5


def test_esc50_tells_a_recording_in_two_folds(tmp_path):
    root = esc(tmp_path / "e", ["a.wav,1,0,dog,True,11,A", "b.wav,2,0,dog,True,11,B", "c.wav,2,0,dog,True,12,B"])
    (note,) = corpora.load("esc50", root).notes
    assert note.startswith("1 group lies in more than one fold") and note.endswith(": 11")


BAD_ESC = {
    "x.wav,1,0,cat,,9,A": "does not go with target 0",
    "x.wav,1,none,dog,,9,A": "target 'none' is not a number",
    "x.wav,0,0,dog,,9,A": "fold '0' is not a number from 1",
    "x.wav,-1,0,dog,,9,A": "fold '-1'",
    "x.wav,one,0,dog,,9,A": "fold 'one'",
    "x.wav,,0,dog,,9,A": "fold ''",
    "x.wav,1,0,,,9,A": "no label",
    ",1,0,dog,,9,A": "no file name",
    "a.wav,1,0,dog,,9,A": "an earlier row has the same clip",
    "x.wav,1,0,dog,,9,A,more": "more cells than columns: more",
    "../meta/esc50.csv,1,0,dog,,9,A": "outside",
    "/etc/hostname,1,0,dog,,9,A": "outside",
    "sub/none.wav,1,0,dog,,9,A": "file not found",
    "x.wav,1": "target '' is not a number",
}


@pytest.mark.parametrize("line", BAD_ESC)
def test_esc50_rejects_a_bad_row_and_keeps_the_rest(line, tmp_path):
    root = esc(tmp_path / "e", ["a.wav,1,0,dog,,1,A", "b.wav,2,0,dog,,2,A", line])
    corpus = corpora.load("esc50", root)
    assert list(corpus.clips["id"]) == ["a.wav", "b.wav"]
    (row,) = corpus.rejected.to_dict("records")
    assert BAD_ESC[line] in row["reason"] and row["clip"] and row["path"]
    assert corpus.classes == ("dog",) or "cat" in line


def test_a_single_fold_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="fold 1 only"):
        corpora.load("esc50", esc(tmp_path / "e", ["a.wav,1,0,dog,,1,A"]))


def test_a_missing_column_and_a_table_without_rows_are_refused(tmp_path):
    root = esc(tmp_path / "e", [])
    with pytest.raises(CorpusError, match="no usable clip"):
        corpora.load("esc50", root)
    (root / "meta" / "esc50.csv").write_text("filename,target,category\n")
    with pytest.raises(CorpusError, match="lacks the columns fold and src_file; its first line has: filename"):
        corpora.load("esc50", root)


def test_official_esc50_table(tmp_path, monkeypatch):
    text = needs(FACTS / "esc50_official_meta.csv").read_bytes()
    assert hashlib.md5(text).hexdigest() == "54a0d0055a10bb7df84ad340a148722e"
    root = esc(tmp_path / "e", [])
    (root / "meta" / "esc50.csv").write_bytes(text)
    monkeypatch.setattr(rows, "on_disk", fine)
    corpus = esc50.read(root)
    assert len(corpus.clips) == 2000 and len(corpus.classes) == 50 and corpus.folds == (1, 2, 3, 4, 5)
    assert corpus.classes[0] == "dog" and corpus.classes[49] == "hand_saw"
    assert set(Counter(corpus.clips["fold"]).values()) == {400}
    (note,) = corpus.notes
    assert note.startswith("4 groups") and note.endswith("131943, 134049, 209698, 234879")


def test_esc10_is_whole():
    corpus = corpora.load("esc50", needs(SHARED / "data" / "esc10"))
    assert len(corpus.clips) == 400 and corpus.rejected.empty and corpus.notes == ()
    assert corpus.classes[:3] == ("dog", "rooster", "rain") and len(corpus.classes) == 10


# fsd50k


def test_fsd50k_has_roles_labels_as_delivered_and_uploaders(tmp_path):
    root = fsd(tmp_path / "f", ['1,"Bark,Dog","/m/0,/m/1",train', "2,Rain,/m/2,val"], ["3,Dog,/m/1"])
    (root / "FSD50K.metadata").mkdir()
    info = {"1": {"uploader": "ann"}, "2": {"uploader": ""}, "99": {"uploader": "bob"}}
    (root / "FSD50K.metadata" / "dev_clips_info_FSD50K.json").write_text(json.dumps(info))
    corpus = corpora.load("fsd50k", root)
    assert list(corpus.clips["role"]) == ["train", "validation", "test"]
    assert list(corpus.clips["labels"]) == [("Bark", "Dog"), ("Rain",), ("Dog",)]
    assert list(corpus.clips["group"]) == ["ann", "2", "3"]
    above = {"Bark": ("Dog",), "Dog": ("Domestic_animals_and_pets",), "Domestic_animals_and_pets": ("Animal",)}
    assert corpus.parents == {**above, "Rain": ("Water",)}  # FSD50K's own; what stands between is no class here
    assert len(corpus.notes) == 1 and corpus.notes[0].startswith("eval: ")


def test_fsd50k_metadata_that_cannot_be_read_is_told(tmp_path):
    root = fsd(tmp_path / "f", ["1,Bark,/m/0,train"], ["3,Dog,/m/1"])
    (root / "FSD50K.metadata").mkdir()
    for part, text in (("dev", "{broken"), ("eval", '{"3": null}')):
        (root / "FSD50K.metadata" / f"{part}_clips_info_FSD50K.json").write_text(text)
    corpus = corpora.load("fsd50k", root)
    assert [("cannot be read" in note) for note in corpus.notes] == [True, True]
    assert list(corpus.clips["group"]) == ["1", "3"]


def test_an_uploader_on_both_sides_is_told(tmp_path):
    root = fsd(tmp_path / "f", ["1,Bark,/m/0,train"], ["3,Dog,/m/1"])
    (root / "FSD50K.metadata").mkdir()
    for part, clip in (("dev", 1), ("eval", 3)):
        info = {str(clip): {"uploader": "ann"}}
        (root / "FSD50K.metadata" / f"{part}_clips_info_FSD50K.json").write_text(json.dumps(info))
    assert corpora.load("fsd50k", root).notes == (
        "1 group lies in more than one role, so test is not wholly independent of train: ann",
    )


BAD_DEV = {
    "9,Cat,/m/7,train": "unknown label: Cat",
    "9,,,train": "no label",
    "9,Bark,/m/0,eval": "split 'eval' is neither train nor val",
    "9,Bark,/m/0": "split ''",
    ",Bark,/m/0,train": "no file name",
    "3,Bark,/m/0,train": "",  # its later row in eval.csv is the one that is rejected
}


@pytest.mark.parametrize("line", BAD_DEV)
def test_fsd50k_rejects_a_bad_row_and_keeps_the_rest(line, tmp_path):
    root = fsd(tmp_path / "f", ["1,Bark,/m/0,train", line], ["2,Dog,/m/1", "3,Dog,/m/1"])
    corpus = corpora.load("fsd50k", root)
    (row,) = corpus.rejected.to_dict("records")
    assert (BAD_DEV[line] or "an earlier row has the same clip") in row["reason"]
    assert len(corpus.clips) == 3 and set(corpus.clips["role"]) == {"train", "test"}


def test_fsd50k_without_its_evaluation_sounds_is_refused(tmp_path):
    root = fsd(tmp_path / "f", ["1,Bark,/m/0,train"], ["2,Dog,/m/1"])
    (root / "FSD50K.eval_audio" / "2.wav").unlink()
    with pytest.raises(CorpusError) as error:
        corpora.load("fsd50k", root)
    assert "no usable test clip (1 rejected: 1 x file not found" in one_line(error)
    (root / "FSD50K.eval_audio").rmdir()
    with pytest.raises(CorpusError, match="holds no FSD50K.eval_audio"):
        corpora.load("fsd50k", root)


def test_an_empty_vocabulary_is_refused(tmp_path):
    root = fsd(tmp_path / "f", ["1,Bark,/m/0,train"], ["2,Dog,/m/1"], vocabulary=())
    with pytest.raises(CorpusError, match="holds no classes"):
        corpora.load("fsd50k", root)


def test_official_fsd50k_tables(tmp_path, monkeypatch):
    truth = needs(FACTS / "fsd50k_ground_truth")
    root = tmp_path / "f"
    for part in ("FSD50K.dev_audio", "FSD50K.eval_audio", "FSD50K.ground_truth"):
        (root / part).mkdir(parents=True)
    for name in ("vocabulary", "dev", "eval"):
        (root / "FSD50K.ground_truth" / f"{name}.csv").write_bytes((truth / f"{name}.csv").read_bytes())
    monkeypatch.setattr(rows, "on_disk", fine)
    corpus = fsd50k.read(root)
    assert Counter(corpus.clips["role"]) == {"train": 36796, "validation": 4170, "test": 10231}
    assert corpus.rejected.empty and len(corpus.classes) == 200 and corpus.leaves.sum() == 145
    test = (corpus.clips["role"] == "test").to_numpy()
    assert corpus.targets[~test].sum() == 114271 and corpus.targets[test].sum() == 38596
    column = {name: i for i, name in enumerate(corpus.classes)}
    for child, parents in corpus.parents.items():
        for parent in parents:
            assert (corpus.targets[:, column[child]] <= corpus.targets[:, column[parent]]).all()


def test_the_facts_are_whole():
    names = [row["label"] for row in rows.read_csv(rows.FACTS / "fsd50k_ontology.csv", ("label", "parents"))]
    archives = rows.read_csv(rows.FACTS / "fsd50k_archives.csv", ("filename", "url", "md5", "bytes"))
    assert len(set(names)) == 200 and len(archives) == 11
    assert sum(int(row["bytes"]) for row in archives) == 24_678_734_449
    page = (files.PROJECT / "data" / "README.md").read_text()
    assert all(row["md5"] in page and f"{int(row['bytes']):,}" in page and row["url"] in page for row in archives)


# table


def test_a_table_is_read_whatever_its_header_looks_like(tmp_path):
    text = '\ufeff Path , LABELS ,Role,GROUP\r\n"a.wav", b ; a;b ,Val,g\r\n\r\nb.wav,a,train,\r\nc.wav,a,TEST,h\r\n'
    root = own(tmp_path / "t", text)
    for name in ("a.wav", "b.wav", "c.wav"):
        wav(root / name)
    corpus = corpora.load("table", root)
    assert corpus.classes == ("a", "b")
    assert list(corpus.clips["labels"]) == [("b", "a"), ("a",), ("a",)]
    assert list(corpus.clips["role"]) == ["validation", "train", "test"]
    assert list(corpus.clips["group"]) == ["g", "b.wav", "h"]
    assert corpora.load("table", root / "sounds.csv").hash == corpus.hash


def test_a_folder_needs_one_csv(tmp_path):
    root = own(tmp_path / "t", "path,labels\n")
    own(root, "path,labels\n", "more.CSV")
    with pytest.raises(CorpusError, match="exactly one CSV and holds more.CSV, sounds.csv"):
        corpora.load("table", root)


def with_families(root, text):
    """A table of three labels, and families.csv beside it."""
    own(root, "path,labels,role\na.wav,do;loud,train\nb.wav,re,test\n", "notes.csv")
    own(root, text, "families.csv")
    for name in ("a.wav", "b.wav"):
        wav(root / name)
    return root


def test_labels_of_a_table_have_families_by_a_second_csv(tmp_path):
    corpus = corpora.load("table", with_families(tmp_path / "t", "Label;Family\ndo;pitch\nre; pitch\nsoft;loudness\n"))
    assert corpus.parents == {"do": ("pitch",), "re": ("pitch",)} and corpus.leaves.all()
    assert comparisons.branches(corpus) == {"pitch": [0, 2]}
    assert "families.csv names labels that no usable clip has: soft" in corpus.notes
    assert "labels without a family in families.csv: loud" in corpus.notes
    assert corpora.load("table", tmp_path / "t" / "notes.csv").hash == corpus.hash


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("label,kind\ndo,pitch\n", "families.csv lacks the column family; its first line has: label, kind"),
        ("label,family\ndo,pitch\ndo,note\n", "families.csv, line 3: do has the family pitch already; a label has one"),
        ("label,family\ndo,re\n", "families.csv, line 2: the family re is called as a label of the table; call it"),
    ],
)
def test_families_that_cannot_be_used_are_told(text, told, tmp_path):
    with pytest.raises(CorpusError, match=told) as error:
        corpora.load("table", with_families(tmp_path / "t", text))
    assert one_line(error)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("path|labels\na.wav|x\n", "lacks the columns path and labels; its first line has: path|labels"),
        ("path\na.wav\n", "lacks the column labels"),
        ("", "its first line has: nothing"),
        ("path,labels\n", "no usable clip"),
        (b"path,labels\nm\xfcll.wav,x\n", "not UTF-8"),
        (b"path,labels\na\x00.wav,x\n", "is no text, perhaps a spreadsheet"),
        ("path,labels\nnone.wav,x\n", "no usable clip.*file not found"),
    ],
)
def test_a_table_that_cannot_be_used_is_told(text, told, tmp_path):
    with pytest.raises(CorpusError, match=told) as error:
        corpora.load("table", own(tmp_path / "t", text))
    assert "sounds.csv" in one_line(error) or str(tmp_path) in str(error.value)


def test_a_table_rejects_what_it_cannot_use_and_keeps_the_rest(tmp_path):
    root = tmp_path / "in" / "t"
    wav(tmp_path / "in" / "secret.wav")
    for name in ("a.wav", "b.wav", "deep/c.wav", "x.wav"):
        wav(root / name)
    (root / "empty.wav").touch()
    (root / "folder.wav").mkdir()
    os.symlink(tmp_path / "in" / "secret.wav", root / "link.wav")
    os.symlink(root / "x.wav", root / "within.wav")
    os.mkfifo(root / "pipe.wav")
    bad = {
        "empty.wav,x,train": "empty file",
        "folder.wav,x,train": "not a file",
        "pipe.wav,x,train": "not a file",
        "link.wav,x,train": "outside",
        "../secret.wav,x,train": "outside",
        f"{root}/x.wav,x,train": "an absolute path",
        "none.wav,x,train": "file not found",
        "./deep/../a.wav,x,train": "an earlier row has the same clip",
        ",x,train": "no path",
        "x.wav,;,train": "no label",
        "x.wav,x,": "no role, though other rows have one",
        "x.wav,x,dev": "role 'dev' is not",
        "x.wav,x,train,y": "separate labels by",
    }
    good = ["a.wav,x,train", "b.wav,y,test", "deep/c.wav,x,test", "within.wav,x,train"]
    own(root, "path,labels,role\n" + "\n".join([*good, *bad]) + "\n")
    corpus = corpora.load("table", root)
    assert list(corpus.clips["id"]) == ["a.wav", "b.wav", "deep/c.wav", "within.wav"]
    for told, expected in zip(corpus.rejected["reason"], bad.values(), strict=True):
        assert expected in told


def test_a_table_that_is_not_there_is_asked_for_as_a_file(tmp_path):
    with pytest.raises(CorpusError, match=r"there is no file .*mine.CSV; give the path of the CSV"):
        corpora.load("table", tmp_path / "mine.CSV")


def test_a_class_that_is_tested_and_never_trained_is_named(tmp_path):
    root = own(tmp_path, "path,labels,role\na.wav,x,train\nb.wav,x;y,test\nc.wav,z,train\n")
    for name in "abc":
        wav(root / f"{name}.wav")
    corpus = corpora.load("table", root)
    assert corpus.unlearned == ("y",) and in_lines([corpus.doubts])[-1].endswith(": y")
    assert replace(corpus, clips=corpus.clips.assign(role="train")).doubts == {}


def test_a_test_role_of_one_group_is_said(tmp_path):
    text = "path,labels,role,group\na.wav,x,train,g\nb.wav,x,test,h\nc.wav,x;y,test,{}\nd.wav,y,train,g\n"
    for name in "abcd":
        wav(tmp_path / f"{name}.wav")
    (warning,) = in_lines([corpora.load("table", own(tmp_path, text.format("h"))).doubts])
    assert warning.startswith("the test role holds one group of clips: no intervals")
    corpus = corpora.load("table", own(tmp_path, text.format("i")))
    assert corpus.doubts == {} and corpus.notes == ()


def test_labels_that_tell_nothing_apart_are_said(tmp_path):
    for name in "abc":
        wav(tmp_path / f"{name}.wav")
    text = "path,labels,role\na.wav,x;{0},train\nb.wav,x;{0},test\nc.wav,{1},test\n"
    (warning,) = in_lines([corpora.load("table", own(tmp_path, text.format("x", "x"))).doubts])
    assert warning.startswith("there is one label, so there is nothing to tell apart")
    (warning,) = in_lines([corpora.load("table", own(tmp_path, text.format("y", "x"))).doubts])
    assert warning == "on every clip, so that nobody can be better at it than chance: x"


def test_a_table_without_groups_says_what_an_honest_split_needs(tmp_path):
    for name in "abcd":
        wav(tmp_path / f"{name}.wav")
    head, lines = "path,labels,role", ["a.wav,x;y,train", "b.wav,x,test", "c.wav,y,test"]
    bare = corpora.load("table", own(tmp_path, "\n".join([head, *lines])))
    (note,) = bare.notes
    assert note.startswith("sounds.csv has no column `group`: each such clip is taken as independent")
    assert "a column `group` that names what they share keeps it on one side of the split" in note
    assert "\n" not in note and not bare.doubts
    some = own(
        tmp_path, "\n".join([f"{head},group", *(f"{line},{g}" for line, g in zip(lines, ("g", "", "h"), strict=True))])
    )
    assert corpora.load("table", some).notes[0].startswith("1 of 3 rows has no group: each such clip")


def test_clips_and_groups_of_each_role_and_classes_with_few_are_counted(tmp_path):
    lines = [f"{n}.wav,{'xy'[n == 0]},{'train' if n < 6 else 'test'},g{n // 2}" for n in range(9)]
    for n in range(9):
        wav(tmp_path / f"{n}.wav")
    corpus = corpora.load("table", own(tmp_path, "\n".join(["path,labels,role,group", *lines])))
    assert corpus.sizes == (
        "clips, and groups of clips, by role: train 6 in 3, test 3 in 2",
        "classes with few clips (to train and to test on): y 1 and 0",
    )
    many = replace(corpus, classes=(*corpus.classes, *(f"z{n:02d}" for n in range(20))))
    assert many.sizes[1].endswith("y 1 and 0, " + ", ".join(f"z{n:02d} 0 and 0" for n in range(7)) + " and 13 more")
    assert replace(corpus, clips=corpus.clips.assign(role="")).sizes == ()


def test_roles_without_test_are_refused(tmp_path):
    root = own(tmp_path / "t", "path,labels,role\na.wav,x,train\nb.wav,x,val\n")
    wav(root / "a.wav")
    wav(root / "b.wav")
    with pytest.raises(CorpusError, match="no usable test clip"):
        corpora.load("table", root)


def made_rows(n_groups: int, per_group: int, n_labels: int) -> list[rows.Row]:
    here = Path("/")
    return [
        rows.Row(f"{g}-{i}", here, here, (f"label{g % n_labels}",), group=f"g{g}")
        for g in range(n_groups)
        for i in range(per_group)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_a_split_goes_by_group_and_hits_its_shares(seed):
    result = table.split(made_rows(100, 3, 5), seed, "t")
    roles_of = {group: {row.role for row in result if row.group == group} for group in {row.group for row in result}}
    assert all(len(roles) == 1 for roles in roles_of.values())
    assert Counter(row.role for row in result) == {"train": 210, "validation": 30, "test": 60}
    assert {row.labels[0] for row in result if row.role == "test"} == {f"label{i}" for i in range(5)}


def test_a_split_hangs_on_its_seed_and_not_on_the_order():
    given = made_rows(40, 2, 2)
    first, again = table.split(given, 0, "t"), table.split(given[::-1], 0, "t")
    assert {row.clip: row.role for row in first} == {row.clip: row.role for row in again}
    assert [row.role for row in table.split(given, 1, "t")] != [row.role for row in first]


@pytest.mark.parametrize("sizes", [(1, 1), (1, 50), (50, 1), (1, 1, 1), (5, 1, 1, 1)])
@pytest.mark.parametrize("n_labels", [1, 9])
def test_few_groups_still_give_train_and_test(sizes, n_labels):
    base = made_rows(len(sizes), 1, n_labels)
    given = [replace(row, clip=f"{row.clip}-{i}") for row, n in zip(base, sizes, strict=True) for i in range(n)]
    assert {"train", "test"} <= {row.role for row in table.split(given, 0, "t")}


@pytest.mark.parametrize("seed", range(5))
def test_labels_of_two_kinds_are_all_trained_and_tested(seed):
    """Notes by players of six instruments: each group has one instrument and many pitch classes, which are rarer."""
    draws = np.random.default_rng(seed)
    rows = [
        table.Row(f"{n}", Path(f"{n}.wav"), Path("."), (f"pitch {draws.integers(12)}", f"instrument {n % 6}"), group=f"{n % 6} {n // 6 % 5}")
        for n in range(600)
    ]  # fmt: skip
    roles = {}
    for row in table.split(rows, seed, "t"):
        for label in row.labels:
            roles.setdefault(label, set()).add(row.role)
    assert [label for label, found in roles.items() if not {"train", "test"} <= found] == []


def test_one_group_cannot_be_split():
    with pytest.raises(CorpusError, match="one group"):
        table.split(made_rows(1, 5, 1), 0, "t")


def test_own_sounds_are_called_by_their_table(tmp_path):
    own(tmp_path / "t", "path,labels\n", "digits.csv")
    assert corpora.title("table", tmp_path / "t") == corpora.title("table", tmp_path / "t" / "digits.csv") == "digits"
    assert corpora.title("table", tmp_path / "gone.csv") == "gone" and corpora.title("table", tmp_path / "far") == "far"
    assert corpora.title("table") == "table" and corpora.title("esc50", tmp_path) == "ESC-50"
    assert corpora.title("esc50", tmp_path / "esc-10") == "ESC-10" and corpora.title("fsd50k") == "FSD50K"


def corpus_with(labels, parents):
    """A corpus of clips with these labels, and what stands above each label."""
    classes = tuple(sorted({name for names in labels for name in names}))
    return Corpus("own", Path(), pd.DataFrame({"labels": labels}), classes, parents)


def test_classes_fall_into_families_by_what_stands_at_the_top():
    parents = {"tabby": ("cat",), "cat": ("animal",), "dog": ("animal",), "a": ("b",), "b": ("a",)}
    corpus = corpus_with([("tabby", "cat"), ("dog", "rain"), ("a",)], parents)
    named = {top: [corpus.classes[k] for k in columns] for top, columns in corpus.families.items()}
    assert named == {"b": ["a"], "animal": ["cat", "dog", "tabby"], "rain": ["rain"]}


def test_aspects_are_families_that_every_clip_has_a_label_of():
    parents = {"c": ("pitch",), "d": ("pitch",), "dark": ("timbre",), "bright": ("timbre",)}
    both = corpus_with([("c", "dark"), ("d", "bright"), ("c", "bright")], parents)
    assert [[both.classes[k] for k in columns] for columns in both.aspects] == [["bright", "dark"], ["c", "d"]]
    more = corpus_with([("c", "dark", "loud"), ("d", "bright")], parents)  # what is left is one more
    assert [[more.classes[k] for k in columns] for columns in more.aspects] == [
        ["bright", "dark"],
        ["c", "d"],
        ["loud"],
    ]
    one = corpus_with([("c",), ("d",), ("dark",)], parents)  # each clip has a label of one: all classes compete
    assert one.aspects == [[0, 1, 2]]
