"""One fold of ESC-10 by this project and by libraries alone: `make bench ONLY=study` writes study.json.

Both do the same on one thread: decode, representations, the MobileNet and four encoders for a few epochs, both heads on all
subsets, intervals of all models at both levels. A ratio is the plain way's processor seconds over ours.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch

from bench import plain
from bench.case import Clock
from lib import files, stages
from lib.evaluation import results
from lib.representations import PAPER
from lib.study import Request, Study, machine

FOLD = 1
SET = "training.epochs=2 schedules.mobilenet.epochs=1 schedules.head.epochs=10"


def ours(study: Study, clock: Clock) -> None:
    """The study, without notebooks and pictures, each part by the clock."""
    with clock("decode"):
        _ = study.chunks
    for name in PAPER:
        with clock(name):
            stages.train(study, name, 0)
    with clock("heads"):
        stages.score(study)
    with clock("intervals"):
        results.write_subsets(study)


def compared(ours_s: Mapping[str, float], plain_s: Mapping[str, float]) -> dict:
    """The ratio of all, the same without the intervals, and of each part the seconds of both, their ratio and its share.

    A loop over scikit-learn makes the intervals most of the plain way, so that the rest would not be seen.
    """
    total, rest = sum(plain_s.values()), [part for part in plain_s if part != "intervals"]
    without = sum(plain_s[part] for part in rest) / sum(ours_s[part] for part in rest)
    parts = [
        {"part": part, "ours_s": round(ours_s[part], 2), "plain_s": round(taken, 2),
         "ratio": round(taken / max(ours_s[part], 1e-9), 2), "share": round(taken / total, 3)}
        for part, taken in plain_s.items()
    ]  # fmt: skip
    ratio = total / sum(ours_s.values())
    return {"ratio": round(ratio, 2), "ratio_without_intervals": round(without, 2), "parts": parts}


@contextmanager
def home_of_its_own() -> Iterator[None]:
    """In the block nothing is found that was made before, and nothing is left."""
    before = os.environ.get("STUDY_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["STUDY_HOME"] = folder
        try:
            yield
        finally:
            os.environ.pop("STUDY_HOME") if before is None else os.environ.update(STUDY_HOME=before)


def main(root: Path, folder: Path) -> None:
    """Run both ways, write study.json into `folder` and print a line for each part."""
    torch.set_num_threads(1)
    clocks = Clock(), Clock()
    with home_of_its_own():
        request = Request(
            corpus="esc50", root=str(root), preset="laptop", fold=FOLD, device="cpu", set=SET, controls="none"
        )
        study = Study.of(request)
        ours(study, clocks[0])
        plain.run(root, FOLD, study.settings, clocks[1])
    found = compared(*(clock.seconds for clock in clocks))
    about = {"corpus": root.name, "fold": FOLD, "set": SET, "threads": 1, "machine": machine()}
    taken, wanted = plain.TIMED_RESAMPLES, study.settings.scoring.resamples
    note = f"intervals of the plain way: seconds of {taken} resamples of every model, times {wanted} / {taken}"
    files.write_json(folder / "study.json", about | found | {"note": note})
    for part in found["parts"]:
        print(
            f"{part['part']:14}{part['ours_s']:9.1f} s{part['plain_s']:10.1f} s{part['ratio']:8.1f} x{part['share']:8.0%}"
        )
    print(note)
    print(
        f"all of it: {found['ratio']:.1f} times as fast; without the intervals {found['ratio_without_intervals']:.1f}"
    )
