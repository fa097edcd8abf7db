"""The two forecasts that learn nothing: the last value again, and the last season again."""

import math
import time
from collections import Counter

import numpy as np

from gatewise.runtime.bases import season_carried
from gatewise.runtime.series import SeriesTable
from gatewise.runtime.windows import Floats, Origins
from gatewise.tasks.forecast.figures import scales_of
from gatewise.tasks.forecast.origins import Split
from gatewise.tasks.forecast.peers.problem import Peer, Points, Problem, last_of, peer


def fit_last_value(table: SeriesTable, problem: Problem, split: Split) -> Peer:
    """Make the peer that repeats the last measured value."""
    return peer("last_value", "the last value", problem, season_points(problem, 1), table, split, time.process_time())


def fit_seasonal_naive(table: SeriesTable, problem: Problem, split: Split) -> Peer:
    """Make the peer that repeats the season, or the last value, whose naive error was least before dev."""
    started = time.process_time()
    season = best_season(table, problem, split)
    said = f"the season of {season:,} rows again" if season > 1 else "the last value, which beat every season"
    return peer("seasonal_naive", said, problem, season_points(problem, season), table, split, started)


def best_season(table: SeriesTable, problem: Problem, split: Split) -> int:
    """Choose the season, of the problem's and 1, that forecast the rows before dev best over the whole horizon."""
    values, tried = table.column(problem.target), (1, *problem.seasons)
    losses = []
    for season in tried:
        back = Counter(season * math.ceil(step / season) for step in range(1, problem.horizon + 1))
        errors = [scales_of(values, table, split.dev_from, distance).absolute for distance in back]
        losses.append(np.average(np.nan_to_num(errors), axis=0, weights=list(back.values())))  # [S]
    shares = np.stack(losses) / np.maximum(np.sum(losses, axis=0), 1e-300)  # of unlike series, each counts alike
    return tried[int(np.argmin(shares.sum(axis=1)))]


def season_points(problem: Problem, season: int) -> Points:
    """Give the forecast y[t + k - m ceil(k / m)]; a value never measured is looked for a season, or a row, earlier."""

    def points(table: SeriesTable, origins: Origins) -> Floats:
        values = season_carried(table.column(problem.target), table, season)
        steps = np.arange(1, problem.horizon + 1)
        rows = origins[:, 1:] + steps - season * np.ceil(steps / season).astype(np.int64)
        begin = table.starts[origins[:, 0]][:, None]
        found = np.where(rows >= begin, values[np.maximum(rows, 0)], np.nan)
        return np.where(np.isnan(found), last_of(problem, table, origins), found)

    return points
