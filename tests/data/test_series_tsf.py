"""The .tsf format: stamps stay where they are, months are the calendar's, and a bad line is named."""

from pathlib import Path

import numpy as np
import pytest

from gatewise.base.errors import DataError
from gatewise.data.series import read_series
from gatewise.runtime.series import SeriesTable, Step

HEAD = """# a comment
@relation made_up
@attribute series_name string
@attribute start_timestamp date
@frequency {frequency}
@horizon 2
@missing true
@equallength false
@data
"""


def read(
    tmp_path: Path, *rows: str, frequency: str = "hourly", head: str = HEAD, encoding: str = "utf-8", **given: object
) -> SeriesTable:
    file = tmp_path / "a.tsf"
    file.write_bytes((head.format(frequency=frequency) + "\n".join(rows) + "\n").encode(encoding))
    return read_series(file, **given)


def stamps(table: SeriesTable, series: int = 0) -> list[str]:
    return [str(one) for one in table.moments[table.rows(series)].astype("datetime64[s]")]


def test_tsf_series_of_different_lengths(tmp_path: Path) -> None:
    table = read(tmp_path, "T1:2015-07-01 12-00-00:1,2,?,4.5", "T2:2016-01-31 00-00-00:7,?")
    assert (table.names, table.starts.tolist(), table.columns) == (("T1", "T2"), [0, 4, 6], ("value",))
    np.testing.assert_array_equal(table.column("value"), [1, 2, np.nan, 4.5, 7, np.nan])
    assert stamps(table) == [f"2015-07-01T{hour}:00:00" for hour in range(12, 16)]
    assert stamps(table, 1) == ["2016-01-31T00:00:00", "2016-01-31T01:00:00"]
    assert "Missing: 'value' has no value in 2 rows that are there; they stay empty." in table.notes


@pytest.mark.parametrize(
    ("frequency", "start", "step", "second", "third"),
    [
        ("monthly", "1990-01-31", Step(1, "month"), "1990-02-28", "1990-03-31"),
        ("monthly", "1990-01-15", Step(1, "month"), "1990-02-15", "1990-03-15"),
        ("quarterly", "1990-11-01", Step(3, "month"), "1991-02-01", "1991-05-01"),
        ("yearly", "1990-06-01", Step(12, "month"), "1991-06-01", "1992-06-01"),
        ("weekly", "1990-01-01", Step(604_800, "second"), "1990-01-08", "1990-01-15"),
        ("daily", "1990-02-28", Step(86_400, "second"), "1990-03-01", "1990-03-02"),
        ("half_hourly", "1990-01-01", Step(1800, "second"), "1990-01-01T00:30", "1990-01-01T01:00"),
        ("10_minutes", "1990-01-01", Step(600, "second"), "1990-01-01T00:10", "1990-01-01T00:20"),
        ("4_seconds", "1990-01-01", Step(4, "second"), "1990-01-01T00:00:04", "1990-01-01T00:00:08"),
    ],
)
def test_tsf_frequencies(tmp_path: Path, frequency: str, start: str, step: Step, second: str, third: str) -> None:
    table = read(tmp_path, f"T1:{start} 00-00-00:1,2,3", frequency=frequency)
    assert table.step == step
    expected = np.array([start, second, third], dtype="datetime64[s]")
    assert table.moments.astype("datetime64[s]").tolist() == expected.tolist()


@pytest.mark.parametrize(("encoding", "note"), [("utf-8", False), ("utf-8-sig", False), ("cp1252", True)])
@pytest.mark.parametrize("name", ["Köln", "Ã©t"])
def test_tsf_encodings(tmp_path: Path, encoding: str, note: bool, name: str) -> None:
    if encoding == "cp1252" and name == "Ã©t":
        name = "éàü"  # letters in pairs, which elsewhere would be Chinese
    table = read(tmp_path, f"{name}:2015-07-01 12-00-00:1,2", encoding=encoding)
    assert table.names == (name,) and ("File: it is read as cp1252." in table.notes) == note


def test_tsf_without_starts_rows_are_numbered(tmp_path: Path) -> None:
    table = read(tmp_path, "T1:1,2", "T2:3", head="@attribute name string\n@data\n")
    assert table.step == Step(1, "number") and table.moments.tolist() == [1, 2, 1]
    assert "Time: no start or no frequency is told; rows are numbered from 1." in table.notes


def test_tsf_attributes_may_be_static(tmp_path: Path) -> None:
    head = "@attribute id string\n@attribute state string\n@attribute size numeric\n@data\n"
    table = read(tmp_path, "a:NSW:5:1,2", "b:VIC:?:3,4", head=head, static=["state", "size"])
    assert table.static["state"] == ("NSW", "VIC")
    np.testing.assert_array_equal(table.static["size"], [5, np.nan])
    again = read(tmp_path, "a:NSW:5:1,2", "a:VIC:?:3,4", head=head)
    assert again.names == ("1", "2") and again.static == {}


@pytest.mark.parametrize(
    ("rows", "given", "sentence"),
    [
        (["T1:1,2"], {}, r"line 10 has 1 attributes where the header has 2; mend it"),
        (["T1:2015-07-01 12-00-00:1,x"], {}, r"line 10 has a value that is no finite number; write \? for what"),
        (["T1:2015-07-01 12-00-00:1,inf"], {}, "line 10 has a value that is no finite number"),
        (["T1:soon:1,2"], {}, r"'soon', which is no date known here"),
        (["T1:?:1,2", "T2:2015-07-01 12-00-00:1"], {}, "line 10 has no start; give it one"),
        (["T1:2015-07-01 12-00-00:?,?"], {}, "has no value at all"),
        ([], {}, "has no series below @data"),
        (["T1:2015-07-01 12-00-00:1"], {"frequency": "often"}, "has the frequency 'often', which is none known here"),
        (["T1:2015-07-01 12-00-00:1"], {"target": "load"}, "has no column 'load'; the one of a .tsf file is called"),
        (["T1:2015-07-01 12-00-00:1"], {"static": ["size"]}, "has no attribute 'size'; it has 'series_name', 'start"),
        (["T1:2015-07-01 12-00-00:1"], {"zone": "Europe/Berlin"}, "takes no zone, as a .tsf file has but series"),
        (["T1:2015-07-01 12-00-00:1"], {"head": "1,2,3\n"}, "line 1 is no line of a header, and @data has not come"),
    ],
)
def test_tsf_what_is_refused(tmp_path: Path, rows: list[str], given: dict[str, object], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        read(tmp_path, *rows, **given)
