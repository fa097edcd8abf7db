"""Where series are cut into training, dev, calibration and test, and the origins that roll forward in each part.

Everything is in rows of the table, and each series is cut by itself, from its end. A row that is forecast belongs to
one part: an origin whose next `horizon` rows lie on both sides of a border belongs to neither. Knows no model.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import ConfigError, DataError
from gatewise.runtime.series import SeriesTable, Step
from gatewise.runtime.windows import Origins, Rows, ahead, windows

DAY, WEEK = 86_400, 604_800  # seconds
ORIGINS, ORIGINS_IN_ALL = 50, 500  # of one series, and of many together, unless others are asked for
DEV_ORIGINS = 60
SEEN = 0.5  # share of a window that must have been measured


@dataclass(frozen=True, slots=True)
class Split:
    """Each series' first rows to be forecast in dev, calibration and test, and the origins of these parts."""

    dev_from: Rows  # [S]
    calibration_from: Rows  # [S]
    test_from: Rows  # [S]
    dev: Origins
    calibration: Origins
    test: Origins
    step: int  # rows between two test origins
    short: int  # series too short to be forecast, which are left out
    unseen: int  # test origins left out: half of what came before, or all that came after, was never measured


def seasons_of(step: Step) -> tuple[int, ...]:
    """Give the seasons, in rows, that a step between rows suggests, shortest first: a day, a week, a year."""
    if step.unit == "second":
        spans = [DAY, WEEK] if step.count < DAY else [WEEK, 365 * DAY] if step.count < WEEK else [364 * DAY]
        return tuple(span // step.count for span in spans if span % step.count == 0 and span > step.count)
    if step.unit == "weekday":
        return (5, 261) if step.count == 1 else ()
    return (12 // step.count,) if step.unit == "month" and 12 % step.count == 0 and step.count < 12 else ()


def error_season(step: Step) -> int:
    """Give the season whose naive error scales all others, as M4 did: a day within days, a year of months, else 1."""
    within = step.unit == "month" or (step.unit == "second" and step.count < DAY)
    return (seasons_of(step) or (1,))[0] if within else 1


def split_origins(
    table: SeriesTable,
    target: str,
    horizon: int,
    *,
    season: int = 1,
    origins: int | None = None,
    step: int | None = None,
    test_share: float = 0.2,
    dev_share: float = 0.12,
    calibration_share: float = 0.0,
) -> Split:
    """Cut each series by time and lay origins from its end backwards, a step apart that meets every row of a season.

    `origins` of each series are tested, 0 for none, by default 50 of one series and fewer of many, over the last
    `test_share` of its rows; with `step` given they take the room they need. Dev is the last `dev_share` of the rows
    before, calibration lies between the two. Raises DataError where every series is too short, ConfigError for shares,
    steps or horizons that cannot be.
    """
    _refuse(horizon, origins, step, test_share, dev_share, calibration_share)
    count = max(1, min(ORIGINS, ORIGINS_IN_ALL // max(1, len(table)))) if origins is None else origins
    lengths = np.diff(table.starts)
    apart = step or step_for(int(test_share * lengths.max(initial=0)) - horizon, count, season)
    borders, short = np.repeat(table.starts[1:, None], 3, axis=1), 0  # of dev, calibration and test, [S, 3]
    parts: tuple[list[Origins], ...] = ([], [], [])
    for series in range(len(table)):
        begin, end = int(table.starts[series]), int(table.starts[series + 1])
        fit = max(1, (int(test_share * (end - begin)) - horizon) // apart + 1) if step is None else count
        test = laid(series, end, horizon, min(count, fit), apart)
        first = int(test[0, 1]) + 1 if len(test) else end
        calibration = first - _rows(calibration_share * (first - begin), horizon)
        dev = calibration - max(horizon, int(dev_share * (first - begin)))
        if dev - begin < horizon + max(2, season):  # all that is left of it before a test is learnt from
            short += 1
            borders[series] = max(begin, first)
            continue
        borders[series] = dev, calibration, first
        parts[2].append(test)
        for place, (low, high) in enumerate(((dev, calibration), (calibration, first))):
            room = high - low - horizon
            many = max(1, DEV_ORIGINS // len(table))
            if room >= 0:
                between = step_for(room, many, season)
                parts[place].append(laid(series, high, horizon, min(many, room // between + 1), between))
    if short == len(table):
        raise DataError(
            f"No series is long enough to learn {horizon} steps ahead and be tested: the longest has "
            f"{int(lengths.max(initial=0)):,} rows. Give more rows, or a shorter horizon."
        )
    empty = np.empty((0, 2), dtype=np.int64)
    dev_part, calibration_part, test_part = (np.concatenate([empty, *part]) for part in parts)
    kept = seen(table, target, test_part, horizon, max(season, horizon))
    return Split(
        borders[:, 0], borders[:, 1], borders[:, 2],
        dev_part[seen(table, target, dev_part, horizon, max(season, horizon))],
        calibration_part[seen(table, target, calibration_part, horizon, max(season, horizon))],
        test_part[kept], apart, short, int((~kept).sum()),
    )  # fmt: skip


def _refuse(horizon: int, origins: int | None, step: int | None, test: float, dev: float, calibration: float) -> None:
    if horizon < 1 or (step is not None and step < 1) or (origins is not None and origins < 0):
        raise ConfigError(f"horizon is {horizon}, origins {origins}, step {step}; the horizon and step are at least 1.")
    if not (0 < test < 1 and 0 < dev < 1 and 0 <= calibration < 1 - dev):
        raise ConfigError(f"Shares of test {test}, dev {dev}, calibration {calibration} leave none to learn from.")


def _rows(wanted: float, horizon: int) -> int:
    return max(horizon, int(wanted)) if wanted else 0


def laid(series: int, end: int, horizon: int, count: int, step: int) -> Origins:
    """Give `count` origins of a series, oldest first, the last of which ends its forecast before the row `end`."""
    rows = end - horizon - 1 - step * np.arange(count)[::-1]
    return np.stack([np.full(count, series), rows], axis=1).astype(np.int64)


def step_for(room: int, count: int, season: int) -> int:
    """Give the widest step, `count` origins within `room` rows, that starts forecasts at the most rows of a season.

    A step coprime to the season meets each of its rows in turn.
    """
    widest = max(1, room // max(1, count - 1))
    tried = range(widest, max(0, widest - season), -1)
    return max(tried, key=lambda step: (min(season // math.gcd(step, season), count), step))


def rolled(table: SeriesTable, until: Rows, horizon: int, window: int = 1, most: int = 0) -> Origins:
    """Give all origins with `window` rows up to them whose forecasts end before each series' row `until`, [S].

    Of more than `most`, if that is not 0, as many are taken, evenly.
    """
    parts = [np.empty((0, 2), dtype=np.int64)]
    for series in range(len(table)):
        rows = np.arange(int(table.starts[series]) + window - 1, int(until[series]) - horizon)
        parts.append(np.stack([np.full(len(rows), series), rows], axis=1))
    origins = np.concatenate(parts)
    few = most and len(origins) > most
    return origins[np.linspace(0, len(origins) - 1, most).astype(np.int64)] if few else origins


def before(table: SeriesTable, rows: Rows) -> SeriesTable:
    """Give a table whose series end before these rows, [S]: what may be learnt from."""
    kept = np.concatenate([np.arange(int(table.starts[place]), int(end)) for place, end in enumerate(rows)])
    starts = np.concatenate([[0], np.cumsum(rows - table.starts[:-1])]).astype(np.int64)
    return SeriesTable(
        table.names, starts, table.moments[kept], table.columns, table.values[kept], table.step, table.zone,
        table.static, table.notes,
    )  # fmt: skip


def seen(table: SeriesTable, target: str, origins: Origins, horizon: int, window: int) -> npt.NDArray[np.bool_]:
    """Tell which origins have half of their window measured and anything after it, [O]."""
    values = table.column(target)
    known = ~np.isnan(windows(values, table, origins, window))
    return np.asarray(
        (known.mean(axis=1) >= SEEN) & ~np.isnan(ahead(values, table, origins, horizon)).all(axis=1), dtype=np.bool_
    )
