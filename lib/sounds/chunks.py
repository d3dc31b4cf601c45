"""Clips in, chunks of equal length out; `cutting` does so for a corpus and keeps the result.

Everything above this floor sees arrays [chunk, sample] (16,000 samples: 1 s at 16 kHz) and never a path.

The rule: a clip is cut into full chunks from its start. What is left after the last full chunk is dropped if it is
shorter than `min_remainder_s`, else filled up by repeating it; a clip shorter than a chunk is always kept and filled.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from lib import files
from lib.display.screen import counted
from lib.settings import Chunking
from lib.sounds.arrays import Scaled
from lib.sounds.corpora.base import ROLES, Corpus, CorpusError, in_lines, listed

LEVELS = ("chunk", "clip")  # what scores are of: a chunk, or the mean over the chunks of its clip


def titles_of_levels(table: Any) -> dict[str, str]:
    """What to call each level of a table (a DataFrame) in a heading; clips alone, with the reason, where both hold the same."""
    of_level = {level: rows.reset_index(drop=True) for level in LEVELS if len(rows := table[table["level"] == level])}
    if len(of_level) == 2 and _same(*(rows.drop(columns="level") for rows in of_level.values())):
        return {"clip": "clips, each of one chunk"}
    return {level: f"{level}s" for level in of_level}


def _same(one: Any, other: Any) -> bool:
    numbers = [rows.select_dtypes("number").to_numpy(float) for rows in (one, other)]
    texts = [rows.select_dtypes(exclude="number") for rows in (one, other)]
    alike = texts[0].equals(texts[1]) and len(one) == len(other)
    return alike and np.allclose(*numbers, rtol=0, atol=1e-9, equal_nan=True)


def cut_clip(
    samples: np.ndarray, settings: Chunking = Chunking(), overlap: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """[sample] -> chunks [chunk, length] float32 and their start_s [chunk], at least one; by the rule above.

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
    length, buffer, n_chunks = round(settings.length_s * settings.rate_hz), np.zeros(0, np.float32), 0
    for piece in pieces:
        buffer = np.concatenate([buffer, piece])
        if n_full := len(buffer) // length:
            yield buffer[: n_full * length].reshape(n_full, length), (n_chunks + np.arange(n_full)) * settings.length_s
            buffer, n_chunks = buffer[n_full * length :], n_chunks + n_full
    if not n_chunks or len(buffer) >= max(1, round(settings.min_remainder_s * settings.rate_hz)):
        chunks, _ = cut_clip(buffer, settings)
        yield chunks, np.array([n_chunks * settings.length_s])


@dataclass(frozen=True, eq=False)
class Chunks:
    """The chunks of a corpus, in the order of its clips; `corpus` has only clips that could be read.

    audio [chunk, sample] float32 (or Scaled, by `stored_as`), read-only and memory-mapped; clip [chunk] row of
    corpus.clips; start_s [chunk]; silent [chunk] bool: no sample reaches silent_dbfs. `key` changes when any sample does; digest [chunk] uint64 says which
    chunk (taken from the audio where it was not stored). built_s: seconds that decoding and cutting took, 0 where
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

        Silent chunks are left out as settings.silent says: drop_train wherever "train" is among them, drop_both always.
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
        """A key of the samples and the labels of the chunks at rows [row], in this order, whatever else the corpus holds."""
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
        why = f" ({', '.join(f'{n} x {reason}' for reason, n in reasons.most_common())})" if reasons else ""
        return "\n".join([*lines, f"rejected: {counted(reasons.total(), 'clip')}{why}", *self.remarks])

    @property
    def copies(self) -> tuple[str, ...]:
        """Ids of test clips that hold a chunk with sound of a training clip in another file, sample by sample."""
        if self.digest is None:
            return ()
        heard = ~self.silent
        known = heard & np.isin(self.digest, self.digest[heard & (self.roles == "train")]) & (self.roles == "test")
        found = dict.fromkeys(self.ids[known].tolist())
        same_file = set(self.corpus.copies) if found else ()
        return tuple(clip for clip in found if clip not in same_file)

    @property
    def doubts(self) -> dict[str, tuple[str, ...]]:
        """Those of the corpus, and what only its samples show."""
        silent = tuple(role for role in ROLES if (self.roles == role).any() and self.silent[self.roles == role].all())
        found = {
            "test clips that hold a chunk of a training clip, sample by sample, so that they are known": self.copies,
            "roles whose clips are all silent, so that there is nothing to hear": silent,
        }
        return {**self.corpus.doubts, **{what: names for what, names in found.items() if names}}

    @property
    def remarks(self) -> tuple[str, ...]:
        """All that a reader of the results should know of the corpus and its samples, one line each."""
        return (*self.corpus.notes, *in_lines([self.doubts]))


def digests_of(audio: np.ndarray) -> np.ndarray:
    """Of each chunk [chunk, sample] 64 bits [chunk] uint64 that change when any of its samples does."""
    each = [hashlib.sha256(np.ascontiguousarray(samples, "<f4")).digest()[:8] for samples in audio]
    return np.frombuffer(b"".join(each), "<u8")
