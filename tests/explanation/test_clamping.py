"""A held gate has its value at every step, everything else is the model's own, and weights can hold it too."""

import dataclasses

import numpy as np
import pytest
from tests.explanation.test_tracing import network_of, reading_of

from gatewise.base.errors import ConfigError
from gatewise.explanation.clamping import clamped, holds
from gatewise.explanation.gradients import gradients
from gatewise.explanation.shares import METHODS, contrast
from gatewise.explanation.tracing import Change, read, read_near
from gatewise.runtime.cell import GATES

TEXT = "the film was dull and the cast superb"


def held(model, gate, value, unit=None):
    reading = read(model, TEXT)
    return read_near(reading, [Change(TEXT, reading.encoded, holds(model.network, gate, value, unit))])[0]


def changed(model, gate, value, unit=None):
    """Change the weights instead."""
    network = model.network
    layers = clamped(network.layers, holds(network, gate, value, unit))
    return dataclasses.replace(model, network=dataclasses.replace(network, layers=layers))


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("value", [0, 0.25, 1.0])
def test_clamping_holds_a_gate_of_all_units_at_every_step(tiny_model, gate, value):
    before = tiny_model.logits([TEXT])
    for reading in (held(tiny_model, gate, value), read(changed(tiny_model, gate, value), TEXT)):
        for directions in reading.layers:
            for trace in directions:
                assert np.allclose(getattr(trace, gate), value, atol=1e-6)
    assert np.array_equal(tiny_model.logits([TEXT]), before)


@pytest.mark.parametrize("unit", [0, 7, 8, 11])
def test_clamping_holds_one_unit_and_no_other(tiny_model, unit):
    hidden = tiny_model.network.config.hidden_size
    plain, other = read(tiny_model, TEXT).layers[-1], held(tiny_model, "input_gate", 0.5, unit).layers[-1]
    side, row = divmod(unit, hidden)
    assert np.allclose(other[side].input_gate[:, row], 0.5)
    first = -1 if side else 0  # before the first step no other unit can have heard of it
    others = np.arange(hidden) != row
    assert np.array_equal(other[side].input_gate[first, others], plain[side].input_gate[first, others])
    assert np.array_equal(other[1 - side].states, plain[1 - side].states)


def test_clamping_the_candidate_at_zero_silences_a_unit(tiny_model):
    trace = held(tiny_model, "candidate", 0, unit=3).layers[-1][0]
    assert not trace.states[:, 3].any()
    assert trace.states[:, 2].any()


@pytest.mark.parametrize("hold", [("forget_gate", 1.0), ("candidate", 0.0, 5), ("output_gate", 0.5)])
def test_clamping_while_reading_is_clamping_the_weights(tiny_model, hold):
    reading, model = held(tiny_model, *hold), changed(tiny_model, *hold)
    assert np.allclose(reading.logits, model.logits([TEXT])[0], atol=1e-5)
    assert not np.allclose(model.logits([TEXT]), tiny_model.logits([TEXT]), atol=1e-3)
    row = contrast(0, 2)
    for method in METHODS:  # whatever is asked of the reading, it is the held model's
        mine, theirs = METHODS[method](reading, row), METHODS[method](read(model, TEXT), row)
        assert mine[0] == pytest.approx(theirs[0], abs=1e-5), method
        assert mine[1] == pytest.approx(theirs[1], abs=1e-5), method


@pytest.mark.parametrize("form", [{"num_layers": 2}, {"num_layers": 2, "bidirectional": False}])
def test_clamping_reaches_every_layer(form):
    network = network_of(embedding_dim=3, hidden_size=4, **form)
    reading = reading_of(network, [3, 5, 7])
    other = read_near(reading, [Change("", reading.encoded, holds(network, "forget_gate", 0.5))])[0]
    model = dataclasses.replace(network, layers=clamped(network.layers, holds(network, "forget_gate", 0.5)))
    assert other.logits == pytest.approx(reading_of(model, [3, 5, 7]).logits, abs=1e-9)
    row = contrast(0, 3)
    slopes, _ = gradients(other, row, np.ones(1), np.ones(1))
    assert slopes == pytest.approx(gradients(reading_of(model, [3, 5, 7]), row, np.ones(1), np.ones(1))[0], abs=1e-6)


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
        holds(tiny_model.network, gate, value, unit)
