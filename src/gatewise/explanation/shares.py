"""A model and a text to each token's share of the answer: one function per method behind one name.

What is explained is one number, the logit of a class minus the mean of the others': with two classes their difference,
with more still what the probabilities depend on, since adding a constant to all logits changes neither. It is
uncalibrated; for two classes the calibrated probability is sigmoid(logit / temperature).
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gatewise.base.errors import ConfigError
from gatewise.explanation.contextual import phrase_parts
from gatewise.explanation.tracing import Reading, encoding, follow
from gatewise.nets.classify import TextLSTM
from gatewise.runtime import companion as ngrams
from gatewise.runtime.batches import gather
from gatewise.runtime.cell import Array, CellWeights, Trace
from gatewise.runtime.classifier import Label, Model, Numbers, logits_of, softmax
from gatewise.runtime.tokenizer import UNKNOWN_ID, Ids

DEFAULT = "frozen"
STEPS, STEPS_AT_ONCE = 50, 10  # of integrated gradients


@dataclass(frozen=True, slots=True)
class Question:
    """What a method is asked: which part has each id, [T], in `row @ logits` of a network?"""

    network: TextLSTM
    ids: Ids
    row: Numbers  # [C]
    reading: Reading | None = None  # in float64, where the text was read already


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

    def as_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        plain = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in plain.items()}


def explain(
    model: Model, text: str, *, method: str = DEFAULT, target: int | None = None, reading: Reading | None = None
) -> Explanation:
    """Say how much each token of a text spoke for a class: the predicted one, or labels[target].

    Raises ConfigError for an unknown method or target and DataError for an empty text. A text longer than the model's
    `max_tokens` is explained as it is read, without its middle. `reading` is the text's, in float64, if there is one.
    """
    if method not in METHODS:
        raise ConfigError(f"There is no method {method!r}; choose one of {', '.join(METHODS)}.")
    encoded = encoding(model, text)
    logits = model.logits([text])
    target = int(logits[0].argmax()) if target is None else target
    row = contrast(target, len(model.labels))
    contributions, bias = METHODS[method](Question(model.network, encoded.ids, row, reading))
    linear, linear_bias = companion_shares(model, encoded.ids, row)
    contributions, bias = contributions + linear, bias + linear_bias
    logit, probability = float(row @ logits[0]), float(softmax(logits / model.temperature)[0, target])
    return Explanation(
        text, encoded.tokens, encoded.offsets, encoded.ids, contributions, linear, bias, logit,
        logit - bias - float(contributions.sum()), method, model.labels[target], target, probability,
        model.temperature,
    )  # fmt: skip


def companion_shares(model: Model, ids: Ids, row: Numbers) -> tuple[Numbers, float]:
    """Give each token's exact share, [T], of what the n-gram companion adds to the number explained, and its bias."""
    if model.companion is None:
        return np.zeros(len(ids)), 0.0
    shares = model.companion_weight * ngrams.contributions(model.companion, ids) @ row
    return shares, float(model.companion_weight * ngrams.bias_logits(model.companion) @ row)


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a phrase is worth: its own part of the network's answer, the rest's, and what its words make together."""

    score: float  # with `rest` it sums to the network's part of the logit
    rest: float
    interaction: float  # the score minus those of its words one by one: "not good" is not "not" plus "good"
    effect: float  # what the answer gains by the phrase, which is taken out to see it
    effect_interaction: float  # that, minus what it gains by each of its words without the others


def phrase(model: Model, text: str, start: int, end: int, *, target: int | None = None) -> Phrase:
    """Say what the tokens from start to end, end excluded, are worth together: split in two, and taken out.

    The score is contextual decomposition's; the effect needs no decomposition and so checks it. Both are of the network
    alone, without the companion. Raises ConfigError when there are no such tokens.
    """
    target = int(model.logits([text])[0].argmax()) if target is None else target
    words = [(place, place + 1) for place in range(start, end)]
    scores = phrase_scores(model, text, [(start, end), *words], target)
    [(effect, effects)] = phrase_effects(model, text, [(start, end)], target)
    network = float(contrast(target, len(model.labels)) @ model.network_logits([text])[0])
    return Phrase(
        float(scores[0]), network - float(scores[0]), float(scores[0] - scores[1:].sum()) if len(words) > 1 else 0.0,
        effect, effect - sum(effects) if len(words) > 1 else 0.0,
    )  # fmt: skip


def phrase_effects(
    model: Model, text: str, spans: Sequence[tuple[int, int]], target: int
) -> list[tuple[float, list[float]]]:
    """Give what the network's answer gains when each phrase, or one of its words alone, joins the rest of the text."""
    ids = encoding(model, text).ids
    texts: list[Ids] = []
    for start, end in spans:
        for middle in (ids[start:start], ids[start:end], *ids[start:end].reshape(-1, 1)):
            without = np.concatenate([ids[:start], middle, ids[end:]])
            texts.append(without if len(without) else np.array([UNKNOWN_ID], dtype=ids.dtype))
    answers = _answers(Question(model.network, ids, contrast(target, len(model.labels))), texts)
    found, at = [], 0
    for start, end in spans:
        rest, together, *alone = answers[at : at + 2 + end - start]
        found.append((float(together - rest), [float(one - rest) for one in alone]))
        at += 2 + end - start
    return found


def phrase_scores(model: Model, text: str, spans: Sequence[tuple[int, int]], target: int) -> Numbers:
    """Give the parts of several phrases, [S], each from a token to another, end excluded, in the network's answer."""
    encoded = encoding(model, text)
    count = len(encoded.ids)
    inside = np.zeros((len(spans), count), dtype=bool)
    for row, (start, end) in enumerate(spans):
        if not 0 <= start < end <= count:
            raise ConfigError(f"There is no phrase from token {start} to {end}; the text has tokens 0 to {count - 1}.")
        inside[row, start:end] = True
    question = Question(model.network, encoded.ids, contrast(target, len(model.labels)))
    reading, to_states, _ = _into_states(question)
    return phrase_parts(reading, inside, to_states).astype(np.float64)


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
        below: Array = np.zeros(())
        for back, (weights, trace, part) in enumerate(zip(directions, traces, parts, strict=True)):
            to_vectors, from_biases = sweep(trace.reversed() if back else trace, weights, part[::-1] if back else part)
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


def contextual(question: Question) -> tuple[Numbers, float]:
    """Give each token's part as a phrase of its own (contextual decomposition): sums to nothing in particular."""
    reading, to_states, bias = _into_states(question, np.float32)  # nothing has to add up, and it takes half the time
    return phrase_parts(reading, np.eye(len(question.ids), dtype=bool), to_states).astype(np.float64), bias


# What any differentiable or any callable model can be asked.


def integrated_gradients(question: Question, steps: int = STEPS) -> tuple[Numbers, float]:
    """Sum up gradients on the way from vectors of zeros to the text's (Sundararajan, Taly & Yan 2017), by midpoints.

    The bias is the answer to the vectors of zeros; the sum nears the logit as the steps grow.
    """
    vectors = question.network.embedding.weight.detach()[torch.from_numpy(question.ids.astype(np.int64))]
    total = torch.zeros(vectors.shape, dtype=torch.float64)
    for part in torch.split((torch.arange(steps) + 0.5) / steps, STEPS_AT_ONCE):
        _, gradient = _gradient(question, vectors.unsqueeze(1) * part.view(1, -1, 1))
        total += gradient.double().sum(dim=1)
    shares: Numbers = (total / steps * vectors).sum(dim=1).numpy()
    with torch.no_grad():
        start = question.network.classify(torch.zeros_like(vectors).unsqueeze(1), torch.tensor([len(vectors)]))
    return shares, float(question.row @ start[0].double().numpy())


def gradient_times_input(question: Question) -> tuple[Numbers, float]:
    """Give each token's vector times the gradient there: sums to nothing in particular."""
    vectors = question.network.embedding.weight.detach()[torch.from_numpy(question.ids.astype(np.int64))]
    _, gradient = _gradient(question, vectors.unsqueeze(1))
    return (gradient[:, 0] * vectors).sum(dim=1).double().numpy(), 0.0


def _gradient(question: Question, vectors: Tensor) -> tuple[Numbers, Tensor]:
    """Give the number explained for embedded texts of one length, [T, B, E], and its gradient there."""
    leaf = vectors.clone().requires_grad_()
    with torch.enable_grad():
        logits = question.network.classify(leaf, torch.full((leaf.shape[1],), len(leaf)))
        answers = logits.double() @ torch.from_numpy(question.row)
        (gradient,) = torch.autograd.grad(answers.sum(), leaf)
    return answers.detach().numpy(), gradient


def leave_one_out(question: Question) -> tuple[Numbers, float]:
    """Give how much the answer falls without each token; a lone token leaves the unknown word behind."""
    ids = question.ids
    without = [np.delete(ids, place) if len(ids) > 1 else np.array([UNKNOWN_ID]) for place in range(len(ids))]
    answers = _answers(question, [ids, *(text.astype(np.int32) for text in without)])
    return answers[0] - answers[1:], 0.0


def _answers(question: Question, texts: Sequence[Ids]) -> Numbers:
    """Give the number explained for other texts, [N]."""
    sequences = gather([list(texts)], None, len(question.network.embedding.weight))
    answers: Numbers = logits_of(question.network, sequences) @ question.row
    return answers


def at_random(question: Question) -> tuple[Numbers, float]:
    """Give numbers that know nothing, the same for the same text: what any method has to beat."""
    return np.random.default_rng(question.ids.tolist()).normal(size=len(question.ids)), 0.0


def _into_states(question: Question, dtype: type[np.floating] = np.float64) -> tuple[Reading, Array, float]:
    """Read the text; give the weight of each top state in the number explained, [T, directions * H], and its bias."""
    known = question.reading if dtype is np.float64 else None
    reading = known or follow(question.network, question.ids, dtype)
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


def _secant(squashed: Array, x: Array) -> Array:
    """Give tanh(x) / x, also at 0."""
    small = np.abs(x) < 1e-4
    ratio: Array = np.where(small, 1 - x * x / 3, squashed / np.where(small, 1, x))
    return ratio


METHODS: dict[str, Callable[[Question], tuple[Numbers, float]]] = {
    "frozen": frozen, "gamma": gamma, "beta": beta, "contextual": contextual,
    "integrated-gradients": integrated_gradients, "gradient-times-input": gradient_times_input,
    "leave-one-out": leave_one_out, "random": at_random,
}  # fmt: skip
