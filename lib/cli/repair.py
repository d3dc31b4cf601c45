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
    "peers", "peer_gains", "robustness", "robustness_half", "robustness_shares",
)  # fmt: skip
LAST = ("table1", "neighbours", "peers", "robustness")


def take_out_damaged(run: Path) -> list[str]:
    """Take what is not what was written out of a run's folder, so that the graph makes it again; a line for each.

    A table may have been changed by hand: it stays beside its place, as <name>.csv.changed.
    """
    damaged = digests.damaged(run)
    for path in damaged:
        if path.suffix == ".csv":
            os.replace(path, path.with_name(f"{path.name}.changed"))
    for path in (path.relative_to(run) for path in damaged):
        for gone in (path, *outputs_of(path)):
            (run / gone).unlink(missing_ok=True)
    return [
        f"{digests.short(path)} is damaged, or was changed since it was written: it is made again" for path in damaged
    ]


def outputs_of(path: Path) -> Iterator[Path]:
    """The outputs, by their paths in the run, that must be gone for the graph to make the file at `path` again.

    The last ones are always among them: what lies before an output that is there, the graph does not miss.
    """
    place = Path(path.parts[0]) if path.parts[0].startswith("fold") else Path()
    kind, *below = path.relative_to(place).parts
    if kind not in ("tables", "scores", "checkpoints"):
        return
    yield from (Path("tables") / f"{name}.csv" for name in LAST)
    if kind == "tables" and path.stem in OUTPUTS and path.stem != "subsets":
        return
    yield from dict.fromkeys(one / "tables" / "subsets.csv" for one in (Path(), place))
    encoder, dash, seed = below[0].rpartition("-seed")
    if kind == "checkpoints" and dash and encoder != "heads":
        yield place / "scores" / f"{encoder}-own-seed{seed}.npy"
        if not path.name.startswith("embeddings."):
            yield place / kind / below[0] / "encoder.json"  # without it the encoder is trained again
