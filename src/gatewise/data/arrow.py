"""Parquet, Feather and Arrow files to a Table, or to whole rows: only the columns needed become Python's, in pieces.

The one module of this room that knows pyarrow, which the extra `train` brings.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from gatewise.base.errors import DataError, one_line
from gatewise.base.extras import needs
from gatewise.data.columns import known_name
from gatewise.data.opening import Source
from gatewise.data.table import Rows, Table, sampled, unique

MOST_ROWS, FEWEST_ROWS, MOST_BYTES = 1024, 8, 1 << 27  # decoded at once


def arrow_file(source: Source, *, text: bool = True) -> Table:
    """Open a file of Arrow's; raise DataError for one that is damaged, compressed as a whole or, of `text`, empty.

    Without `text` no row is looked at beforehand.
    """
    if (path := source.plain) is None:
        raise DataError(f"{source.name} must be unpacked first: what is {source.suffix} is read from any place.")
    with needs("train"):
        import pyarrow as pa
    with _readable(path), _opened(path) as (schema, _):
        columns = [name for field in schema for name in _leaves(field)]
        names = _class_names(schema.metadata or {})
        plain = [name for field in schema for name, kind in _typed(field) if _is_plain(name, kind, pa)]
    unique(columns, source.name)
    if not columns:
        raise DataError(f"{source.name} has no columns; write it again.")
    rows = partial(_rows, path, columns, names)
    sample = sampled(rows(plain)) if plain and text else []
    if text and not sample:
        raise DataError(f"{source.name} has no rows of text; give a file with at least one text.")
    return Table(source.name, columns, sample, rows)


def arrow_rows(source: Source) -> Rows:
    """Give numbered rows with all their columns, lists too; raise DataError where arrow_file() does."""
    if (path := source.plain) is None:
        raise DataError(f"{source.name} must be unpacked first: what is {source.suffix} is read from any place.")
    with needs("train"):
        import pyarrow as pa  # noqa: F401
    with _readable(path), _opened(path) as (schema, _):
        columns = [name for field in schema for name in _leaves(field)]
        names = _class_names(schema.metadata or {})
    unique(columns, source.name)
    yield from _rows(path, columns, names, None)


@contextmanager
def _readable(path: Path, number: Sequence[int] = ()) -> Iterator[None]:
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OverflowError, ValueError, EOFError, OSError) as error:
        if isinstance(error, DataError) or getattr(error, "errno", None):
            raise
        reason = one_line(str(error).split(". ")[0]) + (f", after row {number[0]}" if number and number[0] else "")
        kind = "Parquet" if path.suffix.lower() == ".parquet" else "Arrow"
        raise DataError(f"{path} is damaged or not {kind} ({reason}); write it again.") from error


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """Give a file's schema, and what gives record batches of some columns."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    if path.suffix.lower() == ".parquet":
        with ParquetFile(path) as file:
            yield file.schema_arrow, lambda columns: file.iter_batches(_rows_at_once(file), columns=columns)
        return
    with pa.OSFile(str(path)) as opened:
        try:
            reader = pa.ipc.open_file(opened)
            batches: Any = (reader.get_batch(place) for place in range(reader.num_record_batches))
        except pa.ArrowInvalid:  # data sets of Hugging Face are kept as streams
            opened.seek(0)
            reader = pa.ipc.open_stream(opened)
            batches = reader
        yield reader.schema, lambda columns: _pieces(batches, columns)


def _pieces(batches: Any, columns: Sequence[str]) -> Iterator[Any]:
    names = list(dict.fromkeys(column.split(".")[0] for column in columns))
    for batch in batches:
        batch.validate(full=True)  # the library trusts a file's offsets, and would read beside what they point to
        known = batch.select([name for name in names if name in batch.schema.names] or columns)
        for start in range(0, known.num_rows, MOST_ROWS):
            yield known.slice(start, MOST_ROWS)


def _rows_at_once(file: Any) -> int:
    """Give how many rows to decode at once: a value may be as long as all of its group, and stand in every row.

    Of the group alone: to ask for a column's own size ends the process where that part of the file is damaged.
    """
    groups = range(file.metadata.num_row_groups)
    largest: int = max([1, *(file.metadata.row_group(place).total_byte_size for place in groups)])
    return max(FEWEST_ROWS, min(MOST_ROWS, MOST_BYTES // largest))


def _rows(path: Path, columns: list[str], names: dict[str, list[str]], wanted: Sequence[str] | None) -> Rows:
    """Give numbered rows of some columns, the names of Hugging Face's classes in the place of their numbers."""
    asked, number = columns if wanted is None else list(wanted), [0]
    with _readable(path, number), _opened(path) as (_, batches):
        for batch in batches(asked):
            parts = dict(zip(batch.schema.names, batch.columns, strict=True))
            values = [_values(parts, column, names.get(column), number) for column in asked]
            for row in zip(*values, strict=True):
                number[0] += 1
                yield number[0], dict(zip(asked, row, strict=True))


def _values(parts: dict[str, Any], column: str, names: list[str] | None, number: list[int]) -> list[Any]:
    """Give a column's values; dates that Python does not have stay text. `number` is moved to a bad row."""
    import pyarrow as pa

    name, *inner = [column] if column in parts else column.split(".")
    array = parts[name]
    for step in inner:
        import pyarrow.compute as pc

        array = pc.struct_field(array, step)
    if _is_bytes(array.type, pa):  # Hive, Impala and ClickHouse may write text so
        with suppress(pa.ArrowInvalid):
            array = array.cast(pa.large_string())
    try:
        values: list[Any] = array.to_pylist()
    except UnicodeDecodeError:
        for value in array:
            number[0] += 1
            value.as_py()
        raise
    except (OverflowError, ValueError, ImportError):
        values = array.cast(pa.string()).to_pylist()
    if not names:
        return values
    return [
        [_named(inner, names, "") for inner in one] if isinstance(one, list) else _named(one, names, None)
        for one in values
    ]


def _named(value: Any, names: list[str], missing: str | None) -> Any:
    """Give the name of a class by its number; -1 is what Hugging Face writes for one that is not known."""
    if type(value) is not int:
        return value
    return missing if value == -1 else names[value] if 0 <= value < len(names) else value


def _typed(field: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give a field's path and type, or those of its parts where it is a struct."""
    import pyarrow as pa

    if pa.types.is_struct(field.type) and field.type.num_fields:
        for place in range(field.type.num_fields):
            yield from _typed(field.type.field(place), f"{path}{field.name}.")
    else:
        yield f"{path}{field.name}", field.type


def _leaves(field: Any) -> list[str]:
    return [name for name, _ in _typed(field)]


def _is_plain(name: str, kind: Any, pa: Any) -> bool:
    """Tell columns of which the first values are looked at to choose: text, and what may be a label."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if _is_bytes(kind, pa):  # text of a writer that did not say so, if it is called so; else likely a picture
        return known_name(name)
    tests = ("is_string", "is_large_string", "is_integer", "is_boolean", "is_floating", "is_null")
    return any(getattr(pa.types, test)(kind) for test in tests)


def _is_bytes(kind: Any, pa: Any) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _class_names(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Give the names of the classes that Hugging Face's data sets keep as numbers, by column."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        inner = {column: _inner(feature) for column, feature in features.items()}
        return {
            str(column): [str(name) for name in feature["names"]]
            for column, feature in inner.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # no such note, or somebody else's
        return {}


def _inner(feature: Any) -> Any:
    """Give what a list's feature says of each of its values, the feature itself where it is no list."""
    if isinstance(feature, list) and len(feature) == 1:
        return feature[0]
    if isinstance(feature, dict) and feature.get("_type") in ("Sequence", "List", "LargeList"):
        return feature.get("feature")
    return feature
