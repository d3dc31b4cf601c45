"""The embedded corpus as a folder in FSD50K's own layout: written once, made again where it is damaged or of other settings.

`ensure` gives the folder, `generate` writes it; lib/sounds/corpora/fsd50k.py reads it like the real one.
"""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import soundfile

from lib import files
from lib.sounds.corpora import layout, planted
from lib.sounds.corpora.layout import Entry
from lib.sounds.corpora.planted import CLASSES, PARENTS, Clip, Planted, clips, render

STAMP = "planted.json"  # written last: what the corpus was made from, and what it holds


def entry(clip: Clip) -> Entry:
    """A clip in FSD50K's tables."""
    return Entry(clip.id, clip.labels, "eval" if clip.role == "test" else clip.role, {
        "title": f"{clip.pitch}, {clip.timbre}, {clip.gesture}",
        "description": "Synthetic: a harmonic tone in noise.",
        "tags": [clip.pitch, clip.timbre, clip.gesture],
        "license": "http://creativecommons.org/publicdomain/zero/1.0/",
        "uploader": f"uploader_{clip.uploader}",
    })  # fmt: skip


def write_tables(folder: Path, rows: Sequence[Clip]) -> None:
    """Ground truth and metadata in FSD50K's layout, and ontology.csv."""
    mids = {name: f"/planted/{number:02d}" for number, name in enumerate(CLASSES)}
    layout.write_tables(folder, list(map(entry, rows)), mids)
    ontology = pd.DataFrame({"label": CLASSES, "parents": ["|".join(PARENTS[name]) for name in CLASSES]})
    ontology.to_csv(folder / "ontology.csv", index=False, lineterminator="\n")


def stamp(settings: Planted) -> dict[str, object]:
    """What planted.json holds besides the content: the settings, and a key of the code, as other code makes other sounds."""
    code = [Path(module).read_text() for module in (planted.__file__, __file__, layout.__file__)]
    return {"settings": json.loads(settings.model_dump_json()), "code": files.key(code)}


def content(folder: Path, digests_of: Callable[[list[Path]], list[str]] = files.content_of) -> str:
    """A key of all sounds and tables."""
    paths = sorted(
        path for kind in ("wav", "csv", "json") for path in folder.rglob(f"[!.]*.{kind}") if path.name != STAMP
    )
    return files.key([path.relative_to(folder).as_posix() for path in paths], digests_of(paths))


def generate(folder: Path, settings: Planted = Planted()) -> None:
    """Write the corpus as `folder`, in place of what was there: complete or absent, same settings same bytes."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    rows = list(clips(settings))

    def write(clip: Clip) -> None:
        path = layout.audio(temporary, entry(clip))
        soundfile.write(path, render(clip, settings), settings.rate_hz, subtype="PCM_16")

    try:
        write_tables(temporary, rows)
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:  # transforms leave Python's lock
            list(pool.map(write, rows))
        new = content(temporary, lambda paths: [files.digest_of_file(path) for path in paths])  # nothing to remember
        files.write_json(temporary / STAMP, stamp(settings) | {"content": new})
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def made(folder: Path, settings: Planted) -> bool:
    """Whether `folder` holds the corpus of these settings, as it was written; where it is damaged, that is said."""
    try:
        kept = json.loads((folder / STAMP).read_text())
    except (OSError, ValueError):
        return False
    if kept != stamp(settings) | {"content": kept.get("content")}:
        return False
    if kept["content"] == content(folder):
        return True
    print(f"the embedded corpus in {folder} is damaged: it is made again", flush=True)
    return False


def ensure(home: Path, settings: Planted = Planted()) -> Path:
    """`home`/data/planted, generated where it is absent or of other settings."""
    folder = home / "data" / "planted"
    try:
        if not made(folder, settings):
            print("making the embedded corpus: once, some seconds", flush=True)
            generate(folder, settings)
    except OSError:  # another process may have put it there first
        if not made(folder, settings):
            raise
    return folder
