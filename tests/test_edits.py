"""What is made anew after one edit, and what is read back: a table of edits against stored things.

Each edit is made by itself on a copy of a small study that is trained: a sound (with its size and the time of its last
change kept), a label, a default, a library's version. The folder's study.json is removed, as its own message says.
"""

import os
import shutil

import numpy as np
import pytest
import soundfile

from lib import files, stages
from lib.encoders import encoder
from lib.representations.timbre import Timbre, TimbreSettings
from lib.study import Request, Study, StudyError

PLAYERS = ("pitch", "timbre")
SET = "training.epochs=1 training.batch=8 body.layers=1 body.pool_after=[] heads.hidden=8 scoring.resamples=2"
STEPS = ("cut", "features", "weights", "embeddings", "heads")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, folds_corpus):
    """A home with a corpus of its own and the pitch and timbre encoders of fold 1, trained and scored."""
    home = tmp_path_factory.mktemp("edits")
    shutil.copytree(folds_corpus, home / "corpus")
    with pytest.MonkeyPatch.context() as patch:
        assert made_by(home, patch) == {step: set(PLAYERS) for step in STEPS}
    return home


@pytest.fixture
def edited(trained, tmp_path):
    """A copy of that home, to be edited."""
    shutil.copytree(trained, tmp_path / "home", copy_function=shutil.copy2)
    return tmp_path / "home"


def made_by(home, patch):
    """Run what is not done: of each step the players it was done for; `cut` and `heads` are done for all or none."""
    patch.setenv("STUDY_HOME", str(home))
    patch.setattr(stages, "names", lambda: PLAYERS)
    asked = Request(corpus="esc50", root=str(home / "corpus"), preset="tiny", fold=1, device="cpu", set=SET)
    (Study.of(asked).folder / "study.json").unlink(missing_ok=True)
    study, made = Study.of(asked), {step: set() for step in STEPS}
    made["cut"] = set(PLAYERS) if study.chunks.built_s else set()
    for name in PLAYERS:
        folder = study.checkpoint(name, 0)
        before = digest(folder / "embeddings.npy")
        for stage in stages.train(study, name, 0).timings:
            made["features" if stage.what.startswith("features") else "weights"].add(name)
        made["embeddings"] |= {name} if digest(folder / "embeddings.npy") != before else set()
    markers = [study.folder / "scores" / f".{head}-seed0.json" for head in study.settings.heads.kinds]
    before = [files.content_of([path, study.scores("pitch", path.name[1:-11], 0)]) for path in markers]
    times = [path.stat().st_mtime_ns if path.exists() else 0 for path in markers]
    stages.score(study)
    after = [path.stat().st_mtime_ns for path in markers]
    made["heads"] = set(PLAYERS) if all(a != b for a, b in zip(times, after, strict=True)) else set()
    assert made["heads"] or before == [files.content_of([p, study.scores("pitch", p.name[1:-11], 0)]) for p in markers]
    return made


def digest(path):
    return files.content_of([path])[0]


def replace_sound(home, fold):
    """Noise in place of a clip: as many bytes, and the time of the last change set back."""
    path = sorted((home / "corpus" / "audio").glob(f"{fold}-*.wav"))[0]
    before, frames = path.stat(), soundfile.info(path).frames
    soundfile.write(path, 0.2 * np.random.default_rng(7).standard_normal(frames), 44100)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size and path.stat().st_mtime_ns == before.st_mtime_ns


def exchange_label(home, fold):
    """The other label on the first clip of a fold."""
    path = home / "corpus" / "meta" / "esc50.csv"
    lines = path.read_text().splitlines()
    row = next(i for i, line in enumerate(lines) if line.startswith(f"{fold}-"))
    names = {"low": "high", "high": "low"}
    cells = lines[row].split(",")
    cells[3] = names[cells[3]]
    cells[2] = {"low": "0", "high": "1"}[cells[3]]
    path.write_text("\n".join([*lines[:row], ",".join(cells), *lines[row + 1 :]]) + "\n")


def other_default(home, patch):
    """Another default of the timbre representation, which nobody sets."""
    field = TimbreSettings.model_fields["n_mels"]
    patch.setattr(field, "default", 64)
    TimbreSettings.model_rebuild(force=True)


def other_library(home, patch):
    """Another version of the library that computes the MFCC's bands."""
    known = encoder.version
    patch.setattr(encoder, "version", lambda name: "99" if name == "torchaudio" else known(name))


def other_rule(home, patch):
    """Another version of the rule by which MFCC are computed."""
    patch.setattr(Timbre, "version", 99)


BOTH, NONE, TIMBRE = {"pitch", "timbre"}, set(), {"timbre"}
# edit -> what is made anew of: cut, features, weights, embeddings, heads
TABLE = {
    "nothing": (lambda home, patch: None, NONE, NONE, NONE, NONE, NONE),
    "a training sound": (lambda home, patch: replace_sound(home, 2), BOTH, BOTH, BOTH, BOTH, BOTH),
    "a test sound": (lambda home, patch: replace_sound(home, 1), BOTH, BOTH, NONE, BOTH, BOTH),
    "a training label": (lambda home, patch: exchange_label(home, 2), NONE, NONE, BOTH, BOTH, BOTH),
    "a test label": (lambda home, patch: exchange_label(home, 1), NONE, NONE, NONE, NONE, NONE),
    "a default of timbre": (other_default, NONE, TIMBRE, TIMBRE, TIMBRE, BOTH),
    "a library of timbre": (other_library, NONE, TIMBRE, TIMBRE, NONE, NONE),
    "the rule of timbre": (other_rule, NONE, TIMBRE, TIMBRE, NONE, NONE),
}


@pytest.mark.parametrize("edit", TABLE)
def test_an_edit_makes_anew_what_depends_on_it_and_nothing_else(edit, edited, monkeypatch):
    change, *wanted = TABLE[edit]
    change(edited, monkeypatch)
    try:
        made = made_by(edited, monkeypatch)
    finally:
        monkeypatch.undo()
        TimbreSettings.model_rebuild(force=True)
    assert made == dict(zip(STEPS, wanted, strict=True))


def test_an_edited_corpus_is_refused_where_its_earlier_results_lie(edited, monkeypatch):
    monkeypatch.setenv("STUDY_HOME", str(edited))
    asked = Request(corpus="esc50", root=str(edited / "corpus"), preset="tiny", fold=1, device="cpu", set=SET)
    assert len(Study.of(asked).chunks)
    replace_sound(edited, 2)
    with pytest.raises(StudyError, match="another corpus, or other roles or folds of it: give this run a name"):
        _ = Study.of(asked).chunks


def test_the_content_of_a_file_counts_whatever_its_times_tell(tmp_path, monkeypatch):
    monkeypatch.setenv("STUDY_HOME", str(tmp_path / "home"))
    path, same = tmp_path / "a.wav", tmp_path / "b.wav"
    for each in (path, same):
        each.write_bytes(b"one")
    first = files.content_of([path, same, tmp_path / "none.wav"])
    assert first[0] == first[1] != "" and first[2] == ""
    status = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert files.content_of([path])[0] != first[0]
    os.utime(path, ns=(1, 1))
    assert files.content_of([path, same])[1] == first[1]
