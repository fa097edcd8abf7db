"""The names and first rows of a table to which column is text, label and group; knows no formats and no parts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gatewise.base.errors import DataError
from gatewise.base.text import LONGEST
from gatewise.data.table import Table, listing, quoted

TEXT_NAME = r"(text|review|content|sentence|document|body|comment|message|tweet|post)s?"
LABEL_NAME = r"(label|class|category|sentiment|target|topic)(s|es)?|categories"
GROUP_NAME = r"movie|group"
ROW_NAME = r"id|idx|index|unnamed: \d+|__index_level_\d+__"  # numbers rows: never taken for a label unless asked for
Values = tuple[str, str | None, str | None]  # text, label, group
Renaming = dict[str | None, str]  # label in the file -> label to show


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column is what, as the user asked for it or as it was chosen; None where there is none."""

    text: str | None = None
    label: str | None = None
    group: str | None = None
    rename: Renaming = field(default_factory=dict)
    labels: bool = True  # look for a column of labels
    skip: bool = False  # rows without a label are left out, not refused

    @property
    def wanted(self) -> list[str]:
        """The columns to read, the text's first."""
        return [column for column in (self.text, self.label, self.group) if column is not None]

    def values(self, row: dict[Any, Any], where: str) -> Values:
        """Reduce a row, which stands `where`, to its text, label and group; raise DataError if it has none of these."""
        text = row.get(self.text, row)  # the row itself stands for "missing": it is never a text
        if text is not None and not isinstance(text, str):
            raise DataError(f"{where} has no string {quoted(self.text)}; every row needs a text.")
        if text and len(text) > LONGEST:
            raise DataError(f"{where} has a text of more than {LONGEST:,} characters; split it.")
        label = _name(row.get(self.label), where)
        if label is None and self.label is not None and not self.skip:
            raise DataError(
                f"{where} has an empty {quoted(self.label)}; give the row a label, or leave out such rows with "
                "--skip-unlabelled."
            )
        return text or "", self.rename.get(label, label), _name(row.get(self.group), where)


def known_name(column: str) -> bool:
    """Tell whether a column's name says what it holds."""
    return re.fullmatch(f"{TEXT_NAME}|{LABEL_NAME}|{GROUP_NAME}|{ROW_NAME}", column.strip().lower()) is not None


def choose(table: Table, asked: Columns, split: str) -> Columns:
    """Decide which columns are text, label and group, from what was asked for, the names and the first rows."""
    columns, name = table.columns, table.name
    # Unlabelled text needs no label, and only training text is split by group.
    labelled = asked.labels and split != "unlabelled"
    label = asked.label if labelled else None
    group = asked.group if split == "train" or asked.group in columns else None
    refuse_missing(table, [asked.text, label, group])
    if asked.text and asked.text in (label, group):
        raise DataError(
            f"{quoted(asked.text)} is asked for as text and as label or group of {name}; name another column."
        )
    free = [column for column in columns if column not in (asked.text, label, group)]

    def known(pattern: str, kind: str) -> str | None:
        fitting = [column for column in free if re.fullmatch(pattern, column.strip().lower())]
        if len(fitting) > 1:
            raise DataError(f"{name} has several {kind} columns, {listing(fitting)}; choose one with --{kind}-column.")
        return fitting[0] if fitting else None

    group = group or known(GROUP_NAME, "group")
    unknown = [column for column in free if column != group and not re.fullmatch(LABEL_NAME, column.strip().lower())]
    text = asked.text or known(TEXT_NAME, "text") or _longest(unknown, table.sample)
    if text is None:
        choice = f"choose by --text-column one of {listing(columns)}" if columns else "its rows hold nothing"
        raise DataError(f"{name} has no column clearly of texts; {choice}.")
    free = [column for column in free if column not in (text, group)]
    others = [column for column in free if column.strip() and not re.fullmatch(ROW_NAME, column.strip().lower())]
    if labelled and label is None:
        label = known(LABEL_NAME, "label") or (others[0] if len(others) == 1 else None)
        if label is None and others and not asked.text:
            raise DataError(f"{name} has no clear label column; choose by --label-column one of {listing(others)}.")
    return Columns(text, label, group, asked.rename, labelled, asked.skip)


def as_in_training(table: Table, training: Columns, split: str) -> Columns:
    """Take another part's columns as training has them: it may lack the label, and then has none, and the group."""
    refuse_missing(table, [training.text], " as the training part has it")
    label = training.label if training.label in table.columns and split != "unlabelled" else None
    group = training.group if training.group in table.columns else None
    return Columns(training.text, label, group, training.rename, training.labels, training.skip)


def refuse_missing(table: Table, asked: Sequence[str | None], reason: str = "") -> None:
    """Raise DataError for the first column asked for that a table does not have."""
    for column in asked:
        if column is not None and column not in table.columns:
            raise DataError(
                f"{table.name} has no column {quoted(column)}{reason}; its columns are {listing(table.columns)}."
            )


def _longest(columns: list[str], rows: list[dict[str, Any]]) -> str | None:
    """Name the column of strings whose values are on average at least twice as long as any other's."""
    values = {name: [row[name] for row in rows if row.get(name) is not None] for name in columns}
    strings = {name: cells for name, cells in values.items() if {*map(type, cells)} == {str}}
    means = [(sum(map(len, cells)) / len(cells), name) for name, cells in strings.items()]
    second, first = sorted([(0.0, ""), (0.0, ""), *means])[-2:]
    return first[1] if first[0] > 0 and first[0] >= 2 * second[0] else None


def _name(value: object, where: str) -> str | None:
    """Turn a stored label or group into a string, None where there is none."""
    if value is None or value != value:  # NaN: how data frames store "none"
        return None
    if isinstance(value, float) and value.is_integer():  # and what they make of whole numbers beside it
        value = int(value)
    if not isinstance(value, int | str):
        raise DataError(f"{where} has a {type(value).__name__} as label or group; use text, whole numbers or booleans.")
    name = str(value).lower() if isinstance(value, bool) else str(value)
    return name.strip() or None  # "pos " beside "pos" is a slip, not a class
