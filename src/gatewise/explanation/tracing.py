"""A trained model and a text to every number inside: gates, cell states, states and logits.

The numbers are cell.py's, by the engine's step, which takes half the time; texts that are read by the same weights are
read together, as one batch.
"""

import dataclasses
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from gatewise.base.cores import each_on_a_core, one_thread
from gatewise.base.errors import DataError
from gatewise.explanation.answers import Answers
from gatewise.explanation.clamping import Hold, Holds
from gatewise.runtime import cell
from gatewise.runtime.batches import Rows, Sequences, gather
from gatewise.runtime.cell import Array, CellWeights, Trace
from gatewise.runtime.classifier import Model, Numbers, softmax
from gatewise.runtime.network import Table, advance, logits_from
from gatewise.runtime.spelling import spelling_of
from gatewise.runtime.tokenizer import Encoding, Ids

PREFIXES = 100  # beginnings read at most, where the backward direction has to begin anew for each
Arrays = TypeVar("Arrays", Trace, CellWeights)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One text through one model: encoded once, run once, and every number that came of it."""

    model: Model
    holds: Holds  # which of the model's gates were held while it read; mostly none
    text: str
    tokens: list[str]
    offsets: list[tuple[int, int]]  # characters of the text, end excluded
    ids: Ids  # [T]
    vectors: Array  # [T, E]
    weights: list[list[CellWeights]]  # [layer][direction]; the model's, as exact as this reading
    layers: list[list[Trace]]  # [layer][direction], 0 forward, 1 backward; arrays [T, H] in text order
    pooled: Array  # [poolings * directions * H]
    network_logits: Numbers  # [C], the network's part of the logits
    logits: Numbers  # [C], uncalibrated, with what a companion adds
    probabilities: Numbers  # [C], calibrated
    answers: Answers  # what the network says of texts near this one

    @property
    def encoded(self) -> Encoding:
        """The text as tokens."""
        return Encoding(self.ids, self.tokens, self.offsets)

    @property
    def states(self) -> Array:
        """The top layer's states, both directions joined, [T, directions * H]."""
        return np.concatenate([trace.states for trace in self.layers[-1]], axis=1)

    def ask(self, texts: Sequence[Ids]) -> Numbers:
        """Give the network's logits of other texts, [N, C]."""
        return self.answers.logits(texts, self.holds)

    def rounded(self) -> "Reading":
        """Give the same numbers in float32."""
        layers = [[_each(trace, lambda array: array.astype(np.float32)) for trace in row] for row in self.layers]
        weights, vectors = self.model.network.layers, self.vectors.astype(np.float32)
        return dataclasses.replace(self, weights=weights, vectors=vectors, layers=layers)


@dataclass(frozen=True, slots=True)
class Change:
    """Another text to read by the same weights, or the same with some gates held."""

    text: str
    encoded: Encoding
    holds: Holds = ()


@dataclass(frozen=True, slots=True)
class Running:
    """What the model says of a text's beginnings: how many tokens each has, [S], and its logits, [S, C]."""

    lengths: Rows
    logits: Numbers


def trace(model: Model, text: str) -> Reading:
    """Give every gate, candidate, cell state and state of every layer and direction at every token, in float32.

    A text longer than the model's `max_tokens` is read as it is for predictions, without its middle. Raises DataError
    for an empty text.
    """
    return read(model, text, np.float32)


def read(model: Model, text: str, dtype: type[np.floating] = np.float64) -> Reading:
    """Encode a text and run it once, in this precision."""
    if not isinstance(text, str):
        raise DataError(f"A {type(text).__name__} was given where one text is expected; give a string.")
    if not text.strip():
        raise DataError("The text is empty; give at least one word.")
    return read_encoded(model, Change(text, model.tokenizer.encode(text)), dtype)


def read_encoded(model: Model, change: Change, dtype: type[np.floating] = np.float64) -> Reading:
    """Run a text that was encoded already."""
    weights = [
        [_each(own, lambda array: array.astype(dtype, copy=False)) for own in row] for row in model.network.layers
    ]
    return _readings(model, weights, Answers(model.network), [change])[0]


def read_near(reading: Reading, changes: Sequence[Change]) -> list[Reading]:
    """Read other texts, or this one with gates held, by a reading's weights, all together."""
    return _readings(reading.model, reading.weights, reading.answers, changes)


def _readings(
    model: Model, weights: list[list[CellWeights]], answers: Answers, changes: Sequence[Change]
) -> list[Reading]:
    network, dtype, encoded = model.network, weights[0][0].bias.dtype, [change.encoded.ids for change in changes]
    companion = model.companion_part(sequences_of(model, [(change.text, change.encoded) for change in changes]))
    traces = encode(network.embedding, weights, encoded, [change.holds for change in changes])
    readings = []
    for change, layers, added in zip(changes, traces, companion, strict=True):
        states = np.concatenate([trace.states for trace in layers[-1]], axis=1)
        pooled = cell.pool(states, network.config.hidden_size, network.config.pooling)
        alone = (network.head.astype(dtype) @ pooled + network.head_bias).astype(np.float64)
        code, logits = change.encoded, alone + added
        vectors = network.embedding.rows(code.ids).astype(dtype)
        readings.append(Reading(
            model, change.holds, change.text, code.tokens, code.offsets, code.ids, vectors, weights, layers, pooled,
            alone, logits, softmax(logits[np.newaxis] / model.temperature)[0], answers,
        ))  # fmt: skip
    return readings


def sequences_of(model: Model, texts: Sequence[tuple[str, Encoding]]) -> Sequences:
    """Collect texts that were encoded already, or their beginnings, for the model's companion."""
    sequences = gather([[code.ids for _, code in texts]], None, len(model.network.embedding))
    if not model.spelt:
        return sequences
    letters = [model.tokenizer.letters(text, code.offsets)[0] for text, code in texts]
    return dataclasses.replace(sequences, spelling=spelling_of(letters))


@one_thread()
def encode(
    embedding: Table, layers: Sequence[Sequence[CellWeights]], texts: Sequence[Ids], holds: Sequence[Holds]
) -> list[list[list[Trace]]]:
    """Do for several texts' ids what cell.encode does for one text's vectors: traces, [text][layer][direction].

    One text alone starts no thread.
    """
    lengths = np.array([len(ids) for ids in texts])
    steps = np.arange(lengths.max())[:, np.newaxis]
    turned = np.where(steps < lengths, lengths - 1 - steps, steps), np.arange(len(texts))  # each inside its own length
    ids = np.full((len(steps), len(texts)), texts[0][0])
    for column, text in zip(ids.T, texts, strict=True):
        column[: len(text)] = text
    different, places = np.unique(ids, return_inverse=True)  # each token is projected once, however often it is read
    places, below = places.reshape(ids.shape), embedding.rows(different).astype(layers[0][0].input.dtype)
    orders: list[Any] = [places, places[turned]]
    traces: list[list[list[Trace]]] = [[] for _ in texts]
    for depth, directions in enumerate(layers):
        held = [(place, hold) for place, own in enumerate(holds) for hold in own if hold.layer == depth]
        sides = _layer(below, orders, directions, held, len(texts) > 1)
        for place, length in enumerate(lengths.tolist()):
            chosen = [(slice(0, length), place), (slice(length - 1, None, -1), place)]  # text order again
            traces[place].append([_each(*one) for one in zip(sides, map(operator.itemgetter, chosen), strict=False)])
        states = [trace.states[turned] if side else trace.states for side, trace in enumerate(sides)]
        below, orders = np.concatenate(states, axis=2), [slice(None), turned]
    return traces


def _layer(
    below: Array,
    orders: Sequence[Any],
    directions: Sequence[CellWeights],
    held: Sequence[tuple[int, Hold]],
    several: bool,
) -> list[Trace]:
    """Read what lies below a layer, in each direction's order, [T, B, D]; give the traces in the orders of reading."""

    def read(side: int) -> Trace:
        sums = (below @ directions[side].input.T + directions[side].bias)[orders[side]]
        return follow(sums, directions[side].recurrent, [(place, hold) for place, hold in held if hold.side == side])

    sides = range(len(directions))
    return each_on_a_core(read, sides) if several else [read(side) for side in sides]


def follow(sums: Array, recurrent: Array, held: Sequence[tuple[int, Hold]] = ()) -> Trace:
    """Read W x + b of texts of one length, [T, B, 4H], which is spent; give the trace, [T, B, H], in reading order.

    Each hold is of one text, by its place among the B.
    """
    size, into = recurrent.shape[1], np.ascontiguousarray(recurrent.T) if sums.shape[1] > 1 else recurrent.T
    states = np.empty((*sums.shape[:2], size), sums.dtype)
    cell_states, candidate_sums, cells = np.empty_like(states), np.empty_like(states), np.zeros_like(states[0])
    for t in range(len(sums)):
        if t:
            sums[t] += states[t - 1] @ into
        for place, hold in held:
            sums[t, place, hold.start : hold.stop] = hold.value
        candidate_sums[t] = sums[t, :, 2 * size : 3 * size]
        advance(sums[t], cells, states[t])
        cell_states[t] = cells
    input_gate, forget_gate, candidate, output_gate = np.split(sums, 4, axis=2)
    for gate in (input_gate, forget_gate, output_gate):
        gate /= 2  # advance() leaves them twice as large
    return Trace(input_gate, forget_gate, candidate, output_gate, cell_states, states, candidate_sums)


def _each(numbers: Arrays, function: Callable[[Array], Array]) -> Arrays:
    """Apply a function to every array of a trace or of weights."""
    return type(numbers)(*(function(getattr(numbers, name)) for name in type(numbers).__slots__))


def beginnings(model: Model, ids: Ids, prefixes: int = PREFIXES) -> list[Ids]:
    """Give the beginnings that `running` asks about: where there is one direction none, for one run tells all."""
    if model.network.directions == 1:
        return []
    count = min(len(ids), prefixes)
    return [ids[:end] for end in np.unique(np.linspace(1, len(ids), count).round().astype(np.int64))]


def running(reading: Reading, *, prefixes: int = PREFIXES) -> Running:
    """Give the model's logits had the text ended after each token.

    One direction has gone through them all. With two, each beginning needs its own way back: a text of more tokens than
    `prefixes` is then asked at that many places, evenly spread, its end among them.
    """
    model, ids = reading.model, reading.ids
    if texts := beginnings(model, ids, prefixes):
        lengths, logits = np.array([len(text) for text in texts]), reading.ask(texts)
    else:
        lengths, states = np.arange(1, len(ids) + 1), reading.states
        highest, mean = np.maximum.accumulate(states, axis=0), np.cumsum(states, axis=0) / lengths[:, np.newaxis]
        so_far = {"max": highest, "mean": mean, "last": states}
        pooled = np.concatenate([so_far[name] for name in model.network.config.pooling], axis=1)
        logits = logits_from(model.network, pooled)
    if model.companion is not None:
        begun = [Encoding(ids[:end], reading.tokens[:end], reading.offsets[:end]) for end in lengths.tolist()]
        logits = logits + model.companion_part(sequences_of(model, [(reading.text, code) for code in begun]))
    return Running(lengths, logits)
