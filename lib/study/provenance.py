"""What a study was run with: versions of libraries, the machine, the commit."""

import os
import platform
import re
import subprocess
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lib import files

LIBRARIES = (
    "torch", "torchaudio", "timm", "librosa", "soxr", "soundfile", "numpy", "scikit-learn", "pandas", "matplotlib",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that numbers depend on."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "absent"
    return found


def machine() -> dict[str, Any]:
    """System, processor and number of cores."""
    processor = platform.processor() or platform.machine()
    with suppress(OSError, AttributeError):
        processor = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text()).group(1)
    return {"system": platform.system(), "processor": processor, "cores": os.cpu_count()}


def commit() -> str:
    """The commit of the project's folder, with + where it has changes; empty outside git."""
    try:
        command = ["git", "-C", str(files.PROJECT), "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
