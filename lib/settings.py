"""What a run is: every number of the study that is not peculiar to one representation, typed, frozen, in one place.

A default is the paper's value, or where the paper is silent the one we take; such an open point is made by `choice`,
which also says what else is offered and why it is open. `Settings.preset` starts from a row of PRESETS and applies
overrides by dotted name. Settings that belong to one representation live in its file under lib/representations.
"""

import ast
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
)

from lib.files import PlainError

Loss = Literal["huber", "bce"]
Precision = Literal["auto", "bfloat16", "float32"]
ControlName = Literal[
    "noise", "untrained", "shuffled", "seeds", "wide", "logmel", "mobilenet", "mean", "raw", "classical", "crossfit",
    "stacked", "budget8", "budget4", "budget2", "data8", "data4", "data2",
]  # fmt: skip
# What stands for several: shares against the epochs, and against the training groups
CURVES = {
    curve: tuple(name for name in get_args(ControlName) if name.startswith(curve)) for curve in ("budget", "data")
}


class SettingsError(PlainError, ValueError):
    """A setting that does not exist or a value it cannot take; the message is one line."""


class Frozen(BaseModel):
    """Base of all settings: unknown names are refused, values cannot change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def choice(taken: Any, offered: str, why: str) -> Any:
    """Field of an open point: the value we take, what else can be set, and why the paper leaves it open."""
    return Field(taken, json_schema_extra={"offered": offered, "why": why})


class Chunking(Frozen):
    """Clips into chunks (paper section 2)."""

    rate_hz: int = Field(16000, ge=1000)
    length_s: float = Field(1.0, gt=0)
    resampler: Literal["soxr_hq", "soxr_vhq", "soxr_mq", "torchaudio"] = choice(
        "soxr_hq", "soxr_vhq, soxr_mq, torchaudio (on a GPU where there is one)", "not named in the paper"
    )
    min_remainder_s: float = choice(0.5, "any", "what happens to the last part of a clip is not told")
    fill: Literal["repeat", "zeros"] = choice(
        "repeat", "zeros", "clips under 1 s and remainders; repeating is what FSD50K's authors do"
    )
    stored_as: Literal["float32", "int16"] = choice(
        "float32", "int16 with a scale for each chunk: half the disk; exact where files have 16 bits at rate_hz, else within "
        "half a step (-96 dB of the chunk's peak), which moves what resampling made",
        "not in the paper; resampled sounds lie on no grid of 16 bits: on ESC-10 it moves 0.02 % of the pitch map's cells and "
        "an MFCC by 0.004 dB in the mean",
    )  # fmt: skip
    test_overlap: float = Field(
        0.0,
        ge=0,
        lt=1,
        json_schema_extra={"offered": "0.5 at evaluation", "why": "FSD50K's authors overlap, the paper is silent"},
    )
    silent: Literal["keep", "drop_train", "drop_both"] = choice(
        "keep", "drop_train, drop_both", "a chunk of a sparse clip can be digital silence under its clip's labels"
    )
    silent_dbfs: float = Field(-80.0, le=0, description="a chunk whose highest sample lies below this counts as silent")


class Body(Frozen):
    """The Transformer that all encoders share (paper section 3)."""

    width: int = Field(64, ge=1)
    layers: int = Field(6, ge=1)
    heads: int = Field(12, ge=1)
    mlp: int = Field(256, ge=1)
    dropout: float = Field(0.3, ge=0, lt=1, json_schema_extra={
        "offered": "any", "why": "0.3 in the paper; with few clips more was better on training clips held out",
    })  # fmt: skip
    head_width: int = choice(16, "5, 8, 64 (as Keras would read it)", "64 is not divisible by 12 heads")
    pool_after: tuple[int, ...] = choice((2, 4), "2,4,6", "pooling and global averaging are both said of layer 6")
    odd: Literal["floor", "ceil"] = choice("floor", "ceil", "an odd number of tokens cannot be halved")
    norm: Literal["pre", "post"] = choice("pre", "post", "not told")
    activation: Literal["gelu", "relu"] = choice("gelu", "relu", "not told")


class Training(Frozen):
    """One schedule of the one training loop (paper section 3)."""

    epochs: int = Field(300, ge=1)
    lr: float = Field(2e-4, gt=0)
    lr_min: float = Field(1e-6, ge=0)
    batch: int = choice(256, "any", "not told")
    optimiser: Literal["adam", "adamw"] = choice("adam", "adamw", "not told")
    weight_decay: float = Field(0.0, ge=0, json_schema_extra={
        "offered": "any; decoupled from the gradient with adamw, added to it with adam", "why": "not specified in the paper",
    })  # fmt: skip
    warm_up: float = Field(0.0, ge=0, lt=1, json_schema_extra={
        "offered": "any share of the steps, over which the rate climbs from 0", "why": "not specified in the paper",
    })  # fmt: skip
    schedule: Literal["cosine", "exponential"] = choice("cosine", "exponential", "only its two ends are told")
    loss: Loss = choice("huber", "bce (binary cross-entropy)", "Huber is told; cross-entropy is what the field uses")
    huber_delta: float = choice(1.0, "any", "not told; with 0/1 labels this is least squares")
    output: Literal["raw", "sigmoid"] = choice("raw", "sigmoid", "no activation is told")
    precision: Precision = choice(
        "auto", "bfloat16, float32",
        "not specified in the paper; auto: products in bfloat16 on a GPU that has it, float32 elsewhere; "
        "weights, loss, standardisation, embeddings and scores are float32",
    )  # fmt: skip

    @model_serializer(mode="wrap")
    def _as_before(self, values: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the precision where it is left to the device: keys are then those of weights trained before it was."""
        return {name: value for name, value in values(self).items() if (name, value) != ("precision", "auto")}

    @property
    def summary(self) -> str:
        """The whole schedule in a few words."""
        decay = f", weight decay {self.weight_decay:g}" if self.weight_decay else ""
        warm_up = f", warm-up over {self.warm_up:.0%} of the steps" if self.warm_up else ""
        return (
            f"{self.epochs} epoch{'s' * (self.epochs != 1)} in batches of {self.batch}, {self.optimiser}{decay}, rate {self.lr:g} to "
            f"{self.lr_min:g} ({self.schedule}{warm_up}), {self.loss} loss of {self.output} outputs"
        )


class Heads(Frozen):
    """The classifiers on every subset of embeddings (paper section 3.5)."""

    kinds: tuple[Literal["paper", "linear"], ...] = choice(
        ("paper", "linear"),
        "one of them",
        "the paper calls 2048 neurons and an output layer linear; both readings are run",
    )
    hidden: int = Field(2048, ge=1)
    linear_fit: Literal["ridge", "descent"] = choice(
        "ridge",
        "descent, by the schedule of the other head",
        "not specified in the paper; descent must be checked for convergence, least squares in closed form has none",
    )
    ridge: Literal["groups"] | float = choice(
        "groups", "a penalty a chunk, for example 0.01", "chosen by groups of the training clips; not in the paper"
    )
    learn_from: Literal["seen", "cross_fitted"] = choice(
        "seen",
        "cross_fitted: embeddings of training clips from copies of the encoders that were not trained on them",
        "the paper trains heads on the clips that its encoders were trained on",
    )
    scaling: Literal["standardise", "none"] = choice("standardise", "none", "scaling of the embeddings is not told")

    @field_validator("ridge", mode="before")
    @classmethod
    def _ridge(cls, value: Any) -> Any:
        if value != "groups" and (isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0):
            raise ValueError("choose groups, or a penalty above 0")
        return value


class Scoring(Frozen):
    """Intervals of the measures."""

    resamples: int = Field(1000, ge=2)
    influence_from: int = choice(
        200, "any number of groups of test clips in a fold; 1 never resamples, 1000000 always does",
        "no intervals in the paper; from so many groups on resamples are made from influence functions, which agree with "
        "the bootstrap there and sort once; with fewer they are too narrow",
    )  # fmt: skip
    level: float = Field(0.95, gt=0, lt=1)
    seed: int = 0


class Settings(Frozen):
    """A whole run. `schedules` overrides `training` by what is trained: an encoder's name, "mobilenet" or "head"."""

    chunking: Chunking = Chunking()
    body: Body = Body()
    training: Training = Training()
    schedules: dict[str, dict[str, Any]] = {}
    representations: dict[str, dict[str, Any]] = {}
    heads: Heads = Heads()
    scoring: Scoring = Scoring()
    subset: float = Field(1.0, gt=0, le=1, json_schema_extra={
        "offered": "a share of each label's clips, drawn by groups, for example 0.05: a large corpus on a small machine",
        "why": "the paper takes all clips",
    })  # fmt: skip
    trained_on: Literal["train", "train+validation"] = choice("train", "train+validation", "not told")
    checkpoint: Literal["last", "best"] = choice(
        "last", "best on validation", "not told; selecting on the test set is refused"
    )
    validation: Literal["none", "next"] = choice(
        "none", "next: the fold after the test fold", "only where a corpus has folds; needed for checkpoint = best"
    )
    threads: int = Field(1, ge=1, description="of one process; another number gives slightly other weights")
    controls: tuple[ControlName, ...] = Field((), description="games beside the study's own: names, or all")
    seeds_of: str = Field(
        "best", description="whose four seeds play the control `seeds`: best (single, by training groups), or a name"
    )

    @field_validator("controls", mode="before")
    @classmethod
    def _controls(cls, value: Any) -> Any:
        if value == "all":
            return get_args(ControlName)
        asked = tuple(filter(None, value.split(","))) if isinstance(value, str) else tuple(value)
        named = tuple(dict.fromkeys(name for one in asked for name in CURVES.get(one, (one,))))
        if set(named) - set(get_args(ControlName)):
            there = [*get_args(ControlName), *CURVES]
            raise ValueError(f"choose of {', '.join(there)}, several with commas; or all; or none")
        return named

    @property
    def train_roles(self) -> tuple[str, ...]:
        """Roles of the clips that encoders and heads are trained on."""
        return tuple(self.trained_on.split("+"))

    @classmethod
    def preset(cls, name: str, overrides: Mapping[str, Any] | None = None) -> "Settings":
        """Settings of a preset with `overrides` (dotted name -> value) on top; SettingsError in one line if wrong."""
        if name not in PRESETS:
            raise SettingsError(f"PRESET={name}: there is no such preset; choose one of {', '.join(PRESETS)}")
        values: dict[str, Any] = {}
        for dotted, value in {**PRESETS[name], **(overrides or {})}.items():
            _put(values, dotted, value)
        return cls.read(values)

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "Settings":
        """Settings from nested values; SettingsError in one line if a name or value is wrong."""
        return validated(cls, values, "settings")

    def schedule(self, what: str) -> Training:
        """The schedule of what is trained: `training` with the overrides of that name."""
        return validated(Training, {**self.training.model_dump(), **self.schedules.get(what, {})}, f"schedules.{what}")


# The four presets by dotted name; `paper` is the paper exactly, so it overrides nothing. In each preset all encoders train
# for the same number of epochs of the same chunks, so the same number of steps. What `laptop` takes of the points that the
# paper leaves open (and its dropout) was chosen once, on training clips of one fold of ESC-10: figures/record/laptop_choice.csv.
PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "laptop": {
        "training.epochs": 24,
        "training.lr": 1e-3,
        "training.batch": 32,
        "training.optimiser": "adamw",
        "training.weight_decay": 1.0,
        "body.dropout": 0.5,
        "body.head_width": 8,
        "schedules.mobilenet.epochs": 5,
        "schedules.mobilenet.batch": 256,
        "schedules.head.epochs": 30,
        "schedules.head.batch": 64,
        "schedules.head.optimiser": "adam",
        "schedules.head.weight_decay": 0.0,
        "representations.neuralogram.map": "keep_time",
    },
    "quick": {
        "training.epochs": 16,
        "training.lr": 1e-3,
        "training.batch": 64,
        "body.head_width": 8,
        "schedules.mobilenet.epochs": 3,
        "schedules.mobilenet.batch": 256,
        "schedules.head.epochs": 20,
        "representations.neuralogram.map": "keep_time",
        "controls": ("noise",),
    },
    "tiny": {
        "training.epochs": 2,
        "training.lr": 1e-3,
        "training.batch": 16,
        "body.head_width": 4,
        "body.heads": 2,
        "body.mlp": 32,
        "heads.hidden": 32,
        "scoring.resamples": 50,
        "schedules.mobilenet.epochs": 1,
        "schedules.mobilenet.batch": 256,
    },
}


def validated(model: type, values: Mapping[str, Any], where: str) -> Any:
    """`model` built from `values`; SettingsError in one line naming the first wrong setting by its dotted name."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            there = ", ".join(_fields(model, first["loc"][:-1]))
            raise SettingsError(f"{where}: there is no setting {place}; there are {there}") from None
        raise SettingsError(
            f"{where}: {place} = {first['input']!r}: {first['msg'].removeprefix('Value error, ')}"
        ) from None


PLAIN = (str, int, float, bool, list, tuple, dict, type(None))  # what a parameters cell can hold
ASKED = "_study_parameters"  # under this name a notebook remembers what its study was opened with


def notebook_parameters(
    namespace: MutableMapping[str, Any], known: Sequence[str], older: Sequence[str], opened: bool
) -> dict[str, Any]:
    """Parameters of a notebook by name, and remembered there: a cell that is run again never means another study.

    known, older: names that may be used; opened: whether there is a study yet. Then only what it was opened with counts;
    SettingsError where a value of it or its type changed, unless a cell that holds nothing but parameters says so, and
    where the name of a parameter stands for something that no parameters cell can hold, such as a table.
    """
    before = namespace.get(ASKED)
    for name in known if before is None else before:
        if name in namespace and not isinstance(namespace[name], PLAIN):
            raise SettingsError(
                f"parameter {name}: a cell has made it a {type(namespace[name]).__name__}; run the parameters cell again"
            )
    if before is None:
        given = {name: value for name, value in namespace.items() if _is_parameter(name, value)}
        if unknown := [name for name in given if name not in (*known, *older)]:
            raise SettingsError(f"parameter {unknown[0]}: there is none of that name; there are {', '.join(known)}")
    else:
        given = {name: namespace.get(name, value) for name, value in before.items()}
        meant = before | _meant(namespace.get("In", ()), (*known, *older))
        changed = [
            name for name, value in given.items() if not (_same(value, meant.get(name)) or _same(value, before[name]))
        ]
        if opened and changed:
            name = changed[0]
            raise SettingsError(
                f"parameter {name}: it was {before[name]!r} when this study was opened and is {given[name]!r} now; set "
                f"it back, or take another study: run the parameters cell again, restart the kernel, or `del study`"
            )
    namespace[ASKED] = given
    return given


def _is_parameter(name: str, value: Any) -> bool:
    return isinstance(value, PLAIN) and not name.startswith("_") and name not in ("In", "Out")


def _same(value: Any, other: Any) -> bool:
    return type(value) is type(other) and value == other  # without the type, 0 and False, 1 and 1.0 would be the same


def _meant(cells: Sequence[str], known: Sequence[str]) -> dict[str, Any]:
    """What cells that hold nothing but parameters with literal values say, the later ones last."""
    meant: dict[str, Any] = {}
    for cell in cells:
        try:
            lines = ast.parse(cell).body
            said = {line.targets[0].id: ast.literal_eval(line.value) for line in lines}
        except (
            SyntaxError,
            ValueError,
            AttributeError,
        ):  # magic, a computed value, or something else than name = value
            continue
        meant |= said if set(said) <= set(known) else {}
    return meant


def _fields(model: type, path: tuple) -> list[str]:
    """Names of the settings inside the group at `path` of `model`."""
    for name in path:
        model = model.model_fields[name].annotation
    return list(model.model_fields)


def decisions(model: Frozen, prefix: str = "") -> Iterator[dict[str, str]]:
    """Rows of decisions.csv (what, taken, offered, why): the open points of `model` and of the settings inside it."""
    for name, info in type(model).model_fields.items():
        value = getattr(model, name)
        extra = info.json_schema_extra or {}
        if isinstance(value, Frozen):
            yield from decisions(value, f"{prefix}{name}.")
        elif "offered" in extra:
            yield {"what": prefix + name, "taken": _text(value), "offered": extra["offered"], "why": extra["why"]}


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _put(values: dict[str, Any], dotted: str, value: Any) -> None:
    *path, last = dotted.split(".")
    for name in path:
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise SettingsError(f"settings: {dotted}: {name} is a value, not a group of settings")
    values[last] = value
