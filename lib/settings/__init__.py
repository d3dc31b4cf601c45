"""What a run is: every number of the study that is not peculiar to one representation, typed, frozen, in one place.

A default is the paper's value, or where the paper is silent the one we take; such an open point is made by `choice`,
which also says what else is offered and why it is open. `Settings.preset` starts from a row of PRESETS and applies
overrides by dotted name. Settings that belong to one representation live in its file under lib/representations.
`frozen` has what all settings are made of, `presets` the four presets, `parameters` what a notebook's cell may set.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

from pydantic import Field, field_validator

from lib.settings.frozen import UNSAID, Frozen, SettingsError, choice, decisions, validated
from lib.settings.presets import PRESETS

__all__ = [
    "PRESETS", "UNSAID", "Body", "Chunking", "Frozen", "Heads", "Scoring", "Settings", "SettingsError", "Training", "choice",
    "decisions", "validated",
]  # fmt: skip

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


class Chunking(Frozen):
    """Clips into chunks (paper section 2)."""

    rate_hz: int = Field(16000, ge=1000)
    length_s: float = Field(1.0, gt=0)
    resampler: Literal["soxr_hq", "soxr_vhq", "soxr_mq", "torchaudio"] = choice(
        "soxr_hq", "soxr_vhq, soxr_mq, torchaudio (on a GPU where there is one)", "not named in the paper"
    )
    min_remainder_s: float = choice(0.5, "any", "the last part of a clip is not mentioned in the paper", ge=0)
    fill: Literal["repeat", "zeros"] = choice(
        "repeat", "zeros", "clips under 1 s and remainders; repeating is what FSD50K's authors do"
    )
    stored_as: Literal["float32", "int16"] = choice(
        "float32",
        "int16 with a scale for each chunk: half the disk; exact where files have 16 bits at rate_hz, else within "
        "half a step (-96 dB of the chunk's peak), which moves what resampling made",
        "not in the paper; resampled sounds lie on no grid of 16 bits: on ESC-10 it moves 0.02 % of the pitch map's cells and "
        "an MFCC by 0.004 dB in the mean",
    )
    test_overlap: float = choice(0.0, "0.5 at evaluation", "FSD50K's authors overlap, the paper is silent", ge=0, lt=1)
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
    dropout: float = choice(
        0.3, "any", "0.3 in the paper; with few clips more was better on training clips held out", ge=0, lt=1
    )
    head_width: int = choice(16, "5, 8, 16, 64 (as Keras would read it)", "64 is not divisible by 12 heads", ge=1)
    pool_after: tuple[int, ...] = choice((2, 4), "2,4,6", "pooling and global averaging are both said of layer 6")
    odd: Literal["floor", "ceil"] = choice("floor", "ceil", "an odd number of tokens cannot be halved")
    norm: Literal["pre", "post"] = choice("pre", "post")
    activation: Literal["gelu", "relu"] = choice("gelu", "relu")


class Training(Frozen):
    """One schedule of the one training loop (paper section 3)."""

    later: ClassVar[dict[str, Any]] = {"precision": "auto"}

    epochs: int = Field(300, ge=1)
    lr: float = Field(2e-4, gt=0)
    lr_min: float = Field(1e-6, ge=0)
    batch: int = choice(256, "any", ge=1)
    optimiser: Literal["adam", "adamw"] = choice("adam", "adamw")
    weight_decay: float = choice(0.0, "any; decoupled from the gradient with adamw, added to it with adam", ge=0)
    warm_up: float = choice(0.0, "any share of the steps, over which the rate climbs from 0", ge=0, lt=1)
    schedule: Literal["cosine", "exponential"] = choice("cosine", "exponential", "only its two ends are in the paper")
    loss: Loss = choice(
        "huber", "bce (binary cross-entropy)", "Huber in the paper; cross-entropy is what the field uses"
    )
    huber_delta: float = choice(1.0, "any", f"{UNSAID}; with 0/1 labels this is least squares", gt=0)
    output: Literal["raw", "sigmoid"] = choice("raw", "sigmoid", "no activation in the paper")
    precision: Precision = choice(
        "auto",
        "bfloat16, float32",
        "not specified in the paper; auto: products in bfloat16 on a GPU that has it, float32 elsewhere; "
        "weights, loss, standardisation, embeddings and scores are float32",
    )

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
        "paper alone",
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
    scaling: Literal["standardise", "none"] = choice(
        "standardise", "none", "scaling of the embeddings is not mentioned in the paper"
    )

    @field_validator("kinds")
    @classmethod
    def _kinds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "paper" not in value:
            raise ValueError("paper has to be among them: Table 1 and its differences are made with it")
        return tuple(dict.fromkeys(value))

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
        200,
        "any number of groups of test clips in a fold; 1 never resamples, 1000000 always does",
        "no intervals in the paper; from so many groups on resamples are made from influence functions, which agree with "
        "the bootstrap there and sort once; with fewer they are too narrow",
        ge=1,
    )
    level: float = Field(0.95, gt=0, lt=1)
    seed: int = Field(0, ge=0)


class Settings(Frozen):
    """A whole run. `schedules` overrides `training` by what is trained: an encoder's name, "mobilenet" or "head"."""

    chunking: Chunking = Chunking()
    body: Body = Body()
    training: Training = Training()
    schedules: dict[str, dict[str, Any]] = Field({})
    representations: dict[str, dict[str, Any]] = Field({})
    heads: Heads = Heads()
    scoring: Scoring = Scoring()
    subset: float = choice(
        1.0, "a share of each label's clips, drawn by groups, for example 0.05: a large corpus on a small machine",
        "the paper takes all clips", gt=0, le=1,
    )  # fmt: skip
    trained_on: Literal["train", "train+validation"] = choice("train", "train+validation")
    checkpoint: Literal["last", "best"] = choice(
        "last", "best on validation", f"{UNSAID}; selecting on the test set is refused"
    )
    validation: Literal["none", "next"] = choice(
        "none", "next: the fold after the test fold", "only where a corpus has folds; needed for checkpoint = best"
    )
    threads: int = Field(1, ge=1, description="of one process; another number gives slightly other weights")
    controls: tuple[ControlName, ...] = Field((), description="games beside the study's own: names, or all")
    peers: dict[str, dict[str, Any]] = Field({}, description="of systems that are trained beside the study, by name")
    seeds_of: str = Field(
        "best", description="whose four seeds play the control `seeds`: best (single, by training groups), or a name"
    )

    @field_validator("controls", mode="before")
    @classmethod
    def _controls(cls, value: Any) -> Any:
        if value == "all":
            return get_args(ControlName)
        wanted = tuple(filter(None, value.split(","))) if isinstance(value, str) else tuple(value)
        named = tuple(dict.fromkeys(name for one in wanted for name in CURVES.get(one, (one,))))
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


def _put(values: dict[str, Any], dotted: str, value: Any) -> None:
    *path, last = dotted.split(".")
    for name in path:
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise SettingsError(f"settings: {dotted}: {name} is a value, not a group of settings")
    values[last] = value
