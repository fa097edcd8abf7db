"""Where series are cut: no row belongs to two parts, every hour starts a forecast, and what is left out is counted."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tasks.forecast.tables import DAY, HOUR, load, table

from gatewise.base.errors import ConfigError, DataError
from gatewise.runtime.series import Step
from gatewise.runtime.windows import ahead, carried, windows
from gatewise.tasks.forecast.origins import before, error_season, rolled, seasons_of, split_origins, step_for


@given(
    lengths=st.lists(st.integers(1, 700), min_size=1, max_size=4),
    horizon=st.integers(1, 30),
    season=st.sampled_from([1, 7, 24]),
    calibration=st.sampled_from([0.0, 0.1]),
    origins=st.sampled_from([None, 0, 1, 7]),
)
def test_origins_no_row_is_forecast_in_two_parts(
    lengths: list[int], horizon: int, season: int, calibration: float, origins: int | None
) -> None:
    data = table(*(np.ones(length) for length in lengths))
    try:
        split = split_origins(data, "y", horizon, season=season, calibration_share=calibration, origins=origins)
    except DataError:
        assert max(lengths) < 20 * horizon + 30 * season
        return
    trained = rolled(data, split.dev_from, horizon)
    parts = [trained, split.dev, split.calibration, split.test]
    forecast = [{(s, row + k) for s, row in part.tolist() for k in range(1, horizon + 1)} for part in parts]
    for place, rows in enumerate(forecast):
        for other in forecast[place + 1 :]:
            assert not rows & other
            assert not rows or not other or all(
                max(row for s, row in rows if s == one) < min(row for s, row in other if s == one)
                for one in {s for s, _ in rows} & {s for s, _ in other}
            )  # fmt: skip
    for series, row in np.concatenate(parts).tolist():
        assert data.starts[series] <= row < data.starts[series + 1] - horizon
    tested = len(np.unique(split.test[:, 0])) if origins != 0 else len(lengths) - split.short
    assert tested + split.short == len(lengths)
    assert split.unseen == 0
    ended = before(data, split.test_from)
    assert np.diff(ended.starts).tolist() == (split.test_from - data.starts[:-1]).tolist()


def test_origins_end_with_the_series_and_are_a_step_apart() -> None:
    split = split_origins(table(load(2000)), "y", 24, season=24, origins=10, step=29)
    assert split.test[:, 1].tolist() == [1975 - 29 * back for back in range(9, -1, -1)]
    assert split.test_from.tolist() == [1975 - 29 * 9 + 1]
    assert split.dev[-1, 1] + 24 == split.test_from[0] - 1  # dev's last row is the last before the test
    assert math.gcd(split.step, 24) == 1 and split.step == 29


@given(room=st.integers(0, 5000), count=st.integers(1, 60), season=st.sampled_from([1, 7, 24, 48, 144]))
def test_origins_a_step_meets_the_most_rows_of_a_season(room: int, count: int, season: int) -> None:
    step = step_for(room, count, season)
    assert step == 1 or step * (count - 1) <= room
    met = len({step * turn % season for turn in range(count)})
    widest = max(1, room // max(1, count - 1))
    assert met == max(
        len({other * turn % season for turn in range(count)})
        for other in range(max(1, widest - season + 1), widest + 1)
    )


def test_origins_every_clock_hour_starts_a_forecast() -> None:
    split = split_origins(table(load(4000)), "y", 24, season=24)
    assert len(split.test) == 50 and set(split.test[:, 1] % 24) == set(range(24))
    assert set(split.dev[:, 1] % 24) == set(range(24))


def test_origins_count_what_is_left_out() -> None:
    long, hole = load(600), load(600, 1)
    hole[500:570] = np.nan
    split = split_origins(table(long, hole, np.ones(20)), "y", 12, season=24)
    assert (split.short, split.unseen) == (1, 43)
    assert min(row for series, row in split.test.tolist() if series == 1) == 600 + 581  # half of a day is seen again
    assert split.test_from[2] <= 40 + 1200  # nothing of a short series is held back but a test


@pytest.mark.parametrize(
    ("step", "seasons", "scale"),
    [
        (Step(HOUR, "second"), (24, 168), 24),
        (Step(600, "second"), (144, 1008), 144),
        (Step(DAY, "second"), (7, 365), 1),
        (Step(7 * DAY, "second"), (52,), 1),
        (Step(7, "second"), (86400 * 7 // 7,), 86400),
        (Step(1, "month"), (12,), 12),
        (Step(3, "month"), (4,), 4),
        (Step(12, "month"), (), 1),
        (Step(1, "weekday"), (5, 261), 1),
        (Step(1, "number"), (), 1),
    ],
)
def test_origins_seasons_of_a_step(step: Step, seasons: tuple[int, ...], scale: int) -> None:
    assert seasons_of(step) == seasons
    assert error_season(step) == scale or step.count == 7


@given(st.data())
def test_origins_windows_and_what_follows_are_those_of_a_loop(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
    made = table(*(np.arange(length) + 100.0 * number for number, length in enumerate(lengths)))
    series = data.draw(st.integers(0, len(lengths) - 1))
    row = data.draw(st.integers(int(made.starts[series]), int(made.starts[series + 1]) - 1))
    size = data.draw(st.integers(1, 12))
    values, origins = made.column("y"), np.array([[series, row]])
    rows = range(int(made.starts[series]), int(made.starts[series + 1]))
    expected = [values[at] if at in rows else np.nan for at in range(row - size + 1, row + size + 1)]
    got = np.concatenate([windows(values, made, origins, size)[0], ahead(values, made, origins, size)[0]])
    np.testing.assert_array_equal(got, expected)


@given(st.lists(st.one_of(st.just(float("nan")), st.floats(-5, 5)), min_size=1, max_size=30), st.integers(0, 30))
def test_origins_carried_is_that_of_a_loop(values: list[float], cut: int) -> None:
    cut, last, expected = min(cut, len(values)), np.nan, []
    for row, value in enumerate(values):
        last = np.nan if row == cut else last
        last = value if value == value else last
        expected.append(last)
    np.testing.assert_array_equal(carried(np.array(values), np.array([0, cut, len(values)])), expected)


def test_origins_refuse_what_cannot_be() -> None:
    with pytest.raises(DataError, match=r"No series is long enough to learn 24 steps ahead.* longest has 40 rows"):
        split_origins(table(np.ones(40), np.ones(3)), "y", 24)
    for wrong in ({"horizon": 0}, {"step": 0}, {"origins": -1}, {"test_share": 1.0}, {"calibration_share": 0.9}):
        with pytest.raises(ConfigError):
            split_origins(table(load()), "y", **({"horizon": 2} | wrong))


def test_origins_all_that_roll() -> None:
    made = table(np.ones(10), np.ones(6))
    found = rolled(made, np.array([10, 14]), 3, window=2)
    assert found.tolist() == [[0, row] for row in range(1, 7)]  # the second: rows 11 and on end at 14 or after
    assert rolled(made, np.array([10, 16]), 3, window=2).tolist()[-2:] == [[1, 11], [1, 12]]
    assert len(rolled(made, np.array([10, 16]), 1, most=5)) == 5
