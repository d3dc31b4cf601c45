"""The games that a peer plays beside the study: `run` embeds the corpus by it, trains the heads and writes their scores.

Of a frozen peer a seed changes the heads and the study's encoders alone; a learner is trained with each seed.
"""

from dataclasses import asdict
from pathlib import Path
from typing import get_args

import numpy as np
import torch

from lib import files
from lib.controls.keeping import (
    OWN,
    Embeddings,
    checkpoints,
    load_study_encoder,
    of_study,
    score_heads,
    trained,
    write_once,
)
from lib.controls.work import noise, untrained
from lib.encoders import training
from lib.encoders.encoder import embed_chunks
from lib.encoders.peers import PeerError, Wanted, wanted
from lib.encoders.peers.embeddings import Cost, embedded, measured_cost
from lib.encoders.peers.learner import settings_of
from lib.encoders.peers.scratch import Learned, learn
from lib.evaluation.games import paper4
from lib.evaluation.peers import BESIDE, OURS, SECOND, about_path, beside, by_itself, five, on_chunks
from lib.files import digests
from lib.representations import names
from lib.settings import ControlName
from lib.study import Study

TIMED = 64  # chunks by which the study's encoders are timed


def of_request(study: Study) -> dict[str, Wanted]:
    """The peers that a study asks for, by name; PeerError where a name is that of something else here."""
    found = {one.name: one for one in wanted(study.request.peers)}
    if taken := set(found) & {*names(), *get_args(ControlName), *BESIDE, SECOND}:
        raise PeerError(f"{', '.join(sorted(taken))}: the study has an encoder or a control of this name")
    return found


def run(part: Study, name: str, seed: int) -> None:
    """Make the scores of one peer, of one part and seed, or leave those that the same inputs made."""
    torch.set_num_threads(part.settings.threads)
    with files.locked(checkpoints(part, name) / f"seed{seed}", f"peer {name}, seed {seed}"):
        wanted = of_request(part)[name]
        manifest = _learner(part, wanted, seed) if wanted.learner else _frozen(part, wanted, seed)
        digests.write_json(about_path(part, name), manifest)
        if not about_path(part, OURS).exists():
            digests.write_json(about_path(part, OURS), our_about() | costs(cost_of_study(part, seed)))


def _frozen(part: Study, wanted: Wanted, seed: int) -> dict[str, object]:
    name, chunks, peer = wanted.name, part.chunks, wanted.load()
    found = embedded(name, peer, chunks, training.device_of(part.request.device))
    score_heads(part, on_chunks(name), seed, {name: np.array(found.chunks)})
    _on_top(part, name, np.array(found.clips)[chunks.clip], seed, BESIDE, {})
    of_peer = {"crop": peer.crop, "rate_hz": peer.rate_hz, "size": peer.size, "trained_here": False, "beside": BESIDE}
    return asdict(peer.about) | of_peer | costs(found.cost)


def _learner(part: Study, wanted: Wanted, seed: int) -> dict[str, object]:
    name, kind, seeds = wanted.name, wanted.learner, part.request.seeds
    learned = learn_seed(part, wanted, seed)
    write_once(part, by_itself(name), OWN, seed, files.digest(learned.scores), lambda: [((name,), learned.scores)])
    second = {}
    if len(seeds) > 1:  # where the study trains everything more than once
        other = seeds[(seeds.index(seed) + 1) % len(seeds)]
        second = {SECOND: learn_seed(part, wanted, other).embeddings}
    others = (*BESIDE, *second)
    _on_top(part, name, learned.embeddings, seed, others, second)
    of_peer = {"crop": "1 s chunks, mean of scores", "rate_hz": kind.rate_hz, "size": learned.embeddings.shape[1]}
    about = kind.about_of(settings_of(kind, part.settings))
    return asdict(about) | of_peer | {"trained_here": True, "beside": others} | costs(learned.cost)


def folder_of_learner(part: Study, name: str, seed: int) -> Path:
    """Where the weights of a system lie that is trained from scratch."""
    return checkpoints(part, name) / f"{name}-seed{seed}"


def learn_seed(part: Study, wanted: Wanted, seed: int) -> Learned:
    """A learner trained with one seed, now or before."""
    name, device = wanted.name, training.device_of(part.request.device)
    folder = folder_of_learner(part, name, seed)
    found = learn(wanted.learner, part.chunks, part.settings, seed, folder, device)
    if found.seconds:
        part.note_time(f"train {name}, seed {seed}", found.seconds, len(part.train_rows), "chunks")
    return found


def _on_top(part: Study, name: str, own: np.ndarray, seed: int, others: tuple[str, ...], second: Embeddings) -> None:
    """The game of five with a peer's embeddings [chunk, size], and what stands beside it instead."""
    score_heads(part, five(name), seed, of_study(part, seed) | {name: own})
    score_heads(part, beside(name, others), seed, {name: own} | controls(part, own, seed) | second)


def controls(part: Study, own: np.ndarray, seed: int) -> Embeddings:
    """What stands beside a peer [chunk, size] instead of pitch or timbre."""
    with files.locked(checkpoints(part, "logmel") / f"seed{seed}", f"control logmel, seed {seed}", wait=True):
        logmel = trained(part, "logmel", "logmel", seed)
    with files.locked(checkpoints(part, "untrained") / f"seed{seed}", f"control untrained, seed {seed}", wait=True):
        bare = {f"untrained_{name}": untrained(part, name, seed) for name in ("pitch", "timbre")}
    return {"noise": noise(part.chunks, part.settings.body.width, seed), "logmel": logmel, "twice": own, **bare}


def our_about() -> dict[str, object]:
    """What Table 2 says of the study's four beside their numbers."""
    return {
        "title": OURS, "extra_data": "no", "fsd50k_in_pretraining": "no", "selected_on": "nothing, unless checkpoint=best",
        "crop": "1 s chunks, mean of scores", "licence": "MIT", "published": None, "source": "", "trained_here": True,
    }  # fmt: skip


def costs(cost: Cost) -> dict[str, object]:
    """A cost in the columns of the table."""
    return {
        "parameters": cost.parameters, "gmacs_a_second": cost.macs_a_second / 1e9, "seconds_an_hour": cost.seconds_an_hour,
        "device": cost.device, "threads": cost.threads,
    }  # fmt: skip


def cost_of_study(part: Study, seed: int) -> Cost:
    """What the study's four cost together, features included, on some of the chunks."""
    chunks, device = part.chunks, training.device_of(part.request.device)
    audio = np.array(chunks.audio[np.arange(min(TIMED, len(chunks)))])
    encoders = [load_study_encoder(part, name, seed).to(device) for name in paper4().players]
    heard_s = len(audio) * chunks.settings.length_s
    return measured_cost(lambda: [embed_chunks(each, audio) for each in encoders], encoders, heard_s, device)
