"""A corpus cut into chunks: decoded, resampled, cut by one rule, kept as one memory-mapped array under data/cache/chunks.

A file that cannot be used rejects its clip with a reason and never stops the corpus.
"""

import hashlib
import json
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import soundfile
import soxr
from filelock import FileLock
from tqdm import tqdm

from lib import files
from lib.display.screen import counted, watched
from lib.files import digests
from lib.settings import Chunking
from lib.sounds.arrays import Scaled
from lib.sounds.chunks import Chunks, cut_clip, digests_of
from lib.sounds.corpora.base import REJECTED_COLUMNS, Corpus, CorpusError
from lib.sounds.corpora.rows import need_both_sides
from lib.sounds.decode import FAR, BadFile, decode_channels

VERSION = 5  # of the rule of chunks: raised when the same files and settings would give other chunks
FULL_SCALE, CLIPPED_SHARE = 0.99, 0.001  # a clip with more than this share of samples at full scale looks clipped
FILES = ("audio.npy", "index.npz", "rejected.csv", "about.json")  # of what was cut
SHORTEST_S = 0.05  # a clip that is shorter is filled up by so many copies of itself that it sounds as something else
CANCELLED = 0.5  # a mean of channels with less than this part of what the loudest alone would leave: they cancel
NO_SOUND = 1e-4  # a channel without a sample from here up is silent (-80 dBFS)
OFFSET = 0.02  # of full scale: a clip's mean beyond it is a DC offset, which every representation sees


def odd_about(chunks: np.ndarray, peaks: np.ndarray, seconds: float) -> list[str]:
    """What is odd about a clip: its chunks [chunk, sample], the peaks of its channels and of their mean [channel + 1],
    and its length.

    No rule rejects it.
    """
    clipped = (np.abs(chunks) >= FULL_SCALE).mean() > CLIPPED_SHARE
    shifted = abs(chunks.mean(dtype=np.float64)) > OFFSET
    channels, mean = peaks[:-1], peaks[-1]
    one_sided = channels.min() < NO_SOUND <= channels.max()
    cancelled = channels.max() >= NO_SOUND and mean < CANCELLED * channels.max() / len(channels)
    found = {
        f"clipped (over {CLIPPED_SHARE:.1%} of the samples at full scale)": clipped,
        f"DC offset (mean beyond {OFFSET:.0%} of full scale)": shifted,
        "a silent channel beside one with sound (the mean of all channels is taken)": one_sided,
        "channels that cancel each other (of their mean, which is taken, little is left)": cancelled,
        f"shorter than {SHORTEST_S:g} s": seconds < SHORTEST_S,
    }
    return [what for what, so in found.items() if so]


def cut(corpus: Corpus, settings: Chunking = Chunking(), threads: int | None = None) -> Chunks:
    """The chunks of a corpus: cut once, then read from data/cache/chunks, whatever the fold.

    It shows a bar where someone watches, and elsewhere prints a line at the end.
    threads decode side by side and change nothing in the result. CorpusError if no clip is left to train or test on.
    """
    folder = files.cache() / "chunks" / _key(corpus, settings)
    built_s = 0.0
    if not _complete(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{folder.name}.lock")):
            if not _complete(folder):
                if folder.exists():
                    print(f"the chunks of {corpus.name} in data/cache are damaged: they are cut again", flush=True)
                start = time.perf_counter()
                _build(folder, corpus, settings, threads or min(8, os.cpu_count() or 1))
                built_s = time.perf_counter() - start
    return replace(_load(folder, corpus, settings), built_s=built_s)


def _key(corpus: Corpus, settings: Chunking) -> str:
    """Of the files (by clip and content), of what cuts them, and of roles only where they matter."""
    content = files.content_of(corpus.clips["path"])
    roles = list(corpus.clips["role"]) if settings.test_overlap else []
    versions = [soxr.__version__, soxr.__libsoxr_version__, soundfile.__version__, soundfile.__libsndfile_version__]
    versions += [version("torchaudio")] if settings.resampler == "torchaudio" else []
    return files.key(VERSION, corpus.name, list(corpus.clips["id"]), content, _rule(settings), roles, versions)


def _rule(settings: Chunking) -> dict[str, object]:
    """The settings that decide the samples; what counts as silent is decided when chunks are read."""
    as_they_are = {"stored_as"} if settings.stored_as == "float32" else set()  # chunks from before there was a choice
    return settings.model_dump(exclude={"silent", "silent_dbfs"} | as_they_are)


def _complete(folder: Path) -> bool:
    """Whether the folder holds a whole cut, as it was written.

    One made when samples far beyond full scale were not yet refused is made again where it has any.
    """
    try:
        about = json.loads((folder / "about.json").read_text())
        whole = (folder / "audio.npy").stat().st_size == about["audio_bytes"]
        whole = whole and all(digests.intact(folder / name) for name in FILES)
        return whole and ("odd" in about or not np.load(folder / "index.npz")["peak"].max() > FAR)
    except (OSError, ValueError, KeyError):
        return False


def _build(folder: Path, corpus: Corpus, settings: Chunking, threads: int) -> None:
    """Write the folder beside its place and move it there; the caller holds the lock."""
    part = folder.with_name(f".{folder.name}.part")
    start = time.perf_counter()
    try:
        shutil.rmtree(part, ignore_errors=True)  # of a process that was killed
        with files.room_for(folder):
            part.mkdir()
            n_chunks, n_rejected = _fill(part, corpus, settings, watched(), threads)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(part, folder)
    except OSError as error:
        raise CorpusError(f"{folder.parent} cannot be written ({error}); free space, or set STUDY_HOME") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    if not watched():
        seconds = time.perf_counter() - start
        n_clips = len(corpus.clips) - n_rejected
        print(
            f"{corpus.name}: cut {counted(n_clips, 'clip')} into {counted(n_chunks, 'chunk')} in {seconds:.1f} s, {n_rejected} rejected"
        )


def _fill(part: Path, corpus: Corpus, settings: Chunking, bar: bool, threads: int) -> tuple[int, int]:
    """audio.npy, index.npz, rejected.csv and about.json of the corpus; the numbers of chunks and of rejected clips."""
    rejected: list[tuple[str, str, str]] = []
    odd: dict[str, list[str]] = {}
    by_chunk, scales = [np.empty(0, np.uint64)], [np.empty(0, np.float32)]
    index = [np.empty((3, 0))]  # of each clip [3, chunk]: its row among the usable, start_s, peak
    rows = list(corpus.clips[["path", "id", "role"]].itertuples(index=False, name=None))
    results = _in_order(lambda row: _cut_file(row[0], row[2], settings), rows, threads)

    def usable() -> Iterator[np.ndarray]:
        n_usable = 0
        for (path, clip, _), result in zip(tqdm(rows, "cutting", unit="clip", disable=not bar), results, strict=True):
            if isinstance(result, BadFile):
                rejected.append((path, clip, str(result)))
                continue
            chunks, start_s, peaks, seconds = result
            stored = Scaled.of(chunks) if settings.stored_as == "int16" else None
            if stored is not None:
                scales.append(stored.scale)
                chunks = stored[:]  # as it will be read
            index.append(np.stack([np.full(len(chunks), n_usable), start_s, np.abs(chunks).max(axis=1)]))
            by_chunk.append(digests_of(chunks))
            for what in odd_about(chunks, peaks, seconds):
                odd.setdefault(what, []).append(clip)
            n_usable += 1
            yield chunks if stored is None else stored.codes

    with open(part / "audio.npy", "wb") as file:
        kind = "<i2" if settings.stored_as == "int16" else "<f4"
        digest = _write_array(file, usable(), round(settings.length_s * settings.rate_hz), kind)
    clip, start_s, peak = np.concatenate(index, axis=1)
    np.savez(
        part / "index.npz", clip=clip.astype(np.int64), start_s=start_s, peak=peak.astype(np.float32),
        digest=np.concatenate(by_chunk), scale=np.concatenate(scales),
    )  # fmt: skip
    pd.DataFrame(rejected, columns=REJECTED_COLUMNS).to_csv(part / "rejected.csv", index=False, lineterminator="\n")
    about = {"key": digest, "corpus": corpus.name, "audio_bytes": (part / "audio.npy").stat().st_size, "odd": odd}
    files.write_json(part / "about.json", {**about, "settings": _rule(settings)})
    digests.adopt(*(part / name for name in FILES))
    return len(clip), len(rejected)


def _cut_file(path: str, role: str, settings: Chunking) -> tuple[np.ndarray, np.ndarray, np.ndarray, float] | BadFile:
    """Of a file its chunks [chunk, sample], their start_s [chunk], peaks [channel + 1] of channels and mean, and seconds."""
    try:
        samples, peaks = decode_channels(Path(path), settings.rate_hz, settings.resampler)
    except BadFile as error:
        return error
    overlap = settings.test_overlap if role == "test" else 0.0
    return *cut_clip(samples, settings, overlap), peaks, len(samples) / settings.rate_hz


def _in_order(work: Callable, items: Iterable, threads: int) -> Iterator:
    """work(item) of each item in order, on threads; few results wait, as a corpus may exceed memory."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 4 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _write_array(file: BinaryIO, pieces: Iterable[np.ndarray], length: int, kind: str) -> str:
    """Pieces [chunk, length] of one kind as a .npy file whose rows are counted as they come; the digest of its samples."""
    digest, n_chunks = hashlib.sha256(), 0
    _write_header(file, 0, length, kind)
    start = file.tell()
    for piece in pieces:
        data = np.ascontiguousarray(piece, kind).tobytes()
        digest.update(data)
        file.write(data)
        n_chunks += len(piece)
    file.seek(0)
    _write_header(file, n_chunks, length, kind)
    if file.tell() != start:  # numpy leaves room for a longer number of rows
        raise RuntimeError("this numpy writes headers of another length for more rows")
    return digest.hexdigest()[:16]


def _write_header(file: BinaryIO, n_chunks: int, length: int, kind: str) -> None:
    header = {"descr": kind, "fortran_order": False, "shape": (n_chunks, length)}
    np.lib.format.write_array_header_1_0(file, header)


def _load(folder: Path, corpus: Corpus, settings: Chunking) -> Chunks:
    """Chunks from a whole folder, for the corpus as it is now (its labels, roles and paths may have changed)."""
    unusable = pd.read_csv(folder / "rejected.csv", dtype=str, keep_default_na=False)
    bad = corpus.clips["id"].isin(unusable["clip"])
    unusable = unusable.assign(path=list(corpus.clips.loc[bad, "path"]))
    rejected = pd.concat([corpus.rejected, unusable], ignore_index=True)
    clips = corpus.clips[~bad].reset_index(drop=True)
    need_both_sides(corpus.name, corpus.root, clips, rejected)
    about = json.loads((folder / "about.json").read_text())
    index = digests.load_arrays(folder / "index.npz")
    clip, start_s, peak, digest = (index[name] for name in ("clip", "start_s", "peak", "digest"))
    scale = index["scale"] if settings.stored_as == "int16" else None
    audio = np.load(folder / "audio.npy", mmap_mode="r")
    digests.adopt(*(folder / name for name in FILES))
    return Chunks(
        audio=audio if scale is None else Scaled(audio, scale),
        clip=clip,
        start_s=start_s,
        silent=peak < 10 ** (settings.silent_dbfs / 20),
        digest=digest,
        corpus=replace(corpus, clips=clips, rejected=rejected),
        settings=settings,
        key=about["key"],
        odd=about.get("odd", {}),
    )
