"""Files that are made once from the same inputs: beside them stands the key of what they were made from."""

from collections.abc import Callable, Iterable
from pathlib import Path

from lib.files import digests


def once(manifest: Path, key: str, paths: Iterable[Path], make: Callable[[], None]) -> None:
    """make(), which writes `paths`, unless all are there as they were written and `manifest` notes the same key.

    Files of another key go first: they must not stand beside each other where this is stopped.
    """
    paths = list(paths)
    if digests.reread(manifest, digests.load_json) == {"key": key} and digests.usable(*paths):
        return
    for path in (manifest, *paths):
        path.unlink(missing_ok=True)
    make()
    digests.write_json(manifest, {"key": key})
