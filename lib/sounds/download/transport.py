"""One request for a file, or for the rest of it, by httpx; and what a server's answer means."""

import email.utils
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version

import httpx

from lib.files import PlainError

AGAIN = (408, 425, 429, 500, 502, 503, 504)  # statuses that pass
SURROUNDINGS = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


class DownloadError(PlainError):
    """A download that cannot go on by itself; the message is one line that says what would work."""


class Interrupted(Exception):
    """What broke one request off and may pass; `wait_s`: as long as the server wants us to wait, if it says so."""

    def __init__(self, why: str, wait_s: float | None = None):
        super().__init__(why)
        self.wait_s = wait_s


class Restart(Interrupted):
    """What has come so far is of no use."""


@dataclass(frozen=True)
class Manners:
    """How a server is treated."""

    connections: int = 2
    timeout_s: float = 30.0  # without a byte, or with hardly any, until a request is given up
    least_bytes_per_s: float = 200.0
    tries: int = 8  # in a row that bring the file no further
    pause_s: float = 1.0  # after the first of them; each pause is twice the one before
    longest_pause_s: float = 120.0
    longest_wait_s: float = 900.0  # that a server may ask for


@dataclass(frozen=True)
class Answer:
    """Bytes of a file from `start` on; `total` is the file's size (-1: unknown), `tag` names its present content."""

    start: int
    total: int
    tag: str
    pieces: Iterator[bytes]


def open_client(manners: Manners) -> httpx.Client:
    """A client that says who it is, keeps few connections and follows redirects; DownloadError where a proxy is misspelt."""
    try:
        return httpx.Client(
            headers={
                "User-Agent": f"pitch-timbre-learned/{version('pitch-timbre-learned')}",
                "Accept-Encoding": "identity",
            },
            limits=httpx.Limits(max_connections=manners.connections),
            timeout=manners.timeout_s,
            follow_redirects=True,
            event_hooks={"response": [_stay_encrypted]},
        )
    except (httpx.InvalidURL, ImportError, OSError, ValueError) as error:
        raise DownloadError(f"the network cannot be used{_surroundings()}: {error}") from None


def _surroundings() -> str:
    """Which variables of the environment a connection went by: what stands in them may be secret."""
    named = [name for name in SURROUNDINGS if os.environ.get(name) or os.environ.get(name.lower())]
    return f" with {', '.join(named)} as set in the environment" if named else ""


def _stay_encrypted(response: httpx.Response) -> None:
    onward = response.next_request
    if onward is not None and response.url.scheme == "https" and onward.url.scheme != "https":
        raise DownloadError(f"{response.url} leads to {onward.url}, which is not encrypted; it is not followed")


@contextmanager
def request(client: httpx.Client, url: str, offset: int = 0, tag: str = "") -> Iterator[Answer]:
    """Ask for the bytes from `offset` on, of the content that `tag` names; where that is not to be had the answer
    starts at 0. Raises Interrupted for what may pass, DownloadError for what will not."""
    headers = {"Range": f"bytes={offset}-"} | ({"If-Range": tag} if tag else {}) if offset else {}
    try:
        with client.stream("GET", url, headers=headers) as response:
            yield _judge(response, offset, tag)
    except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.TooManyRedirects) as error:
        raise DownloadError(f"{url} cannot be fetched: {error}") from None
    except httpx.TransportError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise DownloadError(f"{url} cannot be trusted: {error}") from None
        by = _surroundings() if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)) else ""
        raise Interrupted(f"{error or type(error).__name__}{by}") from None


def _judge(response: httpx.Response, offset: int, tag: str) -> Answer:
    status, headers = response.status_code, response.headers
    if status in AGAIN:
        raise Interrupted(f"the server answers {status} {response.reason_phrase}", _retry_after(headers))
    if status == 416:
        return _beyond_the_end(headers, offset)
    if status not in (200, 206):
        raise DownloadError(
            f"{response.url} answers {status} {response.reason_phrase}; FROM= takes a mirror, or a folder with the archives"
        )
    if headers.get("Content-Type", "").startswith("text/html"):
        raise Interrupted("the server sends a page to read in place of the file")
    if (packed := headers.get("Content-Encoding", "identity")) not in ("", "identity"):
        raise DownloadError(f"{response.url} comes packed once more ({packed}), unasked; FROM= takes a mirror")
    etag = headers.get("ETag", "")
    now = etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")
    now = now if now.isascii() and now.isprintable() else ""  # else it could not be sent back
    if status == 200:
        return Answer(0, _number(headers.get("Content-Length", "")), now, response.iter_raw())
    sent = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", ""))
    if not sent or int(sent[1]) != offset:
        raise Restart(
            f"the server sends {headers.get('Content-Range') or 'an unnamed range'} where byte {offset} is due"
        )
    if tag and now and now != tag:
        raise Restart("the file has changed on the server")
    return Answer(offset, _number(sent[2]), now or tag, response.iter_raw())


def _beyond_the_end(headers: httpx.Headers, offset: int) -> Answer:
    """For a request behind the last byte: nothing more where the file ends just there."""
    sent = re.fullmatch(r"bytes \*/(\d+)", headers.get("Content-Range", ""))
    if not sent or int(sent[1]) != offset:
        raise Restart(f"the file on the server ends before byte {offset}")
    return Answer(offset, offset, "", iter(()))


def steady(pieces: Iterable[bytes], manners: Manners) -> Iterator[bytes]:
    """The pieces for as long as they keep coming; Interrupted where hardly any do."""
    since, count = time.monotonic(), 0
    for piece in pieces:
        yield piece
        count, seconds = count + len(piece), time.monotonic() - since
        if seconds > manners.timeout_s:
            if count < manners.least_bytes_per_s * seconds:
                raise Interrupted(f"only {count} bytes came in {seconds:.0f} s")
            since, count = time.monotonic(), 0


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else -1


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds to wait by Retry-After, which is a number or a date; None where it is neither."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
