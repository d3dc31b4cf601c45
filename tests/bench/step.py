"""What the steps of the paper's run need of a GPU, and from that how long it would take: `make bench ONLY=step`.

step.json        of each step: name, kernels, flops, bytes, host_copies; counted on the meta device, nothing is timed
projection.csv   of each machine and stage: when it would begin and end. A projection, not a measurement
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.count import Counted, all_steps, of_use
from lib import files
from lib.encoders.encoder import BLOCK
from lib.representations import names
from lib.settings import Settings

CLASSES = 200
CHUNKS, TRAINED = 390_000, 260_000  # of FSD50K: 108 hours in all, 72 of them to train on
CUT_S = 0.002  # of one core for a chunk: decoded, resampled and cut (ESC-10, in study.json)
TABLES_S = 600.0  # of two cores: intervals, tables and figures
SHARE = 0.8  # of a machine's highest rates that kernels reach


@dataclass(frozen=True)
class Machine:
    """Highest rates by the maker's data sheet, in bfloat16 without sparsity, and what one kernel takes at least."""

    name: str
    flops_a_s: float
    bytes_a_s: float
    kernel_s: float
    cores: int


GPUS = (
    Machine("H100 (SXM, 80 GB)", 989e12, 3.35e12, 1.5e-6, 16),
    Machine("RTX 4090 (24 GB)", 165e12, 1.01e12, 1.5e-6, 16),
)
CORES = 16


@dataclass(frozen=True)
class Stage:
    """Something that is done so many times in the paper's run, with one seed."""

    name: str
    counted: Counted
    times: int

    def seconds(self, machine: Machine) -> float:
        """Each kernel by its bytes, or by its least time; all of them no faster than their arithmetic."""
        moved = sum(max(machine.kernel_s, size / (SHARE * machine.bytes_a_s)) for size in self.counted.moved)
        return self.times * max(moved, self.counted.flops / (SHARE * machine.flops_a_s))

    def bound(self, machine: Machine) -> float:
        """Seconds that memory or arithmetic takes at the machine's highest rates, whichever is more."""
        return self.times * max(self.counted.bytes / machine.bytes_a_s, self.counted.flops / machine.flops_a_s)


def stages(settings: Settings) -> Iterator[Stage]:
    """The stages that a GPU works on, in the order of a run."""
    for each in all_steps(settings, CLASSES):
        schedule = settings.schedule("head" if each.name == "heads" else each.name)
        items = TRAINED * each.items_a_chunk
        one = each.one
        one.moved.append(each.optimiser_bytes)
        yield Stage(f"train {each.name}", one, schedule.epochs * math.ceil(items / schedule.batch))
    for name in names():
        for what, counted in of_use(name, settings, CLASSES).items():
            yield Stage(what, counted, math.ceil(CHUNKS / BLOCK))


def on_gpu(machine: Machine, found: list[Stage]) -> list[dict]:
    """Rows of the projection for one GPU and the cores beside it."""
    of_host = [("decode and cut", CHUNKS * CUT_S / machine.cores), ("intervals, tables and figures", TABLES_S)]
    rows = [{"stage": name, "seconds": seconds, "bound_s": None} for name, seconds in of_host]
    rows[1:1] = [{"stage": s.name, "seconds": s.seconds(machine), "bound_s": s.bound(machine)} for s in found]
    return timetable(machine.name, rows)


def on_cores(cost: dict, settings: Settings) -> list[dict]:
    """Rows of the projection for a processor: what cost.json measured, as if more cores did proportionally more."""
    scale = cost["threads"] / CORES / cost["chunks"][-1]
    rows = [{"stage": "decode and cut", "seconds": CHUNKS * CUT_S / CORES}]
    for what, taken in cost["seconds"].items():
        kind, _, name = what.partition(": ")
        if kind == "epoch" and name != "heads linear":
            epochs = settings.schedule("head" if name.startswith("heads") else name).epochs
            rows.append({"stage": f"train {name}", "seconds": taken[-1] * scale * TRAINED * epochs})
        elif kind == "features":
            rows.append({"stage": f"features of {name}", "seconds": taken[-1] * scale * CHUNKS})
    rows.append({"stage": "intervals, tables and figures", "seconds": TABLES_S})
    return timetable(f"{CORES} cores", [row | {"bound_s": None} for row in rows])


def timetable(machine: str, rows: list[dict]) -> list[dict]:
    """The rows one after another, with the hours from which and to which each lasts."""
    found, hour = [], 0.0
    for row in rows:
        end = hour + row["seconds"] / 3600
        over = row["seconds"] / row["bound_s"] if row["bound_s"] else None
        found.append({
            "machine": machine, "stage": row["stage"], "from_hour": round(hour, 3), "to_hour": round(end, 3),
            "seconds": round(row["seconds"], 1), "times_the_bound": over and round(over, 2), "kind": "projection",
        })  # fmt: skip
        hour = end
    return found


def step_lines(settings: Settings) -> list[dict]:
    """Lines of step.json: one training step of a batch of the paper's preset each."""
    return [
        {"name": each.name, "batch": len(each.inputs), "kernels": one.kernels, "flops": one.flops,
         "bytes": one.bytes, "host_copies": one.host_copies}
        for each in all_steps(settings, CLASSES) for one in [each.one]
    ]  # fmt: skip


def main(folder: Path, settings: Settings = Settings()) -> None:
    """Write both files into `folder` and print what they say."""
    lines = step_lines(settings)
    files.write_json(folder / "step.json", lines)
    found = list(stages(settings))
    rows = [row for machine in GPUS for row in on_gpu(machine, found)]
    if (folder / "cost.json").exists():
        rows += on_cores(json.loads((folder / "cost.json").read_text()), settings)
    table = pd.DataFrame(rows)
    with files.atomic_write(folder / "projection.csv") as temporary:
        table.to_csv(temporary, index=False)
    for line in lines:
        print(f"{line['name']:14}{line['kernels']:6} kernels {line['flops'] / 1e9:8.1f} Gflop {line['bytes'] / 1e6:8.0f} MB"
              f"{line['host_copies']:3} host copies")  # fmt: skip
    print("Projected, not measured: the paper's run on FSD50K, one seed")
    for machine, of_machine in table.groupby("machine", sort=False):
        print(f"{machine}: {of_machine['to_hour'].iloc[-1]:.2f} hours")
        for row in of_machine.itertuples():
            print(f"    {row.from_hour:8.2f} to {row.to_hour:8.2f} h  {row.stage}")
