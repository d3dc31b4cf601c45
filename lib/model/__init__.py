"""A trained study as a tool: any sound in, embeddings and tags out, anywhere.

`trained` holds the model; `folder` embeds all sounds of a folder; `bundle` writes one folder that needs neither corpus nor
run, `card` its description, `graphs` its ONNX files; `hear` is the interface of the HEAR benchmark. `why` says which encoder
and which second decided on a tag, `perturbed` scores a study's test clips made worse.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lib.model.trained import Model
    from lib.study import Study


def open_model(study: str | Path, seed: int | None = None, fold: int | None = None, device: str = "cpu") -> Model:
    """The model of a finished run, by its name (empty: the newest) or folder, or of a bundle's folder.

    seed, fold: of a run the first by default; a bundle has one of each. A run needs its corpus, a bundle does not.
    PlainError in one line where there is no such thing, or it is not finished.
    """
    from lib.files import expanded
    from lib.model import bundle
    from lib.model.trained import Model

    if study and bundle.is_bundle(expanded(study)):
        return bundle.read(expanded(study), device)
    part, seed = part_of(study, seed, fold)
    return Model.of_study(part, seed, device)


def part_of(study: str | Path, seed: int | None = None, fold: int | None = None) -> tuple[Study, int]:
    """What is meant of a finished run: a part with a test fold or role of its own, and a seed; PlainError in one line."""
    from lib.files import PlainError, expanded, home, runs
    from lib.study import Request, Study

    folder = expanded(study or "no such folder")
    if folder.is_dir() and folder.resolve().parent != home() / "runs":
        raise PlainError(
            f"{folder} is neither a bundle nor a run in {home() / 'runs'}: set STUDY_HOME to the folder that holds its runs/"
        )
    run = runs.wanted(folder.name if folder.is_dir() else str(study), only_finished=True)
    parts = Study.of(Request(**runs.request(run))).parts
    chosen = [part for part in parts if fold in (None, part.request.fold)]
    if not chosen:
        raise PlainError(f"fold {fold}: {run.name} has {', '.join(str(part.request.fold) for part in parts)}")
    seeds = chosen[0].request.seeds
    if seed is not None and seed not in seeds:
        raise PlainError(f"seed {seed}: {run.name} has {', '.join(map(str, seeds))}")
    return chosen[0], seeds[0] if seed is None else seed
