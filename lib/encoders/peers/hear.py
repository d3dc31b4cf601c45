"""The door for every other model: a module with the three functions of the HEAR 2021 common API is a peer by its name.

    load_model(path) -> torch.nn.Module with sample_rate and scene_embedding_size
    get_scene_embeddings(audio [batch, sample], model) -> [batch, size]
    get_timestamp_embeddings(audio, model)  (not used here)

https://hearbenchmark.com/hear-api.html
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from types import ModuleType

from torch import Tensor, nn

from lib.encoders.peers.base import About, Peer, PeerError

FUNCTIONS = ("load_model", "get_scene_embeddings", "get_timestamp_embeddings")
RATES_HZ = (16000, 22050, 32000, 44100, 48000)


class Hear(Peer):
    """A model behind the common API. It says nothing of a window, so it is given whole clips beside the chunks."""

    def __init__(self, module: ModuleType, model: nn.Module) -> None:
        super().__init__()
        self.module, self.model = module, model
        self.rate_hz, self.size = model.sample_rate, int(model.scene_embedding_size)
        unknown = "its module does not say"
        self.about = About(module.__name__, unknown, unknown, unknown, unknown)
        self.version = _version(module.__name__)

    def embed(self, audio: Tensor) -> Tensor:
        found = self.module.get_scene_embeddings(audio, self.model)
        if found.shape != (len(audio), self.size):
            raise PeerError(
                f"{self.module.__name__}: embeddings {tuple(found.shape)} of {len(audio)} sounds, where its size is {self.size}"
            )
        return found.float()


def module_of(name: str) -> ModuleType:
    """The module of this name; PeerError where there is none, or it lacks one of the three functions."""
    try:
        module = import_module(name)
    except ImportError as error:
        raise PeerError(f"{name} is no peer that is known here, and no module that Python finds ({error})") from None
    if missing := [one for one in FUNCTIONS if not callable(getattr(module, one, None))]:
        raise PeerError(f"the module {name} has no {', '.join(missing)}: a peer needs HEAR's {', '.join(FUNCTIONS)}")
    return module


def load(name: str, weights: str = "") -> Hear:
    """The peer of the module `name`, its weights from the file or folder `weights` or where it has its own."""
    module = module_of(name)
    try:
        model = module.load_model(weights) if weights else module.load_model()
    except Exception as error:  # whatever somebody else's code raises
        raise PeerError(f"{name}.load_model({weights!r}): {type(error).__name__}: {error}".splitlines()[0]) from error
    rate, size = (getattr(model, what, None) for what in ("sample_rate", "scene_embedding_size"))
    if rate not in RATES_HZ or not isinstance(size, int):
        raise PeerError(f"the model of {name} has sample_rate {rate!r} and scene_embedding_size {size!r}: HEAR asks for one of "
                        f"{', '.join(map(str, RATES_HZ))} and a whole number")  # fmt: skip
    return Hear(module, model.eval())


def _version(name: str) -> int | str:
    """Of the package that a module comes from; 1 for one that belongs to none."""
    packages = packages_distributions().get(name.partition(".")[0], [])
    try:
        return version(packages[0]) if packages else 1
    except PackageNotFoundError:
        return 1
