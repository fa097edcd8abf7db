"""A forecaster answers from what lies before an origin, whatever its parts; folders come back as they were."""

import dataclasses
import json
from itertools import pairwise

import numpy as np
import pytest

from gatewise.base.errors import DataError, ModelError
from gatewise.runtime.bases import Base, Reading
from gatewise.runtime.cell import CellWeights, GRUWeights
from gatewise.runtime.forecaster import QUANTILES, ForecastModel, last_origins
from gatewise.runtime.forecaster_folder import load_forecaster, save_forecaster
from gatewise.runtime.forecastnet import ForecastNet, Frames
from gatewise.runtime.series import SeriesTable, Step
from gatewise.runtime.windows import said, window_scale

HORIZON, HIDDEN, MIXED = 5, 4, 6
KINDS = {
    "segments": {}, "gru": {"cell": "gru"}, "both directions": {"both": True}, "convolution": {"filters": 3},
    "alike": {"scaling": "global"}, "seasonal": {"base": Base("seasonal", 24)}, "last": {"base": Base("seasonal", 1)},
    "no net": {"nets": 0},
}  # fmt: skip


def table_of(rows=400, *, series=1, seed=0):
    random = np.random.default_rng(seed)
    values, starts = [], [0]
    for number in range(series):
        size = rows + 7 * number
        hours = np.arange(size)
        load = 10 * (number + 1) + 3 * np.sin(2 * np.pi * hours / 24) + random.normal(size=size)
        values.append(np.stack([load, random.normal(size=size), (hours % 24 > 12).astype(float)], axis=1))
        starts.append(starts[-1] + size)
    stacked = np.concatenate(values)
    moments = np.concatenate([3600 * np.arange(end - start) for start, end in pairwise(starts)])
    return SeriesTable(
        tuple("" if series == 1 else f"s{number}" for number in range(series)), np.array(starts), moments,
        ("load", "wind", "plan"), stacked, Step(3600, "second"),
    )  # fmt: skip


def model_of(cell="lstm", *, both=False, filters=0, scaling="window", base=None, nets=2, known=("plan",), seed=1):
    random = np.random.default_rng(seed)

    def draw(*shape):
        return random.normal(size=shape) * 0.4

    past = tuple(name for name in ("wind", "plan") if name not in known)
    reading = Reading("load", HORIZON, known, past, np.array([0.1, -0.2]), np.array([1.1, 0.9]), 48, False, 12.0, 3.0)
    marks = 24 + 7 + len(known)
    frames = Frames(4, 6, 6) if not filters else Frames(7, 6, 3)
    made = []
    for _ in range(nets):
        width = filters or 4 * frames.width
        gates = 4 if cell == "lstm" else 3
        shapes = (gates * HIDDEN, width), (gates * HIDDEN, HIDDEN), (gates * HIDDEN,)
        parts = [tuple(draw(*shape) for shape in shapes) for _ in range(1 + both)]
        cells = tuple(CellWeights(*one) if cell == "lstm" else GRUWeights(*one, draw(HIDDEN)) for one in parts)
        made.append(ForecastNet(
            frames, scaling, draw(filters, 4 * frames.width) if filters else None,
            draw(filters) if filters else None, cells,
            draw(MIXED, (1 + both) * HIDDEN), draw(MIXED, marks + 1), draw(HORIZON, MIXED), draw(9, MIXED),
            np.sort(draw(HORIZON, 9), axis=1),
        ))  # fmt: skip
    base = base or Base("ridge", 1, 30, True, draw(HORIZON, 30 + marks + 1) * 0.1, 10.0)
    return ForecastModel(reading, base, np.sort(draw(HORIZON, 9), axis=1), tuple(made), draw(HORIZON, 9) * 0.01,
                         {"nets": ["one"], "losses": {"base": 0.1}})  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_forecaster_reads_nothing_after_an_origin_but_what_is_known(kind):
    model, table = model_of(**KINDS[kind]), table_of()
    origins = np.array([[0, 200], [0, 250]])
    answers = model.answer(table, origins)
    assert answers.shape == (2, HORIZON, 9) and np.isfinite(answers).all() and (np.diff(answers, axis=2) >= 0).all()
    for column in ("load", "wind"):
        later = table.values.copy()
        later[251:, table.columns.index(column)] = 1e9
        assert model.answer(dataclasses.replace(table, values=later), origins).tobytes() == answers.tobytes()
        later = table.values.copy()
        later[201:250, table.columns.index(column)] += 5.0  # after the first, before the second
        moved = model.answer(dataclasses.replace(table, values=later), origins)
        assert moved[0].tobytes() == answers[0].tobytes()
    ahead = table.values.copy()
    ahead[251 + HORIZON :, 2] = np.nan  # known for the horizon, and no further
    assert model.answer(dataclasses.replace(table, values=ahead), origins).tobytes() == answers.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_forecaster_of_one_series_reads_nothing_of_the_others(kind):
    model, table = model_of(**KINDS[kind]), table_of(series=2)
    origins = np.array([[1, 600]])
    answer = model.answer(table, origins)
    other = table.values.copy()
    other[: table.starts[1]] *= 1e9  # so large that a sum over both series would keep no digit of the second's
    assert model.answer(dataclasses.replace(table, values=other), origins).tobytes() == answer.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_forecaster_answers_alike_in_any_company_and_from_a_longer_past(kind):
    model, table = model_of(**KINDS[kind]), table_of(series=3)
    origins = np.array([[0, 300], [1, 700], [2, 1100], [1, 560]])
    together = model.answer(table, origins)
    for place, origin in enumerate(origins):
        np.testing.assert_allclose(model.answer(table, origin[None])[0], together[place], rtol=1e-9)


def test_forecaster_names_the_first_moment_that_a_known_column_lacks():
    model, table = model_of(), table_of()
    values = table.values.copy()
    values[303, 2] = np.nan
    with pytest.raises(DataError, match=r"'plan' is missing at 1970-01-13 15:00:00, step 3 of the 5"):
        model.answer(dataclasses.replace(table, values=values), np.array([[0, 300]]))
    with pytest.raises(DataError, match="step 1 of the 5"):  # the table ends
        model.answer(table, last_origins(table, "load"))
    assert model_of(known=()).answer(table, last_origins(table, "load")).shape == (1, HORIZON, 9)


@pytest.mark.parametrize(
    ("step", "said"),
    [(Step(1800, "second"), "30 minutes"), (Step(172_800, "second"), "2 days"), (Step(1, "month"), "1 month"),
     (Step(45, "second"), "45 seconds"), (Step(1, "number"), "1 row"), (Step(1, "weekday"), "1 weekday")],
)  # fmt: skip
def test_forecaster_refuses_rows_of_another_step(step, said, tmp_path):
    made, table = model_of(), table_of()
    model = dataclasses.replace(made, reading=dataclasses.replace(made.reading, step=table.step))
    origins = np.array([[0, 200]])
    assert model.answer(table, origins).tobytes() == made.answer(table, origins).tobytes()
    save_forecaster(model, tmp_path / "model")
    for one in (model, load_forecaster(tmp_path / "model")):
        assert one.reading.step == table.step
        with pytest.raises(DataError, match=f"rows are {said} apart, .* from rows 1 hour apart"):
            one.answer(dataclasses.replace(table, step=step), origins)


def test_forecaster_names_a_column_that_is_not_there():
    table = dataclasses.replace(table_of(), columns=("load", "sun", "plan"))
    with pytest.raises(DataError, match="no column 'wind'"):
        model_of().answer(table, np.array([[0, 200]]))


@pytest.mark.parametrize("kind", ["segments", "no net"])
def test_forecaster_takes_missing_and_constant_values(kind):
    model, table = model_of(**KINDS[kind]), table_of()
    values = table.values.copy()
    values[190:200, 0] = np.nan
    values[:, 1] = np.nan
    assert np.isfinite(model.answer(dataclasses.replace(table, values=values), np.array([[0, 200], [0, 199]]))).all()
    values[:, 0] = 7.0
    answers = model.answer(dataclasses.replace(table, values=values), np.array([[0, 200]]))
    assert np.isfinite(answers).all() and abs(answers - 7).max() < 1
    assert np.isfinite(model.answer(table, np.array([[0, 2]]))).all()  # a window that begins before the series


def test_forecaster_scales_a_window_by_what_it_holds():
    table = table_of()
    scale = window_scale(table, np.array([[0, 100]]), "load", 48)
    window = table.values[53:101, 0]
    assert scale.zero[0, 0] == window[-1]
    np.testing.assert_allclose(scale.unit[0, 0], window.std() + 0.02 * table.values[:101, 0].std())


def test_last_origins_are_of_measured_values():
    table = table_of(series=2)
    values = table.values.copy()
    values[390:400, 0] = np.nan
    found = last_origins(dataclasses.replace(table, values=values), "load")
    assert found.tolist() == [[0, 389], [1, 806]]
    with pytest.raises(DataError, match="nothing to forecast from"):
        last_origins(dataclasses.replace(table, values=np.full_like(values, np.nan)), "load")
    assert said(86_400, table) == "1970-01-02 00:00:00"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("storage", ["float32", "int8"])
def test_forecaster_folder_comes_back(kind, storage, tmp_path):
    model, table, origins = model_of(**KINDS[kind]), table_of(), np.array([[0, 200], [0, 250]])
    save_forecaster(model, tmp_path / "m", storage=storage)
    loaded = load_forecaster(tmp_path / "m")
    assert loaded.reading.level == model.reading.level and loaded.facts == model.facts and loaded.said == model.said
    error = abs(loaded.answer(table, origins) - model.answer(table, origins)).max()
    assert error < (1e-4 if storage == "float32" else 0.5)
    save_forecaster(loaded, tmp_path / "again", storage=storage)
    assert load_forecaster(tmp_path / "again").answer(table, origins) == pytest.approx(
        loaded.answer(table, origins), abs=0.1
    )
    assert f"{HORIZON} rows ahead" in (tmp_path / "m" / "README.md").read_text()
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["README.md", "config.json", "model.safetensors"]


DAMAGES = {
    "horizon": lambda config: config["reading"].update(horizon=6),
    "columns": lambda config: config["reading"]["past"].clear(),
    "infinite": lambda config: config["reading"].update(level=float("inf")),
    "spread": lambda config: config["reading"].update(spread=0),
    "cell": lambda config: config["nets"][0].update(cell="rnn"),
    "frames": lambda config: config["nets"][0].update(frames=[10**6, 1, 1]),
    "known": lambda config: config["nets"][0].update(known=3),
    "entry": lambda config: config["base"].update(more=1),
    "target": lambda config: config["reading"].update(target="wind"),
    "task": lambda config: config.update(task="tagging"),
    "rows": lambda config: config["base"].update(rows=0),
    "inputs": lambda config: config["nets"][1].update(inputs=5),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_forecaster_folder_that_is_damaged_is_refused_in_one_sentence(damage, tmp_path):
    save_forecaster(model_of(), tmp_path / "m")
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    DAMAGES[damage](config)
    (tmp_path / "m" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError) as error:
        load_forecaster(tmp_path / "m")
    assert "\n" not in str(error.value) and str(tmp_path) in str(error.value)


def test_forecaster_quantiles_are_tenths():
    assert model_of().quantiles == QUANTILES == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
