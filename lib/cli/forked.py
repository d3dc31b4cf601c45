"""Kernels that are forked from the process of lib.cli.forking: what Jupyter needs to ask it for one."""

import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

from lib.cli.forking import LOOK_S, NONE, VARIABLE, user_of

KERNEL = [sys.executable, "-m", "ipykernel_launcher"]


def use() -> None:
    """From now on fork the kernels that this process starts, where there is such a process."""
    if os.environ.get(VARIABLE, NONE) != NONE:
        factory = KernelProvisionerFactory.instance()
        factory.provisioners["forked"] = SimpleNamespace(load=lambda: Forked)
        factory.default_provisioner_name = "forked"


class Forked(LocalProvisioner):
    """Jupyter's own way to start a kernel, which is taken where the other process does not answer."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        if cmd[: len(KERNEL)] == KERNEL:
            with suppress(OSError):
                self.process = Kernel(cmd[len(KERNEL) :], kwargs["env"], kwargs.get("cwd") or os.getcwd())
                self.pid = self.pgid = self.process.pid
                return self.connection_info
        return await super().launch_kernel(cmd, **kwargs)


class Kernel:
    """A forked kernel, as a subprocess.Popen to who has asked for it; OSError where nobody answers."""

    stdin = stdout = stderr = returncode = None

    def __init__(self, arguments: Sequence[str], env: Mapping[str, str], cwd: str) -> None:
        self.link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.link.connect(f"\0{os.environ[VARIABLE]}")
        if user_of(self.link) != os.getuid():
            raise PermissionError
        with os.fdopen(os.memfd_create("wanted"), "w+b") as file:  # an environment may be too long for a message
            file.write(json.dumps({"arguments": arguments, "env": dict(env), "cwd": cwd}).encode())
            file.seek(0)
            socket.send_fds(self.link, [b"."], [file.fileno(), 1, 2])
        answer = self.link.recv(64)
        if not answer:
            raise ConnectionError
        self.pid = int(answer)

    def poll(self) -> int | None:
        """Its exit status once it has ended."""
        if self.returncode is None and select.select([self.link], [], [], 0)[0]:
            self.returncode = int(self.link.recv(64) or -signal.SIGKILL)
            self.link.close()
        return self.returncode

    def wait(self) -> int:
        """Its exit status when it has ended."""
        while self.poll() is None:
            time.sleep(LOOK_S)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, where it is still there."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)
