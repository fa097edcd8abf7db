"""A file's format, by its name, to what reads it; files and archives to whole texts. Knows not what a row is for."""

import gzip
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, cast

from gatewise.base.errors import DataError, one_line
from gatewise.base.text import LONGEST, marked
from gatewise.data.arrow import arrow_file
from gatewise.data.delimited import USUAL, delimited
from gatewise.data.layout import Layout
from gatewise.data.lines import text_lines
from gatewise.data.objects import objects
from gatewise.data.opening import Source
from gatewise.data.table import Table

TABLES = (".csv", ".tsv", ".tab", ".psv", ".jsonl", ".ndjson", ".parquet", ".feather", ".arrow")
JSON = (".jsonl", ".ndjson", ".json")
LOOSE = (".json", ".txt")  # may be data, or lie beside it and tell of it
SHOWN = ".csv, .tsv, .jsonl, .json, .parquet, .feather, .arrow or .txt (also .gz, .xz, .bz2, .zip)"
PAGE = "a page of the web, likely one that asks for something; fetch the file itself"
OTHERS: dict[bytes, tuple[str, tuple[str, ...]]] = {  # how files begin, in lower case, and which endings may
    b"version https://git-lfs": ("a pointer of Git LFS, not the data; run git lfs pull in its repository", ()),
    b"<!doctype html": (PAGE, (".txt", "")),
    b"<html": (PAGE, (".txt", "")),
    b"\x1f\x8b": ("compressed by gzip; give it a name that ends in .gz after its format, as orders.csv.gz", ()),
    b"pk\x03\x04": ("a .zip archive or a spreadsheet; call the one .zip, and save the other as CSV", ()),
    b"par1": ("Parquet; give it a name that ends in .parquet", (".parquet",)),
    b"arrow1\0\0": ("Arrow; give it a name that ends in .arrow", (".arrow", ".feather")),
}
JSON_ROW = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:\[\s*)?\{\s*"(?:[^"\\]|\\.)*"\s*:')
READS_AT_END = 64  # of an archive that has ended, before it is damaged


def open_table(source: Source, layout: Layout) -> Table:
    """Open a file of rows by its name's ending, a text file where that says nothing; raise DataError."""
    suffix = source.suffix
    refuse_other(source)
    if suffix in USUAL:
        return delimited(source, layout, USUAL[suffix])
    if suffix in (".parquet", ".feather", ".arrow"):
        return arrow_file(source)
    if suffix in JSON:
        return objects(source, layout)
    if suffix != ".txt" and (suffix in (".xls", ".xlsx", ".ods", ".pdf", ".docx") or _is_binary(source)):
        raise DataError(f"{source.name} has no known format; give a {SHOWN} or aclImdb .tar.gz file, or a folder.")
    return text_lines(source, layout)


def refuse_other(source: Source) -> None:
    """Raise DataError for a file whose first bytes are those of another kind than its name tells."""
    head = source.head(4096)
    mark = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:64].lower()
    form, own = next((told for begin, told in OTHERS.items() if mark.startswith(begin)), ("", ()))
    if not form and source.suffix in USUAL and JSON_ROW.match(head):
        form = "JSON, not values with separators between them; give it a name that ends in .jsonl or .json"
    if form and source.suffix not in own:
        raise DataError(f"{source.name} is {form}.")


def _is_binary(source: Source) -> bool:
    head = source.head(4096)
    return not marked(head) and re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", head) is not None


def text_files(path: Path, pattern: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Name the files of a folder, or of an archive (streamed, never extracted), that fit, each with what reads it."""
    if path.is_dir():
        for file in sorted(path.glob("**/*")):
            name = file.relative_to(path).as_posix()
            if re.fullmatch(pattern, name) and file.is_file():
                yield name, partial(_start, file)
        return
    try:
        # tarfile's own "r|gz" takes a truncated archive for a short one; gzip checks length and CRC.
        with gzip.open(path) as unzipped:
            bounded = cast(IO[bytes], _Ending(cast(IO[bytes], unzipped)))
            with tarfile.open(fileobj=bounded, mode="r|") as archive:
                while member := archive.next():
                    name = member.name.removeprefix("./").removeprefix("aclImdb/")
                    if member.isreg() and not member.issparse() and re.fullmatch(pattern, name):
                        text = archive.extractfile(member)
                        yield name, partial(cast(IO[bytes], text).read, LONGEST + 1)
                    archive.__dict__["members"] = []  # else the list keeps all 100,000 headers
    except (
        tarfile.TarError,
        EOFError,
        zlib.error,
        gzip.BadGzipFile,
        ValueError,
        RecursionError,
        OverflowError,
    ) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is damaged or not a .tar.gz archive ({one_line(error)}); fetch it again.") from error


def _start(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(LONGEST + 1)


class _Ending:
    """A stream that is not read on and on after its end, as tarfile does with some damaged archives."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._ended = file, 0

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(min(size, LONGEST) if size >= 0 else LONGEST)
        self._ended += not piece
        if self._ended > READS_AT_END:
            raise EOFError("it ends early")
        return piece
