"""A table to what a forecaster learns from: parts by time, what is read and in which units, bases, windows.

Knows no torch. What is fitted here is fitted on the rows before dev; what is chosen is chosen on dev.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from gatewise.base.errors import ConfigError, DataError
from gatewise.base.settings import ForecastConfig
from gatewise.runtime.bases import Base, Reading, chunks, ridge_steps, ridge_window, scale_of
from gatewise.runtime.batches import Sequences, fingerprint, offsets_of
from gatewise.runtime.forecaster import QUANTILES
from gatewise.runtime.forecastnet import Frames, Scaling, framed, scaled_by
from gatewise.runtime.series import DAY, SeriesTable
from gatewise.runtime.windows import Floats, Origins, Rows, Scale, ahead
from gatewise.tasks.forecast.origins import Split, rolled, seasons_of, split_origins
from gatewise.tasks.forecast.settings import ForecastSettings

CALIBRATION = 0.08  # share of the rows, after dev, whose origins calibrate the quantiles
CHOOSING = 400  # most origins that choose, and that calibrate
YEARS = 2  # of data before the turn of a year can be told from a trend
LONGEST = 400  # rows: a season beyond is not a window's
PENALTIES = tuple(float(10**power) for power in np.arange(-1.0, 5.1, 0.5))
RIDGE_WINDOWS = 20_000  # most windows that a ridge learns from
FLOOR = 1e-6  # a penalty of the intercept
HEAVIEST = 3.0  # most that a window counts in what is learnt, of the mean: long units weigh in the loss that is shown


@dataclass(frozen=True, slots=True)
class Prepared:
    """A table ready for networks."""

    table: SeriesTable
    split: Split
    reading: Reading
    seasons: tuple[int, ...]
    base: Base  # the best on dev
    losses: dict[str, float]  # of each base on dev, in windows' units
    notes: dict[str, object]

    def told(self) -> dict[str, object]:
        """Give what a "prepared" event tells."""
        return self.notes

    def fingerprint(self) -> str:
        """Name the data and the split."""
        rows = self.table.values.astype(np.float64)
        return fingerprint(repr((self.reading.target, self.reading.horizon, self.reading.known)), Sequences(
            rows, self.table.starts, np.stack([self.split.dev_from, self.split.calibration_from], axis=1)))  # fmt: skip


def prepare(table: SeriesTable, target: str, known: tuple[str, ...], settings: ForecastSettings) -> Prepared:
    """Cut the table, measure what scales it, and choose the base on dev.

    Raises DataError where there is too little of it, ConfigError for columns that are not there.
    """
    config, training = settings.forecast, settings.training
    for name in (target, *known):
        if name not in table.columns:
            raise ConfigError(f"There is no column {name!r}; there are {', '.join(table.columns)}.")
    if target in known:
        raise ConfigError(f"{target!r} is forecast, so it cannot be known ahead; leave it out of the known columns.")
    if np.isnan(table.column(target)).all():
        raise DataError(f"No value of {target!r} was measured; choose another column.")
    every = seasons_of(table.step) or found_seasons(table, target)
    split = split_origins(
        table, target, config.horizon, season=every[0] if every else 1, origins=0, dev_share=training.dev_share,
        calibration_share=CALIBRATION,
    )  # fmt: skip
    split = replace(
        split, dev=between(table, split.dev_from, split.calibration_from, config.horizon),
        calibration=between(table, split.calibration_from, split.test_from, config.horizon),
    )  # fmt: skip
    longest = int((split.dev_from - table.starts[:-1]).max(initial=0))
    seasons = tuple(season for season in every if 2 * season < longest)
    reading = reading_of(table, target, known, config.horizon, seasons, split.dev_from)
    table = filled(table, reading)
    base, losses = best_base(table, reading, seasons, split, config)
    notes: dict[str, object] = {
        "target": target, "horizon": config.horizon, "series": len(table), "rows": len(table.values),
        "known": list(known), "past": list(reading.past), "seasons": list(seasons), "base": base.said,
        "dev_origins": len(split.dev), "calibration_origins": len(split.calibration),
        "base_losses": {name: round(loss, 5) for name, loss in losses.items()},
    }  # fmt: skip
    return Prepared(table, split, reading, seasons, base, losses, notes)


def between(table: SeriesTable, begins: Rows, ends: Rows, horizon: int) -> Origins:
    """Give origins whose forecasts lie in a part, [O, 2]: every one, or of more than CHOOSING so many, evenly."""
    every = rolled(table, ends, horizon)
    every = every[every[:, 1] + 1 >= begins[every[:, 0]]]
    return every[:: math.ceil(len(every) / CHOOSING)] if len(every) > CHOOSING else every


def filled(table: SeriesTable, reading: Reading) -> SeriesTable:
    """Put the mean where a known column was not given: of what is past it is not asked for again."""
    values = table.values.copy()
    for name, mean in zip(reading.known, reading.means, strict=False):
        column = values[:, table.columns.index(name)]
        column[np.isnan(column)] = mean
    return replace(table, values=values)


def found_seasons(table: SeriesTable, target: str) -> tuple[int, ...]:
    """Give the seasons, of those that rows without dates may have, that a series repeats better than its last value."""
    values, tried = table.column(target), (4, 7, 12, 24, 168)
    begins = np.repeat(table.starts[:-1], np.diff(table.starts))

    def error(back: int) -> float:
        rows = np.arange(len(values)) - back
        apart = np.abs(values - values[np.maximum(rows, 0)])[rows >= begins]
        return float(np.nanmean(apart)) if (~np.isnan(apart)).any() else math.inf

    longest = int(np.diff(table.starts).max(initial=0))
    losses = {season: error(season) for season in tried if 4 * season < longest}
    return tuple(season for season, loss in losses.items() if loss < 0.9 * error(1))


def reading_of(
    table: SeriesTable, target: str, known: tuple[str, ...], horizon: int, seasons: tuple[int, ...], until: Rows
) -> Reading:
    """Measure on the rows before `until`, [S], what scales the table."""
    rows = np.concatenate([np.arange(int(start), int(end)) for start, end in zip(table.starts, until, strict=False)])
    past = tuple(name for name in table.columns if name not in (target, *known))
    columns = [table.column(name)[rows] for name in (*known, *past)]
    means = np.array([float(np.nanmean(one)) if (~np.isnan(one)).any() else 0.0 for one in columns])
    sizes = np.array([float(np.nanstd(one)) if (~np.isnan(one)).any() else 1.0 for one in columns])
    own = table.column(target)[rows]
    measured = (~np.isnan(own)).any()
    short = [season for season in seasons if season <= LONGEST]
    scale_rows = max(2 * short[-1] if short else 0, 2 * horizon, 8)
    spread = float(np.nanstd(own)) if measured else 1.0
    years = (table.moments.max() - table.moments.min()) / (365.25 * DAY) if table.step.unit != "number" else 0
    return Reading(
        target, horizon, known, past, means, np.where(sizes > 0, sizes, 1.0), scale_rows, bool(years >= YEARS),
        float(np.nanmean(own)) if measured else 0.0, spread or 1.0,
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------- bases


def best_base(
    table: SeriesTable, reading: Reading, seasons: tuple[int, ...], split: Split, config: ForecastConfig
) -> tuple[Base, dict[str, float]]:
    """Give the base that misses least on dev, and what each missed, in windows' units."""
    scale = reading.scale(table, split.dev)
    truths = scaled_truths(table, reading, split.dev, scale)
    tried = [Base("seasonal")] if config.base in ("auto", "last") else []
    if config.base in ("auto", "seasonal"):
        tried += [Base("seasonal", season) for season in seasons] or [Base("seasonal")]
    if config.base in ("auto", "ridge"):
        tried += ridges(table, reading, seasons, split, truths, scale)
    if not tried:
        raise DataError(f"No window lies before dev for a ridge {reading.horizon} rows ahead; choose another --base.")
    losses: dict[str, float] = {}
    best, least = tried[0], math.inf
    for base in tried:
        missed = np.abs(truths - base.points(reading, table, split.dev, scale))
        loss = float(np.nanmean(missed)) if (~np.isnan(missed)).any() else math.inf
        losses[base.said] = loss
        if loss < least:
            best, least = base, loss
    return best, losses


def scaled_truths(table: SeriesTable, reading: Reading, origins: Origins, scale: Scale) -> Floats:
    """Give what came true after origins, in units of a scale, [O, h]."""
    return np.asarray((ahead(table.column(reading.target), table, origins, reading.horizon) - scale.zero) / scale.unit)


def ridges(
    table: SeriesTable, reading: Reading, seasons: tuple[int, ...], split: Split, truths: Floats, scale: Scale
) -> list[Base]:
    """Fit ridges of each window, with the calendar and without, each with the penalty that is best on dev."""
    longest = int((split.dev_from - table.starts[:-1]).max(initial=0))
    wanted = {2 * reading.horizon, reading.scale_rows, *(2 * season for season in seasons)}
    found = []
    for rows in sorted(size for size in wanted if size <= min(longest // 4, 2 * LONGEST)):
        for calendar in (True, False):
            products = ridge_products(table, reading, split.dev_from, rows, calendar=calendar)
            if products is None:
                continue
            made = [Base("ridge", 1, rows, calendar, solved(products, penalty), penalty) for penalty in PENALTIES]
            losses = [np.nanmean(np.abs(truths - base.points(reading, table, split.dev, scale))) for base in made]
            found.append(made[int(np.argmin(losses))])
    return found


def ridge_products(
    table: SeriesTable, reading: Reading, until: Rows, rows: int, *, calendar: bool
) -> tuple[Floats, Floats] | None:
    """Sum the products of inputs, [h, F, F], and of inputs and truths, [h, F], over windows before `until`, [S]."""
    origins = rolled(table, until, reading.horizon, rows, RIDGE_WINDOWS)
    squares = truths_by = None
    for chunk in chunks(len(origins)):
        part = origins[chunk]
        scale = reading.scale(table, part)
        window = ridge_window(reading, table, part, scale, rows)
        steps = ridge_steps(reading, table, part, calendar=calendar)
        truths = scaled_truths(table, reading, part, scale)
        used = ~np.isnan(truths)
        if squares is None or truths_by is None:
            size = rows + steps.shape[2]
            squares, truths_by = np.zeros((reading.horizon, size, size)), np.zeros((reading.horizon, size))
        shared = window.T @ window
        for step in range(reading.horizon):
            lost, own = window[~used[:, step]], steps[:, step] * used[:, step, None]
            squares[step, :rows, :rows] += shared - (lost.T @ lost if len(lost) else 0)
            squares[step, :rows, rows:] += window.T @ own
            squares[step, rows:, rows:] += own.T @ own
            told = np.where(used[:, step], truths[:, step], 0.0)
            truths_by[step, :rows] += window.T @ told
            truths_by[step, rows:] += own.T @ told
    if squares is None or truths_by is None:
        return None
    squares[:, rows:, :rows] = squares[:, :rows, rows:].transpose(0, 2, 1)
    return squares, truths_by


def solved(products: tuple[Floats, Floats], penalty: float) -> Floats:
    """Give the weights of every step, [h, F]; the intercept is not drawn to zero."""
    squares, truths = products
    diagonal = np.full(squares.shape[1], penalty)
    diagonal[-1] = FLOOR
    return np.asarray(np.linalg.solve(squares + np.diag(diagonal), truths[..., None])[..., 0])


# -------------------------------------------------------------------------------------------------------------- windows


def spread_of(missed: Floats) -> Floats:
    """Give the quantiles of what a base missed, [O, h], by step: [h, Q]; steps that are hardly seen take all steps'."""
    pooled = missed[~np.isnan(missed)]
    found = np.zeros((missed.shape[1], len(QUANTILES)))
    for step, column in enumerate(missed.T):
        seen = column[~np.isnan(column)]
        seen = seen if len(seen) >= len(QUANTILES) else pooled
        if len(seen):
            found[step] = np.quantile(seen, QUANTILES)
    return found


def encoded(
    table: SeriesTable, reading: Reading, base: Base, origins: Origins, frames: Frames, scaling: Scaling
) -> Sequences:
    """Give windows as sequences of frames, with the targets that nets/forecast reads; long units weigh more."""
    outer = reading.scale(table, origins)
    own = scaled_by(scaling, reading, outer)
    under = (outer.zero + outer.unit * base.points(reading, table, origins, outer) - own.zero) / own.unit
    truths = scaled_truths(table, reading, origins, own)
    known = reading.steps(table, origins).reshape(len(origins), -1)
    inputs = np.concatenate([framed(reading, table, origins[chunk], frames, scale_of(own, chunk)).astype(np.float32)
                             for chunk in chunks(len(origins))])  # fmt: skip
    targets = np.concatenate([truths, under, known], axis=1).astype(np.float32)
    weights = None
    if scaling == "window" and len(table) == 1:
        weights = np.clip(own.unit[:, 0] / own.unit.mean(), 1 / HEAVIEST, HEAVIEST).astype(np.float32)
    starts = offsets_of([frames.count] * len(origins))
    return Sequences(inputs.reshape(-1, inputs.shape[2]), starts, targets, weights=weights)
