"""A trained model and a text to every number inside: gates, cell states, states and logits, computed by cell.py."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import DataError
from gatewise.nets.classify import TextLSTM
from gatewise.runtime import cell
from gatewise.runtime.batches import gather
from gatewise.runtime.cell import Array, CellWeights, Trace
from gatewise.runtime.classifier import Model, Numbers, logits_of, softmax
from gatewise.runtime.tokenizer import Encoding, Ids

PREFIXES = 100  # runs over prefixes at most, where the backward direction has to begin anew for each


@dataclass(frozen=True, slots=True)
class Reading:
    """One encoded text through one network: its vectors, the weights they meet, and all numbers that come of it."""

    vectors: Array  # [T, E]
    weights: list[list[CellWeights]]  # [layer][direction]
    layers: list[list[Trace]]  # [layer][direction], in text order
    poolings: tuple[str, ...]
    pooled: Array  # [P]
    head: Array  # [C, P]
    head_bias: Array  # [C]

    @property
    def states(self) -> Array:
        """The top layer's states, both directions joined, [T, directions * H]."""
        return np.concatenate([trace.states for trace in self.layers[-1]], axis=1)

    @property
    def hidden_size(self) -> int:
        """Units of one layer and direction."""
        return int(self.layers[-1][0].states.shape[1])


@dataclass(frozen=True, slots=True)
class TextTrace:
    """Every number of one text: what each token is, and what each layer and direction did when it read it."""

    text: str
    tokens: list[str]
    offsets: list[tuple[int, int]]  # characters of the text, end excluded
    ids: Ids  # [T]
    vectors: Array  # [T, E]
    layers: list[list[Trace]]  # [layer][direction], 0 forward, 1 backward; arrays [T, H] in text order
    pooled: Array  # [poolings * directions * H]
    network_logits: Numbers  # [C], the network's part of the logits
    logits: Numbers  # [C], uncalibrated, with what a companion adds
    probabilities: Numbers  # [C], calibrated


@dataclass(frozen=True, slots=True)
class Running:
    """What the model says of a text's beginnings: how many tokens each has, [S], and its logits, [S, C]."""

    lengths: npt.NDArray[np.int64]
    logits: Numbers


def encoding(model: Model, text: str) -> Encoding:
    """Encode a text that is to be looked into; raise DataError if it holds no token."""
    if not text.strip():
        raise DataError("The text is empty; give at least one word.")
    return model.tokenizer.encode(text)


def follow(network: TextLSTM, ids: Ids, dtype: type[np.floating] = np.float32) -> Reading:
    """Read ids, [T], with a network's weights in NumPy, as it does when it predicts (no dropout)."""
    vectors = network.embedding.weight.detach().numpy()[ids].astype(dtype)
    weights = [
        [CellWeights(*(getattr(part, name).astype(dtype) for name in CellWeights.__slots__)) for part in directions]
        for directions in network.encoder.weights()
    ]
    layers = cell.encode(vectors, weights)
    states = np.concatenate([trace.states for trace in layers[-1]], axis=1)
    pooled = cell.pool(states, network.config.hidden_size, network.config.pooling)
    head, head_bias = (parameter.detach().numpy().astype(dtype) for parameter in network.head.parameters())
    return Reading(vectors, weights, layers, network.config.pooling, pooled, head, head_bias)


def trace(model: Model, text: str) -> TextTrace:
    """Give every gate, candidate, cell state and state of every layer and direction at every token, in float32.

    A text longer than the model's `max_tokens` is read as it is for predictions, without its middle. Raises DataError
    for an empty text.
    """
    encoded = encoding(model, text)
    return as_trace(model, text, encoded, follow(model.network, encoded.ids))


def as_trace(model: Model, text: str, encoded: Encoding, reading: Reading) -> TextTrace:
    """Give the trace of a text that was read already."""
    network = (reading.head @ reading.pooled + reading.head_bias).astype(np.float64)
    logits = network + model.companion_part(gather([[encoded.ids]], None, model.tokenizer.vocab_size))[0]
    probabilities = softmax(logits[np.newaxis] / model.temperature)[0]
    return TextTrace(
        text, encoded.tokens, encoded.offsets, encoded.ids, reading.vectors, reading.layers, reading.pooled, network,
        logits, probabilities,
    )  # fmt: skip


def running(model: Model, ids: Ids, *, prefixes: int = PREFIXES, reading: Reading | None = None) -> Running:
    """Give the model's logits had the text, [T] ids, ended after each token; `reading` is given if it was read already.

    One direction needs a single run. With two, each beginning needs its own backward run: a text of more tokens than
    `prefixes` is then asked at that many places, evenly spread, its end among them.
    """
    both_ways = model.network.config.bidirectional
    count = min(len(ids), prefixes) if both_ways else len(ids)
    lengths = np.unique(np.linspace(1, len(ids), count).round().astype(np.int64))
    beginnings = gather([[ids[:length] for length in lengths.tolist()]], None, model.tokenizer.vocab_size)
    if both_ways and model.network.config.num_layers > 1:  # the layer above sees other backward states each time
        network = logits_of(model.network, beginnings)
    else:
        reading = reading or follow(model.network, ids)
        pooled = _pooled_so_far(reading, lengths)
        network = (pooled @ reading.head.T + reading.head_bias).astype(np.float64)
    return Running(lengths, network + model.companion_part(beginnings))


def _pooled_so_far(reading: Reading, lengths: npt.NDArray[np.int64]) -> Array:
    """Pool the states of a text's beginnings, [S, P]; of one layer's two directions, or of any layers' forward one."""
    states, ends = reading.layers[-1][0].states, lengths - 1
    so_far = {
        "max": [np.maximum.accumulate(states, axis=0)[ends]],
        "mean": [np.cumsum(states, axis=0)[ends] / lengths[:, np.newaxis]],
        "last": [states[ends]],
    }
    if len(reading.layers[-1]) > 1:
        for name, pooled in _pooled_backward(reading, lengths).items():
            so_far[name].append(pooled)
    return np.concatenate([part for name in reading.poolings for part in so_far[name]], axis=1)


def _pooled_backward(reading: Reading, lengths: npt.NDArray[np.int64]) -> dict[str, Array]:
    """Read each beginning from its end, all of them together, in float32; pool its backward states, [S, H]."""
    weights = reading.weights[0][1]
    projected = (reading.vectors @ weights.input.T + weights.bias).astype(np.float32)
    recurrent = weights.recurrent.astype(np.float32)
    shape = len(lengths), recurrent.shape[1]
    state, cell_state, total = (np.zeros(shape, np.float32) for _ in range(3))
    highest = np.full(shape, -np.inf, np.float32)
    for t in range(lengths[-1] - 1, -1, -1):
        begun = slice(np.searchsorted(lengths, t, side="right"), None)  # the beginnings that hold token t
        *_, cell_state[begun], state[begun], _ = cell.step(projected[t], state[begun], cell_state[begun], recurrent)
        total[begun] += state[begun]
        np.maximum(highest[begun], state[begun], out=highest[begun])
    return {"max": highest, "mean": total / lengths[:, np.newaxis], "last": state}
