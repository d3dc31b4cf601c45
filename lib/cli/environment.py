"""The way in: `make` calls this with the system's Python, before anything is installed. Standard library only.

It checks the names that were set on make's command line, brings .venv up to date, and hands over to lib.cli.commands
inside it. An install that was cut off goes on from there; one that is complete costs a few milliseconds.
"""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PYTHONS = ((3, 11), (3, 12), (3, 13))  # requirements.txt holds for these
NEEDED_BYTES = 8 * 10**9  # torch with its CUDA libraries is most of it

# What each command takes, in upper case as make's variables; PYTHON, the interpreter of .venv, goes with all.
STUDY_VARIABLES = ("CORPUS", "ROOT", "PRESET", "FOLD", "SEEDS", "DEVICE", "NAME", "SET", "CONTROLS", "JOBS", "THREADS", "PROFILE")
VARIABLES = {
    "setup": (),
    "study": STUDY_VARIABLES,
    "data": ("CORPUS", "ROOT", "FROM", "KEEP_ARCHIVES", "ARCHIVES"),
    "embed": ("STUDY", "ROOT", "OUT", "ENCODERS", "DEVICE"),
    "bundle": ("STUDY", "OUT"),
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
              PROFILE=slurm (on a cluster: docs/cluster.md)
make data     download, check and unpack a corpus: CORPUS=fsd50k|esc50 ROOT=folder FROM=folder or mirror's address
              KEEP_ARCHIVES=yes|no ARCHIVES=table.csv of other archives in the corpus's layout
make lab      JupyterLab on copies of the notebooks: PORT=8888
make report   a study on one page, runs/<study>/report.html: STUDY=planted-quick (without: the newest finished run)
make explorer hear, see and compare a study's clips in the browser: STUDY=planted-quick PORT=8866
make embed    all sounds of a folder through a study: STUDY=esc50-laptop (or a bundle) ROOT=folder
              OUT=file.parquet|.csv|.npz
              ENCODERS=pitch,timbre
make bundle   a study's model as one folder that needs no corpus: STUDY=esc50-laptop OUT=folder
make test     all tests (ARGS="-k chunks": pytest's own arguments)
make bench    our code against the libraries one would take instead: ROOT=folder of ESC-50 THREADS=2 ONLY=pitch
make faults   kill a tiny study at N=50 random moments (SEED=0), fill its disk, damage what it stores, and see that it
              ends in the same tables
make record   keep a run's figures and tables in figures/record, and write the results in README.md and
              docs/results.md from all records: STUDY=planted-quick (without: only the latter)
make setup    only make .venv; the others do it where needed (PYTHON=python3.12: with another Python)
make help     this"""


# Where libraries cache and note things: numba (by librosa), snakemake, matplotlib, IPython, Jupyter.
CACHES = {
    "XDG_CACHE_HOME": ".cache", "NUMBA_CACHE_DIR": "numba", "MPLCONFIGDIR": "matplotlib", "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "jupyter", "JUPYTER_DATA_DIR": "jupyter", "JUPYTER_RUNTIME_DIR": "jupyter/runtime",
}  # fmt: skip


class Stop(Exception):
    """What is wrong and what to do about it, in one line."""


def main(command):
    # type: (str) -> None
    """Check, set up, hand over; does not return where it hands over."""
    try:
        given = overrides(os.environ)
        check_names(command, [name for name in given if name != "PYTHON"])
        if command == "help":
            print(HELP)
            return
        python = set_up(PROJECT, explicit="PYTHON" in given)
    except Stop as stop:
        sys.exit("make {}: {}".format(command, stop))
    except KeyboardInterrupt:
        sys.exit("make {}: stopped; the next call goes on from here".format(command))
    if command == "setup":
        print("ready: {}".format(python.parent.parent))
        return
    pairs = ["{}={}".format(name, value) for name, value in given.items() if name != "PYTHON"]
    environment = clean(os.environ, python)
    if "MAKELEVEL" in os.environ:
        environment["STUDY_MAKE"] = str(os.getppid())  # lib.cli.commands ends with make
    os.execve(str(python), [str(python), "-m", "lib.cli.commands", command] + pairs, environment)


# Make's command line


def overrides(environ):
    # type: (dict) -> dict
    """Variables set on make's command line, in order. Names come from MAKEFLAGS, where those of the environment are
    not; values from the environment, where make puts them expanded and unquoted."""
    words = split_flags(environ.get("MAKEFLAGS", ""))
    assignments = words[words.index("--") + 1 :] if "--" in words else []
    found = {}
    for word in assignments:
        name, equals, value = word.partition("=")
        name = name.rstrip(":+?!")
        if equals:
            found[name] = environ.get(name, value.replace("$$", "$"))
    return dict(sorted(found.items()))


def split_flags(text):
    # type: (str) -> list
    """The words of MAKEFLAGS: blanks separate, a backslash protects the next character."""
    words = re.findall(r"(?:\\.|[^\s\\])+", text, re.DOTALL)
    return [re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL) for word in words]


def check_names(command, names):
    # type: (str, list) -> None
    """Stop at the first name that the command does not take."""
    if command not in VARIABLES:
        raise Stop("there is no such command; there are {}".format(", ".join(VARIABLES)))
    for name in names:
        if name not in VARIABLES[command]:
            allowed = ", ".join(VARIABLES[command]) or "none"
            raise Stop("there is no variable {}; this command takes: {}".format(name, allowed))


def clean(environ, python):
    # type: (dict, Path) -> dict
    """The environment without make's own variables, and with .venv's programs first."""
    kept = {name: value for name, value in environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    kept["PATH"] = os.pathsep.join([str(python.parent), environ.get("PATH", os.defpath)])
    kept["VIRTUAL_ENV"] = str(python.parent.parent)
    kept["PYTHONUTF8"] = "1"  # names of clips and labels, whatever the locale
    return kept


def own_caches(environ, folder):
    # type: (dict, Path) -> dict
    """Variables for a user who has no home that can be written, as in a container with any user id: what libraries
    cache and note goes below `folder`, where they would end in a traceback. Whatever is set already stays."""
    import pwd

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        entry = None
    found = {} if entry else dict.fromkeys(("LOGNAME", "USER"), "user{}".format(os.getuid()))  # else getuser() fails
    home = environ.get("HOME") or (entry.pw_dir if entry else "")
    writable = bool(home) and os.path.isdir(home) and os.access(home, os.W_OK | os.X_OK)
    found.update({} if writable else {name: str(folder / place) for name, place in CACHES.items()})
    found = {name: value for name, value in found.items() if not environ.get(name)}
    return found if writable else dict(found, HOME=str(folder))


# .venv


def set_up(project, explicit=False, run=None, version=sys.version_info, free=None):
    # type: (Path, bool, object, tuple, object) -> Path
    """Bring project/.venv up to date and give its interpreter; Stop says what is in the way.

    explicit: this Python was asked for by name, so a .venv of another version is made anew.
    run, version, free: for tests; they run a command, are this Python's version, tell the free bytes of a folder.
    """
    venv = project / ".venv"
    python, run = venv / "bin" / "python", run or logged
    if up_to_date(project, python, version, explicit):
        return python
    check_python(version)
    with locked(project):
        if up_to_date(project, python, version, explicit):  # another call did it meanwhile
            return python
        check_disk(project, free or (lambda folder: shutil.disk_usage(str(folder)).free))
        if version_of(python) != tuple(version[:2]) or not has_pip(python):
            make_venv(venv, run)
        drop_half_installed(venv)
        install(project, python, run)
        stamp_file(venv).write_text(stamp(project, version_of(python)))
    return python


def up_to_date(project, python, version, explicit):
    # type: (Path, Path, tuple, bool) -> bool
    """Whether .venv is complete for the present requirements, and of the Python that was asked for, if one was."""
    if not stamp_file(python.parent.parent).exists():
        return False
    own = version_of(python)
    wanted = own == tuple(version[:2]) or not explicit
    return own in PYTHONS and wanted and stamp_file(python.parent.parent).read_text() == stamp(project, own)


def version_of(python):
    # type: (Path) -> object
    """(major, minor) of the .venv that `python` belongs to; None where it does not run or was made for another."""
    told = "import sys; print(sys.version_info[0], sys.version_info[1])"
    try:
        answer = subprocess.run(
            [str(python), "-I", "-S", "-c", told], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return None
    words = answer.stdout.decode().split()
    if answer.returncode or len(words) != 2:
        return None
    packages = python.parent.parent / "lib" / "python{}.{}".format(*words)
    return (int(words[0]), int(words[1])) if packages.is_dir() else None


def has_pip(python):
    # type: (Path) -> bool
    """Whether pip runs: not so in a .venv whose making was cut off."""
    return (
        subprocess.run(
            [str(python), "-m", "pip", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ).returncode
        == 0
    )


def stamp_file(venv):
    # type: (Path) -> Path
    return venv / "complete.txt"


def stamp(project, version):
    # type: (Path, object) -> str
    """Changes with what is installed: requirements, the package's own description, the Python."""
    content = [(project / name).read_bytes() for name in ("requirements.txt", "pyproject.toml")]
    return hashlib.sha256(b"\0".join(content) + repr(version).encode()).hexdigest()


def check_python(version):
    # type: (tuple) -> None
    if tuple(version[:2]) in PYTHONS:
        return
    names = ["python{}.{}".format(*known) for known in PYTHONS]
    there = [name for name in names if shutil.which(name)]
    hint = "say PYTHON={}".format(there[0]) if there else "install one, and name it with PYTHON=..."
    raise Stop("this is Python {}.{}, the study needs 3.11 to 3.13: {}".format(version[0], version[1], hint))


def check_disk(project, free):
    # type: (Path, object) -> None
    """Stop where what is still to be installed would not fit."""
    venv = project / ".venv"
    there = sum(path.lstat().st_size for path in venv.rglob("*")) if venv.exists() else 0
    needed, left = max(10**9, NEEDED_BYTES - there), free(project)
    if left < needed:
        raise Stop("{:.1f} GB are free in {}, about {:.0f} GB are needed".format(left / 1e9, project, needed / 1e9))


def make_venv(venv, run):
    # type: (Path, object) -> None
    print("making .venv", flush=True)
    shutil.rmtree(str(venv), ignore_errors=True)
    log = venv.parent / ".venv.log"
    if run([sys.executable, "-m", "venv", str(venv)], log) != 0:
        shutil.rmtree(str(venv), ignore_errors=True)
        raise Stop("python -m venv failed (on Debian: apt install python3-venv); its words are in {}".format(log))
    log.unlink() if log.exists() else None


def drop_half_installed(venv):
    # type: (Path) -> None
    """Forget packages whose unpacking was cut off: pip writes INSTALLER at the end, and would take them for whole."""
    for info in venv.glob("lib/python*/site-packages/*.dist-info"):
        if not (info / "INSTALLER").exists():
            shutil.rmtree(str(info))


def install(project, python, run):
    # type: (Path, Path, object) -> None
    """The requirements, then the package itself in place."""
    log = project / ".venv" / "setup.log"
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    print("installing requirements.txt into .venv: about 6.5 GB, some minutes the first time", flush=True)
    started = time.time()
    for what in (["-r", str(project / "requirements.txt")], ["--no-deps", "-e", str(project)]):
        if run(pip + what, log) != 0:
            raise Stop(why(log))
    print("installed in {:.0f} s".format(time.time() - started), flush=True)


def logged(command, log):
    # type: (list, Path) -> int
    """Run a command, its words to the end of a log; where someone watches, the present line is shown."""
    watched = sys.stderr.isatty()
    with log.open("a") as file:
        file.write("$ {}\n".format(" ".join(map(shlex.quote, command))))
        file.flush()
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
            preexec_fn=terminate_with_parent,
        )
        for line in process.stdout:
            file.write(line)
            file.flush()
            if watched:
                sys.stderr.write("\r\033[K" + line.strip()[:100])
        if watched:
            sys.stderr.write("\r\033[K")
        return process.wait()


def terminate_with_parent():
    # type: () -> None
    """On Linux, end with the process above, so that a set-up that was killed leaves no pip beside the next."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, 15)  # PR_SET_PDEATHSIG, SIGTERM


# What pip says, and what it means to the one who waits; the first that fits counts.
REASONS = (
    ("No space left on device|Errno 28|Disk quota", "the disk is full: free about 8 GB (here or where TMPDIR lies)"),
    ("NewConnectionError|name resolution|Network is unreachable|Connection(Refused|Reset)|Max retries|ProxyError|timed out",
     "no connection to the package index: check the network (or pip's index and proxy)"),
    ("No matching distribution|Could not find a version", "the package index lacks a pinned version"),
    ("Permission denied", "a file in .venv may not be written"),
)  # fmt: skip


def why(log):
    # type: (Path) -> str
    """Why an install failed, from the last command in its log."""
    words = log.read_text(errors="replace").rpartition("\n$ ")[2] if log.exists() else ""
    errors = [line.strip() for line in words.splitlines() if line.lower().startswith("error")]
    known = [told for pattern, told in REASONS if re.search(pattern, words)]
    told = known[0] if known else (errors[-1][:200] if errors else "pip ended without a word")
    return "the install failed: {}; the next call goes on from here, the log is {}".format(told, log)


class locked:
    """Hold the project's set-up: two calls at once install one after the other. Gone with the process."""

    def __init__(self, project):
        # type: (Path) -> None
        self.project = project

    def __enter__(self):
        # type: () -> None
        import fcntl

        self.file, self.owner = os.open(str(self.project), os.O_RDONLY), self.project / ".venv.owner"
        started, told = time.time(), None
        while not self.taken(fcntl):
            if told is None or time.time() - told >= 60:
                told = time.time()
                print(
                    "waiting for {}, which is setting up; {:.0f} s so far".format(self.who(), told - started),
                    flush=True,
                )
            time.sleep(0.5)
        self.owner.write_text("process {}".format(os.getpid()))

    def taken(self, fcntl):
        # type: (object) -> bool
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def who(self):
        # type: () -> str
        return self.owner.read_text() if self.owner.exists() else "another call"

    def __exit__(self, *_):
        # type: (object) -> None
        if self.owner.exists():
            self.owner.unlink()
        os.close(self.file)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "help")
