"""Series as people keep them: files with their quirks, tables in memory, whole data sets with their known counts."""

import gzip
import os
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatewise.base.errors import ConfigError, DataError
from gatewise.data.named import locate, locate_words
from gatewise.data.series import read_series
from gatewise.runtime.series import SeriesTable, Step

DAY = Step(86_400, "second")
HOUR = Step(3600, "second")
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def of(*lines: str, name: str = "a.csv", encoding: str = "utf-8", end: str = "\n") -> Path:
        file = tmp_path / name
        file.write_bytes((end.join(lines) + end).encode(encoding))
        return file

    return of


def days(*values: object, header: str = "date,y", first: int = 1) -> list[str]:
    return [header, *(f"2020-01-{first + place:02},{value}" for place, value in enumerate(values))]


def stamps(table: SeriesTable) -> list[str]:
    return [str(one) for one in table.moments.astype("datetime64[s]").astype("datetime64[m]")]


def said(table: SeriesTable, start: str) -> list[str]:
    return [note for note in table.notes if note.startswith(start)]


def test_series_wide_csv(write: Write) -> None:
    table = read_series(write("date,a,b,kind", "2020-01-01,1,5,x", "2020-01-02,2,6,y", "2020-01-03,3,7,x"), target="b")
    assert (table.names, table.starts.tolist(), table.columns, table.step) == (("",), [0, 3], ("b", "a"), DAY)
    np.testing.assert_array_equal(table.values, [[5, 1], [6, 2], [7, 3]])
    assert stamps(table) == ["2020-01-01T00:00", "2020-01-02T00:00", "2020-01-03T00:00"]
    assert said(table, "Columns: left out, as they hold text or only count rows: 'kind'") and said(
        table, "Columns: not declared, and so taken as past: 'a'"
    )


def test_series_time_over_columns(write: Write) -> None:
    parts = write("No,year,month,day,hour,pm", "1,2010,1,1,0,NA", "2,2010,1,1,1,5", "3,2010,1,1,2,6")
    table = read_series(parts)
    assert (table.columns, table.step, stamps(table)[0]) == (("pm",), HOUR, "2010-01-01T00:00")
    two = write("Date;Time;v", "16/12/2006;17:24:00;4,216", "16/12/2006;17:25:00;5,36", "16/12/2006;17:26:00;?")
    table = read_series(two)
    assert (table.step, stamps(table)[0]) == (Step(60, "second"), "2006-12-16T17:24")
    np.testing.assert_array_equal(table.column("v"), [4.216, 5.36, np.nan])
    hourly = write("Date,Hour,Load", "2020-01-30,23,5", "2020-01-30,24,6", "2020-01-31,1,7")
    assert stamps(read_series(hourly)) == ["2020-01-30T23:00", "2020-01-31T00:00", "2020-01-31T01:00"]
    dots = write("Date;Time;v", "10/03/2004;18.00.00;2,6", "10/03/2004;19.00.00;2", "13/03/2004;20.00.00;2")
    assert stamps(read_series(dots))[:2] == ["2004-03-10T18:00", "2004-03-10T19:00"]
    told = read_series(write("when,at,y", "2020-01-01,1,5", "2020-01-01,2,6"), time=("when", "at"), target="y")
    assert stamps(told) == ["2020-01-01T01:00", "2020-01-01T02:00"]


def test_series_long_csv_and_parquet_with_numbered_rows(tmp_path: Path, write: Write) -> None:
    rows = [("H1", 1, 5.0), ("H1", 2, 6.0), ("H2", 1, 7.0), ("H2", 3, 9.0)]
    csv = write("unique_id,ds,y", *(f"{one},{ds},{y}" for one, ds, y in rows))
    columns = list(zip(*rows, strict=True))
    pq.write_table(pa.table({"unique_id": columns[0], "ds": columns[1], "y": columns[2]}), tmp_path / "a.parquet")
    for place in (csv, tmp_path / "a.parquet"):
        table = read_series(place)
        assert (table.names, table.starts.tolist(), table.step) == (("H1", "H2"), [0, 2, 5], Step(1, "number"))
        assert table.moments.tolist() == [1, 2, 1, 2, 3]
        np.testing.assert_array_equal(table.column("y"), [5, 6, 7, np.nan, 9])


def test_series_parquet_with_zones(tmp_path: Path) -> None:
    start = datetime(2020, 10, 24, 22, tzinfo=UTC)
    moments = [int(start.timestamp()) + 3600 * hour for hour in range(6)]
    for unit in ("s", "ms", "us", "ns"):
        scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
        array = pa.array([moment * scale for moment in moments], pa.timestamp(unit, "Europe/Berlin"))
        pq.write_table(pa.table({"t": array, "y": np.arange(6.0)}), tmp_path / "a.parquet")
        table = read_series(tmp_path / "a.parquet")
        assert (table.moments.tolist(), table.zone, table.step) == (moments, "Europe/Berlin", HOUR)
    naive = pa.array([moment * 1000 for moment in moments], pa.timestamp("ms"))
    pq.write_table(pa.table({"t": naive, "y": np.arange(6.0)}), tmp_path / "a.parquet")
    assert read_series(tmp_path / "a.parquet", zone="Europe/Berlin").moments[0] == moments[0] - 7200
    money = pa.array([None, "5.25", "6"]).cast(pa.decimal128(8, 2))
    pq.write_table(pa.table({"t": naive[:3], "y": money}), tmp_path / "a.parquet")
    np.testing.assert_array_equal(read_series(tmp_path / "a.parquet").values[:, 0], [np.nan, 5.25, 6])
    pq.write_table(pa.table({"t": naive[:0], "y": money[:0]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a.parquet has no rows; give a file with several"):
        read_series(tmp_path / "a.parquet")
    dates = pa.array([date.date() for date in pd.date_range("2020-01-01", periods=3)], pa.date32())
    pq.write_table(pa.table({"t": dates, "y": [1, 2, 3]}), tmp_path / "a.parquet")
    assert read_series(tmp_path / "a.parquet").step == DAY


def test_series_the_id_of_a_long_file(write: Write) -> None:
    lines = ["date,station,y,size", "2020-01-01,b,1,5", "2020-01-01,a,2,6", "2020-01-02,b,3,5", "2020-01-02,a,4,6"]
    table = read_series(write(*lines), id_column="station", static=["size"], target="y")
    assert (table.names, table.column("y").tolist()) == (("b", "a"), [1, 3, 2, 4])
    assert table.static == {"size": (5.0, 6.0)} and table.columns == ("y",)
    with pytest.raises(DataError, match=r"which 'station' tells apart; say --id-column station if it names series"):
        read_series(write(*lines), target="y")
    text = read_series(write("ds,unique_id,y,kind", "2020-01-01,1,1,x", "2020-01-02,1,3,x"), static=["kind"])
    assert text.static == {"kind": ("x",)} and text.names == ("1",)
    with pytest.raises(DataError, match="'size' is declared static, and changes within a series, from '5' to '7'"):
        read_series(write(*lines, "2020-01-03,b,1,7"), id_column="station", static=["size"], target="y")


def test_series_day_first_is_proved_or_asked_for(write: Write) -> None:
    lines = ["d,y", "01/02/2020,1", "02/02/2020,2", "03/02/2020,3"]
    with pytest.raises(DataError, match="could be day or month first, and no row proves it"):
        read_series(write(*lines))
    assert stamps(read_series(write(*lines), day_first=True))[1] == "2020-02-02T00:00"
    assert read_series(write(*lines), day_first=False).step == Step(1, "month")
    proved = read_series(write("d,y", "12/02/2020,1", "13/02/2020,2"))
    assert said(proved, "Time: dates are read day first, as row 3, 13/02/2020, proves.")


def test_series_semicolons_decimal_commas_and_empty_ends(write: Write) -> None:
    lines = ["t;CO;T;;", "01.12.2020 00:00;2,6;-200;;", "01.12.2020 01:00;2;11,5;;", "13.12.2020 02:00;;12;;", ";;;;"]
    table = read_series(write(*lines, end="\r\n"), target="CO")
    np.testing.assert_array_equal(table.values[[0, 1, -1]], [[2.6, -200], [2, 11.5], [np.nan, 12]])
    assert table.columns == ("CO", "T") and said(table, "Numbers: the comma parts fractions.")
    with pytest.raises(DataError, match=r"has '1,234', and no value proves"):
        read_series(write("t;y", "2020-01-01;1,234", "2020-01-02;2,345"))
    assert read_series(write("t;y", "2020-01-01;1,234", "2020-01-02;2"), decimal=",").values.tolist() == [[1.234], [2]]
    assert read_series(write("t;y", "2020-01-01;1,234", "2020-01-02;2"), decimal=".").values.tolist() == [[1234], [2]]


def test_series_offsets_that_change_inside_a_file(write: Write) -> None:
    rows = ["2020-10-25T01:00+02:00", "2020-10-25T02:00+02:00", "2020-10-25T02:00+01:00", "2020-10-25T03:00+01:00"]
    table = read_series(write("t,y", *(f"{one},{place}" for place, one in enumerate(rows))))
    assert (table.step, table.zone, table.values[:, 0].tolist()) == (HOUR, "Europe/Berlin", [0, 1, 2, 3])
    assert not said(table, "Gaps") and not said(table, "Duplicates")


def test_series_clock_changes_with_and_without_a_zone(write: Write) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = int(datetime(2020, 10, 24, 12, tzinfo=UTC).timestamp())
    rows = [datetime.fromtimestamp(first + 3600 * hour, berlin) for hour in range(24)]
    file = write("t,y", *(f"{one:%Y-%m-%d %H:%M},{place}" for place, one in enumerate(rows)))
    table = read_series(file, zone="Europe/Berlin")
    assert table.values[:, 0].tolist() == list(range(24)) and table.moments[0] == first
    assert len(np.unique(np.diff(table.moments))) == 1 and not said(table, "Duplicates")
    bare = read_series(file)
    assert len(bare.moments) == 23 and said(bare, "Duplicates: 1 moment has several rows, 1 too many")


def test_series_gaps_duplicates_and_order_are_counted(write: Write) -> None:
    table = read_series(write("t,y", "2020-01-05,5", "2020-01-06,6", "2020-01-01,1", "2020-01-01,3", "2020-01-02,NA"))
    np.testing.assert_array_equal(table.values[:, 0], [2, np.nan, np.nan, np.nan, 5, 6])
    assert said(table, "Gaps: 2 rows missing from 2020-01-03; they stay empty, nothing is interpolated.")
    assert said(table, "Duplicates: 1 moment has several rows") and said(table, "Order: 1 row came after a later one")
    assert said(table, "Missing: 'y' has no value in 1 rows that are there")
    backward = read_series(write("t,y", "2020-01-03,3", "2020-01-02,2", "2020-01-01,1"))
    assert backward.values[:, 0].tolist() == [1, 2, 3] and said(backward, "Order: time runs backward")


def test_series_codes_flat_runs_and_zeros_are_said_and_not_changed(write: Write) -> None:
    values = [3, 4, -999, 5, *[7] * 14, *[0] * 8, 4]
    table = read_series(write(*days(*values)))
    assert table.values[:, 0].tolist() == values
    assert said(table, "Codes: 'y' is -999 in 1 row, far from all else")
    assert said(table, "Flat: 'y' equals the row before in") and "in 14 rows from 2020-01-05" in said(table, "Flat")[0]
    assert said(table, "Zeros: 'y' is 0 in 30 % of its rows")
    assert said(read_series(write(*days(*[5] * 5))), "Flat: 'y' is 5 in every row.")
    assert not said(read_series(write(*days(*range(985, 1013)))), "Codes")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_series_encodings(write: Write, encoding: str) -> None:
    table = read_series(write("Datum,Wärme (°C)", "2020-01-01,5", "2020-01-02,6", encoding=encoding))
    assert table.columns == ("Wärme (°C)",)
    assert bool(said(table, f"File: it is read as {encoding}")) == (encoding != "utf-8-sig")


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_series_chinese(write: Write, encoding: str) -> None:
    lines = [
        "某地电力负荷数据",
        "数据时间,负荷,地区",
        "2018年1月1日 0时,1,甲",
        "2018年1月1日 1时,2,甲",
        "2018年1月1日 2时,缺失,甲",
    ]
    table = read_series(write(*lines, encoding=encoding))
    assert (table.columns, table.step) == (("负荷",), HOUR)
    assert said(table, "File: what stands above the header is left out (某地电力负荷数据).")
    split = write("年份,月份,日,水位", "2018,1,31,5", "2018,2,1,6", "2018,2,2,7", encoding=encoding)
    assert stamps(read_series(split))[0] == "2018-01-31T00:00"


def test_series_title_units_and_other_layouts(write: Write) -> None:
    lines = ["Station 5, Ankara", "", "Time,Power,Speed", ",kW,m/s", "01 01 2018 00:00,5,1", "01 01 2018 00:10,x,2"]
    with pytest.raises(DataError, match=r"row 6: 'x' in 'Power' is no number \(1 such cells\); mend it"):
        read_series(write(*lines), target="Power", day_first=True)
    table = read_series(write(*lines[:5], "13 01 2018 00:10,6,2"), target="Power")
    assert said(table, "File: row 4 holds units (kW, m/s), and is left out.") and table.columns == ("Power", "Speed")
    assert said(table, "Time: dates are read day first, as row 6")
    ends = read_series(write("t,a,b", "2020-01-01,1,2,", "2020-01-02,3,4,", "2020-01-03,5,6,"), target="b")
    assert ends.columns == ("b", "a") and not said(ends, "File")
    tabs = read_series(write("t\ty", "2020-01-01\t5", "2020-01-02\t6", name="a.txt"))
    assert tabs.values[:, 0].tolist() == [5, 6]
    bare = read_series(write("2020-01-01,5", "2020-01-02,6"))
    assert (bare.columns, bare.values[:, 0].tolist()) == (("2",), [5, 6])
    saved = read_series(write(",date,y", "0,2020-01-01,5", "1,2020-01-02,6"))
    assert saved.columns == ("y",) and said(
        saved, "Columns: left out, as they hold text or only count rows: 'column 1'"
    )
    ids = read_series(write("id,date,y", "10,2020-01-01,5", "12,2020-01-02,6"), target="y")
    assert ids.columns == ("y", "id")  # these count no rows
    quoted = read_series(write('"";"A"', '"2020-01-01 00:15:00";1,5', '"2020-01-01 00:30:00";0'))
    assert quoted.step == Step(900, "second") and quoted.column("A").tolist() == [1.5, 0]
    bars = read_series(write("t|y", "2020-01-01|5", "2020-01-02|6"), separator="|")
    assert bars.values[:, 0].tolist() == [5, 6]


def test_series_months_ends_and_business_days(write: Write) -> None:
    ends = read_series(write("m,y", "2020-01-31,1", "2020-02-29,2", "2020-04-30,3"))
    assert (ends.step, len(ends.moments)) == (Step(1, "month"), 4)
    months = read_series(write('"Month","Passengers"', '"1949-01",112', '"1949-02",118'))
    assert (months.step, months.columns) == (Step(1, "month"), ("Passengers",))
    business = [str(np.busday_offset("2024-01-01", place)) for place in range(12)]
    weekdays = read_series(write("d,y", *(f"{day},{place}" for place, day in enumerate(business))))
    assert (weekdays.step, len(weekdays.moments)) == (Step(1, "weekday"), 12)


def test_series_compressed_and_json(write: Write, tmp_path: Path) -> None:
    plain = write(*days(1, 2, 3))
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.write(plain, "c.csv")
    rows = ('{"date": "2020-01-01", "y": 1}', '{"date": "2020-01-02", "y": null}', '{"date": "2020-01-03", "y": 3}')
    lines = write(*rows, name="d.jsonl")
    for place in (tmp_path / "b.csv.gz", tmp_path / "c.zip"):
        assert read_series(place).values[:, 0].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(read_series(lines).values[:, 0], [1, np.nan, 3])


def test_series_tables_in_memory_agree_with_files(write: Write) -> None:
    file = write(*days(1.5, "", 3))
    frame = pd.DataFrame({"date": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"]), "y": [1.5, np.nan, 3]})
    places = [
        frame, frame.set_index("date"), frame.set_index("date").rename_axis(None), frame.set_index("date")["y"],
        frame.set_index(frame["date"].dt.to_period("D"))[["y"]].rename_axis(None), frame.astype({"y": "Float64"}),
        frame.assign(date=["2020-01-01", "2020-01-02", "2020-01-03"]), pa.Table.from_pandas(frame),
        {"date": frame["date"].to_numpy(), "y": np.array([1.5, np.nan, 3])},
        {"date": ["2020-01-01", "2020-01-02", "2020-01-03"], "y": [1.5, None, 3]}, Frame(frame),
    ]  # fmt: skip
    expected = read_series(file)
    for place in places:
        table = read_series(place)
        assert (table.moments.tolist(), table.step, table.columns) == (expected.moments.tolist(), DAY, ("y",))
        np.testing.assert_array_equal(table.values, expected.values)
    assert read_series(expected) is expected


class Frame:
    """What of a polars data frame is used."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.columns = [*frame.columns]
        self._frame = frame

    def get_column(self, name: str) -> Any:
        raise NotImplementedError

    def to_dict(self, *, as_series: bool) -> dict[str, list[object]]:
        assert not as_series
        return {name: self._frame[name].astype(object).tolist() for name in self.columns}


def test_series_vectors_and_zones_of_pandas() -> None:
    for vector in (np.array([1.0, 2, 3]), [1, 2, 3], pd.Series([1, 2, 3]), {"value": [1, 2, 3]}):
        table = read_series(vector)
        assert (table.step, table.moments.tolist(), table.columns) == (Step(1, "number"), [0, 1, 2], ("value",))
        assert table.values[:, 0].tolist() == [1, 2, 3]
    index = pd.date_range("2020-10-24 23:00", periods=5, freq="h", tz="Europe/Berlin")
    table = read_series(pd.DataFrame({"y": range(5)}, index=index))
    assert (table.zone, table.moments.tolist()) == ("Europe/Berlin", (index.as_unit("s").astype("int64")).tolist())
    long = pd.DataFrame({"unique_id": pd.Categorical(["a", "a", "b", "b"]), "ds": [1, 2, 1, 2], "y": [1, 2, 3, 4]})
    assert read_series(long).names == read_series(long.set_index(["unique_id", "ds"])).names == ("a", "b")
    twice = pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"])
    for nothing in (twice, 5, "x" * 5, np.zeros((2, 2)), {}, {"a": [1], "b": [1, 2]}, {"t": 5}):
        with pytest.raises(DataError):
            read_series(nothing)


def test_series_roles_order_the_columns(write: Write) -> None:
    file = write("t,a,b,c,d", "2020-01-01,1,2,TRUE,4", "2020-01-02,1,2,FALSE,4")
    table = read_series(file, target="b", known=["c"], past=["a"])
    empty = read_series(write("t,a,b,c", "2020-01-01,1,,x", "2020-01-02,2,NA,x"), target="a")
    assert empty.columns == ("a",) and said(empty, "Columns: left out, as they hold no value at all: 'b'.")
    assert said(empty, "Columns: left out, as they hold text or only count rows: 'c'.")
    assert table.columns == ("b", "c", "a", "d") and table.column("c").tolist() == [1, 0]


@pytest.mark.parametrize(
    ("lines", "given", "sentence"),
    [
        (["a,b", "1,2", "3,4"], {}, r"has no column clearly of dates; name it by --time, one of 'a', 'b'"),
        (["s,e,y", "2020-01-01,2020-01-02,1", "2020-01-02,2020-01-03,2"], {},
         "has several columns of dates, 's', 'e'; choose one by --time"),
        (["t,a,b", "2020-01-01,1,2", "2020-01-02,3,4"], {},
         "has several columns of numbers, 'a', 'b'; name the one to forecast by --target"),
        (["t,a", "2020-01-01,x", "2020-01-02,y"], {}, r"has no column of numbers \('x' in 'a' is none\)"),
        (["t,a", "2020-01-01 00:00:00.1,1", "2020-01-01 00:00:00.2,2"], {}, "rows stand less than a second apart"),
        (["t,a", *(f"2020-01-{day:02},1" for day in range(1, 20)), "Source: x,"], {}, "row 21: 'Source: x' is not"),
        (["t,a,b", "2020-01-01,1,2", "2020-01-02,3,4"], {"target": "c"}, "has no column 'c'; its columns are 't', 'a'"),
        (["t,a,b", "2020-01-01,1,2", "2020-01-02,3,4"], {"target": "a", "past": ["a"]},
         "'a' is asked for as target and as past; it can be one of them"),
        (["t,a,b", "2020-01-01,1,2", "2020-01-02,3,4"], {"target": "a", "known": ["b"], "past": ["b"]},
         "'b' is asked for as known and as past"),
        (["t,a,b", "2020-01-01,,2", "2020-01-02,NA,4"], {"target": "a"}, "has no value at all in 'a'; name another"),
        (["t,a", "2020-01-01,1", "2020-01-02,inf"], {}, "row 3 has an infinite 'a'; empty the cell, or mend it"),
        (["t,a", "2020-01-01,1", "2020-01-02,Trace"], {"target": "a"}, r"row 3: 'Trace' in 'a' is no number \(1 such"),
        (["t,a", "2020-01-01,1", "2020-02-30,2"], {}, "row 3: 2020-02-30 .* is in no calendar"),
        (["t,a", "2020-01-01,1"], {}, "No series has two rows of different moments"),
        (["t,a"], {}, "has no rows below its header"),
        ([""], {}, "has no rows below its header"),
        (["t,a", "2020-01-01,1", "2020-01-02,2,3"], {}, "row 3 has 3 values where the header has 2"),
        (["title", "t,a", "2020-01-01,1", "2020-01-02,2,3"], {}, r"a.csv \(below its first 1 lines\), row 3 has 3"),
    ],
)  # fmt: skip
def test_series_what_is_refused(write: Write, lines: list[str], given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        read_series(write(*lines), **given)


def test_series_what_is_no_place_or_setting(write: Write, tmp_path: Path) -> None:
    for place, sentence in [
        (tmp_path, "is a folder; give one file of series"),
        (
            tmp_path / "none.csv",
            "is neither a file or folder here nor a named data set; the only named data set is sea",
        ),
        ("seatle", "did you mean seattle"),
        ("reviews", "reviews has texts, not values over time"),
        (write("x", name="a.xlsx"), "is a spreadsheet; save its sheet as CSV"),
    ]:
        with pytest.raises(DataError, match=sentence):
            read_series(place)
    for locator, sentence in [(locate, "seattle has values over time, not texts"), (locate_words, "not words; use it")]:
        with pytest.raises(DataError, match=sentence):
            locator("seattle")
    with pytest.raises(ConfigError, match="zone is 'Mars', which is no time zone known here"):
        read_series(write("t,y", "2020-01-01 00:00,1", "2020-01-01 01:00,2"), zone="Mars")
    with pytest.raises(ConfigError, match="no setting named 'targt'; did you mean target"):
        read_series(write(*days(1, 2)), targt="y")


def test_series_seattle_is_in_the_box() -> None:
    table = read_series("seattle", target="temp_max")
    assert (table.step, table.values.shape, table.columns[0]) == (DAY, (1461, 4), "temp_max")
    assert not np.isnan(table.values).any() and stamps(table)[0] == "2012-01-01T00:00"
    with pytest.raises(DataError, match=r"^seattle has several columns of numbers, 'precipitation', 'temp_max'"):
        read_series("seattle")


# Rows and missing rows as `shared/data/forecasting/README.md` counts them.
WHOLE = {
    "vic_electricity.csv": ({"target": "Demand"}, 52_608, 0, Step(1800, "second")),
    "AEP_hourly.csv": ({}, 121_296, 27, HOUR),
    "ETTh1.csv": ({"target": "OT"}, 17_420, 0, HOUR),
    "wind-scada-T1.csv": ({"target": "LV ActivePower (kW)"}, 52_560, 2030, Step(600, "second")),
    "chennai-levels.csv": ({"target": "REDHILLS"}, 6182, 0, DAY),
    "chennai-rainfall.csv": ({"target": "REDHILLS"}, 6182, 0, DAY),
    "Lake_Bilancino.csv": ({"target": "Lake_Level"}, 6603, 0, DAY),
    "seattle-weather.csv": ({"target": "precipitation"}, 1461, 0, DAY),
    "pollution.csv": ({"target": "pm2.5"}, 43_824, 0, HOUR),
    "airline-passengers.csv": ({}, 144, 0, Step(1, "month")),
    "monthly-sunspots.csv": ({}, 2820, 0, Step(1, "month")),
    "daily-min-temperatures.csv": ({}, 3652, 2, DAY),
    "m4-hourly.parquet": ({}, 373_372, 0, Step(1, "number")),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_series_whole_data_sets(name: str) -> None:
    given, rows, missing, step = WHOLE[name]
    table = read_series(Path(os.environ["GATEWISE_DATA"]) / "forecasting" / name, **given)
    assert (len(table.values), table.step) == (rows, step)
    gaps = said(table, "Gaps")
    assert bool(gaps) == bool(missing) and (not gaps or gaps[0].startswith(f"Gaps: {missing:,} rows missing"))
    expected = {
        "AEP_hourly.csv": "Duplicates: 4 moments have several rows",
        "wind-scada-T1.csv": "Gaps: 2,030 rows missing in 32 gaps, the longest 625 rows from 2018-01-26",
        "pollution.csv": "Missing: 'pm2.5' has no value in 2,067 rows",
        "seattle-weather.csv": "Zeros: 'precipitation' is 0 in 57 %",
        "ETTh1.csv": "Flat: 'OT' equals the row before in 7 % of rows, at the longest in 24 rows",
        "vic_electricity.csv": "Zone: stamps are UTC",
        "chennai-levels.csv": "Time: dates are read day first",
        "Lake_Bilancino.csv": "Time: dates are read day first",
    }
    assert name not in expected or said(table, expected[name])


@pytest.mark.slow
def test_series_m4_in_two_shapes_agrees() -> None:
    folder = Path(os.environ["GATEWISE_DATA"]) / "forecasting"
    long, flat = read_series(folder / "m4-hourly.parquet", target="y"), read_series(folder / "m4-hourly-12.tsf")
    assert len(long) == 414 and sorted({*np.diff(long.starts).tolist()}) == [748, 1008] and len(flat) == 12
    for place, name in enumerate(flat.names):
        rows = long.column("y")[long.rows(long.names.index(name))]
        np.testing.assert_allclose(flat.column("value")[flat.rows(place)], rows[: len(flat.values[flat.rows(place)])])
    assert flat.step == HOUR and flat.moments[0] == int(datetime(2015, 7, 1, 12, tzinfo=UTC).timestamp())
