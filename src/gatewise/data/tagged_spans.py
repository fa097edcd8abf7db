"""A text with spans drawn over it to a sentence of tags: what offsets count, which spans stay, where tokens part.

What a file's offsets count is found by holding all of them to the words that the file states for them, and one way of
counting is taken for the whole file or none. Knows no format.
"""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from gatewise.base.errors import DataError
from gatewise.base.text import clean
from gatewise.data.table import quoted
from gatewise.data.tagged import WIDE, Sentence, some
from gatewise.data.tagged_layout import TaggedLayout
from gatewise.runtime.spans import Span, tags_of
from gatewise.runtime.words import words_of

Piece = tuple[int, int]
POINTS = "code-points"
ODD = {  # what counts as more code points than one, or fewer, by the way of counting
    "utf-16": re.compile("[\U00010000-\U0010ffff]"),
    "lines-as-one": re.compile("\r\n"),
    "utf-16-lines-as-one": re.compile("\r\n|[\U00010000-\U0010ffff]"),
}
COUNTINGS = (POINTS, *ODD)


@dataclass(frozen=True, slots=True)
class Mark:
    """One annotation: a label over one piece of a text or several, as the file counts, and the words it states."""

    pieces: tuple[Piece, ...]
    label: str
    surface: str | None = None
    place: str = ""  # for messages, where it has its own line


@dataclass(frozen=True, slots=True)
class Marked:
    """One text with its annotations."""

    text: str
    marks: tuple[Mark, ...]
    place: str
    document: int = 0
    tokens: tuple[Piece, ...] | None = None  # where the file states them
    words: tuple[str, ...] = ()  # of these tokens, where they are not what stands in the text


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file's offsets count, and whether an end is the last character or the one after it."""

    counting: str = POINTS
    inclusive: bool = False

    def pieces(self, text: str, pieces: Sequence[Piece]) -> list[Piece] | None:
        """Give half-open pieces in code points; None where one is outside of the text or inside of a character."""
        ends = 1 if self.inclusive else 0
        plain = [(start, end + ends) for start, end in pieces]
        if self.counting != POINTS:
            plain = [(_point(text, self.counting, start), _point(text, self.counting, end)) for start, end in plain]
        return plain if all(0 <= start < end <= len(text) for start, end in plain) else None

    def said(self) -> str:
        """Name it in a sentence."""
        named = {
            POINTS: "code points", "utf-16": "UTF-16 units", "lines-as-one": "\\r\\n as one character",
            "utf-16-lines-as-one": "UTF-16 units, and \\r\\n as one",
        }  # fmt: skip
        return named[self.counting] + (", and name the last character, not the one after it" * self.inclusive)


READINGS = tuple(Reading(counting, inclusive) for inclusive in (False, True) for counting in COUNTINGS)


def _point(text: str, counting: str, unit: int) -> int:
    """Turn what a file counts up to a border into code points; -1 inside of a character and before the text."""
    starts, ends, points = _odd(text, counting)
    before = bisect_right(ends, unit)  # how many odd characters lie before the border
    if unit < 0 or (before < len(starts) and starts[before] < unit):
        return -1
    return points[before - 1] + unit - ends[before - 1] if before else unit


@lru_cache(len(COUNTINGS))  # a long text has many spans, one after the other
def _odd(text: str, counting: str) -> tuple[list[int], list[int], list[int]]:
    """Find what does not count as one code point: where each begins and ends as the file counts, and ends in points."""
    starts, ends, points = [], [], []
    shift = 0  # code points less what the file counts
    for match in ODD[counting].finditer(text):
        starts.append(match.start() - shift)
        ends.append(starts[-1] + (1 if match[0] == "\r\n" else 2))
        points.append(match.end())
        shift = points[-1] - ends[-1]
    return starts, ends, points


@dataclass(slots=True)
class Evidence:
    """What the annotations of a file, seen one by one, tell of its offsets."""

    asked: TaggedLayout
    left: list[Reading] = field(default_factory=list)
    stated: int = 0
    misfit: str = ""  # where the last reading that was left failed
    faults: Counter[Reading] = field(default_factory=Counter)  # spans without stated words that cut words
    beyond: str = ""  # where a span is first outside of its text, in code points

    def __post_init__(self) -> None:
        self.left = [one for one in READINGS if self.asked.offsets in ("auto", one.counting)]
        if self.asked.inclusive:
            self.left = [one for one in self.left if one.inclusive]

    def add(self, marked: Marked) -> None:
        """Look at a text's annotations."""
        for mark in marked.marks:
            if mark.surface is not None:
                self.stated += 1
                fitting = [one for one in self.left if _states(marked.text, one.pieces(marked.text, mark.pieces), mark)]
                if self.left and not fitting:
                    self.misfit = self._told(marked, mark)
                self.left = fitting
            elif not self.stated:
                for one in READINGS:
                    self.faults[one] += not _meets(marked.text, one.pieces(marked.text, mark.pieces))
                if not self.beyond and self._plain().pieces(marked.text, mark.pieces) is None:
                    self.beyond = _outside(marked, mark)

    def _plain(self) -> Reading:
        return Reading(POINTS, self.asked.inclusive)

    def _told(self, marked: Marked, mark: Mark) -> str:
        pieces = self.left[0].pieces(marked.text, mark.pieces)
        there = " ".join(marked.text[start:end] for start, end in pieces or [])
        return f"{mark.place or marked.place} has a span {_shown(mark)} that is to be {quoted(mark.surface)}, " + (
            f"but {quoted(there)} stands there" if pieces else "but it is not in the text"
        )

    def reading(self, name: str) -> tuple[Reading, tuple[str, ...]]:
        """Decide for the whole file, and say it; raise DataError where no way of counting fits all."""
        if not self.left:
            raise DataError(f"{self.misfit}; no way of counting fits all offsets of {name}: write it again.")
        if self.stated:
            first = self.left[0]
            plain = first == self._plain()
            return first, () if plain else (f"{name}: its offsets count {first.said()}: so all stated words are met",)
        if self.asked.offsets != "auto" or not self.faults[self._plain()]:
            return self.left[0], ()
        others = [one for one in self.left if one.inclusive == self.asked.inclusive and not self.faults[one]]
        if others:
            return others[0], (
                f"{name}: its offsets count {others[0].said()}, as all spans meet words then and not in code points; "
                "no words are stated, so look at some (--offsets says it)",
            )
        if self.beyond:
            raise DataError(f"{self.beyond}; correct its offsets.")
        inclusive = Reading(POINTS, True)
        notes = [f"{name}: {self.faults[self._plain()]:,} spans begin or end inside of a word"]
        if not self.asked.inclusive and not self.faults[inclusive]:
            notes.append(f"{name}: all would meet words if their ends named the last character; then say --inclusive")
        return self.left[0], tuple(notes)


def _shown(mark: Mark) -> str:
    return ", ".join(f"{start} to {end}" for start, end in mark.pieces) + f" ({quoted(mark.label)})"


def _outside(marked: Marked, mark: Mark) -> str:
    where = mark.place or marked.place
    return f"{where} has a span {_shown(mark)} of no character, or of some beyond the text's {len(marked.text):,}"


def _states(text: str, pieces: list[Piece] | None, mark: Mark) -> bool:
    """Tell whether pieces are the words that a file states for them, but for blanks folded or left off."""
    if pieces is None:
        return False
    surface = mark.surface or ""
    there = [text[start:end] for start, end in pieces]
    return " ".join(there) == surface or " ".join(" ".join(there).split()) == " ".join(surface.split())


def _meets(text: str, pieces: list[Piece] | None) -> bool:
    """Tell whether pieces begin and end where words do."""
    if pieces is None:
        return False
    for start, end in pieces:
        outside = text[start - 1 : start], text[end : end + 1]
        inside = text[start], text[end - 1]
        if any(one.isspace() for one in inside) or any(
            one and one.isalnum() and other.isalnum() and not (WIDE.match(one) or WIDE.match(other))
            for one, other in zip(outside, inside, strict=True)
        ):
            return False
    return True


def sentence_of(marked: Marked, reading: Reading, layout: TaggedLayout, count: Counter[str]) -> Sentence | None:
    """Give a text as tokens and tags, None where it has no token; `count` is told what was dropped or parted."""
    text = clean(marked.text)
    spans = _flat(_spans(marked, text, reading, count), layout, marked.place, count)
    places = list(marked.tokens if marked.tokens is not None else words_of(text, layout.words))
    places = _parted(places, spans, text, count)
    if not places:
        count["empty"] += 1
        return None
    starts, ends = [start for start, _ in places], [end for _, end in places]
    inner = []
    for start, end, label in spans:
        first, last = bisect_left(starts, start), bisect_left(ends, end)
        if first > last or first >= len(places) or starts[first] >= end:
            count["untokened"] += 1  # of characters that the file's own tokens leave out
            continue
        inner.append(Span(first, min(last, len(places) - 1) + 1, label))
    tags = tuple(tags_of(inner, len(places)))
    whole = len(places) == len(marked.words)
    tokens = tuple(map(clean, marked.words)) if whole else tuple(text[start:end] for start, end in places)
    return Sentence(tokens, tags, text, tuple(places), marked.document, marked.place)


def _spans(marked: Marked, text: str, reading: Reading, count: Counter[str]) -> list[Span]:
    """Give a text's spans in code points, without blanks at their ends, each once."""
    spans: dict[Span, None] = {}
    for mark in marked.marks:
        pieces = reading.pieces(text, mark.pieces)
        if pieces is None:
            raise DataError(f"{_outside(marked, mark)}; correct its offsets.")
        for start, end in _together(text, pieces, count):
            inner = text[start:end]
            left, right = len(inner) - len(inner.lstrip()), len(inner) - len(inner.rstrip())
            if left == len(inner):
                count["blank"] += 1
                continue
            count["trimmed"] += left + right > 0
            span = Span(start + left, end - right, clean(mark.label))
            count["twice"] += span in spans
            spans[span] = None
    return sorted(spans)


def _together(text: str, pieces: list[Piece], count: Counter[str]) -> list[Piece]:
    """Join pieces between which there are blanks alone, as where a span goes over a line's end."""
    joined: list[Piece] = []
    for start, end in sorted(pieces):
        if joined and not text[joined[-1][1] : start].strip():
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    count["pieces"] += len(joined) > 1
    return joined


def _flat(spans: list[Span], layout: TaggedLayout, place: str, count: Counter[str]) -> list[Span]:
    """Keep of spans one over another the outer (the longest) or the inner, of equal ones the first by label."""
    kept: list[Span] = []
    sign = -1 if layout.nested == "outer" else 1
    taken: list[tuple[int, int]] = []
    for span in sorted(spans, key=lambda one: (sign * (one.end - one.start), one.start)):
        where = bisect_left(taken, (span.start, span.end))
        before = where > 0 and taken[where - 1][1] > span.start
        after = where < len(taken) and taken[where][0] < span.end
        if not (before or after):
            taken.insert(where, (span.start, span.end))
            kept.append(span)
            continue
        if layout.nested == "refuse":
            raise DataError(
                f"{place} has spans one over another, one of them {span.start} to {span.end} ({quoted(span.label)}); a "
                "tagger gives none such: keep one, or say --nested outer or inner."
            )
        count["nested"] += 1
    return sorted(kept)


def _parted(places: list[Piece], spans: list[Span], text: str, count: Counter[str]) -> list[Piece]:
    """Part the tokens that a span begins or ends inside of."""
    borders = sorted({border for span in spans for border in span[:2]})
    parted: list[Piece] = []
    cut: set[int] = set()
    for start, end in places:
        first = bisect_left(borders, start + 1)
        inside = borders[first : bisect_left(borders, end)]
        cut.update(inside)
        cuts = [start, *inside, end]
        parted += [(a, b) for a, b in pairwise(cuts) if not text[a:b].isspace() or (a, b) == (start, end)]
    count["cut"] += sum(span.start in cut or span.end in cut for span in spans)
    return parted


def notes_of(name: str, count: Counter[str], layout: TaggedLayout) -> list[str]:
    """Say what was dropped, joined or parted of a file's annotations."""
    told = {
        "nested": ("span", f"over or under another left out, the {layout.nested} kept (--nested)"),
        "twice": ("span", "that stood twice, with one label, taken once"),
        "cut": ("span", "beginning or ending inside of a token, which was parted there"),
        "trimmed": ("span", "with blanks at an end, which were left off"),
        "blank": ("span", "of blanks alone left out"),
        "pieces": ("annotation", "of several pieces, each taken for a span"),
        "untokened": ("span", "with none of the tokens that the file gives left out"),
        "empty": ("text", "without a word left out"),
        "rejected": ("text", "left out whose answer is not accept"),
        "unannotated": ("text", "left out that nobody annotated"),
        "several": ("text", "annotated several times, the last that was not cancelled taken"),
    }
    return [f"{name}: {some(count[key], noun)} {what}" for key, (noun, what) in told.items() if count[key]]
