"""A corpus of FSD50K's shape at any fraction, with cheap sounds: to measure time and memory without the 25 GB.

    python -m bench.like_fsd50k FOLDER FRACTION [FSD50K.ground_truth]

Given FSD50K's own tables it has their clips and labels; without them as many clips, whose labels fall off as 1 / rank
over the same 200 classes. Uploaders are made up (some with one clip, few with many), lengths go from 0.3 to 30 s with
FSD50K's means (7.1 s to train, 9.8 s to test on; 108 hours in all), and files begin as its files do, with 78 bytes. A sound
has a tone for each of its labels, in noise: enough to learn something from, made in some 10 ms.
"""

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lib.sounds.corpora import layout
from lib.sounds.corpora.layout import Entry
from lib.sounds.corpora.part import drawn
from lib.sounds.corpora.rows import FACTS, label_list, read_csv

N_CLIPS = {"train": 36_796, "val": 4_170, "eval": 10_231}
LOG_LENGTH = {"train": 1.392, "val": 1.392, "eval": 1.829}  # of seconds, with a spread of 1.2: the means above
LENGTH_S, SPREAD, RATE_HZ = (0.3, 30.0), 1.2, 44_100
CLIPS_PER_UPLOADER = 1.7  # the exponent of a Zipf law; a hundredth of the clips at most
ENCODER = b"Lavf56.40.101\0"


def generate(folder: Path, fraction: float, truth: Path | None = None, seed: int = 0) -> int:
    """Write about `fraction` of the corpus as `folder`, in FSD50K's layout; gives the number of clips."""
    mids = _vocabulary(truth)
    classes, rng = list(mids), np.random.default_rng(seed)
    clips = []
    for split in N_CLIPS:
        every = list(_of_split(split, _published(truth, split) if truth else _made_up(split, classes, rng), rng))
        keep = drawn([clip.labels for clip in every], [clip.info["uploader"] for clip in every], fraction, seed)
        clips += [clip for clip, so in zip(every, keep if fraction < 1 else keep | True, strict=True) if so]
    layout.write_tables(folder, clips, mids)
    for clip in clips:
        samples = sound(clip, classes, np.random.default_rng([seed, int(clip.fname)]))
        layout.audio(folder, clip).write_bytes(wav(samples))
    return len(clips)


def _vocabulary(truth: Path | None) -> dict[str, str]:
    """The classes in FSD50K's order, each with its identifier, or a made-up one where its tables are not given."""
    if truth:
        rows = read_csv(truth / "vocabulary.csv", header=("index", "label", "mid"))
        return {row["label"]: row["mid"] for row in rows}
    rows = read_csv(FACTS / "fsd50k_ontology.csv", ("label",))
    return {row["label"]: f"/m/{number:04d}" for number, row in enumerate(rows)}


def _published(truth: Path, split: str) -> list[tuple[str, tuple[str, ...]]]:
    """fname and labels of each clip of a split, from FSD50K's own tables."""
    rows = read_csv(truth / ("eval.csv" if split == "eval" else "dev.csv"), ("fname", "labels"))
    return [(row["fname"], label_list(row["labels"], ",")) for row in rows if row.get("split", "eval") == split]


def _made_up(split: str, classes: list[str], rng: np.random.Generator) -> list[tuple[str, tuple[str, ...]]]:
    """As many clips as FSD50K has in this split, one or two classes each with all above them; every class has some."""
    rows = read_csv(FACTS / "fsd50k_ontology.csv", ("label", "parents"))
    parents = {row["label"]: label_list(row["parents"], "|") for row in rows}
    common = 1 / np.arange(1, len(classes) + 1)
    order = np.random.default_rng(1).permutation(len(classes))  # which class is how common, alike in all splits
    found = []
    for number in range(N_CLIPS[split]):
        own = rng.choice(len(classes), 1 + int(rng.random() < 0.2), replace=False, p=common / common.sum())
        named = [classes[order[place]] for place in (own if number >= len(classes) else [number])]
        for label in named:  # it grows as it is walked
            named += [above for above in parents[label] if above not in named]
        found.append((str(list(N_CLIPS).index(split) * 100_000 + number + 1), tuple(named)))
    return found


def _of_split(split: str, rows: list[tuple[str, tuple[str, ...]]], rng: np.random.Generator) -> Iterator[Entry]:
    """The clips with uploaders, none in two splits."""
    sizes = np.minimum(rng.zipf(CLIPS_PER_UPLOADER, len(rows)), len(rows) // 100).astype(int)
    uploader = rng.permutation(np.repeat(np.arange(len(sizes)), sizes)[: len(rows)])
    for (fname, labels), number in zip(rows, uploader, strict=True):
        yield Entry(fname, labels, split, {"title": "", "uploader": f"{split}_{number}"})


def length_s(split: str, rng: np.random.Generator) -> float:
    """The length of a clip of a split."""
    return float(np.clip(np.exp(rng.normal(LOG_LENGTH[split], SPREAD)), *LENGTH_S))


def sound(clip: Entry, classes: list[str], rng: np.random.Generator) -> np.ndarray:
    """Samples [sample] int16 at 44.1 kHz: for each label a tone of its own, and noise."""
    n_samples = round(length_s(clip.split, rng) * RATE_HZ)
    wave = 0.02 * rng.standard_normal(n_samples, np.float32)
    time_s = np.arange(n_samples, dtype=np.float32) / RATE_HZ
    for label in clip.labels[:4]:
        place = classes.index(label)
        hz = 60 * 2 ** (place / 30) * rng.uniform(0.99, 1.01)
        beat = 0.5 + 0.5 * np.sin(2 * np.pi * (1 + place % 7) * time_s)
        wave += 0.1 * beat * np.sin(2 * np.pi * hz * time_s)
    return (np.clip(wave, -1, 1) * 32767).astype("<i2")


def wav(samples: np.ndarray) -> bytes:
    """A mono WAV of 16 bits with the 78 bytes before the samples that FSD50K's files have: a LIST chunk stands there."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    info = struct.pack("<4sI4s4sI", b"LIST", 12 + len(ENCODER), b"INFO", b"ISFT", len(ENCODER)) + ENCODER
    data = struct.pack("<4sI", b"data", 2 * len(samples)) + samples.astype("<i2").tobytes()
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form) + len(info) + len(data), b"WAVE") + form + info + data


if __name__ == "__main__":
    place, share, *tables = sys.argv[1:]
    print(f"{generate(Path(place), float(share), *map(Path, tables))} clips in {place}")
