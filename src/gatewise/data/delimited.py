"""Lines of values with separators between them to a Table: what separates and encloses them, and if there is a header.

The csv module rather than pyarrow's reader, because it knows the number of a bad row, joins quoted newlines and long
values across any block border, and guesses no types ("001" stays "001").
"""

import csv
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

from gatewise.base.errors import DataError
from gatewise.base.text import LONGEST, check_utf8, lines
from gatewise.data.columns import known_name
from gatewise.data.layout import Layout
from gatewise.data.opening import Source
from gatewise.data.table import Rows, Table, listing, quoted, sampled, unique

USUAL = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".psv": "|"}
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
HEAD_LINES, HEAD_CHARACTERS = 200, 1 << 18  # looked at to find out how a file is written
AT_ONCE = 1 << 16  # characters between two looks at the csv module's limit
ENCLOSED = re.compile(r'(?:"(?:[^"]|"")*+"|-?[\d.]+)(?:\t|\r?\n|\r|$)')  # a value of a file that is quoted throughout
SET_OFF = re.compile(' +"')  # a value that is enclosed after a blank
MOST_ABOVE = 6  # rows looked at for a header that is not the first
LONG_WORDS, LONG = 5, 40  # a column's name has fewer words, and letters


def delimited(source: Source, layout: Layout, usual: str = ",") -> Table:
    """Open a CSV, TSV or like file; `usual` separates its values unless the file clearly says otherwise.

    Raises DataError for a file without rows, or whose first row may be data and nobody said so.
    """
    head, cut = _head(source, layout)
    directive = re.fullmatch(r'("?)sep=(.)\1\s*', head[0]) if head else None  # Excel's
    head = head[1:] if directive else head
    separator = layout.separator or (directive and directive[2]) or _separator(head, usual, cut=cut)
    enclosed = separator == "\t" and layout.quoting == "auto" and _enclosed(head)
    quoting = asked = layout.quoting
    if quoting == "auto":
        quoting = "none" if separator == "\t" and not enclosed else "minimal"
    layout = replace(layout, separator=separator, quoting=quoting)
    parsed = partial(_parsed, source, layout=layout, skip=bool(directive), strict_values=enclosed)
    first = [row for _, row in islice(parsed(), HEAD_LINES)]
    if quoting == "minimal" and any(SET_OFF.match(value) for row in first for value in row):
        parsed = partial(parsed, blanks=True)
        first = [row for _, row in islice(parsed(), HEAD_LINES)]
    if not first:
        raise DataError(f"{source.name} has no rows; give a file with at least one text.")
    header = _header(first, layout, source.name)
    names = _names(first, header, layout, source.name)
    few = _few(first[int(header) :]) if asked == "auto" else {}
    table = Table(
        source.name, names, [], partial(_rows, parsed, names, header, source, few), _notes(source, layout, usual, head)
    )
    table = replace(table, sample=sampled(table.rows(None)))
    if not table.sample:
        raise DataError(f"{source.name} has no rows; give a file with at least one text.")
    return table


def _head(source: Source, layout: Layout) -> tuple[list[str], bool]:
    """Give the first lines, and whether the last of them ends within a row."""
    head: list[str] = []
    with source.text(layout.encoding, newline="") as text:
        for line in lines(text, source.name):
            head.append(line[:HEAD_CHARACTERS])
            if len(head) == HEAD_LINES or sum(map(len, head)) >= HEAD_CHARACTERS:
                return head, True
    return head, False


def _separator(head: list[str], usual: str, *, cut: bool) -> str:
    """Find what separates: what gives the header more than one value, and every row looked at as many."""
    with _LIMIT:
        widths = {sign: [len(row) for row in csv.reader(head, delimiter=sign) if row] for sign in SEPARATORS}
    last = -1 if cut and len(head) > 1 else None
    fitting = [sign for sign, counts in widths.items() if counts[:1] > [1] and len({*counts[:last]}) == 1]
    return usual if usual in fitting or not fitting else max(fitting, key=lambda sign: widths[sign][0])


def _enclosed(head: list[str]) -> bool:
    """Tell whether all values, numbers aside, stand in quotation marks, so that these are no part of them.

    Where that holds of the larger part, the rest is a fault, which reading will meet.
    """
    text, place, marks = "".join(head), 0, 0
    while place < len(text) and (value := ENCLOSED.match(text, place)):
        marks += value[0].startswith('"')
        place = value.end()
    return marks > 0 and (2 * place > len(text) or (len(head) > 1 and place >= len(head[0]) and text[place] == '"'))


def _parsed(
    source: Source, layout: Layout, *, skip: bool, strict_values: bool, blanks: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Give numbered rows as a spreadsheet numbers them, header included, blank ones left out.

    With `blanks` those after a separator are no part of a value.
    """
    number = 0
    with source.text(layout.encoding, newline="") as text:
        raw = lines(text, source.name)
        if skip:
            next(raw, None)
        marks: Any = csv.QUOTE_NONE if layout.quoting == "none" else csv.QUOTE_MINIMAL
        escape = "\\" if layout.quoting == "backslash" else None
        reader = csv.reader(
            raw, delimiter=layout.separator, strict=True, quoting=marks, skipinitialspace=blanks,
            escapechar=escape, doublequote=not escape,
        )  # fmt: skip
        try:
            for number, row in enumerate(_long_values(reader), 1):
                joined = check_utf8("".join(row), f"{source.name}, row {number}")
                if strict_values and "\t" in joined and any("\t" in value and "\n" in value for value in row):
                    raise DataError(
                        f"{source.name}, row {number} has a value that holds tabs and line ends, as where a quotation "
                        "mark is missing; mend it, or say --quoting minimal if it is right, none if marks are text."
                    )
                if row and (len(row) == 1 or joined):
                    yield number, row
        except csv.Error as error:
            advice = "check its quotes"
            if layout.quoting == "minimal":
                advice += ', or say --quoting none if marks are text, backslash if \\" stands for one inside a value'
            raise DataError(f"{source.name}, row {number + 1} cannot be read ({error}); {advice}.") from error


class _Limit:
    """The csv module's one limit for the whole process, raised while any of us reads, then as it was."""

    def __init__(self) -> None:
        self._lock, self._inside, self._before = threading.Lock(), 0, 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = csv.field_size_limit(LONGEST)
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                csv.field_size_limit(self._before)


_LIMIT = _Limit()


def _long_values(reader: Iterable[list[str]]) -> Iterator[list[str]]:
    """Read rows, some at once, whose values may be longer than this process allows elsewhere."""
    rows, reading = iter(reader), True
    while reading:
        some: list[list[str]] = []
        fault, room = None, AT_ONCE
        with _LIMIT:
            try:
                while room > 0:
                    some.append(next(rows))
                    room -= 16 + sum(map(len, some[-1]))
            except StopIteration:
                reading = False
            except (csv.Error, DataError) as error:
                fault = error
        yield from some  # those before a bad row come first
        if fault:
            raise fault


def _header(rows: list[list[str]], layout: Layout, name: str) -> bool:
    """Say whether the first row names the columns; raise DataError where it may be data."""
    first, asked = rows[0], [layout.text_column, layout.label_column, layout.group_column]
    if layout.header is not None:
        return layout.header
    if layout.columns:
        same = [value.strip().casefold() for value in first] == [column.casefold() for column in layout.columns]
        if not same and _are_names(first):
            raise DataError(
                f"{name} has a header, {listing(first)}, where --columns names others; add --header to use these in "
                "its place, or --no-header if it is data."
            )
        return same
    if any(column and column in first for column in asked):
        return True
    columns = [[row[place] for row in rows[1:] if place < len(row)] for place in range(len(first))]
    again = [value.strip() != "" and value in below and len({*below}) <= max(2, len(below) // 2)
             for value, below in zip(first, columns, strict=True)]  # fmt: skip
    if any(known_name(value) for value, recurs in zip(first, again, strict=True) if not recurs):
        return True
    for below in rows[1:MOST_ABOVE]:
        if _are_names(below):
            raise DataError(
                f"{name} has its header below other rows: {listing(below)}; remove what stands above it, or say "
                "--header if the first row is the header."
            )
    if any(again):
        place = again.index(True)
        raise DataError(_perhaps_data(name, f"{quoted(first[place])}, which column {place + 1} holds again below"))
    for value, below in zip(first, columns, strict=True):
        long = len(value.split()) >= LONG_WORDS or len(value) >= LONG
        if long and 3 * len(value) * len(below) >= sum(map(len, below)):
            raise DataError(_perhaps_data(name, f"{quoted(value)}, which is as long as a text"))
    return True


def _are_names(row: list[str]) -> bool:
    """Tell a row of different known names of columns, two or more, and of nothing else."""
    names = {value for value in row if known_name(value)}
    return len(names) > 1 and len(names) == len([value for value in row if value.strip()])


def _perhaps_data(name: str, why: str) -> str:
    return (
        f"The first row of {name} may be no header: it holds {why}; say --no-header, or name the columns with "
        "--columns text,label, or say --header if it is one."
    )


def _names(rows: list[list[str]], header: bool, layout: Layout, name: str) -> list[str]:
    """Name the columns: as the user says, by the header, or by their numbers; nameless empty ones at the end go."""
    width = len(rows[0])
    if layout.columns:
        if len(layout.columns) != width:
            given = len(layout.columns)
            raise DataError(f"{name} has {width} columns, and --columns names {given}; name each of them, in order.")
        return unique(list(layout.columns), name)
    if not header:
        return [str(place) for place in range(1, width + 1)]
    names = rows[0]
    while len(names) > 1 and not names[-1].strip() and not any("".join(row[len(names) - 1 :]) for row in rows[1:]):
        names = names[:-1]
    nameless = [place for place, column in enumerate(names) if not column.strip()]
    return unique(
        [f"unnamed: {place}" if place in nameless[1:] else column for place, column in enumerate(names)], name
    )


def _few(rows: list[list[str]]) -> dict[int, set[str]]:
    """Give the values of the columns that hold the same few again and again, as of labels, by their place."""
    columns = {place: [row[place] for row in rows if place < len(row)] for place in range(len(rows[0]) if rows else 0)}
    return {
        place: {*values}
        for place, values in columns.items()
        if len(values) >= 4 and 2 * len({*values}) <= len(values) and 0 < max(map(len, values)) < LONG
    }


def _swallowed(row: list[str], few: dict[int, set[str]], separator: str) -> int:
    """Count the rows that a value of this one holds, all of it, as where a quotation mark is missing; or 0."""
    for place, value in enumerate(row):
        if "\n" in value and separator in value:
            inner = [next(csv.reader([line], delimiter=separator), []) for line in value.splitlines()]
            inner[0], inner[-1] = [*row[:place], *inner[0]], [*inner[-1], *row[place + 1 :]]
            if all(len(one) == len(row) and all(one[at] in few[at] for at in few) for one in inner):
                return len(inner)
    return 0


def _rows(
    parsed: Any, names: list[str], header: bool, source: Source, few: dict[int, set[str]], columns: Sequence[str] | None
) -> Rows:
    """Give the rows of some columns; raise DataError for a row of another width."""
    wanted = {*names} if columns is None else {*columns}
    places = [(column, place) for place, column in enumerate(names) if column in wanted]
    width = len(names)
    advice = "mend it, or say --text-per line if each line is a text"
    if source.suffix in USUAL:
        advice = "quote values that hold separators"
    for number, row in islice(parsed(), int(header), None):
        if len(row) != width and (len(row) < width or any(row[width:])):
            raise DataError(
                f"{source.name}, row {number} has {len(row)} values where the header has {width}; {advice}."
            )
        if few and (count := _swallowed(row, few, parsed.keywords["layout"].separator)):
            raise DataError(
                f"{source.name}, row {number} has a value that holds {count} rows, as where a quotation mark is "
                "missing; mend it, or say --quoting minimal if it is right, none if marks are text."
            )
        yield number, {column: row[place] for column, place in places}


def _notes(source: Source, layout: Layout, usual: str, head: list[str]) -> tuple[str, ...]:
    notes = []
    if layout.separator != usual:
        sign = SEPARATORS.get(layout.separator, repr(layout.separator))
        notes.append(f"{source.name}: values are separated by {sign}")
    if layout.separator == "\t" and layout.quoting == "none" and any(re.search(r'(^|\t)"', line) for line in head):
        notes.append(f"{source.name}: quotation marks are read as text; say --quoting minimal if they enclose values")
    return tuple(notes)
