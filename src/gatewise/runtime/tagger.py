"""A usable tagger, tokens or text in and spans with their probability out; answers without torch."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gatewise.base.cores import one_thread
from gatewise.base.errors import DataError
from gatewise.runtime.crf import FORBIDDEN, Lattice, Numbers, Rows, lattices, probabilities_on, viterbi
from gatewise.runtime.features import words_in
from gatewise.runtime.lexicon import Lexicon, Tokens
from gatewise.runtime.spans import Span, spans_of
from gatewise.runtime.tagnet import TagNetwork, different, emissions_of, looked_up
from gatewise.runtime.words import words_of

CHUNK = 2048  # sentences in memory at once
BATCH_TOKENS, BATCH_SENTENCES = 8192, 256
Allowed = npt.NDArray[np.bool_]  # [T, K] which tags a token may have


class Found(NamedTuple):
    """A span of a sentence, in tokens or, where said, in code points, and how sure the model is of exactly it."""

    span: Span
    probability: float


@dataclass(frozen=True, slots=True)
class Tagged:
    """One sentence's answer: a tag for each token, the probability of each tag's stretch, and the spans."""

    tags: list[str]
    found: list[Found]  # spans in tokens; of plain labels each token is one


@dataclass(frozen=True, slots=True)
class Tagger:
    """A trained tagger: what words are, the network, and the tags in the order of its scores."""

    lexicon: Lexicon
    network: TagNetwork
    tags: tuple[str, ...]
    spans_are_tags: bool = True  # False: plain labels, each token's its own
    temperature: float = 1.0
    words: str = "words"  # the rule by which raw text falls into tokens
    facts: dict[str, Any] = field(default_factory=dict)

    def stream(
        self, sentences: Iterable[Sequence[str]], allowed: Iterable[Allowed | None] | None = None
    ) -> Iterator[Tagged]:
        """Tag a stream of sentences of tokens in constant memory, in its order; raise DataError.

        `allowed` says for each sentence which tags its tokens may have, [T, K], or None.
        """
        given, masks = iter(sentences), iter(allowed) if allowed is not None else None
        while chunk := list(islice(given, CHUNK)):
            own = None if masks is None else list(islice(masks, len(chunk)))
            with (
                one_thread()
            ):  # products are small: a second thread only waits, and on a busy machine ten times as long
                answers = self._answered(chunk, own)
            yield from answers

    def tag(self, sentences: Sequence[Sequence[str]], allowed: Sequence[Allowed | None] | None = None) -> list[Tagged]:
        """Tag sentences of tokens: the tags of the best reading, and its spans with their exact probability."""
        return list(self.stream(sentences, allowed))

    def predict(self, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
        """Give each sentence's best tags."""
        tags = self.tags
        answers: list[list[str]] = []
        for start in range(0, len(sentences), CHUNK):
            chunk = [as_tokens(one, start + place) for place, one in enumerate(sentences[start : start + CHUNK])]
            paths: list[list[str]] = [[]] * len(chunk)
            with one_thread():
                for batch in self.batches(chunk):
                    path, _ = viterbi(self.network.chain, batch.emissions, batch.counts)
                    for row, own in zip(batch.sentences, split(path[batch.order], batch.lengths), strict=True):
                        paths[row] = [tags[place] for place in own.tolist()]
            answers += paths
        return answers

    def spans(self, text: str) -> list[Found]:
        """Give the spans of a text, in its code points: text[start:end] is the span. Lines are sentences."""
        found: list[Found] = []
        lines = list(_lines(text, self.words))
        for (start, places), answer in zip(lines, self.stream(_cut(text, lines)), strict=True):
            for (first, last, label), probability in answer.found:
                span = Span(start + places[first][0], start + places[last - 1][1], label)
                found.append(Found(span, probability))
        return found

    def lattices(self, sentences: Sequence[Sequence[str]]) -> list[Lattice]:
        """Give each sentence's Lattice under calibrated scores, to look inside."""
        answers: dict[int, Lattice] = {}
        cool = self.network.chain.divided(self.temperature)
        for batch in self.batches([as_tokens(one, place) for place, one in enumerate(sentences)]):
            found = lattices(cool, batch.emissions.astype(np.float64) / self.temperature, batch.counts)
            answers |= zip(batch.sentences, found, strict=True)
        return [answers[place] for place in range(len(sentences))]

    def batches(self, sentences: Sequence[Sequence[str]]) -> "Iterator[Scored]":
        """Give scored batches of sentences with at least one token each; the others are in none."""
        words = words_in(sentences)
        tokens = self.lexicon.tokens_of(words)
        if self.lexicon.alone:
            first, places = np.empty(len(words.words), np.int64), words.places
            first[places[::-1]] = np.arange(len(places))[::-1]
        else:
            first, places = different(tokens, self.network.dense)
        yield from scored(self.network, tokens, words.starts, first, places)

    def _answered(self, sentences: list[Sequence[str]], allowed: Sequence[Allowed | None] | None) -> list[Tagged]:
        chunk = [as_tokens(one, place) for place, one in enumerate(sentences)]
        answers = [Tagged([], [])] * len(chunk)
        cool = self.network.chain.divided(self.temperature)
        for batch in self.batches(chunk):
            scores = batch.emissions.astype(np.float64) / self.temperature
            if allowed is not None:
                batch.forbid(scores, allowed)
            path, _ = viterbi(cool, scores, batch.counts)
            rows = batch.order  # the layout's row of each token, sentence after sentence
            tags = [[self.tags[place] for place in own] for own in split(path[rows], batch.lengths)]
            spans = [self._spans(own) for own in tags]
            starts = np.cumsum(batch.lengths) - batch.lengths
            first = [start + one.start for start, own in zip(starts.tolist(), spans, strict=True) for one in own]
            last = [start + one.end - 1 for start, own in zip(starts.tolist(), spans, strict=True) for one in own]
            sure = iter(probabilities_on(cool, scores, batch.counts, path, rows[first], rows[last]).tolist())
            for row, its, own in zip(batch.sentences, tags, spans, strict=True):
                answers[row] = Tagged(its, [Found(one, next(sure)) for one in own])
        return answers

    def _spans(self, tags: list[str]) -> list[Span]:
        if self.spans_are_tags:
            return spans_of(tags)
        return [Span(place, place + 1, tag) for place, tag in enumerate(tags)]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A batch of sentences with the scores of their tags, laid out step by step."""

    sentences: list[int]  # which they are, the longest first
    lengths: Rows
    emissions: npt.NDArray[np.float32]  # [N, K]
    counts: Rows
    order: Rows  # [N] the layout's row of each token, sentence after sentence

    def forbid(self, scores: Numbers, allowed: Sequence[Allowed | None]) -> None:
        """Take from the scores, [N, K], what a sentence is not allowed."""
        for row, own in zip(self.sentences, split(self.order, self.lengths), strict=True):
            mask = allowed[row]
            if mask is not None:
                scores[own] += np.where(mask, 0.0, FORBIDDEN)


def scored(network: TagNetwork, tokens: Tokens, starts: Rows, first: Rows, places: Rows) -> Iterator[Scored]:
    """Score encoded sentences, tokens [N, columns] end to end, those of near-equal length together.

    `first` is a token of each different word, [V], and `places` say which of these a token is, [N].
    """
    words = looked_up(network, tokens[first])
    lengths = np.diff(starts)
    order = np.argsort(-lengths, kind="stable")
    order = order[lengths[order] > 0]
    at = 0
    while at < len(order):
        size = max(1, min(BATCH_SENTENCES, BATCH_TOKENS // int(lengths[order[at]])))
        rows = order[at : at + size]
        at += size
        own = np.concatenate([np.arange(starts[row], starts[row + 1]) for row in rows.tolist()])
        emissions, placed = emissions_of(network, tokens[own], lengths[rows], words, places[own])
        laid = np.empty(len(own), np.int64)
        laid[placed.forward] = np.arange(len(own))
        yield Scored(rows.tolist(), lengths[rows], emissions, placed.counts, laid)


def split(flat: npt.NDArray[Any], lengths: Rows) -> list[npt.NDArray[Any]]:
    """Cut an array into pieces of these lengths."""
    ends = np.cumsum(lengths).tolist()
    return [flat[end - length : end] for end, length in zip(ends, lengths.tolist(), strict=True)]


def as_tokens(sentence: Any, place: int) -> Sequence[str]:
    """Take a list of tokens; refuse a lone string and what is no string in it."""
    if isinstance(sentence, str | bytes) or not isinstance(sentence, Sequence):
        raise DataError(f"Sentence {place} is a {type(sentence).__name__}; give each sentence as a list of tokens.")
    for token in sentence if {*map(type, sentence)} - {str} else ():
        if not isinstance(token, str):
            raise DataError(f"Sentence {place} holds a {type(token).__name__}, not a string; give tokens as strings.")
    return sentence


def _lines(text: str, rule: str) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    start = 0
    for line in text.splitlines(keepends=True):
        if places := words_of(line, rule):
            yield start, places
        start += len(line)


def _cut(text: str, lines: Iterable[tuple[int, list[tuple[int, int]]]]) -> Iterator[list[str]]:
    return ([text[start + first : start + last] for first, last in places] for start, places in lines)
