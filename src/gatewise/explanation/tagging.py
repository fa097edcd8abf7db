"""Why a sentence is tagged as it is: its tags' probabilities, its best readings, and what each tag rests on.

The score of a reading is the sum of two things at each word: what the network says of the word in its sentence, the
emission, and how well its tag follows the one before, the transition. Probabilities are exact, sums over all readings.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from gatewise.base.errors import DataError
from gatewise.runtime.crf import FORBIDDEN, Lattice, best_readings
from gatewise.runtime.spans import Span, spans_of
from gatewise.runtime.tagger import Tagger

READINGS, TAGS_SHOWN = 3, 3


@dataclass(frozen=True, slots=True)
class TokenView:
    """One token: its tag, what it would be by itself, its likeliest tags, and the two parts of its tag's score."""

    token: str
    tag: str
    probability: float
    alone: str  # the tag of the largest emission, whatever the neighbours'
    likeliest: dict[str, float]  # tags with their probabilities, the likeliest first
    emission: float  # of the tag, above the mean of all tags
    transition: float  # of the tag after the one before, and of the end behind the last one


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a whole sentence and how likely it is."""

    probability: float
    tags: tuple[str, ...]
    spans: tuple[Span, ...]  # in tokens


@dataclass(frozen=True, slots=True)
class SpanView:
    """A span of the best reading, in tokens, and the probability that exactly it is there."""

    start: int
    end: int
    label: str
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class TagExplanation:
    """A sentence looked into: its tokens, the spans of the best reading, and the best readings in their order."""

    tokens: tuple[TokenView, ...]
    spans: tuple[SpanView, ...]
    readings: tuple[Reading, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return {
            "tokens": [asdict(one) for one in self.tokens],
            "spans": [asdict(one) for one in self.spans],
            "readings": [asdict(one) | {"spans": [one._asdict() for one in one.spans]} for one in self.readings],
        }

    def lines(self) -> list[str]:
        """Give the sentence for people: a line a token, a line a span, and the other readings."""
        words = [one.token for one in self.tokens]
        wide = max(map(len, [*words, "token"]))
        long = max(len(tag) for one in self.tokens for tag in (one.tag, one.alone, "by itself"))
        row = f"{{:{wide}}}  {{:{long}}}  {{:11}}  {{:{long}}}  {{:>8}}  {{:>10}}  {{}}"
        return [
            row.format("token", "tag", "probability", "by itself", "emission", "transition", "next likeliest").rstrip(),
            *(
                row.format(
                    one.token, one.tag, f"{one.probability:.4f}", "" if one.alone == one.tag else one.alone,
                    f"{one.emission:.2f}", f"{one.transition:.2f}",
                    ", ".join(f"{tag} {share:.4f}" for tag, share in list(one.likeliest.items())[1:]),
                ).rstrip()
                for one in self.tokens
            ),
            *(f"{'' if place else 'spans':10}{one.probability:.4f} {one.label} {one.text}".rstrip()
              for place, one in enumerate(self.spans)),
            *(f"reading {place} {one.probability:.4f} {_marked(words, one.spans) or ' '.join(one.tags)}"
              for place, one in enumerate(self.readings, 1)),
        ]  # fmt: skip


def _marked(words: Sequence[str], spans: Sequence[Span]) -> str:
    """Show a reading's spans in its sentence; "" where it has none to show, its labels being plain."""
    parts = list(words)
    for start, end, label in spans:
        parts[start] = f"[{parts[start]}"
        parts[end - 1] = f"{parts[end - 1]}]{label}"
    return " ".join(parts)


def explain_tags(model: Tagger, tokens: Sequence[str], *, readings: int = READINGS) -> TagExplanation:
    """Look into one sentence of tokens, [T], T at least 1, under calibrated scores; raise DataError for none."""
    if not tokens:
        raise DataError("There is no word to explain; give a sentence.")
    lattice = model.lattices([tokens])[0]
    found = best_readings(lattice.chain, lattice.emissions, readings)
    best = found[0][0]
    names = [model.tags[place] for place in best]
    spans = spans_of(names) if model.spans_are_tags else ()
    return TagExplanation(
        tuple(_token(model, lattice, tokens[step], step, best) for step in range(len(tokens))),
        tuple(
            SpanView(*span, " ".join(tokens[span.start : span.end]),
                     lattice.probability(span.start, best[span.start : span.end]))
            for span in spans
        ),
        tuple(_reading(model, lattice, *one) for one in found if one[1] > FORBIDDEN / 2),
    )  # fmt: skip


def _token(model: Tagger, lattice: Lattice, token: str, step: int, path: Sequence[int]) -> TokenView:
    tag, shares, scores = path[step], lattice.marginals[step], lattice.emissions[step]
    chain = lattice.chain
    transition = chain.transitions[path[step - 1], tag] if step else chain.start[tag]
    if step == len(path) - 1:
        transition = transition + chain.stop[tag]
    order = [tag, *(place for place in np.argsort(-shares, kind="stable").tolist() if place != tag)]
    return TokenView(
        token, model.tags[tag], float(shares[tag]), model.tags[int(scores.argmax())],
        {model.tags[place]: float(shares[place]) for place in order[:TAGS_SHOWN]},
        float(scores[tag] - scores.mean()), float(transition),
    )  # fmt: skip


def _reading(model: Tagger, lattice: Lattice, path: Sequence[int], score: float) -> Reading:
    tags = tuple(model.tags[place] for place in path)
    spans = tuple(spans_of(tags)) if model.spans_are_tags else ()
    return Reading(float(np.exp(min(0.0, score - lattice.log_partition))), tags, spans)


def score_of(lattice: Lattice, path: Sequence[int]) -> float:
    """Give the score of a reading, what explain_tags() takes apart: all emissions and transitions of it."""
    chain = lattice.chain
    steps = sum(float(lattice.emissions[step, tag]) for step, tag in enumerate(path))
    moves = sum(float(chain.transitions[before, tag]) for before, tag in pairwise(path))
    return steps + moves + float(chain.start[path[0]]) + float(chain.stop[path[-1]])
