"""A model as one folder that needs neither its corpus nor its run, laid out as model hubs take it:

README.md               the model card
config.json             settings, classes, encoders, versions, where it comes from
<encoder>.safetensors   all weights of an encoder
heads.safetensors       the heads of every kind on every subset, and what embeddings are scaled by before them
tables/                 the run's tables that the card quotes
onnx/<encoder>.onnx     where asked for: samples in, embeddings out
"""

import shutil
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from lib.encoders.encoder import Encoder
from lib.encoders.training import device_of, write_tensors
from lib.files import PlainError, digests
from lib.model import card
from lib.model.trained import Model
from lib.settings import Settings, validated
from lib.study import Study, versions

CONFIG, FORMAT = "config.json", 1
AGAIN = "copy the bundle again, or make bundle makes it anew"
TABLES = ("table1", "contributions", "subsets")


def write(model: Model, part: Study, seed: int, folder: Path) -> Path:
    """Write the bundle of a run's model into a folder that is not there yet, or empty; the folder."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PlainError(f"OUT={folder} is there already: remove it, or give another name")
    run = digests.read(part.folder / "study.json", digests.load_json)
    for name, encoder in model.encoders.items():
        write_tensors(folder / f"{name}.safetensors", encoder.state_dict(), {"encoder": name})
    write_tensors(folder / "heads.safetensors", _named(model), {"kinds": ",".join(model.heads)})
    for name in TABLES:
        (folder / "tables").mkdir(exist_ok=True)
        shutil.copyfile(part.whole.folder / "tables" / f"{name}.csv", folder / "tables" / f"{name}.csv")
    config = {
        "format": FORMAT, "title": model.title, "settings": run["settings"], "classes": list(model.classes),
        "encoders": list(model.names), "heads": list(model.heads), "seed": seed,
        **{name: run[name] for name in ("corpus", "preset", "fold", "corpus_hash", "versions", "commit")},
    }  # fmt: skip
    (folder / "README.md").write_text(card.text(part, config))
    digests.write_json(folder / CONFIG, config)  # last: a folder with it is whole
    return folder


def read(folder: Path, device: str = "cpu") -> Model:
    """The model of a bundle's folder; PlainError where it is damaged or of another format."""
    config = digests.read(folder / CONFIG, digests.load_json, AGAIN)
    if config.get("format") != FORMAT:
        raise PlainError(f"{folder / CONFIG}: format {config.get('format')}, and this version reads {FORMAT}")
    if odd := [name for name, had in config["versions"].items() if versions().get(name) != had]:
        print(f"{config['title']} was made with other versions of {', '.join(odd)}: embeddings can differ a little")
    settings = validated(Settings, config["settings"], CONFIG)
    stored = digests.read(_there(folder / "heads.safetensors"), load_file, AGAIN)
    heads: dict[str, dict[str, Tensor]] = {kind: {} for kind in config["heads"]}
    for name, value in stored.items():
        kind, _, rest = name.partition("/")
        if kind in heads:
            heads[kind][rest] = value
    names, classes = tuple(config["encoders"]), tuple(config["classes"])
    scales = {name: (stored[f"scale/{name}.mean"], stored[f"scale/{name}.spread"]) for name in names}
    load = partial(_encoder, folder, settings, len(classes), device)
    return Model(config["title"], settings, classes, names, heads, scales, stored["constant"].numpy(), load)


def is_bundle(folder: Path) -> bool:
    """Whether a folder holds a bundle."""
    return (folder / CONFIG).is_file()


def _named(model: Model) -> dict[str, Tensor]:
    """Everything beside the encoders by name: <kind>/<subset>.weight0, scale/<encoder>.mean, constant."""
    heads = {f"{kind}/{name}": value for kind, weights in model.heads.items() for name, value in weights.items()}
    scales = {
        f"scale/{name}.{what}": value
        for name, pair in model.scales.items()
        for what, value in zip(("mean", "spread"), pair, strict=True)
    }
    return heads | scales | {"constant": torch.from_numpy(model.constant)}


def _there(path: Path) -> Path:
    if not path.exists():
        raise PlainError(f"{path} is missing: {AGAIN}")
    return path


def _encoder(folder: Path, settings: Settings, n_classes: int, device: str, name: str) -> Encoder:
    encoder = Encoder(name, n_classes, settings)
    encoder.load_state_dict(digests.read(_there(folder / f"{name}.safetensors"), load_file, AGAIN))
    return encoder.to(device_of(device)).eval().requires_grad_(False)
