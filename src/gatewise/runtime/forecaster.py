"""A forecaster as arrays: a base, networks above it, and what calibrates their quantiles. NumPy answers.

Nothing after an origin is read but the calendar and the columns declared as known.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gatewise.base.errors import DataError
from gatewise.runtime.bases import Base, Reading, chunks, scale_of
from gatewise.runtime.forecastnet import ForecastNet, framed, scaled_by
from gatewise.runtime.series import SeriesTable
from gatewise.runtime.windows import Floats, Origins, Scale

QUANTILES = tuple(tenth / 10 for tenth in range(1, 10))


@dataclass(frozen=True, slots=True)
class ForecastModel:
    """A trained forecaster of one column; its networks' quantiles are averaged, and without one the base answers."""

    reading: Reading
    base: Base
    spread: Floats  # [h, Q]: what the base misses, in the window's units
    nets: tuple[ForecastNet, ...]
    shifts: Floats  # [h, Q]: added to the quantiles, in the window's units
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def horizon(self) -> int:
        """How many rows are forecast."""
        return self.reading.horizon

    @property
    def target(self) -> str:
        """Which column is."""
        return self.reading.target

    @property
    def quantiles(self) -> tuple[float, ...]:
        """Which quantiles are answered."""
        return QUANTILES

    @property
    def said(self) -> str:
        """Say what answers, for people."""
        if not self.nets:
            return f"{self.base.said}, as no network was better on dev"
        return f"{len(self.nets)} network{'s' if len(self.nets) > 1 else ''} on {self.base.said}"

    def answer(self, table: SeriesTable, origins: Origins) -> Floats:
        """Forecast the rows after each origin, [O, 2], as quantiles [O, h, Q] in the target's units.

        Raises DataError where the table lacks a column, or where a known one ends too early.
        """
        needed = (self.target, *self.reading.known, *self.reading.past)
        if missing := [name for name in needed if name not in table.columns]:
            raise DataError(
                f"The data have no column {missing[0]!r}, which this forecaster reads; they have "
                f"{', '.join(map(repr, table.columns))}."
            )
        parts = [self._answer(table, origins[chunk]) for chunk in chunks(len(origins))]
        return np.concatenate([np.zeros((0, self.horizon, len(QUANTILES))), *parts])

    def _answer(self, table: SeriesTable, origins: Origins) -> Floats:
        scale = self.reading.scale(table, origins)
        base = self.base.points(self.reading, table, origins, scale)
        if self.nets:
            known = self.reading.steps(table, origins)
            found = np.mean([answered(net, self.reading, table, origins, scale, base, known) for net in self.nets],
                            axis=0)  # fmt: skip
        else:
            found = base[..., None] + self.spread
        return np.sort(scale.zero[..., None] + scale.unit[..., None] * (found + self.shifts), axis=2)


def answered(
    net: ForecastNet, reading: Reading, table: SeriesTable, origins: Origins, scale: Scale, base: Floats, known: Floats
) -> Floats:
    """Give one net's quantiles in the window's units, [O, h, Q]."""
    own = scaled_by(net.scaling, reading, scale)
    parts = []
    for chunk in chunks(len(origins)):
        part, outer = scale_of(own, chunk), scale_of(scale, chunk)
        under = (outer.zero + outer.unit * base[chunk] - part.zero) / part.unit
        found = net.answer(framed(reading, table, origins[chunk], net.frames, part), known[chunk], under)
        raw = part.zero[..., None] + part.unit[..., None] * found
        parts.append((raw - outer.zero[..., None]) / outer.unit[..., None])
    return np.concatenate(parts)


def last_origins(table: SeriesTable, target: str) -> Origins:
    """Give each series' last row with a measured target, [S, 2]; a series without one has no origin."""
    measured = ~np.isnan(table.column(target))
    found = [(series, rows.start + int(np.flatnonzero(measured[rows])[-1])) for series in range(len(table))
             if measured[rows := table.rows(series)].any()]  # fmt: skip
    if not found:
        raise DataError(f"No value of {target!r} was measured, so there is nothing to forecast from.")
    return np.array(found, dtype=np.int64)
