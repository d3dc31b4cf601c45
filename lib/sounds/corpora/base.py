"""A corpus: a table of clips, an ordered list of classes, and each class's parents.

`Corpus.clips` has one row a usable clip, in a fixed order:

    id      text, unique
    path    text, absolute path of a sound file
    role    "train", "validation" or "test"; empty where the corpus has folds instead
    fold    int from 1; 0 where the corpus has roles
    labels  tuple of class names (at least one)
    group   text: what makes clips dependent (uploader, source recording); the clip's own id where nothing is known

Splits and bootstraps go by `group`. What could not be used is in `Corpus.rejected` (path, clip, reason), never lost;
what a reader of the results should know, such as a group on both sides of a split, is in `Corpus.notes`, one line each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from lib import files
from lib.display.screen import LINE, shortened
from lib.files import PlainError, without_controls

CLIP_COLUMNS = ["id", "path", "role", "fold", "labels", "group"]
REJECTED_COLUMNS = ["path", "clip", "reason"]
ROLES = ("train", "validation", "test")
MOST_FOLDS = 10  # that a line names
FEW = 24  # labels of a sound that a line names: all that a clip of FSD50K has
FEW_TRAIN, FEW_TEST = 5, 2  # a class with fewer clips to train or to test on is named before anything is trained


class CorpusError(PlainError):
    """The corpus cannot be used as a whole; the message is one line that says what, where and what to do."""


def listed(names: Sequence[str], most: int) -> str:
    """The first few names, long ones cut, and how many there are beside."""
    named = ", ".join(shortened(without_controls(name), LINE) for name in names[:most])
    more = len(names) - most
    return f"{named} and {more} more" if more > 0 else named


@dataclass(frozen=True)
class Corpus:
    """Clips [clip], classes [class] and the ontology above them; see the head of this file for the columns."""

    name: str
    root: Path
    clips: pd.DataFrame
    classes: tuple[str, ...]
    parents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rejected: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=REJECTED_COLUMNS))
    notes: tuple[str, ...] = ()

    @cached_property
    def targets(self) -> np.ndarray:
        """Labels [clip, class] as uint8 0 or 1."""
        column = {name: i for i, name in enumerate(self.classes)}
        targets = np.zeros((len(self.clips), len(self.classes)), np.uint8)
        for row, labels in enumerate(self.clips["labels"]):
            targets[row, [column[label] for label in labels]] = 1
        return targets

    @cached_property
    def families(self) -> dict[str, list[int]]:
        """Columns of the classes [class] by what stands at the top above them, by first parents: each class once."""
        found: dict[str, list[int]] = {}
        for column, name in enumerate(self.classes):
            found.setdefault(tops(name, self.parents)[0], []).append(column)
        return found

    @cached_property
    def aspects(self) -> list[list[int]]:
        """Columns of each family that every clip has a label of, as a pitch and a timbre; else those of all classes."""
        every = [columns for columns in self.families.values() if self.targets[:, columns].any(1).all()]
        rest = [column for column in range(len(self.classes)) if not any(column in columns for columns in every)]
        return [columns for columns in (*every, rest) if columns] if len(every) > 1 else [[*range(len(self.classes))]]

    @cached_property
    def leaves(self) -> np.ndarray:
        """[class] bool: classes that are no other class's parent."""
        above = {parent for parents in self.parents.values() for parent in parents}
        return np.array([name not in above for name in self.classes])

    @cached_property
    def folds(self) -> tuple[int, ...]:
        """The fold numbers, empty where the corpus has roles."""
        return tuple(sorted(set(self.clips["fold"]) - {0}))

    @property
    def named_folds(self) -> str:
        """The fold numbers as a line has room for them."""
        return listed([str(fold) for fold in self.folds], MOST_FOLDS)

    @cached_property
    def unlearned(self) -> tuple[str, ...]:
        """Classes that have test clips and no training clip."""
        train, test = (self.targets[(self.clips["role"] == role).to_numpy()].any(0) for role in ("train", "test"))
        return tuple(name for name, alone in zip(self.classes, test & ~train, strict=True) if alone)

    @property
    def doubts(self) -> dict[str, tuple[str, ...]]:
        """What makes numbers hard to read, and the clips or classes that it is about; none where it is about all."""
        found: dict[str, tuple[str, ...]] = {}
        if self.clips.loc[self.clips["role"] == "test", "group"].nunique() == 1:
            found[
                "the test role holds one group of clips: no intervals and no tests; it takes two groups at least"
            ] = ()
        if self.unlearned:
            why = "tested without a training clip, so that nothing can know it, though it counts in every mean"
            found[why] = self.unlearned
        if copies := self.copies:
            found["test clips whose very file is a training clip too, so that they are known"] = tuple(copies)
        everywhere = [name for name, all_have in zip(self.classes, self.targets.all(0), strict=True) if all_have]
        if len(self.classes) == 1:
            found["there is one label, so there is nothing to tell apart: every model ranks as well as chance"] = ()
        elif everywhere:
            found["on every clip, so that nobody can be better at it than chance"] = tuple(everywhere)
        return found

    @property
    def sizes(self) -> tuple[str, ...]:
        """Clips and groups of each role in a line, and in another the classes with few clips to train or test on.

        Of folds that nobody has chosen from, clips and groups of each fold.
        """
        if self.folds and not self.clips["role"].any():
            each = self.clips.groupby("fold")["group"].agg(["size", "nunique"]).itertuples(name=None)
            numbers = [f"{fold} {size} in {groups}" for fold, size, groups in each]
            return (f"clips, and groups of clips, by fold: {listed(numbers, MOST_FOLDS)}",)
        parts = self.clips[self.clips["role"] != ""].groupby("role")["group"].agg(["size", "nunique"])
        roles = [f"{role} {parts['size'][role]} in {parts['nunique'][role]}" for role in ROLES if role in parts.index]
        train, test = (self.targets[(self.clips["role"] == role).to_numpy()].sum(0) for role in ("train", "test"))
        few = [
            f"{name} {n} and {m}"
            for name, n, m in zip(self.classes, train.tolist(), test.tolist(), strict=True)
            if n < FEW_TRAIN or m < FEW_TEST
        ]
        lines = [f"clips, and groups of clips, by role: {', '.join(roles)}"] if roles else []
        if few and roles:
            lines.append(f"classes with few clips (to train and to test on): {listed(few, 8)}")
        return tuple(lines)

    @cached_property
    def hash(self) -> str:
        """Changes when a clip, its file's content, a label, a role or the classes change; not when the folder moves."""
        table = self.clips[["id", "role", "fold", "labels", "group"]].astype(str).to_numpy().tolist()
        return files.key(self.name, self.classes, self.parents, table, self.contents)

    @cached_property
    def contents(self) -> list[str]:
        """A key of the content of each clip's file [clip]; empty where it cannot be read."""
        return files.content_of(self.clips["path"])

    @property
    def copies(self) -> list[str]:
        """Ids of test clips whose very file is a training clip too."""
        clips = self.clips.assign(content=self.contents)
        train = set(clips.loc[clips["role"] == "train", "content"]) - {""}
        return list(clips.loc[(clips["role"] == "test") & clips["content"].isin(train), "id"])

    def with_fold(self, fold: int, validation: str = "none") -> "Corpus":
        """Roles from folds: `fold` is test, the rest train; validation "next" takes the fold after it out of train.

        A corpus that comes with roles takes fold 0 only and is returned as it is.
        """
        if not self.folds:
            if fold:
                raise CorpusError(f"FOLD={fold}: {self.name} comes with its own split and has no folds; leave FOLD out")
            return self
        if fold not in self.folds:
            raise CorpusError(f"FOLD={fold}: {self.name} has the folds {self.named_folds}; take one of them, or all")
        after = self.folds[(self.folds.index(fold) + 1) % len(self.folds)]
        role = np.where(self.clips["fold"] == fold, "test", "train").astype(object)
        if validation == "next":
            role[(self.clips["fold"] == after).to_numpy()] = "validation"
        return replace(self, clips=self.clips.assign(role=role))


def in_lines(doubts: Sequence[Mapping[str, Sequence[str]]]) -> tuple[str, ...]:
    """What there is to doubt, one line each; what several folds have in common once, with the names of all."""
    named: dict[str, dict[str, None]] = {}
    for what, names in (item for each in doubts for item in each.items()):
        named.setdefault(what, {}).update(dict.fromkeys(names))
    return tuple(f"{what}: {listed([*names], 5)}" if names else what for what, names in named.items())


def tops(name: str, parents: Mapping[str, Sequence[str]], below: frozenset[str] = frozenset()) -> list[str]:
    """What stands at the top above a class, itself where nothing does; by first parents first, a circle walked once."""
    higher = [parent for parent in parents.get(name, ()) if parent not in below]
    return list(dict.fromkeys(top for parent in higher for top in tops(parent, parents, below | {name}))) or [name]
