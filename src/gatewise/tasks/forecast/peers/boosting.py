"""Boosted trees, one model for all steps: the step, its calendar, and a summary of the window to a scaled distance.

scikit-learn's HistGradientBoostingRegressor; direct, never fed its own forecasts.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise.base.errors import DataError
from gatewise.runtime.series import SeriesTable
from gatewise.tasks.forecast.origins import Floats, Origins, Split, ahead, carried, rolled, windows
from gatewise.tasks.forecast.peers.naive import best_season, season_points
from gatewise.tasks.forecast.peers.problem import (
    Peer,
    Points,
    Problem,
    calendar_ahead,
    last_of,
    peer,
    spread_of,
    spread_window,
)

ROWS = 100_000  # most rows, an origin and a step each, that are learnt from
TREES, LOOKS = 400, 20  # most trees, and after how many each a look at dev is taken
RECENT = 12  # of the last values, these many by themselves
LEARNING_RATE, LEAVES, LEAF_ROWS = 0.05, 31, 40
SEED = 1


@dataclass(frozen=True, slots=True)
class Reading:
    """What trees read: scaled by what the table, which ends before the test, holds."""

    problem: Problem
    spreads: Points
    base: Points  # the better of last value and seasonal naive: what the trees correct
    mean: float
    size: float

    def inputs(self, table: SeriesTable, origins: Origins) -> Floats:
        """Give a row for each origin and step, [O * h, F]; nan where nothing is known."""
        problem, shape = self.problem, (len(origins), self.problem.horizon)
        spread, last = self.spreads(table, origins), last_of(problem, table, origins)
        values = table.column(problem.target)
        filled = carried(values, table.starts)
        each = [windows(filled, table, origins, RECENT)[:, :-1], *self.stretches(filled, table, origins)]
        fixed = [(part - last) / spread for part in each]
        fixed += [(last - self.mean) / self.size, np.log(spread / self.size), np.isnan(values[origins[:, 1:]])]
        for name in problem.past:
            past = carried(table.column(name), table.starts)
            fixed += [past[origins[:, 1:]], *self.stretches(past, table, origins)]
        fixed.append(origins[:, :1] if len(table) > 1 else np.empty((len(origins), 0)))
        moving = [np.broadcast_to(np.arange(1, shape[1] + 1), shape), (self.base(table, origins) - last) / spread]
        for season in problem.seasons:
            moving += [(self.earlier(filled, table, origins, season, turns) - last) / spread for turns in (0, 1)]
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

    def earlier(self, values: Floats, table: SeriesTable, origins: Origins, season: int, turns: int) -> Floats:
        """Give what was measured whole seasons, and `turns` more, before each step, [O, h]; never after the origin."""
        steps = np.arange(1, self.problem.horizon + 1)
        rows = origins[:, 1:] + steps - season * (-(-steps // season) + turns)
        inside = rows >= table.starts[origins[:, 0]][:, None]
        return np.where(inside, values[np.maximum(rows, 0)], np.nan)


def fit_boosting(table: SeriesTable, problem: Problem, split: Split) -> Peer:
    """Grow trees on rows before dev; dev chooses how many; then as many learn from all rows before the test."""
    started = time.process_time()
    values = table.column(problem.target)
    size = float(np.nanstd(values)) or 1.0
    base = season_points(problem, best_season(table, problem, split))
    reading = Reading(problem, spread_of(problem, table), base, float(np.nanmean(values)), size)
    least = max(1, min(spread_window(problem), int((split.dev_from - table.starts[:-1]).max()) // 4))
    most = max(1, ROWS // problem.horizon)
    trained = rolled(table, split.dev_from, problem.horizon, least, most)
    truths = ahead(values, table, split.dev, problem.horizon)
    best, kept, chosen = np.inf, None, ("", 0)
    for loss in ("absolute_error", "squared_error"):
        trees = grown(reading, table, trained, loss, TREES)
        asked, scale = reading.inputs(table, split.dev), reading.spreads(table, split.dev)
        offsets = reading.base(table, split.dev)
        for place, scaled in enumerate(trees.staged_predict(asked)):
            if (place + 1) % LOOKS == 0:
                errors = (truths - offsets) / scale - scaled.reshape(truths.shape)
                missed = float(np.nanmean(np.abs(errors)))
                if missed < best:
                    best, chosen, kept = missed, (loss, place + 1), scaled.reshape(truths.shape) * scale + offsets
    if kept is None:
        raise DataError(f"Nothing of {problem.target!r} was measured in the rows that the trees are chosen by.")
    every = rolled(table, split.test_from, problem.horizon, least, most)
    final = points_of(reading, grown(reading, table, every, *chosen))
    said = f"boosting of {chosen[1]:,} trees by {chosen[0].replace('_', ' ')}"
    return peer("boosting", said, problem, final, table, split, started, kept)


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
