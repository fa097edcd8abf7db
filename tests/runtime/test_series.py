"""The moments after a series' end, and clocks: both against Python's own dates, one moment at a time."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import ConfigError
from gatewise.runtime.series import SeriesTable, Step, Unit, calendar_of, following, on_utc, wall_clock

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns"]
moments = st.lists(st.integers(-2_000_000_000, 4_000_000_000), min_size=1, max_size=20)


def seconds(*stamps: str) -> np.ndarray:
    return np.array([datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp() for stamp in stamps], dtype=np.int64)


def table(*stamps: str, count: int = 1, unit: Unit = "second", zone: str = "") -> SeriesTable:
    rows = seconds(*stamps)
    return SeriesTable(
        ("",), np.array([0, len(rows)]), rows, ("y",), np.zeros((len(rows), 1)), Step(count, unit), zone
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "step", "expected"),
    [
        (["2020-02-28 23:00"], (3600, "second"), ["2020-02-29 00:00", "2020-02-29 01:00"]),
        (["2020-01-31"], (1, "month"), ["2020-02-29", "2020-03-31"]),
        (["2020-02-29", "2020-03-31", "2020-04-30"], (1, "month"), ["2020-05-31", "2020-06-30"]),
        (["2020-01-30", "2020-02-29"], (1, "month"), ["2020-03-30", "2020-04-30"]),
        (["2021-01-28", "2021-02-28"], (1, "month"), ["2021-03-28", "2021-04-28"]),
        (["2020-11-01 06:00"], (3, "month"), ["2021-02-01 06:00", "2021-05-01 06:00"]),
        (["2020-02-29"], (12, "month"), ["2021-02-28", "2022-02-28"]),
        (["2024-01-04"], (1, "weekday"), ["2024-01-05", "2024-01-08"]),
        (["2024-01-05 17:00"], (1, "weekday"), ["2024-01-08 17:00", "2024-01-09 17:00"]),
        (["1969-12-31"], (86_400, "second"), ["1970-01-01", "1970-01-02"]),
    ],
)
def test_series_following(given: list[str], step: tuple[int, Unit], expected: list[str]) -> None:
    assert following(table(*given, count=step[0], unit=step[1]), 0, 2).tolist() == seconds(*expected).tolist()


def test_series_following_numbers_of_the_series_asked_for() -> None:
    several = SeriesTable(
        ("a", "b"), np.array([0, 2, 3]), np.array([1, 3, 10]), ("y",), np.zeros((3, 1)), Step(2, "number")
    )
    assert following(several, 0, 3).tolist() == [5, 7, 9]
    assert following(several, 1, 1).tolist() == [12]
    assert following(several, 1, 0).tolist() == []


def test_series_following_months_by_the_wall_clock() -> None:
    """The first of a month at midnight in Berlin is the month's first, in summer as in winter."""
    ends = table("2019-12-31 23:00", "2020-01-31 23:00", "2020-02-29 23:00", unit="month", zone="Europe/Berlin")
    assert following(ends, 0, 2).tolist() == seconds("2020-03-31 22:00", "2020-04-30 22:00").tolist()


@pytest.mark.parametrize("zone", ["", "+05:30", "-03:00", *ZONES])
@given(given=moments)
def test_series_calendar_is_that_of_python(zone: str, given: list[int]) -> None:
    told = calendar_of(np.array(given), zone)
    fixed = {"": 0, "+05:30": 19_800, "-03:00": -10_800}
    for place, moment in enumerate(given):
        shown = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=moment)
        shown = shown + timedelta(seconds=fixed[zone]) if zone in fixed else shown.astimezone(ZoneInfo(zone))
        assert told.minute[place] == shown.minute and told.hour[place] == shown.hour
        assert told.weekday[place] == shown.weekday() and told.month[place] == shown.month
        assert told.day_of_year[place] == (shown.date() - date(shown.year, 1, 1)).days + 1


@pytest.mark.parametrize("zone", ZONES)
@given(given=moments)
def test_series_a_clock_leads_back(zone: str, given: list[int]) -> None:
    asked = np.array(given)
    earlier, later = on_utc(wall_clock(asked, zone), zone)
    assert (((earlier == asked) | (later == asked)) & (earlier <= later)).all()


def test_series_the_hours_of_a_clock_change() -> None:
    spring, autumn = seconds("2020-03-29 02:30"), seconds("2020-10-25 02:30")
    skipped, _ = on_utc(spring, "Europe/Berlin")
    assert skipped.tolist() == seconds("2020-03-29 01:30").tolist()
    assert wall_clock(skipped, "Europe/Berlin").tolist() == seconds("2020-03-29 03:30").tolist()
    earlier, later = on_utc(autumn, "Europe/Berlin")
    assert earlier.tolist() == seconds("2020-10-25 00:30").tolist() and (later - earlier).tolist() == [3600]


@pytest.mark.parametrize("zone", ["Berlin", "../etc", "Europe", "a\0b", "+1:00"])
def test_series_a_zone_that_is_none(zone: str) -> None:
    with pytest.raises(ConfigError, match="no time zone known here; give one such as Europe/Berlin"):
        wall_clock(np.array([0]), zone)


def test_series_a_moment_beyond_all_dates() -> None:
    assert calendar_of(np.array([10**15, -(10**15)]), "Europe/Berlin").hour.shape == (2,)
