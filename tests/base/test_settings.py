"""A setting out of range or of the wrong type never gets into a config; every setting has its sentence."""

import dataclasses
import inspect
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import ConfigError
from gatewise.base.settings import (
    NetworkConfig,
    PretrainingConfig,
    TokenizerConfig,
    TrainingConfig,
    choices,
    declared,
    shown,
    split,
    takes,
    typed,
    values_of,
)
from gatewise.tasks.classify.settings import ClassificationConfig, Settings
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
    name = {"kind": r"--tokenizer \(kind in Python\)"}.get(next(iter(values)), next(iter(values)))
    with pytest.raises(ConfigError, match=f"^{name} is "):
        TokenizerConfig(**values)
    with pytest.raises(ConfigError, match="auto, float32, bfloat16"):
        TrainingConfig(precision="float16")


@pytest.mark.parametrize(
    "pooling", [(), "", ("sum",), ("max", "max"), "max,max", ("max", 1), None, 5, True, ([],), [], ["maxi"], {"max"}]
)
def test_config_refuses_other_poolings(pooling):
    with pytest.raises(ConfigError, match=r"^pooling is .*; give one or more of max, mean, last"):
        NetworkConfig(pooling=pooling)


@pytest.mark.parametrize("pooling", [("max",), ("last", "mean"), ("mean", "max", "last")])
def test_config_keeps_poolings_in_their_order_however_they_are_given(pooling):
    joined, half = ", ".join(pooling), [", ".join(pooling[:2]), *pooling[2:]]
    for form in (pooling, list(pooling), joined, [joined], half, np.array(pooling)):
        assert NetworkConfig(pooling=form).pooling == pooling


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ((), ()), ([], ()), ("", ()), (" , ", ()), ("a", ("a",)), ("runs/a b, c", ("runs/a b", "c")),
        (["a,b", "a"], ("a", "b", "a")),
    ],
)  # fmt: skip
def test_config_keeps_folders_one_by_one_however_they_are_given(given, names):
    assert ClassificationConfig(teachers=given).teachers == names


@pytest.mark.parametrize("wrong", [None, 3, [3], {"a": 1}])
def test_config_refuses_what_is_no_list_of_names(wrong):
    with pytest.raises(ConfigError, match=r"^teachers is .*; give names, joined by commas\.$"):
        ClassificationConfig(teachers=wrong)


def test_config_takes_the_numbers_of_numpy_as_pythons():
    network = NetworkConfig(hidden_size=np.int64(7), dropout=np.float32(0.5), bidirectional=np.bool_(False))
    assert network == NetworkConfig(hidden_size=7, dropout=0.5, bidirectional=False)
    assert [type(value) for value in (network.hidden_size, network.dropout, network.bidirectional)] == [
        int,
        float,
        bool,
    ]
    assert TokenizerConfig(kind=np.str_("bpe")).kind == "bpe"
    with pytest.raises(ConfigError, match=r"^hidden_size is .*type int"):
        NetworkConfig(hidden_size=np.array([7, 8]))


def test_config_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingConfig().seed = 2


@pytest.mark.parametrize(("group", "field"), FIELDS, ids=names(FIELDS))
def test_config_describes_every_setting(group, field):
    text = field.metadata["sentence"]
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
    with pytest.raises(ConfigError, match=r"^There is no setting named 'hiden_size'; did you mean hidden_size\?$"):
        Settings().replace(hiden_size=3)
    with pytest.raises(ConfigError, match=r"^There is no setting named 'xyzzy'\.$"):
        Settings().replace(xyzzy=None)
    with pytest.raises(ConfigError, match="hidden_size is 0"):
        Settings().replace(hidden_size=0)


def test_config_replace_in_pretraining_reaches_its_own_group_and_keeps_its_own_defaults():
    before = PretrainingSettings()
    after = before.replace(sampled_words=64, seed=3, ahead=0)
    changed = {name for name, value in after.flat().items() if value != before.flat()[name]}
    assert changed == {"sampled_words", "seed", "ahead"} and after.pretraining.sampled_words == 64
    with pytest.raises(ConfigError, match="no setting named 'sampled_words'"):
        Settings().replace(sampled_words=64)


@given(
    st.sampled_from(FIELDS),
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text())),
)
def test_config_gives_a_config_or_a_config_error(place, value):
    group, field = place
    try:
        made = group(**{field.name: value})
    except ConfigError as error:
        assert str(error).startswith(f"{typed(field)} is ")
    else:
        kept = getattr(made, field.name)
        several = isinstance(kept, tuple)
        assert kept == (split([value] if isinstance(value, str) else value) if several else value)


# ---------------------------------------------------------------- declared once, taken everywhere


def test_settings_take_the_place_of_a_functions_given():
    @takes(Settings(), leave_out=("seed",))
    def train(data: str, *, quiet: bool = False, **given):
        return data, quiet, given

    parameters = inspect.signature(train).parameters
    assert list(parameters) == ["data", "quiet", *(name for name in Settings().flat() if name != "seed")]
    assert {one.default for one in list(parameters.values())[2:]} == {None}
    assert parameters["dropout"].annotation == float | None
    assert parameters["kind"].annotation == Literal["word", "bpe"] | None
    assert parameters["pooling"].annotation == str | Sequence[Literal["max", "mean", "last"]] | None
    assert train.__annotations__["epochs"] == int | None
    assert train("x", dropout=0.1) == ("x", False, {"dropout": 0.1})


def test_settings_are_declared_with_their_own_defaults():
    own = {field.name: default for field, default in declared(PretrainingSettings())}
    assert own == PretrainingSettings().flat() and own["epochs"] == 4


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("hidden_size", "1 to 8,192"), ("learning_rate", "1e-07 to 10"), ("averaging", "0 to 0.99999"),
        ("seed", "0 to 2,147,483,647"), ("kind", "word, bpe"), ("pooling", "max, mean, last"), ("pretrained", ""),
        ("teachers", ""), ("companion", ""),
    ],
)  # fmt: skip
def test_settings_say_what_they_may_be(name, values):
    (field,) = (field for _, field in FIELDS if field.name == name)
    assert values_of(field) == values
    assert choices(field) == (tuple(values.split(", ")) if name in ("kind", "pooling") else ())


def test_settings_show_a_value_as_a_command_line_takes_it():
    assert [shown(value) for value in (("max", "mean"), (), "", 0.5, True)] == [
        "max,mean",
        "none",
        "none",
        "0.5",
        "True",
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "char"}, r"^--tokenizer \(kind in Python\) is 'char'; choose one of word, bpe\.$"),
        ({"pooling": ["max,lst"]}, "^pooling is 'max,lst'; give one or more of max, mean, last, each once"),
        ({"pooling": "lst"}, "^pooling is 'lst'; give"),
        ({"pooling": ("max", "max")}, "^pooling is 'max,max'; give"),
    ],
)
def test_settings_name_what_was_typed(values, message):
    with pytest.raises(ConfigError, match=message):
        Settings().replace(**values)
