"""A model and a text to each token's share of the answer: one function per method behind one name.

What is explained is one number, the logit of a class minus the mean of the others': with two classes their difference,
with more still what the probabilities depend on, since adding a constant to all logits changes neither. It is
uncalibrated; for two classes the calibrated probability is sigmoid(logit / temperature).
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise.cell import Array, CellWeights, Trace
from gatewise.errors import ConfigError
from gatewise.model import Label, Model, Numbers
from gatewise.network import TextLSTM
from gatewise.tokenizer import Ids
from gatewise.tracing import Reading, encoding, follow

DEFAULT = "frozen"


@dataclass(frozen=True, slots=True)
class Question:
    """What a method is asked: which part has each id, [T], in `row @ logits` of a network?"""

    network: TextLSTM
    ids: Ids
    row: Numbers  # [C]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The shares of one text's tokens; contributions, bias and residual sum to the logit."""

    text: str
    tokens: list[str]
    offsets: list[tuple[int, int]]  # characters of the text, end excluded
    ids: Ids  # [T]
    contributions: Numbers  # [T]; above 0 speaks for the label
    bias: float  # what belongs to no token
    logit: float  # of the label, minus the mean of the others'; uncalibrated
    residual: float  # logit minus bias and contributions
    method: str
    label: Label  # the class explained
    target: int
    probability: float  # the label's, calibrated
    temperature: float

    def as_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        plain = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in plain.items()}


def explain(model: Model, text: str, *, method: str = DEFAULT, target: int | None = None) -> Explanation:
    """Say how much each token of a text spoke for a class: the predicted one, or labels[target].

    Raises ConfigError for an unknown method or target and DataError for an empty text. A text longer than the model's
    `max_tokens` is explained as it is read, without its middle.
    """
    if method not in METHODS:
        raise ConfigError(f"There is no method {method!r}; choose one of {', '.join(METHODS)}.")
    encoded = encoding(model, text)
    logits = model.logits([text])
    probabilities = model.probabilities([text])[0]
    target = int(logits[0].argmax()) if target is None else target
    row = contrast(target, len(model.labels))
    contributions, bias = METHODS[method](Question(model.network, encoded.ids, row))
    logit = float(row @ logits[0])
    return Explanation(
        text, encoded.tokens, encoded.offsets, encoded.ids, contributions, bias, logit,
        logit - bias - float(contributions.sum()), method, model.labels[target], target, float(probabilities[target]),
        model.temperature,
    )  # fmt: skip


def contrast(target: int, classes: int) -> Numbers:
    """Give the weights of the logits, [C], in the number explained: 1 for the target, the rest shares -1 evenly."""
    if not 0 <= target < classes:
        raise ConfigError(f"There is no class {target}; the model's classes are 0 to {classes - 1}.")
    row = np.full(classes, -1 / (classes - 1))
    row[target] = 1
    return row


# Exact sums through the network's own numbers, all in float64: sums of |shares| are ten times the logit.


def frozen(question: Question) -> tuple[Numbers, float]:
    """Share out with the gates held at their values and tanh replaced by its secant: sums to the logit.

    The network is then linear in its vectors, so a token's share is its vector times the gradient, and the bias is
    what the candidates' biases and the head's give. A word that only opens or shuts a gate gets less than its due.
    Equals layer-wise relevance propagation with signal-take-all (Arras et al. 2019) and no stabiliser.
    """
    reading, to_states, bias = _into_states(question)
    for directions, traces in zip(reversed(reading.weights), reversed(reading.layers), strict=True):
        parts = np.split(to_states, len(directions), axis=1)
        below: Array = np.zeros(1)
        for back, (weights, trace, part) in enumerate(zip(directions, traces, parts, strict=True)):
            to_vectors, from_biases = sweep(_flip(trace, back), weights, part[::-1] if back else part)
            below = below + (to_vectors[::-1] if back else to_vectors)
            bias += from_biases
        to_states = below
    return (reading.vectors * to_states).sum(axis=1), bias


def sweep(trace: Trace, weights: CellWeights, to_states: Array) -> tuple[Array, float]:
    """Go back through one layer in its reading order with gates frozen.

    From the weight each state has in the logit, [T, H], give the weight of each input vector, [T, E], and what the
    candidate's bias adds over all steps.
    """
    size = trace.states.shape[1]
    recurrent, bias = weights.recurrent[2 * size : 3 * size], weights.bias[2 * size : 3 * size]
    to_cells = trace.output_gate * _secant(np.tanh(trace.cell_states), trace.cell_states)
    to_candidates = trace.input_gate * _secant(trace.candidate, trace.candidate_sum)
    sums = np.zeros_like(to_states)
    cells, later = np.zeros(size), np.zeros(size)
    for t in range(len(to_states) - 1, -1, -1):
        cells = cells + (to_states[t] + later) * to_cells[t]
        sums[t] = cells * to_candidates[t]
        cells = cells * trace.forget_gate[t]
        later = sums[t] @ recurrent
    return sums @ weights.input[2 * size : 3 * size], float((sums @ bias).sum())


def gamma(question: Question) -> tuple[Numbers, float]:
    """Share out what each token wrote into the cell and was kept (Murdoch & Szlam 2017, gamma with tanh's secant).

    Sums to the logit. With more than one layer the shares are those of the top layer's steps. All that a step writes
    is its own, also where it only reacts to an earlier word.
    """
    return _by_cells(question, _kept_writes)


def beta(question: Question) -> tuple[Numbers, float]:
    """Share out by how much the cell's output changed at each token (Murdoch & Szlam 2017, beta): sums to the logit.

    With more than one layer the shares are those of the top layer's steps. Blind to what is forgotten later.
    """
    return _by_cells(question, _changes)


def _by_cells(question: Question, shares_of: Callable[[Trace, Array], Array]) -> tuple[Numbers, float]:
    reading, to_states, bias = _into_states(question)
    total = np.zeros(len(to_states))
    parts = np.split(to_states, len(reading.layers[-1]), axis=1)
    for back, (trace, part) in enumerate(zip(reading.layers[-1], parts, strict=True)):
        shares = shares_of(_flip(trace, back), part[::-1] if back else part).sum(axis=1)
        total += shares[::-1] if back else shares
    return total, bias


def _kept_writes(trace: Trace, to_states: Array) -> Array:
    """Give each step's write times what is kept of it wherever a state is read, [T, H]."""
    read = to_states * trace.output_gate * _secant(np.tanh(trace.cell_states), trace.cell_states)
    kept = np.zeros_like(read)
    after = np.zeros(read.shape[1])
    for t in range(len(read) - 1, -1, -1):
        kept[t] = after + read[t]
        after = kept[t] * trace.forget_gate[t]  # a step's own forget gate acts on what was there before its write
    return kept * trace.input_gate * trace.candidate


def _changes(trace: Trace, to_states: Array) -> Array:
    """Give each step's change of tanh(c) times the output gates of this and all later reads, [T, H]."""
    squashed = np.tanh(trace.cell_states)
    reads = np.cumsum((to_states * trace.output_gate)[::-1], axis=0)[::-1]
    return reads * np.diff(squashed, axis=0, prepend=np.zeros_like(squashed[:1]))


def memory(trace: Trace, readout: Array) -> Array:
    """Give how much of each token is still in the cell after each step, [T, T]: row t, column j, 0 where j > t.

    A trace in its own reading order; `readout`, [H], weighs the units of the state. Row t sums to readout @ h_t.
    """
    read = readout * trace.output_gate * _secant(np.tanh(trace.cell_states), trace.cell_states)
    left = np.zeros_like(trace.cell_states)  # [j, H] what is left of token j's write
    rows = np.zeros((len(left), len(left)), dtype=left.dtype)
    for t in range(len(left)):
        left[:t] *= trace.forget_gate[t]
        left[t] = trace.input_gate[t] * trace.candidate[t]
        rows[t, : t + 1] = left[: t + 1] @ read[t]
    return rows


def _into_states(question: Question) -> tuple[Reading, Array, float]:
    """Read in float64; give the weight of each top state in the number explained, [T, directions * H], and its bias."""
    reading = follow(question.network, question.ids, np.float64)
    return reading, read_weights(reading, question.row @ reading.head), float(question.row @ reading.head_bias)


def read_weights(reading: Reading, head: Array) -> Array:
    """Spread a head's weights of the pooled vector, [P], over the states they read, [T, directions * H].

    A maximum reads the step where it is reached, the first of equal ones.
    """
    states, size = reading.states, reading.hidden_size
    spread = np.zeros_like(states)
    for name, part in zip(reading.poolings, np.split(head, len(reading.poolings)), strict=True):
        if name == "mean":
            spread += part / len(states)
        elif name == "max":
            spread[states.argmax(axis=0), np.arange(states.shape[1])] += part
        else:
            spread[-1, :size] += part[:size]
            spread[0, size:] += part[size:]
    return spread


def _flip(trace: Trace, back: int) -> Trace:
    """Give a backward direction's trace in its own reading order; leave a forward one."""
    return Trace(*(getattr(trace, name)[::-1] for name in Trace.__slots__)) if back else trace


def _secant(squashed: Array, x: Array) -> Array:
    """Give tanh(x) / x, also at 0."""
    small = np.abs(x) < 1e-4
    ratio: Array = np.where(small, 1 - x * x / 3, squashed / np.where(small, 1, x))
    return ratio


METHODS: dict[str, Callable[[Question], tuple[Numbers, float]]] = {
    "frozen": frozen, "gamma": gamma, "beta": beta,
}  # fmt: skip
