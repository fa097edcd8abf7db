"""A text that was read to what would change if it had other words, or the model other gates, as plain numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gatewise.base.errors import DataError
from gatewise.explanation.clamping import holds
from gatewise.explanation.phrases import Span, phrase_effects, phrase_scores
from gatewise.explanation.shares import contrast, explained
from gatewise.explanation.tracing import Change, Reading, encode, read_near, running
from gatewise.runtime.batches import Sequences
from gatewise.runtime.cell import Trace
from gatewise.runtime.classifier import Model, Numbers, softmax
from gatewise.runtime.tokenizer import UNKNOWN_ID, Ids

COMPARED = 25  # beginnings read of a changed text
PHRASES = 120
HORIZON = (0, 1, 2, 5, 10, 20, 35, 50, 100, 200, 350, 500)  # neutral words added


def brief(reading: Reading, target: int, *, prefixes: int = COMPARED) -> dict[str, Any]:
    """Give what is compared after a change: tokens, the target's probability after each, shares, size of the memory."""
    shares = explained(reading, target=target)
    return {
        "text": reading.text,
        "tokens": reading.tokens,
        "probability": shares.probability,
        "running": verdicts(reading, target, prefixes)[0],
        "contributions": shares.contributions.round(6).tolist(),
        "memory": memory(reading),
    }


def clamp(reading: Reading, target: int, gate: str, value: float, unit: int | None = None) -> dict[str, Any]:
    """Give what changes when a gate, or one unit's, is held at a value."""
    held = holds(reading.model.network, gate, value, unit)
    [other] = read_near(reading, [Change(reading.text, reading.encoded, held)])
    return {"gate": gate, "value": value, "unit": unit} | brief(other, target)


def verdicts(reading: Reading, target: int, prefixes: int) -> tuple[list[float], list[int]]:
    """Give the target's probability after each token, and the tokens after which it was read: between them, a line."""
    beginnings = running(reading, prefixes=prefixes)
    probabilities = softmax(beginnings.logits / reading.model.temperature)[:, target]
    line = np.interp(np.arange(1, len(reading.ids) + 1), beginnings.lengths, probabilities)
    return line.round(6).tolist(), (beginnings.lengths - 1).tolist()


def memory(reading: Reading) -> list[float]:
    """Give the mean size of the top layer's forward cell states after each token."""
    sizes: list[float] = np.abs(reading.layers[-1][0].cell_states).mean(axis=1).round(5).tolist()
    return sizes


# -- other words --
def without(reading: Reading, target: int, texts: Sequences) -> list[float]:
    """Give the target's probability for other texts, as the model encodes them, such as this one without a word."""
    model = reading.model
    logits = reading.ask(ids_of(texts)) + model.companion_part(texts)
    probabilities: list[float] = softmax(logits / model.temperature)[:, target].round(6).tolist()
    return probabilities


def ids_of(texts: Sequences) -> list[Ids]:
    """Give each text's ids."""
    return np.split(texts.steps.astype(np.int32), texts.starts[1:-1])


def cut(text: str, start: int, end: int) -> str:
    """Take characters out of a text, and one of two spaces that then meet."""
    return text[:start] + text[end + (text[start - 1 : start] + text[end : end + 1]).isspace() * (start > 0) :]


def phrase(reading: Reading, target: int, start: int, stop: int) -> dict[str, Any]:
    """Give what tokens start to stop - 1 are worth together and each alone, decomposed and taken out."""
    count = len(reading.ids)
    if not 0 <= start < stop <= count:
        raise DataError(f"There is no phrase from token {start} to {stop}; the text has tokens 0 to {count - 1}.")
    return phrases(reading, target, [(start, stop)])[0]


def phrases(
    reading: Reading, target: int, chosen: Sequence[Span], alone: Numbers | None = None
) -> list[dict[str, Any]]:
    """Give what each of several phrases is worth; `alone`, what each token is, [T], where that is known."""
    row = contrast(target, len(reading.model.labels))
    tokens = sorted({token for start, stop in chosen for token in range(start, stop)}) if alone is None else []
    spans = [*chosen, *((token, token + 1) for token in tokens)]
    scores = phrase_scores(reading, spans, row).tolist()
    words = dict(zip(tokens, scores[len(chosen) :], strict=True)) if alone is None else alone.tolist()
    return [
        {
            "start": start, "stop": stop, "together": together, "alone": [words[token] for token in range(start, stop)],
            "effect": effect, "effects": effects,
        }
        for (start, stop), together, (effect, effects) in zip(
            chosen, scores, phrase_effects(reading, chosen, row), strict=False
        )
    ]  # fmt: skip


def spans(strongest: Sequence[int], length: int, most: int = PHRASES) -> list[Span]:
    """Choose the phrases of two to four tokens to prepare: those with the strongest tokens first."""
    chosen: dict[Span, None] = {}
    for token in strongest:
        for size in (2, 3, 4):
            for start in range(max(0, token - size + 1), min(token, length - size) + 1):
                chosen[start, start + size] = None
        if len(chosen) >= most:
            break
    return sorted(list(chosen)[:most])


# -- more words --
def horizon(reading: Reading, target: int, added: tuple[list[str], Ids] | None = None) -> dict[str, Any]:
    """Add neutral words after a text: how much of its evidence, and of its trace in the memory, is left.

    Evidence is the distance between the target's log-odds for text + n words and for the n words alone; the memory is
    the distance between the forward states after the two; the direct path is what n forget gates leave of a cell. The
    network reads on where the text alone would be cut at `max_tokens`. `added` is what `neutral` gives, where known.
    """
    model, ids = reading.model, reading.ids
    words, filler = added or neutral(reading)
    alone, joined = _forward(model, filler), _forward(model, np.concatenate([ids, filler]))
    start = np.zeros_like(alone.states[:1])
    gap = np.linalg.norm(joined.states[len(ids) - 1 :] - np.concatenate([start, alone.states]), axis=1)
    path = np.cumprod(joined.forget_gate[len(ids) :], axis=0, dtype=np.float64).mean(axis=1)
    logits = reading.ask(lengthened(ids, filler))
    odds = logits[:, target] - np.logaddexp.reduce(np.delete(logits, target, axis=1), axis=1)
    evidence = odds[: len(HORIZON)] - odds[len(HORIZON) :]
    return {
        "words": words,
        "added": list(HORIZON),
        "probabilities": softmax(logits[: len(HORIZON)] / model.temperature)[:, target].tolist(),
        "evidence": (evidence / (evidence[0] or np.inf)).tolist(),  # a text without evidence has none to lose
        "memory": [float(gap[n] / (gap[0] or np.inf)) for n in HORIZON],
        "path": [1.0, *(float(path[n - 1]) for n in HORIZON[1:])],
    }


def lengthened(ids: Ids, filler: Ids) -> list[Ids]:
    """Give a text with neutral words after it, by HORIZON, then these words alone."""
    alone = [filler[:n] if n else np.array([UNKNOWN_ID], ids.dtype) for n in HORIZON]
    return [*(np.concatenate([ids, filler[:n]]) for n in HORIZON), *alone]


def _forward(model: Model, ids: Ids) -> Trace:
    """Read ids of any number in float32; give what the top layer's forward direction did."""
    layers = model.network.layers
    return encode(model.network.embedding, [*layers[:-1], layers[-1][:1]], [ids], [()])[0][-1][0]


def neutral(reading: Reading, count: int = 5, commonest: int = 200) -> tuple[list[str], Ids]:
    """Choose among the commonest words those that, repeated alone, move the verdict least from the unknown word's.

    Gives them, and the ids of as many as HORIZON adds.
    """
    tokenizer = reading.model.tokenizer
    words = [word for word in tokenizer.commonest(commonest) if word.isalpha()]
    encoded = zip(words, tokenizer.encode_batch(words), strict=True)
    known = [(word, ids) for word, ids in encoded if len(ids) == 1 and ids[0] != UNKNOWN_ID]
    chosen = ["\N{REPLACEMENT CHARACTER}"]  # of a model of very few words: the unknown one
    if known:
        logits = reading.ask([np.full(8, UNKNOWN_ID, np.int32), *(np.repeat(ids, 8) for _, ids in known)])
        distance = np.abs(logits[1:] - logits[0]).max(axis=1)
        chosen = [known[place][0] for place in np.argsort(distance, kind="stable")[:count]]
    return chosen, np.resize(tokenizer.encode_batch([" ".join(chosen)])[0], HORIZON[-1])
