"""A trained network as arrays, and a batch of encoded texts to what its head sees, in NumPy; knows no text.

A batch is laid out step by step, the longest text first: row b of step t is the t-th token of text b, and a text that
has ended has no row. So no padding is ever computed, and the arithmetic of a text is the same in any company.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gatewise.base.settings import NetworkConfig
from gatewise.runtime.batches import Rows
from gatewise.runtime.cell import CellWeights

Floats = npt.NDArray[np.float32]
Product = Callable[[Floats], Floats]  # rows, [N, K], times a matrix, [K, M], that was made ready before
Ready = Callable[[Floats], Product]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The embedding as it is stored: 32 or 16 bits a number, or 8 with a scale a row."""

    values: npt.NDArray[Any]  # [V, E]
    scale: Floats | None = None  # [V]

    def __len__(self) -> int:
        return len(self.values)

    def rows(self, ids: npt.NDArray[np.integer]) -> Floats:
        """Give the vectors of ids, [..., E]; the whole table is never widened."""
        vectors: Floats = self.values[ids].astype(np.float32, copy=False)
        return vectors if self.scale is None else vectors * self.scale[ids][..., np.newaxis]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Network:
    """Embedding, LSTM layers, pooling and linear head of a text classifier."""

    config: NetworkConfig
    embedding: Table
    layers: list[list[CellWeights]]  # [layer][direction]
    head: Floats  # [C, poolings * directions * H]
    head_bias: Floats  # [C]

    @property
    def directions(self) -> int:
        """1, or 2 where it reads backward too."""
        return len(self.layers[0])

    @property
    def classes(self) -> int:
        """Number of labels."""
        return len(self.head)


def from_weights(config: NetworkConfig, weights: Mapping[str, Floats], table: Table | None = None) -> Network:
    """Make a Network of weights by their names in a folder; the embedding may be given as it is stored."""
    directions = 2 if config.bidirectional else 1
    cells = [
        CellWeights(
            weights[f"{name}weight_ih_l0"],
            weights[f"{name}weight_hh_l0"],
            weights[f"{name}bias_ih_l0"] + weights[f"{name}bias_hh_l0"],
        )
        for name in (f"encoder.lstms.{index}." for index in range(config.num_layers * directions))
    ]
    layers = [cells[start : start + directions] for start in range(0, len(cells), directions)]
    embedding = table or Table(weights["embedding.weight"])
    return Network(config, embedding, layers, weights["head.weight"], weights["head.bias"])


def weights_of(network: Network) -> dict[str, Floats]:
    """Give a Network's weights by their names in a folder, in 32 bits; torch's second bias is zero."""
    weights = {"embedding.weight": network.embedding.rows(np.arange(len(network.embedding)))}
    for index, cell in enumerate(cell for directions in network.layers for cell in directions):
        name = f"encoder.lstms.{index}."
        weights[f"{name}weight_ih_l0"], weights[f"{name}weight_hh_l0"] = cell.input, cell.recurrent
        weights[f"{name}bias_ih_l0"], weights[f"{name}bias_hh_l0"] = cell.bias, np.zeros_like(cell.bias)
    return weights | {"head.weight": network.head, "head.bias": network.head_bias}


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Which token of which text stands in each row, N in all, of a batch laid out step by step."""

    lengths: Rows  # [B], falling
    counts: Rows  # [T] rows of each step
    forward: Rows  # [N] each row's place in the batch's tokens, text after text
    backward: Rows  # [N] the same when every text is read from its end
    turned: Rows  # [N] the row in which the token of this row stands when texts are read from the other side


def layout(lengths: Rows) -> Layout:
    """Lay out texts of falling lengths, [B]."""
    counts = np.searchsorted(-lengths, -np.arange(lengths[0]), side="left")  # texts longer than t
    begins = np.cumsum(counts) - counts
    step = np.repeat(np.arange(lengths[0]), counts)
    text = np.arange(len(step)) - begins[step]
    starts = np.cumsum(lengths) - lengths
    back = lengths[text] - 1 - step
    return Layout(lengths, counts, starts[text] + step, starts[text] + back, begins[back] + text)


def by_numpy(matrix: Floats) -> Product:
    """Make a matrix, [M, K], ready to be multiplied with: rows @ matrix.T."""
    into = matrix.T
    return lambda rows: rows @ into


def pooled(network: Network, ids: npt.NDArray[np.integer], lengths: Rows, ready: Ready = by_numpy) -> Floats:
    """Give what the head sees, [B, poolings * directions * H], of texts of falling lengths, [B], laid end to end.

    The matrix products, nearly all of the work, are those of `ready`.
    """
    rows, size = layout(lengths), network.config.hidden_size
    words, place = np.unique(ids, return_inverse=True)
    below, forward, backward = network.embedding.rows(words), place[rows.forward], place[rows.backward]
    for depth, directions in enumerate(network.layers):
        last, sides = depth == len(network.layers) - 1, list[dict[str, Floats]]()
        states = np.empty((0 if last else len(ids), len(directions) * size), np.float32)
        for back, weights in enumerate(directions):
            # what a word, or a state below, adds to the sums is the same wherever it is looked up
            sums = ready(weights.input)(below)
            sums += weights.bias
            own = states[:, back * size : (back + 1) * size]
            sides.append(_run(sums, backward if back else forward, ready(weights.recurrent), rows, own))
            if back and not last:
                own[:] = own[rows.turned]
        below, forward, backward = states, np.arange(len(states)), rows.turned
    return np.concatenate([side[name] for name in network.config.pooling for side in sides], axis=1)


def _run(sums: Floats, places: Rows, recurrent: Product, rows: Layout, states: Floats) -> dict[str, Floats]:
    """Read a batch in one direction: row n of its layout adds sums[places[n]], of [M, 4H], to what the state adds.

    Gives the states pooled over time, [B, H] each, and fills `states`, [N, H], if it has room.
    """
    shape = len(rows.lengths), states.shape[1]
    state, cell_state, total = (np.zeros(shape, np.float32) for _ in range(3))
    highest = np.full(shape, -np.inf, np.float32)
    at = 0
    for count in rows.counts.tolist():
        step = sums[places[at : at + count]]
        step += recurrent(state[:count])
        new = state[:count]
        advance(step, cell_state[:count], new)
        total[:count] += new
        np.maximum(highest[:count], new, out=highest[:count])
        if len(states):
            states[at : at + count] = new
        at += count
    total /= rows.lengths[:, np.newaxis]
    return {"max": highest, "mean": total, "last": state}


def advance(sums: Floats, cell_states: Floats, states: Floats) -> None:
    """Take one step of the cell in place: from W x + U h + b, [B, 4H], to new cell states and states, [B, H].

    A gate is (1 + tanh(x / 2)) / 2, so one tanh serves all four parts; the sums become 2 i, 2 f, g and 2 o.
    """
    size = cell_states.shape[1]
    twice_input, twice_forget, candidate, twice_output = (sums[:, n * size : (n + 1) * size] for n in range(4))
    sums[:, : 2 * size] *= 0.5
    twice_output *= 0.5
    np.tanh(sums, out=sums)
    sums[:, : 2 * size] += 1
    twice_output += 1
    cell_states *= twice_forget
    cell_states += twice_input * candidate
    cell_states *= 0.5
    np.tanh(cell_states, out=states)
    states *= twice_output
    states *= 0.5


def logits_from(network: Network, features: Sequence[Floats] | Floats) -> npt.NDArray[np.float64]:
    """Give the logits, [N, C], of what the head sees, [N, P]."""
    return (np.asarray(features) @ network.head.T + network.head_bias).astype(np.float64)
