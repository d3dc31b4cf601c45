"""A small disk that grows: one line while it is too small, nothing half left, and on from there when there is room."""

import shutil
import subprocess
import sys
from pathlib import Path

from faults.tiny import Row, Tiny
from lib.files import digests

SIZES_MB = (4, 12, 40, 120, 1000)
MESSAGE = "the disk is full: no room for "


def disks(tiny: Tiny, expected: dict[str, str]) -> list[Row]:
    """Run the study on a disk of each size in turn; no rows, and a sentence, where none may be mounted."""
    tiny.home.mkdir(parents=True, exist_ok=True)
    if not mount(tiny.home, SIZES_MB[0]):
        print("disks are left out: only root may mount one, and only on Linux", flush=True)
        return []
    try:
        return [on_disk(tiny, expected, size) for size in SIZES_MB]
    finally:
        subprocess.run(["umount", "-l", str(tiny.home)], check=True)


def mount(folder: Path, size_mb: int) -> bool:
    """Mount a disk in memory, or give the one that is there another size; False where that is not allowed."""
    if sys.platform != "linux" or not shutil.which("mount"):
        return False
    again = "remount," if folder.is_mount() else ""
    command = ["mount", "-t", "tmpfs", "-o", f"{again}size={size_mb}m", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def on_disk(tiny: Tiny, expected: dict[str, str], size_mb: int) -> Row:
    """One call on a disk of this size: its message, and what it left."""
    mount(tiny.home, size_mb)
    status, output = tiny.run()
    lines = [line.strip() for line in output.splitlines() if MESSAGE in line]
    half = [path for path in tiny.home.rglob("*.part*") if path.is_file()]
    same = status == 0 and not tiny.differing(expected)
    reported = bool(status != 0 and lines and "Traceback" not in output)
    row = {
        "size_mb": size_mb, "ended": "the same tables and scores" if same else lines[0] if lines else output[-200:],
        "half_files": len(half), "damaged": len(digests.damaged(tiny.home)),
    }  # fmt: skip
    fine = (same if size_mb == SIZES_MB[-1] else same or reported) and not half and not row["damaged"]
    row |= {"ended": str(row["ended"]).replace(f"{tiny.home}/", ""), "good": "yes" if fine else "no"}
    print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    return row
