"""The explorer's way into the browser: its port, its notebook, its templates; tests/explorer/test_browser.py looks at the page."""

import http.client
import json
import socket
import subprocess
import sys

import browser
import nbformat
import psutil
import pytest

from lib import files
from lib.cli import serving
from lib.cli.environment import Stop
from lib.files import PROJECT

PARAMETERS = 'corpus = "planted"\nroot = ""\npreset = "quick"\nseeds = "0"'


@pytest.fixture
def listening():
    """A port that another program has."""
    with socket.socket() as other:
        other.bind((serving.HOST, 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.parametrize("text", ["x", "0", "80", "65536", "999999999999", "-1", "8866.0", "٨٨٦٦"])
def test_a_port_that_cannot_be_is_one_line(text):
    with pytest.raises(Stop, match=f"PORT={text}: a whole number from 1024 to 65535"):
        serving.free_port(text)


def test_a_port_that_another_program_has_is_one_line_with_a_free_one(listening):
    with pytest.raises(Stop, match=rf"PORT={listening}: another program has this port; PORT=\d+ is free") as told:
        serving.free_port(str(listening))
    other = int(str(told.value).split("PORT=")[2].split()[0])
    assert serving.free_port(str(other)) == other


def run_folder(home):
    folder = home / "runs" / "planted-tiny"
    folder.mkdir(parents=True)
    request = {"corpus": "planted", "preset": "tiny", "root": "/my 'sounds'\n\"", "seeds": "0,1", "fold": 0, "set": ""}
    (folder / "request.json").write_text(json.dumps({"plan": {"request": request, "seeds": [3, 4]}}))
    return folder, request


def test_the_notebook_gets_the_runs_request(home, monkeypatch, tmp_path):
    cell = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    (tmp_path / "project" / "notebooks").mkdir(parents=True)
    nbformat.write(
        nbformat.v4.new_notebook(cells=[cell], metadata=kernel),
        tmp_path / "project" / "notebooks" / "06_explorer.ipynb",
    )
    monkeypatch.setattr(files, "PROJECT", tmp_path / "project")
    folder, request = run_folder(home)
    path = serving.parameterised(folder)
    made = nbformat.read(path, as_version=4)
    found = {}
    for each in made.cells:
        exec(each.source, found)
    assert path == folder / "explorer.ipynb"
    assert {name: found[name] for name in request if name != "set"} == {k: v for k, v in request.items() if k != "set"}
    assert found["settings"] == request["set"] and "set" not in found  # which would hide Python's own
    assert found["seed"] == 3  # the first that the run has
    assert made.metadata["title"] == "Explorer: planted-tiny"


def test_the_page_has_no_title_of_the_notebook_and_no_link_to_what_is_not_served():
    text = "# 6. A title\n\nRead [2](02_train.ipynb) and [three](../03.ipynb), or [a paper](https://example.org/a)."
    assert serving.as_served(text) == "Read 2 and three, or [a paper](https://example.org/a)."
    assert serving.as_served("## A part\n\n# not a title") == "## A part\n\n# not a title"


def test_voila_finds_our_templates_and_no_address_of_another_machine_in_them():
    asked = "from voila.paths import collect_template_paths; print(*collect_template_paths(['voila', 'nbconvert'], 'study', prune=True), sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", asked], env=serving.environment(), capture_output=True, text=True, check=True
    )
    ours = PROJECT / "lib" / "cli" / "voila" / "templates" / "study"
    assert done.stdout.splitlines()[0] == str(ours)
    assert any(line.endswith("voila/templates/lab") for line in done.stdout.splitlines())
    assert not [path for path in ours.iterdir() if "://" in path.read_text()]


def test_a_server_that_does_not_start_is_told_with_its_last_words(tmp_path):
    log = tmp_path / "explorer.txt"
    log.write_text("first\nno such thing\n")
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    with pytest.raises(Stop, match=r"the explorer did not start: no such thing \(see the log: .*explorer.txt\)"):
        serving.wait_until_there(process, 1, log)


# What the server hands out


def page(folder, name, code):
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)], metadata=kernel)
    nbformat.write(notebook, folder / f"{name}.ipynb")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The server's process and port; beside its notebook lie another, a picture and a text, all with SECRET in them."""
    folder = tmp_path_factory.mktemp("served")
    page(folder, "explorer", "print('the explorer ran')")
    page(folder, "other", "print('SEC' + 'RET')")
    for name in ("picture.png", "text.txt", "code.py", "table.csv"):
        (folder / name).write_text("SECRET")
    port = browser.port()
    with (folder / "log").open("w") as words:
        process = serving.begin(folder / "explorer.ipynb", port, words)
        try:
            serving.wait_until_there(process, port, folder / "log")
            yield process, port
        finally:
            serving.stop(process)


def get(port, address, host=serving.HOST):
    """Status and content of an address as it stands, with no dots taken out; redirections are followed."""
    connection = http.client.HTTPConnection(serving.HOST, port, timeout=300)
    connection.putrequest("GET", address, skip_host=True)
    connection.putheader("Host", f"{host}:{port}")
    connection.endheaders()
    answer = connection.getresponse()
    content, there = answer.read().decode(), answer.headers["Location"]
    return get(port, there, host) if there else (answer.status, content)


@pytest.mark.slow
def test_the_explorer_is_served_to_this_machine_alone(server):
    process, port = server
    listening = [one.laddr for one in psutil.Process(process.pid).net_connections() if one.status == psutil.CONN_LISTEN]
    assert {address.ip for address in listening} == {serving.HOST}
    assert port in {address.port for address in listening}
    status, content = get(port, "/")
    assert status == 200
    assert "the explorer ran" in content
    assert get(port, "/", host="elsewhere.example")[0] == 403


BESIDE = ["other.ipynb", "picture.png", "text.txt", "code.py", "table.csv"]
WAYS = [
    "/",
    "/files/",
    "/notebooks/",
    "/voila/files/",
    "/voila/files//",
    "/voila/render/",
    "/voila/static/../",
    "/static/../",
]
OTHER = [
    "/voila/files/../served0/picture.png", "/voila/files/%2e%2e/served0/picture.png", "/voila/static/%2e%2e/picture.png",
    "/voila/templates/study/static/../../../../voila.py", "/voila/templates/../static/picture.png",
    "/voila/labextensions/../picture.png", "/api/contents", "/api/contents/text.txt", "/voila/api/contents",
    "/voila/tree", "/tree", "/lab", "/api/kernels", "/api/sessions", "/api/terminals",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("address", [*(f"{way}{name}" for way in WAYS for name in BESIDE), *OTHER])
def test_the_explorer_is_all_that_is_served(server, address):
    status, content = get(server[1], address)
    assert status >= 400
    assert "SECRET" not in content
    assert "config.Voila" not in content


@pytest.mark.slow
def test_an_address_cannot_choose_another_template(server):
    assert "cells without an output" in get(server[1], "/?template=lab&theme=dark")[1]  # a comment of ours
