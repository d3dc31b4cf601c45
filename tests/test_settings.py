"""Settings: presets, overrides by dotted name, one-line errors, and the table of decisions."""

import pytest
from pydantic import ValidationError

from lib.encoders.peers import LEARNERS
from lib.representations import PAPER, kind, settings_of
from lib.settings import PRESETS, Body, Frozen, Settings, SettingsError, decisions


def test_the_paper_preset_is_the_papers_numbers():
    paper = Settings.preset("paper")
    assert (paper.body.layers, paper.body.width, paper.body.mlp, paper.body.heads, paper.body.dropout) == (
        6,
        64,
        256,
        12,
        0.3,
    )
    assert (paper.training.epochs, paper.training.lr, paper.training.lr_min) == (300, 2e-4, 1e-6)
    assert (paper.training.loss, paper.heads.hidden) == ("huber", 2048)
    assert (paper.chunking.rate_hz, paper.chunking.length_s) == (16000, 1.0)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_valid_with_every_schedule(name):
    settings = Settings.preset(name)
    for what in ("pitch", "timbre", "neuralogram", "waveform", "mobilenet", "head"):
        assert settings.schedule(what).epochs >= 1


def test_overrides_go_over_the_preset_and_schedules_over_training():
    settings = Settings.preset("laptop", {"body.head_width": 5, "schedules.pitch.epochs": 7})
    assert settings.body.head_width == 5
    assert settings.schedule("pitch").epochs == 7
    assert settings.schedule("pitch").lr == settings.training.lr
    assert settings.schedule("timbre").epochs == settings.training.epochs


@pytest.mark.parametrize(
    ("preset", "overrides", "told"),
    [
        ("papre", {}, "choose one of paper, laptop, quick, tiny"),
        (
            "paper",
            {"body.head_widht": 5},
            "there is no setting body.head_widht; perhaps body.head_width is meant; there are width",
        ),
        ("paper", {"epochs": 5}, "there is no setting epochs; perhaps training.epochs is meant; there are chunking"),
        ("paper", {"trainning.epochs": 5}, "there is no setting trainning; perhaps training is meant"),
        ("paper", {"body.heads": 0}, "body.heads"),
        ("paper", {"training.loss": "mse"}, "training.loss"),
        ("paper", {"threads.x": 1}, "threads"),
        ("paper", {"heads.ridge": 0}, "heads.ridge = 0: choose groups, or a penalty above 0"),
        ("paper", {"heads.ridge": "group"}, "heads.ridge = 'group': choose groups, or a penalty above 0"),
    ],
)
def test_a_wrong_setting_is_one_line(preset, overrides, told):
    with pytest.raises(SettingsError) as error:
        Settings.preset(preset, overrides)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def numbers_of(model):
    """Dotted name of every number below settings."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Frozen):
            yield from (f"{name}.{below}" for below in numbers_of(field.annotation))
        elif field.annotation in (int, float):
            yield name


@pytest.mark.parametrize("dotted", [name for name in numbers_of(Settings) if not name.endswith("dbfs")])
def test_no_number_is_so_far_below_zero(dotted):
    """Else it is refused only where it is used, by an error of Python's."""
    with pytest.raises(SettingsError, match=rf"^settings: {dotted} = -1000.*: Input should be"):
        Settings.preset("paper", {dotted: -1000})


@pytest.mark.parametrize("name", [*PAPER, *LEARNERS])
def test_no_number_of_a_representation_or_system_is_so_far_below_zero(name):
    model = (kind(name) if name in PAPER else LEARNERS[name]).Settings
    for dotted in numbers_of(model):
        with pytest.raises(ValidationError, match="should be greater than"):
            model(**{dotted: -1000})


def test_a_wrong_schedule_is_one_line():
    with pytest.raises(SettingsError, match="schedules.pitch"):
        Settings.preset("paper", {"schedules.pitch.epoch": 7}).schedule("pitch")


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError):
        Body().heads = 3


def test_decisions_tell_what_is_taken():
    rows = {row["what"]: row for row in decisions(Settings.preset("paper", {"body.head_width": 5}))}
    assert rows["body.head_width"]["taken"] == "5"
    assert rows["training.loss"]["taken"] == "huber"
    assert all(row["offered"] and row["why"] for row in rows.values())
    assert "body.layers" not in rows  # fixed by the paper, so no decision of ours
    assert rows["heads.linear_fit"]["taken"] == "ridge" and rows["heads.ridge"]["taken"] == "groups"
    assert rows["heads.learn_from"]["taken"] == "seen" and "cross_fitted" in rows["heads.learn_from"]["offered"]


def test_decisions_name_the_default_where_something_else_is_taken():
    paper, quick = (
        {row["what"]: row["offered"] for row in decisions(Settings.preset(name))} for name in ("paper", "quick")
    )
    assert quick["body.head_width"] == f"16 by default; {paper['body.head_width']}"
    assert quick["body.pool_after"] == paper["body.pool_after"]  # taken as it is
    assert not [what for what, offered in paper.items() if "by default" in offered]


@pytest.mark.parametrize("penalty", ["groups", 0.01, 1])
def test_a_penalty_is_chosen_or_given(penalty):
    assert Settings.preset("tiny", {"heads.ridge": penalty}).heads.ridge == penalty


@pytest.mark.parametrize("asked", ["foo", "noise,foo", "noise;mean"])
def test_a_control_that_does_not_exist_is_told_with_those_there_are(asked):
    with pytest.raises(SettingsError, match="choose of noise, .*, several with commas; or all; or none"):
        Settings.preset("tiny", {"controls": asked})


def test_a_setting_that_came_later_is_dumped_only_with_another_value_than_before():
    """Keys of weights are made from dumps: those trained before there was a choice must stay theirs."""
    for name, before, other in (
        ("training.precision", "auto", "float32"),
        ("representations.neuralogram.stored_as", "float32", "float16"),
    ):
        for value, dumped in ((before, None), (other, other)):
            settings = Settings.preset("tiny", {name: value})
            own = settings.training if "training" in name else settings_of("neuralogram", settings)
            assert own.model_dump().get(name.rpartition(".")[2]) == dumped
            assert type(own).model_validate(own.model_dump()) == own
