"""A corpus in FSD50K's layout from split archives: from a server, from a folder, on a small disk, in several calls."""

import csv
import hashlib
import shutil
import subprocess

import faulty_server as faults
import numpy as np
import pytest
import soundfile
from faulty_server import serving
from made_by_hand import Entry, archive, contents

from lib import files
from lib.sounds.download import DownloadError, Job, Source, from_table, get, need
from lib.sounds.download.known import KNOWN, ArchiveSet
from lib.sounds.download.parts import ArchiveError
from lib.sounds.download.resume import Archive
from lib.sounds.download.transport import Manners

pytestmark = pytest.mark.skipif(not shutil.which("zip"), reason="zip is not here")
QUICK = Manners(timeout_s=20, pause_s=0.01, tries=4)
AUDIO = "FSD50K.dev_audio"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The archives of a small corpus, split as FSD50K's are, and the corpus itself."""
    folder = tmp_path_factory.mktemp("published")
    corpus, out = folder / "corpus", folder / "archives"
    out.mkdir()
    dice = np.random.default_rng(0)
    for part, count in ((AUDIO, 60), ("FSD50K.eval_audio", 20)):
        (corpus / part).mkdir(parents=True)
        for number in range(count):
            soundfile.write(
                corpus / part / f"{number}.wav", 0.1 * dice.standard_normal(dice.integers(500, 9000)), 44100
            )
    (corpus / "FSD50K.ground_truth").mkdir()
    (corpus / "FSD50K.ground_truth" / "dev.csv").write_text("fname,labels\n")
    for name in ("FSD50K.eval_audio", "FSD50K.ground_truth", AUDIO):
        command = ["zip", "-q", "-r", "-s", "64k", out / f"{name}.zip", name]
        subprocess.run(list(map(str, command)), cwd=corpus, check=True)
    return corpus, out


def table(folder, archives, url=""):
    """A table of the archives in a folder."""
    with open(folder / "archives.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "url", "md5", "bytes"])
        for path in sorted(archives.iterdir(), reverse=True):
            content = path.read_bytes()
            writer.writerow(
                [path.name, f"{url}/{path.name}?download=1", hashlib.md5(content).hexdigest(), len(content)]
            )
    return from_table(folder / "archives.csv")


def served(archives, **behaviour):
    return serving({path.name: path.read_bytes() for path in archives.iterdir()}, **behaviour)


def left(folder):
    """Archives that are still there."""
    return {path.name for path in (folder / "archives").iterdir() if ".z" in path.name}


def test_all_of_it_from_its_own_addresses_two_at_a_time(tmp_path, published):
    corpus, archives = published
    with served(archives) as site:
        job = Job(table(tmp_path, archives, site.url), Source(tmp_path / "root" / "archives", "*"), tmp_path / "root")
        get(job, manners=QUICK)
        assert contents(job.folder) == contents(corpus)
        assert left(job.folder) == {path.name for path in archives.iterdir()}
        assert 1 <= site.most_at_once <= 2
        asked = len(site.requests)
        assert asked == len(list(archives.iterdir()))
        get(job, manners=QUICK)
        assert len(site.requests) == asked
    assert need(job).disk == 0


def test_a_mirror_and_no_archive_kept(tmp_path, published):
    corpus, archives = published
    root = tmp_path / "root"
    with served(archives) as site:
        job = Job(
            table(tmp_path, archives, "http://nowhere.invalid"), Source(root / "archives", site.url), root, keep=False
        )
        get(job, manners=QUICK)
        assert contents(root) == contents(corpus)
        assert left(root) == set()
        (root / AUDIO / "7.wav").unlink()
        site.requests.clear()
        get(job, manners=QUICK)
        names = [name for name, _ in site.requests]
    assert contents(root) == contents(corpus)
    assert f"{AUDIO}.zip" in names
    assert len(names) < len(list(archives.glob(f"{AUDIO}.z*")))


def test_the_parts_that_are_unpacked_are_gone_before_the_last_one_comes(tmp_path, published):
    """What lies on the disk while the second last part comes: not the first ones."""
    _, archives = published
    root, seen = tmp_path / "root", []
    parts = sorted(path.name for path in archives.glob(f"{AUDIO}.z[0-9]*"))

    def look(handler, site, name):
        seen.append(left(root))
        faults.well(handler, site, name)

    with served(archives) as site:
        site.faults[parts[-1]] = [look]
        get(Job(table(tmp_path, archives), Source(root / "archives", site.url), root, keep=False), manners=QUICK)
    assert len(parts) > 6
    assert parts[0] not in seen[0]
    assert len({name for name in seen[0] if name.startswith(AUDIO)}) <= 6  # some three parts, the last, two beginnings


def test_archives_that_are_there_already_stay_untouched(tmp_path, published):
    corpus, archives = published
    before = {path.name: path.stat().st_mtime_ns for path in archives.iterdir()}
    job = Job(table(tmp_path, archives), Source(archives), tmp_path / "root", keep=False)
    assert need(job).fetch == 0
    get(job, manners=QUICK)
    assert contents(job.folder) == contents(corpus)
    assert {path.name: path.stat().st_mtime_ns for path in archives.iterdir()} == before


@pytest.mark.parametrize("harm", ["missing", "shorter", "other"])
def test_a_folder_with_a_wrong_archive_is_one_line_with_its_name(tmp_path, published, harm):
    sets = table(tmp_path, published[1])
    folder = shutil.copytree(published[1], tmp_path / "copy")
    wrong = folder / f"{AUDIO}.z02"
    content = wrong.read_bytes()
    wrong.unlink()
    if harm != "missing":
        wrong.write_bytes(content[:-1] + (b"" if harm == "shorter" else bytes([content[-1] ^ 1])))
    with pytest.raises(DownloadError, match=rf"{AUDIO}\.z02.*leave FROM out"):
        get(Job(sets, Source(folder), tmp_path / "root"), manners=QUICK)


def test_a_call_that_broke_off_goes_on(tmp_path, published):
    corpus, archives = published
    root = tmp_path / "root"
    job = Job(table(tmp_path, archives), Source(root / "archives", ""), root)
    with served(archives) as site:
        site.faults[f"{AUDIO}.z03"] = [faults.drops(30_000), *[faults.says(503)] * 3]
        job = Job(job.sets, Source(root / "archives", site.url), root)
        with pytest.raises(DownloadError, match=r"z03.*the next call goes on after 30 kB"):
            get(job, manners=Manners(pause_s=0.01, tries=3))
        there = [name for name in left(root) if not name.endswith((".part", ".tag"))]
        site.requests.clear()
        get(job, manners=QUICK)
    assert contents(root) == contents(corpus)
    assert not {name for name, _ in site.requests} & set(there)
    assert site.ranges(f"{AUDIO}.z03")[-1] == "bytes=30000-"


def test_a_damaged_archive_of_an_earlier_call_is_fetched_again(tmp_path, published):
    corpus, archives = published
    root = tmp_path / "root"
    (root / "archives").mkdir(parents=True)
    (root / "archives" / f"{AUDIO}.z02").write_bytes(bytes(65536))
    with served(archives) as site:
        get(Job(table(tmp_path, archives), Source(root / "archives", site.url), root), manners=QUICK)
    assert contents(root) == contents(corpus)


def test_a_full_disk_is_told_before_anything_is_fetched(tmp_path, published, monkeypatch):
    _, archives = published
    sets = table(tmp_path, archives)
    packed = sum(path.stat().st_size for path in archives.iterdir())
    monkeypatch.setattr(files, "free_bytes", lambda path: 2 * packed)
    with served(archives) as site:
        job = Job(sets, Source(tmp_path / "root" / "archives", site.url), tmp_path / "root")
        with pytest.raises(DownloadError, match=r"needed in .*, and .* free: .*KEEP_ARCHIVES=no needs"):
            get(job, manners=QUICK)
        assert site.requests == []
        get(Job(sets, job.source, job.folder, keep=False), manners=QUICK)


def test_a_list_that_would_fill_the_disk_is_told_before_the_parts_are_fetched(tmp_path, monkeypatch):
    """A megabyte of zeros packs to a thousand bytes, which the plan by packed bytes does not foresee."""
    content = archive(*(Entry(f"{number}.wav", bytes(1 << 20)) for number in range(20)))
    monkeypatch.setattr(files, "free_bytes", lambda path: 10 << 20)
    made = Archive("a.zip", "", len(content), hashlib.md5(content).hexdigest())
    with serving({"a.zip": content}) as site:
        job = Job([ArchiveSet("a", (made,), len(content))], Source(tmp_path / "archives", site.url), tmp_path)
        with pytest.raises(DownloadError, match=r"21\.0 MB are needed"):
            get(job, manners=QUICK)
    assert not list(tmp_path.glob("*.wav"))


def test_a_hostile_archive_is_refused_before_anything_is_unpacked(tmp_path):
    content = archive(Entry("good.wav"), Entry("../out.wav"))
    made = Archive("a.zip", "", len(content), hashlib.md5(content).hexdigest())
    root = tmp_path / "root"
    with serving({"a.zip": content}) as site:
        with pytest.raises(ArchiveError, match=r"a\.zip: '\.\./out\.wav' leads out of the folder"):
            get(Job([ArchiveSet("a", (made,), 1)], Source(root / "archives", site.url), root), manners=QUICK)
    assert {path.name for path in tmp_path.rglob("*.wav")} == set()


@pytest.mark.parametrize("name", ["archives/b.zip", "Archives/a.members.csv"])
def test_a_member_among_the_archives_is_refused(tmp_path, name):
    content = archive(Entry("good.wav"), Entry(name))
    made = Archive("a.zip", "", len(content), hashlib.md5(content).hexdigest())
    with serving({"a.zip": content}) as site:
        with pytest.raises(ArchiveError, match=f"'{name}' would lie among the archives"):
            get(Job([ArchiveSet("a", (made,), 1)], Source(tmp_path / "archives", site.url), tmp_path), manners=QUICK)


# ESC-50: packed anew each time, of unknown size, everything in one folder, its table checked


def esc50(md5):
    return ArchiveSet("ESC-50-master", (Archive("ESC-50-master.zip", ""),), 5000, True, (("meta/esc50.csv", md5),))


def of_esc50(*more):
    return archive(Entry("ESC-50-master/", b"", mode=0o40755, method=0), Entry("ESC-50-master/meta/esc50.csv", b"table"),
                   Entry("ESC-50-master/audio/a.wav"), *more)  # fmt: skip


def test_one_top_folder_is_left_out_and_the_table_is_checked(tmp_path):
    known = hashlib.md5(b"table").hexdigest()
    with serving({"ESC-50-master.zip": of_esc50()}) as site:
        job = Job([esc50(known)], Source(tmp_path / "archives", site.url), tmp_path)
        assert need(job).fetch == 5000
        get(job, manners=QUICK)
    assert set(contents(tmp_path)) == {"meta/esc50.csv", "audio/a.wav"}
    assert need(job).disk == 0


def test_another_table_is_refused(tmp_path):
    with serving({"ESC-50-master.zip": of_esc50()}) as site:
        with pytest.raises(DownloadError, match=r"esc50\.csv is not the published one"):
            get(Job([esc50("0" * 32)], Source(tmp_path / "archives", site.url), tmp_path), manners=QUICK)


def test_a_second_top_folder_is_refused(tmp_path):
    with serving({"ESC-50-master.zip": of_esc50(Entry("other/a.wav"))}) as site:
        with pytest.raises(ArchiveError, match="holds ESC-50-master, other side by side"):
            get(Job([esc50("0" * 32)], Source(tmp_path / "archives", site.url), tmp_path), manners=QUICK)


# The tables


def test_the_published_archives_in_sets_with_their_parts_in_order():
    sets = {one.name: one for one in KNOWN["fsd50k"]()}
    assert sorted(sets) == [
        "FSD50K.dev_audio",
        "FSD50K.doc",
        "FSD50K.eval_audio",
        "FSD50K.ground_truth",
        "FSD50K.metadata",
    ]
    assert [part.name[-3:] for part in sets["FSD50K.dev_audio"].parts] == ["z01", "z02", "z03", "z04", "z05", "zip"]
    assert sum(one.packed for one in sets.values()) == 24_678_734_449
    assert len(KNOWN["esc50"]()) == 1


@pytest.mark.parametrize("rows", [
    "../a.zip,u,{md5},5", "/a.zip,u,{md5},5", "a.wav,u,{md5},5", ".a.zip,u,{md5},5", "a.zip,u,short,5", "a.zip,u,{md5},0", "a.zip,u,{md5},-1",
    "a.zip,u,{md5},x", "a.z01,u,{md5},5", "a.z02,u,{md5},5\na.zip,u,{md5},5", "a.zip,u,{md5},5\na.zip,u,{md5},5",
])  # fmt: skip
def test_a_table_that_names_no_archives_is_refused(tmp_path, rows):
    (tmp_path / "t.csv").write_text("filename,url,md5,bytes\n" + rows.format(md5="0" * 32))
    with pytest.raises(DownloadError, match=r"t\.csv.* needs "):
        from_table(tmp_path / "t.csv")
