"""What every format of labelled words becomes: sentences of tokens that stand in a text. Knows no format.

Tags of spans are BIOES whatever scheme came in; offsets are half-open, in code points of the text.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise, repeat

from gatewise.base.errors import DataError, one_line
from gatewise.base.text import clean
from gatewise.data.table import quoted
from gatewise.runtime.spans import PLAIN, Scheme, Span, scheme_of, spans_of, steps_of, tags_of

Offsets = tuple[tuple[int, int], ...]
WIDE = re.compile(  # Han, kana
    "[々〆〇\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


class Joint(Enum):
    """What stands between tokens whose text is lost."""

    BLANK = "a blank"
    NOTHING = "nothing"
    BETWEEN_WORDS = "a blank between words of letters, nothing beside Chinese or Japanese or a sign"


@dataclass(frozen=True, slots=True)
class Sentence:
    """Tokens, their tags and where they stand; T tokens."""

    tokens: tuple[str, ...]
    tags: tuple[str, ...] | None  # BIOES for spans, else plain labels, "" at a masked token; None: unlabelled
    text: str  # the original where there is one, else the tokens with blanks between them
    offsets: Offsets  # [T], of each token in the text
    document: int = 0
    place: str = ""  # "train.conll, line 12"
    columns: tuple[tuple[str, ...], ...] = ()  # [T] what else a file has of each token, to be written again
    tree: bool = False  # whether these columns are those of CoNLL-U, from the lemma on

    def spans(self) -> list[Span]:
        """Give the spans that the tags mean, in code points of the text."""
        offsets = self.offsets
        return [Span(offsets[one.start][0], offsets[one.end - 1][1], one.label) for one in spans_of(self.tags or ())]


@dataclass(frozen=True, slots=True)
class TaggedPart:
    """One part of a data set, readable again and again; `name` is for messages."""

    name: str
    open: Callable[[], Iterable[Sentence]]
    labelled: bool = True
    scheme: Scheme = PLAIN  # how its files write spans; PLAIN where its tags are no spans
    notes: tuple[str, ...] = ()  # what was found out about its files, a sentence each

    def sentences(self) -> Iterator[Sentence]:
        """Read the part from its start, a sentence at a time; raise DataError."""
        try:
            yield from self.open()
        except OSError as error:
            reason = one_line(error.strerror or error)
            raise DataError(f"{self.name} cannot be read ({reason}); check the file and its permissions.") from error


@dataclass(frozen=True, slots=True)
class TaggedDataset:
    """The parts of a data set; what it does not have is None."""

    name: str
    train: TaggedPart | None = None
    dev: TaggedPart | None = None
    test: TaggedPart | None = None
    unlabelled: TaggedPart | None = None
    scheme: str = ""  # that of the files: IOB1, IOB2, BIOES, BMES, BILOU or IO; "" for plain labels
    notes: tuple[str, ...] = ()


def joined(tokens: Sequence[str], joint: Joint = Joint.BLANK) -> tuple[str, Offsets]:
    """Put tokens into one text and say where each stands."""
    if joint is Joint.BETWEEN_WORDS:
        apart = [_is_letter(left[-1:]) and _is_letter(right[:1]) for left, right in pairwise(tokens)]
    else:
        apart = [joint is Joint.BLANK] * (len(tokens) - 1)
    pieces, offsets, place = [], [], 0
    for token, blank in zip(tokens, [*apart, False], strict=True):
        pieces.append(token + " " if blank else token)
        offsets.append((place, place + len(token)))
        place += len(pieces[-1])
    return "".join(pieces), tuple(offsets)


def _is_letter(character: str) -> bool:
    return character.isalnum() and not WIDE.match(character)


def joint_of(tokens: int, wide: int, single: int) -> Joint:
    """Say what stands between tokens, so many of which begin with Han or kana, and so many are of one character."""
    if wide and single == tokens:
        return Joint.NOTHING
    return Joint.BETWEEN_WORDS if 2 * wide > tokens else Joint.BLANK


def tagged_from_lists(
    tokens: Sequence[Sequence[str]], tags: Sequence[Sequence[str]] | None = None, *, name: str = "sentences"
) -> TaggedPart:
    """Make a part of sentences in memory, with a tag for each token, or none; the scheme is found out.

    Raises DataError for what are no lists of strings, an empty sentence or token, and lists of different lengths.
    """
    if isinstance(tokens, str):
        raise DataError(f"{name} is a single string; give a list of lists of tokens.")
    rows = [_strings(row, f"{name}[{place}]", "token") for place, row in enumerate(tokens)]
    labels = None if tags is None else [_strings(row, f"tags[{place}]", "tag") for place, row in enumerate(tags)]
    if labels is not None and len(labels) != len(rows):
        raise DataError(f"{name} has {len(rows):,} sentences but {len(labels):,} rows of tags; give each one row.")
    for place, (row, its) in enumerate(zip(rows, labels or [], strict=False)):
        if len(row) != len(its):
            raise DataError(f"{name}[{place}] has {len(row):,} tokens but {len(its):,} tags; give each token one.")
    scheme = PLAIN if labels is None else found_scheme(labels, name)
    if labels is not None and scheme.name:
        labels = [normal(row, scheme, f"tags[{place}]") for place, row in enumerate(labels)]

    def sentences() -> Iterator[Sentence]:
        for place, (row, its) in enumerate(zip(rows, labels or repeat(None), strict=False)):
            yield Sentence(row, its, *joined(row), place=f"{name}[{place}]")

    return TaggedPart(name, sentences, labels is not None, scheme)


def _strings(row: Sequence[str], where: str, what: str) -> tuple[str, ...]:
    if isinstance(row, str) or not all(isinstance(one, str) for one in row):
        raise DataError(f"{where} is no list of strings; give each sentence as a list, with a string a token.")
    if not row:
        raise DataError(f"{where} is empty; give each sentence a {what} at least.")
    if what == "token" and not all(row):
        raise DataError(f"{where} has an empty token; leave it out, with its tag.")
    return tuple(map(clean, row))


def found_scheme(rows: Iterable[Sequence[str]], name: str) -> Scheme:
    """Find out how tags in memory or in a file write spans; raise DataError where two schemes are mixed."""
    try:
        return scheme_of(steps_of(rows))
    except ValueError as error:
        first, second = error.args
        raise mixed(name, first, second) from error


def mixed(where: str, first: str, second: str) -> DataError:
    """Say that two tags are of two schemes."""
    return DataError(f"{where} has tags of two schemes, {quoted(first)} and {quoted(second)}; keep one scheme a file.")


def normal(tags: Sequence[str], scheme: Scheme, where: str) -> tuple[str, ...]:
    """Write tags of any scheme of spans as BIOES, repaired by conlleval's rule; raise DataError for a foreign one."""
    plain = []
    for tag in tags:
        try:
            letter, label = scheme.parted(tag) if tag else ("O", "")
        except ValueError as error:
            raise DataError(
                f"{where} has the tag {quoted(tag)}, which is none of {scheme.name} as the others are; correct it."
            ) from error
        plain.append(f"{letter}-{label}" if label else letter)
    fixed = tags_of(spans_of(plain), len(plain))
    return tuple(fix if tag else "" for fix, tag in zip(fixed, tags, strict=True))


def some(count: int, noun: str) -> str:
    """Count things in a sentence: 1 span, 2 spans."""
    return f"{count:,} {noun}" + "s" * (count != 1)
