"""What lies under a network: the last value, the last season, or a ridge regression on the window's rows.

A base is fitted elsewhere (gatewise.tasks.forecast); here it answers, in the units of the window's scale.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gatewise.runtime.series import SeriesTable
from gatewise.runtime.windows import (
    Floats,
    Origins,
    Scale,
    carried,
    known_ahead,
    marks_ahead,
    window_scale,
    windows,
)

BaseKind = Literal["seasonal", "ridge"]
CHUNK = 4096  # origins at once


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read of a table, and in which units; all of it was measured before the first dev row."""

    target: str
    horizon: int
    known: tuple[str, ...]
    past: tuple[str, ...]
    means: Floats  # [known + past]
    sizes: Floats  # [known + past]
    scale_rows: int  # over which a window's spread is measured
    yearly: bool  # whether the time of year is read
    level: float = 0.0  # of the target, for nets that scale all windows alike
    spread: float = 1.0

    def scale(self, table: SeriesTable, origins: Origins) -> Scale:
        """Give each window's zero and unit."""
        return window_scale(table, origins, self.target, self.scale_rows)

    def steps(self, table: SeriesTable, origins: Origins) -> Floats:
        """Give what is known of each step forecast: calendar and known covariates, [O, h, K]."""
        marks = marks_ahead(table, origins, self.horizon, yearly=self.yearly)
        known = known_ahead(table, origins, self.horizon, self.known)
        count = len(self.known)
        return np.concatenate([marks, (known - self.means[:count]) / self.sizes[:count]], axis=2)


@dataclass(frozen=True, slots=True)
class Base:
    """A forecast without a network; season 1 is the last value."""

    kind: BaseKind
    season: int = 1
    rows: int = 0  # of the window that a ridge reads
    calendar: bool = False  # whether it reads what is known of the steps
    weights: Floats | None = None  # [h, rows + known of a step + 1]
    penalty: float = 0.0  # under which they were fitted

    @property
    def said(self) -> str:
        """Name it, for people."""
        if self.kind == "ridge":
            return f"ridge on {self.rows:,} rows{' and the calendar' if self.calendar else ''}"
        return "the last value" if self.season == 1 else f"the season of {self.season:,} rows again"

    def points(self, reading: Reading, table: SeriesTable, origins: Origins, scale: Scale) -> Floats:
        """Forecast the steps after each origin in units of the scale, [O, h]."""
        if self.kind == "ridge":
            assert self.weights is not None
            parts = (
                ridge_points(self, reading, table, origins[chunk], scale_of(scale, chunk))
                for chunk in chunks(len(origins))
            )
            return np.concatenate([np.zeros((0, reading.horizon)), *parts])
        values = season_carried(table.column(reading.target), table, self.season)
        steps = np.arange(1, reading.horizon + 1)
        rows = origins[:, 1:] + steps - self.season * np.ceil(steps / self.season).astype(np.int64)
        begin = table.starts[origins[:, 0]][:, None]
        found = np.where(rows >= begin, values[np.maximum(rows, 0)], np.nan)
        return np.nan_to_num((found - scale.zero) / scale.unit)


def scale_of(scale: Scale, rows: slice) -> Scale:
    """Take the scales of some windows."""
    return Scale(scale.zero[rows], scale.unit[rows])


def chunks(count: int) -> Iterator[slice]:
    """Cut so many origins into parts of at most CHUNK."""
    return (slice(at, at + CHUNK) for at in range(0, count, CHUNK))


def ridge_window(reading: Reading, table: SeriesTable, origins: Origins, scale: Scale, rows: int) -> Floats:
    """Give the scaled window that a ridge reads, [O, rows]; what is not known stands as the last value."""
    seen = windows(carried(table.column(reading.target), table.starts), table, origins, rows)
    return np.nan_to_num((seen - scale.zero) / scale.unit)


def ridge_steps(reading: Reading, table: SeriesTable, origins: Origins, *, calendar: bool) -> Floats:
    """Give the inputs of each step forecast: what is known of it, if it is read, and the intercept, [O, h, K + 1]."""
    shape = (len(origins), reading.horizon)
    known = reading.steps(table, origins) if calendar else np.zeros((*shape, 0))
    return np.concatenate([known, np.ones((*shape, 1))], axis=2)


def ridge_points(base: Base, reading: Reading, table: SeriesTable, origins: Origins, scale: Scale) -> Floats:
    """Give a ridge's forecasts, [O, h]."""
    assert base.weights is not None
    steps = ridge_steps(reading, table, origins, calendar=base.calendar)
    window = ridge_window(reading, table, origins, scale, base.rows)
    own: Floats = window @ base.weights[:, : base.rows].T
    return np.asarray(own + np.einsum("ohk,hk->oh", steps, base.weights[:, base.rows :]))


def season_carried(values: Floats, table: SeriesTable, season: int) -> Floats:
    """Fill each gap with the last measured value at the same place of the season, [N]."""
    filled = values.copy()
    for series in range(len(table)):
        rows = table.rows(series)
        for phase in range(min(season, rows.stop - rows.start)):
            one = values[rows.start + phase : rows.stop : season]
            filled[rows.start + phase : rows.stop : season] = carried(one, np.array([0, len(one)]))
    return filled
