"""Ridge regression of every step on the window's rows and the calendar of the step that is forecast.

The rows stand as distances from the last value in units of the window's spread (NLinear: Zeng et al. 2023). All steps
share one matrix of their products; only the calendar's part of it changes from step to step.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gatewise.base.errors import DataError
from gatewise.runtime.series import SeriesTable
from gatewise.runtime.windows import Floats, Origins, ahead, carried, windows
from gatewise.tasks.forecast.origins import Split, rolled
from gatewise.tasks.forecast.peers.problem import (
    Peer,
    Points,
    Problem,
    calendar_ahead,
    last_of,
    loss_of,
    peer,
    spread_of,
    spread_window,
)

PENALTIES = tuple(float(10**power) for power in np.arange(-1.0, 5.1, 0.5))
WINDOWS, CHUNK = 40_000, 4096  # most windows learnt from, and at once
WAVES = 2  # harmonics of a year
FLOOR = 1e-6  # a penalty of the intercept


@dataclass(frozen=True, slots=True)
class Products:
    """What solves a ridge, for every step: inputs by inputs [h, F, F] and inputs by targets [h, F]."""

    squares: Floats
    targets: Floats

    def weights(self, penalty: float) -> Floats:
        """Solve for the weights of every step, [h, F]; the last input is the intercept."""
        diagonal = np.full(self.squares.shape[1], penalty)
        diagonal[-1] = FLOOR
        return np.asarray(np.linalg.solve(self.squares + np.diag(diagonal), self.targets[..., None])[..., 0])


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a ridge reads: so many rows of the window, and the calendar or not."""

    problem: Problem
    rows: int
    calendar: bool
    spreads: Points
    means: Floats  # of known covariates
    sizes: Floats

    def window(self, table: SeriesTable, origins: Origins) -> Floats:
        """Give the scaled window, [O, L]; what is not known stands as the last value."""
        values = carried(table.column(self.problem.target), table.starts)
        seen = windows(values, table, origins, self.rows)
        scaled = (seen - last_of(self.problem, table, origins)) / self.spreads(table, origins)
        return np.nan_to_num(scaled)

    def steps(self, table: SeriesTable, origins: Origins) -> Floats:
        """Give the inputs of each step forecast: calendar, known covariates and the intercept, [O, h, C]."""
        shape = (len(origins), self.problem.horizon)
        told = calendar_ahead(self.problem, table, origins) if self.calendar else {}
        parts = [marked(told[name], count) for name, count in (("hour", 24), ("weekday", 7)) if name in told]
        if "month" in told and table.step.unit == "month":
            parts.append(marked(told["month"] - 1, 12))
        if "day_of_year" in told and self.problem.yearly:
            turn = 2 * np.pi * told["day_of_year"][..., None] / 365.25 * np.arange(1, WAVES + 1)
            parts += [np.sin(turn), np.cos(turn)]
        for place, name in enumerate(self.problem.known):
            values = ahead(table.column(name), table, origins, self.problem.horizon)
            parts.append(np.nan_to_num((values - self.means[place]) / self.sizes[place])[..., None])
        return np.concatenate([*(part.reshape(*shape, -1) for part in parts), np.ones((*shape, 1))], axis=2)


def marked(numbers: np.ndarray, count: int) -> Floats:
    """Give each number's place among `count` as a row of zeros with a one."""
    return np.asarray(np.eye(count)[numbers])


def fit_ridge(table: SeriesTable, problem: Problem, split: Split) -> Peer:
    """Fit the ridge on rows before dev; dev chooses window, calendar and penalty; then all rows are learnt from."""
    started = time.process_time()
    values = table.column(problem.target)
    truths = ahead(values, table, split.dev, problem.horizon)
    best = (np.inf, 0, False, 0.0)
    kept = None
    for rows in lengths(table, problem, split):
        for calendar in (True, False):
            inputs = inputs_of(table, problem, rows, calendar=calendar)
            trained = rolled(table, split.dev_from, problem.horizon, min_rows(rows, table, split), WINDOWS)
            products = multiplied(inputs, table, trained)
            spreads = inputs.spreads(table, split.dev)
            for penalty in PENALTIES:
                points = points_of(inputs, products.weights(penalty))(table, split.dev)
                loss = loss_of((truths - points) / spreads)
                if loss < best[0]:
                    best, kept = (loss, rows, calendar, penalty), points
    if kept is None:
        raise DataError(f"Nothing of {problem.target!r} was measured in the rows that the ridge is chosen by.")
    _, rows, calendar, penalty = best
    inputs = inputs_of(table, problem, rows, calendar=calendar)
    every = rolled(table, split.test_from, problem.horizon, min_rows(rows, table, split), WINDOWS)
    final = points_of(inputs, multiplied(inputs, table, every).weights(penalty))
    said = f"ridge on {rows:,} rows{' and the calendar' if calendar else ''}, penalty {penalty:.3g}"
    return peer("ridge", said, problem, final, table, split, started, kept)


def lengths(table: SeriesTable, problem: Problem, split: Split) -> list[int]:
    """Give the windows to choose from: twice the horizon and twice each season, none above a quarter of the rows."""
    longest = int((split.dev_from - table.starts[:-1]).max())
    wanted = {2 * problem.horizon, spread_window(problem), *(2 * season for season in problem.seasons)}
    return sorted(rows for rows in wanted if rows <= longest // 4) or [max(1, min(problem.horizon, longest // 4))]


def min_rows(rows: int, table: SeriesTable, split: Split) -> int:
    """Give the rows a window learnt from must have: its own, or where no series has as many, half of the longest's."""
    longest = int((split.dev_from - table.starts[:-1]).max())
    return min(rows, longest // 2)


def inputs_of(table: SeriesTable, problem: Problem, rows: int, *, calendar: bool) -> Inputs:
    """Make what is read, with covariates scaled by what the table, which ends before the test, holds."""
    known = [table.column(name) for name in problem.known]
    means = np.array([np.nanmean(one) if not np.isnan(one).all() else 0.0 for one in known])
    sizes = np.array([np.nanstd(one) if not np.isnan(one).all() else 1.0 for one in known])
    return Inputs(problem, rows, calendar, spread_of(problem, table), means, np.where(sizes > 0, sizes, 1.0))


def multiplied(inputs: Inputs, table: SeriesTable, origins: Origins) -> Products:
    """Sum the products of inputs and targets over origins; a step that was not measured is left out of its own sums."""
    horizon, rows = inputs.problem.horizon, inputs.rows
    shared = np.zeros((rows, rows))
    total = None
    for chunk in chunks(origins):
        window, steps = inputs.window(table, chunk), inputs.steps(table, chunk)
        if total is None:
            size = rows + steps.shape[2]
            total = Products(np.zeros((horizon, size, size)), np.zeros((horizon, size)))
        truths = ahead(table.column(inputs.problem.target), table, chunk, horizon)
        targets = (truths - last_of(inputs.problem, table, chunk)) / inputs.spreads(table, chunk)
        used = ~np.isnan(targets)
        shared += window.T @ window
        for step in range(horizon):
            lost, own = window[~used[:, step]], steps[:, step] * used[:, step, None]
            wanted = np.where(used[:, step], targets[:, step], 0.0)
            total.squares[step, :rows, :rows] -= lost.T @ lost if len(lost) else 0.0
            total.squares[step, :rows, rows:] += window.T @ own
            total.squares[step, rows:, rows:] += own.T @ own
            total.targets[step, :rows] += window.T @ wanted
            total.targets[step, rows:] += own.T @ wanted
    if total is None:
        raise DataError(f"No window of {rows} rows lies before the rows that are chosen by; give more rows.")
    total.squares[:, :rows, :rows] += shared
    total.squares[:, rows:, :rows] = total.squares[:, :rows, rows:].transpose(0, 2, 1)
    return total


def points_of(inputs: Inputs, weights: Floats) -> Points:
    """Give the forecasts of a ridge by its weights, [h, F]."""
    rows = inputs.rows

    def points(table: SeriesTable, origins: Origins) -> Floats:
        parts = [np.empty((0, inputs.problem.horizon))]
        for chunk in chunks(origins):
            steps = np.einsum("ohc,hc->oh", inputs.steps(table, chunk), weights[:, rows:])
            scaled = inputs.window(table, chunk) @ weights[:, :rows].T + steps
            parts.append(last_of(inputs.problem, table, chunk) + inputs.spreads(table, chunk) * scaled)
        return np.concatenate(parts)

    return points


def chunks(origins: Origins) -> Iterator[Origins]:
    """Cut origins into parts of at most CHUNK."""
    return (origins[at : at + CHUNK] for at in range(0, len(origins), CHUNK))
