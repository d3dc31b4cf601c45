"""make bundle: the model of a finished run as one folder that needs neither its corpus nor the run."""

from collections.abc import Mapping
from pathlib import Path

from lib import files
from lib.cli.environment import Stop
from lib.cli.extras import need
from lib.cli.processes import in_subprocess
from lib.display.screen import short_path
from lib.files import runs


def bundle(given: Mapping[str, str]) -> int:
    """Write the bundle, in OUT, by default runs/<study>/bundle; print how to open it."""
    if (onnx := given.get("ONNX") or "no") not in ("yes", "no"):
        raise Stop(f"ONNX={onnx}: yes or no")
    run = runs.wanted(given.get("STUDY", ""), only_finished=True)
    out = files.followed(given["OUT"]) if given.get("OUT") else run / "bundle"
    if onnx == "yes":
        need("onnx", "onnxscript", "onnxruntime")
    in_subprocess(_write, run.name, out, onnx == "yes")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(
        f"{short_path(out)} ({files.in_bytes(size)}): open_model({str(short_path(out))!r}) of lib.model opens it, here or elsewhere"
    )
    return 0


def _write(run: str, out: Path, onnx: bool) -> None:
    from lib.model import bundle, part_of
    from lib.model.trained import Model

    part, seed = part_of(run)
    model = Model.of_study(part, seed)
    bundle.write(model, part, seed, out)
    if onnx:
        from lib.model import graphs

        graphs.export(model, out / "onnx")
