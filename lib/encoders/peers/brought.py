"""Peers whose weights the user brings: a name that transformers finds in its local cache, or a folder or file on this machine.

Nothing is downloaded here, no remote code runs, and a pickle is only read where torch can do so safely (weights_only). Weights that
lack a part of the network are refused: what is left at random would reach Table 2.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lib.encoders.peers.base import Named, PeerError
from lib.files import expanded


class Brought(Named):
    """A peer with weights from outside: what they are called, how large they are, and the command that brings them."""

    weights: str
    size_text: str
    command: str

    @classmethod
    def missing(cls, why: str = "") -> PeerError:
        """The error where there are none, in one line."""
        reason = f" ({why})" if why else ""
        return PeerError(
            f"{cls.name}: its weights {cls.weights} ({cls.size_text}, {cls.about.licence}) are not here{reason}; "
            f"{cls.command.format(weights=cls.weights)} brings them, or name a folder: PEERS={cls.name}:/path"
        )


class OfTransformers(Brought):
    """A model of transformers: its class, and the one that turns sound into what it is given."""

    needs, command = ("transformers",), ".venv/bin/hf download {weights}"
    kinds: ClassVar[tuple[str, str]]  # names in transformers: of the model, of its front end

    def __init__(self, model: nn.Module, front: Any) -> None:
        super().__init__()
        self.model, self.front, self.size = model, front, model.config.hidden_size

    @classmethod
    def load(cls, weights: str = "") -> "OfTransformers":
        import transformers

        kind, front = (getattr(transformers, name) for name in cls.kinds)
        place, given = weights or cls.weights, {"local_files_only": True}
        try:
            model, loading = kind.from_pretrained(place, use_safetensors=True, output_loading_info=True, **given)
        except (OSError, ValueError) as error:
            raise cls.missing(str(error).splitlines()[0][:80] if weights else "") from None
        if lacking := [*loading["missing_keys"], *loading["mismatched_keys"]]:
            raise PeerError(
                f"{cls.name}: the weights in {place} lack {len(lacking)} parts of the network, for example {lacking[0]}"
            )
        return cls(model.eval(), cls.front_of(front, model, place))

    @classmethod
    def front_of(cls, kind: Any, model: nn.Module, place: str) -> Any:
        """The front end as its folder describes it, or as transformers makes it by itself."""
        try:
            return kind.from_pretrained(place, local_files_only=True)
        except OSError:
            return kind()

    def prepared(self, audio: Tensor, **how: Any) -> dict[str, Tensor]:
        """What the front end makes of sound [batch, sample], on the model's device."""
        found = self.front(list(audio.cpu().numpy()), sampling_rate=self.rate_hz, return_tensors="pt", **how)
        return {name: value.to(audio.device) for name, value in found.items()}


def state_of(cls: type[Brought], weights: str) -> dict[str, Tensor]:
    """The tensors of a file of weights, of safetensors or of torch."""
    found = read_file(cls, weights)
    return found.get("state_dict", found.get("model", found))


def read_file(cls: type[Brought], weights: str) -> dict[str, Any]:
    """What is in a file of weights, read without running anything that it could hold."""
    path = expanded(weights)
    if not weights or not path.is_file():
        raise cls.missing(f"{weights} is no file" if weights else "")
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    try:
        return torch.load(path, "cpu", weights_only=True)
    except Exception as error:
        raise PeerError(f"{cls.name}: {path} cannot be read safely ({str(error).splitlines()[0][:80]})") from None


def filled(peer: Brought, part: nn.Module, state: dict[str, Tensor], place: str) -> Any:
    """The peer with these weights in a part of it; PeerError where they are not of that network, or lack some of it."""
    if lacking := [name for name in part.state_dict() if name not in state]:
        raise PeerError(
            f"{peer.name}: the weights in {place} lack {len(lacking)} parts of the network, for example {lacking[0]}"
        )
    try:
        part.load_state_dict(state, strict=False)
    except RuntimeError as error:  # other shapes
        raise PeerError(
            f"{peer.name}: the weights in {place} are not of its network ({str(error).splitlines()[1].strip()[:80]})"
        ) from None
    return peer.eval()
