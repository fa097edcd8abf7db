"""What is to be forecast, what may be read for it, and a peer that answers it: shared by all peers.

A window is scaled by its last value and its spread, and everything a peer reads of it lies at or before the origin, but
for the calendar and covariates declared as known.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import ConfigError
from gatewise.runtime import windows as after
from gatewise.runtime.series import SeriesTable
from gatewise.runtime.windows import Floats, Origins, ahead, carried, windows
from gatewise.tasks.forecast.figures import QUANTILES
from gatewise.tasks.forecast.origins import DAY, Split, seasons_of

Points = Callable[[SeriesTable, Origins], Floats]  # the forecasts of origins, [O, h]

FLAT = 0.02  # share of a series' own spread that is added to a window's, so that a flat one scales nothing to pieces
YEARS = 2  # of data before the turn of a year can be told from a trend


@dataclass(frozen=True, slots=True)
class Problem:
    """A column to be forecast so many rows ahead, and the columns that help: ahead of time, or only up to now."""

    target: str
    horizon: int
    known: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    seasons: tuple[int, ...] = ()  # rows, shortest first
    yearly: bool = False  # whether there was enough to learn the time of year from


@dataclass(frozen=True, slots=True)
class Peer:
    """A forecaster without a network: points, spread out by what it missed on dev origins, as multiples of a spread."""

    name: str
    said: str  # what it is, for people
    points: Points
    spreads: Points  # [O, 1]: what errors are scaled by
    missed: Floats  # [h, Q] quantiles of truth minus point, divided by the spread
    seconds: float = 0.0  # of the CPU, to fit

    def answer(self, table: SeriesTable, origins: Origins) -> Floats:
        """Forecast the rows after each origin, [O, 2], by nothing later than it: [O, h, Q] of the tenths 0.1 to 0.9."""
        points = self.points(table, origins)[..., None]
        return np.asarray(points + self.spreads(table, origins)[..., None] * self.missed)


def problem_of(
    table: SeriesTable,
    target: str,
    horizon: int,
    known: tuple[str, ...] = (),
    seasons: tuple[int, ...] | None = None,
    split: Split | None = None,
) -> Problem:
    """Make the problem of a table: what is not declared known is past; seasons are those of its step or as given."""
    for name in (target, *known):
        if name not in table.columns:
            raise ConfigError(f"There is no column {name!r}; there are {', '.join(table.columns)}.")
    if target in known:
        raise ConfigError(f"{target!r} is forecast, so it cannot be known ahead; leave it out of the known columns.")
    ends = table.starts[1:] if split is None else split.dev_from
    longest = int((ends - table.starts[:-1]).max(initial=0))
    past = tuple(name for name in table.columns if name not in (target, *known))
    found = seasons_of(table.step) if seasons is None else seasons
    yearly = table.step.unit != "number" and _years(table) >= YEARS
    return Problem(target, horizon, known, past, tuple(one for one in found if 2 * one < longest), yearly)


def _years(table: SeriesTable) -> float:
    if not len(table.moments):
        return 0.0
    return float(table.moments.max() - table.moments.min()) / (365.25 * DAY)


def peer(
    name: str,
    said: str,
    problem: Problem,
    points: Points,
    table: SeriesTable,
    split: Split,
    started: float,
    on_dev: Floats | None = None,
) -> Peer:
    """Make a peer of its points: what it misses is measured on the dev origins.

    `on_dev`, [O, h], is what it said there when it had not learnt from dev, where by now it has.
    """
    spreads = spread_of(problem, table)
    truths = ahead(table.column(problem.target), table, split.dev, problem.horizon)
    errors = (truths - (points(table, split.dev) if on_dev is None else on_dev)) / spreads(table, split.dev)
    missed = np.zeros((problem.horizon, len(QUANTILES)))
    pooled = errors[~np.isnan(errors)]
    for step, column in enumerate(errors.T):
        seen = column[~np.isnan(column)]
        seen = seen if len(seen) >= len(QUANTILES) else pooled  # too few of this step: all steps'
        if len(seen):
            missed[step] = np.quantile(seen, QUANTILES)
    return Peer(name, said, points, spreads, missed, time.process_time() - started)


def loss_of(errors: Floats) -> float:
    """Give the mean size of errors that are known; infinite where none is."""
    known = errors[~np.isnan(errors)]
    return float(np.abs(known).mean()) if known.size else math.inf


def spread_of(problem: Problem, table: SeriesTable) -> Points:
    """Give what tells a window's spread: its standard deviation over a long season and a share of the whole's.

    The share is that of the series before the first test; `table` ends there.
    """
    length = spread_window(problem)
    values = table.column(problem.target)
    whole = [float(np.nanstd(rows)) if not np.isnan(rows := values[table.rows(one)]).all() else 0.0
             for one in range(len(table))]  # fmt: skip
    kept = np.array([one or 1.0 for one in whole])

    def spreads(given: SeriesTable, origins: Origins) -> Floats:
        seen = windows(given.column(problem.target), given, origins, length)
        known = ~np.isnan(seen)
        count = np.maximum(known.sum(axis=1), 1)
        mean = np.nansum(seen, axis=1) / count
        spread = np.sqrt(np.nansum(np.square(seen - mean[:, None]), axis=1) / count)
        return np.asarray((spread + FLAT * kept[origins[:, 0]])[:, None])

    return spreads


def spread_window(problem: Problem) -> int:
    """Give the rows over which a window's spread is measured: two of the longest season within some hundreds."""
    short = [season for season in problem.seasons if season <= 400]
    return max(2 * short[-1] if short else 0, 2 * problem.horizon, 8)


def last_of(problem: Problem, table: SeriesTable, origins: Origins) -> Floats:
    """Give the last measured value up to each origin, [O, 1]."""
    return carried(table.column(problem.target), table.starts)[origins[:, 1]][:, None]


def calendar_ahead(problem: Problem, table: SeriesTable, origins: Origins) -> dict[str, npt.NDArray[np.int64]]:
    """Give what the clock and calendar show at each moment forecast, [O, h] each; nothing where rows have no date."""
    return after.calendar_ahead(table, origins, problem.horizon)
