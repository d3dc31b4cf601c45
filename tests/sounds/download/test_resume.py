"""Downloads from a server that drops, stalls, truncates, lies and changes its mind; the file is right or not there."""

import email.utils
import hashlib
import threading
import time
from pathlib import Path

import faulty_server as faults
import pytest
from faulty_server import serving

from lib.sounds.download.resume import Archive, Line, fetch
from lib.sounds.download.transport import DownloadError, Manners, open_client

CONTENT = bytes(range(256)) * 2000
OTHER = CONTENT[::-1]
PATIENT = Manners(timeout_s=20, pause_s=0.01, tries=4)
IMPATIENT = Manners(timeout_s=2, pause_s=0.01)


def archive(content=CONTENT, name="a.zip"):
    return Archive(name, "", len(content), hashlib.md5(content).hexdigest())


class Download:
    """Fetches into a folder and remembers what was said and counted."""

    def __init__(self, folder: Path):
        self.folder, self.said, self.count = folder, [], 0

    def __call__(self, url, wanted=None, manners=PATIENT):
        wanted = wanted or archive()
        with open_client(manners) as client:
            line = Line(client, manners, self.moved, self.said.append, threading.Event())
            fetch(line, wanted, f"{url}/{wanted.name}", self.folder / wanted.name)
        return (self.folder / wanted.name).read_bytes()

    def moved(self, count):
        self.count += count


@pytest.fixture
def download(tmp_path):
    return Download(tmp_path)


def test_a_file_comes_whole_with_our_own_name(download):
    with serving({"a.zip": CONTENT}) as site:
        assert download(site.url) == CONTENT
    ((_, headers),) = site.requests
    assert headers["User-Agent"].startswith("pitch-timbre-learned/")
    assert "Range" not in headers
    assert download.count == len(CONTENT)
    assert [path.name for path in download.folder.iterdir()] == ["a.zip"]


def test_it_goes_on_where_the_connection_broke_off(download):
    with serving({"a.zip": CONTENT}, a_zip=[faults.drops(100_000), faults.drops(50_000)]) as site:
        assert download(site.url) == CONTENT
    assert site.ranges("a.zip") == [None, "bytes=100000-", "bytes=150000-"]
    assert site.requests[1][1]["If-Range"].startswith('"')
    assert download.count == len(CONTENT)


def test_another_call_goes_on_where_the_last_one_ended(download):
    one_try = Manners(pause_s=0.01, tries=1)
    with serving({"a.zip": CONTENT}, a_zip=[faults.drops(300_000)]) as site:
        with pytest.raises(DownloadError, match="goes on after 300 kB"):
            download(site.url, manners=one_try)
        assert download(site.url) == CONTENT
    assert site.ranges("a.zip") == [None, "bytes=300000-"]


def test_a_server_that_falls_silent_is_left_and_asked_again(download):
    with serving({"a.zip": CONTENT}, a_zip=[faults.stalls(70_000)]) as site:
        assert download(site.url, manners=IMPATIENT) == CONTENT
    assert site.ranges("a.zip")[1] == "bytes=70000-"


def test_a_server_that_drips_is_left_and_asked_again(download):
    with serving({"a.zip": CONTENT}, a_zip=[faults.drips, faults.ignores_range]) as site:
        assert download(site.url, manners=IMPATIENT) == CONTENT
    assert "bytes came in" in download.said[0]


@pytest.mark.parametrize("fault", [faults.truncates(1000), faults.another_file, faults.sends_more, faults.wrong_bytes])
def test_a_wrong_answer_is_not_taken_for_the_file(download, fault):
    with serving({"a.zip": CONTENT}, a_zip=[fault]) as site:
        assert download(site.url) == CONTENT
    assert len(download.said) == 1
    assert download.count == len(CONTENT)


def test_a_server_that_ignores_ranges_sends_all_again(download):
    with serving({"a.zip": CONTENT}, a_zip=[faults.drops(100_000), faults.ignores_range]) as site:
        assert download(site.url) == CONTENT
    assert site.ranges("a.zip") == [None, "bytes=100000-"]
    assert download.count == len(CONTENT)


def test_another_range_than_was_asked_for_starts_anew(download):
    with serving({"a.zip": CONTENT}, a_zip=[faults.drops(100_000), faults.another_range]) as site:
        assert download(site.url) == CONTENT
    assert site.ranges("a.zip") == [None, "bytes=100000-", None]


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_given_the_time_that_it_asks_for(download, status):
    with serving({"a.zip": CONTENT}, a_zip=[faults.says(status, Retry_After=1)]) as site:
        started = time.monotonic()
        assert download(site.url) == CONTENT
    assert time.monotonic() - started >= 1
    assert str(status) in download.said[0]


def test_a_time_to_wait_may_be_a_date(download):
    soon = email.utils.formatdate(time.time() + 2, usegmt=True)
    with serving({"a.zip": CONTENT}, a_zip=[faults.says(503, Retry_After=soon)]) as site:
        assert download(site.url) == CONTENT
    assert len(site.requests) == 2


def test_a_wait_of_hours_is_left_to_the_user(download):
    with serving({"a.zip": CONTENT}, a_zip=[faults.says(429, Retry_After=7200)]) as site:
        with pytest.raises(DownloadError, match="asks for 120 minutes of patience"):
            download(site.url)
    assert len(site.requests) == 1


def test_pauses_double_and_end(download):
    with serving({"a.zip": CONTENT}, a_zip=[faults.says(500)] * 9) as site:
        with pytest.raises(DownloadError, match="500.*4 tries in a row brought nothing"):
            download(site.url, manners=Manners(pause_s=0.6, longest_pause_s=1, tries=4))
    assert [line.rpartition("again in ")[2] for line in download.said] == ["1 s", "1 s", "1 s"]


def test_progress_renews_patience(download):
    with serving({"a.zip": CONTENT}, a_zip=[faults.drops(50_000)] * 8) as site:
        assert download(site.url) == CONTENT
    assert len(site.requests) == 9


def test_the_same_wrong_file_twice_is_refused(download):
    with serving({"a.zip": OTHER}) as site:
        with pytest.raises(DownloadError, match="md5 .* instead of"):
            download(site.url)
    assert len(site.requests) == 2
    assert list(download.folder.iterdir()) == []
    assert download.count == 0


def test_a_file_that_changes_between_two_requests_is_fetched_anew(download):
    with serving({"a.zip": OTHER}, a_zip=[faults.swaps(100_000, CONTENT)]) as site:
        assert download(site.url) == CONTENT
    assert site.ranges("a.zip") == [None, "bytes=100000-"]
    assert download.count == len(CONTENT)


def test_a_change_shows_in_the_tag_where_the_server_sends_the_rest_all_the_same(download):
    with serving({"a.zip": OTHER}, a_zip=[faults.swaps(100_000, CONTENT), faults.ignores_if_range]) as site:
        assert download(site.url) == CONTENT
    assert "changed on the server" in download.said[1]


def test_without_tags_the_checksum_tells_of_a_change(download):
    with serving({"a.zip": OTHER}, a_zip=[faults.swaps(100_000, CONTENT)]) as site:
        site.etags = False
        assert download(site.url) == CONTENT
    assert "md5" in download.said[1]


def test_a_redirect_is_followed(download):
    with serving({"b.zip": CONTENT}, a_zip=[faults.redirects("/b.zip"), faults.redirects("/b.zip")]) as site:
        site.faults["b.zip"] = [faults.drops(100_000)]
        assert download(site.url) == CONTENT
    assert site.ranges("b.zip") == [None, "bytes=100000-"]


def test_going_round_in_circles_ends(download):
    with serving({}, a_zip=[faults.redirects("/a.zip")] * 40) as site:
        with pytest.raises(DownloadError, match="redirect"):
            download(site.url)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_what_will_not_pass_is_not_asked_for_again(download, status):
    with serving({}, a_zip=[faults.says(status)]) as site:
        with pytest.raises(DownloadError, match=f"{status}.*FROM="):
            download(site.url)
    assert len(site.requests) == 1


def test_a_page_that_asks_to_log_in_is_not_kept_as_a_beginning(download):
    page = faults.says(200, Content_Type="text/html; charset=utf-8")
    with serving({"a.zip": CONTENT}, a_zip=[page, faults.drops(1000), page]) as site:
        assert download(site.url) == CONTENT
    assert site.ranges("a.zip") == [None, None, "bytes=1000-", "bytes=1000-"]


def test_what_comes_after_the_promised_length_is_left(download):
    more = faults.sends_beyond_the_length
    with serving({"a.zip": CONTENT, "b.zip": OTHER}, a_zip=[more], b_zip=[more]) as site:
        assert download(site.url) == CONTENT
        assert download(site.url, archive(OTHER, "b.zip")) == OTHER


def test_a_part_of_the_rest_is_taken_and_the_rest_asked_for(download):
    parts = [faults.drops(1000), faults.sends_a_part_of_the_rest(500), faults.sends_a_part_of_the_rest(500)]
    with serving({"a.zip": CONTENT}, a_zip=parts) as site:
        assert download(site.url) == CONTENT
    assert site.ranges("a.zip") == [None, "bytes=1000-", "bytes=1500-", "bytes=2000-"]


def test_a_file_that_is_packed_unasked_is_refused_at_once(download):
    with serving({"a.zip": CONTENT}, a_zip=[faults.drops(1000), faults.packs]) as site:
        with pytest.raises(DownloadError, match="gzip.*FROM="):
            download(site.url)
        assert download(site.url) == CONTENT
    assert site.ranges("a.zip") == [None, "bytes=1000-", "bytes=1000-"]


def test_a_tag_that_cannot_be_sent_back_is_not(download):
    odd = faults.drops(1000, ETag='"\xe9\xe8"', Last_Modified="Mon, 01 Jan 2024 00:00:00 GMT")
    with serving({"a.zip": CONTENT}, a_zip=[odd]) as site:
        assert download(site.url) == CONTENT
    assert site.ranges("a.zip") == [None, "bytes=1000-"]


def test_the_date_names_the_content_where_there_is_no_tag(download):
    date = "Mon, 01 Jan 2024 00:00:00 GMT"
    with serving({"a.zip": CONTENT}, a_zip=[faults.drops(1000, Last_Modified=date)]) as site:
        site.etags = False
        assert download(site.url) == CONTENT
    assert site.requests[1][1]["If-Range"] == date


@pytest.mark.parametrize(("name", "value"), [
    ("HTTPS_PROXY", "http://:abc"), ("http_proxy", "ftp://127.0.0.1:1"), ("NO_PROXY", "::::"), ("SSL_CERT_FILE", "/no/such.pem"),
])  # fmt: skip
def test_surroundings_that_cannot_be_are_one_line_with_their_name(download, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(DownloadError, match=f"{name.upper()}.* as set in the environment"):
        download("http://127.0.0.1:1")


def test_a_proxy_that_does_not_answer_is_named_but_not_its_password(download, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://somebody:secret@127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    with pytest.raises(DownloadError, match="HTTP_PROXY") as error:
        download("http://sounds.example")
    assert "secret" not in str(error.value)


def test_no_server_at_all_is_one_line(download):
    with serving({}) as site:
        pass
    with pytest.raises(DownloadError) as error:
        download(site.url)
    assert "\n" not in str(error.value)


def test_a_beginning_longer_than_the_file_is_thrown_away(download):
    (download.folder / "a.zip.part").write_bytes(CONTENT + b"more")
    with serving({"a.zip": CONTENT}) as site:
        assert download(site.url) == CONTENT
    assert site.ranges("a.zip") == [None]


def test_a_whole_file_that_has_not_its_name_yet_is_only_checked(download):
    (download.folder / "a.zip.part").write_bytes(CONTENT)
    with serving({}) as site:
        assert download(site.url) == CONTENT
    assert site.requests == []


@pytest.mark.parametrize("note", [b"", b"\0\0", b"\xff\n", b'"another"'])
def test_a_damaged_note_beside_a_beginning_does_no_harm(download, note):
    (download.folder / "a.zip.part").write_bytes(CONTENT[:1000])
    (download.folder / "a.zip.part.tag").write_bytes(note)
    with serving({"a.zip": CONTENT}) as site:
        assert download(site.url) == CONTENT
    assert site.ranges("a.zip") == ["bytes=1000-"]


def test_a_note_names_the_content_of_a_beginning(download):
    with serving({"a.zip": CONTENT}, a_zip=[faults.drops(1000)]) as site:
        with pytest.raises(DownloadError):
            download(site.url, manners=Manners(tries=1))
        noted = (download.folder / "a.zip.part.tag").read_text()
        assert download(site.url) == CONTENT
    assert site.requests[1][1]["If-Range"] == noted


def test_a_file_of_unknown_size_must_be_an_archive(download, tmp_path):
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("top/a", bytes(5000))
    whole = buffer.getvalue()
    with serving({"a.zip": whole}, a_zip=[faults.truncates(3000)]) as site:
        assert download(site.url, Archive("a.zip", "")) == whole
    assert "cut off" in download.said[0]
