"""Small series for the tests of forecasting."""

import numpy as np

from gatewise.runtime.series import SeriesTable, Step, Unit

HOUR, DAY = 3600, 86_400


def table(
    *series: np.ndarray, count: int = HOUR, unit: Unit = "second", zone: str = "", **others: np.ndarray
) -> SeriesTable:
    """Make a table of a column y, and of `others`, which hold all series' rows one after the other."""
    starts = np.concatenate([[0], np.cumsum([len(one) for one in series])]).astype(np.int64)
    step = {"month": 31 * DAY, "number": 1}.get(unit, count)
    moments = np.concatenate([step * np.arange(len(one)) for one in series]).astype(np.int64)
    values = np.stack([np.concatenate(series), *others.values()], axis=1).astype(np.float64)
    names = tuple(f"s{number}" for number in range(len(series)))
    return SeriesTable(names, starts, moments, ("y", *others), values, Step(count, unit), zone)


def load(rows: int = 900, seed: int = 0, noise: float = 0.3) -> np.ndarray:
    """Make a load by the hour: a day, a week, and noise that stays a while."""
    draw = np.random.default_rng(seed)
    hours = np.arange(rows)
    shape = 10 + 3 * np.sin(2 * np.pi * hours / 24) + (hours // 24 % 7 < 5)
    left = np.zeros(rows)
    for row in range(1, rows):
        left[row] = 0.9 * left[row - 1] + noise * draw.standard_normal()
    return shape + left
