"""The commands of forecasting: what they print, write and refuse."""

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from gatewise.base.errors import GatewiseError
from gatewise.cli.main import app

SMALL = [
    "--horizon",
    "6",
    "--nets",
    "1",
    "--epochs",
    "2",
    "--windows",
    "200",
    "--hidden-size",
    "4",
    "--threads",
    "1",
    "-q",
]


def run(*arguments):
    result = CliRunner().invoke(app, ["forecast", *map(str, arguments)])
    if isinstance(result.exception, GatewiseError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    place, random = tmp_path_factory.mktemp("data") / "load.csv", np.random.default_rng(0)
    with place.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "load", "plan"])
        for hour in range(500):
            stamp = np.datetime64("2024-01-01T00") + np.timedelta64(hour, "h")
            value = np.sin(2 * np.pi * hour / 24) + 0.2 * random.normal()
            writer.writerow([str(stamp).replace("T", " ") + ":00", round(value, 4), int(hour % 24 > 12)])
    return place


@pytest.fixture(scope="module")
def model(load, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "m"
    run("train", load, "--target", "load", "--out", out, *SMALL)
    return out


def test_train_says_what_answers_and_where_it_lies(load, tmp_path):
    result = run("train", load, "--target", "load", "--out", tmp_path / "m", *SMALL)
    assert "forecasts load, 6 rows ahead, by" in result.stdout and f"model     {tmp_path / 'm'}" in result.stdout
    assert "dev chose, so it flatters" in result.stdout
    with pytest.raises(GatewiseError, match="exists"):
        run("train", load, "--target", "load", "--out", tmp_path / "m", *SMALL)


def test_predict_prints_what_comes_next_and_writes_all_quantiles(model, load, tmp_path):
    lines = run("predict", model, load).stdout.splitlines()
    assert lines[0].split() == ["moment", "10", "%", "50", "%", "90", "%"]
    assert len(lines) == 7 and lines[1].startswith("2024-01-21 20:00:00")
    rows = [json.loads(line) for line in run("predict", model, load, "--json").stdout.splitlines()]
    assert len(rows) == 6 and list(rows[0]["quantiles"]) == [f"0.{tenth}" for tenth in range(1, 10)]
    run("predict", model, load, "--output", tmp_path / "out.csv")
    written = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert float(written[5]["q50"]) == pytest.approx(rows[5]["quantiles"]["0.5"])
    assert written[0]["moment"] == "2024-01-21 20:00:00"


def test_predict_writes_what_must_be_known_ahead(load, tmp_path):
    out = tmp_path / "m"
    run("train", load, "--target", "load", "--known", "plan", "--out", out, *SMALL)
    with pytest.raises(GatewiseError, match="'plan' is missing at 2024-01-21 20:00:00, step 1 of the 6"):
        run("predict", out, load)
    run("predict", out, load, "--template", tmp_path / "next.csv")
    lines = (tmp_path / "next.csv").read_text().splitlines()
    assert lines[0] == "moment,plan" and lines[1] == "2024-01-21 20:00:00," and len(lines) == 7
    filled = load.read_text() + "".join(f"{line.split(',')[0]},,1\n" for line in lines[1:])
    (tmp_path / "longer.csv").write_text(filled)
    answers = run("predict", out, tmp_path / "longer.csv").stdout.splitlines()
    assert len(answers) == 7 and answers[1].startswith("2024-01-21 20:00:00")


def test_backtest_compares_on_the_same_origins_and_gives_a_verdict(model, load):
    found = json.loads(run("backtest", load, "--target", "load", "--json", *SMALL).stdout)
    assert list(found["models"]) == ["net", "seasonal_naive", "last_value", "ridge", "boosting", "ets"]
    assert {"mase", "wql", "coverage"} <= found["models"]["net"].keys() and found["verdict"].endswith(".")
    assert found["models"]["ridge"]["mase"] < found["models"]["last_value"]["mase"]
    said = run("backtest", load, "--model", model, "-q").stdout
    assert "ridge" in said and "6 rows ahead" in said and said.strip().endswith(found["verdict"][-10:])


def test_a_model_of_another_task_is_refused(model, tmp_path):
    with pytest.raises(GatewiseError, match="is a forecaster, not a model"):
        result = CliRunner().invoke(app, ["predict", str(model), "a text"])
        raise result.exception
    with pytest.raises(GatewiseError, match="is a model, not a forecaster"):
        run("predict", "sentiment-en", "seattle")
    with pytest.raises(GatewiseError, match="no forecaster folder"):
        run("predict", tmp_path, "seattle") if not tmp_path.exists() else run("predict", tmp_path / "none", "seattle")
