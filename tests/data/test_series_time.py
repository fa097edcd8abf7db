"""Stamps as people write them become the moments that Python's own dates give, or one sentence."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import DataError
from gatewise.data.series_time import Stamps, has_clock, looks_like_clock, looks_like_time, stamps_of


def read(*values: object, name: str = "t", day_first: bool | None = None) -> Stamps:
    return stamps_of([name], [list(values)], range(2, 2 + len(values)), "a.csv", day_first)


def at(*stamps: str) -> list[int]:
    return [int(datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp()) for stamp in stamps]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2020-01-31", "2020-01-31"),
        ("2020-1-3 5:00", "2020-01-03 05:00"),
        ("2020/01/31 05:00:07", "2020-01-31 05:00:07"),
        ("2020-01-31T05:00:00.000", "2020-01-31 05:00"),
        ("2020-01-31T05", "2020-01-31 05:00"),
        ("2020-01-31 24:00", "2020-02-01"),
        ("31 01 2018 00:10", "2018-01-31 00:10"),
        ("31.01.2009 00:10:00", "2009-01-31 00:10"),
        ("16/12/2006 17:24:00", "2006-12-16 17:24"),
        ("16/12/06", "2006-12-16"),
        ("16/12/71", "1971-12-16"),
        ("1/31/2020 5:00 PM", "2020-01-31 17:00"),
        ("1/31/2020 12:05 am", "2020-01-31 00:05"),
        ("31/03/2004 18.00.00", "2004-03-31 18:00"),
        ("1949-02", "1949-02-01"),
        ("02-1949", "1949-02-01"),
        ("20190131", "2019-01-31"),
        ("201901310530", "2019-01-31 05:30"),
        ("20190131T053007", "2019-01-31 05:30:07"),
        ("Feb-2020", "2020-02-01"),
        ("Feb 2020", "2020-02-01"),
        ("Feb-20", "2020-02-01"),
        ("February 3, 2020", "2020-02-03"),
        ("3 Feb 2020 04:00", "2020-02-03 04:00"),
        ("2020-Feb-03", "2020-02-03"),
        ("2020Q3", "2020-07-01"),
        ("2019年3月1日 5时30分", "2019-03-01 05:30"),
        ("2019年3月", "2019-03-01"),
        ("2019-03-01 下午5:00", "2019-03-01 17:00"),
        ("2015-07-01 12-00-00", "2015-07-01 12:00"),
    ],
)
def test_time_dates_as_people_write_them(written: str, meant: str) -> None:
    told = read(written)
    assert (told.moments.tolist(), told.kind) == (at(meant), "clock")


@pytest.mark.parametrize(
    ("written", "moment", "offset"),
    [
        ("2020-01-31T05:00:00Z", "2020-01-31 05:00", 0),
        ("2020-01-31 05:00:00 UTC", "2020-01-31 05:00", 0),
        ("2020-01-31T05:00+01:00", "2020-01-31 04:00", 3600),
        ("2020-01-31T05:00:00.5-0330", "2020-01-31 08:30", -12_600),
        ("2020-01-31 05:00+01", "2020-01-31 04:00", 3600),
    ],
)
def test_time_offsets(written: str, moment: str, offset: int) -> None:
    told = read(written)
    assert (told.moments.tolist(), told.offsets.tolist(), told.kind) == (at(moment), [offset], "utc")


@given(
    st.lists(st.datetimes(datetime(1, 1, 1), datetime(9998, 12, 31)), min_size=1, max_size=8),
    st.sampled_from(["%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%Y%m%dT%H%M%S", "%d %b %Y %I:%M:%S %p"]),
)
def test_time_reads_what_python_writes(moments: list[datetime], form: str) -> None:
    whole = [one.replace(microsecond=0) for one in moments if one.year >= 1000]
    written = [one.strftime(form) for one in whole]
    if written:
        told = read(*written, day_first=True)
        assert told.moments.tolist() == [(one - datetime(1970, 1, 1)) // timedelta(seconds=1) for one in whole]


@pytest.mark.parametrize(("first", "by_day"), [("13/01/2020", True), ("01/13/2020", False)])
def test_time_one_row_proves_the_order_of_all(first: str, by_day: bool) -> None:
    told = read("02/03/2020", first)
    assert told.moments[0] == at("2020-03-02" if by_day else "2020-02-03")[0]
    assert told.notes == (f"Time: dates are read {'day' if by_day else 'month'} first, as row 3, {first}, proves.",)


def test_time_an_order_that_nothing_proves_is_asked_for() -> None:
    with pytest.raises(DataError, match=r"'02/03/2020' could be day or month first, .* say --day-first or --month-fi"):
        read("01/01/2020", "02/03/2020")
    assert read("02/03/2020", day_first=True).moments.tolist() == at("2020-03-02")
    assert read("02/03/2020", day_first=False).notes == ("Time: dates are read month first, as told.",)


def test_time_two_orders_in_one_column() -> None:
    with pytest.raises(DataError, match=r"row 3: '01/13/2020' cannot be read day first, as row 2 proves"):
        read("13/01/2020", "01/13/2020")
    with pytest.raises(DataError, match=r"row 2: '13/01/2020' cannot be read month first, as was told"):
        read("13/01/2020", day_first=False)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (["soon"], r"a.csv, column 't' holds 'soon', which is no date known here; write it as 2024-12-31"),
        (["2020-01-01", "1.2.2020"], r"row 3: '1.2.2020' is not written as the first, '2020-01-01'"),
        (["2021-02-29"], r"row 2: 2021-02-29 .* is in no calendar; mend it"),
        (["2020-13-01"], r"row 2: 2020-13-01 .* is in no calendar"),
        (["2020-01-01 12:60"], r"row 2: 12:60:00 is no time of day"),
        (["2020-01-01 00:00Z", "2020-01-01 01:00"], r"stamps with an offset and stamps without"),
        ([datetime(2020, 1, 1), datetime(2020, 1, 1, tzinfo=UTC)], r"stamps with a zone and stamps without"),
        ([datetime(2020, 1, 1), 5], r"row 3: '5' is no date, as the others are"),
    ],
)
def test_time_what_is_no_stamp(values: list[object], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        read(*values)


def test_time_missing_stamps_are_not_given() -> None:
    assert read("2020-01-01", "", "NA", None).given.tolist() == [True, False, False, False]
    assert read(datetime(2020, 1, 1), None, float("nan")).given.tolist() == [True, False, False]
    array = np.array(["2020-01-01T00:00:01.5", "NaT"], dtype="datetime64[ms]")
    told = stamps_of(["t"], [array], [1, 2], "a", None)
    assert (told.moments[0], told.given.tolist()) == (at("2020-01-01 00:00:01")[0], [True, False])


def test_time_dates_of_python() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    told = read(datetime(2020, 7, 1, tzinfo=berlin), datetime(2020, 1, 1, tzinfo=berlin))
    assert told.moments.tolist() == at("2020-06-30 22:00", "2019-12-31 23:00")
    assert (told.kind, told.zone, told.offsets.tolist()) == ("utc", "Europe/Berlin", [7200, 3600])
    assert read(date(2020, 7, 1), datetime(1960, 1, 1, 5)).moments.tolist() == at("2020-07-01", "1960-01-01 05:00")
    assert read(datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=2)))).zone == ""


@pytest.mark.parametrize(
    ("values", "name", "moments", "kind"),
    [
        ([1, 2, 3], "ds", [1, 2, 3], "number"),
        (["1", "2", None], "ds", [1, 2, 0], "number"),
        ([748.0, 1008.0], "ds", [748, 1008], "number"),
        ([1577836800, 1577840400], "t", at("2020-01-01", "2020-01-01 01:00"), "utc"),
        (["1577836800000"], "t", at("2020-01-01"), "utc"),
        ([1990, 1991], "year", at("1990-01-01", "1991-01-01"), "clock"),
        ([1990, 1991], "t", [1990, 1991], "number"),
        ([199001, 199112], "t", at("1990-01-01", "1991-12-01"), "clock"),
        ([19900131, 19900201], "t", at("1990-01-31", "1990-02-01"), "clock"),
    ],
)
def test_time_whole_numbers(values: list[object], name: str, moments: list[int], kind: str) -> None:
    told = read(*values, name=name)
    assert (told.moments.tolist(), told.kind) == (moments, kind)


def test_time_over_several_columns() -> None:
    parts = stamps_of(
        ["year", "month", "day", "hour"], [["2010", "2010"], ["1", "12"], [31, 1], [23.0, 0.0]], [1, 2], "a", None
    )
    assert parts.moments.tolist() == at("2010-01-31 23:00", "2010-12-01 00:00")
    joined = stamps_of(["Date", "Time"], [["16/12/2006"], ["17:24:00"]], [2], "a", None)
    assert joined.moments.tolist() == at("2006-12-16 17:24")
    assert stamps_of(["年", "月"], [[2010], [2]], [2], "a", None).moments.tolist() == at("2010-02-01")
    hours = stamps_of(["date", "hour"], [["2020-01-31"], [24]], [2], "a", None)
    assert hours.moments.tolist() == at("2020-02-01")
    with pytest.raises(DataError, match=r"row 1: 2010-02-30 .* is in no calendar"):
        stamps_of(["year", "month", "day"], [[2010], [2], [30]], [1], "a", None)
    with pytest.raises(DataError, match="row 1: 25:00:00 is no time of day"):
        stamps_of(["year", "hour"], [[2010], [25]], [1], "a", None)
    edges = stamps_of(["year", "minute", "second"], [[2010, 2010], [0, 59], [0, 59]], [1, 2], "a", None)
    assert edges.moments.tolist() == at("2010-01-01", "2010-01-01 00:59:59")
    for minute, second in [(60, 0), (-1, 0), (0, 60), (0, -1)]:
        with pytest.raises(DataError, match="is no time of day"):
            stamps_of(["year", "minute", "second"], [[2010], [minute], [second]], [1], "a", None)
    with pytest.raises(DataError, match="no column of years beside 'month'"):
        stamps_of(["month", "day"], [[2], [3]], [1], "a", None)


def test_time_of_stretches_is_their_beginning() -> None:
    told = read("31.01.2020 00:00 - 31.01.2020 00:15", "31.01.2020 00:15 - 31.01.2020 00:30")
    assert told.moments.tolist() == at("2020-01-31 00:00", "2020-01-31 00:15")
    assert told.notes[0] == "Time: stamps are stretches, of which the beginning is taken."


def test_time_fractions_are_dropped_and_told() -> None:
    for values in (["2020-01-01 00:00:01.5"], [datetime(2020, 1, 1, 0, 0, 1, 500_000)]):
        told = read(*values)
        assert (told.moments.tolist(), told.fractions) == (at("2020-01-01 00:00:01"), True)
    assert not read("2020-01-01 00:00:01.000").fractions and not read(datetime(2020, 1, 1)).fractions
    array = np.array(["2020-01-01T00:00:01.5"], dtype="datetime64[ms]")
    assert stamps_of(["t"], [array], [1], "a", None).fractions
    assert not stamps_of(["t"], [array.astype("datetime64[s]")], [1], "a", None).fractions


def test_time_what_comes_with_a_clock() -> None:
    assert has_clock("2020-01-01 00:00") and has_clock(datetime(2020, 1, 1, 5)) and has_clock("201901310530")
    assert not has_clock("2020-01-01") and not has_clock(datetime(2020, 1, 1)) and not has_clock("rain")


def test_time_what_looks_like_it() -> None:
    assert looks_like_time(["2020-01-01", "2020-01-02"]) and looks_like_time([date(2020, 1, 1)])
    assert looks_like_time(["2020-01-01"] * 9 + ["rain"])
    for values in (["1013.25", "1009.5"], ["5.4321"], ["12.2020"], ["Mar 15"], ["May"]):
        assert not looks_like_time(values)
    for values in ([], ["5.0"], [5], ["12"], ["rain"], ["2020-01-01"] * 8 + ["rain"]):
        assert not looks_like_time(values)
    assert looks_like_clock(["17:24:00", "18.00.00", "5:00"])
    for values in ([], ["5"], ["25-01-2004"], ["25:00"]):
        assert not looks_like_clock(values)
