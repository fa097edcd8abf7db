"""Contextual decomposition: which part of every state comes from a phrase, and which from the rest of the text.

Murdoch, Liu & Yu (ICLR 2018). Every state is split in two, h = inside + outside, and so is every cell state. Where the
bias of the input gate meets that of the candidate, the product belongs to the phrase while a word of the phrase is read
(the paper gave it to the rest; the authors changed it, so that the whole text scores the whole answer and nothing
scores 0).
"""

from typing import Any

import numpy as np

from gatewise.cell import Array, CellWeights, sigmoid
from gatewise.tracing import Reading

AT_ONCE = 16  # phrases split together


def phrase_parts(reading: Reading, inside: Array, to_states: Array) -> Array:
    """Give each phrase's part of the answer, [P]; `inside`, [P, T], says which tokens belong to it.

    `to_states`, [T, directions * H], is the weight that every state of the top layer has in the answer.
    """
    parts = [_parts(reading, inside[start : start + AT_ONCE], to_states) for start in range(0, len(inside), AT_ONCE)]
    return np.concatenate([np.zeros(0), *parts])


def _parts(reading: Reading, inside: Array, to_states: Array) -> Array:
    mine = reading.vectors * inside[:, :, np.newaxis]  # [P, T, E]
    rest = reading.vectors - mine
    for directions in reading.weights:
        split = [
            _split(mine[:, ::step], rest[:, ::step], inside[:, ::step], weights)
            for step, weights in zip((1, -1), directions, strict=False)
        ]
        mine, rest = (
            np.concatenate([found[place][:, ::step] for step, found in zip((1, -1), split, strict=False)], axis=2)
            for place in (0, 1)
        )
    parts: Array = (mine * to_states).sum(axis=(1, 2))
    return parts


def _split(mine: Array, rest: Array, inside: Array, weights: CellWeights) -> tuple[Array, Array]:
    """Read one layer in one direction with both parts apart: from vectors, [P, T, E] each, give states, [P, T, H]."""
    phrases, time, _ = mine.shape
    hidden_size = weights.recurrent.shape[1]
    mine, rest = mine @ weights.input.T, rest @ weights.input.T
    state = cells = other_state = other_cells = np.zeros((phrases, hidden_size))
    states, other_states = np.empty((2, phrases, time, hidden_size))
    for t in range(time):
        part = np.split(mine[:, t] + state @ weights.recurrent.T, 4, axis=1)
        other = np.split(rest[:, t] + other_state @ weights.recurrent.T, 4, axis=1)
        bias = np.split(weights.bias, 4)
        input_gate, forget_gate, candidate = (
            _three(curve, part[gate], other[gate], bias[gate]) for gate, curve in enumerate((sigmoid, sigmoid, np.tanh))
        )
        both = input_gate[2] * candidate[2] * inside[:, t, np.newaxis]
        written = input_gate[0] * (candidate[0] + candidate[2]) + input_gate[2] * candidate[0] + both
        kept = (forget_gate[0] + forget_gate[2]) * cells
        everything = sum(forget_gate) * (cells + other_cells) + sum(input_gate) * sum(candidate)
        cells = kept + written
        other_cells = everything - cells
        output_gate = sigmoid(part[3] + other[3] + bias[3])
        state = output_gate * (np.tanh(cells) + np.tanh(everything) - np.tanh(other_cells)) / 2
        other_state = output_gate * np.tanh(everything) - state
        states[:, t], other_states[:, t] = state, other_state
    return states, other_states


def _three(curve: Any, mine: Array, rest: Array, bias: Array) -> tuple[Array, Array, Array]:
    """Split curve(mine + rest + bias) into what comes of the phrase, of the rest, and of the bias alone.

    The bias comes first; of the other two each is averaged over coming before and after the other.
    """
    assert callable(curve)
    alone, with_mine, with_rest, everything = (
        curve(bias),
        curve(mine + bias),
        curve(rest + bias),
        curve(mine + rest + bias),
    )
    return (
        (with_mine - alone + everything - with_rest) / 2,
        (with_rest - alone + everything - with_mine) / 2,
        alone,
    )
