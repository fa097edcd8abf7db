"""CoNLL columns to sentences: a token a line, its tag in the last column or the first, a blank line between sentences.

A file is read once to learn its shape (what parts its columns, where the tag stands, how tags write spans) and then a
sentence at a time, however long it is.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gatewise.base.errors import DataError
from gatewise.base.text import check_utf8, lines
from gatewise.data.opening import Source
from gatewise.data.tagged import WIDE, Joint, Sentence, joined, joint_of, mixed, normal, some
from gatewise.data.tagged_layout import TaggedLayout
from gatewise.runtime.spans import PLAIN, Scheme, faults, scheme_of, steps_of

BORDER, MASKED = "-DOCSTART-", "_"
HEAD_ROWS = 1000  # looked at to find the columns
MOST_TOKENS = 1 << 20  # of a sentence: a file without blank lines is no sentence
PLACED = re.compile(r"(.)(\d+)|(.+?)(\d+)", re.DOTALL)  # Weibo's tokens: a character and its place in its word


@dataclass(frozen=True, slots=True)
class Rows:
    """One sentence as its file has it: T rows of columns, the line each stands in, and its document."""

    columns: list[list[str]]
    lines: list[int]
    document: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What was found out about a file of columns."""

    count: int  # of columns
    token: int
    tag: int | None  # None: unlabelled
    tabs: bool
    placed: bool = False  # a token ends in its place in its word
    joint: Joint = Joint.BLANK
    scheme: Scheme = PLAIN


def shape_of(source: Source, layout: TaggedLayout, *, labels: bool = True) -> tuple[Shape, tuple[str, ...]]:
    """Read a file once: its shape, and what is to be said of it; raise DataError naming the line of a fault."""
    shape = _columns_of(source, layout, labels=labels)
    steps: Counter[tuple[str, str]] = Counter()
    first: dict[str, int] = {}  # line of each tag
    signs, sentences, documents = Signs(), 0, 0
    for rows in rows_of(source, shape, layout.encoding):
        sentences, documents = sentences + 1, rows.document + 1
        signs.add([row[shape.token] for row in rows.columns])
        if shape.tag is not None:
            tags = [row[shape.tag].strip() for row in rows.columns]
            steps.update(steps_of([tags]))
            for tag, number in zip(tags, rows.lines, strict=True):
                first.setdefault(tag, number)
    if not sentences:
        raise DataError(f"{source.name} has no sentences; give a file with a token a line.")
    if "" in first:
        raise DataError(f"{source.name}, line {first['']} has an empty tag; give the token a tag, O outside of spans.")
    scheme = settled(steps, layout, source.name, {tag: f"line {number}" for tag, number in first.items()})
    shape = Shape(
        shape.count, shape.token, shape.tag, shape.tabs, signs.placed, signs.joint, scheme if first else PLAIN
    )
    return shape, tuple(_notes(source.name, shape, steps, sentences, signs.tokens, documents))


def settled(steps: Counter[tuple[str, str]], layout: TaggedLayout, name: str, places: dict[str, str]) -> Scheme:
    """Give the scheme of a file by its steps, or the one asked for; raise DataError, with the tag's place."""
    if layout.scheme == "plain":
        return PLAIN
    try:
        scheme = scheme_of(steps)
    except ValueError as error:
        one, other = sorted(error.args, key=lambda tag: [*places].index(tag))
        raise mixed(f"{name}, {places[other]}", one, other) from error
    if layout.scheme != "auto":
        scheme = scheme._replace(name=layout.scheme)
    if scheme.name:
        for tag, place in places.items():
            normal([tag], scheme, f"{name}, {place}")
    return scheme


def _notes(
    name: str, shape: Shape, steps: Counter[tuple[str, str]], sentences: int, tokens: int, documents: int
) -> Iterator[str]:
    held = f"{name}: {some(sentences, 'sentence')}, {some(tokens, 'token')}"
    held += f", {documents:,} documents" if documents > 1 else ""
    if shape.tag is None:
        yield f"{held}, no tags"
    else:
        yield from said_of(held, name, shape.scheme, steps)
    if shape.placed:
        yield f"{name}: each token ends in its place in its word, as 科0 does; the numbers are taken off"


def said_of(held: str, name: str, scheme: Scheme, steps: Counter[tuple[str, str]]) -> Iterator[str]:
    """Say what a file of tags holds: its scheme or its labels, and how many steps were repaired."""
    tags = {tag for _, tag in steps if tag and tag != "O"}
    if not scheme.name:
        labels = {tag for _, tag in steps if tag}
        yield f"{held}, plain labels, {len(labels):,} of them"
        return
    spelt = ", the letter last" if scheme.after else ""
    spelt += f", joined by {scheme.separator}" if scheme.separator != "-" else ""
    types = {scheme.parted(tag)[1] for tag in tags} - {""}
    kinds = f", spans of {some(len(types), 'type')}" if types else ""
    yield f"{held}{kinds}, tags in {scheme.name}{spelt}" + ("" if tags else ", none of which is in a span")
    if count := faults(steps, scheme):
        times = "1 step from tag to tag is" if count == 1 else f"{count:,} steps from tag to tag are"
        yield f"{name}: {times} not as {scheme.name} has it; a span begins there as conlleval counts"


def column_sentences(source: Source, shape: Shape, encoding: str = "", document: int = 0) -> Iterator[Sentence]:
    """Read a file of a known shape, a sentence at a time, documents counted from the number given."""
    others = [column for column in range(shape.count) if column not in (shape.token, shape.tag)]
    for rows in rows_of(source, shape, encoding):
        where = f"{source.name}, line {rows.lines[0]}"
        tokens = [row[shape.token] for row in rows.columns]
        if shape.placed:
            tokens = [unplaced(token) for token in tokens]
        tags = None
        if shape.tag is not None:
            tags = tuple(row[shape.tag].strip() for row in rows.columns)
            tags = normal(tags, shape.scheme, where) if shape.scheme.name else unmasked(tags)
        columns = tuple(tuple(row[column] for column in others) for row in rows.columns) if others else ()
        yield Sentence(tuple(tokens), tags, *joined(tokens, shape.joint), rows.document + document, where, columns)


def unmasked(tags: Sequence[str]) -> tuple[str, ...]:
    """Give plain labels with "" for one that is missing, which is written _."""
    return tuple("" if tag == MASKED else tag for tag in tags)


def rows_of(source: Source, shape: Shape, encoding: str = "") -> Iterator[Rows]:
    """Give the sentences of a file as rows of columns; raise DataError for a line of another number of columns."""
    columns: list[list[str]] = []
    numbers: list[int] = []
    document, begun = 0, False
    for number, line in _numbered(source, encoding):
        fields = parted_line(line, tabs=shape.tabs)
        border = fields is not None and BORDER in fields[:2]
        if fields is None or border:
            if columns:
                yield Rows(columns, numbers, document)
                columns, numbers, begun = [], [], True
            if border:
                document, begun = document + begun, False
            continue
        if len(fields) != shape.count:
            if not columns and line.startswith("# "):  # some files tell a sentence's number so
                continue
            raise DataError(
                f"{source.name}, line {number} has {some(len(fields), 'column')} where the others have {shape.count}; "
                "correct it."
            )
        if not fields[shape.token]:
            raise DataError(f"{source.name}, line {number} has an empty token; leave the line out or name the token.")
        columns.append(fields)
        numbers.append(number)
        if len(columns) > MOST_TOKENS:
            raise DataError(
                f"{source.name}, line {numbers[0]} begins a sentence of more than {MOST_TOKENS:,} tokens; put a blank "
                "line after each sentence."
            )
    if columns:
        yield Rows(columns, numbers, document)


def _numbered(source: Source, encoding: str) -> Iterator[tuple[int, str]]:
    with source.text(encoding) as text:
        for number, line in enumerate(lines(text, source.name), 1):
            yield number, check_utf8(line, f"{source.name}, line {number}").rstrip("\r\n")


def parted_line(line: str, *, tabs: bool) -> list[str] | None:
    """Take a line apart, None where it is blank; with tabs, a blank or a no-break space may be a token."""
    if not line.strip(" \t"):
        return None
    return line.split("\t") if tabs else [part for part in line.split(" ") if part]


def _columns_of(source: Source, layout: TaggedLayout, *, labels: bool) -> Shape:
    """Find out from the first rows what parts the columns, how many there are, and which is token and tag."""
    head = [line for _, (_, line) in zip(range(HEAD_ROWS), _numbered(source, layout.encoding), strict=False)]
    full = [line for line in head if line.strip(" \t")]
    tabs = 2 * sum("\t" in line for line in full) > len(full)
    fields = [parted_line(line, tabs=tabs) for line in head]
    rows = [row for row in fields if row and BORDER not in row]
    if not rows:
        raise DataError(f"{source.name} has no sentences; give a file with a token a line.")
    count = Counter(map(len, rows)).most_common(1)[0][0]
    if not labels or (count == 1 and not (layout.tag_column or layout.token_column)):
        if labels:
            raise DataError(
                f"{source.name} has one column; a tag must stand beside each token, after a tab or a blank."
            )
        return Shape(count, max(0, layout.token_column - 1), None, tabs)
    for asked in (layout.token_column, layout.tag_column):
        if abs(asked) > count:
            raise DataError(f"{source.name} has {some(count, 'column')}, so none is number {asked}; name another.")
    if layout.tag_column:
        tag = layout.tag_column - 1 if layout.tag_column > 0 else count + layout.tag_column
    else:
        tag = count - 1
        if layout.token_column != 1 and not _is_tags(fields, count, tag) and _is_tags(fields, count, 0):
            tag = 0
    token = layout.token_column - 1 if layout.token_column else int(tag == 0)
    if token == tag or token >= count:
        raise DataError(f"{source.name} has column {tag + 1} for its tags, so tokens need another; name it.")
    return Shape(count, token, tag, tabs)


def _is_tags(rows: Iterable[list[str] | None], count: int, column: int) -> bool:
    """Tell whether a column writes spans, some of them with a label or a second letter."""
    tags = [row[column].strip() for row in rows if row and len(row) == count]
    try:
        return scheme_of(steps_of([tags])) is not PLAIN and any(tag not in ("O", "o", "0") for tag in tags)
    except ValueError:
        return True


def unplaced(token: str) -> str:
    """Take off the place in its word that ends a token: 科0 is 科, and 310 the character 3 in place 10."""
    match = PLACED.fullmatch(token)
    return (match[1] or match[3]) if match else token


class Signs:
    """What the tokens of a file tell about it: whether places in words end them, and what to put between them."""

    def __init__(self) -> None:
        self.tokens = self._wide = self._single = self._placed = self._in_turn = 0

    def add(self, tokens: Sequence[str]) -> None:
        """Look at a sentence's tokens."""
        self.tokens += len(tokens)
        before = -1
        for token in tokens:
            self._wide += WIDE.match(token) is not None
            self._single += len(token) == 1
            if match := PLACED.fullmatch(token):
                place = int(match[2] or match[4]) if len(token) < 8 else -2
                self._placed += 1
                self._in_turn += place in (0, before + 1)
                before = place

    @property
    def placed(self) -> bool:
        """All tokens end in a number, which counts from 0 on as good as everywhere, and most are Chinese."""
        in_turn = self._placed == self.tokens and self._in_turn >= 0.99 * self.tokens
        return in_turn and 2 * self._wide > self.tokens

    @property
    def joint(self) -> Joint:
        """A blank, but none between characters, nor between words of Chinese or Japanese."""
        if self.placed:  # Weibo's are characters, some of which came out as two
            return Joint.NOTHING
        return joint_of(self.tokens, self._wide, self._single)
