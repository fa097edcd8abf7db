"""A tagger's network as arrays, and encoded sentences to the scores of their tags, in NumPy; knows no text.

A batch is laid out step by step, the longest sentence first, as in gatewise.runtime.network. What a word brings to the
first layer's sums is computed once for each different word of a batch.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gatewise.base.settings import NetworkConfig, TaggingConfig
from gatewise.runtime.batches import Rows
from gatewise.runtime.cell import CellWeights
from gatewise.runtime.crf import Chain
from gatewise.runtime.lexicon import FIRST_ROW, KNOWN, WORD, Tokens
from gatewise.runtime.network import Floats, Layout, Table, layout

Places = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True, eq=False)
class TagNetwork:
    """Tables, LSTM layers and the scores of tags; what a model does without is None or empty."""

    config: NetworkConfig
    tagging: TaggingConfig
    dense: int  # rows of a token that have vectors
    chain: Chain  # with the rules of its scheme
    bias: Floats  # [K]
    wide: Table | None  # [rows, K]
    words: Table | None  # [words, E]
    affixes: Table | None  # [rows, A]
    known: Table | None  # [encoder's words, D] as they enter the first layer
    layers: list[list[CellWeights]]
    head: Floats  # [K, directions * H]

    @property
    def tags(self) -> int:
        """Number of tags."""
        return len(self.bias)


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What V different words bring wherever they stand."""

    sums: list[Floats]  # [V, 4H] a direction, to the first layer's gates; halved for i, f and o
    scores: Floats  # [V, K] by the features of a word by itself


def wide_scores(network: TagNetwork, features: Tokens) -> Floats:
    """Give what features say, [N, K], of tokens with features [N, columns]."""
    scores = np.zeros((len(features), network.tags), np.float32)
    if network.wide is not None:
        for column in np.ascontiguousarray(features.T):
            scores += network.wide.rows(column)
    return scores


def vectors_of(network: TagNetwork, tokens: Tokens) -> Floats:
    """Give what the first layer reads of tokens, [N, E]."""
    assert network.words is not None
    parts = [network.words.rows(tokens[:, WORD])]
    if network.affixes is not None:
        rows = tokens[:, FIRST_ROW : FIRST_ROW + network.dense]
        parts.append(network.affixes.rows(rows).sum(axis=1, dtype=np.float32))
    if network.known is not None:
        parts.append(network.known.rows(tokens[:, KNOWN]))
    return np.concatenate(parts, axis=1)


def looked_up(network: TagNetwork, tokens: Tokens) -> Looked:
    """Look up different words, [V, columns]."""
    scores = wide_scores(network, tokens[:, FIRST_ROW : FIRST_ROW + network.dense]) + network.bias
    if not network.layers:
        return Looked([], scores)
    vectors = vectors_of(network, tokens)
    return Looked([_sums(vectors, weights) for weights in network.layers[0]], scores)


def _sums(vectors: Floats, weights: CellWeights) -> Floats:
    sums: Floats = (vectors @ weights.input.T).astype(np.float32, copy=False)
    sums += weights.bias
    return _halved(sums, weights.recurrent.shape[1])


def emissions_of(
    network: TagNetwork, tokens: Tokens, lengths: Rows, words: Looked, places: Rows
) -> tuple[Floats, Layout]:
    """Give the scores of tags, [N, K], laid out step by step, of sentences of falling lengths laid end to end.

    `words` are different ones, looked up, and `places`, [N], say which of them each token is.
    """
    rows = layout(lengths)
    scores = words.scores[places]
    scores += wide_scores(network, tokens[:, FIRST_ROW + network.dense :])
    scores = scores[rows.forward]
    if network.layers:
        scores += top_states(network, words.sums, places, rows) @ network.head.T
    return scores, rows


def top_states(network: TagNetwork, sums: list[Floats], places: Rows, rows: Layout) -> Floats:
    """Give the last layer's states, [N, directions * H], in the layout's order."""
    size, states = network.config.hidden_size, np.empty(0, np.float32)
    forward, backward = places[rows.forward], places[rows.backward]
    for depth, directions in enumerate(network.layers):
        if depth:
            sums = [_sums(states, weights) for weights in directions]
            forward, backward = np.arange(len(states)), rows.turned
        states = np.empty((len(places), len(directions) * size), np.float32)
        for back, weights in enumerate(directions):
            here = states[:, back * size : (back + 1) * size]
            recurrent = _halved(weights.recurrent.T.copy(), size)
            _read(sums[back], backward if back else forward, recurrent, rows, here)
            if back:
                here[:] = here[rows.turned]
    return states


def different(tokens: Tokens, dense: int) -> tuple[Rows, Rows]:
    """Give the first of all tokens, [N, columns], with the same word, [V], and which of these each token is, [N]."""
    _, first, places = np.unique(_keys(tokens[:, : FIRST_ROW + dense]), return_index=True, return_inverse=True)
    return first, places


def _keys(own: Tokens) -> npt.NDArray[np.uint64]:
    """Give a number for each token's own part, equal where the parts are."""
    keys = own[:, 0].astype(np.uint64)
    for column in range(1, own.shape[1]):
        keys = (keys ^ own[:, column]) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return keys


def _read(sums: Floats, places: Rows, recurrent: Floats, rows: Layout, states: npt.NDArray[Any]) -> None:
    """Read a batch in one direction: row n adds sums[places[n]] to what the state adds; fill `states`, [N, H].

    Sums and `recurrent`, [H, 4H], are halved for i, f and o: a gate is (1 + tanh(x / 2)) / 2, so one tanh serves all.
    """
    size, most = states.shape[1], int(rows.counts[0])
    state, cell_state, entering = (np.zeros((most, size), np.float32) for _ in range(3))
    gates, words = (np.empty((most, 4 * size), np.float32) for _ in range(2))
    at = 0
    for count in rows.counts.tolist():
        step, own = gates[:count], words[:count]
        np.take(sums, places[at : at + count], axis=0, out=own, mode="clip")  # "raise" would copy
        np.matmul(state[:count], recurrent, out=step)
        step += own
        np.tanh(step, out=step)
        twice_input, twice_forget, candidate, twice_output = (step[:, n * size : (n + 1) * size] for n in range(4))
        step[:, : 2 * size] += 1
        twice_output += 1
        cell, new, enters = cell_state[:count], state[:count], entering[:count]
        cell *= twice_forget
        cell += np.multiply(twice_input, candidate, out=enters)
        cell *= 0.5
        np.tanh(cell, out=new)
        new *= twice_output
        new *= 0.5
        states[at : at + count] = new
        at += count


def _halved(parts: Floats, size: int) -> Floats:
    """Halve what belongs to i, f and o, of four parts of H along the last axis, in place."""
    parts[..., : 2 * size] *= 0.5
    parts[..., 3 * size :] *= 0.5
    return parts
