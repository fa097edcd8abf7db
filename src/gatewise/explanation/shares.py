"""A text that was read to each token's share of the answer: one function per method behind one name.

What is explained is one number, the logit of a class minus the mean of the others': with two classes their difference,
with more still what the probabilities depend on, since adding a constant to all logits changes neither. It is
uncalibrated; for two classes the calibrated probability is sigmoid(logit / temperature).
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise.base.cores import one_thread
from gatewise.base.errors import ConfigError, ModelError, one_line
from gatewise.explanation.clamping import clamped
from gatewise.explanation.contextual import phrase_parts
from gatewise.explanation.gradients import gradients
from gatewise.explanation.tracing import Reading, read
from gatewise.runtime import companion as ngrams
from gatewise.runtime.cell import Array, CellWeights, Trace
from gatewise.runtime.classifier import Label, Model, Numbers
from gatewise.runtime.tokenizer import UNKNOWN_ID, Ids

DEFAULT = "frozen"
STEPS = 50  # of integrated gradients
STRONGEST = 12  # tokens listed in lines()
# A method is asked which part each token has in `row @ logits` of the network; it gives shares, [T], and the bias.
Method = Callable[[Reading, Numbers], tuple[Numbers, float]]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The shares of one text's tokens; contributions, bias and residual sum to the logit."""

    text: str
    tokens: list[str]
    offsets: list[tuple[int, int]]  # characters of the text, end excluded
    ids: Ids  # [T]
    contributions: Numbers  # [T]; above 0 speaks for the label; the companion's part is in them
    companion_contributions: Numbers  # [T]; zeros where the model has no companion
    bias: float  # what belongs to no token
    logit: float  # of the label, minus the mean of the others'; uncalibrated
    residual: float  # logit minus bias and contributions
    method: str
    label: Label  # the class explained
    target: int
    probability: float  # the label's, calibrated
    temperature: float

    @property
    def network_contributions(self) -> Numbers:
        """The shares, [T], without the companion's part."""
        return self.contributions - self.companion_contributions

    def as_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        plain = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in plain.items()}

    def lines(self) -> list[str]:
        """Say it in plain lines: the answer, the strongest tokens, and what the sum is made of."""
        strongest = sorted(range(len(self.tokens)), key=lambda place: -abs(self.contributions[place]))[:STRONGEST]
        most = max(float(abs(self.contributions).max()), 1e-12)
        lines = [f"{self.label}   probability {self.probability:.4f}   logit {self.logit:+.4f}   method {self.method}"]
        for place in strongest:
            share = float(self.contributions[place])
            bar = "#" * max(1, round(24 * abs(share) / most))
            lines.append(f"{share:+9.4f}  {bar:24}  {self.tokens[place]}  (token {place})")
        rest = float(self.contributions.sum()) - sum(float(self.contributions[place]) for place in strongest)
        return [
            *lines,
            f"{rest:+9.4f}  the other {len(self.tokens) - len(strongest)} tokens",
            f"{self.bias:+9.4f}  bias, which is no token's",
            f"{self.residual:+9.4f}  residual: what the shares leave unexplained",
            f"{self.logit:+9.4f}  logit",
        ]


def explain(model: Model, text: str, *, method: str = DEFAULT, target: int | str | None = None) -> Explanation:
    """Say how much each token of a text spoke for a class: the predicted one, labels[target], or the label `target`.

    Raises ConfigError for an unknown method or target and DataError for an empty text. A text longer than the model's
    `max_tokens` is explained as it is read, without its middle.
    """
    return explained(read(model, text), method, target)


@one_thread()
def explained(reading: Reading, method: str = DEFAULT, target: int | str | None = None) -> Explanation:
    """Say how much each token of a text that was read spoke for a class."""
    if method not in METHODS:
        raise ConfigError(f"There is no method {method!r}; choose one of {', '.join(METHODS)}.")
    model = reading.model
    target = class_of(reading, target)
    row = contrast(target, len(model.labels))
    contributions, bias = METHODS[method](reading, row)
    linear, linear_bias = companion_shares(reading, row)
    contributions, bias = contributions + linear, bias + linear_bias
    logit = float(row @ reading.logits)
    if not np.isfinite([*contributions, bias]).all():  # slopes may grow without bound; no trained model's have
        raise ModelError(f"The method {method} gives no numbers for this text with this model; choose another.")
    return Explanation(
        reading.text, reading.tokens, reading.offsets, reading.ids, contributions, linear, bias, logit,
        logit - bias - float(contributions.sum()), method, model.labels[target], target,
        float(reading.probabilities[target]), model.temperature,
    )  # fmt: skip


def class_of(reading: Reading, target: int | str | None) -> int:
    """Give the place of the class asked for: a number is that place, a string its label; none is the likeliest.

    Raises ConfigError where no label is so called.
    """
    if target is None:
        return int(reading.logits.argmax())
    if not isinstance(target, str):
        return target
    names = [str(label) for label in reading.model.labels]
    if target not in names:
        raise ConfigError(f"There is no class {target!r}; the model's classes are {one_line(', '.join(names))}.")
    return names.index(target)


def companion_shares(reading: Reading, row: Numbers) -> tuple[Numbers, float]:
    """Give each token's exact share, [T], of what the n-gram companion adds to the number explained, and its bias."""
    model = reading.model
    if model.companion is None:
        return np.zeros(len(reading.ids)), 0.0
    spelling = model.tokenizer.letters(reading.text, reading.offsets) if model.spelt else ()
    shares = model.companion_weight * ngrams.contributions(model.companion, reading.ids, *spelling) @ row
    return shares, float(model.companion_weight * ngrams.bias_logits(model.companion) @ row)


def contrast(target: int, classes: int) -> Numbers:
    """Give the weights of the logits, [C], in the number explained: 1 for the target, the rest shares -1 evenly."""
    if isinstance(target, bool) or not isinstance(target, (int, np.integer)) or not 0 <= target < classes:
        raise ConfigError(f"There is no class {target!r}; the model's classes are 0 to {classes - 1}.")
    row = np.full(classes, -1 / (classes - 1))
    row[target] = 1
    return row


# Exact sums through the network's own numbers, all in float64: sums of |shares| are ten times the logit.


def frozen(reading: Reading, row: Numbers) -> tuple[Numbers, float]:
    """Share out with the gates held at their values and tanh replaced by its secant: sums to the logit.

    The network is then linear in its vectors, so a token's share is its vector times the gradient, and the bias is
    what the candidates' biases and the head's give. A word that only opens or shuts a gate gets less than its due.
    Equals layer-wise relevance propagation with signal-take-all (Arras et al. 2019) and no stabiliser.
    """
    to_states, bias = into_states(reading, row)
    layers = clamped(reading.weights, [hold for hold in reading.holds if hold.gate == "candidate"])  # no other is used
    to_vectors, from_biases = swept(layers, reading.layers, to_states)
    return (reading.vectors * to_vectors).sum(axis=1), bias + from_biases


def swept(
    layers: Sequence[Sequence[CellWeights]], traces: Sequence[Sequence[Trace]], to_states: Array
) -> tuple[Array, float]:
    """Go back through all layers with gates frozen: from the weights of the top states, [T, directions * H], to those
    of the vectors, [T, E], and what the candidates' biases add.
    """
    bias = 0.0
    for directions, own in zip(reversed(layers), reversed(traces), strict=True):
        parts = np.split(to_states, len(directions), axis=1)
        below: Array = np.zeros(())
        for back, (weights, trace, part) in enumerate(zip(directions, own, parts, strict=True)):
            to_vectors, from_biases = sweep(trace.reversed() if back else trace, weights, part[::-1] if back else part)
            below = below + (to_vectors[::-1] if back else to_vectors)
            bias += from_biases
        to_states = below
    return to_states, bias


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


def gamma(reading: Reading, row: Numbers) -> tuple[Numbers, float]:
    """Share out what each token wrote into the cell and was kept (Murdoch & Szlam 2017, gamma with tanh's secant).

    Sums to the logit. With more than one layer the shares are those of the top layer's steps. All that a step writes
    is its own, also where it only reacts to an earlier word.
    """
    return _by_cells(reading, row, _kept_writes)


def beta(reading: Reading, row: Numbers) -> tuple[Numbers, float]:
    """Share out by how much the cell's output changed at each token (Murdoch & Szlam 2017, beta): sums to the logit.

    With more than one layer the shares are those of the top layer's steps. Blind to what is forgotten later.
    """
    return _by_cells(reading, row, _changes)


def _by_cells(reading: Reading, row: Numbers, shares_of: Callable[[Trace, Array], Array]) -> tuple[Numbers, float]:
    to_states, bias = into_states(reading, row)
    total: Numbers = np.zeros(len(to_states))
    parts = np.split(to_states, len(reading.layers[-1]), axis=1)
    for back, (trace, part) in enumerate(zip(reading.layers[-1], parts, strict=True)):
        shares = shares_of(trace.reversed() if back else trace, part[::-1] if back else part).sum(axis=1)
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


def contextual(reading: Reading, row: Numbers) -> tuple[Numbers, float]:
    """Give each token's part as a phrase of its own (contextual decomposition): sums to nothing in particular."""
    reading = reading.rounded()  # nothing has to add up, and it takes half the time
    to_states, bias = into_states(reading, row)
    return phrase_parts(reading, np.eye(len(reading.ids), dtype=bool), to_states).astype(np.float64), bias


# What any differentiable or any callable model can be asked.


def integrated_gradients(reading: Reading, row: Numbers) -> tuple[Numbers, float]:
    """Sum up gradients on the way from vectors of zeros to the text's (Sundararajan, Taly & Yan 2017), by midpoints.

    The bias is the answer to the vectors of zeros; the sum nears the logit as the steps grow.
    """
    way = (np.arange(STEPS) + 0.5) / STEPS
    gradient, answers = gradients(reading, row, np.append(way, 0), np.append(np.full(STEPS, 1 / STEPS), 0))
    return (gradient * reading.vectors).sum(axis=1), float(answers[-1])


def gradient_times_input(reading: Reading, row: Numbers) -> tuple[Numbers, float]:
    """Give each token's vector times the gradient there: sums to nothing in particular."""
    gradient, _ = gradients(reading, row, np.ones(1), np.ones(1))
    return (gradient * reading.vectors).sum(axis=1), 0.0


def leave_one_out(reading: Reading, row: Numbers) -> tuple[Numbers, float]:
    """Give how much the answer falls without each token; a lone token leaves the unknown word behind."""
    answers = reading.ask([reading.ids, *without_each(reading.ids)]) @ row
    return answers[0] - answers[1:], 0.0


def without_each(ids: Ids) -> list[Ids]:
    """Give the text without each of its tokens."""
    return [np.delete(ids, place) for place in range(len(ids))] if len(ids) > 1 else [np.array([UNKNOWN_ID], ids.dtype)]


def at_random(reading: Reading, row: Numbers) -> tuple[Numbers, float]:
    """Give numbers that know nothing, the same for the same text: what any method has to beat."""
    return np.random.default_rng(reading.ids.tolist()).normal(size=len(reading.ids)), 0.0


def into_states(reading: Reading, row: Numbers) -> tuple[Array, float]:
    """Give the weight of each top state in the number explained, [T, directions * H], and its bias."""
    network = reading.model.network
    return read_weights(reading, row @ network.head), float(row @ network.head_bias)


def read_weights(reading: Reading, head: Array) -> Array:
    """Spread a head's weights of the pooled vector, [P], over the states they read, [T, directions * H].

    A maximum reads the step where it is reached, the first of equal ones.
    """
    config, states = reading.model.network.config, reading.states
    size, spread = config.hidden_size, np.zeros_like(states)
    for name, part in zip(config.pooling, np.split(head, len(config.pooling)), strict=True):
        if name == "mean":
            spread += part / len(states)
        elif name == "max":
            spread[states.argmax(axis=0), np.arange(states.shape[1])] += part
        else:
            spread[-1, :size] += part[:size]
            spread[0, size:] += part[size:]
    return spread


def _secant(squashed: Array, x: Array) -> Array:
    """Give tanh(x) / x, also at 0."""
    small = np.abs(x) < 1e-4
    ratio: Array = np.where(small, 1 - x * x / 3, squashed / np.where(small, 1, x))
    return ratio


METHODS: dict[str, Method] = {
    "frozen": frozen, "gamma": gamma, "beta": beta, "contextual": contextual,
    "integrated-gradients": integrated_gradients, "gradient-times-input": gradient_times_input,
    "leave-one-out": leave_one_out, "random": at_random,
}  # fmt: skip
