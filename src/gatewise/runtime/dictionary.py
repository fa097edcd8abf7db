"""A user's dictionary, words with the label each is to bear, to the spans it demands and the tags it leaves a sentence.

Found are the longest words from the left, at borders of tokens, whatever the spacing: "New York" is found in New York
and in New-line-York. A tagger obeys by a mask on its lattice. Knows no file and no scores.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import DataError, one_line
from gatewise.runtime.spans import OUTSIDE, Span, parted, tags_of


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Words, without their blanks, and the label of each."""

    labels_of: Mapping[str, str]
    heads: frozenset[str]  # first characters, by which most tokens are passed over
    longest: int  # characters

    @property
    def labels(self) -> frozenset[str]:
        """The labels that some word bears."""
        return frozenset(self.labels_of.values())

    def spans(self, tokens: Sequence[str]) -> list[Span]:
        """Give the words that stand in a sentence, in tokens: from the left, of several at one place the longest."""
        packed = ["".join(token.split()) for token in tokens]
        text, borders = "".join(packed), [0, *accumulate(map(len, packed))]
        spans: list[Span] = []
        place = 0
        while place < len(tokens):
            span = self._longest_at(text, borders, place) if text[borders[place] : borders[place] + 1] else None
            if span:
                spans.append(span)
            place = span.end if span else place + 1
        return spans

    def _longest_at(self, text: str, borders: Sequence[int], start: int) -> Span | None:
        begun = borders[start]
        if text[begun] not in self.heads or borders[start + 1] == begun:
            return None
        last = start + 1
        while last < len(borders) - 1 and borders[last] - begun < self.longest:
            last += 1
        for end in range(last, start, -1):
            label = self.labels_of.get(text[begun : borders[end]])
            if label is not None and borders[end - 1] < borders[end]:  # else its last token is a blank
                return Span(start, end, label)
        return None


def dictionary_of(words: Iterable[tuple[str, str]]) -> Dictionary:
    """Make a dictionary of (word, label); of a word given twice the last label counts."""
    labels_of = {"".join(word.split()): label for word, label in words}
    labels_of.pop("", None)
    heads = frozenset(word[0] for word in labels_of)
    return Dictionary(labels_of, heads, max(map(len, labels_of), default=0))


def labels_of(tags: Sequence[str], *, spans_are_tags: bool = True) -> tuple[str, ...]:
    """Give the labels that a model's tags stand for, sorted; with plain labels the tags themselves."""
    return tuple(sorted({parted(tag)[1] for tag in tags if tag != OUTSIDE} if spans_are_tags else tags))


def allowed_by(
    spans: Sequence[Span], length: int, tags: Sequence[str], *, spans_are_tags: bool = True
) -> npt.NDArray[np.bool_] | None:
    """Say which of a model's tags each token may have, [T, K], where spans are given; None where there are none.

    Inside a span that is the one tag that BIOES writes there, or with plain labels the span's; elsewhere any.
    """
    if not spans:
        return None
    allowed = np.ones((length, len(tags)), bool)
    written = tags_of(spans, length) if spans_are_tags else [""] * length
    places = {tag: place for place, tag in enumerate(tags)}
    for start, end, label in spans:
        allowed[start:end] = False
        for token in range(start, end):
            allowed[token, places[written[token] if spans_are_tags else label]] = True
    return allowed


def refuse_unknown(dictionary: Dictionary, labels: Collection[str]) -> None:
    """Raise DataError where a dictionary has a label that a model does not know."""
    for label in sorted(dictionary.labels):
        if label not in labels:
            known = one_line(", ".join(sorted(labels)))
            raise DataError(f"The dictionary has the label {one_line(label, 60)!r}, and the model knows {known}.")
