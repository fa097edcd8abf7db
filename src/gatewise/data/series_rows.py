"""Any file, or table in memory, to the raw columns of a series: titles above a header and units below it left out.

Knows neither which column is time nor what a value means.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.base.errors import DataError, one_line
from gatewise.base.places import is_file, is_folder
from gatewise.base.text import likely_encodings, marked
from gatewise.data.arrow import arrow_file
from gatewise.data.delimited import SEPARATORS, USUAL, delimited
from gatewise.data.formats import open_table, refuse_other
from gatewise.data.layout import Layout
from gatewise.data.opening import Source, sources_of
from gatewise.data.series_cells import OF_FIGURES, Column, is_missing
from gatewise.data.series_time import looks_like_time
from gatewise.data.table import Table, quoted, unique

MOST_TITLES, LINES_LOOKED_AT = 12, 60
HEAD_CHARACTERS = 1 << 16  # less than the csv module lets a value have
TEXT = (*USUAL, ".txt", ".dat", "")


@dataclass(frozen=True, slots=True)
class Raw:
    """Columns of equal length as a file or table has them; `rows` number them for messages."""

    name: str
    columns: Mapping[str, Column]
    rows: Sequence[int]
    index: tuple[str, ...] = ()  # columns that a data frame names as its index
    notes: tuple[str, ...] = ()


def raw_of(place: Any, encoding: str, separator: str) -> Raw:
    """Open a path, a pandas or polars data frame, an Arrow table, a mapping of columns, or a vector of numbers."""
    if isinstance(place, str | Path):
        return _of_file(Path(place), encoding, separator)
    return _in_memory(place)


def the_source(path: Path) -> Source:
    """Give the one file that a path leads to; raise DataError where it is none, or several."""
    if is_folder(path) or not is_file(path):
        what = "a folder" if is_folder(path) else "no file here"
        raise DataError(f"{one_line(path)} is {what}; give one file of series: .csv, .tsv, .parquet, .jsonl or .tsf.")
    sources = sources_of(path)
    if len(sources) != 1:
        raise DataError(f"{path} holds {len(sources)} files; unpack it, and give the one with the series.")
    return sources[0]


def decoded(source: Source, encoding: str, otherwise: str = "") -> tuple[str, str]:
    """Read a file as text, and name its encoding where it is not UTF-8.

    What is not UTF-8 is of the encoding `otherwise` or, where none is given, of the likeliest that fits all of it.
    Raises DataError where none fits, or not the one that is given.
    """
    with source.stream() as file:
        data = file.read()
    known = encoding or marked(data)
    try:
        return data.decode(known or "utf-8-sig"), known
    except (UnicodeError, LookupError) as error:
        beyond = b"\n".join(line for line in data.splitlines() if not line.isascii())
        likely = [] if known else [otherwise] if otherwise else likely_encodings(beyond)
        if not likely:
            raise DataError(
                f"{source.name} is not {known or 'UTF-8'} ({one_line(error, 80)}); give its encoding by --encoding."
            ) from error
        return data.decode(likely[0], "replace"), likely[0]


def _of_file(path: Path, encoding: str, separator: str) -> Raw:
    try:
        source = the_source(path)
        refuse_other(source)
        if source.suffix in (".xls", ".xlsx", ".ods"):
            raise DataError(f"{source.name} is a spreadsheet; save its sheet as CSV (UTF-8), and give that.")
        if source.suffix in TEXT:
            return _of_text(source, encoding, separator)
        is_arrow = source.suffix in (".parquet", ".feather", ".arrow")
        table = arrow_file(source, text=False) if is_arrow else open_table(source, Layout(encoding=encoding))
        return _collected(table, 0, ())
    except OSError as error:
        reason = one_line(error.strerror or error)
        raise DataError(f"{path} cannot be read ({reason}); check the file and its permissions.") from error


def _of_text(source: Source, encoding: str, separator: str) -> Raw:
    text, known = decoded(source, encoding)
    notes: tuple[str, ...] = (f"File: it is read as {known}.",) if known else ()
    head = io.StringIO(text, newline="").read(HEAD_CHARACTERS).splitlines(keepends=True)[:LINES_LOOKED_AT]
    titles, sign = _shape(head, separator)
    above = list(csv.reader(head[: titles + 1], delimiter=sign))
    if titles and len(above) > 1 and len(above[-2]) > 1 and _is_data(above[-1]):
        titles -= 1  # the last of these is a header, of another width than the rows
    if titles:
        shown = one_line(" ".join(head[:titles]), 80)
        notes += (f"File: what stands above the header is left out ({shown}).",)
        text = "".join(text.splitlines(keepends=True)[titles:])
    rows = [row for row in csv.reader(head[titles : titles + 3], delimiter=sign) if row]
    layout = Layout(header=not rows or not _is_data(rows[0]), separator=sign)
    if len(rows) < 1 + (layout.header is True):
        raise DataError(f"{source.name} has no rows below its header; give a file with several.")
    name = f"{source.name} (below its first {titles} lines)" if titles else source.name
    inner = Source(name, source.path, lambda: nullcontext(io.BytesIO(text.encode())))
    return _without_units(_collected(delimited(inner, layout, sign), titles, notes))


def _shape(head: Sequence[str], separator: str) -> tuple[int, str]:
    """Find how many lines stand above the header, and what separates values: what gives most lines one width."""
    best = (0, 0, 0, ",")
    for sign in [separator] if separator else SEPARATORS:
        widths = [len(row) for row in csv.reader(head, delimiter=sign)]
        several = [width for width in widths if width > 1]
        if several:
            usual = max({*several}, key=several.count)
            best = max(best, (several.count(usual), -widths.index(usual), usual, sign))
    titles = -best[1] if -best[1] <= MOST_TITLES else 0
    return (titles if best[0] > 1 else 0), best[3]


def _is_data(row: Sequence[str]) -> bool:
    """Tell a first row that holds numbers or dates from one of names."""
    told = [value for value in row if not is_missing(value)]
    return any(OF_FIGURES.fullmatch(value.strip()) or looks_like_time([value]) for value in told)


def _collected(table: Table, above: int, notes: tuple[str, ...]) -> Raw:
    names = [column if column.strip() else f"column {place}" for place, column in enumerate(table.columns, 1)]
    columns: dict[str, list[Any]] = {name: [] for name in names}
    rows = []
    adders = [(column, columns[name].append) for column, name in zip(table.columns, names, strict=True)]
    for number, row in table.rows(None):
        rows.append(number + above)
        for column, add in adders:
            add(row.get(column))
    if not rows:
        raise DataError(f"{table.name} has no rows; give a file with several.")
    return Raw(table.name.removesuffix(f" (below its first {above} lines)"), columns, rows, notes=notes)


def _without_units(raw: Raw) -> Raw:
    """Leave out a first row that holds units: no number and no date where the next row has several."""
    if len(raw.rows) < 2:
        return raw
    first, second = ([str(column[place]) for column in raw.columns.values()] for place in (0, 1))
    if _is_data(first) or not _is_data(second) or not any(not is_missing(value) for value in first):
        return raw
    units = [value for value in first if not is_missing(value)]
    return replace(
        raw, columns={name: column[1:] for name, column in raw.columns.items()}, rows=raw.rows[1:],
        notes=(*raw.notes, f"File: row {raw.rows[0]} holds units ({one_line(', '.join(units), 80)}), and is left out."),
    )  # fmt: skip


def _in_memory(place: Any) -> Raw:
    """Take the columns of a table in memory, whatever package it is of, or number a vector's rows."""
    name, index = type(place).__name__, []
    columns: dict[str, Column]
    if hasattr(place, "to_frame") and hasattr(place, "index") and not hasattr(place, "columns"):  # a pandas Series
        place = place.to_frame(name=place.name if place.name is not None else "value")
    if hasattr(place, "iloc") and hasattr(place, "columns"):
        if any(one is not None for one in place.index.names) or type(place.index).__name__ != "RangeIndex":
            index = [str(one) if one is not None else f"index {level}" for level, one in enumerate(place.index.names)]
            place = place.reset_index(names=index)
        unique([str(column) for column in place.columns], "the data frame")
        columns = {str(column): _of_pandas(place[column]) for column in place.columns}
    elif hasattr(place, "to_dict") and hasattr(place, "get_column"):  # polars
        columns = place.to_dict(as_series=False)
    elif hasattr(place, "to_pydict"):  # Arrow
        columns = place.to_pydict()
    elif isinstance(place, Mapping):
        columns = {str(column): _vector(values, f"column {quoted(column)}") for column, values in place.items()}
    else:
        columns = {"value": _vector(place, f"a {name}")}
    if len(columns) == 1:  # a vector, whatever it is in: its rows are numbered
        (values,) = columns.values()
        columns, index = {"row": np.arange(len(values)), **columns}, ["row"]
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1 or lengths == {0}:
        raise DataError(f"{name} has columns of {sorted(lengths)} rows; give columns of one length, and some rows.")
    return Raw(name, columns, range(lengths.pop()), tuple(index))


def _of_pandas(column: Any) -> Column:
    kind = getattr(column.dtype, "kind", "O")
    if kind in "fiub" and isinstance(column.dtype, np.dtype):
        return np.asarray(column)
    if kind == "M" and isinstance(column.dtype, np.dtype):
        return np.asarray(column)
    if type(column.dtype).__name__ == "PeriodDtype":
        return np.asarray(column.dt.to_timestamp())
    values: list[Any] = column.astype(object).tolist()
    return values


def _vector(values: Any, what: str) -> Column:
    if hasattr(values, "tolist") and hasattr(values, "dtype"):
        array = np.asarray(values)
        if array.ndim == 1:
            return array if array.dtype.kind in "fiubM" else array.tolist()
    elif hasattr(values, "to_list"):  # polars
        return list(values.to_list())
    elif isinstance(values, Sequence) and not isinstance(values, str | bytes):
        return list(values)
    raise DataError(f"{what} is no vector of values; give a path, a data frame, or a mapping of columns to vectors.")
