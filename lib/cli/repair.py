"""What is damaged in a run is taken out before the graph runs, with the outputs that make it run what wrote it.

The graph knows only its outputs: where weights or a table beside them are damaged, it would find nothing to do.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from lib.files import digests

# tables that are outputs of the graph; all others are written on the way to subsets.csv or after it
OUTPUTS = (
    "parameters", "subsets", "contributions", "table1", "table2", "ledger", "decisions", "timing", "neighbours",
)  # fmt: skip


def take_out_damaged(run: Path) -> list[str]:
    """Take what is not what was written out of a run's folder, so that the graph makes it again; a line for each.

    A table may have been changed by hand: it stays beside its place, as <name>.csv.changed.
    """
    lines = []
    for path in digests.damaged(run):
        lines.append(f"{digests.short(path)} is damaged, or was changed since it was written: it is made again")
        for made_with in outputs_of(path.relative_to(run)):
            (run / made_with).unlink(missing_ok=True)
        if path.suffix == ".csv":
            os.replace(path, path.with_name(f"{path.name}.changed"))
        else:
            path.unlink(missing_ok=True)
    return lines


def outputs_of(path: Path) -> Iterator[Path]:
    """The outputs, by their paths in the run, without which the graph makes the file at `path` again."""
    place = Path(path.parts[0]) if path.parts[0].startswith("fold") else Path()
    kind, *below = path.relative_to(place).parts
    if (kind == "tables" and path.stem in OUTPUTS) or kind not in ("tables", "scores", "checkpoints"):
        return
    yield place / "tables" / "subsets.csv"
    encoder, dash, seed = below[0].rpartition("-seed")
    if kind == "checkpoints" and dash and encoder != "heads":
        yield place / "scores" / f"{encoder}-own-seed{seed}.npy"
        if not path.name.startswith("embeddings."):
            yield place / kind / below[0] / "encoder.json"  # without it the encoder is trained again
