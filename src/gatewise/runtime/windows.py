"""Origins of a table to what is read there: rows up to them, rows after them, and what clock and calendar show.

Of what comes after an origin, only the calendar and columns declared as known are read. Knows no model.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import DataError
from gatewise.runtime.series import DAY, SeriesTable, Step, calendar_of, following

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Origins = npt.NDArray[np.int64]  # [O, 2]: a series' number, and the row, of the table, of the last value that is known

FLAT = 0.02  # share of the spread of all that came before that is added to a window's: a flat one scales to no pieces
WAVES = 2  # harmonics of a year


def windows(values: Floats, table: SeriesTable, origins: Origins, length: int) -> Floats:
    """Give the `length` values up to each origin, [O, length]; nan before a series begins."""
    return _around(values, table, origins, np.arange(1 - length, 1))


def ahead(values: Floats, table: SeriesTable, origins: Origins, horizon: int) -> Floats:
    """Give the `horizon` values after each origin, [O, horizon]; nan after a series ends."""
    return _around(values, table, origins, np.arange(1, horizon + 1))


def _around(values: Floats, table: SeriesTable, origins: Origins, offsets: Rows) -> Floats:
    rows = origins[:, 1:] + offsets
    inside = (rows >= table.starts[origins[:, 0]][:, None]) & (rows < table.starts[origins[:, 0] + 1][:, None])
    return np.where(inside, values[np.clip(rows, 0, max(0, len(values) - 1))], np.nan)


def carried(values: Floats, starts: Rows) -> Floats:
    """Carry each series' last measured value forward into the gaps after it, [N]; nan where none came before."""
    measured = np.where(np.isnan(values), -1, np.arange(len(values)))
    last: Rows = np.maximum.accumulate(measured) if len(values) else measured
    begin = np.repeat(starts[:-1], np.diff(starts))
    return np.where(last >= begin, values[np.maximum(last, 0)], np.nan)


def spread_before(values: Floats, starts: Rows) -> Floats:
    """Give the standard deviation of each series' values up to and with each row, [N]; 0 where none was measured."""
    spreads = np.zeros(len(values))
    for begin, end in pairwise(starts.tolist()):  # each by itself: one sum over all would carry digits across series
        own = values[begin:end]
        known = ~np.isnan(own)
        if known.any():
            away = np.where(known, own - own[known.argmax()], 0.0)  # squares far from zero would lose their digits
            count = np.maximum(np.cumsum(known), 1)
            mean = np.cumsum(away) / count
            spreads[begin:end] = np.sqrt(np.maximum(np.cumsum(away**2) / count - mean**2, 0.0))
    return spreads


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a window's zero lies and how long its unit is, [O, 1] each."""

    zero: Floats
    unit: Floats


def window_scale(table: SeriesTable, origins: Origins, target: str, rows: int) -> Scale:
    """Scale windows by their last measured value and their spread over so many rows up to the origin."""
    values = table.column(target)
    seen = windows(values, table, origins, rows)
    known = ~np.isnan(seen)
    count = np.maximum(known.sum(axis=1), 1)
    mean = np.nansum(seen, axis=1) / count
    unit = np.sqrt(np.nansum(np.square(seen - mean[:, None]), axis=1) / count)
    unit += FLAT * spread_before(values, table.starts)[origins[:, 1]]
    zero = np.nan_to_num(carried(values, table.starts)[origins[:, 1]])
    unit = np.where(unit > 1e-9 * np.abs(zero), unit, np.maximum(np.abs(zero), 1.0) * 1e-3)
    return Scale(zero[:, None], unit[:, None])


def moments_ahead(table: SeriesTable, origins: Origins, horizon: int) -> npt.NDArray[np.int64]:
    """Give the moments after each origin, [O, horizon], beyond the end of a series too."""
    longer, shift = [np.empty(0, np.int64)], np.zeros(len(table), dtype=np.int64)
    total = 0
    for series in range(len(table)):
        rows = table.rows(series)
        shift[series] = total - rows.start
        one = table.moments[rows]
        longer.append(np.concatenate([one, following(table, series, horizon)]) if len(one) else one)
        total += len(longer[-1])
    places = origins[:, 1:] + shift[origins[:, 0]][:, None] + np.arange(1, horizon + 1)
    return np.asarray(np.concatenate(longer)[places])


def calendar_names(step: Step) -> tuple[str, ...]:
    """Give what a clock and a calendar can tell of rows so far apart."""
    if step.unit == "number":
        return ()
    if step.unit == "month":
        return ("month",)
    within = step.unit == "second" and step.count < DAY
    return (*(("hour", "minute") if within else ()), "weekday", "day_of_year", "month")


def calendar_ahead(table: SeriesTable, origins: Origins, horizon: int) -> dict[str, npt.NDArray[np.int64]]:
    """Give what clock and calendar show at each moment after an origin, [O, horizon] each; nothing without dates."""
    if not (names := calendar_names(table.step)):
        return {}
    moments = moments_ahead(table, origins, horizon)
    unique, places = np.unique(moments, return_inverse=True)
    told = calendar_of(unique, table.zone)
    return {name: getattr(told, name)[places].reshape(moments.shape) for name in names}


def marks_ahead(table: SeriesTable, origins: Origins, horizon: int, *, yearly: bool) -> Floats:
    """Give the calendar of each step after an origin as numbers that a model reads, [O, horizon, marks]."""
    told = calendar_ahead(table, origins, horizon)
    shape = (len(origins), horizon)
    parts = [np.eye(count)[told[name]] for name, count in (("hour", 24), ("weekday", 7)) if name in told]
    if table.step.unit == "month":
        parts.append(np.eye(12)[told["month"] - 1])
    elif yearly and "day_of_year" in told:
        turn = 2 * np.pi * told["day_of_year"][..., None] / 365.25 * np.arange(1, WAVES + 1)
        parts += [np.sin(turn), np.cos(turn)]
    return np.concatenate([np.zeros((*shape, 0)), *(part.reshape(*shape, -1) for part in parts)], axis=2)


def known_ahead(table: SeriesTable, origins: Origins, horizon: int, names: tuple[str, ...]) -> Floats:
    """Give known columns after each origin, [O, horizon, names]; raise DataError where one ends too early."""
    columns = [ahead(table.column(name), table, origins, horizon) for name in names]
    values = np.stack(columns, axis=2) if columns else np.zeros((len(origins), horizon, 0))
    if np.isnan(values).any():
        origin, step, column = (int(place[0]) for place in np.nonzero(np.isnan(values)))
        moment = moments_ahead(table, origins[origin : origin + 1], horizon)[0, step]
        series = table.names[origins[origin, 0]]
        raise DataError(
            f"The known column {names[column]!r} is missing at {said(moment, table)}"
            f"{f' of series {series!r}' if series else ''}, step {step + 1} of the {horizon} that are forecast; "
            "give its values up to the horizon, or train without --known."
        )
    return values


def said(moment: int, table: SeriesTable) -> str:
    """Write a moment as people do."""
    if table.step.unit == "number":
        return f"row {moment}"
    stamp = np.datetime_as_string(np.int64(moment).astype("datetime64[s]")).replace("T", " ")
    return stamp if table.step.unit == "second" and table.step.count < DAY else stamp[:10]
