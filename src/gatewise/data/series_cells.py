"""Cells of a table to numbers: what is missing, decimal commas, truth values. Knows no time and no roles."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import DataError
from gatewise.data.table import quoted

Column = Sequence[Any] | npt.NDArray[Any]  # of a file, or of a table in memory

MISSING = frozenset(
    [
        "",
        "na",
        "n/a",
        "#n/a",
        "nan",
        "-nan",
        "null",
        "none",
        "nil",
        "missing",
        "?",
        "-",
        "--",
        "---",
        ".",
        "\\n",
        "缺失",
    ]
)
TRUTH = {"true": 1.0, "false": 0.0}
OF_FIGURES = re.compile(r"[+-]?(?=[.,]*\d)[\d.,]+(?:[eE][+-]?\d+)?")
DECIMAL_COMMA = re.compile(
    r"[+-]?(?:0|0\d+|\d{4,}|\d{1,3}(?:\.\d{3})+),\d+|[+-]?\d*,(?:\d{1,2}|\d{4,})(?:[eE][+-]?\d+)?"
)
GROUPING_BLANK = re.compile(r"(?<=\d)[ '\u00a0\u202f](?=\d{3}(?!\d))")
GROUPING_COMMA = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+\.\d*|[+-]?\d{1,3}(?:,\d{3}){2,}")


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column as numbers, nan where it has none; `stray` is the place of the first value that is no number."""

    values: npt.NDArray[np.float64]  # [R]
    stray: int | None = None
    strays: int = 0
    truth: bool = False  # nothing but true and false


def absent(value: Any) -> bool:
    """Tell what tables in memory hold for nothing."""
    return (
        value is None or (isinstance(value, float) and value != value) or type(value).__name__ in ("NAType", "NaTType")
    )


def is_missing(value: Any) -> bool:
    """Tell a cell that says that nothing was measured."""
    return value.strip().lower() in MISSING if isinstance(value, str) else absent(value)


def shown(value: Any) -> str:
    """Give a cell as text, a whole number without a point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def decimal_sign(cells: Iterable[Any], name: str) -> str:
    """Find what parts whole numbers from fractions in a file: a point or a comma; raise DataError where it is open."""
    comma = grouping = unclear = None
    for cell in cells:
        text = GROUPING_BLANK.sub("", cell.strip()) if isinstance(cell, str) and "," in cell else ""
        if OF_FIGURES.fullmatch(text):
            if DECIMAL_COMMA.fullmatch(text):
                comma = comma or text
            elif GROUPING_COMMA.fullmatch(text):
                grouping = grouping or text
            else:
                unclear = unclear or text
    if comma and grouping:
        raise DataError(f"{name} has {quoted(comma)} and {quoted(grouping)}: its comma means two things; write points.")
    if unclear and not comma and not grouping:
        raise DataError(
            f"{name} has {quoted(unclear)}, and no value proves whether the comma parts thousands or fractions; say "
            "--decimal , or --decimal . (decimal in Python)."
        )
    return "," if comma else "."


def numbers_of(column: Column, decimal: str) -> Numbers:
    """Read a column as numbers."""
    array = column if isinstance(column, np.ndarray) else None
    if array is not None and array.dtype.kind in "fiub":
        return Numbers(array.astype(np.float64), truth=array.dtype.kind == "b")
    values = np.full(len(column), np.nan)
    stray, strays, truths, others = None, 0, 0, 0
    group = "." if decimal == "," else ","
    for place, value in enumerate(column):
        if absent(value):
            continue
        if isinstance(value, str):
            text = value.strip()
            if not text.isalnum() and GROUPING_BLANK.search(text):
                text = GROUPING_BLANK.sub("", text)
            if "," in text and OF_FIGURES.fullmatch(text):
                text = text.replace(group, "").replace(decimal, ".")
            elif decimal == "," and "." in text and OF_FIGURES.fullmatch(text):
                text = text.replace(".", "")
            value = text
        elif isinstance(value, bool | np.bool_):
            truths += 1
            values[place] = float(value)
            continue
        try:
            values[place] = float(value)
            others += 1
        except (TypeError, ValueError):
            lower = str(value).lower()
            if lower in TRUTH:
                values[place] = TRUTH[lower]
                truths += 1
            elif lower not in MISSING:
                stray, strays = place if stray is None else stray, strays + 1
    return Numbers(values, stray, strays, truths > 0 and not others)
