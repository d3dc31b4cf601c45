"""The encoders of a finished study and the heads on every subset of them, as one model of any sound."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file
from torch import Tensor

from lib import files
from lib.encoders.encoder import BLOCK, Encoder, embed_chunks, key_of, load_finished
from lib.encoders.heads import HeadPlan, StackedHeads, Subset, label, scale_of, scores_of
from lib.encoders.training import device_of
from lib.evaluation.measures import constant_scores
from lib.files import PlainError, digests
from lib.representations import names
from lib.settings import Settings
from lib.sounds.arrays import batched_slices
from lib.sounds.chunks import cut_stream
from lib.sounds.decode import BLOCK as SAMPLES
from lib.sounds.decode import BadFile, Resampler, stream
from lib.stages import heads_key, heads_made_from, learned_from
from lib.study import Study, StudyError, missing

Sound = str | Path | np.ndarray


@dataclass(frozen=True, eq=False)
class Embedded:
    """A sound second by second: start_s [second], silent [second] bool, seconds: encoder -> embeddings [second, width]."""

    start_s: np.ndarray
    silent: np.ndarray
    seconds: dict[str, np.ndarray]

    @property
    def counted(self) -> np.ndarray:
        """The seconds [second] bool that stand for the clip: those with sound, or all where there is none."""
        return ~self.silent | self.silent.all()

    @property
    def clip(self) -> dict[str, np.ndarray]:
        """encoder -> embedding [width]: the mean over the seconds that are not silent, or over all where all are."""
        return {name: values[self.counted].mean(0) for name, values in self.seconds.items()}


@dataclass(frozen=True, eq=False)
class Tags:
    """What a head says of a sound: start_s [second], seconds [second, class], clip [class]; classes name the columns."""

    classes: tuple[str, ...]
    start_s: np.ndarray
    seconds: np.ndarray
    clip: np.ndarray

    def highest(self, n: int = 5) -> pd.DataFrame:
        """The n classes that score highest: [class, score, and at which second it is highest]."""
        best = np.argsort(-self.clip, kind="stable")[:n]
        at_s = self.start_s[self.seconds[:, best].argmax(0)]
        return pd.DataFrame({"class": [self.classes[k] for k in best], "score": self.clip[best], "highest_at_s": at_s})


@dataclass(frozen=True, eq=False)
class Model:
    """Trained encoders by name in registry order, and by kind the heads on every subset of them.

    heads: kind -> weights as `StackedHeads.named` gives them; scales: encoder -> what its embeddings are less and divided
    by before a head, [width] each; constant: scores [class] of no encoder; load: reads an encoder when it is first needed.
    """

    title: str
    settings: Settings
    classes: tuple[str, ...]
    names: tuple[str, ...]
    heads: Mapping[str, Mapping[str, Tensor]]
    scales: Mapping[str, tuple[Tensor, Tensor]]
    constant: np.ndarray
    load: Callable[[str], Encoder]

    @classmethod
    def of_study(cls, part: Study, seed: int = 0, device: str = "cpu") -> "Model":
        """The model of a run with a test fold or role of its own; StudyError where one of its steps is missing."""
        heads = {kind: _heads(part, kind, seed) for kind in part.settings.heads.kinds}
        learned = {name: learned_from(part, name, seed) for name in names()}
        for kind in heads:
            if heads_made_from(part, kind, seed) != heads_key(part, learned, kind, seed):
                raise StudyError(
                    f"the {kind} heads of seed {seed} were trained on other embeddings, labels or settings: "
                    f"run {part.call('03_subsets')} again"
                )
        train, rule = part.train_rows, part.settings.heads
        scales = {name: scale_of(torch.from_numpy(values[train]), rule) for name, values in learned.items()}
        constant = constant_scores(part.chunks.targets[train]).astype(np.float32)
        classes, load = part.chunks.corpus.classes, partial(_encoder, part, seed, device)
        return cls(part.slug, part.settings, tuple(classes), names(), heads, scales, constant, load)

    @cached_property
    def encoders(self) -> dict[str, Encoder]:
        """The trained encoders in evaluation mode; StudyError naming the notebook where one is missing."""
        return {name: self.load(name) for name in self.names}

    @cached_property
    def key(self) -> str:
        """Changes with whatever the numbers depend on."""
        weights = [value for name in self.names for value in self.encoders[name].state_dict().values()]
        weights += [value for kind in self.heads for value in self.heads[kind].values()]
        digests_of = [files.digest(value.cpu().numpy()) for value in weights]
        return files.key(self.settings, self.classes, self.names, list(self.heads), digests_of)

    # Any sound

    def embed(self, sound: Sound, rate_hz: int = 0, encoders: Sequence[str] = ()) -> Embedded:
        """Embeddings of a sound file, or of samples [sample] or [sample, channel] (floats, -1..1) at rate_hz.

        Any length; the same sound gives the same numbers alone, again and among others. encoders: some, by default all.
        BadFile with the reason where a sound cannot be used.
        """
        (embedded,) = self.embed_all([sound], rate_hz, encoders)
        if isinstance(embedded, BadFile):
            raise embedded
        return embedded

    def embed_all(
        self, sounds: Iterable[Sound], rate_hz: int = 0, encoders: Sequence[str] = ()
    ) -> Iterator[Embedded | BadFile]:
        """The same of each sound, in order, chunks of several going through together; BadFile in place of a bad one."""
        wanted = self.subset(encoders) or self.names
        waiting: deque[_Parts] = deque()
        batch: list[tuple[_Parts, np.ndarray]] = []
        for sound in sounds:
            waiting.append(parts := _Parts({name: [] for name in wanted}))
            try:
                for chunks, start_s in cut_stream(self._pieces(sound, rate_hz), self.settings.chunking):
                    parts.start_s += start_s.tolist()
                    parts.silent += self.silent(chunks).tolist()
                    batch += [(parts, chunk) for chunk in chunks]
                    if len(batch) >= BLOCK:
                        self._through(batch, wanted)
            except BadFile as error:
                parts.bad = error
            parts.read = True
            while waiting and waiting[0].done:
                yield waiting.popleft().result()
        self._through(batch, wanted)
        yield from (parts.result() for parts in waiting)

    def _pieces(self, sound: Sound, rate_hz: int) -> Iterator[np.ndarray]:
        rule = self.settings.chunking
        if isinstance(sound, (str, Path)):
            return stream(Path(sound), rule.rate_hz, rule.resampler)
        return _pieces_of_array(np.asarray(sound), Resampler(rate_hz or rule.rate_hz, rule.rate_hz, rule.resampler))

    def _through(self, batch: list[tuple["_Parts", np.ndarray]], wanted: Sequence[str]) -> None:
        """Embed the chunks of a batch, give each sound its own, and empty the batch."""
        if not batch:
            return
        for name, values in self.of_chunks(np.stack([chunk for _, chunk in batch]), wanted).items():
            for (parts, _), row in zip(batch, values, strict=True):
                parts.rows[name].append(row)
        batch.clear()

    def of_chunks(self, chunks: np.ndarray, encoders: Sequence[str] = ()) -> dict[str, np.ndarray]:
        """encoder -> embeddings [chunk, width] of chunks [chunk, sample] as the study cuts them."""
        return {name: embed_chunks(self.encoders[name], chunks)[0] for name in encoders or self.names}

    def silent(self, chunks: np.ndarray) -> np.ndarray:
        """Which chunks [chunk] of samples [chunk, sample] are silent, by the study's own limit."""
        return np.abs(chunks).max(1) < 10 ** (self.settings.chunking.silent_dbfs / 20)

    def tag(
        self, sound: Sound | Embedded, rate_hz: int = 0, encoders: Sequence[str] | None = None, head: str = ""
    ) -> Tags:
        """Scores of every class by the head of a subset of encoders, by default all; of none, the constant predictor.

        The clip's are the mean over its seconds that are not silent. sound: as for `embed`, or what `embed` gave.
        """
        subset = self.names if encoders is None else self.subset(encoders)
        embedded = sound if isinstance(sound, Embedded) else self.embed(sound, rate_hz, subset)
        scores = self.scores(embedded.seconds, subset, head)
        return Tags(self.classes, embedded.start_s, scores, scores[embedded.counted].mean(0))

    # Embeddings

    def subset(self, encoders: Sequence[str]) -> Subset:
        """Encoders by name as a subset, in registry order; PlainError at a name that the model does not have."""
        encoders = [encoders] if isinstance(encoders, str) else encoders
        if unknown := [name for name in encoders if name not in self.names]:
            raise PlainError(f"encoder {unknown[0]!r}: {self.title} has {', '.join(self.names)}")
        return tuple(name for name in self.names if name in encoders)

    def scaled(self, name: str, embeddings: np.ndarray) -> Tensor:
        """Embeddings [item, width] of one encoder as the heads read them."""
        mean, spread = self.scales[name]
        return (torch.from_numpy(np.ascontiguousarray(embeddings, np.float32)) - mean) / spread

    def scores(self, embeddings: Mapping[str, np.ndarray], subset: Subset, head: str = "") -> np.ndarray:
        """Scores [item, class] of embeddings [item, width] by encoder; head: a kind, by default the study's first."""
        kind = head or self.settings.heads.kinds[0]
        if kind not in self.heads:
            raise PlainError(f"head {kind!r}: {self.title} has {', '.join(self.heads)}")
        if not subset:
            return np.tile(self.constant, (len(next(iter(embeddings.values()))), 1))
        if lacking := [name for name in subset if name not in embeddings]:
            raise PlainError(f"{label(subset)}: {lacking[0]} was not embedded")
        model, plan = StackedHeads.of_subset(subset, self.heads[kind]), HeadPlan.of(self.settings, kind)
        return next(scores_of(model, torch.cat([self.scaled(name, embeddings[name]) for name in subset], dim=1), plan))


@dataclass
class _Parts:
    """What is there of a sound while its chunks go through."""

    rows: dict[str, list[np.ndarray]]
    start_s: list[float] = field(default_factory=list)
    silent: list[bool] = field(default_factory=list)
    read: bool = False
    bad: BadFile | None = None

    @property
    def done(self) -> bool:
        return self.read and all(len(rows) == len(self.start_s) for rows in self.rows.values())

    def result(self) -> Embedded | BadFile:
        seconds = {name: np.array(rows) for name, rows in self.rows.items()}
        return self.bad or Embedded(np.array(self.start_s), np.array(self.silent), seconds)


def _pieces_of_array(samples: np.ndarray, resampler: Resampler) -> Iterator[np.ndarray]:
    """Samples [sample] or [sample, channel] as the pieces of a file come."""
    if samples.ndim not in (1, 2) or not np.issubdtype(samples.dtype, np.floating):
        raise BadFile(
            f"{samples.dtype} {list(samples.shape)}: samples are floats from -1 to 1, [sample] or [sample, channel]"
        )
    if not len(samples):
        raise BadFile("no samples")
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    for part in batched_slices(len(mono), SAMPLES):
        yield resampler.piece(np.ascontiguousarray(mono[part], np.float32))
    yield resampler.rest()


def _heads(part: Study, kind: str, seed: int) -> dict[str, Tensor]:
    path = part.heads(kind, seed)
    if not path.exists():
        raise missing(part, path, "03_subsets")
    return digests.read(path, load_file)


def _encoder(part: Study, seed: int, device: str, name: str) -> Encoder:
    chunks, folder = part.chunks, part.checkpoint(name, seed)
    encoder = Encoder(name, len(chunks.corpus.classes), part.settings)
    if load_finished(encoder, folder, key_of(name, chunks, part.settings, seed)) is None:
        raise missing(part, folder / "encoder.json", "02_train_encoder", representation=name, seed=seed)
    return encoder.to(device_of(device)).eval().requires_grad_(False)
