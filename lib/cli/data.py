"""make data: a corpus from the network, or from archives that are there already, ready for make study."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from lib import files
from lib.cli.environment import Stop
from lib.display.screen import short_path
from lib.sounds import corpora
from lib.sounds.download import ARCHIVES, KNOWN, DownloadError, Job, Source, from_table, get, need


def data(given: Mapping[str, str]) -> int:
    """Fetch, check and unpack a corpus; say what is needed first, and how to go on at the end."""
    name = given.get("CORPUS", "")
    if name not in KNOWN:
        asked = f"CORPUS={name} cannot be had" if name else "CORPUS is needed"
        raise Stop(f"{asked}; there are {', '.join(KNOWN)} (planted makes itself, table is your own)")
    job = planned(name, given)
    with files.locked(job.folder / ARCHIVES / "data", f"the folder {short_path(job.folder)}", patience_s=0):
        print(in_words(name, job), flush=True)
        get(job)
    corpus = corpora.load(name, job.folder)
    if len(corpus.rejected):
        raise DownloadError(
            f"{len(corpus.rejected)} clips cannot be used, the first: {'; '.join(corpus.rejected.iloc[0])}"
        )
    print(
        f"{len(corpus.clips)} clips, {len(corpus.classes)} classes; now: make study CORPUS={name} ROOT={shlex.quote(short_path(job.folder))}"
    )
    return 0


def planned(name: str, given: Mapping[str, str]) -> Job:
    """What to do by make's variables; Stop where one is wrong."""
    folder = files.followed(given.get("ROOT") or files.home() / "data" / name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Stop(f"ROOT={folder} cannot be made ({error.strerror}): give a folder that you may write to") from None
    keep = given.get("KEEP_ARCHIVES") or "yes"
    if keep not in ("yes", "no"):
        raise Stop(f"KEEP_ARCHIVES={keep}: yes or no")
    table = files.expanded(given.get("ARCHIVES", ""))
    if given.get("ARCHIVES") and not table.is_file():
        raise Stop(f"ARCHIVES={table}: there is no such table (filename,url,md5,bytes)")
    sets = from_table(table) if given.get("ARCHIVES") else KNOWN[name]()
    return Job(tuple(sets), source(given.get("FROM", ""), folder / ARCHIVES), folder, keep == "yes")


def source(origin: str, downloads: Path) -> Source:
    """Where the archives come from: a folder, a mirror, or each from its own address."""
    if origin.startswith(("http://", "https://")):
        return Source(downloads, origin)
    if not origin:
        return Source(downloads, "*")
    folder = files.followed(origin)
    if not folder.is_dir():
        raise Stop(f"FROM={origin}: a folder that holds the archives, or the http(s) address of a mirror")
    return Source(folder)


def in_words(name: str, job: Job) -> str:
    """What there is to do, and what the disk needs for it and has."""
    wanted = need(job)
    if not wanted.fetch and not wanted.unpack:
        return f"{name}: everything is there in {short_path(job.folder)}"
    todo = f"{files.in_bytes(wanted.fetch)} to download, {files.in_bytes(wanted.unpack)} to unpack"
    disk = f"{files.in_bytes(wanted.disk)} needed on the disk, {files.in_bytes(files.free_bytes(job.folder))} free"
    return f"{name}: {todo}; {disk}; into {short_path(job.folder)}"
