"""Packages that only some commands need, pinned here and installed at first use."""

import importlib.util
import subprocess
import sys

from lib import files
from lib.cli.environment import Stop

EXTRAS = {
    "snakemake_executor_plugin_slurm": "snakemake-executor-plugin-slurm==2.8.0",
    "nnAudio": "nnAudio==0.3.4",
    "pyarrow": "pyarrow==26.0.1",
    "onnx": "onnx==1.23.2",
    "onnxruntime": "onnxruntime==1.32.0",
    "onnxscript": "onnxscript==0.7.2",
}  # by the module that is imported


def need(*modules: str) -> None:
    """Add to .venv those of these modules that are not there; Stop where pip cannot."""
    missing = [EXTRAS[module] for module in modules if not importlib.util.find_spec(module)]
    if not missing:
        return
    print(f"installing {', '.join(missing)} into .venv", flush=True)
    command = [
        sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-input",
        "-c", str(files.PROJECT / "requirements.txt"), *missing,
    ]  # fmt: skip
    if subprocess.run(command).returncode:
        raise Stop(f"{', '.join(missing)} could not be installed: see pip's messages above")
