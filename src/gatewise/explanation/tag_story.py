"""A tagger and a text's sentences to every number their page shows; knows nothing of HTML, nor how an array travels.

Emissions are given from the mean of their step, here and in running scores: that changes no comparison.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gatewise.explanation.tag_decision import Decision
from gatewise.explanation.tag_reading import Read, TagReading, read_sentence
from gatewise.explanation.tagging import READINGS, explained
from gatewise.runtime.tagger import Tagger

MOST = 200_000  # steps of all decisions of a text
ROWS, LIKELY = 12, 0.01  # tags drawn at most beside those of the best reading, and how likely one is at least somewhere
Sentences = Sequence[tuple[Sequence[str], Sequence[tuple[int, int]]]]  # tokens and where they stand in the text


def tag_story(model: Tagger, text: str, sentences: Sentences, *, readings: int = READINGS) -> dict[str, Any]:
    """Give all that is to be seen of a text's sentences, each with at least one token."""
    chain = model.network.chain.divided(model.temperature)
    most = MOST // max(1, len(sentences))
    return {
        "text": text,
        "tags": list(model.tags),
        "plain": not model.spans_are_tags,
        "chain": {"transitions": chain.transitions, "start": chain.start, "stop": chain.stop},
        "sentences": [
            {"offsets": [list(one) for one in offsets], **_sentence(read_sentence(model, tokens), readings, most)}
            for tokens, offsets in sentences
        ],
    }


def _sentence(reading: TagReading, readings: int, most: int) -> dict[str, Any]:
    seen, lattice, ways = explained(reading, readings, most), reading.lattice, reading.ways
    means = lattice.emissions.mean(axis=1, keepdims=True)
    marginals = lattice.marginals
    return {
        "tokens": [one.token for one in seen.tokens],
        "path": reading.path,
        "alone": lattice.emissions.argmax(axis=1).tolist(),
        "transition": [one.transition for one in seen.tokens],
        "decided": [one.decision for one in seen.tokens],
        "spans": [
            {"start": one.start, "end": one.end, "label": one.label, "probability": one.probability,
             "decision": one.decision}
            for one in seen.spans
        ],
        "readings": [_reading(reading.model, one) for one in seen.readings],
        "decisions": [_decision(reading, one) for one in seen.decisions],
        "marginals": marginals,
        "emissions": lattice.emissions - means,
        "running": ways.running - np.cumsum(means, axis=0),
        "before": ways.before.tolist(),
        "below": ways.through.max() - ways.through,  # the best reading through each tag, below the best of all
        "likeliest": marginals.max(axis=0).tolist(),
        "drawn": _drawn(reading),
    }  # fmt: skip


def _drawn(reading: TagReading) -> list[int]:
    """Choose the tags with a say: those of the best reading, and the likeliest of the others."""
    likeliest, own = reading.lattice.marginals.max(axis=0), {*reading.path}
    order = [tag for tag in np.argsort(-likeliest, kind="stable").tolist() if tag not in own]
    return sorted([*own, *(tag for tag in order[: max(0, ROWS - len(own))] if likeliest[tag] >= LIKELY)])


def _reading(model: Tagger, read: Read) -> dict[str, Any]:
    return {
        "probability": read.probability,
        "path": [model.tags.index(tag) for tag in read.tags],
        "spans": [one._asdict() for one in read.spans],
    }


def _decision(reading: TagReading, found: Decision) -> dict[str, Any]:
    """Give a decision, and of its rival what is between the first step where it differs and the last."""
    path = [reading.model.tags.index(tag) for tag in found.rival.tags]
    differ = np.flatnonzero(np.not_equal(path, reading.path))
    start, end = int(differ[0]), int(differ[-1]) + 1
    return {
        "start": start, "path": path[start:end], "probability": found.rival.probability,
        "spans": [one._asdict() for one in found.rival.spans if one.start < end and one.end > start],
        "log_odds": found.log_odds, "contributions": found.contributions,
        "words": found.words, "features": found.features, "bias": found.bias, "transitions": found.transitions,
        "emissions": found.emissions, "strongest": [one._asdict() for one in found.strongest],
    }  # fmt: skip
