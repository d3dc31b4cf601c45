"""A process that loads what every notebook needs and then is forked for each kernel: one begins at once, not after seconds.

    python -m lib.cli.forking PARENT ADDRESS now|later

It loads libraries alone, no module of lib that a notebook uses: an edit while a study runs reaches the next notebook. On
Linux and without a GPU; elsewhere a process that has loaded torch is not to be forked, and kernels begin as Jupyter has it.
The side of who asks for a kernel is lib.cli.forked.
"""

import faulthandler
import gc
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

from lib.cli.environment import PROJECT, terminate_with_parent
from lib.cli.processes import leave, prepended

VARIABLE, NONE = "STUDY_KERNELS", "none"  # by it who wants a kernel finds this process; where it is none, there is none
LOOK_S = 0.1  # between two looks whether a kernel has ended, or the process above
# What is loaded at the start, or when the first kernel is asked for, and then while none is.
FIRST = ("ipykernel.kernelapp", "torch", "pandas", "matplotlib.pyplot", "soxr")
THEN = (
    "torch._dynamo", "timm", "scipy.stats", "sklearn.decomposition", "matplotlib.backends.backend_pdf",
    "librosa.core.constantq",
)  # fmt: skip


@contextmanager
def kernels(threads: int, at_once: bool) -> Iterator[dict[str, str]]:
    """Such a process while the block runs, with so many threads for numpy; the variable by which notebooks find it.

    at_once: whether it loads now or when a kernel is asked for, as in a study of which all may be done.
    """
    address = f"study-{os.getpid()}-{time.monotonic_ns()}"
    # matplotlib reads where pictures go when it is loaded; ipykernel sets that later
    inline = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    environment = {**inline, **prepended(PYTHONPATH=PROJECT), "OMP_NUM_THREADS": str(threads)}
    process = subprocess.Popen(
        [sys.executable, "-m", "lib.cli.forking", str(os.getpid()), address, "now" if at_once else "later"],
        cwd=PROJECT, stdin=subprocess.DEVNULL, env=environment, start_new_session=True, preexec_fn=terminate_with_parent,
    )  # fmt: skip
    try:
        yield {VARIABLE: address}
    finally:
        process.kill()
        process.wait()


def main(words: Sequence[str]) -> None:
    """Fork a kernel for each that asks, for as long as the process `PARENT` is there; in a kernel, be that kernel."""
    parent, address, when = words
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(f"\0{address}")
        server.listen()
        wanted = fork(server, int(parent), at_once=when == "now")
    if wanted:
        become(wanted)


def fork(server: socket.socket, parent: int, at_once: bool) -> dict[str, Any] | None:
    """Load and fork until the parent is gone: None. In each kernel at once what was asked of it."""
    first, then, links = [*FIRST], [*THEN], {}
    while os.getppid() == parent:
        asked = select.select([server], [], [], 0 if then and not first else LOOK_S)[0]
        while first and (asked or at_once):
            import_module(first.pop(0))
        if asked:
            if wanted := accepted(server, links):
                return wanted
        elif then and not first:
            with suppress(ImportError):  # a notebook that needs it says so
                import_module(then.pop(0))
        look_after(links)
    return None


def accepted(server: socket.socket, links: dict[int, socket.socket]) -> dict[str, Any] | None:
    """Fork for who is at the server, if it is this user: in the kernel what was asked for, None here."""
    link, _ = server.accept()
    given = socket.recv_fds(link, 1, 3)[1] if user_of(link) == os.getuid() else []
    gc.freeze()  # what was loaded is no garbage: a kernel that looked through it would copy it
    pid = os.fork() if len(given) == 3 else None
    if pid == 0:
        with os.fdopen(given[0], "rb") as file:
            wanted = json.loads(file.read())
        for number, each in zip((1, 2), given[1:], strict=True):
            os.dup2(each, number)
        for own in (link, *links.values()):
            own.close()
    for each in given[pid == 0 :]:
        os.close(each)
    if pid == 0:
        return wanted
    if pid:
        links[pid] = link
        with suppress(OSError):
            link.send(str(pid).encode())
    else:
        link.close()
    return None


def user_of(link: socket.socket) -> int:
    """The user whose process is at the other end."""
    return struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))[1]


def look_after(links: dict[int, socket.socket]) -> None:
    """Tell who asked for a kernel that it has ended; end the kernels of those who are gone."""
    for pid, link in list(links.items()):
        if select.select([link], [], [], 0)[0]:  # they say nothing: it was closed
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with suppress(OSError):
                link.send(str(os.waitstatus_to_exitcode(status)).encode())
            links.pop(pid).close()


def become(wanted: Mapping[str, Any]) -> None:
    """Be the kernel that was asked for, as if it had been started with these arguments, environment and folder."""
    os.setsid()
    terminate_with_parent()
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(wanted["env"])
    os.chdir(wanted["cwd"])
    if os.environ.get("PYTHONFAULTHANDLER"):
        faulthandler.enable()
    # the process above is this kernel's, but ipykernel has read the variable for it when it was loaded
    sys.argv = ["ipykernel_launcher", *wanted["arguments"], f"--IPKernelApp.parent_handle={os.getppid()}"]
    status = 1
    try:
        import_module("ipykernel.kernelapp").launch_new_instance()
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        leave(status)


if __name__ == "__main__":
    main(sys.argv[1:])
