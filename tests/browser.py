"""What the browser tests share: Debian's Chromium, a page that notes what it asks for, programs that serve pages."""

import os
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest
from waiting import wait_until

from lib.cli import serving
from lib.cli.environment import terminate_with_parent
from lib.cli.processes import stop
from lib.files import PROJECT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDTHS = (1280, 800)
PATIENCE_MS = 180_000  # for whatever a page does, on a machine that has other work too
MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")  # one that beeps, and is allowed

needs_browser = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed (on Debian: apt install chromium)")


@contextmanager
def chromium():
    """A headless browser. Sounds play without a sound card."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=["--no-sandbox", *MICROPHONE], timeout=PATIENCE_MS
        )
        yield browser
        browser.close()


class Watched:
    """A page that notes every request to another machine, error of the console, and dialog."""

    def __init__(self, browser, width=1280, height=900):
        self.page = browser.new_page(viewport={"width": width, "height": height})
        self.page.context.set_default_timeout(PATIENCE_MS)  # of the page, and of what it asks a server
        self.requests, self.errors, self.dialogs = [], [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda opened: self.requests.append(opened.url))
        self.page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", self._dialog)

    def _dialog(self, dialog):
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def open_served(self, address, ready):
        """Open a page that Voila writes while its notebook runs, and wait until what `ready` selects is there."""
        self.page.goto(address, wait_until="commit")  # it is loaded only when the notebook has run
        self.page.wait_for_selector(ready)

    def close(self):
        """Leave the page as a person does, so that the server ends its kernel, and close it."""
        self.page.goto("about:blank")
        self.page.close()

    @property
    def outside(self):
        """Requests to anything but this machine and the page itself."""
        local = ("data:", "blob:", "file:", f"http://{serving.HOST}", f"ws://{serving.HOST}", "about:")
        return [url for url in self.requests if not url.startswith(local)]

    @property
    def too_wide_by(self):
        """Pixels that the page can be moved sideways."""
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def port():
    """A port that nobody listens at, below those that a system gives to programs that name none: none of them takes it."""
    return next(number for number in range(20_000 + os.getpid() % 10_000, 32_000) if not serving.taken(number))


@contextmanager
def served(command, number, log, **environment):
    """A program that serves pages at the port, until the block ends."""
    with log.open("w") as words:
        process = subprocess.Popen(
            command, stdout=words, stderr=words, env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            start_new_session=True, preexec_fn=terminate_with_parent,
        )  # fmt: skip
        try:
            wait_until(lambda: answers(number) or process.poll() is not None)
            assert process.poll() is None, log.read_text()[-2000:]
            yield f"http://{serving.HOST}:{number}"
        finally:
            stop(process)


def answers(number):
    """Whether a program listens at the port."""
    with socket.socket() as probe:
        return probe.connect_ex((serving.HOST, number)) == 0


def lab(folder, log, **environment):
    """JupyterLab on a folder, without a token, as nobody else reaches it."""
    number = port()
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.ip={serving.HOST}",
        f"--port={number}", "--IdentityProvider.token=", f"--ServerApp.root_dir={folder}", "--ServerApp.port_retries=0",
    ]  # fmt: skip
    return served(command, number, log, PYTHONPATH=str(PROJECT), **environment)


def explorer(study, log, **environment):
    """`make explorer` on a study, as a person calls it."""
    number = port()
    command = [sys.executable, "-m", "lib.cli.commands", "explorer", f"STUDY={study}", f"PORT={number}"]
    return served(command, number, log, PYTHONPATH=str(PROJECT), **environment)


def voila(notebook, log, **environment):
    """A notebook as `make explorer` shows it."""
    number = port()
    command = serving.command(notebook, number)
    return served(command, number, log, **{**serving.environment(), **environment})
