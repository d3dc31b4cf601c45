"""make embed: every sound of a folder through a finished run or a bundle, into one file."""

from collections.abc import Mapping
from pathlib import Path

from lib.cli.environment import Stop
from lib.cli.extras import need
from lib.cli.processes import in_subprocess, interruptible
from lib.display.screen import counted, short_path
from lib.files import followed


def embed(given: Mapping[str, str]) -> int:
    """Embed a folder; say what was done and what could not be."""
    if not given.get("ROOT"):
        raise Stop("ROOT=folder of sound files is needed: make embed STUDY=planted-quick ROOT=folder OUT=file.parquet")
    out, root = followed(given.get("OUT") or "embeddings.parquet"), followed(given["ROOT"])
    if out.suffix == ".parquet" and root.is_dir():  # nothing is installed for a folder that is not there
        need("pyarrow")
    with interruptible():
        done, bad = in_subprocess(_embed, given, root, out)
    print(f"{counted(done.sounds, 'sound')}, {counted(done.seconds, 'row')} of a second each: {short_path(out)}")
    print(
        f"{counted(done.bad, 'sound')} could not be used{': ' if done.bad else ''}{short_path(bad) if done.bad else ''}"
    )
    return 0


def _embed(given: Mapping[str, str], root: Path, out: Path) -> tuple:
    from lib.model import open_model
    from lib.model.folder import check_output, embed_folder, sound_files

    check_output(out)
    sound_files(root)  # what cannot be is said before the model is read
    model = open_model(given.get("STUDY", ""), device=given.get("DEVICE") or "cpu")
    done = embed_folder(model, root, out, [name for name in given.get("ENCODERS", "").split(",") if name])
    return done, out.with_name(f"{out.stem}-bad.csv")
