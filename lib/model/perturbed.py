"""A finished study's test clips made worse, heard for less long, or given to its networks otherwise: embedded and scored.

Nothing is trained. Embeddings lie in data/cache/perturbed under what they were made from, scores where
lib.evaluation.robustness looks for them; what is there is not made again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import astuple
from importlib import metadata
from pathlib import Path

import numpy as np
import soundfile
import torch

from lib import files
from lib.encoders.encoder import BLOCK, embed_chunks
from lib.evaluation.conditions import INPUT, LENGTH, Condition, conditions
from lib.evaluation.games import paper4
from lib.evaluation.measures import clip_means
from lib.evaluation.scores import as_stored
from lib.files import cached, digests
from lib.model.trained import Model
from lib.sounds.chunks import Chunks, cut_clip
from lib.sounds.decode import decode
from lib.sounds.excerpts import heard
from lib.sounds.perturb import PERTURBATIONS, needs_of, perturbed
from lib.study import Study

VERSION = 1  # of the rules: raised when the same condition would give other sounds
LIBRARIES = ("soxr", "soundfile", "librosa", "scipy", "numpy", "torch")


def score(study: Study, names: tuple[str, ...]) -> None:
    """Every condition of these names, in each fold with each seed, that is not there yet."""
    for part in study.parts:
        for name in names:
            for seed in part.request.seeds:
                run(part, name, seed)


def run(part: Study, name: str, seed: int) -> None:
    """The scores of all conditions of one name, of one part and seed, or those that the same inputs made."""
    torch.set_num_threads(part.settings.threads)
    with files.locked(part.folder / "scores" / "controls" / "robust" / f"{name}-seed{seed}", f"robustness to {name}"):
        model = Model.of_study(part, seed, part.request.device)
        for condition in conditions(part, name):
            score_condition(part, model, condition, seed)


def score_condition(part: Study, model: Model, condition: Condition, seed: int) -> None:
    """The scores of one condition, or those that the same inputs made."""
    game, heads = condition.game, part.settings.heads.kinds
    content = part.chunks.content(part.chunks.rows("test"))
    key = files.key(VERSION, model.key, part.chunks.key, content, astuple(condition), libraries(condition))
    paths = {(s, head): game.file(part, s, head, seed) for s in game.coalitions for head in heads}

    def make() -> None:
        with part.timed(f"robustness {condition.game.name}, seed {seed}", len(part.chunks.rows("test")), "chunks"):
            embeddings, clip = _embeddings(part, model, condition)
            for (subset, head), path in paths.items():
                scores = model.scores(embeddings, subset, head)
                digests.write_array(path, as_stored(part, scores if clip is None else _of_clips(part, scores, clip)))

    cached.once(next(iter(paths.values())).with_name(f".seed{seed}.json"), key, paths.values(), make)


def libraries(condition: Condition) -> list[str]:
    """Versions of what makes the sounds of a condition and embeds them; that of its own module as installed, where it has one."""
    own = [
        metadata.version(package)
        for module in needs_of([condition.name])
        for package in metadata.packages_distributions()[module]
    ]
    return [*map(metadata.version, LIBRARIES), soundfile.__libsndfile_version__, *own]


def _of_clips(part: Study, scores: np.ndarray, clip: np.ndarray) -> np.ndarray:
    """Each clip's mean of scores [excerpt's chunk, class] at all of the clip's test chunks: a clip has no other scores."""
    ids, means = clip_means(scores, clip)
    place = {name: number for number, name in enumerate(ids)}
    chunks = part.chunks
    return means[[place[number] for number in chunks.clip[chunks.rows("test")]]]


def _embeddings(part: Study, model: Model, condition: Condition) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """encoder -> embeddings [chunk, width], and for excerpts the clip [chunk] of each, which then are not the test chunks."""
    folder = files.cache() / "perturbed"

    def path(name: str) -> Path:
        weights = [files.digest(value.cpu().numpy()) for value in model.encoders[name].state_dict().values()]
        sounds = part.chunks.key, part.chunks.rows("test").tolist(), libraries(condition)
        made_from = VERSION, name, weights, model.settings, *sounds
        return folder / f"{name}-{files.key(*made_from, condition.kind, condition.name, condition.strength)}.npy"

    paths = {name: path(name) for name in paper4().players}
    index = paths[model.names[0]].with_suffix(".clip.npy")
    found = {name: digests.reread(each, np.load) for name, each in paths.items()}
    clip = digests.reread(index, np.load)
    lacking = [name for name, values in found.items() if values is None] if clip is not None else list(paths)
    if lacking:
        clip, made = _embedded(part, model, condition, lacking)
        digests.write_array(index, clip)
        for name, values in made.items():
            digests.write_array(paths[name], values)
        found |= made
    return found, clip if condition.kind == LENGTH else None


def _embedded(
    part: Study, model: Model, condition: Condition, names: list[str]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The clip [chunk] and encoder -> embeddings [chunk, width] of all sounds of a condition, some clips at a time."""
    clips, made = [], {name: [] for name in names}
    for clip, chunks in _blocks(sounds(part.chunks, condition), 16 * BLOCK):
        clips.append(clip)
        for name in names:
            otherwise = condition.strength if condition.kind == INPUT else ""
            made[name].append(embed_chunks(model.encoders[name], chunks, BLOCK, otherwise)[0])
    return np.concatenate(clips), {name: np.concatenate(parts) for name, parts in made.items()}


def sounds(chunks: Chunks, condition: Condition) -> Iterator[tuple[int, np.ndarray]]:
    """Each test clip's row of the corpus, and its chunks [chunk, sample] in a condition."""
    rows = chunks.rows("test")
    for number in dict.fromkeys(chunks.clip[rows].tolist()):
        yield number, _of_clip(chunks, condition, number, rows[chunks.clip[rows] == number])


def _of_clip(chunks: Chunks, condition: Condition, number: int, rows: np.ndarray) -> np.ndarray:
    rule, (path, clip) = chunks.settings, chunks.corpus.clips.loc[number, ["path", "id"]]
    if condition.kind == INPUT:
        return np.asarray(chunks.audio[rows])
    if condition.kind == LENGTH:
        return heard(decode(Path(path), rule.rate_hz, rule.resampler), clip, condition.excerpt, rule)
    samples = perturbed(path, clip, condition.name, condition.strength, rule)
    return cut_clip(samples, rule, rule.test_overlap)[0][np.isin(np.flatnonzero(chunks.clip == number), rows)]


def examples(study: Study, names: Iterable[str], seconds: float = 5.0) -> Iterator[tuple[str, np.ndarray]]:
    """The beginning of the first test clip as it is, then at the middle strength of each perturbation of these names.

    What was done in words, and the samples [sample] at the study's rate.
    """
    chunks = study.parts[0].chunks
    rule, (path, clip) = chunks.settings, chunks.corpus.clips.loc[chunks.clip[chunks.rows("test")[0]], ["path", "id"]]
    n = round(seconds * rule.rate_hz)
    yield "as it is", decode(Path(path), rule.rate_hz, rule.resampler)[:n]
    for how in (PERTURBATIONS[name] for name in names if name in PERTURBATIONS):
        strength = how.strengths[2]
        yield f"{how.title}, {strength} {how.unit}".strip(), perturbed(path, clip, how.name, strength, rule)[:n]


def _blocks(sounds: Iterator[tuple[int, np.ndarray]], size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The clip [chunk] and the chunks [chunk, sample] of several clips, `size` chunks or somewhat more at a time."""
    numbers, held = [], []
    for number, chunks in sounds:
        numbers += [number] * len(chunks)
        held.append(chunks)
        if len(numbers) >= size:
            yield np.array(numbers), np.concatenate(held)
            numbers, held = [], []
    if held:
        yield np.array(numbers), np.concatenate(held)
