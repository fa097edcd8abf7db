"""brat's pairs of files, NAME.txt and NAME.ann, to texts with spans; what is no span (R, E, A, ...) is skipped."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from gatewise.base.errors import DataError
from gatewise.base.text import decode
from gatewise.data.opening import Source
from gatewise.data.table import quoted
from gatewise.data.tagged_layout import TaggedLayout
from gatewise.data.tagged_spans import Mark, Marked

SPAN = re.compile(r"T[^\t]*\t(\S+) (\d+ \d+(?:;\d+ \d+)*)(?:\t(.*))?")
OTHERS = "REAMN#*"  # relations, events, attributes, modifications, normalizations, notes, equivalences


def brat_texts(sources: list[Source], layout: TaggedLayout, count: Counter[str]) -> Iterator[Marked]:
    """Read texts, each with the file of its spans beside it; `count` is told how many have none, which are left out."""
    for document, source in enumerate(sources):
        spans = Path(str(source.plain)).with_suffix(".ann")
        if not spans.is_file():
            count["unannotated"] += 1
            continue
        count["annotated"] += 1
        with source.stream() as file:
            text = decode(file.read(), source.name, layout.encoding)
        yield Marked(text, tuple(_marks(spans, layout)), source.name, document)


def _marks(path: Path, layout: TaggedLayout) -> Iterator[Mark]:
    content = decode(path.read_bytes(), str(path), layout.encoding)
    for number, raw in enumerate(content.split("\n"), 1):
        line, where = raw.rstrip("\r"), f"{path}, line {number}"
        if not line.strip() or line[0] in OTHERS:
            continue
        match = SPAN.fullmatch(line)
        if match is None:
            raise DataError(
                f"{where} is {quoted(line)}; a span of brat's is T1, a tab, its label and offsets, a tab, its words."
            )
        pieces = [piece.split(" ") for piece in match[2].split(";")]
        yield Mark(tuple((int(start), int(end)) for start, end in pieces), match[1], match[3] or None, where)
