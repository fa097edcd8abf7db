"""Many series on regular grids as flat rows: what a forecaster learns from and answers. Knows no file and no model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

Unit = Literal["second", "weekday", "month", "number"]


@dataclass(frozen=True, slots=True)
class Step:
    """The distance between two neighbouring rows: `count` of a `unit`.

    `weekday` counts Mondays to Fridays, `month` calendar months (an end of month stays one), `number` is for rows that
    are numbered and have no date.
    """

    count: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class SeriesTable:
    """Series on regular grids, series n being the rows starts[n]:starts[n + 1]; what was not measured is nan."""

    names: tuple[str, ...]  # [S] of the series; one empty name where there is one series without an id
    starts: npt.NDArray[np.int64]  # [S + 1]
    moments: npt.NDArray[np.int64]  # [N] seconds since 1970 on the UTC line, or the row's number; one step apart
    columns: tuple[str, ...]  # [C] of the values
    values: npt.NDArray[np.float64]  # [N, C]
    step: Step
    zone: str = ""  # of the wall clock by which a calendar is read; empty: the moments are read as they are
    static: Mapping[str, tuple[str | float, ...]] = field(default_factory=dict)  # what holds for a whole series, [S]
    notes: tuple[str, ...] = ()  # what was decided on reading, in sentences for people

    def __len__(self) -> int:
        return len(self.starts) - 1

    def rows(self, series: int) -> slice:
        """Give a series' rows."""
        return slice(int(self.starts[series]), int(self.starts[series + 1]))

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """Give a column's values, [N]; raises KeyError where there is none of that name."""
        if name not in self.columns:
            raise KeyError(name)
        return self.values[:, self.columns.index(name)]
