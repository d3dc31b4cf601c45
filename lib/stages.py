"""The heavy steps of a run, as the notebooks call them: each saves what it made, and loads it the next time."""

import json
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lib import files
from lib.controls import ControlError, crossfit, find, peers
from lib.encoders import speed
from lib.encoders.encoder import Trained, parts_of_epochs, train_encoder
from lib.encoders.fast import product_type, products
from lib.encoders.heads import (
    FALLBACK,
    HeadData,
    HeadPlan,
    Resume,
    TrainedHeads,
    label,
    scores_of,
    subsets,
    train_subsets,
)
from lib.encoders.heads import VERSION as HEADS
from lib.encoders.training import device_of, load_tensors, write_tensors
from lib.evaluation import scores
from lib.evaluation.convergence import COLUMNS, convergence, warning
from lib.evaluation.frozen import read_embeddings
from lib.files import cached, digests
from lib.representations import names
from lib.settings import SettingsError
from lib.sounds.corpora.base import in_lines
from lib.study import Study


def train(study: Study, representation: str, seed: int) -> Trained:
    """Train one encoder (or read it back), and write its own classifier's test scores."""
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise SettingsError(f"seed = {seed!r}: a whole number from 0 is wanted")
    chunks, epochs = study.chunks, study.settings.schedule(representation).epochs
    trained = train_encoder(
        representation, chunks, study.settings, seed, study.checkpoint(representation, seed), study.request.device,
        keep_epochs=parts_of_epochs(epochs).values(),
    )  # fmt: skip
    scores.write_scores(study, representation, "own", seed, trained.scores)
    for stage in trained.timings:
        share = share_of_peak(study, stage.flops, stage.seconds) if stage.flops else None
        study.note_time(stage.what, stage.seconds, stage.chunks, "chunks", share)
    return trained


def share_of_peak(study: Study, flops: float, seconds: float) -> float:
    """What part this is of the arithmetic that the machine does in a plain matrix product of the same type, measured now."""
    device, precision = device_of(study.request.device), study.settings.training.precision
    with products(precision):
        return flops / max(seconds, 1e-9) / speed.peak_flops(device, product_type(precision, device))


def score(study: Study) -> None:
    """For each fold and seed the test scores of the constant predictor and of the heads on every subset; then the controls."""
    of_parts = [part.chunks for part in study.parts]
    for line in (*of_parts[0].corpus.notes, *in_lines([chunks.doubts for chunks in of_parts])):
        print(line)
    for part in study.parts:
        scores.write_test_set(part)
        scores.write_constant(part)
        for seed in part.request.seeds:
            embeddings = {name: learned_from(part, name, seed) for name in names()}
            for head in part.settings.heads.kinds:
                score_head(part, embeddings, head, seed)
    write_fits(study)
    run_controls(study)
    if study.request.fold == "all":  # a run of all folds has no chunks of its own that would register it
        study.register(study.read_corpus().hash)
        study.write_table("rejected", study.parts[0].chunks.corpus.rejected)


def run_controls(study: Study) -> pd.DataFrame:
    """Run the controls that the settings ask for, cheap ones first; write which cannot be run here, and why.

    Points of curves stand in a table of their own: they are no competitors of the study.
    """
    rows = []
    wanted = sorted(map(find, study.settings.controls), key=lambda control: control.costly)
    for control in wanted:
        try:
            for part in study.parts:
                for seed in part.request.seeds:
                    control.run(part, seed)
        except ControlError as error:
            rows.append({"control": control.name, "reason": str(error), "curve": control.curve})
    left_out = pd.DataFrame(rows, columns=["control", "reason", "curve"])
    study.write_table("curves_left_out", left_out[left_out["curve"] != ""])
    return study.write_table("controls_left_out", left_out.loc[left_out["curve"] == "", ["control", "reason"]])


def score_peers(study: Study) -> None:
    """Every peer that the study asks for, of each fold and seed: its embeddings, and the test scores of its heads."""
    for part in study.parts:
        for name in peers.of_request(part):
            for seed in part.request.seeds:
                peers.run(part, name, seed)


def learned_from(study: Study, name: str, seed: int) -> np.ndarray:
    """Embeddings [chunk, width] of one encoder as the heads read them, by the setting `heads.learn_from`."""
    seen = study.settings.heads.learn_from == "seen"
    return read_embeddings(study, name, seed) if seen else crossfit.embeddings(study, name, seed)


def heads_key(study: Study, embeddings: dict[str, np.ndarray], head: str, seed: int) -> str:
    """Changes with all that heads and their test scores depend on: embeddings [chunk, width], labels, rows, settings, seed."""
    chunks, plan = study.chunks, HeadPlan.of(study.settings, head)
    train, test = study.train_rows, chunks.rows("test")
    content = {name: files.digest(values) for name, values in embeddings.items()}
    rows = [chunks.content(train), *(files.digest(values) for values in (train, test, chunks.groups[train]))]
    return files.key(HEADS, plan.heads, plan.schedule, seed, rows, study.settings.threads, content)


def heads_manifest(study: Study, head: str, seed: int) -> Path:
    """File of the key of what the stored heads and their test scores were made from."""
    return study.folder / "scores" / f".{head}-seed{seed}.json"


def heads_made_from(study: Study, head: str, seed: int) -> str:
    """The key of what the stored heads and their test scores were made from; empty where there are none."""
    return (digests.reread(heads_manifest(study, head, seed), digests.load_json) or {"key": ""})["key"]


def score_head(study: Study, embeddings: dict[str, np.ndarray], head: str, seed: int) -> None:
    """Train one kind of head on every subset of embeddings [chunk, width] by name, or read it back.

    Its weights and test scores are written.
    """
    plan, test = HeadPlan.of(study.settings, head), study.chunks.rows("test")
    key = heads_key(study, embeddings, head, seed)
    resume = Resume(study.heads(head, seed).parent, key)

    def make() -> None:
        torch.set_num_threads(study.settings.threads)
        data, start = HeadData(embeddings, study.chunks.targets, study.chunks.groups), time.perf_counter()
        device = device_of(study.request.device)
        trained = list(train_subsets(data, study.train_rows, plan, seed, device, resume=resume))
        for heads in trained:
            for subset, own in zip(heads.subsets, scores_of(heads.model, heads.inputs[test], plan), strict=True):
                scores.write_scores(study, label(subset), head, seed, own)
        note_heads(study, data, plan, seed, time.perf_counter() - start)
        save_heads(study, data, plan, seed, trained)

    paths = [study.heads(head, seed), *(study.scores(label(each), head, seed) for each in subsets(list(embeddings)))]
    cached.once(heads_manifest(study, head, seed), key, paths, make)
    for state in resume.folder.glob(f"{head}-*.state.safetensors"):
        digests.remove(state)


def save_heads(study: Study, data: HeadData, plan: HeadPlan, seed: int, trained: list[TrainedHeads]) -> None:
    """Write the weights of one kind of head on all subsets, and what is to be known of how they were fitted."""
    train = study.train_rows
    fitted = {"penalties": [], "convergence": []}
    for heads in trained:
        fitted["penalties"] += [
            {"subset": label(subset), "seed": seed, **asdict(penalty)}
            for subset, penalty in zip(heads.subsets, heads.penalties, strict=False)  # none where there is no ridge
        ]
        if plan.head == "linear" and not plan.closed_form:
            fitted["convergence"] += convergence(heads, data.targets, train, plan, seed)
    if line := warning(fitted["convergence"]):
        print(line)
    if any(row["groups"] < 2 for row in fitted["penalties"]) and plan.heads.ridge == "groups":
        print(
            f"the training clips are one group: the penalty of linear heads cannot be chosen by groups, it is {FALLBACK}"
        )
    weights = {name: value for heads in trained for name, value in heads.model.named(heads.subsets).items()}
    write_tensors(study.heads(plan.head, seed), weights, {name: json.dumps(rows) for name, rows in fitted.items()})


def note_heads(study: Study, data: HeadData, plan: HeadPlan, seed: int, seconds: float) -> None:
    """Note what fitting and scoring the heads of all subsets took."""
    widths = [sum(data.embeddings[name].shape[1] for name in subset) for subset in subsets(list(data.embeddings))]
    chunks = len(study.train_rows) * len(widths)
    what = f"head {plan.head}, seed {seed}"
    if plan.closed_form:
        study.note_time(what, seconds, chunks, "chunks")
        return
    n_classes, hidden = data.targets.shape[1], plan.heads.hidden
    of_width = lambda n: n * n_classes if plan.head == "linear" else n * hidden + hidden * n_classes  # noqa: E731
    weights = sum(map(of_width, widths))  # each takes two operations forward and four backward
    done = chunks * plan.schedule.epochs
    share = share_of_peak(study, 6 * weights * done / len(widths), seconds)
    study.note_time(what, seconds, done, "chunks", share)


def write_fits(study: Study) -> None:
    """Write tables/penalties.csv, and convergence.csv where linear heads were trained by descent, of all folds and seeds.

    penalties.csv [subset, seed, fold, penalty, groups, error]: error is the held-out squared error of a chunk and class.
    """
    tables: dict[str, list[dict]] = {"penalties": [], "convergence": []}
    for part in study.parts:
        for path in [part.heads("linear", seed) for seed in part.request.seeds]:
            stored = digests.read(path, load_tensors)[1] if path.exists() else {}
            for name, rows in tables.items():
                rows += [{**row, "fold": part.fold} for row in json.loads(stored.get(name, "[]"))]
    penalties = pd.DataFrame(tables["penalties"], columns=["subset", "seed", "fold", "penalty", "groups", "error"])
    study.write_table("penalties", penalties)
    if tables["convergence"] or (study.folder / "tables" / "convergence.csv").exists():
        study.write_table("convergence", pd.DataFrame(tables["convergence"], columns=[*COLUMNS, "fold"]))
