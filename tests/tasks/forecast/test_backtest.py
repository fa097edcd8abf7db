"""The backtest: the same origins for all, a net that learns from nothing later, and what is printed and written."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest
from tests.tasks.forecast.tables import load, table

from gatewise.base.errors import ConfigError, DataError
from gatewise.runtime.series import SeriesTable
from gatewise.runtime.windows import Floats, Origins
from gatewise.tasks.forecast.backtest import backtest
from gatewise.tasks.forecast.figures import QUANTILES
from gatewise.tasks.forecast.origins import split_origins

QUICK = ("last_value", "ridge", "ets")


@dataclass
class Told:
    """A forecaster that says the truth, moved by an error."""

    error: float
    horizon: int = 6
    target: str = "y"
    quantiles: tuple[float, ...] = QUANTILES

    def answer(self, data: SeriesTable, origins: Origins) -> Floats:
        truths = data.column("y")[origins[:, 1:] + np.arange(1, self.horizon + 1)]
        return truths[..., None] + self.error + 0.01 * np.arange(-4, 5)


def test_backtest_of_a_net_that_knows() -> None:
    found = backtest(table(load(900)), "y", 6, Told(0.0), peers=QUICK, net="the GRU")
    assert [row.name for row in found.rows] == ["net", "seasonal_naive", *QUICK]
    net = found.rows[0]
    assert net.figures.mase == 0 and net.figures.coverage == 1.0 and net.of_naive.high < 0.1
    assert found.verdict.startswith("The GRU is 9") and "better than ridge. On 50 origins" in found.verdict
    assert found.ratio("net", "seasonal_naive") == net.of_naive
    assert found.ratio("ridge", "net").value > 10
    text = "\n".join(found.lines())
    assert "y, 6 rows ahead from 50 origins, " in text and "\nthe GRU " in text and text.endswith(found.verdict)
    assert "seasonal naive: the season of 168 rows again" in text and "Left out" not in text


def test_backtest_as_json() -> None:
    values = load(900)
    values[880] = np.nan
    found = json.loads(json.dumps(backtest(table(values), "y", 6, Told(9.0), peers=QUICK).as_dict(), allow_nan=False))
    assert list(found["models"]) == ["net", "seasonal_naive", *QUICK]
    for row in found["models"].values():
        assert {"mase", "wql", "coverage", "rmsse", "seconds", "skill"} <= set(row)
        assert len(row["by_step"]) == 6 and len(row["by_hour"]) == 24
        assert row["of_naive"][0] == pytest.approx(1 - row["skill"])
    assert found["origins"] == 50 and found["series"] == 1 and found["missing"] > 0
    assert found["models"]["net"]["coverage"] == 0.0
    assert found["verdict"].startswith("Ridge is better than the LSTM by 9")


def test_backtest_trains_on_what_comes_before_the_first_origin() -> None:
    data, given = table(load(900)), []
    split = split_origins(data, "y", 6, season=24)

    def train(learnt: SeriesTable) -> Told:
        given.append(learnt)
        return Told(0.1)

    found = backtest(data, "y", 6, train=train, peers=("last_value",))
    assert len(given[0].values) == split.test_from[0] == split.test[0, 1] + 1
    assert found.split.test.tolist() == split.test.tolist()
    values = data.values.copy()
    values[int(split.test_from[0]) :] = 50.0  # all that came after the first origin
    changed = SeriesTable(data.names, data.starts, data.moments, data.columns, values, data.step)
    again = backtest(changed, "y", 6, train=train, peers=QUICK)
    whole = backtest(data, "y", 6, train=train, peers=QUICK)
    for name in ("seasonal_naive", *QUICK):
        assert again.answers[name][0].tobytes() == whole.answers[name][0].tobytes()
    assert given[1].values.tobytes() == given[0].values.tobytes()


def test_backtest_of_many_series_counts_what_it_leaves_out() -> None:
    series = [load(400, seed) for seed in range(22)]
    data = table(*series, np.ones(400), np.ones(15))
    found = backtest(data, "y", 6, peers=("last_value",), split=split_origins(data, "y", 6, season=24, origins=2))
    figures = found.rows[0].figures
    assert (figures.constant, found.split.short, len(found.split.test)) == (1, 1, 46)
    assert "1 series too short to be tested, 1 constant series." in "\n".join(found.lines())
    assert found.rows[0].name == "seasonal_naive" and found.rows[1].of_naive.low < found.rows[1].of_naive.value
    assert found.as_dict()["series"] == 23


def test_backtest_of_a_constant_series_says_so() -> None:
    found = backtest(table(np.full(500, 3.0)), "y", 6, peers=("last_value", "ridge"))
    assert math.isnan(found.rows[0].figures.mase) and found.as_dict()["models"]["ridge"]["mase"] is None
    assert "1 constant series" in "\n".join(found.lines())
    assert found.verdict


def test_backtest_of_nothing_measured() -> None:
    with pytest.raises(DataError, match="no value of 'y' was measured"):
        backtest(table(np.full(500, np.nan)), "y", 6)
    infinite = load(500)
    infinite[3] = np.inf
    with pytest.raises(DataError, match="'y' holds an infinite value"):
        backtest(table(infinite), "y", 6)


def test_backtest_refuses_what_does_not_fit() -> None:
    data = table(load(500))
    with pytest.raises(ConfigError, match="choose of seasonal_naive, last_value, ridge"):
        backtest(data, "y", 6, peers=("ridges",))
    with pytest.raises(ConfigError, match="forecasts 'y', 6 rows ahead; 'y', 7 rows ahead, is asked for"):
        backtest(data, "y", 7, Told(0.0), peers=())
    with pytest.raises(ConfigError, match="quantiles"):
        backtest(data, "y", 6, Told(0.0, quantiles=(0.5,)), peers=())
    with pytest.raises(ConfigError, match="no column 'z'"):
        backtest(data, "z", 6)
    with pytest.raises(DataError, match="No series is long enough"):
        backtest(data, "y", 400)


def test_backtest_tells_who_is_at_work() -> None:
    told: list[str] = []
    backtest(table(load(500)), "y", 6, peers=("last_value",), progress=told.append)
    assert told == ["seasonal_naive", "last_value"]
