"""Turn any file or folder of texts into streams of examples: text, label, group. Knows nothing of tokens.

No part is ever held in memory as a whole, and every part can be read again and gives the same rows in the same order.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from gatewise.base.errors import DataError
from gatewise.base.text import clean, decode, json_values, numbered_lines
from gatewise.data import named as datasets
from gatewise.data.columns import Columns, Renaming, Values, choose, listing
from gatewise.data.formats import READERS, text_files

BATCH_ROWS = 1024
BATCH_CHARACTERS = 1 << 24  # long texts make smaller batches
SPLITS = dict.fromkeys(("train", "training"), "train") | dict.fromkeys(("test", "testing"), "test")
SPLITS |= dict.fromkeys(("dev", "valid", "validation", "val"), "dev")
SPLITS |= dict.fromkeys(("unsup", "unsupervised", "unlabelled", "unlabeled"), "unlabelled")
Row = tuple[str, dict[str, Any]]  # a text, and what else of its row is carried along, by column
_JSON_LINE = re.compile(r'\s*(\{|"[^"\\]*+(?:\\.[^"\\]*+)*+"\s*$)')  # not a text that merely begins with a quote


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

    def rows(self, keep: Sequence[str] = ()) -> Iterator[Row]:
        """Read the part from its start: each text, with its row's values in the columns to keep.

        Raises DataError, at once, for a column that the part does not have.
        """
        if self.carry is not None:
            return self._guarded(self.carry(keep))
        if keep:
            raise DataError(f"{self.name} has no column {keep[0]!r}: it holds texts alone; keep nothing of it.")
        return self._guarded((text, {}) for text, _, _ in self.open())

    def _guarded(self, rows: Iterable[Row]) -> Iterator[Row]:
        try:
            for text, kept in rows:
                yield clean(text), kept
        except OSError as error:
            raise DataError(f"{self.name} cannot be read ({error}); check the file and its permissions.") from error

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
            raise DataError(f"{self.name} cannot be read ({error}); check the file and its permissions.") from error
        if rows:
            yield rows


@dataclass(frozen=True, slots=True)
class Dataset:
    """The parts of a data set; what it does not have is None."""

    name: str
    train: Part | None = None
    dev: Part | None = None
    test: Part | None = None
    unlabelled: Part | None = None


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
    given = Columns(text_column, label_column, group_column, datasets.IMDB_LABELS if data == "imdb" else {}, labels)
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
        yield clean(text)


def _splits(folder: Path) -> dict[str, list[Path]]:
    """Find the files or folders that a word names as train, test, ...; numbered ones belong together.

    Those of a `data` folder count where the folder itself holds no table, as in a cloned repository of a data set.
    """
    paths_of: dict[str, list[Path]] = {}
    tables = [path for path in sorted(folder.glob("[!._]*")) if path.suffix.lower() in READERS]
    for path in [*tables, *(path for path in sorted(folder.glob("[!._]*")) if path.is_dir())]:
        if split := _split_of(path):
            paths_of.setdefault(split, []).append(path)
    for split, paths in paths_of.items():
        if len(paths) > 1 and not all(re.search(r"\d", path.stem) for path in paths):
            # Read together, the same rows in two formats would be trained on, or measured, twice.
            raise DataError(f"{folder} has several candidates for {split}: {listing(paths)}; keep one.")
    parts = [path for paths in paths_of.values() for path in paths]
    others = [path for path in tables if path not in parts]
    if others and parts and "train" not in paths_of:
        raise DataError(
            f"{folder} has {listing(parts)} beside {listing(others)}, named after no part; call it train,"
            " dev, test or unlabelled, or move it away."
        )
    if not paths_of and not tables and (folder / "data").is_dir():
        return _splits(folder / "data")
    return paths_of


def _split_of(path: Path) -> str | None:
    """Say which part a file or folder is by the words of its name, set off by signs or digits."""
    words = {word for word in re.split(r"[\W\d_]+", path.stem.lower()) if word} - {"set", "data", "split", "of"}
    named = {SPLITS[word] for word in words if word in SPLITS}
    if path.is_dir() and not words <= SPLITS.keys():  # a class may well be called test_results
        return None
    if len(named) > 1:
        raise DataError(f"{path} is named after {' and '.join(sorted(named))}; rename it after the part that it is.")
    return named.pop() if named else None


def _part(paths: list[Path], split: str, given: Columns) -> Part:
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
        raise DataError(f"{name} would be read with other formats: {listing(paths)}; keep one format.")
    if (reader := READERS.get(paths[0].suffix.lower())) is None:
        raise DataError(f"{name} has no known format; give a {formats} or aclImdb .tar.gz file, or a folder.")
    if not (first := [row for _, row in islice(reader(paths[0], None), BATCH_ROWS)]):
        raise DataError(f"{paths[0]} has no rows; give a file with at least one text.")
    columns = choose(first, given, split, paths[0])

    def examples() -> Iterator[Values]:
        for path in paths:
            for number, row in reader(path, columns.wanted):
                yield columns.values(row, f"{path}, row {number}")

    def carried(keep: Sequence[str]) -> Iterable[Row]:
        known = list(dict.fromkeys(column for row in first for column in row))
        if missing := [column for column in keep if column not in known]:
            raise DataError(f"{paths[0]} has no column {missing[0]!r}; its columns are {listing(known)}.")
        alone = replace(columns, label=None, group=None)
        return (
            (alone.values(row, f"{path}, row {number}")[0], {column: row.get(column) for column in keep})
            for path in paths
            for number, row in reader(path, list(dict.fromkeys([*alone.wanted, *keep])))
        )

    return Part(name, examples, columns.label is not None, columns.group is not None, carried)


def _text_part(path: Path, pattern: str, rename: Renaming, groups: dict[str, str]) -> Part:
    """Open the .txt files whose names fit: the pattern may name a `label`; groups go by the name up to its last _."""

    def examples() -> Iterator[Values]:
        for name, contents in text_files(path):
            if match := re.fullmatch(pattern, name):
                label = match.groupdict().get("label")
                group = groups.get(name.rpartition("_")[0])
                yield decode(contents(), f"{path}/{name}"), rename.get(label, label), group

    return Part(str(path), examples, "(?P<label>" in pattern, bool(groups))


def _acl_parts(path: Path) -> dict[str, Part]:
    """Read the official IMDB layout; line i of a url list names the film of review i."""
    films: dict[str, str] = {}  # by split/kind/review
    patterns: dict[str, str] = {}
    for name, contents in text_files(path):
        patterns |= {split: pattern for split, pattern in datasets.IMDB_PARTS.items() if re.fullmatch(pattern, name)}
        if match := re.fullmatch(r"(train|test)/urls_(pos|neg|unsup)\.txt", name):
            urls = enumerate(decode(contents(), f"{path}/{name}").splitlines())
            titles = ((review, re.search(r"tt\d+", url)) for review, url in urls)
            films |= {f"{match[1]}/{match[2]}/{review}": title[0] for review, title in titles if title}
    if not patterns:
        raise DataError(f"{path} holds no reviews under train/pos, train/neg and so on; give another file or folder.")
    return {split: _text_part(path, pattern, datasets.IMDB_LABELS, films) for split, pattern in patterns.items()}
