"""A part of a data set, readable again and again, from files of rows or from lists; and the parts together."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple

from gatewise.base.errors import DataError, one_line
from gatewise.base.text import clean
from gatewise.data.columns import Columns, Values, refuse_missing
from gatewise.data.formats import open_table
from gatewise.data.layout import Layout
from gatewise.data.opening import Source
from gatewise.data.table import Table, listing, quoted

BATCH_ROWS = 1024
COUNTED = 1 << 26  # bytes of text lines that are counted beforehand
BATCH_CHARACTERS = 1 << 24  # long texts make smaller batches
Row = tuple[str, dict[str, Any]]  # a text, and what else of its row is carried along, by column


@dataclass(slots=True)
class Count:
    """A number that grows while a part is read; it is that of the last reading."""

    value: int = 0


class Example(NamedTuple):
    """One row; in a labelled part every row has a label."""

    text: str
    label: str | None
    group: str | None


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a data set, readable again and again; `name` is for messages."""

    name: str
    open: Callable[[], Iterable[Values]]
    labelled: bool
    grouped: bool
    carry: Callable[[Sequence[str]], Iterable[Row]] | None = None  # texts with other columns, where there are any
    notes: tuple[str, ...] = ()  # what was found out about its files
    skipped: Count = field(default_factory=Count)  # rows left out as they have no label

    def rows(self, keep: Sequence[str] = ()) -> Iterator[Row]:
        """Read the part from its start: each text, with its row's values in the columns to keep.

        Raises DataError, at once, for a column that the part does not have.
        """
        if self.carry is not None:
            return self._guarded(self.carry(keep))
        if keep:
            raise DataError(f"{self.name} has no column {quoted(keep[0])}: it holds texts alone; keep nothing of it.")
        return self._guarded((text, {}) for text, _, _ in self.open())

    def _guarded(self, rows: Iterable[Row]) -> Iterator[Row]:
        try:
            for text, kept in rows:
                yield clean(text), kept
        except OSError as error:
            raise _unreadable(self.name, error) from error

    def batches(self) -> Iterator[list[Example]]:
        """Read the part from its start, at most BATCH_ROWS examples at once and hardly more than BATCH_CHARACTERS."""
        rows: list[Example] = []
        room = BATCH_CHARACTERS
        try:
            for text, label, group in self.open():
                rows.append(Example(clean(text), label and clean(label), group and clean(group)))
                room -= len(text)
                if len(rows) == BATCH_ROWS or room < 0:
                    yield rows
                    rows, room = [], BATCH_CHARACTERS
        except OSError as error:
            raise _unreadable(self.name, error) from error
        if rows:
            yield rows


def _unreadable(name: str, error: OSError) -> DataError:
    reason = one_line(error.strerror or error)
    return DataError(f"{name} cannot be read ({reason}); check the file and its permissions.")


@dataclass(frozen=True, slots=True)
class Dataset:
    """The parts of a data set; what it does not have is None."""

    name: str
    train: Part | None = None
    dev: Part | None = None
    test: Part | None = None
    unlabelled: Part | None = None
    notes: tuple[str, ...] = ()  # what was found out about its files, a sentence each


def of_tables(files: Sequence[Source], first: Table, columns: Columns, layout: Layout, *, may_lack: bool) -> Part:
    """Make a part of files of rows, the first of which is open; `may_lack`: its labels may be empty, all of them."""
    notes, skipped = list(first.notes), Count()
    values = [row.get(str(columns.label)) for row in first.sample]
    if columns.label is not None and may_lack and all(value in (None, "") for value in values):
        columns = replace(columns, label=None)
    if first.lines:
        notes.append(_counted(files, layout))

    def tables() -> Iterator[Table]:
        yield first
        for file in files[1:]:
            table = open_table(file, layout)
            refuse_missing(table, columns.wanted, f" as {first.name} has it")
            yield table

    def examples() -> Iterator[Values]:
        skipped.value = 0
        for table in tables():
            for number, row in table.rows(columns.wanted):
                one = columns.values(row, f"{table.name}, row {number}")
                if columns.skip and columns.label is not None and one[1] is None:
                    skipped.value += 1
                else:
                    yield one

    return Part(
        first.name, examples, columns.label is not None, columns.group is not None,
        partial(_carried, tables, columns, first.columns), tuple(notes), skipped,
    )  # fmt: skip


def _counted(files: Sequence[Source], layout: Layout) -> str:
    """Say how many files hold how many lines, each a text; not of files that take long to count."""
    name = files[0].name if len(files) == 1 else f"{len(files):,} files from {files[0].name} on"
    sizes = [file.plain.stat().st_size if file.plain else COUNTED + 1 for file in files]
    if sum(sizes) > COUNTED:
        return f"{name}: a text a line"
    count = sum(1 for file in files for _ in open_table(file, layout).rows(None))
    return f"{name}: {count:,} {'line' if count == 1 else 'lines'}, a text each"


def _carried(
    tables: Callable[[], Iterator[Table]], columns: Columns, known: Sequence[str], keep: Sequence[str]
) -> Iterator[Row]:
    """Give texts with the values of columns to keep; raise DataError, at once, where there is no such column."""
    alone = replace(columns, label=None, group=None)
    first = next(tables())
    if missing := [column for column in keep if column not in known]:
        raise DataError(f"{first.name} has no column {quoted(missing[0])}; its columns are {listing(known)}.")
    wanted = list(dict.fromkeys([*alone.wanted, *keep]))
    return (
        (alone.values(row, f"{table.name}, row {number}")[0], {column: row.get(column) for column in keep})
        for table in tables()
        for number, row in table.rows(wanted)
    )


def from_lists(
    texts: Iterable[str],
    labels: Iterable[object] | None = None,
    groups: Iterable[object] | None = None,
    *,
    name: str = "texts",
) -> Part:
    """Make a part of texts in memory, with a label and a group (turned into strings) for each, or none.

    Raises DataError for a single string, a text that is not a string and lists of different lengths.
    """
    if isinstance(texts, str):
        raise DataError(f"{name} is a single string; give a list of strings.")
    texts = list(texts)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"{name}[{row}] is of type {type(text).__name__}; every text must be a string.")
    columns = [None if values is None else list(map(str, values)) for values in (labels, groups)]
    for column in columns:
        if column is not None and len(column) != len(texts):
            raise DataError(
                f"{name} has {len(texts):,} texts but {len(column):,} labels or groups; give each text one."
            )
    label, group = (column or repeat(None) for column in columns)
    return Part(name, lambda: zip(texts, label, group, strict=False), labels is not None, groups is not None)
