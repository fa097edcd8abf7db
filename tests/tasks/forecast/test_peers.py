"""Peers: slow references, what each must be able to forecast, and that nothing after an origin moves a bit of any."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tasks.forecast.tables import DAY, HOUR, load, table

from gatewise.base.errors import ConfigError, DataError
from gatewise.runtime.series import SeriesTable
from gatewise.runtime.windows import moments_ahead
from gatewise.tasks.forecast.backtest import PEERS, shifted
from gatewise.tasks.forecast.figures import QUANTILES
from gatewise.tasks.forecast.origins import Split, before, split_origins
from gatewise.tasks.forecast.peers import boosting, ets, naive, ridge
from gatewise.tasks.forecast.peers.problem import Problem, calendar_ahead, problem_of, spread_of


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep boosting quick."""
    monkeypatch.setattr(boosting, "TREES", 40)
    monkeypatch.setattr(boosting, "ROWS", 4000)
    monkeypatch.setattr(boosting, "LOSSES", ("squared_error",))


def fitted(data: SeriesTable, name: str, horizon: int = 6, known: tuple[str, ...] = (), season: int = 24):
    """Split a table, and fit a peer to what lies before its test."""
    split = split_origins(data, "y", horizon, season=season, origins=8, step=7)
    learnt = before(data, split.test_from)
    inside = shifted(split, data, learnt)
    problem = problem_of(learnt, "y", horizon, known, split=inside)
    return PEERS[name](learnt, problem, inside), split, problem


def two_series() -> SeriesTable:
    draw = np.random.default_rng(5)
    first, second = load(700), 100 + 5 * load(500, 1)
    first[[300, 301, 640]] = np.nan
    return table(first, second, help=draw.standard_normal(1200), plan=draw.standard_normal(1200))


@pytest.mark.parametrize("name", PEERS)
def test_peers_nothing_after_an_origin_moves_a_bit(name: str) -> None:
    data = two_series()
    one, split, _ = fitted(data, name, known=("plan",))
    answered = one.answer(data, split.test)
    assert answered.shape == (16, 6, 9) and np.isfinite(answered).all()
    assert (np.diff(answered, axis=2) >= 0).all()
    for place, (series, row) in enumerate(split.test.tolist()):
        values = data.values.copy()
        later = slice(row + 1, int(data.starts[series + 1]))
        values[later, :2] = 1e3 * np.random.default_rng(place).standard_normal((len(values[later]), 2))
        values[row + 7 : later.stop, 2] = 77.0  # what is known ahead is known for the horizon
        values[row + 2 : row + 4, 0] = np.nan
        changed = SeriesTable(data.names, data.starts, data.moments, data.columns, values, data.step, data.zone)
        assert one.answer(changed, split.test[[place]]).tobytes() == one.answer(data, split.test[[place]]).tobytes()
        whole = one.answer(changed, split.test)[place]
        np.testing.assert_allclose(whole, answered[place], rtol=1e-12, atol=1e-12)  # whatever company it has


@pytest.mark.parametrize("name", PEERS)
def test_peers_see_what_lies_before_an_origin(name: str) -> None:
    data = two_series()
    one, split, _ = fitted(data, name)
    values = data.values.copy()
    row = int(split.test[0, 1])
    values[row - 200 : row + 1, 0] += 40.0
    changed = SeriesTable(data.names, data.starts, data.moments, data.columns, values, data.step, data.zone)
    moved = one.answer(changed, split.test[:1]) - one.answer(data, split.test[:1])
    assert (moved[..., 4] > 2).all()


@pytest.mark.parametrize("name", ["ridge", "boosting", "ets", "seasonal_naive"])
def test_peers_are_better_than_the_last_value_and_cover(name: str) -> None:
    data = table(load(4000))
    split = split_origins(data, "y", 12, season=24, origins=60, step=11)
    learnt = before(data, split.test_from)
    problem = problem_of(learnt, "y", 12, split=split)
    truths = data.column("y")[split.test[:, 1:] + np.arange(1, 13)]
    answers = {one: PEERS[one](learnt, problem, shifted(split, data, learnt)).answer(data, split.test)
               for one in (name, "last_value")}  # fmt: skip
    errors = {one: np.abs(truths - answer[..., 4]).mean() for one, answer in answers.items()}
    assert errors[name] < 0.75 * errors["last_value"]
    within = (truths >= answers[name][..., 0]) & (truths <= answers[name][..., 8])
    assert 0.65 < within.mean() < 0.93


@given(st.data())
def test_naive_is_that_of_a_loop(data: st.DataObject) -> None:
    size, season, horizon = data.draw(st.integers(3, 25)), data.draw(st.integers(1, 8)), data.draw(st.integers(1, 9))
    values = [*data.draw(st.lists(st.one_of(st.just(math.nan), st.floats(-9, 9)), min_size=size, max_size=size))]
    made = table(np.arange(4.0), np.array(values))
    row = data.draw(st.integers(0, size - 1))
    got = naive.season_points(Problem("y", horizon), season)(made, np.array([[1, 4 + row]]))[0]
    for step in range(1, horizon + 1):
        place = row + step - season * math.ceil(step / season)
        while place >= 0 and math.isnan(values[place]):
            place -= season
        expected = values[place] if place >= 0 else math.nan
        if place < 0:
            expected = next((values[at] for at in range(row, -1, -1) if not math.isnan(values[at])), math.nan)
        np.testing.assert_equal(got[step - 1], expected)


def test_naive_chooses_the_season_that_forecasts() -> None:
    for values, season in ((load(900), 168), (np.cumsum(np.random.default_rng(0).standard_normal(900)), 1)):
        one, _, _ = fitted(table(values), "seasonal_naive")
        assert str(season) in one.said or (season == 1 and "last value" in one.said)
    day = load(900) - (np.arange(900) // 24 % 7 < 5)
    assert "24 rows" in fitted(table(day), "seasonal_naive")[0].said


def test_ridge_products_are_those_of_its_rows() -> None:
    """The block sums, with steps that were not measured left out, against a solve of the rows themselves."""
    values = load(300)
    values[[80, 81, 150]] = np.nan
    data = table(values)
    inputs = ridge.inputs_of(data, Problem("y", 3, seasons=(24,)), 20, calendar=True)
    origins = np.stack([np.zeros(200, dtype=int), np.arange(60, 260)], axis=1)
    got = ridge.multiplied(inputs, data, origins).weights(2.0)
    window, steps = inputs.window(data, origins), inputs.steps(data, origins)
    last = naive.season_points(Problem("y", 1), 1)(data, origins)
    spreads = inputs.spreads(data, origins)
    for step in range(3):
        rows = np.concatenate([window, steps[:, step]], axis=1)
        wanted = ((values[origins[:, 1] + step + 1][:, None] - last) / spreads)[:, 0]
        used = ~np.isnan(wanted)
        penalty = np.diag([*np.full(rows.shape[1] - 1, 2.0), ridge.FLOOR])
        expected = np.linalg.solve(rows[used].T @ rows[used] + penalty, rows[used].T @ wanted[used])
        np.testing.assert_allclose(got[step], expected, rtol=1e-6, atol=1e-9)


def test_ridge_continues_what_is_linear() -> None:
    hours = np.arange(1200)
    one, split, _ = fitted(table(5 + np.sin(2 * np.pi * hours / 24) + 0.3 * np.cos(2 * np.pi * hours / 168)), "ridge")
    data = table(5 + np.sin(2 * np.pi * hours / 24) + 0.3 * np.cos(2 * np.pi * hours / 168))
    truths = data.column("y")[split.test[:, 1:] + np.arange(1, 7)]
    assert np.abs(one.answer(data, split.test)[..., 4] - truths).max() < 0.02


def test_ridge_and_boosting_read_what_is_known_ahead() -> None:
    plan = (np.random.default_rng(2).random(1200) < 0.3).astype(float)
    data = table(load(1200) + 5 * plan, plan=plan)
    for name in ("ridge", "boosting"):
        errors = []
        for known in ((), ("plan",)):
            one, split, _ = fitted(data, name, known=known)
            truths = data.column("y")[split.test[:, 1:] + np.arange(1, 7)]
            errors.append(np.abs(one.answer(data, split.test)[..., 4] - truths).mean())
        assert errors[1] < 0.75 * errors[0], name


@given(st.integers(1, 9), st.integers(1, 6), st.integers(0, 5), st.integers(0, 25))
def test_boosting_what_was_earlier_is_that_of_a_loop(horizon: int, season: int, more: int, row: int) -> None:
    data = table(np.arange(4.0), np.arange(26.0) + 50)
    got = boosting.earlier(data.column("y"), data, np.array([[1, 4 + row]]), horizon, season, more)[0]
    for step in range(1, horizon + 1):
        place = row + step
        while place > row:
            place -= season
        place -= more
        np.testing.assert_equal(got[step - 1], place + 50.0 if place >= 0 else np.nan)


def test_boosting_without_levels_knows_none() -> None:
    """What trees then read stays as it is when target and covariates all stand higher; with levels it does not."""
    plain = table(load(700), help=load(700, 1))
    values = plain.values + np.array([64.0, 512.0])
    higher = SeriesTable(plain.names, plain.starts, plain.moments, plain.columns, values, plain.step, plain.zone)
    origins = np.array([[0, 500], [0, 693]])
    problem = problem_of(plain, "y", 6)
    for levels in (False, True):
        reading = boosting.Reading(
            problem, spread_of(problem, plain), naive.season_points(problem, 24), 10.0, 3.0, levels
        )
        same = np.isclose(reading.inputs(plain, origins), reading.inputs(higher, origins), equal_nan=True)
        assert same.all() is np.True_ if not levels else not same.all()


def test_ets_is_its_equations() -> None:
    draw = np.random.default_rng(0)
    values = draw.standard_normal(30).cumsum()
    values[[7, 20]] = np.nan
    form = ets.Smoothing(4, 0.4, 0.1, 0.9, 0.2)
    start = values[:8]
    level, trend = np.nanmean(start), 0.0
    season = {phase - 4: np.nanmean(start[phase::4]) - level for phase in range(4)}
    total = 0.0
    for row, value in enumerate(values):
        expected = level + 0.9 * trend + season[row - 4]
        error = 0.0 if np.isnan(value) else value - expected
        total += error**2
        level, trend = level + 0.9 * trend + 0.4 * error, 0.9 * trend + 0.1 * error
        season[row] = season[row - 4] + 0.2 * error
    assert form.run(values.tolist())[0] == pytest.approx(total)
    got = ets.smooth(Problem("y", 6), {0: form})(table(values), np.array([[0, 29]]))[0]
    damped = np.cumsum(0.9 ** np.arange(1, 7))
    expected = [level + trend * damped[k] + season[30 + k - 4 if k < 4 else 26 + k - 4] for k in range(6)]
    np.testing.assert_allclose(got, expected)


def test_ets_finds_how_fast_a_level_moves() -> None:
    draw, level, values = np.random.default_rng(3), 0.0, []
    for _ in range(1000):
        error = draw.standard_normal()
        values.append(level + error)
        level += 0.3 * error
    assert ets.fit(np.array(values), 0, trended=False).level == pytest.approx(0.3, abs=0.06)


def test_ets_waits_for_the_first_value() -> None:
    values = load(600)
    values[:100] = np.nan
    one, split, _ = fitted(table(values), "ets")
    assert np.isfinite(one.answer(table(values), split.test)).all()
    with pytest.raises(DataError, match="no measured value before its test"):
        fitted(table(np.where(np.arange(600) < 520, np.nan, 1.0), load(600)), "ets")


def test_peers_spread_is_of_the_window_and_a_little_of_the_whole() -> None:
    values = np.concatenate([np.tile([0.0, 2.0], 300), np.ones(100)])
    spreads = spread_of(Problem("y", 4), table(values[:600]))
    got = spreads(table(values), np.array([[0, 599], [0, 699]]))
    np.testing.assert_allclose(got[:, 0], [1.02, 0.02])


def test_peers_calendar_is_local_and_goes_beyond_the_end() -> None:
    data = table(np.zeros(48), np.zeros(10), zone="Australia/Melbourne")
    problem = Problem("y", 3)
    told = calendar_ahead(problem, data, np.array([[0, 46], [1, 57]]))
    assert told["hour"].tolist() == [[9, 10, 11], [20, 21, 22]]  # ten hours ahead of UTC on 3 January 1970
    assert moments_ahead(data, np.array([[0, 47]]), 2).tolist() == [[48 * HOUR, 49 * HOUR]]
    assert calendar_ahead(problem, table(np.zeros(9), unit="number", count=1), np.array([[0, 5]])) == {}
    assert set(calendar_ahead(problem, table(np.zeros(9), count=DAY), np.array([[0, 5]]))) == {
        "weekday", "day_of_year", "month"
    }  # fmt: skip


def test_peers_refuse_columns_that_are_not_there() -> None:
    data = table(load(300), plan=np.zeros(300))
    with pytest.raises(ConfigError, match="no column 'x'; there are y, plan"):
        problem_of(data, "x", 3)
    with pytest.raises(ConfigError, match="'y' is forecast, so it cannot be known ahead"):
        problem_of(data, "y", 3, ("y",))
    assert problem_of(data, "y", 3, ("plan",)).past == ()
    assert problem_of(data, "y", 3).past == ("plan",)


def test_peers_a_constant_series_is_forecast_as_it_is() -> None:
    data = table(np.full(400, 7.0))
    for name in PEERS:
        one, split, _ = fitted(data, name)
        np.testing.assert_allclose(one.answer(data, split.test), 7.0, atol=1e-6)


def test_peers_of_quantiles() -> None:
    one, split, _ = fitted(table(load(700)), "last_value")
    assert one.missed.shape == (6, len(QUANTILES))
    assert isinstance(split, Split)
