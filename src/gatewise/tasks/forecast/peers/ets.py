"""Exponential smoothing with additive errors: level, damped trend, season; the single-series statistician's forecast.

ETS(A, N or Ad, N or A) of Hyndman et al. (2008), fitted by least squares of one step. Parameters come from the rows
before the test; the state runs on through what is known, so that an origin's forecast needs no fit.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gatewise.base.errors import DataError
from gatewise.runtime.series import SeriesTable
from gatewise.runtime.windows import Floats, Origins, ahead
from gatewise.tasks.forecast.origins import Split
from gatewise.tasks.forecast.peers.problem import Peer, Points, Problem, loss_of, peer, spread_of

LONGEST_SEASON = 24
ROWS = 1008  # the last rows that parameters are fitted to
SEARCHES = 400  # evaluations a fit


@dataclass(frozen=True, slots=True)
class Smoothing:
    """A form and its parameters: how far level, trend and season follow an error, and how a trend dies away."""

    season: int  # 0 without
    level: float  # alpha
    trend: float = 0.0  # beta
    damping: float = 0.0  # phi; 0 without a trend
    seasonal: float = 0.0  # gamma

    def run(self, values: Sequence[float], *, states: bool = False) -> tuple[float, list[tuple[float, float]], Floats]:
        """Go through a series: the sum of squared errors, and if asked level and trend after, and seasons from, a row.

        Seasons are [N + m]: the place r holds what is known, before row r is, of its season. A value that is nan moves
        nothing but the trend on.
        """
        m = max(1, self.season)
        first = next((row for row, value in enumerate(values) if value == value), 0)
        start = np.asarray(values[first : first + (2 * m if self.season else 1)], dtype=np.float64)
        level, trend, total = float(np.nanmean(start)), 0.0, 0.0
        seasons = [0.0] * (len(values) + m)
        for phase in range(self.season):
            one = start[phase::m]
            seasons[(first + phase) % m] = float(np.nanmean(one)) - level if not np.isnan(one).all() else 0.0
        kept = []
        alpha, beta, phi, gamma = self.level, self.trend, self.damping, self.seasonal
        for row, value in enumerate(values):
            expected = level + phi * trend
            error = value - expected - seasons[row]
            if error != error:  # not measured
                level, trend, seasons[row + m] = expected, phi * trend, seasons[row]
            else:
                total += error * error
                level, trend = expected + alpha * error, phi * trend + beta * error
                seasons[row + m] = seasons[row] + gamma * error if self.season else 0.0
            if states:
                kept.append((level, trend))
        return total, kept, np.array(seasons if states else [])


FORMS = ((False, False), (True, False), (False, True), (True, True))  # with a trend, with a season


def fit_ets(table: SeriesTable, problem: Problem, split: Split) -> Peer:
    """Fit each form to each series before dev; dev chooses the form of a series, which is fitted again before the test.

    A season longer than 24 rows is left out, as statsforecast's and R's ets do.
    """
    started = time.process_time()
    values = table.column(problem.target)
    season = max((one for one in problem.seasons if one <= LONGEST_SEASON), default=0)
    truths, spreads = ahead(values, table, split.dev, problem.horizon), spread_of(problem, table)(table, split.dev)
    trial: list[Smoothing] = []
    final: list[Smoothing] = []
    for series in range(len(table)):
        begin, dev, test = int(table.starts[series]), int(split.dev_from[series]), int(split.test_from[series])
        own, known = split.dev[:, 0] == series, ~np.isnan(values[begin:dev])
        best = (np.inf, Smoothing(0, 1.0))
        for trended, seasonal in FORMS if own.any() else FORMS[:1]:
            if (seasonal and not season) or np.argmax(known) + 3 * max(1, season * seasonal) > dev - begin:
                continue  # what the season starts from ends before dev does
            fitted = fit(values[max(begin, dev - ROWS) : dev], season * seasonal, trended=trended)
            forecast = smooth(problem, {series: fitted})(table, split.dev[own])
            loss = loss_of((truths[own] - forecast) / spreads[own])
            best = min(best, (loss, fitted), key=lambda pair: pair[0])
        trial.append(best[1])
        final.append(
            fit(values[max(begin, test - ROWS) : test], best[1].season, trended=best[1].damping > 0, start=best[1])
        )
    on_dev = smooth(problem, dict(enumerate(trial)))(table, split.dev)
    points = smooth(problem, dict(enumerate(final)))
    return peer("ets", f"ETS{described(final)}", problem, points, table, split, started, on_dev)


def described(forms: Sequence[Smoothing]) -> str:
    """Name the form that most series have."""
    names = [f"A,{'Ad' if one.damping else 'N'},{'A' if one.season else 'N'}" for one in forms]
    most = max(sorted(set(names)), key=names.count)
    return f"({most})" if len(forms) == 1 else f"({most}) of {names.count(most):,} of {len(forms):,} series"


def fit(values: Floats, season: int, *, trended: bool, start: Smoothing | None = None) -> Smoothing:
    """Find the parameters of a form with the least squared error of one step, by Nelder and Mead's simplex."""
    from scipy.optimize import minimize

    if not len(values) or np.isnan(values).all():
        raise DataError("A series has no measured value before its test; leave it out.")
    given = [float(value) for value in values]
    first = [0.5, *([0.1, 0.9] if trended else []), *([0.1] if season else [])]
    if start is not None and start.season == season and (start.damping > 0) == trended:
        first = [start.level]
        first += [start.trend / max(start.level, 1e-9), start.damping] if trended else []
        first += [start.seasonal / max(1 - start.level, 1e-9)] if season else []
    share = (1e-4, 0.9999)
    bounds = [share, *([share, (0.8, 0.98)] if trended else []), *([share] if season else [])]
    first = [min(high, max(low, one)) for one, (low, high) in zip(first, bounds, strict=True)]

    def loss(point: Floats) -> float:
        return made(point, season, trended=trended).run(given)[0]

    options = {"maxfev": SEARCHES, "xatol": 1e-3, "fatol": 1e-6 * (loss(np.array(first)) + 1e-300)}
    found = minimize(loss, first, method="Nelder-Mead", bounds=bounds, options=options)
    return made(found.x, season, trended=trended)


def made(point: Floats, season: int, *, trended: bool) -> Smoothing:
    """Make a form of a point in the box: beta is a share of alpha, gamma one of 1 - alpha, as is usual."""
    numbers = [float(one) for one in point]
    alpha = numbers.pop(0)
    beta, damping = (alpha * numbers.pop(0), numbers.pop(0)) if trended else (0.0, 0.0)
    return Smoothing(season, alpha, beta, damping, (1 - alpha) * numbers.pop(0) if season else 0.0)


def smooth(problem: Problem, forms: dict[int, Smoothing]) -> Points:
    """Give the forecasts l + (phi + ... + phi^k) b + s of series by their forms."""

    def points(table: SeriesTable, origins: Origins) -> Floats:
        values, steps = table.column(problem.target), np.arange(1, problem.horizon + 1)
        found = np.empty((len(origins), problem.horizon))
        for series in np.unique(origins[:, 0]):
            own = np.flatnonzero(origins[:, 0] == series)
            begin, form = int(table.starts[series]), forms[int(series)]
            rows = origins[own, 1] - begin
            _, states, seasons = form.run(values[begin : begin + int(rows.max()) + 1].tolist(), states=True)
            level, trend = np.array(states)[rows].T
            damped = np.cumsum(form.damping**steps)
            m = max(1, form.season)
            places = rows[:, None] + 1 + (steps - 1) % m
            found[own] = level[:, None] + trend[:, None] * damped + seasons[places]
        return found

    return points
