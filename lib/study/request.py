"""What a person can ask for: the same names in `make` (upper case) and in every notebook's parameters cell."""

import json
import re
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from lib.settings import PRESETS, Frozen, SettingsError
from lib.sounds import corpora
from lib.sounds.perturb import PERTURBATIONS

# What test clips may go through: perturbations, excerpts, a network's input.
ROBUST = (*PERTURBATIONS, "length", "input")


class Request(Frozen):
    """What is requested: the parameters of every notebook and, in upper case, of `make study`."""

    corpus: str = Field("planted", description="planted, esc50, fsd50k or table (your own sounds)")
    root: str = Field("", description="folder of the corpus; planted needs none")
    preset: str = Field("quick", description="tiny, quick, laptop or paper")
    fold: int | Literal["all"] = Field(0, description="the fold to test on, or all; 0 where the corpus has a split")
    seeds: tuple[int, ...] = Field((0,), description="each is everything retrained, for example 0,1,2")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1 or mps")
    name: str = Field("", description="keeps runs apart that would share a folder")
    set: str = Field("", description="settings by dotted name, for example body.head_width=64 training.epochs=10")
    controls: str = Field("", description="controls to run beside the study, for example noise,untrained; all; none")
    peers: str = Field("", description="other systems to run beside the study, for example silero,crepe,aisfx")
    robust: str = Field("", description="what to do to the test clips, for example noise,mp3,length; all")
    part: bool = Field(False, description="this fold belongs to a run with fold=all and lies in its folder")

    @field_validator("corpus", "preset")
    @classmethod
    def _there(cls, value: str, info: ValidationInfo) -> str:
        there = {"corpus": corpora.SOURCES, "preset": PRESETS}[info.field_name]
        if value not in there:
            own = (
                "; for a table of own sounds CORPUS=table and ROOT=its path"
                if value.lower().endswith((".csv", "/"))
                else ""
            )
            raise ValueError(f"choose one of {', '.join(there)}{own}")
        return value

    @field_validator("robust")
    @classmethod
    def _robust(cls, value: str) -> str:
        if unknown := [name for name in value.split(",") if name not in ("", "all", *ROBUST)]:
            raise ValueError(f"there is no {unknown[0]}; choose of {', '.join(ROBUST)}, several with commas; or all")
        return value

    @property
    def perturbations(self) -> tuple[str, ...]:
        """What `robust` asks for, in the order of the tables."""
        wanted = self.robust.split(",")
        return tuple(name for name in ROBUST if name in wanted or "all" in wanted)

    @field_validator("device")
    @classmethod
    def _device(cls, value: str) -> str:
        if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", value):
            raise ValueError("choose auto, cpu, cuda, cuda:<number> or mps")
        return value

    @field_validator("name", mode="before")
    @classmethod
    def _name(cls, value: Any) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_.]{0,100}", str(value)):
            raise ValueError("letters, digits, _ and . only, 100 at most")
        return str(value)

    @field_validator("fold", mode="before")
    @classmethod
    def _fold(cls, value: Any) -> int | str:
        if str(value) in ("", "all"):
            return str(value) or 0
        if isinstance(value, bool) or not re.fullmatch(r"\d+", str(value)):
            raise ValueError("a whole number, or all")
        return int(value)

    @field_validator("seeds", mode="before")
    @classmethod
    def _seeds(cls, value: Any) -> tuple[int, ...]:
        text = ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
        if not re.fullmatch(r"\d{1,6}(,\d{1,6})*", text):
            raise ValueError("whole numbers from 0, separated by commas, for example 0,1,2")
        return tuple(dict.fromkeys(int(seed) for seed in text.split(",")))

    @property
    def overrides(self) -> dict[str, Any]:
        """`set` as dotted name -> value; a value is JSON, several with commas between them, in brackets or not, or else text."""
        pairs = [part.partition("=") for part in self.set.split()]
        if bad := [name for name, equals, _ in pairs if not equals]:
            raise SettingsError(f"set: {bad[0]!r} is not of the form name=value, for example body.head_width=64")
        if joined := re.search(r",(?=[A-Za-z][\w.]*=)", self.set):
            raise SettingsError(f"set: {self.set[: joined.end()]!r}: settings are separated by a blank, not by a comma")
        return {name: _literal(value) for name, _, value in pairs}


def _literal(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        listed = re.fullmatch(r"\[(.*)\]", text)  # [paper] without the quotes that JSON wants and a shell takes away
        inside = listed[1] if listed else text
        return tuple(map(_literal, inside.split(","))) if listed or "," in text else text
