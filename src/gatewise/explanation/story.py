"""A model and a text to every number the explanation page shows; knows nothing of HTML, nor how an array travels.

Of the 32 units that separate the classes best there are also the parts of their pre-activations, so that the reader can
do the arithmetic of exactly those by hand.
"""

import itertools
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from gatewise.base.cores import one_thread
from gatewise.explanation import whatif
from gatewise.explanation.clamping import holds
from gatewise.explanation.phrases import phrase_texts
from gatewise.explanation.shares import DEFAULT, METHODS, Explanation, explained, without_each
from gatewise.explanation.tracing import PREFIXES, Change, Reading, beginnings, read, read_near
from gatewise.runtime.cell import GATES, CellWeights, Trace
from gatewise.runtime.classifier import Model
from gatewise.runtime.tokenizer import UNKNOWN_ID

Part = TypeVar("Part")
Array = npt.NDArray[Any]
BEST = 32  # units of a layer whose arithmetic is shown
BELT = 256  # words a belt remembers one by one
LONG = 1500  # tokens from which only the best units travel
FEWEST, RUNNING_TOKENS = 40, 12_000  # of the text itself: PREFIXES, of a text of more tokens than 120 fewer
HELD = tuple((gate, value, None) for value in (1.0, 0.0, 0.5) for gate in ("forget_gate", "input_gate", "output_gate"))
# What a file prepares at most: words taken out, some of them with curves and shares, and phrases; and how many tokens
# that may read, so that a long text has fewer of them and a file never takes minutes.
DELETED, EDITED = 2000, 12
DELETED_TOKENS, EDITED_TOKENS, PHRASE_TOKENS, COMPARED_TOKENS = 200_000, 4_000, 8_000, 10_000
CLAMP_TOKENS = 6_000
TOKENS_AT_ONCE = 3000  # of changed texts that are read together: every number of theirs is in memory
SLOW, SLOW_TOKENS = ("contextual", "integrated-gradients", "leave-one-out"), 400  # methods that grow with the square


def setting(model: Model) -> dict[str, Any]:
    """Give what a page must know of the model whatever the text."""
    return {
        "methods": list(METHODS),
        "hidden": model.network.config.hidden_size,
        "faithfulness": model.facts.get("faithfulness"),
    }


def look(reading: Reading) -> dict[str, Any]:
    """Give one text's tokens, verdict, running verdict, gates, memory and default shares."""
    return _look(reading, explained(reading), _layers(reading))


def _look(reading: Reading, shares: Explanation, layers: list[list[dict[str, Any]]]) -> dict[str, Any]:
    verdicts, asked = whatif.verdicts(reading, shares.target, _own(len(reading.ids)))
    return {
        "text": reading.text,
        "tokens": reading.tokens,
        "offsets": reading.offsets,
        "known": (reading.ids != UNKNOWN_ID).astype(int).tolist(),
        "labels": [str(label) for label in reading.model.labels],
        "target": shares.target,
        "probabilities": reading.probabilities.tolist(),
        "running": verdicts,
        "read": asked,
        "memory": whatif.memory(reading),
        "layers": layers,
        "shares": _plain(shares),
    }


def by_method(reading: Reading, target: int, method: str) -> dict[str, Any]:
    """Give one method's shares with the bias, the logit and what is left over."""
    return _plain(explained(reading, method, target))


def _plain(shares: Explanation) -> dict[str, Any]:
    return {
        "method": shares.method,
        "contributions": shares.contributions.round(9).tolist(),
        "bias": shares.bias,
        "logit": shares.logit,
        "residual": shares.residual,
    }


# -- gates and memory --
def _layers(reading: Reading) -> list[list[dict[str, Any]]]:
    """Give every layer and direction: all units of the top layer, the best of those below and of long texts."""
    vectors, best = reading.vectors, BEST // reading.model.network.directions
    layers = []
    for depth, (directions, weights) in enumerate(zip(reading.layers, reading.weights, strict=True)):
        top = depth == len(reading.layers) - 1
        row = []
        for side, (traced, own) in enumerate(zip(directions, weights, strict=True)):
            order, scores = _order(reading.model, traced, side if top else None)
            kept = order if top and len(reading.ids) <= LONG else order[:best]
            row.append(_direction(traced, vectors, own, kept, best, side == 1) | {"separation": scores[kept].tolist()})
        layers.append(row)
        vectors = np.concatenate([traced.states for traced in directions], axis=1)
    return layers


def _order(model: Model, traced: Trace, side: int | None) -> tuple[Array, Array]:
    """Rank units: by how well each alone separates the classes where that was measured, else by how much they move."""
    hidden = traced.states.shape[1]
    measured = model.facts.get("unit_separation")
    if side is not None and isinstance(measured, list) and len(measured) == hidden * model.network.directions:
        scores = np.array(measured[side * hidden : (side + 1) * hidden])
        return np.argsort(-np.abs(scores - 0.5), kind="stable"), scores
    return np.argsort(-traced.states.std(axis=0), kind="stable"), np.full(hidden, np.nan)


def _direction(
    traced: Trace, vectors: Array, weights: CellWeights, units: Array, count: int, backward: bool
) -> dict[str, Any]:
    """Give one direction's gates as [units, time], the parts of the first `count` units' gates, and its belt."""
    before = np.zeros_like(traced.states)
    if backward:
        before[:-1] = traced.states[1:]
    else:
        before[1:] = traced.states[:-1]
    hidden = traced.states.shape[1]
    rows = (np.arange(4)[:, None] * hidden + units[:count]).ravel()  # gate by gate
    writes = traced.input_gate * traced.candidate
    alive, older = belt(*(array[::-1] if backward else array for array in (traced.forget_gate, writes)))
    return {
        "units": units.tolist(),
        "gates": {name: getattr(traced, name)[:, units].T for name in GATES},
        "cell_states": traced.cell_states[:, units].T,
        "means": {name: getattr(traced, name).mean(axis=1) for name in GATES},
        "from_input": (vectors @ weights.input[rows].T).T,
        "from_state": (before @ weights.recurrent[rows].T).T,
        "bias": weights.bias[rows].tolist(),
        "alive": alive,
        "older": older,
    }


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


@cache
def gradients() -> dict[str, dict[str, list[float]]]:
    """Give how strongly the last state feels the input of each step before training, relative to the last step's.

    By length and network, the median over three seeds, as `gatewise lab gradients` measures it. They depend on no model
    and are kept in a file; tests/explanation/test_story.py measures them again, and says how to write it.
    """
    curves: dict[str, dict[str, list[float]]] = json.loads(Path(__file__).with_name("gradients.json").read_bytes())
    return curves


# -- all of it --
@one_thread()
def story(model: Model, text: str, progress: Callable[[int, int], None] = lambda done, of: None) -> dict[str, Any]:
    """Give everything a page needs that cannot ask: the look, and each what-if prepared as far as its time allows.

    `progress(done, of)` follows the parts of the work.
    """
    reading = read(model, text)
    length, default = len(reading.ids), explained(reading)
    target, strongest = default.target, np.argsort(-np.abs(default.contributions.round(9)), kind="stable").tolist()
    methods = [method for method in METHODS if length <= SLOW_TOKENS or method not in SLOW]
    deleted = sorted(strongest[: _affordable(DELETED, DELETED_TOKENS, length)])
    shorter = {token: whatif.cut(text, *reading.offsets[token]) for token in strongest}
    edited = [token for token in strongest[: _affordable(EDITED, EDITED_TOKENS, length)] if shorter[token].strip()]
    spans = whatif.spans(strongest, length, _affordable(whatif.PHRASES, PHRASE_TOKENS, length))
    layers = _layers(reading)
    clamps = _clamps(reading, layers[-1])
    changes = [Change(shorter[token], model.tokenizer.encode(shorter[token])) for token in edited]
    changes += [Change(text, reading.encoded, holds(model.network, *clamp)) for clamp in clamps]
    prefixes = _affordable(whatif.COMPARED, COMPARED_TOKENS, length)
    done, of = itertools.count(1), 4 + len(methods) + len(changes)

    def told(part: Part) -> Part:
        progress(next(done), of)
        return part

    rests, added = model.encode([shorter[token] for token in deleted]), whatif.neutral(reading)
    texts = [*beginnings(model, reading.ids, _own(length)), *whatif.ids_of(rests)]
    texts += phrase_texts(reading.ids, spans)
    texts += whatif.lengthened(reading.ids, added[1]) + without_each(reading.ids) * ("leave-one-out" in methods)
    briefly = [(beginnings(model, change.encoded.ids, prefixes), change.holds) for change in changes]
    reading.answers.ahead([(texts, ()), *briefly])  # what follows asks for nothing else
    told(None)
    together = max(1, TOKENS_AT_ONCE // length)
    groups = [changes[start : start + together] for start in range(0, len(changes), together)]
    changed = [
        told(whatif.brief(other, target, prefixes=prefixes)) for group in groups for other in read_near(reading, group)
    ]
    shares = {name: told(default if name == DEFAULT else explained(reading, name, target)) for name in methods}
    alone = shares["contextual"].network_contributions if "contextual" in shares else None
    return {
        "look": told(_look(reading, default, layers)),
        "methods": [_plain(own) for own in shares.values()],
        "without": dict(zip(deleted, whatif.without(reading, target, rests), strict=True)),
        "edits": dict(zip(edited, changed, strict=False)),
        "phrases": told(whatif.phrases(reading.rounded(), target, spans, alone)),
        "clamps": [
            dict(zip(("gate", "value", "unit"), clamp, strict=True)) | other
            for clamp, other in zip(clamps, changed[len(edited) :], strict=True)
        ],
        "horizon": told(whatif.horizon(reading, target, added)),
        "gradients": gradients(),
    }


def _clamps(reading: Reading, top: list[dict[str, Any]]) -> list[tuple[str, float, int | None]]:
    """Choose what is held: gates of all units, and the candidates of the best units at nothing."""
    hidden = reading.model.network.config.hidden_size
    silent = [("candidate", 0.0, side * hidden + unit) for side, own in enumerate(top) for unit in own["units"][:4]]
    held = [*HELD[:4], *silent[::4], *HELD[4:], *silent][: _affordable(20, CLAMP_TOKENS, len(reading.ids))]
    return list(dict.fromkeys(held))


def _own(length: int) -> int:
    """Say at how many places the text itself is asked about."""
    return max(FEWEST, _affordable(PREFIXES, RUNNING_TOKENS, length))


def _affordable(most: int, tokens: int, length: int) -> int:
    return max(1, min(most, tokens // length))
