"""Turn any file or folder of texts into streams of Arrow record batches of (text, label, group).

Knows formats, columns and splits; knows nothing of tokens. No part is ever held in memory as a whole, none is unpacked
to disk, and every part can be read again and gives the same rows in the same order.
"""

import csv
import gzip
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from gatewise.base.errors import DataError, one_line
from gatewise.base.text import LONGEST, SURROGATES, check_utf8, decode, json_values, numbered_lines
from gatewise.data import named as datasets

SCHEMA = pa.schema([("text", pa.string()), ("label", pa.string()), ("group", pa.string())])
BATCH_ROWS = 1024
BATCH_CHARACTERS = 1 << 24  # long texts make smaller batches: an Arrow string column holds 2 GiB at most
TEXT_NAME = r"(text|review|content|sentence|document|body|comment|message|tweet|post)s?"
LABEL_NAME = r"(label|class|category|sentiment|target|topic)(s|es)?|categories"
ROW_NAMES = {"", "id", "idx", "index", "unnamed: 0"}  # number rows: never taken for a label unless asked for
SPLITS = {"train": "train", "test": "test"} | dict.fromkeys(("dev", "valid", "validation", "val"), "dev")
SPLITS |= dict.fromkeys(("unsup", "unsupervised", "unlabelled", "unlabeled"), "unlabelled")
Values = Iterable[object]
Renaming = dict[str | None, str]  # label in the file -> label to show
Example = tuple[str, str | None, str | None]  # text, label, group
Rows = Iterator[tuple[int, dict[Any, Any]]]  # number for messages, values by column
_JSON_LINE = re.compile(r'\s*(\{|"[^"\\]*+(?:\\.[^"\\]*+)*+"\s*$)')  # not a text that merely begins with a quote


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a data set, readable again and again; `name` is for messages."""

    name: str
    open: Callable[[], Iterator[pa.RecordBatch]]
    labelled: bool
    grouped: bool

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Read the part from its start, in record batches of SCHEMA with at most BATCH_ROWS rows each."""
        try:
            yield from self.open()
        except OSError as error:
            raise DataError(f"{self.name} cannot be read ({error}); check the file and its permissions.") from error


@dataclass(frozen=True, slots=True)
class Dataset:
    """The parts of a data set; what it does not have is None."""

    name: str
    train: Part | None = None
    dev: Part | None = None
    test: Part | None = None
    unlabelled: Part | None = None


@dataclass(frozen=True, slots=True)
class _Columns:
    text: str | None
    label: str | None
    group: str | None
    rename: Renaming
    labels: bool = True  # look for a column of labels


def read(
    data: str | Path,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    group_column: str | None = None,
    labels: bool = True,
    progress: datasets.Progress | None = None,
) -> Dataset:
    """Open a named data set, a file or a folder as streams of labelled text, or, without `labels`, of text alone.

    Takes `imdb` or `reviews` (a name wins over a folder called so: write `./imdb` for that); a CSV, TSV, JSON Lines or
    Parquet file, which becomes `train`; a folder of one such format or of one folder of .txt files per class (without
    `labels` also of .txt files), or either under train, dev, test, unlabelled; the aclImdb folder or its .tar.gz.
    Columns not given are found by their names or, where that is unambiguous, by content. Messages count rows and lines
    from 1, a header included; `progress(done_bytes, total_bytes)` follows a download. Raises DataError.
    """
    path = Path(data)
    given = _Columns(text_column, label_column, group_column, datasets.IMDB_LABELS if data == "imdb" else {}, labels)
    try:
        if data in datasets.NAMES or not path.exists():
            path = datasets.locate(str(data), progress=progress)
        if path.name.endswith(("aclImdb", ".tar.gz", ".tgz")) or (path / "train" / "urls_pos.txt").is_file():
            parts = _acl_parts(path)
        else:
            splits = (_splits(path) if path.is_dir() else {}) or {"train": [path]}
            parts = {split: _part(paths, split, given) for split, paths in splits.items()}
        if data in datasets.NAMES:
            parts = {split: replace(part, name=f"{data} {split}") for split, part in parts.items()}
        return Dataset(str(data), **parts)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error}); check the file and its permissions.") from error


def from_lists(
    texts: Iterable[str], labels: Values | None = None, groups: Values | None = None, *, name: str = "texts"
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
    return Part(name, lambda: _batches(zip(texts, label, group, strict=False)), labels is not None, groups is not None)


def stream_texts(source: BinaryIO, *, name: str) -> Iterator[str]:
    """Read texts to predict, one a line: JSON Lines (strings, or objects with a "text") or plain.

    The first line that is not blank decides; a blank line is an empty text in plain input and nothing in JSON Lines.
    Holds one line at a time. Raises DataError naming the line.
    """
    lines = numbered_lines(source, name)
    head: list[tuple[int, str]] = []  # all blank but the last
    while not (head and head[-1][1].strip()) and (numbered := next(lines, None)):
        head.append(numbered)
    if not (head and _JSON_LINE.match(head[-1][1])):
        yield from (line for _, line in chain(head, lines))
        return
    for number, value in json_values(chain(head, lines), name):
        text = value.get("text") if isinstance(value, dict) else value
        if not isinstance(text, str):
            raise DataError(f'{name}, line {number} needs a JSON string, or an object with a string "text".')
        yield SURROGATES.sub("\ufffd", text)


def _splits(folder: Path) -> dict[str, list[Path]]:
    """Find the files or folders called train, test, ...; numbered files (train-00000-of-00002) belong together."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(r"([a-z]+?)([-_.]?\d.*)?", path.stem.lower())
        if match and match[1] in SPLITS and (path.suffix.lower() in READERS or (path.is_dir() and not match[2])):
            found.setdefault(SPLITS[match[1]], []).append(path)
    for split, paths in found.items():
        if len(paths) > 1 and not all(re.search(r"\d", path.stem) for path in paths):
            # Read together, the same rows in two formats would be trained on, or measured, twice.
            raise DataError(f"{folder} has several candidates for {split}: {_listing(paths)}; keep one.")
    return found


def _part(paths: list[Path], split: str, given: _Columns) -> Part:
    """Open files of rows, or one folder of them, of class folders or of .txt files."""
    name, formats = str(paths[0]), ", ".join(READERS)
    if paths[0].is_dir():
        folder = paths[0]
        paths = [path for path in sorted(folder.glob("[!._]*")) if path.suffix.lower() in READERS]
        plain = split == "unlabelled" or (not given.labels and any(folder.glob("*.txt")))
        if not paths and any(folder.glob("*.txt" if plain else "*/*.txt")):
            return _text_part(folder, r"[^/]+\.txt" if plain else r"(?P<label>[^/._][^/]*)/[^/]+\.txt", {}, {})
        if not paths:
            raise DataError(f"{name} holds no data; it needs {formats} files, or a folder of .txt files per class.")
    if len({path.suffix.lower() for path in paths}) > 1:
        raise DataError(f"{name} would be read with other formats: {_listing(paths)}; keep one format.")
    if (reader := READERS.get(paths[0].suffix.lower())) is None:
        raise DataError(f"{name} has no known format; give a {formats} or aclImdb .tar.gz file, or a folder.")
    if not (first := [row for _, row in islice(reader(paths[0], None), BATCH_ROWS)]):
        raise DataError(f"{paths[0]} has no rows; give a file with at least one text.")
    columns = _choose_columns(first, given, split, paths[0])
    return Part(name, lambda: _batches(_examples(paths, columns)), columns.label is not None, columns.group is not None)


def _text_files(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
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


def _text_part(path: Path, pattern: str, rename: Renaming, groups: dict[str, str]) -> Part:
    """Open the .txt files whose names fit: the pattern may name a `label`; groups go by the name up to its last _."""

    def examples() -> Iterator[Example]:
        for name, contents in _text_files(path):
            if match := re.fullmatch(pattern, name):
                label = match.groupdict().get("label")
                group = groups.get(name.rpartition("_")[0])
                yield decode(contents(), f"{path}/{name}"), rename.get(label, label), group

    return Part(str(path), lambda: _batches(examples()), "(?P<label>" in pattern, bool(groups))


def _acl_parts(path: Path) -> dict[str, Part]:
    """Read the official IMDB layout; line i of a url list names the film of review i."""
    films: dict[str, str] = {}  # by split/kind/review
    found: dict[str, str] = {}
    for name, contents in _text_files(path):
        found |= {split: pattern for split, pattern in datasets.IMDB_PARTS.items() if re.fullmatch(pattern, name)}
        if match := re.fullmatch(r"(train|test)/urls_(pos|neg|unsup)\.txt", name):
            urls = enumerate(decode(contents(), f"{path}/{name}").splitlines())
            titles = ((review, re.search(r"tt\d+", url)) for review, url in urls)
            films |= {f"{match[1]}/{match[2]}/{review}": title[0] for review, title in titles if title}
    if not found:
        raise DataError(f"{path} holds no reviews under train/pos, train/neg and so on; give another file or folder.")
    return {split: _text_part(path, pattern, datasets.IMDB_LABELS, films) for split, pattern in found.items()}


def _choose_columns(rows: list[dict[str, Any]], given: _Columns, split: str, path: Path) -> _Columns:
    """Decide which columns are text, label and group, from what was given, the names and the first rows."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    # Unlabelled text needs no label, and only training text is split by group.
    labelled = given.labels and split != "unlabelled"
    label = given.label if labelled else None
    group = given.group if split == "train" or given.group in columns else None
    for column in (given.text, label, group):
        if column is not None and column not in columns:
            raise DataError(f"{path} has no column {column!r}; its columns are {_listing(columns)}.")
    free = [column for column in columns if column not in (given.text, label, group)]

    def known(pattern: str, kind: str) -> str | None:
        found = [column for column in free if re.fullmatch(pattern, column.strip().lower())]
        if len(found) > 1:
            raise DataError(f"{path} has several {kind} columns, {_listing(found)}; choose one with --{kind}-column.")
        return found[0] if found else None

    group = group or known(r"movie|group", "group")
    unknown = [column for column in free if column != group and not re.fullmatch(LABEL_NAME, column.strip().lower())]
    text = given.text or known(TEXT_NAME, "text") or _longest(unknown, rows)
    if text is None:
        raise DataError(f"{path} has no column clearly of texts; choose by --text-column one of {_listing(columns)}.")
    free = [column for column in free if column not in (text, group)]
    others = [column for column in free if column.strip().lower() not in ROW_NAMES]
    if labelled and label is None:
        label = known(LABEL_NAME, "label") or (others[0] if len(others) == 1 else None)
        if label is None and others and not given.text:
            raise DataError(f"{path} has no clear label column; choose by --label-column one of {_listing(others)}.")
    return _Columns(text, label, group, given.rename, labelled)


def _longest(columns: list[str], rows: list[dict[str, Any]]) -> str | None:
    """Name the column of strings whose values are on average at least twice as long as any other's."""
    values = {name: [row[name] for row in rows if row.get(name) is not None] for name in columns}
    strings = {name: cells for name, cells in values.items() if {*map(type, cells)} == {str}}
    means = [(sum(map(len, cells)) / len(cells), name) for name, cells in strings.items()]
    second, first = sorted([(0.0, ""), (0.0, ""), *means])[-2:]
    return first[1] if first[0] > 0 and first[0] >= 2 * second[0] else None


def _listing(values: list[Any]) -> str:
    return ", ".join(repr(getattr(value, "name", value)) for value in values[:20]) + ", ..." * (len(values) > 20)


def _examples(paths: list[Path], columns: _Columns) -> Iterator[Example]:
    """Check the rows of files and reduce them to examples."""
    wanted = [column for column in (columns.text, columns.label, columns.group) if column is not None]
    for path, (number, row) in ((file, row) for file in paths for row in READERS[file.suffix.lower()](file, wanted)):
        where = f"{path}, row {number}"
        text = row.get(wanted[0], row)  # the row itself stands for "missing": it is never a text
        if text is not None and not isinstance(text, str):
            raise DataError(f"{where} has no string {wanted[0]!r}; every row needs a text.")
        label = _string(row.get(columns.label), where)
        if label is None and columns.label is not None:
            raise DataError(f"{where} has an empty {columns.label!r}; give the row a label or drop it.")
        yield text or "", columns.rename.get(label, label), _string(row.get(columns.group), where)


def _string(value: object, where: str) -> str | None:
    """Turn a stored label or group into a string, None where there is none."""
    if value is None or value != value:  # NaN: how data frames store "none"
        return None
    if not isinstance(value, int | str):
        raise DataError(f"{where} has a {type(value).__name__} as label or group; use text, whole numbers or booleans.")
    name = str(value).lower() if isinstance(value, bool) else str(value)
    return name if name.strip() else None


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
                    header = _unique(row, path)
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
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            _unique(file.schema_arrow.names, path)
            for batch in file.iter_batches(BATCH_ROWS, columns=columns):
                for row in range(batch.num_rows):
                    number += 1
                    yield number, {name: batch[name][row].as_py() for name in batch.schema.names}
    except (pa.ArrowException, UnicodeDecodeError) as error:
        reason = one_line(str(error).split(". ")[0]) + (f", after row {number}" if number else "")
        raise DataError(f"{path} is damaged or not Parquet ({reason}); write it again.") from error


READERS = {".csv": _csv_rows, ".tsv": _csv_rows, ".jsonl": _json_rows, ".ndjson": _json_rows, ".parquet": _parquet_rows}


def _unique(columns: list[str], path: Path) -> list[str]:
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        raise DataError(f"{path} has more than one column called {_listing(twice)}; rename or drop one.")
    return columns


def _batches(examples: Iterable[Example]) -> Iterator[pa.RecordBatch]:
    """Gather examples into record batches, bounded in rows and in characters."""
    rows: list[Example] = []
    room = BATCH_CHARACTERS
    for example in chain(examples, [None]):  # None comes last
        if example is not None:
            rows.append(example)
            room -= len(example[0])
        if rows and (example is None or len(rows) == BATCH_ROWS or room < 0):
            yield pa.record_batch([_array(column) for column in zip(*rows, strict=True)], SCHEMA)
            rows, room = [], BATCH_CHARACTERS


def _array(values: tuple[str | None, ...]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:  # JSON and Python strings can hold lone surrogates, UTF-8 cannot
        return pa.array([value and SURROGATES.sub("\ufffd", value) for value in values], pa.string())
