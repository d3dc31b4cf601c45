"""A run: what may be asked for, where it lies, and whose results it refuses to touch."""

import json
import shlex

import numpy as np
import pandas as pd
import pytest

from lib import files
from lib.files import digests, runs
from lib.settings import SettingsError, validated
from lib.study import Request, Study, StudyError, missing


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("STUDY_HOME", str(tmp_path))


def request(**values):
    return validated(Request, values, "parameters")


@pytest.mark.parametrize(
    ("values", "slug"),
    [
        ({}, "planted-quick"),
        ({"corpus": "esc50", "preset": "laptop", "fold": 1}, "esc50-laptop-fold1"),
        ({"corpus": "esc50", "fold": "3", "name": "a1"}, "esc50-quick-fold3-a1"),
        ({"corpus": "esc50", "fold": "all"}, "esc50-quick"),
        ({"name": 1}, "planted-quick-1"),
    ],
)
def test_a_run_lies_where_its_parameters_say(values, slug, tmp_path):
    study = Study.of(request(**values))
    assert (study.slug, study.folder, study.figures) == (slug, tmp_path / "runs" / slug, tmp_path / "figures" / slug)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"corpus": "esc"}, "choose one of planted, esc50, fsd50k, table"),
        ({"preset": "big"}, "choose one of paper, laptop, quick, tiny"),
        ({"fold": "one"}, "a whole number, or all"),
        ({"fold": True}, "a whole number, or all"),
        ({"seeds": "0;1"}, "separated by commas"),
        ({"seeds": ""}, "separated by commas"),
        ({"device": "gpu"}, "auto, cpu, cuda"),
        ({"name": "a/b"}, "letters, digits"),
        ({"colour": "red"}, "there is no setting colour"),
    ],
)
def test_a_wrong_parameter_is_one_line_with_what_would_work(values, told):
    with pytest.raises(SettingsError) as error:
        request(**values)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_seeds_come_as_text_number_or_list():
    assert request(seeds="0,1,2").seeds == request(seeds=[0, 1, 2]).seeds == (0, 1, 2)
    assert request(seeds=4).seeds == (4,)
    assert request(seeds="1,1").seeds == (1,)


def test_settings_by_dotted_name():
    study = Study.of(request(set="body.head_width=5 training.loss=bce body.pool_after=[2] heads.kinds=paper,linear"))
    assert study.settings.body.head_width == 5
    assert study.settings.body.pool_after == (2,)
    assert study.settings.training.loss == "bce"
    assert study.settings.heads.kinds == ("paper", "linear")


@pytest.mark.parametrize(
    ("written", "kinds"),
    [("[paper]", ("paper",)), ('["paper"]', ("paper",)), ("[paper,linear,paper]", ("paper", "linear"))],
)
def test_several_values_stand_in_brackets_with_or_without_quotes(written, kinds):
    assert Study.of(request(set=f"heads.kinds={written}")).settings.heads.kinds == kinds


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("body.head_width", "name=value"),
        ("body.nothing=1", "body.nothing"),
        ("representations.timbre.nothing=1", "representations.timbre: there is no setting nothing"),
        ("representations.colour.x=1", "representation 'colour' does not exist"),
        ("schedules.colour.epochs=1", "nothing of that name is trained"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_runs(setting, told):
    with pytest.raises(SettingsError, match=told):
        Study.of(request(set=setting))


def test_a_notebook_refuses_what_it_does_not_know():
    cell = {"corpus": "planted", "preset": "tiny", "seed": 1, "_private": 3, "In": ["x"], "Study": Study}
    assert Study.of_notebook(dict(cell), seed=int).settings.training.epochs == 2
    with pytest.raises(SettingsError, match="parameter seed"):
        Study.of_notebook(dict(cell))
    with pytest.raises(SettingsError, match="parameter presett: .* corpus, root, preset"):
        Study.of_notebook({**cell, "presett": "tiny"}, seed=int)


def opened(**more):
    """A notebook's namespace after its second cell."""
    cell = {"corpus": "planted", "preset": "tiny", "run_name": "", "settings": "", "seed": 0, "In": [""]} | more
    cell["study"] = Study.of_notebook(cell, seed=int)
    return cell


@pytest.mark.parametrize(
    ("name", "value"), [("run_name", "pitch"), ("corpus", "esc50"), ("seed", 1), ("settings", "a=1")]
)
def test_a_parameter_that_changed_since_the_study_was_opened_is_refused(name, value):
    cell = opened()
    for each in (cell, cell):  # and again
        each[name] = value
        with pytest.raises(
            SettingsError, match=f"parameter {name}: it was .* and is {value!r} now; .*`del study`"
        ) as told:
            Study.of_notebook(each, seed=int)
        assert "\n" not in str(told.value)
    del cell["study"]
    if name == "run_name":
        assert Study.of_notebook(cell, seed=int).slug == "planted-tiny-pitch"


@pytest.mark.parametrize(
    ("name", "value"), [("fold", False), ("part", 0), ("seed", 0.0), ("seed", False), ("seeds", 0)]
)
def test_a_parameter_whose_type_changed_is_refused_though_its_value_is_equal(name, value):
    cell = opened(fold=0, part=False, seeds="0")
    cell[name] = value
    with pytest.raises(SettingsError, match=f"parameter {name}: it was .* and is {value!r} now"):
        Study.of_notebook(cell, seed=int)


@pytest.mark.parametrize("value", [pd.DataFrame({"a": [1, 2]}), np.arange(3), json, Study])
@pytest.mark.parametrize("again", ["while the study is open", "when it was removed", "before it was opened"])
def test_the_name_of_a_parameter_that_was_taken_for_something_else_is_never_the_default(value, again):
    cell = opened(corpus="esc50", fold=1)
    cell["corpus"] = value
    if again != "while the study is open":
        del cell["study"]
    if again == "before it was opened":
        cell = {"corpus": value, "preset": "tiny"}
    with pytest.raises(
        SettingsError, match=f"parameter corpus: .* a {type(value).__name__}; run the parameters"
    ) as told:
        Study.of_notebook(cell, seed=int)
    assert "\n" not in str(told.value)
    cell["corpus"] = "esc50"
    assert Study.of_notebook(cell, seed=int).request.corpus == "esc50"


@pytest.mark.parametrize("value", ["0", 0.0, True, None])
def test_a_notebooks_own_parameter_has_its_type(value):
    with pytest.raises(SettingsError, match="parameter seed = .*: a value of type int is wanted"):
        Study.of_notebook({"preset": "tiny", "seed": value}, seed=int)


def test_other_variables_never_mean_another_study():
    cell = opened() | {"name": "pitch", "set": "training.epochs=3", "table": [1], "root": "/elsewhere"}
    assert Study.of_notebook(cell, seed=int) == cell["study"]


def test_a_parameters_cell_that_was_edited_and_run_again_counts():
    cell = opened()
    cell["In"] += ['corpus = "planted"  # which\nrun_name = "b"\n', "study = Study.of_notebook(globals())"]
    cell["run_name"] = "b"
    cell["study"] = Study.of_notebook(cell, seed=int)
    assert cell["study"].slug == "planted-tiny-b"
    cell["In"] += ["%matplotlib inline", "for run_name in ['c']: pass", "run_name = 'c'; mine = 3", "a, b = 1, 2"]
    cell["run_name"] = "c"
    with pytest.raises(SettingsError, match="parameter run_name: it was 'b'"):
        Study.of_notebook(cell, seed=int)


def test_a_notebook_takes_names_that_hide_nothing_and_the_older_ones():
    older = {"preset": "tiny", "name": "a", "set": "training.epochs=3"}
    both = {"run_name": "", "settings": "", **older}  # as a notebook runner adds them below the parameters cell
    ours = {"preset": "tiny", "run_name": "a", "settings": "training.epochs=3"}
    made = [Study.of_notebook(dict(cell)) for cell in (older, both, ours)]
    assert made[0] == made[1] == made[2]
    assert (made[0].slug, made[0].settings.training.epochs) == ("planted-tiny-a", 3)


def test_a_study_is_shown_in_a_line():
    from IPython.lib.pretty import pretty

    study = Study.of(request(corpus="esc50", preset="tiny", fold=2, seeds="0,3", name="a"))
    assert pretty(study) == "study esc50-tiny-fold2-a: corpus esc50, preset tiny, fold 2, seeds 0, 3"


@pytest.mark.parametrize("path", sorted((files.PROJECT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_notebook_shows_its_study_and_hides_no_name_of_python(path):
    import ast
    import builtins

    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    names = [line.targets[0].id for line in ast.parse("".join(cells[0]["source"])).body]
    assert not [name for name in names if name in dir(builtins)] and {"run_name", "settings"} <= set(names)
    assert "".join(cells[1]["source"]).splitlines()[-1] in ("study", "page.heading")  # the explorer's has its name


def test_another_corpus_or_other_settings_never_land_in_the_same_folder():
    study = Study.of(request())
    study.register("one")
    study.register("one")
    with pytest.raises(StudyError, match="planted-quick holds results of another corpus.*NAME="):
        study.register("two")
    with pytest.raises(StudyError, match="other settings"):
        Study.of(request(set="training.epochs=3")).register("one")
    Study.of(request(set="training.epochs=3", name="short")).register("one")


def test_a_study_from_before_a_setting_was_there_goes_on_with_its_default():
    study = Study.of(request())
    study.register("one")
    path = study.folder / "study.json"
    told = json.loads(path.read_text())
    del told["settings"]["scoring"]["influence_from"]
    digests.write_json(path, told)
    study.register("one")
    with pytest.raises(StudyError, match="other settings"):
        Study.of(request(set="scoring.influence_from=300")).register("one")


def test_study_json_tells_what_made_it_and_gathers_seeds():
    Study.of(request(seeds="0")).register("one")
    Study.of(request(seeds="2,1")).register("one")
    told = json.loads((files.home() / "runs" / "planted-quick" / "study.json").read_text())
    assert told["seeds"] == [0, 1, 2]
    assert {"settings", "versions", "corpus_hash", "machine", "commit"} <= set(told)
    assert told["versions"]["torch"] != "absent"


def test_study_json_holds_what_opens_the_study_again_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = {
        "corpus": "table",
        "root": "own/my.csv",
        "preset": "tiny",
        "fold": 2,
        "name": "x",
        "set": "training.epochs=3",
    }
    study = Study.of(request(**asked, seeds="1,2", device="cpu", controls="noise", robust="all"))
    study.register("one")
    again = Request(**runs.request(study.folder))
    assert again == Request(**asked | {"root": str(files.followed("own/my.csv"))}, seeds="1,2", device="cpu")
    assert Study.of(again).folder == study.folder


def test_the_chunks_register_the_study_and_name_what_was_rejected(tmp_path):
    import numpy as np
    import soundfile

    rng = np.random.default_rng(0)
    for name in "abcdefgh":
        soundfile.write(tmp_path / f"{name}.wav", rng.normal(0, 0.1, 16000), 16000)
    (tmp_path / "bad.wav").write_bytes(b"not a sound")
    rows = ["path,labels"] + [f"{name}.wav,{'low' if name < 'e' else 'high'}" for name in "abcdefgh"] + ["bad.wav,low"]
    (tmp_path / "mine.csv").write_text("\n".join(rows))
    study = Study.of(request(corpus="table", root=str(tmp_path / "mine.csv"), preset="tiny"))
    assert len(study.chunks) == 8
    assert study.table("rejected", "01_representations")["clip"].tolist() == ["bad.wav"]
    assert (study.folder / "study.json").exists()


def test_folds_must_be_named(tmp_path):
    (tmp_path / "e" / "meta").mkdir(parents=True)
    (tmp_path / "e" / "audio").mkdir()
    rows = ["filename,fold,target,category,esc10,src_file,take"]
    for fold in (1, 2, 3):
        for target in (0, 1):
            name = f"{fold}-{fold}{target}-A-{target}.wav"
            (tmp_path / "e" / "audio" / name).write_bytes(b"x")
            rows.append(f"{name},{fold},{target},{('dog', 'rain')[target]},True,{fold}{target},A")
    (tmp_path / "e" / "meta" / "esc50.csv").write_text("\n".join(rows))
    with pytest.raises(SettingsError, match="folds 1, 2, 3"):
        Study.of(request(corpus="esc50", root=str(tmp_path / "e"))).chunks  # noqa: B018
    parts = Study.of(request(corpus="esc50", root=str(tmp_path / "e"), fold="all")).parts
    assert [part.folder.name for part in parts] == ["fold1", "fold2", "fold3"]


@pytest.mark.parametrize("classes", [["0", "1"], ["01", "007"], ["True", "False"], ["NA", "nan"], ["1.0", "1e3"]])
def test_labels_stay_text_whatever_they_look_like(classes):
    study = Study.of(request())
    study.write_table("owned", [{"class": name, "clip": "07", "share": 0.1} for name in classes])
    table = study.table("owned", "")
    assert list(table["class"]) == classes and list(table["clip"]) == ["07", "07"] and table["share"].dtype == float


def test_what_is_missing_names_the_notebook():
    study = Study.of(request())
    with pytest.raises(StudyError, match=r"subsets.csv is missing: run notebooks/03_subsets.ipynb first$"):
        study.table("subsets", "03_subsets")


@pytest.mark.parametrize("asked", [
    {},
    {"corpus": "table", "root": "/my sounds/it's.csv", "preset": "laptop", "seeds": (1, 2), "name": "again"},
    {"corpus": "esc50", "root": "/e", "fold": 2, "part": True, "set": "body.width=32 training.loss=bce", "device": "cpu"},
])  # fmt: skip
def test_what_is_missing_comes_with_every_parameter_of_the_notebook_that_makes_it(asked):
    study = Study.of(Request(**asked))
    told = str(missing(study, study.scores("timbre", "own", 3), "02_train_encoder", representation="timbre", seed=3))
    words = shlex.split(told.partition("02_train_encoder.ipynb with ")[2].removesuffix(" first"))
    assert words[::3] == ["-p"] * (len(words) // 3)
    given = dict(zip(words[1::3], words[2::3], strict=True))
    assert given.pop("representation") == "timbre" and given.pop("seed") == "3"
    fields = {"run_name": "name", "settings": "set"}
    same = Request(**{fields.get(name, name): value for name, value in given.items()}, seeds=asked.get("seeds", (0,)))
    assert same == study.request
    assert study.call("03_subsets").count("-p") == len(asked)


def test_what_is_missing_in_one_fold_is_told_with_the_folds_that_have_it(home):
    for place in ("esc50-laptop-fold1", "esc50-laptop-fold3", "esc50-laptop-fold4-other", "esc50-laptop/fold5"):
        path = home / "runs" / place / "tables" / "subsets.csv"
        path.parent.mkdir(parents=True)
        path.touch()
    (home / "runs" / "esc50-laptop-fold6").mkdir()
    study = Study.of(Request(corpus="esc50", preset="laptop", fold=2))
    with pytest.raises(StudyError, match=r"-p fold 2 first; it is there for fold 1, 3$"):
        study.table("subsets", "03_subsets")
    part = Study.of(Request(corpus="esc50", preset="laptop", fold=2, part=True))
    with pytest.raises(StudyError, match=r"-p part True first; it is there for fold 5$"):
        part.table("subsets", "03_subsets")


def test_timing_keeps_one_row_a_stage():
    study = Study.of(request())
    with study.timed("cut", 10, "clips"):
        pass
    study.note_time("train pitch, seed 0", 2.5, 100, "chunks")
    study.note_time("train pitch, seed 0", 3.5, 100, "chunks")
    timing = study.timing().set_index("stage")
    assert timing.loc["train pitch, seed 0", "seconds"] == 3.5
    assert list(study.timing().columns) == ["stage", "seconds", "items", "unit", "peak_mb", "per_s", "peak_share"]
    assert len(timing) == 2


def test_a_fold_among_all_knows_the_run_over_all():
    whole = Study.of(request(corpus="esc50", preset="tiny", fold="all"))
    part = Study.of(whole.request.model_copy(update={"fold": 2, "part": True}))
    assert part.whole == whole
    assert whole.whole == whole


def test_what_a_fold_among_all_took_and_its_name_say_which_it_is():
    part = Study.of(Request(corpus="esc50", preset="tiny", fold=2, part=True, name="x"))
    part.note_time("cut", 2.5, 100, "clips")
    assert list(part.timing()["stage"]) == ["cut, fold 2"] and part.slug == "esc50-tiny-x/fold2"
    alone = Study.of(Request(corpus="esc50", preset="tiny", fold=2, name="x"))
    assert alone.timing().empty and alone.slug == "esc50-tiny-fold2-x"
    assert list(alone.timing()) == list(part.timing())  # notebook 5 sorts by a column, whether a stage is noted or not


def test_a_part_of_a_corpus_says_so_on_the_first_line_and_in_every_table(planted_corpus):
    root = str(planted_corpus)
    study = Study.of(request(root=root, set="subset=0.3", name="part"))
    whole, part = Study.of(request(root=root)).read_corpus(), study.read_corpus()
    assert 0.2 < len(part.clips) / len(whole.clips) < 0.4 and part.classes == whole.classes
    assert part.notes[0].startswith(f"subset=0.3: {len(part.clips)} of {len(whole.clips)} clips")
    assert "(subset 0.3)" in str(study) and "(subset 0.3)" in study.title
    table = study.write_table("numbers", [{"value": 1.0}])
    assert list(table["corpus_subset"]) == [0.3]
    assert (study.folder / "tables" / "numbers.csv").read_text().startswith("value,corpus_subset\n")
    assert "corpus_subset" not in Study.of(request(root=root)).write_table("numbers", [{"value": 1.0}])
    from lib.evaluation import results

    taken = results.decision_table(study).set_index("what")["taken"]
    assert taken["subset"] == "0.3"
