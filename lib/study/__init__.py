"""A run of the study: what was requested, where its results lie, and what it may read.

`Study` is the run that follows from a `Request`: settings, folders, the corpus. Nothing here computes a result.
`request` says what can be asked for, `provenance` what a run was made with: libraries, machine, commit.
"""

import platform
import re
import resource
import shlex
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib import files
from lib.files import PlainError, digests
from lib.files.cells import guarded, unguarded
from lib.settings import Settings, SettingsError, validated
from lib.settings.parameters import notebook_parameters
from lib.sounds import corpora
from lib.sounds.chunks import Chunks
from lib.sounds.corpora.base import Corpus
from lib.sounds.cutting import cut
from lib.study.provenance import commit, machine, versions
from lib.study.request import Request

__all__ = ["Request", "Study", "StudyError", "machine", "missing"]

NOTEBOOK_NAMES = {"name": "run_name", "set": "settings"}  # in a parameters cell, where these would hide Python's own
BESIDE = {"controls", "seeds_of", "peers"}  # settings of what is run beside the study: they change none of its results
PLANTED_BYTES = 120_000_000  # of the embedded corpus


class StudyError(PlainError):
    """The run cannot go on; the message is one line that says what, where and what to do."""


@dataclass(frozen=True)
class Study:
    """One run. Its `parts` are itself, or with fold="all" the runs of the folds, which lie in its folder."""

    request: Request
    settings: Settings
    folder: Path
    figures: Path

    @classmethod
    def of(cls, request: Request) -> "Study":
        """The study that a request means; SettingsError in one line where it contradicts itself."""
        controls = {"none": "", "": None}.get(request.controls, request.controls)
        beside = {} if controls is None else {"controls": controls}
        settings = Settings.preset(request.preset, {**request.overrides, **beside})
        from lib.representations import CONTROLS, kind, names, settings_of

        for name in settings.representations:
            settings_of(name, settings)
        trained = {*names(), *CONTROLS, *(what for name in names() for what in kind(name).learns), "head"}
        for name in settings.schedules:
            if name not in trained:
                raise SettingsError(f"settings: schedules.{name}: nothing of that name is trained")
            settings.schedule(name)
        number = request.fold if isinstance(request.fold, int) else 0
        if request.part and not number:
            raise SettingsError("part: only one fold can be a part, for example fold=1 part=true")
        suffix = f"-fold{number}" if number and not request.part else ""
        suffix += f"-{request.name}" if request.name else ""
        place = f"{request.corpus}-{request.preset}{suffix}" + (f"/fold{number}" if request.part else "")
        return cls(request, settings, files.home() / "runs" / place, files.home() / "figures" / place)

    @classmethod
    def of_notebook(cls, namespace: MutableMapping[str, Any], **own: type) -> "Study":
        """The study that a notebook's parameters cell means. Call it in the cell below with globals().

        own: the parameters that this notebook alone has, name and type. SettingsError where a parameter does not exist
        (a notebook runner adds unknown ones without a word), has a wrong value or type, or changed since the study was
        opened.
        """
        known = [NOTEBOOK_NAMES.get(name, name) for name in Request.model_fields]
        opened = isinstance(namespace.get("study"), cls)
        given = notebook_parameters(namespace, [*known, *own], list(NOTEBOOK_NAMES), opened)
        for name, kind in own.items():
            if name in given and type(given[name]) is not kind:
                raise SettingsError(f"parameter {name} = {given[name]!r}: a value of type {kind.__name__} is wanted")
        requested = {name: value for name, value in given.items() if name in Request.model_fields}
        requested |= {name: given[ours] for name, ours in NOTEBOOK_NAMES.items() if given.get(ours)}
        return cls.of(validated(Request, requested, "parameters"))

    def __str__(self) -> str:
        """The study in a line, as a notebook shows which one it is about."""
        request = self.request
        fold = f", fold {request.fold}" if request.fold else ""
        seeds = ", ".join(map(str, request.seeds))
        corpus = f"corpus {request.corpus}{self._subset}"
        return f"study {self.slug}: {corpus}, preset {request.preset}{fold}, seeds {seeds}"

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(str(self))

    def call(self, notebook: str, **own: Any) -> str:
        """A notebook and all parameters that make it mean this study, as papermill takes them; the usual ones left out."""
        usual = {name: field.default for name, field in Request.model_fields.items()}
        requested = self.request.model_dump(exclude={"seeds"} if "seed" in own else None)
        given = own | {
            NOTEBOOK_NAMES.get(name, name): value for name, value in requested.items() if value != usual[name]
        }
        texts = {name: ",".join(map(str, v)) if isinstance(v, tuple) else str(v) for name, v in given.items()}
        words = [f"-p {name} {shlex.quote(text)}" for name, text in texts.items()]
        return f"notebooks/{notebook}.ipynb{' with ' if words else ''}{' '.join(words)}"

    @property
    def fold(self) -> str:
        """Its test fold as tables have it in their column `fold`: "" where there are none, "all" of a run over all."""
        return str(self.request.fold or "")

    @property
    def slug(self) -> str:
        """The study's name in runs/ and figures/; of a fold among all with that of the whole run before it."""
        return "/".join(self.figures.parts[-2 if self.request.part else -1 :])

    @property
    def title(self) -> str:
        """What its corpus is called: own sounds by the name of their table; and which part of it this is."""
        return corpora.title(self.request.corpus, self.request.root) + self._subset

    @property
    def _subset(self) -> str:
        return f" (subset {self.settings.subset:g})" if self.settings.subset < 1 else ""

    @cached_property
    def parts(self) -> list["Study"]:
        """The runs with a test fold (or role) each that this one is made of."""
        if self.request.fold != "all":
            return [self]
        folds = self.read_corpus().folds
        if not folds:
            raise SettingsError(
                f"FOLD=all: {self.request.corpus} comes with its own split and has no folds; leave FOLD out"
            )
        return [Study.of(self.request.model_copy(update={"fold": fold, "part": True})) for fold in folds]

    @property
    def whole(self) -> "Study":
        """The run over all folds that a part belongs to; else the run itself."""
        return Study.of(self.request.model_copy(update={"fold": "all", "part": False})) if self.request.part else self

    def read_corpus(self) -> Corpus:
        """The corpus as its source has it, before a test fold is chosen."""
        with files.room_for(files.home() / "data", PLANTED_BYTES):  # the embedded corpus is made here
            return corpora.load(
                self.request.corpus, self.request.root or None, bool(self.request.fold), self.settings.subset
            )

    @cached_property
    def chunks(self) -> Chunks:
        """The chunks of the corpus, roles assigned; registers the study, or refuses where another's results lie there."""
        chunks = self._cut()
        self.register(chunks.corpus.hash)
        if chunks.built_s:
            self.note_time("decode and cut", chunks.built_s, len(chunks), "chunks")
        self.write_table("rejected", chunks.corpus.rejected)
        self.write_table("remarks", pd.DataFrame({"remark": chunks.remarks}))
        return chunks

    def _cut(self) -> Chunks:
        """The chunks, nothing of them noted."""
        fold = self.request.fold
        corpus = self.read_corpus()
        if corpus.folds and not fold:
            raise SettingsError(
                f"fold: {corpus.name} has the folds {corpus.named_folds}; name the one to test on (FOLD=1), or all"
            )
        if fold == "all":
            raise SettingsError("fold: all has no chunks of its own; ask its parts")
        corpus = corpus.with_fold(fold, self.settings.validation)
        return cut(corpus, self.settings.chunking)

    @property
    def train_rows(self) -> np.ndarray:
        """Rows [row] of the chunks that encoders and heads are trained on."""
        return self.chunks.rows(*self.settings.train_roles)

    def refuse_others(self, corpus: Corpus) -> None:
        """StudyError where the folder of this study or of a part holds results of another corpus or other settings.

        Asked before anything is written there: where a notebook finds it, a part of what was there is gone.
        """
        try:
            for part in self.parts:
                of_part = corpus.with_fold(part.request.fold, self.settings.validation)
                if part._registered().get("corpus_hash", of_part.hash) != of_part.hash:
                    part._registered(part._cut().corpus.hash)  # the same, but for clips that cannot be read?
            if self.request.fold == "all":
                self._registered(corpus.hash)
        except digests.Damaged:
            return  # it is taken out and written anew

    def _registered(self, corpus_hash: str = "") -> dict[str, Any]:
        """What study.json holds, empty where there is none; StudyError where it is of other settings or another corpus."""
        path = self.folder / "study.json"
        if not path.exists():
            return {}
        before = digests.read(path, digests.load_json)
        filled = _filled(before["settings"], Settings().model_dump(mode="json"))
        other = ""
        if corpus_hash not in ("", before["corpus_hash"]):
            other = "another corpus, or other roles or folds of it"
        elif {name: value for name, value in filled.items() if name not in BESIDE} != self._resolved():
            other = "other settings"
        if other:
            raise StudyError(
                f"runs/{self.folder.relative_to(files.home() / 'runs')} holds results of {other}: "
                f"give this run a name (NAME=...), remove that folder, or remove its study.json: "
                f"then what depends on the change is made anew"
            )
        return before

    def register(self, corpus_hash: str) -> None:
        """Write study.json; StudyError where the folder holds results of another corpus or other settings."""
        before = self._registered(corpus_hash).get("seeds", [])
        if before and set(self.request.seeds) <= set(before):
            return
        seeds = sorted({*before, *self.request.seeds}) if before else list(self.request.seeds)
        request = self.request.model_dump(mode="json", exclude={"seeds", "part", "controls", "peers", "robust"})
        if request["root"]:
            request["root"] = str(files.followed(request["root"]))  # whoever opens the run may stand in another folder
        digests.write_json(self.folder / "study.json", {
            "request": request, "seeds": seeds, **{name: request[name] for name in ("corpus", "preset", "fold")},
            "settings": self._resolved(), "corpus_hash": corpus_hash,
            "versions": versions(), "machine": machine(), "commit": commit(), "started": time.strftime("%Y-%m-%dT%H:%M:%S"),
        })  # fmt: skip

    def _resolved(self) -> dict[str, Any]:
        """All settings that results depend on with their values now, those of the representations included."""
        from lib.representations import names, settings_of

        values = self.settings.model_dump(mode="json", exclude=BESIDE)
        own = {name: settings_of(name, self.settings) for name in names()}
        return values | {"representations": {name: each.model_dump(mode="json") for name, each in own.items()}}

    def checkpoint(self, encoder: str, seed: int) -> Path:
        """Folder of one trained encoder."""
        return self.folder / "checkpoints" / f"{encoder}-seed{seed}"

    def heads(self, head: str, seed: int) -> Path:
        """File of the trained heads of one kind on all subsets."""
        return self.folder / "checkpoints" / f"heads-seed{seed}" / f"{head}.safetensors"

    def scores(self, subset: str, head: str, seed: int) -> Path:
        """File of the test scores [chunk, class] of one head on one subset."""
        return self.folder / "scores" / f"{subset}-{head}-seed{seed}.npy"

    def write_table(self, name: str, rows: pd.DataFrame | list[dict]) -> pd.DataFrame:
        """Write tables/<name>.csv, whole or not at all, and return it; a part of a corpus says so in its last column."""
        table = pd.DataFrame(rows)
        if self.settings.subset < 1:
            table = table.assign(corpus_subset=self.settings.subset)
        with digests.sealed(self.folder / "tables" / f"{name}.csv") as temporary:
            guarded(table).to_csv(temporary, index=False)
        return table

    def table(self, name: str, made_by: str) -> pd.DataFrame:
        """Read tables/<name>.csv; StudyError naming the notebook that makes it where it is missing."""
        path = self.folder / "tables" / f"{name}.csv"
        if not path.exists():
            raise missing(self, path, made_by)
        text = dict.fromkeys(
            ("seed", "fold", "control", "class", "clip", "branch", "group", "label", "family", "taken_for"), str
        )  # labels may be numbers
        load = partial(pd.read_csv, keep_default_na=False, na_values=[""], dtype=text)
        table = unguarded(
            digests.read(path, load, f"run {self.call(made_by)}, or make study again: either makes it anew")
        )
        there = {name: kind for name, kind in text.items() if name in table}
        return table.fillna(dict.fromkeys(there, "")).astype(there)

    @contextmanager
    def timed(self, stage: str, items: int, unit: str) -> Iterator[None]:
        """Note how long the block took, for timing.csv; a stage that was only loaded should not be timed."""
        start = time.perf_counter()
        yield
        self.note_time(stage, time.perf_counter() - start, items, unit)

    def note_time(self, stage: str, seconds: float, items: int, unit: str, peak_share: float | None = None) -> None:
        """Note that a stage took so long for so many items, and the most memory that this process had so far.

        peak_share: what part it was of the arithmetic that the machine does in a plain matrix product, where known.
        """
        per_mb = 2**20 if platform.system() == "Darwin" else 2**10
        digests.write_json(self.folder / "timing" / f"{stage}.json", {
            "stage": stage, "seconds": round(seconds, 3), "items": items, "unit": unit,
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mb),
            "per_s": round(items / max(seconds, 1e-9), 1),
            "peak_share": None if peak_share is None else round(peak_share, 3),
        })  # fmt: skip

    def timing(self) -> pd.DataFrame:
        """All stages noted so far [stage, seconds, items, unit, peak_mb, per_s, peak_share]; of a fold among all, with its number."""
        paths = sorted((self.folder / "timing").glob("*.json"), key=lambda path: path.stat().st_mtime)
        rows = [row for path in paths if (row := digests.reread(path, digests.load_json))]
        table = pd.DataFrame(rows, columns=["stage", "seconds", "items", "unit", "peak_mb", "per_s", "peak_share"])
        of_fold = f", fold {self.request.fold}" if self.request.part else ""
        return table.assign(stage=table["stage"] + of_fold) if len(table) else table


def _filled(stored: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Stored settings, with the default of each that there was not yet when they were stored: it changes no results."""
    both = {name: (stored[name], default) for name, default in defaults.items() if name in stored}
    inside = {name: _filled(*pair) for name, pair in both.items() if all(isinstance(each, dict) for each in pair)}
    return {**defaults, **stored, **inside}


def missing(study: Study, path: Path, made_by: str, **own: Any) -> StudyError:
    """The error for a file that another notebook makes, whose own parameters beside the study's are `own`."""
    inside = path.relative_to(study.folder)
    pattern = re.compile(re.sub(r"fold\d+", r"fold(\\d+)", re.escape(study.folder.name)))
    alike = [(folder, pattern.fullmatch(folder.name)) for folder in study.folder.parent.glob("*")]
    folds = sorted(int(one[1]) for folder, one in alike if one and one.groups() and (folder / inside).exists())
    there = f"; it is there for fold {', '.join(map(str, folds))}" if folds else ""
    return StudyError(f"{path.relative_to(files.home())} is missing: run {study.call(made_by, **own)} first{there}")
