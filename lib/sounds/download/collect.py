"""A corpus from its archives: fetched, checked, unpacked; what is there already is not done again.

A set's last part comes first, because it lists the members: they are judged, and counted against the disk, before the
rest is fetched. Then part after part: while one is unpacked, the next ones come.
"""

import csv
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import md5
from pathlib import Path

from tqdm import tqdm

from lib import files
from lib.sounds.download.known import UNPACKED, ArchiveSet
from lib.sounds.download.parts import ArchiveError, Parts
from lib.sounds.download.progress import Progress
from lib.sounds.download.resume import Archive, Line, differs, fetch
from lib.sounds.download.transport import DownloadError, Manners, open_client
from lib.sounds.download.unpack import absent, unpack
from lib.sounds.download.zips import Member, members

ARCHIVES = "archives"  # the folder, in that of the corpus, of what is downloaded and what was unpacked
PASSING = Manners.connections + 1  # parts on the disk at a time where none are kept: one is unpacked, the others come


@dataclass(frozen=True)
class Source:
    """Where archives are, or come to: `url` "" where the user has them in `folder`, else the mirror's address or "*"
    for each archive's own. Downloads lie in `folder` and are ours to delete."""

    folder: Path
    url: str = ""

    def path(self, archive: Archive) -> Path:
        """Where the archive lies, or will."""
        return self.folder / archive.name

    def missing(self, archive: Archive) -> int:
        """Bytes still to be fetched, where the archive's size is known."""
        if not self.url:
            return 0
        path = self.path(archive)
        part = path.with_name(f"{path.name}.part")
        there = archive.bytes if path.exists() else part.stat().st_size if part.exists() else 0
        return max(0, archive.bytes - there)

    def ensure(self, line: Line, archive: Archive) -> None:
        """The archive is there and is the one that is known; DownloadError says what is wrong with it."""
        path = self.path(archive)
        problem = differs(path, archive) if path.exists() else f"there is no {archive.name}"
        if problem and not self.url:
            raise DownloadError(f"FROM={self.folder}: {archive.name}: {problem}; leave FROM out to download it")
        if problem:
            path.unlink(missing_ok=True)
            fetch(line, archive, archive.url if self.url == "*" else f"{self.url.rstrip('/')}/{archive.name}", path)


@dataclass(frozen=True)
class Job:
    """One corpus to collect in `folder`; not `keep`: archives are deleted as soon as they are unpacked."""

    sets: Sequence[ArchiveSet]
    source: Source
    folder: Path
    keep: bool = True

    def listing(self, one: ArchiveSet) -> Path:
        """Where the members of an unpacked set are noted."""
        return self.folder / ARCHIVES / f"{one.name}.members.csv"


def unpacked_before(job: Job, one: ArchiveSet) -> bool:
    """Whether a set was unpacked and all of its files are there with their sizes."""
    try:
        with open(job.listing(one), newline="") as file:
            return all((job.folder / row["name"]).stat().st_size == int(row["bytes"]) for row in csv.DictReader(file))
    except OSError:
        return False


# The disk


@dataclass(frozen=True)
class Need:
    """Bytes that are still to be fetched, to be unpacked to, and that the disk needs for both at the most."""

    fetch: int
    unpack: int
    disk: int


def need(job: Job) -> Need:
    """What is still to do; where archives are not kept, a few parts are on the disk at a time."""
    fetch = unpack = disk = 0
    for one in job.sets:
        each, more = still_to_do(job, one)
        passing = sum(each) if job.keep else min(sum(each), sum(sorted(each)[-PASSING:]) + each[-1])
        disk = max(disk, unpack + more + passing + (fetch if job.keep else 0))
        fetch, unpack = fetch + sum(each), unpack + more
    return Need(fetch, unpack, disk)


def still_to_do(job: Job, one: ArchiveSet) -> tuple[list[int], int]:
    """Bytes to fetch of each part, and bytes to unpack: about, or exactly where the list of members is there."""
    fetch = [job.source.missing(part) for part in one.parts]
    if unpacked_before(job, one):
        return [0] * len(fetch), 0
    if job.source.url and not one.parts[-1].bytes and not job.source.path(one.parts[-1]).exists():
        fetch[-1] = one.packed
    try:
        parts = as_parts(job, one)
        members = [member for member in wanted_members(one, parts) if not same_size(job.folder, member)]
    except (OSError, ArchiveError):
        return fetch, round(UNPACKED * one.packed)
    used = {part for member in members for part in touched(parts, member)}
    return [count if part in used else 0 for part, count in enumerate(fetch)], sum(member.size for member in members)


def same_size(folder: Path, member: Member) -> bool:
    """Whether a member is unpacked already, by its size."""
    path = folder / member.target
    return path.exists() and path.stat().st_size == member.size


def check_disk(job: Job) -> None:
    """DownloadError where the disk has less than is needed."""
    needed, free = need(job).disk, files.free_bytes(job.folder)
    if free >= needed:
        return
    smaller = need(replace(job, keep=False)).disk
    hint = f"; KEEP_ARCHIVES=no needs {files.in_bytes(smaller)}" if smaller < 0.9 * needed else ""
    raise DownloadError(
        f"{files.in_bytes(needed)} are needed in {job.folder}, and {files.in_bytes(free)} are free: free some space, or "
        f"give a ROOT on another disk{hint}"
    )


# One set of archives


def collect(job: Job, one: ArchiveSet, line: Line, pool: ThreadPoolExecutor, moved: Callable[[int], None]) -> None:
    """Fetch what is missing of a set and unpack it; `moved` hears the bytes that were unpacked."""
    coming: dict[int, Future] = {}

    def begin(part: int) -> Future:
        if part not in coming:
            coming[part] = pool.submit(job.source.ensure, line, one.parts[part])
        return coming[part]

    begin(len(one.parts) - 1).result()
    parts = as_parts(job, one, lambda part: begin(part).result())
    listed = wanted_members(one, parts)
    check_disk(job)
    _part_after_part(job, parts, absent(listed, job.folder), begin, line.manners.connections, moved)
    _check_files(one, job.folder)
    _note(job.listing(one), listed)
    _delete(job, parts.paths)


def _part_after_part(
    job: Job,
    parts: Parts,
    missing: Sequence[Member],
    begin: Callable[[int], Future],
    ahead: int,
    moved: Callable[[int], None],
) -> None:
    """Unpack the missing members, each as soon as its last part is there; parts that none needs any more can go.

    begin(part): the coming of a part, `ahead` of which are under way at a time where none are kept.
    """
    ends = [(member, touched(parts, member)) for member in missing]
    waiting = sorted({part for _, its in ends for part in its})
    last = len(parts.paths) - 1  # it has the list, without which the next call would begin anew
    for number, part in enumerate(waiting):
        for soon in waiting[number:] if job.keep else waiting[number : number + ahead]:
            begin(soon)
        begin(part).result()
        unpack(parts, [member for member, its in ends if its[-1] == part], job.folder, moved)
        needed = {last, *(index for _, its in ends if its[-1] > part for index in its)}
        _delete(job, [parts.paths[index] for index in waiting[: number + 1] if index not in needed])


def as_parts(job: Job, one: ArchiveSet, ensure: Callable[[int], object] = lambda part: None) -> Parts:
    """The set's parts as one file; OSError where a part of unknown size is not there."""
    paths = [job.source.path(part) for part in one.parts]
    sizes = [part.bytes or path.stat().st_size for part, path in zip(one.parts, paths, strict=True)]
    return Parts(paths, sizes, ensure)


def wanted_members(one: ArchiveSet, parts: Parts) -> list[Member]:
    """The members of a set by the names that they will have in the corpus's folder."""
    listed = members(parts)
    if one.without_top:
        tops = {member.name.partition("/")[0] for member in listed}
        if len(tops) != 1 or any("/" not in member.name for member in listed):
            raise ArchiveError(
                f"{parts.name} holds {', '.join(sorted(tops)[:3])} side by side, where one folder was due"
            )
        listed = [replace(member, target=member.name.partition("/")[2]) for member in listed]
    for member in listed:
        if member.target.partition("/")[0].casefold() == ARCHIVES:
            raise ArchiveError(f"{parts.name}: {member.name!r} would lie among the archives; the archive is refused")
    return listed


def touched(parts: Parts, member: Member) -> range:
    """Numbers of the parts that a member's bytes lie in."""
    return range(parts.index(member.start), parts.index(member.end - 1) + 1)


def _check_files(one: ArchiveSet, folder: Path) -> None:
    for name, known in one.md5:
        content = (folder / name).read_bytes() if (folder / name).exists() else b""
        if md5(content, usedforsecurity=False).hexdigest() != known:
            raise DownloadError(f"{folder / name} is not the published one (md5 {known}): the archive has changed")


def _note(path: Path, listed: Sequence[Member]) -> None:
    with files.atomic_write(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "bytes", "crc32"])
        writer.writerows((member.target, member.size, f"{member.crc:08x}") for member in listed)


def _delete(job: Job, paths: Sequence[Path]) -> None:
    """Archives that were downloaded, unless they are to be kept."""
    if job.source.url and not job.keep:
        for path in paths:
            path.unlink(missing_ok=True)


# A corpus


def get(job: Job, say: Callable[[str], None] = tqdm.write, manners: Manners = Manners()) -> None:
    """Collect all sets of a job, or what of them is not there; the next call goes on where this one ended."""
    job.folder.mkdir(parents=True, exist_ok=True)
    check_disk(job)
    wanted, stop = need(job), threading.Event()
    pool = ThreadPoolExecutor(manners.connections)
    bars = Progress("download", wanted.fetch), Progress("unpack", wanted.unpack)
    with open_client(manners) as client, bars[0] as down, bars[1] as out:
        try:
            for one in job.sets:
                if not unpacked_before(job, one):
                    collect(job, one, Line(client, manners, down.moved, say, stop), pool, out.moved)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
