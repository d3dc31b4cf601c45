"""README.md and docs/results.md, peers.md and robustness.md, whose results are written from the records and never by hand.

`make record` calls `write`. A page marks each region as <!-- results:NAME --> ... <!-- /results:NAME -->; what stands between
is made by the functions of `models`, `games`, `peers`, `robustness` and `summary` from the tables of one record (`recorded`). What a record lacks is
one line.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from lib import controls, files
from lib.cli.environment import Stop
from pages import games, models, peers, robustness, summary
from pages.recorded import NotRecorded, Record

PLANTED, FOLDS, FOLD, FAULTS = "planted-quick", "esc50-laptop", "esc50-laptop-fold1", "faults"
PEERS_PLANTED, SCRATCH = "planted-quick-peers", "esc50-laptop-fold1-densenet"
COSTLY, DATA, ROBUST = "esc50-laptop-fold1-seeds", "esc50-laptop-fold1-controls", "esc50-laptop-fold1-robust"
PAGES = ("README.md", "docs/results.md", "docs/peers.md", "docs/robustness.md")
MARKED = re.compile(r"(<!-- results:([\w-]+) -->\n)(.*?)(<!-- /results:\2 -->)", re.DOTALL)

Maker = Callable[[Record], str]

TITLES = {name: control.title for name, control in controls.CONTROLS.items()}

BASELINES = (models.baselines, models.baseline_table)
ENCODERS = (models.encoder_table, models.order, models.together)
SHARES = (games.shares, games.share_findings)
CONTROLS = (games.controls, games.control_findings, games.fifth, games.substitutes)
PROBES = (games.probes, games.probe_findings, games.similarity, games.gains)
DEFINITIONS = (models.definitions, models.careless)
ROBUSTNESS = (models.how, robustness.half, robustness.steepest, robustness.breaks, robustness.robust)
PEERS = (peers.reached, peers.gained, peers.gaining_classes, peers.shared_out, peers.redundant, peers.alone)

REGIONS: dict[str, tuple[str, tuple[Maker, ...]]] = {  # of which record, and what makes the parts, in order
    # README.md
    "summary": (FOLDS, (summary.below_classical, summary.against_single, summary.on_top, summary.planted)),
    "summary-not-run": (FOLDS, (summary.not_run,)),
    "summary-faults": (FAULTS, (summary.faults,)),
    # docs/results.md
    "summary-table": (FOLDS, (summary.table,)),
    "planted-how": (PLANTED, (models.how,)),
    "planted-baselines": (PLANTED, BASELINES),
    "planted-families": (PLANTED, (models.families, models.family_findings, models.planted_truth)),
    "planted-encoders": (PLANTED, ENCODERS),
    "planted-shares": (PLANTED, (*SHARES, games.owned)),
    "planted-controls": (PLANTED, CONTROLS),
    "planted-games": (PLANTED, (games.xor, games.copies)),
    "planted-curves": (PLANTED, (games.curves,)),
    "planted-probes": (PLANTED, PROBES),
    "planted-definitions": (PLANTED, DEFINITIONS),
    "esc10-how": (FOLDS, (models.how,)),
    "esc10-baselines": (FOLDS, BASELINES),
    "esc10-encoders": (FOLDS, ENCODERS),
    "esc10-shares": (FOLDS, (*SHARES, games.owned)),
    "esc10-controls": (FOLDS, CONTROLS),
    "esc10-curves": (FOLDS, (games.curves,)),
    "esc10-probes": (FOLDS, PROBES),
    "esc10-definitions": (FOLDS, DEFINITIONS),
    "fold1-how": (FOLD, (models.how,)),
    "fold1-controls": (FOLD, CONTROLS),
    "fold1-shares": (FOLD, SHARES),
    "fold1-curves": (FOLD, (games.curves,)),
    "fold1-costly": (COSTLY, (models.how, games.controls, games.control_findings)),
    "fold1-data": (DATA, (models.how, games.curves)),
    # docs/peers.md
    "planted-peers": (PEERS_PLANTED, (models.how, *PEERS)),
    "esc10-peers": (FOLDS, (models.how, *PEERS)),
    "fold1-peers": (FOLD, (models.how, peers.reached, peers.gained)),
    "fold1-scratch": (SCRATCH, (models.how, peers.reached, peers.gained)),
    # docs/robustness.md
    "esc10-robustness": (ROBUST, ROBUSTNESS),
    "esc10-length": (ROBUST, (robustness.lengths, robustness.heard)),
}


def write(home: Path) -> list[Path]:
    """Update the pages of a project from its records; those that changed."""
    records, changed = home / "figures" / "record", []
    for path in [home / page for page in PAGES if (home / page).exists()]:
        before = path.read_text(encoding="utf-8")
        after = written(before, records, TITLES)
        if after != before:
            with files.atomic_write(path) as temporary:
                temporary.write_text(after, encoding="utf-8")
            changed.append(path)
    return changed


def written(page: str, records: Path, titles: Mapping[str, str]) -> str:
    """A page with every marked region updated; Stop at a mark that means nothing or that is not closed."""
    opened = re.findall(r"<!-- results:(.*?) -->", page)
    if wrong := [name for name in opened if name not in REGIONS]:
        raise Stop(f"<!-- results:{wrong[0]} -->: there is no such region; there are {', '.join(REGIONS)}")
    if lost := set(opened) - {found[1] for found in MARKED.findall(page)}:
        name = sorted(lost)[0]
        raise Stop(f"<!-- results:{name} -->: its end, <!-- /results:{name} -->, is missing")
    return MARKED.sub(lambda found: f"{found[1]}{_text(found[2], records, titles)}\n{found[4]}", page)


def _text(name: str, records: Path, titles: Mapping[str, str]) -> str:
    study, makers = REGIONS[name]
    record = Record(records / study, titles)
    parts = list(dict.fromkeys(_part(make, record) for make in makers))
    return ("\n" if all(part.startswith("- ") for part in parts) else "\n\n").join(parts)


def _part(make: Maker, record: Record) -> str:
    try:
        return make(record)
    except NotRecorded as missing:
        return f"Not recorded yet: {missing}."
