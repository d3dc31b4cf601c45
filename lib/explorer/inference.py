"""What a finished study predicts for a sound, at once: everything that it takes is in memory.

`Inference` holds the embeddings of all chunks, the trained heads of every subset and, once used, the encoders. It
scores, finds what sounds alike to an encoder, and embeds a sound that it has never seen. Nothing is trained here.
"""

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lib.encoders.encoder import features_of
from lib.encoders.heads import Subset
from lib.evaluation.frozen import read_embeddings
from lib.explorer import embedding_map
from lib.explorer.limits import LONGEST_S, looked_at, too_large
from lib.files import PlainError, runs
from lib.model.trained import Embedded, Model
from lib.plots import sounds
from lib.representations import names
from lib.representations.base import ReferenceChunks, Representation
from lib.sounds.arrays import Rows
from lib.sounds.chunks import cut_clip
from lib.sounds.corpora.base import FEW, listed
from lib.sounds.decode import BadFile, decode
from lib.study import Request, Study

N_PLACING = 5  # nearest chunks that say where a sound of one's own lies on a map


@dataclass(frozen=True)
class Sound:
    """A sound in chunks: audio [c, s], start_s [c], silent [c], each encoder's embeddings [c, width], its labels and its name.

    clip: its place in the corpus's table of clips; -1 for a sound from elsewhere, which has no labels.
    remark: a note on it, such as that only its beginning is used.
    """

    audio: np.ndarray
    start_s: np.ndarray
    silent: np.ndarray
    embeddings: dict[str, np.ndarray]
    labels: tuple[str, ...]
    name: str
    clip: int = -1
    remark: str = ""

    @property
    def loudest(self) -> int:
        """The chunk with the most energy."""
        return int(np.square(self.audio, dtype=np.float64).sum(1).argmax())

    @property
    def embedded(self) -> Embedded:
        """As the model has it."""
        return Embedded(self.start_s, self.silent, self.embeddings)


class Inference:
    """One finished run with one seed; `part` has a test fold or role of its own.

    head: the kind of head that predicts, the study's first; it may be set to another that the study has.
    """

    def __init__(self, part: Study, seed: int = 0) -> None:
        self.part, self.seed = part, seed
        self.model, self.head = Model.of_study(part, seed), part.settings.heads.kinds[0]
        self.chunks, self.classes = part.chunks, part.chunks.corpus.classes
        self.train = part.train_rows
        self.embeddings = {name: read_embeddings(part, name, seed) for name in names()}
        self._of_clips: dict[tuple[str, Subset], np.ndarray] = {}

    # Scores

    def scores(self, sound: Sound, subset: Subset) -> np.ndarray:
        """Scores [c, class] of the subset's head; without any encoder those of the constant predictor."""
        return self.model.scores(sound.embeddings, subset, self.head)

    def clip_scores(self, subset: Subset) -> np.ndarray:
        """Scores [clip, class] of every clip of the corpus: the mean over its chunks; cached."""
        if (self.head, subset) not in self._of_clips:
            rows = self.chunks.rows()  # without the silent ones, where the study leaves them out
            scores = self.model.scores(self.embeddings, subset, self.head)[rows]
            clip = self.chunks.clip[rows]
            total = np.zeros((len(self.chunks.corpus.clips), scores.shape[1]))
            np.add.at(total, clip, scores)
            self._of_clips[self.head, subset] = total / np.maximum(np.bincount(clip, minlength=len(total)), 1)[:, None]
        return self._of_clips[self.head, subset]

    # Which clips

    @cached_property
    def families(self) -> dict[str, list[int]]:
        """Columns of the classes [class] of each label family that a clip can be judged by: more than one, and not all."""
        every = self.chunks.corpus.families
        return {name: columns for name, columns in every.items() if 1 < len(columns) < len(self.classes)}

    def mistaken(self, subset: Subset, columns: Sequence[int] | None = None) -> np.ndarray:
        """Whether the k labels of each clip [clip] are not its k highest classes; of all classes, or labels and classes at `columns`.

        Of all classes aspect by aspect where every clip has a label of each, as a pitch and a timbre. A clip without a
        label at the columns is not mistaken.
        """
        corpus, scores = self.chunks.corpus, self.clip_scores(subset)
        wrong = np.zeros(len(scores), bool)
        for together in corpus.aspects if columns is None else [columns]:
            own = corpus.targets[:, together] == 1
            place = np.argsort(np.argsort(-scores[:, together], axis=1, kind="stable"), axis=1)
            wrong |= (own & (place >= own.sum(1, keepdims=True))).any(1)
        return wrong

    def disagreement(self, columns: Sequence[int] | None = None) -> np.ndarray:
        """How far from one another the encoders' own predictions for each clip [clip] are: from 0, the same, to 2.

        1 less the correlation over the classes, all or those at `columns`, between two encoders' scores, each less what
        that encoder says of a class in the mean over clips; the mean over all pairs of encoders.
        """
        over = slice(None) if columns is None else columns
        inference = [self.clip_scores((name,))[:, over] for name in self.embeddings]
        own = [scores - scores.mean(0) for scores in inference]
        own = [part - part.mean(1, keepdims=True) for part in own]
        own = [part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12) for part in own]
        return 1 - np.mean([(one * other).sum(1) for one, other in combinations(own, 2)], axis=0)

    # Sounds

    def clip(self, clip: int) -> Sound:
        """A clip of the corpus, by its place in the table of clips."""
        rows = np.flatnonzero(self.chunks.clip == clip)
        return Sound(
            np.array(self.chunks.audio[rows]), self.chunks.start_s[rows], self.chunks.silent[rows],
            {name: values[rows] for name, values in self.embeddings.items()}, tuple(self.chunks.corpus.clips["labels"].iloc[clip]), self.files_of_clips[clip], clip,
        )  # fmt: skip

    def chunk(self, row: int) -> tuple[Sound, int]:
        """The clip that a chunk of the corpus lies in, and which of the clip's chunks it is."""
        clip = int(self.chunks.clip[row])
        return self.clip(clip), int(row - np.flatnonzero(self.chunks.clip == clip)[0])

    @cached_property
    def names_of_clips(self) -> list[str]:
        """The clips of the corpus [clip], each in a line."""
        labels = self.chunks.corpus.clips["labels"]
        return [caption(own, name) for own, name in zip(labels, self.files_of_clips, strict=True)]

    @cached_property
    def files_of_clips(self) -> list[str]:
        """The files of the clips [clip] by name; with their folders below the corpus's where several have one name."""
        corpus = self.chunks.corpus
        paths = [Path(path) for path in corpus.clips["path"]]
        among = Counter(path.name for path in paths)
        return [path.name if among[path.name] == 1 else below(path, corpus.root) for path in paths]

    def caption_of(self, row: int) -> str:
        """A chunk of the corpus in a line: its clip, and where in it."""
        return f"{self.names_of_clips[self.chunks.clip[row]]}, from {self.chunks.start_s[row]:g} s"

    def embed_file(self, path: Path | str, name: str = "") -> Sound:
        """Any sound file, cut and embedded as the corpus was; BadFile with the reason where it cannot be used."""
        rule = self.part.settings.chunking
        remark = looked_at(Path(path))
        audio, start_s = cut_clip(decode(Path(path), rule.rate_hz, rule.resampler, LONGEST_S), rule)
        silent, embeddings = self.model.silent(audio), self.model.of_chunks(audio)
        return Sound(audio, start_s, silent, embeddings, (), name or Path(path).name, remark=remark)

    def embed_bytes(self, content: bytes, name: str) -> Sound:
        """The content of a sound file, as from an upload; BadFile with the reason where it cannot be used."""
        if reason := too_large(len(content)):
            raise BadFile(reason)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"sound{Path(name).suffix}"
            path.write_bytes(content)
            return self.embed_file(path, name)

    @property
    def representations(self) -> list[Representation]:
        """The representations of the trained encoders, in registry order; StudyError where one is missing."""
        return [encoder.representation for encoder in self.model.encoders.values()]

    @property
    def singles(self) -> dict[str, Subset]:
        """Each encoder alone, by its title."""
        return {each.title: (each.name,) for each in self.representations}

    # What sounds alike

    def nearest(self, name: str, sound: Sound, chunk: int, n: int = 3) -> tuple[np.ndarray, np.ndarray]:
        """Rows [n] of the chunks of other clips nearest to one chunk of a sound in an encoder's embeddings, and how far.

        Euclidean distance [n] between standardised embeddings, in root mean square a dimension.
        """
        here = self.model.scaled(name, sound.embeddings[name][chunk : chunk + 1])
        far = (self._scaled_all[name] - here).square().mean(1).sqrt().numpy()
        far[self.chunks.clip == sound.clip] = np.inf
        rows = np.argsort(far, kind="stable")[:n]
        return rows[np.isfinite(far[rows])], far[rows][np.isfinite(far[rows])]

    @cached_property
    def _scaled_all(self) -> dict[str, torch.Tensor]:
        return {name: self.model.scaled(name, values) for name, values in self.embeddings.items()}

    def together(self, chosen: Subset, rows: np.ndarray) -> np.ndarray:
        """Standardised embeddings [row, width] of these chunks, those of several encoders side by side."""
        return torch.cat([self._scaled_all[name][rows] for name in chosen], dim=1).numpy()

    def mapped(self, most: int) -> np.ndarray:
        """Rows [at most `most`] of chunks for a map; silent ones, which are all alike, are left out."""
        there = np.flatnonzero(~self.chunks.silent)
        return there[embedding_map.picked(len(there), most)]

    def plane(self, chosen: Subset, rows: np.ndarray) -> np.ndarray:
        """Places [row, 2] of chunks on a map by these encoders together."""
        return embedding_map.plane(self.together(chosen, rows))

    def placed(self, sound: Sound, chosen: Subset, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Places [chunk, 2] on a map, `places` [row, 2] of the chunks at `rows`, of a sound's chunks that are not silent."""
        there = ~sound.silent
        mine = torch.cat([self.model.scaled(name, sound.embeddings[name][there]) for name in chosen], dim=1).numpy()
        return embedding_map.placed(mine, self.together(chosen, rows), places, N_PLACING)

    # What a representation sounds like

    def sonify(self, representation: Representation, audio: np.ndarray) -> np.ndarray:
        """Samples [s] in which one hears what a representation keeps of chunks [c, s], one after another."""
        reference, features = self._reference_chunks(representation), sounds.features_of(representation, audio)
        return np.concatenate([representation.sonify(each, reference) for each in features])

    def _reference_chunks(self, representation: Representation) -> ReferenceChunks:
        """Training chunks with their features, as the encoder was trained on them."""
        encoder = self.model.encoders[representation.name]
        features = features_of(encoder, self.chunks, torch.device("cpu"))
        return ReferenceChunks(Rows(self.chunks.audio, self.train), Rows(features, self.train))


def finished() -> dict[str, Request]:
    """The finished studies in runs/ by name, the newest first; of a run over all folds each fold. Those that cannot be read are said."""
    found = {}
    for folder in filter(runs.finished, runs.begun()):
        try:
            request = Request(**runs.request(folder))
        except PlainError as error:
            print(error)
            continue
        except (ValueError, KeyError, TypeError):  # such as of another version, which had other settings
            print(f"{folder.name} is left out: what it was asked for cannot be read by this version")
            continue
        for fold in runs.folds(folder) or [None]:
            own = {} if fold is None else {"fold": fold, "part": True}
            found[folder.name + (f", fold {fold}" if own else "")] = request.model_copy(update=own)
    return found


def caption(labels: Sequence[str], name: str) -> str:
    """A sound in a line: its labels, the first of many, and its file."""
    return f"{listed(labels, FEW) or 'own sound'} ({name})"


def below(path: Path, root: Path) -> str:
    """A path from a folder on, whole where it lies elsewhere."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def title_of(part: Study) -> str:
    """What a run with a test fold or role of its own is called, as in `finished`."""
    return f"{part.folder.parent.name}, fold {part.request.fold}" if part.request.part else part.folder.name


def whole_scores(inference: Inference, sound: Sound, subset: Subset) -> np.ndarray:
    """Scores [class] of a sound as a whole: the mean of its seconds, without silent ones where the study leaves them out."""
    scores = inference.scores(sound, subset)
    left_out = sound.silent & (sound.clip < 0 or inference.part.settings.chunking.silent == "drop_both")
    return scores[~left_out].mean(0) if not left_out.all() else scores.mean(0)


def score_table(inference: Inference, sound: Sound, subset: Subset, n_highest: int = 5) -> pd.DataFrame:
    """Scores of a sound's own labels and of the highest other classes: [class, own, whole, one column a second].

    NaN in the column of a silent second.
    """
    whole = whole_scores(inference, sound, subset)
    scores = np.where(sound.silent[:, None], np.nan, inference.scores(sound, subset))
    own = [inference.classes.index(label) for label in sound.labels]
    others = [k for k in np.argsort(-whole, kind="stable") if k not in own][:n_highest]
    rows = [
        {"class": inference.classes[k], "own": k in own, "whole": whole[k]}
        | {f"{start:g} s": value for start, value in zip(sound.start_s, scores[:, k], strict=True)}
        for k in [*sorted(own, key=lambda k: -whole[k]), *others]
    ]
    return pd.DataFrame(rows)


def opened(request: Request) -> Inference:
    """A finished study with all that the views need of it; PlainError where something is missing."""
    inference = Inference(Study.of(request), request.seeds[0])
    _ = inference.model.encoders  # read now, so that a study that lacks one is not half open
    return inference
