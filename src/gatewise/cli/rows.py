"""Answers and what is carried beside them to lines, or to a table of a format that its name tells; knows no model."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewise.base.errors import DataError, one_line
from gatewise.base.extras import needs, require
from gatewise.base.text import clean, json_text

if TYPE_CHECKING:
    from gatewise.runtime.classifier import Prediction

FORMATS = (".tsv", ".csv", ".jsonl", ".ndjson", ".parquet")
PARQUET_ROWS = 2048  # written at once
Kept = Mapping[str, Any]
Sink = Callable[["Prediction", Kept], None]
Put = Callable[[dict[str, Any]], None]


def refuse_format(path: Path) -> None:
    """Raise DataError for a name that tells no format, MissingExtra for a format that needs what is not installed."""
    if path.suffix.lower() not in FORMATS:
        raise DataError(f"{path} has no known format for answers; give it a name that ends in {', '.join(FORMATS)}.")
    if path.suffix.lower() == ".parquet":
        require("train", "pyarrow")


def shares(prediction: "Prediction", top: int | None) -> dict[str, float]:
    """Give the classes' probabilities: all in their own order, or the likeliest so many, the likeliest first."""
    probabilities = prediction.probabilities
    names = probabilities if top is None else sorted(probabilities, key=lambda name: -probabilities[name])[:top]
    return {name: round(probabilities[name], 6) for name in names}


def as_object(prediction: "Prediction", kept: Kept, top: int | None) -> dict[str, Any]:
    """Give an answer as JSON has it, what is kept in front."""
    label, probability = prediction.label, round(prediction.probability, 6)
    answer = {"label": label, "probability": probability, "probabilities": shares(prediction, top)}
    return {_beside(name, answer): _plain(value) for name, value in kept.items()} | answer


def as_line(prediction: "Prediction", kept: Kept, top: int | None) -> str:
    """Give an answer as a line: what is kept, label and probability, then further classes, with tabs between."""
    further = [cell for pair in list(shares(prediction, top).items())[1 : top or 1] for cell in pair]
    numbers = [f"{cell:.4f}" if isinstance(cell, float) else cell for cell in (prediction.probability, *further)]
    return "\t".join([*map(_cell, kept.values()), str(prediction.label), *numbers])


def as_row(prediction: "Prediction", kept: Kept, top: int | None) -> dict[str, Any]:
    """Give an answer as a table's row: what is kept, label and probability, then every class or the next likeliest."""
    answer: dict[str, Any] = {"label": prediction.label, "probability": round(prediction.probability, 6)}
    for place, (name, probability) in enumerate(shares(prediction, top).items(), 1):
        if top is None:
            answer[f"probability.{name}"] = probability
        elif place > 1:
            answer |= {f"label_{place}": name, f"probability_{place}": probability}
    return {_beside(name, answer): value for name, value in kept.items()} | answer


@contextmanager
def written(path: Path, top: int | None) -> Iterator[Sink]:
    """Give where answers go that are written to a file, which stands there whole when all went well, or not at all."""
    from gatewise.base.files import cannot_write

    partial, kind = path.with_name(f"{path.name}.part"), path.suffix.lower()
    try:
        with _parquet(partial) if kind == ".parquet" else _lines(partial, kind) as put:

            def told(prediction: "Prediction", kept: Kept) -> None:
                try:
                    put(as_object(prediction, kept, top) if "json" in kind else as_row(prediction, kept, top))
                except OSError as error:
                    raise cannot_write(path, error) from error

            yield told
        partial.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def _lines(path: Path, kind: str) -> Iterator[Put]:
    """Give what writes JSON Lines, or a header and rows: CSV, in quotes where a value needs them, or TSV, without."""
    begun = False
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")

        def put(row: dict[str, Any]) -> None:
            nonlocal begun
            if "json" in kind:
                file.write(json_text(row) + "\n")
                return
            for values in [row.values()] if begun else [row, row.values()]:
                if kind == ".csv":
                    writer.writerow(map(_text, values))
                else:
                    file.write("\t".join(map(_cell, values)) + "\n")
            begun = True

        yield put


@contextmanager
def _parquet(path: Path) -> Iterator[Put]:
    """Give what writes rows as Parquet; a column's type is that of its first rows."""
    with needs("train"):
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter
    rows: list[dict[str, Any]] = []
    writer: Any = None

    def flush() -> None:
        nonlocal writer
        try:
            table = pa.Table.from_pylist(rows, schema=writer and writer.schema)
            if writer is None:  # of a column without any value the type is not known
                types = {
                    field.name: pa.string() if pa.types.is_null(field.type) else field.type for field in table.schema
                }
                table = table.cast(pa.schema(types.items()))
                writer = ParquetWriter(path, table.schema)
            writer.write_table(table)
        except pa.ArrowException as error:
            reason = f"A kept column holds values of several types ({one_line(error)})"
            raise DataError(f"{reason}; write .jsonl or .csv.") from error
        rows.clear()

    def put(row: dict[str, Any]) -> None:
        rows.append(row)
        if len(rows) == PARQUET_ROWS:
            flush()

    try:
        yield put
        flush()
    finally:
        if writer is not None:
            writer.close()


def _beside(name: str, answer: Mapping[str, Any]) -> str:
    """Name a kept column so that it is told from the answer's own."""
    while name in answer:
        name = f"input.{name}"
    return name


def _plain(value: Any) -> Any:
    """Give a value that JSON has: a date is its text."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | float) else _text(value)


def _text(value: Any) -> str:
    """Give a value as a table's cell shows it; none is empty."""
    if value is None or value != value:
        return ""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool | list | dict):
        return json_text(_plain(value))
    return str(value)


def _cell(value: Any) -> str:
    """Give a value for a line whose cells are parted by tabs: those and line ends inside it become blanks."""
    return " ".join(_text(value).replace("\t", " ").splitlines())
