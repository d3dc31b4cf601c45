"""snakemake below `make study`, with its own words; tests/cli/test_faults.py sees it end with the process above."""

import os
import subprocess
import sys
from importlib.metadata import version

from lib.files import PROJECT


def test_snakemake_gets_its_own_words():
    command = [sys.executable, "-m", "lib.cli.graph", str(os.getpid()), "--version"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == version("snakemake")
