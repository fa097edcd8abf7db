"""The LSTM in NumPy: six equations, the reference that every engine is held to; and the GRU in four.

Hochreiter & Schmidhuber (1997) with the forget gate of Gers et al. (2000); gates in PyTorch's order i, f, g, o.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]
GATES = ("input_gate", "forget_gate", "candidate", "output_gate")


@dataclass(frozen=True, slots=True)
class CellWeights:
    """Weights of one layer in one direction, the four gates stacked as i, f, g, o."""

    input: Array  # [4H, E]
    recurrent: Array  # [4H, H]
    bias: Array  # [4H]; the sum of PyTorch's two


@dataclass(frozen=True, slots=True)
class Trace:
    """Every number of one layer and direction over one text, each [T, H]."""

    input_gate: Array
    forget_gate: Array
    candidate: Array
    output_gate: Array
    cell_states: Array
    states: Array
    candidate_sum: Array  # the candidate before its tanh; a saturated candidate no longer tells it

    def reversed(self) -> "Trace":
        """Turn time around: a backward direction's trace in text order into its reading order, and back."""
        return Trace(*(getattr(self, name)[::-1] for name in Trace.__slots__))


def sigmoid(x: Array) -> Array:
    """Compute 1 / (1 + exp(-x)) without overflow."""
    half: Array = 0.5 * (1 + np.tanh(0.5 * x))
    return half


def step(projected: Array, state: Array, cell_state: Array, recurrent: Array) -> tuple[Array, ...]:
    """Read one token: from W x + b, [4H], and the state before, [H], give the seven arrays of Trace, [H] each.

    Several readings of the same token, states [N, H], are taken together and give arrays of [N, H].
    """
    i, f, g, o = np.split(projected + (recurrent @ state.T).T, 4, axis=-1)
    input_gate = sigmoid(i)
    forget_gate = sigmoid(f)
    candidate = np.tanh(g)
    output_gate = sigmoid(o)
    cell_state = forget_gate * cell_state + input_gate * candidate
    state = output_gate * np.tanh(cell_state)
    return input_gate, forget_gate, candidate, output_gate, cell_state, state, g


def run(vectors: Array, weights: CellWeights) -> Trace:
    """Read a text's vectors, [T, E], from a zero state."""
    projected = vectors @ weights.input.T + weights.bias  # all tokens at once; only the recurrence is sequential
    cell_state: Array = np.zeros(weights.recurrent.shape[1], dtype=projected.dtype)
    state = cell_state
    steps = []
    for t in range(len(projected)):
        numbers = step(projected[t], state, cell_state, weights.recurrent)
        cell_state, state = numbers[4:6]
        steps.append(numbers)
    return Trace(*np.stack(steps, axis=1))


def encode(vectors: Array, layers: Sequence[Sequence[CellWeights]]) -> list[list[Trace]]:
    """Read a text with stacked layers of one or two directions; give the traces, [layer][direction], in text order.

    The second direction reads the text from its end; the layer above sees both directions' states joined.
    """
    traces = []
    for directions in layers:
        row = [run(vectors, directions[0]), *(run(vectors[::-1], weights).reversed() for weights in directions[1:])]
        traces.append(row)
        vectors = np.concatenate([trace.states for trace in row], axis=1)
    return traces


def pool(states: Array, hidden_size: int, poolings: Sequence[str]) -> Array:
    """Turn all states of a text, [T, directions * H], into one vector: max, mean and last in the order given.

    The last state of the backward direction is the one at the text's first token.
    """
    last = np.concatenate([states[-1, :hidden_size], states[0, hidden_size:]])
    pooled = {"max": states.max(axis=0), "mean": states.mean(axis=0), "last": last}
    return np.concatenate([pooled[name] for name in poolings])


@dataclass(frozen=True, slots=True)
class GRUWeights:
    """Weights of a gated recurrent unit (Cho et al. 2014, as in PyTorch), gates stacked as reset, update, new."""

    input: Array  # [3H, E]
    recurrent: Array  # [3H, H]
    bias: Array  # [3H]; of reset and update the sum of PyTorch's two
    recurrent_bias: Array  # [H] of the new state alone, inside the reset gate


def gru_step(projected: Array, state: Array, weights: GRUWeights) -> Array:
    """Read one step: from W x + b, [N, 3H], and the states before, [N, H], give the states, [N, H]."""
    hidden = state.shape[-1]
    within = state @ weights.recurrent.T
    reset = sigmoid(projected[..., :hidden] + within[..., :hidden])
    update = sigmoid(projected[..., hidden : 2 * hidden] + within[..., hidden : 2 * hidden])
    new = np.tanh(projected[..., 2 * hidden :] + reset * (within[..., 2 * hidden :] + weights.recurrent_bias))
    mixed: Array = (1 - update) * new + update * state
    return mixed
