"""How a run of the graph ended, for the screen: Table 1 and where the figures lie, or what failed and where to read on."""

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path

from lib import files
from lib.cli.cluster import ended_by_scheduler
from lib.cli.unforeseen import ELSE
from lib.display.screen import measure_name, short_path
from lib.files import digests


def what_failed(folder: Path, since: float, log: Path) -> str:
    """The failed jobs with their errors; the last line of snakemake where no job has one."""
    failures = [text for path in written(folder, "notebooks/*.ipynb", since) if (text := failure(path))]
    jobs = [path for kind in ("control", "peer", "robust") for path in written(folder, f"logs/{kind}-*.txt", since)]
    failures += [text for path in jobs if (text := control_failure(path))]
    failures += ended_by_scheduler(log.read_text())
    lines = log.read_text().strip().splitlines()
    if any(map(files.FULL.search, [*failures, *lines])) and not any("DiskFull" in text for text in failures):
        return str(files.DiskFull(folder))  # not in a notebook of ours: papermill or snakemake had no room
    if failures:
        return "\n".join([*failures, "the next call goes on from what is done"])
    named = r"^\s*((?!WorkflowError:)[\w.]*(?:Error|Exception)\b(?:.*:\n)?.*)"
    errors = re.findall(named, "\n".join(lines), re.MULTILINE)
    last = " ".join((errors or lines or ["no message"])[-1].split())
    return f"the graph of notebooks failed: {last[:300]}; {ELSE} ({short_path(log)})"


def written(folder: Path, pattern: str, since: float) -> list[Path]:
    """Files of a run that fit, its folds included, written after `since`."""
    paths = [*folder.glob(pattern), *folder.glob(f"fold*/{pattern}")]
    return sorted(path for path in paths if path.stat().st_mtime >= since - 1)


def failure(notebook: Path) -> str:
    """A failed notebook's name, its error in a few lines and where to read on; empty where it did not fail."""
    log = notebook.parent.parent / "logs" / f"{notebook.stem}.txt"
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except ValueError:  # it had not begun, or could not be written
        cells = []
    errors = [out for cell in cells for out in cell.get("outputs", []) if out["output_type"] == "error"]
    if errors:
        error = errors[-1]
        lines = [f"{error['ename']}: {error['evalue']}"[:500], *where(error["traceback"])]
    elif log.exists() and "Traceback" in log.read_text():  # the kernel died, or papermill never got that far
        lines = log.read_text().strip().splitlines()[-1:]
    else:
        return ""
    return "\n    ".join([f"{notebook.stem} failed:", *lines, f"half-executed copy: {short_path(notebook)}"])


def control_failure(log: Path) -> str:
    """The name of a job beside the notebooks that failed, its error and where to read on; empty where it did not fail."""
    text = log.read_text(errors="replace")
    if "Traceback" not in text:
        return ""
    return "\n    ".join(
        [f"{log.stem} failed:", text.strip().splitlines()[-1][:500], f"see the log: {short_path(log)}"]
    )


def where(traceback: Sequence[str]) -> list[str]:
    """Places in lib/ that a notebook's traceback names, the last two."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(traceback))
    places = re.findall(r"^(?:File )?(\S*/lib/\w+(?:/\w+)*\.py:\d+)", text, re.MULTILINE)
    return [f"at {short_path(place)}" for place in places[-2:]]


def table1(path: Path, certainty: float) -> str:
    """Table 1 in percent: the file's first measure, each row beside the paper's number; intervals of this level."""
    rows = list(csv.DictReader(io.StringIO(digests.read(path, Path.read_text))))
    first, papers = rows[0]["measure"], any(row["published"] for row in rows)
    columns = [("published", "published*")] if papers else []
    columns += [("own", "own classifier"), ("retrained", "fresh head")]
    lines = [
        f"Table 1: {measure_name(first)} of chunks in percent, with {100 * certainty:g} % intervals",
        f"{'':28}" + "".join(f"{title:>24}" for _, title in columns),
    ]
    for row in [row for row in rows if row["measure"] == first]:
        own = row["low"], row["high"]  # of all four, which has no classifier of its own, those of the fresh head
        fresh = [row.get(f"retrained_{end}", "" if row["own"] else row[end]) for end in ("low", "high")]
        ends = {"own": own, "retrained": fresh}
        cells = [percent(row[name], *ends.get(name, ())) for name, _ in columns]
        lines.append(f"{row['row'].capitalize()[:27]:28}" + "".join(f"{cell:>24}" for cell in cells))
    lines.append(
        f"chance {percent(rows[0]['chance'])}, constant predictor {percent(rows[0]['constant'])}, "
        f"the best possible {percent(rows[0]['oracle'])}"
    )
    return "\n".join([*lines, "* the paper's number: top-5 accuracy on FSD50K"][: None if papers else -1])


def percent(fraction: str, low: str = "", high: str = "") -> str:
    """0.4321 as 43.2, with its interval in brackets where it has one; empty stays empty."""
    interval = f" ({percent(low)} to {percent(high)})" if low else ""
    return f"{100 * float(fraction):.1f}{interval}" if fraction else ""


def figures(folder: Path) -> str:
    """Where the figures lie, by name."""
    names = sorted(path.stem for path in folder.glob("*.png"))
    return "\n".join([f"figures: {short_path(folder)} (PDF, SVG and PNG each)", *(f"    {name}" for name in names)])
