"""README.md and docs/results.md, whose results are written from the records and never by hand.

A page marks each region as <!-- results:NAME --> ... <!-- /results:NAME -->; what stands between is made by functions of
lib/evaluation from the tables of one record. What a record lacks is said in one line.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lib import files
from lib.cli.environment import Stop
from lib.evaluation import results_games as games
from lib.evaluation import results_models as models
from lib.evaluation import results_summary as summary
from lib.evaluation.recorded import NotRecorded, Record

PLANTED, FOLDS, FOLD = "planted-quick", "esc50-laptop", "esc50-laptop-fold1"
PAGES = ("README.md", "docs/results.md")
MARKED = re.compile(r"(<!-- results:([\w-]+) -->\n)(.*?)(<!-- /results:\2 -->)", re.DOTALL)

Maker = Callable[[Record], str]


@dataclass(frozen=True)
class Region:
    """What stands in a region: of which record, and what makes its parts, in order."""

    study: str
    makers: tuple[Maker, ...]


def _region(study: str, *makers: Maker) -> Region:
    return Region(study, makers)


REGIONS: dict[str, Region] = {
    # README.md
    "summary": _region(FOLDS, summary.below_classical, summary.against_single, summary.planted),
    "summary-not-run": _region(FOLDS, summary.not_run),
    # docs/results.md
    "summary-table": _region(FOLDS, summary.table),
    "planted-how": _region(PLANTED, models.how),
    "planted-baselines": _region(PLANTED, models.baselines, models.baseline_table),
    "planted-families": _region(PLANTED, models.families, models.family_findings, models.planted_truth),
    "planted-encoders": _region(PLANTED, models.encoder_table, models.order, models.together),
    "planted-shares": _region(PLANTED, games.shares, games.share_findings, games.owned),
    "planted-controls": _region(PLANTED, games.controls, games.control_findings, games.fifth, games.substitutes),
    "planted-games": _region(PLANTED, games.xor, games.copies),
    "planted-curves": _region(PLANTED, games.curves),
    "planted-probes": _region(PLANTED, games.probes, games.probe_findings, games.similarity, games.gains),
    "planted-definitions": _region(PLANTED, models.definitions, models.careless),
    "esc10-how": _region(FOLDS, models.how),
    "esc10-baselines": _region(FOLDS, models.baselines, models.baseline_table),
    "esc10-encoders": _region(FOLDS, models.encoder_table, models.order, models.together),
    "esc10-shares": _region(FOLDS, games.shares, games.share_findings, games.owned),
    "esc10-controls": _region(FOLDS, games.controls, games.control_findings, games.fifth, games.substitutes),
    "esc10-curves": _region(FOLDS, games.curves),
    "esc10-probes": _region(FOLDS, games.probes, games.probe_findings, games.similarity, games.gains),
    "esc10-definitions": _region(FOLDS, models.definitions, models.careless),
    "fold1-how": _region(FOLD, models.how),
    "fold1-controls": _region(FOLD, games.controls, games.control_findings, games.fifth, games.substitutes),
    "fold1-shares": _region(FOLD, games.shares, games.share_findings),
    "fold1-curves": _region(FOLD, games.curves),
}


def write(home: Path) -> list[Path]:
    """Write the pages of a project anew from its records; those that changed."""
    records, changed = home / "figures" / "record", []
    for path in [home / page for page in PAGES if (home / page).exists()]:
        before = path.read_text(encoding="utf-8")
        after = written(before, records, titles())
        if after != before:
            with files.atomic_write(path) as temporary:
                temporary.write_text(after, encoding="utf-8")
            changed.append(path)
    return changed


def titles() -> dict[str, str]:
    """What each control is called."""
    from lib.controls import CONTROLS

    return {name: control.title for name, control in CONTROLS.items()}


def written(page: str, records: Path, called: Mapping[str, str]) -> str:
    """A page with every marked region made anew; Stop at a mark that means nothing or that is not closed."""
    opened = re.findall(r"<!-- results:(.*?) -->", page)
    if wrong := [name for name in opened if name not in REGIONS]:
        raise Stop(f"<!-- results:{wrong[0]} -->: there is no such region; there are {', '.join(REGIONS)}")
    if lost := set(opened) - {found[1] for found in MARKED.findall(page)}:
        name = sorted(lost)[0]
        raise Stop(f"<!-- results:{name} -->: its end, <!-- /results:{name} -->, is missing")
    return MARKED.sub(lambda found: f"{found[1]}{_text(found[2], records, called)}\n{found[4]}", page)


def _text(name: str, records: Path, called: Mapping[str, str]) -> str:
    region = REGIONS[name]
    record = Record(records / region.study, called)
    parts = list(dict.fromkeys(_part(make, record) for make in region.makers))
    return ("\n" if all(part.startswith("- ") for part in parts) else "\n\n").join(parts)


def _part(make: Maker, record: Record) -> str:
    try:
        return make(record)
    except NotRecorded as missing:
        return f"Not recorded yet: {missing}."
