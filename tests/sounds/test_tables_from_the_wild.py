"""Tables as spreadsheets, other systems and other people write them: all say the same."""

import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from lib import files
from lib.cli.environment import Stop
from lib.cli.study import plan
from lib.sounds import corpora
from lib.sounds.corpora import rows
from lib.sounds.corpora.base import in_lines

CLIPS = {"a.wav": (("x",), "train"), "über uns/b 1.WAV": (("x", "y"), "test"), "c,d.wav": (("01",), "train")}
PLAIN = 'path,labels,role\na.wav,x,train\nüber uns/b 1.WAV,x;y,test\n"c,d.wav",01,train\n'
SAME = {
    "as it is": PLAIN,
    "byte order mark": "\ufeff" + PLAIN,
    "line ends of Windows": PLAIN.replace("\n", "\r\n"),
    "line ends of old Macs": PLAIN.replace("\n", "\r"),
    "no last line end, blank lines": "\n".join([*PLAIN.splitlines()[:2], "", " , ,", *PLAIN.splitlines()[2:]]),
    "semicolons": 'path;labels;role\na.wav;x;train\nüber uns/b 1.WAV;"x;y";test\nc,d.wav;01;train\n',
    "semicolons and a byte order mark": '\ufeffPath;Labels;Role\r\na.wav;x;train\r\nüber uns/b 1.WAV;"x;y";test\r\nc,d.wav;01;train\r\n',
    "tabs": "path\tlabels\trole\na.wav\tx\ttrain\nüber uns/b 1.WAV\tx;y\ttest\nc,d.wav\t01\ttrain\n",
    "quotes everywhere": '"path","labels","role"\n"a.wav","x","train"\n"über uns/b 1.WAV","x;y","test"\n"c,d.wav","01","train"\n',
    "paths of Windows": PLAIN.replace("über uns/", "über uns\\").replace("a.wav", ".\\a.wav"),
    "capitals and accents of another system": PLAIN.replace("a.wav", "A.WAV").replace("über", "u\u0308ber"),
    "blanks and upper case": ' PATH , Labels,ROLE \n a.wav , x ,TRAIN\nüber uns/b 1.WAV, x ; y;,Test\n"c,d.wav",01,train\n',
    "separator named in a first line": "\ufeffsep=;\r\n" + PLAIN.replace("y;", "y").replace("x;y", '"x;y"').replace(",", ";").replace('"c;d.wav"', "c,d.wav"),
    "separator named in quotes": '"sep=\t"\n' + PLAIN.replace(",", "\t").replace('"c\td.wav"', "c,d.wav"),
    "blanks of no width": PLAIN.replace("a.wav", "\u200ba.wav\u200b"),
    "other columns too": "\n".join(f"{line},{i}" for i, line in enumerate(PLAIN.splitlines())).replace("role,0", "role,n"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """A folder with blanks and umlauts in its name that holds the sounds."""
    made = tmp_path / "Meine Geräusche (1)"
    for name in CLIPS:
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(made / name, np.zeros(80), 8000)
    return made


ENCODED = {
    "Unicode text of Excel": PLAIN.replace(",", "\t").replace('"c\td.wav"', "c,d.wav").encode("utf-16"),
    "UTF-16, large end first": ("\ufeff" + PLAIN).encode("utf-16-be"),
    "UTF-32": PLAIN.encode("utf-32"),
}


@pytest.mark.parametrize("how", ENCODED)
def test_a_byte_order_mark_says_how_a_table_is_encoded(how, folder):
    (folder / "own.csv").write_bytes(ENCODED[how])
    corpus = corpora.load("table", folder)
    assert {row.id: (row.labels, row.role) for row in corpus.clips.itertuples()} == CLIPS


@pytest.mark.parametrize("how", SAME)
def test_a_table_says_the_same_however_it_is_written(how, folder):
    (folder / "own.csv").write_bytes(SAME[how].encode())
    corpus = corpora.load("table", folder)
    assert corpus.rejected.empty
    found = {row.id: (row.labels, row.role) for row in corpus.clips.itertuples()}
    assert found == CLIPS and corpus.classes == ("01", "x", "y")


def test_the_locale_changes_nothing(folder):
    (folder / "own.csv").write_text(PLAIN, encoding="utf-8")
    told = "import sys; from lib.sounds import corpora; c = corpora.load('table', sys.argv[1]); print(c.hash)"
    command = [sys.executable, "-c", told, str(folder)]
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    hashes = {
        subprocess.run(command, cwd=files.PROJECT, env=keep | extra, capture_output=True, text=True, check=True).stdout
        for extra in ({"LC_ALL": "C"}, {"LC_ALL": "POSIX", "LANG": ""}, {"LANG": "C.UTF-8"})
    }
    assert hashes == {corpora.load("table", folder).hash + "\n"}


def test_a_name_with_a_backslash_is_that_name_where_there_is_such_a_file(folder):
    for name in ("back\\slash.wav", "back/slash.wav"):
        (folder / name).parent.mkdir(exist_ok=True)
        soundfile.write(folder / name, np.zeros(80), 8000)
    (folder / "own.csv").write_text("path,labels,role\nback\\slash.wav,x,train\nback/slash.wav,x,test\n")
    assert list(corpora.load("table", folder).clips["id"]) == ["back\\slash.wav", "back/slash.wav"]


REJECTED = {
    "C:\\sounds\\a.wav,x,train": "an absolute path",
    "D:/sounds/a.wav,x,train": "an absolute path",
    "\\\\server\\share\\a.wav,x,train": "an absolute path",
    "..\\a.wav,x,train": "outside",
    "a.wav,y,train": "an earlier row has the same clip (several labels go into one row",
    ".\\a.wav,x,train": "an earlier row has the same clip",
    "A.wav,x,train": "an earlier row has the same clip",
    "a,x,train": "file not found, but one with an ending",
    "sounds/a.wav,x,train": "file not found, but one of that name in another folder",
    "z.wav,x,train": "file not found",
    "~/a.wav,x,train": "~ and variables mean nothing in a table",
    "$HOME/a.wav,x,train": "~ and variables mean nothing in a table",
    "%USERPROFILE%\\a.wav,x,train": "~ and variables mean nothing in a table",
    ".,x,train": "not a file",
    "über uns,x,train": "not a file",
    "https://example.org/a.wav,x,train": "an address; download the sound",
    "file:///tmp/a.wav,x,train": "an address; download the sound",
}


@pytest.mark.parametrize("line", REJECTED)
def test_what_cannot_be_used_is_told(line, folder):
    soundfile.write(folder.parent / "a.wav", np.zeros(80), 8000)
    (folder / "own.csv").write_text(PLAIN + line + "\n", encoding="utf-8")
    corpus = corpora.load("table", folder)
    assert len(corpus.clips) == 3 and REJECTED[line] in corpus.rejected["reason"].item()


def test_a_spelling_that_fits_two_files_is_neither(folder):
    for name in ("A.wav", "Z.wav", "z.wav"):
        soundfile.write(folder / name, np.zeros(80), 8000)
    (folder / "own.csv").write_text("path,labels,role\na.wav,x,train\nA.wav,x,test\nz.WAV,x,test\n")
    corpus = corpora.load("table", folder)
    assert list(corpus.clips["id"]) == ["a.wav", "A.wav"] and list(corpus.rejected["clip"]) == ["z.WAV"]


def test_what_may_be_meant_otherwise_is_told(folder):
    for name in ("1.wav", "2.wav", "3.wav"):
        soundfile.write(folder / name, np.full(80, 0.5), 8000)
    lines = [
        "path,labels,role,speaker,split",
        "1.wav,Dog,train,a,x",
        "2.wav,dog,test,b,y",
        'a.wav,"cat, dog",train,c,x',
        f"3.wav,{'so long' * 1000},train,d,x",
    ]
    (folder / "own.csv").write_text("\n".join(lines))
    corpus = corpora.load("table", folder)
    told = "\n".join([*corpus.notes, *in_lines([corpus.doubts])])
    assert "columns that are not used: speaker, split;" in told
    assert (
        "taken as different: Dog and dog" in told
        and "one label each, since only ';' separates labels: cat, dog" in told
    )
    assert "1 label of more than 80 letters" in told and max(map(len, told.splitlines())) < 400
    assert "test clips whose very file is a training clip too, so that they are known: 2.wav" in told


def test_columns_that_may_be_roles_or_groups_are_named(folder):
    rows = [f"a{n}.wav,{'xy'[n % 2]},{('train', 'Test')[n % 2]},s{n // 2},{n}" for n in range(8)]
    for n in range(8):
        soundfile.write(folder / f"a{n}.wav", np.zeros(80), 8000)
    (folder / "own.csv").write_text("\n".join(["path,labels,split,speaker,take", *rows]))
    notes = corpora.load("table", folder).notes
    assert "`split` holds roles: call it role to have clips split so; now they are split at random" in notes
    assert "if clips with one value of `speaker` are not independent, call that column group" in notes
    (folder / "own.csv").write_text("\n".join(["path,labels,role,group,take", *rows]))
    assert not any("holds roles" in note or "with one value" in note for note in corpora.load("table", folder).notes)


def test_times_within_a_file_are_said_to_cut_nothing(folder):
    files_of = {"a.wav": "train", '"c,d.wav"': "test"}
    lines = [f"{name},x,{role},{start},s{start}" for name, role in files_of.items() for start in (0, 1)]
    (folder / "own.csv").write_text("\n".join(["path,labels,role,Start_s,session", *lines]))
    notes = corpora.load("table", folder).notes
    assert "a clip is a whole file, so start_s cut nothing out of it: cut sounds into files, a row for each" in notes
    assert "if clips with one value of `session` are not independent, call that column group" in notes


def test_a_table_given_to_another_corpus_says_which_takes_it(folder):
    (folder / "own.csv").write_text(PLAIN, encoding="utf-8")
    for name in ("planted", "esc50", "fsd50k"):
        with pytest.raises(
            corpora.CorpusError, match="is a file, not a folder; set CORPUS=table for a table of own sounds"
        ):
            corpora.load(name, folder / "own.csv")


def test_a_path_that_a_shell_cut_at_a_blank_is_told(folder):
    with pytest.raises(
        corpora.CorpusError, match="Meine does not exist, but a name that goes on after a blank does: put"
    ):
        corpora.load("table", folder.parent / "Meine")


def test_a_spreadsheet_is_no_table(folder):
    (folder / "own.xlsx").write_bytes(b"PK\x03\x04\x14\0\0\0")
    with pytest.raises(corpora.CorpusError, match="own.xlsx is no text, perhaps a spreadsheet; save the table as CSV"):
        corpora.load("table", folder / "own.xlsx")
    with pytest.raises(corpora.CorpusError, match="holds none but own.xlsx: save it as CSV in UTF-8"):
        corpora.load("table", folder)


NO_TABLE = {
    'path,labels\na.wav,"x\nb.wav,"y\n': "own.csv, line 2: a cell goes on over the next line: close its quote",
    'path,labels\na.wav,x\nb.wav,"y\nc.wav,z\n': "own.csv, line 3: a cell goes on over the next line",
    'sep=,\npath,labels\na.wav,"x\nb.wav,y\n': "own.csv, line 3: a cell goes on over the next line",
    "path,labels,path\na.wav,x,\n": "own.csv has the column path more than once; take out all but one",
    "path,labels,group,Group\na.wav,x,1,2\n": "own.csv has the column group more than once",
    '[{"path": "a.wav", "labels": "x"}, {"path": "b.wav", "labels": "x"}, {"path": "c.wav"}]': "lacks the columns path and labels; its first line has: [{",
    "# mine\npath,labels\na.wav,x\n": "lacks the columns path and labels; its first line has: # mine",
}


@pytest.mark.parametrize("text", NO_TABLE)
def test_a_table_that_would_lose_rows_or_columns_is_refused(text, folder):
    (folder / "own.csv").write_text(text)
    with pytest.raises(corpora.CorpusError) as error:
        corpora.load("table", folder)
    assert NO_TABLE[text] in str(error.value) and "\n" not in str(error.value)


def test_a_label_may_go_over_two_lines(folder):
    (folder / "own.csv").write_text('path,labels,role\na.wav,"x;\ny",train\n"c,d.wav",x,test\n')
    assert corpora.load("table", folder).classes == ("x", "y")


def test_a_folder_with_tables_of_another_ending_names_them(folder):
    for name in ("sounds.csv.gz", "sounds.tsv", "sounds.xlsx"):
        (folder / name).write_text("path\tlabels\n")
    with pytest.raises(
        corpora.CorpusError, match="holds none but sounds.csv.gz, sounds.tsv, sounds.xlsx: save it as CSV"
    ):
        corpora.load("table", folder)


def test_a_home_that_nobody_has_is_told():
    with pytest.raises(files.PlainError, match="~nosuchuser/x: no user of this machine has a home of that name"):
        corpora.load("table", "~nosuchuser/x")


def test_leading_zeros_and_truth_values_stay_what_they_are(folder):
    names = ["1", "01", "001", "1.0", "True", "true", "nan", "None", "1e5", "-"]
    lines = []
    for number, label in enumerate(names):
        for role in ("train", "test"):
            soundfile.write(folder / f"{role}{number:03d}.wav", np.zeros(80), 8000)
            lines.append(f"{role}{number:03d}.wav,{label},{role},{number:03d}")
    (folder / "own.csv").write_text("\n".join(["path,labels,role,group", *lines]))
    corpus = corpora.load("table", folder)
    assert corpus.classes == tuple(sorted(names)) and corpus.clips["group"].nunique() == len(names)
    assert list(corpus.clips["group"])[-1] == "009"


def test_links_within_the_folder_and_to_the_folder_are_followed(folder, tmp_path):
    (folder / "own.csv").write_text(PLAIN, encoding="utf-8")
    os.symlink(folder, tmp_path / "link")
    os.symlink("a.wav", folder / "same.wav")
    (folder / "own.csv").write_text(PLAIN + "same.wav,x,test\n", encoding="utf-8")
    assert len(corpora.load("table", tmp_path / "link").clips) == 4
    assert len(corpora.load("table", tmp_path / "link" / "own.csv").clips) == 4


def test_long_names_are_cut_on_the_screen_and_nowhere_else(folder):
    long = "a word " * 200
    (folder / "own.csv").write_text(f'path,labels,role,{"c" * 500}\na.wav,{long},train,1\n"c,d.wav",x,test,2\n')
    corpus = corpora.load("table", folder)
    assert corpus.classes[0] == long.strip()
    for line in [*corpus.sizes, *corpus.notes, *in_lines([corpus.doubts])]:
        assert len(line) < 500, line
    assert "a word a word" in "".join(corpus.sizes) and "columns that are not used: ccc" in "".join(corpus.notes)


def test_every_rejected_row_is_counted_by_a_reason(folder):
    (folder / "own.csv").write_text(PLAIN + "z.wav,x,train\ny.wav,x,train\n.,x,train\n../a.wav,x,train\n,x,train\n")
    told = rows.reasons(corpora.load("table", folder).rejected)
    assert told == "2 x file not found, 1 x not a file, 2 for other reasons"


def test_a_folder_called_as_the_table_of_families_is_told(folder):
    (folder / "own.csv").write_text(PLAIN, encoding="utf-8")
    (folder / "families.csv").mkdir()
    with pytest.raises(corpora.CorpusError, match="families.csv cannot be read as a table"):
        corpora.load("table", folder / "own.csv")


def test_a_table_of_one_role_says_what_splits_it(folder):
    (folder / "own.csv").write_text(PLAIN.replace(",test", ",train"), encoding="utf-8")
    with pytest.raises(corpora.CorpusError, match="no usable test clip.*; without the column role clips are split"):
        corpora.load("table", folder)


# File names


ODD_NAMES = (
    "%41.wav", "a#b.wav", "a?b=1.wav", "-v.wav", "a&b.wav", "it's.wav", 'q"q.wav', "*.wav", "[1].wav", "{x}.wav", "~.wav", "two\nlines.wav",
    "\u202egpj.wav", "שלום.wav", "🎻.wav", "\u00e9.wav", "e\u0301.wav", "/".join([60 * "ordner", 60 * "ton", "x.wav"]),
)  # fmt: skip


def own(folder, lines, head="path,labels,role,group"):
    """The folder's table of these lines."""
    (folder / "own.csv").write_text("\n".join([head, *lines]), encoding="utf-8")
    return folder


def beeps(folder, names):
    """Sound files of these names, each with another content."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with open(folder / name, "wb") as file:
            soundfile.write(file, np.full(80, 0.01 * (number + 1)), 8000, format="WAV")


def test_file_names_are_text_whatever_they_hold(folder):
    names = [name for name in ODD_NAMES if all(len(part.encode()) < 256 for part in name.split("/"))]
    assert len(names) == len(ODD_NAMES) - 1
    names.append("/".join([40 * "ordner", 60 * "ton", 60 * "ton", "x.wav"]))  # over 255 letters, each part under
    beeps(folder, names)
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    own(folder, [f"{name},x,{('train', 'test')[n % 2]},g{n}" for n, name in enumerate(quoted)])
    corpus = corpora.load("table", folder)
    assert list(corpus.clips["id"]) == names and corpus.rejected.empty
    assert all("\n" not in line for line in (*corpus.sizes, *corpus.notes, *in_lines([corpus.doubts])))


def test_blanks_around_a_file_s_name_do_not_matter(folder):
    beeps(folder, ["end .wav", "trail.wav ", "\ufefflead.wav"])
    lines = ["end .wav,x,train,1", "trail.wav ,x,test,2", "trail.wav,y,test,3", "lead.wav,x,train,4"]
    corpus = corpora.load("table", own(folder, lines))
    assert list(corpus.clips["id"]) == ["end .wav", "trail.wav ", "\ufefflead.wav"]


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "mac_roman"])
def test_a_name_that_an_old_system_wrote_is_told(encoding, folder):
    os.rename(folder / "a.wav", os.fsencode(folder) + b"/" + "müll.wav".encode(encoding))
    corpus = corpora.load(
        "table", own(folder, ["müll.wav,x,train,1", '"c,d.wav",x,train,2', "über uns/b 1.WAV,x,test,3"])
    )
    assert "one whose name is not written in UTF-8: rename it" in corpus.rejected["reason"].item()


# What a table says of roles, groups and labels


SAME_CLIP = {
    "a.wav,x,test,9": "an earlier row has the same clip as train: one clip cannot be trained on and tested on",
    "x/../a.wav,x,validation,9": "an earlier row has the same clip as train",
    "a.wav,x,train,9": "an earlier row has the same clip (several labels go into one row",
}


@pytest.mark.parametrize("line", SAME_CLIP)
def test_one_file_to_train_and_to_test_on_is_told_as_such(line, folder):
    corpus = corpora.load("table", own(folder, ["a.wav,x,train,1", '"c,d.wav",y,test,2', line]))
    assert corpus.rejected["reason"].item().startswith(SAME_CLIP[line])
    folds = own(folder, ["a.wav,x,1", '"c,d.wav",y,2', "a.wav,x,2"], "path,labels,fold")
    assert "same clip in fold 1" in corpora.load("table", folds).rejected["reason"].item()


def numbered(folder, cells):
    """A corpus of as many files as there are cells, `labels,role,group`."""
    beeps(folder, [f"{n}.wav" for n in range(len(cells))])
    return corpora.load("table", own(folder, [f"{n}.wav,{cell}" for n, cell in enumerate(cells)]))


def test_groups_and_labels_that_differ_by_how_they_are_written_are_told(folder):
    corpus = numbered(
        folder,
        ["1,train,Anna", "2,train,7", "1,test,anna", "2,test,7.0", "1.0,train,Ben", "10,test,12", "x,test,1.0.0"],
    )
    told = "\n".join(corpus.notes)
    assert "groups whose names differ in capitals, accents or a .0 only are taken as different" in told
    assert told.count("7 and 7.0") == 1 and "Anna and anna" in told and "Ben" not in told
    assert "labels that differ in capitals, accents or a .0 only are taken as different: 1 and 1.0" in told
    assert numbered(folder, ["x,train,1", "y,train,2", "x,test,3", "y,test,12"]).notes == ()


def test_words_for_no_value_are_told_where_they_are_taken_as_names(folder):
    corpus = numbered(folder, ["x,train,NA", "NaN,train,NA", "x,test,null", "nancy;none at all,test,b"])
    told = "\n".join(corpus.notes)
    assert "taken as one group each: NA (2 clips), null (1 clip); leave such cells empty" in told
    assert "labels that may mean that there is none are taken as labels: NaN; leave" in told


ROLES = [("training", "testing"), ("TRAIN", "Eval"), ("dev", "eval"), ("1", "0"), ("nan", "train")]


@pytest.mark.parametrize("words", ROLES)
def test_roles_by_other_words_are_named_with_the_ones_that_are_known(words, folder):
    with pytest.raises(
        corpora.CorpusError, match=f"role '{words[1].lower()}' is not train, validation or test|no usable t"
    ) as error:
        numbered(folder, [f"x,{words[n > 3]},{n}" for n in range(8)])
    assert "is not train, validation or test" in str(error.value) and len(str(error.value)) < 500


# Folds


def folds(folder, numbers):
    beeps(folder, [f"{n}.wav" for n in range(len(numbers))])
    lines = [f"{n}.wav,{'xy'[n % 2]},g{n},{fold}" for n, fold in enumerate(numbers)]
    return corpora.load("table", own(folder, lines, "path,labels,group,fold"), in_folds=True)


def test_fold_numbers_may_have_gaps_and_texts_are_refused(folder):
    assert folds(folder, [1, 3, 1, 3, 999999999]).folds == (1, 3, 999999999)
    with pytest.raises(corpora.CorpusError, match="fold 'a' is not a whole number from 1"):
        folds(folder, ["a", "b", "a"])
    with pytest.raises(corpora.CorpusError) as error:
        folds(folder, [7, 7, 7])
    assert str(error.value).endswith(
        "has usable clips in fold 7 only; two folds are needed; without the column fold clips are dealt"
    )


def test_four_hundred_folds_are_no_wall_of_text(folder, home):
    corpus = folds(folder, [10 * n + 1 for n in range(400)])
    assert corpus.sizes[0].endswith("91 1 in 1 and 390 more")
    with pytest.raises(corpora.CorpusError, match="has the folds 1, 11, .* and 390 more; take one"):
        corpus.with_fold(2)


def test_what_folds_have_in_common_is_said_once(folder, home):
    beeps(folder, [f"{n}.wav" for n in range(3)])
    for n in range(3):
        os.link(folder / f"{n}.wav", folder / f"copy of {n}.wav")
    lines = [
        f"{copy}{n}.wav,{'xy'[n % 2]},{n},{1 + (n + bool(copy)) % 3}" for n in range(3) for copy in ("", "copy of ")
    ]
    root = own(folder, lines, "path,labels,group,fold")
    summary = plan({"CORPUS": "table", "ROOT": str(root), "PRESET": "tiny", "FOLD": "all"})["summary"]
    assert summary.count("very file is a training clip too") == 1 and "wav and 1 more" in summary
    assert summary.count("the test role holds one group") <= 1


# What is no table


def test_a_cell_without_an_end_is_found_by_the_line_where_it_begins(folder):
    lines = [f'{n}.wav,x,train,"{n}' if n == 3 else f"{n}.wav" for n in range(30_000)]
    with pytest.raises(corpora.CorpusError, match=r"own.csv, line 5: a cell .*: close its quote") as error:
        corpora.load("table", own(folder, lines))
    assert len(str(error.value)) < 400


def test_two_bad_rows_of_ten_thousand_are_told(folder):
    lines = [f"a.wav,x,train,{n}" for n in range(10_000)]
    table = rows.read_csv(own(folder, ["none.wav,x,train,1", *lines, '"c,d.wav",,test,2']) / "own.csv")
    assert len(table) == 10_002 and table[-1]["line"] == "10003"
    corpus = corpora.load(
        "table", own(folder, [*lines[:1], "none.wav,x,train,1", '"c,d.wav",y,test,2', "über uns/b 1.WAV,,test,3"])
    )
    assert rows.reasons(corpus.rejected) == "1 x file not found, 1 x no label"


def test_links_that_lead_nowhere_or_in_a_circle_are_told(folder):
    own(
        folder,
        ["a.wav,x,train,1", '"c,d.wav",y,test,2', "gone.wav,x,train,3", "round.wav,x,train,4", "zero.wav,x,train,5"],
    )
    for name, target in (("gone.wav", "nowhere.wav"), ("round.wav", "round.wav"), ("zero.wav", "/dev/zero")):
        os.symlink(target, folder / name)
    told = corpora.load("table", folder).rejected["reason"]
    assert list(told) == ["file not found", "file cannot be reached: Too many levels of symbolic links", told[2]]
    assert told[2].startswith("lies outside")
    os.symlink("round.csv", folder / "round.csv")
    os.mkfifo(folder / "pipe.csv")
    for name, said in (("round.csv", "there is no file"), ("pipe.csv", "is neither a folder nor a file")):
        with pytest.raises(Stop, match=said):
            plan({"CORPUS": "table", "ROOT": str(folder / name)})


def test_a_null_character_in_a_path_rejects_its_row_alone(folder):
    own(folder, ["a.wav,x,train,1", *[" , , , "] * 400, '"c,d.wav",y\0,test,2', "9\0.wav,x,train,3"])
    corpus = corpora.load("table", folder)
    assert corpus.classes == ("x", "y") and "null" in corpus.rejected["reason"].item()


def test_an_error_is_one_line_whatever_names_hold(folder):
    for head in ('"path\nx",labels', "path," + ",".join(f"c{n}" for n in range(5000))):
        with pytest.raises(corpora.CorpusError) as error:
            corpora.load("table", own(folder, ["a.wav,x"], head))
        assert "\n" not in str(error.value) and len(str(error.value)) < 1000
    two = folder.parent / "two\nlines"
    two.mkdir()
    with pytest.raises(corpora.CorpusError) as error:
        corpora.load("table", own(two, ['"no\nfile.wav",x,train,1']))
    assert "\n" not in str(error.value)


def test_marks_that_turn_the_direction_of_a_line_are_no_part_of_a_label(folder):
    corpus = numbered(folder, ["\u202eabc,train,\u2066a", "שלום,test,b"])
    assert corpus.classes == ("abc", "שלום") and list(corpus.clips["group"]) == ["a", "b"]
