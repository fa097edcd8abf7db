"""What every format becomes: named columns, a sample of rows, and all rows again and again. Knows no format."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gatewise.base.errors import DataError, one_line

SAMPLE_ROWS, SAMPLE_CELLS, SAMPLE_CHARACTERS = 1024, 200_000, 1 << 22  # looked at to choose columns, at most
Rows = Iterator[tuple[int, dict[str, Any]]]  # number for messages, values by column


@dataclass(frozen=True, slots=True)
class Table:
    """A file of rows."""

    name: str
    columns: list[str]
    sample: list[dict[str, Any]]
    rows: Callable[[Sequence[str] | None], Rows]  # of these columns, or of all
    notes: tuple[str, ...] = ()  # what was found out about the file, where one would wish to know
    lines: bool = False  # each row is a line that is a text, and nothing else


def sampled(rows: Rows) -> list[dict[str, Any]]:
    """Take the first rows, fewer where they are wide or long."""
    sample: list[dict[str, Any]] = []
    cells = characters = 0
    for _, row in rows:
        sample.append(row)
        cells += len(row)
        characters += sum(len(value) for value in row.values() if isinstance(value, str))
        if len(sample) == SAMPLE_ROWS or cells >= SAMPLE_CELLS or characters >= SAMPLE_CHARACTERS:
            break
    return sample


def columns_of(sample: Iterable[dict[str, Any]]) -> list[str]:
    """Give the columns of rows that need not have the same ones."""
    return list(dict.fromkeys(column for row in sample for column in row))


def unique(columns: list[str], name: str) -> list[str]:
    """Give a file's column names back; raise DataError where two are the same."""
    if len(set(columns)) < len(columns):
        seen: set[str] = set()
        twice = [column for column in columns if column in seen or seen.add(column)]  # type: ignore[func-returns-value]
        raise DataError(f"{name} has more than one column called {listing(sorted({*twice}))}; rename or drop one.")
    return columns


def quoted(value: object) -> str:
    """Show a name or value of a file in a sentence, cut where it is long."""
    return repr(one_line(getattr(value, "name", value), 60))


def listing(values: Sequence[Any]) -> str:
    """Show the first ten of some names, or of some paths by their names."""
    return ", ".join(map(quoted, values[:10])) + ", ..." * (len(values) > 10)
