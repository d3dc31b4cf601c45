"""The way in: `make` calls this with the system's Python (3.6 or later, to say what is missing) before anything is installed.

It checks the names that were set on make's command line, brings .venv up to date, and hands over to lib.cli.commands
inside it. An install that was cut off goes on from there; one that is complete costs a few milliseconds.
"""

import hashlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.11", "3.12", "3.13")  # requirements.txt holds for these
NEEDED_BYTES = 8 * 10**9  # torch with its CUDA libraries is most of it

STAMP = "complete.txt"  # in .venv: what was installed, once all of it is

# What each command takes, in upper case as make's variables; PYTHON, the interpreter of .venv, goes with all.
STUDY_VARIABLES = (
    "CORPUS", "ROOT", "PRESET", "FOLD", "SEEDS", "DEVICE", "NAME", "SET", "CONTROLS", "PEERS", "ROBUST", "JOBS", "THREADS",
    "PROFILE",
)  # fmt: skip
VARIABLES = {
    "setup": ("EXTRAS",),
    "study": STUDY_VARIABLES,
    "data": ("CORPUS", "ROOT", "FROM", "KEEP_ARCHIVES", "ARCHIVES"),
    "embed": ("STUDY", "ROOT", "OUT", "ENCODERS", "DEVICE"),
    "bundle": ("STUDY", "OUT", "ONNX"),
    "record": ("STUDY",),
    "report": ("STUDY",),
    "explorer": ("STUDY", "PORT"),
    "test": ("ARGS",),
    "lab": ("PORT",),
    "bench": ("ROOT", "THREADS", "ONLY"),
    "faults": ("SEED", "N"),
    "help": (),
}

HELP = """make study    run the whole study (some minutes); ends with Table 1
              CORPUS=planted|esc50|fsd50k|table ROOT=folder PRESET=tiny|quick|laptop|paper FOLD=1|all SEEDS=0,1,2
              DEVICE=auto|cpu|cuda|mps NAME=text SET="body.head_width=64 ..." CONTROLS=noise|all JOBS=2 THREADS=1
              PEERS=silero,crepe,aisfx (other systems in the same harness: docs/peers.md)
              ROBUST=noise,mp3|all (test clips made worse: docs/robustness.md)
              PROFILE=slurm (on a cluster: docs/cluster.md)
make data     download, check and unpack a corpus: CORPUS=fsd50k|esc50 ROOT=folder FROM=folder or mirror's address
              KEEP_ARCHIVES=yes|no ARCHIVES=table.csv of other archives in the corpus's layout
make lab      JupyterLab on copies of the notebooks: PORT=8888
make report   a study on one page, runs/<study>/report.html: STUDY=planted-quick (without: the newest finished run)
make explorer hear, see and compare a study's clips in the browser: STUDY=planted-quick PORT=8866
make embed    all sounds of a folder through a study: STUDY=esc50-laptop (or a bundle) ROOT=folder
              OUT=file.parquet|.csv|.npz
              ENCODERS=pitch,timbre
make bundle   a study's model as one folder that needs no corpus: STUDY=esc50-laptop OUT=folder ONNX=yes|no
make test     all tests (ARGS="-k chunks": pytest's own arguments)
make bench    our code against the libraries one would take instead: ROOT=folder of ESC-50 THREADS=2 ONLY=pitch
make faults   kill a tiny study at N=50 random moments (SEED=0), fill its disk, damage what it stores, and see that it
              ends in the same tables
make record   keep a run's figures and tables in figures/record, and write the results in README.md and
              docs/results.md from all records: STUDY=planted-quick (without: only the latter)
make setup    only make .venv; the others do it where needed (PYTHON=python3.12: with another Python)
              EXTRAS=all (what commands would install later, for a machine that will have no network)
make help     this"""


# Where libraries cache and note things: numba (by librosa), snakemake, matplotlib, IPython, Jupyter.
CACHES = {
    "XDG_CACHE_HOME": ".cache", "NUMBA_CACHE_DIR": "numba", "MPLCONFIGDIR": "matplotlib", "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "jupyter", "JUPYTER_DATA_DIR": "jupyter", "JUPYTER_RUNTIME_DIR": "jupyter/runtime",
}  # fmt: skip


class Stop(Exception):
    """What is wrong and what to do about it, in one line."""


def main(command: str) -> None:
    """Check, set up, hand over; does not return where it hands over."""
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # the Makefile holds Ctrl-C back until here
        given = overrides(os.environ)
        chosen = given.pop("PYTHON", None)
        check_names(command, given)
        python = set_up(PROJECT, bool(chosen)) if command != "help" else Path()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until the command is there to answer it in one line
    except Stop as stop:
        sys.exit(f"make {command}: {stop}")
    except OSError as error:
        sys.exit(f"make {command}: {error}: this user must be able to write in {PROJECT}")
    except KeyboardInterrupt:
        sys.exit(f"make {command}: stopped; the next call goes on from here")
    if command == "help" or (command == "setup" and not given):
        print(HELP if command == "help" else f"ready: {python.parent.parent}")
        return
    pairs = [f"{name}={value}" for name, value in given.items()]
    os.execve(str(python), [str(python), "-m", "lib.cli.commands", command, *pairs], for_commands(os.environ, python))


def overrides(environ: dict) -> dict:
    """Variables set on make's command line, in order of name. Names come from MAKEFLAGS, where those of the environment
    are not; values from the environment, where make puts them expanded and unquoted."""
    escaped = re.findall(r"(?:\\.|[^\s\\])+", environ.get("MAKEFLAGS", ""), re.DOTALL)
    words = [re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL) for word in escaped]
    given = {}
    for word in words[words.index("--") + 1 :] if "--" in words else []:
        name, equals, value = word.partition("=")
        name = name.rstrip(":+?!")
        if equals:
            given[name] = environ.get(name, value.replace("$$", "$"))
    return dict(sorted(given.items()))


def check_names(command: str, names: object) -> None:
    """Stop at the first name that the command does not take."""
    if command not in VARIABLES:
        raise Stop(f"there is no such command; there are {', '.join(VARIABLES)}")
    for name in names:
        if name not in VARIABLES[command]:
            allowed = ", ".join(VARIABLES[command]) or "none"
            raise Stop(f"there is no variable {name}; this command takes: {allowed}")


def for_commands(environ: dict, python: Path) -> dict:
    """The environment without make's own variables, with .venv's programs first; lib.cli.commands ends with make."""
    cleaned = {name: value for name, value in environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    cleaned["PATH"] = os.pathsep.join([str(python.parent), environ.get("PATH", os.defpath)])
    cleaned["VIRTUAL_ENV"] = str(python.parent.parent)
    cleaned["PYTHONUTF8"] = "1"  # names of clips and labels, whatever the locale
    return dict(cleaned, STUDY_MAKE=str(os.getppid())) if "MAKELEVEL" in environ else cleaned


def own_caches(environ: dict, folder: Path) -> dict:
    """Variables for a user who has no home that can be written, as in a container with any user id: what libraries
    cache and note goes below `folder`, where they would end in a traceback. Whatever is set already stays."""
    import pwd

    try:
        home, found = pwd.getpwuid(os.getuid()).pw_dir, {}
    except KeyError:
        home, found = "", dict.fromkeys(("LOGNAME", "USER"), f"user{os.getuid()}")  # without them getuser() fails
    home = environ.get("HOME") or home
    writable = os.path.isdir(home) and os.access(home, os.W_OK | os.X_OK)
    if not writable:
        found.update({name: str(folder / place) for name, place in CACHES.items()})
    found = {name: value for name, value in found.items() if not environ.get(name)}
    return found if writable else dict(found, HOME=str(folder))


# .venv


def set_up(project: Path, explicit: bool = False) -> Path:
    """Bring project/.venv up to date and give its interpreter; Stop says what is in the way.

    explicit: this Python was named by the user, so a .venv of another version is made again.
    """
    venv, this = project / ".venv", "{}.{}".format(*sys.version_info)
    python = venv / "bin" / "python"
    if is_complete(project, this if explicit else ""):
        return python
    check_python(this)
    with locked(project):
        if is_complete(project, this if explicit else ""):  # another call did it meanwhile
            return python
        check_disk(project)
        if version_of(venv) != this:
            make_venv(venv)
        drop_half_installed(venv)
        install(project, python)
        (venv / STAMP).write_text(stamp(project, this))
    return python


def is_complete(project: Path, wanted: str) -> bool:
    """Whether .venv holds what is required now, with a Python that works, of the version `wanted` if one is."""
    venv = project / ".venv"
    if not (venv / STAMP).exists():
        return False
    version = version_of(venv)
    return version in ([wanted] if wanted else PYTHONS) and (venv / STAMP).read_text() == stamp(project, version)


def version_of(venv: Path) -> str:
    """The version of a .venv's Python, as 3.11; empty where it does not run or has no pip, as after another replaced it."""
    code = "import sys, pip; print('{}.{}'.format(*sys.version_info))"
    try:
        answer = subprocess.run(
            [str(venv / "bin" / "python"), "-I", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return ""
    return answer.stdout.decode().strip()


def stamp(project: Path, version: str) -> str:
    """Changes with what is installed: requirements, the package's own description, the Python."""
    content = [(project / name).read_bytes() for name in ("requirements.txt", "pyproject.toml")]
    return hashlib.sha256(b"\0".join([*content, version.encode()])).hexdigest()


def check_python(version: str) -> None:
    """Stop where this is none of the Pythons that the study runs under."""
    if version in PYTHONS:
        return
    there = [f"python{known}" for known in PYTHONS if shutil.which(f"python{known}")]
    hint = f"say PYTHON={there[0]}" if there else "install one, and name it with PYTHON=..."
    raise Stop(f"this is Python {version}, the study needs 3.11 to 3.13: {hint}")


def check_disk(project: Path) -> None:
    """Stop where what is still to be installed would not fit."""
    there = sum(path.lstat().st_size for path in (project / ".venv").rglob("*"))
    needed, free = max(10**9, NEEDED_BYTES - there), shutil.disk_usage(str(project)).free
    if free < needed:
        raise Stop(f"{free / 1e9:.1f} GB are free in {project}, about {needed / 1e9:.0f} GB are needed")


def make_venv(venv: Path) -> None:
    """Make .venv anew with this Python; Stop where that fails."""
    print("making .venv", flush=True)
    shutil.rmtree(str(venv), ignore_errors=True)
    log = venv.parent / ".venv.log"
    if run_logged([sys.executable, "-m", "venv", str(venv)], log):
        shutil.rmtree(str(venv), ignore_errors=True)
        raise Stop(f"python -m venv failed (on Debian: apt install python3-venv); see the log {log}")
    log.unlink()


def drop_half_installed(venv: Path) -> None:
    """Forget packages whose unpacking was cut off: pip writes INSTALLER at the end, and would take them for whole."""
    for info in venv.glob("lib/python*/site-packages/*.dist-info"):
        if not (info / "INSTALLER").exists():
            shutil.rmtree(str(info))


def install(project: Path, python: Path) -> None:
    """The requirements, then the package itself in place."""
    log, started = project / ".venv" / "setup.log", time.time()
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    print("installing requirements.txt into .venv: about 6.5 GB, some minutes the first time", flush=True)
    for what in (["-r", str(project / "requirements.txt")], ["--no-deps", "-e", str(project)]):
        if run_logged(pip + what, log):
            raise Stop(f"the install failed: {why(log)}; the next call goes on from here; see the log {log}")
    print(f"installed in {time.time() - started:.0f} s", flush=True)


def run_logged(command: list, log: Path) -> int:
    """Run a command, its output to the end of a log, the latest line to a terminal; it ends with this process."""
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "universal_newlines": True}
    with log.open("a") as file, subprocess.Popen(command, preexec_fn=terminate_with_parent, **piped) as process:
        for line in itertools.chain([f"$ {' '.join(command)}\n"], process.stdout):
            file.write(line)
            file.flush()
            if sys.stderr.isatty():
                sys.stderr.write(f"\r\033[K{line.strip()[:100]}")
        if sys.stderr.isatty():
            sys.stderr.write("\r\033[K")
    return process.returncode


def terminate_with_parent() -> None:
    """On Linux, ask the system to end this process (SIGTERM) when its parent is gone, however that ended."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, 15)  # PR_SET_PDEATHSIG, SIGTERM


# What pip prints, and what it means; the first that fits counts.
REASONS = (
    ("No space left on device|Errno 28|Disk quota", "the disk is full: free about 8 GB (here or where TMPDIR lies)"),
    ("NewConnectionError|name resolution|Network is unreachable|Connection(Refused|Reset)|Max retries|ProxyError|timed out",
     "no connection to the package index: check the network (or pip's index and proxy)"),
    ("No matching distribution|Could not find a version", "the package index lacks a pinned version"),
    ("Permission denied", "a file in .venv may not be written"),
)  # fmt: skip


def why(log: Path) -> str:
    """Why the last command in the log failed."""
    words = log.read_text(errors="replace").rpartition("\n$ ")[2]
    errors = [line.strip()[:200] for line in words.splitlines() if line.lower().startswith("error")]
    reasons = [reason for pattern, reason in REASONS if re.search(pattern, words)]
    return [*reasons, *errors[-1:], "pip gave no reason"][0]


@contextmanager
def locked(project: Path):
    """Two calls at once install one after the other; the lock is gone with its process."""
    import fcntl

    file, owner = os.open(str(project), os.O_RDONLY), project / ".venv.owner"
    for waited_s in itertools.count():
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            if waited_s % 60 == 0:
                who = owner.read_text() if owner.exists() else "another call"
                print(f"waiting for {who}, which is setting up; {waited_s} s so far", flush=True)
            time.sleep(1)
    try:
        owner.write_text(f"process {os.getpid()}")
        yield
    finally:
        if owner.exists():
            owner.unlink()
        os.close(file)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "help")
