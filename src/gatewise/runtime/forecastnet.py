"""One recurrent network under a forecaster, in NumPy: frames of a window and what is known ahead to quantiles.

A frame is some rows of the window as one step: a segment of a day, three hours that a convolution reads, or one row.
The last state and what is known of a step to be forecast give that step's quantiles, as distances from a base.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gatewise.runtime.bases import Reading
from gatewise.runtime.cell import Array, CellWeights, GRUWeights, gru_step, step
from gatewise.runtime.series import SeriesTable
from gatewise.runtime.windows import Floats, Origins, Scale, carried, windows

Cell = Literal["lstm", "gru"]
Scaling = Literal["window", "global"]
LIMIT = 10.0  # of a scaled input, either way: one that is further off says no more


@dataclass(frozen=True, slots=True)
class Frames:
    """How a window becomes steps: so many frames, each so many rows wide, so many rows apart."""

    count: int
    width: int
    apart: int

    @property
    def rows(self) -> int:
        """How many rows of the past are read."""
        return self.width + self.apart * (self.count - 1)


@dataclass(frozen=True, slots=True)
class ForecastNet:
    """A trained network."""

    frames: Frames
    scaling: Scaling
    filters: Floats | None  # [F, width * inputs]: a convolution's, under a ReLU
    filter_bias: Floats | None  # [F]
    cells: tuple[CellWeights | GRUWeights, ...]  # forward, and backward over the window where there are two
    state: Floats  # [M, directions * H]
    step: Floats  # [M, K + 1]: of what is known of a step, and its base
    place: Floats  # [h, M]
    out: Floats  # [Q, M]
    quantiles: Floats  # [h, Q]

    def answer(self, inputs: Floats, known: Floats, base: Floats) -> Floats:
        """Give quantiles [O, h, Q] of frames [O, T, inputs], what is known ahead [O, h, K], and a base [O, h]."""
        if self.filters is not None:
            assert self.filter_bias is not None
            inputs = np.maximum(inputs @ self.filters.T + self.filter_bias, 0)
        last = np.concatenate([read(cell, inputs[:, ::turn]) for cell, turn in zip(self.cells, (1, -1), strict=False)],
                              axis=1)  # fmt: skip
        steps = np.concatenate([known, base[..., None]], axis=2) @ self.step.T
        hidden = np.tanh((last @ self.state.T)[:, None] + steps + self.place)
        found: Floats = base[..., None] + self.quantiles + hidden @ self.out.T
        return found


def read(cell: CellWeights | GRUWeights, inputs: Floats) -> Floats:
    """Give the last state, [O, H], after frames [O, T, E]."""
    projected = inputs @ cell.input.T + cell.bias
    hidden = cell.recurrent.shape[1]
    state: Array = np.zeros((len(inputs), hidden))
    memory: Array = state
    for time in range(inputs.shape[1]):
        if isinstance(cell, GRUWeights):
            state = gru_step(projected[:, time], state, cell)
        else:
            *_, memory, state, _ = step(projected[:, time], state, memory, cell.recurrent)
    return np.asarray(state)


def scaled_by(scaling: Scaling, reading: Reading, scale: Scale) -> Scale:
    """Give the scale in which a net reads and answers."""
    if scaling == "window":
        return scale
    return Scale(np.full_like(scale.zero, reading.level), np.full_like(scale.unit, reading.spread))


def framed(reading: Reading, table: SeriesTable, origins: Origins, frames: Frames, scale: Scale) -> Floats:
    """Give what a net reads of the past, [O, T, width * inputs].

    A row is the scaled target, whether it was measured, and each known and past covariate.
    """
    values = table.column(reading.target)
    rows = frames.rows
    seen = windows(carried(values, table.starts), table, origins, rows)
    measured = ~np.isnan(windows(values, table, origins, rows))
    parts = [np.nan_to_num((seen - scale.zero) / scale.unit), measured.astype(np.float64)]
    for name, mean, size in zip((*reading.known, *reading.past), reading.means, reading.sizes, strict=True):
        column = windows(carried(table.column(name), table.starts), table, origins, rows)
        parts.append(np.nan_to_num((column - mean) / size))
    stacked = np.clip(np.stack(parts, axis=2), -LIMIT, LIMIT)  # [O, rows, inputs]
    cut = [stacked[:, at : at + frames.width] for at in range(0, frames.apart * frames.count, frames.apart)]
    return np.stack(cut, axis=1).reshape(len(origins), frames.count, -1)
