"""A model and a text to every number the explanation page shows, ready for JSON; knows nothing of HTML.

Gates travel as one byte, cell states as two with a scale per unit, and the 32 units that separate the classes best also
as float32 parts of their pre-activations, so that the reader can do the arithmetic of exactly those by hand.
"""

import base64
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gatewise.base.cores import each_on_a_core
from gatewise.base.errors import DataError
from gatewise.explanation import shares as attribution
from gatewise.explanation.clamping import clamped
from gatewise.explanation.tracing import PREFIXES, Reading, TextTrace, as_trace, encoding, follow, running
from gatewise.lab.gradients import before_training, median_ratios
from gatewise.runtime import cell
from gatewise.runtime.batches import gather
from gatewise.runtime.classifier import Model, logits_of, softmax
from gatewise.runtime.tokenizer import UNKNOWN_ID, Ids

Array = npt.NDArray[Any]
GATES = ("input_gate", "forget_gate", "candidate", "output_gate")
BEST = 32  # units of a layer whose arithmetic is shown
BELT = 256  # words a belt remembers one by one
LONG = 1500  # tokens from which only the best units travel
HORIZON = (0, 1, 2, 5, 10, 20, 35, 50, 100, 200, 350, 500)  # neutral words added
COMPARED = 25  # beginnings read of a changed text
FEWEST, RUNNING_TOKENS = 40, 12_000  # of the text itself: PREFIXES, of a text of more tokens than 120 fewer
HELD = tuple((gate, value, None) for value in (1.0, 0.0, 0.5) for gate in ("forget_gate", "input_gate", "output_gate"))
# What a file prepares at most: words taken out, some of them with curves and shares, and phrases; and how many tokens
# that may read, so that a long text has fewer of them and a file never takes minutes.
DELETED, EDITED, PHRASES = 2000, 12, 120
DELETED_TOKENS, EDITED_TOKENS, PHRASE_TOKENS, COMPARED_TOKENS = 200_000, 4_000, 8_000, 10_000
CLAMP_TOKENS = 6_000
SLOW, SLOW_TOKENS = ("contextual", "integrated-gradients", "leave-one-out"), 400  # methods that grow with the square
GRADIENT_STEPS = (20, 50, 100)
GRADIENT_NETWORKS = {"rnn": "rnn", "lstm": "lstm-bias-1", "chrono": "lstm-chrono"}


def look(model: Model, text: str) -> dict[str, Any]:
    """Give one text's tokens, verdict, running verdict, gates, memory and default shares."""
    return _look(model, *_read(model, text))


def _look(model: Model, traced: TextTrace, shares: attribution.Explanation, reading: Reading) -> dict[str, Any]:
    prefixes = max(FEWEST, _affordable(PREFIXES, RUNNING_TOKENS, len(traced.ids)))
    verdicts, read = _running(model, reading, traced.ids, shares.target, prefixes)
    return {
        "text": traced.text,
        "tokens": traced.tokens,
        "offsets": traced.offsets,
        "known": (traced.ids != UNKNOWN_ID).astype(int).tolist(),
        "labels": [str(label) for label in model.labels],
        "target": shares.target,
        "probabilities": traced.probabilities.tolist(),
        "running": verdicts,
        "read": read,
        "memory": _memory(traced),
        "layers": _layers(model, traced),
        "shares": _shares(shares),
    }


def _read(model: Model, text: str, target: int | None = None) -> tuple[TextTrace, attribution.Explanation, Reading]:
    """Read a text once, in float64, for its trace and its shares."""
    encoded = encoding(model, text)
    reading = follow(model.network, encoded.ids, np.float64)
    shares = attribution.explain(model, text, target=target, reading=reading)
    return as_trace(model, text, encoded, reading), shares, reading


def explained(model: Model, text: str, target: int, method: str) -> dict[str, Any]:
    """Give one method's shares with the bias, the logit and what is left over."""
    return _shares(attribution.explain(model, text, method=method, target=target))


def _shares(found: attribution.Explanation) -> dict[str, Any]:
    return {
        "method": found.method,
        "contributions": found.contributions.round(9).tolist(),
        "bias": found.bias,
        "logit": found.logit,
        "residual": found.residual,
    }


def _running(model: Model, reading: Reading, ids: Ids, target: int, prefixes: int) -> tuple[list[float], list[int]]:
    """Give the target's probability after each token, and the tokens after which it was read: between them, a line."""
    found = running(model, ids, prefixes=prefixes, reading=reading)
    probabilities = softmax(found.logits / model.temperature)[:, target]
    line = np.interp(np.arange(1, len(ids) + 1), found.lengths, probabilities)
    return line.round(6).tolist(), (found.lengths - 1).tolist()


def _memory(traced: TextTrace) -> list[float]:
    """Give the mean size of the top layer's forward cell states after each token."""
    sizes: list[float] = np.abs(traced.layers[-1][0].cell_states).mean(axis=1).round(5).tolist()
    return sizes


# -- gates and memory --
def _layers(model: Model, text: TextTrace) -> list[list[dict[str, Any]]]:
    """Pack every layer and direction: all units of the top layer, the best of those below and of long texts."""
    vectors, best = text.vectors, BEST // model.network.encoder.directions
    layers = []
    for depth, (directions, weights) in enumerate(zip(text.layers, model.network.encoder.weights(), strict=True)):
        top = depth == len(text.layers) - 1
        row = []
        for side, (traced, own) in enumerate(zip(directions, weights, strict=True)):
            order, scores = _order(model, traced, side if top else None)
            kept = order if top and len(text.ids) <= LONG else order[:best]
            row.append(_direction(traced, vectors, own, kept, best, side == 1) | {"separation": scores[kept].tolist()})
        layers.append(row)
        vectors = np.concatenate([traced.states for traced in directions], axis=1)
    return layers


def _order(model: Model, traced: cell.Trace, side: int | None) -> tuple[Array, Array]:
    """Rank units: by how well each alone separates the classes where that was measured, else by how much they move."""
    hidden = traced.states.shape[1]
    measured = model.facts.get("unit_separation")
    if side is not None and isinstance(measured, list) and len(measured) == hidden * model.network.encoder.directions:
        scores = np.array(measured[side * hidden : (side + 1) * hidden])
        return np.argsort(-np.abs(scores - 0.5), kind="stable"), scores
    return np.argsort(-traced.states.std(axis=0), kind="stable"), np.full(hidden, np.nan)


def _direction(
    traced: cell.Trace, vectors: Array, weights: cell.CellWeights, units: Array, count: int, backward: bool
) -> dict[str, Any]:
    """Pack one direction's gates as [units, time], the parts of the first `count` units' gates, and its belt."""
    before = np.zeros_like(traced.states)
    if backward:
        before[:-1] = traced.states[1:]
    else:
        before[1:] = traced.states[:-1]
    best = units[:count]
    hidden = traced.states.shape[1]
    rows = (np.arange(4)[:, None] * hidden + best).ravel()  # gate by gate
    alive, older = belt(*(array[::-1] if backward else array for array in _writes(traced)))
    return {
        "units": units.tolist(),
        "gates": {
            name: packed(getattr(traced, name)[:, units].T, "i1" if name == "candidate" else "u1") for name in GATES
        },
        "cell_states": packed(traced.cell_states[:, units].T, "i2"),
        "means": {name: packed(getattr(traced, name).mean(axis=1), "f4") for name in GATES},
        "from_input": packed((vectors @ weights.input[rows].T).T, "f4"),
        "from_state": packed((before @ weights.recurrent[rows].T).T, "f4"),
        "bias": weights.bias[rows].tolist(),
        "alive": packed(alive, "rows"),
        "older": packed(older, "f4"),
    }  # fmt: skip


def _writes(traced: cell.Trace) -> tuple[Array, Array]:
    return traced.forget_gate, traced.input_gate * traced.candidate


def belt(forget_gate: Array, writes: Array) -> tuple[Array, Array]:
    """Follow each write i g, [T, H], as later forget gates shrink it (Murdoch & Szlam 2017).

    Gives alive, [T, B], where alive[t, k] is the size (sum of absolute values over the units) at step t of what was
    written k steps earlier, and the size of everything older, [T]. A word's own forget gate acts on older content only.
    """
    steps, width = len(writes), min(BELT, len(writes))
    alive, older = np.zeros((steps, width)), np.zeros(steps)
    kept = np.array(writes, dtype=np.float64)
    rest = np.zeros(kept.shape[1])
    for t in range(steps):
        first = max(0, t - width + 1)
        kept[first:t] *= forget_gate[t]
        if first:
            rest = (rest + kept[first - 1]) * forget_gate[t]
        alive[t, : t - first + 1] = np.abs(kept[first : t + 1]).sum(axis=1)[::-1]
        older[t] = np.abs(rest).sum()
    return alive, older


def packed(array: Array, kind: str) -> dict[str, Any]:
    """Write numbers, [rows, columns], as base64: u1 for shares, i1 for tanh; i2 and rows (one byte) scaled per row."""
    stored, most, scaled = {
        "u1": ("u1", 255, False), "i1": ("i1", 127, False), "i2": ("<i2", 32767, True), "rows": ("u1", 255, True),
        "f4": ("<f4", 0, False),
    }[kind]  # fmt: skip
    numbers = np.asarray(array, np.float64)
    scale = None
    if most:
        top = np.abs(numbers).max(axis=1, initial=1e-12) if scaled else np.ones(len(numbers))
        scale = np.float32(top / most).tolist()
        numbers = np.rint(numbers / top[:, None] * most)
    data = base64.b64encode(np.ascontiguousarray(numbers, stored).tobytes()).decode("ascii")
    return {"kind": stored[-2:], "shape": list(numbers.shape), "scale": scale, "data": data}


# -- what if --
def phrase(model: Model, text: str, target: int, start: int, stop: int) -> dict[str, Any]:
    """Give what tokens start to stop - 1 are worth together and each alone, decomposed and taken out."""
    count = len(encoding(model, text).ids)
    if not 0 <= start < stop <= count:
        raise DataError(f"There is no phrase from token {start} to {stop}; the text has tokens 0 to {count - 1}.")
    return phrases(model, text, target, [(start, stop)])[0]


def phrases(model: Model, text: str, target: int, chosen: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """Give what each of several phrases is worth; a token they share is asked once."""
    spans = sorted({*chosen, *((token, token + 1) for start, stop in chosen for token in range(start, stop))})
    worth = dict(zip(spans, attribution.phrase_scores(model, text, spans, target).tolist(), strict=True))
    effects = attribution.phrase_effects(model, text, chosen, target)
    return [
        {
            "start": start, "stop": stop, "together": worth[start, stop],
            "alone": [worth[token, token + 1] for token in range(start, stop)],
            "effect": effect, "effects": own,
        }
        for (start, stop), (effect, own) in zip(chosen, effects, strict=True)
    ]  # fmt: skip


def clamp(
    model: Model, text: str, target: int, gate: str, value: float, unit: int | None = None, *, prefixes: int = COMPARED
) -> dict[str, Any]:
    """Give what changes when a gate, or one unit's, is held at a value."""
    changed = brief(clamped(model, gate, value, unit=unit), text, target, prefixes=prefixes)
    return {"gate": gate, "value": value, "unit": unit} | changed


def brief(model: Model, text: str, target: int, *, prefixes: int = COMPARED) -> dict[str, Any]:
    """Give what is compared after a change: tokens, the target's probability after each, shares, size of the memory."""
    traced, shares, reading = _read(model, text, target)
    return {
        "text": text,
        "tokens": traced.tokens,
        "probability": shares.probability,
        "running": _running(model, reading, traced.ids, target, prefixes)[0],
        "contributions": shares.contributions.round(6).tolist(),
        "memory": _memory(traced),
    }


def without(model: Model, text: str, target: int, chosen: Sequence[int]) -> list[float]:
    """Give the target's probability when each of the chosen tokens is taken out, one at a time."""
    offsets = model.tokenizer.encode(text).offsets
    shorter = [cut(text, *offsets[token]) for token in chosen]
    return model.probabilities(shorter)[:, target].round(6).tolist()  # type: ignore[no-any-return]


def cut(text: str, start: int, end: int) -> str:
    """Take characters out of a text, and one of two spaces that then meet."""
    return text[:start] + text[end + (text[start - 1 : start] + text[end : end + 1]).isspace() * (start > 0) :]


def horizon(model: Model, text: str, target: int) -> dict[str, Any]:
    """Add neutral words after a text: how much of its evidence, and of its trace in the memory, is left.

    Evidence is the distance between the target's log-odds for text + n words and for the n words alone; the memory is
    the distance between the forward states after the two; the direct path is what n forget gates leave of a cell. The
    network reads on where the text alone would be cut at `max_tokens`.
    """
    words = neutral(model)
    ids = encoding(model, text).ids
    filler = np.resize(model.tokenizer.encode(" ".join(words)).ids, HORIZON[-1])
    alone = follow(model.network, filler).layers[-1][0]
    joined = follow(model.network, np.concatenate([ids, filler])).layers[-1][0]
    start = np.zeros_like(alone.states[:1])
    gap = np.linalg.norm(joined.states[len(ids) - 1 :] - np.concatenate([start, alone.states]), axis=1)
    path = np.cumprod(joined.forget_gate[len(ids) :], axis=0, dtype=np.float64).mean(axis=1)
    with_text = _network_logits(model, [np.concatenate([ids, filler[:n]]) for n in HORIZON])
    without_it = _network_logits(model, [filler[:n] if n else np.array([UNKNOWN_ID]) for n in HORIZON])
    evidence = _odds(with_text, target) - _odds(without_it, target)
    return {
        "words": words,
        "added": list(HORIZON),
        "probabilities": softmax(with_text / model.temperature)[:, target].tolist(),
        "evidence": (evidence / (evidence[0] or np.inf)).tolist(),  # a text without evidence has none to lose
        "memory": [float(gap[n] / gap[0]) for n in HORIZON],
        "path": [1.0, *(float(path[n - 1]) for n in HORIZON[1:])],
    }


def _network_logits(model: Model, texts: Sequence[Array]) -> Array:
    """Give the network's logits, [N, C], of texts given as ids of any length."""
    encoded = [np.asarray(ids, np.int32) for ids in texts]
    return logits_of(model.network, gather([encoded], None, model.tokenizer.vocab_size))


def _odds(logits: Array, target: int) -> Array:
    """Give the log-odds of one label against all others."""
    others = np.delete(logits, target, axis=1)
    return logits[:, target] - np.logaddexp.reduce(others, axis=1)  # type: ignore[no-any-return]


def neutral(model: Model, count: int = 5, commonest: int = 200) -> list[str]:
    """Choose among the commonest words those that, repeated alone, move the verdict least from the unknown word's."""
    words = [word for word in model.tokenizer.commonest(commonest) if word.isalpha()]
    ids = [model.tokenizer.encode(word).ids for word in words]
    known = [place for place, found in enumerate(ids) if len(found) == 1 and found[0] != UNKNOWN_ID]
    if not known:
        return ["\N{REPLACEMENT CHARACTER}"]  # a model of very few words: the unknown one
    logits = _network_logits(model, [np.repeat(UNKNOWN_ID, 8), *(np.repeat(ids[place], 8) for place in known)])
    distance = np.abs(logits[1:] - logits[0]).max(axis=1)
    return [words[known[place]] for place in np.argsort(distance, kind="stable")[:count]]


@functools.cache
def gradients(
    lengths: Sequence[int] = GRADIENT_STEPS, seeds: Sequence[int] = (1, 2, 3)
) -> dict[str, dict[str, list[float]]]:
    """Give how strongly the last state feels the input of each step before training, relative to the last step's.

    By length and network, as `gatewise lab gradients` measures it: the median over the seeds.
    """
    found = {}
    for length in lengths:
        flows = [before_training(name, length, seed) for name in GRADIENT_NETWORKS.values() for seed in seeds]
        medians = {short: median_ratios(flows, name, False) for short, name in GRADIENT_NETWORKS.items()}
        found[str(length)] = {short: list(by_distance[::-1]) for short, by_distance in medians.items()}
    return found


# -- all of it --
def setting(model: Model) -> dict[str, Any]:
    """Give what a page must know of the model whatever the text."""
    return {
        "methods": list(attribution.METHODS),
        "hidden": model.network.config.hidden_size,
        "faithfulness": model.facts.get("faithfulness"),
    }


def story(model: Model, text: str) -> dict[str, Any]:
    """Give everything a page needs that cannot ask: the look, and each what-if prepared as far as its time allows."""
    traced, shares, reading = _read(model, text)
    seen = _look(model, traced, shares, reading)
    length, target = len(seen["tokens"]), seen["target"]
    strongest = np.argsort(-np.abs(seen["shares"]["contributions"]), kind="stable").tolist()
    chosen = sorted(strongest[: _affordable(DELETED, DELETED_TOKENS, length)])
    beginnings = _affordable(COMPARED, COMPARED_TOKENS, length)
    units = [(side, unit) for side, direction in enumerate(seen["layers"][-1]) for unit in direction["units"][:4]]
    hidden = model.network.config.hidden_size
    silent = [("candidate", 0.0, side * hidden + unit) for side, unit in units]
    held = [*HELD[:4], *silent[::4], *HELD[4:], *silent][: _affordable(20, CLAMP_TOKENS, length)]
    shorter = [cut(text, *offsets) for offsets in seen["offsets"]]
    edited = [token for token in strongest[: _affordable(EDITED, EDITED_TOKENS, length)] if shorter[token].strip()]
    return {
        "look": seen,
        "methods": [
            _shares(attribution.explain(model, text, method=method, target=target, reading=reading))
            for method in attribution.METHODS
            if length <= SLOW_TOKENS or method not in SLOW
        ],
        "without": dict(zip(chosen, without(model, text, target, chosen), strict=True)),
        "edits": dict(
            zip(
                edited,
                each_on_a_core(lambda token: brief(model, shorter[token], target, prefixes=beginnings), edited),
                strict=True,
            )
        ),
        "phrases": phrases(model, text, target, spans(strongest, length, _affordable(PHRASES, PHRASE_TOKENS, length))),
        "clamps": each_on_a_core(
            lambda change: clamp(model, text, target, *change, prefixes=beginnings), list(dict.fromkeys(held))
        ),
        "horizon": horizon(model, text, target),
        "gradients": gradients(),
    }


def _affordable(most: int, tokens: int, length: int) -> int:
    return max(1, min(most, tokens // length))


def spans(strongest: Sequence[int], length: int, most: int = PHRASES) -> list[tuple[int, int]]:
    """Choose the phrases of two to four tokens to prepare: those with the strongest tokens first."""
    found: dict[tuple[int, int], None] = {}
    for token in strongest:
        for size in (2, 3, 4):
            for start in range(max(0, token - size + 1), min(token, length - size) + 1):
                found[start, start + size] = None
        if len(found) >= most:
            break
    return sorted(list(found)[:most])
