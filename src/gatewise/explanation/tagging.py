"""Why a sentence is tagged as it is: its tags' probabilities, its best readings, and what each tag rests on.

The score of a reading is the sum of two things at each word: what the network says of the word in its sentence, the
emission, and how well its tag follows the one before, the transition. Probabilities are exact, sums over all readings.
Each span, and each token, has its rival, the best reading that says otherwise there, and what decided against it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gatewise.explanation.tag_decision import Decision, decide
from gatewise.explanation.tag_lattice import NEVER, rival
from gatewise.explanation.tag_reading import Read, TagReading, read_sentence
from gatewise.runtime.crf import best_readings
from gatewise.runtime.tagger import Tagger

READINGS, TAGS_SHOWN, WORDS_SHOWN = 3, 3, 6
MOST = 100_000  # steps of all decisions of a sentence: it never takes more than some seconds


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
    decision: int | None  # which of the decisions is against the best reading with another tag here


@dataclass(frozen=True, slots=True)
class SpanView:
    """A span of the best reading, in tokens, and the probability that exactly it is there."""

    start: int
    end: int
    label: str
    text: str
    probability: float
    decision: int | None  # which of the decisions is against the best reading that is not this here


@dataclass(frozen=True, slots=True)
class TagExplanation:
    """A sentence looked into: its tokens, the spans of the best reading, the best readings, and the decisions."""

    tokens: tuple[TokenView, ...]
    spans: tuple[SpanView, ...]
    readings: tuple[Read, ...]
    decisions: tuple[Decision, ...]  # against different readings; of tokens and spans the surest may have none

    def as_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return {
            "tokens": [asdict(one) for one in self.tokens],
            "spans": [asdict(one) for one in self.spans],
            "readings": [one.as_dict() for one in self.readings],
            "decisions": [one.as_dict() for one in self.decisions],
        }

    def lines(self) -> list[str]:
        """Give the sentence for people: a line a token and a span, the likeliest readings, and what decided."""
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
            *(f"reading {place} {one.probability:.4f} {one.marked(words)}"
              for place, one in enumerate(self.readings, 1)),
            *(line for names, place in self._asked() for line in _why(words, names, self.decisions[place])),
        ]  # fmt: skip

    def _asked(self) -> list[tuple[str, int]]:
        """Give the decisions to tell of, each once: those of spans, without one that of the least sure token."""
        unsure = min(range(len(self.tokens)), key=lambda step: self.tokens[step].probability)
        token = self.tokens[unsure]
        told = [(f"{one.text} {one.label}".rstrip(), one.decision) for one in self.spans]
        names: dict[int, list[str]] = {}
        for name, place in told or [(f"{token.token} {token.tag}", token.decision)]:
            if place is not None:
                names.setdefault(place, []).append(name)
        return [(", ".join(own), place) for place, own in names.items()]


def _why(words: Sequence[str], names: str, decision: Decision) -> list[str]:
    """Tell the parts of a decision, a line each."""
    shares = [f"{words[step]} {decision.contributions[step]:+.2f}" for step in
              np.argsort(-np.abs(decision.contributions), kind="stable")[:WORDS_SHOWN].tolist()]  # fmt: skip
    features = [f"{words[one.step]} {one.name} {one.share:+.2f}" for one in decision.strongest[:WORDS_SHOWN]]
    return [
        f"why {names}, and not {decision.rival.marked(words)}",
        f"{decision.words:+10.4f} words: {', '.join(shares)}",
        f"{decision.features:+10.4f} features: {', '.join(features)}".removesuffix(": "),
        f"{decision.bias:+10.4f} bias, which is no word's",
        f"{decision.transitions:+10.4f} transitions",
        f"{decision.log_odds:+10.4f} together: {np.exp(min(decision.log_odds, 99)):.4g} times as likely",
    ]


def explain_tags(model: Tagger, tokens: Sequence[str], *, readings: int = READINGS, most: int = MOST) -> TagExplanation:
    """Look into one sentence of tokens, [T], T at least 1, under calibrated scores; raise DataError for none.

    `most` bounds the steps of all decisions together: those of spans and of the least sure tokens come first.
    """
    return explained(read_sentence(model, tokens), readings, most)


def explained(reading: TagReading, readings: int = READINGS, most: int = MOST) -> TagExplanation:
    """Look into one sentence that was read."""
    lattice, tokens, path = reading.lattice, reading.tokens, reading.path
    found = best_readings(lattice.chain, lattice.emissions, readings)
    best = reading.read(path, found[0][1])
    stretches = [(span.start, span.end) for span in best.spans]
    unsure = np.argsort(lattice.marginals[np.arange(len(path)), path], kind="stable").tolist()
    decisions, places = _decisions(reading, [*stretches, *((step, step + 1) for step in unsure)], most)
    return TagExplanation(
        tuple(_token(reading, step, places.get((step, step + 1))) for step in range(len(tokens))),
        tuple(
            SpanView(*span, " ".join(tokens[span.start : span.end]),
                     lattice.probability(span.start, path[span.start : span.end]), places.get((span.start, span.end)))
            for span in best.spans
        ),
        tuple(reading.read(one, score) for one, score in found if score > found[0][1] + NEVER),
        tuple(decisions),
    )  # fmt: skip


def _decisions(
    reading: TagReading, stretches: Sequence[tuple[int, int]], most: int
) -> tuple[list[Decision], dict[tuple[int, int], int]]:
    """Decide against the rivals of stretches, each rival once; say which decision is whose, where it has one."""
    known: dict[tuple[int, ...], int] = {}
    decisions, places = list[Decision](), dict[tuple[int, int], int]()
    for stretch in stretches:
        if len(places) * len(reading.path) > most:
            break
        other = rival(reading.ways, reading.path, *stretch)
        if other is None:
            continue
        if tuple(other) not in known:
            known[tuple(other)] = len(decisions)
            decisions.append(decide(reading, other))
        places[stretch] = known[tuple(other)]
    return decisions, places


def _token(reading: TagReading, step: int, decision: int | None) -> TokenView:
    model, lattice, path = reading.model, reading.lattice, reading.path
    tag, shares, scores = path[step], lattice.marginals[step], lattice.emissions[step]
    chain = lattice.chain
    transition = chain.transitions[path[step - 1], tag] if step else chain.start[tag]
    if step == len(path) - 1:
        transition = transition + chain.stop[tag]
    order = [tag, *(place for place in np.argsort(-shares, kind="stable").tolist() if place != tag)]
    return TokenView(
        reading.tokens[step], model.tags[tag], float(shares[tag]), model.tags[int(scores.argmax())],
        {model.tags[place]: float(shares[place]) for place in order[:TAGS_SHOWN]},
        float(scores[tag] - scores.mean()), float(transition), decision,
    )  # fmt: skip
