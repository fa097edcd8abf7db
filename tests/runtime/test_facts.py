"""Facts that a card, a page or another run cannot read are found by name; all that gatewise tells passes."""

import dataclasses
import json
import math

import pytest

from gatewise.runtime.bundled import BUNDLED
from gatewise.runtime.cards import card
from gatewise.runtime.facts import fault
from gatewise.runtime.folder import load, load_encoder

FIGURES = {
    "n": 40, "accuracy": 1.0, "accuracy_low": 0.9, "accuracy_high": 1.0, "macro_f1": 0.97, "log_loss": 0.1, "ece": 0.0,
}  # fmt: skip


@pytest.fixture
def told(tiny_model):
    return json.loads(json.dumps(tiny_model.facts))


def test_facts_that_gatewise_tells_have_no_fault(told):
    models, encoders = ([name for name in BUNDLED if name.startswith(kind)] for kind in ("sentiment", "reviews"))
    assert fault(told) == "" and {*models, *encoders, "entities-en"} == {*BUNDLED}
    assert not any(fault(load(name).facts) for name in models)
    assert not any(fault(load_encoder(name).facts) for name in encoders)
    assert {"dev", "settings", "unit_separation"} <= told.keys()
    assert all("faithfulness" in load(name).facts for name in models)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("settings", []), ("settings", {"seed": {}}), ("settings", {"pooling": ["max", 1]}), ("settings", None),
        ("settings", {"dropout": math.nan}),
        ("dev", []), ("dev", {}), ("test", FIGURES | {"accuracy": "0.9"}), ("test", FIGURES | {"accuracy": 1.1}),
        ("test", FIGURES | {"n": 1.5}), ("test", FIGURES | {"n": True}), ("dev", FIGURES | {"log_loss": math.inf}),
        ("dev", FIGURES | {"alone": [1]}), ("dev", FIGURES | {"alone": {"network": {}}}),
        ("dev", FIGURES | {"alone": {"network": {"accuracy": 1, "log_loss": "0"}}}),
        ("dev", FIGURES | {"more": math.nan}),
        ("unit_separation", "0.5"), ("unit_separation", {"0": 0.5}), ("unit_separation", [0.5, "0.5"]),
        ("unit_separation", [-1]),
        ("faithfulness", [1]), ("faithfulness", {"frozen": 1}), ("faithfulness", {"frozen": {"rank": 1}}),
        ("faithfulness", {"frozen": {"rank": 1, "comprehensiveness": None, "sufficiency": 1}}),
        ("data", math.nan), ("encoder", {"data": [{"deep": -math.inf}]}),
    ],
)  # fmt: skip
def test_facts_that_cannot_be_read_are_named(told, name, value):
    assert fault(told | {name: value}) == name
    nested = value
    for _ in range(2000):
        nested = [nested]
    assert fault({"steps": 3, "more": nested}) == "more"


@pytest.mark.parametrize("values", [{}, {"test": FIGURES}, {"dev": FIGURES | {"alone": {"network": {"accuracy": 1}}}}])
def test_facts_without_a_fault_are_shown_on_a_card(tiny_model, values):
    facts = {"data": None, "steps": {"a": [1, None]}, "line\n# break": 1} | values
    assert fault(facts) == ""
    shown = card(dataclasses.replace(tiny_model, facts=facts), "m")
    assert "- line # break: `1`" in shown and "\n# break" not in shown
