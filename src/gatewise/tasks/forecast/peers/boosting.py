"""Boosted trees, one model for all steps: the step, its calendar, and a summary of the window to a scaled distance.

scikit-learn's HistGradientBoostingRegressor; direct, never fed its own forecasts.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np

from gatewise.base.errors import DataError
from gatewise.runtime.series import SeriesTable
from gatewise.runtime.windows import Floats, Origins, ahead, carried, windows
from gatewise.tasks.forecast.origins import Split, rolled
from gatewise.tasks.forecast.peers.naive import season_points
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

ROWS = 300_000  # most rows, an origin and a step each, that are learnt from
TREES, LOOKS = 400, 20  # most trees, and after how many each a look at dev is taken
FEWER = 4  # a part of rows and trees, by which loss and base are chosen
RECENT = 12  # of the last values, these many by themselves
LEARNING_RATE, LEAVES, LEAF_ROWS = 0.1, 63, 40
LOSSES = ("absolute_error", "squared_error")
SEED = 1


@dataclass(frozen=True, slots=True)
class Reading:
    """What trees read: scaled by what the table, which ends before the test, holds."""

    problem: Problem
    spreads: Points
    base: Points  # last value or a season again: what the trees correct
    mean: float
    size: float
    levels: bool = True  # how high target and covariates stand, by which trees can know a stretch of time again

    def inputs(self, table: SeriesTable, origins: Origins) -> Floats:
        """Give a row for each origin and step, [O * h, F]; nan where nothing is known."""
        problem, shape = self.problem, (len(origins), self.problem.horizon)
        spread, last = self.spreads(table, origins), last_of(problem, table, origins)
        values = table.column(problem.target)
        filled = carried(values, table.starts)
        each = [windows(filled, table, origins, RECENT)[:, :-1], *self.stretches(filled, table, origins)]
        fixed = [(part - last) / spread for part in each]
        fixed.append(np.isnan(values[origins[:, 1:]]))
        fixed += [(last - self.mean) / self.size, np.log(spread / self.size)] if self.levels else []
        fixed += [part / spread for season in problem.seasons for part in self.turned(filled, table, origins, season)]
        for name in problem.past:
            past = carried(table.column(name), table.starts)
            now, stretches = past[origins[:, 1:]], self.stretches(past, table, origins)
            fixed += [now, *stretches] if self.levels else [part - now for part in stretches]
        fixed.append(origins[:, : int(len(table) > 1)].astype(np.float64))  # which series
        moving = [np.broadcast_to(np.arange(1, shape[1] + 1), shape), (self.base(table, origins) - last) / spread]
        for season in problem.seasons:
            once, twice = (earlier(filled, table, origins, shape[1], season, turns * season) for turns in (0, 1))
            moving += [(once - last) / spread, (twice - last) / spread, (once - twice) / spread]
        for short, long in pairwise(problem.seasons):  # yesterday against the same day a week before it
            once, twice = (earlier(filled, table, origins, shape[1], short, more) for more in (0, long))
            moving.append((once - twice) / spread)
        moving += [part for name, part in calendar_ahead(problem, table, origins).items() if self.reads(name)]
        moving += [ahead(table.column(name), table, origins, shape[1]) for name in problem.known]
        rows = np.repeat(np.concatenate(fixed, axis=1), shape[1], axis=0)
        return np.concatenate([rows, *(np.asarray(part).reshape(-1, 1) for part in moving)], axis=1)

    def reads(self, name: str) -> bool:
        """Tell whether a part of the calendar is read: the time of year only where years were seen."""
        return self.problem.yearly or name not in ("day_of_year", "month")

    def stretches(self, values: Floats, table: SeriesTable, origins: Origins) -> list[Floats]:
        """Give the means of the horizon's and each season's last rows, and the extremes of the longest, [O, 1] each."""
        parts = []
        for rows in sorted({self.problem.horizon, *(one for one in self.problem.seasons if one <= 400)}):
            seen = windows(values, table, origins, rows)
            known = ~np.isnan(seen)
            count = np.where(known.any(axis=1), known.sum(axis=1), np.nan)
            parts.append((np.nansum(seen, axis=1) / count)[:, None])
            extremes = [np.where(known, seen, np.inf).min(axis=1), np.where(known, seen, -np.inf).max(axis=1)]
        return parts + [np.where(np.isfinite(one), one, np.nan)[:, None] for one in extremes]

    def turned(self, values: Floats, table: SeriesTable, origins: Origins, season: int) -> list[Floats]:
        """Give how far the last row, and on average the last short season, lie from a season before, [O, 1] each."""
        now, then = (windows(values, table, origins, season + self.problem.seasons[0])[:, part]
                     for part in (slice(season, None), slice(None, self.problem.seasons[0])))  # fmt: skip
        return [(now - then)[:, -1:], (now - then).mean(axis=1, keepdims=True)]


def earlier(values: Floats, table: SeriesTable, origins: Origins, horizon: int, season: int, more: int) -> Floats:
    """Give what was measured whole seasons, and `more` rows, before each step, [O, h]; never after the origin."""
    steps = np.arange(1, horizon + 1)
    rows = origins[:, 1:] + steps + season * (-steps // season) - more
    inside = rows >= table.starts[origins[:, 0]][:, None]
    return np.where(inside, values[np.maximum(rows, 0)], np.nan)


def fit_boosting(table: SeriesTable, problem: Problem, split: Split) -> Peer:
    """Grow trees on rows before dev; dev chooses how many, their loss, base and levels; then learn from all rows.

    All but the number is chosen with fewer rows and trees.
    """
    started = time.process_time()
    values = table.column(problem.target)
    if np.isnan(values).all():
        raise DataError(f"Nothing of {problem.target!r} was measured before the test; give more rows.")
    size = float(np.nanstd(values)) or 1.0
    least = max(1, min(spread_window(problem), int((split.dev_from - table.starts[:-1]).max()) // 4))
    most = max(1, ROWS // problem.horizon)
    trained = rolled(table, split.dev_from, problem.horizon, least, most)
    spreads, mean = spread_of(problem, table), float(np.nanmean(values))
    tried = []
    for season, loss, levels in product((1, *problem.seasons), LOSSES, (True, False)):
        one = Reading(problem, spreads, season_points(problem, season), mean, size, levels)
        trees = grown(one, table, trained[::FEWER], loss, max(LOOKS, TREES // FEWER))
        tried.append((min(missed for missed, _ in staged(one, trees, table, split.dev)), loss, one))
    _, loss, reading = min(tried, key=lambda one: one[0])
    looks = list(staged(reading, grown(reading, table, trained, loss, TREES), table, split.dev))
    chosen = min(range(len(looks)), key=lambda place: looks[place][0])
    count = (chosen + 1) * LOOKS
    every = rolled(table, split.test_from, problem.horizon, least, most)
    final = points_of(reading, grown(reading, table, every, loss, count))
    said = f"boosting of {count:,} trees by {loss.replace('_', ' ')}{'' if reading.levels else ', without levels'}"
    return peer("boosting", said, problem, final, table, split, started, looks[chosen][1])


def staged(reading: Reading, trees: Any, table: SeriesTable, origins: Origins) -> Iterator[tuple[float, Floats]]:
    """Give what trees miss and say, [O, h], after each LOOKS of them."""
    base, spread = reading.base(table, origins), reading.spreads(table, origins)
    truths = ahead(table.column(reading.problem.target), table, origins, reading.problem.horizon)
    for place, scaled in enumerate(trees.staged_predict(reading.inputs(table, origins))):
        if (place + 1) % LOOKS == 0:
            points = base + spread * scaled.reshape(base.shape)
            yield loss_of((truths - points) / spread), points


def grown(reading: Reading, table: SeriesTable, origins: Origins, loss: str, trees: int) -> Any:
    """Grow trees on what is known of the steps after origins."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    truths = ahead(table.column(reading.problem.target), table, origins, reading.problem.horizon)
    targets = ((truths - reading.base(table, origins)) / reading.spreads(table, origins)).ravel()
    used = ~np.isnan(targets)
    if not used.any():
        raise DataError(f"Nothing of {reading.problem.target!r} was measured after any window; give more rows.")
    model = HistGradientBoostingRegressor(
        loss=loss, max_iter=trees, learning_rate=LEARNING_RATE, max_leaf_nodes=LEAVES, min_samples_leaf=LEAF_ROWS,
        early_stopping=False, random_state=SEED,
    )  # fmt: skip
    return model.fit(reading.inputs(table, origins)[used], targets[used])


def points_of(reading: Reading, trees: Any) -> Points:
    """Give the forecasts of trees."""

    def points(table: SeriesTable, origins: Origins) -> Floats:
        base = reading.base(table, origins)
        if not len(origins):
            return base
        scaled = trees.predict(reading.inputs(table, origins)).reshape(base.shape)
        return np.asarray(base + reading.spreads(table, origins) * scaled)

    return points
