"""Files to rows (CSV, TSV, JSON Lines, Parquet) and folders or archives to texts; knows not what a row is for.

All are streams, and nothing is unpacked to disk. Only a Parquet file needs pyarrow, which the extra `train` brings.
"""

import csv
import gzip
import tarfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from gatewise.base.errors import DataError, one_line
from gatewise.base.extras import needs
from gatewise.base.text import LONGEST, check_utf8, json_values, numbered_lines
from gatewise.data.columns import unique

PARQUET_ROWS = 1024  # decoded at once
Rows = Iterator[tuple[int, dict[Any, Any]]]  # number for messages, values by column


def _csv_rows(path: Path, columns: list[str] | None) -> Rows:
    """Read CSV or TSV, numbering rows as a spreadsheet does, header included.

    The csv module rather than pyarrow's reader, because it knows the number of a bad row, joins quoted newlines and
    long values across any block border, and guesses no types ("001" stays "001").
    """
    csv.field_size_limit(LONGEST)
    number, header = 0, None
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", strict=True)
        try:
            for number, row in enumerate(reader, 1):
                check_utf8("".join(row), f"{path}, row {number}")
                if header is None:
                    header = unique(row, path)
                elif len(row) == len(header):
                    yield number, dict(zip(header, row, strict=True))
                elif row:  # a blank line is no row
                    counts = f"has {len(row)} values where the header has {len(header)}"
                    raise DataError(f"{path}, row {number} {counts}; quote values that hold separators.")
        except csv.Error as error:
            raise DataError(f"{path}, row {number + 1} cannot be read ({error}); check its quotes.") from error


def _json_rows(path: Path, columns: list[str] | None) -> Rows:
    """Read JSON Lines, one object a line, numbered by line."""
    with path.open("rb") as file:
        for number, row in json_values(numbered_lines(file, str(path)), str(path)):
            if not isinstance(row, dict):
                raise DataError(f'{path}, line {number} needs an object such as {{"text": ..., "label": ...}}.')
            yield number, row


def _parquet_rows(path: Path, columns: list[str] | None) -> Rows:
    """Read the needed columns of a Parquet file, numbering rows from 1."""
    with needs("train"):
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    number = 0
    try:
        with ParquetFile(path) as file:
            unique(file.schema_arrow.names, path)
            for batch in file.iter_batches(PARQUET_ROWS, columns=columns):
                names = batch.schema.names
                for values in zip(*batch.columns, strict=True):
                    number += 1
                    yield number, {name: value.as_py() for name, value in zip(names, values, strict=True)}
    except (ArrowException, UnicodeDecodeError) as error:
        reason = one_line(str(error).split(". ")[0]) + (f", after row {number}" if number else "")
        raise DataError(f"{path} is damaged or not Parquet ({reason}); write it again.") from error


READERS = {".csv": _csv_rows, ".tsv": _csv_rows, ".jsonl": _json_rows, ".ndjson": _json_rows, ".parquet": _parquet_rows}


def text_files(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Name the .txt files of a folder, or of an archive (streamed, never extracted), each with what reads it."""
    if path.is_dir():
        yield from ((file.relative_to(path).as_posix(), file.read_bytes) for file in sorted(path.glob("**/*.txt")))
        return
    try:
        # tarfile's own "r|gz" takes a truncated archive for a short one; gzip checks length and CRC.
        with gzip.open(path) as unzipped, tarfile.open(fileobj=unzipped, mode="r|") as archive:
            while member := archive.next():
                if (text := archive.extractfile(member)) and member.name.endswith(".txt"):
                    yield member.name.removeprefix("./").removeprefix("aclImdb/"), partial(text.read, LONGEST + 1)
                archive.__dict__["members"] = []  # else the list keeps all 100,000 headers
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged or not a .tar.gz archive ({error}); fetch it again.") from error
