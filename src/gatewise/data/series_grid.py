"""Rows with moments to series on regular grids: the step, gaps as rows of nan, duplicates as means. Knows no file.

Nothing is interpolated: what was not measured is nan, and a row beside the grid is moved to its nearest place or left
out, never spread over two.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import DataError
from gatewise.data.table import quoted
from gatewise.runtime.series import DAY, Moments, Step, from_first

Floats = npt.NDArray[np.float64]

LEAST_SHARE = 0.5  # of differences that must be the step's, or gaps of whole steps
FEW = 10  # differences that tell nothing yet
NEAR = 0.1  # of a step: rows that far beside the grid are moved to it
MOST_BLANK = 200  # rows of the grid for one row of the file
MONTH = 28 * DAY  # the shortest


@dataclass(frozen=True, slots=True)
class Gaps:
    """What a grid had to mend."""

    missing: int = 0  # rows that the file does not have
    gaps: int = 0  # stretches of them
    longest: int = 0
    longest_at: int = 0  # the moment of the first row that is missing there
    doubled: int = 0  # moments that several rows have
    extra: int = 0  # rows beyond the first of these
    unsorted: int = 0  # rows earlier than the one before
    backward: bool = False  # as most are, so that the file runs backward
    moved: int = 0  # rows moved to the nearest place of the grid
    left_out: int = 0  # rows too far from any


@dataclass(frozen=True, slots=True)
class Grid:
    """Series n is the rows starts[n]:starts[n + 1]."""

    starts: npt.NDArray[np.int64]  # [S + 1]
    moments: Moments  # [N]
    values: Floats  # [N, C]
    gaps: Gaps


def step_of(series: npt.NDArray[np.int64], moments: Moments, numbered: bool) -> tuple[Step, float]:
    """Find the step of rows, [R] each: the most frequent difference, in months or weekdays where it is that.

    Also gives the share of the differences that are one step. Raises DataError where no series has two moments.
    """
    order = np.lexsort((moments, series))
    series, moments = series[order], moments[order]
    apart = np.diff(moments)[np.diff(series) == 0]
    apart = apart[apart > 0]
    if not len(apart):
        raise DataError("No series has two rows of different moments; a series needs several.")
    step, share = _mode(apart)
    if numbered:
        return Step(step, "number"), share
    if step >= MONTH and (whole := _as_months(moments)) is not None:
        apart = np.diff(whole)[(np.diff(series) == 0) & (np.diff(moments) > 0)]
        step, share = _mode(apart[apart > 0])
        return Step(step, "month"), share
    if step == DAY and (weekdays := _as_weekdays(moments)) is not None:
        apart = np.diff(weekdays)[(np.diff(series) == 0) & (np.diff(moments) > 0)]
        return Step(1, "weekday"), float((apart == 1).mean())
    return Step(step, "second"), share


def whole_days(step: Step) -> bool:
    """Tell steps that a wall clock counts: days, weekdays, months."""
    return step.unit in ("weekday", "month") or (step.unit == "second" and step.count % DAY == 0)


def gridded(series: npt.NDArray[np.int64], names: Sequence[str], moments: Moments, values: Floats, step: Step) -> Grid:
    """Put rows ([R], [R], [R, C]) of series on grids of a step; raise DataError where they do not fit one.

    Of rows with one moment a column's mean is kept. A row beside the grid by at most a tenth of a step is moved to it.
    """
    count, unsorted, backward = len(names), *_unsorted(series, moments)
    order = np.lexsort((moments, series))
    series, values = series[order], values[order]
    kept, slots, moments, moved = _slots(series, count, moments[order], step)
    _refuse_other_steps(series, names, kept, slots, step)
    left_out = int((~kept).sum())
    series, slots, values, moments = series[kept], slots[kept], values[kept], moments[kept]
    bounds = np.searchsorted(series, np.arange(count + 1))
    firsts = bounds[:-1]
    lengths = slots[bounds[1:] - 1] - slots[firsts] + 1
    if lengths.sum() > MOST_BLANK * len(slots) + 10_000:
        raise DataError(
            f"A step of {lasting(step)} would make {int(lengths.sum()):,} rows of {len(slots):,}; leave out the "
            "stretch far from the others, or bring the rows to a regular step."
        )
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    place = starts[series] + slots - slots[firsts][series]
    grid, doubled, extra = _means(place, values, int(starts[-1]))
    every = np.concatenate(
        [
            from_first(moments[start:end], step, int(length))
            for (start, end), length in zip(pairwise(bounds), lengths, strict=True)
        ]
    )
    return Grid(
        starts, every, grid, _gaps(place, every, Gaps(0, 0, 0, 0, doubled, extra, unsorted, backward, moved, left_out))
    )


def _unsorted(series: npt.NDArray[np.int64], moments: Moments) -> tuple[int, bool]:
    """Count the rows that are earlier than the one before in their series, and say whether most are."""
    order = np.argsort(series, kind="stable")
    apart = np.diff(moments[order])[np.diff(series[order]) == 0]
    earlier = int((apart < 0).sum())
    return earlier, 2 * earlier > len(apart)


def _refuse_other_steps(
    series: npt.NDArray[np.int64], names: Sequence[str], kept: npt.NDArray[np.bool_], slots: npt.NDArray[np.int64],
    step: Step,
) -> None:  # fmt: skip
    """Raise DataError where rows, or most rows of a series, do not stand on the grid, or on every second place."""
    for one, (start, end) in enumerate(pairwise(np.searchsorted(series, np.arange(len(names) + 1)))):
        off, name = int((~kept[start:end]).sum()), f"Series {quoted(names[one])}: " if names[one] else ""
        if off > (1 - LEAST_SHARE) * (end - start):
            raise DataError(
                f"{name}The most frequent step is {lasting(step)}, and {off:,} of {end - start:,} rows are not whole "
                "steps apart; bring them to a regular step first."
            )
        apart = np.diff(slots[start:end][kept[start:end]])
        apart = apart[apart > 0]
        if len(apart) >= FEW and apart.min() > 1 and len(names) > 1:
            raise DataError(
                f"{name}its rows are {lasting(Step(step.count * int(apart.min()), step.unit))} apart, those of other "
                f"series {lasting(step)}; give series of different steps in files of their own."
            )


def lasting(step: Step) -> str:
    """Say how long a step is."""
    if step.unit == "second":
        for size, name in ((7 * DAY, "week"), (DAY, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
            if step.count % size == 0:
                return _counted(step.count // size, name)
    if step.unit == "month":
        return _counted(step.count // 12, "year") if step.count % 12 == 0 else _counted(step.count, "month")
    return _counted(step.count, "weekday" if step.unit == "weekday" else "row number")


def _counted(count: int, name: str) -> str:
    return f"{count:,} {name}{'s' * (count != 1)}"


def _mode(apart: npt.NDArray[np.int64]) -> tuple[int, float]:
    lengths, counts = np.unique(apart, return_counts=True)
    best = int(np.argmax(counts))
    return int(lengths[best]), float(counts[best] / len(apart))


def _as_months(moments: Moments) -> npt.NDArray[np.int64] | None:
    """Give the months of moments that stand on one day of the month at one time of day, or at ends of months."""
    days, of_day = np.divmod(moments, DAY)
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    day = (dates - months.astype("datetime64[D]")).astype(np.int64) + 1
    longest = ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
    fits = (day == np.minimum(day.max(), longest)).all() or (day == longest).all()
    return months.astype(np.int64) if fits and (of_day == of_day[0]).all() else None


def _as_weekdays(moments: Moments) -> npt.NDArray[np.int64] | None:
    """Number the days from Monday to Friday where moments stand on no other, on all of these, and beyond one week."""
    days, of_day = np.divmod(moments, DAY)
    of_week = (days + 3) % 7
    one_week = (days.min() + 3) // 7 == (days.max() + 3) // 7
    if one_week or len({*of_week.tolist()}) != 5 or (of_week > 4).any() or (of_day != of_day[0]).any():
        return None
    numbered: npt.NDArray[np.int64] = (days + 3) // 7 * 5 + of_week
    return numbered


def _slots(
    series: npt.NDArray[np.int64], count: int, moments: Moments, step: Step
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64], Moments, int]:
    """Give which rows have a place on their series' grid, its number, its moment, and how many rows were moved."""
    if step.unit == "month":
        months = moments // DAY
        whole = months.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        first = whole[np.searchsorted(series, np.arange(count))]
        return (whole - first[series]) % step.count == 0, whole // step.count, moments, 0
    if step.unit == "weekday":
        days = moments // DAY
        return np.ones(len(moments), dtype=bool), (days + 3) // 7 * 5 + (days + 3) % 7, moments, 0
    slots, beside = np.zeros_like(moments), np.zeros_like(moments)
    for start, end in pairwise(np.searchsorted(series, np.arange(count + 1))):
        rows = slice(start, end)
        phase = moments[rows] % step.count
        usual, counts = np.unique(phase, return_counts=True)
        anchor = int(usual[np.argmax(counts)])
        beside[rows] = (phase - anchor + step.count // 2) % step.count - step.count // 2
        slots[rows] = (moments[rows] - beside[rows] - anchor) // step.count
    kept = np.abs(beside) <= NEAR * step.count
    return kept, slots, moments - beside, int(((beside != 0) & kept).sum())


def _means(place: npt.NDArray[np.int64], values: Floats, length: int) -> tuple[Floats, int, int]:
    """Put rows to their places, nan where there is none; of several a column's mean of what it has."""
    seen = np.bincount(place, minlength=length)
    grid = np.full((length, values.shape[1]), np.nan)
    grid[place] = values
    again = np.flatnonzero(seen > 1)
    if len(again):
        rows = np.flatnonzero(seen[place] > 1)
        for column in range(values.shape[1]):
            known = rows[~np.isnan(values[rows, column])]
            counts = np.bincount(place[known], minlength=length)[again]
            sums = np.bincount(place[known], values[known, column], minlength=length)[again]
            grid[again, column] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return grid, len(again), int(len(place) - (seen > 0).sum())


def _gaps(place: npt.NDArray[np.int64], moments: Moments, others: Gaps) -> Gaps:
    """Count the places of the grid without a row, and the stretches of such."""
    lacks = np.ones(len(moments) + 2, dtype=np.int64)
    lacks[[0, -1]] = 0
    lacks[place + 1] = 0
    edges = np.diff(lacks)
    begins, sizes = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    if not len(sizes):
        return others
    longest = int(np.argmax(sizes))
    return replace(
        others, missing=int(sizes.sum()), gaps=len(sizes), longest=int(sizes[longest]),
        longest_at=int(moments[begins[longest]]),
    )  # fmt: skip
