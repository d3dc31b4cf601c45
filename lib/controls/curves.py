"""Points of two curves: the study's game with encoders of a part of their budget, or of a part of the training data.

budget    the study's encoders as they were after 1/8, 1/4 and 1/2 of their epochs (a MobileNet is finished: it is trained
          before). Heads learn as in the study. On the way the learning rate has not fallen yet.
data      encoders, MobileNet included, and heads trained on 1/8, 1/4 and 1/2 of the training groups: subsets inside each
          other, drawn from the seed, the same for all encoders, in which every class keeps a group as far as they reach.
          The number of steps is that of all the data (epochs go up as data go down), so less data is not less training.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import ceil

import numpy as np

from lib import files
from lib.controls import keeping
from lib.encoders import training
from lib.encoders.encoder import Encoder, epoch_path, key_of, parts_of_epochs, predictions
from lib.evaluation.games import Game
from lib.representations import kind, names
from lib.settings import Settings, Training
from lib.sounds.chunks import Chunks
from lib.study import Study

# A part of the epochs


def play_budget(part: Study, game: Game, seed: int, *, one_in: int) -> None:
    """Heads on the embeddings of the study's encoders after one in so many of their epochs."""
    embeddings = {name: embedded_on_the_way(part, game, name, seed, one_in) for name in game.players}
    keeping.score_heads(part, game, seed, embeddings)


def embedded_on_the_way(part: Study, game: Game, name: str, seed: int, one_in: int) -> np.ndarray:
    """Embeddings [chunk, width] after one in so many epochs; ControlError where these weights were not kept."""
    epoch, key = epochs_on_the_way(part.settings, one_in)[name], key_of(name, part.chunks, part.settings, seed)
    folder = part.checkpoint(name, seed)

    def then() -> Encoder:
        encoder = keeping.load_study_encoder(part, name, seed)
        if not training.load_weights(encoder, epoch_path(folder, epoch), key):
            raise keeping.ControlError(
                f"{game.control}: {folder.name} holds no weights of epoch {epoch}, it was trained before they were kept: "
                f"remove {folder.relative_to(files.home())} and run notebooks/{keeping.TRAIN}.ipynb again"
            )
        return encoder

    return keeping.of_encoder(
        part, game.control, name, seed, files.key(key, epoch), then, lambda *given: predictions(*given)[0]
    )


def epochs_on_the_way(settings: Settings, one_in: int) -> dict[str, int]:
    """The epoch of each encoder after which one in so many of its epochs are done."""
    return {name: parts_of_epochs(settings.schedule(name).epochs)[one_in] for name in names()}


# A part of the data


def play_data(part: Study, game: Game, seed: int, *, one_in: int) -> None:
    """Encoders and heads trained on one in so many of the training groups, for as many steps as on all."""
    chunks = part_of_groups(part.chunks, part.settings, seed, one_in)
    settings = of_same_steps(part, chunks)
    own = {"chunks": chunks, "settings": settings, "keep_features": False}
    embeddings = {name: keeping.trained(part, game.control, name, seed, **own) for name in game.players}
    keeping.score_heads(part, game, seed, embeddings, chunks, settings=settings)


def part_of_groups(chunks: Chunks, settings: Settings, seed: int, one_in: int) -> Chunks:
    """The same chunks with one in so many of the training groups, rounded up; the clips of the others have no role.

    ControlError where this would be one group alone.
    """
    clips = chunks.corpus.clips
    mine = clips["role"].isin(settings.train_roles).to_numpy()
    groups = clips["group"].astype(str).to_numpy()
    order = covering_order(groups[mine], chunks.corpus.targets[mine], seed)
    chosen = order[: ceil(len(order) / one_in)]
    if len(chosen) < 2:
        raise keeping.ControlError(
            f"data{one_in}: {chunks.corpus.name} has {len(order)} training groups here, and 1/{one_in} of them is one: two are needed"
        )
    role = clips["role"].mask(mine & ~np.isin(groups, chosen), "")
    return replace(chunks, corpus=replace(chunks.corpus, clips=clips.assign(role=role)))


def covering_order(groups: np.ndarray, targets: np.ndarray, seed: int) -> list[str]:
    """The groups in a random order, of which those come first that together hold every class.

    groups [clip], targets [clip, class]. Of the first each is one with the most classes that are still missing.
    """
    order = np.random.default_rng(seed).permutation(np.unique(groups))
    holds = np.stack([targets[groups == group].any(0) for group in order])  # [group, class]
    missing, first = holds.any(0), []
    while missing.any():
        first.append(int((holds & missing).sum(1).argmax()))
        missing &= ~holds[first[-1]]
    rest = [number for number in range(len(order)) if number not in set(first)]
    return [str(order[number]) for number in (*first, *rest)]


def of_same_steps(part: Study, chunks: Chunks) -> Settings:
    """The settings with as many steps on these chunks as the study's have on all of its own: of encoders and heads."""
    settings, schedules = part.settings, dict(part.settings.schedules)
    n_all, n = (len(each.rows(*settings.train_roles)) for each in (part.chunks, chunks))
    for name in (*names(), "head"):
        epochs = same_steps(settings.schedule(name), n_all, n)
        schedules[name] = {**schedules.get(name, {}), "epochs": epochs}
    for what in (what for name in names() for what in kind(name).learns):  # of many items a chunk: batches are full
        epochs = round(settings.schedule(what).epochs * n_all / n)
        schedules[what] = {**schedules.get(what, {}), "epochs": epochs}
    return settings.model_copy(update={"schedules": schedules})


def same_steps(schedule: Training, n_all: int, n: int) -> int:
    """Epochs over n items that have the steps of the schedule's epochs over n_all items, as near as whole epochs come."""
    return max(1, round(schedule.epochs * ceil(n_all / schedule.batch) / ceil(n / schedule.batch)))


# What a point was trained on


def trained_with(study: Study, curve: str, one_in: int) -> tuple[Mapping[str, int], float, float]:
    """Epochs of each encoder, and the training groups and clips (means over folds and seeds) of a point."""
    each = [_trained_with(part, curve, one_in, seed) for part in study.parts for seed in study.request.seeds]
    epochs = {name: round(float(np.mean([one[0][name] for one in each]))) for name in each[0][0]}
    return epochs, float(np.mean([one[1] for one in each])), float(np.mean([one[2] for one in each]))


def _trained_with(part: Study, curve: str, one_in: int, seed: int) -> tuple[Mapping[str, int], int, int]:
    chunks, settings = part.chunks, part.settings
    if curve == "data" and one_in > 1:
        chunks = part_of_groups(chunks, settings, seed, one_in)
        settings = of_same_steps(part, chunks)
    on_the_way = curve == "budget" and one_in > 1
    whole = {name: settings.schedule(name).epochs for name in names()}
    clips = chunks.corpus.clips[chunks.corpus.clips["role"].isin(settings.train_roles)]
    return epochs_on_the_way(settings, one_in) if on_the_way else whole, clips["group"].nunique(), len(clips)
