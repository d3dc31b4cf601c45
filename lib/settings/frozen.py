"""What all settings are made of: typed, frozen, each with its bounds; an open point of the paper says why it is open."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, ValidationError, model_serializer

from lib.files import PlainError

UNSAID = "not specified in the paper"


class SettingsError(PlainError, ValueError):
    """A setting that does not exist or a value it cannot take; the message is one line."""


class Frozen(BaseModel):
    """Base of all settings: unknown names are refused, values cannot change.

    later: settings that came after weights had been trained, and the value that those were trained with. With it they are
    not dumped, so that the keys of those weights hold.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    later: ClassVar[dict[str, Any]] = {}

    @model_serializer(mode="wrap")
    def _as_before(self, values: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in values(self).items() if (name, value) not in self.later.items()}


def choice(taken: Any, offered: str, why: str = UNSAID, **bounds: Any) -> Any:
    """Field of an open point: the value we take, what else can be set, and why the paper leaves it open."""
    return Field(taken, json_schema_extra={"offered": offered, "why": why}, **bounds)


def validated(model: type, values: Mapping[str, Any], where: str) -> Any:
    """`model` built from `values`; SettingsError in one line naming the first wrong setting by its dotted name."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            there = ", ".join(_fields(model, first["loc"][:-1]))
            meant = get_close_matches(place, _dotted(model), 1, 0.7) or [
                name for name in _dotted(model) if name.endswith(f".{place}")
            ]
            near = f"perhaps {meant[0]} is meant; " if meant else ""
            raise SettingsError(f"{where}: there is no setting {place}; {near}there are {there}") from None
        wrong = first["msg"].removeprefix("Value error, ")
        if first["type"] == "tuple_type":
            wrong = f"takes several values: write {place}=[{str(first['input']).strip('[]') or '...'}]"
        raise SettingsError(f"{where}: {place} = {first['input']!r}: {wrong}") from None


def _dotted(model: Any, start: str = "") -> list[str]:
    """Dotted names of all settings of `model`."""
    inside = {name: info.annotation for name, info in getattr(model, "model_fields", {}).items()}
    return [each for name, kind in inside.items() for each in (start + name, *_dotted(kind, f"{start}{name}."))]


def _fields(model: type, path: tuple) -> list[str]:
    """Names of the settings inside the group at `path` of `model`."""
    for name in path:
        model = model.model_fields[name].annotation
    return list(model.model_fields)


def decisions(model: Frozen, prefix: str = "") -> Iterator[dict[str, str]]:
    """Rows of decisions.csv (what, taken, offered, why): the open points of `model` and of the settings inside it.

    offered has what is taken by default, too, where something else is.
    """
    for name, info in type(model).model_fields.items():
        value = getattr(model, name)
        extra = info.json_schema_extra or {}
        if isinstance(value, Frozen):
            yield from decisions(value, f"{prefix}{name}.")
        elif "offered" in extra:
            default = "" if value == info.default else f"{_text(info.default)} by default; "
            yield {
                "what": prefix + name, "taken": _text(value), "offered": default + extra["offered"], "why": extra["why"],
            }  # fmt: skip


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
