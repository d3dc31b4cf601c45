"""Cross-fitted fusion: heads learn from embeddings of clips that the encoder which made them was not trained on.

An encoder has seen its training clips, so that what a head learns from their embeddings holds less on new clips. Here the
training groups are cut into folds; a copy of each encoder is trained without one of them, from the same start, and embeds
and scores the clips of that fold. All other clips, those of the test set too, are embedded by the encoder of all.

A copy has axes of its own, so its embeddings are brought onto those of the encoder of all, by least squares on the chunks
that both were trained on. Of the pitch encoder on the embedded corpus, such a map accounts for 0.96 of the variance of test
embeddings, which neither has seen; a rotation (Procrustes) for 0.88, no map for 0.32. Scores need none, since classes are
the same for all.

    checkpoints/controls/crossfit/<encoder>-seed<n>/
        fold<k>/        the copy that was not trained on fold k
        embeddings.npy  [chunk, width], scores.npy [chunk, class], folds.npy [chunk]; made.json: the key of what they are of
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from lib import files
from lib.controls import keeping
from lib.encoders import training
from lib.encoders.encoder import Encoder, features_of, key_of, predictions, train_encoder
from lib.encoders.heads import VERSION as HEADS
from lib.encoders.heads import HeadData, HeadPlan, fit_ridge, scale, score_subsets
from lib.evaluation.frozen import read_embeddings
from lib.evaluation.games import Game
from lib.files import cached, digests
from lib.settings import Heads, Settings
from lib.sounds.arrays import Rows
from lib.sounds.chunks import Chunks
from lib.study import Study

CONTROL = "crossfit"
FOLDS = 5
VERSION = 1  # of the rules below: raised when the same encoders would give other embeddings or scores
STANDARDISED = Heads(scaling="standardise", ridge="groups")  # of the map between embeddings


def folds(chunks: Chunks, settings: Settings) -> np.ndarray:
    """The fold [chunk] of each training chunk by its group, -1 of chunks that are not trained on.

    FOLDS folds, or as many as there are groups; ControlError where there are fewer than two.
    """
    rows, fold = chunks.rows(*settings.train_roles), np.full(len(chunks), -1)
    fold[rows] = keeping.folds_of_groups(CONTROL, chunks.groups[rows], FOLDS)
    return fold


def embeddings(part: Study, name: str, seed: int) -> np.ndarray:
    """Embeddings [chunk, width] of one encoder: of training chunks out of fold, of others by the encoder of all.

    What is missing is trained. StudyError where the study's own encoder is, ControlError as in `folds`.
    """
    return np.load(_made(part, name, seed) / "embeddings.npy")


def scores(part: Study, name: str, seed: int) -> np.ndarray:
    """Scores [chunk, class] of one encoder's own classifier, of the same copies as its `embeddings`."""
    return np.load(_made(part, name, seed) / "scores.npy")


def play_crossfit(part: Study, game: Game, seed: int) -> None:
    """The study's heads on cross-fitted embeddings: as many training clips, none of which its encoder has seen."""
    if part.settings.heads.learn_from == "cross_fitted":
        raise keeping.ControlError(f"{CONTROL}: the study's own heads learn so already (heads.learn_from=cross_fitted)")
    keeping.score_heads(part, game, seed, {name: embeddings(part, name, seed) for name in game.players})


def play_stacked(part: Study, game: Game, seed: int) -> None:
    """Linear heads (ridge, penalty by groups) on the encoders' own scores, those of training chunks out of fold."""
    chunks, device = part.chunks, training.device_of(part.request.device)
    data = HeadData({name: scores(part, name, seed) for name in game.players}, chunks.targets, chunks.groups)
    heads = part.settings.heads.model_copy(update={"linear_fit": "ridge", "ridge": "groups"})
    plan = HeadPlan("linear", heads, part.settings.schedule("head"))
    train, test, only = chunks.rows(*part.settings.train_roles), chunks.rows("test"), keeping.own_subsets(game)
    own = {name: files.digest(values) for name, values in data.embeddings.items()}
    labels = [files.digest(values) for values in (train, test, data.targets[train], data.groups[train])]
    keeping.write_once(
        part, game, keeping.OWN, seed, files.key(HEADS, heads.scaling, own, labels),
        lambda: score_subsets(data, train, test, plan, seed, device, only=only),
    )  # fmt: skip


# How they are made


def _made(part: Study, name: str, seed: int) -> Path:
    """Folder of the embeddings and scores of one encoder, made now or before."""
    chunks, settings = part.chunks, part.settings
    whole, fold = read_embeddings(part, name, seed), folds(chunks, settings)
    key = files.key(VERSION, key_of(name, chunks, settings, seed), chunks.key, files.digest(fold))
    folder = keeping.checkpoints(part, CONTROL) / f"{name}-seed{seed}"
    with files.locked(folder, f"cross-fitting {name}, seed {seed}", wait=True):
        paths = [folder / f"{what}.npy" for what in ("embeddings", "scores", "folds")]
        cached.once(folder / "made.json", key, paths, lambda: _make(part, name, seed, whole, fold, folder))
    return folder


def _make(part: Study, name: str, seed: int, whole: np.ndarray, fold: np.ndarray, folder: Path) -> None:
    """Write embeddings and scores of all chunks: those of the encoder of all, and of each fold those of its copy."""
    scores = own_scores(part, keeping.load_study_encoder(part, name, seed), np.arange(len(fold)))
    arrays = {"folds": fold, "embeddings": whole.copy(), "scores": scores}
    for number in range(fold.max() + 1):
        print(f"{CONTROL}: {name}, seed {seed}: copy {number + 1} of {fold.max() + 1}, not trained on that fold")
        held, seen = np.flatnonzero(fold == number), np.flatnonzero((fold >= 0) & (fold != number))
        copy = train_encoder(
            name, without(part.chunks, part.settings, held), part.settings, seed, folder / f"fold{number}",
            part.request.device,
        )  # fmt: skip
        keeping.note(part, f"{CONTROL} fold {number}", copy.timings)
        arrays["embeddings"][held] = aligned(copy.embeddings, whole, part.chunks.groups, seen)[held]
        arrays["scores"][held] = own_scores(part, copy.encoder, held, keep=False)
    for what, values in arrays.items():
        digests.write_array(folder / f"{what}.npy", values)


def without(chunks: Chunks, settings: Settings, held: np.ndarray) -> Chunks:
    """The same chunks, where the clips of the groups of the rows `held` [row] are not trained on: no role."""
    clips = chunks.corpus.clips
    out = clips["group"].astype(str).isin(set(chunks.groups[held])) & clips["role"].isin(settings.train_roles)
    return replace(chunks, corpus=replace(chunks.corpus, clips=clips.assign(role=clips["role"].mask(out, ""))))


def own_scores(part: Study, encoder: Encoder, rows: np.ndarray, keep: bool = True) -> np.ndarray:
    """Scores [row, class] of an encoder's own classifier on some chunks.

    keep: whether features that it has learned stay in the cache; those of a copy are large, and of no use to anything else.
    """
    device = training.device_of(part.request.device)
    features = features_of(encoder.to(device), part.chunks, device)
    outputs = predictions(encoder, Rows(features, rows), device)[1]
    if not keep:
        keeping.remove_learned_features(encoder, features)
    return training.activate(torch.from_numpy(outputs), part.settings.schedule(encoder.name)).numpy()


def aligned(copy: np.ndarray, whole: np.ndarray, groups: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Embeddings [chunk, width] of a copy on the axes of the encoder of all, by the chunks `rows` that both have seen.

    An affine map by ridge, standardised first, its penalty chosen by groups [chunk] as that of linear heads.
    """
    source, target = scale(copy, rows, STANDARDISED), torch.from_numpy(whole)
    columns = torch.arange(source.shape[1])[None]
    model, _ = fit_ridge(source[rows], target[rows], columns, groups[rows], STANDARDISED)
    return model(source)[0].numpy()
