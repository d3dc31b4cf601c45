"""The corpora that can be had from the network: their archives, as published."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from lib.sounds.corpora.rows import FACTS, read_csv
from lib.sounds.download.resume import Archive
from lib.sounds.download.transport import DownloadError

UNPACKED = 1.4  # bytes that a packed byte of recordings becomes, about: 34.4 of 24.7 GB (FSD50K), 0.88 of 0.65 (ESC-50)


@dataclass(frozen=True)
class ArchiveSet:
    """One zip archive in one or several parts, the last one holding the list of members."""

    name: str
    parts: tuple[Archive, ...]
    packed: int  # bytes, about where the host packs anew
    without_top: bool = False  # leave out the one folder that everything lies in
    md5: tuple[tuple[str, str], ...] = ()  # of files that it unpacks to


def _esc50() -> list[ArchiveSet]:
    """GitHub packs it on request, so that neither size nor checksum stay; those of its table do."""
    url = "https://github.com/karolpiczak/ESC-50/archive/master.zip"
    table = ("meta/esc50.csv", "54a0d0055a10bb7df84ad340a148722e")
    return [ArchiveSet("ESC-50-master", (Archive("ESC-50-master.zip", url),), 645_695_005, True, (table,))]


KNOWN: dict[str, Callable[[], list[ArchiveSet]]] = {
    "fsd50k": lambda: from_table(FACTS / "fsd50k_archives.csv"),
    "esc50": _esc50,
}


def from_table(path: Path) -> list[ArchiveSet]:
    """Archives from a CSV (filename, url, md5, bytes); name.z01, name.z02, ... belong to name.zip."""
    archives = [_archive(path, row) for row in read_csv(path, ("filename", "url", "md5", "bytes"))]
    archives.sort(key=lambda archive: _order(archive.name))
    by_name = groupby(archives, lambda archive: _order(archive.name)[0])
    return [_set(path, name, tuple(parts)) for name, parts in by_name]


def _archive(path: Path, row: dict[str, str]) -> Archive:
    named = re.fullmatch(r"[\w.-]+\.z(ip|\d\d+)", row["filename"]) and not row["filename"].startswith(".")
    counted = re.fullmatch(r"[1-9]\d{0,14}", row["bytes"])
    if not (named and counted and re.fullmatch(r"[0-9a-f]{32}", row["md5"])):
        raise DownloadError(
            f"{path} line {row['line']}: needs a name like a.zip or a.z01, an md5 and a number of bytes"
        )
    return Archive(row["filename"], row["url"], int(row["bytes"]), row["md5"])


def _order(name: str) -> tuple[str, float]:
    stem, _, kind = name.rpartition(".z")
    return stem, float("inf") if kind == "ip" else int(kind)


def _set(path: Path, name: str, parts: tuple[Archive, ...]) -> ArchiveSet:
    wanted = [*range(1, len(parts)), float("inf")]
    if [_order(part.name)[1] for part in parts] != wanted:
        raise DownloadError(f"{path}: {name} needs the parts .z01, .z02, ... and .zip, each once")
    return ArchiveSet(name, parts, sum(part.bytes for part in parts))
