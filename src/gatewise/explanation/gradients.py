"""A text's vectors, made shorter or left out, to a network's answers there and the gradients of these.

By hand, in NumPy and float32: back through pooling and through the six equations of runtime/cell.py.
"""

import functools
import operator
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gatewise.base.cores import each_on_a_core
from gatewise.explanation.clamping import clamped
from gatewise.explanation.tracing import Reading, follow
from gatewise.runtime.cell import Array, CellWeights, Trace
from gatewise.runtime.network import Network

Numbers = npt.NDArray[np.float64]
ROWS_AT_ONCE = 6000  # tokens times lengths that are run together: every gate of theirs is kept for the way back


def gradients(reading: Reading, row: Numbers, lengths: Numbers, weights: Numbers) -> tuple[Numbers, Numbers]:
    """Multiply the vectors by each of `lengths`, [S]; sum up the gradients of `row @ logits` there, times `weights`.

    Gives the sum, [T, E], and the answers, [S].
    """
    total, answers = np.zeros(reading.vectors.shape), []
    groups = -(-len(lengths) * len(reading.ids) // ROWS_AT_ONCE)
    for chosen in np.array_split(np.arange(len(lengths)), min(groups, len(lengths))):
        gradient, answer = _gradients(reading, row, lengths[chosen], weights[chosen])
        total += gradient
        answers.append(answer)
    return total, np.concatenate(answers)


def _gradients(reading: Reading, row: Numbers, lengths: Numbers, weights: Numbers) -> tuple[Array, Numbers]:
    network, states = reading.model.network, reading.vectors.astype(np.float32)
    layers, traces = clamped(network.layers, reading.holds), list[list[Trace]]()
    for directions in layers:
        traces.append(_forward(directions, states, None if traces else lengths.astype(np.float32)))
        states = np.concatenate([trace.states[_order(back)] for back, trace in enumerate(traces[-1])], axis=2)
    head = row @ network.head
    pooled, to_states = _pool(network, states, head.astype(np.float32))
    to_states *= weights.astype(np.float32)[:, np.newaxis]
    for depth in range(len(layers) - 1, -1, -1):
        to_states = _backward(layers[depth], traces[depth], to_states, depth == 0)
    return to_states, pooled @ head + row @ network.head_bias


def _order(back: int) -> slice:
    """Turn text order into a direction's reading order, and back."""
    return slice(None, None, -1 if back else None)


def _forward(directions: Sequence[CellWeights], below: Array, lengths: Array | None) -> list[Trace]:
    """Read states, [T, S, D], or vectors, [T, E], at all lengths; give the traces in each direction's reading order."""

    def forward(back: int) -> Trace:
        sums = below[_order(back)] @ directions[back].input.T
        if lengths is not None:
            sums = sums[:, np.newaxis] * lengths[:, np.newaxis]
        sums += directions[back].bias
        return follow(sums, directions[back].recurrent)

    return each_on_a_core(forward, range(len(directions)))


def _pool(network: Network, states: Array, head: Array) -> tuple[Array, Array]:
    """Pool states, [T, S, directions * H], for the head; give their slope too. Equal maxima share theirs."""
    pooled, spread, size = [], np.zeros_like(states), network.config.hidden_size
    for name, part in zip(network.config.pooling, np.split(head, len(network.config.pooling)), strict=True):
        if name == "mean":
            pooled.append(states.mean(axis=0))
            spread += part / np.float32(len(states))
        elif name == "max":
            pooled.append(states.max(axis=0))
            ties = states == pooled[-1]
            spread += ties * (part / ties.sum(axis=0, dtype=np.float32))
        else:
            pooled.append(np.concatenate([states[-1, :, :size], states[0, :, size:]], axis=1))
            spread[-1, :, :size] += part[:size]
            spread[0, :, size:] += part[size:]
    return np.concatenate(pooled, axis=1), spread


def _backward(directions: Sequence[CellWeights], traces: Sequence[Trace], to_states: Array, first: bool) -> Array:
    """Go back through a layer, [T, S, directions * H] to [T, S, D]; from the first, summed over S, to vectors."""
    parts = np.split(to_states, len(directions), axis=2)

    def backward(back: int) -> Array:
        return _through(traces[back], parts[back][_order(back)], directions[back], first)[_order(back)]

    return functools.reduce(operator.add, each_on_a_core(backward, range(len(directions))))


def _through(trace: Trace, to_states: Array, weights: CellWeights, first: bool) -> Array:
    """Go back through one direction in its reading order; give the slopes of what it reads."""
    size, below = to_states.shape[2], []
    cells, later = (np.zeros_like(to_states[0]) for _ in range(2))
    slopes = np.empty((len(cells), 4 * size), np.float32)  # of the gates' sums
    for t in range(len(to_states) - 1, -1, -1):
        i, f, g, o = trace.input_gate[t], trace.forget_gate[t], trace.candidate[t], trace.output_gate[t]
        state, squashed = to_states[t] + later, np.tanh(trace.cell_states[t])
        cells += state * o * (1 - squashed**2)
        before = trace.cell_states[t - 1] if t else np.zeros_like(cells)
        slopes[:, :size] = cells * g * i * (1 - i)
        slopes[:, size : 2 * size] = cells * before * f * (1 - f)
        slopes[:, 2 * size : 3 * size] = cells * i * (1 - g**2)
        slopes[:, 3 * size :] = state * squashed * o * (1 - o)
        below.append(slopes.sum(axis=0) if first else slopes @ weights.input)
        cells *= f
        later = slopes @ weights.recurrent
    turned: Array = np.stack(below[::-1])
    return turned @ weights.input if first else turned
