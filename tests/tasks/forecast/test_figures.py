"""Figures against slow references, one number at a time, and what they do where nothing was measured."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tasks.forecast.tables import load, table

from gatewise.tasks.forecast.figures import QUANTILES, Scales, block_of, measure, pinball, ratio, scales_of

number = st.floats(-100, 100, allow_subnormal=False)
measured = st.one_of(st.just(float("nan")), number)


@given(st.data())
def test_figures_are_those_of_loops(data: st.DataObject) -> None:
    origins, horizon = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    truths = np.array(data.draw(st.lists(measured, min_size=origins * horizon, max_size=origins * horizon)))
    truths = truths.reshape(origins, horizon)
    drawn = data.draw(st.lists(number, min_size=truths.size * 9, max_size=truths.size * 9))
    answers = np.sort(np.array(drawn).reshape(origins, horizon, 9), axis=2)
    series = np.sort(data.draw(st.lists(st.integers(0, 2), min_size=origins, max_size=origins)))
    scales = Scales(np.array([2.0, 0.5, np.nan]), np.array([5.0, 0.3, np.nan]))
    found = measure(truths, answers, series, scales)
    absolute, squared, scaled, all_losses, size, within = {}, {}, {}, [], 0.0, []
    for o in range(origins):
        for k in range(horizon):
            y = truths[o, k]
            if math.isnan(y):
                continue
            pairs = zip(QUANTILES, answers[o, k], strict=True)
            losses = [q * (y - a) if y >= a else (1 - q) * (a - y) for q, a in pairs]
            all_losses.append(sum(losses))
            size += abs(y)
            within.append(answers[o, k, 0] <= y <= answers[o, k, 8])
            if not math.isnan(scales.absolute[series[o]]):
                absolute.setdefault(series[o], []).append(abs(y - answers[o, k, 4]) / scales.absolute[series[o]])
                squared.setdefault(series[o], []).append((y - answers[o, k, 4]) ** 2 / scales.squared[series[o]])
                scaled.setdefault(series[o], []).append(2 * sum(losses) / 9 / scales.absolute[series[o]])
    mean = lambda values: sum(values) / len(values) if values else math.nan  # noqa: E731
    close = lambda value: pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True)  # noqa: E731
    assert found.mase == close(mean([mean(one) for one in absolute.values()]))
    assert found.rmsse == close(mean([math.sqrt(mean(one)) for one in squared.values()]))
    assert found.sql == close(mean([mean(one) for one in scaled.values()]))
    assert found.wql == close(2 * sum(all_losses) / 9 / size if size else math.nan)
    assert found.coverage == close(mean(within))
    assert found.losses.sum() == close(sum(all_losses))
    assert (found.truths, found.missing) == (len(within), truths.size - len(within))
    assert found.constant == (2 in series)
    for k in range(horizon):
        errors = [
            abs(truths[o, k] - answers[o, k, 4]) / scales.absolute[series[o]]
            for o in range(origins) if not math.isnan(truths[o, k]) and series[o] < 2
        ]  # fmt: skip
        assert found.by_step[k] == close(mean(errors))


@given(st.lists(measured, min_size=1, max_size=40), st.integers(1, 5), st.integers(0, 40))
def test_scales_are_those_of_a_loop(values: list[float], season: int, until: int) -> None:
    until = min(until, len(values))
    found = scales_of(np.array(values), table(np.array(values)), np.array([until]), season)
    errors = [values[i] - values[i - season] for i in range(season, until)]
    errors = [error for error in errors if not math.isnan(error)]
    if not any(errors):
        assert np.isnan(found.absolute[0]) and np.isnan(found.squared[0])
    else:
        assert found.absolute[0] == pytest.approx(sum(map(abs, errors)) / len(errors))
        assert found.squared[0] == pytest.approx(sum(error**2 for error in errors) / len(errors))


def test_figures_by_the_clock() -> None:
    truths, hours = np.array([[1.0, 2.0], [5.0, np.nan]]), np.array([[3, 4], [3, 4]])
    found = measure(truths, np.zeros((2, 2, 9)), np.zeros(2, dtype=int), Scales(np.ones(1), np.ones(1)), hours)
    assert found.by_hour[3:5].tolist() == [3.0, 2.0] and np.isnan(found.by_hour[[0, 5, 23]]).all()
    assert (
        measure(truths, np.zeros((2, 2, 9)), np.zeros(2, dtype=int), Scales(np.ones(1), np.ones(1))).by_hour.size == 0
    )


def test_figures_of_points_beside_the_medians() -> None:
    scales, none = Scales(np.ones(1), np.ones(1)), np.zeros(1, dtype=int)
    found = measure(np.array([[1.0]]), np.zeros((1, 1, 9)), none, scales, points=np.array([[3.0]]))
    plain = measure(np.array([[1.0]]), np.zeros((1, 1, 9)), none, scales)
    assert (found.mase, found.rmsse, plain.mase) == (2.0, 2.0, 1.0) and found.wql == plain.wql


def test_figures_the_true_quantiles_lose_least() -> None:
    draws = np.random.default_rng(0).standard_normal((20_000, 1))
    right = np.quantile(draws, QUANTILES)
    least = pinball(draws, np.broadcast_to(right, (20_000, 1, 9))).mean(axis=(0, 1))
    for moved in (-0.1, 0.1):
        assert (pinball(draws, np.broadcast_to(right + moved, (20_000, 1, 9))).mean(axis=(0, 1)) > least).all()


def test_ratio_of_one_series_is_of_sums() -> None:
    origins = np.stack([np.zeros(6, dtype=int), np.arange(6)], axis=1)
    found = ratio(np.array([1.0, 2, 3, 4, 5, 6]), np.array([2.0, 4, 6, 8, 10, 12]), origins, 2, 1)
    assert found.value == pytest.approx(0.5)  # a pair that keeps its ratio has no width
    assert (found.low, found.high) == (pytest.approx(0.5), pytest.approx(0.5))


def test_ratio_of_many_is_the_geometric_mean_of_clipped_ones() -> None:
    origins = np.stack([np.arange(4), np.zeros(4, dtype=int)], axis=1)
    found = ratio(np.array([1.0, 0.0, 3.0, 5.0]), np.array([2.0, 0.0, 0.0, 5e9]), origins, 1, 1)
    assert found.value == pytest.approx((0.5 * 1 * 100 * 0.01) ** 0.25)


def test_ratio_interval_covers_as_often_as_it_says() -> None:
    """Of two models that are as good, whose losses hang together from one origin to the next."""
    draw, held = np.random.default_rng(1), 0
    origins = np.stack([np.zeros(120, dtype=int), np.arange(120)], axis=1)
    for turn in range(120):
        shocks = draw.gamma(2.0, size=(2, 122))
        losses = shocks[:, :-2] + shocks[:, 1:-1] + shocks[:, 2:]
        found = ratio(losses[0], losses[1], origins, 3, 1, seed=turn)
        held += found.low <= 1 <= found.high
    assert 102 <= held <= 119  # 95 % would be 114; short series make it narrower


def test_ratio_interval_of_many_series_and_of_nothing() -> None:
    origins = np.stack([np.arange(40), np.arange(40)], axis=1)
    losses = np.random.default_rng(0).gamma(2.0, size=40)
    found = ratio(losses, losses[::-1].copy(), origins, 1, 1)
    assert found.value == pytest.approx(1.0) and found.low < 1 < found.high
    one = ratio(np.array([1.0]), np.array([2.0]), origins[:1], 1, 1)
    assert one.value == 0.5 and math.isnan(one.low) and math.isnan(one.high)
    assert math.isnan(ratio(np.empty(0), np.empty(0), origins[:0], 1, 1).value)


@pytest.mark.parametrize(
    ("count", "horizon", "step", "expected"), [(50, 24, 67, 4), (50, 24, 5, 5), (8, 24, 1, 4), (1, 24, 1, 1)]
)
def test_ratio_blocks_span_the_horizon(count: int, horizon: int, step: int, expected: int) -> None:
    assert block_of(count, horizon, step) == expected


def test_scales_end_before_the_test() -> None:
    values = load(100)
    changed = values.copy()
    changed[60:] = 1e6
    first, second = (scales_of(one, table(one), np.array([60]), 24) for one in (values, changed))
    assert first.absolute.tobytes() == second.absolute.tobytes()
