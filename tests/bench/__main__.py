"""The benchmark as a command: python -m bench ROOT=folder THREADS=2 ONLY=pitch."""

import itertools
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from bench import step, study
from bench.case import Result, measure
from bench.cost import SIZES, cost_figure, costs
from bench.features import pitch_cases, timbre_cases, waveform_cases
from bench.results import bootstrap_cases, embed_cases, head_cases
from bench.steps import encoder_cases, mobilenet_cases
from lib import files
from lib.cli.environment import Stop
from lib.cli.processes import interrupts
from lib.cli.unforeseen import in_one_line
from lib.display import figures
from lib.files import PlainError
from lib.settings import Chunking, Settings
from lib.sounds import corpora
from lib.sounds.cutting import cut
from lib.study import machine

CASES = (
    pitch_cases, timbre_cases, waveform_cases, encoder_cases, mobilenet_cases, head_cases, bootstrap_cases, embed_cases,
)  # fmt: skip


def some_chunks(root: str) -> tuple[str, Tensor]:
    """Where from, and 256 chunks [c, s]: of ESC-50 in the folder ROOT, without one of planted."""
    corpus = corpora.load("esc50", Path(root)) if root else corpora.load("planted", None)
    audio = cut(corpus, Chunking()).audio
    return corpus.name, torch.from_numpy(np.array(audio[:: max(1, len(audio) // 256)][:256]))


def merged(path: Path, results: list[Result]) -> list[dict]:
    """The lines of bench.json, these in place of those of the same name."""
    before = {line["name"]: line for line in json.loads(path.read_text())} if path.exists() else {}
    return list((before | {result.name: asdict(result) for result in results}).values())


def main(root: str = "", threads: int = 2, only: str = "") -> None:
    """Run every case (or those whose name has `only` in it), write figures/bench and print a line each.

    "step" is the count of training steps alone, which is not timed; "study" runs only by this name.
    """
    torch.set_num_threads(threads)
    folder, of_cost = files.home() / "figures" / "bench", only in "cost"
    if only == "study":
        if not root:
            raise SystemExit("ONLY=study needs ESC-50 or its ten classes: give their folder as ROOT")
        study.main(Path(root), folder)
        return
    if only in ("", "step"):
        step.main(folder)
    if only == "step":
        return
    source, chunks = some_chunks(root)
    print(f"{len(chunks)} chunks of {source}, {threads} threads")
    results = []
    for case in itertools.chain.from_iterable(cases(chunks, Settings()) for cases in CASES):
        if only in case.name:
            results.append(measure(case, threads))
            print(results[-1], flush=True)
    if results:
        lines = merged(folder / "bench.json", results) if only else [asdict(result) for result in results]
        files.write_json(folder / "bench.json", lines)
        figures.save(figure_of(lines), folder / "bench")
    if of_cost:
        seconds = costs(chunks, Settings())
        about = {"chunks": SIZES, "threads": threads, "machine": machine(), "seconds": seconds}
        files.write_json(folder / "cost.json", about)
        figures.save(cost_figure(seconds), folder / "cost")
        print("\n".join(f"{name:24}" + "".join(f"{value:10.3f} s" for value in row) for name, row in seconds.items()))
    if not results and not of_cost:
        raise SystemExit(f"ONLY={only}: no case has that in its name, and it is not cost, step or study")


def figure_of(lines: list[dict]) -> Figure:
    """Ratios of the lines of bench.json as bars on a logarithmic axis."""
    with figures.style():
        figure = Figure(figsize=(7, 0.4 * len(lines) + 1.2))
        axis = figure.subplots()
        upwards = lines[::-1]
        axis.barh([line["name"] for line in upwards], [line["ratio"] for line in upwards], color="#0072B2")
        for place, line in enumerate(upwards):
            axis.text(line["ratio"] * 1.05, place, f"{line['ratio']:.1f}x  ({line['peer']})", va="center", fontsize=8)
        axis.axvline(1, color=figures.GREY)
        axis.set(xscale="log", xlabel="times as fast as the peer", title="Right of the line, ours is faster")
        axis.set_xlim(0.5, 40 * max(line["ratio"] for line in lines))
        axis.xaxis.set_major_formatter("{x:g}")
    return figure


if __name__ == "__main__":
    words = dict(word.split("=", 1) for word in sys.argv[1:])
    try:
        interrupts(heard=True)
        with in_one_line("bench"):
            main(words.get("ROOT", ""), int(words.get("THREADS", "2")), words.get("ONLY", ""))
    except (Stop, PlainError) as stop:
        sys.exit(f"make bench: {stop}")
    except KeyboardInterrupt:
        sys.exit(130)  # what called this says the rest
