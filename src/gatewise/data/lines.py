"""A .txt file to a Table: a text a line, fastText's labelled lines, or values with tabs between them."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import partial

from gatewise.base.errors import DataError
from gatewise.base.text import check_utf8, lines
from gatewise.data.delimited import HEAD_CHARACTERS, HEAD_LINES, delimited
from gatewise.data.layout import Layout
from gatewise.data.opening import Source
from gatewise.data.table import Rows, Table, quoted, sampled

MOST = 0.75  # of the first lines, to tell a form
FASTTEXT = re.compile(r"(?:^|(?<=\s))__label__(\S+)(?:\s|$)")


def text_lines(source: Source, layout: Layout) -> Table:
    """Open a .txt file as what its first lines show it to be; raise DataError where it has none."""
    head = _head(source, layout)
    form = _form(head, layout)
    if form == "table":
        return delimited(source, layout, usual="\t")
    if not head:
        raise DataError(f"{source.name} has no rows; give a file with at least one text.")
    if form == "fasttext":
        if all("," in label for line in head for label in FASTTEXT.findall(line)):
            such = next(label for line in head for label in FASTTEXT.findall(line))
            raise DataError(
                f"{source.name} has labels such as {quoted(such)}; set each off by a blank, not a comma, or write CSV."
            )
        table = Table(
            source.name, ["text", "label"], [], partial(_labelled, source, layout),
            (f"{source.name}: lines of fastText, their labels after __label__",),
        )  # fmt: skip
    else:
        table = Table(source.name, ["text"], [], partial(_plain, source, layout), (), lines=True)
    return Table(table.name, table.columns, sampled(table.rows(None)), table.rows, table.notes, table.lines)


def holds_lines(source: Source, layout: Layout) -> bool:
    """Tell whether each line of a .txt is a text and nothing else."""
    return _form(_head(source, layout), layout) == "lines"


def _form(head: list[str], layout: Layout) -> str:
    """Tell what the first lines are, as most of them show it: the few others are faults, which reading will meet."""
    if layout.text_per == "line":
        return "lines"
    if layout.separator or layout.columns or layout.header is not None:
        return "table"
    tabs = Counter(line.count("\t") for line in head).most_common(1)
    if tabs and tabs[0][0] > 0 and tabs[0][1] > MOST * len(head):
        return "table"
    return "fasttext" if sum(FASTTEXT.search(line) is not None for line in head) > MOST * len(head) else "lines"


def _head(source: Source, layout: Layout) -> list[str]:
    """Give the first lines that are not blank."""
    head: list[str] = []
    with source.text(layout.encoding) as text:
        for line in lines(text, source.name):
            if line.strip():
                head.append(line.rstrip("\r\n"))
            if len(head) == HEAD_LINES or sum(map(len, head)) > HEAD_CHARACTERS:
                break
    return head


def _plain(source: Source, layout: Layout, columns: Sequence[str] | None) -> Rows:
    with source.text(layout.encoding) as text:
        for number, line in enumerate(lines(text, source.name), 1):
            if line.strip():
                yield number, {"text": check_utf8(line, f"{source.name}, line {number}").rstrip("\r\n")}


def _labelled(source: Source, layout: Layout, columns: Sequence[str] | None) -> Rows:
    for number, row in _plain(source, layout, columns):
        labels = FASTTEXT.findall(row["text"])
        if len(labels) > 1:
            raise DataError(
                f"{source.name}, line {number} has {len(labels)} labels; a text takes one here: write one line a label "
                "or keep the first."
            )
        yield number, {"text": FASTTEXT.sub("", row["text"]).strip(), "label": labels[0] if labels else None}
