"""A held gate has its value at every step, everything else is the model's own, and the model itself is left alone."""

import numpy as np
import pytest

from gatewise.base.errors import ConfigError
from gatewise.explanation.clamping import GATES, clamped
from gatewise.explanation.tracing import trace

TEXT = "the film was dull and the cast superb"


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("value", [0, 0.25, 1.0])
def test_clamping_holds_a_gate_of_all_units_at_every_step(tiny_model, gate, value):
    before = tiny_model.logits([TEXT])
    for directions in trace(clamped(tiny_model, gate, value), TEXT).layers:
        for found in directions:
            assert np.allclose(getattr(found, gate), value, atol=1e-6)
    assert np.array_equal(tiny_model.logits([TEXT]), before)


@pytest.mark.parametrize("unit", [0, 7, 8, 11])
def test_clamping_holds_one_unit_and_no_other(tiny_model, unit):
    hidden = tiny_model.network.config.hidden_size
    plain, held = (
        trace(tiny_model, TEXT).layers[-1],
        trace(clamped(tiny_model, "input_gate", 0.5, unit=unit), TEXT).layers[-1],
    )
    side, row = divmod(unit, hidden)
    assert np.allclose(held[side].input_gate[:, row], 0.5)
    first = -1 if side else 0  # before the first step no other unit can have heard of it
    others = np.arange(hidden) != row
    assert np.array_equal(held[side].input_gate[first, others], plain[side].input_gate[first, others])
    assert np.array_equal(held[1 - side].states, plain[1 - side].states)


def test_clamping_the_candidate_at_zero_silences_a_unit(tiny_model):
    found = trace(clamped(tiny_model, "candidate", 0, unit=3), TEXT).layers[-1][0]
    assert not found.states[:, 3].any()
    assert found.states[:, 2].any()


def test_clamping_agrees_between_torch_and_the_trace(tiny_model):
    held = clamped(tiny_model, "forget_gate", 1.0)
    assert np.allclose(trace(held, TEXT).logits, held.logits([TEXT])[0], atol=1e-5)
    assert not np.allclose(held.logits([TEXT]), tiny_model.logits([TEXT]), atol=1e-3)


@pytest.mark.parametrize(
    ("gate", "value", "unit", "message"),
    [
        ("door", 1.0, None, "There is no gate 'door'"),
        ("input_gate", 1.5, None, "cannot be held at 1.5"),
        ("input_gate", float("nan"), None, "cannot be held at nan"),
        ("input_gate", 1.0, 16, "There is no unit 16"),
        ("input_gate", 1.0, -1, "There is no unit -1"),
    ],
)
def test_clamping_refuses_what_is_not_there(tiny_model, gate, value, unit, message):
    with pytest.raises(ConfigError, match=message):
        clamped(tiny_model, gate, value, unit=unit)
