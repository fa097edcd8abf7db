"""Tags to spans and back, in six schemes, and which scheme it is; knows no text, no file and no model.

A span is found where conlleval finds one: at B, S or U, after O, E, S, L or U, and where the type changes. So every
row of tags has spans, a faulty one too. A tag without a type, as in word segmentation (B, M, E, S), gives the type "".
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from gatewise.base.errors import DataError, one_line

OUTSIDE = "O"
MISSPELT = ("o", "0")  # seen in files that persons typed
ENDLESS = ("IOB1", "IOB2", "IO")  # schemes whose tags do not say where a span ends
# The letters of a span of one token, and of the first, a middle and the last of several. IOB1 has B between two
# touching spans of one type alone.
LETTERS = {
    "IOB1": "IIII", "IOB2": "BBII", "BIOES": "SBIE", "BMES": "SBME", "BILOU": "UBIL", "IO": "IIII",
}  # fmt: skip
SCHEMES = tuple(LETTERS)
PREFIXES = frozenset("BIESLUM")
_OPENS, _CLOSES = frozenset("BSU"), frozenset("OESLU")
Steps = Mapping[tuple[str, str], int]  # (tag, next tag): how often; "" stands before the first and after the last


class Span(NamedTuple):
    """A half-open stretch with a label; in tokens, or in code points where it is said so."""

    start: int
    end: int
    label: str


class Scheme(NamedTuple):
    """How a file writes spans as tags; `name` is "" for plain labels, which are no spans."""

    name: str = "BIOES"
    separator: str = "-"
    after: bool = False  # PER-B in place of B-PER

    def parted(self, tag: str) -> tuple[str, str]:
        """Take a tag apart into its letter and its label, or raise ValueError."""
        if tag == OUTSIDE or tag in MISSPELT:
            return OUTSIDE, ""
        if tag in PREFIXES:
            return tag, ""
        before, separator, behind = tag.rpartition(self.separator) if self.after else tag.partition(self.separator)
        letter, label = (behind, before) if self.after else (before, behind)
        if not separator or letter not in PREFIXES or not label:
            raise ValueError(tag)
        return letter, label

    def joined(self, tag: str) -> str:
        """Spell a tag, given as B-PER, as the file does."""
        letter, label = parted(tag)
        if not label:
            return tag
        return f"{label}{self.separator}{letter}" if self.after else f"{letter}{self.separator}{label}"


PLAIN = Scheme("")


@lru_cache(1 << 16)
def parted(tag: str) -> tuple[str, str]:
    """Take a tag apart into its letter, one of O B I E S L U M, and its label; a masked tag, "", counts as O.

    Raises DataError for a tag of no scheme.
    """
    if not tag or tag == OUTSIDE:
        return OUTSIDE, ""
    letter, _, label = tag.partition("-")
    if letter not in PREFIXES:
        raise DataError(
            f"{one_line(tag, 60)!r} is no tag of a span; spell it as B-PER, or read the tags as plain labels."
        )
    return letter, label


def spans_of(tags: Sequence[str]) -> list[Span]:
    """Give the spans, in tokens, that tags of any scheme mean, [T], by conlleval's rule; raise DataError."""
    spans: list[Span] = []
    start, last, label = -1, OUTSIDE, ""  # of the span that is open, if start is not negative
    for place, tag in enumerate(tags):
        letter, its_label = parted(tag)
        opens = letter in _OPENS or last in _CLOSES or its_label != label
        if start >= 0 and (opens or letter == OUTSIDE):
            spans.append(Span(start, place, label))
            start = -1
        if letter != OUTSIDE and opens:
            start, label = place, its_label
        last = letter
    return [*spans, Span(start, len(tags), label)] if start >= 0 else spans


def tags_of(spans: Iterable[Span | tuple[int, int, str]], length: int, scheme: str = "BIOES") -> list[str]:
    """Write spans, in tokens, as the tags of a sentence, [length]; raise DataError where two overlap or one is outside.

    In IO two touching spans of one label become one; every other scheme keeps all.
    """
    alone, first, middle, last = [*LETTERS[scheme]]
    tags = [OUTSIDE] * length
    end, before = 0, None  # of the span before
    for start, stop, label in sorted(spans):
        if not end <= start < stop <= length:
            raise DataError(f"The span ({start}, {stop}, {label!r}) is empty, outside its sentence or over another.")
        ending = f"-{label}" if label else ""
        begin = "B" if scheme == "IOB1" and start == end and label == before else ""
        tags[start:stop] = [f"{middle}{ending}"] * (stop - start)
        tags[stop - 1] = f"{last}{ending}"
        tags[start] = f"{begin or (first if stop > start + 1 else alone)}{ending}"
        end, before = stop, label
    return tags


def steps_of(rows: Iterable[Sequence[str]]) -> Counter[tuple[str, str]]:
    """Count which tag follows which, over sentences' tags: all that scheme_of needs, however long the file."""
    steps: Counter[tuple[str, str]] = Counter()
    for tags in rows:
        steps.update(zip(["", *tags], [*tags, ""], strict=True))
    return steps


def scheme_of(steps: Steps) -> Scheme:
    """Find out how a file writes its spans, by counts of its steps (see steps_of); PLAIN where its tags are labels.

    Tags alone tell IOB1 from IOB2 by majority: B at a span that touches none of its type, or I. Raises ValueError with
    two tags, each of another scheme.
    """
    counts: Counter[str] = Counter()
    for (_, tag), count in steps.items():
        if tag and tag != OUTSIDE:
            counts[tag] += count
    spelling = _spelling(counts)
    if spelling is PLAIN:
        return PLAIN
    by_letter: dict[str, str] = {}
    for tag in counts:
        if _fits(spelling, tag):
            by_letter.setdefault(spelling.parted(tag)[0], tag)
    found = [name for name, letters in (("BMES", "M"), ("BILOU", "LU"), ("BIOES", "ES")) if {*letters} & {*by_letter}]
    if "BMES" in found:  # which shares E and S with BIOES, but has no I
        found = [name for name in found if name != "BIOES"] + ["BIOES"] * ("I" in by_letter)
    if len(found) > 1:
        told = {"BMES": "M", "BILOU": "LU", "BIOES": "I" if found[0] == "BMES" else "ES"}
        first, second = (next(by_letter[letter] for letter in told[name] if letter in by_letter) for name in found[:2])
        raise ValueError(first, second)
    return spelling._replace(name=found[0] if found else _without_ends(steps, spelling, by_letter))


def _spelling(counts: Counter[str]) -> Scheme:
    """Choose how letter and label are joined: as most tags are, and at least half of them."""
    if not counts or counts.keys() <= {*MISSPELT}:
        return Scheme("IOB2")
    bare = {tag for tag in counts if tag in PREFIXES}
    if bare and counts.keys() <= {*PREFIXES, *MISSPELT} and bare & {"B", "I"}:
        return Scheme("IOB2")
    forms = [Scheme("IOB2", separator, after) for after in (False, True) for separator in "-_"]
    typed = {tag: count for tag, count in counts.items() if tag not in (*PREFIXES, *MISSPELT)}
    fitting = [sum(count for tag, count in typed.items() if _fits(form, tag)) for form in forms]
    best = max(range(len(forms)), key=fitting.__getitem__)
    return forms[best] if fitting[best] and 2 * fitting[best] >= sum(typed.values()) else PLAIN


def _fits(scheme: Scheme, tag: str) -> bool:
    try:
        return scheme.parted(tag) is not None
    except ValueError:
        return False


def _without_ends(steps: Steps, spelling: Scheme, letters: Mapping[str, str]) -> str:
    if "B" not in letters:
        return "IO" if "I" in letters else "IOB2"
    begun = Counter[str]()
    for (before, tag), count in steps.items():
        if not (_fits(spelling, tag) and tag):
            continue
        letter, label = spelling.parted(tag)
        previous = spelling.parted(before) if before and _fits(spelling, before) else (OUTSIDE, "")
        if letter != OUTSIDE and (previous[0] == OUTSIDE or previous[1] != label):
            begun[letter] += count
    return "IOB1" if begun["I"] > begun["B"] else "IOB2"


def faults(steps: Steps, scheme: Scheme) -> int:
    """Count the steps from tag to tag that a scheme does not allow, and that conlleval's rule repairs."""
    count = 0
    for (before, tag), number in steps.items():
        (last, label), (letter, its_label) = (
            scheme.parted(one) if one and _fits(scheme, one) else (OUTSIDE, "") for one in (before, tag)
        )
        same = label == its_label
        if scheme.name == "IOB1":
            faulty = letter == "B" and (last == OUTSIDE or not same)
        elif scheme.name == "IO":
            faulty = False
        else:
            goes_on = letter in "IMEL" and same and last in "BIM"
            ends = scheme.name not in ENDLESS and last in "BIM" and not goes_on
            faulty = ends or (letter in "IMEL" and not goes_on)
        count += number * faulty
    return count
