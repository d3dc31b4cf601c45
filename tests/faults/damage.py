"""A flipped bit, a cut and an empty file in each kind of stored thing: it is reported, and made again as it was."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil

from faults.tiny import RUN, Row, Tiny

CHECKPOINTS, SCORES, TABLES = (f"runs/{RUN}/{name}" for name in ("checkpoints", "scores", "tables"))
KINDS = {  # what is stored -> where, of which one file is damaged
    "chunks": "data/cache/chunks/*/audio.npy",
    "index of chunks": "data/cache/chunks/*/index.npz",
    "features": "data/cache/features/*.npy",
    "filters": "data/cache/filters/*.npy",
    "map": "data/cache/maps/*.npy",
    "weights": f"{CHECKPOINTS}/pitch-seed0/encoder.safetensors",
    "history": f"{CHECKPOINTS}/timbre-seed0/encoder.json",
    "embeddings": f"{CHECKPOINTS}/neuralogram-seed0/embeddings.npy",
    "weights of heads": f"{CHECKPOINTS}/heads-seed0/*.safetensors",
    "scores of an encoder": f"{SCORES}/waveform-own-seed0.npy",
    "scores of a subset": f"{SCORES}/*+*-seed0.npy",
    "test set": f"{SCORES}/test.npz",
    "a control's scores": f"{SCORES}/controls/noise/*.npy",
    "a control's embeddings": f"{CHECKPOINTS}/controls/raw/*/embeddings.npy",
    "table": f"{TABLES}/subsets.csv",
    "table beside": f"{TABLES}/penalties.csv",
    "request": f"runs/{RUN}/request.json",
    "what made the run": f"runs/{RUN}/study.json",
}
STATE = f"{CHECKPOINTS}/*/*.state.safetensors"


def flipped_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def damage(whole: Tiny, folder: Path, expected: dict[str, str], rng: random.Random) -> list[Row]:
    """Damage a copy of the finished study in each way, one file of each kind; go on, and damage the state of a training."""
    return [row for harm in (flipped_bit, cut, empty) for row in damaged(whole, folder, expected, rng, harm)]


def damaged(
    whole: Tiny, folder: Path, expected: dict[str, str], rng: random.Random, harm: Callable[[Path], None]
) -> list[Row]:
    """The rows of one kind of harm."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole.home, folder, symlinks=True)
    tiny, hurt = replace(whole, home=folder), {}
    for kind, place in KINDS.items():
        hurt[kind] = rng.choice(sorted(folder.glob(place)))
        harm(hurt[kind])
    hurt["state of a training"] = stop_while_training(tiny)
    output = tiny.log.read_text()
    if hurt["state of a training"].exists():
        harm(hurt["state of a training"])
    output += tiny.run()[1] + "".join(path.read_text() for path in tiny.folder.glob("notebooks/*.ipynb"))
    other = tiny.differing(expected)
    rows = [
        {
            "harm": harm.__name__.replace("_", " "), "what": kind, "file": str(path.relative_to(folder)),
            "reported": "yes" if reported(path, folder, output) else "no",
            "then": f"other results: {', '.join(other[:3])}" if other else "the same tables and scores",
        }
        for kind, path in hurt.items()
    ]  # fmt: skip
    return [row | {"good": "yes" if row["reported"] == "yes" and not other else "no"} for row in rows]


def stop_while_training(tiny: Tiny) -> Path:
    """Start the study, kill all of it when the state of a training is there, and give that file."""
    process = tiny.begin()
    while process.poll() is None and not (there := sorted(tiny.home.glob(STATE))):
        time.sleep(0.05)
    for each in tiny.processes():
        with suppress(psutil.NoSuchProcess):
            each.send_signal(signal.SIGKILL)
    process.wait()
    return there[0] if there else tiny.home / "no state"


def reported(path: Path, folder: Path, output: str) -> bool:
    """Whether a damaged file, or the chunks that it belongs to, was named."""
    chunks = "chunks" in path.parts and "the chunks of" in output
    return f"{path.relative_to(folder)} is damaged" in output or chunks
