"""Clips in, chunks of equal length out: decoded, resampled, cut by one rule, kept as one memory-mapped array.

`cut_clip` cuts one clip's samples; `cut` decodes and cuts a whole corpus and keeps the result under data/cache/chunks.
A file that cannot be used rejects its clip with a reason and never stops the corpus. Everything above this floor sees
arrays [chunk, sample] (16,000 samples: 1 s at 16 kHz) and never a path.

The rule: a clip is cut into full chunks from its start. What is left after the last full chunk is dropped if it is
shorter than `min_remainder_s`, else filled up by repeating it; a clip shorter than a chunk is always kept and filled.
"""

import hashlib
import json
import os
import shutil
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
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
from lib.sounds.corpora.base import REJECTED_COLUMNS, ROLES, Corpus, CorpusError, listed
from lib.sounds.corpora.rows import need_both_sides
from lib.sounds.decode import FAR, BadFile, decode_channels

LEVELS = ("chunk", "clip")  # what scores are of: a chunk, or the mean over the chunks of its clip
VERSION = 3  # of the rule below: raised when the same files and settings would give other chunks
FULL_SCALE, CLIPPED_SHARE = 0.99, 0.001  # a clip with more than this share of samples at full scale looks clipped
FILES = ("audio.npy", "index.npz", "rejected.csv", "about.json")  # of what was cut
NO_SOUND = 1e-4  # a channel without a sample from here up is silent (-80 dBFS)
OFFSET = 0.02  # of full scale: a clip's mean beyond it is a DC offset, which every representation sees


def cut_clip(
    samples: np.ndarray, settings: Chunking = Chunking(), overlap: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """[sample] -> chunks [chunk, length] float32 and their start_s [chunk], at least one; the rule is told above.

    With `overlap` (0 to under 1) a chunk starts every (1 - overlap) lengths; what is left is what no full chunk holds.
    """
    length = round(settings.length_s * settings.rate_hz)
    hop = max(1, round(length * (1 - overlap)))
    n_full = max(0, (len(samples) - length) // hop + 1)
    covered = (n_full - 1) * hop + length if n_full else 0
    starts = hop * np.arange(n_full)
    chunks = [samples[start : start + length] for start in starts]
    if not n_full or len(samples) - covered >= max(1, round(settings.min_remainder_s * settings.rate_hz)):
        rest = samples[n_full * hop :]
        starts = np.append(starts, n_full * hop)
        chunks.append(np.resize(rest, length) if settings.fill == "repeat" else np.pad(rest, (0, length - len(rest))))
    return np.stack(chunks).astype(np.float32, copy=False), starts / settings.rate_hz


def cut_stream(pieces: Iterable[np.ndarray], settings: Chunking) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What `cut_clip` gives of pieces [sample] put together, as they come: chunks [chunk, length] and their start_s."""
    length, held, n_chunks = round(settings.length_s * settings.rate_hz), np.zeros(0, np.float32), 0
    for piece in pieces:
        held = np.concatenate([held, piece])
        if n_full := len(held) // length:
            yield held[: n_full * length].reshape(n_full, length), (n_chunks + np.arange(n_full)) * settings.length_s
            held, n_chunks = held[n_full * length :], n_chunks + n_full
    if not n_chunks or len(held) >= max(1, round(settings.min_remainder_s * settings.rate_hz)):
        chunks, _ = cut_clip(held, settings)
        yield chunks, np.array([n_chunks * settings.length_s])


@dataclass(frozen=True, eq=False)
class Chunks:
    """The chunks of a corpus, in the order of its clips; `corpus` has only clips that could be read.

    audio [chunk, sample] float32 (or Scaled, by `stored_as`), read-only and memory-mapped; clip [chunk] row of corpus.clips; start_s [chunk];
    silent [chunk] bool: no sample reaches silent_dbfs. `key` changes when any sample does; digest [chunk] uint64 tells of
    which chunk (taken from the audio where it was not stored). built_s: seconds that decoding and cutting took, 0 where
    they were done before. odd: ids of clips by what is odd about their samples; kept and used all the same.
    """

    audio: np.ndarray | Scaled
    clip: np.ndarray
    start_s: np.ndarray
    silent: np.ndarray
    corpus: Corpus
    settings: Chunking
    key: str
    built_s: float = 0.0
    digest: np.ndarray | None = None
    odd: dict[str, list[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.clip)

    def rows(self, *roles: str) -> np.ndarray:
        """Indices [row] of the chunks of these roles, ascending; without roles, of all.

        Silent chunks are left out as settings.silent says: drop_train wherever "train" is asked for, drop_both always.
        """
        if unknown := set(roles) - set(ROLES):
            raise ValueError(f"there is no role {', '.join(sorted(unknown))}; there are {', '.join(ROLES)}")
        if roles and self.corpus.folds and not self.corpus.clips["role"].any():
            raise CorpusError(f"{self.corpus.name} comes in folds: choose the test fold first, with Corpus.with_fold")
        keep = np.isin(self.roles, roles or ("", *ROLES))
        if self.settings.silent == "drop_both" or (self.settings.silent == "drop_train" and "train" in roles):
            keep &= ~self.silent
        return np.flatnonzero(keep)

    def content(self, rows: np.ndarray) -> str:
        """A key of the samples and the labels of these chunks in this order, whatever else the corpus holds."""
        samples = digests_of(self.audio[rows]) if self.digest is None else self.digest[rows]
        return files.key(files.digest(samples), files.digest(self.targets[rows]), self.targets.shape[1])

    @cached_property
    def roles(self) -> np.ndarray:
        """The role of each chunk [chunk], text."""
        return self._of_clips("role")

    @cached_property
    def ids(self) -> np.ndarray:
        """The clip's id of each chunk [chunk], text."""
        return self._of_clips("id")

    @cached_property
    def groups(self) -> np.ndarray:
        """The group of each chunk [chunk], text."""
        return self._of_clips("group")

    @cached_property
    def targets(self) -> np.ndarray:
        """Labels [chunk, class] as uint8 0 or 1: a chunk inherits all labels of its clip."""
        return self.corpus.targets[self.clip]

    def _of_clips(self, column: str) -> np.ndarray:
        return self.corpus.clips[column].to_numpy().astype(str)[self.clip]

    def summary(self) -> str:
        """Clips, chunks, seconds of each role, silent chunks and rejected clips, in a few plain lines."""
        each = f"{self.settings.length_s:g} s"
        lines = [
            f"{self.corpus.name}: {counted(len(self.corpus.clips), 'clip')}, {counted(len(self), 'chunk')} of {each}"
        ]
        for role in [role for role in ("", *ROLES) if (self.roles == role).any()]:
            chunk = self.roles == role
            n_clips = len(np.unique(self.clip[chunk]))
            seconds = chunk.sum() * self.settings.length_s
            lines.append(
                f"{role or 'all folds'}: {counted(n_clips, 'clip')}, {counted(chunk.sum(), 'chunk')}, {seconds:g} s"
            )
        limit = f"no sample reaches {self.settings.silent_dbfs:g} dBFS"
        lines.append(f"silent: {counted(self.silent.sum(), 'chunk')} ({limit}; setting: {self.settings.silent})")
        lines += [
            f"{what}: {counted(len(clips), 'clip')}, kept as found ({listed(clips, 3)})"
            for what, clips in self.odd.items()
        ]
        reasons = Counter(reason.split(":")[0] for reason in self.corpus.rejected["reason"])
        told = f" ({', '.join(f'{n} x {reason}' for reason, n in reasons.most_common())})" if reasons else ""
        return "\n".join([*lines, f"rejected: {counted(reasons.total(), 'clip')}{told}", *self.corpus.remarks])


def odd_about(chunks: np.ndarray, peaks: np.ndarray) -> list[str]:
    """What is odd about the samples of a clip's chunks [chunk, sample] and about its channels' peaks [channel].

    No rule rejects it.
    """
    clipped = (np.abs(chunks) >= FULL_SCALE).mean() > CLIPPED_SHARE
    shifted = abs(chunks.mean(dtype=np.float64)) > OFFSET
    one_sided = peaks.min() < NO_SOUND <= peaks.max()
    found = {
        f"clipped (over {CLIPPED_SHARE:.1%} of the samples at full scale)": clipped,
        f"DC offset (mean beyond {OFFSET:.0%} of full scale)": shifted,
        "a silent channel beside one with sound (the mean of all channels is taken)": one_sided,
    }
    return [what for what, so in found.items() if so]


def cut(
    corpus: Corpus, settings: Chunking = Chunking(), progress: bool | None = None, threads: int | None = None
) -> Chunks:
    """The chunks of a corpus: cut once, then read from data/cache/chunks, whatever the fold.

    progress: a bar (True), nothing (False), or by default a bar where someone watches and elsewhere a line at the end.
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
                _build(folder, corpus, settings, progress, threads or min(8, os.cpu_count() or 1))
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


def _build(folder: Path, corpus: Corpus, settings: Chunking, progress: bool | None, threads: int) -> None:
    """Write the folder beside its place and move it there; the caller holds the lock."""
    part = folder.with_name(f".{folder.name}.part")
    start = time.perf_counter()
    try:
        shutil.rmtree(part, ignore_errors=True)  # of a process that was killed
        with files.room_for(folder):
            part.mkdir()
            n_chunks, n_rejected = _fill(part, corpus, settings, watched() if progress is None else progress, threads)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(part, folder)
    except OSError as error:
        raise CorpusError(f"{folder.parent} cannot be written ({error}); free space, or set STUDY_HOME") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    if progress is None and not watched():
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
            chunks, start_s, peaks = result
            stored = Scaled.of(chunks) if settings.stored_as == "int16" else None
            if stored is not None:
                scales.append(stored.scale)
                chunks = stored[:]  # as it will be read
            index.append(np.stack([np.full(len(chunks), n_usable), start_s, np.abs(chunks).max(axis=1)]))
            by_chunk.append(digests_of(chunks))
            for what in odd_about(chunks, peaks):
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


def digests_of(audio: np.ndarray) -> np.ndarray:
    """Of each chunk [chunk, sample] 64 bits [chunk] uint64 that change when any of its samples does."""
    each = [hashlib.sha256(np.ascontiguousarray(samples, "<f4")).digest()[:8] for samples in audio]
    return np.frombuffer(b"".join(each), "<u8")


def _cut_file(path: str, role: str, settings: Chunking) -> tuple[np.ndarray, np.ndarray, np.ndarray] | BadFile:
    """Chunks [chunk, sample], start_s [chunk] and the peak of each channel [channel] of a file."""
    try:
        samples, peaks = decode_channels(Path(path), settings.rate_hz, settings.resampler)
    except BadFile as error:
        return error
    return *cut_clip(samples, settings, settings.test_overlap if role == "test" else 0.0), peaks


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
    told = pd.read_csv(folder / "rejected.csv", dtype=str, keep_default_na=False)
    bad = corpus.clips["id"].isin(told["clip"])
    told = told.assign(path=list(corpus.clips.loc[bad, "path"]))
    rejected = pd.concat([corpus.rejected, told], ignore_index=True)
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
