"""The NumPy cell against torch: nn.LSTM and TextLSTM of every form give its numbers within 1e-5 on ragged batches."""

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gatewise.base.settings import POOLINGS, NetworkConfig
from gatewise.nets.classify import TextLSTM, arrays_of
from gatewise.runtime import cell

FORMS = [(layers, bidirectional) for layers in (1, 2) for bidirectional in (False, True)]
LENGTHS = torch.tensor([7, 1, 4, 9, 2])


def weights_of(lstm: nn.LSTM) -> list[list[cell.CellWeights]]:
    """Read nn.LSTM's weights by their documented names, [layer][direction]."""
    layers = []
    for depth in range(lstm.num_layers):
        row = []
        for suffix in ("", "_reverse")[: 1 + lstm.bidirectional]:
            names = [f"{kind}_l{depth}{suffix}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            w_ih, w_hh, b_ih, b_hh = (getattr(lstm, name).detach().numpy() for name in names)
            row.append(cell.CellWeights(w_ih, w_hh, b_ih + b_hh))
        layers.append(row)
    return layers


def joined(traces: list[list[cell.Trace]]) -> np.ndarray:
    return np.concatenate([trace.states for trace in traces[-1]], axis=1)


@pytest.mark.parametrize(("layers", "bidirectional"), FORMS)
def test_cell_equals_nn_lstm_on_a_ragged_batch(layers, bidirectional):
    lstm = nn.LSTM(5, 6, layers, bidirectional=bidirectional)
    vectors = torch.randn(9, 5, 5) * 2
    packed = nn.utils.rnn.pack_padded_sequence(vectors, LENGTHS, enforce_sorted=False)
    with torch.no_grad():
        output, (states, cell_states) = lstm(packed)
    states_of_all, _ = nn.utils.rnn.pad_packed_sequence(output)
    for row, length in enumerate(LENGTHS.tolist()):
        traces = cell.encode(vectors[:length, row].numpy(), weights_of(lstm))
        np.testing.assert_allclose(joined(traces), states_of_all[:length, row].numpy(), atol=1e-5)
        ends = [trace for directions in traces for trace in directions]  # torch's order: layer by layer
        for index, trace in enumerate(ends):
            end = 0 if bidirectional and index % 2 else -1  # the backward direction ends at the first token
            np.testing.assert_allclose(trace.states[end], states[index, row].numpy(), atol=1e-5)
            np.testing.assert_allclose(trace.cell_states[end], cell_states[index, row].numpy(), atol=1e-5)


@pytest.mark.parametrize(("layers", "bidirectional"), FORMS)
@pytest.mark.parametrize("pooling", [*((name,) for name in POOLINGS), POOLINGS, ("last", "max")])
def test_cell_equals_text_lstm_from_ids_to_logits(layers, bidirectional, pooling):
    config = NetworkConfig(
        embedding_dim=5, hidden_size=6, num_layers=layers, bidirectional=bidirectional, pooling=pooling
    )
    network = TextLSTM(config, vocab_size=20, num_classes=3).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)  # the second bias, zero at the start, must count too
    inputs = torch.randint(1, 20, (9, 5)).masked_fill(torch.arange(9).unsqueeze(1) >= LENGTHS, 0)
    with torch.no_grad():
        logits = network(inputs, LENGTHS).numpy()
    arrays = arrays_of(network)
    for row, length in enumerate(LENGTHS.tolist()):
        states = joined(cell.encode(arrays.embedding.rows(inputs[:length, row].numpy()), arrays.layers))
        pooled = cell.pool(states, 6, pooling)
        expected = arrays.head @ pooled + arrays.head_bias
        np.testing.assert_allclose(logits[row], expected, atol=1e-5)


def test_cell_step_is_the_six_equations_for_one_unit():
    projected, state, cell_state = np.array([0.1, -0.4, 0.7, 0.3]), np.array([0.5]), np.array([-0.2])
    recurrent = np.array([[1.0], [2.0], [-1.0], [0.5]])
    i, f, o = (1 / (1 + math.exp(-x)) for x in (0.1 + 0.5, -0.4 + 1.0, 0.3 + 0.25))
    g = math.tanh(0.7 - 0.5)
    c = f * -0.2 + i * g
    expected = [i, f, g, o, c, o * math.tanh(c), 0.7 - 0.5]
    found = cell.step(projected, state, cell_state, recurrent)
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cell_sigmoid_neither_overflows_nor_leaves_its_range(dtype):
    x = np.array([-np.inf, -1e30, -1000, -30, -1, 0, 1, 30, 1000, 1e30, np.inf], dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = cell.sigmoid(x)
    assert y.dtype == dtype and (y >= 0).all() and (y <= 1).all()
    assert (y[[0, 1, 2, 5, -1]] == [0, 0, 0, 0.5, 1]).all()
    np.testing.assert_allclose(y, torch.sigmoid(torch.from_numpy(x)).numpy(), atol=1e-7)


sizes = st.integers(1, 6)


@given(time=sizes, features=sizes, hidden=sizes, layers=st.integers(1, 3), directions=st.integers(1, 2))
def test_cell_shapes_and_ranges(time, features, hidden, layers, directions):
    random = np.random.default_rng(time)
    stacked = [
        [
            cell.CellWeights(
                random.normal(size=(4 * hidden, features if depth == 0 else directions * hidden)),
                random.normal(size=(4 * hidden, hidden)),
                random.normal(size=4 * hidden),
            )
            for _ in range(directions)
        ]
        for depth in range(layers)
    ]
    traces = cell.encode(random.normal(size=(time, features)), stacked)
    assert [len(row) for row in traces] == [directions] * layers
    for trace in (trace for row in traces for trace in row):
        for name in cell.Trace.__slots__:
            assert getattr(trace, name).shape == (time, hidden)
        for gate in (trace.input_gate, trace.forget_gate, trace.output_gate):
            assert ((gate > 0) & (gate < 1)).all()
        assert (np.abs(trace.states) < 1).all()
        assert (np.abs(trace.cell_states).max(axis=1) <= np.arange(1, time + 1)).all() or directions == 2
        np.testing.assert_allclose(trace.states, trace.output_gate * np.tanh(trace.cell_states))
        np.testing.assert_allclose(trace.candidate, np.tanh(trace.candidate_sum))
    states = joined(traces)
    for poolings in (("max",), ("mean", "last"), POOLINGS):
        assert cell.pool(states, hidden, poolings).shape == (len(poolings) * directions * hidden,)


def test_cell_pool_takes_the_backward_end_from_the_first_token():
    states = np.arange(12.0).reshape(3, 4)  # two directions of two units
    np.testing.assert_array_equal(cell.pool(states, 2, ["last"]), [8, 9, 2, 3])
    np.testing.assert_array_equal(cell.pool(states, 2, ["mean", "max"]), [4, 5, 6, 7, 8, 9, 10, 11])
    np.testing.assert_array_equal(cell.pool(states[:, :2], 2, ["last"]), [4 * 2, 9])  # one direction


def test_cell_trace_reversed_turns_time_around_and_back():
    trace = cell.Trace(*np.arange(42.0).reshape(7, 3, 2))
    assert trace.reversed().forget_gate.tolist() == trace.forget_gate[::-1].tolist()
    for name in cell.Trace.__slots__:
        np.testing.assert_array_equal(getattr(trace.reversed().reversed(), name), getattr(trace, name))
