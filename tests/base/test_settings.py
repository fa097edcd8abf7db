"""A setting out of range or of the wrong type never gets into a config; every setting has its sentence."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import ConfigError
from gatewise.base.settings import NetworkConfig, PretrainingConfig, TokenizerConfig, TrainingConfig, sentence
from gatewise.tasks.classify.settings import RECIPES, ClassificationConfig, Settings
from gatewise.tasks.pretrain.settings import PretrainingSettings

GROUPS = (TokenizerConfig, NetworkConfig, TrainingConfig, ClassificationConfig, PretrainingConfig)
FIELDS = [(group, field) for group in GROUPS for field in dataclasses.fields(group)]
NUMBERS = [(group, field) for group, field in FIELDS if field.metadata["low"] is not None]
INTEGERS = [(group, field) for group, field in FIELDS if field.type is int]
FLOATS = [(group, field) for group, field in FIELDS if field.type is float]


def names(fields):
    return [field.name for _, field in fields]


def names_of(group):
    return [field.name for field in dataclasses.fields(group)]


@pytest.mark.parametrize(("group", "field"), NUMBERS, ids=names(NUMBERS))
def test_config_holds_numbers_to_their_range(group, field):
    low, high = field.metadata["low"], field.metadata["high"]
    for inside in (low, high):
        assert getattr(group(**{field.name: field.type(inside)}), field.name) == inside
    gap = 1 if field.type is int else 1e-9 + abs(high) * 1e-12
    for outside in (low - gap, high + gap, -(10**30), 10**400):
        with pytest.raises(ConfigError, match=f"^{field.name} is .*; choose a value from .* to .*\\.$"):
            group(**{field.name: outside if isinstance(outside, int) else field.type(outside)})


@pytest.mark.parametrize(("group", "field"), INTEGERS, ids=names(INTEGERS))
@pytest.mark.parametrize("wrong", [True, 10.0, "10", None, [10]])
def test_config_takes_whole_numbers_only(group, field, wrong):
    with pytest.raises(ConfigError, match=f"^{field.name} is .*type int"):
        group(**{field.name: wrong})


@pytest.mark.parametrize(("group", "field"), FLOATS, ids=names(FLOATS))
def test_config_takes_floats_only(group, field):
    for wrong in (True, "0.1", None, math.nan, math.inf, -math.inf):
        with pytest.raises(ConfigError, match=f"^{field.name} is "):
            group(**{field.name: wrong})


def test_config_turns_whole_numbers_into_floats():
    config = TrainingConfig(minutes=3, averaging=0)
    assert (type(config.minutes), type(config.averaging)) == (float, float)
    assert config == TrainingConfig(minutes=3.0, averaging=0.0)


@pytest.mark.parametrize("values", [{"kind": "char"}, {"kind": 1}, {"kind": None}, {"lowercase": 1}])
def test_config_takes_only_the_choices_offered(values):
    with pytest.raises(ConfigError, match=f"^{next(iter(values))} is "):
        TokenizerConfig(**values)
    with pytest.raises(ConfigError, match="auto, float32, bfloat16"):
        TrainingConfig(precision="float16")


@pytest.mark.parametrize(
    "pooling", [(), ("sum",), ("max", "max"), "max", ("max", 1), None, 5, True, ([],), [], ["maxi"]]
)
def test_config_refuses_other_poolings(pooling):
    with pytest.raises(ConfigError, match=r"^pooling is .*; give one or more of max, mean, last"):
        NetworkConfig(pooling=pooling)


@pytest.mark.parametrize("pooling", [("max",), ("last", "mean"), ("mean", "max", "last")])
def test_config_keeps_poolings_in_their_order(pooling):
    assert NetworkConfig(pooling=pooling).pooling == pooling
    assert NetworkConfig(pooling=list(pooling)) == NetworkConfig(pooling=pooling)  # as JSON gives it


def test_config_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingConfig().seed = 2


@pytest.mark.parametrize(("group", "field"), FIELDS, ids=names(FIELDS))
def test_config_describes_every_setting(group, field):
    text = sentence(group, field.name)
    assert text[0].isupper() and text.endswith(".") and len(text) < 120


def test_config_settings_share_no_name():
    assert len(set(names(FIELDS))) == len(FIELDS)
    for settings, other in ((PretrainingSettings(), ClassificationConfig), (Settings(), PretrainingConfig)):
        assert list(settings.flat()) == [name for name in names(FIELDS) if name not in names_of(other)]


def test_config_replace_finds_the_group_and_leaves_the_rest():
    before = Settings()
    after = before.replace(hidden_size=7, seed=3, kind="bpe", epochs=None)
    changed = {name for name, value in after.flat().items() if value != before.flat()[name]}
    assert changed == {"hidden_size", "seed", "kind"}
    assert (after.network.hidden_size, after.training.seed, after.tokenizer.kind) == (7, 3, "bpe")
    assert before == Settings()


def test_config_replace_keeps_falsy_values():
    settings = Settings().replace(bidirectional=False, averaging=0, dropout=0.0)
    assert (settings.network.bidirectional, settings.training.averaging, settings.network.dropout) == (False, 0.0, 0.0)


def test_config_replace_checks_names_and_values():
    with pytest.raises(ConfigError, match="no setting named 'hidden'"):
        Settings().replace(hidden=3)
    with pytest.raises(ConfigError, match="hidden_size is 0"):
        Settings().replace(hidden_size=0)


def test_config_replace_in_pretraining_reaches_its_own_group_and_keeps_its_own_defaults():
    before = PretrainingSettings()
    after = before.replace(sampled_words=64, seed=3, ahead=0)
    changed = {name for name, value in after.flat().items() if value != before.flat()[name]}
    assert changed == {"sampled_words", "seed", "ahead"} and after.pretraining.sampled_words == 64
    with pytest.raises(ConfigError, match="no setting named 'sampled_words'"):
        Settings().replace(sampled_words=64)


@pytest.mark.parametrize("recipe", RECIPES)
def test_config_recipes_are_settings(recipe):
    assert Settings().replace(**RECIPES[recipe]).flat() == Settings().flat() | RECIPES[recipe]


@given(
    st.sampled_from(FIELDS),
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text())),
)
def test_config_gives_a_config_or_a_config_error(place, value):
    group, field = place
    try:
        made = group(**{field.name: value})
    except ConfigError as error:
        assert str(error).startswith(f"{field.name} is ")
    else:
        kept = getattr(made, field.name)
        assert kept == (tuple(value) if isinstance(value, list) else value)
