"""Which column is time, which tells series apart, which is the target: as asked, or as names and values leave no doubt.

Raises DataError wherever two answers fit.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gatewise.base.errors import DataError
from gatewise.data.series_cells import Column, Numbers, is_missing
from gatewise.data.series_rows import Raw
from gatewise.data.series_time import has_clock, looks_like_clock, looks_like_time, part_of_time
from gatewise.data.table import listing, quoted

LOOKED_AT = 200  # values of a column
TIME_NAMES = (
    "ds",
    "time",
    "date",
    "datetime",
    "timestamp",
    "date_time",
    "date/time",
    "year",
    "month",
    "日期",
    "时间",
    "数据时间",
    "年份",
)
ID_NAMES = ("unique_id", "item_id", "series_id", "series_name", "ts_id")
ROW_NAMES = ("no", "no.", "id", "idx", "index", "row", "__index_level_0__", "序号")


def refuse_unknown(raw: Raw, asked: Sequence[str]) -> None:
    """Raise DataError for the first column asked for that is not there."""
    for column in asked:
        if column not in raw.columns:
            raise DataError(f"{raw.name} has no column {quoted(column)}; its columns are {listing([*raw.columns])}.")


def id_of(raw: Raw, asked: str) -> str:
    """Name the column whose values tell series apart, or nothing."""
    if asked:
        return asked
    named = [column for column in raw.columns if column.strip().lower() in ID_NAMES]
    return named[0] if len(named) == 1 else ""


def time_of(raw: Raw, asked: Sequence[str], id_column: str, taken: Sequence[str]) -> tuple[str, ...]:
    """Name the columns of time: one of dates, a date and a time, or year, month, day, hour."""
    if asked:
        return tuple(asked)
    free = [column for column in raw.columns if column != id_column and column not in taken]
    told = {column: _first_values(raw.columns[column]) for column in free}
    index = [column for column in raw.index if column != id_column and column in free]
    if len(index) == 1 and (looks_like_time(told[index[0]]) or _counts(told[index[0]])):
        return (index[0],)
    dates = [column for column in free if looks_like_time(told[column]) and not _figures(column, told[column])]
    clocks = [column for column in free if looks_like_clock(told[column])]
    dates = [column for column in dates if column not in clocks] or dates  # 18.00.00 could be either
    if len(dates) > 1:
        dates = _telling_rows_apart(raw, dates, id_column)
    if len(dates) > 1:
        raise DataError(f"{raw.name} has several columns of dates, {listing(dates)}; choose one by --time.")
    if dates:
        if not any(has_clock(value) for value in told[dates[0]]):
            clocks += [column for column in free if part_of_time(column) == "hour" and _counts(told[column])]
            return (dates[0], clocks[0]) if len(clocks) == 1 and clocks != dates else (dates[0],)
        return (dates[0],)
    parts = {part_of_time(column): column for column in free if part_of_time(column)}
    if {"year", "month"} <= {*parts}:
        order = [part for part in ("year", "month", "day", "hour", "minute", "second") if part in parts]
        return tuple(parts[part] for part in order)
    named = [column for column in free if column.strip().lower() in TIME_NAMES and _counts(told[column])]
    if len(named) != 1:
        raise DataError(
            f"{raw.name} has no column clearly of dates; name it by --time, one of {listing([*raw.columns])}."
        )
    return (named[0],)


def target_of(raw: Raw, numbers: Mapping[str, Numbers], asked: str, declared: Sequence[str]) -> str:
    """Name the column to forecast: the one asked for, or the only one of numbers that may be meant."""
    if asked:
        return asked
    fitting = [
        column for column, one in numbers.items()
        if one.stray is None and not one.truth and column not in declared and not is_row_number(column, one)
        and not np.isnan(one.values).all()
    ]  # fmt: skip
    named = [column for column in fitting if column == "y"]
    if len(fitting) != 1 and len(named) != 1:
        strays = [(raw.columns[column][one.stray], column) for column, one in numbers.items() if one.stray is not None]
        none = f"no column of numbers ({quoted(strays[0][0])} in {quoted(strays[0][1])} is none)" if strays else (
            "no column of numbers"
        )  # fmt: skip
        what = f"several columns of numbers, {listing(fitting)}" if fitting else none
        raise DataError(f"{raw.name} has {what}; name the one to forecast by --target.")
    return (named or fitting)[0]


def is_row_number(column: str, numbers: Numbers) -> bool:
    """Tell a column that only counts rows."""
    name = column.strip().lower()
    values = numbers.values
    nameless = name.startswith(("unnamed:", "column "))
    return (name in ROW_NAMES or nameless) and bool(len(values) > 1 and (values[1:] - values[:-1] == 1).all())


def _first_values(column: Column) -> list[Any]:
    """Give some values that are not missing, from all over a column."""
    step = max(1, len(column) // LOOKED_AT)
    return [value for value in column[::step] if not is_missing(value)]


def _figures(column: str, values: Sequence[Any]) -> bool:
    """Tell dates such as 20190131 of a column whose name says nothing of time."""
    return column.strip().lower() not in TIME_NAMES and all(str(value).strip().isdecimal() for value in values)


def _counts(values: Sequence[Any]) -> bool:
    """Tell whole numbers."""
    try:
        return len(values) > 0 and all(float(value).is_integer() for value in values)
    except (TypeError, ValueError):
        return False


def _telling_rows_apart(raw: Raw, dates: list[str], id_column: str) -> list[str]:
    """Keep the columns of dates that have most different values, as a date beside a date with a time has fewer."""
    ids = raw.columns[id_column] if id_column else [None] * len(raw.rows)
    counts = {column: len({*zip(ids, map(str, raw.columns[column]), strict=True)}) for column in dates}
    return [column for column in dates if 2 * counts[column] > max(counts.values())]
