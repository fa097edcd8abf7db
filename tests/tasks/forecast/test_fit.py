"""Training a forecaster: what is better on dev is kept, runs go on with the same bits, nothing crosses a border."""

import dataclasses
import time

import numpy as np
import pytest

from gatewise.base.errors import ConfigError, DataError, TrainingError
from gatewise.runtime.forecaster import last_origins
from gatewise.runtime.series import SeriesTable, Step
from gatewise.runtime.windows import ahead
from gatewise.tasks.forecast.calibrate import loss_of, shifts_of
from gatewise.tasks.forecast.estimator import Forecaster, trained_on
from gatewise.tasks.forecast.fit import plans_for, train_forecaster
from gatewise.tasks.forecast.prepare import encoded, prepare
from gatewise.tasks.forecast.settings import ForecastSettings

SETTINGS = ForecastSettings().replace(
    horizon=6, nets=2, kept=1, epochs=3, windows=300, hidden_size=8, mixed=8, threads=1, learning_rate=1e-2
)

LEARNING = SETTINGS.replace(base="last", epochs=25, batch_texts=32)  # a base that a network easily beats


def table_of(rows=600, *, series=1, noise=0.3, seed=0, twisted=True):
    """Make a daily cycle whose height a column tells, through a product that no ridge sees."""
    random = np.random.default_rng(seed)
    values, starts, moments = [], [0], []
    for number in range(series):
        hours = np.arange(rows)
        warm = np.repeat(random.normal(size=rows // 12 + 1), 12)[:rows]
        cycle = np.sin(2 * np.pi * hours / 24)
        load = (1 + number) * (cycle * (1 + 2 * warm * twisted) + noise * random.normal(size=rows))
        values.append(np.stack([load, warm, (hours % 24 > 11).astype(float)], axis=1))
        moments.append(3600 * hours)
        starts.append(starts[-1] + rows)
    names = ("",) if series == 1 else tuple(f"s{number}" for number in range(series))
    return SeriesTable(
        names, np.array(starts), np.concatenate(moments), ("load", "warm", "day"), np.concatenate(values),
        Step(3600, "second"),
    )  # fmt: skip


def test_networks_are_kept_where_they_beat_the_base_and_answer_from_a_folder(tmp_path):
    table = table_of()
    trained = train_forecaster(table, tmp_path / "m", known=("day",), settings=LEARNING)
    model = trained.model
    assert trained.dev["nets"] < trained.dev["base"] and len(model.nets) == 1 and not trained.stopped
    assert model.facts["base"] == model.base.said and "network" in model.said
    assert model.reading.known == ("day",) and model.reading.past == ("warm",)
    origins = np.array([[0, 560], [0, 580]])
    assert model.answer(table, origins).shape == (2, 6, 9)
    assert not (tmp_path / "m.training").exists()


def test_the_base_is_kept_and_named_where_networks_learn_nothing(tmp_path):
    random = np.random.default_rng(0)
    walk = dataclasses.replace(table_of(), values=np.cumsum(random.normal(size=(600, 3)), axis=0))
    model = trained_on(walk, "load", (), SETTINGS.replace(epochs=1, learning_rate=0.3))
    assert model.nets == () and "as no network was better on dev" in model.said and model.facts["nets"] == []
    origins = last_origins(walk, "load")
    assert np.isfinite(model.answer(walk, origins)).all()
    assert trained_on(walk, "load", (), SETTINGS.replace(nets=0)).nets == ()


def test_minutes_are_shared_and_every_network_begins_at_the_full_rate(tmp_path):
    events = []
    settings = SETTINGS.replace(nets=4, kept=1, minutes=0.3, epochs=5000, patience=5000, warmup=0.0, base="last")
    started = time.perf_counter()
    trained = train_forecaster(table_of(), tmp_path / "model", settings=settings, report=events.append)
    assert time.perf_counter() - started < 3 * 60 * settings.training.minutes  # of a machine that others use too
    assert not trained.stopped
    rates = [event.values["learning_rate"] for event in events if event.kind == "step" and event.step == 1]
    assert len(rates) >= 2
    assert min(rates) > 0.9 * settings.training.learning_rate


def test_of_few_minutes_fewer_networks_learn(tmp_path):
    events = []
    train_forecaster(table_of(), tmp_path / "model", settings=LEARNING.replace(minutes=0.2), report=events.append)
    assert sum(event.kind == "start" for event in events) in (1, 2)  # and again, where its time is left


def test_training_is_the_same_again_and_goes_on_with_the_same_bits(tmp_path):
    table, calls = table_of(), [0]

    def killed():
        calls[0] += 1
        if calls[0] > 8:
            raise KeyboardInterrupt
        return False

    whole = train_forecaster(table, tmp_path / "whole", settings=SETTINGS).model
    with pytest.raises(KeyboardInterrupt):
        train_forecaster(table, tmp_path / "m", settings=SETTINGS.replace(checkpoint_seconds=0), stopped=killed)
    assert (tmp_path / "m.training").is_dir() and not (tmp_path / "m").exists()
    resumed = train_forecaster(table, tmp_path / "m", resume=True).model
    origins = np.array([[0, 500], [0, 590]])
    again = train_forecaster(table, tmp_path / "again", settings=SETTINGS.replace(checkpoint_seconds=0)).model
    assert resumed.answer(table, origins).tobytes() == again.answer(table, origins).tobytes()
    assert whole.answer(table, origins) == pytest.approx(again.answer(table, origins))


def test_nothing_after_the_last_row_given_changes_what_is_learnt():
    table = table_of(700)
    cut = SeriesTable(
        table.names, np.array([0, 600]), table.moments[:600], table.columns, table.values[:600], table.step
    )
    values = table.values.copy()
    values[600:] = 1e6
    longer = dataclasses.replace(table, values=values)
    from gatewise.tasks.forecast.origins import before

    one, other = (trained_on(part, "load", ("day",), SETTINGS) for part in (cut, before(longer, np.array([600]))))
    origins = np.array([[0, 590]])
    assert one.answer(cut, origins).tobytes() == other.answer(cut, origins).tobytes()


def test_windows_learnt_from_end_before_dev_begins():
    table = table_of()
    prepared = prepare(table, "load", (), SETTINGS)
    split = prepared.split
    assert split.dev_from[0] < split.calibration_from[0] < split.test_from[0] == 600
    assert (split.dev[:, 1] + 6 < split.calibration_from[0]).all() and (split.dev[:, 1] + 1 >= split.dev_from[0]).all()
    values = table.values.copy()
    values[split.dev_from[0] :] += 100.0
    moved = prepare(dataclasses.replace(table, values=values), "load", (), SETTINGS)
    assert moved.reading.level == prepared.reading.level and (moved.reading.means == prepared.reading.means).all()


def test_plans_take_cells_steps_and_scalings_in_turn():
    prepared = prepare(table_of(), "load", (), SETTINGS)
    plans = plans_for(prepared, SETTINGS.replace(nets=6))
    assert {plan.cell for plan in plans} == {"lstm", "gru"} and {plan.scaling for plan in plans} == {"window", "global"}
    for net, said in (("bilstm", "BiLSTM"), ("cnn-lstm", "CNN-LSTM"), ("gru", "GRU")):
        assert all(said in plan.said for plan in plans_for(prepared, SETTINGS.replace(net=net)))
    several = prepare(table_of(series=3), "load", (), SETTINGS)
    assert {plan.scaling for plan in plans_for(several, SETTINGS.replace(nets=6))} == {"window"}


@pytest.mark.parametrize("net", ["lstm", "gru", "bilstm", "cnn-lstm"])
def test_every_kind_of_net_trains(net):
    table = table_of()
    model = trained_on(table, "load", ("day",), LEARNING.replace(net=net, nets=1))
    assert len(model.nets) == 1
    truths = ahead(table.column("load"), table, np.array([[0, 590]]), 6)
    assert np.isfinite(model.answer(table, np.array([[0, 590]]))).all() and truths.shape == (1, 6)


def test_many_series_share_a_network_and_short_ones_are_forecast(tmp_path):
    table = table_of(series=3)
    short = dataclasses.replace(
        table, names=(*table.names, "short"), starts=np.append(table.starts, len(table.values) + 4),
        moments=np.append(table.moments, 3600 * np.arange(4)), values=np.concatenate([table.values, table.values[:4]]),
    )  # fmt: skip
    model = train_forecaster(short, tmp_path / "m", settings=SETTINGS.replace(epochs=8)).model
    answers = model.answer(short, last_origins(short, "load"))
    assert answers.shape == (4, 6, 9) and np.isfinite(answers).all()


def test_missing_and_constant_values_are_learnt_from():
    table = table_of()
    values = table.values.copy()
    values[100:140, 0] = np.nan
    values[::17, 1] = np.nan
    values[::31, 2] = np.nan  # a known column with holes in its past
    gaps = dataclasses.replace(table, values=values)
    prepared = prepare(gaps, "load", ("day",), SETTINGS)
    plan = plans_for(prepared, SETTINGS)[0]
    sequences = encoded(
        prepared.table, prepared.reading, prepared.base, np.array([[0, 120]]), plan.frames, plan.scaling
    )
    assert np.isfinite(sequences.steps).all() and np.isnan(sequences.targets[0, :6]).all()
    assert np.isfinite(trained_on(gaps, "load", ("day",), SETTINGS).answer(prepared.table, np.array([[0, 300]]))).all()
    flat = dataclasses.replace(table, values=np.full_like(table.values, 3.0))
    answers = trained_on(flat, "load", (), SETTINGS).answer(flat, last_origins(flat, "load"))
    assert abs(answers - 3).max() < 0.1


def test_calibration_widens_what_is_too_narrow():
    table = table_of(noise=1.0)
    model = trained_on(table, "load", (), SETTINGS.replace(nets=0))
    narrow = dataclasses.replace(model, spread=model.spread * 0.1, shifts=model.shifts * 0)
    origins = np.stack([np.zeros(60, int), np.arange(500, 560)], axis=1)
    shifts = shifts_of(narrow, table, origins)
    assert (shifts[:, 0] < 0).all() and (shifts[:, 8] > 0).all() and (shifts[:, 4] == 0).all()
    assert loss_of(dataclasses.replace(narrow, shifts=shifts), table, origins) < loss_of(narrow, table, origins)


def test_what_cannot_be_forecast_is_said_in_one_sentence(tmp_path):
    table = table_of(60)
    with pytest.raises(DataError, match="No series is long enough"):
        trained_on(table, "load", (), SETTINGS.replace(horizon=30))
    with pytest.raises(TrainingError, match="too few to train a network"):
        trained_on(table, "load", (), SETTINGS.replace(horizon=8))
    with pytest.raises(ConfigError, match="no column 'sun'"):
        trained_on(table, "sun", (), SETTINGS)
    with pytest.raises(ConfigError, match="cannot be known ahead"):
        trained_on(table, "load", ("load",), SETTINGS)
    empty = dataclasses.replace(table, values=np.full_like(table.values, np.nan))
    with pytest.raises(DataError, match="No value of 'load' was measured"):
        trained_on(empty, "load", (), SETTINGS)


def test_forecaster_is_an_estimator(tmp_path):
    from sklearn.base import clone

    table = table_of()
    given = {name: value for name, value in SETTINGS.flat().items() if name not in ("seed", "pooling")}
    forecaster = Forecaster(target="load", known=("day",), random_state=3, **given)
    assert clone(forecaster).get_params() == forecaster.get_params()
    with pytest.raises(DataError, match="step 1 of the 6"):  # the plan is not known beyond the table
        forecaster.fit(table).predict(table)
    free = Forecaster(target="load", random_state=3, **given).fit(table)
    assert free.predict(table).shape == (6,) and free.quantiles(table).shape == (1, 6, 9)
    free.save(tmp_path / "m")
    loaded = Forecaster.load(tmp_path / "m")
    assert loaded.predict(table) == pytest.approx(free.predict(table), rel=1e-4) and loaded.horizon == 6
    with pytest.raises(ConfigError, match="random_state"):
        Forecaster(seed=1)
