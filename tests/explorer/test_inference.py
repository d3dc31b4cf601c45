"""A finished study inference as its stored scores do, for its own chunks and for the same sound from a file."""

import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from lib import files
from lib.encoders.heads import label, subsets
from lib.evaluation.measures import clip_means
from lib.explorer import inference
from lib.explorer.inference import Inference, score_table
from lib.sounds.decode import BadFile
from lib.study import Request, StudyError

pytestmark = pytest.mark.slow
ROUNDING = 2e-5  # between a batched product and one by itself


@pytest.fixture(scope="module")
def made(finished_study):
    return Inference(finished_study, 0)


@pytest.mark.parametrize("head", ["paper", "linear"])
def test_every_head_gives_the_scores_that_the_study_stored(finished_study, head):
    made = Inference(finished_study, 0)
    made.head = head
    test = made.chunks.rows("test")
    for subset in subsets(list(made.embeddings)):
        stored = np.load(finished_study.scores(label(subset), head, 0))
        embeddings = {name: values[test] for name, values in made.embeddings.items()}
        np.testing.assert_allclose(made.model.scores(embeddings, subset, made.head), stored, atol=ROUNDING)


def test_without_an_encoder_the_constant_predictor_answers(made, finished_study):
    stored = np.load(finished_study.scores("constant", "none", 0))
    sound = made.clip(0)
    np.testing.assert_allclose(made.scores(sound, ()), np.tile(stored[0], (len(sound.audio), 1)), atol=1e-6)


def test_a_clip_is_scored_by_the_mean_of_its_chunks(made):
    subset = ("pitch", "timbre")
    ids, expected = clip_means(made.model.scores(made.embeddings, subset, made.head), made.chunks.ids)
    place = {name: k for k, name in enumerate(made.chunks.corpus.clips["id"])}
    np.testing.assert_allclose(made.clip_scores(subset)[[place[name] for name in ids]], expected, atol=1e-6)


def test_mistakes_and_disagreements_are_what_they_say(made):
    subset = tuple(made.embeddings)
    mistaken, disagreement = made.mistaken(subset), made.disagreement()
    usual = {
        name: np.mean([made.scores(made.clip(k), (name,)).mean(0) for k in range(len(mistaken))], 0) for name in subset
    }
    for clip in range(len(mistaken)):
        sound = made.clip(clip)
        scores = dict(zip(made.classes, made.scores(sound, subset).mean(0), strict=True))
        own = [[name for name in made.classes if name.startswith(kind)] for kind in ("pitch_", "timbre_", "gesture_")]
        said = {max(names, key=scores.get) for names in own}
        assert mistaken[clip] == (said != set(sound.labels))
        alone = [made.scores(sound, (name,)).mean(0) - usual[name] for name in subset]
        pairs = [np.corrcoef(one, other)[0, 1] for one, other in combinations(alone, 2)]
        assert disagreement[clip] == pytest.approx(1 - np.mean(pairs), abs=1e-4)
    assert mistaken.any()


def test_a_family_is_judged_by_its_classes_alone(made):
    subset = tuple(made.embeddings)
    assert list(made.families) == ["pitch", "timbre", "gesture"]
    for family, columns in made.families.items():
        assert [made.classes[k] for k in columns] == [name for name in made.classes if name.startswith(f"{family}_")]
        mistaken, disagreement = made.mistaken(subset, columns), made.disagreement(columns)
        cut = {name: made.clip_scores((name,))[:, columns] for name in subset}
        for clip, labels in enumerate(made.chunks.corpus.clips["labels"]):
            said = made.classes[columns[made.clip_scores(subset)[clip, columns].argmax()]]
            assert mistaken[clip] == (said not in labels)
            alone = [cut[name][clip] - cut[name].mean(0) for name in subset]
            pairs = [np.corrcoef(one, other)[0, 1] for one, other in combinations(alone, 2)]
            assert disagreement[clip] == pytest.approx(1 - np.mean(pairs), abs=1e-4)
    each = [made.mistaken(subset, columns) for columns in made.families.values()]
    np.testing.assert_array_equal(np.any(each, axis=0), made.mistaken(subset))  # every clip has a label of each family
    assert all(0 < one.sum() < made.mistaken(subset).sum() for one in each)


def test_a_clip_without_a_label_of_the_family_is_not_mistaken_in_it(made, monkeypatch):
    columns = made.families["pitch"]
    bare = made.chunks.corpus.targets.copy()
    bare[0, columns] = 0
    monkeypatch.setitem(vars(made.chunks.corpus), "targets", bare)
    assert not any(made.mistaken((name,), columns)[0] for name in made.embeddings)


def test_a_family_of_one_class_or_of_all_is_no_choice(made, monkeypatch):
    def of(families):
        monkeypatch.delitem(vars(made), "families", raising=False)
        monkeypatch.setitem(vars(made.chunks.corpus), "families", families)
        return made.families

    every = list(range(len(made.classes)))
    assert of({"a": every[:1], "b": every[1:4], "c": every[4:]}) == {"b": every[1:4], "c": every[4:]}
    assert of({name: [k] for k, name in enumerate(made.classes)}) == {} == of({"all": every})
    monkeypatch.delitem(vars(made), "families")


def test_files_of_one_name_are_told_apart_by_their_folders(made, monkeypatch):
    root, clips = made.chunks.corpus.root, made.chunks.corpus.clips.copy()
    clips.loc[:3, "path"] = [
        str(root / "monday" / "a.wav"),
        str(root / "a.wav"),
        "/elsewhere/a.wav",
        str(root / "b.wav"),
    ]
    monkeypatch.setattr(
        made, "chunks", type(made.chunks)(**vars_of(made.chunks) | {"corpus": replace(made.chunks.corpus, clips=clips)})
    )
    monkeypatch.delitem(vars(made), "files_of_clips", raising=False)
    monkeypatch.delitem(vars(made), "names_of_clips", raising=False)
    assert made.files_of_clips[:4] == ["monday/a.wav", "a.wav", "/elsewhere/a.wav", "b.wav"]
    assert made.names_of_clips[0].endswith(" (monday/a.wav)") and made.clip(0).name == "monday/a.wav"
    del made.files_of_clips, made.names_of_clips


def test_a_file_is_heard_as_the_corpus_was(made):
    for clip in (0, len(made.chunks.corpus.clips) - 1):
        stored, again = made.clip(clip), made.embed_file(made.chunks.corpus.clips.iloc[clip]["path"])
        np.testing.assert_array_equal(again.audio, stored.audio)
        for name, values in stored.embeddings.items():
            np.testing.assert_allclose(again.embeddings[name], values, atol=1e-4)
        assert again.labels == () and again.clip == -1


def test_the_bytes_of_a_file_are_heard_as_the_file(made):
    path = made.chunks.corpus.clips.iloc[0]["path"]
    with open(path, "rb") as file:
        sound = made.embed_bytes(file.read(), "my <b>sound</b>.wav")
    assert sound.name == "my <b>sound</b>.wav"
    np.testing.assert_array_equal(sound.audio, made.embed_file(path).audio)
    with pytest.raises(BadFile, match="not a sound file"):
        made.embed_bytes(b"no sound at all", "x.wav")


def test_the_nearest_chunk_is_the_one_that_lies_nearest_and_of_another_clip(made):
    sound = made.clip(3)
    for name in made.embeddings:
        rows, far = made.nearest(name, sound, 0, n=4)
        all_scaled = made.model.scaled(name, made.embeddings[name]).numpy()
        distance = np.sqrt(((all_scaled - made.model.scaled(name, sound.embeddings[name][:1]).numpy()) ** 2).mean(1))
        others = np.flatnonzero(made.chunks.clip != 3)
        assert set(rows) <= set(others)
        np.testing.assert_allclose(far, np.sort(distance[others])[:4], rtol=1e-4)
        assert (np.diff(far) >= 0).all()


def test_a_chunk_that_is_a_copy_of_another_lies_nearest_to_it(made):
    sound = made.clip(2)
    from_elsewhere = replace(sound, labels=(), name="copy", clip=-1)
    for name in made.embeddings:
        rows, far = made.nearest(name, from_elsewhere, 0, n=1)
        assert made.chunks.clip[rows[0]] == 2 and far[0] < 1e-4


def test_the_table_has_the_own_labels_first_and_then_the_highest_others(made):
    sound, subset = made.clip(1), tuple(made.embeddings)
    found = score_table(made, sound, subset, n_highest=3)
    assert set(found["class"][found["own"]]) == set(sound.labels) and found["own"].iloc[: len(sound.labels)].all()
    scores = made.scores(sound, subset)
    others = [k for k in np.argsort(-scores.mean(0)) if made.classes[k] not in sound.labels][:3]
    assert list(found["class"][~found["own"]]) == [made.classes[k] for k in others]
    np.testing.assert_allclose(found.iloc[:, 3:].mean(1), found["whole"], atol=1e-6)
    assert list(found.columns[3:]) == [f"{start:g} s" for start in sound.start_s]


def test_what_is_heard_of_a_representation_is_sound(made):
    sound = made.clip(0)
    for representation in made.representations:
        samples = made.sonify(representation, sound.audio[:1])
        assert samples.ndim == 1 and len(samples) >= sound.audio.shape[1]
        assert np.isfinite(samples).all() and 0.01 < np.abs(samples).max() <= 1


def test_silent_chunks_are_not_on_the_map(made, monkeypatch):
    silent = np.zeros(len(made.chunks), bool)
    silent[::2] = True
    monkeypatch.setattr(made, "chunks", type(made.chunks)(**{**vars_of(made.chunks), "silent": silent}))
    assert not silent[made.mapped(10**6)].any() and len(made.mapped(10**6)) == (~silent).sum()
    assert len(made.mapped(5)) == 5


def vars_of(chunks):
    return {name: getattr(chunks, name) for name in chunks.__dataclass_fields__}


def test_what_is_missing_is_named_with_the_notebook_that_makes_it(finished_study):
    with pytest.raises(StudyError, match=r"heads-seed7.*03_subsets"):
        Inference(finished_study, 7)


def test_heads_of_other_embeddings_are_refused(finished_study, monkeypatch):
    monkeypatch.setattr("lib.model.trained.heads_made_from", lambda part, head, seed: "other embeddings")
    with pytest.raises(StudyError, match=r"paper heads of seed 0 were trained on other embeddings.*03_subsets"):
        Inference(finished_study)


def test_finished_studies_are_listed_fold_by_fold(home, capsys):
    plans = {
        "esc50-tiny": {"request": {"corpus": "esc50", "preset": "tiny", "fold": "all", "seeds": "0"}, "folds": [1, 2]},
        "planted-tiny": {"request": {"corpus": "planted", "preset": "tiny", "seeds": "0,1"}, "folds": []},
        "unfinished": {"request": {"corpus": "planted", "preset": "quick", "seeds": "0"}, "folds": []},
    }
    for name, plan in plans.items():
        files.write_json(home / "runs" / name / "request.json", {"plan": plan})
        if name != "unfinished":
            (home / "runs" / name / "tables").mkdir()
            (home / "runs" / name / "tables" / "table1.csv").write_text("row\n")
    found = inference.finished()
    assert set(found) == {"esc50-tiny, fold 1", "esc50-tiny, fold 2", "planted-tiny"}
    assert found["esc50-tiny, fold 2"] == Request(corpus="esc50", preset="tiny", fold=2, part=True, seeds="0")
    assert found["planted-tiny"].seeds == (0, 1)
    with (home / "runs" / "planted-tiny" / "request.json").open("a") as file:
        file.write("x")
    plans["esc50-tiny"]["request"] |= {"preset": "huge", "of_old": 1}  # as another version wrote it
    files.write_json(home / "runs" / "older" / "request.json", {"plan": plans["esc50-tiny"]})
    (home / "runs" / "older" / "tables").mkdir()
    (home / "runs" / "older" / "tables" / "table1.csv").write_text("row\n")
    assert set(inference.finished()) == {"esc50-tiny, fold 1", "esc50-tiny, fold 2"}  # the others can still be chosen
    assert "older is left out: what it was asked for cannot be read" in capsys.readouterr().out
    assert json.loads((home / "runs" / "unfinished" / "request.json").read_text())
