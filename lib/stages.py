"""The heavy steps of a run, as the notebooks call them: each keeps what it made and, asked again, reads it back."""

import json
import time

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file

from lib import files, results, speed
from lib.controls import ControlError, find
from lib.encoders import Trained, stored_embeddings, train_encoder
from lib.representations import names
from lib.settings import Settings, SettingsError
from lib.study import Study, StudyError, missing
from lib.subsets import label, scores_of, subsets, train_subsets
from lib.training import device_of


def train(study: Study, representation: str, seed: int) -> Trained:
    """Train one encoder (or read it back), and write its own classifier's test scores."""
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise SettingsError(f"seed = {seed!r}: a whole number from 0 is wanted")
    chunks = study.chunks
    trained = train_encoder(
        representation, chunks, study.settings, seed, study.checkpoint(representation, seed), study.request.device
    )
    results.write_scores(study, representation, "own", seed, trained.scores)
    for stage in trained.spent:
        share = share_of_peak(stage.flops, stage.seconds, device_of(study.request.device)) if stage.flops else None
        study.note_time(stage.what, stage.seconds, stage.chunks, "chunks", share)
    return trained


def share_of_peak(flops: float, seconds: float, device: torch.device) -> float:
    """What part this is of the arithmetic that the machine does in a plain matrix product, measured now."""
    return flops / max(seconds, 1e-9) / speed.peak_flops(device)


def score(study: Study) -> None:
    """The constant predictor and both heads on every subset, for each fold and seed: write their test scores."""
    for part in study.parts:
        for line in part.chunks.corpus.warnings:
            print(line)
        results.write_test_set(part)
        results.write_constant(part)
        for seed in part.request.seeds:
            embeddings = {name: read_embeddings(part, name, seed) for name in names()}
            for head in part.settings.heads.kinds:
                _score_head(part, embeddings, head, seed)
    run_controls(study)
    if study.request.fold == "all":  # a run of all folds has no chunks of its own that would tell of it
        study.register(study.read_corpus().hash)
        study.write_table("rejected", study.parts[0].chunks.corpus.rejected)


def run_controls(study: Study) -> pd.DataFrame:
    """Run the controls that the settings ask for, cheap ones first; write which cannot be run here, and why."""
    rows = []
    asked = sorted(map(find, study.settings.controls), key=lambda control: control.costly)
    for control in asked:
        try:
            for part in study.parts:
                for seed in part.request.seeds:
                    control.run(part, seed)
        except ControlError as error:
            rows.append({"control": control.name, "reason": str(error)})
    return study.write_table("controls_left_out", pd.DataFrame(rows, columns=["control", "reason"]))


def read_embeddings(study: Study, name: str, seed: int) -> np.ndarray:
    """Embeddings [chunk, width] of one trained encoder; StudyError where they are missing or made from something else."""
    folder = study.checkpoint(name, seed)
    embeddings = stored_embeddings(name, study.chunks, study.settings, seed, folder)
    if embeddings is not None:
        return embeddings
    if not (folder / "embeddings.npy").exists():
        raise missing(folder / "embeddings.npy", "02_train_encoder")
    raise StudyError(
        f"{name}, seed {seed}: its embeddings are of other sounds, labels, settings or library versions: "
        "run notebooks/02_train_encoder.ipynb again with the same parameters"
    )


def _score_head(study: Study, embeddings: dict[str, np.ndarray], head: str, seed: int) -> None:
    settings, chunks = study.settings, study.chunks
    schedule = settings.schedule("head")
    marker = study.folder / "scores" / f".{head}-seed{seed}.json"
    content = {name: files.digest(values) for name, values in embeddings.items()}
    train, test = chunks.rows(*settings.trained_on.split("+")), chunks.rows("test")
    rows = [chunks.content(train), files.digest(train), files.digest(test)]
    told = {"key": files.key(settings.heads, schedule, seed, rows, settings.threads, content)}
    kept = study.heads(head, seed)
    there = all(study.scores(label(subset), head, seed).exists() for subset in subsets(list(embeddings)))
    if there and kept.exists() and marker.exists() and json.loads(marker.read_text()) == told:
        return
    torch.set_num_threads(settings.threads)
    device = device_of(study.request.device)
    start, weights = time.perf_counter(), {}
    trained = train_subsets(embeddings, chunks.targets, train, head, settings.heads, schedule, seed, device)
    for group, model, inputs in trained:
        for subset, scores in zip(group, scores_of(model, inputs[test], schedule), strict=True):
            results.write_scores(study, label(subset), head, seed, scores)
        weights |= model.named(group)
    with files.whole(kept) as temporary:
        save_file(weights, temporary)
    seconds, heads = time.perf_counter() - start, subsets(list(embeddings))
    widths = [sum(embeddings[name].shape[1] for name in subset) for subset in heads]
    flops = 6 * sum(n_weights(head, width, chunks.targets.shape[1], settings) for width in widths) * len(train)
    share = share_of_peak(flops * schedule.epochs, seconds, device)
    study.note_time(f"head {head}, seed {seed}", seconds, len(train) * schedule.epochs * len(heads), "chunks", share)
    files.write_json(marker, told)


def n_weights(head: str, n_dims: int, n_classes: int, settings: Settings) -> int:
    """Weights of one head; each takes two operations forward and four backward."""
    hidden = settings.heads.hidden
    return n_dims * n_classes if head == "linear" else n_dims * hidden + hidden * n_classes
