"""A local server of files that misbehaves as it is told, once for each fault, and notes what it was asked."""

import gzip
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """`files`: content by name; `faults`: for each name what the next requests meet, then all goes well."""

    url: str = ""
    files: dict = field(default_factory=dict)
    faults: dict = field(default_factory=dict)
    etags: bool = True
    requests: list = field(default_factory=list)  # (name, headers)
    at_once: int = 0
    most_at_once: int = 0
    closed: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ranges(self, name):
        """The Range of each request for a file, in order."""
        return [headers.get("Range") for asked, headers in self.requests if asked == name]


@contextmanager
def serving(files, **faults):
    """A Site on a free port of this machine."""
    site = Site(files=dict(files), faults={name.replace("_zip", ".zip"): list(each) for name, each in faults.items()})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            name = self.path.split("?")[0].strip("/")
            with site.lock:
                site.requests.append((name, dict(self.headers)))
                site.at_once += 1
                site.most_at_once = max(site.most_at_once, site.at_once)
                waiting = site.faults.get(name) or []
                fault = waiting.pop(0) if waiting else well
            try:
                fault(self, site, name)
            finally:
                with site.lock:
                    site.at_once -= 1

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield site
    finally:
        site.closed.set()
        server.shutdown()
        server.server_close()
        thread.join()


def head(handler, status, **headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()


def tag(site, content):
    return {"ETag": f'"{hash(content)}"'} if site.etags else {}


def start_of(handler, site, content):
    """Where an honest answer begins: 0 too where If-Range names other content."""
    wanted = handler.headers.get("Range", "bytes=0-")
    unchanged = handler.headers.get("If-Range") in (None, tag(site, content).get("ETag"))
    return int(wanted[6:-1]) if unchanged else 0


def answer(handler, site, content, start, told=None, **headers):
    """The head of an answer that promises the content from `start` on."""
    headers = tag(site, content) | headers
    if start >= len(content) > 0:
        return head(handler, 416, Content_Range=f"bytes */{len(content)}", Content_Length=0)
    told = len(content) - start if told is None else told
    if start:
        range_ = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return head(handler, 206, Content_Length=told, Content_Range=range_, **headers)
    return head(handler, 200, Content_Length=told, **headers)


def well(handler, site, name):
    if name in site.files:
        ignores_if_range(handler, site, name, start_of(handler, site, site.files[name]))
    else:
        head(handler, 404, Content_Length=0)


def drops(count, **headers):
    """Promises all and ends the connection after `count` bytes."""

    def fault(handler, site, name):
        content = site.files[name]
        start = start_of(handler, site, content)
        answer(handler, site, content, start, **headers)
        handler.wfile.write(content[start : start + count])
        handler.close_connection = True

    return fault


def stalls(count):
    """Promises all, sends `count` bytes and then nothing."""

    def fault(handler, site, name):
        drops(count)(handler, site, name)
        handler.wfile.flush()
        site.closed.wait(60)

    return fault


def drips(handler, site, name):
    """A byte now and then, for ever."""
    answer(handler, site, site.files[name], 0)
    while not site.closed.wait(0.05):
        handler.wfile.write(b"P")


def truncates(count):
    """Ends after `count` bytes as if that were all: no length was promised."""

    def fault(handler, site, name):
        handler.protocol_version = "HTTP/1.0"
        head(handler, 200, Connection="close")
        handler.wfile.write(site.files[name][:count])
        handler.close_connection = True

    return fault


def ignores_range(handler, site, name):
    answer(handler, site, site.files[name], 0)
    handler.wfile.write(site.files[name])


def says(status, **headers):
    def fault(handler, site, name):
        head(handler, status, Content_Length=0, **headers)

    return fault


def redirects(to):
    return says(302, Location=to)


def wrong_bytes(handler, site, name):
    content = bytes(byte ^ 1 for byte in site.files[name])
    start = start_of(handler, site, site.files[name])
    answer(handler, site, content, start)
    handler.wfile.write(content[start:])


def another_file(handler, site, name):
    """A page of some length in place of the file."""
    head(handler, 200, Content_Length=5, Content_Type="text/html")
    handler.wfile.write(b"<htm>")


def sends_more(handler, site, name):
    handler.protocol_version = "HTTP/1.0"
    head(handler, 200, Connection="close")
    handler.wfile.write(site.files[name] + b"more")
    handler.close_connection = True


def sends_beyond_the_length(handler, site, name):
    """Promises the file's length, and goes on after it."""
    well(handler, site, name)
    handler.wfile.write(b"more")


def packs(handler, site, name):
    """Compresses what was to come as it is."""
    content = gzip.compress(site.files[name])
    head(handler, 200, Content_Length=len(content), Content_Encoding="gzip", **tag(site, content))
    handler.wfile.write(content)


def sends_a_part_of_the_rest(count):
    """Answers a request for the rest with less than that, and says so."""

    def fault(handler, site, name):
        content, start = site.files[name], start_of(handler, site, site.files[name])
        range_ = f"bytes {start}-{start + count - 1}/{len(content)}"
        head(handler, 206, Content_Length=count, Content_Range=range_, **tag(site, content))
        handler.wfile.write(content[start : start + count])

    return fault


def another_range(handler, site, name):
    """Answers a request for the rest with a range that begins elsewhere."""
    content = site.files[name]
    head(handler, 206, Content_Length=len(content) - 1, Content_Range=f"bytes 1-{len(content) - 1}/{len(content)}")
    handler.wfile.write(content[1:])


def swaps(count, content):
    """Drops after `count` bytes, and from then on the file is another one."""

    def fault(handler, site, name):
        drops(count)(handler, site, name)
        site.files[name] = content

    return fault


def ignores_if_range(handler, site, name, start=None):
    """Sends the rest of what is there now, whatever the beginning was."""
    content = site.files[name]
    start = int(handler.headers["Range"][6:-1]) if start is None else start
    answer(handler, site, content, start)
    handler.wfile.write(content[start:])
