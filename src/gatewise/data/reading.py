"""Turn any file or folder of texts into streams of examples: text, label, group. Knows nothing of tokens.

No part is ever held in memory as a whole, and every part can be read again and gives the same rows in the same order.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from gatewise.base.errors import DataError, one_line
from gatewise.base.places import exists, is_file, is_folder
from gatewise.base.settings import takes
from gatewise.base.text import clean, decode, json_values, numbered_lines
from gatewise.data import named as datasets
from gatewise.data.columns import Columns, Renaming, Values, as_in_training, choose
from gatewise.data.formats import JSON, TABLES, open_table, refuse_other, text_files
from gatewise.data.layout import Layout, LayoutOptions
from gatewise.data.lines import holds_lines
from gatewise.data.opening import Source, sources_of
from gatewise.data.part import Dataset, Part, of_tables
from gatewise.data.parts import Place, parts_of, tables_in
from gatewise.data.table import listing, quoted

FILES_READ, FEW_FILES, BIG_FILE, SEVERAL_LINES = 20, 10, 1 << 16, 8  # to tell texts a line from a text a file
_JSON_LINE = re.compile(r'\s*(\{|"[^"\\]*+(?:\\.[^"\\]*+)*+"\s*$)')  # not a text that merely begins with a quote
NO_ENDING = r"[^/._][^/.]*(?:\.\d[^/.]*)?"  # of a file's name: 60881, or mail.1
_LOG = logging.getLogger("gatewise")


@takes(LayoutOptions())
def read(data: str | Path, *, labels: bool = True, progress: datasets.Progress | None = None, **given: Any) -> Dataset:
    """Open a named data set, a file or a folder as streams of labelled text, or, without `labels`, of text alone.

    Takes `imdb` or `reviews` (a name wins over a folder called so: write `./imdb` for that); a CSV, TSV, JSON, Parquet,
    Arrow or text file, compressed or not, which becomes `train`; a folder of such files or of one folder of text files
    per class, or either under train, dev, test, unlabelled; the aclImdb folder or its .tar.gz. Columns not given are
    found by their names or, where that is unambiguous, by content, once for all parts. What was found out of a file is
    in the Dataset's `notes`. Messages count rows and lines from 1, a header included; `progress(done_bytes,
    total_bytes)` follows a download. Raises DataError, and ConfigError for what cannot be said of a file.
    """
    layout, path = LayoutOptions().replace(**given).layout, Path(data)
    notes: tuple[str, ...] = ()
    asked = Columns(
        layout.text_column or None, layout.label_column or None, layout.group_column or None,
        datasets.IMDB_LABELS if data == "imdb" else {}, labels, layout.skip_unlabelled,
    )  # fmt: skip
    try:
        if data in datasets.NAMES or not exists(path):
            path = datasets.locate(str(data), progress=progress)
        if not (is_folder(path) or is_file(path)):
            raise DataError(f"{path} is no plain file, and data is read more than once; write it to a file first.")
        if path.name.endswith(("aclImdb", ".tar.gz", ".tgz")) or is_file(path / "train" / "urls_pos.txt"):
            parts = _acl_parts(path, layout)
        else:
            places, notes = parts_of(path)
            parts = _opened(places, layout, asked)
        if data in datasets.NAMES:
            parts = {split: replace(part, name=f"{data} {split}") for split, part in parts.items()}
        notes += tuple(note for part in parts.values() for note in part.notes)
        for note in notes:
            _LOG.info(note)
        return Dataset(str(data), **parts, notes=notes)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({one_line(error.strerror or error)}); check the file and its permissions."
        ) from error


def _opened(places: dict[str, Place], layout: Layout, asked: Columns) -> dict[str, Part]:
    """Open all parts, the training part first: its columns are those of all that are tables with columns."""
    parts: dict[str, Part] = {}
    chosen: Columns | None = None
    for split in sorted(places, key=lambda split: split != "train"):
        one, text = places[split], None
        files = list(one.files) or (tables_in(one.folder) if one.folder else [])
        if one.folder and not one.files:
            text = _texts_in(one.folder, files, layout, split, labels=asked.labels)
        if text:
            parts[split] = text
            continue
        if not files:
            raise DataError(
                f"{one.folder} holds no data; it needs .csv, .tsv, .jsonl, .json, .parquet or .txt files, or a folder "
                "of text files per class."
            )
        if len({file.suffix for file in files}) > 1:
            names = listing([file.path for file in files])
            raise DataError(
                f"{one.folder or files[0].name} would be read with other formats: {names}; keep one format."
            )
        first = open_table(files[0], layout)
        if first.lines and asked.labels and one.folder and split != "unlabelled":
            raise DataError(
                f"{one.folder} holds texts without labels; put them into a folder per class, and say --text-per line "
                "if each line there is a text"
                + ("." if split == "train" else f"; if {one.folder.name} is a class itself, rename it.")
            )
        if first.lines:
            columns = Columns("text", labels=asked.labels)
        else:
            columns = as_in_training(first, chosen, split) if chosen else choose(first, asked, split)
            chosen = chosen or (columns if split == "train" else None)
        part = of_tables(files, first, columns, layout, may_lack=split != "train" and chosen is not None)
        if chosen and chosen.label and columns.label is None and split != "unlabelled":
            lacks = f"{first.name}: no labels, as it has no column {quoted(chosen.label)} as the training part has it"
            part = replace(part, notes=(*part.notes, lacks))
        parts[split] = part
    return parts


def _texts_in(folder: Path, tables: list[Source], layout: Layout, split: str, *, labels: bool) -> Part | None:
    """Open a folder of text files, one text each, or of one such folder per class; None where it holds tables."""
    if any(table.suffix not in (".txt", ".json") for table in tables):
        return None
    text = [table for table in tables if table.suffix == ".txt"]
    if text and (split == "unlabelled" or not labels):
        by_line = layout.text_per == "line" or (layout.text_per == "auto" and _text_a_line(text, layout))
        if by_line:
            return None
        part = _text_part(folder, r"[^/]+\.(?i:txt)", {}, {}, layout)
        return replace(part, notes=(f"{folder}: {len(text):,} files, one text each",))
    classes = r"(?P<label>[^/._][^/]*)/"
    if any(folder.glob("*/*.[tT][xX][tT]")):
        return _text_part(folder, classes + r"[^/]+\.(?i:txt)", {}, {}, layout)
    inner = (file.name for file in folder.glob("[!._]*/[!._]*") if file.is_file())
    if not tables and any(re.fullmatch(NO_ENDING, name) for name in inner):
        return _text_part(folder, classes + NO_ENDING, {}, {}, layout)
    return None


def _text_a_line(files: list[Source], layout: Layout) -> bool:
    """Tell files of a text a line, few or big, with several lines, from those that are a text each."""
    sizes, counts = [], []
    for file in files[:FILES_READ]:
        head = file.head(2 * BIG_FILE)
        sizes.append(len(head))
        counts.append(len([line for line in head.splitlines() if line.strip()]))
    several = sum(counts) >= SEVERAL_LINES * len(counts)
    big = sum(sizes) >= BIG_FILE * len(sizes)
    return (
        several and (len(files) <= FEW_FILES or big) and all(holds_lines(file, layout) for file in files[:FILES_READ])
    )


def _text_part(path: Path, pattern: str, rename: Renaming, groups: dict[str, str], layout: Layout) -> Part:
    """Open the text files whose names fit: the pattern may name a `label`; groups go by the name up to its last _."""

    def examples() -> Iterator[Values]:
        for name, contents in text_files(path, pattern):
            match = re.fullmatch(pattern, name)
            label = match.groupdict().get("label") if match else None
            group = groups.get(name.rpartition("_")[0])
            text = decode(contents(), f"{path}/{name}", layout.encoding)
            for one in _lines_of(text) if layout.text_per == "line" else [text]:
                yield one, rename.get(label, label), group

    return Part(str(path), examples, "(?P<label>" in pattern, bool(groups))


def _lines_of(text: str) -> Iterator[str]:
    """Give the lines that are not blank, parted by line ends alone."""
    return (line.rstrip("\r") for line in text.split("\n") if line.strip())


def _acl_parts(path: Path, layout: Layout) -> dict[str, Part]:
    """Read the official IMDB layout; line i of a url list names the film of review i."""
    films: dict[str, str] = {}  # by split/kind/review
    patterns: dict[str, str] = {}
    for name, contents in text_files(path, r".*\.txt"):
        patterns |= {split: pattern for split, pattern in datasets.IMDB_PARTS.items() if re.fullmatch(pattern, name)}
        if match := re.fullmatch(r"(train|test)/urls_(pos|neg|unsup)\.txt", name):
            urls = enumerate(decode(contents(), f"{path}/{name}").splitlines())
            titles = ((review, re.search(r"tt\d+", url)) for review, url in urls)
            films |= {f"{match[1]}/{match[2]}/{review}": title[0] for review, title in titles if title}
    if not patterns:
        raise DataError(
            f"{path} holds no reviews under train/pos, train/neg and so on; unpack it, and give its folder."
        )
    return {
        split: _text_part(path, pattern, datasets.IMDB_LABELS, films, layout) for split, pattern in patterns.items()
    }


def is_table(path: Path, layout: Layout) -> bool:
    """Tell a file of rows with columns from one of a text a line (JSON Lines of bare strings is one)."""
    if not is_file(path):
        return is_folder(path) or (exists(path) and path.suffix.lower() in TABLES)
    source, *more = sources_of(path)
    refuse_other(source)
    if more or source.suffix not in JSON:
        return bool(more) or source.suffix in TABLES or not holds_lines(source, layout)
    with source.text(layout.encoding) as text:
        head = text.read(4096).lstrip()
    return head != "" and not head.startswith('"')


def stream_texts(source: BinaryIO, *, name: str, encoding: str = "") -> Iterator[str]:
    """Read texts to predict, one a line: JSON Lines (strings, or objects with a "text") or plain.

    The first line that is not blank decides; a blank line is an empty text in plain input and nothing in JSON Lines.
    Holds one line at a time. Raises DataError naming the line.
    """
    lines = numbered_lines(source, name, encoding)
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
