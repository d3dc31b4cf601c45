"""A run that nobody trained: random scores in the files that a run leaves, with two folds and two seeds."""

from pathlib import Path

import numpy as np
import pandas as pd

from lib.corpora.base import Corpus
from lib.results import models
from lib.study import Request, Study

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


def study(root: Path, monkeypatch, **asked) -> Study:
    """A study in a STUDY_HOME of its own, with scores of every model: some skill, many ties."""
    monkeypatch.setenv("STUDY_HOME", str(root))
    monkeypatch.setattr(Study, "read_corpus", lambda self: corpus(root))
    made = Study.of(request(**asked))
    for part in made.parts:
        fill(part)
    return made


def fill(part: Study) -> None:
    """Write test.npz and the scores of every model of one fold."""
    fold = part.request.fold
    rng = np.random.default_rng(fold)
    clips = corpus(part.folder).clips.query("fold == @fold")
    of_chunk = np.repeat(np.arange(len(clips)), 1 + np.arange(len(clips)) % 3)
    of_chunk = np.concatenate([of_chunk[3:], of_chunk[:3]])  # clips in no order of their ids
    targets = np.array([[name in labels for name in CLASSES] for labels in clips["labels"]], np.uint8)[of_chunk]
    (part.folder / "scores").mkdir(parents=True)
    np.savez(
        part.folder / "scores" / "test.npz", targets=targets, clip=clips["id"].to_numpy(str)[of_chunk],
        group=clips["group"].to_numpy(str)[of_chunk], start_s=np.zeros(len(of_chunk)), classes=np.array(CLASSES),
        leaf=np.arange(len(CLASSES)) > 0,
    )  # fmt: skip
    for subset, head in models(part):
        for seed in part.request.seeds:
            skill = 0.0 if head == "none" else 0.1 * (1 + subset.count("+"))
            scores = np.round(skill * targets + 0.5 * rng.random(targets.shape), 1).astype(np.float32)
            np.save(part.scores(subset, head, seed), scores)
