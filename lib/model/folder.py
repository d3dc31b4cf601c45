"""All sounds of a folder through a model: a row a second, in one file, and what was broken off goes on.

What is done lies in a hidden folder of parts beside the output until that is written. The columns are

    file            the sound's path below the folder
    start_s         where the second begins
    silent          whether it has no sound, by the study's limit
    pitch_000 ...   the embedding, encoder by encoder

Beside it stand `<name>-tags.csv` (file, and the score of every class, by the head on these encoders) and `<name>-bad.csv`
(file, reason).
"""

import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from tqdm import tqdm

from lib import files
from lib.display.screen import counted, watched
from lib.files import PlainError, digests
from lib.files.cells import guarded
from lib.model.trained import Embedded, Model
from lib.sounds.decode import BadFile

Rows = dict[str, np.ndarray]  # columns; embeddings [second, width] by encoder
Add = Callable[[Rows], None]
SUFFIXES = {f".{name.lower()}" for name in soundfile.available_formats()} - {".raw"} | {".aif", ".oga", ".opus"}
PART_SECONDS, PART_FILES = 2000, 500  # a part is written after so many: what a stop may cost


@dataclass(frozen=True)
class Done:
    """What was found: sounds and seconds that were embedded, and sounds that could not be."""

    sounds: int
    seconds: int
    bad: int


def embed_folder(model: Model, root: Path, out: Path, encoders: Sequence[str] = ()) -> Done:
    """Embed every sound file in `root` and below into `out`; PlainError where there is none, or `out` cannot be.

    A call after one that was stopped goes on with the files that are not done, or have changed since.
    """
    paths, names = sound_files(root), model.subset(encoders) or model.names
    check_output(out)
    parts = out.with_name(f".{out.name}.parts")
    with files.locked(parts, f"the output {out.name}", patience_s=0):
        key = files.key(model.key, names, str(root))
        done = _Parts.opened(parts, key, model, names)
        left = [path for path in paths if done.stats.get(_shown(path, root)) != _stat(path)]
        if len(left) < len(paths):
            print(f"{counted(len(paths) - len(left), 'sound')} of {len(paths)} were done before", flush=True)
        bar = tqdm(total=len(paths), initial=len(paths) - len(left), unit="sound", disable=not watched())
        for path, found in zip(left, model.embed_all(left, encoders=names), strict=True):
            done.add(_shown(path, root), _stat(path), found)
            bar.update()
            if done.full:
                done.write()
                if bar.disable:
                    print(f"{len(done.stats)} of {counted(len(paths), 'sound')}", flush=True)
        bar.close()
        done.write()
        result = _write(done, {_shown(path, root) for path in paths}, out)
        shutil.rmtree(parts)
    Path(f"{parts}.lock").unlink(missing_ok=True)
    return result


def check_output(out: Path) -> None:
    """PlainError where nothing can be written to `out`, or something is there."""
    if out.suffix not in WRITERS:
        raise PlainError(f"OUT={out}: a name that ends in {', '.join(WRITERS)}")
    if out.exists():
        raise PlainError(f"OUT={out} is there already: remove it, or give another name")
    if not out.parent.is_dir():
        raise PlainError(f"OUT={out}: there is no folder {out.parent}")


def sound_files(root: Path) -> list[Path]:
    """Every file in a folder and below whose name ends like a sound's, in order; hidden ones are left out."""
    if not root.is_dir():
        raise PlainError(
            f"ROOT={root}: {'this is a file; name its folder' if root.exists() else 'there is no such folder'}"
        )
    found = [
        Path(folder) / name
        for folder, below, inside in os.walk(root)
        if not below.sort() and not any(part.startswith(".") for part in Path(folder).relative_to(root).parts)
        for name in sorted(inside)
        if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
    ]
    if not found:
        raise PlainError(f"ROOT={root}: no sound files in it ({', '.join(sorted(SUFFIXES))})")
    return found


def columns(width: int, name: str) -> list[str]:
    """Names of an encoder's columns: pitch_000, pitch_001, ..."""
    return [f"{name}_{number:03d}" for number in range(width)]


# Parts


class _Parts:
    """The parts there are in a folder, and the one that is being filled."""

    def __init__(self, folder: Path, model: Model, names: Sequence[str]) -> None:
        self.folder, self.model, self.names = folder, model, names
        self.stats: dict[str, tuple[int, int]] = {}
        self.paths: list[Path] = []
        self.new: dict[str, Embedded | BadFile] = {}

    @classmethod
    def opened(cls, folder: Path, key: str, model: Model, names: Sequence[str]) -> "_Parts":
        """Those in a folder that are of this key and whole; of another key they are removed."""
        about = folder / "about.json"
        if about.exists() and digests.reread(about, digests.load_json) != {"key": key}:
            shutil.rmtree(folder)
        digests.write_json(about, {"key": key})
        parts = cls(folder, model, names)
        for path in sorted(folder.glob("[0-9]*.npz")):
            if found := digests.reread(path, digests.load_arrays):
                parts.paths.append(path)
                parts.stats |= dict(zip(found["files"].tolist(), map(tuple, found["stat"].tolist()), strict=True))
        return parts

    def add(self, name: str, stat: tuple[int, int], found: Embedded | BadFile) -> None:
        """Take up one sound, embedded or bad."""
        self.stats[name], self.new[name] = stat, found

    @property
    def full(self) -> bool:
        """Whether the part being filled is to be written."""
        return len(self.new) >= PART_FILES or sum(map(_seconds, self.new.values())) >= PART_SECONDS

    def write(self) -> None:
        """Write the part being filled, if anything is in it."""
        if not self.new:
            return
        good = [found for found in self.new.values() if isinstance(found, Embedded)]
        no_rows = np.zeros((0, self.model.settings.body.width), np.float32)
        none = Embedded(np.zeros(0), np.zeros(0, bool), dict.fromkeys(self.names, no_rows))
        start_s, silent = ([getattr(each, what) for each in (none, *good)] for what in ("start_s", "silent"))
        seconds = {name: np.concatenate([each.seconds[name] for each in (none, *good)]) for name in self.names}
        tags = [self.model.tag(each, encoders=self.names).clip for each in good]
        path = self.folder / f"{int(self.paths[-1].stem) + 1 if self.paths else 0:06d}.npz"
        with digests.sealed(path) as temporary:
            np.savez(
                temporary, files=list(self.new), stat=[self.stats[name] for name in self.new],
                n=list(map(_seconds, self.new.values())), tags=np.array(tags).reshape(-1, len(self.model.classes)),
                reason=[str(found) if isinstance(found, BadFile) else "" for found in self.new.values()],
                start_s=np.concatenate(start_s), silent=np.concatenate(silent), **seconds,
            )  # fmt: skip
        self.paths.append(path)
        self.new.clear()

    def read(self, wanted: set[str]) -> Iterator[dict[str, np.ndarray]]:
        """The parts one by one: of the wanted files, what was found last. file [second] stands beside the embeddings.

        clips, tags [clip, class]: of sounds that were embedded; bad, reasons [file]: of the others.
        """
        last: dict[str, Path] = {}
        for path in self.paths:
            last |= dict.fromkeys(digests.read(path, digests.load_arrays)["files"].tolist(), path)
        for path in self.paths:
            part = digests.read(path, digests.load_arrays)
            keep = np.array([name in wanted and last[name] == path for name in part["files"].tolist()])
            good, rows = part["reason"] == "", np.repeat(keep, part["n"])
            yield {
                "file": np.repeat(part["files"], part["n"])[rows],
                **{name: part[name][rows] for name in ("start_s", "silent", *self.names)},
                "clips": part["files"][good & keep], "tags": part["tags"][keep[good]],
                "bad": part["files"][~good & keep], "reasons": part["reason"][~good & keep],
            }  # fmt: skip


def _seconds(found: Embedded | BadFile) -> int:
    return len(found.start_s) if isinstance(found, Embedded) else 0


def _stat(path: Path) -> tuple[int, int]:
    status = path.stat() if path.exists() else path.lstat()
    return status.st_size, status.st_mtime_ns


def _shown(path: Path, root: Path) -> str:
    """A path below the folder, as text that any file can hold."""
    return os.fsencode(path.relative_to(root).as_posix()).decode("utf-8", "replace")


# The output


def _write(done: _Parts, wanted: set[str], out: Path) -> Done:
    """Write the output and the two tables beside it, part by part."""
    n_sounds = n_seconds = n_bad = 0
    beside = [out.with_name(f"{out.stem}-{what}.csv") for what in ("tags", "bad")]
    with ExitStack() as stack:
        of_tags, of_bad, of_rows = (stack.enter_context(files.atomic_write(path)) for path in (*beside, out))
        add = stack.enter_context(WRITERS[out.suffix](of_rows))
        for number, part in enumerate(done.read(wanted)):
            tags = pd.DataFrame(part["tags"], columns=list(done.model.classes))
            tags.insert(0, "file", part["clips"])
            bad = pd.DataFrame({"file": part["bad"], "reason": part["reasons"]})
            for table, path in ((tags, of_tags), (bad, of_bad)):
                guarded(table).to_csv(path, mode="a", header=not number, index=False, float_format="%.6g")
            n_sounds, n_seconds, n_bad = n_sounds + len(tags), n_seconds + len(part["file"]), n_bad + len(bad)
            add({name: part[name] for name in ("file", "start_s", "silent", *done.names)})
    return Done(n_sounds, n_seconds, n_bad)


def _flat(part: Rows) -> dict[str, np.ndarray]:
    """A column for each dimension."""
    flat = {}
    for name, values in part.items():
        flat |= {name: values} if values.ndim == 1 else dict(zip(columns(values.shape[1], name), values.T, strict=True))
    return flat


@contextmanager
def _csv(path: Path) -> Iterator[Add]:
    def add(part: Rows) -> None:
        table = guarded(pd.DataFrame(_flat(part)))
        table.to_csv(path, mode="a", header=not path.exists(), index=False, float_format="%.7g")

    yield add


@contextmanager
def _npz(path: Path) -> Iterator[Add]:
    parts: list[Rows] = []
    yield parts.append
    with zipfile.ZipFile(path, "w") as archive:  # as np.savez, which has a parameter of the name of a column
        for name in parts[0]:
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.concatenate([part[name] for part in parts]))


@contextmanager
def _parquet(path: Path) -> Iterator[Add]:
    import pyarrow
    from pyarrow import parquet

    with ExitStack() as stack:
        writers: list[parquet.ParquetWriter] = []

        def add(part: Rows) -> None:
            table = pyarrow.table({name: pyarrow.array(values) for name, values in _flat(part).items()})
            if not writers:
                writers.append(stack.enter_context(parquet.ParquetWriter(path, table.schema)))
            writers[0].write_table(table)

        yield add


WRITERS = {".parquet": _parquet, ".csv": _csv, ".npz": _npz}
