"""Rows on grids: nothing is lost, nothing invented, and what was mended is counted."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import DataError
from gatewise.data.series_grid import Grid, gridded, lasting, step_of
from gatewise.runtime.series import Step

HOUR = 3600


def seconds(*stamps: str) -> np.ndarray:
    return np.array([datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp() for stamp in stamps], dtype=np.int64)


def grid_of(
    moments: np.ndarray, values: list[float] | None = None, series: list[int] | None = None
) -> tuple[Step, Grid]:
    of = np.array(series if series is not None else [0] * len(moments))
    step, _ = step_of(of, moments, numbered=False)
    told = np.array(values if values is not None else np.arange(len(moments)), dtype=float)[:, None]
    return step, gridded(of, [str(one) for one in range(of.max() + 1)], moments, told, step)


@given(st.sets(st.integers(0, 300), min_size=8, max_size=80), st.randoms(use_true_random=False))
def test_grid_holds_each_row_once(places: set[int], draw: object) -> None:
    """Against the slow way: a dict of moments."""
    rows = sorted({*places, 0, 1, 2, 3})
    values = [float(row) for row in rows]
    order = list(range(len(rows)))
    draw.shuffle(order)
    moments = np.array(rows)[order] * HOUR + 1800
    grid = gridded(
        np.zeros(len(rows), dtype=int), [""], moments, np.array(values)[order][:, None], Step(HOUR, "second")
    )
    there = dict(zip(moments.tolist(), np.array(values)[order].tolist(), strict=True))
    assert grid.moments.tolist() == list(range(1800, rows[-1] * HOUR + 1801, HOUR))
    for moment, value in zip(grid.moments.tolist(), grid.values[:, 0].tolist(), strict=True):
        assert there.get(moment) == value or (moment not in there and np.isnan(value))
    assert grid.gaps.missing == len(grid.moments) - len(rows) and grid.gaps.doubled == grid.gaps.moved == 0


def test_grid_gaps_are_counted() -> None:
    step, grid = grid_of(np.array([0, 1, 2, 5, 6, 8]) * 600)
    assert step == Step(600, "second")
    assert (grid.gaps.missing, grid.gaps.gaps, grid.gaps.longest, grid.gaps.longest_at) == (3, 2, 2, 1800)
    assert np.isnan(grid.values[[3, 4, 7], 0]).all() and grid.values[5, 0] == 3


def test_grid_duplicates_are_means_of_what_is_there() -> None:
    moments = np.array([0, 1, 1, 2, 2, 2, 3, 3]) * HOUR
    _, grid = grid_of(moments, [0, 1, 3, np.nan, 5, 7, np.nan, np.nan])
    assert grid.values[:3, 0].tolist() == [0, 2, 6] and np.isnan(grid.values[3, 0])
    assert (grid.gaps.doubled, grid.gaps.extra) == (3, 4)


def test_grid_unsorted_blocks_and_time_backward() -> None:
    _, grid = grid_of(np.array([3, 4, 5, 0, 1, 2]) * HOUR)
    assert grid.values[:, 0].tolist() == [3, 4, 5, 0, 1, 2] and (grid.gaps.unsorted, grid.gaps.backward) == (1, False)
    _, grid = grid_of(np.array([3, 2, 1, 0]) * HOUR)
    assert grid.values[:, 0].tolist() == [3, 2, 1, 0] and (grid.gaps.unsorted, grid.gaps.backward) == (3, True)


def test_grid_series_that_take_turns_are_not_unsorted() -> None:
    moments = np.repeat(np.arange(4), 2) * HOUR
    _, grid = grid_of(moments, series=[0, 1] * 4)
    assert grid.starts.tolist() == [0, 4, 8] and grid.values[:, 0].tolist() == [0, 2, 4, 6, 1, 3, 5, 7]
    assert grid.gaps.unsorted == 0


def test_grid_series_begin_and_end_where_they_do() -> None:
    moments = np.concatenate([np.arange(5), np.arange(100, 103), [200, 202]]) * HOUR
    _, grid = grid_of(moments, series=[0] * 5 + [1] * 3 + [2] * 2)
    assert grid.starts.tolist() == [0, 5, 8, 11] and grid.gaps.missing == 1
    assert grid.moments[8:].tolist() == [200 * HOUR, 201 * HOUR, 202 * HOUR]


@pytest.mark.parametrize(
    ("stamps", "step"),
    [
        (["2020-01-01", "2020-02-01", "2020-04-01", "2020-05-01"], Step(1, "month")),
        (["2020-01-31", "2020-02-29", "2020-03-31", "2020-05-31"], Step(1, "month")),
        (["2020-01-30", "2020-02-29", "2020-03-30", "2020-05-30"], Step(1, "month")),
        (["2019-01-01", "2019-04-01", "2019-07-01", "2020-01-01"], Step(3, "month")),
        (["2019-12-31", "2020-12-31", "2021-12-31", "2023-12-31"], Step(12, "month")),
        (["2020-01-01", "2020-01-08", "2020-01-15", "2020-01-29"], Step(604_800, "second")),
        (["2020-01-01", "2020-01-29", "2020-02-26", "2020-04-22"], Step(2_419_200, "second")),
    ],
)
def test_grid_long_steps(stamps: list[str], step: Step) -> None:
    found, grid = grid_of(seconds(*stamps))
    assert found == step and len(grid.moments) == 5 and grid.gaps.missing == 1
    assert {*seconds(*stamps).tolist()} < {*grid.moments.tolist()}


def test_grid_business_days() -> None:
    days = np.busday_offset("2024-01-01", np.arange(15)).astype(np.int64) * 86_400 + 16 * HOUR
    step, grid = grid_of(np.delete(days, 6))
    assert step == Step(1, "weekday") and grid.moments.tolist() == days.tolist()
    assert grid.gaps.missing == 1 and np.isnan(grid.values[6, 0])
    every = np.arange(15) * 86_400
    assert grid_of(every)[0] == Step(86_400, "second")


def test_grid_rows_beside_it() -> None:
    moments = np.arange(12) * HOUR
    moments[3] += 60
    moments[7] += 1200
    _, grid = grid_of(moments)
    assert (grid.gaps.moved, grid.gaps.left_out, grid.gaps.missing) == (1, 1, 1)
    assert grid.values[3, 0] == 3 and np.isnan(grid.values[7, 0])
    assert grid.moments.tolist() == (np.arange(12) * HOUR).tolist()


def test_grid_a_first_row_beside_it() -> None:
    moments = np.arange(12) * HOUR
    moments[0] += 30
    _, grid = grid_of(moments)
    assert grid.moments.tolist() == (np.arange(12) * HOUR).tolist()


@pytest.mark.parametrize(
    ("moments", "series", "sentence"),
    [
        ([5, 5], [0, 0], "No series has two rows of different moments"),
        ([0, 3600, 5000, 8600, 11111, 20000, 31234, 40001], None, "not whole steps apart; bring them to a"),
        ([0, 600, 1200, 6 * 10**8], None, r"would make 1,000,001 rows of 4; leave out the stretch far from the others"),
        ([*range(0, 12000, 600), *range(0, 12 * 3600, 3600)], [0] * 20 + [1] * 12,
         "Series '1': its rows are 1 hour apart, those of other series 10 minutes; give series of different steps in"),
    ],
)  # fmt: skip
def test_grid_what_has_no_grid(moments: list[int], series: list[int] | None, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        grid_of(np.array(moments), series=series)


def test_grid_the_share_of_a_step() -> None:
    of = np.repeat([0, 1], 10)
    days = np.busday_offset("2024-01-01", np.arange(10)).astype(np.int64) * 86_400
    two = np.concatenate([days, days + 28 * 86_400])
    assert step_of(of, two, numbered=False) == (Step(1, "weekday"), 1.0)
    assert step_of(np.delete(of, 4), np.delete(two, 4), numbered=False) == (Step(1, "weekday"), 16 / 17)
    assert (
        step_of(np.zeros(4), seconds("2020-01-01", "2020-02-01", "2020-03-01", "2020-05-01"), numbered=False)[1]
        == 2 / 3
    )
    assert step_of(np.zeros(5), np.array([0, 1, 2, 3, 5]), numbered=False) == (Step(1, "second"), 0.75)


def test_grid_numbers() -> None:
    step, share = step_of(np.array([0, 0, 0, 1, 1]), np.array([1, 3, 5, 7, 9]), numbered=True)
    assert (step, share) == (Step(2, "number"), 1.0)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Step(1, "second"), "1 second"), (Step(1800, "second"), "30 minutes"), (Step(86_400, "second"), "1 day"),
        (Step(604_800, "second"), "1 week"), (Step(3, "month"), "3 months"), (Step(12, "month"), "1 year"),
        (Step(1, "weekday"), "1 weekday"), (Step(2, "number"), "2 row numbers"),
    ],
)  # fmt: skip
def test_grid_how_long_a_step_is(step: Step, said: str) -> None:
    assert lasting(step) == said


def test_grid_five_days_of_one_week_are_days() -> None:
    week = np.arange(4, 9) * 86_400
    assert grid_of(week)[0] == Step(86_400, "second")
    assert grid_of(np.concatenate([week, week + 7 * 86_400]))[0] == Step(1, "weekday")
