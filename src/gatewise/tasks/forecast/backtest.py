"""A table, and a forecaster or none, to a comparison with its peers on the same origins, and a verdict in words.

Peers, and a forecaster that is trained here, are given the rows before the first test and nothing else.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from gatewise.base.errors import ConfigError, DataError, one_line
from gatewise.runtime.series import SeriesTable
from gatewise.runtime.windows import Floats, Origins, ahead
from gatewise.tasks.forecast.figures import QUANTILES, Figures, Ratio, measure, ratio, scales_of
from gatewise.tasks.forecast.origins import Split, before, error_season, split_origins
from gatewise.tasks.forecast.peers.boosting import fit_boosting
from gatewise.tasks.forecast.peers.ets import fit_ets
from gatewise.tasks.forecast.peers.naive import fit_last_value, fit_seasonal_naive
from gatewise.tasks.forecast.peers.problem import Peer, Problem, calendar_ahead, problem_of
from gatewise.tasks.forecast.peers.ridge import fit_ridge
from gatewise.tasks.forecast.verdict import NAIVE, NAMES, NET, verdict

Fit = Callable[[SeriesTable, Problem, Split], Peer]
PEERS: Mapping[str, Fit] = {
    "seasonal_naive": fit_seasonal_naive, "last_value": fit_last_value, "ridge": fit_ridge, "boosting": fit_boosting,
    "ets": fit_ets,
}  # fmt: skip
HEAD = f"{'':16}{'MASE':>8}{'RMSSE':>8}{'WQL':>9}{'80 %':>7}{'of naive':>10}  {'95 % interval':17}{'CPU s':>7}"


class Forecaster(Protocol):
    """What forecasts, as gatewise.runtime.forecaster.ForecastModel does."""

    @property
    def horizon(self) -> int: ...
    @property
    def target(self) -> str: ...
    @property
    def quantiles(self) -> Sequence[float]: ...
    def answer(self, table: SeriesTable, origins: Origins) -> Floats: ...


@dataclass(frozen=True, slots=True)
class Line:
    """One forecaster: what it is, what it was worth, and its quantile loss as a share of seasonal naive's."""

    name: str
    said: str
    figures: Figures
    of_naive: Ratio
    seconds: float  # of the CPU, to fit and to answer


@dataclass(frozen=True, slots=True)
class Backtest:
    """Forecasters on the same origins; the network, where there is one, first."""

    target: str
    horizon: int
    season: int  # by whose naive error MASE is scaled
    rows: tuple[Line, ...]
    verdict: str
    net: str  # what the network is called
    split: Split
    truths: Floats  # [O, h]
    answers: Mapping[str, Floats]  # [O, h, Q] of each

    def ratio(self, one: str, other: str) -> Ratio:
        """Give one forecaster's quantile loss as a share of another's, with its paired interval."""
        figures = {row.name: row.figures for row in self.rows}
        losses = figures[one].losses, figures[other].losses
        return ratio(*losses, self.split.test, self.horizon, self.split.step)

    def lines(self) -> list[str]:
        """Say it to people: a table, what every peer is, what was left out, and the verdict."""
        split, figures = self.split, self.rows[0].figures
        hold = f"{len(split.test):,} origins, {split.step:,} rows apart" if len(split.test) > 1 else "one origin"
        said = [f"{self.target}, {self.horizon:,} rows ahead from {hold}", "", HEAD]
        for row in self.rows:
            one, share = row.figures, row.of_naive
            interval = "" if math.isnan(share.low) else f"{share.low:.2f} to {share.high:.2f}"
            said.append(
                f"{NAMES.get(row.name, self.net):16}{one.mase:8.3f}{one.rmsse:8.3f}{one.wql:9.4f}"
                f"{100 * one.coverage:5.0f} %{share.value:10.2f}  {interval:17}{row.seconds:7.1f}"
            )
        said += ["", *(f"{NAMES.get(row.name, self.net)}: {row.said}" for row in self.rows if row.said)]
        said.append(f"MASE, RMSSE: errors by those of {_back(self.season)}. WQL: weighted quantile loss. "
                    "80 %: share of truths between the quantiles 0.1 and 0.9.")  # fmt: skip
        left = [(figures.missing, "value{s} to be forecast never measured"), (split.unseen, "origin{s} without data"),
                (split.short, "series too short to be tested"), (figures.constant, "constant series")]  # fmt: skip
        out = [f"{count:,} {text.format(s='s' if count != 1 else '')}" for count, text in left if count]
        return [*said, *([f"Left out: {', '.join(out)}."] if out else []), "", self.verdict]

    def as_dict(self) -> dict[str, Any]:
        """Give what JSON holds; a figure that could not be measured is None."""
        return {
            "target": self.target,
            "horizon": self.horizon,
            "origins": len(self.split.test),
            "series": len(np.unique(self.split.test[:, 0])),
            "step": self.split.step,
            "season": self.season,
            "models": {row.name: self._row(row) for row in self.rows},
            "missing": self.rows[0].figures.missing,
            "unseen": self.split.unseen,
            "short": self.split.short,
            "constant": self.rows[0].figures.constant,
            "verdict": self.verdict,
        }

    def _row(self, row: Line) -> dict[str, Any]:
        one, share = row.figures, row.of_naive
        figures = {"mase": one.mase, "wql": one.wql, "coverage": one.coverage, "rmsse": one.rmsse, "sql": one.sql,
                   "skill": 1 - share.value, "seconds": row.seconds}  # fmt: skip
        several = {"of_naive": [share.value, share.low, share.high], "by_step": one.by_step.tolist(),
                   "coverage_by_step": one.coverage_by_step.tolist(), "by_hour": one.by_hour.tolist()}  # fmt: skip
        lists = {name: [known(value) for value in values] for name, values in several.items()}
        return {**{name: known(value) for name, value in figures.items()}, **lists, "said": row.said}


def known(value: float) -> float | None:
    """Give a number as JSON takes it."""
    return None if math.isnan(value) else float(value)


def _back(season: int) -> str:
    return "the value one row back" if season == 1 else f"the value {season:,} rows back"


def backtest(
    table: SeriesTable,
    target: str,
    horizon: int,
    model: Forecaster | None = None,
    *,
    train: Callable[[SeriesTable], Forecaster] | None = None,
    net: str = "the LSTM",
    known: Sequence[str] = (),
    seasons: Sequence[int] | None = None,
    season: int | None = None,
    split: Split | None = None,
    peers: Sequence[str] = tuple(PEERS),
    progress: Callable[[str], None] = lambda name: None,
) -> Backtest:
    """Compare a model, or one that `train` makes of the rows before the first test, and its peers on the same origins.

    A `model` must have been trained on rows before the test alone, which cannot be seen here. `known` columns are read
    ahead of time, all others up to the origin. `seasons` are in rows, by default those of the step; `season` scales
    MASE. `progress` is told who is at work. Raises ConfigError, DataError.
    """
    if model is not None and train is not None:
        raise ConfigError("A model is given, and a way to train one too; give one of the two.")
    refuse(table, target, horizon, known, peers)
    scale_season = season or (seasons[0] if seasons else error_season(table.step))
    cycle = seasons[0] if seasons else scale_season
    split = split or split_origins(table, target, horizon, season=cycle)
    if not len(split.test):
        raise DataError(f"There is nothing to test: no value of {target!r} was measured where one would be forecast.")
    learnt = before(table, split.test_from)
    inside = shifted(split, table, learnt)
    problem = problem_of(learnt, target, horizon, tuple(known), None if seasons is None else tuple(seasons), inside)
    truths = ahead(table.column(target), table, split.test, horizon)
    scales = scales_of(learnt.column(target), learnt, learnt.starts[1:], scale_season)
    hours = calendar_ahead(problem, table, split.test).get("hour")
    answers: dict[str, Floats] = {}
    figures: dict[str, tuple[str, Figures, float]] = {}
    wanted = dict.fromkeys([NAIVE, *peers]) if model is None and train is None else dict.fromkeys([NET, NAIVE, *peers])
    for name in wanted:
        progress(name)
        started = time.process_time()
        one: Forecaster | Peer
        if name == NET:
            one = checked(train(learnt) if train else model, target, horizon)
        else:
            one = PEERS[name](learnt, problem, inside)
        answers[name] = one.answer(table, split.test)
        seconds = time.process_time() - started
        said, points = (one.said, one.points(table, split.test)) if isinstance(one, Peer) else ("", None)
        figures[name] = said, measure(truths, answers[name], split.test[:, 0], scales, hours, points), seconds

    def ratio_of(one: str, other: str) -> Ratio:
        return ratio(figures[one][1].losses, figures[other][1].losses, split.test, horizon, split.step)

    rows = tuple(Line(name, said, one, ratio_of(name, NAIVE), spent) for name, (said, one, spent) in figures.items())
    told = verdict(list(figures), ratio_of, len(split.test), len(np.unique(split.test[:, 0])), net)
    return Backtest(target, horizon, scale_season, rows, told, net, split, truths, answers)


def refuse(table: SeriesTable, target: str, horizon: int, known: Sequence[str], peers: Sequence[str]) -> None:
    """Raise ConfigError or DataError for columns and peers that are not there, and for infinite values."""
    for name in peers:
        if name not in PEERS:
            raise ConfigError(f"There is no peer {one_line(name)!r}; choose of {', '.join(PEERS)}.")
    problem_of(table, target, horizon, tuple(known))
    for name in table.columns:
        if np.isinf(table.column(name)).any():
            raise DataError(f"{name!r} holds an infinite value; make it a number, or leave it empty.")


def checked(model: Forecaster | None, target: str, horizon: int) -> Forecaster:
    """Hold a model to what is asked of it, or raise ConfigError."""
    if model is None or model.target != target or model.horizon != horizon:
        said = "none" if model is None else f"{model.target!r}, {model.horizon} rows ahead"
        raise ConfigError(f"The model forecasts {said}; {target!r}, {horizon} rows ahead, is asked for.")
    if not np.allclose(model.quantiles, QUANTILES):
        raise ConfigError(f"The model gives the quantiles {list(model.quantiles)}; {list(QUANTILES)} are compared.")
    return model


def shifted(split: Split, table: SeriesTable, cut: SeriesTable) -> Split:
    """Give a split with its rows as a table has them that was cut before the test; no test is left in it."""
    moved = cut.starts[:-1] - table.starts[:-1]

    def parts(origins: Origins) -> Origins:
        return np.stack([origins[:, 0], origins[:, 1] + moved[origins[:, 0]]], axis=1)

    return Split(
        split.dev_from + moved, split.calibration_from + moved, split.test_from + moved, parts(split.dev),
        parts(split.calibration), np.empty((0, 2), dtype=np.int64), split.step, split.short, split.unseen,
    )  # fmt: skip
