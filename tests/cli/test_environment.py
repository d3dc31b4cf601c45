"""The way in: make's command line, and a .venv that is whole, mended or made anew."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from lib.cli import environment
from lib.cli.environment import PROJECT, STAMP, Stop, check_names, drop_half_installed, overrides, set_up, why

THIS = "{}.{}".format(*sys.version_info)


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "requirements.txt").write_text("torch==1\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    has_free(monkeypatch, 10**11)
    return tmp_path


def has_free(monkeypatch, n_bytes):
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda _: SimpleNamespace(free=n_bytes))


class Installer:
    """Stands for the commands that set-up runs: makes a .venv, and installs or fails as told."""

    def __init__(self, monkeypatch):
        self.fails, self.ran = "", []
        monkeypatch.setattr(environment, "run_logged", self.run)

    def run(self, command, log):
        kind = "venv" if "venv" in command[1:3] else "package" if "-e" in command else "requirements"
        self.ran.append(kind)
        if kind == "venv":
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", command[-1]], check=True)
            pip = Path(command[-1]) / "lib" / f"python{THIS}" / "site-packages" / "pip"
            pip.mkdir()
            (pip / "__init__.py").touch()
        with log.open("a") as file:
            file.write(f"$ {kind}\n")
        return 1 if kind == self.fails else 0

    def again(self, project):
        """What a call of set-up runs after those before."""
        self.ran = []
        set_up(project)
        return self.ran


@pytest.fixture
def installer(monkeypatch):
    return Installer(monkeypatch)


def test_first_call_installs_everything_and_the_second_nothing(project, installer):
    assert set_up(project) == project / ".venv" / "bin" / "python"
    assert installer.ran == ["venv", "requirements", "package"]
    assert installer.again(project) == []


def test_changed_requirements_are_installed_into_the_same_venv(project, installer):
    set_up(project)
    (project / "requirements.txt").write_text("torch==2\n")
    assert installer.again(project) == ["requirements", "package"]


@pytest.mark.parametrize("fails", ["requirements", "package"])
def test_an_install_cut_off_goes_on_from_there(project, installer, fails):
    installer.fails = fails
    with pytest.raises(
        Stop, match="the install failed: pip gave no reason; the next call goes on from here; see the log .*log"
    ):
        set_up(project)
    installer.fails = ""
    assert installer.again(project) == ["requirements", "package"]


def test_a_package_unpacked_halfway_is_not_taken_for_whole(project):
    packages = project / ".venv" / "lib" / "python3.11" / "site-packages"
    for name, files in (("whole", ["METADATA", "INSTALLER"]), ("half", ["METADATA"])):
        (packages / f"{name}-1.dist-info").mkdir(parents=True)
        for file in files:
            (packages / f"{name}-1.dist-info" / file).touch()
    drop_half_installed(project / ".venv")
    assert [path.name for path in packages.iterdir()] == ["whole-1.dist-info"]


def test_a_venv_whose_interpreter_is_gone_is_made_anew(project, installer):
    python = set_up(project)
    python.unlink()
    python.symlink_to("/nowhere/python")
    assert installer.again(project)[0] == "venv"


def test_a_venv_of_another_version_is_made_anew(project, installer):
    set_up(project)
    packages = project / ".venv" / "lib" / f"python{THIS}"
    packages.rename(packages.with_name("python3.9"))  # as after the system's Python moved on
    assert installer.again(project)[0] == "venv"


def test_a_venv_whose_making_was_cut_off_before_it_had_pip_is_made_anew(project, installer):
    set_up(project)
    shutil.rmtree(project / ".venv" / "lib" / f"python{THIS}" / "site-packages" / "pip")
    assert installer.again(project)[0] == "venv"


@pytest.mark.parametrize("version", [(3, 10, 1), (3, 14, 0)])
def test_a_wrong_python_is_one_line(project, installer, monkeypatch, version):
    monkeypatch.setattr(environment, "sys", SimpleNamespace(version_info=version))
    with pytest.raises(Stop, match=rf"this is Python 3\.{version[1]}, the study needs 3.11 to 3.13"):
        set_up(project)
    assert not (project / ".venv").exists()


def test_no_disk_is_one_line(project, installer, monkeypatch):
    has_free(monkeypatch, 2 * 10**9)
    with pytest.raises(Stop, match=r"2\.0 GB are free in .*about 8 GB are needed"):
        set_up(project)
    assert not (project / ".venv" / STAMP).exists()


def test_a_project_that_may_not_be_written_is_one_line(project, monkeypatch):
    def refused(*_):
        raise PermissionError(13, "Permission denied", str(project / ".venv.owner"))

    monkeypatch.setattr(environment, "set_up", refused)
    monkeypatch.setenv("MAKEFLAGS", "")
    with pytest.raises(SystemExit, match="make setup: .*Permission denied: .*this user must be able to write in"):
        environment.main("setup")


def test_what_a_command_says_goes_to_the_log_after_those_before(tmp_path):
    log = tmp_path / "setup.log"
    assert [environment.run_logged([sys.executable, "-c", f"print({n}); exit({n})"], log) for n in (0, 3)] == [0, 3]
    assert log.read_text().splitlines()[1::2] == ["0", "3"]


def test_two_calls_at_once_install_one_after_the_other(project, installer, monkeypatch):
    holding = "import sys; from pathlib import Path; from lib.cli.environment import locked\n"
    holding += "with locked(Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
    words = [sys.executable, "-c", holding, str(project)]
    other = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT)
    other.stdout.read(1)
    said = []

    def heard(line, **_):
        said.append(line)
        other.stdin.close()  # it holds the lock until it is waited for

    monkeypatch.setattr("builtins.print", heard)
    set_up(project)
    assert other.wait() == 0
    assert re.fullmatch(f"waiting for process {other.pid}, which is setting up; \\d+ s so far", said[0])
    assert not (project / ".venv.owner").exists()


@pytest.mark.parametrize(("words", "told"), [
    ("Failed to establish: NewConnectionError", "no connection"),
    ("OSError: [Errno 28] No space left on device", "disk is full"),
    ("ERROR: No matching distribution found for torch==9", "lacks a pinned version"),
    ("ERROR: something else", "something else"),
    ("", "pip gave no reason"),
])  # fmt: skip
def test_a_failed_install_says_why(tmp_path, words, told):
    log = tmp_path / "setup.log"
    log.write_text(f"$ earlier\nNo space left on device\n\n$ pip install\n{words}\n")
    line = why(log)
    assert told in line
    assert "\n" not in line


@pytest.mark.parametrize("name", ["python3.6", "python3.8", "python3.10"])
def test_an_old_python_can_read_the_file_and_says_so(name, tmp_path):
    found = sorted(Path.home().glob(f".pyenv/versions/{name[6:]}.*/bin/{name}")) or [shutil.which(name)]
    if not found[0] or subprocess.run([str(found[0]), "-c", ""], check=False).returncode:
        pytest.skip(f"no {name} here")
    (tmp_path / "lib" / "cli").mkdir(parents=True)
    for file in ("__init__.py", "cli/__init__.py", "cli/environment.py"):
        shutil.copy(PROJECT / "lib" / file, tmp_path / "lib" / file)
    done = subprocess.run(
        [str(found[0]), "-m", "lib.cli.environment", "setup"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "the study needs 3.11 to 3.13" in done.stderr


# make's command line, with make itself


def from_make(folder, *words, **environ):
    """The variables as set_up's caller finds them, through GNU make."""
    (folder / "Makefile").write_text(
        f'all:\n\t@PYTHONPATH="{PROJECT}" "{sys.executable}" -c "import os; from lib.cli.environment import overrides; '
        f'print(repr(overrides(os.environ)))"\n'
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")} | environ
    done = subprocess.run(
        ["make", "-s", *words], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return eval(done.stdout)


needs_make = pytest.mark.skipif(not shutil.which("make"), reason="no make here")


@needs_make
@pytest.mark.parametrize(("words", "found"), [
    ([], {}),
    (["CORPUS=esc50", "FOLD=1"], {"CORPUS": "esc50", "FOLD": "1"}),
    (["SET=a=1 b=2"], {"SET": "a=1 b=2"}),
    (["ROOT=/a folder/with 'quotes' and \"more\""], {"ROOT": "/a folder/with 'quotes' and \"more\""}),
    (["ROOT=back\\slash \\ end"], {"ROOT": "back\\slash \\ end"}),
    (["NAME="], {"NAME": ""}),
    (["NAME:=x"], {"NAME": "x"}),
    (["-k", "-j2", "CORPSE=x"], {"CORPSE": "x"}),
    (["corp-se=x"], {"corp-se": "x"}),
    (["SET=-- NAME=x"], {"SET": "-- NAME=x"}),
    (["ROOT=a$$b"], {"ROOT": "a$b"}),
])  # fmt: skip
def test_variables_of_makes_command_line(tmp_path, words, found):
    assert from_make(tmp_path, *words) == found


@needs_make
def test_variables_of_the_environment_are_not_the_users_words(tmp_path):
    assert from_make(tmp_path, "FOLD=1", NAME="machine", CORPUS="x", ROOT="/") == {"FOLD": "1"}


@pytest.fixture
def beside_makefile(project):
    """A project with our Makefile and lib, without a .venv."""
    shutil.copytree(PROJECT / "lib", project / "lib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "Makefile", project)
    return project


def make(folder, *words):
    """What GNU make answers there: status, output, errors."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = subprocess.run(["make", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@needs_make
@pytest.mark.parametrize(("words", "told"), [
    (["study", "CORPSE=x"], "make study: there is no variable CORPSE; this command takes: CORPUS, ROOT, PRESET"),
    (["-j4", "study", "CORPSE=x"], "make study: there is no variable CORPSE"),
    (["-k", "--no-print-directory", "lab", "STUDY=q"], "make lab: there is no variable STUDY"),
    (["stduy"], "make stduy: there is no such command; there are setup, study"),
    (["study", "PYTHON=python9"], "make: there is no python9: name one of 3.11 to 3.13"),
])  # fmt: skip
def test_a_mistake_is_one_line_of_ours_and_none_of_make_and_nothing_is_made(beside_makefile, words, told):
    status, said, errors = make(beside_makefile, *words)
    assert status == 1 and said == ""
    assert errors.startswith(told) and errors.count("\n") == 1
    assert not (beside_makefile / ".venv").exists()


@needs_make
@pytest.mark.parametrize("flag", ["-n", "-nj2", "-q", "-t"])
def test_make_only_says_what_it_would_do_where_it_is_asked_to(beside_makefile, flag):
    status, said, errors = make(beside_makefile, flag, "study", "CORPSE=x")
    assert (errors == "" and "lib.cli.environment study" in said) or flag in ("-q", "-t")
    assert status == (1 if flag == "-q" else 0)


# Its end takes a second, as that of a command with torch does: make 4.3 that wakes only after its child has ended, as on a
# loaded machine, takes the signal for one and says "wait: No child processes" of its own.
INTERRUPTIBLE = """import signal, time
try:
    print(flush=True)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # the Makefile holds it back
    time.sleep(600)
except KeyboardInterrupt:
    time.sleep(1)
    raise SystemExit(1)
"""


@needs_make
def test_make_that_is_interrupted_adds_no_line_of_its_own(beside_makefile):
    (beside_makefile / "lib" / "cli" / "environment.py").write_text(INTERRUPTIBLE)
    process = subprocess.Popen(
        ["make", "study"], cwd=beside_makefile, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    process.stdout.read(1)
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=300) == (b"", b"")  # well before its sleep ends
    assert process.returncode != 0


@needs_make
@pytest.mark.skipif(
    subprocess.run(["env", "--block-signal=INT", "true"], stderr=subprocess.DEVNULL, check=False).returncode,
    reason="this system's env cannot hold signals back",
)
def test_ctrl_c_is_held_back_before_python_starts(beside_makefile):
    """Python itself would answer it with a traceback, for as long as it takes to start."""
    held = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
    (beside_makefile / "lib" / "cli" / "environment.py").write_text(held)
    assert make(beside_makefile, "study") == (0, "True\n", "")


def test_ctrl_c_that_was_held_back_is_answered_in_one_line():
    def press():
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs, the tests among them, may ignore it
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        os.kill(os.getpid(), signal.SIGINT)

    command = [sys.executable, "-m", "lib.cli.environment", "setup"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, preexec_fn=press, check=False)
    stopped = "make setup: stopped; the next call goes on from here\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", stopped)


def test_names_are_those_of_the_request():
    from lib.study import Request

    assert {name.upper() for name in Request.model_fields} - {"PART"} < set(environment.STUDY_VARIABLES)
    with pytest.raises(Stop, match="there is no variable STUDY; this command takes: none"):
        check_names("help", ["STUDY"])
    assert overrides({"NAME": "x"}) == {}


# A user without a home


def test_who_has_a_home_keeps_it(tmp_path, monkeypatch):
    monkeypatch.setattr("pwd.getpwuid", lambda number: SimpleNamespace(pw_dir=str(tmp_path)))
    assert environment.own_caches({"HOME": str(tmp_path)}, tmp_path / "c") == {}
    assert environment.own_caches({}, tmp_path / "c") == {}


@pytest.mark.parametrize("home", ["/nonexistent", "", "file"])
def test_caches_go_below_the_studys_own_where_there_is_no_home(home, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    home = str(tmp_path / home) if home == "file" else home
    monkeypatch.setattr("pwd.getpwuid", lambda number: {}[number])  # no passwd entry
    found = environment.own_caches({"HOME": home, "MPLCONFIGDIR": "/set/by/me"}, tmp_path / "c")
    assert found["HOME"] == str(tmp_path / "c") and found["NUMBA_CACHE_DIR"] == str(tmp_path / "c" / "numba")
    assert "MPLCONFIGDIR" not in found and found["LOGNAME"] == found["USER"] == f"user{os.getuid()}"
    assert environment.own_caches({"HOME": str(tmp_path), "LOGNAME": "me", "USER": "me"}, tmp_path / "c") == {}


WITHOUT_HOME = """
import os, sys, getpass
from pathlib import Path
from lib.cli.environment import own_caches
if sys.argv[2:]:
    os.environ.update(own_caches(os.environ, Path(sys.argv[1]) / "user"))
import compiled, matplotlib, runpy
matplotlib.get_configdir(), getpass.getuser()
sys.argv = ["snakemake", "--version"]
runpy.run_module("snakemake", run_name="__main__")
"""
# as librosa's functions: compiled, and cached beside the file, where this user cannot write, or else in numba's folder
COMPILED = "import numba\n@numba.njit(cache=True)\ndef one():\n    return 1\none()\n"


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can be another user")
@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv is not there")
def test_libraries_run_for_a_user_that_nobody_knows():
    closed = [folder for folder in (PROJECT, *PROJECT.parents) if not folder.stat().st_mode & stat.S_IXOTH]
    if closed:
        pytest.skip(f"another user cannot enter {closed[0]}, where the project lies")
    with tempfile.TemporaryDirectory() as folder:
        mine, theirs = (Path(folder) / name for name in ("mine", "theirs"))
        for each in (mine, theirs):
            each.mkdir()
        for each in (Path(folder), mine):
            each.chmod(0o755)
        (mine / "compiled.py").write_text(COMPILED)
        os.chown(theirs, 12345, 12345)
        who = ["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups"]
        alone = {"PATH": os.defpath, "HOME": "/nonexistent", "PYTHONPATH": f"{PROJECT}{os.pathsep}{mine}"}

        def run(*words):
            command = [*who, sys.executable, "-c", WITHOUT_HOME, theirs, *words]
            return subprocess.run(command, env=alone, capture_output=True, text=True, check=False, cwd="/")

        done = run("ours")
        assert done.returncode == 0, done.stderr
        assert (theirs / "user" / "matplotlib").is_dir() and list((theirs / "user" / "numba").rglob("*.nbc"))
        assert "cannot cache function" in run().stderr  # what is mended
