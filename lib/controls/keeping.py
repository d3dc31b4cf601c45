"""What a control saves and loads: test scores, its own encoders, and embeddings that are only computed.

Each stands beside the key of what it was made from, so that nothing of other clips, labels, settings or another seed is
ever read. The study's own encoders are read and never changed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from lib import files
from lib.encoders import training
from lib.encoders.encoder import Encoder, Stage, features_of, key_of, load_finished, stored_embeddings, train_encoder
from lib.encoders.heads import VERSION, HeadData, HeadPlan, Subset, label, score_subsets
from lib.encoders.ridge import group_folds
from lib.evaluation.frozen import read_embeddings
from lib.evaluation.games import Game, control_scores, paper4
from lib.evaluation.scores import as_stored
from lib.files import PlainError, cached, digests
from lib.files.cells import unguarded
from lib.settings import Settings
from lib.sounds.arrays import batched_slices
from lib.sounds.chunks import Chunks
from lib.study import Study, StudyError

TRAIN = "02_train_encoder"  # the notebook that trains the study's encoders
OWN = "own"  # the head's name where the game is not one of the study's kinds of head
CHOSEN_COLUMNS = ["control", "what", "chosen", "value", "runner_up", "runner_up_value", "seed", "fold"]

Embeddings = dict[str, np.ndarray]  # player -> [chunk, width]


class ControlError(PlainError):
    """The control does not exist or cannot run on this corpus; the message is one line."""


def checkpoints(part: Study, control: str) -> Path:
    """Folder of what a control trained."""
    return part.folder / "checkpoints" / "controls" / control


# Scores: written once for the same inputs


def own_subsets(game: Game) -> list[Subset]:
    """The coalitions that have scores of their own, not the study's."""
    return [subset for subset in game.coalitions if game.own & set(subset)]


def write_once(
    part: Study, game: Game, head: str, seed: int, key: str, make: Callable[[], Iterable[tuple[Subset, np.ndarray]]]
) -> None:
    """Write the scores [chunk, class] of every subset that `make` gives, unless those of the same key are there."""
    paths = {s: control_scores(part, game.control, label(s), head, seed) for s in own_subsets(game)}

    def write() -> None:
        for subset, scores in make():
            digests.write_array(paths[subset], as_stored(part, scores))

    cached.once(next(iter(paths.values())).with_name(f".{head}-seed{seed}.json"), key, paths.values(), write)


def score_heads(
    part: Study, game: Game, seed: int, embeddings: Embeddings, chunks: Chunks | None = None, *,
    settings: Settings | None = None,
) -> None:  # fmt: skip
    """Train every head on every subset with a player of the game's own, and write its test scores.

    chunks gives the labels and the rows to train on, by default the study's; settings: how they are trained, by default
    as the study's.
    """
    chunks, settings = chunks or part.chunks, settings or part.settings
    data, train = HeadData(embeddings, chunks.targets, part.chunks.groups), chunks.rows(*part.settings.train_roles)
    for head in part.settings.heads.kinds:
        _score_head(part, game, HeadPlan.of(settings, head), seed, data, train)


def _score_head(part: Study, game: Game, plan: HeadPlan, seed: int, data: HeadData, train: np.ndarray) -> None:
    head, test, only = plan.head, part.chunks.rows("test"), own_subsets(game)
    content = {name: files.digest(values) for name, values in data.embeddings.items()}
    learned_from = [files.digest(values) for values in (train, data.targets[train], data.groups[train])]
    key = files.key(
        VERSION, plan.heads, plan.schedule, part.settings.threads, seed, part.chunks.corpus.hash, content, learned_from,
        only,
    )  # fmt: skip

    def scores() -> Iterator[tuple[Subset, np.ndarray]]:
        device, what = training.device_of(part.request.device), f"control {game.control}, head {head}, seed {seed}"
        epochs = 1 if plan.closed_form else plan.schedule.epochs
        with part.timed(what, len(train) * epochs * len(only), "chunks"):
            yield from score_subsets(data, train, test, plan, seed, device, only=only)

    write_once(part, game, head, seed, key, scores)


# Embeddings: the study's, those of encoders that a control trains, and what is only computed


def of_study(part: Study, seed: int) -> Embeddings:
    """Embeddings of the study's own four encoders; StudyError where one is not trained."""
    return {name: read_embeddings(part, name, seed) for name in paper4().players}


def load_study_encoder(part: Study, name: str, seed: int) -> Encoder:
    """A trained encoder of the study, on the processor; StudyError where it is not trained."""
    encoder = untrained_encoder(part, name)
    key = key_of(name, part.chunks, part.settings, seed)
    if load_finished(encoder, part.checkpoint(name, seed), key) is None:
        raise StudyError(
            f"{name}, seed {seed}: there is no trained encoder of these clips and settings: "
            f"run {part.call(TRAIN, representation=name, seed=seed)} first"
        )
    return encoder.eval()


def trained(
    part: Study, control: str, name: str, seed: int, *, chunks: Chunks | None = None, settings: Settings | None = None,
    player: str = "", keep_features: bool = True,
) -> np.ndarray:  # fmt: skip
    """Embeddings [chunk, width] of an encoder of the control's own, trained now or before.

    keep_features: whether features that it learned itself stay in the cache: they are large, and of no use to others.
    """
    chunks, settings = chunks or part.chunks, settings or part.settings
    folder = checkpoints(part, control) / f"{player or name}-seed{seed}"
    stored = stored_embeddings(name, chunks, settings, seed, folder)
    if stored is not None:
        return stored
    made = train_encoder(name, chunks, settings, seed, folder, part.request.device)
    note(part, control, made.timings)
    if not keep_features:
        remove_learned_features(
            made.encoder, features_of(made.encoder, chunks, training.device_of(part.request.device))
        )
    return made.embeddings


def remove_learned_features(encoder: Encoder, features: np.ndarray) -> None:
    """Remove features from the cache that no other encoder can have."""
    if encoder.representation.stored and encoder.representation.learned:
        digests.remove(Path(features.filename))


def computed(
    part: Study, control: str, player: str, seed: int, key: str, compute: Callable[[], np.ndarray]
) -> np.ndarray:
    """What `compute` gives [chunk, width], kept under the key of what it is made from, all chunks included."""
    folder = checkpoints(part, control) / f"{player}-seed{seed}"
    path = folder / "embeddings.npy"
    key = files.key(key, part.chunks.key)
    cached.once(folder / "made.json", key, [path], lambda: digests.write_array(path, compute()))
    return np.load(path)


def of_encoder(
    part: Study, control: str, name: str, seed: int, key: str, encoder: Callable[[], Encoder],
    use: Callable[[Encoder, np.ndarray, torch.device], np.ndarray],
) -> np.ndarray:  # fmt: skip
    """What `use` makes [chunk, width] of an encoder and its features of all chunks, kept as in `computed`."""

    def compute() -> np.ndarray:
        made, device = encoder(), training.device_of(part.request.device)
        features = features_of(made, part.chunks, device)
        note(part, control, made.timings)
        return use(made.to(device), features, device)

    return computed(part, control, name, seed, key, compute)


def by_blocks(function: Callable[[np.ndarray], np.ndarray], features: np.ndarray) -> np.ndarray:
    """`function` of features [chunk, ...], some chunks at a time, as all may not fit into memory."""
    return np.concatenate([function(features[part]) for part in batched_slices(len(features), 512)])


def untrained_encoder(part: Study, name: str) -> Encoder:
    """An encoder of the study's settings as drawn from torch's generator."""
    return Encoder(name, len(part.chunks.corpus.classes), part.settings)


def note(part: Study, control: str, timings: list[Stage]) -> None:
    """Note what the work of a control took, for timing.csv."""
    for stage in timings:
        part.note_time(f"control {control}, {stage.what}", stage.seconds, stage.chunks, "chunks")


# What was chosen on training clips


def folds_of_groups(control: str, groups: np.ndarray, n: int) -> np.ndarray:
    """Folds [chunk] of training chunks by groups [chunk], at most n; ControlError where there is one group."""
    if len(np.unique(groups)) < 2:
        raise ControlError(f"{control}: the training clips are one group; two or more are needed")
    return group_folds(groups, n)


def highest_and_next(values: Mapping[str, float]) -> dict[str, Any]:
    """Cells of chosen.csv: which has the highest value, and which comes next."""
    first, second = sorted(values, key=values.__getitem__, reverse=True)[:2]
    return {"chosen": first, "value": values[first], "runner_up": second, "runner_up_value": values[second]}


def note_choice(part: Study, rows: list[dict[str, Any]]) -> None:
    """Write rows of tables/chosen.csv of the run, in place of those of the same control, seed and fold.

    rows: CHOSEN_COLUMNS, of one control; `seed` may be left out, and `fold` where it is the part's own.
    """
    run = part.whole
    empty = dict.fromkeys(CHOSEN_COLUMNS, "") | {"fold": part.fold}
    new = pd.DataFrame([empty | row for row in rows], columns=CHOSEN_COLUMNS).astype(str)
    path, same = run.folder / "tables" / "chosen.csv", ["control", "seed", "fold"]
    with files.locked(checkpoints(run, "chosen"), "tables/chosen.csv", wait=True):
        if path.exists():
            old = unguarded(digests.read(path, partial(pd.read_csv, dtype=str, keep_default_na=False)))
            others = old[~old.set_index(same).index.isin(new.set_index(same).index)]
            new = pd.concat([others, new], ignore_index=True)
        run.write_table("chosen", new)
