"""What a forecaster missed on origins it had not learnt from, to what is added to its quantiles.

Conformalised quantile regression (Romano et al. 2019), by step, in units of each window.
"""

import math

import numpy as np

from gatewise.runtime.forecaster import QUANTILES, ForecastModel
from gatewise.runtime.series import SeriesTable
from gatewise.runtime.windows import Floats, Origins, ahead

TENTH, MEDIAN, NINTH = 0, 4, 8  # the places of 0.1, 0.5 and 0.9
NEIGHBOURS = 3  # steps on either side whose misses count for a step too: each has few of its own
FEWEST = 10  # origins, below which nothing is shifted
OF_IT = 0.5  # of a shift is taken: what drifts does not drift on for ever, and a calibration part is one season


def loss_of(model: ForecastModel, table: SeriesTable, origins: Origins) -> float:
    """Give the weighted quantile loss of a model after some origins."""
    truths = ahead(table.column(model.target), table, origins, model.horizon)
    missed = truths[..., None] - model.answer(table, origins)
    levels = np.array(QUANTILES)
    losses = 2 * np.nanmean(np.maximum(levels * missed, (levels - 1) * missed), axis=2)
    size = np.nansum(np.abs(truths))
    return float(np.nansum(losses) / size) if size else math.inf


def shifts_of(model: ForecastModel, table: SeriesTable, origins: Origins) -> Floats:
    """Give what widens or narrows each step's quantiles so that four of five truths lie between 0.1 and 0.9: [h, Q]."""
    shifts = np.zeros((model.horizon, len(QUANTILES)))
    if len(origins) < FEWEST:
        return shifts
    unit = model.reading.scale(table, origins).unit
    truths = ahead(table.column(model.target), table, origins, model.horizon)
    answers = model.answer(table, origins)
    outside = np.maximum(answers[..., TENTH] - truths, truths - answers[..., NINTH]) / unit
    away = np.abs(np.array(QUANTILES) - 0.5) / 0.4 * np.sign(np.array(QUANTILES) - 0.5)
    for step in range(model.horizon):
        near = outside[:, max(0, step - NEIGHBOURS) : step + NEIGHBOURS + 1]
        known = np.sort(near[~np.isnan(near)])
        if len(known) >= FEWEST:
            place = min(len(known) - 1, math.ceil((len(known) + 1) * 0.8) - 1)
            shifts[step] = OF_IT * known[place] * away
    return shifts
