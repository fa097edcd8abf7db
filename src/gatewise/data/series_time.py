"""A file's stamps to moments: dates as people write them, times, offsets, numbers. Knows no grid and no values.

One way of writing a column: which of two numbers is the day is proved by a value above 12, or asked for.
"""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import DataError
from gatewise.data.series_cells import Column, absent, is_missing, shown
from gatewise.data.table import quoted
from gatewise.runtime.series import DAY, Moments

Kind = Literal["clock", "utc", "number"]

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NAME = rf"(?P<name>{'|'.join(MONTHS)})[a-z]*\.?"
YEAR = r"(?P<year>\d{4}|\d{2}(?!\d))"
DATES = (
    r"(?P<year>\d{4})(?P<mark>[-/. ])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})",
    r"(?P<year>\d{4}) ?年 ?(?P<month>\d{1,2}) ?月(?: ?(?P<day>\d{1,2}) ?[日号])?",
    rf"(?P<one>\d{{1,2}})(?P<mark>[-/. ])(?P<two>\d{{1,2}})(?P=mark){YEAR}",
    r"(?P<year>\d{4})(?P<month>0[1-9]|1[0-2])(?P<day>[0-2]\d|3[01])",
    rf"(?P<day>\d{{1,2}})[-/. ]?{NAME}[-/., ]+{YEAR}",
    rf"{NAME}[- ](?P<day>\d{{1,2}}),? +(?P<year>\d{{4}})",
    rf"(?P<year>\d{{4}})[-/. ]{NAME}(?:[-/. ](?P<day>\d{{1,2}}))?",
    rf"{NAME}[-/., ]+(?P<year>\d{{4}})",
    rf"{NAME}-(?P<year>\d{{2}})",
    r"(?P<year>\d{4})[-/](?P<month>\d{1,2})",  # no point: 1013.25 is a pressure
    r"(?P<month>\d{1,2})[-/](?P<year>\d{4})",
    r"(?P<year>\d{4})[- ]?q(?P<quarter>[1-4])",
)
TIME = r"""(?:(?:\s*[T ,;_]\s*|-|(?<=[日号]))(?P<half>上午|下午)?(?P<hour>[01]?\d|2[0-4])
    (?:(?:[:.h-]|\ ?[时点])(?:(?P<minute>\d{2})(?:分|(?:[:.-]|分)(?P<second>\d{2})秒?(?:[.,](?P<fraction>\d+))?)?)?)?
    \ ?(?P<noon>[ap]\.?m\.?)?)?"""
CLOCK = re.compile(r"(?:[01]?\d|2[0-4])[:.][0-5]\d(?:[:.][0-5]\d)?(?: ?[ap]m)?", re.IGNORECASE)
STRETCH = " - "  # 01.01.2020 00:00 - 01.01.2020 00:15
COMPACT = re.compile(r"(?:1[5-9]|2[0-2])\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])(?:\d{4}|\d{6})?")  # 20190131
JOINED = r"(?:T?(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})?)"  # 20190131T0930
OFFSET = r"\s*(?P<offset>z|utc|gmt|(?P<sign>[+-])(?P<ahead>\d{2}):?(?P<more>\d{2})?)?"
FORMS = (
    *(re.compile(f"{date}{TIME}{OFFSET}", re.VERBOSE | re.IGNORECASE) for date in
      (form.replace(" ", r"\ ") for form in DATES)),
    re.compile(rf"{DATES[3]}{JOINED}{OFFSET}", re.IGNORECASE),
)  # fmt: skip
PARTS = {
    "year": r"year|yr|yyyy|年|年份", "month": r"month|mon|mo|mm|月|月份", "day": r"day|dd|dom|日",
    "hour": r"hour|hr|hh|h|时|小时", "minute": r"minute|min|mi|分|分钟", "second": r"second|sec|ss|秒",
}  # fmt: skip
EPOCHS = {  # of numbers from such a power of ten on, below a hundred times it
    8: ("seconds", 1), 11: ("milliseconds", 10**3), 14: ("microseconds", 10**6), 17: ("nanoseconds", 10**9),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stamps:
    """The moments of rows, [R], and what kind they are: of a clock without zone, on the UTC line, or numbers."""

    moments: Moments
    given: npt.NDArray[np.bool_]  # [R] whether the row has a stamp
    kind: Kind
    offsets: Moments  # [R] seconds from UTC, where a stamp tells it
    zone: str = ""  # that the values themselves name
    notes: tuple[str, ...] = ()
    fractions: bool = False  # whether some told parts of a second, which are dropped


def part_of_time(column: str) -> str:
    """Name the part of a date or time that a column's name says it holds alone, or nothing."""
    return next((part for part, names in PARTS.items() if re.fullmatch(names, column.strip().lower())), "")


def looks_like_time(values: Sequence[Any]) -> bool:
    """Tell values of which nine in ten are dates, however written; numbers are none."""
    return len(values) > 0 and 10 * sum(map(_is_date, values)) >= 9 * len(values)


def has_clock(value: Any) -> bool:
    """Tell a date that comes with a time of day."""
    if isinstance(value, str):
        match = (_form(value) or FORMS[0]).fullmatch(_begin(value))
        return match is not None and match["hour"] is not None
    return isinstance(value, datetime.datetime) and value.time() != datetime.time()


def looks_like_clock(values: Sequence[Any]) -> bool:
    """Tell values that are a time of day without a date."""
    return len(values) > 0 and all(
        isinstance(value, datetime.time) or (isinstance(value, str) and CLOCK.fullmatch(value.strip()))
        for value in values
    )


def stamps_of(
    columns: Sequence[str], values: Sequence[Column], rows: Sequence[int], name: str, day_first: bool | None
) -> Stamps:
    """Read the stamps of rows out of a column, or of several that hold a date and a time, or year, month, day, hour.

    Raises DataError for what is no date, naming the row, and where day and month could be either.
    """
    parts = [part_of_time(column) for column in columns]
    if len(columns) > 1 and all(parts):
        return _assembled(dict(zip(parts, values, strict=True)), rows, name)
    if len(columns) > 1:
        joined = [
            "" if any(is_missing(one) for one in row) else " ".join(shown(one) for one in row)
            for row in zip(*values, strict=True)
        ]
        return _written(joined, rows, f"{name}, columns {' and '.join(columns)}", day_first)
    (column,) = values
    where = f"{name}, column {quoted(columns[0])}"
    array = column if isinstance(column, np.ndarray) else None
    if array is not None and array.dtype.kind == "M":
        given = ~np.isnat(array)
        seconds = array.astype("datetime64[s]")
        plain = _plain(np.where(given, seconds.astype(np.int64), 0), given)
        return replace(plain, fractions=bool((array != seconds)[given].any()))
    if any(isinstance(value, datetime.date) for value in column):
        return _dated(column, rows, where)
    if (whole := _whole(column)) is not None:
        return _numbered(*whole, columns[0])
    return _written(["" if is_missing(value) else shown(value) for value in column], rows, where, day_first)


def _plain(moments: Moments, given: npt.NDArray[np.bool_], kind: Kind = "clock", *notes: str) -> Stamps:
    return Stamps(moments, given, kind, np.zeros(len(moments), dtype=np.int64), notes=notes)


def _begin(value: str) -> str:
    """Give a stamp or, of a stretch between two, the first."""
    return value.partition(STRETCH)[0].strip()


def _form(value: str) -> re.Pattern[str] | None:
    text = _begin(value)
    return next((form for form in FORMS if form.fullmatch(text)), None) if text[:1].isalnum() else None


def _is_date(value: Any) -> bool:
    return isinstance(value, datetime.date | np.datetime64) or (isinstance(value, str) and _form(value) is not None)


def _dated(column: Column, rows: Sequence[int], where: str) -> Stamps:
    """Read Python's own dates, as Parquet files and data frames give them."""
    moments, offsets = (np.zeros(len(column), dtype=np.int64) for _ in range(2))
    given, aware, zone, fractions = np.zeros(len(column), dtype=bool), set(), "", False
    start = datetime.datetime(1970, 1, 1)
    for place, value in enumerate(column):
        if absent(value):
            continue
        if not isinstance(value, datetime.date):
            raise DataError(f"{where}, row {rows[place]}: {quoted(value)} is no date, as the others are; mend it.")
        if not isinstance(value, datetime.datetime):
            value = datetime.datetime(value.year, value.month, value.day)
        told = value.utcoffset()
        aware.add(told is not None)
        zone = zone or str(getattr(value.tzinfo, "key", None) or getattr(value.tzinfo, "zone", None) or "")
        offsets[place] = told.total_seconds() if told else 0
        moments[place] = (value.replace(tzinfo=None) - start) // datetime.timedelta(seconds=1) - offsets[place]
        given[place], fractions = True, fractions or value.microsecond > 0
    if len(aware) > 1:
        raise DataError(f"{where} has stamps with a zone and stamps without; give all of them one, or none.")
    kind: Kind = "utc" if aware == {True} else "clock"
    return Stamps(moments, given, kind, offsets, "" if zone == "UTC" else zone, fractions=fractions)


def _whole(column: Column) -> tuple[Moments, npt.NDArray[np.bool_]] | None:
    """Give a column's whole numbers; None where it holds anything else, or dates of eight figures."""
    given = np.array([not is_missing(value) for value in column], dtype=bool)
    numbers = np.zeros(len(column), dtype=np.int64)
    for place in np.flatnonzero(given).tolist():
        value = column[place]
        text = value.strip() if isinstance(value, str) else value
        try:
            number = float(text)
        except (TypeError, ValueError):
            return None
        if not number.is_integer() or abs(number) > 2**62:
            return None
        numbers[place] = int(text) if isinstance(text, str) and text.lstrip("+-").isdecimal() else int(number)
    if not given.any() or all(COMPACT.fullmatch(str(number)) for number in numbers[given].tolist()):
        return None
    return numbers, given


def _numbered(numbers: Moments, given: npt.NDArray[np.bool_], column: str) -> Stamps:
    """Read whole numbers: seconds since 1970 or parts of them, years, months such as 202001, or the rows' numbers."""
    known = numbers[given]
    for power, (unit, parts) in EPOCHS.items():
        if 10**power <= known.min() and known.max() // 100 < 10**power:
            return _plain(numbers // parts, given, "utc", f"Time: {quoted(column)} is taken for {unit} since 1970.")
    if part_of_time(column) == "year":
        return _plain(_days(numbers, np.ones_like(numbers), np.ones_like(numbers)) * DAY, given)
    months = known % 100
    if known.min() > 150_000 and known.max() < 230_000 and ((months >= 1) & (months <= 12)).all():
        one = np.ones_like(numbers)
        return _plain(_days(numbers // 100, np.clip(numbers % 100, 1, 12), one) * DAY, given)
    return _plain(numbers, given, "number")


def _assembled(parts: dict[str, Column], rows: Sequence[int], name: str) -> Stamps:
    """Put stamps together of columns that hold a part each, as whole numbers."""
    if "year" not in parts:
        raise DataError(
            f"{name} has no column of years beside {quoted(next(iter(parts)))}; name it among those of time."
        )
    read = {}
    given = np.ones(len(rows), dtype=bool)
    for part, column in parts.items():
        whole = _whole(column)
        if whole is None:
            raise DataError(f"{name}: its column of {part}s does not hold whole numbers alone; name another by time.")
        read[part], there = whole
        given &= there
    ones, zeros = np.ones(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.int64)
    year, month, day = read["year"], read.get("month", ones), read.get("day", ones)
    _refuse_dates(year, month, day, given, rows, name)
    clock = [read.get(part, zeros) for part in ("hour", "minute", "second")]
    _refuse_clocks(clock, given, rows, name)
    seconds = clock[0] * 3600 + clock[1] * 60 + clock[2]
    return _plain(_days(year, month, day) * DAY + seconds, given)


def _written(texts: list[str], rows: Sequence[int], where: str, day_first: bool | None) -> Stamps:
    """Read stamps that are text, all written as the first is."""
    count, fractions = len(texts), False
    given = np.array([text.strip() != "" for text in texts], dtype=bool)
    first = next((text.strip() for text in texts if text.strip()), "")
    form = _form(first)
    if form is None:
        raise DataError(f"{where} holds {quoted(first)}, which is no date known here; write it as 2024-12-31 23:00.")
    fields = np.zeros((8, count), dtype=np.int64)  # year, two numbers, hour, minute, second, offset, whether it has one
    fields[1:3] = 1
    for place, text in enumerate(texts):
        if not given[place]:
            continue
        match = form.fullmatch(_begin(text))
        if match is None:
            raise DataError(
                f"{where}, row {rows[place]}: {quoted(text)} is not written as the first, {quoted(first)}; write all "
                "in one way."
            )
        named = match.groupdict()
        fields[:, place] = _fields(named)
        fractions = fractions or (named.get("fraction") or "").strip("0") != ""
    year, one, two = fields[:3]
    notes: tuple[str, ...] = ()
    if STRETCH in first:
        notes = ("Time: stamps are stretches, of which the beginning is taken.",)
    month, day = one, two
    if "one" in form.groupindex:
        by_day = _day_first(one, two, given, rows, texts, where, day_first)
        month, day = (two, one) if by_day else (one, two)
        proof = int(np.argmax((one if by_day else two) > 12))
        told = f"as row {rows[proof]}, {texts[proof].strip()}, proves" if day_first is None else "as told"
        notes += (f"Time: dates are read {'day' if by_day else 'month'} first, {told}.",)
    _refuse_dates(year, month, day, given, rows, where)
    _refuse_clocks(fields[3:6], given, rows, where)
    aware = fields[7][given] == 1
    if aware.any() and not aware.all():
        raise DataError(f"{where} has stamps with an offset and stamps without; give all of them one, or none.")
    moments = _days(year, month, day) * DAY + fields[3] * 3600 + fields[4] * 60 + fields[5] - fields[6]
    return Stamps(moments, given, "utc" if aware.any() else "clock", fields[6], notes=notes, fractions=fractions)


def _fields(told: dict[str, str | None]) -> list[int]:
    """Give the numbers of a stamp: year, month and day (or two of which nobody knows), clock, offset, if it has one."""
    year = int(told["year"] or 0)
    if len(told["year"] or "") == 2:
        year += 2000 if year < 69 else 1900
    month: Any = told.get("one") or told.get("month") or 1
    if name := told.get("name"):
        month = MONTHS.index(name.lower()) + 1
    elif quarter := told.get("quarter"):
        month = 3 * int(quarter) - 2
    hour = int(told.get("hour") or 0)
    half = (told.get("noon") or "")[:1].lower() or {"上午": "a", "下午": "p"}.get(told.get("half") or "", "")
    if half:
        hour = hour % 12 + 12 * (half == "p")
    ahead = int(told["ahead"] or 0) * 3600 + int(told["more"] or 0) * 60
    return [
        year, int(month), int(told.get("two") or told.get("day") or 1), hour, int(told.get("minute") or 0),
        int(told.get("second") or 0), -ahead if told["sign"] == "-" else ahead, told["offset"] is not None,
    ]  # fmt: skip


def _day_first(
    one: Moments, two: Moments, given: npt.NDArray[np.bool_], rows: Sequence[int], texts: list[str], where: str,
    told: bool | None,
) -> bool:  # fmt: skip
    """Say whether the first of two numbers is the day; raise DataError where that is open, or both cannot be."""
    by_day, by_month = one > 12, two > 12
    if told is None and not by_day.any() and not by_month.any():
        place = int(np.argmax(given & (one != two))) if (given & (one != two)).any() else int(np.argmax(given))
        raise DataError(
            f"{where}: {quoted(texts[place])} could be day or month first, and no row proves it; say --day-first or "
            "--month-first (day_first=True or False in Python)."
        )
    first = bool(by_day.any()) if told is None else told
    wrong = by_month if first else by_day
    if wrong.any():
        place = int(np.argmax(wrong))
        against = f"row {rows[int(np.argmax(by_day))]} proves" if told is None else "was told"
        raise DataError(
            f"{where}, row {rows[place]}: {quoted(texts[place])} cannot be read {'day' if first else 'month'} first, "
            f"as {against}; write all dates in one order."
        )
    return first


def _days(year: Moments, month: Moments, day: Moments) -> Moments:
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    counted: Moments = months.astype("datetime64[D]").astype(np.int64) + day - 1
    return counted


def _refuse_clocks(
    clock: Sequence[Moments] | Moments, given: npt.NDArray[np.bool_], rows: Sequence[int], where: str
) -> None:
    """Raise DataError for the first hour, minute and second that no clock shows; 24:00 is the end of a day."""
    hour, minute, second = clock
    wrong = given & ((hour < 0) | (hour > 24) | (minute < 0) | (minute > 59) | (second < 0) | (second > 59))
    if wrong.any():
        place = int(np.argmax(wrong))
        shown_clock = f"{int(hour[place])}:{int(minute[place]):02}:{int(second[place]):02}"
        raise DataError(f"{where}, row {rows[place]}: {shown_clock} is no time of day; mend it.")


def _refuse_dates(
    year: Moments, month: Moments, day: Moments, given: npt.NDArray[np.bool_], rows: Sequence[int], where: str
) -> None:
    """Raise DataError for the first date that no calendar has."""
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    longest = ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
    wrong = given & ((year < 1) | (year > 9998) | (month < 1) | (month > 12) | (day < 1) | (day > longest))
    if wrong.any():
        place = int(np.argmax(wrong))
        raise DataError(
            f"{where}, row {rows[place]}: {int(year[place])}-{int(month[place]):02}-{int(day[place]):02} (year, month, "
            "day) is in no calendar; mend it."
        )
