"""Many series on regular grids as flat rows, what comes after their ends, and the calendar of their moments.

What a forecaster learns from and answers. Knows no file and no model.
"""

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import ConfigError, one_line

Unit = Literal["second", "weekday", "month", "number"]
Moments = npt.NDArray[np.int64]

DAY = 86_400  # seconds
FIRST, LAST = -62_135_424_000, 253_402_128_000  # seconds that Python's dates hold, two days within their ends
FIXED = re.compile(r"([+-])(\d{2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Step:
    """The distance between two neighbouring rows: `count` of a `unit`.

    `weekday` counts Mondays to Fridays, `month` calendar months (an end of month stays one), `number` is for rows that
    are numbered and have no date.
    """

    count: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class SeriesTable:
    """Series on regular grids, series n being the rows starts[n]:starts[n + 1]; what was not measured is nan.

    Steps of whole days, weekdays and months are read from files as the wall clock's, with an empty zone: a day that has
    23 hours is one step.
    """

    names: tuple[str, ...]  # [S] of the series; one empty name where there is one series without an id
    starts: npt.NDArray[np.int64]  # [S + 1]
    moments: Moments  # [N] seconds since 1970 on the UTC line, or the row's number; one step apart
    columns: tuple[str, ...]  # [C] of the values
    values: npt.NDArray[np.float64]  # [N, C]
    step: Step
    zone: str = ""  # of the wall clock by which a calendar is read; empty: the moments are read as they are
    static: Mapping[str, tuple[str | float, ...]] = field(default_factory=dict)  # what holds for a whole series, [S]
    notes: tuple[str, ...] = ()  # what was decided on reading, in sentences for people

    def __len__(self) -> int:
        return len(self.starts) - 1

    def rows(self, series: int) -> slice:
        """Give a series' rows."""
        return slice(int(self.starts[series]), int(self.starts[series + 1]))

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """Give a column's values, [N]; raises KeyError where there is none of that name."""
        if name not in self.columns:
            raise KeyError(name)
        return self.values[:, self.columns.index(name)]


@dataclass(frozen=True, slots=True)
class Calendar:
    """What a wall clock and a calendar show at some moments, each [N]."""

    minute: npt.NDArray[np.int64]  # 0 to 59
    hour: npt.NDArray[np.int64]  # 0 to 23
    weekday: npt.NDArray[np.int64]  # 0, Monday, to 6
    day_of_year: npt.NDArray[np.int64]  # 1 to 366
    month: npt.NDArray[np.int64]  # 1 to 12


def following(table: SeriesTable, series: int, count: int) -> Moments:
    """Give the moments of the next `count` steps after a series' last row, [count]."""
    own = table.moments[table.rows(series)]
    local = wall_clock(own, table.zone) if table.step.unit in ("weekday", "month") else own
    later = _stepped(local, -1, table.step, np.arange(1, count + 1))
    return on_utc(later, table.zone)[0] if local is not own else later


def from_first(own: Moments, step: Step, count: int) -> Moments:
    """Give the moments of `count` rows from the first of a series' own, [count]; a step of months keeps to their day.

    They are of a clock without zone where the step is one of weekdays or months.
    """
    return _stepped(own, 0, step, np.arange(count))


def _stepped(own: Moments, place: int, step: Step, ahead: Moments) -> Moments:
    """Give moments so many steps after one of a series' own."""
    if step.unit in ("second", "number"):
        return np.asarray(own[place] + step.count * ahead, dtype=np.int64)
    days, of_day = np.divmod(own, DAY)
    dates = days.astype("datetime64[D]")
    if step.unit == "weekday":
        later = np.busday_offset(dates[place], step.count * ahead, roll="backward")
    else:
        later = month_dates(dates, dates[place].astype("datetime64[M]") + step.count * ahead)
    return np.asarray(later.astype(np.int64) * DAY + of_day[place], dtype=np.int64)


def month_dates(dates: npt.NDArray[Any], months: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give the dates in some months, [M], on the day of the month that dates a month or more apart have, [N].

    That is the latest day among them or, where a month is shorter, its end; and always the end where all are ends. The
    arrays are NumPy's of days and of months.
    """
    own = dates.astype("datetime64[M]")
    ends = (dates + 1 == (own + 1).astype("datetime64[D]")).all()
    day = 31 if ends else int((dates - own.astype("datetime64[D]")).astype(np.int64).max()) + 1
    first, beyond = months.astype("datetime64[D]"), (months + 1).astype("datetime64[D]")
    return np.asarray(first + np.minimum(day, (beyond - first).astype(np.int64)) - 1)


def calendar_of(moments: Moments, zone: str = "") -> Calendar:
    """Read the calendar of moments, [N], by the wall clock of a zone; an empty one reads them as they are."""
    days, seconds = np.divmod(wall_clock(moments, zone), DAY)
    dates = days.astype("datetime64[D]")
    years, months = dates.astype("datetime64[Y]"), dates.astype("datetime64[M]")
    return Calendar(
        minute=seconds // 60 % 60,
        hour=seconds // 3600,
        weekday=(days + 3) % 7,  # 1970 began on a Thursday
        day_of_year=days - years.astype("datetime64[D]").astype(np.int64) + 1,
        month=months.astype(np.int64) % 12 + 1,
    )


def wall_clock(moments: Moments, zone: str) -> Moments:
    """Give what a zone's clocks show at moments on the UTC line, [N], as seconds since 1970 of a clock without zone.

    Raises ConfigError for a zone that is not known: the name of a place (Europe/Berlin), or an offset (+05:30).
    """
    return moments + _offsets(moments, zone) if zone else moments


def on_utc(local: Moments, zone: str) -> tuple[Moments, Moments]:
    """Give when a zone's clocks show these seconds, [N]: the earlier and the later moment on the UTC line.

    They differ in the hour that an autumn repeats. What a spring leaves out is moved on by what it leaves out, so that
    `wall_clock` of the answer differs from what was asked. Raises ConfigError as `wall_clock` does.
    """
    if not zone:
        return local, local
    before, after = (local - _offsets(local + turn * DAY, zone) for turn in (-1, 1))
    right_before, right_after = (wall_clock(moments, zone) == local for moments in (before, after))
    earlier = np.where(right_before | ~right_after, before, after)
    later = np.where(right_after, after, before)
    return earlier, later


def _offsets(moments: Moments, zone: str) -> Moments:
    """Give a zone's offsets from UTC at moments, in seconds: a day at a time, as few days hold a change."""
    at = _clock(zone)
    days, place = np.unique(np.clip(moments, FIRST, LAST) // DAY, return_inverse=True)
    known = {int(day): at(int(day) * DAY) for day in {*days.tolist(), *(days + 1).tolist()}}
    starts, ends = (np.array([known[int(day)] for day in days + turn], dtype=np.int64) for turn in (0, 1))
    offsets: Moments = starts[place]
    for row in np.flatnonzero((starts != ends)[place]):
        offsets[row] = at(int(moments[row]))
    return offsets


def _clock(zone: str) -> Callable[[int], int]:
    """Give what tells a zone's offset, in seconds, at a moment."""
    if match := FIXED.fullmatch(zone):
        ahead = (int(match[2]) * 3600 + int(match[3]) * 60) * (-1 if match[1] == "-" else 1)
        return lambda moment: ahead
    from zoneinfo import ZoneInfo

    try:
        place = ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:  # no such name, no name at all, a folder of names
        raise ConfigError(
            f"zone is {one_line(zone, 60)!r}, which is no time zone known here; give one such as Europe/Berlin or "
            "+01:00, or run: pip install tzdata."
        ) from error
    start = datetime.datetime(1970, 1, 1)

    def offset(moment: int) -> int:
        shown = (start + datetime.timedelta(seconds=moment)).replace(tzinfo=datetime.UTC).astimezone(place)
        told = shown.utcoffset()
        return int(told.total_seconds()) if told else 0

    return offset
