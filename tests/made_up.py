"""A run that nobody trained: random scores in the files that a run leaves, with two folds and two seeds."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.display import figures
from lib.encoders.heads import ALL_FOUR
from lib.evaluation import comparisons, contributions, metric_choices, paper, predictions, results, selection
from lib.evaluation.scores import models
from lib.files import digests
from lib.representations import PAPER
from lib.sounds.corpora.base import Corpus
from lib.study import Request, Study

SHORT = (
    "training.epochs=1 body.layers=2 body.pool_after=[1] schedules.head.epochs=2"  # settings to train with in seconds
)
CLASSES = tuple(f"class{number:02d}" for number in range(12))
PARENTS = dict.fromkeys(CLASSES[:5], ("low",)) | dict.fromkeys(CLASSES[5:], ("high",))
CLIPS = {1: 15, 2: 18}  # of each fold


def corpus(root: Path) -> Corpus:
    """Two folds of clips with one label each and a small ontology; no sound files."""
    clips = [
        {"id": f"f{fold}c{n}", "path": "", "role": "", "fold": fold, "labels": (CLASSES[n % 12],), "group": f"g{n // 2}"}
        for fold, count in CLIPS.items() for n in range(count)
    ]  # fmt: skip
    return Corpus("table", root, pd.DataFrame(clips), CLASSES, PARENTS)


def request(**asked) -> Request:
    """Two seeds over all folds unless asked otherwise."""
    return Request(**{"corpus": "esc50", "preset": "tiny", "fold": "all", "seeds": "0,1"} | asked)


def opened(root: Path, monkeypatch, **asked) -> Study:
    """A study in a STUDY_HOME of its own, of which nothing is there yet."""
    monkeypatch.setenv("STUDY_HOME", str(root))
    monkeypatch.setattr(Study, "read_corpus", lambda self: corpus(root))
    return Study.of(request(**asked))


def study(root: Path, monkeypatch, **asked) -> Study:
    """A study in a STUDY_HOME of its own, with scores of every model: some skill, many ties."""
    made = opened(root, monkeypatch, **asked)
    for part in made.parts:
        fill(part)
    return made


FINISHED: dict[str, TemporaryDirectory] = {}  # by what was asked: homes that hold a finished study, for this process


def finished(root: Path, monkeypatch, **asked_for) -> Study:
    """A finished study in a STUDY_HOME of its own: computed once, as it takes seconds, then copied."""
    key = str(asked_for)
    if key not in FINISHED:
        FINISHED[key] = TemporaryDirectory()
        if (cache := root / "data" / "cache").exists():  # filters that homes share
            shutil.copytree(cache, Path(FINISHED[key].name) / "data" / "cache", symlinks=True)
        finish(asked(study(Path(FINISHED[key].name), monkeypatch, **asked_for)))
    shutil.copytree(FINISHED[key].name, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("filters"))
    return opened(root, monkeypatch, **asked_for)


def no_picture(folder: Path) -> None:
    """Draw nothing in a folder."""


def fill(part: Study) -> None:
    """Write test.npz and the scores of every model of one fold."""
    fold = part.request.fold
    rng = np.random.default_rng(fold)
    clips = corpus(part.folder).clips.query("fold == @fold")
    of_chunk = np.repeat(np.arange(len(clips)), 1 + np.arange(len(clips)) % 3)
    of_chunk = np.concatenate([of_chunk[3:], of_chunk[:3]])  # clips in no order of their ids
    targets = np.array([[name in labels for name in CLASSES] for labels in clips["labels"]], np.uint8)[of_chunk]
    (part.folder / "scores").mkdir(parents=True)
    write_arrays(
        part.folder / "scores" / "test.npz", targets=targets, clip=clips["id"].to_numpy(str)[of_chunk],
        group=clips["group"].to_numpy(str)[of_chunk], start_s=np.zeros(len(of_chunk)), classes=np.array(CLASSES),
        leaf=np.arange(len(CLASSES)) > 0,
    )  # fmt: skip
    for subset, head in models(part):
        for seed in part.request.seeds:
            skill = 0.0 if head == "none" else 0.1 * (1 + subset.count("+"))
            scores = np.round(skill * targets + 0.5 * rng.random(targets.shape), 1).astype(np.float32)
            digests.write_array(part.scores(subset, head, seed), scores)


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Arrays as a run would write them."""
    with digests.sealed(path) as temporary:
        np.savez(temporary, **arrays)


def asked(study: Study) -> Study:
    """Write what `make study` leaves of its request."""
    told = study.request.model_dump(mode="json", exclude={"seeds", "part"})
    seeds = ",".join(map(str, study.request.seeds))
    folds = [part.request.fold for part in study.parts] if study.request.fold == "all" else []
    digests.write_json(
        study.folder / "request.json",
        {"plan": {"request": told | {"seeds": seeds}, "folds": folds, "seeds": list(study.request.seeds)}},
    )
    return study


def probed() -> dict[str, list[dict]]:
    """Rows of probes.csv and similarity.csv: one property, and what of pitch can be had from waveform."""
    start = {"property": "loudness", "measure": "r2", "low": 0.1, "high": 0.4}
    named = [(name, control) for name in PAPER for control in ("", "untrained", "shuffled")]
    probes = [start | {"encoder": name, "control": control, "value": 0.2} for name, control in named]
    return {
        "probes": [*probes, start | {"encoder": ALL_FOUR, "control": "", "value": 0.3}],
        "similarity": [
            {"first": "waveform", "second": "pitch", "what": "predicted", "value": 0.2, "low": 0.1, "high": 0.3}
        ],
    }


def finish(study: Study, reason: str = "no sound in it") -> None:
    """Write the tables, one picture and the provenance of a made-up study, as its notebooks do."""
    subsets = results.write_subsets(study)
    predicted = study.write_table("predictions", predictions.prediction_table(study))
    study.write_table("confusion", predictions.confusion_table(predicted))
    study.write_table("mistakes", predictions.mistake_table(predicted))
    played = contributions.play_all(study)
    for name, rows in (
        ("contributions", contributions.share_rows),
        ("marginals", contributions.marginal_rows),
        ("tests", contributions.test_rows),
    ):
        study.write_table(name, contributions.table(played, rows))
    study.write_table("best_subsets", selection.best_subset_table(played))
    study.write_table("owned", selection.owner_table(played))
    study.write_table("simultaneous", comparisons.simultaneous_table(study))
    study.write_table("controls", contributions.against(played))
    study.write_table("controls_left_out", pd.DataFrame(columns=["control", "reason"]))
    study.write_table("definitions", metric_choices.definition_table(study, head="paper"))
    wrong = {"protocol": "DO NOT", "careful": 0.1, "careless": 0.2, "measure": "map_macro", "level": "chunk"}
    study.write_table("careless", [wrong | {"warning": "luck"}])
    for name, rows in probed().items():
        study.write_table(name, rows)
    differences = study.write_table("differences", comparisons.difference_table(study))
    study.write_table("table1", paper.table1(study, subsets))
    study.write_table("table2", paper.table2(study, subsets))
    study.write_table("ledger", paper.ledger(study, subsets, differences))
    study.write_table("decisions", results.decision_table(study))
    study.write_table(
        "timing", [{"stage": "head", "seconds": 1.25, "items": 3, "unit": "chunks", "per_s": 2.4, "peak_mb": 7}]
    )
    for part in study.parts:
        part.write_table("rejected", [{"path": "/far/away/a.wav", "clip": "a", "reason": reason}])
        if not (part.folder / "study.json").exists():
            part.register("0123456789abcdef")
    figures.save(Figure(figsize=(2, 1)), study.figures / "table1")


def short_study(short, root, **asked):
    """A study of the preset tiny with the settings `short`, of a corpus in the folder `root`."""
    return Study.of(Request(**{"preset": "tiny", "device": "cpu", "set": short, "root": str(root)} | asked))
