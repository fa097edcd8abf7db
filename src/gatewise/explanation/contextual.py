"""Contextual decomposition: which part of every state comes from a phrase, and which from the rest of the text.

Murdoch, Liu & Yu (ICLR 2018). Every state is split in two, h = inside + outside, and so is every cell state. Where the
bias of the input gate meets that of the candidate, the product belongs to the phrase while a word of the phrase is read
(the paper gave it to the rest; the authors changed it, so that the whole text scores the whole answer and nothing
scores 0).
"""

import numpy as np
import numpy.typing as npt

from gatewise.base.cores import each_on_a_core
from gatewise.explanation.clamping import clamped
from gatewise.explanation.tracing import Reading
from gatewise.runtime.cell import Array, CellWeights, Trace

Chosen = npt.NDArray[np.bool_]
AT_ONCE, TOKENS_AT_ONCE = 96, 40_000  # phrases split together, and tokens that these may have in all


def phrase_parts(reading: Reading, inside: Chosen, to_states: Array) -> Array:
    """Give each phrase's part of the answer, [P]; `inside`, [P, T], says which tokens belong to it.

    `to_states`, [T, directions * H], is the weight that every state of the top layer has in the answer.
    """
    together = max(1, min(AT_ONCE, TOKENS_AT_ONCE // len(reading.ids)))
    groups = [inside[start : start + together] for start in range(0, len(inside), together)]
    weights = clamped(reading.weights, reading.holds)
    parts = each_on_a_core(lambda group: _parts(reading, weights, group, to_states), groups)
    return np.concatenate([np.zeros(0), *parts])


def _parts(reading: Reading, layers: list[list[CellWeights]], inside: Chosen, to_states: Array) -> Array:
    vectors: Array = reading.vectors  # [T, E]
    mine: Array | None = None  # the phrases' parts of what a layer reads, [P, T, E]; of words, all or nothing
    for directions, traces in zip(layers, reading.layers, strict=True):
        sides = []
        for back, (trace, weights) in enumerate(zip(traces, directions, strict=True)):
            turn = slice(None, None, -1 if back else None)  # into the direction's reading order, and out of it
            own = None if mine is None else mine[:, turn]
            read = trace.reversed() if back else trace
            sides.append(_phrase_states(read, weights, vectors[turn], own, inside[:, turn])[:, turn])
        states = mine = np.concatenate(sides, axis=2)
        vectors = np.concatenate([trace.states for trace in traces], axis=1)
    parts: Array = np.einsum("pth,th->p", states, to_states)
    return parts


def _phrase_states(trace: Trace, weights: CellWeights, vectors: Array, mine: Array | None, inside: Chosen) -> Array:
    """Give each phrase's part of one layer's states, [P, T, H], from its part of the vectors, [P, T, E].

    All in the layer's reading order. The rest of the text has what is left of the trace, so one stream is run and not
    two; before a phrase has begun its part is zero.
    """
    size, dtype = trace.states.shape[1], trace.states.dtype
    halves = np.repeat(np.array([0.5, 0.5, 1], dtype), size)  # sigmoid(x) is (1 + tanh(x / 2)) / 2
    into, bias = weights.input[: 3 * size].T * halves, weights.bias[: 3 * size] * halves
    recurrent = np.ascontiguousarray(weights.recurrent[: 3 * size].T) * halves
    before = np.concatenate([np.zeros_like(trace.states[:1]), trace.states[:-1]])
    written = vectors @ into  # [T, 3H]
    sums = written + before @ recurrent + bias  # of i, f and g
    alone = np.tanh(bias) * halves + np.repeat(np.array([0.5, 0.5, 0], dtype), size)
    everything = np.concatenate([trace.input_gate, trace.forget_gate, trace.candidate], axis=1)
    squashed, biases = np.tanh(trace.cell_states), alone[:size] * alone[2 * size :]
    concerned = inside if mine is None else inside | mine.any(axis=2)
    begins = np.where(concerned.any(axis=1), concerned.argmax(axis=1), len(sums))
    order = np.argsort(begins, kind="stable")  # those that have begun stand first
    states = np.zeros((*inside.shape, size), dtype)
    cells, state = np.zeros_like(states[:, 0]), np.zeros_like(states[:, 0])
    for t, begun in enumerate(np.searchsorted(begins[order], np.arange(len(sums)), side="right").tolist()):
        rows = order[:begun]
        now = inside[rows, t, np.newaxis]
        part = state[:begun] @ recurrent
        part += written[t] * now if mine is None else mine[rows, t] @ into
        # what the phrase adds to each gate, averaged over coming before and after the rest; the bias comes first
        gates = np.tanh(part + bias) - np.tanh(sums[t] - part)
        gates *= halves / 2
        gates += (everything[t] + alone) / 2
        input_gate, forget_gate, candidate = np.split(gates, 3, axis=1)
        cells[:begun] = forget_gate * cells[:begun] + input_gate * candidate - biases * ~now
        read = np.tanh(cells[:begun]) + squashed[t] - np.tanh(trace.cell_states[t] - cells[:begun])
        state[:begun] = states[rows, t] = trace.output_gate[t] * read / 2
    return states
