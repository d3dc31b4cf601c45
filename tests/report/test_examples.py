"""Clips of the report: the clearest mistakes are those of the stored scores, and they sound like the clips they are."""

import numpy as np
import pytest
import soundfile

from lib.evaluation.predictions import ALL_FOUR, mistake_table, prediction_table
from lib.evaluation.scores import models, write_scores, write_test_set
from lib.report import examples
from lib.study import Request, Study

LEVELS = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4, "e": 0.5, "f": 0.6}  # each clip is a constant of its own


@pytest.fixture
def study(home, tmp_path):
    """Two folds of three clips; all four take b for rain a little and c and d for it clearly."""
    root = tmp_path / "sounds"
    root.mkdir()
    for name, level in LEVELS.items():
        soundfile.write(root / f"{name}.wav", np.full(16000, level), 16000, subtype="FLOAT")
    labels = {"a": "dog", "b": "dog", "c": "dog", "d": "wind", "e": "rain", "f": "rain"}
    lines = [f"{name}.wav,{label},{1 + n % 2}" for n, (name, label) in enumerate(labels.items())]
    (root / "own.csv").write_text("\n".join(["path,labels,fold", *lines]))
    made = Study.of(Request(corpus="table", root=str(root), preset="tiny", fold="all"))
    rain = {"a": 0.0, "b": 0.6, "c": 0.95, "d": 0.8, "e": 1.0, "f": 1.0}
    for part in made.parts:
        write_test_set(part)
        ids = part.chunks.ids[part.chunks.rows("test")]
        classes = part.chunks.corpus.classes
        scores = np.array([[0.5, rain[one[0]], 0.4] for one in ids])
        assert classes == ("dog", "rain", "wind")
        for subset, head in models(part):
            write_scores(part, subset, head, 0, scores)
    return made


def test_the_clearest_mistakes_come_first_each_kind_once_and_sound_like_their_clips(study):
    table = mistake_table(prediction_table(study))
    assert list(table["clip"]) == ["c.wav", "d.wav", "b.wav"]
    study.write_table("mistakes", table)
    found = examples.mistakes(study.parts, study.table("mistakes", "03_subsets"), 8)
    assert [one.clip for one in found] == ["c.wav", "d.wav"]  # b is dog for rain again
    for one in found:
        assert one.samples == pytest.approx(LEVELS[one.clip[0]], abs=1e-3)
    assert found[0].labels == ("dog",)
    assert list(found[0].predictions)[-1] == "all four"
    assert found[0].predictions["all four"][0] == ("rain", pytest.approx(0.95), False)
    assert examples.mistakes(study.parts, table.astype({"fold": str}), 1)[0].clip == "c.wav"


def test_without_mistakes_nothing_is_heard(study):
    table = mistake_table(prediction_table(study))
    assert examples.mistakes(study.parts, table[:0], 8) == []


def test_the_first_head_of_all_four_is_what_is_named(study):
    table = prediction_table(study)
    assert set(table.loc[table["model"] == ALL_FOUR, "head"]) == {"paper"}
    assert set(table.loc[table["model"] != ALL_FOUR, "head"]) == {"own"}
