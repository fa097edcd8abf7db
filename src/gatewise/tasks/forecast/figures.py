"""Forecasts and what came true to figures: MASE, RMSSE, quantile losses, coverage, and ratios with their intervals.

Formulas of Hyndman and Koehler (2006), the M4 and M5 competitions and GluonTS. What was never measured is skipped and
counted. Knows no model.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatewise.runtime.series import SeriesTable
from gatewise.runtime.windows import Floats, Origins, Rows

QUANTILES = tuple(tenth / 10 for tenth in range(1, 10))
LOW, MEDIAN, HIGH = 0, 4, 8  # the places of 0.1, 0.5 and 0.9
DRAWS, LEVEL = 2000, 0.95  # of the paired interval
CLIP = 100.0  # a ratio of one series is held between its inverse and this
MANY_SERIES = 20  # of these many, whole series are drawn anew; of fewer, blocks of each one's origins


@dataclass(frozen=True, slots=True)
class Scales:
    """The error of the seasonal naive forecast, one season back, before the first origin; nan where it is 0."""

    absolute: Floats  # [S] mean |y_i - y_(i-m)|
    squared: Floats  # [S] mean (y_i - y_(i-m))^2


@dataclass(frozen=True, slots=True)
class Ratio:
    """A loss as a share of another on the same origins, with its interval at 95 %; nan where nothing can be said."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What forecasts are worth; nan where nothing could be measured. MASE, RMSSE and SQL are means over series."""

    mase: float
    rmsse: float
    wql: float  # weighted quantile loss, over all series and steps together
    sql: float  # scaled quantile loss: comparable across series of unlike size
    coverage: float  # share of truths within the 0.1 and 0.9 quantiles
    by_step: Floats  # [h] MASE
    coverage_by_step: Floats  # [h]
    by_hour: Floats  # [24] MASE by the clock's hour that was forecast; empty where rows have no hour
    losses: Floats  # [O] each origin's sum of quantile losses
    truths: int  # that were measured
    missing: int  # that were not, and count for nothing
    constant: int  # series without naive error, which count in WQL and coverage alone


def scales_of(values: Floats, table: SeriesTable, until: Rows, season: int) -> Scales:
    """Measure each series' seasonal naive error on its rows before `until`, [S]."""
    absolute, squared = np.full(len(table), np.nan), np.full(len(table), np.nan)
    for series in range(len(table)):
        rows = values[int(table.starts[series]) : int(until[series])]
        errors = rows[season:] - rows[:-season]
        errors = errors[~np.isnan(errors)]
        if len(errors) and errors.any():
            absolute[series], squared[series] = np.abs(errors).mean(), np.square(errors).mean()
    return Scales(absolute, squared)


def pinball(truths: Floats, answers: Floats) -> Floats:
    """Give the quantile loss max(q(y - ŷ), (q - 1)(y - ŷ)) of answers [..., Q] to truths [...]; nan without a truth."""
    levels, errors = np.array(QUANTILES), truths[..., None] - answers
    return np.maximum(levels * errors, (levels - 1) * errors)


def measure(
    truths: Floats,
    answers: Floats,
    series: Rows,
    scales: Scales,
    hours: Rows | None = None,
    points: Floats | None = None,
) -> Figures:
    """Measure answers [O, h, Q] to truths [O, h] of origins in `series`, [O]; `hours` [O, h] are the clock's.

    MASE and RMSSE are those of `points`, [O, h], by default the medians.
    """
    known = ~np.isnan(truths)
    losses = pinball(truths, answers)
    errors = np.abs(truths - (answers[..., MEDIAN] if points is None else points))
    scale = scales.absolute[series][:, None]
    scaled = errors / scale
    within = (truths >= answers[..., LOW]) & (truths <= answers[..., HIGH])
    size = np.nansum(np.abs(truths))
    return Figures(
        mase=float(_mean(_by_series(scaled, series))),
        rmsse=float(_mean(np.sqrt(_by_series(np.square(errors) / scales.squared[series][:, None], series)))),
        wql=float(2 * np.nansum(losses) / len(QUANTILES) / size) if size else math.nan,
        sql=float(_mean(_by_series(2 * losses.mean(axis=-1) / scale, series))),
        coverage=float(within[known].mean()) if known.any() else math.nan,
        by_step=_mean(scaled, axis=0),
        coverage_by_step=_mean(np.where(known, within, np.nan), axis=0),
        by_hour=np.empty(0) if hours is None else np.array([_mean(scaled[hours == hour]) for hour in range(24)]),
        losses=np.nansum(losses, axis=(1, 2)),
        truths=int(known.sum()),
        missing=int((~known).sum()),
        constant=int(np.isnan(scales.absolute[np.unique(series)]).sum()),
    )


def ratio(losses: Floats, others: Floats, origins: Origins, horizon: int, step: int, seed: int = 0) -> Ratio:
    """Give the ratio of two models' losses, [O], on the same origins, with a paired interval by moving blocks.

    Over series it is the geometric mean of each one's ratio. A block is of a series' neighbouring origins, `step`
    rows apart, and spans at least the horizon; of many series whole ones are drawn (Künsch 1989; fev-bench).
    """
    draw = np.random.default_rng(seed)
    groups = [np.flatnonzero(origins[:, 0] == number) for number in np.unique(origins[:, 0])]
    if not groups:
        return Ratio(math.nan, math.nan, math.nan)
    pairs = np.stack([losses, others])
    logs = logarithms(np.stack([pairs[:, rows].sum(axis=1) for rows in groups]))  # [S]
    value = float(np.exp(logs.mean()))
    if len(losses) < 2 or math.isnan(value):
        return Ratio(value, math.nan, math.nan)
    if len(groups) >= MANY_SERIES:
        drawn = logs[draw.integers(len(logs), size=(len(logs), DRAWS))]
    else:
        drawn = logarithms(np.stack([_blocks(pairs[:, rows], horizon, step, draw) for rows in groups]))  # [S, DRAWS]
    low, high = np.quantile(np.exp(drawn.mean(axis=0)), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Ratio(value, float(low), float(high))


def block_of(count: int, horizon: int, step: int) -> int:
    """Give a block's number of origins: the horizon's, or the cube root of all if that is more; at most half of all."""
    return max(1, min(max(math.ceil(horizon / step), round(math.cbrt(count))), count // 2))


def _blocks(pairs: Floats, horizon: int, step: int, draw: np.random.Generator) -> Floats:
    """Draw a series' origins anew in blocks, DRAWS times, and sum the losses of both models, [2, DRAWS]."""
    count = pairs.shape[1]
    block = block_of(count, horizon, step)
    begins = draw.integers(count - block + 1, size=(DRAWS, math.ceil(count / block)))
    places = (begins[..., None] + np.arange(block)).reshape(DRAWS, -1)[:, :count]
    return np.asarray(pairs[:, places].sum(axis=2))


def logarithms(pairs: Floats) -> Floats:
    """Give the logarithms of the ratios of pairs, [S, 2, ...], held within CLIP; of nothing to nothing 0."""
    losses, others = pairs[:, 0], pairs[:, 1]
    shares = np.where(others == 0, np.where(losses == 0, 1.0, CLIP), losses / np.where(others == 0, 1.0, others))
    return np.asarray(np.log(np.clip(shares, 1 / CLIP, CLIP)))


def _by_series(values: Floats, series: Rows) -> Floats:
    """Give the mean of what is known of each series, of values [O, h]."""
    return np.array([_mean(values[series == number]) for number in np.unique(series)])


def _mean(values: Floats, axis: int | None = None) -> npt.NDArray[np.float64]:
    """Give the mean of what is known; nan where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    return np.asarray(np.where(count, np.nansum(values, axis=axis) / np.maximum(count, 1), np.nan))
