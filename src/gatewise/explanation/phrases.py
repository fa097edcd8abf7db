"""A text that was read to what some of its tokens are worth together: split in two, and taken out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gatewise.base.errors import ConfigError
from gatewise.explanation.contextual import phrase_parts
from gatewise.explanation.shares import class_of, contrast, into_states
from gatewise.explanation.tracing import Reading, read
from gatewise.runtime.classifier import Model, Numbers
from gatewise.runtime.tokenizer import UNKNOWN_ID, Ids

Span = tuple[int, int]  # from a token to another, end excluded


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a phrase is worth: its own part of the network's answer, the rest's, and what its words make together."""

    score: float  # with `rest` it sums to the network's part of the logit
    rest: float
    interaction: float  # the score minus those of its words one by one: "not good" is not "not" plus "good"
    effect: float  # what the answer gains by the phrase, which is taken out to see it
    effect_interaction: float  # that, minus what it gains by each of its words without the others


def phrase(model: Model, text: str, start: int, end: int, *, target: int | str | None = None) -> Phrase:
    """Say what the tokens from start to end, end excluded, are worth together: split in two, and taken out.

    The score is contextual decomposition's; the effect needs no decomposition and so checks it. Both are of the network
    alone, without the companion. Raises ConfigError when there are no such tokens.
    """
    reading = read(model, text)
    row = contrast(class_of(reading, target), len(model.labels))
    words = [(place, place + 1) for place in range(start, end)]
    score, *alone = phrase_scores(reading, [(start, end), *words], row).tolist()
    [(effect, effects)] = phrase_effects(reading, [(start, end)], row)
    several = len(words) > 1
    return Phrase(
        score, float(row @ reading.network_logits) - score, score - sum(alone) if several else 0.0,
        effect, effect - sum(effects) if several else 0.0,
    )  # fmt: skip


def phrase_scores(reading: Reading, spans: Sequence[Span], row: Numbers) -> Numbers:
    """Give the parts of several phrases, [S], in `row @ logits` of the network."""
    count = len(reading.ids)
    inside = np.zeros((len(spans), count), dtype=bool)
    for place, (start, end) in enumerate(spans):
        if not 0 <= start < end <= count:
            raise ConfigError(f"There is no phrase from token {start} to {end}; the text has tokens 0 to {count - 1}.")
        inside[place, start:end] = True
    return phrase_parts(reading, inside, into_states(reading, row)[0]).astype(np.float64)


def phrase_effects(reading: Reading, spans: Sequence[Span], row: Numbers) -> list[tuple[float, list[float]]]:
    """Give what the network's answer gains when each phrase, or one of its words alone, joins the rest of the text."""
    answers = iter((reading.ask(phrase_texts(reading.ids, spans)) @ row).tolist())
    effects = []
    for start, end in spans:
        rest, together = next(answers), next(answers)
        effects.append((together - rest, [next(answers) - rest for _ in range(start, end)]))
    return effects


def phrase_texts(ids: Ids, spans: Sequence[Span]) -> list[Ids]:
    """Give, for each phrase, the text without it, with it, and with each of its words alone."""
    texts = [
        np.concatenate([ids[:start], middle, ids[end:]])
        for start, end in spans
        for middle in (ids[start:start], ids[start:end], *ids[start:end].reshape(-1, 1))
    ]
    return [text if len(text) else np.array([UNKNOWN_ID], ids.dtype) for text in texts]
