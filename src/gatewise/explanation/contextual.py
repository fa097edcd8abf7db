"""Contextual decomposition: which part of every state comes from a phrase, and which from the rest of the text.

Murdoch, Liu & Yu (ICLR 2018). Every state is split in two, h = inside + outside, and so is every cell state. Where the
bias of the input gate meets that of the candidate, the product belongs to the phrase while a word of the phrase is read
(the paper gave it to the rest; the authors changed it, so that the whole text scores the whole answer and nothing
scores 0).
"""

import numpy as np
import numpy.typing as npt

from gatewise.explanation.tracing import Reading
from gatewise.runtime.cell import Array, CellWeights, Trace, sigmoid

Chosen = npt.NDArray[np.bool_]
AT_ONCE = 64  # phrases split together


def phrase_parts(reading: Reading, inside: Chosen, to_states: Array) -> Array:
    """Give each phrase's part of the answer, [P]; `inside`, [P, T], says which tokens belong to it.

    `to_states`, [T, directions * H], is the weight that every state of the top layer has in the answer.
    """
    parts = [_parts(reading, inside[start : start + AT_ONCE], to_states) for start in range(0, len(inside), AT_ONCE)]
    return np.concatenate([np.zeros(0), *parts])


def _parts(reading: Reading, inside: Chosen, to_states: Array) -> Array:
    vectors, mine = reading.vectors, reading.vectors * inside[:, :, np.newaxis]  # [T, E], [P, T, E]
    for directions, traces in zip(reading.weights, reading.layers, strict=True):
        found = [
            _phrase_states(trace.reversed() if back else trace, weights, *_turned(back, vectors, mine, inside))
            for back, (trace, weights) in enumerate(zip(traces, directions, strict=True))
        ]
        mine = np.concatenate([states[:, ::-1] if back else states for back, states in enumerate(found)], axis=2)
        vectors = np.concatenate([trace.states for trace in traces], axis=1)
    parts: Array = np.einsum("pth,th->p", mine, to_states)
    return parts


def _turned(back: int, vectors: Array, mine: Array, inside: Chosen) -> tuple[Array, Array, Chosen]:
    return (vectors[::-1], mine[:, ::-1], inside[:, ::-1]) if back else (vectors, mine, inside)


def _phrase_states(trace: Trace, weights: CellWeights, vectors: Array, mine: Array, inside: Chosen) -> Array:
    """Give each phrase's part of one layer's states, [P, T, H], from its part of the vectors, [P, T, E].

    All in the layer's reading order. The rest of the text has what is left of the trace, so one stream is run and not
    two; before a phrase has begun its part is zero.
    """
    size = trace.states.shape[1]
    into, recurrent, bias = weights.input[: 3 * size].T, weights.recurrent[: 3 * size].T, weights.bias[: 3 * size]
    before = np.concatenate([np.zeros_like(trace.states[:1]), trace.states[:-1]])
    sums = vectors @ into + before @ recurrent + bias  # [T, 3H] of i, f and g
    alone, everything, squashed = _curves(bias), _curves(sums), np.tanh(trace.cell_states)
    bias_input, _, bias_candidate = np.split(alone, 3)
    states = np.zeros((*inside.shape, size), dtype=sums.dtype)
    state = cells = states[:, 0]
    begun = np.flatnonzero(inside.any(axis=0) | mine.any(axis=(0, 2)))
    for t in range(begun[0] if len(begun) else len(sums), len(sums)):
        part = mine[:, t] @ into + state @ recurrent
        # what the phrase adds to each gate, averaged over coming before and after the rest; the bias comes first
        added = (_curves(part + bias) - alone + everything[t] - _curves(sums[t] - part)) / 2
        input_gate, forget_gate, candidate = np.split(added + alone, 3, axis=1)
        biases_alone = bias_input * bias_candidate * ~inside[:, t, np.newaxis]
        cells = forget_gate * cells + input_gate * candidate - biases_alone
        read = np.tanh(cells) + squashed[t] - np.tanh(trace.cell_states[t] - cells)
        state = states[:, t] = trace.output_gate[t] * read / 2
    return states


def _curves(sums: Array) -> Array:
    """Apply the curves of input gate, forget gate and candidate to their sums, [..., 3H]."""
    size = sums.shape[-1] // 3
    return np.concatenate([sigmoid(sums[..., : 2 * size]), np.tanh(sums[..., 2 * size :])], axis=-1)
